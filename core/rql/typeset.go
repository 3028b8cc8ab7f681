package rql

import (
	"strings"

	"realmsync/core/value"
)

// TypeSet is a set of type attributes, which @type yields and is compared with (spec section 6.9). Sets are equal when they
// intersect.
type TypeSet uint32

// The attributes.
const (
	typeNull TypeSet = 1 << iota
	typeInt
	typeBool
	typeString
	typeBinary
	typeTimestamp
	typeFloat
	typeDouble
	typeDecimal
	typeObjectLink
	typeObjectID
	typeUUID
	typeObject
	typeArray

	typeNumeric    = typeInt | typeFloat | typeDouble | typeDecimal
	typeCollection = typeArray | typeObject
)

// typeAttributes are the names that queries may use, in the order in which errors list them.
var typeAttributes = []struct {
	name string
	set  TypeSet
}{
	{"null", typeNull}, {"int", typeInt}, {"integer", typeInt}, {"int16", typeInt}, {"int32", typeInt}, {"int64", typeInt},
	{"short", typeInt}, {"long", typeInt}, {"byte", typeInt}, {"char", typeInt}, {"bool", typeBool}, {"boolean", typeBool},
	{"string", typeString}, {"binary", typeBinary}, {"data", typeBinary}, {"bytearray", typeBinary}, {"byte[]", typeBinary},
	{"date", typeTimestamp}, {"datetimeoffset", typeTimestamp}, {"timestamp", typeTimestamp}, {"float", typeFloat},
	{"double", typeDouble}, {"decimal128", typeDecimal}, {"decimal", typeDecimal}, {"objectlink", typeObjectLink},
	{"link", typeObjectLink}, {"objectid", typeObjectID}, {"uuid", typeUUID}, {"guid", typeUUID}, {"numeric", typeNumeric},
	{"bindata", typeBinary}, {"object", typeObject}, {"dictionary", typeObject}, {"array", typeArray}, {"list", typeArray},
	{"collection", typeCollection},
}

// parseTypeSet reads the name of an attribute, in any case.
func parseTypeSet(name string) (TypeSet, bool) {
	for _, a := range typeAttributes {
		if strings.EqualFold(a.name, name) {
			return a.set, true
		}
	}
	return 0, false
}

// allTypeNames lists the names for an error text.
func allTypeNames() string {
	names := make([]string, len(typeAttributes))
	for i, a := range typeAttributes {
		names[i] = a.name
	}
	return strings.Join(names, ", ")
}

// String returns the name of the set that canonical text uses: the first that it has.
func (s TypeSet) String() string {
	for _, a := range typeAttributes {
		if a.set == s {
			return a.name
		}
	}
	return "null"
}

// typeOf returns the attribute of a value.
func typeOf(v value.Value) TypeSet {
	switch v.Kind() {
	case value.KindInt:
		return typeInt
	case value.KindBool:
		return typeBool
	case value.KindString:
		return typeString
	case value.KindBinary:
		return typeBinary
	case value.KindTimestamp:
		return typeTimestamp
	case value.KindFloat:
		return typeFloat
	case value.KindDouble:
		return typeDouble
	case value.KindDecimal:
		return typeDecimal
	case value.KindLink:
		return typeObjectLink
	case value.KindObjectID:
		return typeObjectID
	case value.KindUUID:
		return typeUUID
	case value.KindDictionary:
		return typeObject
	case value.KindList, value.KindSet:
		return typeArray
	default:
		return typeNull
	}
}

// typeOfKind returns the attribute of a property's type.
func typeOfKind(k value.Kind) TypeSet {
	return map[value.Kind]TypeSet{value.KindInt: typeInt, value.KindBool: typeBool, value.KindString: typeString, value.KindBinary: typeBinary,
		value.KindTimestamp: typeTimestamp, value.KindFloat: typeFloat, value.KindDouble: typeDouble, value.KindDecimal: typeDecimal,
		value.KindLink: typeObjectLink, value.KindObjectID: typeObjectID, value.KindUUID: typeUUID}[k]
}
