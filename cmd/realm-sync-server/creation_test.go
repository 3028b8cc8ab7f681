package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/tests/request"
)

// A server that is killed when the function for new users has done its work, and the user is not stored yet, has no user: the next login runs the
// function again, for another id.
func TestKilledUserCreation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, files := filepath.Join(dir, "data"), filepath.Join(dir, "files")
	for name, text := range map[string]string{
		"realm_config.json":                 `{"app_id":"app-abcde","name":"app"}`,
		"auth/providers.json":               `{"anon-user":{"name":"anon-user","type":"anon-user","disabled":false}}`,
		"auth/custom_user_data.json":        `{"enabled":true,"mongo_service_name":"db","database_name":"d","collection_name":"users","user_id_field":"_id","on_user_creation_function_name":"made"}`,
		"data_sources/db/config.json":       `{"name":"db","type":"mongodb-atlas","config":{}}`,
		"functions/config.json":             `[{"name":"made","private":true,"run_as_system":true}]`,
		"functions/made.js":                 `exports = async user => { const users = context.services.get("db").db("d").collection("users"); await users.insertOne({_id: user.id}); while (await users.count() == 1); }`,
		"data_sources/db/default_rule.json": `{"roles":[{"name":"all","apply_when":{},"document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}]}`,
	} {
		put(t, files, name, text)
	}
	p := serve(t, data, "--app", files)
	login := func() (request.Answer, error) {
		return request.Request{Method: http.MethodPost, URL: p.base + "/api/client/v2.0/app/app-abcde/auth/providers/anon-user/login", Body: `{}`}.Try(context.Background())
	}
	answered := make(chan error, 1)
	go func() {
		_, err := login()
		answered <- err
	}()
	documents := filepath.Join(data, "apps", "app-abcde", "documents.db")
	until(t, func() bool {
		_, err := os.Stat(documents)
		return err == nil && count(t, documents, "SELECT count(*) FROM sqlite_schema") > 0 && count(t, documents, "SELECT count(*) FROM documents") == 1
	})
	require.NoError(t, p.cmd.Process.Kill())
	require.Error(t, p.wait())
	require.Error(t, <-answered)
	require.Zero(t, count(t, filepath.Join(data, "auth.db"), "SELECT count(*) FROM users"))

	p = serve(t, data)
	a, err := login()
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	require.Equal(t, 2, count(t, documents, "SELECT count(*) FROM documents"), "one of them is of a user who never was")
	require.Equal(t, 1, count(t, filepath.Join(data, "auth.db"), "SELECT count(*) FROM users"))
	p.stop()
}
