package applog

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/server/dbfile"
	"realmsync/tests/logs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = time.Minute

// fixture is a store and who logs into it.
type fixture struct {
	*Store

	t    *testing.T
	log  *slog.Logger
	said *logs.Buffer
}

// start opens a store of a directory. By default it keeps 100 lines of an app for an hour, and writes when it is asked.
func start(t *testing.T, dir string, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, said: &logs.Buffer{}}
	plain := slog.NewTextHandler(f.said, nil)
	cfg := Config{Dir: dir, Keep: time.Hour, Lines: 100, Logger: slog.New(plain), gather: time.Hour}
	if change != nil {
		change(&cfg)
	}
	f.Store = Open(cfg)
	f.log = slog.New(f.Handler(plain))
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// lines returns the first page of what is asked for.
func (f *fixture) lines(q Query) []Line {
	f.t.Helper()
	if q.Limit == 0 {
		q.Limit = MaxPage
	}
	lines, _, err := f.Lines(f.t.Context(), q)
	require.NoError(f.t, err)
	return lines
}

func (f *fixture) messages(q Query) (out []string) {
	f.t.Helper()
	for _, l := range f.lines(q) {
		out = append(out, l.Message)
	}
	return out
}

// What is about an app is kept, with what is said beside it that anybody may read, over a restart; what is about none is only passed on.
func TestKept(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir, nil)
	f.log.Info("about none")
	f.log.Debug("not wanted", "app", "a")
	f.log.With("app", "a", "remote", "::1").With("user", "u1").Info("request", "request", "r1", "status", 404, "link", "https://x/?token=secret", "stack", "secret", "reason", errors.New("no \"such\" thing"))
	f.log.Error("broken", "app", "a")
	f.log.Info("function: hello", "app", "a", "function", "f")
	f.log.Info("other's", "app", "b")
	for range 2 {
		lines := f.lines(Query{App: "a"})
		require.Len(t, lines, 3)
		require.Equal(t, "broken", lines[1].Error, "what is an error says something wrong")
		require.Equal(t, slog.LevelError, lines[1].Level)
		require.True(t, lines[0].Function())
		l := lines[2]
		require.WithinDuration(t, time.Now(), l.At, time.Minute)
		require.Regexp(t, "^[0-9a-f]{24}$", l.ID())
		require.Equal(t, []any{"request", "r1", "u1", `no "such" thing`, slog.LevelInfo, false}, []any{l.Message, l.Request, l.User, l.Error, l.Level, l.Function()})
		require.JSONEq(t, `{"remote":"::1","status":404}`, string(l.Fields))
		require.Equal(t, []string{"other's"}, f.messages(Query{App: "b"}))
		require.Empty(t, f.messages(Query{App: "c"}))
		require.NoError(t, f.Close())
		require.NoFileExists(t, filepath.Join(dir, "logs.db-wal"), "a file that is closed is one file")
		text, err := os.ReadFile(filepath.Join(dir, "logs.db"))
		require.NoError(t, err)
		require.NotContains(t, string(text), "secret")
		f = start(t, dir, nil)
	}
	f.log.Info("after", "app", "a")
	require.Equal(t, "after", f.messages(Query{App: "a"})[0])
	require.Contains(t, f.said.String(), "after", "passed on")
	require.Zero(t, f.Lost())
}

// Lines are bounded: their number for each app, of all apps together, their age and their size. One app doesn't push out another's.
func TestBounds(t *testing.T) {
	now := time.Now()
	f := start(t, t.TempDir(), func(c *Config) {
		c.Lines, c.total = 10, 24
		c.Now = func() time.Time { return now }
	})
	f.log.Info("quiet", "app", "quiet")
	for i := range 35 {
		f.log.Info(fmt.Sprint(i), "app", "busy")
		if i%9 == 0 {
			f.flush()
		}
	}
	require.Equal(t, []string{"34", "33", "32", "31", "30", "29", "28", "27", "26", "25"}, f.messages(Query{App: "busy"}))
	require.Equal(t, []string{"quiet"}, f.messages(Query{App: "quiet"}))
	f.log.Info("third", "app", "third")
	f.log.Info("35", "app", "busy")
	require.Len(t, f.lines(Query{App: "busy"}), 8, "24 of three apps")

	long := strings.Repeat("é", 100_000)
	f.log.Info(long, "app", "long", "error", long, "request", long, "user", long, "path", long, "route", long, "object", long, "class", long)
	l := f.lines(Query{App: "long"})[0]
	require.Less(t, len(l.Message)+len(l.Error)+len(l.Request)+len(l.User)+len(l.Fields), 8192)
	require.True(t, json.Valid(l.Fields))
	require.Contains(t, l.Message, "é...")
	f.log.Info("\xff\x00", "app", "long", "path", "\xff", "error", "\xfe")
	l = f.lines(Query{App: "long"})[0]
	require.True(t, json.Valid(l.Fields), "%q", l.Fields)

	now = now.Add(2 * time.Hour)
	require.Empty(t, f.lines(Query{App: "quiet"}), "not shown before it is deleted")
	f.log.Info("young", "app", "busy")
	f.flush()
	_, err := f.file.Writer().Exec("UPDATE lines SET at = ? WHERE message = 'young'", now.UnixNano())
	require.NoError(t, err)
	f.trim()
	var lines, apps int
	require.NoError(t, f.file.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM lines), (SELECT count(*) FROM apps)").Scan(&lines, &apps))
	require.Equal(t, []int{1, 1}, []int{lines, apps})
	require.Equal(t, []string{"young"}, f.messages(Query{App: "busy"}))
}

// A clock that was years ahead for a while makes no lines that stay, and none that push out those of the right time.
func TestClockThatJumps(t *testing.T) {
	f := start(t, t.TempDir(), func(c *Config) { c.Lines = 3 })
	f.add(entry{app: "a", at: time.Now().Add(20 * 365 * 24 * time.Hour).UnixNano(), message: "future"})
	f.flush()
	for i := range 3 {
		f.log.Info(fmt.Sprint(i), "app", "a")
	}
	require.Equal(t, []string{"2", "1", "0"}, f.messages(Query{App: "a"}))
	f.add(entry{app: "a", at: time.Now().Add(20 * 365 * 24 * time.Hour).UnixNano(), message: "future"})
	require.Len(t, f.lines(Query{App: "a"}), 3)
	f.add(entry{app: "a", at: time.Now().UnixNano(), message: "now"})
	f.flush()
	f.trim()
	f.add(entry{app: "b", at: time.Now().Add(20 * 365 * 24 * time.Hour).UnixNano(), message: "future"})
	f.flush()
	f.trim()
	require.Empty(t, f.lines(Query{App: "b"}))
}

// Lines are found by what is wrong, by request, by user, by time, by function; pages are whole.
func TestQueries(t *testing.T) {
	f := start(t, t.TempDir(), nil)
	at := time.Now().Truncate(time.Second)
	for i := range 9 {
		f.add(entry{app: "a", at: at.Add(time.Duration(i/3) * time.Second).UnixNano(), message: fmt.Sprint(i), request: fmt.Sprint("r", i%2), user: fmt.Sprint("u", i%3), err: strings.Repeat("x", i/8), fields: strings.Repeat(`"function":"f"`, (i+1)%2)})
	}
	yes, no := true, false
	for want, q := range map[string]Query{
		"[8 7 6 5 4 3 2 1 0]": {},
		"[8]":                 {Errors: true},
		"[7 5 3 1]":           {Request: "r1"},
		"[6 3 0]":             {User: "u0"},
		"[6 0]":               {User: "u0", Request: "r0"},
		"[8 6 4 2 0]":         {Functions: &yes},
		"[5 3 1]":             {Functions: &no, Until: at.Add(time.Second)},
		"[5 4 3 2 1 0]":       {Until: at.Add(time.Second)},
		"[8 7 6]":             {After: at.Add(time.Second)},
		"[7 6]":               {After: at.Add(time.Second), Skip: 1},
		"[]":                  {After: at.Add(time.Hour)},
		"[0]":                 {Skip: 8, Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		q.App = "a"
		require.Equal(t, want, fmt.Sprint(f.messages(q)), "%+v", q)
	}
	lines, more, err := f.Lines(t.Context(), Query{App: "a", Limit: 8})
	require.NoError(t, err)
	require.Len(t, lines, 8)
	require.True(t, more)
	_, more, err = f.Lines(t.Context(), Query{App: "a", Limit: 9})
	require.NoError(t, err)
	require.False(t, more)
}

// Whoever logs doesn't wait for a disk that hangs: what doesn't fit is counted and said, in the app's own lines too, and one app leaves places to the others.
func TestFullQueue(t *testing.T) {
	f := start(t, t.TempDir(), func(c *Config) { c.Lines = 100_000 })
	f.writing.Lock() // the disk
	for i := range maxShare + 5 {
		f.log.Info(fmt.Sprint(i), "app", "busy")
	}
	f.log.Info("here", "app", "quiet")
	f.writing.Unlock()
	require.Equal(t, []string{"here"}, f.messages(Query{App: "quiet"}))
	last := f.lines(Query{App: "busy", Limit: 2})
	require.Equal(t, "5 log lines were not kept here: they came faster than the server's disk takes them", last[0].Message)
	require.NotEmpty(t, last[0].Error)
	require.Equal(t, fmt.Sprint(maxShare-1), last[1].Message)
	require.Equal(t, uint64(5), f.Lost())
	require.Contains(t, f.said.String(), "were not kept: they came faster than the disk takes them\" lines=5")

	f.writing.Lock()
	for i := range maxQueue {
		f.log.Info("x", "app", fmt.Sprint("one of many ", i))
	}
	f.log.Info("no place", "app", "late")
	f.writing.Unlock()
	require.Empty(t, f.lines(Query{App: "late"}))
	require.Equal(t, uint64(6), f.Lost())
	f.log.Info("a place", "app", "late")
	require.Equal(t, []string{"a place"}, f.messages(Query{App: "late"}))
	f.writing.Lock()
	for range maxQueueBytes / maxMessage {
		f.log.Info(strings.Repeat("x", maxMessage), "app", "large")
	}
	held := f.bytes
	f.writing.Unlock()
	require.LessOrEqual(t, held, maxQueueBytes)
	require.Greater(t, f.Lost(), uint64(6))
}

// A file that is damaged, of another program, or of a newer version is set aside and said; one that can't be made costs lines and nothing else.
func TestUnusableFiles(t *testing.T) {
	write := func(t *testing.T, path string, text []byte) {
		t.Helper()
		require.NoError(t, os.WriteFile(path, text, 0o600))
	}
	for name, damage := range map[string]func(t *testing.T, path string){
		"no database": func(t *testing.T, path string) { write(t, path, bytes.Repeat([]byte("no database "), 1000)) },
		"cut off": func(t *testing.T, path string) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			write(t, path, text[:len(text)/2])
		},
		"pages of zeros": func(t *testing.T, path string) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			clear(text[4096:])
			write(t, path, text)
		},
		"another's": func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			db, err := sql.Open("sqlite3", path)
			require.NoError(t, err)
			_, err = db.Exec("CREATE TABLE t (x); PRAGMA application_id = 7")
			require.NoError(t, errors.Join(err, db.Close()))
		},
		"newer": func(t *testing.T, path string) {
			db, err := sql.Open("sqlite3", path)
			require.NoError(t, err)
			_, err = db.Exec("PRAGMA user_version = 99")
			require.NoError(t, errors.Join(err, db.Close()))
		},
		"newer, of a process that died": func(t *testing.T, path string) {
			dir := t.TempDir()
			g := start(t, dir, nil)
			_, err := g.file.Writer().Exec("PRAGMA user_version = 99")
			require.NoError(t, err)
			died(t, dir, filepath.Dir(path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := start(t, dir, nil)
			for i := range 90 {
				f.log.Info(strings.Repeat("before ", 100), "app", fmt.Sprint(i%3))
			}
			require.NoError(t, f.Close())
			damage(t, filepath.Join(dir, "logs.db"))
			f = start(t, dir, nil)
			f.log.Info("after", "app", "1")
			require.Equal(t, []string{"after"}, f.messages(Query{App: "1"}))
			require.FileExists(t, filepath.Join(dir, "logs.db.damaged"))
			if strings.Contains(name, "died") {
				require.FileExists(t, filepath.Join(dir, "logs.db.damaged-wal"), "they belong together")
			}
			require.Contains(t, f.said.String(), "it is set aside, and another is begun; nothing but log lines is lost")
			require.Zero(t, f.Lost())
			require.NoError(t, f.Close())
			f = start(t, dir, nil)
			require.Equal(t, []string{"after"}, f.messages(Query{App: "1"}))
		})
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "logs.db"), 0o700))
	f := start(t, dir, nil)
	f.log.Info("lost", "app", "a")
	f.flush()
	require.Equal(t, uint64(1), f.Lost())
	require.Contains(t, f.said.String(), "could not be kept; the apps are served all the same")
	require.Contains(t, f.said.String(), filepath.Join(dir, "logs.db"))
	_, _, err := f.Lines(t.Context(), Query{App: "a"})
	require.Error(t, err)
	require.NoDirExists(t, filepath.Join(dir, "logs.db.damaged"), "it is nothing of ours")
}

// While nobody logs nothing is open and nothing is held; the next line opens it again.
func TestIdle(t *testing.T) {
	t.Parallel()
	f := start(t, t.TempDir(), func(c *Config) { c.gather = time.Millisecond })
	nothing := func() bool {
		f.opening.RLock()
		defer f.opening.RUnlock()
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.queue == nil && f.shares == nil && f.bytes == 0 && f.file.Reader().Stats().OpenConnections+f.file.Writer().Stats().OpenConnections == 0
	}
	for i := range 2 {
		f.log.Info(fmt.Sprint(i), "app", "a")
		require.Len(t, f.lines(Query{App: "a"}), i+1)
		require.Eventually(t, nothing, patience+2*dbfile.Idle, 10*time.Millisecond)
	}
	require.NoFileExists(t, f.path+"-wal")
}

// Who logs and who reads, all at once.
func TestConcurrently(t *testing.T) {
	f := start(t, t.TempDir(), func(c *Config) { c.gather, c.Lines = time.Microsecond, 100_000 })
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := range 500 {
				f.log.Info(fmt.Sprint(n), "app", fmt.Sprint(i))
			}
		})
		group.Go(func() {
			for range 20 {
				_, _, err := f.Lines(context.Background(), Query{App: fmt.Sprint(i), Limit: 10})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for i := range 4 {
		require.Equal(t, "499", f.messages(Query{App: fmt.Sprint(i)})[0])
		require.Equal(t, int64(500), f.lines(Query{App: fmt.Sprint(i), Limit: 1})[0].N)
	}
	require.Zero(t, f.Lost())
}

// An app that is deleted takes its lines along.
func TestForget(t *testing.T) {
	f := start(t, t.TempDir(), nil)
	f.log.Info("theirs", "app", "a")
	f.log.Info("others'", "app", "b")
	require.NoError(t, f.Forget("a"))
	f.log.Info("app deleted", "app", "a")
	require.Equal(t, []string{"app deleted"}, f.messages(Query{App: "a"}))
	require.Equal(t, []string{"others'"}, f.messages(Query{App: "b"}))
}

// Who wants no lines has none on disk, of earlier times neither.
func TestNone(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir, nil)
	f.log.Info("x", "app", "a")
	require.NoError(t, f.Close())
	for _, change := range []func(*Config){func(c *Config) { c.Keep = 0 }, func(c *Config) { c.Lines = 0 }} {
		f = start(t, dir, change)
		f.log.Info("y", "app", "a")
		require.Empty(t, f.lines(Query{App: "a"}))
		require.NoError(t, f.Forget("a"))
		require.Contains(t, f.said.String(), "msg=y")
		require.NoFileExists(t, filepath.Join(dir, "logs.db"))
	}
}

// died makes of the files of a store that is open what a process leaves that is killed.
func died(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"logs.db", "logs.db-wal"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(to, name), text, 0o600))
	}
}

// What was written is there when the process ends without a word.
func TestProcessDies(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir, nil)
	f.log.Info("written", "app", "a")
	f.flush()
	other := t.TempDir()
	died(t, dir, other)
	g := start(t, other, nil)
	require.Equal(t, []string{"written"}, g.messages(Query{App: "a"}))
	require.NoFileExists(t, filepath.Join(other, "logs.db.damaged"))
}
