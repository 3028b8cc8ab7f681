package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/wire"
	"realmsync/server/history"
	"realmsync/server/rules"
	"realmsync/server/store"
	"realmsync/server/view"
)

// phase is where a session stands (spec/wire-protocol.md section 5.3).
type phase uint8

const (
	waitIdent phase = iota // bound; an ident was given out if one was asked for
	running                // IDENT was accepted
	failed                 // an error was sent: nothing more is sent, and everything ignored, until UNBIND
)

// session is one session on the server. Its goroutine, run, is the only one that sends its messages.
//
// Lock order: session.mu, then app.mu.
type session struct {
	conn   *conn
	app    *app
	sid    uint64
	log    *slog.Logger
	bind   *wire.Bind
	excess bool            // it is one too many
	after  <-chan struct{} // closed when the session that had the ident before has sent its last message

	watcher *view.Watcher
	stream  *history.Stream
	wake    chan struct{} // holds one token: there is something to do
	space   chan struct{} // holds one token: the inbox has fewer messages
	done    chan struct{} // closed when run has returned

	changed atomic.Bool // the app's configuration has changed: look whether it concerns the session
	untidy  atomic.Bool // see tidyUp

	mu       sync.Mutex
	inbox    []received
	leaving  bool
	gone     bool   // run has returned: nothing is put into the inbox any more
	claimed  uint64 // file ident
	answered []answer

	// Everything below belongs to run.
	phase         phase
	policy        *rules.Policy // as of the start of the session, or of the last change that did not concern it; nil: everything is allowed
	access        *view.Access  // of the policy
	schemaVersion uint64        // that the client says it has
	charged       int           // queries that are counted as its user's
	todo          []received    // taken from the inbox
	inHand        int           // bytes that are counted of the message that is handled; 0 once the engine has it
	paused        bool          // it sends nothing by itself
	// It handles nothing more either: what follows a message that could not be handled, because the connection was lost meanwhile, would be
	// taken for something else, uploads behind a QUERY for uploads before it.
	stopped bool

	file          store.File // as far as it is durable
	own           []store.Own
	resets        map[uint64][]store.Reset // by version
	broken        uint64                   // version of the first bootstrap that was begun and broken off since the last that arrived, 0: none
	leftovers     []leftover               // of those that were broken off
	keepFrom      uint64                   // views of lower query versions are of no use any more
	epochs        []history.Epoch
	set           *view.Set  // in force: what the client has, as of at
	foreign       bool       // the client follows set: it is sent what others change
	at            uint64     // server version up to which the client is, or needn't be, told
	clientVersion uint64     // own version that is contained in at
	query         int64      // query version of what the client has
	lastQuery     int64      // highest query version that was received
	sentVersion   uint64     // download_server_version of the last DOWNLOAD, or of IDENT
	greet         bool       // no DOWNLOAD was sent yet
	ack           bool       // an upload waits for its acknowledgement ...
	ackAt         uint64     // ... as soon as the session is here
	boot          *boot      // the bootstrap under way
	large         *view.Part // the version after at, if it is large for the client and not yet prepared
	batched       *boot      // ... and when it is prepared
	mark          *mark
	lastMark      uint64 // request of the newest MARK

	header      *wire.Upload // newest that was received
	lazy        *wire.Upload // without changesets, and not yet given to the engine
	lazyCount   int
	flying      int // uploads that the engine has
	flyingBytes int
}

// received is a message in the inbox.
type received struct {
	message wire.ClientMessage
	size    int
}

// answer is what the engine says of an upload.
type answer struct {
	result  history.Result
	err     error
	bytes   int
	content bool // it had changesets
}

// mark is a MARK that waits for its answer.
type mark struct {
	request uint64
	target  uint64 // the version that must have been sent
}

func newSession(c *conn, m *wire.Bind) *session {
	s := &session{
		conn: c, app: c.app, sid: m.Session, bind: m, stream: &history.Stream{},
		wake: make(chan struct{}, 1), space: make(chan struct{}, 1), done: make(chan struct{}),
		resets: map[uint64][]store.Reset{},
	}
	s.log = c.log.With(slog.Uint64("session", s.sid))
	s.watcher = view.NewWatcher(s.signal)
	return s
}

// signal notes that there is something to do. It never blocks.
func (s *session) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// put hands a message over. It waits while the inbox is full; only the reader calls it. false: the session has ended.
func (s *session) put(m wire.ClientMessage, size int) bool {
	for {
		s.mu.Lock()
		if s.gone {
			s.mu.Unlock()
			return false
		}
		if len(s.inbox) < inboxMessages {
			s.inbox = append(s.inbox, received{m, size})
			s.mu.Unlock()
			s.signal()
			return true
		}
		s.mu.Unlock()
		select {
		case <-s.space:
		case <-s.done:
			return false
		case <-s.conn.live.Done():
			return false
		}
	}
}

// discard gives back what is counted of messages that nobody will handle.
func (s *session) discard(list []received) {
	for _, r := range list {
		s.conn.server.inbound.give(s.conn, r.size)
	}
}

// take returns what has come in, as much as may be handled at once.
func (s *session) take() (answers []answer, leaving bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answers, s.answered = s.answered, nil
	if len(s.todo) == 0 {
		s.todo, s.inbox = s.inbox, nil
		select {
		case s.space <- struct{}{}:
		default:
		}
	}
	return answers, s.leaving
}

// unbind ends the session at the client's wish: its file is free at once. The reader calls it.
func (s *session) unbind() {
	s.mu.Lock()
	s.leaving = true
	s.mu.Unlock()
	s.release()
	s.signal()
}

// release gives the file up: what was uploaded and is not begun is dropped, and another session may have the file.
func (s *session) release() {
	s.stream.End()
	s.unclaim()
}

// unclaim may be called by the reader while the session's goroutine is at it: when it returns the file is free in any case.
func (s *session) unclaim() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claimed != 0 {
		s.app.unclaim(s.claimed, s)
		s.claimed = 0
	}
}

// run is the session's goroutine.
func (s *session) run() {
	s.conn.server.metrics.sessions.Inc()
	defer func() {
		// If the connection was lost, what the engine has is integrated all the same: the client may never come back.
		s.unclaim()
		s.settle()
		s.drop()
		s.mu.Lock()
		s.gone = true
		left := s.inbox
		s.inbox = nil
		s.mu.Unlock()
		s.discard(left)
		s.discard(s.todo)
		s.conn.server.metrics.sessions.Dec()
		close(s.done)
	}()
	if s.after != nil {
		select {
		case <-s.after:
		case <-s.conn.live.Done():
			return
		}
	}
	if err := s.work(); err != nil && s.conn.live.Err() == nil && !errors.Is(err, errFailed) {
		// The socket didn't take a message, or a message could not be made: the connection is of no use any more.
		s.log.Warn("a session ended its connection", slog.Any("error", err))
		s.conn.close(wire.CloseInternalError, "internal error")
	}
}

// work does what there is to do until the session ends. An error ends the connection.
func (s *session) work() error {
	if err := s.begin(); err != nil {
		return err
	}
	ctx := s.conn.live
	for {
		if ctx.Err() != nil {
			return nil
		}
		// Before the answers are taken: those for all of the file's own versions up to here are among them then.
		distributed := s.app.fan.Version()
		answers, leaving := s.take()
		for _, a := range answers {
			if err := s.settleAnswer(a); err != nil {
				return err
			}
		}
		if leaving {
			if s.phase == failed {
				return nil
			}
			return s.conn.write(&wire.Unbound{Session: s.sid})
		}
		if err := s.reconsider(); err != nil {
			return err
		}
		if err := s.tidyUp(); err != nil {
			return err
		}
		worked, err := s.handle()
		if err != nil {
			return err
		}
		sent, err := s.produce(ctx, distributed)
		if err != nil {
			return err
		}
		if worked || sent {
			continue
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
		}
	}
}

// begin answers BIND.
func (s *session) begin() error {
	if s.excess {
		return s.fail(wire.CodeOtherSessionError, "there are too many sessions on this connection; close some")
	}
	data, err := wire.ParseBindData(s.bind.Data)
	if err != nil {
		s.conn.fail(wire.CodeBadSyntax, err.Error())
		return errFailed
	}
	if rules := cmp.Or(data.MergeRules, merge.Compatible.String()); rules != s.app.rules.String() {
		// Resetting the client would not help, nor would coming again.
		m := wire.NewJSONError(s.sid, wire.CodeOtherSessionError, clip(fmt.Sprintf("the app %q merges by the rules %q, the client by the rules %q: "+
			"all clients of an app must merge as its server does; use a client that knows the app's rules, or another app", s.app.id, s.app.rules, rules)))
		m.Action, m.TryAgain = wire.ApplicationBug, false
		return s.failWith(m)
	}
	if ok, err := s.admit(); !ok || err != nil {
		return err
	}
	if ok, err := s.checkVersion(data.SchemaVersion); !ok || err != nil {
		return err
	}
	s.schemaVersion = data.SchemaVersion
	if !s.bind.NeedIdent {
		return nil
	}
	file, err := s.app.engine.NewFile(s.conn.live, s.conn.who.UserID, data.SchemaVersion)
	if err != nil {
		return s.failServer(err)
	}
	return s.conn.write(&wire.ServerIdent{Session: s.sid, FileIdent: file.Ident, Salt: file.Salt})
}

// handle handles the messages that can be handled now. It says whether there were any.
func (s *session) handle() (worked bool, err error) {
	for len(s.todo) > 0 && !s.stopped && !s.blocked(s.todo[0].message) {
		m, size := s.todo[0].message, s.todo[0].size
		s.todo[0] = received{}
		s.todo = s.todo[1:]
		worked = true
		s.inHand = size
		err := s.message(m)
		s.conn.server.inbound.give(s.conn, s.inHand)
		s.inHand = 0
		if err != nil {
			return worked, err
		}
	}
	return worked, nil
}

// blocked tells whether a message, and all behind it, must wait.
func (s *session) blocked(m wire.ClientMessage) bool {
	if s.phase != running {
		return false
	}
	switch m.(type) {
	case *wire.Query:
		// What was written before a query changes is judged by the old one, and bootstraps come one after the other.
		return s.flying > 0 || s.boot != nil || s.large != nil || s.batched != nil
	case *wire.Upload:
		return s.flying >= underWay || s.flyingBytes >= underWayBytes
	default:
		return false
	}
}

// isLeaving tells whether the client has unbound the session.
func (s *session) isLeaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving
}

func (s *session) message(m wire.ClientMessage) error {
	if s.phase == failed {
		return nil
	}
	if t, ok := m.(*wire.TestCommand); ok {
		return s.testCommand(t)
	}
	if _, ident := m.(*wire.Ident); ident != (s.phase == waitIdent) {
		if s.phase == waitIdent && s.isLeaving() {
			return nil // UNBIND came before its IDENT had its turn, which was passed over: so is what is behind it
		}
		s.conn.fail(wire.CodeBadMessageOrder, "session "+strconv.FormatUint(s.sid, 10)+" sent "+m.Name()+
			", but IDENT is sent exactly once, before everything else")
		return errFailed
	}
	switch m := m.(type) {
	case *wire.Ident:
		return s.identify(m)
	case *wire.Upload:
		return s.upload(m)
	case *wire.Query:
		return s.change(m)
	case *wire.Mark:
		return s.marked(m)
	case *wire.ClientJSONError:
		return s.clientError(m)
	}
	return nil
}

// marked notes a MARK. Of several that wait only the newest is answered.
func (s *session) marked(m *wire.Mark) error {
	if m.Request <= s.lastMark {
		s.conn.fail(wire.CodeBadMessageOrder, "MARK "+strconv.FormatUint(m.Request, 10)+" does not follow the requests before it")
		return errFailed
	}
	s.lastMark = m.Request
	s.mark = &mark{m.Request, s.app.engine.Version()}
	s.app.fan.Reach(s.mark.target, s.watcher)
	return nil
}

// clientError handles a client's report that it could not integrate what it was sent. It waits for an error of ours
// (spec/wire-protocol.md section 3.7).
func (s *session) clientError(m *wire.ClientJSONError) error {
	s.log.Warn("the client could not integrate a download", slog.Int("code", int(m.Code)), slog.String("error", m.Text()))
	switch m.Code {
	case wire.CodeBadChangeset, wire.CodeBadProgress, wire.CodeBadChangesetSize:
		return s.fail(wire.CodeBadClientFile, "the client could not integrate what the server sent: "+m.Text())
	default:
		return s.fail(wire.CodeOtherSessionError, "the client could not go on: "+m.Text())
	}
}

// fail sends an error for the session. Nothing follows it.
func (s *session) fail(code wire.ErrorCode, text string) error {
	return s.failWith(wire.NewJSONError(s.sid, code, clip(text)))
}

func (s *session) failWith(m *wire.JSONError) error {
	if m.Action == wire.ClientReset {
		m.Action = s.resetAction()
	}
	m.RecoveryModeDisabled = m.Action == wire.ClientResetNoRecovery
	s.log.Warn("the session fails", slog.String("code", m.Code.String()), slog.String("error", m.Message))
	s.end()
	s.conn.server.metrics.errors.WithLabelValues(strconv.Itoa(int(m.Code))).Inc()
	return s.conn.write(m)
}

// end makes the session ignore everything until UNBIND.
func (s *session) end() {
	s.phase = failed
	s.release()
	s.discard(s.todo)
	s.todo = nil
	s.drop()
}

// failEngine sends what the engine refused, or that the server has a problem.
func (s *session) failEngine(err error) error {
	var refusal *history.Error
	if !errors.As(err, &refusal) {
		return s.failServer(err)
	}
	m := wire.NewJSONError(s.sid, wire.ErrorCode(refusal.Code), clip(refusal.Message))
	if errors.Is(err, changeset.ErrUnsupported) {
		// Resetting the client would lose its data and help nobody.
		m.Action, m.ShouldClientReset = wire.ApplicationBug, false
	}
	if m.Action == wire.ClientReset {
		m.Action = s.resetAction()
	}
	return s.failWith(m)
}

// failServer tells the client to come again.
func (s *session) failServer(err error) error {
	if s.conn.live.Err() != nil || errors.Is(err, context.Canceled) {
		s.paused, s.stopped = true, true // it is about to end: it must not go on as if the work had been done
		return nil
	}
	s.log.Error("a session can't go on", slog.Any("error", err))
	return s.fail(wire.CodeOtherSessionError, "the server has a problem; its log says more")
}

// drop releases what the session holds.
func (s *session) drop() {
	if s.boot != nil {
		s.boot.close()
		s.boot = nil
	}
	if s.batched != nil {
		s.batched.close()
		s.batched = nil
	}
	s.large = nil
	if s.set != nil {
		s.set.Unwatch(s.watcher)
		s.set.Release()
		s.set = nil
	}
	s.charge(nil)
	s.mark = nil
}
