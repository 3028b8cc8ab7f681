package script

import (
	_ "embed"
	"reflect"
	"regexp"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"
)

//go:embed each.js
var eachSource string

var eachProgram = goja.MustCompile("each.js", eachSource, true)

// makeEach makes %each, and the symbol by which it knows what is iterated asynchronously.
func (c *call) makeEach(global *goja.Object) error {
	c.asyncIterator = goja.NewSymbol("Symbol.asyncIterator")
	symbol := c.vm.Get("Symbol").ToObject(c.vm)
	if err := symbol.DefineDataProperty("asyncIterator", c.asyncIterator, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE); err != nil {
		return err
	}
	return c.lazy(global, "%each", func() (*goja.Object, error) { return c.made(eachProgram, c.asyncIterator) })
}

// The runtime has no for await. A loop
//
//	for await (const x of source) { body }
//
// is compiled as if it were
//
//	for (const %p of %each(source)) { const %r = await %p; if (%r.done) break; const x = %r.value; { body } }
//
// with names that no source can have. %each makes an iterator that gives promises of what comes next, without end. Leaving the loop closes
// it, as leaving any for...of does.

// forAwait finds what may be the beginning of such a loop.
var forAwait = regexp.MustCompile(`\bfor\s+await\b`)

// maxForAwait bounds the loops of a source: it is parsed once more for each.
const maxForAwait = 50

// parse reads a source. Where the parser stumbles over the await of a loop, it is taken out, and the loop is changed afterwards.
func parse(name, source string) (*ast.Program, error) {
	loops := map[file.Idx]bool{} // where for is
	for {
		// A source map is named by the source, and would be read from a file.
		tree, err := parser.ParseFile(nil, name, source, 0, parser.WithDisableSourceMaps)
		if err == nil {
			return tree, changeLoops(tree, loops)
		}
		at, length := awaitAt(name, source, err)
		if at < 0 || len(loops) >= maxForAwait {
			return nil, syntaxError(err)
		}
		end := at + length
		source = source[:end-len("await")] + strings.Repeat(" ", len("await")) + source[end:]
		loops[file.Idx(at+1)] = true
	}
}

// awaitAt returns where the loop begins whose await an error is about, and how far it is to behind that; -1: it is about something else.
func awaitAt(name, source string, err error) (at, length int) {
	var list parser.ErrorList
	if l, ok := err.(parser.ErrorList); ok { //nolint:errorlint // only what the parser made
		list = l
	}
	if len(list) == 0 {
		return -1, 0
	}
	f := file.NewFile(name, source, 1)
	for _, m := range forAwait.FindAllStringIndex(source, -1) {
		if p := f.Position(m[1] - len("await")); p.Line == list[0].Position.Line && p.Column == list[0].Position.Column {
			return m[0], m[1] - m[0]
		}
	}
	return -1, 0
}

// changeLoops makes of the loops at places what the comment above says.
func changeLoops(tree *ast.Program, places map[file.Idx]bool) error {
	if len(places) == 0 {
		return nil
	}
	seen := map[any]bool{}
	var bad *ast.ForOfStatement
	changed := 0
	var walk func(v reflect.Value, async bool)
	walk = func(v reflect.Value, async bool) {
		switch v.Kind() {
		case reflect.Interface:
			walk(v.Elem(), async)
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), async)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					walk(v.Field(i), async)
				}
			}
		case reflect.Pointer:
			if v.IsNil() || seen[v.Interface()] {
				return
			}
			seen[v.Interface()] = true
			switch node := v.Interface().(type) {
			case *file.File:
				return
			case *ast.FunctionLiteral:
				async = node.Async
			case *ast.ArrowFunctionLiteral:
				async = node.Async
			case *ast.ForOfStatement:
				if places[node.For] {
					if !async {
						bad = node
						return
					}
					walk(v.Elem(), async)
					change(node)
					changed++
					return
				}
			}
			walk(v.Elem(), async)
		}
	}
	walk(reflect.ValueOf(tree), false)
	if bad != nil || changed != len(places) {
		e := &SyntaxError{Text: "for await is only valid in async functions, with of"}
		if bad != nil {
			p := tree.File.Position(int(bad.For) - 1)
			e.Line, e.Column = p.Line, p.Column
		}
		return e
	}
	return nil
}

// change makes of a loop what the comment above says.
func change(loop *ast.ForOfStatement) {
	at := loop.For
	id := func(name string) *ast.Identifier {
		return &ast.Identifier{Name: unistring.NewFromString("%" + name), Idx: at}
	}
	value := &ast.DotExpression{Left: id("r"), Identifier: ast.Identifier{Name: "value", Idx: at}}
	var each ast.Statement
	switch into := loop.Into.(type) {
	case *ast.ForIntoVar:
		into.Binding.Initializer = value
		each = &ast.VariableStatement{Var: at, List: []*ast.Binding{into.Binding}}
	case *ast.ForDeclaration:
		kind := token.LET
		if into.IsConst {
			kind = token.CONST
		}
		each = &ast.LexicalDeclaration{Idx: at, Token: kind, List: []*ast.Binding{{Target: into.Target, Initializer: value}}}
	case *ast.ForIntoExpression:
		each = &ast.ExpressionStatement{Expression: &ast.AssignExpression{Operator: token.ASSIGN, Left: into.Expression, Right: value}}
	}
	end := loop.Body.Idx1()
	loop.Source = &ast.CallExpression{Callee: id("each"), LeftParenthesis: at, ArgumentList: []ast.Expression{loop.Source}, RightParenthesis: at}
	loop.Into = &ast.ForDeclaration{Idx: at, IsConst: true, Target: id("p")}
	loop.Body = &ast.BlockStatement{LeftBrace: at, RightBrace: end, List: []ast.Statement{
		&ast.LexicalDeclaration{Idx: at, Token: token.CONST, List: []*ast.Binding{{Target: id("r"), Initializer: &ast.AwaitExpression{Await: at, Argument: id("p")}}}},
		&ast.IfStatement{
			If: at, Test: &ast.DotExpression{Left: id("r"), Identifier: ast.Identifier{Name: "done", Idx: at}},
			Consequent: &ast.BranchStatement{Idx: at, Token: token.BREAK},
		},
		each, loop.Body,
	}}
}
