package script

import (
	"fmt"
	"strings"
	"time"

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
	say := at("info")
	saying := func(text string) { say(goja.FunctionCall{Arguments: []goja.Value{c.vm.ToValue(text)}}) }
	label := func(call goja.FunctionCall) string {
		if goja.IsUndefined(call.Argument(0)) {
			return "default"
		}
		return clip(call.Argument(0).String(), maxLabel)
	}
	counts, times := map[string]int{}, map[string]time.Time{}
	room := func(n int) bool { return n < maxLabels }
	since := fn(func(call goja.FunctionCall) goja.Value {
		name := label(call)
		if start, ok := times[name]; ok {
			saying(fmt.Sprintf("%s: %d ms", name, c.Now().Sub(start).Milliseconds()))
		}
		return goja.Undefined()
	})
	none := fn(func(goja.FunctionCall) goja.Value { return goja.Undefined() })
	o := c.vm.NewObject()
	return o, c.define(o, map[string]any{
		"log": say, "info": say, "debug": at("debug"), "warn": at("warn"), "error": at("error"), "trace": at("debug"), "table": say, "group": say, "groupCollapsed": say, "groupEnd": none,
		"dir": fn(func(call goja.FunctionCall) goja.Value {
			return say(goja.FunctionCall{Arguments: call.Arguments[:min(1, len(call.Arguments))]})
		}),
		"assert": fn(func(call goja.FunctionCall) goja.Value {
			if call.Argument(0).ToBoolean() {
				return goja.Undefined()
			}
			rest := append([]goja.Value{c.vm.ToValue("Assertion failed")}, call.Arguments[min(1, len(call.Arguments)):]...)
			return at("error")(goja.FunctionCall{Arguments: rest})
		}),
		"count": fn(func(call goja.FunctionCall) goja.Value {
			if name := label(call); counts[name] > 0 || room(len(counts)) {
				counts[name]++
				saying(fmt.Sprintf("%s: %d", name, counts[name]))
			}
			return goja.Undefined()
		}),
		"time": fn(func(call goja.FunctionCall) goja.Value {
			if room(len(times)) {
				times[label(call)] = c.Now()
			}
			return goja.Undefined()
		}),
		"timeLog": since,
		"timeEnd": fn(func(call goja.FunctionCall) goja.Value {
			since(call)
			delete(times, label(call))
			return goja.Undefined()
		}),
	})
}

const (
	maxLabels = 1000 // of console.count and console.time, in a call
	maxLabel  = 128  // bytes
)

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
