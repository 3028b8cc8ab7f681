package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"realmsync/core/value"
)

// Row is one object: its key and the values of its properties. A Row that has left the engine is immutable.
type Row struct {
	Class  *Class // as of the time the row was made
	Key    value.Key
	values []value.Value // by property index of Class
}

// newRow returns an object with default values.
func newRow(class *Class, key value.Key) *Row {
	r := &Row{Class: class, Key: key, values: make([]value.Value, len(class.Properties))}
	for i := range class.Properties {
		r.values[i] = Default(&class.Properties[i])
		if class.Properties[i].Name == class.PrimaryKey {
			r.values[i] = key.Value()
		}
	}
	return r
}

// Value returns the value of the property with that index in the row's own class.
func (r *Row) Value(property int) value.Value { return r.values[property] }

// At returns the value of the property with that index in class, which is the row's class at this or another time.
func (r *Row) At(class *Class, property int) value.Value {
	if r.Class == class {
		return r.values[property]
	}
	if r.Class.ID == class.ID {
		if i, ok := r.Class.at[class.ids[property]]; ok {
			return r.values[i]
		}
	}
	return Default(&class.Properties[property])
}

// clone returns a copy in the given form of the class.
func (r *Row) clone(class *Class) *Row {
	out := &Row{Class: class, Key: r.Key, values: make([]value.Value, len(class.Properties))}
	if r.Class == class {
		copy(out.values, r.values)
		return out
	}
	for i := range out.values {
		out.values[i] = r.At(class, i)
	}
	return out
}

// size estimates the memory of the row in bytes.
func (r *Row) size() int {
	n := 64 + 56*len(r.values)
	for i := range r.values {
		n += len(r.values[i].Str())
	}
	return n
}

// stored estimates the size of the row's document.
func (r *Row) stored() int {
	n := 8 + 12*len(r.values)
	for i := range r.values {
		n += len(r.values[i].Str())
	}
	return n
}

// The stored form of a row, a document: a byte for the form (1), then for each property whose value isn't the default its
// number, the kind and the value. The primary key is not in it. Later forms get other first bytes.
const documentForm = 1

var errDocument = errors.New("history: a stored document is damaged")

// appendDocument appends the stored form of the row.
func appendDocument(b []byte, r *Row) []byte {
	b = append(b, documentForm)
	for i := range r.values {
		p := &r.Class.Properties[i]
		if p.Name == r.Class.PrimaryKey || r.values[i].Identical(Default(p)) {
			continue
		}
		b = binary.AppendUvarint(b, uint64(r.Class.ids[i]))
		b = appendValue(b, r.values[i])
	}
	return b
}

func appendValue(b []byte, v value.Value) []byte {
	b = append(b, byte(v.Kind()))
	switch v.Kind() {
	case value.KindInt:
		b = binary.AppendVarint(b, v.Int())
	case value.KindBool:
		b = append(b, byte(v.Bits()))
	case value.KindString, value.KindBinary:
		b = appendText(b, v.Str())
	case value.KindTimestamp:
		t := v.Timestamp()
		b = binary.AppendVarint(b, t.Seconds)
		b = binary.AppendVarint(b, int64(t.Nanoseconds))
	case value.KindFloat:
		b = binary.BigEndian.AppendUint32(b, uint32(v.Bits()))
	case value.KindDouble:
		b = binary.BigEndian.AppendUint64(b, v.Bits())
	case value.KindDecimal:
		d := v.Decimal()
		b = binary.BigEndian.AppendUint64(b, d.Hi)
		b = binary.BigEndian.AppendUint64(b, d.Lo)
	case value.KindLink:
		l := v.Link()
		b = appendText(b, l.Class)
		b = appendText(b, EncodeKey(l.Key))
	case value.KindObjectID:
		id := v.ObjectID()
		b = append(b, id[:]...)
	case value.KindUUID:
		id := v.UUID()
		b = append(b, id[:]...)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// decodeDocument is the inverse of appendDocument. Values of properties that were removed are skipped.
func decodeDocument(class *Class, key value.Key, doc []byte) (*Row, error) {
	if len(doc) == 0 || doc[0] != documentForm {
		return nil, errDocument
	}
	r := newRow(class, key)
	d := decoder{rest: doc[1:]}
	for len(d.rest) > 0 {
		id := d.uvarint()
		v := d.value()
		if d.failed || id > math.MaxUint32 {
			return nil, fmt.Errorf("%w: class %q, object %s", errDocument, class.Name, key)
		}
		i, ok := class.at[uint32(id)]
		switch {
		case !ok: // of a property that was removed
		case class.Properties[i].Name == class.PrimaryKey:
			return nil, fmt.Errorf("%w: class %q, object %s: it has another primary key", errDocument, class.Name, key)
		default:
			r.values[i] = v
		}
	}
	return r, nil
}

// decoder takes stored bytes apart. After a failure everything reads as zero and failed stays set.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) bytes(n uint64) []byte {
	if uint64(len(d.rest)) < n {
		d.failed, d.rest = true, nil
		return nil
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) text() string { return string(d.bytes(d.uvarint())) }

func (d *decoder) uint64() uint64 {
	if b := d.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) value() value.Value {
	switch value.Kind(int8(d.byte())) {
	case value.KindNull:
		return value.Null()
	case value.KindInt:
		return value.Int(d.varint())
	case value.KindBool:
		return value.Bool(d.byte() != 0)
	case value.KindString:
		return value.String(d.text())
	case value.KindBinary:
		return value.BinaryString(d.text())
	case value.KindTimestamp:
		return value.FromTimestamp(value.Timestamp{Seconds: d.varint(), Nanoseconds: int32(d.varint())})
	case value.KindFloat:
		if b := d.bytes(4); b != nil {
			return value.FloatBits(binary.BigEndian.Uint32(b))
		}
	case value.KindDouble:
		return value.DoubleBits(d.uint64())
	case value.KindDecimal:
		return value.FromDecimal(value.Decimal{Hi: d.uint64(), Lo: d.uint64()})
	case value.KindLink:
		class := d.text()
		key, err := DecodeKey(d.text())
		if err != nil {
			d.failed = true
		}
		return value.FromLink(class, key)
	case value.KindObjectID:
		if b := d.bytes(12); b != nil {
			return value.FromObjectID(value.ObjectID(b))
		}
	case value.KindUUID:
		if b := d.bytes(16); b != nil {
			return value.FromUUID(value.UUID(b))
		}
	default:
		d.failed = true
	}
	return value.Null()
}
