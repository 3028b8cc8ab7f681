package applog

import (
	"encoding/json"
	"log/slog"
	"time"

	"realmsync/server/excerpt"
)

// The most that is kept of a line, in bytes; longer texts are cut.
const (
	maxMessage = 4096
	maxError   = 2048
	maxName    = 128 // a request's id, a user's
	maxField   = 512
	maxFields  = 1536 // all other fields, as JSON; those that would not fit are left out
)

// kept are the attributes that are kept as fields. It lists what may be, not what may not: the server's log is for its operator, who may read everything,
// and has links with secrets in them (development mode), stacks and addresses of mail, which are nobody else's business.
var kept = map[string]bool{
	"admin": true, "bytes": true, "class": true, "client_version": true, "code": true, "documents": true, "file_ident": true, "files_expired": true, "function": true,
	"method": true, "object": true, "path": true, "query_version": true, "remote": true, "route": true, "session": true, "sessions": true, "status": true, "took": true, "version": true,
}

// entry is a line as it is logged.
type entry struct {
	app     string
	at      int64 // nanoseconds since 1970
	level   slog.Level
	message string
	err     string // what was wrong; "" for lines that tell of nothing wrong
	request string
	user    string
	fields  string // members of a JSON object, without its braces
}

// size is what it takes in memory, in bytes, about.
func (e *entry) size() int {
	return 160 + len(e.app) + len(e.message) + len(e.err) + len(e.request) + len(e.user) + len(e.fields)
}

// take takes what is kept of an attribute.
func (e *entry) take(a slog.Attr) {
	switch a.Key {
	case "app":
		e.app = a.Value.String()
	case "error", "reason":
		e.err = excerpt.Of(a.Value.String(), maxError)
	case "request":
		e.request = excerpt.Of(a.Value.String(), maxName)
	case "user":
		e.user = excerpt.Of(a.Value.String(), maxName)
	default:
		if kept[a.Key] {
			e.field(a)
		}
	}
}

func (e *entry) field(a slog.Attr) {
	var value any
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindBool, slog.KindInt64, slog.KindUint64:
		value = v.Any()
	default:
		value = excerpt.Of(v.String(), maxField)
	}
	text, err := json.Marshal(value)
	if err != nil || len(e.fields)+len(a.Key)+len(text)+4 > maxFields {
		return
	}
	if e.fields != "" {
		e.fields += ","
	}
	e.fields += `"` + a.Key + `":` + string(text)
}

// finish adds what a record says itself.
func (e *entry) finish(r slog.Record) {
	e.at, e.level, e.message = r.Time.UnixNano(), r.Level, excerpt.Of(r.Message, maxMessage)
	if r.Time.IsZero() {
		e.at = time.Now().UnixNano()
	}
	if e.err == "" && r.Level >= slog.LevelError {
		e.err = excerpt.Of(r.Message, maxError)
	}
}
