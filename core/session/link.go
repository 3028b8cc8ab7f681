package session

import (
	"log/slog"
	"slices"
	"time"

	"realmsync/core/wire"
)

// linkState is the state of a connection.
type linkState uint8

const (
	closed  linkState = iota // no connection, and no attempt under way; the next is due at link.reconnectAt, if anybody wants one
	dialing                  // an attempt is under way
	open
)

// link is the state machine of one connection and of the protocol sessions on it: messages, results and time go in by methods, actions
// are collected until take. It does no I/O, reads no clock and starts nothing; one goroutine at a time uses it.
//
// Memory is bounded: what was received and not handled is counted in queued and untold, and the owner stops reading while full says so. The rest
// grows with what this side has asked for.
type link struct {
	t      Timings
	random func() float64
	log    *slog.Logger
	limit  int // of queued and untold together

	state   linkState
	attempt uint64
	actions []action

	// bindings that are not gone, in the order of their arrival, and by number. used has all numbers that there ever were.
	bindings []*binding
	byNumber map[uint64]*binding
	used     map[uint64]struct{}
	wanted   int // bindings that the connection is kept for

	touched []*binding // something happened to them in this event
	ready   []*binding // may have something to send, first come first served
	writing bool
	queued  int // bytes in the inboxes
	untold  int // bytes of events that the application hasn't heard of
	wasFull bool

	reconnectAt time.Time
	forGood     bool // the server said not to come back
	series      backoff
	resetOnLoss bool // the next reconnection starts a fresh series
	hurried     bool // a new token has ended a delay, and no session has got a message since
	lostAt      time.Time
	wasOpen     bool

	dialBy, lingerUntil time.Time
	ping                pinger
	connectionID        string
}

func newLink(t Timings, random func() float64, limit int, log *slog.Logger) *link {
	return &link{t: t, random: random, log: log, limit: limit, byNumber: map[uint64]*binding{}, used: map[uint64]struct{}{}}
}

// take returns what is to be done, in order, and forgets it.
func (l *link) take() []action {
	a := l.actions
	l.actions = nil
	return a
}

func (l *link) do(a action) { l.actions = append(l.actions, a) }

// tell tells a session something. What the application has not heard yet counts as memory that the server uses.
func (l *link) tell(b *binding, e event) {
	size := messageOverhead
	if f, ok := e.(failureEvent); ok {
		size += f.err.size()
	}
	l.untold += size
	l.do(eventAction{b, e, size})
}

// heard is called when the application has heard of an event.
func (l *link) heard(size int, now time.Time) {
	l.untold -= size
	l.settle(now)
}

// full tells whether so much waits for the files, or for the application, that nothing more is to be read.
func (l *link) full() bool { return l.queued+l.untold > l.limit }

// idle tells whether there is nothing left to do, ever, unless a binding arrives.
func (l *link) idle() bool { return len(l.bindings) == 0 && l.state == closed }

// attach takes a new binding in.
func (l *link) attach(b *binding, now time.Time) {
	b.wantStart, b.delayed = true, !b.afterReset
	l.bindings = append(l.bindings, b)
	l.byNumber[b.number] = b
	l.used[b.number] = struct{}{}
	if l.state == open {
		b.established(false)
	}
	if l.forGood {
		// Somebody wants it again.
		l.forGood, l.reconnectAt = false, now
	}
	l.want(b, now)
	l.settle(now)
}

// detach lets go of a binding: UNBIND, if it is bound. Nothing is reported of it any more.
func (l *link) detach(b *binding, now time.Time) {
	if b.detached || b.stage == gone {
		return
	}
	wanted := b.wanted()
	b.detached = true
	b.dropInbox(l)
	b.wantStart, b.wantScan, b.newUploads, b.uploads, b.downloads = false, false, nil, nil, nil
	if b.stage == unbound {
		l.remove(b)
	} else {
		b.mustUnbind = true
		l.touch(b)
	}
	if wanted {
		l.unwant(now)
	}
	l.settle(now)
}

// remove forgets a binding.
func (l *link) remove(b *binding) {
	b.stage = gone
	b.dropInbox(l)
	delete(l.byNumber, b.number)
	l.bindings = slices.DeleteFunc(l.bindings, func(x *binding) bool { return x == b })
}

// want counts a binding that needs the connection, and reports how the connection stands.
func (l *link) want(b *binding, now time.Time) {
	l.wanted++
	l.lingerUntil = time.Time{}
	switch l.state {
	case dialing:
		l.report(b, Connecting)
	case open:
		l.report(b, Connecting)
		l.report(b, Connected)
	case closed:
		l.connect(now)
	}
	l.touch(b)
}

// unwant is called when a binding stops needing the connection.
func (l *link) unwant(now time.Time) {
	if l.wanted--; l.wanted == 0 && l.state != closed {
		l.lingerUntil = now.Add(l.t.Linger)
	}
}

func (l *link) report(b *binding, s ConnectionState) {
	if b.reported != s {
		b.reported = s
		l.tell(b, connectionEvent{s})
	}
}

// connect starts an attempt if one is wanted and due.
func (l *link) connect(now time.Time) {
	if l.state != closed || l.wanted == 0 || l.forGood || now.Before(l.reconnectAt) {
		return
	}
	l.state = dialing
	l.attempt++
	l.dialBy = now.Add(l.t.ConnectTimeout)
	l.do(dialAction{l.attempt})
	for _, b := range l.bindings {
		if b.wanted() {
			l.report(b, Connecting)
		}
	}
}

// opened is called when an attempt has succeeded.
func (l *link) opened(attempt uint64, now time.Time) {
	if l.state != dialing || attempt != l.attempt {
		return
	}
	l.log.Debug("connected", "attempt", attempt)
	fast := l.wasOpen && now.Sub(l.lostAt) <= l.t.FastReconnect
	l.state, l.wasOpen, l.writing = open, true, false
	l.dialBy = time.Time{}
	l.ping.start(now, l.t, l.random())
	if l.resetOnLoss {
		l.ping.urgent(now, l.t)
	}
	for _, b := range l.bindings {
		b.established(fast)
		if b.wanted() {
			l.report(b, Connected)
			l.touch(b)
		}
	}
	l.settle(now)
}

// dialFailed is called when an attempt has failed. verified: a server has confirmed the route.
func (l *link) dialFailed(attempt uint64, err error, verified bool, now time.Time) {
	if l.state == dialing && attempt == l.attempt {
		end, e := fromDial(err, verified)
		l.end(end, e, nil, now)
		l.settle(now)
	}
}

// readFailed is called when the socket of an attempt gives nothing more.
func (l *link) readFailed(attempt uint64, err error, now time.Time) {
	if l.state == open && attempt == l.attempt {
		end, e := fromRead(err)
		l.end(end, e, nil, now)
		l.settle(now)
	}
}

// end closes the connection, or gives up the attempt, and tells everybody why. server: the delays that the server asks for.
func (l *link) end(kind ending, why *Error, server *wire.Backoff, now time.Time) {
	l.do(closeAction{l.attempt})
	if l.state == open {
		l.lostAt = now
	}
	l.state, l.writing = closed, false
	l.dialBy, l.lingerUntil = time.Time{}, time.Time{}
	l.ping = pinger{epoch: l.ping.epoch, rtt: l.ping.rtt}
	l.ready, l.touched = nil, nil
	for _, b := range slices.Clone(l.bindings) {
		b.queued = false
		b.newBind(l)
		if b.detached {
			l.remove(b)
			continue
		}
		if !b.suspended {
			l.report(b, Disconnected)
			if why != nil {
				l.tell(b, failureEvent{why})
			}
		}
		l.touch(b)
	}
	l.forGood = kind == endedForGood
	l.reconnectAt = now.Add(l.delay(kind, server))
	if kind != endedByUs && why != nil {
		l.log.Debug("connection ended", "reason", why.Error(), "retry_at", l.reconnectAt)
	}
	l.connect(now)
}

// delay is how long to wait before the next attempt.
func (l *link) delay(kind ending, server *wire.Backoff) time.Duration {
	if l.resetOnLoss {
		l.resetOnLoss = false
		l.series.reset()
	}
	if kind == endedByUs || kind == endedForGood {
		l.series.reset()
		return 0
	}
	p := l.t.pace()
	if server != nil {
		p = serverPace(server)
	}
	return l.series.next(int(kind), p, l.random())
}

// pace is that of the defaults.
func (t Timings) pace() pace {
	return pace{initial: t.BackoffInitial, most: max(t.BackoffMax, t.BackoffInitial), multiplier: t.BackoffMultiplier}
}

// hurry ends all delays that stand between a binding and the server. asked: the application wants it; otherwise there is a new token, or
// a new location. Those that help nothing, because the server refuses them too, don't end the delay of the next attempt: a server that
// refuses whatever it gets isn't asked without pause.
func (l *link) hurry(b *binding, asked bool, now time.Time) {
	if b.detached || b.stage == gone {
		return
	}
	if asked || !l.hurried {
		l.hurried = !asked
		switch l.state {
		case closed:
			l.forGood, l.reconnectAt = false, time.Time{}
			l.series.reset()
			l.connect(now)
		case dialing:
			l.resetOnLoss = true
		case open:
			l.resetOnLoss = true
			l.ping.urgent(now, l.t)
		}
	}
	if b.suspended {
		l.resume(b, now)
	}
	l.settle(now)
}

// broken ends the connection because the server broke the protocol (wire-protocol 5.5).
func (l *link) broken(cause error, now time.Time) {
	l.log.Warn("the server violated the sync protocol", "reason", cause)
	l.end(endedViolation, violation(cause), nil, now)
}

// touch has a binding looked at when the event is over.
func (l *link) touch(b *binding) { l.touched = append(l.touched, b) }

// settle ends every event: starts the jobs that are due, and sends what there is to send.
func (l *link) settle(now time.Time) {
	for len(l.touched) > 0 {
		b := l.touched[0]
		l.touched = l.touched[1:]
		l.work(b, now)
		if b.stage != gone && !b.queued {
			b.queued = true
			l.ready = append(l.ready, b)
		}
	}
	l.send(now)
	if full := l.full(); l.wasFull && !full {
		// An answer may have been waiting unread.
		l.ping.extend(now, l.t)
	}
	l.wasFull = l.full()
}

// send gives one message to the socket, if it can take one.
func (l *link) send(now time.Time) {
	if l.state != open || l.writing {
		return
	}
	if l.ping.due {
		l.write(l.ping.message(now))
		return
	}
	for len(l.ready) > 0 {
		b := l.ready[0]
		m := b.next()
		if m == nil {
			l.ready = l.ready[1:]
			b.queued = false
			continue
		}
		msg, err := m.Append(nil)
		if err != nil {
			// Something in the file can't be sent. Trying again would not help.
			e := ownError(statusRuntime, err.Error(), wire.NoAction)
			e.Fatal, e.Err = true, err
			l.suspend(b, e, time.Time{}, now)
			continue
		}
		// Whoever has had its turn goes to the end.
		l.ready = append(l.ready[1:], b)
		b.sent(l, m)
		l.write(msg)
		l.work(b, now)
		return
	}
}

func (l *link) write(msg []byte) {
	l.writing = true
	l.do(sendAction{msg})
}

// written is called when the message of the last sendAction is on its way.
func (l *link) written(attempt uint64, now time.Time) {
	if l.state == open && attempt == l.attempt {
		l.writing = false
		l.settle(now)
	}
}

// tick is called when deadline has come, or at any other time.
func (l *link) tick(now time.Time) {
	reached := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	switch {
	case l.state == closed:
		l.connect(now)
	case l.state == dialing && reached(l.dialBy):
		l.end(endedTimeout, ownError(statusConnectTimeout, "Sync connection was not fully established in time", wire.NoAction), nil, now)
	case reached(l.lingerUntil):
		l.end(endedByUs, nil, nil, now)
	case l.state == open && l.ping.late(now) && !l.full():
		l.end(endedPong, ownError(statusClosed, "Timed out waiting for PONG response from server", wire.Transient), nil, now)
	case l.state == open:
		l.ping.tick(now, l.t)
	}
	for _, b := range l.bindings {
		if b.suspended && reached(b.resumeAt) {
			l.resume(b, now)
		}
		if reached(b.retryAt) {
			b.retryAt = time.Time{}
			l.touch(b)
		}
	}
	l.settle(now)
}

// deadline returns when tick is due, the zero time for never.
func (l *link) deadline() time.Time {
	var first time.Time
	at := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	switch l.state {
	case closed:
		if l.wanted > 0 && !l.forGood {
			at(l.reconnectAt)
		}
	case dialing:
		at(l.dialBy)
		at(l.lingerUntil)
	case open:
		at(l.lingerUntil)
		at(l.ping.deadline(l.full()))
	}
	for _, b := range l.bindings {
		if b.suspended {
			at(b.resumeAt)
		}
		at(b.retryAt)
	}
	return first
}
