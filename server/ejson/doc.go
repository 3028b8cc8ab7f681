// Package ejson reads and writes extended JSON, the form that BSON values have in every HTTP body (spec/app-services.md section 10).
//
// Values are those of go.mongodb.org/mongo-driver/v2/bson: nil, bool, string, int32, int64, float64, bson.D, bson.A, bson.ObjectID,
// bson.DateTime, bson.Binary, bson.Decimal128, bson.Timestamp, bson.Regex, bson.MinKey and bson.MaxKey. A UUID is a bson.Binary of subtype 4.
//
// Parse takes the canonical and the relaxed form; Marshal writes the canonical one, byte for byte as Realm Core does. The driver's own
// reader and writer are not used: it writes doubles and the order of members differently, accepts text that isn't UTF-8 and members that are
// there twice, and its errors don't name the place.
//
// The package is pure. What it allocates is bounded by the text that it is given.
package ejson
