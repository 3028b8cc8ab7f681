package hostile

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// behindProxy makes tests tell where their requests come from.
func behindProxy(c settings) {
	c.api.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	*c.send = 16 << 10
}

// notes stores so many documents of 64 KiB in an app, as one of its users, and returns the path of their collection.
func (s *server) notes(app string, n int) (path string, user login) {
	s.t.Helper()
	path = "/api/data/v1/app/" + app + "/collections/Notes/"
	user = s.anonymous(app)
	for range n {
		require.Equal(s.t, 201, s.ask("POST", path+"documents?database=plain", user.Access, `{"text":"`+strings.Repeat("x", 64<<10)+`"}`).status)
	}
	return path, user
}

// unread asks for something, and reads no more of the answer than its header: whoever is ahead in the server's books is ahead for certain.
func (s *server) unread(path, token, from string) (*wireConn, *http.Response) {
	s.t.Helper()
	conn, err := narrow.Transport.(*http.Transport).DialContext(s.t.Context(), "tcp", s.addr)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	require.NoError(s.t, conn.SetDeadline(time.Now().Add(patience)))
	c := &wireConn{conn, s.t, bufio.NewReaderSize(conn, 16)}
	c.put(s.head("GET", path, "X-Forwarded-For: "+from, "Authorization: Bearer "+token))
	r, err := http.ReadResponse(c.in, nil)
	require.NoError(s.t, err)
	return c, r
}

// Exports that are begun and not read: one client, wherever it is or whoever, holds one of the two that there are.
func TestExportsOfOneClient(t *testing.T) {
	s := open(t, true, behindProxy)
	path, user := s.notes(shop, 4)
	path += "export?database=plain"
	export := func(l login, from string) answer {
		return s.askWith("GET", path, l.Access, "", http.Header{"X-Forwarded-For": {from}})
	}
	held, r := s.unread(path, user.Access, "192.0.2.1")
	require.Equal(t, 200, r.StatusCode)
	for _, from := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"} {
		export(user, from).refused(429, "")
	}
	for range 3 { // new users cost nothing
		export(s.anonymous(shop), "192.0.2.1").refused(429, "")
		export(s.anonymous(shop), "1.1.1.1, 192.0.2.1").refused(429, "")
	}
	friend := s.anonymous(shop)
	for range 2 {
		whole := export(friend, "192.0.2.3")
		require.Equal(t, 200, whole.status)
		require.Equal(t, 4, strings.Count(string(whole.body), "\n"))
	}
	require.NoError(t, held.Close())
	require.Eventually(t, func() bool { return export(user, "192.0.2.1").status == 200 }, patience, 10*time.Millisecond, "the server notices that the reader is gone")
}

// Pages that are asked for and not read: together they hold no more than the server allows, whoever holds most loses what is oldest, and those who hold little, of the
// same app and of another, have what they asked for.
func TestUnreadAnswers(t *testing.T) {
	const page = 256 << 10                  // of four notes, about, and its memory may be half as much more
	const pages, most = 4, 4 * 3 * page / 2 // there is room for four, and not for seven
	s := open(t, true, behindProxy, func(c settings) { c.api.MaxHeld = most })
	held := func() float64 { return s.gauge("realm_http_held_bytes") }
	path, user := s.notes(shop, page>>16)
	path += "documents?database=plain"
	elsewhere, stranger := s.notes(other, page>>16)
	elsewhere += "documents?database=plain"
	whole := func(r *http.Response) {
		t.Helper()
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.True(t, json.Valid(body))
		require.Greater(t, len(body), page)
	}
	_, first := s.unread(path, user.Access, "192.0.2.1")
	_, foreign := s.unread(elsewhere, stranger.Access, "192.0.2.2")
	var crowd []*http.Response
	for range 12 {
		_, r := s.unread(path, s.anonymous(shop).Access, "192.0.2.3") // new users, of one address
		require.Equal(t, 200, r.StatusCode)
		crowd = append(crowd, r)
		require.LessOrEqual(t, held(), float64(most))
		require.Greater(t, held(), float64(page))
	}
	require.Equal(t, 200, s.askWith("GET", path, s.anonymous(shop).Access, "", http.Header{"X-Forwarded-For": {"192.0.2.4"}}).status, "nobody is locked out")
	for i, r := range crowd[:len(crowd)-pages-1] {
		_, err := io.ReadAll(r.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "half an answer is no whole one: %d", i)
	}
	whole(crowd[len(crowd)-1])
	whole(first)
	whole(foreign)
	for _, r := range crowd {
		_, _ = io.Copy(io.Discard, r.Body) // whichever of them had room
	}
	require.Eventually(t, func() bool { return held() == 0 }, patience, 10*time.Millisecond)
}
