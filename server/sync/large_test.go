package sync

import (
	"encoding/hex"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/server/view"
)

// heap is what is in use after a collection, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The initial sync of 50,000 objects of 900 bytes: it takes little memory, whoever writes goes on meanwhile, a client that stops reading costs no more, and one that goes in the
// middle leaves nothing behind (issue 5, point 6).
func TestInitialSyncOfALargeClass(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes 50,000 objects")
	}
	f := open(t, nil)
	const dogs, batch = 50_000, 2500
	writer := f.device("anna").subscribed(allDogs)
	random := rand.New(rand.NewPCG(1, 9))
	name := make([]byte, 450)
	for i := range int64(dogs) {
		if i%batch == 0 {
			writer.record(nil)
		}
		for k := range name {
			name[k] = byte(random.Uint32())
		}
		last := writer.local[len(writer.local)-1].changes // its file stays empty: it is about the server
		last.Instructions = append(last.Instructions, create(i, hex.EncodeToString(name), i)...)
		if i%batch == batch-1 {
			writer.upload()
		}
	}
	commits := int64(0)
	commit := func() {
		commits++
		writer.record(create(dogs+commits, "Max", 1))
		writer.upload()
	}
	commit()
	a, done := f.look("app")
	defer done()
	idle := func() view.Size { size := a.fan.Size(); size.Kept = 0; return size }
	sets := idle()
	reader := f.device("berta").fresh()
	before := heap()

	// While it streams: a commit for each message.
	reader.stall()
	reader.send(&wire.Query{Session: reader.sid, Version: 1, Body: []byte(allDogs)})
	messages, bytes, peak := int64(0), 0, int64(0)
	for last := false; !last; {
		reader.flow()
		m, ok := reader.next().(*wire.Download)
		reader.stall() // or this side would hold what is on its way
		if !ok || m.BatchState == wire.SteadyState {
			continue
		}
		messages++
		for i := range m.Entries {
			bytes += len(m.Entries[i].Changeset)
		}
		if last = m.BatchState == wire.LastInBatch; !last {
			commit()
		}
		if messages%8 == 4 {
			peak = max(peak, heap()-before)
		}
	}
	reader.flow()
	reader.drop()
	require.Greater(t, bytes, 40<<20)
	require.Equal(t, messages, commits, "one for each message but the last, and the first of all")
	require.Less(t, peak, int64(24<<20), "of %d bytes", bytes)

	// One that doesn't read, and goes in the middle.
	reader = f.device("clara").fresh()
	reader.stall()
	reader.send(&wire.Query{Session: reader.sid, Version: 1, Body: []byte(allDogs)})
	require.Eventually(t, func() bool {
		return f.spools.taken(f.Server.cfg.MaxSpoolMemory+f.Server.cfg.MaxSpoolDisk) > 0 && len(a.build) == 0
	}, patience, waitStep)
	for range 10 {
		commit()
	}
	require.Less(t, heap()-before, int64(24<<20))
	reader.flow()
	reader.nextBootstrap()
	reader.drop()
	require.Eventually(t, func() bool {
		return f.spools.taken(f.Server.cfg.MaxSpoolMemory+f.Server.cfg.MaxSpoolDisk) == 0 && idle() == sets
	}, patience, waitStep, "%+v", idle())
	require.Less(t, heap()-before, int64(16<<20))
}
