package original

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fill makes objects of Item in transactions of 2,000.
func (p *peer) fill(from, to int, owner string) {
	p.t.Helper()
	for ; from < to; from += 2000 {
		p.do(object{"do": "write", "realm": "r", "fill": []object{{"class": "Item", "from": from, "to": min(from+2000, to), "values": object{"n": integer(1), "owner": text(owner)}}}})
	}
}

// progress are the events of a direction so far.
func (p *peer) progress(direction string) (out []event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Event == "progress" && e.Direction == direction {
			out = append(out, e)
		}
	}
	return out
}

const many = 20_000

// Progress of a large upload and of a large bootstrap: estimates grow, and reach 1 at the end.
func TestProgress(t *testing.T) {
	srv := startServer(t)
	p := newPeer(t, srv, "progress")
	p.open(nil)
	p.subscribe("Item")
	p.r("pause")
	p.fill(0, many, strings.Repeat("o", 300))
	for _, streaming := range []bool{true, false} {
		p.do(object{"do": "progress", "realm": "r", "direction": "upload", "streaming": streaming})
	}
	p.r("resume")
	p.r("upload")
	reaches(t, p.progress("upload"))

	q := newPeer(t, srv, "progress")
	q.open(nil)
	q.do(object{"do": "progress", "realm": "r", "direction": "download", "streaming": true})
	q.subscribe("Item")
	require.Equal(t, many, q.count("Item"))
	reaches(t, q.progress("download"))
	before := len(q.progress("download"))
	p.item(many, 1)
	p.sync()
	q.r("download")
	after := q.progress("download")[before:]
	require.NotEmpty(t, after)
	require.Equal(t, 1.0, after[len(after)-1].Estimate)
}

func reaches(t *testing.T, events []event) {
	t.Helper()
	last, different := 0.0, map[float64]bool{}
	for _, e := range events {
		require.LessOrEqual(t, e.Transferred, e.Transferable)
		require.LessOrEqual(t, e.Estimate, 1.0)
		different[e.Estimate] = true
		last = e.Estimate
	}
	require.Equal(t, 1.0, last)
	require.Greater(t, len(different), 2, "%v", events)
	for _, e := range events {
		t.Log(e.Transferred, e.Transferable, e.Estimate)
	}
}

// A program that waits for its realm has all of it, also if the server, or it itself, ends in the middle, and what it writes meanwhile is kept.
func TestLargeBootstrapIsInterrupted(t *testing.T) {
	srv := startServer(t)
	author := newPeer(t, srv, "interrupted")
	author.open(nil)
	author.subscribe("Item")
	author.fill(0, many, strings.Repeat("o", 300))
	author.sync()

	dir := filepath.Join(t.TempDir(), "files")
	p := startPeer(t, srv.url(), "interrupted", dir)
	p.do(object{"do": "login"})
	p.open(nil)
	p.do(object{"do": "subscribe", "realm": "r", "wait": false, "subscriptions": subscriptions("Item")})
	begun := func() {
		t.Helper()
		p.log.Await(t, "pending bootstrap object") // the first message of several has come
	}
	begun()
	p.item(many, 7) // during the bootstrap
	p.kill()
	p = startPeer(t, srv.url(), "interrupted", dir)
	p.open(nil)
	begun()
	srv.kill()
	p.item(many+1, 8)
	srv.start()
	require.Equal(t, `"complete"`, string(p.r("await_set")))
	p.sync()
	require.Equal(t, many+2, p.count("Item"))
	author.r("download")
	require.Equal(t, many+2, author.count("Item"))

	q := newPeer(t, srv, "interrupted")
	q.open(object{"async": true, "initial": subscriptions("Item")})
	require.Equal(t, many+2, q.count("Item"))
	for _, one := range []*peer{author, p, q} {
		one.outages()
	}
}

// One transaction of 12 MB, and one of 20 MB.
func TestLargeTransactions(t *testing.T) {
	srv := startServer(t)
	schema := []byte(`{"Blob": {"pk": "_id", "properties": {"_id": {"type": "Int"}, "data": {"type": "Binary"}}}}`)
	p, q := newPeer(t, srv, "large"), newPeer(t, srv, "large")
	for _, one := range []*peer{p, q} {
		one.open(object{"schema": json.RawMessage(schema)})
		one.subscribe("Blob")
	}
	n := 0
	for _, mb := range []int{12, 20} {
		var in []object
		for range mb {
			n++
			data := make([]byte, 1_000_000)
			_, _ = rand.Read(data)
			in = append(in, object{"op": "CreateObject", "table": "Blob", "object": key(n)}, object{"op": "Update", "table": "Blob", "object": key(n), "field": "data", "value": object{"binary": hex.EncodeToString(data)}})
		}
		p.write(in...)
		p.r("upload")
		q.r("download")
		require.Equal(t, n, q.count("Blob"), fmt.Sprint(mb))
		require.Empty(t, p.said())
		require.Empty(t, q.said())
	}
	r := newPeer(t, srv, "large")
	r.open(object{"schema": json.RawMessage(schema)})
	r.subscribe("Blob")
	require.Equal(t, n, r.count("Blob"))
	for _, one := range []*peer{p, q, r} {
		one.quiet()
	}
}
