package session

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// relay is a SocketHost that opens WebSockets with the built-in Dialer.
type relay struct {
	group             sync.WaitGroup
	connected, closed atomic.Int32
}

type relayed struct {
	cancel   context.CancelFunc
	outgoing chan []byte
}

func (h *relay) Connect(s *HostSocket, url string, protocols []string) error {
	h.connected.Add(1)
	ctx, cancel := context.WithCancel(context.Background())
	r := &relayed{cancel, make(chan []byte, 1)}
	s.Peer = r
	h.group.Go(func() {
		socket, err := NewWebSocketDialer(WebSocketOptions{Protocols: protocols}).Dial(ctx, url)
		if err != nil {
			s.Closed(closeConnectFailed, err.Error())
			return
		}
		h.group.Go(func() {
			for {
				select {
				case msg := <-r.outgoing:
					s.Written(socket.Write(msg) == nil)
				case <-ctx.Done():
					return
				}
			}
		})
		s.Connected(socket.(*webSocket).Subprotocol())
		for {
			msg, err := socket.Read()
			if err != nil {
				s.Closed(closeReadError, "")
				return
			}
			s.Received(msg)
		}
	})
	return nil
}

func (h *relay) Write(s *HostSocket, msg []byte) {
	s.Peer.(*relayed).outgoing <- append([]byte(nil), msg...)
}

func (h *relay) Close(s *HostSocket) {
	h.closed.Add(1)
	s.Peer.(*relayed).cancel()
}

// script is a SocketHost that a test plays.
type script struct {
	connect func(s *HostSocket) error
	write   func(s *HostSocket, msg string)
	closed  chan struct{}
}

func (h *script) Connect(s *HostSocket, url string, protocols []string) error {
	if url != "ws://host" || len(protocols) == 0 {
		return errors.New("wrong arguments")
	}
	return h.connect(s)
}
func (h *script) Write(s *HostSocket, msg []byte) { h.write(s, string(msg)) }
func (h *script) Close(*HostSocket)               { h.closed <- struct{}{} }

func dialScript(ctx context.Context, connect func(s *HostSocket) error) (*script, Socket, error) {
	h := &script{connect: connect, closed: make(chan struct{}, 2)}
	h.write = func(s *HostSocket, _ string) { s.Written(true) }
	s, err := NewHostDialer(h).Dial(ctx, "ws://host")
	return h, s, err
}

func connected(s *HostSocket) error {
	s.Connected(wire.Subprotocol(14))
	return nil
}

func TestHostSocket(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var peer *HostSocket
	h, s, err := dialScript(ctx, func(s *HostSocket) error {
		peer = s
		s.Connected(wire.Subprotocol(14))
		s.Connected("again") // means nothing
		return nil
	})
	require.NoError(t, err)
	var sent []string
	h.write = func(s *HostSocket, msg string) {
		sent = append(sent, msg)
		s.Written(true)
		s.Written(false) // means nothing
	}
	require.NoError(t, s.Write([]byte("one")))
	require.NoError(t, s.Write([]byte("two")))
	require.Equal(t, []string{"one", "two"}, sent)

	// Who reports more than is read waits.
	big := make([]byte, hostQueueBytes)
	require.True(t, peer.Received(nil))
	late := make(chan bool)
	go func() { late <- peer.Received(big) && peer.Received([]byte("last")) }()
	for _, want := range []int{0, len(big), 4} {
		msg, err := s.Read()
		require.NoError(t, err)
		require.Len(t, msg, want)
	}
	require.True(t, <-late)

	// What has arrived is read before the end.
	peer.Received([]byte("x"))
	peer.Closed(4001, "token")
	peer.Closed(1000, "later")
	msg, err := s.Read()
	require.NoError(t, err)
	require.Equal(t, "x", string(msg))
	_, err = s.Read()
	var closed *CloseError
	require.ErrorAs(t, err, &closed)
	require.Equal(t, CloseError{4001, "token"}, *closed)
	require.Error(t, s.Write([]byte("x")))
	require.False(t, peer.Received([]byte("x")))
	cancel()
	<-h.closed
}

// Whoever waits is woken by the end, whichever it is.
func TestHostSocketEnds(t *testing.T) {
	for name, end := range map[string]func(peer *HostSocket, cancel func(), d *HostDialer){
		"closed there":  func(peer *HostSocket, _ func(), _ *HostDialer) { peer.Closed(closeConnectFailed, "") },
		"too long":      func(peer *HostSocket, _ func(), _ *HostDialer) { peer.Received(make([]byte, peer.limit+1)) },
		"given up":      func(_ *HostSocket, cancel func(), _ *HostDialer) { cancel() },
		"app is closed": func(_ *HostSocket, _ func(), d *HostDialer) { d.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var peer *HostSocket
			writing := make(chan struct{})
			h := &script{closed: make(chan struct{}, 2), write: func(*HostSocket, string) { close(writing) }, connect: func(s *HostSocket) error {
				peer = s
				return connected(s)
			}}
			d := NewHostDialer(h)
			d.limit = 2 * hostQueueBytes
			s, err := d.Dial(ctx, "ws://host")
			require.NoError(t, err)
			errs := make(chan error, 3)
			go func() { errs <- s.Write([]byte("x")) }()
			<-writing
			require.True(t, peer.Received(make([]byte, hostQueueBytes)))
			go func() {
				if peer.Received([]byte("does not fit")) {
					errs <- nil
				} else {
					errs <- errors.New("over")
				}
			}()
			end(peer, cancel, d)
			require.Error(t, <-errs)
			require.Error(t, <-errs)
			_, err = s.Read()
			require.NoError(t, err)
			_, err = s.Read()
			require.Error(t, err)
			cancel()
			<-h.closed
			require.Empty(t, h.closed, "once")
		})
	}
}

func TestHostDialFailures(t *testing.T) {
	dial := func(report func(s *HostSocket)) error {
		h, _, err := dialScript(context.Background(), func(s *HostSocket) error { report(s); return nil })
		<-h.closed
		return err
	}
	closed := func(code wire.CloseCode) error { return dial(func(s *HostSocket) { s.Closed(code, "why") }) }
	for code, kind := range map[wire.CloseCode]DialErrorKind{4400: FailedResolve, 4401: FailedConnect, 4402: FailedConnect, 1006: FailedConnect, 1015: FailedTLS, 4405: FailedUpgrade} {
		var d *DialError
		require.ErrorAs(t, closed(code), &d)
		require.Equal(t, kind, d.Kind)
		require.Equal(t, "why", d.Reason)
	}
	for code, want := range map[wire.CloseCode]ending{4001: endedHTTPRetry, 4003: endedHTTPRetry, 4002: endedHTTPFatal, 4404: endedHTTPRetry, 4006: endedHTTPFatal, 4401: endedConnect} {
		end, e := fromDial(closed(code), true)
		require.Equal(t, want, end, code)
		require.True(t, strings.Contains(e.Message, "why"), e.Message)
	}
	var d *DialError
	require.ErrorAs(t, dial(func(s *HostSocket) { s.Connected("chat") }), &d)
	require.Equal(t, FailedNegotiation, d.Kind)
	_, _, err := dialScript(context.Background(), func(*HostSocket) error { return errors.New("no") })
	require.EqualError(t, err, "no")
	ctx, cancel := context.WithCancel(context.Background())
	h, _, err := dialScript(ctx, func(*HostSocket) error { cancel(); return nil })
	require.Error(t, err)
	<-h.closed
	_, _, err = dialScript(context.Background(), func(s *HostSocket) error {
		s.host.(*script).write = func(*HostSocket, string) { s.Written(false) }
		return connected(s)
	})
	require.NoError(t, err)
}
