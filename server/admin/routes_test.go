package admin

import (
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/server/auth"
	"realmsync/server/history"
	"realmsync/server/store"
)

// identify is what the server says to a client file that comes back.
func identify(t *testing.T, engine *history.Engine, file store.File) error {
	t.Helper()
	_, err := engine.Identify(t.Context(), history.Claim{Ident: file.Ident, Salt: file.Salt, User: file.User})
	return err
}

// TestStatuses is the table of app-services 11.5, for the routes that the sequences don't have.
func TestStatuses(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	f.call("GET", "G", "").want(200)
	require.Equal(t, f.client, f.call("GET", "P", "").want(200).get("client_app_id"))

	secret := f.call("POST", "P/secrets", `{"name":"s","value":"hidden"}`).want(201)
	require.Equal(t, "s", secret.get("name"))
	require.NotContains(t, string(f.call("GET", "P/secrets", "").want(200).body), "hidden")
	f.call("PUT", "P/secrets/"+secret.get("_id"), `{"value":"other"}`).want(204)
	require.Equal(t, "other", f.config().Secret("s").Value)
	f.call("POST", "P/secrets", `{"name":"s","value":"x"}`).refused(409, "already exists", "")
	f.call("DELETE", "P/secrets/"+secret.get("_id"), "").want(204)
	f.call("DELETE", "P/secrets/"+secret.get("_id"), "").refused(404, "secret not found", "")

	fn := f.call("POST", "P/functions", `{"name":"f","source":"exports = 1"}`).want(201).get("_id")
	f.call("POST", "P/functions", `{"name":"f"}`).refused(409, "already in use", "FunctionDuplicateName")
	require.Equal(t, "exports = 1", f.call("GET", "P/functions/"+fn, "").want(200).get("source"))
	f.call("PUT", "P/functions/"+fn, `{"source":"exports = 2"}`).want(204)
	require.Equal(t, "exports = 2", f.config().Function("f").Source)
	f.call("GET", "P/functions", "").want(200)
	f.call("DELETE", "P/functions/"+fn, "").want(204)
	f.call("GET", "P/functions/"+fn, "").refused(404, "function not found", "FunctionNotFound")

	value := f.call("POST", "P/values", `{"name":"v","value":{"a":[1,null]}}`).want(201).get("_id")
	f.call("PUT", "P/values/"+value, `{"private":true}`).want(204)
	require.JSONEq(t, `{"a":[1,null]}`, string(f.config().Values[0].Value))
	require.Contains(t, string(f.call("GET", "P/values", "").want(200).body), `"private":true`)
	f.call("GET", "P/values/"+value, "").want(200)
	f.call("DELETE", "P/values/"+value, "").want(204)
	f.call("GET", "P/values/"+value, "").refused(404, "value not found", "ValueNotFound")

	p := f.call("POST", "P/auth_providers", `{"type":"anon-user"}`).want(201)
	require.Equal(t, "anon-user", p.get("name"))
	f.call("POST", "P/auth_providers", `{"type":"anon-user"}`).refused(409, "already exists", "AuthProviderAlreadyExists")
	f.call("PUT", "P/auth_providers/"+p.get("_id")+"/disable", "").want(204)
	require.True(t, f.config().Provider("anon-user").Disabled)
	f.call("PATCH", "P/auth_providers/"+p.get("_id"), `{"disabled":false}`).want(204)
	require.False(t, f.config().Provider("anon-user").Disabled)
	f.call("GET", "P/auth_providers/"+p.get("_id"), "").want(200)
	f.call("DELETE", "P/auth_providers/"+p.get("_id"), "").want(204)
	f.call("DELETE", "P/auth_providers/"+p.get("_id"), "").refused(404, "provider not found", "AuthProviderNotFound")

	service := f.call("POST", "P/services", `{"name":"db","type":"mongodb"}`).want(201).get("_id")
	f.call("GET", "P/services/"+service, "").want(200)
	rule := f.call("POST", "P/services/"+service+"/rules", `{"database":"d","collection":"c","roles":[`+allAccess+`]}`).want(201).get("_id")
	f.call("POST", "P/services/"+service+"/rules", `{"database":"d","collection":"c"}`).refused(409, "already exists", "RuleAlreadyExists")
	f.call("GET", "P/services/"+service+"/rules", "").want(200)
	require.Equal(t, "c", f.call("GET", "P/services/"+service+"/rules/"+rule, "").want(200).get("collection"))
	require.Equal(t, "e", f.call("PUT", "P/services/"+service+"/rules/"+rule, `{"collection":"e"}`).want(200).get("collection"))
	f.call("DELETE", "P/services/"+service+"/rules/"+rule, "").want(204)
	f.call("GET", "P/services/"+service+"/rules/"+rule, "").refused(404, "rule not found", "RuleNotFound")
	f.call("DELETE", "P/services/"+service, "").want(204)
	f.call("GET", "P/services/"+service, "").refused(404, "service not found", "ServiceNotFound")

	require.JSONEq(t, `{"mongo_service_id":"","enabled":false,"database_name":"","collection_name":"","user_id_field":""}`, string(f.call("GET", "P/custom_user_data", "").want(200).body))
	require.JSONEq(t, `{"expiration_time_seconds":5184000}`, string(f.call("GET", "P/security/refresh_token_expiration", "").want(200).body))
	f.call("PUT", "P/security/refresh_token_expiration", `{"expiration_time_seconds":1800}`).want(204)
	f.call("PUT", "P/security/refresh_token_expiration", `{"expiration_time_seconds":1799}`).refused(400, "between 1800", "BadRequest")
	f.call("PUT", "P/security/refresh_token_expiration", `{}`).refused(400, "1800", "InvalidParameter")
	require.JSONEq(t, `{"expiration_time_seconds":1800}`, string(f.call("GET", "P/security/refresh_token_expiration", "").want(200).body))
	require.JSONEq(t, `[]`, string(f.call("GET", "P/security/allowed_request_origins", "").want(200).body))
	f.call("POST", "P/security/allowed_request_origins", `["https://example.com","http://localhost:3000"]`).want(204)
	f.call("POST", "P/security/allowed_request_origins", `["example.com"]`).refused(400, "an origin like https://example.com", "BadRequest")
	for _, body := range []string{``, `null`, `{}`, `[1]`, `"https://example.com"`} {
		f.call("POST", "P/security/allowed_request_origins", body).refused(400, "an array of origins", "BadRequest")
	}
	require.JSONEq(t, `["https://example.com","http://localhost:3000"]`, string(f.call("GET", "P/security/allowed_request_origins", "").want(200).body))
	f.call("POST", "P/security/allowed_request_origins", `[]`).want(204)
	require.Empty(t, f.config().Security.AllowedOrigins)
	require.JSONEq(t, `{"development_mode_enabled":false}`, string(f.call("GET", "P/sync/config", "").want(200).body))
}

// An app that there is keeps its configuration when the letters of another's id fall alike.
func TestAppsOfAlikeLetters(t *testing.T) {
	t.Parallel()
	f := open(t, true).login()
	drawn := []string{"aaaaa", "aaaaa", "bbbbb"}
	f.letters = func(int) (next string) {
		if len(drawn) > 1 {
			defer func() { drawn = drawn[1:] }()
		}
		return drawn[0]
	}
	f.create("test")
	f.call("POST", "P/values", `{"name":"kept","value":1}`).want(201)
	require.Equal(t, "test-bbbbb", f.call("POST", "G", `{"name":"test"}`).want(201).get("client_app_id"))
	require.Contains(t, string(f.call("GET", "P/values", "").want(200).body), "kept")
	f.call("POST", "G", `{"name":"test"}`).refused(409, "no free client app id", "")
	require.Contains(t, string(f.call("GET", "P/values", "").want(200).body), "kept")
}

func TestDeleteApp(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	app, err := f.users.AppByInternalID(t.Context(), f.app)
	require.NoError(t, err)
	_, release, err := f.sync.Engine(t.Context(), f.client, app.Strict)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(f.dir, "apps", f.client, "sync.db"))
	release()
	f.call("DELETE", "P", "").want(204)
	f.call("GET", "P", "").refused(404, "app not found", "")
	stored, err := f.configs.Stored(t.Context(), f.client)
	require.NoError(t, err)
	require.False(t, stored)
}

func TestUsers(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	f.call("POST", "P/auth_providers", `{"type":"anon-user"}`).want(201)
	app, err := f.users.AppByInternalID(t.Context(), f.app)
	require.NoError(t, err)
	login, err := f.users.Login(t.Context(), app, auth.Credentials{Provider: "anon-user"})
	require.NoError(t, err)

	var token struct {
		Sub string `json:"sub"`
		Iat int64  `json:"iat"`
		Exp int64  `json:"exp"`
	}
	f.call("POST", "P/users/verify_token", `{"token":"`+login.AccessToken+`"}`).want(200).into(&token)
	require.Equal(t, login.UserID, token.Sub)
	require.EqualValues(t, 1_700_000_000, token.Iat)
	require.Greater(t, token.Exp, token.Iat)
	f.call("POST", "P/users/verify_token", `{"token":"x"}`).refused(401, "invalid session", "InvalidSession")
	f.call("POST", "P/users/verify_token", ``).refused(400, "token", "MissingParameter")

	var list []map[string]any
	f.call("GET", "P/users", "").want(200).into(&list)
	require.Equal(t, login.UserID, list[0]["_id"])
	f.call("GET", "P/users?limit=0", "").refused(400, "limit", "BadRequest")
	f.call("GET", "P/users/"+login.UserID, "").want(200)

	f.call("PUT", "P/users/"+login.UserID+"/logout", "").want(204)
	_, err = f.users.Refresh(t.Context(), login.RefreshToken)
	require.ErrorIs(t, err, auth.ErrInvalidSession)
	f.call("PUT", "P/users/"+login.UserID+"/disable", "").want(204)
	u, err := f.users.User(t.Context(), app, login.UserID)
	require.NoError(t, err)
	require.True(t, u.Disabled)
	f.call("PUT", "P/users/"+login.UserID+"/enable", "").want(204)
	u, err = f.users.User(t.Context(), app, login.UserID)
	require.NoError(t, err)
	require.False(t, u.Disabled)
	f.clock.Move(time.Hour)
	require.JSONEq(t, `"token expired"`, string(f.call("POST", "P/users/verify_token", `{"token":"`+login.AccessToken+`"}`).want(200).body))
	f.call("DELETE", "P/users/"+login.UserID, "").want(204)
	for _, what := range []string{"logout", "disable", "enable"} {
		f.call("PUT", "P/users/"+login.UserID+"/"+what, "").refused(404, "user not found", "UserNotFound")
	}
}

func TestPrivate(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	require.Equal(t, "1.2.3", f.callAs("", "GET", "/api/private/v1.0/version", "").want(200).get("version"))
	base := "/api/private/v1.0/groups/" + f.group + "/apps/" + f.app
	f.call("POST", base+"/features", `{"action":"enable","feature_flags":["b","a","b"]}`).want(204)
	require.JSONEq(t, `{"enabled":["a","b"]}`, string(f.call("GET", base+"/features", "").want(200).body))
	f.call("POST", base+"/features", `{"action":"disable","feature_flags":["b"]}`).want(204)
	require.JSONEq(t, `{"enabled":["a"]}`, string(f.call("GET", base+"/features", "").want(200).body))
	f.call("POST", base+"/features", `{"action":"x"}`).refused(400, "action", "BadRequest")
	require.JSONEq(t, `{}`, string(f.call("GET", base+"/settings", "").want(200).body))
	f.call("PATCH", base+"/settings", `{"sync":{"num_objects_before_bootstrap_flush":10}}`).want(204)
	f.call("PATCH", base+"/settings", `{"sync":{"download_loop_sleep_millis":5}}`).want(204)
	require.JSONEq(t, `{"sync":{"num_objects_before_bootstrap_flush":10,"download_loop_sleep_millis":5}}`, string(f.call("GET", base+"/settings", "").want(200).body))
	f.callAs("", "GET", base+"/settings", "").refused(401, "invalid session", "InvalidSession")
}

func TestLogs(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	require.NotEqual(t, `{"logs":[]}`, string(f.call("GET", "P/logs", "").want(200).body))
	f.call("POST", "P/secrets", `{"name":"a b","value":"x"}`).want(400)
	var logs struct {
		Logs []struct {
			Error string `json:"error"`
		} `json:"logs"`
	}
	f.call("GET", "P/logs?errors_only=true", "").want(200).into(&logs)
	require.Len(t, logs.Logs, 1)
	require.Contains(t, logs.Logs[0].Error, `"a b"`)
	f.create("other")
	require.JSONEq(t, `{"logs":[]}`, string(f.call("GET", "P/logs?errors_only=true", "").want(200).body))
}

// Lines are found by what App Services' parameters say, and pages are whole though many lines are of one moment.
func TestLogParameters(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	log, at := slog.New(f.logs.Handler(slog.DiscardHandler)).Handler(), time.Now().Truncate(time.Second)
	for i := range 250 {
		r := slog.NewRecord(at.Add(time.Duration(i/120)*time.Second), slog.LevelWarn, fmt.Sprint("line ", i), 0)
		r.AddAttrs(slog.String("app", f.client), slog.String("request", fmt.Sprint("r", i%50)), slog.String("user", fmt.Sprint("u", i%2)))
		if i%10 == 0 {
			r.AddAttrs(slog.String("function", "f"))
		}
		require.NoError(t, log.Handle(t.Context(), r))
	}
	type page struct {
		Logs []struct {
			ID       string   `json:"_id"`
			Request  string   `json:"co_id"`
			User     string   `json:"user_id"`
			Type     string   `json:"type"`
			Messages []string `json:"messages"`
			Started  string   `json:"started"`
		} `json:"logs"`
		NextEnd string `json:"nextEndDate"`
		Skip    int    `json:"nextSkip"`
	}
	get := func(query url.Values) (p page) {
		f.call("GET", "P/logs?"+query.Encode(), "").want(200).into(&p)
		return p
	}
	of := func(p page) (out []string) {
		for _, l := range p.Logs {
			out = append(out, l.Messages...)
		}
		return out
	}
	want := []string{}
	for i := range 250 {
		if i%2 == 0 {
			want = append([]string{fmt.Sprint("line ", i)}, want...)
		}
	}
	for _, limit := range []string{"", "1", "7", "100"} {
		var all []string
		seen := map[string]bool{}
		query := url.Values{"user_id": {"u0"}}
		if limit != "" {
			query.Set("limit", limit)
		}
		for {
			p := get(query)
			all = append(all, of(p)...)
			for _, l := range p.Logs {
				require.False(t, seen[l.ID], "twice")
				seen[l.ID] = true
			}
			if p.NextEnd == "" {
				break
			}
			query.Set("end_date", p.NextEnd)
			query.Set("skip", fmt.Sprint(p.Skip))
		}
		require.Equal(t, want, all, "limit %q", limit)
	}
	p := get(url.Values{"co_id": {"r7"}})
	require.Equal(t, []string{"line 207", "line 157", "line 107", "line 57", "line 7"}, of(p))
	require.Equal(t, []string{"r7", "u1", "SERVER"}, []string{p.Logs[0].Request, p.Logs[0].User, p.Logs[0].Type})
	require.Equal(t, at.Add(time.Second).UTC().Format(time.RFC3339Nano), p.Logs[0].Started)
	require.Len(t, get(url.Values{"type": {"function"}}).Logs, 25)
	require.Equal(t, "FUNCTION", get(url.Values{"type": {"FUNCTION"}}).Logs[0].Type)
	require.Len(t, get(url.Values{"type": {"FUNCTION,SERVER"}, "user_id": {"u1"}, "limit": {"99"}}).Logs, 99)
	require.Empty(t, get(url.Values{"type": {"PUSH"}}).Logs)
	require.Equal(t, "line 249", of(get(url.Values{"start_date": {at.Add(time.Second).Format("2006-01-02T15:04:05.000-0700")}, "user_id": {"u1"}}))[0])
	require.Len(t, get(url.Values{"start_date": {at.Add(time.Second).UTC().Format(time.RFC3339)}, "user_id": {"u1"}}).Logs, 5, "later than that moment")
	require.Empty(t, get(url.Values{"end_date": {"1999-12-31"}}).Logs)
	for query, says := range map[string]string{"limit=0": "'limit'", "limit=101": "'limit'", "limit=x": "'limit'", "skip=-1": "'skip'", "start_date=today": "'start_date'", "end_date=1": "'end_date'"} {
		f.call("GET", "P/logs?"+query, "").refused(400, says, "BadRequest")
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	service := f.call("POST", "P/services", `{"name":"db","type":"mongodb"}`).want(201).get("_id")
	before := f.config()
	for name, test := range map[string]struct {
		method, path, body string
		status             int
		text               string
	}{
		"no JSON":            {"POST", "P/secrets", `{`, 400, "JSON object"},
		"an array":           {"POST", "P/secrets", `[]`, 400, "JSON object"},
		"not UTF-8":          {"POST", "P/secrets", "{\"name\":\"\xff\"}", 400, "UTF-8"},
		"too deep":           {"POST", "P/secrets", strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70), 400, "nested"},
		"too large":          {"POST", "P/secrets", `{"name":"` + strings.Repeat("x", MaxBody) + `"}`, 413, "larger"},
		"nothing":            {"POST", "P/secrets", ``, 400, "'name' is required"},
		"null":               {"POST", "P/secrets", `null`, 400, "'name' is required"},
		"null member":        {"POST", "P/secrets", `{"name":null}`, 400, "'name' is required"},
		"wrong type":         {"POST", "P/secrets", `{"name":7}`, 400, "'name' must be a string"},
		"app's name":         {"POST", "G", `{"name":"../x"}`, 400, "can't be the name"},
		"provider":           {"POST", "P/auth_providers", `{"type":"ldap"}`, 400, `"ldap"`},
		"provider's secret":  {"POST", "P/auth_providers", customToken, 400, `no secret "customTokenKey"`},
		"function's private": {"POST", "P/functions", `{"name":"f","private":"yes"}`, 400, "'private'"},
		"function's user":    {"POST", "P/functions", `{"name":"f","source":"","run_as_user_id":"5e43ddcc636ee106eaa12bda"}`, 400, "run_as_system"},
		"roles":              {"POST", "P/services/" + service + "/rules", `{"database":"d","collection":"c","roles":{}}`, 400, "'roles' must be a list"},
		"role":               {"POST", "P/services/" + service + "/rules", `{"database":"d","collection":"c","roles":["x"]}`, 400, "list of roles"},
		"operator":           {"POST", "P/services/" + service + "/rules", `{"database":"d","collection":"c","roles":[{"name":"r","apply_when":{"%%user.id":{"$foo":1}},"read":true}]}`, 400, "services[0].rules[0].roles[0].apply_when"},
		"sync":               {"PATCH", "P/services/" + service + "/config", `{"flexible_sync":7}`, 400, "flexible_sync"},
		"state":              {"PATCH", "P/services/" + service + "/config", `{"flexible_sync":{"state":"on"}}`, 400, "flexible_sync.state"},
		"fields":             {"PATCH", "P/services/" + service + "/config", `{"flexible_sync":{"state":"disabled","queryable_fields_names":"x"}}`, 400, "flexible_sync"},
		"schema":             {"POST", "P/schemas", `{"schema":{"properties":{"a":{"bsonType":"lung"}}},"metadata":{"data_source":"d","database":"d","collection":"c"}}`, 400, `"lung"`},
		"metadata":           {"POST", "P/schemas", `{"schema":{}}`, 400, "metadata"},
		"custom data":        {"PATCH", "P/custom_user_data", `{"enabled":true}`, 400, "mongo_service_id"},
		"file ident":         {"PUT", "P/sync/force_reset", `{"file_ident":-1}`, 400, "file_ident"},
		"path":               {"GET", "P/nothing", ``, 404, "nothing at this path"},
		"method":             {"DELETE", "P/secrets", ``, 405, "GET, POST"},
		"group":              {"GET", "/api/admin/v3.0/groups/0123456789abcdef01234567/apps", ``, 404, "group not found"},
		"app":                {"GET", "/api/admin/v3.0/groups/" + f.group + "/apps/0123456789abcdef01234567/secrets", ``, 404, "app not found"},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.call(test.method, test.path, test.body)
			a.t = t
			a.want(test.status)
			require.Contains(t, a.get("error"), test.text)
		})
	}
	require.Same(t, before, f.config(), "nothing was changed")
}

// Bodies over 8192 bytes come in chunks of at most 4096 (conformance item 5).
func TestLargeAnswersAreChunked(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	id := f.call("POST", "P/functions", `{"name":"f","source":"`+strings.Repeat("x", 20_000)+`"}`).want(201).get("_id")
	a := f.call("GET", "P/functions/"+id, "").want(200)
	require.Empty(t, a.header.Get("Content-Length"))
	require.Len(t, a.get("source"), 20_000)
}
