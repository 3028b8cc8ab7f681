package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/tests/request"
)

// chance returns how many rounds a test of kills has, $REALM_KILLS or a few, and where its moments come from: $REALM_KILL_SEED, or a seed that is logged.
func chance(t *testing.T, few int) (rounds int, random *rand.Rand) {
	t.Helper()
	number := func(name string, otherwise uint64) uint64 {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, name)
		return n
	}
	rounds, seed := int(number("REALM_KILLS", uint64(few))), number("REALM_KILL_SEED", rand.Uint64())
	t.Logf("REALM_KILLS=%d REALM_KILL_SEED=%d", rounds, seed)
	return rounds, rand.New(rand.NewPCG(seed, 1))
}

// victim is a server that is killed, and the app that programs write to meanwhile.
type victim struct {
	*process
	data, files string

	at, client   string // paths of the app: of the admin API, and its id
	admin, token string
}

// try makes a request; err says that there was no answer.
func (v *victim) try(method, path, token, body string) (status int, answer []byte, err error) {
	a, err := request.Request{Method: method, URL: v.base + path, Token: token, Body: body}.Try(context.Background())
	return a.Status, a.Body, err
}

// start starts the server. The app of the files is configured as they say.
func (v *victim) start(t *testing.T) {
	t.Helper()
	p, said := launch(t, 1, "--listen", "127.0.0.1:0", "--data", v.data, "--dev", "--known-apps", "--app", v.files)
	v.process = p
	p.base = strings.TrimPrefix(said[0], "listening on ")
}

// setUp makes the app by the admin API.
func (v *victim) setUp(t *testing.T) {
	t.Helper()
	s := &suite{process: v.process}
	s.token = s.call("POST", "/api/admin/v3.0/auth/providers/local-userpass/login", `{"username":"unique_user@domain.com","password":"password"}`, 200)["access_token"].(string)
	group := s.call("GET", "/api/admin/v3.0/auth/profile", "", 200)["roles"].([]any)[0].(map[string]any)["group_id"].(string)
	app := s.call("POST", "/api/admin/v3.0/groups/"+group+"/apps", `{"name":"kills"}`, 201)
	v.at, v.client, v.admin = "/api/admin/v3.0/groups/"+group+"/apps/"+app["_id"].(string), app["client_app_id"].(string), s.token
	s.call("POST", v.at+"/auth_providers", `{"type":"anon-user"}`, 201)
	s.call("POST", v.at+"/auth_providers", `{"type":"local-userpass","config":{"autoConfirm":true,"emailConfirmationUrl":"http://x","resetPasswordUrl":"http://x"}}`, 201)
	service := s.call("POST", v.at+"/services", `{"name":"db","type":"mongodb","config":{"uri":"mongodb://localhost"}}`, 201)["_id"].(string)
	s.call("POST", v.at+"/services/"+service+"/default_rule", `{"roles":[{"name":"all","apply_when":{},"document_filters":{"read":true,"write":true},"write":true,"read":true,"insert":true,"delete":true}]}`, 201)
	s.call("PATCH", v.at+"/services/"+service+"/config", `{"flexible_sync":{"type":"flexible","state":"enabled","database_name":"synced","enabled":true}}`, 204)
	s.call("PUT", v.at+"/sync/config", `{"development_mode_enabled":true}`, 204)
	s.call("POST", v.at+"/functions", `{"name":"put","source":"exports = async n => (await context.services.get('db').db('synced').collection('Called').insertOne({_id: n, n: n})).insertedId;"}`, 201)
	v.token = s.call("POST", "/api/client/v2.0/app/"+v.client+"/auth/providers/anon-user/login", `{}`, 200)["access_token"].(string)
}

// documents lists the numbers that documents of a collection have as ids.
func (v *victim) documents(t *testing.T, collection string) (out []int) {
	t.Helper()
	path := "/api/data/v1/app/" + v.client + "/collections/" + collection
	for cursor := ""; ; {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		name, query, _ := strings.Cut(path, "?")
		status, body, err := v.try("GET", strings.TrimSuffix(name, "/")+"/documents"+strings.TrimSuffix("?"+query, "?")+sep+"limit=1000&cursor="+cursor, v.token, "")
		require.NoError(t, err)
		require.Equal(t, 200, status, "%s", body)
		var page struct {
			Documents []struct {
				ID json.RawMessage `json:"_id"`
			} `json:"documents"`
			Cursor string `json:"cursor"`
		}
		require.NoError(t, json.Unmarshal(body, &page))
		for _, d := range page.Documents {
			var number struct {
				Int  string `json:"$numberInt"`
				Long string `json:"$numberLong"`
			}
			require.NoError(t, json.Unmarshal(d.ID, &number), "%s", d.ID)
			n, err := strconv.Atoi(number.Int + number.Long)
			require.NoError(t, err)
			out = append(out, n)
		}
		if cursor = page.Cursor; cursor == "" {
			return out
		}
	}
}

// writing is one kind of write: do makes the n-th, and says whether it was acknowledged; found lists those that are there.
type writing struct {
	name  string
	do    func(n int) (status int, err error)
	found func(t *testing.T) []int

	next   int
	acked  []int
	unsure []int // without an answer: they may be there
}

// run writes until the server is gone; acknowledged is called each time. What is answered must be a success.
func (w *writing) run(acknowledged func()) error {
	for {
		n := w.next
		w.next++
		status, err := w.do(n)
		switch {
		case err != nil:
			w.unsure = append(w.unsure, n)
			return nil // it was killed
		case status < 200 || status > 299:
			return fmt.Errorf("%s %d: status %d", w.name, n, status)
		}
		w.acked = append(w.acked, n)
		acknowledged()
	}
}

// check requires that what was acknowledged is there, and nothing else but what may be.
func (w *writing) check(t *testing.T) {
	t.Helper()
	there := w.found(t)
	slices.Sort(there)
	for _, n := range w.acked {
		_, ok := slices.BinarySearch(there, n)
		require.True(t, ok, "%s %d was acknowledged and is lost", w.name, n)
	}
	for _, n := range there {
		require.True(t, slices.Contains(w.acked, n) || slices.Contains(w.unsure, n), "%s %d was never made", w.name, n)
	}
	require.Len(t, slices.Compact(slices.Clone(there)), len(there), w.name)
}

// What was acknowledged survives kill -9 at any moment, and what was not is there as a whole or not at all: inserts into synced classes and plain collections,
// one by one and in batches, writes of functions, registrations, configurations changed by the admin API and by files on SIGHUP.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	rounds, random := chance(t, 3)
	dir := t.TempDir()
	v := &victim{data: filepath.Join(dir, "data"), files: filepath.Join(dir, "files")}
	generation := func(n int) {
		put(t, v.files, "realm_config.json", `{"app_id":"files-abcde","name":"files"}`)
		for _, name := range []string{"a", "b"} {
			put(t, v.files, "values/"+name+".json", fmt.Sprintf(`{"name":"%s","value":%d,"from_secret":false}`, name, n))
		}
	}
	generation(0)
	v.start(t)
	v.setUp(t)

	const batch = 5
	insert := func(collection, body string) (int, error) {
		status, _, err := v.try("POST", "/api/data/v1/app/"+v.client+"/collections/"+collection, v.token, body)
		return status, err
	}
	mail := func(n int) string {
		return fmt.Sprintf(`"user%d@example.com","password":"password%d"`, n, n)
	}
	kinds := []*writing{
		{name: "insert into a class", do: func(n int) (int, error) { return insert("Item/documents", fmt.Sprintf(`{"_id":%d,"n":%d}`, n, n)) },
			found: func(t *testing.T) []int { return v.documents(t, "Item") }},
		{name: "insert into a plain collection", do: func(n int) (int, error) { return insert("Note/documents?database=plain", fmt.Sprintf(`{"_id":%d}`, n)) },
			found: func(t *testing.T) []int { return v.documents(t, "Note?database=plain") }},
		{name: "batch", do: func(n int) (int, error) {
			var docs []string
			for k := range batch {
				docs = append(docs, fmt.Sprintf(`{"_id":%d}`, n*batch+k))
			}
			return insert("Batch/documents", "["+strings.Join(docs, ",")+"]")
		}, found: func(t *testing.T) (out []int) {
			count := map[int]int{}
			for _, n := range v.documents(t, "Batch") {
				count[n/batch]++
			}
			for n, size := range count {
				require.Equal(t, batch, size, "half of batch %d", n)
				out = append(out, n)
			}
			return out
		}},
		{name: "write of a function", do: func(n int) (int, error) {
			status, _, err := v.try("POST", "/api/client/v2.0/app/"+v.client+"/functions/call", v.token, fmt.Sprintf(`{"name":"put","arguments":[{"$numberInt":"%d"}]}`, n))
			return status, err
		}, found: func(t *testing.T) []int { return v.documents(t, "Called") }},
		{name: "secret of the admin API", do: func(n int) (int, error) {
			status, _, err := v.try("POST", v.at+"/secrets", v.admin, fmt.Sprintf(`{"name":"s%d","value":"v"}`, n))
			return status, err
		}, found: func(t *testing.T) (out []int) {
			status, body, err := v.try("GET", v.at+"/secrets", v.admin, "")
			require.NoError(t, err)
			require.Equal(t, 200, status, "%s", body)
			var list []struct {
				Name string `json:"name"`
			}
			require.NoError(t, json.Unmarshal(body, &list))
			for _, s := range list {
				n, err := strconv.Atoi(strings.TrimPrefix(s.Name, "s"))
				require.NoError(t, err)
				out = append(out, n)
			}
			return out
		}},
	}
	registering := &writing{name: "registration", do: func(n int) (int, error) {
		status, _, err := v.try("POST", "/api/client/v2.0/app/"+v.client+"/auth/providers/local-userpass/register", "", `{"email":`+mail(n)+`}`)
		return status, err
	}}
	registering.found = func(t *testing.T) (out []int) { // a login takes time, so only those of the last round are tried
		from := len(registering.acked)
		for _, n := range append(slices.Clone(registering.acked[max(0, from-3):]), registering.unsure...) {
			status, _, err := v.try("POST", "/api/client/v2.0/app/"+v.client+"/auth/providers/local-userpass/login", "", `{"username":`+mail(n)+`}`)
			require.NoError(t, err)
			if status == http.StatusOK {
				out = append(out, n)
			}
		}
		return append(out, registering.acked[:max(0, from-3)]...)
	}
	kinds = append(kinds, registering)

	// Files are read again while everything else goes on; the log says when.
	var written, read int
	reloading := func(p *process, acknowledged func()) {
		for {
			written++
			generation(written)
			before := strings.Count(p.stderr.String(), `the files of apps were read again"`)
			if p.cmd.Process.Signal(syscall.SIGHUP) != nil {
				return
			}
			for strings.Count(p.stderr.String(), `the files of apps were read again"`) == before {
				if p.cmd.Process.Signal(syscall.Signal(0)) != nil {
					return // it is gone
				}
				time.Sleep(time.Millisecond)
			}
			read = written
			acknowledged()
		}
	}
	for round := range rounds {
		var running, begun sync.WaitGroup // begun: until one of each kind was acknowledged
		begun.Add(len(kinds))
		acks := make(chan struct{}, 1024)
		acknowledged := func() {
			select {
			case acks <- struct{}{}:
			default:
			}
		}
		errs := make([]error, len(kinds))
		gone, p := make(chan struct{}), v.process
		for i, w := range kinds {
			first := sync.OnceFunc(begun.Done)
			running.Go(func() {
				defer first()
				errs[i] = w.run(func() { first(); acknowledged() })
			})
		}
		running.Go(func() { reloading(p, acknowledged) })
		go func() { running.Wait(); close(gone) }()
		if round == 0 {
			begun.Wait()
		}
		for range 1 + random.IntN(120) {
			select {
			case <-acks:
			case <-gone: // they have failed
			}
		}
		require.NoError(t, p.cmd.Process.Kill())
		require.Error(t, p.wait())
		<-gone
		require.NoError(t, errors.Join(errs...), "%s", p.stderr)

		// Before the files are read again: the whole configuration is that of one generation.
		out := filepath.Join(t.TempDir(), "out")
		_, log, err := ran(t, "app", "export", "--data", v.data, "files-abcde", out)
		require.NoError(t, err, log)
		var values [2]int
		for i, name := range []string{"a", "b"} {
			text, err := os.ReadFile(filepath.Join(out, "values", name+".json"))
			require.NoError(t, err)
			var value struct {
				Value int `json:"value"`
			}
			require.NoError(t, json.Unmarshal(text, &value))
			values[i] = value.Value
		}
		require.Equal(t, values[0], values[1], "half of a configuration")
		require.GreaterOrEqual(t, values[0], read)
		require.LessOrEqual(t, values[0], written)
		read = values[0]

		v.start(t)
		for _, w := range kinds {
			w.check(t)
		}
	}
	v.stop()
	out, log, err := ran(t, "fsck", "--data", v.data)
	require.NoError(t, err, out+log)
	for _, w := range kinds {
		t.Logf("%s: %d acknowledged, %d unknown", w.name, len(w.acked), len(w.unsure))
		require.NotEmpty(t, w.acked, w.name)
	}
	t.Logf("files: %d generations", written)
}

// killed runs a command and kills it after a random part of the time that it takes, or a little later. done: it had ended before.
func killed(t *testing.T, random *rand.Rand, whole time.Duration, args ...string) (done bool, log string) {
	t.Helper()
	cmd, said := command(args...)
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err == nil, said.String()
	case <-time.After(time.Duration(random.Int64N(int64(whole + whole/5)))): // the moment is what the test is about
	}
	_ = cmd.Process.Kill()
	return <-ended == nil, said.String()
}

// A backup that is killed at any moment leaves the source as it is, with the server going on, and under its name a whole backup or nothing. A restore that is killed
// leaves the backup as it is, and a whole data directory or nothing. What either leaves besides is refused, unless it is whole.
func TestKilledBackup(t *testing.T) {
	t.Parallel()
	rounds, random := chance(t, 4)
	dir := t.TempDir()
	v := &victim{data: filepath.Join(dir, "data"), files: filepath.Join(dir, "files")}
	put(t, v.files, "realm_config.json", `{"app_id":"files-abcde","name":"files"}`)
	v.start(t)
	v.setUp(t)
	var docs []string
	for i := range 1000 {
		docs = append(docs, fmt.Sprintf(`{"_id":%d,"text":"%s"}`, i, strings.Repeat("x", 500)))
	}
	body := "[" + strings.Join(docs, ",") + "]"
	for _, collection := range []string{"Item", "Note?database=plain"} {
		name, query, _ := strings.Cut(collection, "?")
		status, answer, err := v.try("POST", "/api/data/v1/app/"+v.client+"/collections/"+name+"/documents?"+query, v.token, body)
		require.NoError(t, err)
		require.Equal(t, 201, status, "%s", answer)
	}
	// whole requires that a data directory has everything.
	whole := func(data string) {
		t.Helper()
		restored := &victim{data: data, files: v.files, client: v.client, token: v.token}
		restored.start(t)
		for _, collection := range []string{"Item", "Note?database=plain"} {
			require.GreaterOrEqual(t, len(restored.documents(t, collection)), 1000)
		}
		restored.stop()
	}
	good := filepath.Join(dir, "good")
	begin := time.Now()
	_, log, err := ran(t, "backup", "--data", v.data, good)
	require.NoError(t, err, log)
	took := time.Since(begin)

	finished := 0
	for i := range rounds {
		work := filepath.Join(dir, "backup"+strconv.Itoa(i))
		require.NoError(t, os.Mkdir(work, 0o700))
		out := filepath.Join(work, "out")
		_, log := killed(t, random, took, "backup", "--data", v.data, out)
		status, answer, err := v.try("POST", "/api/data/v1/app/"+v.client+"/collections/Item/documents", v.token, fmt.Sprintf(`{"_id":%d}`, 10_000+i))
		require.NoError(t, err)
		require.Equal(t, 201, status, "the server goes on: %s, %s", answer, log)
		finished += leftovers(t, work, out, whole)
	}
	t.Logf("%d of %d backups were whole", finished, rounds)
	v.stop()
	out, log, err := ran(t, "fsck", "--data", v.data)
	require.NoError(t, err, out+log)

	begin = time.Now()
	_, log, err = ran(t, "restore", "--data", filepath.Join(dir, "first"), good)
	require.NoError(t, err, log)
	took, finished = time.Since(begin), 0
	for i := range rounds {
		work := filepath.Join(dir, "restore"+strconv.Itoa(i))
		require.NoError(t, os.Mkdir(work, 0o700))
		data := filepath.Join(work, "data")
		killed(t, random, took, "restore", "--data", data, good)
		if _, err := os.Stat(data); err == nil {
			finished++
			out, log, err := ran(t, "fsck", "--data", data)
			require.NoError(t, err, out+log)
			whole(data)
		}
	}
	t.Logf("%d of %d restores were whole", finished, rounds)
	_, log, err = ran(t, "restore", "--data", filepath.Join(dir, "last"), good)
	require.NoError(t, err, "the backup is as it was: %s", log)
}

// leftovers looks at what a killed backup has left: what has the backup's name is whole, and what has another is refused, or whole too. It returns how many have
// the name, 0 or 1.
func leftovers(t *testing.T, work, out string, whole func(data string)) (finished int) {
	t.Helper()
	entries, err := os.ReadDir(work)
	require.NoError(t, err)
	for _, e := range entries {
		path, data := filepath.Join(work, e.Name()), filepath.Join(t.TempDir(), "restored")
		_, log, err := ran(t, "restore", "--data", data, path)
		switch {
		case path == out:
			finished = 1
			require.NoError(t, err, log)
			said, log, err := ran(t, "fsck", "--data", path)
			require.NoError(t, err, said+log)
			whole(data)
		case err == nil: // killed between the last file and the name
			whole(data)
		default:
			require.Contains(t, log, "is not a backup: it has no manifest.json")
			require.NoDirExists(t, data)
		}
	}
	return finished
}
