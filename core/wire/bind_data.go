package wire

import "strconv"

// SessionReason says what a session is for (section 3.1).
type SessionReason uint64

// The session reasons.
const (
	ReasonSync        SessionReason = 0
	ReasonClientReset SessionReason = 1 // both the session that fetches the fresh copy and the one that takes it over
)

// BindData is the JSON of BIND (section 3.1).
type BindData struct {
	SchemaVersion     uint64 // the application's, 0 if it has none
	SessionReason     SessionReason
	Migrated          bool   // the file comes from partition-based sync
	MigratedPartition string // the partition it had then, if Migrated
	MergeRules        string // by which the client merges: merge.Rules.String, "" for those of the original, which doesn't say so
}

// Append writes the JSON to the end of dst, byte for byte as the original does.
func (d BindData) Append(dst []byte) []byte {
	b := jsonBuilder{dst: dst}
	if d.MergeRules != "" {
		b.string("mergeRules", d.MergeRules)
	}
	if d.Migrated {
		b.string("migratedPartition", d.MigratedPartition)
	}
	b.key("schemaVersion")
	b.dst = strconv.AppendUint(b.dst, d.SchemaVersion, 10)
	b.key("sessionReason")
	b.dst = strconv.AppendUint(b.dst, uint64(d.SessionReason), 10)
	return b.end()
}

// ParseBindData reads Bind.Data. Unknown keys are ignored and missing ones are zero, because older clients send fewer; a key of the
// wrong type, or anything but an object, is a *ProtocolError of kind ErrJSON.
func ParseBindData(data []byte) (BindData, error) {
	var d BindData
	object, err := parseObject(data)
	if err != nil {
		return d, jsonProblem("bind", "data", "%v", err)
	}
	if v := object.get("migratedPartition"); v != nil {
		if d.MigratedPartition, d.Migrated = v.asString(); !d.Migrated {
			return BindData{}, jsonProblem("bind", "migratedPartition", "%s is not a string", quote(v))
		}
	}
	if v := object.get("mergeRules"); v != nil {
		var ok bool
		if d.MergeRules, ok = v.asString(); !ok {
			return BindData{}, jsonProblem("bind", "mergeRules", "%s is not a string", quote(v))
		}
	}
	reason := uint64(0)
	for _, f := range [...]struct {
		key string
		to  *uint64
	}{{"schemaVersion", &d.SchemaVersion}, {"sessionReason", &reason}} {
		if v := object.get(f.key); v != nil {
			var ok bool
			if *f.to, ok = v.asUint(); !ok {
				return BindData{}, jsonProblem("bind", f.key, "%s is not an unsigned integer", quote(v))
			}
		}
	}
	d.SessionReason = SessionReason(reason)
	return d, nil
}
