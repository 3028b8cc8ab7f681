package wire

import "strconv"

// Message is any message of the protocol.
type Message interface {
	// Name returns the name on the wire, such as "upload".
	Name() string
	// SessionIdent returns the session that the message is about, 0 for the connection.
	SessionIdent() uint64
	// Append writes the message to the end of dst and returns the extended buffer. On error it returns dst unchanged
	// and a *ProtocolError of kind ErrRefused: the message holds something that must not be sent.
	Append(dst []byte) ([]byte, error)
}

// ClientMessage is a message from client to server: *Bind, *Ident, *Query, *Upload, *Mark, *Unbind, *Ping,
// *ClientJSONError or *TestCommand.
type ClientMessage interface {
	Message
	clientMessage()
}

// ServerMessage is a message from server to client: *ServerIdent, *Download, *Mark, *Unbound, *Pong, *Error, *JSONError,
// *QueryError, *LogMessage or *TestCommand.
type ServerMessage interface {
	Message
	serverMessage()
}

// encodable is what every message implements beneath Append: the check for what must not be sent, and the bytes.
type encodable interface {
	check() *ProtocolError
	put(dst []byte) []byte
}

func appendMessage(m encodable, dst []byte) ([]byte, error) {
	if err := m.check(); err != nil {
		return dst, err
	}
	return m.put(dst), nil
}

func putUint(dst []byte, v uint64) []byte { return strconv.AppendUint(append(dst, ' '), v, 10) }

func putInt(dst []byte, v int64) []byte { return strconv.AppendInt(append(dst, ' '), v, 10) }

func putLen(dst []byte, n int) []byte { return strconv.AppendInt(append(dst, ' '), int64(n), 10) }

func putBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, ' ', '1')
	}
	return append(dst, ' ', '0')
}

// checkSession refuses session 0 for messages that belong to a session.
func checkSession(name string, sid uint64) *ProtocolError {
	if sid == 0 {
		return refuse(name, "sid", "it is 0, session idents start at 1")
	}
	return nil
}

// checkSigned refuses the one number that can be written but not read (its digits overflow before the sign is applied).
func checkSigned(name, field string, v int64) *ProtocolError {
	if v == -1<<63 {
		return refuse(name, field, "%d can't be read by the other side, use a larger number", v)
	}
	return nil
}

// first returns the first problem of a list.
func first(problems ...*ProtocolError) *ProtocolError {
	for _, p := range problems {
		if p != nil {
			return p
		}
	}
	return nil
}
