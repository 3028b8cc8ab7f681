package sync

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
)

// halting is a store whose scans stop in the middle, when the test says so.
type halting struct {
	store.Store
	at *halt
}

type halt struct {
	armed   atomic.Bool
	entered chan struct{}
	resume  chan struct{}
}

func (s halting) Snapshot(ctx context.Context) (store.Snapshot, error) {
	snapshot, err := s.Store.Snapshot(ctx)
	return haltingSnapshot{snapshot, s.at}, err
}

type haltingSnapshot struct {
	store.Snapshot
	at *halt
}

func (s haltingSnapshot) Scan(class uint32, f func(key, doc []byte) (bool, error)) error {
	n := 0
	return s.Snapshot.Scan(class, func(key, doc []byte) (bool, error) {
		if n++; n == 100 && s.at.armed.CompareAndSwap(true, false) {
			s.at.entered <- struct{}{}
			<-s.at.resume
		}
		return f(key, doc)
	})
}

// The initial sync of a large class comes in batches, and neither computing it nor a client that takes it slowly is in the way of writers (issue 5,
// point 6).
func TestInitialSyncHoldsNobodyUp(t *testing.T) {
	at := &halt{entered: make(chan struct{}), resume: make(chan struct{})}
	f := open(t, func(c *Config) {
		dir := t.TempDir()
		c.Store = func(ctx context.Context, app string) (store.Store, error) {
			s, err := sqlite.Open(ctx, filepath.Join(dir, app, "sync.db"))
			return halting{s, at}, err
		}
	})
	writer := f.device("anna").subscribed(allDogs)
	random := rand.New(rand.NewPCG(3, 4))
	const dogs, length = 4000, 1000 // 4 MB, what doesn't stay in memory
	for i := range int64(dogs) {
		name := make([]byte, length)
		for k := range name {
			name[k] = byte(33 + random.IntN(90))
		}
		writer.write(create(i, string(name), i)...)
		if i%1000 == 999 {
			writer.upload()
		}
	}
	reader := f.device("berta").fresh()
	at.armed.Store(true)
	reader.send(&wire.Query{Session: reader.sid, Version: 1, Body: []byte(allDogs)})
	<-at.entered // in the middle of reading the class
	for i := range int64(10) {
		writer.write(create(10_000+i, "while it is computed", i)...)
		writer.upload()
	}
	reader.gate.Lock() // the client stops reading
	at.resume <- struct{}{}
	for i := range int64(10) {
		writer.write(create(20_000+i, "while nobody reads it", i)...)
		writer.upload()
	}
	reader.gate.Unlock()
	batches := 0
	for last := false; !last; {
		if m, ok := reader.step().(*wire.Download); ok {
			batches++
			last = m.BatchState == wire.LastInBatch
			if !last {
				require.Equal(t, wire.MoreToCome, m.BatchState)
				require.Empty(t, reader.dogs(), "nothing is visible before the end")
			}
		}
	}
	require.Greater(t, batches, 3)
	require.Len(t, reader.dogs(), dogs, "the state of the time when it was asked for")
	require.Len(t, reader.sync().dogs(), dogs+20, "and everything since")
	require.Contains(t, fmt.Sprint(reader.dogs()), "while nobody reads it")
}
