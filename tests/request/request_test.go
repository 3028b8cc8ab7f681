package request

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A server may answer before it has read the request, and close: the answer has come all the same.
func TestEarlyAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- refuse(listener) }()
	for range 4 {
		a := Request{Method: "POST", URL: "http://" + listener.Addr().String(), Body: strings.Repeat("x", 4<<20)}.Do(t)
		require.Equal(t, http.StatusUnsupportedMediaType, a.Status)
		require.Equal(t, "no", string(a.Body))
	}
	require.NoError(t, listener.Close())
	require.ErrorIs(t, <-done, net.ErrClosed)
}

// refuse answers each request when it has read its head, and resets the connection.
func refuse(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		if _, err = http.ReadRequest(bufio.NewReaderSize(c, 16)); err == nil {
			_, err = io.WriteString(c, "HTTP/1.1 415 Unsupported Media Type\r\nContent-Length: 2\r\n\r\nno")
		}
		if err != nil {
			return err
		}
		if err = c.Close(); err != nil { // with what is unread, which makes it a reset
			return err
		}
	}
}
