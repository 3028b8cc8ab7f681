package sync

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lateHandshake is a ResponseWriter whose client has the answer to its upgrade while the server is still busy with that.
type lateHandshake struct {
	http.ResponseWriter

	release, closed chan struct{}
}

func (w lateHandshake) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		err = rw.Flush()
	}
	<-w.release
	return &notingConn{Conn: conn, closed: w.closed}, rw, err
}

// notingConn tells when it was closed.
type notingConn struct {
	net.Conn

	once   sync.Once
	closed chan struct{}
}

func (c *notingConn) Close() error {
	defer c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// A client that gives its connection up as soon as it has it, and comes back, isn't thrown out for the sake of the connection before, however late the
// server comes to that.
func TestLateHandshake(t *testing.T) {
	f := open(t, nil)
	d := f.device("anna").subscribed(allDogs)
	d.drop()
	release, closed := make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/client/v2.0/app/{app}/realm-sync", func(w http.ResponseWriter, r *http.Request) {
		f.ServeHTTP(lateHandshake{w, release, closed}, r)
	})
	late := httptest.NewServer(mux)
	defer late.Close()
	prompt := f.http
	f.http = late
	d.connect() // and given up, without the server hearing of it
	f.http = prompt
	d.connect()
	d.sync()
	close(release)
	select {
	case <-closed:
	case <-time.After(patience):
		require.FailNow(t, "the older connection was taken for the newer one")
	}
	d.write(create(1, "Rex", 1)...)
	d.upload()
	d.sync()
	require.Len(t, d.dogs(), 1)
}
