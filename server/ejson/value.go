package ejson

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/value"
)

// OfValue returns a value of an object as the BSON value that stands for it; ok is false for links and collections, which have no form
// of their own.
func OfValue(v value.Value) (out any, ok bool) {
	switch v.Kind() {
	case value.KindNull:
		return nil, true
	case value.KindInt:
		return v.Int(), true
	case value.KindBool:
		return v.Bool(), true
	case value.KindString:
		return v.Str(), true
	case value.KindBinary:
		return bson.Binary{Data: []byte(v.Str())}, true
	case value.KindTimestamp:
		return bson.DateTime(v.Timestamp().UnixMilli()), true
	case value.KindFloat:
		return float64(v.Float()), true
	case value.KindDouble:
		return v.Double(), true
	case value.KindDecimal:
		d := v.Decimal()
		return bson.NewDecimal128(d.Hi, d.Lo), true
	case value.KindObjectID:
		return bson.ObjectID(v.ObjectID()), true
	case value.KindUUID:
		id := v.UUID()
		return bson.Binary{Subtype: bson.TypeBinaryUUID, Data: id[:]}, true
	default:
		return nil, false
	}
}
