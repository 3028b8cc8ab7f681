package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// memory is what a server holds after a collection of garbage (cmd/realm-sync-server, /debug/memory), in bytes but for the last two.
type memory struct {
	Heap, Stacks, Resident int64
	Goroutines, Files      int
}

func (m memory) String() string {
	const k = 1 << 10
	return fmt.Sprintf("%d kB of objects, %d kB of stacks, %d kB resident, %d goroutines, %d files", m.Heap/k, m.Stacks/k, m.Resident/k, m.Goroutines, m.Files)
}

// measure asks a server that was started with debugging.
func (s *server) measure() (out memory) {
	s.t.Helper()
	response, err := http.Get(s.debug + "/debug/memory") //nolint:noctx // it is our own
	require.NoError(s.t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer response.Body.Close()
	require.NoError(s.t, json.NewDecoder(response.Body).Decode(&out))
	return out
}

// atRest measures until nothing becomes less any more: connections take a moment to end, and an app gives its caches back, or is closed, when nothing has
// happened in it for a round of its maintenance (--trim-every and --app-idle, one second here).
func (s *server) atRest(what string) memory {
	s.t.Helper()
	const settled = 12 // measurements in a row, a quarter of a second apart
	least := s.measure()
	for same, deadline := 0, time.Now().Add(patient); same < settled && time.Now().Before(deadline); same++ {
		time.Sleep(250 * time.Millisecond)
		m := s.measure()
		if m.Heap < least.Heap-least.Heap/100 || m.Goroutines < least.Goroutines || m.Files < least.Files {
			same = 0
		}
		if m.Heap < least.Heap {
			least = m
		}
	}
	s.t.Log(what, ":", least)
	return least
}

// What a server may hold, besides 10 %, more than one that was just started on the same data.
const (
	// fixedHeap is what doesn't grow any more: the newest 2,000 lines of the log that administrators can read, the series of metrics, and the pools of buffers.
	fixedHeap = 1 << 20
	// fixedResident is what Go's allocator and C's keep of their peaks in pieces that are partly used, and the tables with which they keep track of it.
	fixedResident = 24 << 20
	// poolFiles is how many files the pools of connections to the databases of users, accounts and configurations open when they were all used at once.
	poolFiles = 32
)

// back requires that a server that a lot has happened to is back to what one holds that was just started, within 10 %. What is compared is live objects after a
// collection of garbage, exactly; goroutines and open files; and what the process has in memory, for what is not Go's. History and data grow, on disk: one that
// was just started has none of them in memory, so whatever is there of them, or of connections, sessions, queries and users that are gone, is growth.
func (m memory) back(t *testing.T, fresh memory) {
	t.Helper()
	require.LessOrEqual(t, m.Heap, fresh.Heap+fresh.Heap/10+fixedHeap, "live objects")
	require.LessOrEqual(t, m.Stacks, 2*fresh.Stacks+fixedHeap, "stacks")
	require.LessOrEqual(t, m.Resident, fresh.Resident+fresh.Resident/10+fixedResident, "memory of the process")
	require.LessOrEqual(t, m.Goroutines, fresh.Goroutines+2, "goroutines: those that answer this, at most")
	require.LessOrEqual(t, m.Files, fresh.Files+poolFiles, "open files")
}
