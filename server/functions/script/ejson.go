package script

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// makeEJSON makes the global EJSON: parse, stringify.
func (c *call) makeEJSON() (*goja.Object, error) {
	o := c.vm.NewObject()
	err := c.define(o, map[string]any{
		"parse": fn(func(call goja.FunctionCall) goja.Value {
			v, err := ejson.Parse([]byte(call.Argument(0).String()))
			if err != nil {
				c.fail(err.Error())
			}
			return c.toJS(v)
		}),
		// stringify(value, replacer?, space?, options?): replacer must be null. The canonical form, as the hosted service's; {relaxed: true} is
		// the other.
		"stringify": fn(func(call goja.FunctionCall) goja.Value {
			relaxed := false
			for _, v := range call.Arguments[min(1, len(call.Arguments)):] {
				if o, ok := v.(*goja.Object); ok {
					if _, ok := goja.AssertFunction(o); ok {
						panic(c.vm.NewTypeError("a replacer is not supported"))
					}
					if r := o.Get("relaxed"); r != nil {
						relaxed = r.ToBoolean()
					}
				}
			}
			v := c.toBSON(call.Argument(0), c.Limits.Result)
			write := ejson.Append
			if relaxed {
				write = appendRelaxed
			}
			text, err := write(nil, v)
			if err != nil {
				c.fail(err.Error())
			}
			if space := call.Argument(2); !absent(space) {
				return c.indented(text, space)
			}
			return c.vm.ToValue(string(text))
		}),
	})
	return o, err
}

// indented is how JSON.stringify lays text out; extended JSON is JSON.
func (c *call) indented(text []byte, space goja.Value) goja.Value {
	indent := space.String()
	if _, isString := space.Export().(string); !isString {
		indent = "          "[:min(max(space.ToInteger(), 0), 10)]
	}
	if indent == "" {
		return c.vm.ToValue(string(text))
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", indent[:min(len(indent), 10)]); err != nil {
		c.fail(err.Error())
	}
	return c.vm.ToValue(pretty.String())
}

// maxISO are the milliseconds at the end of the year 9999: dates of the relaxed form are between 1970 and then.
const maxISO = 253402300799999

// appendRelaxed writes the relaxed form: numbers as numbers, dates as text where they have one.
func appendRelaxed(b []byte, v any) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case int32:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			text, err := json.Marshal(v)
			return append(b, text...), err
		}
	case bson.DateTime:
		if v >= 0 && v <= maxISO {
			return ejson.Append(b, bson.D{{Key: "$date", Value: v.Time().UTC().Format("2006-01-02T15:04:05.999Z07:00")}})
		}
	case bson.D:
		b = append(b, '{')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = ejson.Append(b, e.Key); err != nil {
				return nil, err
			}
			if b, err = appendRelaxed(append(b, ':'), e.Value); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	case bson.A:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendRelaxed(b, e); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	}
	return ejson.Append(b, v)
}
