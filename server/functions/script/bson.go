package script

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// class makes a constructor, which works with and without new, and the prototype of what it makes. parent may be nil.
func (c *call) class(on *goja.Object, name string, parent *goja.Object, construct func(args []goja.Value) any, methods, statics map[string]any) (*goja.Object, error) {
	proto := c.vm.NewObject()
	if parent != nil {
		proto = c.vm.CreateObject(parent)
	}
	ctor := c.vm.ToValue(func(call goja.ConstructorCall) *goja.Object {
		return c.wrap(proto, construct(call.Arguments))
	}).ToObject(c.vm)
	for _, err := range []error{
		ctor.DefineDataProperty("name", c.vm.ToValue(name), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE),
		ctor.DefineDataProperty("prototype", proto, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE),
		c.define(proto, map[string]any{"constructor": ctor, "_bsontype": name}),
		c.define(proto, methods), c.define(ctor, statics), c.define(on, map[string]any{name: ctor}),
	} {
		if err != nil {
			return nil, err
		}
	}
	return proto, nil
}

type fn = func(goja.FunctionCall) goja.Value

func arg(args []goja.Value, i int) goja.Value {
	if i < len(args) {
		return args[i]
	}
	return goja.Undefined()
}

func absent(v goja.Value) bool { return goja.IsUndefined(v) || goja.IsNull(v) }

// text gives a method that returns a string of what it is called on.
func text[T any](c *call, class string, f func(T) string) fn {
	return func(call goja.FunctionCall) goja.Value { return c.vm.ToValue(f(as[T](c, call.This, class))) }
}

// equal gives the method equals.
func equal[T any](c *call, class string, same func(a, b T) bool) fn {
	return func(call goja.FunctionCall) goja.Value {
		a := as[T](c, call.This, class)
		v, ok := unwrap(call.Argument(0))
		b, is := v.(T)
		return c.vm.ToValue(ok && is && same(a, b))
	}
}

func same[T comparable](a, b T) bool { return a == b }

// getter adds a read-only member that is worked out.
func (c *call) getter(o *goja.Object, name string, f fn) error {
	return o.DefineAccessorProperty(name, c.vm.ToValue(f), nil, goja.FLAG_TRUE, goja.FLAG_FALSE)
}

// makeBSON makes the global BSON, once.
func (c *call) makeBSON() (*goja.Object, error) {
	if c.bson.global != nil {
		return c.bson.global, nil
	}
	on := c.vm.NewObject()
	c.bson.global = on
	for _, make := range []func(*goja.Object) error{c.objectIDs, c.numbers, c.longs, c.decimals, c.binaries, c.others} {
		if err := make(on); err != nil {
			return nil, err
		}
	}
	return on, nil
}

func (c *call) objectIDs(on *goja.Object) (err error) {
	parse := func(v goja.Value) (bson.ObjectID, bool) {
		if id, ok := unwrap(v); ok {
			id, ok := id.(bson.ObjectID)
			return id, ok
		}
		id, err := bson.ObjectIDFromHex(v.String())
		return id, err == nil
	}
	must := func(v goja.Value) any {
		id, ok := parse(v)
		if !ok {
			panic(c.vm.NewTypeError("an ObjectId is 24 hexadecimal digits"))
		}
		return id
	}
	hexOf := text(c, "ObjectId", bson.ObjectID.Hex)
	c.bson.objectID, err = c.class(on, "ObjectId", nil, func(args []goja.Value) any {
		if absent(arg(args, 0)) {
			return bson.NewObjectIDFromTimestamp(c.Now())
		}
		return must(args[0])
	}, map[string]any{
		"toString": hexOf, "toHexString": hexOf, "toJSON": hexOf,
		"equals": fn(func(call goja.FunctionCall) goja.Value {
			other, ok := parse(call.Argument(0))
			return c.vm.ToValue(ok && other == as[bson.ObjectID](c, call.This, "ObjectId"))
		}),
		"getTimestamp": fn(func(call goja.FunctionCall) goja.Value {
			return c.toJS(bson.NewDateTimeFromTime(as[bson.ObjectID](c, call.This, "ObjectId").Timestamp()))
		}),
	}, map[string]any{
		"createFromHexString": fn(func(call goja.FunctionCall) goja.Value {
			return c.wrap(c.bson.objectID, must(call.Argument(0)))
		}),
		"isValid": fn(func(call goja.FunctionCall) goja.Value {
			_, ok := parse(call.Argument(0))
			return c.vm.ToValue(ok)
		}),
	})
	if err == nil {
		err = c.define(on, map[string]any{"ObjectID": on.Get("ObjectId")})
	}
	return err
}

// numbers makes Int32 and Double: numbers of a type that JavaScript would not choose.
func (c *call) numbers(on *goja.Object) (err error) {
	c.bson.int32, err = c.class(on, "Int32", nil, func(args []goja.Value) any {
		f := arg(args, 0).ToFloat()
		if f != math.Trunc(f) || math.Abs(f) > math.MaxInt32+1 || f == math.MaxInt32+1 {
			panic(c.vm.NewTypeError("an Int32 is an integer of 32 bits"))
		}
		return int32(f)
	}, map[string]any{
		"valueOf":  fn(func(call goja.FunctionCall) goja.Value { return c.vm.ToValue(as[int32](c, call.This, "Int32")) }),
		"toJSON":   fn(func(call goja.FunctionCall) goja.Value { return c.vm.ToValue(as[int32](c, call.This, "Int32")) }),
		"toString": text(c, "Int32", func(n int32) string { return strconv.Itoa(int(n)) }),
		"equals":   equal(c, "Int32", same[int32]),
	}, nil)
	if err != nil {
		return err
	}
	c.bson.double, err = c.class(on, "Double", nil, func(args []goja.Value) any { return arg(args, 0).ToFloat() }, map[string]any{
		"valueOf": fn(func(call goja.FunctionCall) goja.Value { return c.vm.ToValue(as[float64](c, call.This, "Double")) }),
		"toJSON":  fn(func(call goja.FunctionCall) goja.Value { return c.vm.ToValue(as[float64](c, call.This, "Double")) }),
		"toString": fn(func(call goja.FunctionCall) goja.Value {
			return c.vm.ToValue(as[float64](c, call.This, "Double")).ToString()
		}),
		"equals": equal(c, "Double", same[float64]),
	}, nil)
	return err
}

func (c *call) decimals(on *goja.Object) (err error) {
	parse := func(v goja.Value) any {
		d, err := bson.ParseDecimal128(v.String())
		if err != nil {
			panic(c.vm.NewTypeError("not a Decimal128"))
		}
		return d
	}
	c.bson.decimal, err = c.class(on, "Decimal128", nil, func(args []goja.Value) any { return parse(arg(args, 0)) }, map[string]any{
		"toString": text(c, "Decimal128", bson.Decimal128.String),
		"toJSON": fn(func(call goja.FunctionCall) goja.Value {
			return c.toJS(bson.D{{Key: "$numberDecimal", Value: as[bson.Decimal128](c, call.This, "Decimal128").String()}})
		}),
		"equals": equal(c, "Decimal128", same[bson.Decimal128]),
	}, map[string]any{
		"fromString": fn(func(call goja.FunctionCall) goja.Value { return c.wrap(c.bson.decimal, parse(call.Argument(0))) }),
	})
	return err
}

// bytesFrom takes bytes, or a string by how it is to be read.
func (c *call) bytesFrom(v goja.Value, decode func(string) ([]byte, error)) []byte {
	if o, ok := v.(*goja.Object); ok {
		if b, ok := unwrap(o); ok {
			if b, ok := b.(bson.Binary); ok {
				return b.Data
			}
		}
		switch o.ExportType() {
		case typeBytes, typeBuffer:
			return append([]byte{}, bytesOf(o)...)
		}
		panic(c.vm.NewTypeError("bytes or a string are expected"))
	}
	if absent(v) {
		return []byte{}
	}
	data, err := decode(v.String())
	if err != nil {
		panic(c.vm.NewTypeError("the text does not encode bytes"))
	}
	return data
}

func utf8Bytes(s string) ([]byte, error) { return []byte(s), nil }

func uuidText(b bson.Binary) string {
	if len(b.Data) != 16 {
		return hex.EncodeToString(b.Data)
	}
	h := hex.EncodeToString(b.Data)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (c *call) binaries(on *goja.Object) (err error) {
	subtype := func(v goja.Value) byte {
		if absent(v) {
			return 0
		}
		n := v.ToInteger()
		if n < 0 || n > 255 {
			panic(c.vm.NewTypeError("a subtype is a byte"))
		}
		return byte(n)
	}
	from := func(decode func(string) ([]byte, error)) fn {
		return func(call goja.FunctionCall) goja.Value {
			b := bson.Binary{Data: c.bytesFrom(call.Argument(0), decode), Subtype: subtype(call.Argument(1))}
			return c.wrap(c.bson.proto(b), b)
		}
	}
	toBase64 := text(c, "Binary", func(b bson.Binary) string { return base64.StdEncoding.EncodeToString(b.Data) })
	c.bson.binary, err = c.class(on, "Binary", nil, func(args []goja.Value) any {
		return bson.Binary{Data: c.bytesFrom(arg(args, 0), utf8Bytes), Subtype: subtype(arg(args, 1))}
	}, map[string]any{
		"toBase64": toBase64, "toJSON": toBase64,
		"toHex":    text(c, "Binary", func(b bson.Binary) string { return hex.EncodeToString(b.Data) }),
		"text":     text(c, "Binary", func(b bson.Binary) string { return strings.ToValidUTF8(string(b.Data), "�") }),
		"toString": text(c, "Binary", func(b bson.Binary) string { return strings.ToValidUTF8(string(b.Data), "�") }),
		"length": fn(func(call goja.FunctionCall) goja.Value {
			return c.vm.ToValue(len(as[bson.Binary](c, call.This, "Binary").Data))
		}),
		"bytes": fn(func(call goja.FunctionCall) goja.Value {
			data := append([]byte{}, as[bson.Binary](c, call.This, "Binary").Data...)
			o, err := c.vm.New(c.vm.Get("Uint8Array"), c.vm.ToValue(c.vm.NewArrayBuffer(data)))
			c.must(err)
			return o
		}),
		"equals": equal(c, "Binary", func(a, b bson.Binary) bool { return a.Equal(b) }),
	}, map[string]any{
		"fromBase64": from(base64.StdEncoding.DecodeString), "fromHex": from(hex.DecodeString), "fromText": from(utf8Bytes),
	})
	if err != nil {
		return err
	}
	if err := c.getter(c.bson.binary, "sub_type", func(call goja.FunctionCall) goja.Value {
		return c.vm.ToValue(int(as[bson.Binary](c, call.This, "Binary").Subtype))
	}); err != nil {
		return err
	}
	parse := func(v goja.Value) any {
		if b, ok := unwrap(v); ok {
			if b, ok := b.(bson.Binary); ok && len(b.Data) == 16 {
				return bson.Binary{Subtype: bson.TypeBinaryUUID, Data: b.Data}
			}
		}
		s := v.String()
		if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
			s = strings.ReplaceAll(s, "-", "")
		}
		data, err := hex.DecodeString(s)
		if err != nil || len(data) != 16 {
			panic(c.vm.NewTypeError("a UUID is 32 hexadecimal digits"))
		}
		return bson.Binary{Subtype: bson.TypeBinaryUUID, Data: data}
	}
	toText := text(c, "UUID", uuidText)
	c.bson.uuid, err = c.class(on, "UUID", c.bson.binary, func(args []goja.Value) any {
		if absent(arg(args, 0)) {
			return bson.Binary{Subtype: bson.TypeBinaryUUID, Data: randomUUID()}
		}
		return parse(args[0])
	}, map[string]any{"toString": toText, "toHexString": toText, "toJSON": toText}, map[string]any{
		"isValid": fn(func(call goja.FunctionCall) goja.Value {
			return c.vm.ToValue(c.vm.Try(func() { parse(call.Argument(0)) }) == nil)
		}),
	})
	return err
}

// others makes Timestamp, MinKey, MaxKey and BSONRegExp.
func (c *call) others(on *goja.Object) (err error) {
	word := func(v goja.Value) uint32 {
		if absent(v) {
			return 0
		}
		n := v.ToInteger()
		if n < 0 || n > math.MaxUint32 {
			panic(c.vm.NewTypeError("a Timestamp has two numbers of 32 bits"))
		}
		return uint32(n)
	}
	c.bson.timestamp, err = c.class(on, "Timestamp", nil, func(args []goja.Value) any {
		if o, ok := arg(args, 0).(*goja.Object); ok {
			return bson.Timestamp{T: word(valueOr(o.Get("t"))), I: word(valueOr(o.Get("i")))}
		}
		return bson.Timestamp{I: word(arg(args, 0)), T: word(arg(args, 1))} // low, high
	}, map[string]any{
		"toString": text(c, "Timestamp", func(t bson.Timestamp) string {
			return strconv.FormatUint(uint64(t.T)<<32|uint64(t.I), 10)
		}),
		"toJSON": fn(func(call goja.FunctionCall) goja.Value {
			t := as[bson.Timestamp](c, call.This, "Timestamp")
			return c.toJS(bson.D{{Key: "$timestamp", Value: bson.D{{Key: "t", Value: int64(t.T)}, {Key: "i", Value: int64(t.I)}}}})
		}),
		"equals": equal(c, "Timestamp", same[bson.Timestamp]),
	}, nil)
	if err != nil {
		return err
	}
	for name, f := range map[string]fn{
		"t": func(call goja.FunctionCall) goja.Value {
			return c.vm.ToValue(as[bson.Timestamp](c, call.This, "Timestamp").T)
		},
		"i": func(call goja.FunctionCall) goja.Value {
			return c.vm.ToValue(as[bson.Timestamp](c, call.This, "Timestamp").I)
		},
	} {
		if err := c.getter(c.bson.timestamp, name, f); err != nil {
			return err
		}
	}
	if c.bson.minKey, err = c.class(on, "MinKey", nil, func([]goja.Value) any { return bson.MinKey{} }, nil, nil); err != nil {
		return err
	}
	if c.bson.maxKey, err = c.class(on, "MaxKey", nil, func([]goja.Value) any { return bson.MaxKey{} }, nil, nil); err != nil {
		return err
	}
	c.bson.regex, err = c.class(on, "BSONRegExp", nil, func(args []goja.Value) any {
		return bson.Regex{Pattern: stringOr(arg(args, 0), ""), Options: stringOr(arg(args, 1), "")}
	}, map[string]any{
		"toString": text(c, "BSONRegExp", func(r bson.Regex) string { return "/" + r.Pattern + "/" + r.Options }),
		"equals":   equal(c, "BSONRegExp", same[bson.Regex]),
	}, nil)
	if err != nil {
		return err
	}
	for name, f := range map[string]fn{
		"pattern": text(c, "BSONRegExp", func(r bson.Regex) string { return r.Pattern }),
		"options": text(c, "BSONRegExp", func(r bson.Regex) string { return r.Options }),
	} {
		if err := c.getter(c.bson.regex, name, f); err != nil {
			return err
		}
	}
	return nil
}

func valueOr(v goja.Value) goja.Value {
	if v == nil {
		return goja.Undefined()
	}
	return v
}

// longs makes Long: integers of 64 bits that wrap around.
func (c *call) longs(on *goja.Object) (err error) {
	parse := func(v goja.Value) int64 {
		if x, ok := unwrap(v); ok {
			switch x := x.(type) {
			case int64:
				return x
			case int32:
				return int64(x)
			}
		}
		switch x := valueOr(v).Export().(type) {
		case int64:
			return x
		case float64:
			// As Long.fromNumber does: what is beyond is the nearest.
			switch {
			case math.IsNaN(x):
				return 0
			case x >= math.MaxInt64:
				return math.MaxInt64
			case x <= math.MinInt64:
				return math.MinInt64
			}
			return int64(x)
		case *big.Int:
			if x.IsInt64() {
				return x.Int64()
			}
		case string:
			if n, err := strconv.ParseInt(x, 10, 64); err == nil {
				return n
			}
		}
		panic(c.vm.NewTypeError("a Long is an integer of 64 bits"))
	}
	self := func(call goja.FunctionCall) int64 { return as[int64](c, call.This, "Long") }
	arithmetic := func(f func(a, b int64) int64) fn {
		return func(call goja.FunctionCall) goja.Value {
			return c.wrap(c.bson.long, f(self(call), parse(call.Argument(0))))
		}
	}
	divided := func(f func(a, b int64) int64) fn {
		return arithmetic(func(a, b int64) int64 {
			if b == 0 {
				panic(c.vm.NewTypeError("division by zero"))
			}
			return f(a, b)
		})
	}
	compare := func(f func(a, b int64) bool) fn {
		return func(call goja.FunctionCall) goja.Value { return c.vm.ToValue(f(self(call), parse(call.Argument(0)))) }
	}
	toNumber := fn(func(call goja.FunctionCall) goja.Value { return c.vm.ToValue(float64(self(call))) })
	make := fn(func(call goja.FunctionCall) goja.Value { return c.wrap(c.bson.long, parse(call.Argument(0))) })
	add := arithmetic(func(a, b int64) int64 { return a + b })
	subtract := arithmetic(func(a, b int64) int64 { return a - b })
	multiply := arithmetic(func(a, b int64) int64 { return a * b })
	divide := divided(func(a, b int64) int64 { return a / b })
	modulo := divided(func(a, b int64) int64 { return a % b })
	equals := compare(func(a, b int64) bool { return a == b })
	c.bson.long, err = c.class(on, "Long", nil, func(args []goja.Value) any {
		if len(args) >= 2 && !absent(args[1]) { // the low and the high half
			if _, isBool := args[1].Export().(bool); !isBool {
				return args[1].ToInteger()<<32 | int64(uint32(args[0].ToInteger()))
			}
		}
		if absent(arg(args, 0)) {
			return int64(0)
		}
		return parse(args[0])
	}, map[string]any{
		"toString": text(c, "Long", func(n int64) string { return strconv.FormatInt(n, 10) }),
		"toNumber": toNumber, "valueOf": toNumber, "toJSON": toNumber,
		"toBigInt": fn(func(call goja.FunctionCall) goja.Value { return c.vm.ToValue(big.NewInt(self(call))) }),
		"toInt":    fn(func(call goja.FunctionCall) goja.Value { return c.vm.ToValue(int32(self(call))) }),
		"add":      add, "subtract": subtract, "sub": subtract, "multiply": multiply, "mul": multiply, "divide": divide, "div": divide,
		"modulo": modulo, "mod": modulo, "equals": equals, "eq": equals,
		"negate":             fn(func(call goja.FunctionCall) goja.Value { return c.wrap(c.bson.long, -self(call)) }),
		"lessThan":           compare(func(a, b int64) bool { return a < b }),
		"lessThanOrEqual":    compare(func(a, b int64) bool { return a <= b }),
		"greaterThan":        compare(func(a, b int64) bool { return a > b }),
		"greaterThanOrEqual": compare(func(a, b int64) bool { return a >= b }),
		"isZero":             fn(func(call goja.FunctionCall) goja.Value { return c.vm.ToValue(self(call) == 0) }),
		"isNegative":         fn(func(call goja.FunctionCall) goja.Value { return c.vm.ToValue(self(call) < 0) }),
	}, map[string]any{"fromNumber": make, "fromInt": make, "fromString": make, "fromBigInt": make})
	if err != nil {
		return err
	}
	ctor := on.Get("Long").ToObject(c.vm)
	for name, n := range map[string]int64{"MAX_VALUE": math.MaxInt64, "MIN_VALUE": math.MinInt64, "ZERO": 0, "ONE": 1} {
		if err := c.define(ctor, map[string]any{name: c.wrap(c.bson.long, n)}); err != nil {
			return err
		}
	}
	return nil
}
