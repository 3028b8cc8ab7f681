package history

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
)

// stored lists the versions that the store still has, and those of them with images.
func (f *fixture) stored() (versions, imaged []uint64) {
	f.t.Helper()
	s, err := f.cfg0().Snapshot(f.t.Context())
	require.NoError(f.t, err)
	defer s.Close()
	require.NoError(f.t, s.Entries(0, f.Version(), true, func(e *store.Entry) (bool, error) {
		versions = append(versions, e.Version)
		if len(e.Images) > 0 {
			imaged = append(imaged, e.Version)
		}
		return true, nil
	}))
	return versions, imaged
}

func (f *fixture) cfg0() store.Store { return f.Engine.cfg.Store }

func (f *fixture) trim(r Retention) Trimmed {
	f.t.Helper()
	out, err := f.Trim(f.t.Context(), r)
	require.NoError(f.t, err)
	return out
}

// insert puts a number at the end of the list l, which has size elements.
func insert(k int64, size int, n int64) changeset.Instruction {
	return changeset.Instruction{Op: changeset.ArrayInsert, Table: "T", Key: key(k), Field: "l", Path: []changeset.Step{{IsPos: true, Pos: uint32(size)}}, Value: value.Int(n), PriorSize: uint32(size)}
}

func listOfT() changeset.Instruction {
	in := addColumn("T", "l", value.KindInt, false)
	in.Collection = schema.List
	return in
}

// What a live file may still need stays; what only expired ones needed goes.
func TestTrim(t *testing.T) {
	f, d := withT(t, nil)
	late := f.device()
	late.sync().write(create(50), set(50, "n", value.Int(1)))
	base := f.Version() - 1 // late has integrated this, and says so with its next write
	for i := range int64(20) {
		d.sync().write(create(i))
	}
	d.sync().write(create(0))
	out := f.trim(Retention{Offline: 24 * time.Hour})
	require.Zero(t, out.Expired)
	require.Equal(t, base, out.Floor, "late holds it")
	versions, imaged := f.stored()
	require.Contains(t, versions, base+1)
	require.Greater(t, imaged[0], base)

	// Somebody who was away comes back, and merges with what he doesn't know.
	late.write(add(50, "n", 5))
	require.EqualValues(t, 6, f.n(50))

	f.clock.Move(26 * time.Hour)
	d.sync().write(create(100))
	f.restart()
	require.Equal(t, base, f.Floor())
	out = f.trim(Retention{Offline: 24 * time.Hour, Batch: 3})
	require.Equal(t, 1, out.Expired)
	require.Greater(t, out.Floor, base+10)
	_, err := f.Identify(t.Context(), late.claim())
	requireCode(t, ClientFileExpired, err)
	_, err = f.Identify(t.Context(), d.claim())
	require.NoError(t, err)
	versions, imaged = f.stored()
	require.Greater(t, imaged[0], out.Floor)
	require.EqualValues(t, 2, versions[0], "what made the schema stays")
	require.Greater(t, versions[1], out.Floor)
	d.sync().write(add(50, "n", 1))
	require.EqualValues(t, 7, f.n(50))
	require.Empty(t, f.problems())
}

// A file that is connected is not away, and one that is exactly as old as allowed isn't either.
func TestConnectedFilesDontExpire(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1))
	f.clock.Move(48 * time.Hour)
	require.Zero(t, f.trim(Retention{Offline: 24 * time.Hour, Connected: []uint64{d.file.Ident, 777}}).Expired)
	f.clock.Move(24*time.Hour + time.Duration(seenEvery)*time.Millisecond)
	require.Zero(t, f.trim(Retention{Offline: 24 * time.Hour}).Expired)
	require.Zero(t, f.trim(Retention{}).Expired, "for ever")
	f.clock.Move(time.Millisecond)
	require.Equal(t, 1, f.trim(Retention{Offline: 24 * time.Hour}).Expired)
	require.Zero(t, f.trim(Retention{Offline: 24 * time.Hour}).Expired, "once")
}

// A client that has never connected may have written before, based on nothing: to objects that exist that is discarded, as ever.
func TestNewFileBelowTheFloor(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1), set(1, "n", value.Int(1)))
	d.write(create(2))
	d.write(erase(2))
	d.sync().write(create(3))
	d.sync().write(create(4))
	fresh := f.device(where(""))
	require.Greater(t, f.trim(Retention{}).Floor, uint64(4))
	at, err := f.SetView(t.Context(), store.View{File: fresh.file.Ident, QueryVersion: 1, Body: "all"}, 0)
	require.NoError(t, err)
	fresh.epochs = append(fresh.epochs, Epoch{Snapshot: at, View: all{}})
	require.Less(t, f.trim(Retention{}).Floor, at, "its bootstrap is computed from here")
	r, err := fresh.upload(fresh.entry(create(1), set(1, "n", value.Int(9)), create(9), set(9, "n", value.Int(9))))
	require.NoError(t, err)
	require.Len(t, r.Resets, 1)
	require.EqualValues(t, 1, f.n(1))
	require.EqualValues(t, 9, f.n(9))
	// A cursor that nobody can have is not believed.
	claim := fresh.claim()
	claim.ServerVersion, claim.LatestVersion, claim.LatestSalt = 3, 3, f.Salt(3)
	_, err = f.Identify(t.Context(), claim)
	requireCode(t, ClientFileExpired, err)
	require.Empty(t, f.problems())
}

// Pieces of a large list that nothing names any more go, the list stays; not while somebody reads an older state.
func TestSweep(t *testing.T) {
	f, d := withT(t, func(c *Config) { c.inline = 1 })
	ins := []changeset.Instruction{listOfT(), create(1)}
	for i := range 600 {
		ins = append(ins, insert(1, i, int64(i)))
	}
	d.write(ins...)
	for i := range 10 {
		d.sync().write(insert(1, 600+i, 7))
	}
	d.sync().write(create(2))
	reader, err := f.Snapshot(t.Context())
	require.NoError(t, err)
	d.sync().write(insert(1, 610, 8))
	d.sync().write(create(3))
	require.Zero(t, f.trim(Retention{Sweep: true}).Pieces, "a snapshot is open")
	require.NoError(t, reader.Close())
	out := f.trim(Retention{Sweep: true, Batch: 2})
	require.Greater(t, out.Pieces, 8)
	require.Zero(t, f.trim(Retention{Sweep: true}).Pieces)
	require.Empty(t, f.problems())
	f.restart()
	d.sync().write(insert(1, 611, 9))
	s, err := f.Snapshot(t.Context())
	require.NoError(t, err)
	defer s.Close()
	n := 0
	require.NoError(t, s.Rows(s.Catalog.Class("T"), func(r *Row) (bool, error) {
		if c, ok := r.Collection(r.Class, r.Class.property("l")); ok {
			n = c.Len()
			for i := range n {
				_, _, err := c.At(i)
				require.NoError(t, err)
			}
		}
		return true, nil
	}))
	require.Equal(t, 612, n)
}

// A process that is killed at any commit of trimming leaves data that is whole, that goes on, and that the next Trim finishes.
func TestKilledWhileTrimming(t *testing.T) {
	gate := &faulty{}
	f, d := withT(t, func(c *Config) { c.Store, c.inline = gate, 1 })
	d.write(listOfT(), create(1), set(1, "n", value.Int(1)), insert(1, 0, 5))
	for i := range int64(8) {
		d.sync().write(create(10+i), add(1, "n", 1), insert(1, int(i)+1, i))
		d.sync().write(erase(10 + i))
	}
	away := f.device()
	away.sync().write(create(99))
	f.clock.Move(48 * time.Hour)
	d.sync().write(create(100))
	d.sync().write(add(1, "n", 1))
	dir := t.TempDir()
	var copies []string
	gate.set(func(what string) error {
		if what == "commit" {
			path := filepath.Join(dir, fmt.Sprint(len(copies)), "sync.db")
			copies = append(copies, path)
			copyData(t, f.path, path)
		}
		return nil
	})
	f.trim(Retention{Offline: time.Hour, Batch: 4, Sweep: true})
	gate.set(nil)
	require.Greater(t, len(copies), 8)
	for i, path := range copies {
		s, err := sqlite.Open(context.Background(), path)
		require.NoError(t, err)
		e, err := Open(context.Background(), Config{Store: s, Now: f.clock.Now})
		require.NoError(t, err)
		g := &fixture{Engine: e, t: t}
		require.Empty(t, g.problems(), "killed at commit %d", i)
		device := *d
		device.f, device.stream = g, &Stream{}
		_, err = e.Identify(t.Context(), device.claim())
		require.NoError(t, err)
		device.write(add(1, "n", 1))
		require.EqualValues(t, 11, g.n(1), "killed at commit %d", i)
		out := g.trim(Retention{Offline: time.Hour, Sweep: true})
		require.GreaterOrEqual(t, out.Floor, f.Floor())
		require.Empty(t, g.problems())
		require.NoError(t, e.Close())
	}
}

func copyData(t *testing.T, from, to string) {
	t.Helper()
	makeDir(t, filepath.Dir(to))
	for _, suffix := range []string{"", "-wal"} {
		copyFile(t, from+suffix, to+suffix)
	}
}
