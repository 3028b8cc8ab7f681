package wire

// LogLevel is the level of a LogMessage.
type LogLevel uint8

// The log levels. The zero value is the level of messages that name none.
const (
	LogDebug LogLevel = iota
	LogFatal
	LogError
	LogWarn
	LogInfo
	LogDetail
	LogTrace
)

var levelNames = [...]string{LogDebug: "debug", LogFatal: "fatal", LogError: "error", LogWarn: "warn", LogInfo: "info", LogDetail: "detail", LogTrace: "trace"}

// String returns the name as it is on the wire.
func (l LogLevel) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return "invalid level"
}

// LogMessage is a line for the client's log (section 4.3).
type LogMessage struct {
	Session      uint64 // may be 0
	Level        LogLevel
	Message      string // "": nothing is logged
	ConnectionID string // "": none; the first one of a connection counts
}

func (m *LogMessage) check() *ProtocolError {
	if int(m.Level) >= len(levelNames) {
		return refuse(m.Name(), "level", "%d is no level", m.Level)
	}
	return nil
}

func (m *LogMessage) put(dst []byte) []byte {
	b := jsonBuilder{}
	if m.ConnectionID != "" {
		b.string("co_id", m.ConnectionID)
	}
	if m.Message != "" {
		b.string("level", m.Level.String())
		b.string("msg", m.Message)
	}
	body := b.end()
	dst = putUint(append(dst, "log_message"...), m.Session)
	dst = putLen(dst, len(body))
	return append(append(dst, '\n'), body...)
}

// parseLogMessage reads what is there and ignores members of other types, as the original does. Only a level that doesn't exist is
// an error, and only if there is something to log.
func parseLogMessage(r *reader, limits Limits) *LogMessage {
	m := &LogMessage{Session: r.uint("sid")}
	body := r.take("body", r.lastUint("size"), limits.JSON)
	if r.err != nil {
		return m
	}
	object, err := parseObject(body)
	if err == errNotObject {
		return m
	} else if err != nil {
		r.err = jsonProblem(m.Name(), "body", "%v", err)
		return m
	}
	m.ConnectionID, _ = object.get("co_id").asString()
	m.Message, _ = object.get("msg").asString()
	if m.Message == "" {
		return m
	}
	level, _ := object.get("level").asString()
	if level == "" {
		return m
	}
	for i, name := range levelNames {
		if name == level {
			m.Level = LogLevel(i)
			return m
		}
	}
	r.err = jsonProblem(m.Name(), "level", "there is no level %s", quote([]byte(level)))
	return m
}
