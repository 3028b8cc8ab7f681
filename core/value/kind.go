package value

import "fmt"

// Kind names the type of a Value. The non-negative numbers are the payload type codes of the changeset format
// (spec/changeset.md section 1.5) and are frozen; the negative ones are codes that appear on the wire but are not
// values that can be stored.
type Kind int8

// The kinds. Null doubles as the column type Mixed, as on the wire.
const (
	KindSet        Kind = -6 // reserved instruction payload: every application fails
	KindList       Kind = -5 // instruction payload: the position becomes a list
	KindErased     Kind = -4 // instruction payload: the dictionary entry is removed
	KindDictionary Kind = -3 // instruction payload: the position becomes a dictionary
	KindObject     Kind = -2 // instruction payload: a new embedded object
	KindGlobalKey  Kind = -1 // only as a primary key
	KindNull       Kind = 0
	KindInt        Kind = 1
	KindBool       Kind = 2
	KindString     Kind = 3
	KindBinary     Kind = 4
	KindTimestamp  Kind = 5
	KindFloat      Kind = 6
	KindDouble     Kind = 7
	KindDecimal    Kind = 8
	KindLink       Kind = 9
	KindObjectID   Kind = 10
	KindUUID       Kind = 11
)

// KindMixed is the column type of a property that holds values of any kind; it shares code 0 with Null.
const KindMixed = KindNull

var kindNames = map[Kind]string{
	KindSet: "set", KindList: "list", KindErased: "erased", KindDictionary: "dictionary", KindObject: "object",
	KindGlobalKey: "global key", KindNull: "null", KindInt: "int", KindBool: "bool", KindString: "string",
	KindBinary: "binary", KindTimestamp: "timestamp", KindFloat: "float", KindDouble: "double",
	KindDecimal: "decimal128", KindLink: "link", KindObjectID: "objectId", KindUUID: "uuid",
}

// String returns the name that error texts use.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("unknown kind %d", int8(k))
}

// IsValue tells whether a property can hold a value of this kind (Null included).
func (k Kind) IsValue() bool { return k >= KindNull && k <= KindUUID }

// IsMarker tells whether the kind is an instruction payload that carries no value: Object, Dictionary, Erased, List, Set.
func (k Kind) IsMarker() bool { return k >= KindSet && k <= KindObject }

// IsNumeric tells whether values of this kind compare with each other by numeric value.
func (k Kind) IsNumeric() bool {
	return k == KindInt || k == KindFloat || k == KindDouble || k == KindDecimal
}
