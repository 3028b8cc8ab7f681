package session

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/outbound"
	"realmsync/core/wire"
)

const secret = "header.c2VjcmV0.signature"

// dialTo dials a handler as a session would.
func dialTo(t *testing.T, ctx context.Context, opt WebSocketOptions, h http.HandlerFunc) (Socket, error) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return NewWebSocketDialer(opt).Dial(ctx, appendToken("ws"+strings.TrimPrefix(server.URL, "http")+"/api/client/v2.0/app/a/realm-sync", secret))
}

func TestWebSocket(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	s, err := dialTo(t, ctx, WebSocketOptions{Options: outbound.Options{Headers: map[string]string{"X-App": "yes"}}}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != "/api/client/v2.0/app/a/realm-sync?baas_at="+secret || r.Header.Get("Sec-WebSocket-Extensions") != "" ||
			r.Header.Get("X-App") != "yes" || r.Header.Get("Authorization") != "" || !strings.HasPrefix(r.UserAgent(), "RealmSync/14.11.0") {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.Subprotocol(14)}})
		if err != nil {
			ended <- err
			return
		}
		_, msg, err := c.Read(r.Context())
		if err != nil || string(msg) != "ping 1 0\n" {
			ended <- errors.New("bad message")
			return
		}
		_ = c.Write(r.Context(), websocket.MessageText, []byte("text is skipped"))
		_ = c.Write(r.Context(), websocket.MessageBinary, []byte("pong 1\n"))
		_, _, err = c.Read(r.Context())
		ended <- err
	})
	require.NoError(t, err)
	require.NoError(t, s.Write([]byte("ping 1 0\n")))
	msg, err := s.Read()
	require.NoError(t, err)
	require.Equal(t, "pong 1\n", string(msg))
	cancel()
	require.Error(t, <-ended)
	_, err = s.Read()
	require.Error(t, err)
	require.Error(t, s.Write([]byte("x")))
}

func TestWebSocketCloseCode(t *testing.T) {
	for _, code := range []wire.CloseCode{1009, 1011, 4001, 4003} {
		ctx, cancel := context.WithCancel(context.Background())
		s, err := dialTo(t, ctx, WebSocketOptions{}, func(w http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.Subprotocol(14)}})
			if err == nil {
				_ = c.Close(websocket.StatusCode(code), "because")
			}
		})
		require.NoError(t, err)
		_, err = s.Read()
		var closed *CloseError
		require.ErrorAs(t, err, &closed)
		require.Equal(t, CloseError{code, "because"}, *closed)
		cancel()
	}
}

func TestWebSocketReadLimit(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := dialTo(t, ctx, WebSocketOptions{ReadLimit: 1000}, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.Subprotocol(14)}})
		if err == nil {
			_ = c.Write(r.Context(), websocket.MessageBinary, make([]byte, 1000))
			_ = c.Write(r.Context(), websocket.MessageBinary, make([]byte, 1001))
			_, _, _ = c.Read(r.Context())
		}
	})
	require.NoError(t, err)
	msg, err := s.Read()
	require.NoError(t, err)
	require.Len(t, msg, 1000)
	_, err = s.Read()
	var closed *CloseError
	require.ErrorAs(t, err, &closed)
	require.Equal(t, wire.CloseProtocolError, closed.Code)
}

// What the server answers instead of 101. No error text contains the token.
func TestWebSocketRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		kind    DialErrorKind
		status  int
		body    string
	}{
		{"401", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, FailedUpgrade, 401, ""},
		{"301 is not followed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://elsewhere.invalid/")
			w.WriteHeader(301)
		}, FailedUpgrade, 301, ""},
		{"mismatch", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, "x\n"+wire.MismatchMarker+wire.ClientTooOld)
		}, FailedUpgrade, 400, wire.ClientTooOld},
		{"no sub-protocol", func(w http.ResponseWriter, r *http.Request) {
			if c, err := websocket.Accept(w, r, nil); err == nil {
				_ = c.CloseNow()
			}
		}, FailedNegotiation, 0, ""},
		{"foreign sub-protocol", func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Sec-WebSocket-Protocol", "com.mongodb.realm-query-sync#99")
			if c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"com.mongodb.realm-query-sync#99"}}); err == nil {
				_ = c.CloseNow()
			}
		}, FailedNegotiation, 101, ""},
		{"not HTTP", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n\r\n")
				_ = conn.Close()
			}
		}, FailedUpgrade, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			_, err := dialTo(t, ctx, WebSocketOptions{}, c.handler)
			var d *DialError
			require.ErrorAs(t, err, &d)
			require.Equal(t, c.kind, d.Kind, d.Reason)
			if c.kind == FailedUpgrade {
				require.Equal(t, c.status, d.Status)
			}
			require.Contains(t, string(d.Body), c.body)
			require.NotContains(t, err.Error(), "c2VjcmV0")
			require.NotEmpty(t, err.Error())
		})
	}
}

func TestWebSocketUnreachable(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for _, c := range []struct {
		name, url string
		opt       WebSocketOptions
		kind      DialErrorKind
	}{
		{"nobody there", "ws" + strings.TrimPrefix(closed.URL, "http"), WebSocketOptions{}, FailedConnect},
		{"no such host", "ws://host.invalid", WebSocketOptions{}, FailedResolve},
		{"unknown certificate", "wss" + strings.TrimPrefix(secure.URL, "https"), WebSocketOptions{}, FailedTLS},
		{"not TLS", "realms" + strings.TrimPrefix(plain.URL, "http"), WebSocketOptions{}, FailedTLS},
		{"no URL", "ws://%zz", WebSocketOptions{}, FailedConnect},
		{"trusted", "wss" + strings.TrimPrefix(secure.URL, "https"), WebSocketOptions{Options: outbound.Options{SkipVerify: true}}, FailedUpgrade},
		{"no trust", "ws" + strings.TrimPrefix(plain.URL, "http"), WebSocketOptions{Options: outbound.Options{TrustFile: "/nowhere"}}, FailedConnect},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewWebSocketDialer(c.opt).Dial(ctx, appendToken(c.url, secret))
			var d *DialError
			require.ErrorAs(t, err, &d)
			require.Equal(t, c.kind, d.Kind, d.Reason)
			require.NotContains(t, err.Error(), "c2VjcmV0")
		})
	}
}

func TestAppendToken(t *testing.T) {
	require.Equal(t, "ws://h/p?baas_at=t", appendToken("ws://h/p", "t"))
	require.Equal(t, "ws://h/p?x=1&baas_at=t", appendToken("ws://h/p?x=1", "t"))
}

// A whole manager over real sockets, its own and those of a host. A commit is on the wire at once, and an answer in the file at once.
func TestManagerOverWebSocket(t *testing.T) {
	t.Run("built in", func(t *testing.T) { managerOverWebSocket(t, nil) })
	t.Run("host", func(t *testing.T) {
		h := &relay{}
		d := NewHostDialer(h)
		managerOverWebSocket(t, d)
		d.Close()
		h.group.Wait()
		require.Equal(t, h.connected.Load(), h.closed.Load())
		require.NotZero(t, h.closed.Load())
		_, err := d.Dial(context.Background(), "ws://x")
		require.Error(t, err, "it is closed")
	})
}

func managerOverWebSocket(t *testing.T, dialer Dialer) {
	messages := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.Subprotocol(14)}})
		if err != nil {
			return
		}
		defer c.CloseNow()
		reply := func(s string) {
			_ = c.Write(r.Context(), websocket.MessageBinary, []byte(strings.ReplaceAll(s, "↵", "\n")))
		}
		for {
			_, msg, err := c.Read(r.Context())
			if err != nil {
				return
			}
			m, err := wire.ParseClientMessage(msg, wire.Limits{})
			if err != nil {
				messages <- err.Error()
				return
			}
			messages <- m.Name()
			switch m := m.(type) {
			case *wire.Bind:
				reply("ident 1 7 1↵")
			case *wire.Mark:
				reply("mark 1 1↵")
			case *wire.Upload:
				if len(m.Entries) > 0 {
					reply(download(1, "2 3 2 7 3 0 0 2 1"))
				}
			case *wire.Ping:
				b, _ := (&wire.Pong{Timestamp: m.Timestamp}).Append(nil)
				_ = c.Write(r.Context(), websocket.MessageBinary, b)
			}
		}
	}))
	defer server.Close()
	m := NewManager(Options{Random: func() float64 { return 0 }})
	defer m.Close()
	user := newFakeUser("u")
	user.route = "ws" + strings.TrimPrefix(server.URL, "http")
	f := newFakeFile()
	s, err := m.Open(Config{Path: "a", Open: func() (File, error) { return f, nil }, User: user, Dialer: dialer})
	require.NoError(t, err)
	wait := func(register func(func(error))) {
		t.Helper()
		done := make(chan error, 1)
		register(func(err error) { done <- err })
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(time.Minute):
			t.Fatal("it doesn't come")
		}
	}
	wait(s.WaitForDownload)
	require.Equal(t, Connected, s.ConnectionState())
	f.commit("x")
	wait(s.WaitForUpload)
	var names []string
	for len(names) < 6 {
		names = append(names, <-messages)
	}
	require.ElementsMatch(t, []string{"ping", "bind", "ident", "mark", "upload", "upload"}, names)
}
