package api

import (
	"bytes"
	"io"
	"net"
	"net/http"
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
	f.api.writeTime = 50 * time.Millisecond
	require.Zero(t, f.api.HTTPServer().WriteTimeout, "it would count from the request")
	f.programs["slow"] = func(*auth.Caller, bson.A) (any, error) {
		<-time.After(4 * f.api.writeTime) // this time is what the test is about
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
	f.api.writeTime = 50 * time.Millisecond
	f.programs["long"] = func(*auth.Caller, bson.A) (any, error) { return string(bytes.Repeat([]byte("x"), 15<<20)), nil }
	token := f.anonymous().AccessToken
	conn, err := net.Dial("tcp", f.addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST "+appPath+"functions/call HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token+"\r\nContent-Length: 30\r\n\r\n"+`{"arguments":[],"name":"long"}`)
	require.NoError(t, err)
	ended := func() bool { return bytes.Contains([]byte(f.log.String()), []byte(`/functions/call","status":200`)) }
	require.Eventually(t, ended, patience, 5*time.Millisecond)
}
