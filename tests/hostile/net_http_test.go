package hostile

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Requests of shapes that two servers read in two ways, or that are too much: none is taken for more or less than one request, and each is answered
// at once, with what net/http or we document for it.
func TestRequestShapes(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	login := clientAPI + "app/" + shop + "/auth/providers/anon-user/login"
	lines := func(n int) []string { return strings.Split(strings.Repeat("X: y\n", n-1)+"X: y", "\n") }
	const second = "GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n"
	for _, c := range []struct {
		name   string
		status int
		open   bool // the connection may be used again
		text   string
	}{
		{"length and chunks", 200, false, s.head("POST", login, "Content-Length: 5", "Transfer-Encoding: chunked") + "2\r\n{}\r\n0\r\n\r\n" + second},
		{"two lengths", 400, false, s.head("POST", login, "Content-Length: 2", "Content-Length: 46") + "{}" + second},
		{"a length twice", 200, true, s.head("POST", login, "Content-Length: 2", "Content-Length: 2") + "{}"},
		{"a list of lengths", 400, false, s.head("POST", login, "Content-Length: 2, 2") + "{}" + second},
		{"a length with a sign", 400, false, s.head("POST", login, "Content-Length: +2") + "{}" + second},
		{"a negative length", 400, false, s.head("POST", login, "Content-Length: -2") + "{}" + second},
		{"a length in hexadecimal", 400, false, s.head("POST", login, "Content-Length: 0x2") + "{}" + second},
		{"a length beyond numbers", 400, false, s.head("POST", login, "Content-Length: 99999999999999999999") + "{}" + second},
		{"a giant length", 413, false, s.head("POST", login, "Content-Length: 99999999999") + strings.Repeat("x", 1<<20+1)},
		{"an encoding that looks like chunked", 501, false, s.head("POST", login, "Transfer-Encoding: xchunked") + "0\r\n\r\n" + second},
		{"two transfer encodings", 501, false, s.head("POST", login, "Transfer-Encoding: chunked", "Transfer-Encoding: identity") + "0\r\n\r\n" + second},
		{"chunked twice", 501, false, s.head("POST", login, "Transfer-Encoding: chunked, chunked") + "0\r\n\r\n" + second},
		{"gzip and chunked", 501, false, s.head("POST", login, "Transfer-Encoding: gzip, chunked") + "0\r\n\r\n" + second},
		{"a space before the colon", 400, false, s.head("POST", login, "Transfer-Encoding : chunked") + "0\r\n\r\n" + second},
		{"a chunk's size that is none", 400, false, s.head("POST", login, "Transfer-Encoding: chunked") + "zz\r\n{}\r\n0\r\n\r\n" + second},
		{"a negative chunk", 400, false, s.head("POST", login, "Transfer-Encoding: chunked") + "-2\r\n{}\r\n0\r\n\r\n" + second},
		{"a chunk beyond numbers", 400, false, s.head("POST", login, "Transfer-Encoding: chunked") + "FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n" + second},
		{"a chunk without end", 400, false, s.head("POST", login, "Transfer-Encoding: chunked") + "2\r\n{}XX0\r\n\r\n" + second},
		{"a folded line", 200, true, s.head("POST", login, "Content-Length: 2", "X-A: b", " folded") + "{}"},
		{"a length that is folded away", 400, true, s.head("POST", login, "X-A: b", " Content-Length: 2")},
		{"a fold before all lines", 400, false, "GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n"},
		{"the address of another host", 200, true, "GET http://evil.example/healthz HTTP/1.1\r\nHost: " + s.addr + "\r\n\r\n"},
		{"no host", 400, false, "GET /healthz HTTP/1.1\r\n\r\n"},
		{"two hosts", 400, false, "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
		{"a host that is none", 400, false, "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n"},
		{"NUL in a header", 400, false, s.head("GET", "/healthz", "X-A: a\x00b")},
		{"NUL in a header's name", 400, false, s.head("GET", "/healthz", "X\x00A: b")},
		{"NUL in the path", 400, false, s.head("GET", "/healthz\x00")},
		{"NUL in the path, escaped", 404, true, s.head("GET", "/healthz%00")},
		{"CR alone", 400, false, s.head("GET", "/healthz", "X-A: a\rX-B: c")},
		{"a proxy's method", 404, true, s.head("CONNECT", "evil.example:443")},
		{"the server as a whole", 404, true, s.head("OPTIONS", "*")},
		{"a method that is none", 400, false, s.head("G@T", "/healthz")},
		{"a long method", 405, true, s.head(strings.Repeat("A", 3000), "/healthz")},
		{"HTTP/0.9", 400, false, "GET /healthz\r\n\r\n"},
		{"HTTP/2", 404, false, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{"HTTP/3.7", 505, false, "GET /healthz HTTP/3.7\r\nHost: x\r\n\r\n"},
		{"an expectation", 417, false, s.head("POST", login, "Content-Length: 2", "Expect: 200-ok") + "{}"},
		{"a long line", 431, false, s.head("GET", "/"+strings.Repeat("a", 100_000))},
		{"a long header", 431, false, s.head("GET", "/healthz", "X-A: "+strings.Repeat("a", 100_000))},
		{"cookies", 431, false, s.head("GET", "/healthz", "Cookie: "+strings.Repeat("a=b; ", 20_000))},
		{"headers", 431, false, s.head("GET", "/healthz", lines(20_000)...)},
		{"a long query", 431, false, s.head("GET", "/healthz?"+strings.Repeat("a=b&", 20_000))},
		{"no HTTP", 400, false, strings.Repeat("\xff\x00\x16\x03", 100) + "\r\n\r\n"},
	} {
		conn := s.tcp()
		_, _ = io.WriteString(conn, c.text) // a server that has answered may have closed before the end of it
		r, body := conn.response()
		require.Equal(t, c.status, r.StatusCode, "%s: %s", c.name, body)
		require.NotContains(t, body, "smuggled", c.name)
		require.NotContains(t, body, "evil", c.name)
		if c.open {
			conn.put(s.head("GET", "/healthz"))
			r, _ = conn.response()
			require.Equal(t, 200, r.StatusCode, c.name)
		} else {
			require.Empty(t, conn.ends(c.name), "%s: what follows is no request", c.name)
		}
		require.NoError(t, conn.Close())
	}
	// Where clients are sent to is not what a request says of itself.
	conn := s.tcp()
	conn.put("GET http://evil.example" + clientAPI + "app/" + shop + "/location HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n\r\n")
	r, body := conn.response()
	require.Equal(t, 200, r.StatusCode)
	require.NotContains(t, body, "evil")
	h.stop()
}

// Bodies are never unpacked: a bomb is refused before it is read, wherever it is sent.
func TestEncodedBodies(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for range 64 {
		_, err := w.Write(make([]byte, 1<<20))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	user := s.anonymous(shop)
	frugal(t, 64, func() {
		for _, encoding := range []string{"gzip", "deflate", "br", "gzip, identity", "x"} {
			for path, token := range map[string]string{
				clientAPI + "app/" + shop + "/auth/providers/local-userpass/login":             "",
				clientAPI + "app/" + shop + "/functions/call":                                  user.Access,
				adminAPI + "auth/providers/local-userpass/login":                               "",
				adminAPI + "groups/" + s.group + "/apps":                                       s.admin,
				"/api/data/v1/app/" + shop + "/collections/Notes/documents?database=x":         user.Access,
				clientAPI + "app/" + shop + "/auth/providers/local-userpass/register?x=\u00e9": "",
			} {
				a := s.askWith("POST", path, token, packed.String(), http.Header{"Content-Encoding": {encoding}})
				a.refused(415, "BadRequest")
			}
		}
	})
	s.askWith("POST", clientAPI+"app/"+shop+"/auth/providers/anon-user/login", "", "{}", http.Header{"Content-Encoding": {"identity"}}).into(200, &struct{}{})
	h.stop()
}

// Who sends a header or a body too slowly is cut off, and who opens connections and says nothing too.
func TestSlowRequests(t *testing.T) {
	const short = 1500 * time.Millisecond // the server has as long to begin with what it was sent
	s := open(t, true, func(c settings) { c.api.HeaderTimeout, c.api.ReadTimeout = short, 2*short })
	h := s.honest()
	login := clientAPI + "app/" + shop + "/auth/providers/anon-user/login"
	trickle := func(c *wireConn, text string) (ended chan struct{}) {
		ended = make(chan struct{})
		go func() {
			defer close(ended)
			tick := time.NewTicker(short / 10)
			defer tick.Stop()
			for i := 0; ; i++ {
				if _, err := io.WriteString(c, text[i%len(text):i%len(text)+1]); err != nil {
					return // it is cut off
				}
				<-tick.C
			}
		}()
		return ended
	}
	var conns []*wireConn
	var ended []chan struct{}
	for range 10 {
		silent, headers, body, chunks := s.tcp(), s.tcp(), s.tcp(), s.tcp()
		headers.put("GET /healthz HTTP/1.1\r\nHost: x\r\n")
		body.put(s.head("POST", login, "Content-Length: 1000"))
		chunks.put(s.head("POST", login, "Transfer-Encoding: chunked"))
		ended = append(ended, trickle(headers, "X-A: b\r\n"), trickle(body, " "), trickle(chunks, "1\r\n \r\n"))
		conns = append(conns, silent, headers, body, chunks)
	}
	for i, c := range conns {
		text := c.ends([]string{"silent", "headers", "body", "chunks"}[i%4])
		switch i % 4 {
		case 0:
			require.Empty(t, text)
		case 1: // net/http says nothing, or that the line it was in the middle of is none
			require.True(t, text == "" || strings.HasPrefix(text, "HTTP/1.1 400 "), text)
		default: // they are told why
			require.True(t, strings.HasPrefix(text, "HTTP/1.1 400 "), text)
			require.Contains(t, text, "could not be read")
		}
		require.NoError(t, c.Close())
	}
	for _, e := range ended {
		<-e
	}
	h.stop()
}
