package changeset

import (
	"encoding/binary"
	"math"

	"realmsync/core/value"
)

// address reads what path instructions have in common, but for the class.
func (d *decoder) address(in *Instruction) {
	in.Key = d.key()
	in.Field = d.reference()
	start := d.pos
	n := d.uint32()
	if left := len(d.in) - d.pos; uint64(n) > uint64(left) { // an element takes a byte or more
		d.failAt(start, ReasonTruncated, "a path of %d elements is announced, %d bytes are left", n, left)
		return
	}
	if n != 0 {
		in.Path = d.path(int(n))
	}
}

// path reads n elements, where no fewer bytes are left.
func (d *decoder) path(n int) []Step {
	if n > cap(d.steps)-len(d.steps) {
		d.steps = make([]Step, 0, max(n, min(64, len(d.out))))
	}
	from := len(d.steps)
	for range n {
		start := d.pos
		var step Step
		switch i := d.int64(); {
		case i < 0: // -1 announces a key; the original takes any negative number
			step.Key = d.reference()
		case i > math.MaxUint32:
			d.failAt(start, ReasonInteger, "the position %d in a path is over 2^32-1", i)
		default:
			step.Pos, step.IsPos = uint32(i), true
		}
		if d.err != nil {
			return nil
		}
		d.steps = append(d.steps, step)
	}
	return d.steps[from:len(d.steps):len(d.steps)]
}

// pathInstruction reads what comes after the address.
func (d *decoder) pathInstruction(in *Instruction) {
	start := d.pos
	switch in.Op {
	case Update:
		in.Value = d.payload()
		if in.IsArrayUpdate() {
			in.PriorSize = d.uint32()
		} else {
			in.Default = d.bool()
		}
	case AddInteger:
		in.Add = d.int64()
	case ArrayInsert, ArrayMove, ArrayErase:
		if !in.IsArrayUpdate() {
			d.failAt(start, ReasonNoIndex, "the path of %v doesn't end in a list position", in.Op)
		}
		switch in.Op {
		case ArrayInsert:
			in.Value = d.payload()
		case ArrayMove:
			in.Dest = d.uint32()
		}
		in.PriorSize = d.uint32()
	case Clear:
		in.Collection = d.collection()
	default:
		in.Value = d.payload()
	}
}

// key reads a primary key.
func (d *decoder) key() value.Key {
	start := d.pos
	switch kind := d.typeCode(); kind {
	case value.KindNull:
		return value.NullKey()
	case value.KindInt:
		return value.IntKey(d.int64())
	case value.KindString:
		return value.StringKey(d.reference())
	case value.KindGlobalKey:
		hi := d.uint64()
		return value.GlobalKey(hi, d.uint64())
	case value.KindObjectID:
		return value.ObjectIDKey(d.objectID())
	case value.KindUUID:
		return value.UUIDKey(d.uuid())
	default:
		d.failAt(start, ReasonKeyType, "a primary key can't be of type %v", kind)
		return value.NullKey()
	}
}

func (d *decoder) objectID() (id value.ObjectID) {
	copy(id[:], d.raw(uint64(len(id))))
	return id
}

func (d *decoder) uuid() (id value.UUID) {
	copy(id[:], d.raw(uint64(len(id))))
	return id
}

// payload reads a value.
func (d *decoder) payload() value.Value {
	start := d.pos
	switch kind := d.typeCode(); kind {
	case value.KindNull:
		return value.Null()
	case value.KindInt:
		return value.Int(d.int64())
	case value.KindBool:
		return value.Bool(d.bool())
	case value.KindString:
		return value.String(d.bytes(MaxString))
	case value.KindBinary:
		return value.BinaryString(d.bytes(MaxBinary))
	case value.KindTimestamp:
		return d.timestamp()
	case value.KindFloat:
		var b [4]byte
		copy(b[:], d.raw(4))
		return value.FloatBits(binary.LittleEndian.Uint32(b[:]))
	case value.KindDouble:
		var b [8]byte
		copy(b[:], d.raw(8))
		return value.DoubleBits(binary.LittleEndian.Uint64(b[:]))
	case value.KindDecimal:
		return d.decimal()
	case value.KindLink:
		class := d.className()
		return value.FromLink(class, d.key())
	case value.KindObjectID:
		return value.FromObjectID(d.objectID())
	case value.KindUUID:
		return value.FromUUID(d.uuid())
	case value.KindGlobalKey:
		d.failAt(start, ReasonPayload, "a value can't be of type %v", kind)
		return value.Null()
	default: // Object, Dictionary, Erased, List, Set
		return value.Marker(kind)
	}
}

func (d *decoder) timestamp() value.Value {
	start := d.pos
	seconds, ns := d.int64(), d.int64()
	t := value.Timestamp{Seconds: seconds, Nanoseconds: int32(ns)}
	if ns != int64(t.Nanoseconds) || !t.Valid() {
		d.failAt(start, ReasonTimestamp, "%d s and %d ns are not a timestamp: the signs differ, or it is a second or more of nanoseconds", seconds, ns)
	}
	return value.FromTimestamp(t)
}

// decimal reads the fields of a decimal128 (spec/changeset.md sections 2.2 and 2.3).
func (d *decoder) decimal() value.Value {
	const maxBytes = 17
	start := d.pos
	var hi, lo uint64
	for i := uint(0); ; i++ {
		if i == maxBytes || d.pos == len(d.in) {
			d.failAt(start, ReasonDecimal, "a decimal's coefficient is cut, or longer than %d bytes", maxBytes)
			return value.Null()
		}
		b := uint64(d.in[d.pos])
		d.pos++
		group := b &^ moreFlag
		switch shift := 7 * i; {
		case shift < 64:
			lo |= group << shift
			hi |= group >> (64 - shift) // what doesn't fit; nothing, as long as the shift is below 58
		default:
			hi |= group << (shift - 64)
		}
		if b&moreFlag == 0 {
			break
		}
	}
	exponent := d.int32()
	negative := d.bool()
	decimal, ok := value.DecimalFromParts(negative, hi, lo, exponent)
	if !ok {
		d.failAt(start, ReasonDecimal, "a coefficient over 113 bits or the exponent %d is not that of a decimal128", exponent)
	}
	return value.FromDecimal(decimal)
}
