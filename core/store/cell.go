package store

import (
	"bytes"
	"math"
	"unsafe"

	"realmsync/core/value"
)

// Cell is one value in the layout of rlm_cell (cell.h) and realm_value_t (realm_sync.h): 24 bytes. Strings and binaries
// are pointers to C memory, never to Go memory.
type Cell struct {
	Type     uint8 // a value.Kind, or CellAbsent
	Flags    uint8 // FlagDangling; set by the store only
	Reserved uint16
	Size     uint32 // string, binary: bytes; link: class id of the target
	u        [2]uint64
}

const (
	// CellAbsent is the type of a cell that leaves its property alone: the default of a new object, or the old value.
	CellAbsent = 255
	// CellList and CellDictionary are the types of a cell of mixed that holds a collection; Int is its id. They are for output only.
	CellList       = uint8(0xfb)
	CellDictionary = uint8(0xfd)
	// FlagDangling marks a link to an object that doesn't exist; the cell's type is null.
	FlagDangling = 1
	// CellSize is the size of a Cell in bytes.
	CellSize = int(unsafe.Sizeof(Cell{}))
)

// Kind returns the type of the value; undefined for CellAbsent.
func (c *Cell) Kind() value.Kind { return value.Kind(c.Type) }

// Int returns the integer, the bool as 0 or 1, or the row id of a link.
func (c *Cell) Int() int64 { return int64(c.u[0]) }

// Link returns class id and row id of a link's target.
func (c *Cell) Link() (class uint32, rowid int64) { return c.Size, int64(c.u[0]) }

// Bytes returns the bytes of a string or binary; none for a malformed cell, which has a size but no data. They are C memory with the
// lifetime of the cell: copy to keep.
func (c *Cell) Bytes() []byte {
	if c.Size == 0 || c.data() == nil {
		return nil
	}
	return unsafe.Slice((*byte)(c.data()), c.Size)
}

func (c *Cell) data() unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&c.u[0])) }

func (c *Cell) setData(p unsafe.Pointer, size int) {
	c.u[0] = uint64(uintptr(p))
	c.Size = uint32(size)
}

// IntCell returns a cell that holds an integer.
func IntCell(v int64) Cell { return Cell{Type: uint8(value.KindInt), u: [2]uint64{uint64(v)}} }

// LinkCell returns a cell that holds a link.
func LinkCell(class uint32, rowid int64) Cell {
	return Cell{Type: uint8(value.KindLink), Size: class, u: [2]uint64{uint64(rowid)}}
}

// Value returns the value of a cell that isn't a link; links and absent cells yield null, collections in mixed the marker of their kind.
func (c *Cell) Value() value.Value {
	switch c.Kind() {
	case value.KindInt:
		return value.Int(c.Int())
	case value.KindBool:
		return value.Bool(c.u[0] != 0)
	case value.KindString:
		return value.String(string(c.Bytes()))
	case value.KindBinary:
		return value.BinaryString(string(c.Bytes()))
	case value.KindTimestamp:
		return value.FromTimestamp(value.Timestamp{Seconds: int64(c.u[0]), Nanoseconds: *(*int32)(unsafe.Pointer(&c.u[1]))})
	case value.KindFloat:
		return value.FloatBits(*(*uint32)(unsafe.Pointer(&c.u[0])))
	case value.KindDouble:
		return value.DoubleBits(c.u[0])
	case value.KindDecimal:
		return value.FromDecimal(value.Decimal{Lo: c.u[0], Hi: c.u[1]})
	case value.KindObjectID:
		return value.FromObjectID(value.ObjectID((*[16]byte)(unsafe.Pointer(&c.u))[:12]))
	case value.KindUUID:
		return value.FromUUID(*(*[16]byte)(unsafe.Pointer(&c.u)))
	case value.KindList, value.KindDictionary:
		return value.Marker(c.Kind())
	default:
		return value.Null()
	}
}

// Same tells whether both cells hold the same value: of one type, and equal bit by bit. Dangling links are the same when they are to the
// same key.
func (c *Cell) Same(o *Cell) bool {
	if c.Type != o.Type || c.Flags != o.Flags {
		return false
	}
	switch c.Kind() {
	case value.KindString, value.KindBinary:
		return bytes.Equal(c.Bytes(), o.Bytes())
	case value.KindLink:
		return c.Size == o.Size && c.u[0] == o.u[0]
	case value.KindNull:
		return c.Flags&FlagDangling == 0 || c.Size == o.Size && c.u[0] == o.u[0]
	case value.KindFloat:
		return uint32(c.u[0]) == uint32(o.u[0])
	case value.KindTimestamp, value.KindObjectID:
		return c.u[0] == o.u[0] && uint32(c.u[1]) == uint32(o.u[1]) // the rest is padding
	case value.KindDecimal, value.KindUUID:
		return c.u == o.u
	default:
		return c.u[0] == o.u[0]
	}
}

// set stores a value that isn't a link; the bytes of strings are put into the arena.
func (c *Cell) set(v value.Value, a *arena) {
	*c = Cell{Type: uint8(v.Kind())}
	switch v.Kind() {
	case value.KindInt:
		c.u[0] = uint64(v.Int())
	case value.KindBool:
		if v.Bool() {
			c.u[0] = 1
		}
	case value.KindString, value.KindBinary:
		c.setData(a.put(v.Str()), len(v.Str()))
	case value.KindTimestamp:
		t := v.Timestamp()
		c.u[0] = uint64(t.Seconds)
		*(*int32)(unsafe.Pointer(&c.u[1])) = t.Nanoseconds
	case value.KindFloat:
		*(*uint32)(unsafe.Pointer(&c.u[0])) = uint32(v.Bits())
	case value.KindDouble:
		c.u[0] = v.Bits()
	case value.KindDecimal:
		d := v.Decimal()
		c.u[0], c.u[1] = d.Lo, d.Hi
	case value.KindObjectID:
		id := v.ObjectID()
		copy((*[16]byte)(unsafe.Pointer(&c.u))[:], id[:])
	case value.KindUUID:
		*(*[16]byte)(unsafe.Pointer(&c.u)) = v.UUID()
	}
}

// setArg stores an argument of a plain statement.
func (c *Cell) setArg(arg any, a *arena) bool {
	*c = Cell{}
	switch v := arg.(type) {
	case nil:
	case int:
		*c = IntCell(int64(v))
	case int64:
		*c = IntCell(v)
	case uint32:
		*c = IntCell(int64(v))
	case uint64: // two's complement: GetUint64 reads it back
		*c = IntCell(int64(v))
	case bool:
		*c = IntCell(0)
		if v {
			c.u[0] = 1
		}
	case float64:
		*c = Cell{Type: uint8(value.KindDouble), u: [2]uint64{math.Float64bits(v)}}
	case string:
		c.Type = uint8(value.KindString)
		c.setData(a.put(v), len(v))
	case []byte:
		if v != nil {
			c.Type = uint8(value.KindBinary)
			c.setData(a.put(unsafe.String(unsafe.SliceData(v), len(v))), len(v))
		}
	case blobArg:
		c.Type = uint8(value.KindBinary)
		c.setData(a.put(string(v)), len(v))
	case value.Kind:
		*c = IntCell(int64(v))
	default:
		return false
	}
	return true
}

// blobArg is a binary argument whose bytes are an (immutable) string.
type blobArg string
