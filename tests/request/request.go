// Package request makes the HTTP requests of tests.
package request

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long an answer is waited for.
const patience = time.Minute

// Request is a request to be made. Method and URL must be there.
type Request struct {
	Method string
	URL    string
	Token  string      // of the bearer; "": it says nobody
	Body   string      // JSON, unless Header says something else
	Header http.Header // on top of what the rest makes
}

// Answer is what came back, as it came: nothing is unpacked.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// transport keeps no connection, so that no test has to close any, and follows no redirect.
var transport = &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: dial}

// dial makes a connection on which net/http reads the answer of a server that refuses a request before it has read it all, and closes: by
// itself it takes an answer only when that comes before it notices that nobody reads on.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return answered{c}, nil
}

// answered is a connection of which only reading fails: what comes, or that nothing does, says how the request went.
type answered struct{ net.Conn }

func (c answered) Write(p []byte) (int, error) {
	_, _ = c.Conn.Write(p)
	return len(p), nil
}

// Try makes a request on a connection of its own. An error says that no whole answer came within a minute, or before ctx ended.
func (r Request) Try(ctx context.Context) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, r.Method, r.URL, strings.NewReader(r.Body))
	if err != nil {
		return Answer{}, err
	}
	q.Header.Set("Content-Type", "application/json;charset=utf-8")
	if r.Token != "" {
		q.Header.Set("Authorization", "Bearer "+r.Token)
	}
	for name, values := range r.Header {
		q.Header[name] = values
	}
	response, err := transport.RoundTrip(q)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header, body}, err
}

// Do is Try for a request that must be answered.
func (r Request) Do(t testing.TB) Answer {
	t.Helper()
	a, err := r.Try(t.Context())
	require.NoError(t, err, "%s %.100s %.100s", r.Method, r.URL, r.Body)
	return a
}
