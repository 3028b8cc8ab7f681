package arrows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "realmsync/"

// listed is what go list -json says of a package.
type listed struct {
	Dir        string
	ImportPath string
	Imports    []string
	Deps       []string
	GoFiles    []string
	CgoFiles   []string
}

// packages lists the module's packages for this platform, without their tests, and what they depend on. -e: a package that does
// not compile at the moment has its imports all the same.
func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	require.NoError(t, err)
	root := strings.TrimSpace(string(out))
	touch(t, root)
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=Dir,ImportPath,Imports,Deps,GoFiles,CgoFiles", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err = cmd.Output()
	require.NoError(t, err, "%s", stderr.String())
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if strings.HasPrefix(p.ImportPath, module) {
			all = append(all, p)
		}
	}
}

// touch opens the sources that go list reads. go test keeps a result until a file that the test itself opened changes, and does
// not see what a child process reads: without this, a new import would find yesterday's result.
func touch(t *testing.T, root string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (path == filepath.Join(root, "build") || (path != root && strings.HasPrefix(entry.Name(), "."))) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" && entry.Name() != "go.mod" {
			return nil
		}
		_, err = os.ReadFile(path)
		return err
	}))
}

// roomOf returns the rule of the deepest room that holds a package of the module.
func roomOf(path string) (rule, bool) {
	var best rule
	path = strings.TrimPrefix(path, module)
	for _, r := range rules {
		if (path == r.room || strings.HasPrefix(path, r.room+"/")) && len(r.room) > len(best.room) {
			best = r
		}
	}
	return best, best.room != ""
}

// violations returns what the imports of one package break, in words.
func violations(p listed) []string {
	r, ok := roomOf(p.ImportPath)
	if !ok {
		return []string{p.ImportPath + " is in no room of design.md section 2: move it into one, or add a rule to tests/arrows/rules_test.go"}
	}
	var found []string
	add := func(format string, args ...any) { found = append(found, p.ImportPath+" "+fmt.Sprintf(format, args...)) }
	for _, imported := range p.Imports {
		if r.pure && (slices.Contains(impure, imported) || strings.HasPrefix(imported, "net/")) {
			add("is pure and imports %s", imported)
		}
		if !strings.HasPrefix(imported, module) {
			continue
		}
		if to, ok := roomOf(imported); !ok || (to.room != r.room && !slices.Contains(r.may, to.room)) {
			add("imports %s; it may import %s", imported, strings.Join(r.may, ", "))
		}
	}
	for _, reached := range p.Deps {
		if r.pure && slices.Contains(unreachable, reached) {
			add("is pure and reaches %s", reached)
		}
		if to, ok := roomOf(reached); ok && strings.HasPrefix(reached, module) && within(to.room, r.never) && to.room != r.room {
			add("reaches %s", reached)
		}
	}
	return found
}

// within says whether a room is one of rooms, or lies in one.
func within(room string, rooms []string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool { return room == r || strings.HasPrefix(room, r+"/") })
}

// impurities returns the places in a pure package's source that start a goroutine or read the clock.
func impurities(fset *token.FileSet, file *ast.File) []string {
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, fmt.Sprintf("%s: starts a goroutine", fset.Position(n.Pos())))
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
				found = append(found, fmt.Sprintf("%s: time.%s in a pure package; let the caller pass the time", fset.Position(n.Pos()), n.Sel.Name))
			}
		}
		return true
	})
	return found
}

func parse(t *testing.T, fset *token.FileSet, name string, source any) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	return file
}

func sources(p listed) []string {
	var names []string
	for _, name := range append(slices.Clone(p.GoFiles), p.CgoFiles...) {
		names = append(names, filepath.Join(p.Dir, name))
	}
	return names
}
