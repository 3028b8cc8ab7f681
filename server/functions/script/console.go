package script

import (
	"strings"

	"github.com/dop251/goja"
)

// logger bounds what a function logs.
type logger struct {
	to     func(Line)
	left   int
	full   bool
	failed []error // what went wrong in the server, of which the function was told only that
}

const lineCost = 32 // bytes that a line costs beside its text

func (l *logger) add(level, text string) {
	if l.full {
		return
	}
	if l.left -= len(text) + lineCost; l.left < 0 {
		l.full = true
		l.to(Line{"warn", "the function logged more than is kept: the rest is dropped"})
		return
	}
	l.to(Line{level, text})
}

// makeConsole makes the global console.
func (c *call) makeConsole() (*goja.Object, error) {
	at := func(level string) fn {
		return func(call goja.FunctionCall) goja.Value {
			if c.log.full {
				return goja.Undefined()
			}
			parts := make([]string, len(call.Arguments))
			for i, v := range call.Arguments {
				parts[i] = clip(c.inspect(v), c.Limits.Log)
			}
			c.log.add(level, strings.Join(parts, " "))
			return goja.Undefined()
		}
	}
	o := c.vm.NewObject()
	return o, c.define(o, map[string]any{
		"log": at("info"), "info": at("info"), "debug": at("debug"), "warn": at("warn"), "error": at("error"), "trace": at("debug"),
	})
}

// inspect is the text of any value: strings as they are, errors by their text, the rest as relaxed extended JSON.
func (c *call) inspect(v goja.Value) (text string) {
	if v == nil || goja.IsUndefined(v) {
		return "undefined"
	}
	o, ok := v.(*goja.Object)
	if !ok {
		if s, ok := v.(*goja.Symbol); ok {
			return s.String()
		}
		return v.String()
	}
	switch o.ClassName() {
	case "Error":
		return c.textOf(o)
	case "Function":
		return "[function]"
	case "Promise":
		return "[promise]"
	}
	failed := c.vm.Try(func() {
		b, err := appendRelaxed(nil, c.toBSON(o, c.Limits.Log))
		if err != nil {
			c.fail(err.Error())
		}
		text = string(b)
	})
	if failed != nil {
		return "[" + o.ClassName() + "]"
	}
	return text
}
