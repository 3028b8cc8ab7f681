package script

import (
	"context"
	"errors"
	"testing"
	"time"

	"realmsync/server/auth"
)

// Whatever a source is, it is compiled or refused with its place, and what runs of it ends.
func FuzzSource(f *testing.F) {
	for _, s := range []string{
		"exports = async function(...a) { x = await a[0]; return {x, y: [1, , 2]} }", "exports = ({a, b: [c]}) => `${a}${c}`", "class A { #p = 1; static s() {} get x() { return this.#p } } exports = () => new A().x",
		"exports = () => BSON.ObjectId('5e5e6f0abe4ae2a2c2c2d329')", "label: for (const x of [1]) { continue label } exports = () => 1n ** 2n", "exports = () => /(?<=a)b/u.exec('ab')", "throw {toString: null}", "'use strict'; with (a) {}", "exports = function*() { yield 1 }",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 1000 {
			return
		}
		p, err := Compile("f", source)
		if err != nil {
			var e *SyntaxError
			if !errors.As(err, &e) || e.Text == "" {
				t.Fatal(err)
			}
			return
		}
		out := Run(context.Background(), newFake(t), Call{
			Function: &Function{Name: "f", Program: p}, Caller: &auth.Caller{}, Limits: Limits{Wall: 200 * time.Millisecond, Memory: 128 << 20},
		})
		var threw *ThrownError
		var limit *LimitError
		if out.Err != nil && !errors.As(out.Err, &threw) && !errors.As(out.Err, &limit) {
			t.Fatal(out.Err)
		}
	})
}
