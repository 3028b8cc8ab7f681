package script

import (
	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxSafe is the largest integer up to which every integer is a JavaScript number: 2^53 - 1.
const maxSafe = 1<<53 - 1

// toJS makes a JavaScript value of a BSON value. Integers are numbers where a number holds them, and Long objects beyond; a DateTime is a
// Date; what JavaScript has no type for is an object of its BSON class.
func (c *call) toJS(v any) goja.Value {
	switch v := v.(type) {
	case nil:
		return goja.Null()
	case bool, string, int32, float64:
		return c.vm.ToValue(v)
	case int64:
		if v > maxSafe || v < -maxSafe {
			break
		}
		return c.vm.ToValue(v)
	case int:
		return c.vm.ToValue(v)
	case bson.DateTime:
		d, err := c.newDate(nil, c.vm.ToValue(int64(v)))
		c.must(err)
		return d
	case bson.D:
		o := c.vm.NewObject()
		for _, e := range v {
			// Not an assignment: the name may be __proto__.
			c.must(o.DefineDataProperty(e.Key, c.toJS(e.Value), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE))
		}
		return o
	case bson.A:
		items := make([]any, len(v))
		for i := range v {
			items[i] = c.toJS(v[i])
		}
		return c.vm.NewArray(items...)
	}
	proto, err := c.classOf(v)
	c.must(err)
	if proto != nil {
		return c.wrap(proto, v)
	}
	panic(c.vm.NewTypeError("a value of type %T has no form in JavaScript", v))
}
