package wire

import (
	"encoding/base64"
	"fmt"
)

// JSONError is a server error with all that a client needs to react (section 9).
type JSONError struct {
	Session               uint64 // 0 for the connection
	Code                  ErrorCode
	Message               string
	LogURL                string // shown to the application, may be empty
	TryAgain              bool   // false: fatal
	ShouldClientReset     bool   // only informs
	RecoveryModeDisabled  bool   // only informs, the action decides
	Action                Action
	Backoff               *Backoff   // nil: the client's defaults
	PartitionQuery        string     // CodeMigrateToFLX only
	PreviousSchemaVersion uint64     // CodeSchemaVersionChanged only
	Rejected              *Rejection // CodeCompensatingWrite and CodeWriteNotAllowed
}

// Backoff says when a client resumes the session. Values are taken as they come, even if they make no sense.
type Backoff struct {
	IntervalSec int32 // the first delay
	MaxDelaySec int32 // the largest delay
	Multiplier  int32 // growth from one delay to the next
}

// Rejection says which changes the server didn't take.
type Rejection struct {
	ClientVersion uint64 // the client version that held them
	ServerVersion uint64 // the version that takes them back, 0 if there is none (CodeWriteNotAllowed)
	Updates       []RejectedUpdate
}

// RejectedUpdate is one object that the server refused to change.
type RejectedUpdate struct {
	Table      string
	PrimaryKey []byte // stand-alone primary key, changeset.md section 2.12: a type code and a value; on the wire it is base64
	Reason     string
}

// NewJSONError returns an error with the action and tryAgain that our server uses for the code (section 9.5).
func NewJSONError(session uint64, code ErrorCode, message string) *JSONError {
	info, _ := code.Info()
	return &JSONError{Session: session, Code: code, Message: message, TryAgain: info.TryAgain, Action: info.Action,
		ShouldClientReset: info.Action == ClientReset || info.Action == ClientResetNoRecovery}
}

func (m *JSONError) check() *ProtocolError {
	if reason := unsendable(m.Session, m.Code); reason != "" {
		return refuse(m.Name(), "code", "%s", reason)
	}
	switch {
	case m.Action == NoAction || int(m.Action) >= len(actionNames):
		return refuse(m.Name(), "action", "%v has no name on the wire", m.Action)
	case m.Action == MigrateToFLX || m.Action == RevertToPBS:
		return refuse(m.Name(), "action", "%v ends the process of a client that always used flexible sync", m.Action)
	case m.Code == CodeMigrateToFLX && m.PartitionQuery == "":
		return refuse(m.Name(), "partitionQuery", "it is empty, error 232 needs it")
	case m.Code == CodeCompensatingWrite && (m.Rejected == nil || m.Rejected.ServerVersion == 0):
		return refuse(m.Name(), "compensatingWriteServerVersion", "it is missing, error 231 needs it")
	}
	if m.Rejected != nil {
		for i, u := range m.Rejected.Updates {
			if n, err := primaryKeySize(u.PrimaryKey); err != nil {
				return refuse(m.Name(), "pk", "rejected update %d: %v", i, err)
			} else if n != len(u.PrimaryKey) {
				return refuse(m.Name(), "pk", "rejected update %d: %d bytes follow the key", i, len(u.PrimaryKey)-n)
			}
		}
	}
	return nil
}

func (m *JSONError) put(dst []byte) []byte {
	body := m.appendBody(nil)
	dst = putInt(append(dst, "json_error"...), int64(m.Code))
	dst = putLen(dst, len(body))
	return append(append(putUint(dst, m.Session), '\n'), body...)
}

// appendBody writes the JSON of section 9.1.
func (m *JSONError) appendBody(dst []byte) []byte {
	b := jsonBuilder{dst: dst}
	b.string("action", m.Action.String())
	if m.Backoff != nil {
		b.int("backoffIntervalSec", int64(m.Backoff.IntervalSec))
		b.int("backoffMaxDelaySec", int64(m.Backoff.MaxDelaySec))
		b.int("backoffMultiplier", int64(m.Backoff.Multiplier))
	}
	if m.Rejected != nil && m.Rejected.ServerVersion != 0 {
		b.uint("compensatingWriteServerVersion", m.Rejected.ServerVersion)
	}
	b.bool("isRecoveryModeDisabled", m.RecoveryModeDisabled)
	b.string("logURL", m.LogURL)
	b.string("message", m.Message)
	if m.Code == CodeMigrateToFLX {
		b.string("partitionQuery", m.PartitionQuery)
	}
	if m.Code == CodeSchemaVersionChanged {
		b.uint("previousSchemaVersion", m.PreviousSchemaVersion)
	}
	if m.Rejected != nil {
		b.uint("rejectedClientVersion", m.Rejected.ClientVersion)
		b.key("rejectedUpdates")
		b.dst = append(b.dst, '[')
		for i, u := range m.Rejected.Updates {
			if i > 0 {
				b.dst = append(b.dst, ',')
			}
			update := jsonBuilder{dst: b.dst}
			update.key("pk")
			update.dst = append(base64.StdEncoding.AppendEncode(append(update.dst, '"'), u.PrimaryKey), '"')
			update.string("reason", u.Reason)
			update.string("table", u.Table)
			b.dst = update.end()
		}
		b.dst = append(b.dst, ']')
	}
	b.bool("shouldClientReset", m.ShouldClientReset)
	b.bool("tryAgain", m.TryAgain)
	return b.end()
}

func jsonProblem(message, field, format string, args ...any) *ProtocolError {
	return &ProtocolError{Kind: ErrJSON, Message: message, Field: field, Offset: -1, Reason: fmt.Sprintf(format, args...)}
}

func parseJSONError(r *reader, limits Limits) *JSONError {
	m := &JSONError{Code: r.code()}
	size := r.uint("size")
	m.Session = r.lastUint("sid")
	body := r.take("body", size, limits.JSON)
	if r.err == nil {
		r.err = m.parseBody(body)
	}
	return m
}

// parseBody reads the JSON of section 9.1. Unknown keys, and keys that don't belong to the code, are ignored.
func (m *JSONError) parseBody(body []byte) *ProtocolError {
	object, err := parseObject(body)
	if err != nil {
		return jsonProblem(m.Name(), "body", "%v", err)
	}
	p := memberReader{object: object, name: m.Name()}
	m.Message = p.string("message")
	m.LogURL = p.string("logURL")
	m.TryAgain = p.bool("tryAgain")
	m.ShouldClientReset = p.bool("shouldClientReset")
	m.RecoveryModeDisabled = p.bool("isRecoveryModeDisabled")
	m.Action = ParseAction(p.string("action"))
	if object.get("backoffIntervalSec") != nil {
		m.Backoff = &Backoff{IntervalSec: p.int32("backoffIntervalSec"), MaxDelaySec: p.int32("backoffMaxDelaySec"), Multiplier: p.int32("backoffMultiplier")}
	}
	if m.Code == CodeMigrateToFLX {
		if m.PartitionQuery = p.string("partitionQuery"); m.PartitionQuery == "" {
			p.fail("partitionQuery", "it is empty")
		}
	}
	if m.Code == CodeSchemaVersionChanged {
		m.PreviousSchemaVersion = p.uint("previousSchemaVersion")
	}
	if updates := object.get("rejectedUpdates"); updates != nil {
		m.Rejected = p.rejection(updates)
	}
	return p.err
}

// memberReader reads the members of one object; the first problem sticks.
type memberReader struct {
	object jsonObject
	name   string
	err    *ProtocolError
}

func (p *memberReader) fail(key, format string, args ...any) {
	if p.err == nil {
		p.err = jsonProblem(p.name, key, format, args...)
	}
}

// wrong reports a member that is missing or has another type than wanted.
func (p *memberReader) wrong(key, want string) {
	if v := p.object.get(key); v == nil {
		p.fail(key, "it is missing")
	} else {
		p.fail(key, "%s is not %s", quote(v), want)
	}
}

func (p *memberReader) string(key string) string {
	v, ok := p.object.get(key).asString()
	if !ok {
		p.wrong(key, "a string")
	}
	return v
}

func (p *memberReader) bool(key string) bool {
	v, ok := p.object.get(key).asBool()
	if !ok {
		p.wrong(key, "true or false")
	}
	return v
}

func (p *memberReader) uint(key string) uint64 {
	v, ok := p.object.get(key).asUint()
	if !ok {
		p.wrong(key, "an unsigned integer")
	}
	return v
}

func (p *memberReader) version(key string) uint64 {
	v, ok := p.object.get(key).asVersion()
	if !ok {
		p.wrong(key, "an integer of 64 bits")
	}
	return v
}

func (p *memberReader) int32(key string) int32 {
	v, ok := p.object.get(key).asInt32()
	if !ok {
		p.wrong(key, "a number of 32 bits")
	}
	return v
}

func (p *memberReader) rejection(updates jsonValue) *Rejection {
	elements, ok := parseArray(updates)
	if !ok {
		p.wrong("rejectedUpdates", "an array")
		return nil
	}
	rejected := &Rejection{ClientVersion: p.version("rejectedClientVersion")}
	if p.object.get("compensatingWriteServerVersion") != nil {
		rejected.ServerVersion = p.version("compensatingWriteServerVersion")
	}
	for _, e := range elements {
		object, err := parseObject(e)
		if err != nil {
			p.fail("rejectedUpdates", "%s: %v", quote(e), err)
		}
		member := memberReader{object: object, name: p.name}
		update := RejectedUpdate{Table: member.string("table"), Reason: member.string("reason")}
		update.PrimaryKey, err = decodePrimaryKey(member.string("pk"))
		if err != nil {
			member.fail("pk", "%v", err)
		}
		if p.err == nil {
			p.err = member.err
		}
		if p.err != nil {
			return nil
		}
		rejected.Updates = append(rejected.Updates, update)
	}
	return rejected
}

// AppendRawJSONError writes a json_error with a ready-made body: what the test command ECHO_ERROR asks for. The body is checked
// like a received one, and the message is refused for what JSONError.Append refuses.
func AppendRawJSONError(dst []byte, session uint64, code ErrorCode, body []byte) ([]byte, error) {
	m := JSONError{Session: session, Code: code}
	if err := m.parseBody(body); err != nil {
		return dst, err
	}
	if err := m.check(); err != nil {
		return dst, err
	}
	dst = putInt(append(dst, "json_error"...), int64(code))
	dst = putLen(dst, len(body))
	return append(append(putUint(dst, session), '\n'), body...), nil
}
