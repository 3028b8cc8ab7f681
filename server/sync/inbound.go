package sync

import (
	"context"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/coder/websocket"

	"realmsync/core/wire"
)

// connInbound is how much the server holds of what one connection has sent before it reads on, in bytes: messages that wait and uploads that the engine
// has not answered. One message may come on top, and its body unpacked (Limits).
const connInbound = 64 << 20

// inbound counts what clients have sent and the server still holds, of all connections. It is safe for concurrent use.
type inbound struct {
	most  int64         // of all connections together
	parse chan struct{} // tokens: messages that are unpacked at the same time

	mu    sync.Mutex
	total int64 // of the connections that are not shed
	conns map[*conn]struct{}
}

func newInbound(most int64) *inbound {
	return &inbound{most: most, parse: make(chan struct{}, 2*runtime.GOMAXPROCS(0)), conns: map[*conn]struct{}{}}
}

// take counts what a connection has sent. When all hold too much, the one that holds most is sent away: its client comes back, and those who sent
// little notice nothing.
func (b *inbound) take(c *conn, n int) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	c.held += int64(n)
	b.conns[c] = struct{}{}
	if c.shed {
		b.mu.Unlock()
		return
	}
	b.total += int64(n)
	var worst *conn
	if b.total > b.most {
		for other := range b.conns {
			if !other.shed && (worst == nil || other.held > worst.held) {
				worst = other
			}
		}
		worst.shed = true
		b.total -= worst.held
	}
	b.mu.Unlock()
	if worst != nil {
		worst.log.Warn("a connection is ended: the server holds too much that clients have sent, and of this one most")
		worst.kill() // without a close frame: to wait for the client's would be to wait for the rest of its message
	}
}

// give is take undone.
func (b *inbound) give(c *conn, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.held -= int64(n)
	if !c.shed {
		b.total -= int64(n)
	}
	if c.held == 0 {
		delete(b.conns, c)
	}
	if c.held < connInbound {
		select {
		case c.space <- struct{}{}:
		default:
		}
	}
}

// size is what all connections hold that are not being ended for it.
func (b *inbound) size() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}

func (b *inbound) of(c *conn) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return c.held
}

// patient waits until the connection holds little enough to be read. The error is that it has ended.
func (c *conn) patient() error {
	for c.server.inbound.of(c) >= connInbound {
		select {
		case <-c.space:
		case <-c.live.Done():
			return c.ctx.Err() // after an error it is read on
		}
	}
	return nil
}

// streamer is a socket whose messages can be read in parts; *websocket.Conn is one.
type streamer interface {
	Reader(ctx context.Context) (websocket.MessageType, io.Reader, error)
}

// receive reads one message, and counts its bytes as they come: who sends slowly holds what has arrived.
func (c *conn) receive() (websocket.MessageType, []byte, error) {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	timer := time.AfterFunc(c.server.cfg.IdleTimeout, cancel)
	defer timer.Stop()
	in, ok := c.ws.(streamer)
	if !ok {
		kind, data, err := c.ws.Read(ctx)
		c.server.inbound.take(c, len(data))
		return kind, data, err
	}
	kind, r, err := in.Reader(ctx)
	if err != nil {
		return 0, nil, err
	}
	timer.Reset(c.server.cfg.MessageTimeout)
	data := make([]byte, 0, 512)
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		c.server.inbound.take(c, n)
		switch {
		case err == io.EOF:
			return kind, data, nil
		case err != nil:
			c.server.inbound.give(c, len(data))
			return 0, nil, err
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
}

// unpack parses a message, of which few are unpacked at a time: a small one can become Limits.Body large. What it holds then is counted as the
// connection's in place of its bytes.
func (c *conn) unpack(data []byte) (m wire.ClientMessage, size int, err error) {
	b := c.server.inbound
	b.parse <- struct{}{}
	m, err = wire.ParseClientMessage(data, c.server.cfg.Limits)
	<-b.parse
	if err != nil {
		b.give(c, len(data))
		return nil, 0, err
	}
	size = len(data)
	if up, ok := m.(*wire.Upload); ok && up.Body.Size > size {
		b.take(c, up.Body.Size-size)
		size = up.Body.Size
	}
	return m, size, nil
}
