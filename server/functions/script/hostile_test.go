package script

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"golang.org/x/sync/errgroup"

	"realmsync/server/auth"
)

// What never ends is ended, and says why.
func TestEndless(t *testing.T) {
	f := newFake(t)
	short := Limits{Wall: 100 * time.Millisecond}
	for _, source := range []string{
		"exports = () => { for (;;); }",
		"exports = async () => { for (;;) await null }",
		"exports = () => { try { for (;;); } catch (e) { for (;;); } finally { for (;;); } }",
		"exports = () => (function f() { Promise.resolve().then(f) })()",
		"exports = async () => { await new Promise(r => setTimeout(r, 100000)) }",
		"exports = async () => { for (;;) await new Promise(r => setTimeout(r, 0)) }",
		"exports = () => [3, 2, 1].sort(() => { for (;;); })",
		"exports = () => ({get x() { for (;;); }})",
		"exports = () => { throw {toString() { for (;;); }, get name() { for (;;); }} }",
		"exports = () => { class E extends Error { get message() { for (;;); } }; throw new E() }",
		"exports = () => ({then() { for (;;); }})",
		"exports = () => { console.log({get x() { for (;;); }}) }",
		"exports = () => new Proxy({}, {ownKeys() { for (;;); }})",
		"exports = () => JSON.stringify({toJSON() { for (;;); }})",
		"for (;;);",
		"exports = () => /(?=a)(a+)+$/.test('a'.repeat(40) + 'b')",
		"exports = () => context.services.get('mongodb-atlas').db('hang').collection('hang').count()",
		"exports = async () => { const p = new Promise(() => {}); setInterval(() => {}, 1); await p }",
	} {
		out := f.runAs(Call{Limits: short}, source)
		var e *LimitError
		require.ErrorAs(t, out.Err, &e, source)
		require.Contains(t, e.What, "time limit", source)
		require.Nil(t, out.Value)
	}
	// Time in which nothing runs is not processor time.
	out := f.runAs(Call{Limits: Limits{CPU: 400 * time.Millisecond}}, "exports = () => new Promise(r => setTimeout(() => r(1), 500))")
	require.NoError(t, out.Err)
	out = f.runAs(Call{Limits: Limits{CPU: 20 * time.Millisecond}}, "exports = async () => { for (;;) await new Promise(r => setTimeout(() => { for (let i = 0; i < 1e4; i++); r() }, 0)) }")
	require.ErrorContains(t, out.Err, "processor time")
}

// What has no bottom has one.
func TestRecursion(t *testing.T) {
	f := newFake(t)
	for _, source := range []string{
		"const f = () => f(); return f()", "const f = () => [1].map(f); return f()", "const o = {get x() { return this.x }}; return o.x", "const o = {toString() { return '' + this }}; return '' + o",
		"const p = new Proxy({}, {get(t, k, r) { return r[k] }}); return p.x", "const f = () => new f(); function g() { return new g() }; return g()", "const f = () => context.functions.execute('f'); return f()",
		"const f = () => JSON.stringify({toJSON: f}); return f()", "async function f() { return await f() }; return f()", "try { (function f() { f() })() } catch (e) { return 1 }",
	} {
		out := f.run("exports = function() { " + source + " }")
		require.ErrorContains(t, out.Err, "call stack", source)
	}
	require.Contains(t, f.throws("JSON.parse('['.repeat(100000))"), "nested too deeply")
	require.Contains(t, f.throws("JSON.parse(`{\"a\":`.repeat(100000))"), "nested too deeply")
	for _, source := range []string{"JSON.stringify(a)", "String(a)", "a.flat(Infinity)", "a.join()", "JSON.stringify({x: 1, a, y: 2})"} {
		require.Contains(t, f.throws("(() => { let a = []; for (let i = 0; i < 2000; i++) a = [a]; return "+source+" })()"), "nested too deeply", source)
	}
	require.Contains(t, f.throws("(() => { let a = null; for (let i = 0; i < 2000; i++) a = {next: a, i}; return JSON.stringify(a) })()"), "nested too deeply")
	require.Equal(t, bson.A{"1,2,3", "[[1],{\"a\":{}}]", bson.A{int64(1), int64(2)}}, f.value("[[1, [2, [3]]].join(), JSON.stringify([[1], {a: {}}]), [1, [2]].flat()]"))
	require.Contains(t, f.throws("(() => { const a = {}; a.a = a; return JSON.stringify(a) })()"), "nested too deeply")
	require.Equal(t, d("s", "[[[["), f.value(`JSON.parse('{"s":"[[[["}')`))
}

// What is too large is refused before it is made.
func TestLarge(t *testing.T) {
	f := newFake(t)
	for source, text := range map[string]string{
		"'x'.repeat(2**33)": "too long", "'x'.padEnd(2**30)": "too long", "'x'.padStart(2**29, 'ab')": "too long", "'x'.repeat(-1)": "RangeError", "new ArrayBuffer(2**40)": "too large", "new Uint8Array(2**40)": "too large", "new Float64Array(2**26)": "too large",
		"new Uint8Array({length: 2**40})": "too long", "new (new Uint8Array(1).constructor)(2**40)": "too large", "new Array(4294967295).fill(0)": "too long", "new Array(3e8).join('x')": "too long", "Array.prototype.indexOf.call({length: 2**53 - 1}, 1)": "too long",
		"Array.from({length: 1e9})": "too long", "[].concat({length: 2**53 - 1, [Symbol.isConcatSpreadable]: true})": "too long",
		"'x'.repeat(1e5).replace(/x/g, 'y'.repeat(1e5))": "too long", "'x'.repeat(1e5).replaceAll('x', 'y'.repeat(1e5))": "too long", "Array(1e5).join('y'.repeat(1e5))": "too long", "Math.max.apply(null, {length: 1e9})": "too long", "Reflect.apply(Math.max, null, {length: 1e9})": "too long",
	} {
		require.Contains(t, f.throws(source), text, source)
	}
	// Ordinary use is not in the way of it.
	require.Equal(t, bson.A{"xx", " x", bson.A{int64(0), int64(0)}, int64(2), int64(3), bson.A{int64(1), int64(2)}, "[object Uint8Array]"},
		f.value("['x'.repeat(2), 'x'.padStart(2), Array(2).fill(0), new Uint8Array([1, 2]).length, Math.max.apply(null, [1, 3]), Array.from(new Set([1, 2])), Object.prototype.toString.call(new Uint8Array(1))]"))
	require.Equal(t, bson.A{"yax", "bb", "b", "x-y", bson.A{int64(1), int64(2)}, "aYb"}, f.value("['xax'.replace('x', 'y'), 'aa'.replaceAll('a', 'b'), 'a'.replace(/a/g, () => 'b'), ['x', 'y'].join('-'), [1].concat([2]), 'axb'.replace(/(?<=a)x/g, 'Y')]"))
	require.Equal(t, bson.A{true, int64(3), int64(2), true}, f.value("[new Uint8Array(1) instanceof Uint8Array, Uint8Array.from([1, 2, 3]).length, new Uint8Array([1, 2, 3]).subarray(1).length, (() => 1) instanceof Function]"))
}

func TestMemory(t *testing.T) {
	f := newFake(t)
	for _, source := range []string{
		"exports = () => { const a = []; for (;;) a.push({a: [1, 2, 3]}) }",
		"exports = () => { let s = 'x'; for (;;) s += s }",
		"exports = async () => { const all = []; for (;;) { all.push(new Uint8Array(1 << 20)); await null } }",
		"exports = () => { const m = new Map(); for (let i = 0; ; i++) m.set(i, 'x' + i) }",
	} {
		out := f.runAs(Call{Limits: Limits{Memory: 64 << 20}}, source)
		require.EqualError(t, out.Err, "memory limit exceeded", source)
	}
}

// Code is not made from text: the parser could be made to recurse without end.
func TestNoEval(t *testing.T) {
	f := newFake(t)
	for _, source := range []string{
		"eval('1')", "new Function('return 1')()", "Function('return 1')()", "(() => {}).constructor('return 1')()", "(async () => {}).constructor('return 1')()", "(function*() {}).constructor('return 1')()",
		"Reflect.construct((() => {}).constructor, ['return 1'])", "[].map.constructor('return 1')()", "context.services.get.constructor('return 1')()", "(0, eval)('1')",
	} {
		require.Contains(t, f.throws(source), "code cannot be made", source)
	}
}

// Whatever a function does to its globals and to objects that it is given, it reaches nothing else, and breaks nothing but itself.
func TestTricks(t *testing.T) {
	f := newFake(t)
	f.answer = func(string, bson.D) (any, error) { return bson.A{d("_id", oid(t))}, nil }
	for _, source := range []string{
		"Object.prototype.toString = null; Object.prototype.get = () => { throw 1 }; return 1",
		"Array.prototype.push = Array.prototype[Symbol.iterator] = null; Date = Error = Promise = JSON = BSON = null; return 1",
		"Object.defineProperty(Object.prototype, 'length', {get() { throw 'x' }}); return [1].length",
		"Object.freeze(Object.prototype); Object.freeze(globalThis); return 1",
		"const s = Object.getOwnPropertySymbols(BSON.ObjectId())[0]; const b = BSON.ObjectId()[s]; return Object.getOwnPropertyNames(b).length + 1",
		"const s = Object.getOwnPropertySymbols(BSON.ObjectId())[0]; const b = BSON.ObjectId()[s]; b.value = 1; return typeof b.value === 'undefined' ? 1 : 0",
		"return typeof process === 'undefined' && typeof require('crypto').fs === 'undefined' && typeof globalThis.context === 'undefined' ? 1 : 0",
		"context = null; return 1",
	} {
		out := f.run("exports = async function() { " + source + " }")
		require.NoError(t, out.Err, source)
		require.Equal(t, int64(1), out.Value, source)
	}
	require.Equal(t, d("_id", oid(t)), f.value(`await (async () => { Object.prototype[0] = 1; Array = Object = null; return (await context.services.get('mongodb-atlas').db('d').collection('c').find().toArray())[0] })()`))
}

// Calls run beside each other, each for itself.
func TestConcurrent(t *testing.T) {
	f := newFake(t)
	f.answer = func(_ string, arg bson.D) (any, error) { return arg[2].Value, nil }
	p := f.add("f", "exports = async n => { id = n; await new Promise(r => setTimeout(r, 1)); const d = await context.services.get('mongodb-atlas').db('d').collection('c').insertOne({id}); return [id, d.id, context.user.id] }")
	var group errgroup.Group
	group.SetLimit(8)
	for i := range 100 {
		group.Go(func() error {
			out := Run(t.Context(), f, Call{Function: p, Args: bson.A{i}, Caller: &auth.Caller{UserID: fmt.Sprint(i)}})
			if out.Err != nil {
				return out.Err
			}
			if got, want := fmt.Sprint(out.Value), fmt.Sprint(bson.A{i, i, i}); got != want {
				return fmt.Errorf("%s instead of %s", got, want)
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
}

func BenchmarkCall(b *testing.B) {
	f := newFake(b)
	p := f.add("f", "exports = (...n) => n.reduce((a, b) => a + b, 0)")
	for b.Loop() {
		if out := f.runProgram(p, int64(1), int64(2)); out.Err != nil {
			b.Fatal(out.Err)
		}
	}
}
