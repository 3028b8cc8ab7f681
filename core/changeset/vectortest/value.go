package vectortest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"realmsync/core/value"
)

var markers = map[string]value.Kind{"object": value.KindObject, "list": value.KindList, "dictionary": value.KindDictionary, "set": value.KindSet}

// valueForm is every form of a value; exactly one field is set.
type valueForm struct {
	Int       *string
	Bool      *bool
	String    *string
	StringHex *string `json:"string_hex"`
	Binary    *string
	Timestamp *struct {
		S  string
		NS int32
	}
	Float     *string
	Double    *string
	Bits      *string // of a decimal
	ObjectID  *string `json:"objectId"`
	UUID      *string
	Link      []json.RawMessage
	GlobalKey []string
	New       *string
	Erased    *bool
}

// ParseValue reads a value or an instruction's payload.
func ParseValue(raw []byte) (v value.Value, err error) {
	if string(raw) == "null" {
		return value.Null(), nil
	}
	var f valueForm
	if err := json.Unmarshal(raw, &f); err != nil {
		return v, fmt.Errorf("vectortest: value %s: %w", raw, err)
	}
	switch {
	case f.Int != nil:
		var n int64
		n, err = strconv.ParseInt(*f.Int, 10, 64)
		v = value.Int(n)
	case f.Bool != nil:
		v = value.Bool(*f.Bool)
	case f.String != nil:
		v = value.String(*f.String)
	case f.StringHex != nil:
		var b []byte
		b, err = hex.DecodeString(*f.StringHex)
		v = value.String(string(b))
	case f.Binary != nil:
		var b []byte
		b, err = hex.DecodeString(*f.Binary)
		v = value.Binary(b)
	case f.Timestamp != nil:
		var s int64
		s, err = strconv.ParseInt(f.Timestamp.S, 10, 64)
		v = value.FromTimestamp(value.Timestamp{Seconds: s, Nanoseconds: f.Timestamp.NS})
	case f.Float != nil:
		var bits uint64
		bits, err = strconv.ParseUint(*f.Float, 16, 32)
		v = value.FloatBits(uint32(bits))
	case f.Double != nil:
		var bits uint64
		bits, err = strconv.ParseUint(*f.Double, 16, 64)
		v = value.DoubleBits(bits)
	case f.Bits != nil && len(*f.Bits) == 32:
		var d value.Decimal
		if d.Hi, err = strconv.ParseUint((*f.Bits)[:16], 16, 64); err == nil {
			d.Lo, err = strconv.ParseUint((*f.Bits)[16:], 16, 64)
		}
		v = value.FromDecimal(d)
	case f.ObjectID != nil:
		var id value.ObjectID
		id, err = value.ParseObjectID(*f.ObjectID)
		v = value.FromObjectID(id)
	case f.UUID != nil:
		var id value.UUID
		id, err = value.ParseUUID(*f.UUID)
		v = value.FromUUID(id)
	case len(f.Link) == 2:
		var class string
		var key value.Key
		if class, err = ParseName(f.Link[0]); err == nil {
			key, err = ParseKey(f.Link[1])
		}
		v = value.FromLink(class, key)
	case f.New != nil && markers[*f.New] != 0:
		v = value.Marker(markers[*f.New])
	case f.Erased != nil:
		v = value.Marker(value.KindErased)
	default:
		err = fmt.Errorf("unknown form")
	}
	if err != nil {
		return value.Null(), fmt.Errorf("vectortest: value %s: %w", raw, err)
	}
	return v, nil
}

// ParseKey reads a primary key.
func ParseKey(raw []byte) (value.Key, error) {
	var f valueForm
	if err := json.Unmarshal(raw, &f); err == nil && len(f.GlobalKey) == 2 {
		hi, err := strconv.ParseUint(f.GlobalKey[0], 10, 64)
		if err != nil {
			return value.Key{}, err
		}
		lo, err := strconv.ParseUint(f.GlobalKey[1], 10, 64)
		return value.GlobalKey(hi, lo), err
	}
	v, err := ParseValue(raw)
	if err != nil {
		return value.Key{}, err
	}
	key, ok := value.KeyOf(v)
	if !ok {
		return key, fmt.Errorf("vectortest: %s is not a primary key", raw)
	}
	return key, nil
}

// ParseName reads the name of a class or property, or a dictionary key.
func ParseName(raw []byte) (string, error) {
	var f struct{ Hex *string }
	if json.Unmarshal(raw, &f) == nil && f.Hex != nil {
		b, err := hex.DecodeString(*f.Hex)
		return string(b), err
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err
}

// FormatValue writes a value without the texts that are only for readers ("approx").
func FormatValue(v value.Value) json.RawMessage { return AppendValue(nil, v) }

// AppendValue is FormatValue onto dst.
func AppendValue(dst []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.KindNull:
		return append(dst, "null"...)
	case value.KindInt:
		return fmt.Appendf(dst, `{"int":"%d"}`, v.Int())
	case value.KindBool:
		return fmt.Appendf(dst, `{"bool":%t}`, v.Bool())
	case value.KindString:
		if !utf8.ValidString(v.Str()) {
			return fmt.Appendf(dst, `{"string_hex":"%x"}`, v.Str())
		}
		return append(AppendText(append(dst, `{"string":`...), v.Str()), '}')
	case value.KindBinary:
		return fmt.Appendf(dst, `{"binary":"%x"}`, v.Str())
	case value.KindTimestamp:
		t := v.Timestamp()
		return fmt.Appendf(dst, `{"timestamp":{"s":"%d","ns":%d}}`, t.Seconds, t.Nanoseconds)
	case value.KindFloat:
		return fmt.Appendf(dst, `{"float":"%08x"}`, v.Bits())
	case value.KindDouble:
		return fmt.Appendf(dst, `{"double":"%016x"}`, v.Bits())
	case value.KindDecimal:
		d := v.Decimal()
		return fmt.Appendf(dst, `{"decimal":"%v","bits":"%016x%016x"}`, d, d.Hi, d.Lo)
	case value.KindLink:
		dst = AppendName(append(dst, `{"link":[`...), v.Link().Class)
		return append(AppendKey(append(dst, ','), v.Link().Key), "]}"...)
	case value.KindObjectID:
		return fmt.Appendf(dst, `{"objectId":"%v"}`, v.ObjectID())
	case value.KindUUID:
		return fmt.Appendf(dst, `{"uuid":"%v"}`, v.UUID())
	case value.KindErased:
		return append(dst, `{"erased":true}`...)
	default:
		return fmt.Appendf(dst, `{"new":"%v"}`, v.Kind())
	}
}

// AppendKey writes a primary key.
func AppendKey(dst []byte, k value.Key) []byte {
	if k.Kind() == value.KindGlobalKey {
		hi, lo := k.Global()
		return fmt.Appendf(dst, `{"globalKey":["%d","%d"]}`, hi, lo)
	}
	return AppendValue(dst, k.Value())
}

// AppendName writes the name of a class or property.
func AppendName(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		return fmt.Appendf(dst, `{"hex":"%x"}`, s)
	}
	return AppendText(dst, s)
}

// AppendText writes a string that is UTF-8 as JSON, with no more escapes than needed.
func AppendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch b := s[i]; {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b < 0x20:
			dst = fmt.Appendf(dst, `\u%04x`, b)
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}
