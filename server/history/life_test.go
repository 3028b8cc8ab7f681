package history

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/value"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
)

// A process that is killed right before a commit, and right after: what was acknowledged is there, what was not is not, and the
// client uploads it again, once.
func TestKilled(t *testing.T) {
	gate := &faulty{}
	f, d := withT(t, func(c *Config) { c.Store = gate })
	d.write(create(1), set(1, "n", value.Int(1)))
	killed := ""
	gate.set(func(what string) error {
		if what == "commit" && killed == "" {
			killed = filepath.Join(t.TempDir(), "sync.db")
			for _, suffix := range []string{"", "-wal"} {
				copyFile(t, f.path+suffix, killed+suffix)
			}
		}
		return nil
	})
	again := d.entry(add(1, "n", 10))
	_, err := d.upload(again)
	require.NoError(t, err)
	after := filepath.Join(t.TempDir(), "sync.db")
	for _, suffix := range []string{"", "-wal"} {
		copyFile(t, f.path+suffix, after+suffix)
	}
	for path, has := range map[string]int64{killed: 1, after: 11} {
		s, err := sqlite.Open(context.Background(), path)
		require.NoError(t, err)
		e, err := Open(context.Background(), Config{Store: s})
		require.NoError(t, err)
		g := &fixture{Engine: e, t: t}
		require.EqualValues(t, has, g.n(1))
		d := *d
		d.f, d.stream = g, &Stream{}
		again.Changeset, err = DecodeUploaded(again.Data)
		require.NoError(t, err)
		_, err = d.upload(again)
		require.NoError(t, err)
		require.EqualValues(t, 11, g.n(1))
		require.EqualValues(t, 4, g.Version())
		require.NoError(t, e.Close())
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, b, 0o600))
}

// Everything at once, for the race detector: clients that upload, readers of history and of snapshots.
func TestConcurrentUse(t *testing.T) {
	const clients, uploads = 6, 25
	f, d := withT(t, func(c *Config) { c.RecentBytes = 20000 })
	d.write(create(1))
	base := f.Version()
	var devices []*device
	for range clients {
		devices = append(devices, f.device().sync())
	}
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	for i, d := range devices {
		writers.Go(func() {
			for k := range uploads {
				c := &changeset.Changeset{Instructions: []changeset.Instruction{create(int64(100 + i)), add(1, "n", 1), add(int64(100+i), "n", 1)}}
				d.version++
				answered := make(chan error, 1)
				u := d.message(Uploaded{ClientVersion: d.version, ServerVersion: d.base, Timestamp: uint64(k), Changeset: c})
				u.Done = func(_ Result, err error) { answered <- err }
				if err := f.Submit(u); err != nil {
					t.Error(err)
					return
				}
				select {
				case err := <-answered:
					if err != nil {
						t.Error(err)
						return
					}
				case <-time.After(patience):
					t.Error("an upload was not answered")
					return
				}
				if k%5 == 0 {
					if _, err := f.Identify(t.Context(), d.claim()); err != nil {
						t.Error(err)
					}
					d.sync()
				}
			}
		})
	}
	read := func(work func(version uint64) error) {
		readers.Go(func() {
			for {
				if err := work(f.Version()); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	read(func(version uint64) error {
		next := uint64(0)
		return f.Entries(t.Context(), 0, version, func(e *Entry) (bool, error) {
			next++
			if e.Version != next {
				t.Errorf("version %d follows on %d", e.Version, next-1)
			}
			return true, nil
		})
	})
	// The sum of n over all objects but the first is n of the first, in every version.
	read(func(version uint64) error {
		s, err := f.SnapshotAt(t.Context(), version)
		if err != nil {
			return err
		}
		var first, others int64
		err = s.Rows(s.Catalog.Class("T"), func(r *Row) (bool, error) {
			if r.Key.Int() == 1 {
				first = field(r, "n").Int()
			} else {
				others += field(r, "n").Int()
			}
			return true, nil
		})
		if first != others {
			t.Errorf("version %d: %d is not %d", version, first, others)
		}
		return cmpOr(err, s.Close())
	})
	read(func(version uint64) error {
		if f.Salt(version) == 0 || f.Catalog().Class("T") == nil {
			t.Error("a version has no salt, or no schema")
		}
		return nil
	})
	writers.Wait()
	close(done)
	readers.Wait()
	require.EqualValues(t, clients*uploads, f.n(1))
	require.Equal(t, base+clients*uploads, f.Version())
	requireDense(t, f)
}

// FuzzStored takes stored forms apart, whatever they are.
func FuzzStored(f *testing.F) {
	catalog, err := loadCatalog(nil, newest)
	require.NoError(f, err)
	w := newWorkspace(nil, catalog)
	for _, ins := range simSchema() {
		require.NoError(f, changeset.Apply(w, &changeset.Changeset{Instructions: []changeset.Instruction{ins}}))
	}
	catalog = w.catalog
	class := catalog.Class("T")
	row := newRow(class, key(1))
	for i, v := range []value.Value{value.Int(5), value.String("zone"), value.FromLink("T", value.StringKey("k"))} {
		row.values[i+1] = v
		f.Add(appendDocument(nil, row))
		f.Add(appendImages(nil, []Image{{ClassName: "T", Key: key(1), Ref: store.ObjectRef{Class: class.ID, Key: EncodeKey(key(1))}, Before: row, After: nil, Previous: 7}}))
	}
	w.begin(2)
	c := &simClient{state: memstate.New(w.catalog.Schema)}
	for seed := range uint64(5) {
		require.NoError(f, c.nest(seed))
	}
	for i := range c.entries {
		require.NoError(f, changeset.Apply(w, c.entries[i].changes))
	}
	next := uint64(1)
	for _, s := range w.slots {
		f.Add((&encoder{next: &next, limit: 1}).document(nil, s.row))
		f.Add(appendDocument(nil, s.row))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if row, err := decodeDocument(catalog, class, key(1), b); err == nil {
			again, err := decodeDocument(catalog, class, key(1), appendDocument(nil, row))
			require.NoError(t, err)
			for i := range row.values {
				require.True(t, row.values[i].Identical(again.values[i]))
			}
		}
		if images, err := decodeImages(catalog, b, nil); err == nil {
			_, err := decodeImages(catalog, appendImages(nil, images), nil)
			require.NoError(t, err)
		}
		if k, err := DecodeKey(string(b)); err == nil {
			again, err := DecodeKey(EncodeKey(k))
			require.NoError(t, err)
			require.Equal(t, k, again)
		}
	})
}
