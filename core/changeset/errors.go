package changeset

import (
	"errors"
	"fmt"
	"strings"
)

// ErrBadChangeset is what every *BadChangesetError is to errors.Is: the bytes are malformed, or the instructions don't
// fit the data. On the wire it is error code 212.
var ErrBadChangeset = errors.New("bad changeset")

// ErrUnsupported is what every *UnsupportedError is to errors.Is.
var ErrUnsupported = errors.New("unsupported instruction")

// Reason names why a changeset is bad.
type Reason string

// Reasons of decoding and encoding, with the conditions of spec/changeset.md section 4.
const (
	ReasonInteger           Reason = "INTEGER"             // V1, R1, R4: cut, too long or out of range
	ReasonOpcode            Reason = "OPCODE"              // V2, R2: unknown instruction code
	ReasonStringIndex       Reason = "STRING_INDEX"        // V3: definitions are not numbered densely
	ReasonStringTwice       Reason = "STRING_TWICE"        // V4: defined twice
	ReasonTooLong           Reason = "TOO_LONG"            // V5, R10: string or binary over its limit
	ReasonTruncated         Reason = "TRUNCATED"           // V6: input ends inside an item
	ReasonStringUndefined   Reason = "STRING_UNDEFINED"    // V7: reference before the definition
	ReasonDataType          Reason = "DATA_TYPE"           // V8, R3: unknown type code
	ReasonPayload           Reason = "PAYLOAD"             // V9: a type that is no payload
	ReasonKeyType           Reason = "KEY_TYPE"            // V10: a type that is no primary key
	ReasonCollection        Reason = "COLLECTION"          // V11: unknown collection type
	ReasonTableKind         Reason = "TABLE_KIND"          // V12: unknown table kind
	ReasonPrimaryKeyType    Reason = "PRIMARY_KEY_TYPE"    // V13: a class can't have a primary key of the type
	ReasonNoIndex           Reason = "NO_INDEX"            // V14: a list instruction whose path doesn't end in a position
	ReasonTimestamp         Reason = "TIMESTAMP"           // V15, R6: nanoseconds out of range or of another sign
	ReasonDecimal           Reason = "DECIMAL"             // V16: fields that no decimal128 has
	ReasonColumnType        Reason = "COLUMN_TYPE"         // R7: a type that no property has
	ReasonDictionaryKeyType Reason = "DICTIONARY_KEY_TYPE" // R8: keys are strings
	ReasonClassName         Reason = "CLASS_NAME"          // R11: longer than 57 bytes
	ReasonText              Reason = "TEXT"                // R12: not UTF-8 (CheckText only)
	ReasonBase64            Reason = "BASE64"              // stand-alone keys: not base64, or more than a key
)

// Reasons of applying (spec/changeset.md section 5.1).
const (
	ReasonNoTable    Reason = "NO_TABLE"    // no such class
	ReasonNoField    Reason = "NO_FIELD"    // no such property
	ReasonNoObject   Reason = "NO_OBJECT"   // no such object
	ReasonBadKey     Reason = "BAD_KEY"     // the key doesn't fit the class
	ReasonBadPath    Reason = "BAD_PATH"    // the path doesn't lead to what the instruction changes
	ReasonType       Reason = "TYPE"        // value of the wrong type
	ReasonNull       Reason = "NULL"        // null where it isn't allowed
	ReasonTarget     Reason = "TARGET"      // link to a class that can't be linked to from there
	ReasonSchema     Reason = "SCHEMA"      // the class or property exists otherwise, or can't exist
	ReasonPrimaryKey Reason = "PRIMARY_KEY" // change of the primary key property
	ReasonRange      Reason = "RANGE"       // position beyond the end of the list, or a move to where the element is
	ReasonSize       Reason = "SIZE"        // the list has another size than the instruction says
	ReasonKind       Reason = "KIND"        // Clear of a collection of another kind
	ReasonLevels     Reason = "LEVELS"      // collections in mixed nested too deeply
)

// BadChangesetError says why a changeset was refused, and where.
type BadChangesetError struct {
	Reason  Reason
	Offset  int    // decoding: position of the offending item in the bytes; otherwise -1
	Index   int    // number of the instruction, from 0; -1 if it isn't about one
	Address string // encoding, applying: the instruction and what it addresses, for example `Update Person["p1"].age`
	Text    string // what is wrong
}

// Error implements error.
func (e *BadChangesetError) Error() string {
	var b strings.Builder
	b.WriteString("bad changeset")
	if e.Offset >= 0 {
		fmt.Fprintf(&b, " at byte %d", e.Offset)
	}
	if e.Index >= 0 {
		fmt.Fprintf(&b, ", instruction %d", e.Index)
	}
	if e.Address != "" {
		fmt.Fprintf(&b, " (%s)", e.Address)
	}
	fmt.Fprintf(&b, ": %s (%s)", e.Text, e.Reason)
	return b.String()
}

// Is makes errors.Is(err, ErrBadChangeset) true.
func (e *BadChangesetError) Is(target error) bool { return target == ErrBadChangeset }

// UnsupportedError says that a changeset has an instruction that the State it was to be applied to can't hold the result of: it isn't
// Nested. Nothing was changed.
type UnsupportedError struct {
	Index   int    // number of the instruction, from 0
	Address string // the instruction and what it addresses
	Text    string // what isn't supported
}

// Error implements error.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("unsupported instruction %d (%s): %s", e.Index, e.Address, e.Text)
}

// Is makes errors.Is(err, ErrUnsupported) true.
func (e *UnsupportedError) Is(target error) bool { return target == ErrUnsupported }
