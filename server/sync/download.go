package sync

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"realmsync/core/changeset"
	"realmsync/core/wire"
	"realmsync/server/fairqueue"
	"realmsync/server/history"
	"realmsync/server/store"
	"realmsync/server/view"
)

// silentVersions is after how many versions that don't concern it a client is told the new cursor all the same, so that it
// doesn't have to be looked up what it missed when it comes back much later.
const silentVersions = view.NudgeVersions / 2

// scanVersions is how many versions are read from the history without looking at the inbox.
const scanVersions = 4096

// produce sends one message of what is due, up to a version that is distributed. sent tells that there was work, and that there
// may be more.
func (s *session) produce(ctx context.Context, distributed uint64) (sent bool, err error) {
	if s.phase != running || s.paused {
		return false, nil
	}
	if s.large != nil {
		return true, s.prepareLarge(ctx)
	}
	select {
	case s.conn.sending <- struct{}{}:
		defer func() { <-s.conn.sending }()
	case <-ctx.Done():
		return false, nil
	}
	if s.batched != nil {
		return true, s.sendLarge()
	}
	target := distributed
	if s.boot != nil {
		// Short of the bootstrap's version: who is there has integrated the bootstrap, the engine relies on that.
		target = min(target, s.boot.snapshot-1)
	}
	if sent, err := s.steady(ctx, target); sent || err != nil {
		return sent, err
	}
	if s.boot != nil {
		if distributed < s.boot.snapshot {
			return false, nil // it waits for the versions before it to be distributed
		}
		return true, s.sendBootstrap()
	}
	if s.mark != nil && s.at >= s.mark.target {
		m := &wire.Mark{Session: s.sid, Request: s.mark.request}
		s.mark = nil
		return true, s.conn.write(m)
	}
	return false, nil
}

// steady sends what happened up to a version, or the part of it that fits in a message.
func (s *session) steady(ctx context.Context, target uint64) (sent bool, err error) {
	c := collector{session: s}
	more, err := c.collect(ctx, target)
	c.turn.End()
	if err != nil {
		return false, s.failEngine(err)
	}
	for _, e := range c.errors {
		s.log.Info("a write is taken back", slog.Uint64("version", e.Rejected.ServerVersion), slog.Uint64("client_version", e.Rejected.ClientVersion))
		s.conn.server.metrics.errors.WithLabelValues(strconv.Itoa(int(e.Code))).Inc()
		if err := s.conn.write(e); err != nil {
			return false, err
		}
	}
	acknowledge := s.ack && s.at >= s.ackAt
	switch {
	case len(c.entries) > 0, acknowledge, s.greet && s.boot == nil, s.at >= s.sentVersion+silentVersions && s.boot == nil:
	default:
		return more, nil
	}
	m := s.cursors(wire.SteadyState)
	m.Estimate = s.estimate(1)
	m.Entries = c.entries
	return true, s.sendDownload(m, s.at)
}

// cursors returns a DOWNLOAD with the cursors as they are.
func (s *session) cursors(state wire.BatchState) *wire.Download {
	// Not that which is distributed: the upload cursor may be ahead of it, and a client that holds that one must be found out when the server comes
	// back from a backup that lacks what it stands for.
	latest := s.app.engine.Version()
	return &wire.Download{
		Session: s.sid, QueryVersion: s.query, BatchState: state,
		Progress: wire.Progress{
			Download: wire.DownloadCursor{ServerVersion: s.at, ClientVersion: s.clientVersion},
			Latest:   wire.LatestServerVersion{Version: latest, Salt: s.app.engine.Salt(latest)},
			Upload:   wire.UploadCursor{ClientVersion: s.file.ClientVersion, ServerVersion: s.file.BaseVersion},
		},
	}
}

// sendDownload sends a DOWNLOAD, after which the client may claim to have integrated version.
func (s *session) sendDownload(m *wire.Download, version uint64) error {
	// Before it is sent: the client may answer before the write returns.
	s.sentVersion = max(s.sentVersion, version)
	s.greet = false
	if s.at >= s.ackAt {
		s.ack = false
	}
	return s.conn.write(m)
}

// now is the time in the protocol's unit.
func (s *session) now() uint64 {
	return uint64(max(s.conn.server.cfg.Now().UnixMilli()-wire.OriginTimestampEpoch, 1))
}

// collector gathers what one steady-state DOWNLOAD says. All its entries have the same base: an original client merges several
// bases in one message wrongly (spec/merge.md section 14, X6).
type collector struct {
	*session
	entries []wire.DownloadEntry
	errors  []*wire.JSONError // to be sent before
	size    int
	turn    *fairqueue.Turn // from when it reads the history
}

// entryTime is about how long it takes to read a version of the history, and to see what of it concerns the session.
const entryTime = 20 * time.Microsecond

// full tells whether an entry with the base that is in force now must go into another message.
func (c *collector) full() bool {
	return c.size >= c.conn.server.cfg.messageBytes || len(c.entries) > 0 && c.entries[0].ClientVersion != c.clientVersion
}

func (c *collector) add(version, origin, timestamp uint64, data []byte) {
	c.entries = append(c.entries, wire.DownloadEntry{
		ServerVersion: version, ClientVersion: c.clientVersion, OriginTimestamp: timestamp, OriginFileIdent: origin,
		OriginalSize: uint64(len(data)), Changeset: data,
	})
	c.size += len(data)
}

// collect advances the session toward target. more tells that it stopped on the way.
func (c *collector) collect(ctx context.Context, target uint64) (more bool, err error) {
	for c.at < target {
		if len(c.own) > 0 && c.own[0].Version <= c.at {
			delete(c.resets, c.own[0].Version)
			c.own = c.own[1:] // the client says that it knows
			continue
		}
		limit := target // the next version of the file's own, or the end
		own := len(c.own) > 0 && c.own[0].Version <= target
		if own {
			limit = c.own[0].Version - 1
		}
		if c.foreign && c.at < limit {
			if stop, err := c.others(ctx, limit); stop || err != nil {
				return true, err
			}
		}
		c.at = limit
		if own {
			if stop, err := c.ours(ctx); stop || err != nil {
				return true, err
			}
		}
	}
	return false, nil
}

// others collects what others have done up to a version. stop says that the message is full; then at says how far it went.
func (c *collector) others(ctx context.Context, limit uint64) (stop bool, err error) {
	for c.at < limit {
		version, known := c.set.Next(c.at)
		if !known {
			if stop, err := c.scan(ctx, min(limit, c.set.Known(), c.at+scanVersions)); stop || err != nil {
				return stop, err
			}
			continue
		}
		if version == 0 || version > limit {
			break
		}
		if c.full() {
			return true, nil
		}
		c.at = version - 1 // what is before concerns others
		item := c.app.fan.Item(version)
		if item == nil {
			if stop, err := c.scan(ctx, version); stop || err != nil {
				return stop, err
			}
			continue
		}
		part, ok := item.Part(c.set)
		if !ok {
			if part, err = view.PartOf(c.set, item.Entry); err != nil {
				return false, err
			}
		}
		if stop, err := c.take(part); stop || err != nil {
			return stop, err
		}
	}
	return false, nil
}

// take adds a version, the next after at, if it isn't the file's own. stop says that it belongs in another message.
func (c *collector) take(p *view.Part) (stop bool, err error) {
	e := p.Entry
	if e.Origin == c.file.Ident {
		c.at = e.Version
		return false, nil
	}
	if c.full() {
		return true, nil
	}
	if large, err := c.isLarge(p); large || err != nil {
		c.at, c.large = e.Version-1, p
		return true, err
	}
	data, err := p.Changeset()
	if err != nil {
		return false, err
	}
	c.at = e.Version
	if len(data) > 0 {
		c.add(e.Version, e.Origin, e.Timestamp, data)
	}
	return false, nil
}

// scan reads the history up to a version.
func (c *collector) scan(ctx context.Context, limit uint64) (stop bool, err error) {
	if c.turn == nil {
		c.turn = c.conn.server.cfg.Turns.Turn(c.app.id, false)
	}
	err = c.app.engine.Entries(ctx, c.at, limit, func(e *history.Entry) (bool, error) {
		if err := c.turn.Pause(ctx, entryTime); err != nil {
			return false, err
		}
		part, err := view.PartOf(c.set, e)
		if err != nil {
			return false, err
		}
		stop, err = c.take(part)
		return !stop, err
	})
	return stop, err
}

// ours goes past the next version of the file's own. The client is told nothing of it, except where it must be set back.
func (c *collector) ours(ctx context.Context) (stop bool, err error) {
	own := c.own[0]
	resets := c.resets[own.Version]
	if len(resets) > 0 && len(c.entries) > 0 && c.entries[0].ClientVersion != own.ClientVersion {
		return true, nil
	}
	if len(resets) > 0 {
		refs := make([]store.ObjectRef, len(resets))
		for i := range resets {
			refs[i] = resets[i].Object
		}
		data, err := view.Reset(ctx, c.app.engine, c.set, own.Version, refs)
		if err != nil {
			return false, err
		}
		c.clientVersion = max(c.clientVersion, own.ClientVersion)
		c.add(own.Version, history.Server, c.now(), data)
		if m := c.rejection(own.Version, resets); m != nil {
			c.errors = append(c.errors, m)
		}
		delete(c.resets, own.Version)
	}
	c.clientVersion = max(c.clientVersion, own.ClientVersion)
	c.at = own.Version
	c.own = c.own[1:]
	return false, nil
}

// rejection words the error for writes that were refused, nil if there is nothing to tell (spec/sync-semantics.md section 5.2).
func (c *collector) rejection(version uint64, resets []store.Reset) *wire.JSONError {
	m := wire.NewJSONError(c.sid, wire.CodeCompensatingWrite, "Client attempted a write that is not allowed; it has been reverted")
	r := rejectedList{error: m}
	for _, reset := range resets {
		if reset.Reason != "" {
			r.add(reset.ClientVersion, reset.Reason, c.className(reset.Object.Class), reset.Object)
		}
	}
	if r.all == 0 {
		return nil
	}
	r.finish(version)
	return m
}

// rejectedBytes is how much of what was refused an error names, about, in bytes: clients bound what they read.
const rejectedBytes = 1 << 20

// rejectedList makes the list of an error.
type rejectedList struct {
	error *wire.JSONError
	list  wire.Rejection
	all   int
	size  int
}

func (r *rejectedList) add(clientVersion uint64, reason, class string, object store.ObjectRef) {
	r.all++
	r.list.ClientVersion = max(r.list.ClientVersion, clientVersion)
	if r.size > rejectedBytes {
		return
	}
	update := wire.RejectedUpdate{Reason: reason, Table: class, PrimaryKey: primaryKey(object)}
	r.size += 40 + len(update.Reason) + len(update.Table) + 4*len(update.PrimaryKey)/3
	r.list.Updates = append(r.list.Updates, update)
}

// finish gives the error the list. version is the one that takes the writes back, 0 if there is none.
func (r *rejectedList) finish(version uint64) {
	r.list.ServerVersion = version
	r.error.Rejected = &r.list
	if n := len(r.list.Updates); n < r.all {
		r.error.Message += fmt.Sprintf("; the first %d of %d objects are named", n, r.all)
	}
}

// primaryKey returns the key of an object as errors hold it.
func primaryKey(ref store.ObjectRef) (out []byte) {
	if key, err := history.DecodeKey(ref.Key); err == nil {
		if text, err := changeset.EncodeKey(key); err == nil {
			out, _ = base64.StdEncoding.DecodeString(text)
		}
	}
	if len(out) == 0 {
		return []byte{0} // null: the key has no form of its own
	}
	return out
}

func (s *session) className(id uint32) string {
	if class := s.app.engine.Catalog().ClassByID(id); class != nil {
		return class.Name
	}
	return ""
}
