package history

import (
	"errors"
	"fmt"
	"sync/atomic"

	"realmsync/core/changeset"
	"realmsync/server/store"
)

// Uploaded is one changeset of an UPLOAD message, decoded.
type Uploaded struct {
	ClientVersion uint64 // the version that it made at the client
	ServerVersion uint64 // its base: the server version that the client had integrated
	Timestamp     uint64 // ms since 2015-01-01T00:00:00Z
	Origin        uint64 // 0: the uploading file
	Changeset     *changeset.Changeset
	Data          []byte // its encoding, as uploaded; kept if merging doesn't change it

	modified bool
}

// DecodeUploaded decodes the changeset of an uploaded entry; the error is an *Error (212). It is apart from Upload, so that
// the expensive part of reading an upload happens on the goroutine of its connection and not on the writer's. Text that is no UTF-8 is refused
// (spec/changeset.md section 4, R12): JSON, queries and other clients couldn't name it.
func DecodeUploaded(b []byte) (*changeset.Changeset, error) {
	c, err := changeset.Decode(b)
	if err == nil {
		err = changeset.CheckText(c)
	}
	if err != nil {
		return nil, blame(BadChangeset, err, "the changeset can't be read")
	}
	if n := schemaInstructions(c); n > maxSchemaInstructions {
		return nil, refuse(BadChangeset, "the changeset has %d instructions on the schema, at most %d are taken at once", n, maxSchemaInstructions)
	}
	return c, nil
}

// Stream ties the uploads of one session together: once one of them fails, or the session has ended, those behind it are
// not integrated.
type Stream struct{ ended atomic.Bool }

// End stops the stream: uploads of it that the writer has not begun are skipped.
func (s *Stream) End() { s.ended.Store(true) }

// ErrSkipped is the result of an upload whose stream has ended.
var ErrSkipped = fmt.Errorf("history: the upload was skipped, because its session has ended")

// Epoch says from which server version on a client's data follows a view: 0, or that of a bootstrap.
//
// The judgement of uploads relies on what a client is sent, exactly (see DESIGN.md, "What a client is told"): every version up to
// Snapshot as the view before shows it (Classify), then, at Snapshot, the difference of the two views and nothing else, then
// every later version as this view shows it.
//
// First is for a bootstrap that follows on others that were begun and broken off: the snapshot of the earliest of them, whatever its
// query. The client may keep leftovers of it and may have written under its view, so it is also sent anew what was touched after
// First and up to Snapshot. 0 stands for none.
//
// Broken are the views of those among them that had the query version of this one and showed other things, because of another role: objects that they
// show otherwise than View are sent anew too, touched or not.
type Epoch struct {
	Snapshot uint64
	First    uint64
	Broken   []Viewer
	View     Viewer
}

// Upload is an UPLOAD message on its way into the history.
type Upload struct {
	File          uint64
	Stream        *Stream
	ClientVersion uint64 // header: how far the client has scanned its history
	ServerVersion uint64 // header: the server version integrated there
	Locked        uint64 // header: locked_server_version
	Changesets    []Uploaded
	Bytes         int // of all changesets

	// Epochs are the views that the file's data follows, ascending by Snapshot, at least one; the last is the one in force. Those
	// before it are needed as long as the client may upload what it wrote before it had integrated the last one's bootstrap, which
	// is until its BaseVersion has reached the snapshot. A bootstrap that the client doesn't know of when it identifies itself
	// never was: it is not among the epochs of the new session.
	Epochs []Epoch

	// Permission says what the user may change; nil: everything that the view shows.
	Permission Permission
	// Schema says how the upload may change the schema.
	Schema SchemaRule

	// Done is called once, by the engine's announcing goroutine, when the upload is durable or was refused (*Error) or
	// failed; it must not block.
	Done func(Result, error)

	result Result
}

// Result is what became of an upload.
type Result struct {
	File   store.File    // the cursors after it
	Own    []store.Own   // the versions that it made
	Resets []store.Reset // what the file must be set back to
	Denied []Denied      // asymmetric objects that were not taken in
}

// Submit queues an upload. It does not block: the caller bounds how many it has under way.
func (e *Engine) Submit(u *Upload) error { return e.submit(u) }

func (u *Upload) finish(err error) {
	if err != nil {
		u.result = Result{}
	}
	u.Done(u.result, err)
}

// abandon ends the stream: what follows the upload must not be integrated without it.
func (u *Upload) abandon() { u.Stream.End() }

func (u *Upload) alone() bool { return false }
func (u *Upload) size() int   { return u.Bytes + 64 }

// run integrates the upload (spec/merge.md section 10.3), or changes nothing.
func (u *Upload) run(g *group) (err error) {
	if u.Stream.ended.Load() {
		return ErrSkipped
	}
	if len(u.Epochs) == 0 {
		u.Stream.End()
		return fmt.Errorf("history: an upload of client file %d says nothing of its view", u.File)
	}
	file, err := g.file(u.File)
	if err != nil {
		u.Stream.End()
		if errors.Is(err, store.ErrNotFound) {
			return refuse(BadClientFileIdent, "the server has no client file %d", u.File)
		}
		return err
	}
	now := g.engine.cfg.Now
	start := now()
	before, count := file.File, len(g.entries)
	g.state.mark()
	version, resets, own := g.version, len(g.extra.Resets), len(file.resets)
	done := false
	defer func() {
		if done {
			return
		}
		u.Stream.End()
		g.state.undo()
		g.entries, g.version = g.entries[:count], version
		g.extra.Resets, file.resets = g.extra.Resets[:resets], file.resets[:own]
		file.File = before
		u.result = Result{}
	}()
	if file.LastSeen == 0 {
		return refuse(ClientFileExpired, "client file %d was not seen for too long; its history is gone", u.File)
	}
	fresh, err := u.fresh(g, file)
	if err != nil {
		return err
	}
	if len(fresh) > 0 {
		in := integration{group: g, upload: u, file: file, changesets: fresh}
		if err := in.run(); err != nil {
			return err
		}
		for v, r := range in.reciprocals {
			g.reciprocals[store.FileVersion{File: u.File, Version: v}] = r
		}
	}
	if u.ClientVersion > file.ClientVersion {
		file.ClientVersion = u.ClientVersion
		file.BaseVersion = max(file.BaseVersion, u.ServerVersion)
	}
	file.Locked = max(file.Locked, u.Locked)
	if at := g.engine.presence.now(); at > file.LastSeen+seenEvery {
		file.LastSeen = at
	}
	u.result.File = file.File
	g.engine.cfg.Observe.Merged(len(fresh), u.Bytes, now().Sub(start))
	done = true
	return nil
}

// fresh checks the cursors against those of the file (spec/merge.md section 10.2) and returns the changesets that are new. What
// only the session knows, which cursors it has sent and received before, was checked there (merge.UploadSession).
func (u *Upload) fresh(g *group, file *fileState) ([]Uploaded, error) {
	stored := cursor{file.ClientVersion, file.BaseVersion}
	if u.ServerVersion > g.version {
		return nil, refuse(BadServerVersion, "UPLOAD reports server version %d, but the newest is %d", u.ServerVersion, g.version)
	}
	if header := (cursor{u.ClientVersion, u.ServerVersion}); !consistent(header, stored) {
		return nil, refuse(BadServerVersion, "UPLOAD reports client version %d with server version %d, but %d with %d was reported before",
			header.client, header.server, stored.client, stored.server)
	}
	if u.Locked < file.Locked {
		return nil, refuse(BadServerVersion, "UPLOAD reports the locked server version %d, but %d was reported before", u.Locked, file.Locked)
	}
	first := 0
	var last cursor
	for i := range u.Changesets {
		c := &u.Changesets[i]
		at := cursor{c.ClientVersion, c.ServerVersion}
		switch {
		case at.client <= last.client:
			return nil, refuse(BadClientVersion, "the changeset of client version %d follows that of client version %d", at.client, last.client)
		case at.client > u.ClientVersion:
			return nil, refuse(BadClientVersion, "UPLOAD reports client version %d, but has a changeset of %d", u.ClientVersion, at.client)
		case !consistent(at, last), !consistent(at, cursor{u.ClientVersion, u.ServerVersion}):
			return nil, refuse(BadServerVersion, "the changeset of client version %d is based on server version %d, out of order", at.client, at.server)
		}
		last = at
		if c.ClientVersion <= file.ClientVersion {
			first = i + 1 // integrated before the connection was lost
			continue
		}
		if !consistent(at, stored) {
			return nil, refuse(BadServerVersion, "the changeset of client version %d is based on server version %d, but %d was integrated before",
				c.ClientVersion, c.ServerVersion, stored.server)
		}
		if c.Origin != 0 && c.Origin != u.File {
			return nil, refuse(BadOriginFileIdent, "the changeset of client version %d says that it comes from file %d, but clients upload only their own",
				c.ClientVersion, c.Origin)
		}
	}
	return u.Changesets[first:], nil
}

// cursor is a client version and the server version that was integrated there.
type cursor struct{ client, server uint64 }

// consistent tells whether both can be places in the life of one file.
func consistent(a, b cursor) bool {
	switch {
	case a.client < b.client:
		return a.server <= b.server
	case a.client > b.client:
		return a.server >= b.server
	default:
		return a.server == b.server
	}
}
