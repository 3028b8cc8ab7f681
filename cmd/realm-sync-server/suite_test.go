package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/tests/request"
)

// suite calls the server as the original's test suites do.
type suite struct {
	*process
	token string
}

func (s *suite) call(method, path, body string, want int) map[string]any {
	s.t.Helper()
	a := request.Request{Method: method, URL: s.base + path, Token: s.token, Body: body}.Do(s.t)
	require.Equal(s.t, want, a.Status, "%s %s: %s", method, path, a.Body)
	var out map[string]any
	_ = json.Unmarshal(a.Body, &out) // lists and nothing are not asked
	return out
}

// An app that is made as realm-cpp's suite makes it works: logins, a function that is called, custom user data, sync.
func TestSuiteOverHTTP(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := serve(t, data, "--known-apps")
	s := &suite{process: p}
	s.token = s.call("POST", "/api/admin/v3.0/auth/providers/local-userpass/login", `{"username":"unique_user@domain.com","password":"password"}`, 200)["access_token"].(string)
	profile := s.call("GET", "/api/admin/v3.0/auth/profile", "", 200)
	group := profile["roles"].([]any)[0].(map[string]any)["group_id"].(string)
	app := s.call("POST", "/api/admin/v3.0/groups/"+group+"/apps", `{"name":"test"}`, 201)
	at, client := "/api/admin/v3.0/groups/"+group+"/apps/"+app["_id"].(string), app["client_app_id"].(string)
	user := &suite{process: p}
	login := "/api/client/v2.0/app/" + client + "/auth/providers/anon-user/login"
	missing := user.call("GET", "/api/client/v2.0/app/NA/location", "", 404)
	require.Equal(t, "cannot find app using Client App ID 'NA'", missing["error"])
	user.call("POST", login, `{"provider":"anon-user"}`, 404) // it has no logins yet
	s.call("POST", at+"/auth_providers", `{"type":"anon-user"}`, 201)
	s.call("POST", at+"/auth_providers", `{"type":"local-userpass","config":{"emailConfirmationUrl":"http://foo.com","resetPasswordUrl":"http://foo.com","autoConfirm":true}}`, 201)
	service := s.call("POST", at+"/services", `{"name":"db-`+client+`","type":"mongodb","config":{"uri":"mongodb://localhost:26000"}}`, 201)["_id"].(string)
	s.call("PATCH", at+"/custom_user_data", `{"mongo_service_id":"`+service+`","enabled":true,"database_name":"test_data","collection_name":"UserData","user_id_field":"user_id"}`, 204)
	s.call("POST", at+"/services/"+service+"/default_rule", `{"roles":[{"name":"all","apply_when":null,"document_filters":{"read":true,"write":true},"write":true,"read":true,"insert":true,"delete":true}]}`, 201)
	s.call("PATCH", at+"/services/"+service+"/config", `{"flexible_sync":{"type":"flexible","state":"enabled","database_name":"test_data","enabled":true,"is_recovery_mode_disabled":true,"queryable_fields_names":["str_col","_id"]}}`, 204)
	s.call("PUT", at+"/sync/config", `{"development_mode_enabled":true}`, 204)
	s.call("POST", at+"/functions", `{"name":"updateUserData","private":false,"can_evaluate":null,"source":"exports = async function(data) { `+
		`const user = context.services.get('db-`+client+`').db('test_data').collection('UserData'); id = context.user.id; `+
		`return await user.updateOne({user_id: id}, {$set: data}, {upsert: true}); };"}`, 201)

	answer := user.call("POST", login, `{"provider":"anon-user"}`, 200)
	user.token = answer["access_token"].(string)
	user.call("POST", "/api/client/v2.0/app/"+client+"/functions/call", `{"name":"updateUserData","arguments":[{"name":"foo"}]}`, 200)
	refresh := &suite{process: p, token: answer["refresh_token"].(string)}
	user.token = refresh.call("POST", "/api/client/v2.0/auth/session", "", 201)["access_token"].(string)
	info := s.call("POST", at+"/users/verify_token", `{"token":"`+user.token+`"}`, 200)
	require.Equal(t, answer["user_id"], info["sub"])
	ident, _ := bind(t, p.dialAs(client, user.token))
	require.NotZero(t, ident.FileIdent)

	// The user is disabled, and let in again.
	s.call("PUT", at+"/users/"+answer["user_id"].(string)+"/disable", "", 204)
	refresh.call("POST", "/api/client/v2.0/auth/session", "", 401)
	s.call("PUT", at+"/users/"+answer["user_id"].(string)+"/enable", "", 204)
	s.call("DELETE", at, "", 204)

	// Nothing is left of its data, and no file of it is open.
	require.NoDirExists(t, filepath.Join(data, "apps", client))
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.cmd.Process.Pid))
	require.NoError(t, err)
	for _, fd := range open {
		if name, err := os.Readlink(fd); err == nil {
			require.NotContains(t, name, client)
		}
	}
	s.call("GET", at, "", 404)
	user.call("GET", "/api/client/v2.0/app/"+client+"/location", "", 404)
	p.stop()
	require.NotContains(t, p.stderr.String(), s.token)
}
