package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// remoteAt is the flags for a server of a test.
func remoteAt(t *testing.T, handle http.HandlerFunc) remoteFlags {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return remoteFlags{URL: server.URL, App: "a", Token: "t", Collection: "Dog"}
}

// lines are documents in lines, numbered from 0.
func lines(n int) io.Reader {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "{\"_id\":%d}\n", i)
	}
	return strings.NewReader(out.String())
}

// An import that is interrupted waits for the batch that is under way, sends no other, and says what is in; it goes on from there.
func TestImportInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	var got []string
	flags := remoteAt(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, string(body))
		interrupt()
		w.WriteHeader(http.StatusCreated)
	})
	c := &importCommand{remoteFlags: flags}
	n, err := c.run(ctx, lines(2500), nil)
	require.ErrorContains(t, err, "interrupted")
	require.Equal(t, 1000, n)
	require.Len(t, got, 1)

	c.Skip = n
	got = nil
	n, err = c.run(t.Context(), lines(2500), nil)
	require.NoError(t, err)
	require.Equal(t, 2500, n)
	require.Len(t, got, 2)
	require.True(t, strings.HasPrefix(got[0], `[{"_id":1000},`), got[0][:40])
	c.Skip = 2501
	_, err = c.run(t.Context(), lines(2500), nil)
	require.ErrorContains(t, err, "2500 documents only")
}

// What is wrong is told with its line, and nothing of its batch is sent.
func TestImportWrong(t *testing.T) {
	answers := 0
	flags := remoteAt(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answers++
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"error":"E11000 duplicate key","index":1}`))
	})
	for input, text := range map[string]string{
		"{\"a\":1}\n{\"a\":2}\n{\"a\":}\n":          "line 3 (document 3, at byte 16): ",
		"{\"a\":1}\n\n\n{\"a\":{\"$oid\":\"x\"}}\n": "line 4 (document 2): ",
		"{\"a\":1}\n5\n":                            "line 2 (document 2): it is no document",
		"{\"a\":1}\n{\n \"a\":\n  2,\n x}":          "line 2 (document 2, ",
		"{\"a\":1}\n{\"a\"":                         "document 2, at byte",
	} {
		n, err := (&importCommand{remoteFlags: flags}).run(t.Context(), strings.NewReader(input), nil)
		require.ErrorContains(t, err, text, input)
		require.Zero(t, n)
	}
	require.Zero(t, answers)
	_, err := (&importCommand{remoteFlags: flags}).run(t.Context(), strings.NewReader("{\"a\":1}\n\n{\"a\":2}\n{\"a\":3}\n"), nil)
	require.EqualError(t, err, "line 3 (document 2): E11000 duplicate key. Nothing of documents 1 to 3 was imported")
	_, err = (&importCommand{remoteFlags: flags, JSONArray: true}).run(t.Context(), strings.NewReader("[{\"a\":1},\n{\"a\":2}\n"), nil)
	require.ErrorContains(t, err, "the array doesn't end")

	flags = remoteAt(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	})
	_, err = (&importCommand{remoteFlags: flags}).run(t.Context(), lines(3), nil)
	require.ErrorContains(t, err, "documents 1 to 3, which may be in or not")
}

// An export that breaks off is no whole one.
func TestExportBroken(t *testing.T) {
	flags := remoteAt(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Appservices-Request-Id", "r1")
		_, _ = w.Write([]byte("{\"_id\":1}\n{\"_id\":2}\n"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	var out bytes.Buffer
	n, err := (&exportCommand{remoteFlags: flags}).run(t.Context(), &out, nil)
	require.ErrorContains(t, err, "broke the export off after 2 documents; its log has the reason under request r1")
	require.Equal(t, 2, n)

	long := strings.Repeat("x", 200_000) // more than one read
	flags = remoteAt(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("{\"a\":\"" + long + "\"}\n{\"b\":1}\n"))
	})
	out.Reset()
	_, err = (&exportCommand{remoteFlags: flags, JSONArray: true}).run(t.Context(), &out, nil)
	require.NoError(t, err)
	require.Equal(t, "[{\"a\":\""+long+"\"},\n{\"b\":1}]\n", out.String())
}
