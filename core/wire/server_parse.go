package wire

// ParseServerMessage reads one message from a server: a client calls it with each binary WebSocket message. Unset limits
// are those of ClientLimits. The error is a *ProtocolError and means a protocol violation (section 5.5).
//
// What depends on the state of a session isn't checked here: see Download.CheckProgress and the CheckReceived methods.
// The message keeps pointing into msg, see the package comment.
func ParseServerMessage(msg []byte, limits Limits) (ServerMessage, error) {
	limits = limits.or(ClientLimits())
	r, name := openMessage(msg, limits.Message)
	if r.err != nil {
		return nil, r.err
	}
	r.name = name
	var m ServerMessage
	switch name {
	case "ident":
		m = &ServerIdent{Session: r.uint("sid"), FileIdent: r.uint("file_ident"), Salt: r.lastInt("salt")}
	case "download":
		m = parseDownload(&r, limits)
	case "mark":
		m = &Mark{Session: r.uint("sid"), Request: r.lastUint("req")}
	case "unbound":
		m = &Unbound{Session: r.lastUint("sid")}
	case "pong":
		m = &Pong{Timestamp: r.lastInt("timestamp")}
	case "error":
		e := &Error{Code: r.code()}
		size := r.uint("size")
		e.TryAgain = r.bool("try_again")
		e.Session = r.lastUint("sid")
		e.Text = r.take("message", size, limits.Text)
		m = e
	case "json_error":
		m = parseJSONError(&r, limits)
	case "query_error":
		e := &QueryError{Code: r.code()}
		size := r.uint("size")
		e.Session = r.uint("sid")
		e.QueryVersion = r.lastInt("query_version")
		e.Text = r.take("message", size, limits.Text)
		m = e
	case "log_message":
		m = parseLogMessage(&r, limits)
	case "test_command":
		m = parseTestCommand(&r, limits)
	default:
		return nil, unknownMessage(name)
	}
	r.end()
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

func parseDownload(r *reader, limits Limits) *Download {
	m := &Download{Session: r.uint("sid")}
	p := &m.Progress
	p.Download.ServerVersion = r.uint("download_server_version")
	p.Download.ClientVersion = r.uint("download_client_version")
	p.Latest.Version = r.uint("latest_server_version")
	p.Latest.Salt = r.int("latest_server_version_salt")
	p.Upload.ClientVersion = r.uint("upload_client_version")
	p.Upload.ServerVersion = r.uint("upload_server_version")
	at := r.pos
	m.QueryVersion = r.int("query_version")
	if m.QueryVersion < 0 {
		r.fail(ErrSyntax, "query_version", at, "%d is negative", m.QueryVersion)
	}
	at = r.pos
	state := r.int("batch_state")
	if state < int64(MoreToCome) || state > int64(SteadyState) {
		r.fail(ErrSyntax, "batch_state", at, "%d is none of 0, 1, 2", state)
	}
	m.BatchState = BatchState(state)
	m.Estimate = r.real("progress")
	compressed, usize, csize := r.bool("is_compressed"), r.uint("usize"), r.lastUint("csize")
	var body []byte
	body, m.Body = r.body(compressed, usize, csize, limits.Body)
	if r.err == nil {
		m.Entries, r.err = parseDownloadEntries(body, limits.Entries)
		r.pos = len(r.msg)
	}
	return m
}
