package sync

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// The codes that end an original client's process (conformance item 21 of app-services.md, item 47 of sync-semantics.md).
var deadly = []wire.ErrorCode{104, 202, 203, 205, 207, 214, 215, 218, 219, 220, 221, 224}

// None of them can leave the server: the messages have no bytes, whatever session they are for, and nothing comes to the client.
func TestDeadlyCodesAreNeverSent(t *testing.T) {
	f := open(t, nil)
	l := f.dial("anna")
	l.send(&wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil), NeedIdent: true})
	expect[*wire.ServerIdent](l)
	f.mu.Lock()
	require.Len(t, f.conns, 1)
	var c *conn
	for c = range f.conns {
	}
	f.mu.Unlock()
	for _, code := range deadly {
		require.True(t, code.KillsClient(), "%v", code)
		for _, sid := range []uint64{0, 1} {
			m := wire.NewJSONError(sid, code, "text")
			m.Action = wire.Transient
			require.Error(t, c.write(m), "%v", code)
			require.Error(t, c.write(&wire.Error{Session: sid, Code: code}), "%v", code)
		}
	}
	l.silent()
}

// Nor does anything in the server name one of them, except to tell what is sent instead.
func TestDeadlyCodesAreNotNamed(t *testing.T) {
	names := map[string]bool{}
	for _, info := range wire.ErrorCodes() {
		if info.Code.KillsClient() {
			parts := strings.Split(info.Name, "_")
			for i, p := range parts {
				parts[i] = strings.ToUpper(p[:1]) + p[1:]
			}
			names["Code"+strings.Join(parts, "")] = true
		}
	}
	require.Len(t, names, len(deadly))
	files, decls := 0, token.NewFileSet()
	require.NoError(t, filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		file, err := parser.ParseFile(decls, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && names[sel.Sel.Name] {
				t.Errorf("%s names %s", decls.Position(sel.Pos()), sel.Sel.Name)
			}
			return true
		})
		return nil
	}))
	require.Greater(t, files, 100)
	// The engine's codes are numbers of its own.
	source, err := parser.ParseFile(decls, "../history/errors.go", nil, 0)
	require.NoError(t, err)
	codes := 0
	ast.Inspect(source, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.INT {
			number, err := strconv.Atoi(lit.Value)
			require.NoError(t, err)
			require.NotContains(t, deadly, wire.ErrorCode(number))
			codes++
		}
		return true
	})
	require.GreaterOrEqual(t, codes, 9)
}
