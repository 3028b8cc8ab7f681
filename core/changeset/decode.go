package changeset

import (
	"fmt"
	"slices"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// opIntern is the code of a string definition, which is no instruction.
const opIntern = 63

// Decode reads the bytes of a changeset, definitions and instructions interleaved in any way. It rejects all that
// spec/changeset.md section 4 lists (V1-V16, R1-R8, R10, R11) with a *BadChangesetError.
//
// The data is copied once; the strings of the result share the copy. Memory is bounded by the size of the data: a length
// is compared with what is left before anything is allocated, and what comes of one byte is at most about 120 bytes (in a sequence
// of the shortest instructions; 10 to 30 is usual).
func Decode(data []byte) (*Changeset, error) {
	c := new(Changeset)
	if err := DecodeInto(c, data); err != nil {
		return nil, err
	}
	return c, nil
}

// DecodeInto is Decode into c, whose memory is reused: instructions that it had are overwritten. After an error c is empty.
func DecodeInto(c *Changeset, data []byte) error {
	c.Instructions = c.Instructions[:0]
	if len(data) == 0 {
		return nil
	}
	d := decoder{in: string(data), out: c.Instructions}
	if d.out == nil {
		d.out = make([]Instruction, 0, min(len(data)/16+1, 4096))
	}
	for d.pos < len(d.in) {
		d.next()
	}
	if d.err != nil {
		clear(d.out) // let go of the strings
		return d.err
	}
	c.Instructions = d.out
	return nil
}

// span is a part of the input.
type span struct{ at, n int }

// fewStrings is the number of definitions that are compared one by one.
const fewStrings = 16

type decoder struct {
	in      string
	pos     int
	out     []Instruction
	few     [fewStrings]span    // the first definitions; most changesets have no more, and this needs no allocation
	more    []span              // the others
	defined map[string]struct{} // the definitions, once there are more than few
	strings uint32              // number of definitions
	steps   []Step              // where paths are cut from
	err     *BadChangesetError
}

// failAt notes the first error and ends the reading: the position moves to the end, where everything fails, unnoticed.
func (d *decoder) failAt(offset int, reason Reason, format string, args ...any) {
	if d.err == nil {
		d.err = &BadChangesetError{Reason: reason, Offset: offset, Index: len(d.out), Text: fmt.Sprintf(format, args...)}
	}
	d.pos = len(d.in)
}

// next reads a definition or an instruction.
func (d *decoder) next() {
	start := d.pos
	code := d.uint64()
	switch {
	case d.err != nil:
		return
	case code == opIntern:
		d.define()
		return
	case code > uint64(SetErase):
		d.failAt(start, ReasonOpcode, "%d is not an instruction code", code)
		return
	}
	if len(d.out) == cap(d.out) {
		d.grow()
	}
	d.out = d.out[:len(d.out)+1]
	in := &d.out[len(d.out)-1]
	*in = Instruction{Op: Op(code)}
	in.Table = d.className()
	switch {
	case in.IsPath():
		d.address(in)
		d.pathInstruction(in)
	case in.Op == CreateObject || in.Op == EraseObject:
		in.Key = d.key()
	case in.Op == AddTable:
		d.addTable(in)
	case in.Op == AddColumn:
		d.addColumn(in)
	case in.Op == EraseColumn:
		in.Field = d.reference()
	}
	if d.err != nil {
		d.err.Index = len(d.out) - 1
	}
}

// grow makes room for the instructions that the rest of the data will hold if it is like what has been read, and for no more than
// eight times as many as there are.
func (d *decoder) grow() {
	n := len(d.out)
	total := n + 1
	if d.pos > 0 {
		total += int(float64(n) / float64(d.pos) * float64(len(d.in)-d.pos) * 1.05)
	}
	d.out = slices.Grow(d.out, min(max(total-n, n/4, 4), 7*max(n, 1)))
}

// define reads a string definition.
func (d *decoder) define() {
	start := d.pos
	index := d.uint32()
	if d.err == nil && index != d.strings {
		d.failAt(start, ReasonStringIndex, "string %d is defined where string %d was expected", index, d.strings)
	}
	s := d.bytes(MaxString)
	if d.err == nil && d.isDefined(s) {
		d.failAt(start, ReasonStringTwice, "string %d, %q, has been defined before", index, clip(s))
	}
	if at := (span{d.pos - len(s), len(s)}); d.strings < fewStrings {
		d.few[d.strings] = at
	} else {
		d.more = append(d.more, at)
	}
	d.strings++
}

// string returns the content of a definition that exists.
func (d *decoder) string(index uint32) string {
	var at span
	if index < fewStrings {
		at = d.few[index]
	} else {
		at = d.more[index-fewStrings]
	}
	return d.in[at.at : at.at+at.n]
}

// isDefined tells whether there is such a definition, and notes that there is one now.
func (d *decoder) isDefined(s string) bool {
	if d.strings < fewStrings {
		for i := range d.strings {
			if s == d.string(i) {
				return true
			}
		}
		return false
	}
	if d.defined == nil {
		d.defined = make(map[string]struct{}, 4*fewStrings)
		for i := range d.strings {
			d.defined[d.string(i)] = struct{}{}
		}
	}
	before := len(d.defined)
	d.defined[s] = struct{}{}
	return len(d.defined) == before
}

// reference reads a reference to a defined string.
func (d *decoder) reference() string {
	start := d.pos
	index := d.uint32()
	if d.err != nil {
		return ""
	}
	if index >= d.strings {
		d.failAt(start, ReasonStringUndefined, "string %d is not defined (yet)", index)
		return ""
	}
	return d.string(index)
}

func (d *decoder) className() string {
	start := d.pos
	name := d.reference()
	if len(name) > MaxClassName {
		d.failAt(start, ReasonClassName, "the class name %q is longer than %d bytes", clip(name), MaxClassName)
	}
	return name
}

// raw reads n bytes.
func (d *decoder) raw(n uint64) string {
	if left := len(d.in) - d.pos; n > uint64(left) {
		d.failAt(d.pos, ReasonTruncated, "%d bytes are announced, %d are left", n, left)
		return ""
	}
	d.pos += int(n)
	return d.in[d.pos-int(n) : d.pos]
}

// bytes reads a length and that many bytes.
func (d *decoder) bytes(limit uint64) string {
	start := d.pos
	n := d.uint64()
	if n > limit {
		d.failAt(start, ReasonTooLong, "%d bytes are announced, the limit is %d", n, limit)
		return ""
	}
	return d.raw(n)
}

// typeCode reads the code of a type.
func (d *decoder) typeCode() value.Kind {
	start := d.pos
	code := d.int64()
	if code < int64(value.KindSet) || code > int64(value.KindUUID) {
		d.failAt(start, ReasonDataType, "%d is not the code of a type", code)
		return value.KindNull
	}
	return value.Kind(code)
}

func (d *decoder) collection() schema.Collection {
	start := d.pos
	c := schema.Collection(d.uint8())
	if c > schema.Set {
		d.failAt(start, ReasonCollection, "%d is not a collection type", c)
	}
	return c
}

func (d *decoder) addTable(in *Instruction) {
	start := d.pos
	f := &SchemaFields{TableKind: schema.ClassKind(d.uint8())}
	in.Schema = f
	switch {
	case f.TableKind > schema.Asymmetric:
		d.failAt(start, ReasonTableKind, "%d is not a table kind", f.TableKind)
	case f.TableKind != schema.Embedded:
		f.KeyField = d.reference()
		start = d.pos
		f.KeyType = d.typeCode()
		if !isPrimaryKeyType(f.KeyType) {
			d.failAt(start, ReasonPrimaryKeyType, "a class can't have a primary key of type %v", f.KeyType)
		}
		f.KeyNull = d.bool()
	}
}

func isPrimaryKeyType(k value.Kind) bool {
	switch k {
	case value.KindInt, value.KindString, value.KindObjectID, value.KindUUID, value.KindGlobalKey:
		return true
	default:
		return false
	}
}

func (d *decoder) addColumn(in *Instruction) {
	in.Field = d.reference()
	start := d.pos
	f := &SchemaFields{Type: d.typeCode()}
	in.Schema = f
	if f.Type < value.KindNull {
		d.failAt(start, ReasonColumnType, "a property can't be of type %v", f.Type)
	}
	f.Nullable = d.bool()
	in.Collection = d.collection()
	if f.Type == value.KindLink {
		f.LinkTarget = d.className()
	}
	if in.Collection == schema.Dictionary {
		start = d.pos
		f.KeyType = d.typeCode()
		if f.KeyType != value.KindString {
			d.failAt(start, ReasonDictionaryKeyType, "the keys of a dictionary can't be of type %v, only string", f.KeyType)
		}
	}
}
