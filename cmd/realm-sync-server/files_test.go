package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/server/appconfig"
)

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// hangup sends SIGHUP and waits for what is logged of it.
func (p *process) hangup(want string) {
	p.t.Helper()
	before := strings.Count(p.stderr.String(), want)
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(p.t, func() bool { return strings.Count(p.stderr.String(), want) > before }, patience, 5*time.Millisecond, "%s", p.stderr)
}

// An app that is configured by files: made, followed on SIGHUP, left alone when a file is wrong, and exported.
func TestAppFiles(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), t.TempDir()
	put(t, dir, "realm_config.json", `{"app_id":"todo-abcde","name":"todo"}`)
	put(t, dir, "auth/providers.json", `{"anon-user":{"type":"anon-user"}}`)
	p := serve(t, data, "--app", dir)
	login := func() int {
		status, _ := p.request(http.MethodPost, "/api/client/v2.0/app/todo-abcde/auth/providers/anon-user/login", `{}`)
		return status
	}
	require.Equal(t, 200, login())
	status, _ := p.request(http.MethodPost, "/api/client/v2.0/app/todo-abcde/auth/providers/local-userpass/register", `{"email":"a@b.c","password":"password"}`)
	require.Equal(t, 404, status, "the files have no e-mail login")

	put(t, dir, "auth/providers.json", `{"anon-user":{"type":"anon-user","disabled":true}}`)
	p.hangup("the files of apps were read again\"")
	require.Equal(t, 404, login())

	put(t, dir, "auth/providers.json", "{\"anon-user\":{\"type\":\"anon-user\"},\n\"ldap\":{}}")
	p.hangup("nothing is changed")
	p.stderr.Await(t, "file=auth/providers.json line=2")
	require.Equal(t, 404, login())

	put(t, dir, "auth/providers.json", `{"anon-user":{"type":"anon-user"}}`)
	p.hangup("the files of apps were read again\"")
	require.Equal(t, 200, login())
	p.stop()

	out := filepath.Join(t.TempDir(), "out")
	cmd, log := command("app", "export", "--data", data, "todo-abcde", out)
	require.NoError(t, cmd.Run(), "%s", log)
	text, err := os.ReadFile(filepath.Join(out, "auth/providers.json"))
	require.NoError(t, err)
	require.JSONEq(t, `{"anon-user":{"name":"anon-user","type":"anon-user","disabled":false}}`, string(text))
	cmd, log = command("app", "export", "--data", data, "nobody", filepath.Join(t.TempDir(), "x"))
	require.Error(t, cmd.Run())
	require.Contains(t, log.String(), "nobody")

	// A server does not start with a wrong file.
	put(t, dir, "auth/providers.json", `{`)
	cmd, log = command("serve", "--listen", "127.0.0.1:0", "--data", data, "--app", dir)
	require.Error(t, cmd.Run())
	require.Contains(t, log.String(), "auth/providers.json:1:")
}

// What an administrator saves while files are applied stays, as far as files don't say otherwise.
func TestFilesAndAdministrators(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	put(t, first, "realm_config.json", `{"app_id":"a","name":"a"}`)
	put(t, second, "realm_config.json", `{"app_id":"b","name":"b"}`)
	configs, err := appconfig.Open(t.Context(), appconfig.StoreConfig{Dir: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, configs.Close()) }()
	files := appFileFlags{Apps: []string{first, second}}
	require.NoError(t, files.applyFiles(t.Context(), configs, makes{func() func() { return func() {} }, func(context.Context, string) error { return nil }, func(ctx context.Context, id string) error {
		if id != "a" {
			return nil
		}
		_, err := configs.Update(ctx, "b", func(c *appconfig.Config) error {
			c.Secrets = append(c.Secrets, appconfig.Secret{ID: appconfig.FixedID("s"), Name: "s", Value: "v"})
			return nil
		})
		return err
	}}, slog.New(slog.DiscardHandler)))
	c, err := configs.Current(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, "b", c.Name)
	require.NotNil(t, c.Secret("s"))
}

// The account of development mode, accounts that are made, and an address for administrators alone.
func TestAdmin(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	login := func(p *process, email, password string) (int, string) {
		body, _ := json.Marshal(map[string]string{"username": email, "password": password})
		status, answer := p.request(http.MethodPost, "/api/admin/v3.0/auth/providers/local-userpass/login", string(body))
		var tokens struct {
			Access string `json:"access_token"`
		}
		_ = json.Unmarshal(answer, &tokens)
		return status, tokens.Access
	}
	cmd, log := command("admin", "create-user", "--data", data, "root@example.com")
	cmd.Stdin = strings.NewReader("correct horse\n")
	require.NoError(t, cmd.Run(), "%s", log)
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("battery staple\n"), 0o600))
	cmd, log = command("admin", "create-user", "--data", data, "--password-file", file, "other@example.com")
	require.NoError(t, cmd.Run(), "%s", log)
	cmd, log = command("admin", "create-user", "--data", data, "--password-file", file, "other@example.com")
	require.Error(t, cmd.Run())
	require.Contains(t, log.String(), "already")
	cmd, log = command("admin", "create-user", "--data", data, "third@example.com")
	require.Error(t, cmd.Run())
	require.Contains(t, log.String(), "there is no password")

	p := serve(t, data)
	for _, account := range [][2]string{{"root@example.com", "correct horse"}, {"other@example.com", "battery staple"}, {"unique_user@domain.com", "password"}} {
		status, token := login(p, account[0], account[1])
		require.Equal(t, 200, status)
		require.NotEmpty(t, token)
	}
	status, _ := login(p, "root@example.com", "wrong")
	require.Equal(t, 401, status)
	status, body := p.request(http.MethodGet, "/api/private/v1.0/version", "")
	require.Equal(t, 200, status)
	require.True(t, bytes.Contains(body, []byte(`"version"`)))
	p.stop()
	require.NotContains(t, p.stderr.String(), "correct horse")

	apart := serve(t, data, "--admin-listen", "127.0.0.1:0")
	status, _ = apart.request(http.MethodGet, "/api/private/v1.0/version", "")
	require.Equal(t, 404, status, "it is at its own address only")
	apart.stop()
}

// Schemas in files are classes; files that contradict what the app has are refused as a whole, with file and line, and nothing is changed.
func TestSchemasInFiles(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), t.TempDir()
	const schema = "data_sources/mongodb-atlas/todo/Item/schema.json"
	put(t, dir, "realm_config.json", `{"app_id":"todo-abcde","name":"todo"}`)
	put(t, dir, "auth/providers.json", `{"anon-user":{"type":"anon-user"}}`)
	put(t, dir, "data_sources/mongodb-atlas/config.json", `{"name":"mongodb-atlas","type":"mongodb-atlas","version":1}`)
	put(t, dir, "data_sources/mongodb-atlas/default_rule.json", `{"roles":[{"name":"all","apply_when":{},"document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}]}`)
	put(t, dir, "sync/config.json", `{"type":"flexible","state":"enabled","development_mode_enabled":false,"service_name":"mongodb-atlas","database_name":"todo"}`)
	put(t, dir, schema, `{"title":"Item","properties":{"_id":{"bsonType":"long"},"n":{"bsonType":"long"}},"required":["_id","n"]}`)
	p := serve(t, data, "--app", dir)
	user := &suite{process: p}
	user.token = user.call("POST", "/api/client/v2.0/app/todo-abcde/auth/providers/anon-user/login", `{"provider":"anon-user"}`, 200)["access_token"].(string)
	insert := func(document string, want int) {
		t.Helper()
		user.call("POST", "/api/client/v2.0/app/todo-abcde/functions/call", `{"name":"insertOne","service":"mongodb-atlas","arguments":[{"database":"todo","collection":"Item","document":`+document+`}]}`, want)
	}
	insert(`{"_id":1,"n":1}`, 200)
	insert(`{"_id":2,"n":2,"more":true}`, 400)
	put(t, dir, schema, "{\"title\":\"Item\",\"properties\":{\"_id\":{\"bsonType\":\"long\"},\n\"n\":{\"bsonType\":\"string\"}},\"required\":[\"_id\",\"n\"]}")
	put(t, dir, "auth/providers.json", `{"anon-user":{"type":"anon-user","disabled":true}}`)
	p.hangup("nothing is changed")
	p.stderr.Await(t, "file="+schema+" line=2 path=schemas[0].schema.properties.n")
	user.call("POST", "/api/client/v2.0/app/todo-abcde/auth/providers/anon-user/login", `{"provider":"anon-user"}`, 200)
	put(t, dir, schema, `{"title":"Item","properties":{"_id":{"bsonType":"long"},"n":{"bsonType":"long"},"more":{"bsonType":"bool"}},"required":["_id","n"]}`)
	p.hangup("the files of apps were read again\"")
	insert(`{"_id":2,"n":2,"more":true}`, 200)

	// Files that say that sync is terminated, and then that it is on again, may bring other types.
	const synced = `{"type":"flexible","state":"enabled","development_mode_enabled":false,"service_name":"mongodb-atlas","database_name":"todo"}`
	find := func() map[string]any {
		t.Helper()
		return user.call("POST", "/api/client/v2.0/app/todo-abcde/functions/call", `{"name":"findOne","service":"mongodb-atlas","arguments":[{"database":"todo","collection":"Item","query":{"_id":2}}]}`, 200)
	}
	put(t, dir, "sync/config.json", strings.Replace(synced, `"enabled"`, `""`, 1))
	p.hangup("the files of apps were read again\"")
	require.Equal(t, true, find()["more"], "programs go on")
	put(t, dir, schema, `{"title":"Item","properties":{"_id":{"bsonType":"long"},"n":{"bsonType":"double"},"more":{"bsonType":"string"}},"required":["_id","n"]}`)
	p.hangup("the files of apps were read again\"")
	put(t, dir, "sync/config.json", synced)
	p.hangup("the files of apps were read again\"")
	insert(`{"_id":3,"n":0.5,"more":"text"}`, 200)
	require.Equal(t, map[string]any{"$numberDouble": "2"}, find()["n"])
	require.Nil(t, find()["more"])
	p.stop()

	// The same holds for files that have changed when the server starts.
	put(t, dir, schema, `{"title":"Item","properties":{"_id":{"bsonType":"long"},"n":{"bsonType":"long"},"more":{"bsonType":"string"}},"required":["_id","n"]}`)
	cmd, log := command("serve", "--listen", "127.0.0.1:0", "--data", data, "--app", dir)
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // it serves
	require.Error(t, cmd.Run())
	late.Stop()
	require.Contains(t, log.String(), schema+":1: schemas[0].schema.properties.n: ")
	require.Contains(t, log.String(), "terminate sync")
}
