package sync

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// socketBuffer is the size of the buffers of a WebSocket, for reading and for writing, in bytes. net/http's have 4 KiB each, which was a fifth of what a session costs. They
// are for the headers of frames and for small messages: what is larger goes past them.
const socketBuffer = 1 << 10

// smallBuffers is a ResponseWriter whose connection, when it is taken over, comes with small buffers.
type smallBuffers struct {
	http.ResponseWriter

	taken *net.Conn // the connection, once it was taken over
}

// Unwrap is for http.ResponseController.
func (w smallBuffers) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack implements http.Hijacker. What the client has sent already is in the reader.
func (w smallBuffers) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return conn, rw, err
	}
	*w.taken = conn
	early := rw.Reader.Buffered()
	r := bufio.NewReaderSize(conn, max(socketBuffer, early))
	if early > 0 {
		r.Reset(io.MultiReader(io.LimitReader(rw.Reader, int64(early)), conn))
		if _, err := r.Peek(early); err != nil { // whoever takes it over looks at what is buffered only
			_ = conn.Close()
			return nil, nil, err
		}
	}
	if err := rw.Writer.Flush(); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, bufio.NewReadWriter(r, bufio.NewWriterSize(conn, socketBuffer)), nil
}

// lingerBytes is the most that is read of a message that was refused for its size.
const lingerBytes = 64 << 20

// readOut reads what a client still sends of a message that was refused, for a moment or until ctx ends, and drops it. A socket that is closed with
// something unread is reset, and a client that is told so loses what it has not read yet: the close frame with the code that says why.
func readOut(ctx context.Context, conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
	_ = conn.SetReadDeadline(time.Now().Add(linger))
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_, _ = io.CopyN(io.Discard, conn, lingerBytes)
}
