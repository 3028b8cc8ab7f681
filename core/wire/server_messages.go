package wire

// ServerIdent gives the client file its identity (section 4.1).
type ServerIdent struct {
	Session   uint64
	FileIdent uint64 // >= 1; a server reserves 1 for itself
	Salt      int64  // never 0
}

// BatchState says where a Download stands in a bootstrap (section 4.2).
type BatchState uint8

// The batch states.
const (
	MoreToCome  BatchState = 0 // part of a bootstrap
	LastInBatch BatchState = 1 // the end of a bootstrap
	SteadyState BatchState = 2 // ordinary history
)

// String names the state.
func (s BatchState) String() string {
	switch s {
	case MoreToCome:
		return "more to come"
	case LastInBatch:
		return "last in batch"
	case SteadyState:
		return "steady state"
	default:
		return "invalid batch state"
	}
}

// Download carries changesets of others, or a part of a bootstrap, or only progress (section 4.2).
//
// A bootstrap as a whole must hold at least one changeset, else an original client loops for ever (section 7.3 rule 6); one
// message alone can't tell, so that rule is the sender's.
type Download struct {
	Session      uint64
	Progress     Progress
	QueryVersion int64 // query version that the data belongs to, >= 0
	BatchState   BatchState
	Estimate     float64 // how much of a bootstrap is done after this message, 0..1; written with 4 decimals; 1 in steady state
	Entries      []DownloadEntry
	Body         BodyInfo // set by the parser, ignored by Append
}

// DownloadEntry is one changeset of a Download.
type DownloadEntry struct {
	ServerVersion   uint64 // the version that it made, never 0
	ClientVersion   uint64 // last version of the receiving client that the server had integrated before it: the base of the merge
	OriginTimestamp uint64 // milliseconds since 2015-01-01T00:00:00Z, see OriginTimestampEpoch
	OriginFileIdent uint64 // file that made it, 1 for the server; never 0, never the receiver
	OriginalSize    uint64 // size before the server compacted it, for progress only
	Changeset       []byte // may be empty
}

// BodyInfo says how a parsed body came.
type BodyInfo struct {
	Compressed bool
	Size       int // uncompressed size in bytes
	WireSize   int // bytes that it took in the message
}

// Unbound confirms Unbind (section 4.3).
type Unbound struct{ Session uint64 }

// Pong answers Ping (section 4.3).
type Pong struct{ Timestamp int64 }

// Error is the legacy form of a server error, without action (section 4.3).
type Error struct {
	Session  uint64 // 0 for the connection
	Code     ErrorCode
	TryAgain bool
	Text     []byte // not necessarily UTF-8
}

// QueryError says that the server refuses a subscription set (section 4.3). It must not be sent for a set that the client holds
// as complete, nor for one that it doesn't have: both end an original client's process.
type QueryError struct {
	Session      uint64
	Code         ErrorCode
	QueryVersion int64
	Text         []byte // not necessarily UTF-8
}

// Name returns "ident".
func (*ServerIdent) Name() string { return "ident" }

// Name returns "download".
func (*Download) Name() string { return "download" }

// Name returns "unbound".
func (*Unbound) Name() string { return "unbound" }

// Name returns "pong".
func (*Pong) Name() string { return "pong" }

// Name returns "error".
func (*Error) Name() string { return "error" }

// Name returns "json_error".
func (*JSONError) Name() string { return "json_error" }

// Name returns "query_error".
func (*QueryError) Name() string { return "query_error" }

// Name returns "log_message".
func (*LogMessage) Name() string { return "log_message" }

// SessionIdent returns Session.
func (m *ServerIdent) SessionIdent() uint64 { return m.Session }

// SessionIdent returns Session.
func (m *Download) SessionIdent() uint64 { return m.Session }

// SessionIdent returns Session.
func (m *Unbound) SessionIdent() uint64 { return m.Session }

// SessionIdent returns 0: a pong belongs to the connection.
func (*Pong) SessionIdent() uint64 { return 0 }

// SessionIdent returns Session.
func (m *Error) SessionIdent() uint64 { return m.Session }

// SessionIdent returns Session.
func (m *JSONError) SessionIdent() uint64 { return m.Session }

// SessionIdent returns Session.
func (m *QueryError) SessionIdent() uint64 { return m.Session }

// SessionIdent returns Session.
func (m *LogMessage) SessionIdent() uint64 { return m.Session }

// Append implements Message.
func (m *ServerIdent) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message. The body is deflated by the rule of section 2.2.
func (m *Download) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message.
func (m *Unbound) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message.
func (m *Pong) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message. It refuses codes that end an original client's process, codes of the wrong level, and those that
// need the details of a JSONError.
func (m *Error) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message. It refuses everything of section 13 that can be in one: deadly codes, a code of the wrong level,
// a compensating write without its version, missing extras of 232 and 236, actions for other kinds of clients, bad keys.
func (m *JSONError) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message.
func (m *QueryError) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message. Send it only to clients of version VersionLogMessage or later.
func (m *LogMessage) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

func (*ServerIdent) serverMessage() {}
func (*Download) serverMessage()    {}
func (*Mark) serverMessage()        {}
func (*Unbound) serverMessage()     {}
func (*Pong) serverMessage()        {}
func (*Error) serverMessage()       {}
func (*JSONError) serverMessage()   {}
func (*QueryError) serverMessage()  {}
func (*LogMessage) serverMessage()  {}
func (*TestCommand) serverMessage() {}
