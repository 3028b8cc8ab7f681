package history

import (
	"context"
	"fmt"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/value"
	"realmsync/server/store"
)

// simSession is one connection of a client, as the server sees it: what DESIGN.md asks of the callers of an engine, in as few words
// as possible.
type simSession struct {
	stream *Stream
	file   store.File
	cursor merge.DownloadCursor
	checks merge.UploadSession
	epochs []Epoch
	query  []uint64 // by epoch: its query version
	lost   uint64   // snapshot of the first bootstrap that was begun in earlier sessions and never arrived; 0: none
	resets []store.Reset
}

// connect starts a session.
func (s *simulation) connect(i int) error {
	c := s.clients[i]
	if old := s.sessions[i]; old != nil {
		old.stream.End()
	}
	known, err := s.engine.Identify(context.Background(), Claim{
		Ident: c.file.Ident, Salt: c.file.Salt, User: "user", ServerVersion: c.progress.Download.ServerVersion, ClientVersion: c.progress.Download.ClientVersion,
		LatestVersion: c.progress.Latest.Version, LatestSalt: c.progress.Latest.Salt, QueryVersion: c.active,
	})
	if err != nil {
		return err
	}
	x := &simSession{stream: &Stream{}, file: known.File, cursor: c.progress.Download, resets: known.Resets}
	x.checks = merge.UploadSession{
		Threshold:  merge.UploadCursor{ClientVersion: known.File.ClientVersion, ServerVersion: known.File.BaseVersion},
		Downloaded: x.cursor.ServerVersion, Locked: known.File.Locked,
	}
	x.epochs, x.query = []Epoch{{View: where("")}}, []uint64{0}
	for _, v := range known.Views {
		if v.QueryVersion > c.active {
			continue // a bootstrap that the client doesn't know of never was
		}
		e := Epoch{Snapshot: v.Snapshot, View: c.queries[v.QueryVersion]}
		if v.First != v.Snapshot {
			e.First = v.First
		}
		x.epochs, x.query = append(x.epochs, e), append(x.query, v.QueryVersion)
	}
	s.begun[i] = slices.DeleteFunc(s.begun[i], func(v store.View) bool { return v.QueryVersion <= c.active })
	if len(s.begun[i]) > 0 {
		x.lost = s.begun[i][0].Snapshot
	}
	c.scanned = c.progress.Upload
	s.sessions[i] = x
	return nil
}

// ask is a QUERY of the client for what it wants.
func (s *simulation) ask(i int) error {
	c, x := s.clients[i], s.sessions[i]
	if x.query[len(x.query)-1] >= c.wanted {
		return nil
	}
	// What was begun and broken off may have left something at the client, and the client may have written under it.
	v := store.View{File: c.file.Ident, QueryVersion: c.wanted, Body: "-", First: x.lost}
	x.lost = 0
	snapshot, err := s.engine.SetView(context.Background(), v, 0)
	if err != nil {
		return err
	}
	x.epochs, x.query = append(x.epochs, Epoch{Snapshot: snapshot, First: v.First, View: c.queries[c.wanted]}), append(x.query, c.wanted)
	v.Snapshot = snapshot
	s.begun[i] = append(s.begun[i], v)
	return nil
}

// upload submits what the client has, up to count changesets. wait waits for the answer.
func (s *simulation) upload(i int, count uint64) (wait func() error, err error) {
	c, x := s.clients[i], s.sessions[i]
	end := c.scanned.ClientVersion
	for n := uint64(0); n < count; n++ {
		v, ok, _ := c.next(max(end, c.base))
		if !ok {
			end = c.newest()
			break
		}
		end = v
	}
	found, header, err := merge.UploadScan(c.scanned, c.base, max(end, c.base), c.scan)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 && !c.scanned.MustReport(c.progress) {
		return func() error { return nil }, nil
	}
	c.scanned = header
	locked := c.progress.Download.ServerVersion
	u := &Upload{
		File: c.file.Ident, Stream: x.stream, ClientVersion: header.ClientVersion, ServerVersion: header.ServerVersion, Locked: locked,
		Epochs: slices.Clone(x.epochs),
	}
	if s.permit && i > 0 {
		u.Permission = simPermission{}
	}
	var cursors []merge.UploadCursor
	for _, e := range found {
		b, err := changeset.Encode(c.at(e.Version).changes)
		if err != nil {
			return nil, err
		}
		decoded, err := DecodeUploaded(b)
		if err != nil {
			return nil, err
		}
		u.Changesets = append(u.Changesets, Uploaded{
			ClientVersion: e.Version, ServerVersion: e.RemoteVersion, Timestamp: e.Timestamp, Changeset: decoded, Data: b,
		})
		u.Bytes += len(b)
		cursors = append(cursors, merge.UploadCursor{ClientVersion: e.Version, ServerVersion: e.RemoteVersion})
	}
	if _, err := x.checks.CheckUpload(header, locked, cursors); err != nil {
		return nil, err
	}
	done := make(chan outcome, 1)
	u.Done = func(r Result, err error) { done <- outcome{r, err} }
	if err := s.engine.Submit(u); err != nil {
		return nil, err
	}
	return func() error {
		o := <-done
		if o.err != nil {
			return o.err
		}
		x.file = o.File
		x.resets = append(x.resets, o.Resets...)
		return nil
	}, nil
}

// message makes the next DOWNLOAD of a session, with history up to a version; ok is false if there is nothing to send.
func (s *simulation) message(i int, end uint64) (m download, ok bool, err error) {
	c, x := s.clients[i], s.sessions[i]
	end = min(end, s.engine.Version())
	at := 0 // the view in force at the cursor
	for at+1 < len(x.epochs) && x.epochs[at+1].Snapshot <= x.cursor.ServerVersion {
		at++
	}
	view := x.epochs[at].View
	if at+1 < len(x.epochs) {
		next := x.epochs[at+1]
		if x.cursor.ServerVersion == next.Snapshot-1 {
			m, err = s.bootstrap(i, view, next)
			m.bootstrap = x.query[at+1]
			x.cursor.ServerVersion = next.Snapshot
			m.progress = x.progress(s.engine)
			return m, true, err
		}
		end = min(end, next.Snapshot-1)
	}
	if end <= x.cursor.ServerVersion {
		return m, false, nil
	}
	err = s.engine.Entries(context.Background(), x.cursor.ServerVersion, end, func(e *Entry) (bool, error) {
		var ins []changeset.Instruction
		origin, timestamp := e.Origin, e.Timestamp
		if e.Origin == c.file.Ident {
			x.cursor.ClientVersion = e.ClientVersion
			ins, err = s.resetsAt(x, view, e.Version)
			origin, timestamp = Server, uint64(s.clock)
		} else {
			ins, err = visible(view, e)
		}
		x.cursor.ServerVersion = e.Version
		if err == nil && len(ins) > 0 {
			m.entries = append(m.entries, &merge.Entry{
				Changeset: &changeset.Changeset{Instructions: ins}, Version: e.Version, LastIntegrated: x.cursor.ClientVersion, Timestamp: timestamp, FileIdent: origin,
			})
		}
		return true, err
	})
	x.cursor.ServerVersion = max(x.cursor.ServerVersion, end) // before its first bootstrap a client isn't told anything, and the history may be gone
	m.progress = x.progress(s.engine)
	return m, true, err
}

func (x *simSession) progress(e *Engine) merge.Progress {
	x.checks.Downloaded = x.cursor.ServerVersion
	newest := e.Version()
	return merge.Progress{
		Download: x.cursor, Latest: merge.LatestVersion{Version: newest, Salt: e.Salt(newest)},
		Upload: merge.UploadCursor{ClientVersion: x.file.ClientVersion, ServerVersion: x.file.BaseVersion},
	}
}

// visible is a version as a view sees it. What stands for instructions follows on the others, for the state of an object may need
// a property that the version adds.
func visible(view Viewer, e *Entry) (out []changeset.Instruction, err error) {
	raw := map[value.Key]bool{}
	var made []changeset.Instruction
	for i := range e.Images {
		m := &e.Images[i]
		c, err := change(view, m)
		if err != nil {
			return nil, err
		}
		switch c {
		case Raw:
			raw[m.Key] = true
		case Gone, Left:
			made = append(made, eraseOf(m.Key))
		case Entered:
			if made, err = m.After.AppendState(append(made, eraseOf(m.Key)), e.Catalog, "T"); err != nil {
				return nil, err
			}
		}
	}
	for _, ins := range e.Changeset.Instructions {
		if ins.IsSchema() || raw[ins.Key] {
			out = append(out, ins)
		}
	}
	return append(out, made...), nil
}

func eraseOf(k value.Key) changeset.Instruction {
	return changeset.Instruction{Op: changeset.EraseObject, Table: "T", Key: k}
}

// resetsAt sets back what must be set back at a version.
func (s *simulation) resetsAt(x *simSession, view Viewer, version uint64) (out []changeset.Instruction, err error) {
	snapshot, err := s.engine.Snapshot(context.Background())
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	for _, r := range x.resets {
		if r.Version != version {
			continue
		}
		row, err := snapshot.RowAt(r.Object, version)
		if err != nil {
			return nil, err
		}
		k, err := DecodeKey(r.Object.Key)
		if err != nil {
			return nil, err
		}
		out = append(out, eraseOf(k))
		if row == nil {
			continue
		}
		if inside, err := sees(view, "T", row); err != nil {
			return nil, err
		} else if inside {
			if out, err = row.AppendState(out, snapshot.Catalog, "T"); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// bootstrap turns one view into the next.
func (s *simulation) bootstrap(i int, from Viewer, to Epoch) (m download, err error) {
	x := s.sessions[i]
	snapshot, err := s.engine.SnapshotAt(context.Background(), to.Snapshot)
	if err != nil {
		return m, err
	}
	defer snapshot.Close()
	var ins []changeset.Instruction
	doubtful := map[value.Key]bool{}
	if to.First != 0 {
		err := s.engine.Entries(context.Background(), to.First, to.Snapshot, func(e *Entry) (bool, error) {
			for k := range e.Images {
				doubtful[e.Images[k].Key] = true
			}
			return true, nil
		})
		if err != nil {
			return m, err
		}
	}
	exists := map[value.Key]bool{}
	class := snapshot.Catalog.Class("T")
	if class == nil {
		class = &Class{} // not yet
	}
	err = snapshot.Rows(class, func(row *Row) (bool, error) {
		exists[row.Key] = true
		before, err := sees(from, "T", row)
		if err != nil {
			return false, err
		}
		after, err := sees(to.View, "T", row)
		if err != nil {
			return false, err
		}
		switch {
		case after && (!before || doubtful[row.Key]):
			if ins, err = row.AppendState(append(ins, eraseOf(row.Key)), snapshot.Catalog, "T"); err != nil {
				return false, err
			}
		case !after && (before || doubtful[row.Key]):
			ins = append(ins, eraseOf(row.Key))
		}
		return true, nil
	})
	for k := range int64(4) {
		if doubtful[key(k)] && !exists[key(k)] {
			ins = append(ins, eraseOf(key(k)))
		}
	}
	m.entries = []*merge.Entry{{
		Changeset: &changeset.Changeset{Instructions: ins}, Version: to.Snapshot, LastIntegrated: x.cursor.ClientVersion, Timestamp: s.clock, FileIdent: Server,
	}}
	if err != nil {
		return m, fmt.Errorf("bootstrap at %d: %w", to.Snapshot, err)
	}
	return m, nil
}
