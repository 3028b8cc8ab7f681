package script

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// What Node's documentation says of these modules.
func TestNodeModules(t *testing.T) {
	f := newFake(t)
	for expression, want := range map[string]any{
		"require('querystring').stringify({a: 'x y', b: [1, true], c: null, d: 'ü&='})":           "a=x%20y&b=1&b=true&c=&d=%C3%BC%26%3D",
		"JSON.stringify(require('node:querystring').parse('a=1&b=x+y&a=2&c&d=%zz&=e'))":           `{"a":["1","2"],"b":"x y","c":"","d":"%zz","":"e"}`,
		"require('querystring').parse('__proto__=x').__proto__":                                   "x",
		"require('util').format('%s is %d%% of %j', 'a', '42', {b: 1}, 'more')":                   `a is 42% of {"b":1} more`,
		"require('util').format(1, 'x')":                                                          "1 x",
		"require('util').inspect({a: BSON.ObjectId('5e5e6f0abe4ae2a2c2c2d329')})":                 `{"a":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}}`,
		"await require('util').promisify((x, done) => setTimeout(() => done(null, x + 1), 1))(1)": int64(2),
		"require('util').promisify((x, done) => done('no'))(1).catch(e => 'caught ' + e)":         "caught no",
		"[['a', '../b'], ['/a/', './c/'], [], ['..', 'x']].map(p => require('path').join(...p))":  bson.A{"b", "/a/c/", ".", "../x"},
		"['/a/b.txt', 'b', '/', '.x', 'a/b/'].map(p => require('path').basename(p, '.txt'))":      bson.A{"b", "b", "", ".x", "b"},
		"['/a/b.txt', 'b', '.x', 'a.b/c.'].map(require('path').extname)":                          bson.A{".txt", "", "", "."},
		"['/a/b', 'b', '/a', '/', 'a/b/'].map(require('path').dirname)":                           bson.A{"/a", ".", "/", "/", "a"},
		"require('util') === require('util')":                                                     true,
	} {
		require.Equal(t, want, f.value(expression), expression)
	}
	f.add("util", "exports = () => 'mine'")
	require.Equal(t, "mine", f.value("require('./util')()"))
	require.Contains(t, f.throws("require('util').promisify(1)"), "needs a function")
	require.Contains(t, f.throws("require('path').join(1)"), "a string is needed")
}
