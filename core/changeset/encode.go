package changeset

import (
	"encoding/binary"
	"unsafe"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// Encode returns the bytes of a changeset: all string definitions, numbered in the order in which the instructions mention
// the strings, then the instructions. A changeset without instructions is zero bytes.
//
// It fails with a *BadChangesetError only for instructions that have no form on the wire; decoded ones always have.
func Encode(c *Changeset) ([]byte, error) { return Append(nil, c) }

// Append is Encode onto dst. After an error it returns dst as it was.
func Append(dst []byte, c *Changeset) ([]byte, error) {
	if c.Empty() {
		return dst, nil
	}
	w := writer{}
	body := make([]byte, 0, 16*len(c.Instructions))
	out := dst
	for i := range c.Instructions {
		in := &c.Instructions[i]
		if err := in.encodable(); err != nil {
			err.Index = i
			return dst, err
		}
		out = w.define(out, in)
		body = w.append(body, in)
	}
	return append(out, body...), nil
}

// writer writes instructions. It visits the strings of each twice in the same order: first to define those that are new
// and to note all numbers, then to write these.
type writer struct {
	index map[string]uint32
	names []string // the defined strings, by number
	refs  []uint32 // numbers of the strings of the instruction at hand
	at    int      // how many of them are written
	class uint32   // number of the class named last: most often it is the next one too
	copy  bool     // the strings of instructions may change afterwards: the index refers to the bytes of the definitions
}

// define appends the definitions that the instruction needs and that are not there yet.
func (w *writer) define(dst []byte, in *Instruction) []byte {
	w.refs, w.at = w.refs[:0], 0
	if len(w.names) != 0 && in.Table == w.names[w.class] {
		w.refs = append(w.refs, w.class)
	} else {
		dst = w.intern(dst, in.Table)
		w.class = w.refs[0]
	}
	switch in.Op {
	case EraseTable:
	case AddTable:
		if in.Schema.TableKind != schema.Embedded {
			dst = w.intern(dst, in.Schema.KeyField)
		}
	case CreateObject, EraseObject:
		dst = w.internKey(dst, in.Key)
	case AddColumn:
		dst = w.intern(dst, in.Field)
		if in.Schema.Type == value.KindLink {
			dst = w.intern(dst, in.Schema.LinkTarget)
		}
	case EraseColumn:
		dst = w.intern(dst, in.Field)
	default:
		dst = w.internKey(dst, in.Key)
		dst = w.intern(dst, in.Field)
		for i := range in.Path {
			if !in.Path[i].IsPos {
				dst = w.intern(dst, in.Path[i].Key)
			}
		}
		if in.hasValue() && in.Value.Kind() == value.KindLink {
			link := in.Value.Link()
			dst = w.intern(dst, link.Class)
			dst = w.internKey(dst, link.Key)
		}
	}
	return dst
}

// hasValue tells whether a path instruction carries a value.
func (in *Instruction) hasValue() bool {
	return in.Op == Update || in.Op == ArrayInsert || in.Op == SetInsert || in.Op == SetErase
}

func (w *writer) internKey(dst []byte, k value.Key) []byte {
	if k.Kind() == value.KindString {
		return w.intern(dst, k.Str())
	}
	return dst
}

// intern notes the number of a string, and defines it if it is new.
func (w *writer) intern(dst []byte, s string) []byte {
	id, known := w.index[s]
	if !known {
		if w.index == nil {
			w.index = map[string]uint32{}
		}
		id = uint32(len(w.names))
		dst = append(dst, opIntern)
		dst = appendUint(dst, uint64(id))
		dst = appendUint(dst, uint64(len(s)))
		dst = append(dst, s...)
		if w.copy {
			// The bytes of a definition don't change once they are written; if dst moves, the old array stays for the index.
			s = unsafe.String(unsafe.SliceData(dst[len(dst)-len(s):]), len(s))
		}
		w.index[s] = id
		w.names = append(w.names, s)
	}
	w.refs = append(w.refs, id)
	return dst
}

// reset forgets all definitions.
func (w *writer) reset() {
	const small = 1024
	if len(w.names) > small { // clearing a big map takes long, each time
		w.index, w.names = nil, nil
	}
	clear(w.index)
	clear(w.names)
	w.names, w.class = w.names[:0], 0
}

// append appends an instruction whose strings are defined.
func (w *writer) append(dst []byte, in *Instruction) []byte {
	dst = append(dst, byte(in.Op))
	dst = w.reference(dst)
	switch in.Op {
	case EraseTable:
	case AddTable:
		f := in.Schema
		dst = append(dst, byte(f.TableKind))
		if f.TableKind != schema.Embedded {
			dst = w.reference(dst)
			dst = appendInt(dst, int64(f.KeyType))
			dst = appendBool(dst, f.KeyNull)
		}
	case CreateObject, EraseObject:
		dst = w.appendKey(dst, in.Key)
	case AddColumn:
		f := in.Schema
		dst = w.reference(dst)
		dst = appendInt(dst, int64(f.Type))
		dst = appendBool(dst, f.Nullable)
		dst = append(dst, byte(in.Collection))
		if f.Type == value.KindLink {
			dst = w.reference(dst)
		}
		if in.Collection == schema.Dictionary {
			dst = appendInt(dst, int64(f.KeyType))
		}
	case EraseColumn:
		dst = w.reference(dst)
	default:
		dst = w.appendPathInstruction(dst, in)
	}
	return dst
}

func (w *writer) appendPathInstruction(dst []byte, in *Instruction) []byte {
	dst = w.appendKey(dst, in.Key)
	dst = w.reference(dst)
	dst = appendUint(dst, uint64(len(in.Path)))
	for i := range in.Path {
		if in.Path[i].IsPos {
			dst = appendUint(dst, uint64(in.Path[i].Pos))
		} else {
			dst = appendInt(dst, -1)
			dst = w.reference(dst)
		}
	}
	if in.hasValue() {
		dst = w.appendPayload(dst, in.Value)
	}
	switch in.Op {
	case Update:
		if in.IsArrayUpdate() {
			return appendUint(dst, uint64(in.PriorSize))
		}
		return appendBool(dst, in.Default)
	case AddInteger:
		return appendInt(dst, in.Add)
	case ArrayMove:
		dst = appendUint(dst, uint64(in.Dest))
		return appendUint(dst, uint64(in.PriorSize))
	case ArrayInsert, ArrayErase:
		return appendUint(dst, uint64(in.PriorSize))
	case Clear:
		return append(dst, byte(in.Collection))
	default:
		return dst
	}
}

// reference appends the number of the next string.
func (w *writer) reference(dst []byte) []byte {
	w.at++
	return appendUint(dst, uint64(w.refs[w.at-1]))
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func (w *writer) appendKey(dst []byte, k value.Key) []byte {
	if k.Kind() == value.KindString {
		dst = append(dst, byte(value.KindString))
		return w.reference(dst)
	}
	return appendFixedKey(dst, k)
}

// appendFixedKey appends a key other than a string.
func appendFixedKey(dst []byte, k value.Key) []byte {
	dst = appendInt(dst, int64(k.Kind()))
	switch k.Kind() {
	case value.KindInt:
		return appendInt(dst, k.Int())
	case value.KindGlobalKey:
		hi, lo := k.Global()
		return appendUint(appendUint(dst, hi), lo)
	case value.KindObjectID:
		id := k.ObjectID()
		return append(dst, id[:]...)
	case value.KindUUID:
		id := k.UUID()
		return append(dst, id[:]...)
	default:
		return dst
	}
}

func (w *writer) appendPayload(dst []byte, v value.Value) []byte {
	dst = appendInt(dst, int64(v.Kind()))
	switch v.Kind() {
	case value.KindInt:
		return appendInt(dst, v.Int())
	case value.KindBool:
		return appendBool(dst, v.Bool())
	case value.KindString, value.KindBinary:
		dst = appendUint(dst, uint64(len(v.Str())))
		return append(dst, v.Str()...)
	case value.KindTimestamp:
		t := v.Timestamp()
		return appendInt(appendInt(dst, t.Seconds), int64(t.Nanoseconds))
	case value.KindFloat:
		return binary.LittleEndian.AppendUint32(dst, uint32(v.Bits()))
	case value.KindDouble:
		return binary.LittleEndian.AppendUint64(dst, v.Bits())
	case value.KindDecimal:
		return appendDecimal(dst, v.Decimal())
	case value.KindLink:
		dst = w.reference(dst)
		return w.appendKey(dst, v.Link().Key)
	case value.KindObjectID:
		id := v.ObjectID()
		return append(dst, id[:]...)
	case value.KindUUID:
		id := v.UUID()
		return append(dst, id[:]...)
	default: // null and markers
		return dst
	}
}

// appendDecimal appends the fields of a decimal128. Like the original it goes on until fewer than 7 bits, not 8, are left
// of the coefficient, though the last byte has no sign flag here.
func appendDecimal(dst []byte, d value.Decimal) []byte {
	negative, hi, lo, exponent := d.Parts()
	for hi != 0 || lo >= 0x40 {
		dst = append(dst, moreFlag|byte(lo))
		hi, lo = hi>>7, hi<<57|lo>>7
	}
	dst = append(dst, byte(lo))
	dst = appendInt(dst, int64(exponent))
	return appendBool(dst, negative)
}
