package rql

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Type is the static type of an operand (spec section 5.1). It tells apart what value.Kind does not: null from mixed,
// and a link property from a link value.
type Type uint8

// The types.
const (
	TypeNull Type = iota
	TypeInt
	TypeBool
	TypeFloat
	TypeDouble
	TypeDecimal
	TypeString
	TypeBinary
	TypeTimestamp
	TypeObjectID
	TypeUUID
	TypeMixed
	TypeLink
	TypeTypedLink
	TypeAttribute // of @type
)

var typeNames = [...]string{"null", "int", "bool", "float", "double", "decimal128", "string", "binary", "timestamp",
	"objectId", "uuid", "mixed", "link", "typedLink", "@type"}

// String returns the name that error texts use.
func (t Type) String() string { return typeNames[t] }

// IsNumeric tells whether the type is int, float, double or decimal128.
func (t Type) IsNumeric() bool { return t >= TypeInt && t <= TypeDecimal && t != TypeBool }

var kindTypes = map[value.Kind]Type{
	value.KindNull: TypeNull, value.KindInt: TypeInt, value.KindBool: TypeBool, value.KindFloat: TypeFloat,
	value.KindDouble: TypeDouble, value.KindDecimal: TypeDecimal, value.KindString: TypeString,
	value.KindBinary: TypeBinary, value.KindTimestamp: TypeTimestamp, value.KindObjectID: TypeObjectID,
	value.KindUUID: TypeUUID, value.KindLink: TypeTypedLink,
}

// typeOfValue returns the type of a constant; what can't be a constant counts as mixed.
func typeOfValue(v value.Value) Type {
	if t, ok := kindTypes[v.Kind()]; ok {
		return t
	}
	return TypeMixed
}

func typeOfProperty(p *schema.Property) Type {
	switch p.Type {
	case value.KindMixed:
		return TypeMixed
	case value.KindLink:
		return TypeLink
	default:
		return kindTypes[p.Type]
	}
}

// compatible is the static check of spec section 5.2.
func compatible(a, b Type) bool {
	switch {
	case a == b, a == TypeMixed, b == TypeMixed, a == TypeNull, b == TypeNull:
		return true
	case a.IsNumeric() && b.IsNumeric():
		return true
	default:
		return isLink(a) && isLink(b)
	}
}

func isLink(t Type) bool { return t == TypeLink || t == TypeTypedLink }

// keyType returns the type that a primary key constant is converted toward.
func keyType(key *schema.Property) Type {
	if key == nil {
		return TypeInt
	}
	return typeOfProperty(key)
}
