package script

import (
	"math"
	"math/big"
	"reflect"
	"slices"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxDepth is how deep a value may be nested that leaves JavaScript: as much as a client may send (app-services 13.9).
const maxDepth = 64

// toBSON makes a BSON value of a JavaScript value, of at most so many bytes. It throws what cannot be one: cycles, functions by
// themselves, too much. Getters run, and may throw.
//
// A number that is an integer and safe is an int64, any other a double; objects of BSON classes are what they hold; undefined is null; a
// Date is a DateTime, a RegExp a regular expression, a Map with strings for keys a document, bytes are a Binary of subtype 0. Members that
// are functions or symbols are left out. Other objects are documents of their own enumerable members.
func (c *call) toBSON(v goja.Value, most int) any {
	r := reader{c: c, left: most}
	return r.value(v, 0)
}

// result is toBSON of what a function returned: cursors are read, and are arrays.
func (c *call) result(v goja.Value) (any, error) {
	r := reader{c: c, left: c.Limits.Result, cursors: true}
	return r.value(v, 0), r.failed
}

type reader struct {
	c       *call
	left    int
	within  []*goja.Object // what is being read: to find cycles
	cursors bool
	failed  error
}

func (r *reader) spend(n int) {
	if r.left -= n; r.left < 0 {
		panic(r.c.vm.NewTypeError("the value is too large"))
	}
	if r.left&0xfff < n && r.c.ctx.Err() != nil {
		panic(r.c.vm.NewTypeError("the function has ended")) // nobody will see it
	}
}

func (r *reader) value(v goja.Value, depth int) any {
	r.spend(8)
	if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
		return nil
	}
	if o, ok := v.(*goja.Object); ok {
		return r.object(o, depth)
	}
	if _, ok := v.(*goja.Symbol); ok {
		panic(r.c.vm.NewTypeError("a Symbol has no BSON form"))
	}
	switch x := v.Export().(type) {
	case bool:
		return x
	case string:
		// Again by String: Export may have half characters.
		s := v.String()
		r.spend(len(s))
		return s
	case int64:
		return integer(x)
	case float64:
		return number(x)
	case *big.Int:
		if !x.IsInt64() {
			panic(r.c.vm.NewTypeError("a BigInt beyond 64 bits has no BSON form"))
		}
		return x.Int64()
	}
	panic(r.c.vm.NewTypeError("a %s has no BSON form", v.ExportType()))
}

func integer(n int64) any {
	if n > maxSafe || n < -maxSafe {
		return float64(n)
	}
	return n
}

func number(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) <= maxSafe {
		return int64(f) // -0 is 0
	}
	return f
}

func (r *reader) object(o *goja.Object, depth int) any {
	c := r.c
	if depth >= maxDepth {
		panic(c.vm.NewTypeError("the value is nested more than %d deep", maxDepth))
	}
	if slices.Contains(r.within, o) {
		panic(c.vm.NewTypeError("the value contains itself"))
	}
	if value, ok := unwrap(o); ok {
		return r.boxed(value)
	}
	r.within = append(r.within, o)
	defer func() { r.within = r.within[:len(r.within)-1] }()
	if o.ExportType() == typeProxy {
		is, err := c.isArray(goja.Undefined(), o)
		c.must(err)
		if is.ToBoolean() {
			return r.array(o, depth)
		}
		return r.document(o, depth)
	}
	switch o.ClassName() {
	case "Array":
		return r.array(o, depth)
	case "Function":
		panic(c.vm.NewTypeError("a function has no BSON form"))
	case "String":
		return r.value(o.ToString(), depth)
	case "Boolean", "Number", "BigInt": // objects around primitives, which Export gives
		return r.value(c.vm.ToValue(o.Export()), depth)
	case "Date":
		ms, err := c.dateValue(o)
		c.must(err)
		if f := ms.ToFloat(); !math.IsNaN(f) {
			return bson.DateTime(int64(f))
		}
		panic(c.vm.NewTypeError("an invalid Date has no BSON form"))
	case "RegExp":
		source, flags := stringOr(o.Get("source"), ""), stringOr(o.Get("flags"), "")
		r.spend(len(source))
		return bson.Regex{Pattern: source, Options: regexOptions(flags)}
	}
	// Not Export of anything: of a plain object it copies everything, by running its getters.
	switch o.ExportType() {
	case typeBytes, typeBuffer:
		data := bytesOf(o)
		r.spend(len(data))
		return bson.Binary{Data: slices.Clone(data)}
	case typeMap:
		return r.entries(o, depth)
	}
	return r.document(o, depth)
}

func (r *reader) array(o *goja.Object, depth int) any {
	n := o.Get("length").ToInteger()
	if n < 0 || n > int64(r.left)/8 {
		panic(r.c.vm.NewTypeError("the value is too large"))
	}
	out := make(bson.A, 0, min(n, 1024))
	for i := range n {
		v := o.Get(r.c.vm.ToValue(i).String())
		if skipped(v) {
			v = goja.Null()
		}
		out = append(out, r.value(v, depth+1))
	}
	return out
}

func (r *reader) document(o *goja.Object, depth int) any {
	out := bson.D{}
	for _, key := range o.Keys() {
		v := o.Get(key)
		if skipped(v) {
			continue
		}
		r.spend(len(key))
		out = append(out, bson.E{Key: key, Value: r.value(v, depth+1)})
	}
	return out
}

// entries is the document of a Map. forEach is the runtime's own: a Map may have another.
func (r *reader) entries(o *goja.Object, depth int) any {
	out := bson.D{}
	r.c.vm.ForOf(o, func(entry goja.Value) bool {
		pair := entry.ToObject(r.c.vm)
		key, ok := pair.Get("0").Export().(string)
		if !ok {
			panic(r.c.vm.NewTypeError("a Map whose keys are not strings has no BSON form"))
		}
		if v := pair.Get("1"); !skipped(v) {
			r.spend(len(key))
			out = append(out, bson.E{Key: key, Value: r.value(v, depth+1)})
		}
		return true
	})
	return out
}

// boxed is what an object of a class stands for.
func (r *reader) boxed(value any) any {
	switch v := value.(type) {
	case *cursor:
		if !r.cursors {
			panic(r.c.vm.NewTypeError("a cursor has no BSON form: await its toArray()"))
		}
		if r.failed != nil {
			return nil
		}
		// The call is over: nothing else is running that would have to go on.
		docs, err := v.read(r.c.ctx)
		if err != nil {
			r.failed = err
			return nil
		}
		r.c.checkSize(docs, &r.left)
		return docs
	case *collection:
		panic(r.c.vm.NewTypeError("a collection has no BSON form"))
	case bson.Binary:
		r.spend(len(v.Data))
	}
	return value
}

// skipped says whether JSON would leave this member out.
func skipped(v goja.Value) bool {
	if _, ok := v.(*goja.Symbol); ok {
		return true
	}
	_, ok := goja.AssertFunction(v)
	return ok
}

var (
	typeProxy  = reflect.TypeFor[goja.Proxy]()
	typeBytes  = reflect.TypeFor[[]byte]()
	typeBuffer = reflect.TypeFor[goja.ArrayBuffer]()
	typeMap    = reflect.TypeFor[[][2]any]()
)

// bytesOf returns the bytes of a Uint8Array or an ArrayBuffer, not copied.
func bytesOf(o *goja.Object) []byte {
	switch x := o.Export().(type) {
	case []byte:
		return x
	case goja.ArrayBuffer:
		return x.Bytes()
	}
	return nil
}

// regexOptions are the flags of JavaScript that BSON has too, in BSON's order.
func regexOptions(flags string) string {
	var out []byte
	for _, f := range []byte("imsu") {
		if slices.Contains([]byte(flags), f) {
			out = append(out, f)
		}
	}
	return string(out)
}

// checkSize counts a value that came from the host.
func (c *call) checkSize(v any, left *int) {
	*left -= 8
	switch v := v.(type) {
	case string:
		*left -= len(v)
	case bson.Binary:
		*left -= len(v.Data)
	case bson.D:
		for _, e := range v {
			*left -= len(e.Key)
			c.checkSize(e.Value, left)
		}
	case bson.A:
		for _, e := range v {
			c.checkSize(e, left)
		}
	}
	if *left < 0 {
		panic(c.vm.NewTypeError("the value is too large"))
	}
}
