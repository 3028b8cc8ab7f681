package value

// Default is the value that a property of this type has in a new object and in old objects when the property is added
// (spec/changeset.md section 5.9): null if nullable, otherwise the zero of the type. Mixed and links are always nullable.
func Default(kind Kind, nullable bool) Value {
	if nullable {
		return Null()
	}
	switch kind {
	case KindInt, KindBool, KindString, KindBinary, KindTimestamp, KindFloat, KindDouble, KindObjectID, KindUUID:
		return Value{kind: kind}
	case KindDecimal:
		return FromDecimal(DecimalFromInt64(0))
	default:
		return Null()
	}
}
