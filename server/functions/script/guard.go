package script

import (
	"strings"

	"github.com/dop251/goja"
)

const (
	maxString = 32 << 20 // characters of a string that one call of a built-in function makes
	maxGrowth = 1 << 28  // characters that replacing or joining could make, if everything matched
	maxBuffer = 64 << 20 // bytes of an ArrayBuffer
	maxLength = 1 << 24  // elements that one call of a built-in function of arrays goes through
	maxJSON   = 1000     // levels of JSON.parse
)

// guard bounds the built-in functions that would do a great deal in one step, in which they cannot be interrupted, and takes away those
// that compile text: the parser is recursive.
func (c *call) guard(global *goja.Object) error {
	vm := c.vm
	str := vm.Get("String").ToObject(vm).Get("prototype").ToObject(vm)
	for name, size := range map[string]func(this string, call goja.FunctionCall) float64{
		"repeat": func(this string, call goja.FunctionCall) float64 {
			return float64(len(this)) * call.Argument(0).ToFloat()
		},
		"padStart": func(_ string, call goja.FunctionCall) float64 { return call.Argument(0).ToFloat() },
		"padEnd":   func(_ string, call goja.FunctionCall) float64 { return call.Argument(0).ToFloat() },
	} {
		err := c.replace(str, name, func(call goja.FunctionCall) {
			if size(call.This.String(), call) > maxString {
				panic(c.rangeError("the string would be too long"))
			}
		})
		if err != nil {
			return err
		}
	}
	for _, name := range []string{"replace", "replaceAll"} {
		err := c.replace(str, name, func(call goja.FunctionCall) {
			by, isString := primitiveString(call.Argument(1))
			if _, once := primitiveString(call.Argument(0)); !isString || once && name == "replace" {
				return
			}
			if float64(len(call.This.String()))*float64(len(by)) > maxGrowth {
				panic(c.rangeError("the string would be too long"))
			}
		})
		if err != nil {
			return err
		}
	}
	array := vm.Get("Array").ToObject(vm).Get("prototype").ToObject(vm)
	for _, name := range array.GetOwnPropertyNames() {
		if name == "constructor" || name == "push" {
			continue
		}
		if _, ok := goja.AssertFunction(array.Get(name)); !ok {
			continue
		}
		recursive := name == "join" || name == "toString" || name == "toLocaleString" || name == "flat"
		err := c.replace(array, name, func(call goja.FunctionCall) {
			c.short(call.This)
			switch {
			case name == "concat":
				for _, a := range call.Arguments {
					c.short(a)
				}
			case name == "join":
				c.joinable(call.This, call.Argument(0))
			}
			if recursive {
				c.notDeep(call.This)
			}
		})
		if err != nil {
			return err
		}
	}
	for _, of := range []string{"Array", "Reflect", "Object"} {
		o := vm.Get(of).ToObject(vm)
		for _, name := range []string{"from", "apply", "fromEntries", "construct"} {
			if v := o.Get(name); v == nil || goja.IsUndefined(v) {
				continue
			}
			err := c.replace(o, name, func(call goja.FunctionCall) {
				for _, a := range call.Arguments {
					c.short(a)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	function := vm.Get("Function").ToObject(vm).Get("prototype").ToObject(vm)
	if err := c.replace(function, "apply", func(call goja.FunctionCall) { c.short(call.Argument(1)) }); err != nil {
		return err
	}
	json := vm.Get("JSON").ToObject(vm)
	if err := c.replace(json, "parse", func(call goja.FunctionCall) { c.shallow(call.Argument(0).String()) }); err != nil {
		return err
	}
	if err := c.replace(json, "stringify", func(call goja.FunctionCall) { c.notDeep(call.Argument(0)) }); err != nil {
		return err
	}
	if err := c.buffers(global); err != nil {
		return err
	}
	return c.noEval(global)
}

// replace puts a check before a built-in function.
func (c *call) replace(on *goja.Object, name string, check func(goja.FunctionCall)) error {
	original, ok := goja.AssertFunction(on.Get(name))
	if !ok {
		return thrown("the runtime has no %s", name)
	}
	return c.define(on, map[string]any{name: fn(func(call goja.FunctionCall) goja.Value {
		check(call)
		v, err := original(call.This, call.Arguments...)
		c.must(err)
		return v
	})})
}

func (c *call) rangeError(text string) goja.Value {
	e, err := c.vm.New(c.vm.Get("RangeError"), c.vm.ToValue(text))
	c.must(err)
	return e
}

// short refuses what says that it is longer than a function of arrays should go through.
func (c *call) short(v goja.Value) {
	o, ok := v.(*goja.Object)
	if !ok {
		return
	}
	if n := o.Get("length"); n != nil && n.ToFloat() > maxLength {
		panic(c.rangeError("the array is too long"))
	}
}

// primitiveString is the text of a value that is a string. Not Export of objects: it copies them whole.
func primitiveString(v goja.Value) (string, bool) {
	if _, ok := v.(*goja.Object); ok {
		return "", false
	}
	s, ok := v.Export().(string)
	return s, ok
}

// joinable refuses what would be too long by its separators alone. What the elements have was made before.
func (c *call) joinable(array, separator goja.Value) {
	if o, ok := array.(*goja.Object); ok {
		by, _ := primitiveString(separator)
		if n := o.Get("length"); n != nil && n.ToFloat()*float64(len(by)) > maxGrowth {
			panic(c.rangeError("the string would be too long"))
		}
	}
}

// shallow refuses text that nests deeper than a recursive reader should follow. Brackets within strings don't count.
func (c *call) shallow(text string) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case quoted && ch == '\\':
			i++
		case ch == '"':
			quoted = !quoted
		case quoted:
		case ch == '[' || ch == '{':
			if depth++; depth > maxJSON {
				panic(c.rangeError("the JSON is nested too deeply"))
			}
		case ch == ']' || ch == '}':
			depth--
		}
	}
}

// notDeep refuses what a recursive function would follow too deep into. It follows the last member of each level that is an object, as long
// chains are made; a tree that is deep elsewhere gets by, and costs as much stack as it has levels.
func (c *call) notDeep(v goja.Value) {
	for range maxJSON {
		o, ok := v.(*goja.Object)
		if !ok || o.ExportType() == typeProxy {
			return
		}
		v = nil
		keys := o.Keys()
		for i := len(keys) - 1; i >= 0 && i >= len(keys)-maxLooked; i-- {
			if next, ok := o.Get(keys[i]).(*goja.Object); ok {
				v = next
				break
			}
		}
	}
	if v != nil {
		panic(c.rangeError("the value is nested too deeply"))
	}
}

// maxLooked is how many members of a level notDeep looks at.
const maxLooked = 4

// buffers bounds what a buffer or a typed array allocates when it is made.
func (c *call) buffers(global *goja.Object) error {
	for _, name := range []string{
		"ArrayBuffer", "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array",
		"Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array",
	} {
		v := global.Get(name)
		if v == nil || goja.IsUndefined(v) {
			continue
		}
		original := v.ToObject(c.vm)
		construct, ok := goja.AssertConstructor(original)
		if !ok {
			return thrown("the runtime has no %s", name)
		}
		guarded := c.vm.ToValue(func(call goja.ConstructorCall) *goja.Object {
			first := arg(call.Arguments, 0)
			if o, isObject := first.(*goja.Object); isObject {
				c.short(o)
			} else if n := first.ToFloat(); n > maxBuffer/8 && !strings.HasSuffix(name, "8Array") && name != "ArrayBuffer" || n > maxBuffer {
				panic(c.rangeError("the buffer would be too large"))
			}
			o, err := construct(call.NewTarget, call.Arguments...)
			c.must(err)
			return o
		}).ToObject(c.vm)
		for _, err := range []error{
			guarded.SetPrototype(original), // from, of, isView
			guarded.DefineDataProperty("prototype", original.Get("prototype"), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE),
			guarded.DefineDataProperty("name", c.vm.ToValue(name), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE),
		} {
			if err != nil {
				return err
			}
		}
		if err := c.define(global, map[string]any{name: guarded}); err != nil {
			return err
		}
		if err := c.define(original.Get("prototype").ToObject(c.vm), map[string]any{"constructor": guarded}); err != nil {
			return err
		}
	}
	return nil
}

// noEval takes away eval and the constructors of functions.
func (c *call) noEval(global *goja.Object) error {
	refuse := fn(func(goja.FunctionCall) goja.Value {
		e, err := c.vm.New(c.vm.Get("EvalError"), c.vm.ToValue("code cannot be made from text here"))
		c.must(err)
		panic(e)
	})
	if err := c.define(global, map[string]any{"eval": refuse}); err != nil {
		return err
	}
	for _, source := range []string{"(function(){})", "(async function(){})", "(function*(){})"} {
		v, err := c.vm.RunString(source)
		if err != nil {
			return err
		}
		proto := v.ToObject(c.vm).Prototype()
		name := "Function"
		original := proto.Get("constructor").ToObject(c.vm)
		ctor := c.vm.ToValue(func(goja.ConstructorCall) *goja.Object { refuse(goja.FunctionCall{}); return nil }).ToObject(c.vm)
		for _, err := range []error{
			ctor.DefineDataProperty("prototype", original.Get("prototype"), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE),
			ctor.DefineDataProperty("name", c.vm.ToValue(name), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE),
			proto.DefineDataProperty("constructor", ctor, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE),
		} {
			if err != nil {
				return err
			}
		}
		if source == "(function(){})" {
			if err := c.define(global, map[string]any{"Function": ctor}); err != nil {
				return err
			}
		}
	}
	return nil
}
