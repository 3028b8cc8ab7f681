package script

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
)

// Bounds of a source. The parser and the compiler are recursive, so how deep a source nests is bounded before they see it.
const (
	// MaxSource is the longest source, in bytes.
	MaxSource = 1 << 20
	// maxNesting is how many brackets may be open at once, those of strings and comments included.
	maxNesting = 500
)

// SyntaxError says why a source cannot be run, and where.
type SyntaxError struct {
	Line, Column int // 1 is the first; 0: not known
	Text         string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Text)
}

// Program is a compiled function. It is immutable and may be run by several calls at once.
type Program struct {
	prog *goja.Program
}

// A source runs as the body of a function, so that each has a context of its own. Its first line stays the first line.
const (
	prologue = "(function (exports, module, context, require) {"
	epilogue = "\n;module.exports = exports === module.original ? module.exports : exports;})"
)

// Compile compiles the source of a function. The error is a *SyntaxError.
func Compile(name, source string) (*Program, error) {
	if len(source) > MaxSource {
		return nil, &SyntaxError{Text: fmt.Sprintf("the source has %d bytes, at most %d are taken", len(source), MaxSource)}
	}
	if err := nesting(source); err != nil {
		return nil, err
	}
	// By itself first: a source must not close the function that is put around it.
	if _, err := compile(name, source); err != nil {
		return nil, err
	}
	prog, err := compile(name, prologue+source+epilogue)
	if err != nil {
		return nil, err
	}
	return &Program{prog}, nil
}

func compile(name, source string) (*goja.Program, error) {
	tree, err := parse(name, source)
	if err != nil {
		return nil, err
	}
	prog, err := goja.CompileAST(tree, false)
	if err != nil {
		return nil, syntaxError(err)
	}
	return prog, nil
}

func syntaxError(err error) *SyntaxError {
	var list parser.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		e := list[0]
		return &SyntaxError{Line: e.Position.Line, Column: e.Position.Column, Text: e.Message + instead(e.Message)}
	}
	var bad *goja.CompilerSyntaxError
	if errors.As(err, &bad) {
		e := &SyntaxError{Text: bad.Message + instead(bad.Message)}
		if bad.File != nil {
			at := bad.File.Position(bad.Offset)
			e.Line, e.Column = at.Line, at.Column
		}
		return e
	}
	return &SyntaxError{Text: err.Error()}
}

// instead says what to do about syntax that is not there.
func instead(message string) string {
	switch {
	case strings.HasPrefix(message, "Async generators"):
		return ": return an array, or an object with [Symbol.asyncIterator]"
	case message == "Unexpected reserved word":
		return ": import and export are not there: use require and exports"
	}
	return ""
}

func nesting(source string) *SyntaxError {
	open, line, start := 0, 1, 0
	for i := 0; i < len(source); i++ {
		switch source[i] {
		case '\n':
			line, start = line+1, i+1
		case '(', '[', '{':
			if open++; open > maxNesting {
				return &SyntaxError{Line: line, Column: i - start + 1, Text: fmt.Sprintf("more than %d brackets are open", maxNesting)}
			}
		case ')', ']', '}':
			open = max(open-1, 0)
		}
	}
	return nil
}

// plainName is a name as require takes it: without ./ and .js.
func plainName(name string) string {
	return strings.TrimSuffix(strings.TrimPrefix(name, "./"), ".js")
}
