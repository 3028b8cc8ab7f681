package script

import (
	"strconv"
	"strings"

	"github.com/dop251/goja"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// makeLocale makes Intl and the methods of numbers, dates and strings that have a locale. Texts are made as in en-US, which is the default of the
// hosted service: another locale is refused, and so are options that are not known. Comparing knows all locales.
func (c *call) makeLocale(global *goja.Object) error {
	vm := c.vm
	proto := func(class string) *goja.Object { return vm.Get(class).ToObject(vm).Get("prototype").ToObject(vm) }
	number := fn(func(call goja.FunctionCall) goja.Value {
		return vm.ToValue(c.numberFormat(call.Argument(0), call.Argument(1)).text(numberText(call.This)))
	})
	date := func(needs, fills string) fn {
		return func(call goja.FunctionCall) goja.Value {
			t, ok := c.timeOf(call.This)
			format := c.dateFormat(call.Argument(0), call.Argument(1), needs, fills)
			if !ok {
				return vm.ToValue("Invalid Date")
			}
			return vm.ToValue(format.text(t))
		}
	}
	for _, err := range []error{
		c.define(proto("Number"), map[string]any{"toLocaleString": number}),
		c.define(proto("BigInt"), map[string]any{"toLocaleString": number}),
		c.define(proto("Date"), map[string]any{
			"toLocaleString": date("any", "all"), "toLocaleDateString": date("date", "date"), "toLocaleTimeString": date("time", "time"),
		}),
		c.define(proto("String"), map[string]any{"localeCompare": fn(func(call goja.FunctionCall) goja.Value {
			if absent(call.This) {
				panic(vm.NewTypeError("localeCompare needs a string"))
			}
			a, b := call.This.String(), call.Argument(0).String()
			return vm.ToValue(c.collator(call.Argument(1), call.Argument(2)).CompareString(a, b))
		})}),
		c.lazy(global, "Intl", c.makeIntl),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// makeIntl makes the global Intl.
func (c *call) makeIntl() (*goja.Object, error) {
	vm := c.vm
	intl := vm.NewObject()
	class := func(name string, make func(locales, options goja.Value) map[string]any) error {
		return c.define(intl, map[string]any{name: func(call goja.ConstructorCall) *goja.Object {
			o := vm.NewObject()
			c.must(c.define(o, make(call.Argument(0), call.Argument(1))))
			return o
		}})
	}
	resolved := func(zone string) fn {
		return func(goja.FunctionCall) goja.Value {
			o := vm.NewObject()
			for name, v := range map[string]string{"locale": "en-US", "numberingSystem": "latn", "calendar": "gregory", "timeZone": zone} {
				if zone != "" || name == "locale" || name == "numberingSystem" {
					c.must(o.Set(name, v))
				}
			}
			return o
		}
	}
	for _, err := range []error{
		class("NumberFormat", func(locales, options goja.Value) map[string]any {
			f := c.numberFormat(locales, options)
			return map[string]any{"format": fn(func(call goja.FunctionCall) goja.Value { return vm.ToValue(f.text(numberText(call.Argument(0)))) }), "resolvedOptions": resolved("")}
		}),
		class("DateTimeFormat", func(locales, options goja.Value) map[string]any {
			f := c.dateFormat(locales, options, "any", "date")
			return map[string]any{"format": fn(func(call goja.FunctionCall) goja.Value {
				t := c.Now()
				if v := call.Argument(0); !goja.IsUndefined(v) {
					var ok bool
					if t, ok = c.timeOf(v); !ok {
						panic(c.rangeError("Invalid time value"))
					}
				}
				return vm.ToValue(f.text(t))
			}), "resolvedOptions": resolved(f.zone.String())}
		}),
		class("Collator", func(locales, options goja.Value) map[string]any {
			k := c.collator(locales, options)
			return map[string]any{"compare": fn(func(call goja.FunctionCall) goja.Value {
				return vm.ToValue(k.CompareString(call.Argument(0).String(), call.Argument(1).String()))
			})}
		}),
	} {
		if err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"PluralRules", "RelativeTimeFormat", "ListFormat", "DisplayNames", "Segmenter", "Locale", "DurationFormat"} {
		err := c.getter(intl, name, func(goja.FunctionCall) goja.Value {
			panic(vm.NewTypeError("Intl.%s is not there: only NumberFormat, DateTimeFormat and Collator are", name))
		})
		if err != nil {
			return nil, err
		}
	}
	return intl, nil
}

// localeNames are the names of an argument that is one or an array of them.
func (c *call) localeNames(v goja.Value) []string {
	if goja.IsUndefined(v) {
		return nil
	}
	if o, ok := v.(*goja.Object); ok {
		var out []string
		c.short(o)
		for i := range min(valueOr(o.Get("length")).ToInteger(), 16) {
			out = append(out, valueOr(o.Get(strconv.FormatInt(i, 10))).String())
		}
		return out
	}
	return []string{v.String()}
}

// english refuses every locale but en-US.
func (c *call) english(v goja.Value) {
	for _, name := range c.localeNames(v) {
		switch strings.ToLower(name) {
		case "en", "en-us", "default":
			return
		}
		panic(c.rangeError("the locale '" + clip(name, 32) + "' is not there: texts are made as in en-US only. Leave the locale out, or put the text together from its parts"))
	}
}

// choice reads an option that is a text, one of some; other if it is not there.
func (c *call) choice(options *goja.Object, name, other, allowed string) string {
	v := valueOr(options.Get(name))
	if goja.IsUndefined(v) {
		return other
	}
	text := v.String()
	if text == "" || strings.Contains(text, " ") || !strings.Contains(" "+allowed+" ", " "+text+" ") {
		panic(c.rangeError("the option " + name + " is '" + clip(text, 32) + "': here it can be one of " + allowed))
	}
	return text
}

// optionsOf is an object of options; those that are not allowed are refused.
func (c *call) optionsOf(v goja.Value, allowed string) *goja.Object {
	if absent(v) {
		return c.vm.NewObject()
	}
	o := v.ToObject(c.vm)
	for _, name := range o.Keys() {
		if !strings.Contains(" "+allowed+" ", " "+name+" ") && !goja.IsUndefined(valueOr(o.Get(name))) {
			panic(c.rangeError("the option " + clip(name, 32) + " is not known here: " + allowed + " are"))
		}
	}
	return o
}

// collator compares strings as a locale does.
func (c *call) collator(locales, options goja.Value) *collate.Collator {
	o := c.optionsOf(options, "sensitivity numeric usage localeMatcher")
	tag := language.Und
	for _, name := range c.localeNames(locales) {
		var err error
		if tag, err = language.Parse(name); err != nil {
			panic(c.rangeError("Incorrect locale information provided: '" + clip(name, 32) + "'"))
		}
		break
	}
	sensitivity, numeric := c.choice(o, "sensitivity", "variant", "base accent case variant"), valueOr(o.Get("numeric")).ToBoolean()
	_ = c.choice(o, "usage", "sort", "sort search")
	key := collation{tag, sensitivity, numeric}
	if k := c.collators[key]; k != nil {
		return k
	}
	var how []collate.Option
	switch sensitivity {
	case "base":
		how = append(how, collate.Loose)
	case "accent":
		how = append(how, collate.IgnoreCase)
	case "case":
		how = append(how, collate.IgnoreDiacritics)
	}
	if numeric {
		how = append(how, collate.Numeric)
	}
	k := collate.New(tag, how...)
	if c.collators == nil || len(c.collators) >= 100 {
		c.collators = map[collation]*collate.Collator{}
	}
	c.collators[key] = k
	return k
}

// collation is a way to compare strings.
type collation struct {
	tag         language.Tag
	sensitivity string
	numeric     bool
}
