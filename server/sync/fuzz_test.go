package sync

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/server/auth"
)

// wireTap is a socket whose client sends what it is given, and checks what comes back.
type wireTap struct {
	link  *link
	mu    sync.Mutex
	in    [][]byte
	ident *wire.ServerIdent // the last that was given out
	calm  chan struct{}     // closed when the last PONG was sent, or nothing can follow any more
	once  sync.Once
	// muddled holds the sessions that were bound anew while UNBIND was not answered yet, which no original client does: what comes for
	// them may be for the one or the other, and isn't checked.
	muddled map[uint64]bool
}

// lastPing is sent at the end of the input.
const lastPing = 1234567

func (w *wireTap) Read(ctx context.Context) (websocket.MessageType, []byte, error) {
	w.mu.Lock()
	if len(w.in) == 0 {
		w.mu.Unlock()
		select {
		case <-w.calm:
		case <-ctx.Done():
		}
		return 0, nil, io.EOF
	}
	data := w.in[0]
	w.in = w.in[1:]
	ident := w.ident
	w.mu.Unlock()
	m, err := wire.ParseClientMessage(data, wire.Limits{})
	if err != nil {
		return websocket.MessageBinary, data, nil //nolint:nilerr // that is what is tested
	}
	if i, ok := m.(*wire.Ident); ok && i.Salt == 0 && ident != nil {
		i.FileIdent, i.Salt = ident.FileIdent, ident.Salt // fuzzing can't guess it
		if data, err = i.Append(nil); err != nil {
			return websocket.MessageBinary, nil, nil //nolint:nilerr // not a message
		}
	}
	w.note(m)
	return websocket.MessageBinary, data, nil
}

// note tells the model what is sent. Unlike an original client this one may contradict itself: what it says last counts.
func (w *wireTap) note(m wire.ClientMessage) {
	l := w.link
	l.mu.Lock()
	s := l.sessions[m.SessionIdent()]
	_, bind := m.(*wire.Bind)
	if bind && s != nil && s.unbindSent && !s.ended {
		w.mu.Lock()
		w.muddled[m.SessionIdent()] = true
		w.mu.Unlock()
	}
	skip := bind && s != nil && s.bound && !s.ended && !s.unbindSent // refused: the session there is goes on
	if m, ok := m.(*wire.Mark); ok && s != nil && m.Request <= s.lastMark {
		skip = true
	}
	if _, ok := m.(*wire.Ident); ok && s != nil && s.identSent {
		skip = true
	}
	l.mu.Unlock()
	if skip {
		return
	}
	l.note(m)
	l.mu.Lock()
	defer l.mu.Unlock()
	s = l.sessions[m.SessionIdent()]
	switch m := m.(type) {
	case *wire.Bind:
		s.file = newClient()
		s.file.latest = math.MaxUint64
	case *wire.Ident:
		if s != nil {
			s.file.progress = wire.Progress{Download: m.Download, Latest: m.Latest}
		}
	}
}

func (w *wireTap) Write(_ context.Context, kind websocket.MessageType, data []byte) error {
	m, err := w.link.receive(kind, bytes.Clone(data))
	w.mu.Lock()
	muddled := m != nil && w.muddled[m.SessionIdent()]
	w.mu.Unlock()
	if err != nil && !muddled {
		w.link.mu.Lock()
		w.link.problem = fmt.Errorf("%.300q: %w", data, err)
		w.link.mu.Unlock()
	}
	switch m := m.(type) {
	case *wire.ServerIdent:
		w.mu.Lock()
		w.ident = m
		w.mu.Unlock()
	case *wire.Pong:
		if m.Timestamp == lastPing {
			w.once.Do(func() { close(w.calm) })
		}
	case *wire.JSONError:
		if m.Session == 0 {
			w.once.Do(func() { close(w.calm) })
		}
	}
	return nil
}

func (w *wireTap) Close(websocket.StatusCode, string) error { return w.CloseNow() }
func (w *wireTap) CloseNow() error                          { w.once.Do(func() { close(w.calm) }); return nil }

// separator stands between the messages of a fuzzed conversation.
const separator = "\x00\x01"

// FuzzConversation plays messages to a connection. Whatever they are, the server goes on, leaks nothing, and says nothing that an
// original client would not survive.
func FuzzConversation(f *testing.F) {
	const bind = "bind 1 37 0 1 0\n" + `{"schemaVersion":0,"sessionReason":0}`
	const ident = "ident 1 0 0 0 0 0 0 0 2\n{}"
	schema := "upload 1 0 56 0 6 0 0\n5 0 375315242954 0 34 \x3f\x00\x03Dog\x3f\x01\x03_id\x00\x00\x00\x01\x01\x00\x3f\x02\x04name\x3f\x03\x00\x06\x00\x02\x03\x00\x00"
	rex := "upload 1 0 52 0 17 0 0\n17 0 375315242962 0 29 \x3f\x00\x03Dog\x02\x00\x01\x01\x3f\x01\x04name\x04\x00\x01\x01\x01\x00\x03\x03Rex\x00"
	for _, messages := range [][]string{
		{bind, ident, "mark 1 1\n", schema, "query 1 1 25\n{\"Dog\":\"(TRUEPREDICATE)\"}", "mark 1 2\n", rex, "upload 1 0 0 0 18 0 0\n", "unbind 1\n"},
		{bind, "unbind 1\n", bind, ident, schema, rex, "mark 1 5\n", "mark 1 4\n"},
		{bind, ident, schema, "query 1 1 27\n{\"Dog\":\"(name == \\\"Rex\\\")\"}", rex, "query 1 2 2\n{}", "query 1 3 20\n{\"Dog\":\"(name ===)\"}"},
		{bind, "bind 2 2 0 0 0\n{}", "ident 2 0 0 0 0 0 0 0 2\n{}", "json_error 212 15 2\n{\"message\":\"x\"}", "unbind 2\n", ident, "ping 5 0\n"},
		{bind, "test_command 1 1 36\n{\"command\":\"PAUSE_DOWNLOAD_BUILDER\"}", ident, "mark 1 1\n", "test_command 1 2 37\n{\"command\":\"RESUME_DOWNLOAD_BUILDER\"}"},
		{bind, "ident 1 99 7 5 4 5 7777 4 2\n{}", "mark 1 1\n", "unbind 1\n", bind, ident},
		{"ping 1 2\n", "nonsense"},
	} {
		f.Add([]byte(strings.Join(messages, separator)))
	}
	server := open(f, nil)
	n := 0
	f.Fuzz(func(t *testing.T, data []byte) {
		n++
		o, err := server.acquire(t.Context(), fmt.Sprint("app-", n/500), false)
		require.NoError(t, err)
		defer server.release(o)
		a := o.app
		w := &wireTap{calm: make(chan struct{}), muddled: map[uint64]bool{}, link: &link{t: t, sessions: map[uint64]*model{}}}
		for i, m := range bytes.Split(data, []byte(separator)) {
			if i == 64 {
				break
			}
			w.in = append(w.in, m)
		}
		w.in = append(w.in, fmt.Appendf(nil, "ping %d 0\n", lastPing))
		newConn(server.Server, a, w, auth.Identity{AppID: a.id, UserID: "anna"}, wire.Version, "fuzz", 1).serve()
		require.NoError(t, w.link.problem, "an original client would not survive this")
	})
}
