package changeset

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Op is the code of an instruction on the wire. The codes are frozen (spec/changeset.md section 1.6).
type Op uint8

// The instructions.
const (
	AddTable     Op = 0
	EraseTable   Op = 1
	CreateObject Op = 2
	EraseObject  Op = 3
	Update       Op = 4
	AddInteger   Op = 5
	AddColumn    Op = 6
	EraseColumn  Op = 7
	ArrayInsert  Op = 8
	ArrayMove    Op = 9
	ArrayErase   Op = 10
	Clear        Op = 11
	SetInsert    Op = 12
	SetErase     Op = 13
)

// Step is one element of a path below a property: a list position, or a key (property of an embedded object, or
// dictionary key).
type Step struct {
	Key   string // when !IsPos
	Pos   uint32 // when IsPos
	IsPos bool
}

// Instruction is one instruction of any kind; which fields count depends on Op.
//
// One flat struct rather than an interface per kind: merging walks and copies millions of them, and a slice of
// structs keeps them together without an allocation each.
type Instruction struct {
	Op    Op
	Table string
	Key   value.Key // CreateObject, EraseObject and all path instructions
	Field string    // AddColumn, EraseColumn and all path instructions
	Path  []Step    // path instructions; treat as immutable, replace the slice to change it

	Value     value.Value // Update, ArrayInsert, SetInsert, SetErase
	PriorSize uint32      // Update with IsArrayUpdate, ArrayInsert, ArrayMove, ArrayErase
	Default   bool        // Update without IsArrayUpdate
	Add       int64       // AddInteger
	Dest      uint32      // ArrayMove: the destination (ndx_2)

	Collection schema.Collection // Clear, AddColumn
	Schema     *SchemaFields     // AddTable, AddColumn; immutable
}

// SchemaFields are the fields that only AddTable and AddColumn have; apart, because these are rare.
type SchemaFields struct {
	TableKind  schema.ClassKind // AddTable
	KeyField   string           // AddTable, unless embedded
	KeyType    value.Kind       // AddTable: type of the primary key (GlobalKey: none); AddColumn of a dictionary: key type
	KeyNull    bool             // AddTable
	Type       value.Kind       // AddColumn
	Nullable   bool             // AddColumn
	LinkTarget string           // AddColumn of type Link
}

// IsPath tells whether the instruction addresses a path below an object's property.
func (in *Instruction) IsPath() bool {
	return in.Op == Update || in.Op == AddInteger || in.Op >= ArrayInsert
}

// IsSchema tells whether the instruction is AddTable, EraseTable, AddColumn or EraseColumn.
func (in *Instruction) IsSchema() bool {
	return in.Op == AddTable || in.Op == EraseTable || in.Op == AddColumn || in.Op == EraseColumn
}

// IsArrayUpdate tells whether an Update addresses a list position: its path ends in one.
func (in *Instruction) IsArrayUpdate() bool {
	return len(in.Path) > 0 && in.Path[len(in.Path)-1].IsPos
}

// Changeset is the decoded record of one committed transaction: its instructions in order. Interned strings are
// resolved; unreferenced string definitions have no meaning and are not kept.
type Changeset struct {
	Instructions []Instruction
}

// Empty tells whether there is nothing in it.
func (c *Changeset) Empty() bool { return c == nil || len(c.Instructions) == 0 }
