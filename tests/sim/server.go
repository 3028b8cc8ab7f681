package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	gosync "sync"
	"time"

	"realmsync/core/merge"
	"realmsync/server/auth"
	"realmsync/server/history"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
	"realmsync/server/sync"
)

// app is the app of all clients.
const app = "sim"

// server is the server: server/sync and server/history on a disk that fails.
type server struct {
	machine
	w        *world
	endpoint *sync.Server
	lives    uint64
	serving  gosync.WaitGroup

	cursors map[uint64]store.File // by file, as committed
	version uint64

	seen past
}

// past is all that the server's history ever had: it gives up what no client needs any more (history.Engine.Trim).
type past struct {
	mu      gosync.Mutex
	entries map[uint64]*history.Entry
}

func (p *past) add(entries ...*history.Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.entries == nil {
		p.entries = map[uint64]*history.Entry{}
	}
	for _, e := range entries {
		p.entries[e.Version] = e
	}
}

// read adds what the history has now.
func (p *past) read(ctx context.Context, engine *history.Engine) error {
	return engine.Entries(ctx, engine.Floor(), engine.Version(), func(e *history.Entry) (bool, error) {
		p.add(e)
		return true, nil
	})
}

// each calls f for all versions up to one.
func (p *past) each(last uint64, f func(e *history.Entry) error) error {
	for v := uint64(1); v <= last; v++ {
		e := p.entries[v]
		if e == nil {
			return fmt.Errorf("server version %d was given up before anybody could see it", v)
		}
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func newServer(w *world) (*server, error) {
	d, err := newDisk(filepath.Join(w.dir, "server"))
	if err != nil {
		return nil, err
	}
	s := &server{machine: machine{name: "server", disk: d}, w: w, cursors: map[uint64]store.File{}}
	return s, s.start()
}

// Authenticate implements sync.Authenticator: the token is the user.
func (s *server) Authenticate(_ context.Context, appID, token string) (auth.Identity, error) {
	return auth.Identity{AppID: appID, UserID: token, Strict: s.w.rules == merge.Strict}, nil
}

func (s *server) start() (err error) {
	s.lives++
	s.w.hold(&s.machine)
	s.endpoint, err = sync.New(sync.Config{
		Auth: s, SpoolDir: s.disk.dir, Logger: slog.New(&s.w.log), Now: s.w.now, LargeVersion: s.w.large, LargeChangeset: s.w.large, Random: &bytesOf{rand.New(rand.NewPCG(s.w.seed, s.lives))},
		// What was committed right before a crash is told to nobody, but it is there when the app is opened again.
		Opened:    func(ctx context.Context, _ string, engine *history.Engine) error { return s.seen.read(ctx, engine) },
		Committed: func(_ string, _ *history.Engine, entries []*history.Entry) { s.seen.add(entries...) },
		Store: func(ctx context.Context, _ string) (store.Store, error) {
			file, err := sqlite.Open(ctx, s.path())
			if err != nil {
				return nil, err
			}
			return &gatedStore{file, s}, nil
		},
	})
	return err
}

func (s *server) path() string { return filepath.Join(s.disk.dir, "sync.db") }

// accept serves a link.
func (s *server) accept(l *link) {
	endpoint := s.endpoint
	s.serving.Go(func() {
		if err := endpoint.ServeSocket(context.Background(), app, l.client.name, &serverSocket{s.w, l}, l.up.name); err != nil {
			s.w.serverGone(l, errLost)
		}
	})
}

// stop ends the server. If its disk is dead, that is a crash.
func (s *server) stop() error {
	s.w.release(&s.machine)
	err := s.endpoint.Close()
	s.serving.Wait()
	return err
}

// sever loses all connections, as a machine does that stops: deaf says that clients aren't told.
func (s *server) sever(deaf bool) {
	s.w.mu.Lock()
	links := append([]*link(nil), s.w.links...)
	s.w.mu.Unlock()
	for _, l := range links {
		how := uint64(cutBoth)
		if deaf {
			how = cutServer
		}
		s.w.cut(l, how)
	}
}

// gatedStore lets the driver decide when a transaction begins and when it is committed, and watches the cursors.
type gatedStore struct {
	store.Store
	s *server
}

func (g *gatedStore) Begin(ctx context.Context) (store.Tx, error) {
	if err := g.s.w.pass(ctx, &g.s.machine, "begin"); err != nil {
		return nil, err
	}
	tx, err := g.Store.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &gatedTx{tx, g.s}, nil
}

type gatedTx struct {
	store.Tx
	s *server
}

func (g *gatedTx) Commit(c *store.Changes) error {
	if err := g.s.w.pass(context.Background(), &g.s.machine, "commit"); err != nil {
		return err
	}
	if err := g.Tx.Commit(c); err != nil {
		return err
	}
	g.s.w.committed(c)
	return nil
}

// committed checks that nothing goes back.
func (w *world) committed(c *store.Changes) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.server
	for _, e := range c.Entries {
		if e.Version <= s.version { // more than one above it: a commit that failed and is there all the same
			w.failf("server version %d follows %d", e.Version, s.version)
		}
		s.version = e.Version
	}
	if n := len(c.Entries); n > 1 {
		w.faults["group commit of several uploads"]++
	}
	for _, f := range c.Files {
		old := s.cursors[f.Ident]
		if f.ClientVersion < old.ClientVersion || f.BaseVersion < old.BaseVersion || f.Locked < old.Locked {
			w.failf("server: the cursors of file %d go back: %+v after %+v", f.Ident, f, old)
		}
		s.cursors[f.Ident] = f
	}
}

// bytesOf reads random bytes.
type bytesOf struct{ *rand.Rand }

func (b *bytesOf) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b.Uint32())
	}
	return len(p), nil
}

// now is the time: the bubble's begins in 2000, and changes can't be older than 2015.
func (w *world) now() time.Time { return time.Now().AddDate(20, 0, 0) }
