package sync

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// link is a connection of an original client: it sends what a test says, and checks everything that the server sends against
// what an original client survives (spec/wire-protocol.md sections 4 to 7 and 13, spec/sync-semantics.md sections 3.5 and 6.3).
// The first thing that an original would not survive is the test's failure, whatever the test is about.
type link struct {
	t       testing.TB
	ws      *websocket.Conn
	version int
	who     string

	gate sync.Mutex // held while the client doesn't read

	mu       sync.Mutex
	sessions map[uint64]*model
	dead     bool // a connection-level error was received
	pings    []int64
	problem  error

	devices map[uint64]*device      // by session; the test's goroutine uses it
	in      chan wire.ServerMessage // in order, of all sessions
	gone    chan struct{}           // closed when nothing more comes
	end     error                   // why, once gone is closed
}

// model is what an original client knows about a session.
type model struct {
	file *client // the state that outlives the session

	bound, needIdent, identReceived, identSent, unbindSent bool
	ended                                                  bool // an error, or UNBOUND, was received
	wedged                                                 bool // the client has sent JSON_ERROR: it ignores downloads
	lastMark, gotMark                                      uint64
	barriers                                               map[uint64][]int64 // MARK to the query versions that must be settled before
	rejections                                             []uint64           // versions of compensating writes that wait for their changeset
	requests                                               map[uint64]bool    // open test commands
}

// client is what an original client persists, as far as the checks need it.
type client struct {
	ident    uint64
	progress wire.Progress
	latest   uint64 // newest local version
	active   int64
	sets     map[int64]setState
	partial  int // entries of the bootstrap under way
	boot     int64
}

type setState int

const (
	pending setState = iota
	bootstrapping
	complete
	rejected
)

func newClient() *client {
	return &client{latest: 1 << 40, sets: map[int64]setState{0: pending}, boot: -1}
}

func (f *fixture) dial(token string) *link {
	f.t.Helper()
	return f.dialApp("app", token, wire.OfferedSubprotocols())
}

func (f *fixture) dialApp(app, token string, offer []string) *link {
	f.t.Helper()
	l, response, err := f.tryDial(app, token, offer)
	require.NoError(f.t, err, "%v", response)
	return l
}

func (f *fixture) tryDial(app, token string, offer []string) (*link, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, f.url(app, token), &websocket.DialOptions{Subprotocols: offer})
	if err != nil {
		return nil, response, err
	}
	version, err := wire.AcceptSubprotocol(response.Header.Get("Sec-WebSocket-Protocol"))
	require.NoError(f.t, err)
	require.Empty(f.t, response.Header.Get("Sec-WebSocket-Extensions"))
	ws.SetReadLimit(-1)
	l := &link{t: f.t, ws: ws, version: version, sessions: map[uint64]*model{}, devices: map[uint64]*device{}, in: make(chan wire.ServerMessage, 4096), gone: make(chan struct{})}
	go l.read()
	f.t.Cleanup(func() {
		l.drop()
		l.mu.Lock()
		defer l.mu.Unlock()
		require.NoError(f.t, l.problem, "an original client would not survive this")
	})
	return l, response, nil
}

// drop cuts the connection, as clients do.
func (l *link) drop() {
	_ = l.ws.CloseNow()
	<-l.gone
}

func (l *link) read() {
	defer close(l.gone)
	for {
		l.gate.Lock()
		l.gate.Unlock() //nolint:staticcheck // only to wait
		kind, data, err := l.ws.Read(context.Background())
		if err != nil {
			l.end = err
			return
		}
		m, err := l.receive(kind, data)
		if err != nil {
			l.mu.Lock()
			l.problem = errors.Join(l.problem, fmt.Errorf("%.300q: %w", data, err))
			l.mu.Unlock()
			l.t.Errorf("an original client would not survive %.300q: %v", data, err)
		}
		if m != nil {
			l.in <- m
		}
	}
}

func (l *link) receive(kind websocket.MessageType, data []byte) (wire.ServerMessage, error) {
	if kind != websocket.MessageBinary {
		return nil, errors.New("it is a text frame")
	}
	m, err := wire.ParseServerMessage(data, wire.ClientLimits())
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return m, errors.New("it follows an error of the connection")
	}
	switch m := m.(type) {
	case *wire.Pong:
		if len(l.pings) == 0 || l.pings[0] != m.Timestamp {
			return m, errors.New("nobody asked for it")
		}
		l.pings = l.pings[1:]
		return m, nil
	case *wire.JSONError:
		if err := m.CheckReceived(); err != nil {
			return m, err
		}
		if m.Session == 0 {
			l.dead = true
			return m, nil
		}
	case *wire.Error:
		return m, errors.New("the legacy form has no action")
	}
	s := l.sessions[m.SessionIdent()]
	if s == nil || !s.bound {
		return m, errors.New("its session was never bound")
	}
	if s.ended {
		return m, errors.New("it follows an error or UNBOUND")
	}
	return m, s.receive(m)
}

func (s *model) receive(m wire.ServerMessage) error {
	switch m := m.(type) {
	case *wire.ServerIdent:
		if !s.needIdent || s.identReceived {
			return errors.New("no ident was asked for")
		}
		s.identReceived = true
		s.file.ident = m.FileIdent
	case *wire.Download:
		if !s.identSent {
			return errors.New("it comes before IDENT")
		}
		if s.wedged {
			return nil
		}
		return s.download(m)
	case *wire.Mark:
		if !s.identSent || m.Request > s.lastMark || m.Request <= s.gotMark {
			return errors.New("it answers nothing")
		}
		for _, q := range s.barriers[m.Request] {
			if state, there := s.file.sets[q]; there && state != complete && state != rejected { // else it was superseded
				return fmt.Errorf("it comes before the bootstrap of query version %d", q)
			}
		}
		s.gotMark = m.Request
	case *wire.Unbound:
		if !s.unbindSent {
			return errors.New("no UNBIND was sent")
		}
		s.ended = true
	case *wire.QueryError:
		state, known := s.file.sets[m.QueryVersion]
		if !known || state == complete || state == rejected {
			return fmt.Errorf("query version %d is in no state for it", m.QueryVersion)
		}
		s.file.sets[m.QueryVersion] = rejected
	case *wire.JSONError:
		if m.Code == wire.CodeCompensatingWrite {
			if n := len(s.rejections); n > 0 && s.rejections[n-1] > m.Rejected.ServerVersion {
				return errors.New("its version is below that of the one before")
			}
			s.rejections = append(s.rejections, m.Rejected.ServerVersion)
		}
		if m.Code.Suspends() {
			s.ended = true
		}
	case *wire.TestCommand:
		if !s.requests[m.Request] {
			return errors.New("it answers nothing")
		}
		delete(s.requests, m.Request)
	}
	return nil
}

func (s *model) download(m *wire.Download) error {
	f := s.file
	if err := m.CheckProgress(f.progress, f.latest, f.ident); err != nil {
		return err
	}
	if len(m.Entries) > 0 {
		for i := range m.Entries {
			if m.Entries[i].ClientVersion != m.Entries[0].ClientVersion {
				return errors.New("its changesets have several bases")
			}
		}
	}
	if m.BatchState == wire.SteadyState {
		if m.Estimate != 1 && m.Estimate != 0 {
			return errors.New("steady state has the progress 1")
		}
		if n := len(m.Entries); n > 0 {
			last := m.Entries[n-1].ServerVersion
			for len(s.rejections) > 0 && s.rejections[0] <= last {
				if s.rejections[0] < m.Entries[0].ServerVersion {
					return errors.New("it releases a compensating write whose version is below its first")
				}
				s.rejections = s.rejections[1:]
			}
		}
		f.progress = m.Progress
		return nil
	}
	state, known := f.sets[m.QueryVersion]
	switch {
	case m.QueryVersion < f.active:
		return errors.New("it is a bootstrap for a version below the active one")
	case !known || state == rejected:
		return errors.New("it is a bootstrap for a version that the client doesn't have, or that was rejected")
	case f.boot >= 0 && f.boot != m.QueryVersion:
		return errors.New("it discards the bootstrap of another version")
	}
	for i := range m.Entries {
		if m.Entries[i].ServerVersion != m.Progress.Download.ServerVersion {
			return errors.New("a changeset has not the version of the bootstrap")
		}
	}
	f.partial += len(m.Entries)
	f.boot = m.QueryVersion
	if m.BatchState == wire.MoreToCome {
		if f.sets[m.QueryVersion] == pending {
			f.sets[m.QueryVersion] = bootstrapping
		}
		return nil
	}
	if f.partial == 0 {
		return errors.New("it ends a bootstrap without any changeset")
	}
	if len(s.rejections) > 0 && s.rejections[0] <= m.Progress.Download.ServerVersion {
		return errors.New("a compensating write is folded into a bootstrap")
	}
	f.partial, f.boot = 0, -1
	f.active, f.progress = m.QueryVersion, m.Progress
	for v := range f.sets {
		if v < m.QueryVersion {
			delete(f.sets, v)
		}
	}
	f.sets[m.QueryVersion] = complete
	return nil
}

// send sends a message and notes what the client expects after it.
func (l *link) send(m wire.ClientMessage) {
	l.t.Helper()
	traceMessage(l.who, m)
	l.note(m)
	data, err := m.Append(nil)
	require.NoError(l.t, err)
	l.raw(data)
}

// raw sends bytes that need not be a message.
func (l *link) raw(data []byte) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(l.t, l.ws.Write(ctx, websocket.MessageBinary, data))
}

func (l *link) note(m wire.ClientMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sessions[m.SessionIdent()]
	switch m := m.(type) {
	case *wire.Ping:
		l.pings = append(l.pings, m.Timestamp)
		return
	case *wire.Bind:
		file := newClient()
		if s != nil && !m.NeedIdent {
			file = s.file
		}
		l.sessions[m.Session] = &model{file: file, bound: true, needIdent: m.NeedIdent, barriers: map[uint64][]int64{}, requests: map[uint64]bool{}}
		return
	}
	if s == nil {
		return
	}
	switch m := m.(type) {
	case *wire.Ident:
		s.identSent = true
		s.file.ident = m.FileIdent
		s.file.partial, s.file.boot = 0, -1
		s.file.active = m.QueryVersion
		if s.file.progress == (wire.Progress{}) {
			s.file.progress.Download, s.file.progress.Latest = m.Download, m.Latest
		}
		if state, ok := s.file.sets[m.QueryVersion]; !ok || state != complete {
			s.file.sets[m.QueryVersion] = complete
			if m.QueryVersion == 0 && m.Download.ServerVersion == 0 {
				s.file.sets[0] = pending
			}
		}
	case *wire.Query:
		if _, ok := s.file.sets[m.Version]; !ok {
			s.file.sets[m.Version] = pending
		}
	case *wire.Mark:
		s.lastMark = m.Request
		for v, state := range s.file.sets {
			if v > s.file.active && (state == pending || state == bootstrapping) {
				s.barriers[m.Request] = append(s.barriers[m.Request], v)
			}
		}
	case *wire.Unbind:
		s.unbindSent = true
	case *wire.ClientJSONError:
		s.wedged = true
	case *wire.TestCommand:
		s.requests[m.Request] = true
	}
}

// next returns the next message.
func (l *link) next() wire.ServerMessage {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case m := <-l.in:
		return m
	default:
	}
	select {
	case m := <-l.in:
		return m
	case <-l.gone:
		select {
		case m := <-l.in:
			return m
		default:
		}
		require.FailNow(l.t, "the connection has ended", "%v", l.end)
	case <-ctx.Done():
		require.FailNow(l.t, "no message came")
	}
	return nil
}

// expect returns the next message, which must be of a certain type.
func expect[M wire.ServerMessage](l *link) M {
	l.t.Helper()
	m, ok := l.next().(M)
	require.True(l.t, ok, "%#v", m)
	return m
}

// closed waits for the end of the connection and returns the close code, -1 if there was no close frame.
func (l *link) closed() websocket.StatusCode {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case <-l.gone:
		return websocket.CloseStatus(l.end)
	case <-ctx.Done():
		require.FailNow(l.t, "the connection does not end")
		return 0
	}
}

// silent checks that nothing is on its way to the client, by a round trip.
func (l *link) silent() {
	l.t.Helper()
	l.send(&wire.Ping{Timestamp: 77})
	require.Equal(l.t, &wire.Pong{Timestamp: 77}, l.next())
}

// stall makes the client stop reading, flow go on.
func (l *link) stall() { l.gate.Lock() }
func (l *link) flow()  { l.gate.Unlock() }
