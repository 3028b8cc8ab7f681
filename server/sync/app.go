package sync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"realmsync/core/merge"
	"realmsync/server/history"
	"realmsync/server/jsonschema"
	"realmsync/server/view"
)

// buildings is how many bootstraps of one app are computed at the same time: each holds a snapshot and takes a core.
const buildings = 4

// app is one app that is open.
type app struct {
	id     string
	engine *history.Engine
	fan    *view.Fan
	rules  merge.Rules
	log    *slog.Logger
	build  chan struct{} // tokens of buildings
	upkeep *maintenance
	leave  func() // the budget

	declared  atomic.Pointer[jsonschema.Classes] // those of the configuration that the schema has last
	unwritten atomic.Bool                        // the schema has changed, and the configuration doesn't know it yet

	mu    sync.Mutex
	files map[uint64]*session // by file ident: the one session that each client file has
	scans map[string]int      // by user: see session.charge
	turns map[string]*turns   // by user: of those who compute a bootstrap or wait for it
}

func openApp(ctx context.Context, s *Server, id string, strict bool) (*app, error) {
	st, err := s.cfg.Store(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("sync: opening the data of app %s: %w", id, err)
	}
	rules := merge.Compatible
	if strict {
		rules = merge.Strict
	}
	a := &app{id: id, rules: rules, log: s.log, build: make(chan struct{}, buildings), files: map[uint64]*session{}, scans: map[string]int{}, turns: map[string]*turns{}}
	ready := make(chan struct{})
	a.engine, err = history.Open(ctx, history.Config{
		App: id, Store: st, Budget: s.cfg.Budget, FixedSchema: s.cfg.FixedSchema, MaxDocument: s.cfg.MaxDocument, Rules: rules, Now: s.cfg.Now, Random: s.cfg.Random, Log: s.log, Observe: s.metrics,
		LargeVersion: s.cfg.LargeChangeset,
		Committed: func(entries []*history.Entry) {
			<-ready
			if s.cfg.Committed != nil {
				s.cfg.Committed(id, a.engine, entries) // first: uploads are acknowledged by what is distributed
			}
			if s.cfg.Hold != nil && slices.ContainsFunc(entries, ofProgram) {
				s.cfg.Hold(s.ctx)
			}
			a.fan.Committed(entries)
			if slices.ContainsFunc(entries, (*history.Entry).IsSchema) {
				s.follow(a, entries[len(entries)-1].Catalog.Schema)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("sync: opening app %s: %w", id, err)
	}
	if s.cfg.Opened != nil {
		if err := s.cfg.Opened(ctx, id, a.engine); err != nil {
			close(ready)
			return nil, errors.Join(fmt.Errorf("sync: opening app %s: %w", id, err), a.engine.Close())
		}
	}
	a.fan = view.NewFan(a.engine.Version(), s.cfg.Budget, s.log)
	close(ready)
	if err := s.declare(ctx, a); err != nil {
		return nil, errors.Join(fmt.Errorf("sync: opening app %s: %w", id, err), a.engine.Close())
	}
	s.follow(a, a.engine.Catalog().Schema) // what was not written down when the server ended
	a.upkeep = maintain(s, a)
	a.leave = s.cfg.Budget.Join(a.engine, a.fan)
	return a, nil
}

// close ends the maintenance and closes the engine.
func (a *app) close() error {
	a.leave()
	a.upkeep.end()
	return a.engine.Close()
}

// errSuperseded is returned to a session whose connection was replaced before it came to claim its file.
var errSuperseded = errors.New("sync: a newer connection has the file")

// claim makes the session the one of its file. Another session of the file ends: on another connection that connection is
// presumed dead and dropped, since clients reconnect faster than a server notices a dead peer (spec/wire-protocol.md section
// 5.3). ok is false when the other session is on the same connection.
//
// Whether the file is the client's is not known yet. So a session of another user is left alone, and the claim is not made: IDENT
// will be refused.
func (a *app) claim(ident uint64, s *session) (ok bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old := a.files[ident]; old != nil && old != s {
		switch {
		case old.conn == s.conn:
			return false, nil
		case old.conn.who.UserID != s.conn.who.UserID:
			return true, nil
		case old.conn.number > s.conn.number:
			return false, errSuperseded // this is the dead one, and its IDENT was late
		}
		old.stream.End()
		old.conn.kill()
	}
	a.files[ident] = s
	return true, nil
}

// holds tells whether the session is still the one of the file.
func (a *app) holds(ident uint64, s *session) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.files[ident] == s
}

// unclaim gives the file of a session up.
func (a *app) unclaim(ident uint64, s *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.files[ident] == s {
		delete(a.files, ident)
	}
}

// ofProgram tells whether a version is the server's own, and about objects.
func ofProgram(e *history.Entry) bool {
	return e.Origin == history.Server && !e.IsSchema() && len(e.Bytes) > 0
}
