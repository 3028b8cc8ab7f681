package api

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
)

const loginPath = appPath + "auth/providers/anon-user/login"

func nested(depth int) string {
	return `{"options":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}"
}

func TestMalformedBodies(t *testing.T) {
	f := open(t, nil)
	const notObject, notUTF8, deep = "the request's body must be a JSON object", "the request's body is not UTF-8", "the request's body is nested more than 64 deep"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write([]byte("{}"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for body, text := range map[string]string{
		"": notObject, " ": notObject, "null": notObject, "[]": notObject, `"x"`: notObject, "5": notObject, "{": notObject, "}": notObject, "{}x": notObject,
		"{}{}": notObject, "{'a':1}": notObject, `{"a":1,}`: notObject, "\ufeff{}": notObject, "a=b&c=d": notObject, "{\x00}": notObject, `{"a":"` + "\n" + `"}`: notObject,
		"{\"a\":\"\xff\"}": notUTF8, "\xed\xa0\x80": notUTF8, zipped.String(): notUTF8,
		nested(65): deep, nested(30_000): deep, strings.Repeat("[", 60_000): deep, `{"a":` + strings.Repeat(`{"a":`, 64): deep,
	} {
		f.call(http.MethodPost, loginPath, "", body).refusedFor(400, text, "BadRequest")
	}
	for _, body := range []string{
		"{}", " {\r\n\t} ", nested(64), `{"a":"` + strings.Repeat("[{", 1000) + `"}`, `{"a":"\\\"` + strings.Repeat("[", 100) + `"}`, `{"provider":5,"x":1e999}`,
		`{"options":{},"options":{}}`,
	} {
		f.call(http.MethodPost, loginPath, "", body).into(200, &login{})
	}
}

// encoding/json makes one character of all halves of surrogate pairs: two passwords must not become one.
func TestHalfSurrogatePairs(t *testing.T) {
	f := open(t, nil)
	for _, pair := range []string{`\ud800`, `\udfff`, `x\uD800y`, `\ud800\ud800`, `\ufffd\udc00`, "\ufffd" + `\udc00`} {
		f.call(http.MethodPost, userpassPath+"register", "", `{"email":"a@b.c","password":"123456`+pair+`"}`).
			refusedFor(400, "'password' has half a surrogate pair", "BadRequest")
	}
	for i, whole := range []string{`\ud83d\ude00`, `\ufffd`, `\uFFFD`, "\ufffd", "\ufffd" + `\ufffd`, `\\ud800`} {
		email := fmt.Sprintf("%d@b.c", i)
		f.call(http.MethodPost, userpassPath+"register", "", `{"email":"`+email+`","password":"123456`+whole+`"}`).is(201, "{}")
		f.login("local-userpass", userpassMembers(email, "123456"+whole))
	}
	// The same password, however it is written.
	f.login("local-userpass", userpassMembers("0@b.c", "123456\U0001f600"))
	f.login("local-userpass", userpassMembers("1@b.c", "123456\ufffd"))
}

// What a body is, it says itself: clients and proxies differ in what they call it.
func TestContentTypes(t *testing.T) {
	f := open(t, nil)
	for _, header := range [][]string{
		nil, {"Content-Type: application/json"}, {"Content-Type: text/plain"}, {"Content-Type: application/x-www-form-urlencoded"}, {"Content-Type: ;;;"},
		{"Content-Type: multipart/form-data; boundary=x"}, {"Accept: text/html", "Accept-Encoding: gzip, br, deflate"}, {"Accept: nothing/*;q=0"},
	} {
		lines := strings.Join(append(header, "Host: x", "Content-Length: 2"), "\r\n")
		a := f.raw(http.MethodPost, "POST "+loginPath+" HTTP/1.1\r\n"+lines+"\r\n\r\n{}")
		f.check(request{path: loginPath}, a)
		a.into(200, &login{})
	}
}

func TestBodySizes(t *testing.T) {
	f := open(t, nil)
	user := f.anonymous()
	// A text that is exactly so many bytes long.
	sized := func(n int) string { return `{"name":"x","pad":"` + strings.Repeat("p", n-21) + `"}` }
	require.Len(t, sized(100), 100)
	chunked := func(path, token, body string) answer {
		var b strings.Builder
		fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n", path, token)
		for rest := body; rest != ""; {
			n := min(len(rest), 100_000)
			fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		a := f.raw(http.MethodPost, b.String()+"0\r\n\r\n")
		f.check(request{path: path}, a)
		return a
	}
	const function = appPath + "functions/call"
	f.call(http.MethodPost, loginPath, "", sized(MaxBody)).into(200, &login{})
	chunked(loginPath, "", sized(MaxBody)).into(200, &login{})
	f.call(http.MethodPost, function, user.AccessToken, sized(4<<20)).refusedFor(404, "function not found: 'x'", "FunctionNotFound")
	for _, a := range []answer{
		f.call(http.MethodPost, loginPath, "", sized(MaxBody+1)), chunked(loginPath, "", sized(MaxBody+1)),
		f.call(http.MethodPost, userpassPath+"register", "", sized(MaxBody+1)),
	} {
		a.refusedFor(413, "the request's body is larger than 65536 bytes", "BadRequest")
		require.Equal(t, "close", a.header.Get("Connection"), "the rest of the body must not be taken for a request")
	}
	f.call(http.MethodPost, function, user.AccessToken, sized(4<<20+1)).refusedFor(413, "the request's body is larger than 4194304 bytes", "BadRequest")
	// Who isn't known is told so before a large body is read.
	f.call(http.MethodPost, function, "", sized(2<<20)).refusedFor(401, "invalid session", "InvalidSession")
}

func TestBodyThatBreaksOff(t *testing.T) {
	f := open(t, nil)
	a := f.rawOpen("POST " + loginPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{}")
	a.refusedFor(400, "the request's body could not be read", "BadRequest")
}

// Bodies of the routes that need none are not looked at.
func TestNeedlessBodies(t *testing.T) {
	f := open(t, nil)
	user := f.anonymous()
	for _, body := range []string{"x", "{}", "null", "\xff"} {
		f.call(http.MethodGet, appPath+"location", "", body).into(200, &struct{}{})
		f.call(http.MethodGet, profilePath, user.AccessToken, body).into(200, &profile{})
		f.call(http.MethodPost, sessionPath, user.RefreshToken, body).into(201, &login{})
	}
	f.call(http.MethodDelete, sessionPath, user.RefreshToken, "x").is(204, "")
}

// Answers at the bounds of what realm-cpp reads at once, by our own writer and by a handler that knows no bounds.
func TestAnswerSizes(t *testing.T) {
	f := open(t, func(s *setup) {
		s.api.Sync = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			size, err := strconv.Atoi(r.URL.Query().Get("size"))
			if err != nil {
				panic(err)
			}
			body := bytes.Repeat([]byte("y"), size)
			if r.URL.Query().Has("foreign") {
				_, _ = w.Write(body)
			} else {
				writeBody(w, r, 200, body)
			}
		})
	})
	for _, foreign := range []string{"", "&foreign"} {
		for _, size := range []int{0, 1, 2048, 4095, 4096, 4097, 8191, 8192, 8193, 100_000} {
			a := f.raw(http.MethodGet, request{method: http.MethodGet, path: appPath + "realm-sync?size=" + strconv.Itoa(size) + foreign}.text(f))
			require.Equal(t, strings.Repeat("y", size), a.body)
			if foreign == "" {
				require.Equal(t, size > 8192, a.chunked, "%d", size)
			}
		}
	}
	// Before HTTP/1.1 there are no chunks.
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.ProtoMajor, r.ProtoMinor = 1, 0
	w := httptest.NewRecorder()
	writeBody(w, r, 200, make([]byte, 10_000))
	require.Equal(t, "10000", w.Header().Get("Content-Length"))
	require.Empty(t, w.Header().Values("Transfer-Encoding"))
}

// direct serves a request without a network. All that belongs to it, its line in the log too, has happened when it returns.
func (f *fixture) direct(method, target, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	f.api.ServeHTTP(w, r)
	return w
}

// Whatever is in a body, the answer is one that clients can read, nothing panics, and what isn't a JSON object is refused.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`{"provider":"anon-user",` + device + `}`, `{"username":"a@b.c","password":"password"}`, `{"email":"a@b.c","password":"password"}`,
		`{"token":"x","tokenId":"636aba021728b6c1c03db83f","password":"password"}`, `{"name":"nm"}`, `{"arguments":[{"$numberInt":"1"}],"name":"f","service":"s"}`,
		`{"key":"x"}`, `{"token":"a.b.c"}`, nested(64), nested(65), "", "null", "[]", `{"name":"\ud800"}`, "{\"name\":\"\xff\"}", `{"name":null}`,
	} {
		for i := range fuzzTargets {
			f.Add(uint8(i), []byte(body))
		}
	}
	server := open(f, nil)
	server.register("a@b.c")
	user := server.login("local-userpass", userpassMembers("a@b.c", password))
	f.Fuzz(func(t *testing.T, route uint8, body []byte) {
		path := fuzzTargets[int(route)%len(fuzzTargets)]
		token := user.AccessToken
		if path == keysPath {
			token = user.RefreshToken
		}
		r := httptest.NewRequest(http.MethodPost, path, bufio.NewReader(bytes.NewReader(body)))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		server.api.ServeHTTP(w, r)
		require.NotEqual(t, 500, w.Code, "%s %q: %s", path, body, w.Body)
		require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		var answer map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		var object map[string]json.RawMessage
		if json.Unmarshal(body, &object) != nil || object == nil {
			require.Equal(t, 400, w.Code, "%q", body)
		}
		if w.Code >= 300 {
			require.Contains(t, answer, "error")
		} else {
			require.NotContains(t, answer, "error")
		}
	})
}

// fuzzTargets are the paths that read a body.
var fuzzTargets = []string{
	loginPath, appPath + "auth/providers/local-userpass/login", appPath + "auth/providers/custom-token/login", appPath + "auth/providers/custom-function/login",
	userpassPath + "login?link=true", userpassPath + "register", userpassPath + "confirm", userpassPath + "confirm/send", userpassPath + "reset", userpassPath + "reset/send",
	userpassPath + "reset/call", appPath + "functions/call", keysPath,
}

// What anybody may send is small: a connection for each would hold as much as it likes. The argument of a login function is the app's.
func TestBodiesOfStrangersAreSmall(t *testing.T) {
	f := open(t, nil)
	body := func(size int) string {
		return `{"realmCustomAuthFuncUserId":"x","more":"` + strings.Repeat("x", size) + `"}`
	}
	custom := appPath + "auth/providers/custom-function/login"
	for _, path := range []string{loginPath, custom, userpassPath + "register", userpassPath + "confirm", userpassPath + "reset/call"} {
		require.Equal(t, 413, f.direct(http.MethodPost, path, "", body(MaxBody)).Code, path)
		require.NotEqual(t, 413, f.direct(http.MethodPost, path, "", body(MaxBody/2)).Code, path)
	}
	f.program("authFunc", func(*auth.Caller, bson.A) (any, error) { return "an id", nil })
	f.provide("custom-function", `{"authFunctionName":"authFunc"}`, "")
	require.Equal(t, 200, f.direct(http.MethodPost, custom, "", body(MaxPayload/2)).Code)
	require.Equal(t, 413, f.direct(http.MethodPost, custom, "", body(MaxPayload)).Code)
}
