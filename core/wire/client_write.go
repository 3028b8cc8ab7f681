package wire

func (m *Bind) check() *ProtocolError {
	limits := ServerLimits()
	if n := len(m.Data); n == 0 || n > limits.BindData {
		return refuse(m.Name(), "data", "it has %d bytes, servers accept 1 to %d", n, limits.BindData)
	}
	if n := len(m.Token); n > limits.Token {
		return refuse(m.Name(), "token", "it has %d bytes, servers accept up to %d", n, limits.Token)
	}
	return checkSession(m.Name(), m.Session)
}

func (m *Bind) put(dst []byte) []byte {
	dst = putUint(append(dst, "bind"...), m.Session)
	dst = putLen(dst, len(m.Data))
	dst = putLen(dst, len(m.Token))
	dst = putBool(dst, m.NeedIdent)
	dst = putBool(dst, m.IsSubserver)
	dst = append(append(dst, '\n'), m.Data...)
	return append(dst, m.Token...)
}

func (m *Ident) check() *ProtocolError {
	return first(checkSession(m.Name(), m.Session), checkSigned(m.Name(), "file_ident_salt", m.Salt),
		checkSigned(m.Name(), "latest_server_version_salt", m.Latest.Salt), checkQueryVersion(m.Name(), m.QueryVersion))
}

func (m *Ident) put(dst []byte) []byte {
	dst = putUint(append(dst, "ident"...), m.Session)
	dst = putUint(dst, m.FileIdent)
	dst = putInt(dst, m.Salt)
	dst = putUint(dst, m.Download.ServerVersion)
	dst = putUint(dst, m.Download.ClientVersion)
	dst = putUint(dst, m.Latest.Version)
	dst = putInt(dst, m.Latest.Salt)
	dst = putInt(dst, m.QueryVersion)
	dst = putLen(dst, len(m.Query))
	return append(append(dst, '\n'), m.Query...)
}

func (m *Query) check() *ProtocolError {
	return first(checkSession(m.Name(), m.Session), checkQueryVersion(m.Name(), m.Version))
}

func (m *Query) put(dst []byte) []byte {
	dst = putUint(append(dst, "query"...), m.Session)
	dst = putInt(dst, m.Version)
	dst = putLen(dst, len(m.Body))
	return append(append(dst, '\n'), m.Body...)
}

func (m *Mark) check() *ProtocolError { return checkSession(m.Name(), m.Session) }

func (m *Mark) put(dst []byte) []byte {
	dst = putUint(append(dst, "mark"...), m.Session)
	return append(putUint(dst, m.Request), '\n')
}

func (m *Unbind) check() *ProtocolError { return checkSession(m.Name(), m.Session) }

func (m *Unbind) put(dst []byte) []byte {
	return append(putUint(append(dst, "unbind"...), m.Session), '\n')
}

func (m *Ping) check() *ProtocolError {
	return first(checkSigned(m.Name(), "timestamp", m.Timestamp), checkSigned(m.Name(), "rtt", m.RTT))
}

func (m *Ping) put(dst []byte) []byte {
	return append(putInt(putInt(append(dst, "ping"...), m.Timestamp), m.RTT), '\n')
}

func (m *ClientJSONError) check() *ProtocolError { return checkSession(m.Name(), m.Session) }

func (m *ClientJSONError) put(dst []byte) []byte {
	dst = putInt(append(dst, "json_error"...), int64(m.Code))
	dst = putLen(dst, len(m.Body))
	return append(append(putUint(dst, m.Session), '\n'), m.Body...)
}

func (m *TestCommand) check() *ProtocolError { return checkSession(m.Name(), m.Session) }

func (m *TestCommand) put(dst []byte) []byte {
	dst = putUint(append(dst, "test_command"...), m.Session)
	dst = putUint(dst, m.Request)
	dst = putLen(dst, len(m.Body))
	return append(append(dst, '\n'), m.Body...)
}

func checkQueryVersion(name string, v int64) *ProtocolError {
	if v < 0 {
		return refuse(name, "query_version", "%d is negative, versions start at 0", v)
	}
	return nil
}
