package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// relay stands between clients and a server, and writes down every sync message that passes. It can cut connections.
type relay struct {
	t       *testing.T
	target  string // the server's base URL
	web     *httptest.Server
	running sync.WaitGroup

	mu       sync.Mutex
	messages []message
	cancels  map[int]context.CancelFunc
	next     int
	news     chan struct{} // closed and replaced with each message
}

// message is one sync message that passed.
type message struct {
	connection int
	fromClient bool
	raw        []byte
}

// of returns the messages of one connection; the relay counts them from 0.
func of(all []message, connection int) (out []message) {
	for _, m := range all {
		if m.connection == connection {
			out = append(out, m)
		}
	}
	return out
}

func (m message) parse(t *testing.T) wire.Message {
	t.Helper()
	var (
		out wire.Message
		err error
	)
	if m.fromClient {
		out, err = wire.ParseClientMessage(m.raw, wire.Limits{})
	} else {
		out, err = wire.ParseServerMessage(m.raw, wire.Limits{})
	}
	require.NoError(t, err, "a message that passed can't be read: %q", m.raw)
	return out
}

// startRelay starts a server that names the relay as its public address, and the relay.
func startRelay(t *testing.T, args ...string) (*relay, *server) {
	r := &relay{t: t, cancels: map[int]context.CancelFunc{}, news: make(chan struct{})}
	var backend *url.URL
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(backend) }}
	r.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/realm-sync") {
			r.pass(w, req)
			return
		}
		proxy.ServeHTTP(w, req)
	}))
	srv := startServer(t, append(args, "--base-url", r.url())...)
	r.target = srv.url()
	var err error
	backend, err = url.Parse(r.target)
	require.NoError(t, err)
	t.Cleanup(r.close)
	return r, srv
}

func (r *relay) url() string { return r.web.URL }

func (r *relay) close() {
	r.cut()
	r.running.Wait()
	r.web.Close()
}

// cut breaks all connections.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, cancel := range r.cancels {
		cancel()
	}
}

func (r *relay) pass(w http.ResponseWriter, req *http.Request) {
	r.running.Add(1)
	defer r.running.Done()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.mu.Lock()
	id := r.next
	r.next++
	r.cancels[id] = cancel
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.cancels, id)
		r.mu.Unlock()
	}()
	var offered []string
	for _, p := range strings.Split(req.Header.Get("Sec-WebSocket-Protocol"), ",") {
		offered = append(offered, strings.TrimSpace(p))
	}
	up, response, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(r.target, "http")+req.URL.RequestURI(), &websocket.DialOptions{Subprotocols: offered})
	if err != nil {
		status := http.StatusBadGateway
		if response != nil {
			status = response.StatusCode
		}
		http.Error(w, "the server refused", status)
		return
	}
	defer up.CloseNow() //nolint:errcheck // the test cuts it
	down, err := websocket.Accept(w, req, &websocket.AcceptOptions{Subprotocols: []string{up.Subprotocol()}})
	if err != nil {
		return
	}
	defer down.CloseNow() //nolint:errcheck // the test cuts it
	up.SetReadLimit(64 << 20)
	down.SetReadLimit(64 << 20)
	var both sync.WaitGroup
	both.Go(func() { r.copy(ctx, cancel, id, true, down, up) })
	both.Go(func() { r.copy(ctx, cancel, id, false, up, down) })
	both.Wait()
}

func (r *relay) copy(ctx context.Context, cancel context.CancelFunc, id int, fromClient bool, from, to *websocket.Conn) {
	defer cancel()
	for {
		kind, raw, err := from.Read(ctx)
		if err != nil {
			if code := websocket.CloseStatus(err); code > 0 {
				_ = to.Close(code, "") // passed on
			}
			return
		}
		r.mu.Lock()
		r.messages = append(r.messages, message{id, fromClient, raw})
		close(r.news)
		r.news = make(chan struct{})
		r.mu.Unlock()
		if err := to.Write(ctx, kind, raw); err != nil {
			return
		}
	}
}

// seen returns the messages so far.
func (r *relay) seen() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.messages...)
}

// await waits until the messages meet a condition.
func (r *relay) await(what string, met func([]message) bool) []message {
	r.t.Helper()
	deadline := time.After(patient)
	for {
		r.mu.Lock()
		news := r.news
		r.mu.Unlock()
		all := r.seen()
		if met(all) {
			return all
		}
		select {
		case <-news:
		case <-deadline:
			for _, m := range all {
				r.t.Logf("connection %d, from client %t: %.300q", m.connection, m.fromClient, m.raw)
			}
			r.t.Fatalf("%s: not seen within %v", what, patient)
		}
	}
}
