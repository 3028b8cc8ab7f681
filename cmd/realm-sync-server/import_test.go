package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// run runs a command of the server's program and returns what it printed.
func run(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd, log := command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, log)
	}
	return string(out), err
}

// Documents that mongoexport wrote go in, reach a device, and come out again; in lines, in an array, and from one server to another.
func TestImportExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := serve(t, filepath.Join(dir, "data"))
	status, body := p.request(http.MethodPost, "/api/client/v2.0/app/a/auth/providers/anon-user/login", `{}`)
	require.Equal(t, 200, status)
	var login struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal(body, &login))
	flags := func(command, collection string, more ...string) []string {
		return append([]string{command, "--url", p.base, "--app", "a", "--token", login.AccessToken, "-c", collection}, more...)
	}
	var lines strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&lines, `{"_id":{"$numberLong":"%d"},"name":"dog %d","born":{"$date":{"$numberLong":"%d"}},"toys":["ball","bone"]}`+"\n", i, i, i)
	}
	file := filepath.Join(dir, "dogs.json")
	require.NoError(t, os.WriteFile(file, []byte(lines.String()), 0o600))
	out, err := run(t, "", flags("import", "Dog", file)...)
	require.NoError(t, err)
	require.Equal(t, "2500 documents imported\n", out)

	out, err = run(t, "", flags("export", "Dog")...)
	require.NoError(t, err)
	require.Equal(t, lines.String(), out, "what went in comes out, byte for byte")
	out, err = run(t, "", flags("export", "Dog", "--query", "_id < 2", "--jsonArray")...)
	require.NoError(t, err)
	var two []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &two))
	require.Len(t, two, 2)
	out, err = run(t, "", flags("export", "Dog", "--filter", `{"_id":7}`, "-o", filepath.Join(dir, "one.json"))...)
	require.NoError(t, err)
	require.Equal(t, "1 documents exported\n", out)
	one, err := os.ReadFile(filepath.Join(dir, "one.json"))
	require.NoError(t, err)
	require.Contains(t, string(one), `"dog 7"`)
	_, err = run(t, "", flags("export", "Dog", "-o", filepath.Join(dir, "one.json"))...)
	require.ErrorContains(t, err, "exists already")

	// They are there twice only if that is asked for; a batch is imported whole or not at all.
	_, err = run(t, `{"_id":{"$numberLong":"9999"}}`+string(one), flags("import", "Dog")...)
	require.ErrorContains(t, err, "E11000")
	require.ErrorContains(t, err, "0 documents were imported")
	out, err = run(t, "["+strings.Replace(string(one), "dog 7", "cat 7", 1)+"]", flags("import", "Dog", "--mode", "upsert", "--jsonArray")...)
	require.NoError(t, err)
	require.Equal(t, "1 documents imported\n", out)

	for input, text := range map[string]string{
		`{"_id":1`: "document 1", `[1]`: "it is no document", `{} x`: "document 2", `{"_id":{"$oid":"x"}}`: "that is not a $oid",
	} {
		_, err = run(t, input, flags("import", "Dog")...)
		require.ErrorContains(t, err, text, input)
	}
	_, err = run(t, `{}`, flags("import", "Dog", "--jsonArray")...)
	require.ErrorContains(t, err, "'['")
	_, err = run(t, `[{}`, flags("import", "Dog", "--jsonArray", "--database", "x")...)
	require.Error(t, err)
	_, err = run(t, "", "import", "--app", "a", "-c", "Dog")
	require.ErrorContains(t, err, "--api-key")
	_, err = run(t, "", "import", "--app", "a", "-c", "Dog", "--token", "x", "--url", "ftp://x")
	require.ErrorContains(t, err, "--url")
	_, err = run(t, "", "export", "--app", "a", "-c", "Dog", "--token", "x", "--url", p.base)
	require.ErrorContains(t, err, "invalid session")

	// A device that subscribes has them.
	ws := p.dialAs("a", login.AccessToken)
	ws.SetReadLimit(-1)
	send(t, ws, &wire.Bind{Session: 1, Data: wire.BindData{}.Append(nil), NeedIdent: true})
	ident := receive[*wire.ServerIdent](t, ws)
	send(t, ws, &wire.Ident{Session: 1, FileIdent: ident.FileIdent, Salt: ident.Salt, Query: []byte(`{"Dog":"(_id == 7)"}`)})
	var text []byte
	for {
		m := receive[*wire.Download](t, ws)
		for _, e := range m.Entries {
			text = append(text, e.Changeset...)
		}
		if m.BatchState == wire.LastInBatch {
			break
		}
	}
	require.Contains(t, string(text), "cat 7")
	require.NotContains(t, string(text), "dog 8")
}

// The bar says how far it is; it is not drawn where nobody looks.
func TestProgress(t *testing.T) {
	var nobody *progress
	nobody.show(1, 1)
	nobody.end(1, 1)
	require.Nil(t, newProgress(&bytes.Buffer{}, 5))
	f, err := os.CreateTemp(t.TempDir(), "x")
	require.NoError(t, err)
	require.Nil(t, newProgress(f, 5), "a file is no terminal")
	require.NoError(t, f.Close())

	at := time.Unix(100, 0)
	var out bytes.Buffer
	p := &progress{w: &out, total: 200, now: func() time.Time { return at }}
	p.show(0, 0)
	p.show(1, 1) // at once: not drawn
	at = at.Add(2 * time.Second)
	p.show(100, 50)
	p.end(200, 100)
	require.Equal(t, []string{"", "[..............................]   0%  0 documents", "[###############...............]  50%  50 documents  25/s",
		"[##############################] 100%  100 documents  50/s\n"}, strings.Split(out.String(), "\r"))
}
