package wire

// Bind asks for a session (section 3.1).
type Bind struct {
	Session     uint64 // chosen by the client, unique on the connection while bound, >= 1
	Data        []byte // JSON of a BindData, 1..1024 bytes; see ParseBindData
	Token       string // always empty from a client of this version: the access token travels in the URL
	NeedIdent   bool   // the file has no ident yet: the server answers with ServerIdent
	IsSubserver bool   // always false
}

// Ident tells the server which file the session is about and how far it is (section 3.2).
type Ident struct {
	Session      uint64
	FileIdent    uint64
	Salt         int64 // of FileIdent, as given by the server
	Download     DownloadCursor
	Latest       LatestServerVersion
	QueryVersion int64  // version of the active subscription set
	Query        []byte // body of the active subscription set, see AppendQueryBody
}

// Query announces a new subscription set (section 3.3).
type Query struct {
	Session uint64
	Version int64
	Body    []byte // see AppendQueryBody
}

// Upload carries local changesets, or only progress when it has none (section 3.4).
type Upload struct {
	Session             uint64
	Progress            UploadCursor // how far the client has scanned its own history, and what it had integrated there
	LockedServerVersion uint64       // the client's persisted download cursor: older history may be forgotten
	Entries             []UploadEntry
	Body                BodyInfo // set by the parser, ignored by Append
}

// UploadEntry is one changeset of an Upload.
type UploadEntry struct {
	ClientVersion   uint64 // the local version that it made
	ServerVersion   uint64 // the client's download cursor at commit: the base of the merge
	OriginTimestamp uint64 // milliseconds since 2015-01-01T00:00:00Z, see OriginTimestampEpoch
	OriginFileIdent uint64 // 0: the sender
	Changeset       []byte // may be empty
}

// Mark asks for, and in the other direction confirms, that everything until now was delivered (sections 3.5 and 11.1).
type Mark struct {
	Session uint64
	Request uint64 // >= 1, increasing
}

// Unbind ends a session (section 3.6).
type Unbind struct{ Session uint64 }

// Ping keeps the connection alive (section 3.8).
type Ping struct {
	Timestamp int64 // the sender's monotonic clock in milliseconds
	RTT       int64 // last measured round trip in milliseconds, 0 before the first
}

// ClientJSONError reports that a DOWNLOAD could not be integrated (section 3.7). See ClientErrorBody.
type ClientJSONError struct {
	Session uint64
	Code    ErrorCode
	Body    []byte // JSON with the key message; not checked by the parser
}

// TestCommand is a command of a test suite, or the answer to one (sections 3.9 and 4.3).
type TestCommand struct {
	Session uint64
	Request uint64
	Body    []byte // JSON with command and args in the command, free in the answer; see ParseTestCommand
}

// Name returns "bind".
func (*Bind) Name() string { return "bind" }

// Name returns "ident".
func (*Ident) Name() string { return "ident" }

// Name returns "query".
func (*Query) Name() string { return "query" }

// Name returns "upload".
func (*Upload) Name() string { return "upload" }

// Name returns "mark".
func (*Mark) Name() string { return "mark" }

// Name returns "unbind".
func (*Unbind) Name() string { return "unbind" }

// Name returns "ping".
func (*Ping) Name() string { return "ping" }

// Name returns "json_error".
func (*ClientJSONError) Name() string { return "json_error" }

// Name returns "test_command".
func (*TestCommand) Name() string { return "test_command" }

// SessionIdent returns Session.
func (m *Bind) SessionIdent() uint64 { return m.Session }

// SessionIdent returns Session.
func (m *Ident) SessionIdent() uint64 { return m.Session }

// SessionIdent returns Session.
func (m *Query) SessionIdent() uint64 { return m.Session }

// SessionIdent returns Session.
func (m *Upload) SessionIdent() uint64 { return m.Session }

// SessionIdent returns Session.
func (m *Mark) SessionIdent() uint64 { return m.Session }

// SessionIdent returns Session.
func (m *Unbind) SessionIdent() uint64 { return m.Session }

// SessionIdent returns 0: a ping belongs to the connection.
func (*Ping) SessionIdent() uint64 { return 0 }

// SessionIdent returns Session.
func (m *ClientJSONError) SessionIdent() uint64 { return m.Session }

// SessionIdent returns Session.
func (m *TestCommand) SessionIdent() uint64 { return m.Session }

// Append implements Message.
func (m *Bind) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message.
func (m *Ident) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message.
func (m *Query) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message. The body is deflated by the rule of section 2.2.
func (m *Upload) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message.
func (m *Mark) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message.
func (m *Unbind) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message.
func (m *Ping) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message.
func (m *ClientJSONError) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

// Append implements Message.
func (m *TestCommand) Append(dst []byte) ([]byte, error) { return appendMessage(m, dst) }

func (*Bind) clientMessage()            {}
func (*Ident) clientMessage()           {}
func (*Query) clientMessage()           {}
func (*Upload) clientMessage()          {}
func (*Mark) clientMessage()            {}
func (*Unbind) clientMessage()          {}
func (*Ping) clientMessage()            {}
func (*ClientJSONError) clientMessage() {}
func (*TestCommand) clientMessage()     {}
