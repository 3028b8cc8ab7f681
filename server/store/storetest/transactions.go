package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/server/store"
)

func (f *fixture) version() (v uint64) {
	f.t.Helper()
	f.read(func(r store.Reader) {
		var err error
		v, err = r.Version()
		require.NoError(f.t, err)
	})
	return v
}

func rollback(f *fixture) {
	f.commit(&store.Changes{Entries: []store.Entry{entry(1)}})
	tx := f.begin()
	_, err := tx.Version()
	require.NoError(f.t, err)
	require.NoError(f.t, tx.Rollback())
	require.NoError(f.t, tx.Rollback(), "twice")
	require.Error(f.t, tx.Commit(&store.Changes{Entries: []store.Entry{entry(2)}}))
	require.EqualValues(f.t, 1, f.version())
	f.commit(&store.Changes{Entries: []store.Entry{entry(2)}})
	require.EqualValues(f.t, 2, f.version())
}

// A commit that fails changes nothing, whatever it had written until then, and the store can be used on.
func failedCommit(f *fixture) {
	f.commit(&store.Changes{
		Entries: []store.Entry{entry(1)}, Objects: []store.Object{object(1, "k", "old", 1)}, Files: []store.File{{Ident: 2, Salt: 1}},
	})
	err := f.begin().Commit(&store.Changes{
		Classes: []store.Class{{ID: 9, Name: "X", Definition: []byte("x")}},
		Entries: []store.Entry{entry(2), entry(1)}, // version 1 exists
		Objects: []store.Object{object(1, "k", "new", 2)},
		Files:   []store.File{{Ident: 2, Salt: 1, ClientVersion: 5}},
	})
	require.Error(f.t, err)
	f.everywhere(func(r store.Reader) {
		version, err := r.Version()
		require.NoError(f.t, err)
		require.EqualValues(f.t, 1, version)
		require.Equal(f.t, []scanned{{"k", "old"}}, f.scan(r, 1))
		classes, err := r.Classes()
		require.NoError(f.t, err)
		require.Empty(f.t, classes)
		file, err := r.File(2)
		require.NoError(f.t, err)
		require.Zero(f.t, file.ClientVersion)
	})
	f.commit(&store.Changes{Entries: []store.Entry{entry(2)}})
	require.EqualValues(f.t, 2, f.version())
}

func transactionsEnd(f *fixture) {
	tx := f.begin()
	require.NoError(f.t, tx.Commit(&store.Changes{Entries: []store.Entry{entry(1)}}))
	require.Error(f.t, tx.Commit(&store.Changes{Entries: []store.Entry{entry(2)}}), "a transaction commits once")
	require.NoError(f.t, tx.Rollback(), "after a commit it does nothing")
	require.EqualValues(f.t, 1, f.version())
	f.commit(&store.Changes{})
	require.EqualValues(f.t, 1, f.version())
}

// A snapshot shows one state as long as it is open; a transaction shows what was before it.
func snapshotsStandStill(f *fixture) {
	state := func(v uint64) *store.Changes {
		return &store.Changes{Entries: []store.Entry{entry(v)}, Objects: []store.Object{object(1, "k", fmt.Sprint(v), v)}}
	}
	f.commit(state(1))
	s := f.snapshot()
	tx := f.begin()
	require.Equal(f.t, []scanned{{"k", "1"}}, f.scan(tx, 1))
	require.NoError(f.t, tx.Commit(state(2)))
	f.commit(state(3))
	for range 2 {
		require.Equal(f.t, []scanned{{"k", "1"}}, f.scan(s, 1))
		version, err := s.Version()
		require.NoError(f.t, err)
		require.EqualValues(f.t, 1, version)
	}
	f.read(func(r store.Reader) { require.Equal(f.t, []scanned{{"k", "3"}}, f.scan(r, 1)) })
	require.NoError(f.t, s.Close())
	require.NoError(f.t, s.Close(), "twice")
}

// Any number of snapshots can be open, also by one goroutine, and don't keep the writer from writing.
func manySnapshots(f *fixture) {
	var open []store.Snapshot
	for v := uint64(1); v <= 40; v++ {
		f.commit(&store.Changes{Entries: []store.Entry{entry(v)}})
		open = append(open, f.snapshot())
	}
	for i, s := range open {
		version, err := s.Version()
		require.NoError(f.t, err)
		require.EqualValues(f.t, i+1, version)
	}
	for _, s := range open {
		require.NoError(f.t, s.Close())
	}
}

func oneWriter(f *fixture) {
	tx := f.begin()
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error)
	go func() {
		_, err := f.store.Begin(ctx)
		failed <- err
	}()
	entered := make(chan store.Tx)
	go func() {
		other, err := f.store.Begin(context.Background())
		if err != nil {
			f.t.Error(err)
		}
		entered <- other
	}()
	cancel()
	require.ErrorIs(f.t, f.wait(failed), context.Canceled)
	select {
	case <-entered:
		f.t.Error("two transactions are open")
	default:
	}
	require.NoError(f.t, tx.Commit(&store.Changes{Entries: []store.Entry{entry(1)}}))
	select {
	case other := <-entered:
		version, err := other.Version()
		require.NoError(f.t, err)
		require.EqualValues(f.t, 1, version)
		require.NoError(f.t, other.Rollback())
	case <-time.After(patience):
		require.FailNow(f.t, "the second transaction did not begin")
	}
}

func (f *fixture) wait(done <-chan error) error {
	f.t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		require.FailNow(f.t, "what was waited for did not happen")
		return nil
	}
}

// Readers see whole commits, while the writer writes.
func readersAndWriter(f *fixture) {
	const commits, objects, readers = 30, 40, 4
	state := func(v uint64) *store.Changes {
		c := &store.Changes{Entries: []store.Entry{entry(v)}}
		for i := range objects {
			c.Objects = append(c.Objects, object(1, fmt.Sprint(i), fmt.Sprint(v), v))
		}
		return c
	}
	f.commit(state(1))
	done := make(chan struct{})
	var all sync.WaitGroup
	check := func() error {
		s, err := f.store.Snapshot(context.Background())
		if err != nil {
			return err
		}
		defer s.Close()
		version, err := s.Version()
		if err != nil {
			return err
		}
		n := 0
		err = s.Scan(1, func(_, doc []byte) (bool, error) {
			if n++; string(doc) != fmt.Sprint(version) {
				return false, fmt.Errorf("version %d has an object of version %s", version, doc)
			}
			return true, nil
		})
		if err == nil && n != objects {
			err = fmt.Errorf("version %d has %d objects", version, n)
		}
		return err
	}
	for range readers {
		all.Go(func() {
			for {
				if err := check(); err != nil {
					f.t.Error(err)
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
	for v := uint64(2); v <= commits; v++ {
		f.commit(state(v))
	}
	close(done)
	all.Wait()
}

// Close waits for what is open.
func closeWaits(f *fixture) {
	s := f.snapshot()
	done := make(chan error, 1)
	closing := f.store
	go func() { done <- closing.Close() }()
	_, err := s.Version()
	require.NoError(f.t, err)
	select {
	case <-done:
		f.t.Error("Close did not wait for the snapshot")
	default:
	}
	require.NoError(f.t, s.Close())
	require.NoError(f.t, f.wait(done))

	f.open()
	tx := f.begin()
	closing = f.store
	go func() { done <- closing.Close() }()
	require.NoError(f.t, tx.Commit(&store.Changes{Entries: []store.Entry{entry(1)}}))
	require.NoError(f.t, f.wait(done))
	f.open()
	require.EqualValues(f.t, 1, f.version())
}

func closed(f *fixture) {
	was := f.store
	f.close()
	_, err := was.Begin(context.Background())
	require.Error(f.t, err)
	_, err = was.Snapshot(context.Background())
	require.Error(f.t, err)
	require.NoError(f.t, was.Close(), "twice")
}

// Errors of callbacks come back, and end the reading.
func callbackErrors(f *fixture) {
	f.commit(&store.Changes{
		Entries: []store.Entry{entry(1), entry(2)}, Objects: []store.Object{object(1, "k", "d", 1), object(1, "l", "d", 1)},
		Reciprocals: []store.Reciprocal{{File: 2, Version: 1}, {File: 2, Version: 2}},
	})
	stop := errors.New("stop")
	f.everywhere(func(r store.Reader) {
		n := 0
		once := func() error {
			n++
			return stop
		}
		require.ErrorIs(f.t, r.Entries(0, 2, false, func(*store.Entry) (bool, error) { return true, once() }), stop)
		require.ErrorIs(f.t, r.Objects([]store.ObjectRef{ref(1, "k"), ref(1, "l")}, func(store.Object) error { return once() }), stop)
		require.ErrorIs(f.t, r.Scan(1, func(_, _ []byte) (bool, error) { return true, once() }), stop)
		require.ErrorIs(f.t, r.Reciprocals(2, 0, func(uint64, []byte) error { return once() }), stop)
		require.Equal(f.t, 4, n)
		_, err := r.Version()
		require.NoError(f.t, err, "the reader can be used on")
	})
}
