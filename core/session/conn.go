package session

import (
	"context"
	"sync"
	"time"
	"unsafe"

	"realmsync/core/wire"
)

// connKey says which sessions share a connection.
type connKey struct {
	route string
	user  string
}

// conn runs a link: it is the loop of one connection, with its socket, its clock and its timers. Its fields belong to the loop's
// goroutine but for the mailbox and what never changes.
type conn struct {
	m    *Manager
	key  connKey
	link *link
	mail *mailbox[func(l *link, now time.Time)]

	user   User   // whose token is used
	dialer Dialer // of the last session that was asked

	// Of the present attempt.
	cancel   context.CancelFunc
	incoming chan received
	outgoing chan []byte

	group sync.WaitGroup // what the loop has started
}

// received is what a socket gave.
type received struct {
	attempt uint64
	msg     wire.ServerMessage
	size    int
	bad     error // msg could not be parsed
	err     error // the socket is at its end
}

func newConn(m *Manager, key connKey, user User) *conn {
	log := m.opt.Logger.With("user", key.user)
	return &conn{
		m: m, key: key, user: user, dialer: m.opt.Dialer, link: newLink(m.opt.Timings, m.opt.Random, m.opt.QueueBytes, log),
		mail: newMailbox[func(*link, time.Time)](), incoming: make(chan received),
	}
}

// post has f called by the loop.
func (c *conn) post(f func(l *link, now time.Time)) { c.mail.put(f) }

// run is the loop. It ends when the manager is closed, or when nobody needs the connection any more.
func (c *conn) run() {
	defer c.group.Wait()
	defer c.close()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		again := false
		if e := contained(c.link.log, "running the connection", func() { again = c.turn(timer) }); e != nil {
			c.defect(e)
			again = !c.m.retire(c)
		}
		if !again {
			return
		}
	}
}

// turn waits for something to happen and deals with it. It tells whether the loop goes on.
func (c *conn) turn(timer *time.Timer) bool {
	incoming := c.incoming
	if c.link.full() {
		incoming = nil // the reader waits, and with it the server
	}
	wait := time.Duration(1<<63 - 1)
	if at := c.link.deadline(); !at.IsZero() {
		wait = at.Sub(c.m.opt.Clock())
	}
	timer.Reset(wait)
	select {
	case <-c.m.ctx.Done():
		return false
	case <-c.mail.signal:
		for _, f := range c.mail.take() {
			f(c.link, c.m.opt.Clock())
		}
	case r := <-incoming:
		if r.err != nil {
			c.link.readFailed(r.attempt, r.err, c.m.opt.Clock())
		} else {
			c.link.received(r.attempt, r.msg, r.size, r.bad, c.m.opt.Clock())
		}
	case <-timer.C:
		c.link.tick(c.m.opt.Clock())
	}
	c.perform()
	return !c.link.idle() || !c.m.retire(c)
}

// defect gives up the state of the connection, which can't be trusted any more, and stops its sessions.
func (c *conn) defect(e *Error) {
	c.close()
	for _, b := range c.link.bindings {
		c.m.callbacks.do(func() { b.owner.failed(b, e) })
	}
	c.link = newLink(c.m.opt.Timings, c.m.opt.Random, c.m.opt.QueueBytes, c.link.log)
}

// perform does what the link wants done.
func (c *conn) perform() {
	for _, a := range c.link.take() {
		switch a := a.(type) {
		case dialAction:
			c.dial(a.attempt)
		case closeAction:
			c.close()
		case sendAction:
			c.outgoing <- a.msg // has room for the one message
		case jobAction:
			a.b.owner.run(a.b, a.job)
		case eventAction:
			c.m.callbacks.do(func() {
				a.b.owner.handle(a.b, a.event)
				c.post(func(l *link, now time.Time) { l.heard(a.size, now) })
			})
		}
	}
}

func (c *conn) close() {
	if c.cancel != nil {
		c.cancel()
		c.cancel, c.outgoing = nil, nil
	}
}

// dial starts an attempt.
func (c *conn) dial(attempt uint64) {
	ctx, cancel := context.WithCancel(c.m.ctx)
	c.cancel, c.outgoing = cancel, make(chan []byte, 1)
	// The sessions may have got their user from different Apps: one that still has a session here counts.
	for _, b := range c.link.bindings {
		if b.wanted() {
			c.user, c.dialer = b.owner.user, c.m.opt.Dialer
			if b.owner.dialer != nil {
				c.dialer = b.owner.dialer
			}
			break
		}
	}
	user, dialer, outgoing := c.user, c.dialer, c.outgoing
	c.group.Go(func() {
		var socket Socket
		var err error
		if e := contained(c.m.opt.Logger, "connecting", func() {
			socket, err = dialer.Dial(ctx, appendToken(c.key.route, user.AccessToken()))
		}); e != nil {
			err = e
		}
		if err != nil {
			route, verified := user.Route()
			verified = verified && route == c.key.route
			c.post(func(l *link, now time.Time) { l.dialFailed(attempt, err, verified, now) })
			return
		}
		user.ConfirmRoute(c.key.route)
		c.group.Go(func() { c.write(ctx, attempt, socket, outgoing) })
		c.post(func(l *link, now time.Time) { l.opened(attempt, now) })
		c.read(ctx, attempt, socket)
	})
}

// read gives the loop what arrives. Parsing and inflating is done here, beside the loop.
func (c *conn) read(ctx context.Context, attempt uint64, socket Socket) {
	for {
		r := received{attempt: attempt}
		var raw []byte
		if e := contained(c.m.opt.Logger, "reading a message", func() {
			if raw, r.err = socket.Read(); r.err == nil {
				r.size = len(raw)
				r.msg, r.bad = wire.ParseServerMessage(raw, wire.Limits{})
				r.size += parsedSize(r.msg)
			}
		}); e != nil {
			r.err = e
		}
		select {
		case c.incoming <- r:
		case <-ctx.Done():
			return
		}
		if r.err != nil {
			return
		}
	}
}

// parsedSize is what a message takes beyond its bytes.
func parsedSize(m wire.ServerMessage) int {
	d, ok := m.(*wire.Download)
	if !ok {
		return 0
	}
	size := len(d.Entries) * int(unsafe.Sizeof(wire.DownloadEntry{}))
	if d.Body.Compressed {
		size += d.Body.Size
	}
	return size
}

// write sends what the loop gives.
func (c *conn) write(ctx context.Context, attempt uint64, socket Socket, outgoing <-chan []byte) {
	for {
		select {
		case msg := <-outgoing:
			var err error
			if e := contained(c.m.opt.Logger, "sending a message", func() { err = socket.Write(msg) }); e != nil {
				c.post(func(l *link, now time.Time) { l.readFailed(attempt, e, now) })
				return
			}
			if err != nil {
				return // Read says why
			}
			c.post(func(l *link, now time.Time) { l.written(attempt, now) })
		case <-ctx.Done():
			return
		}
	}
}

// appendToken adds the access token to a sync route, verbatim (wire-protocol 1.1).
func appendToken(route, token string) string {
	separator := "?"
	for i := range len(route) {
		if route[i] == '?' {
			separator = "&"
		}
	}
	return route + separator + wire.TokenQuery + "=" + token
}
