package wire

import "math"

func (m *Upload) check() *ProtocolError { return checkSession(m.Name(), m.Session) }

func (m *Upload) put(dst []byte) []byte {
	size := 0
	for i := range m.Entries {
		size += m.Entries[i].size()
	}
	body := packBody(size, func(to []byte) []byte {
		for i := range m.Entries {
			to = m.Entries[i].put(to)
		}
		return to
	})
	defer body.release()
	dst = putUint(append(dst, "upload"...), m.Session)
	dst = body.putSizes(dst)
	dst = putUint(dst, m.Progress.ClientVersion)
	dst = putUint(dst, m.Progress.ServerVersion)
	dst = putUint(dst, m.LockedServerVersion)
	return body.put(append(dst, '\n'))
}

func (e *UploadEntry) size() int {
	n := digits(e.ClientVersion) + digits(e.ServerVersion) + digits(e.OriginTimestamp) + digits(e.OriginFileIdent)
	return n + digits(uint64(len(e.Changeset))) + 5 + len(e.Changeset)
}

func (e *UploadEntry) put(dst []byte) []byte {
	dst = putNumber(dst, e.ClientVersion)
	dst = putNumber(dst, e.ServerVersion)
	dst = putNumber(dst, e.OriginTimestamp)
	dst = putNumber(dst, e.OriginFileIdent)
	dst = putNumber(dst, uint64(len(e.Changeset)))
	return append(dst, e.Changeset...)
}

func (m *Download) check() *ProtocolError {
	if err := first(checkSession(m.Name(), m.Session), checkSigned(m.Name(), "latest_server_version_salt", m.Progress.Latest.Salt),
		checkQueryVersion(m.Name(), m.QueryVersion)); err != nil {
		return err
	}
	switch {
	case m.BatchState > SteadyState:
		return refuse(m.Name(), "batch_state", "%d is none of 0, 1, 2", m.BatchState)
	case math.IsNaN(m.Estimate) || m.Estimate < 0 || m.Estimate > 1:
		return refuse(m.Name(), "progress", "%v is outside 0..1", m.Estimate)
	}
	for i := range m.Entries {
		switch e := &m.Entries[i]; {
		case e.ServerVersion == 0:
			return refuse(m.Name(), "server_version", "it is 0 in entry %d, server versions start at 1", i)
		case e.OriginFileIdent == 0:
			return refuse(m.Name(), "origin_file_ident", "it is 0 in entry %d, use 1 for changesets of the server itself", i)
		}
	}
	return nil
}

func (m *Download) put(dst []byte) []byte {
	size := 0
	for i := range m.Entries {
		size += m.Entries[i].size()
	}
	body := packBody(size, func(to []byte) []byte {
		for i := range m.Entries {
			to = m.Entries[i].put(to)
		}
		return to
	})
	defer body.release()
	dst = putUint(append(dst, "download"...), m.Session)
	dst = putUint(dst, m.Progress.Download.ServerVersion)
	dst = putUint(dst, m.Progress.Download.ClientVersion)
	dst = putUint(dst, m.Progress.Latest.Version)
	dst = putInt(dst, m.Progress.Latest.Salt)
	dst = putUint(dst, m.Progress.Upload.ClientVersion)
	dst = putUint(dst, m.Progress.Upload.ServerVersion)
	dst = putInt(dst, m.QueryVersion)
	dst = putUint(dst, uint64(m.BatchState))
	dst = putReal(dst, m.Estimate)
	dst = body.putSizes(dst)
	return body.put(append(dst, '\n'))
}

// WireSize returns the number of bytes that the entry takes in an uncompressed body: what a sender that splits messages counts.
func (e *DownloadEntry) WireSize() int { return e.size() }

// WireSize returns the number of bytes that the entry takes in an uncompressed body: what MaxUploadSize is compared with.
func (e *UploadEntry) WireSize() int { return e.size() }

func (e *DownloadEntry) size() int {
	n := digits(e.ServerVersion) + digits(e.ClientVersion) + digits(e.OriginTimestamp) + digits(e.OriginFileIdent)
	return n + digits(e.OriginalSize) + digits(uint64(len(e.Changeset))) + 6 + len(e.Changeset)
}

func (e *DownloadEntry) put(dst []byte) []byte {
	dst = putNumber(dst, e.ServerVersion)
	dst = putNumber(dst, e.ClientVersion)
	dst = putNumber(dst, e.OriginTimestamp)
	dst = putNumber(dst, e.OriginFileIdent)
	dst = putNumber(dst, e.OriginalSize)
	dst = putNumber(dst, uint64(len(e.Changeset)))
	return append(dst, e.Changeset...)
}

// parseUploadEntries reads the entries of a body (section 3.4).
func parseUploadEntries(body []byte, limit int) ([]UploadEntry, *ProtocolError) {
	var entries []UploadEntry
	r := reader{msg: body, name: "upload", kind: ErrEntry}
	for r.pos < len(body) {
		if len(entries) == limit {
			return nil, r.tooMany(limit)
		}
		var e UploadEntry
		e.ClientVersion = r.uint("client_version")
		e.ServerVersion = r.uint("server_version")
		e.OriginTimestamp = r.uint("origin_timestamp")
		e.OriginFileIdent = r.uint("origin_file_ident")
		e.Changeset = r.changeset()
		if r.err != nil {
			return nil, r.err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// parseDownloadEntries reads the entries of a body (section 4.2).
func parseDownloadEntries(body []byte, limit int) ([]DownloadEntry, *ProtocolError) {
	var entries []DownloadEntry
	r := reader{msg: body, name: "download", kind: ErrEntry}
	for r.pos < len(body) {
		if len(entries) == limit {
			return nil, r.tooMany(limit)
		}
		var e DownloadEntry
		start := r.pos
		e.ServerVersion = r.uint("server_version")
		e.ClientVersion = r.uint("client_version")
		e.OriginTimestamp = r.uint("origin_timestamp")
		e.OriginFileIdent = r.uint("origin_file_ident")
		e.OriginalSize = r.uint("original_size")
		e.Changeset = r.changeset()
		if r.err == nil && e.ServerVersion == 0 {
			r.fail(ErrEntry, "server_version", start, "it is 0, server versions start at 1")
		}
		if r.err != nil {
			return nil, r.err
		}
		entries = append(entries, e)
	}
	return entries, nil
}
