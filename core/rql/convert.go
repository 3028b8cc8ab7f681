package rql

import (
	"math"
	"strconv"
	"strings"

	"realmsync/core/value"
)

// constant evaluates a literal or scalar argument and converts it toward the type of the other operand (spec section 5.3).
// The type that it returns is that of the value, except that null compared with a string or binary is of that type.
func (b *binder) constant(c *constant, hint Type) (value.Value, Type) {
	if c.failure != nil {
		panic(c.failure)
	}
	var v value.Value
	switch c.kind {
	case constStorageKey:
		v = b.storageKey(c, hint)
	case constObject:
		v = b.object(c)
	case constArg:
		if c.quantifier != QuantNone { // inside a list literal
			if arg := b.arg(c.arg, c.pos); !arg.isList {
				panic(fail(ErrInvalidQuery, c.pos, "ANY/ALL/NONE are only allowed on arguments which contain a list but '$%d' is not a list.", c.arg))
			}
		}
		v = b.convert(b.scalarArg(c.arg, c.pos), "", hint, c.pos)
		b.checkArg(c, v, hint)
		if v.Kind() == value.KindLink {
			v = b.resolve(v)
		}
	case constInfinity, constNaN:
		v = b.convert(special(c.value.Double(), hint), c.text, hint, c.pos)
	default:
		v = b.convert(c.value, c.text, hint, c.pos)
	}
	if v.IsNull() && (hint == TypeString || hint == TypeBinary) {
		return v, hint
	}
	return v, typeOfValue(v)
}

// special returns an infinity or NaN literal as float where the other operand is one; convert does the rest.
func special(f float64, hint Type) value.Value {
	switch {
	case hint == TypeFloat && math.IsNaN(f):
		return value.FloatBits(floatNaN)
	case hint == TypeFloat:
		return value.Float(float32(f))
	case math.IsNaN(f):
		return value.DoubleBits(doubleNaN)
	default:
		return value.Double(f)
	}
}

// The NaN of the language has the bits of C's, not of Go's: NaNs with different bits are not equal.
const (
	floatNaN  = 0x7fc00000
	doubleNaN = 0x7ff8000000000000
)

// checkArg refuses an argument that can't be compared with the other operand.
func (b *binder) checkArg(c *constant, v value.Value, hint Type) {
	if compatible(typeOfValue(v), hint) {
		return
	}
	if v.Kind() == value.KindLink {
		panic(fail(ErrInvalidQueryArg, c.pos, "Cannot compare $%d which links to '%s' with primary key '%s' to a %s",
			c.arg, v.Link().Class, printValue(v.Link().Key.Value()), hint))
	}
	panic(fail(ErrInvalidQueryArg, c.pos, "Cannot compare argument $%d with value '%s' to a %s", c.arg, printBrief(v), hint))
}

// object evaluates obj("Class", key). The class may be written with the prefix of its storage name.
func (b *binder) object(c *constant) value.Value {
	name := c.class
	class := b.schema.Class(strings.TrimPrefix(name, classPrefix))
	if class == nil {
		class = b.schema.Class(name)
	}
	if class == nil {
		panic(fail(ErrInvalidQuery, c.pos, "Unknown object type '%s'", clip(name)))
	}
	v, _ := b.constant(c.key, keyType(class.Key()))
	key, ok := value.KeyOf(v)
	if !ok {
		panic(fail(ErrInvalidQueryArg, c.pos, "A value of type '%s' can not be the primary key in obj(\"%s\", ...)", typeOfValue(v), class.Name))
	}
	return b.resolve(value.FromLink(class.Name, key))
}

// StorageKeys tells which object the literals O5 and L2:5 stand for: the one with this object key in a class, or in the
// class with this table key if class is "". It returns false if there is none. Object keys are those of the store that
// the query is for, in creation order; table keys too.
type StorageKeys func(class string, table, object int64) (value.Link, bool)

// WithStorageKeys makes Bind accept O5 and L2:5; without it they are refused with ErrUnsupported. The function is called
// during Bind only.
func WithStorageKeys(find StorageKeys) BindOption {
	return func(b *binder) { b.storageKeys = find }
}

// storageKey evaluates O5, whose class is that of the link that it is compared with, and L2:5. Objects that don't exist are null.
func (b *binder) storageKey(c *constant, hint Type) value.Value {
	if b.storageKeys == nil {
		panic(unsupported(c.pos, "literals that name storage keys ("+clip(c.text)+")"))
	}
	class, table, number := "", int64(-1), c.text[1:]
	if first, second, typed := strings.Cut(number, ":"); typed {
		table, number = integer(first), second
	} else if class = b.linkClass; hint != TypeLink || class == "" {
		panic(fail(ErrInvalidQuery, c.pos, "Unsupported comparison between type '%s' and type 'link'", hint))
	}
	link, ok := b.storageKeys(class, table, integer(number))
	if !ok {
		return value.Null()
	}
	return b.resolve(value.FromLink(link.Class, link.Key))
}

// classPrefix begins the storage name of a class.
const classPrefix = "class_"

// resolve returns null for a link to an object that doesn't exist.
func (b *binder) resolve(link value.Value) value.Value {
	if l := link.Link(); !b.exists(l.Class, l.Key) {
		return value.Null()
	}
	return link
}

// convert is the table of spec section 5.3. text is the source of a literal, "" for arguments.
func (b *binder) convert(v value.Value, text string, hint Type, pos int) value.Value {
	switch v.Kind() {
	case value.KindInt:
		if hint == TypeDecimal {
			return value.FromDecimal(decimalFromInt(v.Int()))
		}
	case value.KindDouble:
		return convertDouble(v, text, hint, pos)
	case value.KindFloat:
		f := float64(v.Float())
		refuseInfinity(f, hint, pos)
		if hint == TypeInt {
			if math.IsNaN(f) {
				panic(fail(ErrInvalidQuery, pos, "NaN not supported for int"))
			}
			if n, ok := wholeInt(f); ok {
				return value.Int(n)
			}
		}
	case value.KindString:
		return convertString(v, hint)
	}
	return v
}

func convertDouble(v value.Value, text string, hint Type, pos int) value.Value {
	f := v.Double()
	refuseInfinity(f, hint, pos)
	switch hint {
	case TypeFloat:
		switch {
		case math.IsNaN(f):
			return value.FloatBits(floatNaN)
		case text != "" && !math.IsInf(f, 0):
			return value.Float(parseFloat(text))
		default:
			return value.Float(float32(f))
		}
	case TypeDecimal:
		if text != "" && !math.IsInf(f, 0) && !math.IsNaN(f) {
			if d, ok := parseDecimal(text); ok {
				return value.FromDecimal(d)
			}
		}
		return value.FromDecimal(decimalFromDouble(f))
	case TypeInt:
		if n, ok := wholeInt(f); ok {
			return value.Int(n)
		}
	}
	return v
}

// refuseInfinity refuses infinities against types that have none.
func refuseInfinity(f float64, hint Type, pos int) {
	if math.IsInf(f, 0) && (hint == TypeInt || hint != TypeMixed && hint != TypeNull && !hint.IsNumeric()) {
		panic(fail(ErrInvalidQuery, pos, "Infinity not supported for %s", hint))
	}
}

// wholeInt returns f as an int if that is exact.
func wholeInt(f float64) (int64, bool) {
	if f < -(1<<63) || f >= 1<<63 || f != math.Trunc(f) { // false for NaN, too
		return 0, false
	}
	return int64(f), true
}

// convertString reads numbers from strings. What can't be read stays a string, which the type check then refuses.
func convertString(v value.Value, hint Type) value.Value {
	s := v.Str()
	switch hint {
	case TypeInt:
		if n, ok := leadingInt(s); ok {
			return value.Int(n)
		}
	case TypeFloat:
		if f, ok := leadingFloat(s, 32); ok {
			return value.Float(float32(f))
		}
	case TypeDouble:
		if f, ok := leadingFloat(s, 64); ok {
			return value.Double(f)
		}
	case TypeDecimal:
		if d, ok := parseDecimal(s); ok {
			return value.FromDecimal(d)
		}
	}
	return v
}

// leadingInt reads blanks, a sign and digits, ignoring what follows.
func leadingInt(s string) (int64, bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	n, err := strconv.ParseInt(s[:signedDigits(s)], 10, 64)
	return n, err == nil
}

// leadingFloat reads blanks and a decimal number, ignoring what follows, or exactly an infinity or nan in any case.
func leadingFloat(s string, bits int) (float64, bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	word := strings.TrimLeft(lower(s[:min(len(s), 10)]), "+-")
	if len(s) <= len("+infinity") && (word == "inf" || word == "infinity" || word == "nan") {
		f, err := strconv.ParseFloat(s, bits)
		if word == "nan" {
			f, err = math.Float64frombits(doubleNaN), nil
		}
		return f, err == nil
	}
	n := numberLength(s)
	if n == 0 {
		return 0, false
	}
	f, err := strconv.ParseFloat(s[:n], bits)
	return f, err == nil
}

// numberLength returns how many bytes at the start of s form a decimal number.
func numberLength(s string) int {
	n := 0
	if n < len(s) && (s[n] == '+' || s[n] == '-') {
		n++
	}
	count := digits(s[n:])
	n += count
	if n < len(s) && s[n] == '.' {
		fraction := digits(s[n+1:])
		if count+fraction == 0 {
			return 0
		}
		n += 1 + fraction
	} else if count == 0 {
		return 0
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		if e := signedDigits(s[n+1:]); e > 0 {
			n += 1 + e
		}
	}
	return n
}

// checkNeedle refuses text that can't be folded, and patterns that take too long.
func (b *binder) checkNeedle(c *comparison, constant *Constant) {
	if c.op == OpLike && constant != nil && !newNeedle(OpLike, false, constant.Value.Str()).searchable() {
		panic(fail(ErrLimit, c.pos, "a LIKE pattern has a ? in a part of more than %d bytes between two stars", MaxWildcards))
	}
	if c.fold && constant != nil && constant.Value.Kind() == value.KindString && !isSequence(constant.Value.Str()) {
		panic(fail(ErrInvalidArgument, c.pos, "Malformed UTF-8: %s", clip(constant.Value.Str())))
	}
}
