package ejson

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// special gives an object of extended JSON its meaning; others it returns as they are. problem says what is wrong with one that has a
// name of extended JSON and not its form.
func special(d bson.D) (v any, problem string) {
	name := d[0].Key
	if name == "" || name[0] != '$' {
		return d, ""
	}
	read, ok := specials[name]
	if !ok {
		return d, ""
	}
	if name == "$binary" && len(d) == 2 { // as mongoexport wrote it before version 4.2
		if v, ok := oldBinary(d); ok {
			return v, ""
		}
	}
	if len(d) == 1 {
		if v, ok := read(d[0].Value); ok {
			return v, ""
		}
	}
	return nil, "that is not a " + name
}

// specials are the names of extended JSON that no query operator has.
var specials = map[string]func(any) (any, bool){
	"$oid":               readObjectID,
	"$numberInt":         readInt32,
	"$numberLong":        readInt64,
	"$numberDouble":      readDouble,
	"$numberDecimal":     readDecimal,
	"$date":              readDate,
	"$binary":            readBinary,
	"$uuid":              readUUID,
	"$timestamp":         readTimestamp,
	"$regularExpression": readRegex,
	"$symbol":            func(v any) (any, bool) { s, ok := v.(string); return s, ok },
	"$undefined":         func(v any) (any, bool) { return nil, v == true },
	"$minKey":            func(v any) (any, bool) { return bson.MinKey{}, v == int32(1) },
	"$maxKey":            func(v any) (any, bool) { return bson.MaxKey{}, v == int32(1) },
}

func readObjectID(v any) (any, bool) {
	s, ok := v.(string)
	if !ok {
		return nil, false
	}
	id, err := bson.ObjectIDFromHex(s)
	return id, err == nil
}

func readInt32(v any) (any, bool) {
	s, ok := v.(string)
	if !ok || len(s) > 20 {
		return nil, false
	}
	i, err := strconv.ParseInt(s, 10, 32)
	return int32(i), err == nil
}

func readInt64(v any) (any, bool) {
	s, ok := v.(string)
	if !ok || len(s) > 20 {
		return nil, false
	}
	i, err := strconv.ParseInt(s, 10, 64)
	return i, err == nil
}

// maxNumber is the longest text of a number that is looked at. No double and no decimal needs more.
const maxNumber = 1100

func readDouble(v any) (any, bool) {
	s, ok := v.(string)
	switch {
	case !ok || len(s) == 0 || len(s) > maxNumber:
		return nil, false
	case s == "NaN":
		return math.NaN(), true
	case s == "Infinity":
		return math.Inf(1), true
	case s == "-Infinity":
		return math.Inf(-1), true
	case strings.Trim(s, "+-.0123456789eE") != "": // what Go reads too: hexadecimal, underscores, inf
		return nil, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

func readDecimal(v any) (any, bool) {
	s, ok := v.(string)
	if !ok || len(s) > maxNumber {
		return nil, false
	}
	d, err := bson.ParseDecimal128(s)
	return d, err == nil
}

// dateLayouts are those that MongoDB's tools have written. The second has no colon in its offset.
var dateLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"}

func readDate(v any) (any, bool) {
	switch v := v.(type) {
	case int32:
		return bson.DateTime(v), true
	case int64:
		return bson.DateTime(v), true
	case string:
		for _, layout := range dateLayouts {
			if t, err := time.Parse(layout, v); err == nil {
				return bson.NewDateTimeFromTime(t), true
			}
		}
	}
	return nil, false
}

func readBinary(v any) (any, bool) {
	d, ok := v.(bson.D)
	if !ok || len(d) != 2 {
		return nil, false
	}
	data, kind := text(d, "base64"), text(d, "subType")
	if data == nil || kind == nil {
		return nil, false
	}
	return makeBinary(*data, *kind)
}

// oldBinary reads {"$binary": "<base64>", "$type": "<hex>"}.
func oldBinary(d bson.D) (any, bool) {
	data, kind := text(d, "$binary"), text(d, "$type")
	if data == nil || kind == nil {
		return nil, false
	}
	return makeBinary(*data, *kind)
}

func makeBinary(data, kind string) (any, bool) {
	if len(kind) == 0 || len(kind) > 2 {
		return nil, false
	}
	subtype, err := strconv.ParseUint(kind, 16, 8)
	if err != nil {
		return nil, false
	}
	// Some SDKs leave the padding out.
	bytes, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(data, "="))
	if err != nil || byte(subtype) == bson.TypeBinaryUUID && len(bytes) != 16 {
		return nil, false
	}
	return bson.Binary{Subtype: byte(subtype), Data: bytes}, true
}

func readUUID(v any) (any, bool) {
	s, ok := v.(string)
	if !ok || len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return nil, false
	}
	bytes, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	return bson.Binary{Subtype: bson.TypeBinaryUUID, Data: bytes}, err == nil
}

func readTimestamp(v any) (any, bool) {
	d, ok := v.(bson.D)
	if !ok || len(d) != 2 {
		return nil, false
	}
	t, okT := uint32Of(find(d, "t"))
	i, okI := uint32Of(find(d, "i"))
	return bson.Timestamp{T: t, I: i}, okT && okI
}

func readRegex(v any) (any, bool) {
	d, ok := v.(bson.D)
	if !ok || len(d) != 2 {
		return nil, false
	}
	pattern, options := text(d, "pattern"), text(d, "options")
	if pattern == nil || options == nil || strings.ContainsRune(*pattern, 0) || strings.ContainsRune(*options, 0) {
		return nil, false
	}
	return bson.Regex{Pattern: *pattern, Options: *options}, true
}

func uint32Of(v any) (uint32, bool) {
	var i int64
	switch v := v.(type) {
	case int32:
		i = int64(v)
	case int64:
		i = v
	default:
		return 0, false
	}
	return uint32(i), i >= 0 && i <= math.MaxUint32
}

func find(d bson.D, name string) any {
	for _, e := range d {
		if e.Key == name {
			return e.Value
		}
	}
	return nil
}

func text(d bson.D, name string) *string {
	if s, ok := find(d, name).(string); ok {
		return &s
	}
	return nil
}
