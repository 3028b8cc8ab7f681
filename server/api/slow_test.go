package api

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
)

// A function that takes longer than a client may take to read its answer is answered all the same: no answer would be taken for
// success (app-services 1.3, H11).
func TestSlowFunction(t *testing.T) {
	f := open(t, nil)
	f.api.writeTime = 300 * time.Millisecond // it is also what a busy machine has to write the answer
	require.Zero(t, f.api.HTTPServer().WriteTimeout, "it would count from the request")
	f.programs["slow"] = func(*auth.Caller, bson.A) (any, error) {
		<-time.After(f.api.writeTime + 100*time.Millisecond) // this time is what the test is about
		return "late", nil
	}
	token := f.anonymous().AccessToken
	f.call(http.MethodPost, appPath+"functions/call", token, `{"arguments":[],"name":"slow"}`).is(200, `"late"`)

	// Also as the second answer of a connection.
	conn, err := net.Dial("tcp", f.addr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	body := `{"arguments":[],"name":"slow"}`
	text := "POST " + appPath + "functions/call HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 30\r\n\r\n" + body
	require.Len(t, body, 30)
	for range 2 {
		_, err = io.WriteString(conn, text)
		require.NoError(t, err)
		answer := make([]byte, 0, 4096)
		for !bytes.HasSuffix(answer, []byte(`"late"`)) {
			part := make([]byte, 1024)
			n, err := conn.Read(part)
			require.NoError(t, err)
			answer = append(answer, part[:n]...)
		}
	}
}

// Who does not read an answer does not hold the server for long.
func TestSlowReader(t *testing.T) {
	f := open(t, nil)
	f.programs["long"] = func(*auth.Caller, bson.A) (any, error) { return string(bytes.Repeat([]byte("x"), 15<<20)), nil }
	token := f.anonymous().AccessToken
	f.api.writeTime = 50 * time.Millisecond
	conn, err := net.Dial("tcp", f.addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST "+appPath+"functions/call HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token+"\r\nContent-Length: 30\r\n\r\n"+`{"arguments":[],"name":"long"}`)
	require.NoError(t, err)
	ended := func() bool { return bytes.Contains([]byte(f.log.String()), []byte(`/functions/call","status":200`)) }
	require.Eventually(t, ended, patience, 5*time.Millisecond)
}

// An answer that is broken off looks so, also if it was before anything of it was written: nothing at all would be taken for success (app-services 1.3, H11).
func TestEndedAnswer(t *testing.T) {
	body := make([]byte, 64<<10)
	for name, answer := range map[string]func(*recorder, *http.Request){
		"before": func(w *recorder, r *http.Request) {
			w.end()
			writeBody(w, r, http.StatusOK, body)
		},
		"amid": func(w *recorder, r *http.Request) {
			_, err := w.Write(body[:maxChunk])
			w.end()
			if err = errors.Join(err, w.SetWriteDeadline(time.Now().Add(patience))); err != nil { // it gets no other one
				t.Error(err)
			}
			if _, err = w.Write(body); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("it was written", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(newRecorder(w, patience), r) }))
			defer server.Close()
			r, err := server.Client().Get(server.URL)
			require.NoError(t, err)
			defer r.Body.Close()
			require.Equal(t, http.StatusOK, r.StatusCode)
			_, err = io.ReadAll(r.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		})
	}
}

// A result that is longer than all answers may be together is refused, and the log says of one that was broken off why.
func TestHeldAnswers(t *testing.T) {
	f := open(t, func(s *setup) { s.api.MaxHeld = 1 << 20 })
	f.programs["long"] = func(*auth.Caller, bson.A) (any, error) { return strings.Repeat("x", 1<<20), nil }
	f.programs["half"] = func(*auth.Caller, bson.A) (any, error) { return strings.Repeat("x", 700<<10), nil }
	token := f.anonymous().AccessToken
	f.call(http.MethodPost, appPath+"functions/call", token, `{"arguments":[],"name":"long"}`).refusedFor(400, "the result is too large: ask for less, with a limit or a projection", "ReadSizeLimitExceeded")
	w := newRecorder(httptest.NewRecorder(), patience)
	r := httptest.NewRequest(http.MethodPost, appPath+"functions/call", nil)
	held, err := f.api.hold(&call{w: w, r: r, app: f.app}, "someone", 600<<10)
	require.NoError(t, err)
	defer held.Give()
	require.Equal(t, 200, f.call(http.MethodPost, appPath+"functions/call", token, `{"arguments":[],"name":"half"}`).status)
	require.True(t, w.wasEnded(), "it was there for longer")
	require.Zero(t, f.api.held.Bytes())
	f.api.finish(&call{w: w, r: r, app: f.app}, time.Now())
	require.Contains(t, f.log.String(), errHeld.Error())
}
