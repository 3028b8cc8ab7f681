package session

import (
	"errors"
	"fmt"
	"time"

	"realmsync/core/wire"
)

// messageOverhead is what a message costs beyond its bytes, roughly.
const messageOverhead = 256

// received takes a message of the server. bad: it could not be parsed. size: its bytes.
func (l *link) received(attempt uint64, m wire.ServerMessage, size int, bad error, now time.Time) {
	if l.state != open || attempt != l.attempt {
		return
	}
	if bad == nil {
		bad = l.receive(m, size, now)
	}
	if bad != nil {
		l.broken(bad, now)
	}
	l.settle(now)
}

// receive returns an error for a protocol violation.
func (l *link) receive(m wire.ServerMessage, size int, now time.Time) error {
	switch m := m.(type) {
	case *wire.Pong:
		if !l.ping.pong(m.Timestamp, now, l.t, l.random()) {
			return errors.New("a pong without its ping")
		}
		l.resetOnLoss = false
		return nil
	case *wire.LogMessage:
		l.logMessage(m)
		return nil
	case *wire.Error:
		if err := m.CheckReceived(); err != nil {
			return err
		}
		if m.Session == 0 {
			l.connectionError(fromServer(m.Code, string(m.Text), "", m.TryAgain, wire.NoAction), nil, now)
			return nil
		}
	case *wire.JSONError:
		if err := checkJSONError(m); err != nil {
			return err
		}
		if m.Session == 0 {
			l.connectionError(fromServer(m.Code, m.Message, m.LogURL, m.TryAgain, m.Action), m.Backoff, now)
			return nil
		}
	case *wire.QueryError:
		if err := m.CheckReceived(); err != nil {
			return err
		}
	case *wire.TestCommand:
		return errors.New("the answer to a test command that was not sent")
	}
	return l.receiveForSession(m, size, now)
}

// checkJSONError refuses what a client of flexible sync can't follow.
func checkJSONError(m *wire.JSONError) error {
	if m.Action == wire.MigrateToFLX || m.Action == wire.RevertToPBS {
		return fmt.Errorf("json_error asks for %v, which is for clients of partition-based sync", m.Action)
	}
	return m.CheckReceived()
}

func (l *link) receiveForSession(m wire.ServerMessage, size int, now time.Time) error {
	number := m.SessionIdent()
	if number == 0 {
		return nil // as the original does
	}
	b := l.byNumber[number]
	if b == nil {
		if _, was := l.used[number]; was && isError(m) {
			return nil // it crossed the UNBIND
		}
		return fmt.Errorf("%s for session %d, which does not exist", m.Name(), number)
	}
	if b.stage == leaving {
		return l.receiveLeaving(b, m)
	}
	if err := b.legal(m); err != nil {
		return err
	}
	if b.detached {
		b.errorSeen = b.errorSeen || isError(m) && suspends(m)
		return nil // UNBIND is about to be sent
	}
	l.hurried = false
	switch m.(type) {
	case *wire.ServerIdent:
		b.identReceived = true
	case *wire.Error, *wire.JSONError:
		b.errorSeen = suspends(m)
	}
	size += messageOverhead
	b.inbox = append(b.inbox, inbound{m, size})
	b.inboxSize += size
	l.queued += size
	l.touch(b)
	return nil
}

// receiveLeaving takes what arrives between UNBIND and UNBOUND.
func (l *link) receiveLeaving(b *binding, m wire.ServerMessage) error {
	switch m.(type) {
	case *wire.Unbound:
		l.remove(b)
	case *wire.Error, *wire.JSONError:
		if suspends(m) {
			l.remove(b) // it crossed the UNBIND, which the server takes silently then
		}
	}
	return nil
}

func isError(m wire.ServerMessage) bool {
	switch m.(type) {
	case *wire.Error, *wire.JSONError:
		return true
	default:
		return false
	}
}

// suspends tells whether an error ends the bind.
func suspends(m wire.ServerMessage) bool {
	switch m := m.(type) {
	case *wire.Error:
		return true
	case *wire.JSONError:
		return m.Code.Suspends()
	default:
		return false
	}
}

// legal tells whether the message may come now (wire-protocol 4).
func (b *binding) legal(m wire.ServerMessage) error {
	illegal := func(why string) error { return fmt.Errorf("%s for session %d, %s", m.Name(), b.number, why) }
	if b.errorSeen {
		return illegal("after an error that ends it")
	}
	switch m := m.(type) {
	case *wire.ServerIdent:
		if b.stage != bound || b.status.Ident != 0 || b.identReceived {
			return illegal("which asked for none")
		}
		if m.FileIdent == 0 || m.Salt == 0 {
			return illegal("with an ident or a salt of 0")
		}
	case *wire.Mark:
		if b.stage != running || m.Request > b.markSent || m.Request <= b.lastMark() {
			return illegal("which did not send it")
		}
	case *wire.Download, *wire.QueryError:
		if b.stage != running {
			return illegal("which has not sent IDENT")
		}
	case *wire.Error, *wire.JSONError:
		if b.stage != bound && b.stage != running {
			return illegal("which has not sent BIND")
		}
	default:
		return illegal("which did not ask for it")
	}
	return nil
}

// lastMark is the number of the last MARK that was received, handled or not.
func (b *binding) lastMark() uint64 {
	for i := len(b.inbox) - 1; i >= 0; i-- {
		if m, ok := b.inbox[i].msg.(*wire.Mark); ok {
			return m.Request
		}
	}
	return b.markReceived
}

// connectionError is an error of the server about the whole connection (wire-protocol 9.3).
func (l *link) connectionError(e *Error, server *wire.Backoff, now time.Time) {
	kind := endedTryLater
	if e.Fatal {
		kind = endedForGood
	}
	l.end(kind, e, server, now)
}

// jsonError is an error of the server about a session.
func (l *link) jsonError(b *binding, m *wire.JSONError, now time.Time) {
	e := fromServer(m.Code, m.Message, m.LogURL, m.TryAgain, m.Action)
	if m.Rejected != nil {
		for _, u := range m.Rejected.Updates {
			e.CompensatingWrites = append(e.CompensatingWrites, CompensatingWrite{Class: u.Table, PrimaryKey: u.PrimaryKey, Reason: u.Reason})
		}
	}
	if m.Code == wire.CodeCompensatingWrite {
		l.compensating(b, e, m.Rejected.ServerVersion, now)
		return
	}
	l.serverError(b, e, m.Code, m.Backoff, now)
}

// compensating keeps an error 231 until the DOWNLOAD that takes the write back is integrated (sync-semantics 5.2).
func (l *link) compensating(b *binding, e *Error, version uint64, now time.Time) {
	if b.compSize += messageOverhead + e.size(); b.compSize > maxCompensations {
		l.broken(errors.New("too many compensating writes are announced and none is sent"), now)
		return
	}
	b.compensated = append(b.compensated, &pendingCompensation{version, e})
}

// size is what the texts of an error take.
func (e *Error) size() int {
	size := len(e.Message)
	for _, c := range e.CompensatingWrites {
		size += messageOverhead + len(c.Class) + len(c.PrimaryKey) + len(c.Reason)
	}
	return size
}

// serverError suspends the session, unless the code says otherwise (sync-semantics 1.8).
func (l *link) serverError(b *binding, e *Error, code wire.ErrorCode, server *wire.Backoff, now time.Time) {
	if !code.Suspends() {
		l.tell(b, failureEvent{e})
		return
	}
	var resumeAt time.Time
	switch {
	case e.Fatal:
	case code == wire.CodeSessionClosed:
		resumeAt = now.Add(l.t.SessionClosed)
	default:
		p := l.t.pace()
		if server != nil {
			p = serverPace(server)
		}
		resumeAt = now.Add(b.resumption.next(int(code), p, l.random()))
	}
	l.suspend(b, e, resumeAt, now)
}

// suspend takes the session off the server until it is resumed.
func (l *link) suspend(b *binding, e *Error, resumeAt, now time.Time) {
	wanted := b.wanted()
	b.suspended, b.resumeAt = true, resumeAt
	b.mustUnbind = b.stage == bound || b.stage == running
	b.dropInbox(l)
	b.query, b.upload = nil, nil
	if wanted {
		l.unwant(now)
	}
	l.report(b, Disconnected)
	l.tell(b, failureEvent{e})
	l.touch(b)
}

// resume ends the suspension: the session is bound again, under its number, as soon as UNBIND has gone out.
func (l *link) resume(b *binding, now time.Time) {
	b.suspended, b.resumeAt = false, time.Time{}
	l.want(b, now)
}

func (l *link) logMessage(m *wire.LogMessage) {
	if m.ConnectionID != "" && l.connectionID == "" {
		l.connectionID = m.ConnectionID
	}
	if m.Message != "" {
		l.log.Debug("the server says", "session", m.Session, "level", m.Level.String(), "connection", l.connectionID, "message", m.Message)
	}
}
