package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/core/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a manager in a bubble of virtual time, with a network in memory whose other end is the test.
type world struct {
	t     *testing.T
	m     *Manager
	user  *fakeUser
	dials chan *dialed
	start time.Time
	log   []string // what happened, with order; see note
	mu    sync.Mutex
}

// dialed is an attempt to connect that the test has to answer.
type dialed struct {
	url    string
	ctx    context.Context
	answer chan any // *peer or error
}

const testRoute = "ws://sync.example/api/client/v2.0/app/a/realm-sync"

// inWorld runs a test in a bubble. Everything that the manager does is over when it returns.
func inWorld(t *testing.T, f func(w *world)) { inWorldWith(t, Options{}, f) }

func inWorldWith(t *testing.T, opt Options, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, user: newFakeUser("u"), dials: make(chan *dialed, 16), start: time.Now()}
		opt.Dialer = w
		if opt.Random == nil {
			opt.Random = func() float64 { return 0 }
		}
		if testing.Verbose() {
			opt.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
		w.m = NewManager(opt)
		defer w.m.Close()
		f(w)
	})
}

// Dial implements Dialer.
func (w *world) Dial(ctx context.Context, url string) (Socket, error) {
	d := &dialed{url: url, ctx: ctx, answer: make(chan any, 1)}
	w.dials <- d
	select {
	case a := <-d.answer:
		if err, ok := a.(error); ok {
			return nil, err
		}
		return a.(*peer), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// note adds a line to the world's log.
func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

// notes returns and forgets the log, after everything has come to rest.
func (w *world) notes() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.log
	w.log = nil
	return log
}

// open opens a session of a file and notes what it reports.
func (w *world) open(f *fakeFile, path string, policy StopPolicy) *Session {
	s, err := w.m.Open(Config{
		Path: path, Open: func() (File, error) { return f, nil }, User: w.user, StopPolicy: policy,
		OnError: func(_ *Session, e *Error) { w.note("error %s fatal=%v", e.Name, e.Fatal) },
	})
	require.NoError(w.t, err)
	return s
}

// next returns the next attempt to connect; it fails the test when none comes in ten minutes.
func (w *world) next() *dialed {
	w.t.Helper()
	select {
	case d := <-w.dials:
		return d
	case <-time.After(10 * time.Minute):
		w.t.Fatal("nobody connects")
		return nil
	}
}

// noDial fails the test if somebody connects within d.
func (w *world) noDial(d time.Duration) {
	w.t.Helper()
	select {
	case <-w.dials:
		w.t.Fatal("somebody connects")
	case <-time.After(d):
	}
}

// accept accepts the next attempt.
func (w *world) accept() *peer {
	w.t.Helper()
	d := w.next()
	p := &peer{t: w.t, ctx: d.ctx, url: d.url, toServer: make(chan []byte, 64), toClient: make(chan any, 64)}
	d.answer <- p
	synctest.Wait()
	return p
}

// refuse refuses the next attempt.
func (w *world) refuse(err error) {
	w.t.Helper()
	w.next().answer <- err
	synctest.Wait()
}

// elapsed is the virtual time since the last call.
func (w *world) elapsed() time.Duration {
	d := time.Since(w.start)
	w.start = time.Now()
	return d
}

// peer is a connection: a Socket for the client, and the server's end for the test.
type peer struct {
	t        *testing.T
	ctx      context.Context
	url      string
	toServer chan []byte
	toClient chan any // []byte or error
	ownPong  bool     // the test answers pings; otherwise the peer does
}

// Read implements Socket.
func (p *peer) Read() ([]byte, error) {
	select {
	case m := <-p.toClient:
		if err, ok := m.(error); ok {
			return nil, err
		}
		return m.([]byte), nil
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
}

// Write implements Socket.
func (p *peer) Write(msg []byte) error {
	if text, ok := strings.CutPrefix(string(msg), "ping "); ok && !p.ownPong {
		stamp, _, _ := strings.Cut(text, " ")
		p.toClient <- []byte("pong " + stamp + "\n")
		return nil
	}
	select {
	case p.toServer <- slices.Clone(msg):
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// send sends messages. ↵ stands for a line feed.
func (p *peer) send(msgs ...string) {
	for _, m := range msgs {
		p.toClient <- []byte(strings.ReplaceAll(m, "↵", "\n"))
	}
	synctest.Wait()
}

// sendMessage sends a message that is easier to make than to write.
func (p *peer) sendMessage(m wire.ServerMessage) {
	p.t.Helper()
	b, err := m.Append(nil)
	require.NoError(p.t, err)
	p.toClient <- b
	synctest.Wait()
}

// end breaks the connection.
func (p *peer) end(err error) {
	p.toClient <- err
	synctest.Wait()
}

// expect waits for messages, one after the other. A message ends with ↵ and its body; "…" at the end stands for any rest.
func (p *peer) expect(msgs ...string) {
	p.t.Helper()
	for _, want := range msgs {
		select {
		case m := <-p.toServer:
			got := strings.ReplaceAll(string(m), "\n", "↵")
			if prefix, ok := strings.CutSuffix(want, "…"); ok {
				require.True(p.t, strings.HasPrefix(got, prefix), "got  %q\nwant %q", got, want)
			} else {
				require.Equal(p.t, want, got)
			}
		case <-time.After(10 * time.Minute):
			p.t.Fatalf("%q does not come", want)
		case <-p.ctx.Done():
			p.t.Fatalf("closed instead of %q", want)
		}
	}
	synctest.Wait()
}

// skipTo waits for a message and passes what comes before.
func (p *peer) skipTo(want string) {
	p.t.Helper()
	for got := ""; got != want; {
		select {
		case m := <-p.toServer:
			got = strings.ReplaceAll(string(m), "\n", "↵")
		case <-time.After(10 * time.Minute):
			p.t.Fatalf("%q does not come", want)
		}
	}
}

// silent checks that nothing was sent.
func (p *peer) silent() {
	p.t.Helper()
	synctest.Wait()
	select {
	case m := <-p.toServer:
		p.t.Fatalf("unexpected: %q", m)
	default:
	}
}

// closed checks that the client has closed the connection.
func (p *peer) closed() {
	p.t.Helper()
	synctest.Wait()
	require.Error(p.t, p.ctx.Err(), "the connection is still open")
}

func (p *peer) isOpen() {
	p.t.Helper()
	synctest.Wait()
	require.NoError(p.t, p.ctx.Err(), "the connection is closed")
}

const bindData = `{"schemaVersion":0,"sessionReason":0}`

func bindMsg(session, need int) string {
	return fmt.Sprintf("bind %d 37 0 %d 0↵%s", session, need, bindData)
}

// greet is the beginning of a session of a file that is new to the server, up to the answer of its first MARK.
func (p *peer) greet(session int) {
	p.t.Helper()
	p.expect(bindMsg(session, 1))
	p.send(fmt.Sprintf("ident %d 7 4242↵", session))
	p.expect(fmt.Sprintf("ident %d 7 4242 0 0 0 0 0 2↵{}", session), fmt.Sprintf("mark %d 1↵", session))
	p.send(fmt.Sprintf("mark %d 1↵", session))
}

var errLost = errors.New("connection reset by peer")

// fakeUser is a user whose token and state the test changes.
type fakeUser struct {
	id string

	mu        sync.Mutex
	loggedIn  bool
	removed   bool
	token     string
	expired   bool
	route     string
	verified  bool
	observers map[int]func()
	observed  int
	logouts   []error
	refreshes []bool // the location argument of each call
	confirmed []string
	// refresh is what Refresh does; nil gives a new token.
	refresh func(ctx context.Context, location bool) error
}

func newFakeUser(id string) *fakeUser {
	return &fakeUser{id: id, loggedIn: true, token: "t0", route: testRoute, verified: true, observers: map[int]func(){}}
}

var errFatal = errors.New("401 unauthorized")

// change changes the user and tells the observers.
func (u *fakeUser) change(f func()) {
	u.mu.Lock()
	f()
	var all []func()
	for i := 0; i <= u.observed; i++ {
		if o := u.observers[i]; o != nil {
			all = append(all, o)
		}
	}
	u.mu.Unlock()
	for _, o := range all {
		o()
	}
}

func (u *fakeUser) get(f func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f()
}

func (u *fakeUser) ID() string { return u.id }

func (u *fakeUser) LoggedIn() (v bool) { u.get(func() { v = u.loggedIn }); return v }

func (u *fakeUser) Removed() (v bool) { u.get(func() { v = u.removed }); return v }

func (u *fakeUser) Route() (route string, verified bool) {
	u.get(func() { route, verified = u.route, u.verified })
	return route, verified
}

func (u *fakeUser) ConfirmRoute(url string) {
	u.get(func() {
		u.confirmed = append(u.confirmed, url)
		u.verified = u.verified || url == u.route
	})
}

func (u *fakeUser) AccessToken() (v string) { u.get(func() { v = u.token }); return v }

func (u *fakeUser) TokenExpired(time.Time) (v bool) { u.get(func() { v = u.expired }); return v }

func (u *fakeUser) Refresh(ctx context.Context, location bool) error {
	var f func(ctx context.Context, location bool) error
	n := 0
	u.get(func() {
		f = u.refresh
		u.refreshes = append(u.refreshes, location)
		n = len(u.refreshes)
	})
	if f != nil {
		return f(ctx, location)
	}
	u.change(func() { u.token, u.expired = fmt.Sprintf("t%d", n), false })
	return nil
}

func (u *fakeUser) Fatal(err error) bool { return errors.Is(err, errFatal) }

func (u *fakeUser) LogOut(cause error) {
	u.change(func() {
		u.loggedIn, u.token = false, ""
		u.logouts = append(u.logouts, cause)
	})
}

func (u *fakeUser) Observe(f func()) (stop func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.observed++
	id := u.observed
	u.observers[id] = f
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.observers, id)
	}
}

// download writes a DOWNLOAD: head has its fields between session and compression, each entry "server client changeset".
func download(session int, head string, entries ...string) string {
	var body strings.Builder
	for _, e := range entries {
		part := strings.SplitN(e, " ", 3)
		fmt.Fprintf(&body, "%s %s 1 1 %d %d %s", part[0], part[1], len(part[2]), len(part[2]), part[2])
	}
	return fmt.Sprintf("download %d %s 0 %d 0↵%s", session, head, body.Len(), body.String())
}
