package wire

import (
	"fmt"
	"strconv"
)

// ErrorCode is the code of ERROR, JSON_ERROR and QUERY_ERROR. A client accepts unknown ones in session errors.
type ErrorCode int32

// ErrorInfo is what is known about an error code.
type ErrorInfo struct {
	Code     ErrorCode
	Name     string    // as in the specification: "bad_syntax"
	Status   string    // name of the status that a client reports, "" for codes that end an original client's process
	Action   Action    // what a server asks the client to do with it, NoAction for deadly codes
	TryAgain bool      // what a server sends as tryAgain: false means fatal
	Close    CloseCode // deadly codes: the close frame to send instead, 0 for the others
}

// errorIndex finds the row of a code.
var errorIndex = func() map[ErrorCode]*ErrorInfo {
	index := make(map[ErrorCode]*ErrorInfo, len(errorTable))
	for i := range errorTable {
		index[errorTable[i].Code] = &errorTable[i]
	}
	return index
}()

// ErrorCodes returns the table of all known codes, ascending. It is a copy.
func ErrorCodes() []ErrorInfo { return append([]ErrorInfo(nil), errorTable[:]...) }

// Info returns what is known about the code, and whether it is known.
func (c ErrorCode) Info() (ErrorInfo, bool) {
	if row := errorIndex[c]; row != nil {
		return *row, true
	}
	return ErrorInfo{Code: c}, false
}

// Known tells whether the code is in the table.
func (c ErrorCode) Known() bool { return errorIndex[c] != nil }

// SessionLevel tells whether the code belongs to a session (200-299), known or not.
func (c ErrorCode) SessionLevel() bool { return c >= 200 && c <= 299 }

// KillsClient tells whether the code ends the process of an original client, so that it must never be sent (section 13).
func (c ErrorCode) KillsClient() bool {
	row := errorIndex[c]
	return row != nil && row.Status == ""
}

// Suspends tells whether a session error with this code makes the client suspend the session and send UNBIND: all but the
// compensating write and the changed schema version (section 9.2).
func (c ErrorCode) Suspends() bool {
	return c != CodeCompensatingWrite && c != CodeSchemaVersionChanged
}

// String returns the name with the number, such as "bad_syntax (103)".
func (c ErrorCode) String() string {
	if row := errorIndex[c]; row != nil {
		return row.Name + " (" + strconv.Itoa(int(c)) + ")"
	}
	return fmt.Sprintf("unknown error (%d)", int32(c))
}

// unsendable says why a server must not send the code for the session (0: the connection), "" if it may.
func unsendable(sid uint64, c ErrorCode) string {
	if row := errorIndex[c]; c.KillsClient() {
		return fmt.Sprintf("%v ends the process of an original client, close the connection with code %d instead", c, row.Close)
	}
	return misplaced(sid, c)
}

// misplaced says why a client treats the code as a violation for that session (sections 9.3 and 9.4), "" if it doesn't.
func misplaced(sid uint64, c ErrorCode) string {
	switch {
	case sid == 0 && (!c.Known() || c.SessionLevel()):
		return fmt.Sprintf("%v can't be sent for a connection, only a known code of 100-199 can", c)
	case sid != 0 && c.Known() && !c.SessionLevel():
		return fmt.Sprintf("%v belongs to the connection, send it with session 0", c)
	}
	return ""
}

// needsJSON tells whether a client looks for details of the code that the legacy form of errors can't hold.
func needsJSON(c ErrorCode) bool {
	return c == CodeCompensatingWrite || c == CodeMigrateToFLX || c == CodeSchemaVersionChanged
}

func checkReceived(name string, sid uint64, c ErrorCode) error {
	if c.KillsClient() {
		return &ProtocolError{Kind: ErrErrorCode, Message: name, Field: "code", Offset: -1, Reason: fmt.Sprintf("%v is never sent by a correct server", c)}
	}
	if reason := misplaced(sid, c); reason != "" {
		return &ProtocolError{Kind: ErrErrorCode, Message: name, Field: "code", Offset: -1, Reason: reason}
	}
	return nil
}

// CheckReceived is for clients: it tells whether the error is a protocol violation by its code (sections 9.3, 9.4 and 13).
func (m *Error) CheckReceived() error {
	if needsJSON(m.Code) {
		return &ProtocolError{Kind: ErrErrorCode, Message: m.Name(), Field: "code", Offset: -1, Reason: fmt.Sprintf("%v comes without its details", m.Code)}
	}
	return checkReceived(m.Name(), m.Session, m.Code)
}

// CheckReceived is for clients: it tells whether the error is a protocol violation by its code (sections 9.3, 9.4 and 13),
// or a compensating write without its version.
func (m *JSONError) CheckReceived() error {
	if err := checkReceived(m.Name(), m.Session, m.Code); err != nil {
		return err
	}
	if m.Code == CodeCompensatingWrite && (m.Rejected == nil || m.Rejected.ServerVersion == 0) {
		return &ProtocolError{Kind: ErrJSON, Message: m.Name(), Field: "compensatingWriteServerVersion", Offset: -1, Reason: "it is missing, error 231 needs it"}
	}
	return nil
}

// CheckReceived is for clients: a query error needs a session (section 4.3).
func (m *QueryError) CheckReceived() error {
	if m.Session == 0 {
		return &ProtocolError{Kind: ErrErrorCode, Message: m.Name(), Field: "sid", Offset: -1, Reason: "it is 0, a query error belongs to a session"}
	}
	return nil
}
