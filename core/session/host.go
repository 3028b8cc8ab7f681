package session

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"realmsync/core/wire"
)

// SocketHost opens WebSockets by means of the program that the library is part of. Its methods are called on whatever goroutine, those of one
// socket one at a time; they begin something and return, what comes of it is reported to the HostSocket, on whatever goroutine and also from
// within the call.
type SocketHost interface {
	// Connect begins to open a WebSocket. The URL contains a token. After an error the socket is never heard of again.
	Connect(s *HostSocket, url string, protocols []string) error
	// Write begins to send a binary message, after Connected; HostSocket.Written reports. The next one comes after that.
	Write(s *HostSocket, msg []byte)
	// Close gives up a socket that Connect has begun to open, once: nothing that is reported counts any more.
	Close(s *HostSocket)
}

// hostQueueBytes bounds what a HostSocket has received and Read has not taken, beyond one message.
const hostQueueBytes = 1 << 20

// HostDialer is the Dialer of a SocketHost.
type HostDialer struct {
	host   SocketHost
	ctx    context.Context //nolint:containedctx // the life of the sockets
	cancel context.CancelFunc
	limit  int
}

var _ Dialer = (*HostDialer)(nil)

// NewHostDialer returns the Dialer of a host. Close it when the host is not to be used any more.
func NewHostDialer(host SocketHost) *HostDialer {
	d := &HostDialer{host: host, limit: wire.ClientLimits().Message}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// Close closes all sockets, soon, and makes no more.
func (d *HostDialer) Close() { d.cancel() }

var errHostClosed = errors.New("the app has been closed")

// Dial implements Dialer.
func (d *HostDialer) Dial(ctx context.Context, url string) (Socket, error) {
	if d.ctx.Err() != nil {
		return nil, errHostClosed
	}
	s := &HostSocket{
		host: d.host, limit: d.limit, opened: make(chan struct{}), over: make(chan struct{}),
		arrived: make(chan struct{}, 1), room: make(chan struct{}, 1), sent: make(chan bool, 1),
	}
	if err := d.host.Connect(s, url, wire.OfferedSubprotocols()); err != nil {
		s.end(err)
		return nil, err
	}
	unhook := context.AfterFunc(d.ctx, func() { s.close(errHostClosed) })
	context.AfterFunc(ctx, func() {
		unhook()
		s.close(context.Cause(ctx))
	})
	select {
	case <-s.opened:
	case <-s.over:
		err := s.why()
		s.close(err)
		return nil, dialFailure(err)
	}
	if _, err := wire.AcceptSubprotocol(s.protocol); err != nil {
		s.close(err)
		return nil, &DialError{Kind: FailedNegotiation, Reason: err.Error()}
	}
	return s, nil
}

// dialFailure says what the close code of a socket that was never open stands for.
func dialFailure(err error) error {
	c := new(CloseError)
	if !errors.As(err, &c) {
		return err
	}
	reason := c.Reason
	if reason == "" {
		reason = fmt.Sprintf("the WebSocket could not be opened: code %d", c.Code)
	}
	switch c.Code {
	case closeResolveFailed:
		return &DialError{Kind: FailedResolve, Reason: reason}
	case wire.CloseNormal, closeAbnormal, closeConnectFailed, closeReadError, closeWriteError:
		return &DialError{Kind: FailedConnect, Reason: reason}
	case closeTLS:
		return &DialError{Kind: FailedTLS, Reason: reason}
	case closeRefused:
		return &DialError{Kind: FailedUpgrade, Reason: reason}
	}
	return c
}

// HostSocket is a WebSocket of a SocketHost. The host reports to it, concurrently if it likes; what comes after the end has no effect.
type HostSocket struct {
	// Peer is the host's.
	Peer any

	host   SocketHost
	limit  int
	opened chan struct{} // closed by Connected
	over   chan struct{} // closed at the end

	arrived chan struct{} // has one when the queue may have something
	room    chan struct{} // has one when the queue may have become shorter
	sent    chan bool

	// calling is held while the host is called to write or to close.
	calling sync.Mutex
	closed  bool // the host has been told

	mu       sync.Mutex
	protocol string // constant when opened is closed
	isOpen   bool
	isOver   bool
	cause    error
	writing  bool
	queue    [][]byte
	size     int
}

// Connected says that the WebSocket is open, with a sub-protocol.
func (s *HostSocket) Connected(protocol string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isOpen && !s.isOver {
		s.isOpen, s.protocol = true, protocol
		close(s.opened)
	}
}

// Received hands over a binary message, which is copied. It waits while others wait to be read. False: the socket is over.
func (s *HostSocket) Received(msg []byte) bool {
	if len(msg) > s.limit {
		s.end(&CloseError{Code: wire.CloseProtocolError, Reason: fmt.Sprintf("a message of %d bytes, at most %d are read", len(msg), s.limit)})
		return false
	}
	msg = append([]byte(nil), msg...)
	for {
		s.mu.Lock()
		if s.isOver {
			s.mu.Unlock()
			return false
		}
		if s.size == 0 || s.size+len(msg) <= hostQueueBytes {
			s.queue = append(s.queue, msg)
			s.size += max(len(msg), 1)
			s.mu.Unlock()
			signal(s.arrived)
			return true
		}
		s.mu.Unlock()
		select {
		case <-s.room:
		case <-s.over:
		}
	}
}

// Written says how SocketHost.Write ended. Without a Write it means nothing.
func (s *HostSocket) Written(ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing {
		s.writing = false
		s.sent <- ok // has room: one for each Write
	}
}

// Closed says that the WebSocket is closed, or could not be opened, with a code of the protocol or one of the original's own (4400 to 4405).
func (s *HostSocket) Closed(code wire.CloseCode, reason string) {
	s.mu.Lock()
	open := s.isOpen
	s.mu.Unlock()
	if open && code >= closeResolveFailed && code != closeRetry {
		code = closeReadError // it is no use any more, whatever it says
	}
	s.end(&CloseError{Code: code, Reason: reason})
}

func (s *HostSocket) end(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isOver {
		s.isOver, s.cause = true, cause
		close(s.over)
	}
}

func (s *HostSocket) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// close ends the socket and tells the host.
func (s *HostSocket) close(cause error) {
	s.end(cause)
	s.calling.Lock()
	defer s.calling.Unlock()
	if !s.closed {
		s.closed = true
		s.host.Close(s)
	}
}

// Read implements Socket.
func (s *HostSocket) Read() ([]byte, error) {
	for {
		s.mu.Lock()
		if len(s.queue) > 0 {
			msg := s.queue[0]
			s.queue[0] = nil
			s.queue = s.queue[1:]
			s.size -= max(len(msg), 1)
			s.mu.Unlock()
			signal(s.room)
			return msg, nil
		}
		over, cause := s.isOver, s.cause
		s.mu.Unlock()
		if over {
			return nil, cause
		}
		select {
		case <-s.arrived:
		case <-s.over:
		}
	}
}

// Write implements Socket.
func (s *HostSocket) Write(msg []byte) error {
	if err := s.begin(msg); err != nil {
		return err
	}
	select {
	case ok := <-s.sent:
		if ok {
			return nil
		}
		s.end(&CloseError{Code: closeWriteError, Reason: "the message could not be sent"})
		return s.why()
	case <-s.over:
		return s.why()
	}
}

func (s *HostSocket) begin(msg []byte) error {
	s.calling.Lock()
	defer s.calling.Unlock()
	s.mu.Lock()
	if s.isOver || s.closed {
		defer s.mu.Unlock()
		return s.cause
	}
	s.writing = true
	s.mu.Unlock()
	s.host.Write(s, msg)
	return nil
}

// signal leaves one in a channel of one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
