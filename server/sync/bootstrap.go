package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"realmsync/core/wire"
	"realmsync/server/history"
	"realmsync/server/store"
	"realmsync/server/view"
)

// boot is a bootstrap on its way to the client (spec/wire-protocol.md section 7.3). It is computed wholly, from one snapshot,
// before its first message is sent: a client that reads slowly must not hold a snapshot.
type boot struct {
	query  int64
	before *view.Set // what the client has
	set    *view.Set // what it is to have; the boot releases it unless the session adopts it
	schema bool
	settle bool // the client may have what it was sent of any bootstrap

	snapshot uint64 // the version that it describes
	origin   uint64 // of that version
	at       uint64 // its timestamp; 0: now
	first    uint64 // that of the first one that was broken off, 0 if there is none
	broken   []*view.Set
	spool    *spool
	sent     int64  // bytes
	tail     int64  // bytes at the end that are sent in one message
	leave    func() // gives back the turn among those of its connection
}

// unspool gives back what a bootstrap holds of memory, disk and turns.
func (b *boot) unspool() {
	if b.spool != nil {
		b.spool.close()
	}
	if b.leave != nil {
		b.leave()
		b.leave = nil
	}
}

func (b *boot) close() {
	b.unspool()
	if b.set != nil {
		b.set.Release()
		b.set = nil
	}
}

// change handles QUERY: a new subscription set.
func (s *session) change(m *wire.Query) error {
	if m.Version <= s.lastQuery {
		s.conn.fail(wire.CodeBadMessageOrder, "QUERY versions must increase within a session")
		return errFailed
	}
	s.lastQuery = m.Version
	if problem := tooLong(m.Body); problem != "" {
		return s.refuseQuery(m, problem)
	}
	set, err := s.app.fan.AcquireFor(s.app.engine.Catalog(), m.Body, s.access, false)
	if err != nil {
		var invalid *view.InvalidError
		if !errors.As(err, &invalid) {
			return s.failServer(err)
		}
		return s.refuseQuery(m, invalid.Text)
	}
	problem, err := s.queryable(set, true)
	if err == nil && problem == "" {
		problem = s.charge(set)
	}
	if err != nil || problem != "" {
		set.Release()
	}
	switch {
	case err != nil:
		return s.failServer(err)
	case problem != "":
		return s.refuseQuery(m, problem)
	}
	s.tellDenied(set)
	return s.bootstrap(&boot{query: m.Version, before: s.set, set: set})
}

// refuseQuery answers a QUERY that can't be: the client goes on with the subscription set that it has.
func (s *session) refuseQuery(m *wire.Query, text string) error {
	s.conn.server.metrics.errors.WithLabelValues(strconv.Itoa(int(wire.CodeBadQuery))).Inc()
	s.log.Info("a subscription set was refused", slog.Int64("query_version", m.Version), slog.String("error", text))
	return s.conn.write(&wire.QueryError{Session: s.sid, Code: wire.CodeBadQuery, QueryVersion: m.Version, Text: []byte(clip(text))})
}

// bootstrap computes a bootstrap and makes it the one under way. Uploads that follow are judged by its set.
func (s *session) bootstrap(b *boot) error {
	ctx := s.conn.live
	if len(s.epochs) >= s.conn.server.cfg.MaxBootstraps {
		b.close()
		return s.failBusy(fmt.Sprintf("%d subscription sets were sent, and the client has not said that it has integrated any of them", len(s.epochs)))
	}
	if ok, err := s.prepare(ctx, b, s.compute); !ok || err != nil {
		return err
	}
	e := history.Epoch{Snapshot: b.snapshot, First: b.first, View: b.set}
	for _, set := range b.broken {
		e.Broken = append(e.Broken, set)
	}
	s.epochs = append(s.epochs[:len(s.epochs):len(s.epochs)], e)
	s.boot = b
	s.app.fan.Reach(b.snapshot, s.watcher)
	return nil
}

// prepare computes a bootstrap in the session's turn. ok is false if it could not: then the session, or the connection, has ended.
func (s *session) prepare(ctx context.Context, b *boot, compute func(context.Context, *boot) error) (ok bool, err error) {
	if s.boot == nil { // else the session has its place among those of the connection
		select {
		case s.conn.boots <- struct{}{}:
			b.leave = func() { <-s.conn.boots }
		case <-ctx.Done():
			b.close()
			return false, nil
		}
	}
	done, err := s.app.turn(ctx, s.conn.who.UserID)
	if err != nil {
		b.close()
		return false, nil //nolint:nilerr // the connection has ended
	}
	start := time.Now()
	err = compute(ctx, b)
	done()
	if errors.Is(err, errSpoolFull) {
		b.close()
		return false, s.failBusy("too much waits to be sent to clients that read slowly")
	}
	if err != nil {
		b.close()
		return false, s.failEngine(err)
	}
	s.conn.server.metrics.bootstraps.Observe(time.Since(start).Seconds())
	s.log.Debug("bootstrap", slog.Int64("query_version", b.query), slog.Uint64("version", b.snapshot), slog.Int64("bytes", b.spool.size),
		slog.Duration("took", time.Since(start)))
	return true, nil
}

func (s *session) compute(ctx context.Context, b *boot) (err error) {
	// What a client has of bootstraps that were broken off it keeps, and what it wrote meanwhile was judged as if they had
	// arrived. So the next one settles what was touched since the first of them.
	v := store.View{File: s.file.Ident, QueryVersion: uint64(b.query), Body: b.set.Body(), First: s.broken}
	var broken []string // under another role: else they showed the same, and what was touched since is settled
	var all []string
	for _, l := range s.leftovers {
		if l.body == v.Body {
			continue
		}
		all = append(all, l.body)
		if l.query == b.query {
			broken = append(broken, l.body)
		}
	}
	if b.broken, err = s.restore(broken); err != nil {
		return err
	}
	leftovers, err := s.restore(all)
	if err != nil {
		return err
	}
	var earlier []history.Epoch
	if b.query == s.query {
		earlier = s.epochs
	}
	if v.Body, err = withEarlier(earlier, broken, v.Body); err != nil {
		return err
	}
	if !s.app.holds(s.file.Ident, s) {
		return context.Canceled // another session has the file: what it knows must not change under it
	}
	// Before anything of it is sent: after a crash the server must know what the client may have.
	if v.Snapshot, err = s.app.engine.SetView(ctx, v, s.keepFrom); err != nil {
		return err
	}
	b.snapshot, b.first, b.origin = v.Snapshot, s.broken, history.Server
	s.broken = 0
	s.leftovers = slices.DeleteFunc(s.leftovers, func(l leftover) bool { return l.query == b.query })
	snapshot, err := s.app.engine.SnapshotAt(ctx, b.snapshot)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	plan := view.Bootstrap{Before: b.before, After: b.set, Schema: b.schema, Broken: b.broken, Piece: s.conn.server.cfg.messageBytes / 8}
	from := b.first
	if b.settle {
		plan.Broken = leftovers
		if from == 0 || s.at < from {
			from = s.at
		}
	}
	if from != 0 {
		if plan.Doubtful, err = view.Touched(ctx, s.app.engine, from, b.snapshot, s.file.Ident, append(leftovers, b.before, b.set)); err != nil {
			return err
		}
	}
	b.spool = s.newSpool()
	turn := s.conn.server.cfg.Turns.Turn(s.app.id, false) // app.turn bounds how many there are
	defer turn.End()
	plan.Pause = func() error {
		if err := turn.Pause(ctx, view.PauseTime); err != nil {
			return err
		}
		return ctx.Err()
	}
	if err := plan.Write(snapshot, b.spool.add); err != nil {
		return err
	}
	return b.spool.finish()
}

// sendBootstrap sends the next message of the bootstrap under way.
func (s *session) sendBootstrap() error {
	b := s.boot
	if last, err := s.sendBatch(b); !last || err != nil {
		return err
	}
	s.boot = nil
	b.unspool()
	s.query, s.at, s.foreign = b.query, b.snapshot, true
	s.adopt(b.set)
	return nil
}

// sendBatch sends the next message of a bootstrap.
func (s *session) sendBatch(b *boot) (last bool, err error) {
	m := s.cursors(wire.LastInBatch)
	m.QueryVersion = b.query
	m.Progress.Download.ServerVersion = b.snapshot
	entry := wire.DownloadEntry{ServerVersion: b.snapshot, ClientVersion: s.clientVersion, OriginTimestamp: cmp.Or(b.at, s.now()), OriginFileIdent: b.origin}
	for size := 0; size < s.conn.server.cfg.messageBytes || b.sent > b.spool.size-b.tail; {
		c, err := b.spool.next()
		if err != nil {
			return false, err
		}
		if c == nil {
			break
		}
		entry.Changeset, entry.OriginalSize = c, uint64(len(c))
		m.Entries = append(m.Entries, entry)
		size += len(c)
		b.sent += int64(len(c))
	}
	if len(m.Entries) == 0 {
		// A bootstrap without any changeset hangs an original client.
		m.Entries = append(m.Entries, entry)
	}
	if b.sent < b.spool.size {
		m.BatchState = wire.MoreToCome
		m.Estimate = s.estimate(float64(b.sent) / float64(b.spool.size))
		return false, s.sendDownload(m, s.sentVersion)
	}
	m.Estimate = s.estimate(1)
	return true, s.sendDownload(m, b.snapshot)
}

// estimate is how much of a bootstrap is done, in the form that the client's version reads.
func (s *session) estimate(v float64) float64 {
	if s.conn.version < wire.VersionRealProgress {
		return 0
	}
	return v
}
