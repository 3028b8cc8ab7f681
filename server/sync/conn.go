package sync

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"realmsync/core/wire"
	"realmsync/server/auth"
	"realmsync/server/excerpt"
)

// linger is how long a connection is still read after an error was sent on it: closing at once could destroy the error on
// its way.
const linger = 5 * time.Second

// socket is what is needed of a WebSocket; *websocket.Conn is one. Write and the two ways to close may be called by several
// goroutines.
type socket interface {
	Read(ctx context.Context) (websocket.MessageType, []byte, error)
	Write(ctx context.Context, kind websocket.MessageType, data []byte) error
	Close(code websocket.StatusCode, reason string) error
	CloseNow() error
}

// conn is one WebSocket. The goroutine of serve reads; sessions write, each its own messages.
type conn struct {
	server  *Server
	app     *app
	ws      socket
	who     auth.Identity
	version int    // negotiated
	number  uint64 // connections are numbered as they come, before their clients know that they have them
	log     *slog.Logger
	// entered is called once Revoke knows the connection; its error says that the access was revoked before. nil: it can't have been.
	entered func() error
	// readOut takes the rest of a message that was refused for its size off the connection. nil: there is none.
	readOut func()

	ctx    context.Context // of the connection: its end drops the socket
	cancel context.CancelFunc
	live   context.Context // of the sessions: ends with ctx, or with an error of the connection
	die    context.CancelFunc

	mu      sync.Mutex
	ended   bool // nothing more is added to running
	closed  bool // a close frame is on its way
	running sync.WaitGroup

	held  int64         // of what the client has sent, bytes; guarded by inbound.mu
	shed  bool          // it held most when all held too much; guarded by inbound.mu
	space chan struct{} // holds one token: it may hold little enough again

	sending chan struct{} // one token: the session that makes a message and sends it, so that those that wait hold none
	boots   chan struct{} // tokens: bootstraps that are made and not yet sent

	writing sync.Mutex
	failed  bool // guarded by writing: an error was sent for the connection, and nothing may follow

	// The reader's.
	sessions map[uint64]*session
	// Unbound ones that may still be sending UNBOUND: what is closed when they have. It is not they that are held: a client that pauses and goes on leaves one each time.
	leaving map[uint64]<-chan struct{}
}

var errFailed = errors.New("sync: an error was sent on the connection")

func newConn(s *Server, a *app, ws socket, who auth.Identity, version int, remote string, number uint64) *conn {
	c := &conn{
		server: s, app: a, ws: ws, who: who, version: version, number: number,
		sessions: map[uint64]*session{}, leaving: map[uint64]<-chan struct{}{},
		space: make(chan struct{}, 1), sending: make(chan struct{}, 1), boots: make(chan struct{}, connBoots),
	}
	c.log = s.log.With(slog.String("app", a.id), slog.String("user", who.UserID), slog.String("remote", remote))
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.live, c.die = context.WithCancel(c.ctx)
	return c
}

// serve reads until the connection ends, then waits for its sessions.
func (c *conn) serve() {
	defer c.cancel()
	if err := c.server.enter(c); err != nil {
		_ = c.ws.Close(websocket.StatusCode(wire.CloseInternalError), "the server is shutting down")
		return
	}
	defer c.server.leave(c)
	if c.entered != nil {
		if err := c.entered(); err != nil {
			c.close(revoked(errors.Is(err, auth.ErrForbidden)))
		}
	}
	c.server.metrics.connections.Inc()
	defer c.server.metrics.connections.Dec()
	if !c.who.Expires.IsZero() {
		expiry := time.AfterFunc(c.who.Expires.Sub(c.server.cfg.Now()), func() { c.close(wire.CloseUnauthorized, "the access token has expired") })
		defer expiry.Stop()
	}
	c.log.Debug("connected", slog.Int("protocol", c.version))
	err := c.read()
	c.die()
	c.mu.Lock()
	c.ended = true
	closing := c.closed
	c.mu.Unlock()
	if !closing {
		if errors.Is(err, websocket.ErrMessageTooBig) {
			c.log.Warn("a message was refused, because it is too large; a transaction of a client is uploaded in one", slog.Int("limit", c.server.cfg.Limits.Message))
			if c.readOut != nil {
				c.readOut() // the code was sent
			}
		}
		_ = c.ws.CloseNow()
	}
	c.cancel()
	c.running.Wait()
	c.log.Debug("disconnected", slog.Any("reason", err))
}

// read hands messages over until the connection ends.
func (c *conn) read() error {
	for {
		if err := c.patient(); err != nil {
			return err
		}
		kind, data, err := c.receive()
		if err != nil {
			return err
		}
		if c.live.Err() != nil {
			c.server.inbound.give(c, len(data))
			continue // after an error: read on, so that the error arrives
		}
		if kind != websocket.MessageBinary {
			c.server.inbound.give(c, len(data))
			c.close(wire.CloseCode(websocket.StatusUnsupportedData), "messages must be binary")
			continue
		}
		c.server.metrics.inBytes.Add(float64(len(data)))
		m, size, err := c.unpack(data)
		if err != nil {
			c.refuse(err)
			continue
		}
		c.server.metrics.received.WithLabelValues(m.Name()).Inc()
		if !c.dispatch(m, size) {
			c.server.inbound.give(c, size)
		}
	}
}

// refuse answers a message that can't be read.
func (c *conn) refuse(err error) {
	var problem *wire.ProtocolError
	if !errors.As(err, &problem) {
		c.fail(wire.CodeBadSyntax, err.Error())
		return
	}
	code := problem.Code()
	if info, _ := code.Info(); info.Close != 0 {
		c.log.Warn("a message was refused", slog.Any("error", err))
		c.close(info.Close, err.Error())
		return
	}
	c.fail(code, err.Error())
}

// dispatch gives a message to its session. kept says that the session has it now, and with it what is counted of it.
func (c *conn) dispatch(m wire.ClientMessage, size int) (kept bool) {
	sid := m.SessionIdent()
	s := c.sessions[sid]
	switch m := m.(type) {
	case *wire.Ping:
		c.pong(m)
		return false
	case *wire.Bind:
		c.bind(m, s)
		return false
	case *wire.Unbind:
		if s != nil {
			delete(c.sessions, sid)
			c.leave(s)
			return false
		}
	}
	if s == nil {
		c.fail(wire.CodeBadSessionIdent, "there is no session "+strconv.FormatUint(sid, 10)+" on this connection: BIND comes first")
		return false
	}
	return s.put(m, size)
}

func (c *conn) pong(m *wire.Ping) { _ = c.write(&wire.Pong{Timestamp: m.Timestamp}) }

// bind starts a session.
func (c *conn) bind(m *wire.Bind, have *session) {
	switch {
	case m.Session == 0:
		c.fail(wire.CodeBadSyntax, "BIND has the session ident 0; they start at 1")
		return
	case have != nil:
		c.fail(wire.CodeReuseOfSessionIdent, "session "+strconv.FormatUint(m.Session, 10)+" is bound already")
		return
	case len(c.sessions) >= 2*c.server.cfg.MaxSessions:
		c.fail(wire.CodeOtherError, "there are too many sessions on this connection; close some")
		return
	}
	s := newSession(c, m)
	if len(c.sessions) >= c.server.cfg.MaxSessions {
		s.excess = true
	}
	if old := c.leaving[m.Session]; old != nil {
		s.after = old
		delete(c.leaving, m.Session)
	}
	c.sessions[m.Session] = s
	c.running.Go(s.run)
}

// leave ends a session at the client's wish.
func (c *conn) leave(s *session) {
	s.unbind()
	for sid, old := range c.leaving { // all, each time: a client that pauses and goes on all day would leave some behind
		select {
		case <-old:
			delete(c.leaving, sid)
		default:
		}
	}
	for sid, old := range c.leaving {
		if len(c.leaving) < c.server.cfg.MaxSessions {
			break
		}
		// Each waits to send UNBOUND to a client that doesn't read: it doesn't need more of them.
		select {
		case <-old:
			delete(c.leaving, sid)
		case <-c.live.Done():
			return
		}
	}
	c.leaving[s.sid] = s.done
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// keepBuffer is the largest buffer that is used again.
const keepBuffer = 4 << 20

// write sends a message, and returns when the socket has taken it. Any goroutine may call it.
func (c *conn) write(m wire.ServerMessage) error {
	buffer := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buffer) <= keepBuffer {
			buffers.Put(buffer)
		}
	}()
	data, err := m.Append((*buffer)[:0])
	if err != nil {
		// A bug of ours: the message would have harmed the client.
		c.log.Error("a message was not sent", slog.String("message", m.Name()), slog.Any("error", err))
		return err
	}
	*buffer = data
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.writeLocked(m.Name(), data)
}

func (c *conn) writeLocked(name string, data []byte) error {
	if c.failed {
		return errFailed
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.server.cfg.WriteTimeout)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageBinary, data); err != nil {
		return err
	}
	c.server.metrics.sent.WithLabelValues(name).Inc()
	c.server.metrics.outBytes.Add(float64(len(data)))
	return nil
}

// fail ends the connection with an error. The client closes it; if it doesn't, it is dropped a little later.
func (c *conn) fail(code wire.ErrorCode, text string) {
	m := wire.NewJSONError(0, code, clip(text))
	data, err := m.Append(nil)
	c.writing.Lock()
	if c.failed {
		c.writing.Unlock()
		return
	}
	c.log.Warn("the connection fails", slog.String("code", code.String()), slog.String("error", text))
	c.server.metrics.errors.WithLabelValues(strconv.Itoa(int(code))).Inc()
	if err == nil {
		err = c.writeLocked(m.Name(), data)
	}
	c.failed = true
	c.writing.Unlock()
	c.die()
	if err != nil {
		c.kill()
		return
	}
	c.goUnlessEnded(func() {
		timer := time.NewTimer(linger)
		defer timer.Stop()
		select {
		case <-c.ctx.Done():
		case <-timer.C:
			c.kill()
		}
	})
}

// close sends a close frame and drops the connection when the client has seen it, or soon. It doesn't block.
func (c *conn) close(code wire.CloseCode, reason string) {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if !first {
		return
	}
	if len(reason) > 120 {
		reason = reason[:120]
	}
	c.die()
	if !c.goUnlessEnded(func() {
		_ = c.ws.Close(websocket.StatusCode(code), reason)
		c.cancel()
	}) {
		c.kill()
	}
}

// kill drops the connection. It doesn't block.
func (c *conn) kill() { c.cancel() }

func (c *conn) goUnlessEnded(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	c.running.Go(f)
	return true
}

// clip bounds texts for clients.
func clip(s string) string { return excerpt.Of(s, 4096) }
