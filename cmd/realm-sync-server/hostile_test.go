package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// endless reads as one document without an end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	if e.read == 0 {
		copy(p, `{"a":"`)
	}
	e.read += len(p)
	return len(p), nil
}

// Files that are no documents, or none that the server takes: the command says where, nothing of the batch is in, and memory stays bounded.
func TestHostileImports(t *testing.T) {
	dir := t.TempDir()
	p := serve(t, filepath.Join(dir, "data"))
	status, body := p.request(http.MethodPost, "/api/client/v2.0/app/a/auth/providers/anon-user/login", `{}`)
	require.Equal(t, 200, status)
	var login struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal(body, &login))
	flags := func(collection string, more ...string) []string {
		return append([]string{"import", "--url", p.base, "--app", "a", "--token", login.AccessToken, "-c", collection}, more...)
	}
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	good := `{"_id":{"$numberLong":"1"}}` + "\n"
	for _, c := range []struct{ name, input, text string }{
		{"cut", good + `{"_id":{"$numberLong":"2"},"name":"x`, "document 2, at byte"},
		{"cut within a character", good + "{\"name\":\"\xc3", "document 2, at byte"},
		{"not UTF-8", good + "{\"name\":\"\xff\xfe\"}", "UTF-8"},
		{"a name with null", good + `{"a\u0000b":1}`, "null character"},
		{"a field twice", good + `{"name":"a","name":"b"}`, "twice"},
		{"deep", good + deep, "deep"},
		{"an _id twice", good + good, "E11000"},
		{"an operator", good + `{"_id":{"$numberLong":"2"},"$where":"1"}`, "can't be the name"},
		{"a type that there isn't", good + `{"a":{"$oid":"../../etc/passwd"}}`, "$oid"},
		{"an array", "[" + good + "]", "it is no document"},
		{"zeros", strings.Repeat("\x00", 1000), "document 1, at byte"},
		{"gzip", "\x1f\x8b\x08\x00\x00", "document 1, at byte"},
	} {
		out, err := run(t, c.input, flags("Dog")...)
		require.ErrorContains(t, err, c.text, c.name)
		require.ErrorContains(t, err, "0 documents were imported", c.name)
		require.NotContains(t, err.Error(), "goroutine", c.name)
		require.Empty(t, out, c.name)
	}
	for name, args := range map[string][]string{
		"a path as collection":  flags("../../etc/passwd", filepath.Join(dir, "good.json")),
		"a directory as file":   flags("Dog", dir),
		"no file":               flags("Dog", filepath.Join(dir, "none.json")),
		"an app that is a path": {"import", "--url", p.base, "--app", "../admin", "--token", login.AccessToken, "-c", "Dog", filepath.Join(dir, "good.json")},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "good.json"), []byte(good), 0o600))
		_, err := run(t, "", args...)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "goroutine", name)
	}
	status, body = p.request(http.MethodGet, "/api/data/v1/app/a/collections", "")
	require.Equal(t, 401, status, "%s", body)

	c := importCommand{remoteFlags: remoteFlags{URL: p.base, App: "a", Token: login.AccessToken, Collection: "Dog"}, Mode: "insert"}
	in := &endless{}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := c.run(context.Background(), in, nil)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, errNoEnd)
	require.Less(t, in.read, 4*maxImported)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16*maxImported))
	// What is small isn't held up by what is behind it.
	blank := func(n int) io.Reader {
		return io.MultiReader(strings.NewReader(good), bytes.NewReader([]byte(strings.Repeat(" \n", n))), strings.NewReader(strings.Replace(good, "1", "2", 1)))
	}
	n, err := c.run(context.Background(), blank(1<<20), nil)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	_, err = c.run(context.Background(), blank(maxImported), nil)
	require.ErrorIs(t, err, errNoEnd)
}

// An export is written where it is asked for, and replaces nothing.
func TestHostileExportFiles(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	require.NoError(t, os.WriteFile(precious, []byte("mine"), 0o600))
	for name, link := range map[string]string{"to a file": precious, "to nothing": filepath.Join(dir, "none"), "to a directory": dir} {
		out := filepath.Join(dir, "out")
		require.NoError(t, os.Symlink(link, out))
		_, err := run(t, "", "export", "--url", "http://127.0.0.1:1", "--app", "a", "--token", "x", "-c", "Dog", "-o", out)
		require.ErrorContains(t, err, "exists already", name)
		require.NoError(t, os.Remove(out))
	}
	text, err := os.ReadFile(precious)
	require.NoError(t, err)
	require.Equal(t, "mine", string(text))
	_, err = run(t, "", "export", "--url", "http://127.0.0.1:1", "--app", "a", "--token", "x", "-c", "Dog", "-o", filepath.Join(dir, "out"))
	require.Error(t, err)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing half written stays")
}

// A server doesn't start with files of an app that lead out of their directory, are no text, or have no end; it says which file it is, and makes nothing.
func TestHostileAppFiles(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret.json")
	require.NoError(t, os.WriteFile(secret, []byte(`{"secret":"swordfish"}`), 0o600))
	realm := `{"app_id":"todo-abcde","name":"todo"}`
	for _, c := range []struct {
		name  string
		files map[string]string
		links map[string]string
		text  string
	}{
		{"an app id that is a path", map[string]string{"realm_config.json": `{"app_id":"../../evil"}`}, nil, "can't be an app id"},
		{"an absolute app id", map[string]string{"realm_config.json": `{"app_id":"/etc"}`}, nil, "can't be an app id"},
		{"a function's name that is a path", map[string]string{"realm_config.json": realm, "functions/config.json": `[{"name":"../../` + secret + `"}]`}, nil, "functions/config.json:1"},
		{"a link out", map[string]string{"realm_config.json": realm}, map[string]string{"secrets.json": secret}, "secrets.json"},
		{"a link to all", map[string]string{"realm_config.json": realm}, map[string]string{"values": "/"}, "values"},
		{"a link to itself", map[string]string{"realm_config.json": realm}, map[string]string{"functions": "functions"}, "functions"},
		{"a function twice", map[string]string{"realm_config.json": realm, "functions/a.js": "exports = 1", "functions/config.json": `[{"name":"a"},{"name":"a"}]`}, nil, "functions/config.json"},
		{"cut", map[string]string{"realm_config.json": realm, "sync/config.json": `{"type":"flex`}, nil, "sync/config.json:1"},
		{"not UTF-8", map[string]string{"realm_config.json": "{\"app_id\":\"todo-abcde\",\n\"name\":\"\xff\"}"}, nil, "realm_config.json:2"},
		{"huge", map[string]string{"realm_config.json": realm, "auth/providers.json": strings.Repeat(" ", 5<<20)}, nil, "auth/providers.json"},
		{"deep", map[string]string{"realm_config.json": realm, "auth/providers.json": strings.Repeat(`{"a":`, 100_000)}, nil, "auth/providers.json"},
		{"a value's name that is a path", map[string]string{"realm_config.json": realm, "values/x.json": `{"name":"../../x","value":1}`}, nil, "values/x.json"},
	} {
		dir, data := t.TempDir(), filepath.Join(t.TempDir(), "data")
		for name, text := range c.files {
			put(t, dir, name, text)
		}
		for name, to := range c.links {
			require.NoError(t, os.Symlink(to, filepath.Join(dir, name)))
		}
		cmd, log := command("serve", "--listen", "127.0.0.1:0", "--data", data, "--app", dir)
		require.Error(t, cmd.Run(), c.name)
		require.Contains(t, log.String(), c.text, c.name)
		require.NotContains(t, log.String(), "swordfish", c.name)
		require.NotContains(t, log.String(), "goroutine ", c.name)
		apps, err := os.ReadDir(filepath.Join(data, "apps"))
		require.True(t, err == nil && len(apps) == 0 || errors.Is(err, os.ErrNotExist), "%s: %v %v", c.name, apps, err)
	}
	// What isn't a file isn't waited for.
	dir := t.TempDir()
	put(t, dir, "realm_config.json", realm)
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "secrets.json"), 0o600))
	cmd, log := command("serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"), "--app", dir)
	require.Error(t, cmd.Run())
	require.Contains(t, log.String(), "secrets.json: it is not a file")
	for _, id := range []string{"../todo-abcde", "/etc/passwd", "..", "a\nb"} {
		data := t.TempDir()
		_, err := run(t, "", "app", "create", "--data", data, id)
		require.ErrorContains(t, err, "can't be an app id")
		_, err = run(t, "", "app", "export", "--data", data, id, filepath.Join(t.TempDir(), "out"))
		require.ErrorContains(t, err, "cannot find app")
	}
}
