package script

import (
	"maps"
	"reflect"
	"slices"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// boxed is the symbol under which an object of a BSON class has its value. A function can find it, and gets a Go pointer in which
// JavaScript sees nothing.
var boxed = goja.NewSymbol("bson")

// box holds a BSON value, or a *cursor. It has no exported field or method, on purpose: those would be JavaScript's.
type box struct{ value any }

var typeBox = reflect.TypeFor[*box]()

// wrap makes an object of a class around a value.
func (c *call) wrap(proto *goja.Object, value any) *goja.Object {
	o := c.vm.CreateObject(proto)
	c.must(o.DefineDataPropertySymbol(boxed, c.vm.ToValue(&box{value}), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE))
	return o
}

// unwrap returns the value of an object of a class, and whether it is one.
func unwrap(v goja.Value) (any, bool) {
	o, ok := v.(*goja.Object)
	if !ok {
		return nil, false
	}
	if o.ExportType() == typeProxy {
		return nil, false
	}
	s, ok := o.GetSymbol(boxed).(*goja.Object)
	if !ok || s.ExportType() != typeBox {
		return nil, false
	}
	b, ok := s.Export().(*box)
	if !ok {
		return nil, false
	}
	return b.value, true
}

// as returns the value of an object that must hold a T; this is what a method was called on.
func as[T any](c *call, v goja.Value, class string) T {
	if value, ok := unwrap(v); ok {
		if t, ok := value.(T); ok {
			return t
		}
	}
	panic(c.vm.NewTypeError("the method was called on something that is not a %s", class))
}

// must lets JavaScript have an error of goja, as the exception or the interrupt that it was.
func (c *call) must(err error) {
	if err != nil {
		panic(err)
	}
}

// fail throws an Error.
func (c *call) fail(text string) {
	panic(c.errorOf(thrown("%s", text)))
}

// classes are the prototypes of the BSON classes of one runtime.
type classes struct {
	global                                                                                 *goja.Object // BSON; nil: the classes have not been made
	objectID, int32, long, double, decimal, binary, uuid, timestamp, minKey, maxKey, regex *goja.Object
	cursor, collection                                                                     *goja.Object
}

// classOf returns the prototype for a value, nil for a value that is not of a class. The classes are made when the first is needed.
func (c *call) classOf(v any) (*goja.Object, error) {
	if _, err := c.makeBSON(); err != nil {
		return nil, err
	}
	return c.bson.proto(v), nil
}

// proto returns the prototype for a value, nil for a value that is not of a class.
func (k *classes) proto(v any) *goja.Object {
	switch v := v.(type) {
	case bson.ObjectID:
		return k.objectID
	case int32:
		return k.int32
	case int64:
		return k.long
	case float64:
		return k.double
	case bson.Decimal128:
		return k.decimal
	case bson.Binary:
		if v.Subtype == bson.TypeBinaryUUID && len(v.Data) == 16 {
			return k.uuid
		}
		return k.binary
	case bson.Timestamp:
		return k.timestamp
	case bson.MinKey:
		return k.minKey
	case bson.MaxKey:
		return k.maxKey
	case bson.Regex:
		return k.regex
	default:
		return nil
	}
}

// define sets members that JavaScript does not list. In the order of their names, so that every runtime is the same.
func (c *call) define(o *goja.Object, members map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if err := o.DefineDataProperty(name, c.vm.ToValue(members[name]), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
			return err
		}
	}
	return nil
}
