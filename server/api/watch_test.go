package api

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/server/auth"
)

// stream is a connection on which changes are watched.
type stream struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// watchTarget is what an SDK asks for (app-services 7.5).
func watchTarget(call, token string) string {
	return appPath + "functions/call?baas_request=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(call))) + "&baas_at=" + token
}

// watch opens a stream of class Dog; what the server says before its first byte is returned line by line.
func (d *documents) watch(t *testing.T, members string) (*stream, []string) {
	t.Helper()
	conn, err := net.Dial("tcp", d.addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	call := `{"arguments":[{"database":"app","collection":"Dog"` + members + `}],"name":"watch","service":"mongodb-atlas"}`
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", watchTarget(call, d.token))
	require.NoError(t, err)
	s := &stream{t: t, conn: conn, in: bufio.NewReader(conn)}
	var head []string
	for {
		line, err := s.in.ReadString('\n')
		require.NoError(t, err)
		if line == "\r\n" {
			return s, head
		}
		head = append(head, strings.TrimSuffix(line, "\r\n"))
	}
}

// chunk reads the bytes of one chunk; "" is the last.
func (s *stream) chunk() string {
	s.t.Helper()
	var n int
	_, err := fmt.Fscanf(s.in, "%x\r\n", &n)
	require.NoError(s.t, err)
	b := make([]byte, n+2)
	for at := 0; at < len(b); {
		k, err := s.in.Read(b[at:])
		require.NoError(s.t, err)
		at += k
	}
	return string(b[:n])
}

// event reads up to the next event, over what means nothing.
func (s *stream) event() string {
	s.t.Helper()
	for {
		if c := s.chunk(); c != ":\n" {
			return c
		}
	}
}

// The bytes of a stream: one event for each change, in lines, with nothing encoded but '%' and ends of lines (7.5).
func TestWatch(t *testing.T) {
	d := openDocuments(t)
	s, head := d.watch(t, `,"filter":{"operationType":{"$ne":"delete"}}`)
	require.Equal(t, "HTTP/1.1 200 OK", head[0])
	require.Contains(t, head, "Content-Type: text/event-stream")
	require.Contains(t, head, "Cache-Control: no-store")
	require.Equal(t, ":\n", s.chunk(), "at once: the client knows that it watches")
	d.ask(http.MethodPost, "/Dog/documents", `{"_id":"1","name":"100% \n","age":{"$numberLong":"3"}}`).is(201, `{"insertedId":"1"}`)
	text := s.event()
	require.Regexp(t, `^data: \{"_id":\{"_data":"[0-9a-f]{24}"\},"operationType":"insert",`, text)
	require.Equal(t, `"fullDocument":{"_id":"1","name":"100%25 \n","age":{"$numberLong":"3"}},"ns":{"db":"app","coll":"Dog"},"documentKey":{"_id":"1"}}`+"\n\n", text[strings.Index(text, `"fullDocument"`):])
	d.ask(http.MethodDelete, "/Dog/documents/1", "").is(204, "")
	d.ask(http.MethodPost, "/Dog/documents", `{"_id":"2","name":"Fido"}`).is(201, `{"insertedId":"2"}`)
	require.Contains(t, s.event(), `"documentKey":{"_id":"2"}`)
	d.ask(http.MethodPatch, "/Dog/documents/2", `{"name":"Rex"}`).is(204, "")
	text = s.event()
	require.Contains(t, text, `"operationType":"update"`)
	require.Contains(t, text, `"updateDescription":{"updatedFields":{"name":"Rex"},"removedFields":[]}`)

	// A server that goes away says so: the stream ends with an error.
	d.api.Drain()
	require.Equal(t, "event: error\ndata: "+`{"error":"the server goes away: watch again","error_code":"InternalServerError"`, strings.Split(s.event(), `,"link"`)[0])
	require.Empty(t, s.chunk())
}

// A stream lives no longer than the right to it: nothing is sent to a user who is deleted.
func TestWatchRevoked(t *testing.T) {
	d := openDocuments(t)
	s, _ := d.watch(t, "")
	other := d.anonymous()
	d.token = d.anonymous().AccessToken
	mine, _ := d.watch(t, "")
	d.call(http.MethodDelete, prefix+"auth/delete", d.token, "").is(204, "")
	d.call(http.MethodPost, dataPath+"/Dog/documents", other.AccessToken, `{"_id":"1"}`).is(201, `{"insertedId":"1"}`)
	require.Contains(t, s.event(), "data: {")
	require.Contains(t, mine.event(), "event: error\ndata: {\"error\":\"invalid session")
	require.Empty(t, mine.chunk())
}

// A stream ends with its token, also when nothing is changed.
func TestWatchExpires(t *testing.T) {
	d := openDocuments(t)
	d.api.recheck = time.Millisecond
	s, _ := d.watch(t, "")
	d.clock.Move(auth.DefaultAccessLife)
	d.token = d.anonymous().AccessToken
	d.ask(http.MethodPost, "/Dog/documents", `{"_id":"1"}`).is(201, `{"insertedId":"1"}`)
	require.Contains(t, s.event(), "data: {", "within the leeway")
	d.clock.Move(time.Hour)
	require.Contains(t, s.event(), "event: error\ndata: {\"error\":\"invalid session")
	require.Empty(t, s.chunk())
}

// While nothing is changed the reader is sent what means nothing from time to time, and the stream of one that is gone ends.
func TestWatchReaderGone(t *testing.T) {
	d := openDocuments(t)
	d.api.recheck = time.Millisecond
	s, _ := d.watch(t, "")
	for range 3 {
		require.Equal(t, ":\n", s.chunk())
	}
	require.NoError(t, s.conn.Close())
	require.Eventually(t, d.watchEnded, patience, 5*time.Millisecond)
}

// A reader that takes nothing is cut off: it doesn't hold the server.
func TestWatchReaderTakesNothing(t *testing.T) {
	d := openDocuments(t)
	d.api.writeTime = 500 * time.Millisecond // the writer's answers are to be written in it too
	s, _ := d.watch(t, "")
	require.Equal(t, ":\n", s.chunk())
	long := strings.Repeat("x", 1<<20)
	for i := 0; i < 32 && !d.watchEnded(); i++ { // 32 are more than the buffers of both ends
		require.Equal(t, 201, d.ask(http.MethodPost, "/Dog/documents", fmt.Sprintf(`{"_id":"%d","name":"%s"}`, i, long)).status)
	}
	require.Eventually(t, d.watchEnded, patience, 5*time.Millisecond)
}

// watchEnded says whether a stream has ended: it is logged then.
func (d *documents) watchEnded() bool {
	return strings.Contains(d.log.String(), `/functions/call","status":200`)
}

// What can't be watched is refused before a stream begins, as every request is.
func TestWatchRefused(t *testing.T) {
	d := openDocuments(t)
	call := func(text string) answer {
		t.Helper()
		return d.call(http.MethodGet, watchTarget(text, d.token), "", "")
	}
	call(`{"name":"find","service":"mongodb-atlas","arguments":[{}]}`).refusedFor(400, "only 'watch' of a service is a stream, and not 'find'", "BadRequest")
	call(`{"name":"watch","arguments":[{}]}`).refusedFor(400, "only 'watch' of a service is a stream, and not 'watch'", "BadRequest")
	call(`{"name":"watch","service":"mongodb-atlas","arguments":[]}`).refusedFor(400, "'watch' takes one argument, a document", "BadRequest")
	call(`{"name":1}`).refusedFor(400, "'baas_request': 'name' is of another type", "BadRequest")
	call(`{"name":"watch","service":"mongodb-atlas","arguments":[{"database":"app","collection":"Cat"}]}`).refusedFor(400, "only the classes of the database that syncs can be watched, and 'Cat' is none", "InvalidParameter")
	call(`{"name":"watch","service":"nope","arguments":[{"database":"app","collection":"Dog"}]}`).refusedFor(404, "service not found: 'nope'", "ServiceNotFound")
	d.call(http.MethodGet, appPath+"functions/call?baas_request=%25%25&baas_at="+d.token, "", "").refusedFor(400, "'baas_request' must be the base64 of a function call", "BadRequest")
	require.Equal(t, 401, d.call(http.MethodGet, watchTarget(`{}`, "x"), "", "").status)
	require.Equal(t, 401, d.call(http.MethodGet, appPath+"functions/call", "", "").status)
}
