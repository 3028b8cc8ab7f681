package script

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

func TestForAwait(t *testing.T) {
	f := newFake(t)
	f.answer = func(string, bson.D) (any, error) {
		return bson.A{d("n", int32(1)), d("n", int32(2)), d("n", int32(3))}, nil
	}
	const prelude = `const all = [], log = [];
		const counter = (n, log) => ({[Symbol.asyncIterator]: () => { let i = 0; return {next: async () => ({done: i >= n, value: i++}), return: async () => { log.push('closed'); return {} }} }});
		const cursor = () => context.services.get('mongodb-atlas').db('d').collection('c').find();
		const later = v => new Promise(r => setTimeout(() => r(v), 1));
		`
	for body, want := range map[string]any{
		"for await (const x of [1, later(2), Promise.resolve(3)]) all.push(x)":                                                                          bson.A{int64(1), int64(2), int64(3)},
		"for await (let x of new Set(['a', 'b'])) { x += '!'; all.push(x) }":                                                                            bson.A{"a!", "b!"},
		"for await (const {n} of cursor()) { all.push(n) }":                                                                                             bson.A{int64(1), int64(2), int64(3)},
		"for await (var v of counter(2, log)) all.push(v);\n all.push(v)":                                                                               bson.A{int64(0), int64(1), int64(1)},
		"let o = {}; for await (o.x of counter(2, log)) all.push(o.x)":                                                                                  bson.A{int64(0), int64(1)},
		"let a, b; for await ([a, b] of [[1, 2]]) all.push(a, b)":                                                                                       bson.A{int64(1), int64(2)},
		"for await (const x of counter(9, log)) { if (x == 1) continue; if (x > 2) break; all.push(x) }\n all.push(...log)":                             bson.A{int64(0), int64(2), "closed"},
		"outer: for (const k of [1, 2]) for await (const x of counter(3, log)) { if (x) continue outer; all.push(k) }":                                  bson.A{int64(1), int64(2)},
		"out: for await (const x of [1, 2]) { for await (const y of [x, x]) { if (x == 2) break out; all.push(y) } }":                                   bson.A{int64(1), int64(1)},
		"try { for await (const x of [1, Promise.reject('no')]) all.push(x) } catch (e) { all.push(e) }":                                                bson.A{int64(1), "no"},
		"try { for await (const x of counter(3, log)) throw 'mine' } catch (e) { all.push(e, ...log) }":                                                 bson.A{"mine", "closed"},
		"try { for await (const x of 5) ; } catch (e) { all.push(e.message) }":                                                                          bson.A{"for await needs something that can be iterated"},
		"const fs = []; for await (const x of [1, 2]) fs.push(() => x);\n all.push(...fs.map(f => f()))":                                                bson.A{int64(1), int64(2)},
		"/* for await (x) */ const s = 'for await (const x of y)', r = /for await/; all.push(s.length); for await (const x of [s]) all.push(r.test(x))": bson.A{int64(24), true},
		"await (async () => { for await (const x of [7]) all.push(x) })()":                                                                              bson.A{int64(7)},
	} {
		out := f.run("exports = async function() {\n" + prelude + body + "\nreturn all }")
		require.NoError(t, out.Err, body)
		require.Equal(t, want, out.Value, body)
	}
	for source, text := range map[string]string{
		"exports = function() {\n for await (const x of []) ; }":                       "line 2",
		"exports = async function() {\n for await (const x in {}) ; }":                 "for await",
		"exports = async function() {\n const f = () => {\n for await (x of []) ; } }": "line 3",
		"exports = async function*() { yield 1 }":                                      "return an array",
		"import x from 'y'": "use require",
		"exports = async () => {" + strings.Repeat("for await (x of []) ;", 51) + "}": "await",
	} {
		_, err := Compile("f", source)
		require.ErrorContains(t, err, text, source)
	}
	// Lines stay what they are.
	require.Contains(t, f.run("exports = async () => {\n for await (const x\n of [1]) {\n\n null.x } }").Err.(*ThrownError).Stack, "f:5:") //nolint:errorlint,forcetypeassert // it is one
}
