package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/server/store"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// fixture is a store that is open, and where it is.
type fixture struct {
	t     *testing.T
	place Place
	store store.Store
}

func (f *fixture) open() {
	f.t.Helper()
	f.store = f.place.Open(f.t)
}

func (f *fixture) close() {
	f.t.Helper()
	if f.store != nil {
		require.NoError(f.t, f.store.Close())
		f.store = nil
	}
}

func (f *fixture) reopen() {
	f.t.Helper()
	f.close()
	f.open()
}

func (f *fixture) begin() store.Tx {
	f.t.Helper()
	tx, err := f.store.Begin(context.Background())
	require.NoError(f.t, err)
	return tx
}

func (f *fixture) commit(c *store.Changes) {
	f.t.Helper()
	require.NoError(f.t, f.begin().Commit(c))
}

func (f *fixture) snapshot() store.Snapshot {
	f.t.Helper()
	s, err := f.store.Snapshot(context.Background())
	require.NoError(f.t, err)
	return s
}

// read runs f on a snapshot.
func (f *fixture) read(read func(store.Reader)) {
	f.t.Helper()
	s := f.snapshot()
	read(s)
	require.NoError(f.t, s.Close())
}

// everywhere runs the reads on a snapshot, inside of a transaction, and on both after the store was opened again.
func (f *fixture) everywhere(read func(store.Reader)) {
	f.t.Helper()
	for range 2 {
		f.read(read)
		tx := f.begin()
		read(tx)
		require.NoError(f.t, tx.Rollback())
		f.reopen()
	}
}

func (f *fixture) entries(r store.Reader, from, to uint64, images bool) (out []store.Entry) {
	f.t.Helper()
	require.NoError(f.t, r.Entries(from, to, images, func(e *store.Entry) (bool, error) {
		out = append(out, *e)
		return true, nil
	}))
	return out
}

func (f *fixture) objects(r store.Reader, refs ...store.ObjectRef) map[store.ObjectRef]store.Object {
	f.t.Helper()
	out := map[store.ObjectRef]store.Object{}
	require.NoError(f.t, r.Objects(refs, func(o store.Object) error {
		require.NotContains(f.t, out, o.ObjectRef, "each object once")
		out[o.ObjectRef] = o
		return nil
	}))
	return out
}

// scanned is a live object of a class.
type scanned struct{ key, doc string }

func (f *fixture) scan(r store.Reader, class uint32) (out []scanned) {
	f.t.Helper()
	require.NoError(f.t, r.Scan(class, func(key, doc []byte) (bool, error) {
		out = append(out, scanned{string(key), string(doc)})
		return true, nil
	}))
	return out
}

func (f *fixture) reciprocals(r store.Reader, file, from uint64) (out []store.Reciprocal) {
	f.t.Helper()
	require.NoError(f.t, r.Reciprocals(file, from, func(version uint64, b []byte) error {
		out = append(out, store.Reciprocal{File: file, Version: version, Changeset: append([]byte{}, b...)})
		return nil
	}))
	return out
}

func ref(class uint32, key string) store.ObjectRef { return store.ObjectRef{Class: class, Key: key} }

func object(class uint32, key, doc string, version uint64) store.Object {
	return store.Object{ObjectRef: ref(class, key), Doc: []byte(doc), Version: version}
}

func entry(version uint64) store.Entry {
	return store.Entry{Version: version, Origin: 2, ClientVersion: version, Timestamp: 1, Changeset: []byte{byte(version)}}
}

// pieces reads pieces, by id.
func (f *fixture) pieces(r store.Reader, ids ...uint64) map[uint64][]byte {
	f.t.Helper()
	out := map[uint64][]byte{}
	require.NoError(f.t, r.Pieces(ids, func(p store.Piece) error {
		out[p.ID] = p.Body
		return nil
	}))
	return out
}
