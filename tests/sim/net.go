package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/coder/websocket"

	"realmsync/core/session"
	"realmsync/core/wire"
)

// window is how many messages are on their way to the server before the client has to wait. The other direction takes any number: a
// connection of the server writes under a lock, and a bubble isn't at rest while a goroutine waits for one.
const window = 3

// direction is one of the two of a link. Guarded by world.mu.
type direction struct {
	name   string
	queue  []message
	reader chan message  // somebody waits for a message
	room   chan struct{} // a token: there may be room
	gone   bool          // the reader's end is closed: what is written fails
	hole   bool          // what is written disappears
	deaf   bool          // the end of the writer isn't told to the reader
	held   int           // actions until something may be delivered
}

// message is one on its way, or the end of the connection.
type message struct {
	data []byte
	err  error
	born int // the number of actions when it was written
}

func (d *direction) ready() bool { return d.reader != nil && len(d.queue) > 0 && d.held == 0 }

// link is one connection of a client to the server.
type link struct {
	client *client
	number int
	up     direction // to the server
	down   direction
}

var errLost = errors.New("sim: the connection is lost")

// connect makes a link and a server's end for it.
func (w *world) connect(c *client) *link {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.connections++
	l := &link{client: c, number: c.connections}
	name := fmt.Sprintf("%s-%d", c.name, l.number)
	l.up = direction{name: name + ">", room: make(chan struct{}, 1)}
	l.down = direction{name: name + "<", room: make(chan struct{}, 1)}
	w.links = append(w.links, l)
	return l
}

// end puts the end of the connection behind what is on its way. world.mu is held.
func (w *world) end(d *direction, err error) {
	if !d.deaf && !slices.ContainsFunc(d.queue, func(m message) bool { return m.err != nil }) {
		d.queue = append(d.queue, message{err: err})
	}
}

// shut closes the reading end of a direction: who writes is told, who reads too. world.mu is held.
func (d *direction) shut() {
	d.gone, d.queue = true, nil
	if d.reader != nil {
		d.reader <- message{err: errLost}
		d.reader = nil
	}
	d.signal()
}

func (d *direction) signal() {
	select {
	case d.room <- struct{}{}:
	default:
	}
}

// drop takes links away that nobody uses any more. world.mu is held.
func (w *world) drop(l *link) {
	if l.up.gone && l.down.gone {
		w.links = slices.DeleteFunc(w.links, func(o *link) bool { return o == l })
	}
}

// clientGone closes the client's end.
func (w *world) clientGone(l *link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !l.down.gone {
		l.down.shut()
		w.end(&l.up, io.EOF)
		w.drop(l)
	}
}

// serverGone closes the server's end; err is what the client is told.
func (w *world) serverGone(l *link, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !l.up.gone {
		l.up.shut()
		w.end(&l.down, err)
		w.drop(l)
	}
}

func (w *world) write(ctx context.Context, l *link, d *direction, data []byte) error {
	for {
		w.mu.Lock()
		switch {
		case d.gone:
			w.mu.Unlock()
			return errLost
		case d.hole:
			w.mu.Unlock()
			return nil
		case len(d.queue) < window || d == &l.down:
			d.queue = append(d.queue, message{data: slices.Clone(data), born: w.acted})
			w.mu.Unlock()
			w.watch(l, d, data)
			return nil
		}
		w.mu.Unlock()
		select {
		case <-d.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *world) read(ctx context.Context, d *direction) ([]byte, error) {
	w.mu.Lock()
	if d.gone {
		w.mu.Unlock()
		return nil, errLost
	}
	ch := make(chan message, 1)
	d.reader = ch
	w.mu.Unlock()
	select {
	case m := <-ch:
		return m.data, m.err
	case <-ctx.Done():
		w.mu.Lock()
		if d.reader == ch {
			d.reader = nil
		}
		w.mu.Unlock()
		return nil, ctx.Err()
	}
}

// deliver lets the next message of a direction arrive.
func (w *world) deliver(l *link, d *direction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := d.queue[0]
	d.queue = d.queue[1:]
	if m.data != nil {
		if w.acted-m.born > 25 {
			w.faults["message delayed"]++
		}
		for _, o := range w.links {
			other := &o.up
			if d == &l.down {
				other = &o.down
			}
			if o != l && len(other.queue) > 0 && other.queue[0].data != nil && other.queue[0].born < m.born {
				w.faults["reordered between connections"]++
				break
			}
		}
	}
	w.tracef("%s %d %v", d.name, len(m.data), m.err)
	d.reader <- m
	d.reader = nil
	d.signal()
}

// The ways in which a connection is lost.
const (
	cutBoth    = iota // both ends learn of it
	cutClient         // the client learns of it; what it has sent still arrives, and only then the server learns of it
	cutServer         // the server learns of it; the client finds out when nobody answers
	cutDeaf           // as cutClient, but the server never learns of it
	cutMethods        // how many there are
)

// cut breaks a link. What is on its way is lost, but for what the way says.
func (w *world) cut(l *link, how uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lost := 0
	lose := func(d *direction) {
		for _, m := range d.queue {
			if m.data != nil {
				lost++
			}
		}
		d.queue, d.held = nil, 0
		d.signal()
	}
	lose(&l.down)
	switch how % cutMethods {
	case cutBoth:
		lose(&l.up)
		w.end(&l.up, io.EOF)
		w.end(&l.down, errLost)
		l.up.hole, l.down.hole = true, true
	case cutClient:
		w.end(&l.down, errLost)
		l.down.hole = true
		l.up.hole = true // what is on its way is; the client sends no more
	case cutServer:
		lose(&l.up)
		w.end(&l.up, io.EOF)
		l.up.hole, l.down.hole, l.down.deaf = true, true, true
	case cutDeaf:
		w.end(&l.down, errLost)
		l.up.hole, l.up.deaf, l.down.hole = true, true, true
		w.faults["half-open connection"]++
	}
	w.faults["message dropped"] += lost
}

// present returns the newest connection of a client, nil if there is none.
func (w *world) present(c *client) *link {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range slices.Backward(w.links) {
		if l.client == c && !l.down.gone {
			return l
		}
	}
	return nil
}

// watch notes what a message repeats.
func (w *world) watch(l *link, d *direction, data []byte) {
	c := l.client
	if d == &l.up {
		m, err := wire.ParseClientMessage(data, wire.ServerLimits())
		if up, ok := m.(*wire.Upload); ok && err == nil {
			w.mu.Lock()
			for _, e := range up.Entries {
				if e.ClientVersion <= c.sent {
					w.faults["changeset uploaded again"]++
				}
				c.sent = max(c.sent, e.ClientVersion)
			}
			w.mu.Unlock()
		}
		return
	}
	m, err := wire.ParseServerMessage(data, wire.Limits{})
	if down, ok := m.(*wire.Download); ok && err == nil && len(down.Entries) > 0 {
		w.mu.Lock()
		if first := down.Entries[0].ServerVersion; first <= c.told {
			w.faults["changeset downloaded again"]++
		}
		c.told = max(c.told, down.Entries[len(down.Entries)-1].ServerVersion)
		if down.BatchState == wire.MoreToCome {
			w.faults["large version, or bootstrap, in batches"]++
		}
		w.mu.Unlock()
	}
}

// clientSocket is the client's end of a link.
type clientSocket struct {
	w   *world
	ctx context.Context //nolint:containedctx // the life of the socket, as session.Dialer has it
	l   *link
}

func (s *clientSocket) Read() ([]byte, error)  { return s.w.read(s.ctx, &s.l.down) }
func (s *clientSocket) Write(msg []byte) error { return s.w.write(s.ctx, s.l, &s.l.up, msg) }

// Dial implements session.Dialer.
func (c *client) Dial(ctx context.Context, _ string) (session.Socket, error) {
	if err := c.w.pass(ctx, &c.machine, "dial"); err != nil {
		return nil, err
	}
	c.w.mu.Lock()
	refused := c.refuse > 0 || c.w.server.free
	if c.refuse > 0 {
		c.refuse--
		c.w.faults["connection refused"]++
	}
	c.w.mu.Unlock()
	if refused {
		return nil, errLost
	}
	l := c.w.connect(c)
	c.w.server.accept(l)
	context.AfterFunc(ctx, func() { c.w.clientGone(l) })
	return &clientSocket{c.w, ctx, l}, nil
}

// serverSocket is the server's end of a link (server/sync.Socket).
type serverSocket struct {
	w *world
	l *link
}

func (s *serverSocket) Read(ctx context.Context) (websocket.MessageType, []byte, error) {
	data, err := s.w.read(ctx, &s.l.up)
	return websocket.MessageBinary, data, err
}

func (s *serverSocket) Write(ctx context.Context, _ websocket.MessageType, data []byte) error {
	return s.w.write(ctx, s.l, &s.l.down, data)
}

func (s *serverSocket) Close(code websocket.StatusCode, reason string) error {
	s.w.serverGone(s.l, &session.CloseError{Code: wire.CloseCode(code), Reason: reason})
	return nil
}

func (s *serverSocket) CloseNow() error {
	s.w.serverGone(s.l, errLost)
	return nil
}
