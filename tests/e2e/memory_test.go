package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/tests/request"
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
	a := request.Request{Method: http.MethodGet, URL: s.debug + "/debug/memory"}.Do(s.t)
	require.NoError(s.t, json.Unmarshal(a.Body, &out))
	return out
}

// gauge reads a metric without labels.
func (s *server) gauge(name string) float64 {
	s.t.Helper()
	a := request.Request{Method: http.MethodGet, URL: s.url() + "/metrics"}.Do(s.t)
	for line := range strings.Lines(string(a.Body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			out, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			require.NoError(s.t, err)
			return out
		}
	}
	s.t.Fatalf("there is no metric %s", name)
	return 0
}

// atRest measures when nothing is left to be done. With clients that is when a round of maintenance (--trim-every) has found that nothing had happened since the one
// before, and the app has given its caches back; trimming what a soak leaves takes longer than a round. Without it is when the app is closed (--app-idle).
func (s *server) atRest(what string, clients bool) memory {
	s.t.Helper()
	quiet := s.gauge("realm_sync_quiet_rounds_total")
	require.Eventually(s.t, func() bool {
		if clients {
			return s.gauge("realm_sync_quiet_rounds_total") >= quiet+2 // sessions put in order what they hold in the one before
		}
		return s.gauge("realm_sync_apps_open") == 0
	}, 5*patient, 100*time.Millisecond, "%s: the server does not come to rest", what)
	m := s.measure()
	s.t.Log(what, ":", m)
	s.profile(what)
	return m
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

// back requires that a server that a lot has happened to is back to what one holds that was just started, within 10 % and what is fixed above: on a server as small as
// this one that is most of the bound, so it finds what grows with what happened, and not the last 10 %. What is compared is live objects after a
// collection of garbage; goroutines and open files; and what the process has in memory, for what is not Go's. History and data grow, on disk: one that
// was just started has none of them in memory, so whatever is there of them, or of connections, sessions, queries and users that are gone, is growth.
func (m memory) back(t *testing.T, fresh memory) {
	t.Helper()
	require.LessOrEqual(t, m.Heap, fresh.Heap+fresh.Heap/10+fixedHeap, "live objects")
	require.LessOrEqual(t, m.Stacks, 2*fresh.Stacks+fixedHeap, "stacks")
	require.LessOrEqual(t, m.Resident, fresh.Resident+fresh.Resident/10+fixedResident, "memory of the process")
	require.LessOrEqual(t, m.Goroutines, fresh.Goroutines+2, "goroutines: those that answer this, at most")
	require.LessOrEqual(t, m.Files, fresh.Files+poolFiles, "open files")
}

// profile writes the profile of the server's heap to a file named after what is measured, in the folder that $REALM_SOAK_PROFILE names, if it does: to see what
// is held when the test fails. GODEBUG=memprofilerate=1 makes it exact.
func (s *server) profile(what string) {
	s.t.Helper()
	dir := os.Getenv("REALM_SOAK_PROFILE")
	if dir == "" {
		return
	}
	a := request.Request{Method: http.MethodGet, URL: s.debug + "/debug/pprof/heap?gc=1"}.Do(s.t)
	require.NoError(s.t, os.WriteFile(filepath.Join(dir, strings.ReplaceAll(what, " ", "-")+".pb.gz"), a.Body, 0o600))
}
