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

	"realmsync/server/dbfile"
	"realmsync/tests/request"
)

// memory is what a server holds after a collection of garbage (cmd/realm-sync-server, /debug/memory), in bytes but for the last two.
type memory struct {
	Heap, Stacks, SQLite, Resident int64
	Goroutines, Files              int
}

func (m memory) String() string {
	const k = 1 << 10
	return fmt.Sprintf("%d kB of objects, %d kB of SQLite's, %d kB of stacks, %d kB resident, %d goroutines, %d files",
		m.Heap/k, m.SQLite/k, m.Stacks/k, m.Resident/k, m.Goroutines, m.Files)
}

// measure asks a server that was started with debugging.
func (s *server) measure() (out memory) {
	s.t.Helper()
	a := request.Request{Method: http.MethodGet, URL: s.program.Debug + "/debug/memory"}.Do(s.t)
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
// And it is when the connections to the databases of users, accounts and configurations that nobody uses have been closed.
func (s *server) atRest(what string, clients bool) (m memory) {
	s.t.Helper()
	quiet := s.gauge("realm_sync_quiet_rounds_total")
	require.Eventually(s.t, func() bool {
		if clients {
			return s.gauge("realm_sync_quiet_rounds_total") >= quiet+2 // sessions put in order what they hold in the one before
		}
		return s.gauge("realm_sync_apps_open") == 0
	}, 5*patient, 100*time.Millisecond, "%s: the server does not come to rest", what)
	for files, since := -1, time.Now(); time.Since(since) < dbfile.Idle+time.Second; time.Sleep(500 * time.Millisecond) {
		if m = s.measure(); m.Files != files {
			files, since = m.Files, time.Now()
		}
	}
	s.t.Log(what, ":", m)
	s.profile(what)
	return m
}

// within requires that what is now is at most a tenth more than what was.
func within(t *testing.T, what string, now, was int64) {
	t.Helper()
	require.LessOrEqual(t, now, was+was/10, what)
}

// poolFiles are the descriptors of an app's database that SQLite keeps for connections to come: as many as were ever open at once, while one of them is (an app has
// up to 16 that read). Closing one would give up the process's locks on the file.
const poolFiles = 32

// back requires that a server holds what one does that was just started on the same data and that the same clients came to, within 10 %: live objects after a
// collection of garbage, what SQLite has allocated, goroutines and open files. History and data grow, on disk: one that was just started has none of
// them in memory, so whatever is there of them, or of connections, sessions, queries and users that are gone, is growth.
func (m memory) back(t *testing.T, fresh memory) {
	t.Helper()
	within(t, "live objects", m.Heap, fresh.Heap)
	within(t, "SQLite's memory", m.SQLite, fresh.SQLite)
	require.LessOrEqual(t, m.Goroutines, fresh.Goroutines+2, "goroutines: those that answer this, at most")
	require.LessOrEqual(t, m.Files, fresh.Files+poolFiles, "open files")
}

// steady requires that the process is no larger than one was that had been used for as long, within 10 %. That isn't compared with one that was just
// started, because allocators keep pages of which a part is used: that grows in the first seconds under load, and then no more.
func (m memory) steady(t *testing.T, start memory) {
	t.Helper()
	within(t, "memory of the process", m.Resident, start.Resident)
}

// profile writes the profile of the server's heap to a file named after what is measured, in the folder that $REALM_SOAK_PROFILE names, if it does: to see what
// is held when the test fails. GODEBUG=memprofilerate=1 makes it exact.
func (s *server) profile(what string) {
	s.t.Helper()
	dir := os.Getenv("REALM_SOAK_PROFILE")
	if dir == "" {
		return
	}
	a := request.Request{Method: http.MethodGet, URL: s.program.Debug + "/debug/pprof/heap?gc=1"}.Do(s.t)
	require.NoError(s.t, os.WriteFile(filepath.Join(dir, strings.ReplaceAll(what, " ", "-")+".pb.gz"), a.Body, 0o600))
}
