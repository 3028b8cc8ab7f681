package main

import (
	"context"
	"errors"
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/store/storetest"
	"realmsync/core/value"
	"realmsync/server/history"
	"realmsync/server/store/sqlite"
)

// ending is what the server has in the end.
type ending struct {
	model  *memstate.State // what its history leads to, with what was given up of it
	data   *memstate.State // what it holds
	writes map[origin]int  // how often a local version of a file was integrated
}

type origin struct{ file, version uint64 }

// look opens the server's data, when the server is closed.
func (w *world) look() (end ending, err error) {
	file, err := sqlite.Open(context.Background(), w.server.path())
	if err != nil {
		return end, err
	}
	engine, err := history.Open(context.Background(), history.Config{App: app, Store: file, Rules: w.rules})
	if err != nil {
		return end, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	end = ending{model: memstate.New(schema.New()), writes: map[origin]int{}}
	if err := w.server.seen.read(context.Background(), engine); err != nil {
		return end, err
	}
	if err := w.server.seen.each(engine.Version(), func(e *history.Entry) error {
		if e.ClientVersion != 0 {
			end.writes[origin{e.Origin, e.ClientVersion}]++
		}
		if err := w.replay(end.model, e.Changeset); err != nil {
			return fmt.Errorf("server version %d doesn't fit what is before it: %w", e.Version, err)
		}
		return nil
	}); err != nil {
		return end, err
	}
	snapshot, err := engine.Snapshot(context.Background())
	if err != nil {
		return end, err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	end.data = memstate.New(end.model.Schema())
	for _, class := range end.model.Schema().Classes() {
		if class.Kind != schema.TopLevel {
			continue
		}
		known := snapshot.Catalog.Class(class.Name)
		if known == nil {
			return end, fmt.Errorf("the server has no class %s", class.Name)
		}
		if err := snapshot.Rows(known, func(row *history.Row) (bool, error) { return true, copyRow(end.data, snapshot.Catalog, row) }); err != nil {
			return end, err
		}
	}
	return end, nil
}

func copyRow(to *memstate.State, catalog *history.Catalog, row *history.Row) error {
	all, err := row.AppendState(nil, catalog, row.Class.Name)
	if err != nil {
		return err
	}
	return to.Apply(&changeset.Changeset{Instructions: all})
}

// visible is what a view shows of a state.
func visible(s *memstate.State, v view) (*memstate.State, error) {
	out := s.Clone()
	for _, key := range out.Keys("T") {
		zone, err := out.Get("T", key, "zone")
		if err != nil {
			return nil, err
		}
		if !v.has(zone.Str()) {
			if err := out.Erase("T", key); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// differ shows where two states differ, "" if they don't.
func differ(want, got *memstate.State) string {
	a, b := string(want.JSON()), string(got.JSON())
	if a == b {
		return ""
	}
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	show := func(s string) string { return s[max(0, n-300):min(len(s), n+300)] }
	return fmt.Sprintf("want ...%s...\ngot  ...%s...", show(a), show(b))
}

// check tells what is wrong after quiescence.
func (w *world) check() error {
	states := make([]*memstate.State, len(w.clients))
	idents := make([]uint64, len(w.clients))
	for i, c := range w.clients {
		idents[i] = c.ident
	}
	// The programs end; the server too. What counts is in the files.
	for _, m := range w.machines() {
		w.release(m)
	}
	for _, c := range w.clients {
		c.manager.Close()
	}
	if err := w.server.stop(); err != nil {
		return fmt.Errorf("closing the server: %w", err)
	}
	end, err := w.look()
	if err != nil {
		return fmt.Errorf("the server's data: %w", err)
	}
	w.tracef("%s", end.model.JSON())
	if d := differ(end.model, end.data); d != "" {
		return fmt.Errorf("the server's data is not what its history leads to:\n%s", d)
	}
	for i, c := range w.clients {
		if states[i], err = storetest.Dump(c.conn, end.model.Schema()); err != nil {
			return fmt.Errorf("%s: reading its realm: %w", c.name, err)
		}
		want, err := visible(end.model, views[c.choice])
		if err != nil {
			return err
		}
		if d := differ(want, states[i]); d != "" {
			return fmt.Errorf("%s doesn't have what the server has and it subscribes to (%v):\n%s", c.name, views[c.choice].subscriptions, d)
		}
	}
	return w.ledger(end, idents)
}

// ledger checks that each commit of each client was integrated once, and that what nobody else touches is there.
func (w *world) ledger(end ending, idents []uint64) error {
	expected := 0
	for i, c := range w.clients {
		for version := range c.written {
			expected++
			if n := end.writes[origin{idents[i], version}]; n != 1 {
				return fmt.Errorf("%s: version %d, which was committed, was integrated %d times", c.name, version, n)
			}
		}
	}
	if n := len(end.writes); n != expected {
		return fmt.Errorf("the server has integrated %d changesets, the clients have committed %d", n, expected)
	}
	for i, c := range w.clients {
		for version := range c.written {
			if ok, _ := end.model.Exists("Mark", value.StringKey(markOf(i, version))); !ok && !c.plain[version] {
				return fmt.Errorf("%s: what version %d has written is lost", c.name, version)
			}
		}
	}
	return nil
}
