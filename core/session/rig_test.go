package session

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// rig drives a link without goroutines: time is a number, jobs are done when the test says so, and everything that the link does is
// checked.
type rig struct {
	t     *testing.T
	l     *link
	now   time.Time
	files map[*binding]*fakeFile
	known []*binding

	attempt uint64 // that the link wants, or has
	dialing bool
	open    bool
	sending []byte
	jobs    []jobAction
	sent    []string
	server  map[uint64]*serverSide
	state   map[*binding]ConnectionState
	events  []string
	onSend  func(raw []byte) // may be nil
	onEvent func(b *binding, e event)
}

// serverSide is what a server knows of a session: it checks that the client keeps the order of wire-protocol 5.3.
type serverSide struct {
	identified bool
	mark       uint64
	query      int64
	upload     wire.UploadCursor
	entry      uint64
}

func newRig(t *testing.T) *rig {
	return &rig{
		t: t, now: time.Unix(1000, 0), files: map[*binding]*fakeFile{}, server: map[uint64]*serverSide{}, state: map[*binding]ConnectionState{},
		l: newLink(Timings{}.withDefaults(), func() float64 { return 0.5 }, 20000, slog.New(slog.DiscardHandler)),
	}
}

func (r *rig) attach(f *fakeFile) *binding {
	b := &binding{number: uint64(len(r.known) + 1)}
	r.known = append(r.known, b)
	r.files[b] = f
	r.l.attach(b, r.now)
	r.settle()
	return b
}

// settle takes the link's actions.
func (r *rig) settle() {
	heard := 0
	for _, a := range r.l.take() {
		switch a := a.(type) {
		case dialAction:
			require.False(r.t, r.dialing || r.open, "two connections")
			r.dialing, r.attempt = true, a.attempt
		case closeAction:
			require.True(r.t, r.dialing || r.open)
			r.dialing, r.open, r.sending = false, false, nil
			r.server = map[uint64]*serverSide{}
		case sendAction:
			require.True(r.t, r.open)
			require.Nil(r.t, r.sending, "two messages at once")
			r.sending = a.msg
			r.sent = append(r.sent, string(a.msg))
			r.check(a.msg)
			if r.onSend != nil {
				r.onSend(a.msg)
			}
		case jobAction:
			for _, j := range r.jobs {
				require.NotSame(r.t, j.b, a.b, "two jobs at once")
			}
			r.jobs = append(r.jobs, a)
		case eventAction:
			if e, ok := a.event.(connectionEvent); ok {
				require.NotEqual(r.t, r.state[a.b], e.state, "no change")
				r.state[a.b] = e.state
			}
			if r.onEvent != nil {
				r.onEvent(a.b, a.event)
			}
			r.events = append(r.events, fmt.Sprintf("%d %T", a.b.number, a.event))
			heard += a.size
		}
	}
	require.Equal(r.t, heard, r.l.untold)
	r.l.untold = 0
	r.invariants()
}

func (r *rig) invariants() {
	queued, wanted := 0, 0
	for _, b := range r.l.bindings {
		size := 0
		for _, i := range b.inbox {
			size += i.size
		}
		require.Equal(r.t, size, b.inboxSize)
		queued += size
		if b.wanted() {
			wanted++
		}
		require.GreaterOrEqual(r.t, b.markTarget, b.markSent)
		require.GreaterOrEqual(r.t, b.markSent, b.markReceived)
		require.NotEqual(r.t, gone, b.stage)
		require.LessOrEqual(r.t, b.compSize, maxCompensations)
	}
	require.Equal(r.t, queued, r.l.queued)
	require.Equal(r.t, wanted, r.l.wanted)
	require.Empty(r.t, r.l.touched)
	require.Equal(r.t, r.open, r.l.state == open)
	require.Equal(r.t, r.dialing, r.l.state == dialing)
}

// check is the server's look at a message.
func (r *rig) check(raw []byte) {
	m, err := wire.ParseClientMessage(raw, wire.Limits{})
	require.NoError(r.t, err)
	if m.SessionIdent() == 0 {
		return
	}
	s := r.server[m.SessionIdent()]
	if b, ok := m.(*wire.Bind); ok {
		require.Nil(r.t, s, "BIND of a bound session")
		r.server[b.Session] = &serverSide{}
		return
	}
	require.NotNil(r.t, s, "%s before BIND", m.Name())
	switch m := m.(type) {
	case *wire.Ident:
		require.False(r.t, s.identified)
		require.NotZero(r.t, m.FileIdent)
		s.identified = true
		s.query = m.QueryVersion
		return
	case *wire.Unbind:
		delete(r.server, m.Session)
		return
	}
	require.True(r.t, s.identified, "%s before IDENT", m.Name())
	switch m := m.(type) {
	case *wire.Mark:
		require.Greater(r.t, m.Request, s.mark)
		s.mark = m.Request
	case *wire.Query:
		require.Greater(r.t, m.Version, s.query)
		s.query = m.Version
	case *wire.Upload:
		require.True(r.t, m.Progress.Consistent())
		require.GreaterOrEqual(r.t, m.Progress.ClientVersion, s.upload.ClientVersion)
		require.GreaterOrEqual(r.t, m.Progress.ServerVersion, s.upload.ServerVersion)
		for _, e := range m.Entries {
			require.Greater(r.t, e.ClientVersion, s.entry)
			s.entry = e.ClientVersion
		}
		require.LessOrEqual(r.t, s.entry, m.Progress.ClientVersion)
		s.upload = m.Progress
	}
}

// job does the nth outstanding job.
func (r *rig) job(n int) {
	if len(r.jobs) == 0 {
		return
	}
	n %= len(r.jobs)
	a := r.jobs[n]
	r.jobs = slices.Delete(r.jobs, n, n+1)
	r.l.jobDone(a.b, a.job.run(r.files[a.b]), r.now)
	r.settle()
}

func (r *rig) written() {
	if r.sending != nil {
		r.sending = nil
		r.l.written(r.attempt, r.now)
		r.settle()
	}
}

// connect lets the attempt that is under way succeed.
func (r *rig) connect() {
	if r.dialing {
		r.dialing, r.open = false, true
		r.l.opened(r.attempt, r.now)
		r.settle()
	}
}

// receive gives the link a message, unless it wants none now.
func (r *rig) receive(raw []byte) {
	if !r.open || r.l.full() {
		return
	}
	m, err := wire.ParseServerMessage(raw, wire.Limits{Message: 1 << 20, Body: 1 << 20, Entries: 1 << 10, JSON: 1 << 16})
	r.l.received(r.attempt, m, len(raw), err, r.now)
	r.settle()
}

// pass lets time pass, with everything that is due in it.
func (r *rig) pass(d time.Duration) {
	end := r.now.Add(d)
	for range 100000 {
		at := r.l.deadline()
		if at.IsZero() || at.After(end) {
			r.now = end
			return
		}
		if at.After(r.now) {
			r.now = at
		}
		r.l.tick(r.now)
		r.settle()
	}
	r.t.Fatal("time does not pass")
}

// rest lets everything come to rest: jobs, writes.
func (r *rig) rest() {
	for range 100000 {
		switch {
		case len(r.jobs) > 0:
			r.job(0)
		case r.sending != nil:
			r.written()
		default:
			return
		}
	}
	r.t.Fatal("it does not come to rest")
}

func TestRigGreeting(t *testing.T) {
	r := newRig(t)
	f := newFakeFile()
	f.commit("x")
	b := r.attach(f)
	r.rest()
	r.connect()
	r.rest()
	r.receive([]byte("ident 1 7 1\n"))
	r.rest()
	r.receive([]byte("mark 1 1\n"))
	r.rest()
	require.Len(t, r.sent, 4)
	r.l.waitForUpload(b, 5, r.now)
	r.rest()
	r.receive([]byte("download 1 1 3 1 7 3 0 0 2 1 0 0 0\n"))
	r.rest()
	require.Equal(t, "1 session.uploadedEvent", r.events[len(r.events)-1])
	r.l.detach(b, r.now)
	r.rest()
	r.receive([]byte("unbound 1\n"))
	require.False(t, r.l.idle())
	r.pass(time.Minute)
	require.True(t, r.l.idle())
}

// Nothing of the machine's work grows with the number of messages that wait, nor with the number of waits, beyond their number.
func TestLinkIsLinear(t *testing.T) {
	r := newRig(t)
	r.l.limit = 1 << 40
	b := r.attach(newFakeFile())
	r.rest()
	r.connect()
	r.rest()
	r.receive([]byte("ident 1 7 1\n"))
	r.rest()
	for i := range 20000 {
		r.l.received(r.attempt, &wire.Download{Session: 1, Progress: wire.Progress{Download: wire.DownloadCursor{ServerVersion: uint64(i + 1)}, Latest: wire.LatestServerVersion{Version: 20000}}, BatchState: wire.SteadyState, Estimate: 1}, 10, nil, r.now)
		r.l.waitForDownload(b, uint64(i), r.now)
	}
	r.l.take()
	require.Len(t, b.inbox, 20000)
	for len(b.inbox) > 0 {
		b.busy = false
		r.l.jobDone(b, result{job: job{kind: jobIntegrate, epoch: b.epoch, download: b.inbox[0].msg.(*wire.Download)}}, r.now)
	}
	require.Zero(t, r.l.queued)
}

// FuzzLink: whatever a server sends, and whenever, the machine neither panics nor grows without bound, keeps the protocol itself, and
// can be brought to an end.
func FuzzLink(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03"))
	f.Add([]byte{0, 5, 1, 3, 2, 4, 3, 5, 1, 7, 0, 1, 0, 3, 1, 8, 1, 1, 0, 9, 1, 3, 3, 3, 7, 1, 2, 6, 1, 10, 1, 12, 3})
	f.Add([]byte{0, 2, 3, 3, 10, 0, 3, 10, 4, 0, 3, 3, 3, 10, 5, 0, 1, 5, 0, 1, 0, 0, 2, 1, 3, 3, 3, 10, 6, 0, 2, 4, 3, 3, 3, 1, 0, 0, 3, 3, 3, 8, 60})
	for _, m := range []string{"download 1 1 0 1 7 0 0 0 1 1 0 0 0\n", "mark 1 1\n", "ident 1 7 1\n", `json_error 200 2 1` + "\n{}", "unbound 1\n", "query_error 226 1 1 1\nx"} {
		f.Add(append([]byte{0, 2, 3, 3, 3, 9, byte(len(m))}, m...))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		r := newRig(t)
		if len(program) > 4000 {
			program = program[:4000]
		}
		next := func() byte {
			if len(program) == 0 {
				return 0
			}
			c := program[0]
			program = program[1:]
			return c
		}
		for len(program) > 0 {
			r.step(next, &program)
		}
		// Everybody leaves.
		for _, b := range r.known {
			r.l.detach(b, r.now)
			r.settle()
		}
		r.rest()
		r.pass(time.Hour)
		require.True(t, r.l.idle(), "it does not end")
		require.Zero(t, r.l.queued)
		require.True(t, r.l.deadline().IsZero())
	})
}

// step does one step of a fuzzed program.
func (r *rig) step(next func() byte, program *[]byte) {
	some := func() *binding {
		if len(r.known) == 0 {
			return r.attach(newFakeFile())
		}
		return r.known[int(next())%len(r.known)]
	}
	switch next() % 14 {
	case 0:
		if len(r.known) < 5 {
			r.attach(newFakeFile())
		}
	case 1:
		r.files[some()].commit("c")
	case 2:
		r.connect()
		r.rest()
	case 3:
		r.job(int(next()))
		r.written()
	case 4:
		if r.dialing {
			r.l.dialFailed(r.attempt, &DialError{Kind: DialErrorKind(next() % 6), Status: 300 + int(next())}, next()%2 == 0, r.now)
			r.settle()
		} else if r.open {
			r.l.readFailed(r.attempt, &CloseError{Code: wire.CloseCode(1000 + int(next()))}, r.now)
			r.settle()
		}
	case 5:
		f := r.files[some()]
		f.subscribe("{}")
	case 6:
		b := some()
		r.l.committed(b, r.now)
		r.settle()
	case 7:
		b := some()
		r.l.waitForUpload(b, uint64(next()), r.now)
		r.settle()
		r.l.waitForDownload(b, uint64(next()), r.now)
		r.settle()
	case 8:
		r.pass(time.Duration(next()) * time.Second)
	case 9:
		n := min(int(next()), len(*program))
		r.receive((*program)[:n])
		*program = (*program)[n:]
	case 10:
		r.receive(r.made(next))
	case 11:
		r.l.hurry(some(), next()%2 == 0, r.now)
		r.settle()
	case 12:
		r.l.detach(some(), r.now)
		r.settle()
	case 13:
		f := r.files[some()]
		fails := int(next() % 4)
		f.setBefore(func(string) error {
			if fails--; fails >= 0 {
				return errors.New("disk")
			}
			return nil
		})
	}
}

// made makes a message of a server that is right in form.
func (r *rig) made(next func() byte) []byte {
	n := func(most byte) uint64 { return uint64(next() % most) }
	session := 1 + n(5)
	var m wire.ServerMessage
	switch next() % 9 {
	case 0, 1, 2:
		d := &wire.Download{Session: session, QueryVersion: int64(n(4)), BatchState: wire.BatchState(n(3)), Estimate: 1}
		d.Progress.Download = wire.DownloadCursor{ServerVersion: n(20), ClientVersion: n(8)}
		d.Progress.Latest = wire.LatestServerVersion{Version: max(n(40), d.Progress.Download.ServerVersion), Salt: 7}
		d.Progress.Upload = wire.UploadCursor{ClientVersion: n(10), ServerVersion: n(20)}
		for range n(3) {
			d.Entries = append(d.Entries, wire.DownloadEntry{ServerVersion: 1 + n(20), ClientVersion: n(8), OriginFileIdent: 1, Changeset: []byte([]string{"x", "bad", ""}[n(3)])})
		}
		m = d
	case 3:
		m = &wire.ServerIdent{Session: session, FileIdent: 7, Salt: 1}
	case 4:
		m = &wire.Mark{Session: session, Request: 1 + n(8)}
	case 5:
		e := &wire.JSONError{Session: session, Code: wire.ErrorCode(200 + int(n(40))), Action: wire.Action(1 + n(13)), TryAgain: n(2) == 0}
		if e.Code == wire.CodeCompensatingWrite {
			e.Rejected = &wire.Rejection{ClientVersion: n(8), ServerVersion: 1 + n(20)}
		}
		if n(2) == 0 {
			e.Backoff = &wire.Backoff{IntervalSec: int32(next()) - 100, MaxDelaySec: int32(next()) - 100, Multiplier: int32(next()) - 100}
		}
		m = e
	case 6:
		m = &wire.QueryError{Session: session, Code: wire.CodeBadQuery, QueryVersion: int64(n(4))}
	case 7:
		m = &wire.Unbound{Session: session}
	default:
		m = &wire.Error{Session: 0, Code: wire.ErrorCode(100 + int(n(14))), TryAgain: n(2) == 0}
	}
	raw, err := m.Append(nil)
	if err != nil {
		return nil // must not be sent
	}
	return raw
}
