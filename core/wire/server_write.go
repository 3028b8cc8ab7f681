package wire

import (
	"strconv"
	"strings"
)

func (m *ServerIdent) check() *ProtocolError {
	switch {
	case m.FileIdent == 0:
		return refuse(m.Name(), "file_ident", "it is 0, file idents start at 1")
	case m.Salt == 0:
		return refuse(m.Name(), "salt", "it is 0, a client treats that as a violation")
	}
	return first(checkSession(m.Name(), m.Session), checkSigned(m.Name(), "salt", m.Salt))
}

func (m *ServerIdent) put(dst []byte) []byte {
	dst = putUint(append(dst, "ident"...), m.Session)
	return append(putInt(putUint(dst, m.FileIdent), m.Salt), '\n')
}

func (m *Unbound) check() *ProtocolError { return checkSession(m.Name(), m.Session) }

func (m *Unbound) put(dst []byte) []byte {
	return append(putUint(append(dst, "unbound"...), m.Session), '\n')
}

func (m *Pong) check() *ProtocolError { return checkSigned(m.Name(), "timestamp", m.Timestamp) }

func (m *Pong) put(dst []byte) []byte {
	return append(putInt(append(dst, "pong"...), m.Timestamp), '\n')
}

func (m *Error) check() *ProtocolError {
	if reason := unsendable(m.Session, m.Code); reason != "" {
		return refuse(m.Name(), "code", "%s", reason)
	}
	if needsJSON(m.Code) {
		return refuse(m.Name(), "code", "%v needs details that only json_error can hold", m.Code)
	}
	return nil
}

func (m *Error) put(dst []byte) []byte {
	dst = putInt(append(dst, "error"...), int64(m.Code))
	dst = putLen(dst, len(m.Text))
	dst = putBool(dst, m.TryAgain)
	return append(append(putUint(dst, m.Session), '\n'), m.Text...)
}

func (m *QueryError) check() *ProtocolError {
	return first(checkSession(m.Name(), m.Session), checkQueryVersion(m.Name(), m.QueryVersion))
}

func (m *QueryError) put(dst []byte) []byte {
	dst = putInt(append(dst, "query_error"...), int64(m.Code))
	dst = putLen(dst, len(m.Text))
	dst = putUint(dst, m.Session)
	return append(append(putInt(dst, m.QueryVersion), '\n'), m.Text...)
}

// putReal writes an estimate of 0..1, cut to 4 decimals: a client cuts as well, and rounding up to 1 would announce
// completion too early. 0 and 1 come out as integers, which is also what clients before VersionRealProgress need for 0.
func putReal(dst []byte, v float64) []byte {
	if v == 0 {
		v = 0 // no minus sign
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if point := strings.IndexByte(text, '.'); point >= 0 && len(text) > point+5 {
		text = text[:point+5]
	}
	return append(append(dst, ' '), text...)
}
