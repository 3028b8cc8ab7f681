package arrows

import (
	"go/token"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArrows(t *testing.T) {
	all := packages(t)
	require.NotEmpty(t, all)
	for _, p := range all {
		for _, v := range violations(p) {
			t.Error(v)
		}
		if r, _ := roomOf(p.ImportPath); !r.pure {
			continue
		}
		for _, name := range sources(p) {
			fset := token.NewFileSet()
			for _, v := range impurities(fset, parse(t, fset, name, nil)) {
				t.Error(v)
			}
		}
	}
}

// The rules themselves: what they let pass, and what they hold.
func TestRules(t *testing.T) {
	const m = module
	for _, c := range []struct {
		name    string
		p       listed
		violate string
	}{
		{"an arrow of the design", listed{ImportPath: m + "core/merge", Imports: []string{m + "core/changeset", "math"}}, ""},
		{"a package below a room", listed{ImportPath: m + "server/store/sqlite", Imports: []string{m + "server/store", "database/sql"}}, ""},
		{"history speaks session's types", listed{ImportPath: m + "core/realm/history", Imports: []string{m + "core/session"}}, ""},
		{"realm uses history", listed{ImportPath: m + "core/realm", Imports: []string{m + "core/realm/history"}}, ""},

		{"an arrow turned round", listed{ImportPath: m + "core/value", Imports: []string{m + "core/schema"}}, "imports realmsync/core/schema"},
		{"wire is not alone", listed{ImportPath: m + "core/wire", Imports: []string{m + "core/value"}}, "imports realmsync/core/value"},
		{"a pure package with I/O", listed{ImportPath: m + "core/rql", Imports: []string{"os"}}, "is pure and imports os"},
		{"a pure package with a socket below", listed{ImportPath: m + "core/wire", Deps: []string{"net"}}, "is pure and reaches net"},
		{"a pure package with cgo", listed{ImportPath: m + "core/value", Deps: []string{"C"}}, "is pure and reaches C"},
		{"the server uses the client", listed{ImportPath: m + "server/view", Imports: []string{m + "core/session"}}, "imports realmsync/core/session"},
		{"the server reaches the client", listed{ImportPath: m + "server/view", Deps: []string{m + "core/realm/history"}}, "reaches realmsync/core/realm/history"},
		{"realm knows session", listed{ImportPath: m + "core/realm", Imports: []string{m + "core/session"}}, "imports realmsync/core/session"},
		{"session knows the store", listed{ImportPath: m + "core/session", Deps: []string{m + "core/store"}}, "reaches realmsync/core/store"},
		{"app knows realm", listed{ImportPath: m + "core/app", Imports: []string{m + "core/realm"}}, "imports realmsync/core/realm"},
		{"client ties them together", listed{ImportPath: m + "core/client", Imports: []string{m + "core/app", m + "core/realm", m + "core/session"}}, ""},
		{"session knows who ties it", listed{ImportPath: m + "core/session", Imports: []string{m + "core/client"}}, "imports realmsync/core/client"},
		{"client knows the server", listed{ImportPath: m + "core/client", Deps: []string{m + "server/auth"}}, "reaches realmsync/server"},
		{"somebody imports capi", listed{ImportPath: m + "tests/ffi", Imports: []string{m + "capi"}}, "imports realmsync/capi"},
		{"capi uses the server", listed{ImportPath: m + "capi", Imports: []string{m + "server"}}, "imports realmsync/server"},
		{"the core uses test support", listed{ImportPath: m + "core/changeset", Imports: []string{m + "core/changeset/memstate"}}, "imports realmsync/core/changeset/memstate"},
		{"a room that is not drawn", listed{ImportPath: m + "core/util"}, "is in no room"},
	} {
		found := violations(c.p)
		if c.violate == "" {
			require.Empty(t, found, c.name)
			continue
		}
		require.NotEmpty(t, found, c.name)
		require.Contains(t, found[0], c.violate, c.name)
	}
}

func TestImpurities(t *testing.T) {
	fset := token.NewFileSet()
	file := parse(t, fset, "x.go", `package x
import "time"
func f(d time.Duration) time.Time { go f(d); time.Sleep(d); return time.Unix(0, 0).Add(d) }
func g() time.Time { return time.Now() }`)
	found := impurities(fset, file)
	require.Len(t, found, 3)
	require.Contains(t, found[0], "x.go:3:37: starts a goroutine")
	require.Contains(t, found[1], "time.Sleep")
	require.Contains(t, found[2], "time.Now")
}
