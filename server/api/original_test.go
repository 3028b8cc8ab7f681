package api

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// patience ends a test whose server does not answer.
const patience = time.Minute

// request is one call. The fields that a test leaves out are as realm-cpp's built-in HTTP stack has them.
type request struct {
	method string
	path   string // with its query
	token  string
	body   string
	header []string // lines added
	target string   // of the request line
	host   string
}

// answer is what came back, as realm-cpp sees it.
type answer struct {
	f       *fixture
	status  int
	header  http.Header
	body    string
	chunked bool
	id      string // X-Appservices-Request-Id
}

// text writes the request as realm-cpp does (app-services 1.2, 1.3): absolute target, no port in Host, no Content-Length
// without a body, no headers of its own for a location.
func (q request) text(f *fixture) string {
	host, _, err := net.SplitHostPort(f.addr)
	require.NoError(f.t, err)
	if q.target == "" {
		q.target = f.base + q.path
	}
	if q.host == "" {
		q.host = host
	}
	var b strings.Builder
	line := func(parts ...string) { b.WriteString(strings.Join(parts, "") + "\r\n") }
	line(q.method, " ", q.target, " HTTP/1.1")
	line("Host: ", q.host)
	line("User-Agent: Realm C++ SDK")
	if !strings.HasSuffix(q.path, "/location") {
		line("Content-Type: application/json;charset=utf-8")
		line("Accept: application/json")
	}
	if q.token != "" {
		line("Authorization: Bearer ", q.token)
	}
	for _, h := range q.header {
		line(h)
	}
	if q.body != "" {
		line("Content-Length: ", strconv.Itoa(len(q.body)))
	}
	line()
	return b.String() + q.body
}

// do makes a call on a connection of its own and checks what holds for every answer.
func (f *fixture) do(q request) answer {
	f.t.Helper()
	a := f.raw(q.method, q.text(f))
	f.check(q, a)
	return a
}

// call is do for a method, a path, a token and a body.
func (f *fixture) call(method, path, token, body string) answer {
	f.t.Helper()
	return f.do(request{method: method, path: path, token: token, body: body})
}

// send opens a connection and sends bytes.
func (f *fixture) send(text string) net.Conn {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", f.addr)
	require.NoError(f.t, err)
	require.NoError(f.t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, text)
	require.NoError(f.t, err)
	return conn
}

// raw sends bytes and reads one answer within the bounds of realm-cpp (app-services 1.3, H5 to H9).
func (f *fixture) raw(method, text string) answer {
	f.t.Helper()
	conn := f.send(text)
	defer conn.Close()
	a, err := readAnswer(bufio.NewReader(conn), method)
	require.NoError(f.t, err, "%.200s", text)
	a.f = f
	return a
}

func readAnswer(r *bufio.Reader, method string) (a answer, err error) {
	in := textproto.NewReader(r)
	line, err := in.ReadLine()
	if err != nil {
		return a, err
	}
	rest, ok := strings.CutPrefix(line, "HTTP/1.1 ")
	if !ok {
		return a, textproto.ProtocolError("status line " + line)
	}
	code, _, _ := strings.Cut(rest, " ")
	if a.status, err = strconv.Atoi(code); err != nil {
		return a, err
	}
	header, err := in.ReadMIMEHeader()
	if err != nil {
		return a, err
	}
	a.header = http.Header(header)
	a.id = a.header.Get("X-Appservices-Request-Id")
	length := a.header.Get("Content-Length")
	a.chunked = strings.EqualFold(a.header.Get("Transfer-Encoding"), "chunked")
	switch {
	case method == http.MethodHead || a.status == http.StatusNoContent || a.status == http.StatusSwitchingProtocols:
		return a, nil
	case length != "":
		n, err := strconv.Atoi(length)
		if err != nil || n > 8192 {
			return a, textproto.ProtocolError("a body with Content-Length " + length + " is dropped by realm-cpp")
		}
		body := make([]byte, n)
		_, err = io.ReadFull(r, body)
		a.body = string(body)
		return a, err
	case a.chunked:
		a.body, err = readChunks(in)
		return a, err
	}
	return a, textproto.ProtocolError("a body that ends with the connection is not read by realm-cpp")
}

func readChunks(in *textproto.Reader) (string, error) {
	var body strings.Builder
	for {
		line, err := in.ReadLine()
		if err != nil {
			return "", err
		}
		n, err := strconv.ParseUint(line, 16, 32) // an extension is no number
		if err != nil || n > 4096 || len(line) > 6 {
			return "", textproto.ProtocolError("chunk of size " + line)
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(in.R, chunk); err != nil {
			return "", err
		}
		if n == 0 {
			return body.String(), nil
		}
		body.Write(chunk[:n])
	}
}

var (
	hexID   = regexp.MustCompile(`^[0-9a-f]{24}$`)
	isoDate = regexp.MustCompile(`\d{4}-\d\d-\d\dT`)
)

// errorCodes are those that clients know, as far as this server uses them (app-services 2.3).
var errorCodes = map[string]bool{
	"MissingAuthReq": true, "InvalidSession": true, "DomainNotAllowed": true, "UserAppDomainMismatch": true, "InternalServerError": true, "AuthProviderNotFound": true,
	"ServiceNotFound": true, "FunctionNotFound": true, "APIKeyNotFound": true, "APIKeyAlreadyExists": true, "UserAlreadyConfirmed": true,
	"UserNotFound": true, "UserDisabled": true, "AuthError": true, "BadRequest": true, "AccountNameInUse": true, "InvalidPassword": true,
	"UserpassTokenInvalid": true, "FunctionExecutionError": true, "ExecutionTimeLimitExceeded": true, "NoMatchingRuleFound": true, "InvalidParameter": true, "ReadSizeLimitExceeded": true,
}

// check holds an answer against what is true of all (app-services 1.3, 2.1, 2.3), and notes its secrets.
func (f *fixture) check(q request, a answer) {
	f.t.Helper()
	require.Regexp(f.t, hexID, a.id, "X-Appservices-Request-Id")
	f.mu.Lock()
	require.False(f.t, f.ids[a.id], "a request id was used twice")
	f.ids[a.id] = true
	f.mu.Unlock()
	for name, values := range a.header {
		for _, value := range values {
			require.Less(f.t, len(name)+len(value), 4096, "header %s", name)
		}
	}
	require.Empty(f.t, a.header.Values("Content-Encoding"), "nothing is compressed")
	require.True(f.t, a.status >= 200 && a.status <= 206 || a.status >= 400 && a.status <= 451 || a.status >= 500 && a.status <= 511, "status %d", a.status)
	require.NotRegexp(f.t, isoDate, a.body, "clients don't parse relaxed dates")
	if !strings.HasPrefix(q.path, prefix) || a.body == "" {
		return
	}
	var members map[string]json.RawMessage
	isObject := json.Unmarshal([]byte(a.body), &members) == nil
	for _, name := range []string{"access_token", "refresh_token", "key"} {
		var text string
		if json.Unmarshal(members[name], &text) == nil && text != "" {
			f.secret(text)
		}
	}
	if strings.HasSuffix(q.path, "/functions/call") && a.status == http.StatusOK {
		require.Equal(f.t, "application/json;charset=utf-8", a.header.Get("Content-Type"), "a result may have a member error")
		return
	}
	require.Equal(f.t, "application/json", a.header.Get("Content-Type"), "exactly: a parameter switches the detection of errors off")
	if a.status < 300 {
		require.NotContains(f.t, members, "error", "a success that clients take for an error")
		return
	}
	require.True(f.t, isObject, a.body)
	var e struct {
		Error *string `json:"error"`
		Code  *string `json:"error_code"`
		Link  *string `json:"link"`
	}
	require.NoError(f.t, json.Unmarshal([]byte(a.body), &e))
	require.NotNil(f.t, e.Error)
	require.NotEmpty(f.t, *e.Error)
	if e.Code != nil {
		require.True(f.t, errorCodes[*e.Code], "%s is no error code that clients know", *e.Code)
	}
	if e.Link != nil {
		require.True(f.t, strings.HasPrefix(*e.Link, f.api.baseOr(f.base)+"/groups/"), *e.Link)
		require.True(f.t, strings.HasSuffix(*e.Link, "/logs?co_id="+a.id), *e.Link)
	}
	for name := range members {
		require.Contains(f.t, []string{"error", "error_code", "link"}, name)
	}
}

// baseOr is the configured base URL, or the one of the test's connection.
func (s *Server) baseOr(local string) string {
	if s.base != nil {
		return s.base.String()
	}
	return local
}

// is requires a status and the whole body.
func (a answer) is(status int, body string) {
	a.f.t.Helper()
	require.Equal(a.f.t, status, a.status, a.body)
	require.Equal(a.f.t, body, a.body)
}

// refused requires an error, byte for byte, without a link: it is not known yet which app it is about.
func (a answer) refused(status int, text, code string) {
	a.f.t.Helper()
	a.is(status, errorBody(text, code, ""))
}

// refusedFor requires an error that is about the test's app.
func (a answer) refusedFor(status int, text, code string) {
	a.f.t.Helper()
	a.is(status, errorBody(text, code, a.f.api.baseOr(a.f.base)+"/groups/"+a.f.app.GroupID+"/apps/"+a.f.app.InternalID+"/logs?co_id="+a.id))
}

func errorBody(text, code, link string) string {
	quote := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	out := `{"error":` + quote(text)
	if code != "" {
		out += `,"error_code":` + quote(code)
	}
	if link != "" {
		out += `,"link":` + quote(link)
	}
	return out + "}"
}

// into requires a status and reads the body.
func (a answer) into(status int, out any) {
	a.f.t.Helper()
	require.Equal(a.f.t, status, a.status, a.body)
	require.NoError(a.f.t, json.Unmarshal([]byte(a.body), out))
}

// rawOpen sends bytes that no client of ours sends; the body of the answer may end with the connection.
func (f *fixture) rawOpen(text string) answer {
	f.t.Helper()
	conn := f.send(text)
	defer conn.Close()
	require.NoError(f.t, conn.(*net.TCPConn).CloseWrite())
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(f.t, err, "%.200q", text)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(f.t, err)
	return answer{f: f, status: response.StatusCode, header: response.Header, body: string(body), id: response.Header.Get("X-Appservices-Request-Id")}
}
