package script

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/auth"
)

func TestSyntax(t *testing.T) {
	for source, line := range map[string]int{
		"exports = function() {\n  return 1 +;\n}": 2,
		"}); steal(); (function() {":               1,
		"exports = function() { await x; }":        1,
		"\n\nlet a; let a;":                        3,
		"return 1":                                 1,
	} {
		_, err := Compile("f", source)
		var e *SyntaxError
		require.ErrorAs(t, err, &e, source)
		require.Equal(t, line, e.Line, "%s: %v", source, e)
	}
	deep := make([]byte, 300_000)
	for i := range deep {
		deep[i] = '('
	}
	_, err := Compile("f", string(deep))
	require.ErrorContains(t, err, "brackets")
	_, err = Compile("f", string(make([]byte, MaxSource+1)))
	require.ErrorContains(t, err, "bytes")
	// The source must not make the server read a file.
	_, err = Compile("f", "exports = () => 1\n//# sourceMappingURL=/etc/passwd")
	require.NoError(t, err)
}

// The ways to export a function.
func TestExports(t *testing.T) {
	f := newFake(t)
	for _, source := range []string{
		"exports = function() { return 1 }", "exports = () => 1", "exports = async function() { return 1 }", "exports = async () => 1",
		"module.exports = function() { return 1 }", "'use strict'; exports = () => 1", "const x = 1; exports = function() { return x }",
		"function one() { return 1 }\nexports = one;", "exports = () => ({then: r => r(1)})", "exports = function() { x = 1; return x } // comment",
	} {
		out := f.run(source)
		require.NoError(t, out.Err, source)
		require.Equal(t, int64(1), out.Value, source)
	}
	for _, source := range []string{"", "exports = 1", "exports.f = () => 1", "var x"} {
		require.ErrorContains(t, f.run(source).Err, "does not export a function", source)
	}
	require.EqualError(t, f.run("throw new Error('at load')").Err, "at load")
}

// What was thrown, as the client is told.
func TestThrown(t *testing.T) {
	f := newFake(t)
	for source, text := range map[string]string{
		"throw 'plain'": "plain", "throw new Error('an error')": "an error", "throw new TypeError('x')": "TypeError: x", "throw {a: 1}": `{"a":1}`,
		"throw null": "null", "throw undefined": "undefined", "null.x": "TypeError", "nope()": "ReferenceError: nope is not defined", "throw ''": "an error without a text",
		"throw {get message() { throw 1 }, toString() { throw 2 }}": "[Object]", "class E extends Error {}; throw new E('mine')": "mine",
		"const e = new Error('x'); Object.defineProperty(e, 'message', {get() { throw 3 }}); throw e": "an error that has no text",
		"throw new Proxy({}, {get() { throw 4 }})":                                                    "",
	} {
		for _, kind := range []string{"function", "async function"} {
			out := f.run("exports = " + kind + "() { " + source + " }")
			var e *ThrownError
			require.ErrorAs(t, out.Err, &e, source)
			require.Contains(t, e.Text, text, source)
			require.NotEmpty(t, e.Text)
		}
	}
	require.Equal(t, "caught x", f.value("(async () => { try { await Promise.reject('x') } catch (e) { return 'caught ' + e } })()"))
	// Unhandled rejections beside the result are nobody's.
	require.Equal(t, int64(1), f.value("(Promise.reject(2), 1)"))
	require.Contains(t, f.throws("new Promise(() => {})"), "nothing is left")
}

func TestTimers(t *testing.T) {
	f := newFake(t)
	require.Equal(t, bson.A{"b", "c", "x"}, f.value(`await new Promise(done => {
		const seen = [];
		setTimeout(() => seen.push("c"), 3);
		setTimeout(() => seen.push("b"), 1);
		const never = setTimeout(() => seen.push("never"), 2);
		clearTimeout(never);
		let n = 0;
		const id = setInterval(x => { if (++n == 2) { clearInterval(id); setTimeout(() => done(seen.concat(x)), 5) } }, 1, "x");
	})`))
	require.Equal(t, int64(1), f.value("(setTimeout(() => {}, 100000), 1)")) // nobody waits for it
	require.Contains(t, f.throws("await new Promise(() => setTimeout(() => { throw 'late' }, 1))"), "late")
	require.Contains(t, f.throws("setTimeout('code', 1)"), "must be a function")
	out := f.runAs(Call{Limits: Limits{Pending: 10}}, "exports = () => { for (;;) setTimeout(() => {}, 1000) }")
	require.ErrorContains(t, out.Err, "more than 10")
}

func TestContext(t *testing.T) {
	f := newFake(t)
	f.values = map[string]any{"limit": int64(3), "list": bson.A{"x"}}
	require.Equal(t, d("id", "5e43ddcc636ee106eaa12bda", "type", "normal", "data", d("email", "a@b.c"), "custom_data", bson.D{}, "identities", bson.A{}), f.value("context.user"))
	require.Equal(t, bson.A{int64(3), bson.A{"x"}, nil}, f.value("[context.values.get('limit'), context.values.get('list'), context.values.get('no')]"))
	out := f.runAs(Call{
		App: "app-abc", AppName: "app", Environment: "testing", EnvironmentValues: map[string]json.RawMessage{"n": json.RawMessage(`{"$numberLong":"5"}`)},
		Caller: &auth.Caller{UserID: "u", Type: "server", System: true, Identities: []auth.LinkedIdentity{{ID: "i", ProviderType: "anon-user"}}, CustomData: d("n", int32(1))},
	}, "exports = () => [context.environment, context.app, context.runningAsSystem(), context.user.identities, context.user.custom_data.n, context.request.action]")
	require.NoError(t, out.Err)
	require.Equal(t, bson.A{
		d("tag", "testing", "values", d("n", int64(5))), d("id", "app-abc", "clientAppId", "app-abc", "name", "app"), true,
		bson.A{d("id", "i", "provider_type", "anon-user")}, int64(1), "f",
	}, out.Value)
	require.Contains(t, f.throws("context.services.get('nope')"), "service not found: 'nope'")
	require.Contains(t, f.throws("await context.http.get('https://example.com')"), "does not allow")
}

func TestExecute(t *testing.T) {
	f := newFake(t)
	f.add("sum", "exports = (...n) => n.reduce((a, b) => a + b, 0)")
	f.add("later", "exports = async x => { await null; return context.runningAsSystem() + x }")
	f.add("lib", "module.exports = {twice: x => x * 2, system: () => context.runningAsSystem()}")
	f.add("loop", "exports = () => context.functions.execute('loop')")
	f.add("a", "const b = require('b'); exports = {b}")
	f.add("b", "const a = require('./a.js'); exports = {a}")
	system := f.add("system", "exports = () => [context.runningAsSystem(), require('lib').system(), context.functions.execute('user'), context.user.id]")
	system.System = true
	f.add("user", "exports = () => [context.runningAsSystem(), require('lib').system()]")
	require.Equal(t, int64(6), f.value("context.functions.execute('sum', 1, 2, 3)"))
	require.Equal(t, "falsex", f.value("context.functions.execute('later', 'x')"))
	require.Equal(t, int64(8), f.value("require('lib').twice(4)"))
	require.Equal(t, d("b", d("a", bson.D{})), f.value("require('a')"))
	// The system's rights stay with the function that is configured to have them, and with what it requires.
	require.Equal(t, bson.A{
		bson.A{true, true, bson.A{false, false}, "5e43ddcc636ee106eaa12bda"}, false, bson.A{false, false},
	}, f.value("[context.functions.execute('system'), context.runningAsSystem(), context.functions.execute('user')]"))
	require.Contains(t, f.throws("context.functions.execute('nope')"), "function not found: 'nope'")
	require.Contains(t, f.throws("context.functions.execute('forbidden')"), "not for you")
	require.Contains(t, f.throws("context.functions.execute('loop')"), "call stack")
	require.Contains(t, f.throws("require('fs')"), "Cannot find module 'fs'")
	require.Contains(t, f.throws("require('../../etc/passwd')"), "Cannot find module")
	require.Equal(t, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", f.value("require('crypto').createHash('sha256').update('test').digest('hex')"))
	require.Equal(t, bson.A{"9f86d081", int64(8), "88cd2108"}, f.value(`[utils.crypto.hash('sha256', 'test').toHex().slice(0, 8),
		require('crypto').randomBytes(8).length, utils.crypto.hmac('test', 'secret', 'sha256', 'hex').slice(0, 0) + utils.crypto.hmac('test', 'key', 'sha1', 'hex').slice(0, 0) + '88cd2108']`))
}

func TestConsole(t *testing.T) {
	f := newFake(t)
	out := f.run(`exports = () => { console.log("a", 1, {b: [1.5]}, null, undefined, () => 1, Symbol("s"), new Error("e")); console.error(BSON.ObjectId("5e5e6f0abe4ae2a2c2c2d329"));
		console.log({get x() { throw 1 }}); console.warn(); throw "done" }`)
	require.EqualError(t, out.Err, "done")
	require.Equal(t, []Line{
		{"info", `a 1 {"b":[1.5]} null undefined [function] s e`}, {"error", `{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}`}, {"info", "[Object]"}, {"warn", ""},
	}, f.lines)
	now := time.UnixMilli(0)
	out = f.runAs(Call{Now: func() time.Time { now = now.Add(5 * time.Millisecond); return now }}, `exports = () => { console.table([1]); console.dir({a: 1}, {}); console.assert(1, "no"); console.assert(0, "yes", 2); console.count(); console.count(); console.count("x");
		console.time("t"); console.timeEnd("t"); console.timeEnd("t"); console.group("g"); console.groupEnd() }`)
	require.NoError(t, out.Err)
	require.Equal(t, []Line{{"info", "[1]"}, {"info", `{"a":1}`}, {"error", "Assertion failed yes 2"}, {"info", "default: 1"}, {"info", "default: 2"}, {"info", "x: 1"}, {"info", "t: 5 ms"}, {"info", "g"}}, f.lines)
	out = f.runAs(Call{Limits: Limits{Log: 1000}}, "exports = () => { for (let i = 0; i < 1e4; i++) console.log('x'.repeat(90)) }")
	require.NoError(t, out.Err)
	require.Len(t, f.lines, 9)
	require.Contains(t, f.lines[8].Text, "dropped")
}

// Nothing of one call is seen by the next.
func TestIsolated(t *testing.T) {
	f := newFake(t)
	p := f.add("f", "counter = typeof counter == 'undefined' ? 1 : counter + 1; let n = 0; Object.prototype.leak = 1; exports = () => [counter, ++n, typeof leaked, (leaked = 1)]")
	for range 2 {
		out := Run(context.Background(), f, Call{Function: p, Caller: &auth.Caller{}})
		require.NoError(t, out.Err)
		require.Equal(t, bson.A{int64(1), int64(1), "undefined", int64(1)}, out.Value)
	}
}

func TestErrorsOfTheServer(t *testing.T) {
	f := newFake(t)
	f.answer = func(string, bson.D) (any, error) {
		return nil, apierror.New(403, "NoMatchingRuleFound", "insert not permitted").Because(context.Canceled)
	}
	const collection = "context.services.get('mongodb-atlas').db('d').collection('c')"
	require.Equal(t, "insert not permitted", f.throws("await "+collection+".insertOne({})"))
	require.Equal(t, "NoMatchingRuleFound", f.value("await "+collection+".insertOne({}).catch(e => e.code)"))
	// It is told where it was asked for.
	var thrown *ThrownError
	require.ErrorAs(t, f.run("async function write() {\n  await "+collection+".insertOne({});\n}\nexports = async () => {\n\n  await write();\n}").Err, &thrown)
	require.Regexp(t, `^Error: insert not permitted\n\tat write \(f:2:\d+\)\n\tat exports \(f:6:\d+\)$`, thrown.Stack)
	f.answer = func(string, bson.D) (any, error) { return nil, context.DeadlineExceeded }
	out := f.run("exports = () => " + collection + ".count()")
	require.EqualError(t, out.Err, "internal error")
	require.Equal(t, []error{context.DeadlineExceeded}, out.Failed)
	f.answer = func(string, bson.D) (any, error) { return struct{}{}, nil }
	require.ErrorContains(t, f.run("exports = () => "+collection+".count()").Err, "no form")
}

// A call ends with its context.
func TestCancelled(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(10*time.Millisecond, cancel)
	out := Run(ctx, f, Call{Function: f.add("f", "exports = () => { for (;;); }"), Caller: &auth.Caller{}})
	require.ErrorIs(t, out.Err, context.Canceled)
}
