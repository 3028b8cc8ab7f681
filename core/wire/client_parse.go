package wire

// ParseClientMessage reads one message from a client: a server calls it with each binary WebSocket message. Unset limits
// are those of ServerLimits. The error is a *ProtocolError; the connection can't be used any more then (section 5.3).
//
// The message keeps pointing into msg, see the package comment.
func ParseClientMessage(msg []byte, limits Limits) (ClientMessage, error) {
	limits = limits.or(ServerLimits())
	r, name := openMessage(msg, limits.Message)
	if r.err != nil {
		return nil, r.err
	}
	r.name = name
	var m ClientMessage
	switch name {
	case "bind":
		m = parseBind(&r, limits)
	case "ident":
		m = parseIdent(&r, limits)
	case "query":
		q := &Query{Session: r.uint("sid"), Version: r.int("query_version")}
		q.Body = r.take("query", r.lastUint("query_size"), limits.Query)
		m = q
	case "upload":
		m = parseUpload(&r, limits)
	case "mark":
		m = &Mark{Session: r.uint("sid"), Request: r.lastUint("req")}
	case "unbind":
		m = &Unbind{Session: r.lastUint("sid")}
	case "ping":
		m = &Ping{Timestamp: r.int("timestamp"), RTT: r.lastInt("rtt")}
	case "json_error":
		e := &ClientJSONError{Code: r.code()}
		size := r.uint("size")
		e.Session = r.lastUint("sid")
		e.Body = r.take("body", size, limits.JSON)
		m = e
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

func unknownMessage(name string) *ProtocolError {
	return &ProtocolError{Kind: ErrUnknownMessage, Offset: 0, Reason: "there is no message " + quote([]byte(name)) + " in this direction"}
}

func parseBind(r *reader, limits Limits) *Bind {
	m := &Bind{Session: r.uint("sid")}
	at := r.pos
	dataSize, tokenSize := r.uint("data_size"), r.uint("token_size")
	m.NeedIdent = r.bool("need_ident")
	m.IsSubserver = r.lastBool("is_subserver")
	if r.err == nil && dataSize == 0 {
		r.fail(ErrSyntax, "data_size", at, "it is 0, BIND needs its JSON")
	}
	m.Data = r.take("data", dataSize, limits.BindData)
	m.Token = string(r.take("token", tokenSize, limits.Token))
	return m
}

func parseIdent(r *reader, limits Limits) *Ident {
	m := &Ident{Session: r.uint("sid"), FileIdent: r.uint("file_ident"), Salt: r.int("file_ident_salt")}
	m.Download.ServerVersion = r.uint("download_server_version")
	m.Download.ClientVersion = r.uint("download_client_version")
	m.Latest.Version = r.uint("latest_server_version")
	m.Latest.Salt = r.int("latest_server_version_salt") // the last field of partition-based sync, which is refused here
	m.QueryVersion = r.int("query_version")
	m.Query = r.take("query", r.lastUint("query_size"), limits.Query)
	return m
}

func parseUpload(r *reader, limits Limits) *Upload {
	m := &Upload{Session: r.uint("sid")}
	compressed, usize, csize := r.bool("is_compressed"), r.uint("usize"), r.uint("csize")
	m.Progress.ClientVersion = r.uint("progress_client_version")
	m.Progress.ServerVersion = r.uint("progress_server_version")
	m.LockedServerVersion = r.lastUint("locked_server_version")
	var body []byte
	body, m.Body = r.body(compressed, usize, csize, limits.Body)
	if r.err == nil {
		m.Entries, r.err = parseUploadEntries(body, limits.Entries)
		r.pos = len(r.msg)
	}
	return m
}

func parseTestCommand(r *reader, limits Limits) *TestCommand {
	m := &TestCommand{Session: r.uint("sid"), Request: r.uint("req")}
	m.Body = r.take("body", r.lastUint("size"), limits.Text)
	return m
}
