package sync

import (
	"errors"
	"fmt"
	"slices"

	"realmsync/core/wire"
	"realmsync/server/history"
)

// lazyUploads is how many uploads without changesets are held back, at most: they only say what the client has integrated,
// and each would cost a disk flush.
const lazyUploads = 64

// upload checks an UPLOAD against the session and gives it to the engine (spec/wire-protocol.md section 6.5).
func (s *session) upload(m *wire.Upload) error {
	if problem := s.checkUpload(m); problem != nil {
		return s.failEngine(problem)
	}
	if s.header != nil {
		// What is uploaded now is based on no less than what was reported before; on less than what is reported now, it may be.
		s.pruneEpochs(s.header.Progress.ServerVersion)
	}
	s.header = &wire.Upload{Progress: m.Progress, LockedServerVersion: m.LockedServerVersion}
	if len(m.Entries) == 0 {
		s.lazy = s.header
		if s.lazyCount++; s.lazyCount < lazyUploads {
			return nil
		}
	}
	return s.submit(m)
}

// submit gives an upload to the engine.
func (s *session) submit(m *wire.Upload) error {
	u := &history.Upload{
		File: s.file.Ident, Stream: s.stream, ClientVersion: m.Progress.ClientVersion, ServerVersion: m.Progress.ServerVersion,
		Locked: m.LockedServerVersion, Epochs: s.epochs[:len(s.epochs):len(s.epochs)],
		Permission: s.permission(), Schema: s.schemaRule(),
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		decoded, err := history.DecodeUploaded(e.Changeset)
		if err != nil {
			return s.failEngine(err)
		}
		u.Changesets = append(u.Changesets, history.Uploaded{
			ClientVersion: e.ClientVersion, ServerVersion: e.ServerVersion, Timestamp: e.OriginTimestamp, Origin: e.OriginFileIdent,
			Changeset: decoded, Data: e.Changeset,
		})
		u.Bytes += len(e.Changeset)
	}
	content := len(u.Changesets) > 0
	held := s.inHand
	u.Done = func(result history.Result, err error) {
		s.conn.server.inbound.give(s.conn, held)
		s.mu.Lock()
		s.answered = append(s.answered, answer{result, err, u.Bytes, content})
		s.mu.Unlock()
		s.signal()
	}
	s.lazy, s.lazyCount = nil, 0
	if err := s.app.engine.Submit(u); err != nil {
		return s.failServer(err)
	}
	s.inHand = 0 // it is the upload's now
	s.flying++
	s.flyingBytes += u.Bytes
	return nil
}

// settle gives the engine the last upload that was held back, when the session ends. Nobody waits for it. It must not get ahead
// of uploads that were, or may be, skipped: their changesets would pass for integrated.
func (s *session) settle() {
	if s.lazy == nil || s.flying > 0 || s.phase != running {
		return
	}
	_ = s.app.engine.Submit(&history.Upload{
		File: s.file.Ident, Stream: &history.Stream{}, ClientVersion: s.lazy.Progress.ClientVersion,
		ServerVersion: s.lazy.Progress.ServerVersion, Locked: s.lazy.LockedServerVersion, Epochs: s.epochs,
		Done: func(history.Result, error) {},
	})
	s.lazy = nil
}

// settleAnswer takes in what the engine has made of an upload.
func (s *session) settleAnswer(a answer) error {
	s.flying--
	s.flyingBytes -= a.bytes
	switch {
	case s.phase == failed || errors.Is(a.err, history.ErrSkipped):
		return nil
	case a.err != nil:
		return s.failEngine(a.err)
	}
	s.file = a.result.File
	s.own = append(s.own, a.result.Own...)
	for _, r := range a.result.Resets {
		s.resets[r.Version] = append(s.resets[r.Version], r)
	}
	if len(a.result.Denied) > 0 {
		return s.failDenied(a.result.Denied)
	}
	if !a.content {
		return nil
	}
	s.ack = true
	if n := len(a.result.Own); n > 0 {
		// The acknowledgement takes the client past its own versions, so it waits for them to be distributed.
		s.ackAt = a.result.Own[n-1].Version
		s.app.fan.Reach(s.ackAt, s.watcher)
	}
	return nil
}

// deniedBackoff is when a client comes again after asymmetric objects of it were denied. The client's own delays would grow to five minutes with each
// such error in a row, and with the objects everything else would wait.
var deniedBackoff = wire.Backoff{IntervalSec: 1, MaxDelaySec: 5, Multiplier: 2}

// failDenied tells that asymmetric objects were not taken in. The upload is integrated without them, so that the client, which comes again, need not
// upload them anew (spec/sync-semantics.md section 8).
func (s *session) failDenied(denied []history.Denied) error {
	m := wire.NewJSONError(s.sid, wire.CodeWriteNotAllowed, "Client attempted a write that is not allowed")
	r := rejectedList{error: m}
	for _, d := range denied {
		r.add(d.ClientVersion, d.Reason, d.Class, d.Object)
	}
	r.finish(0)
	m.Action, m.TryAgain, m.ShouldClientReset = wire.Warning, true, false
	backoff := deniedBackoff
	m.Backoff = &backoff
	return s.failWith(m)
}

// checkUpload does those checks for which the engine lacks the session. What it returns is a *history.Error, or nil.
func (s *session) checkUpload(m *wire.Upload) error {
	refuse := func(code history.Code, format string, args ...any) error {
		return &history.Error{Code: code, Message: "Bad progress information (UPLOAD): " + fmt.Sprintf(format, args...)}
	}
	header := m.Progress
	last := wire.UploadCursor{}
	switch {
	case !header.Consistent():
		return refuse(history.BadServerVersion, "client version 0 can't have integrated server version %d", header.ServerVersion)
	case header.ServerVersion > s.sentVersion:
		return refuse(history.BadServerVersion, "server version %d was not sent, only %d was", header.ServerVersion, s.sentVersion)
	case m.LockedServerVersion > s.sentVersion:
		return refuse(history.BadServerVersion, "the locked server version %d was not sent, only %d was", m.LockedServerVersion, s.sentVersion)
	}
	if s.header != nil {
		last = s.header.Progress
		switch {
		case header.ClientVersion < last.ClientVersion:
			return refuse(history.BadClientVersion, "client version %d comes after %d", header.ClientVersion, last.ClientVersion)
		case !header.ConsistentWith(last):
			return refuse(history.BadServerVersion, "client version %d with server version %d contradicts %d with %d, which was said before",
				header.ClientVersion, header.ServerVersion, last.ClientVersion, last.ServerVersion)
		case m.LockedServerVersion < s.header.LockedServerVersion:
			return refuse(history.BadServerVersion, "the locked server version %d comes after %d", m.LockedServerVersion, s.header.LockedServerVersion)
		}
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		at := wire.UploadCursor{ClientVersion: e.ClientVersion, ServerVersion: e.ServerVersion}
		switch {
		case at.ClientVersion <= last.ClientVersion:
			return refuse(history.BadClientVersion, "the changeset of client version %d comes after %d", at.ClientVersion, last.ClientVersion)
		case at.ClientVersion > header.ClientVersion:
			return refuse(history.BadClientVersion, "the changeset of client version %d is beyond the reported %d", at.ClientVersion, header.ClientVersion)
		case !at.Consistent() || !at.ConsistentWith(last) || !at.ConsistentWith(header):
			return refuse(history.BadServerVersion, "the changeset of client version %d can't be based on server version %d",
				at.ClientVersion, at.ServerVersion)
		}
		last = at
	}
	return nil
}

// pruneEpochs forgets views that nothing can be based on any more: the client has integrated the bootstrap of a later one.
func (s *session) pruneEpochs(integrated uint64) {
	n := 0
	for n+1 < len(s.epochs) && s.epochs[n+1].Snapshot <= integrated {
		n++
	}
	if n > 0 {
		s.epochs = slices.Clone(s.epochs[n:])
	}
}
