package admin

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/auth"
)

// nobody is an id of nothing.
const nobody = "0123456789abcdef01234567"

// path fills in a pattern: the group and the app, and for what else is named ids that there are not.
func (f *fixture) path(pattern, group, app string) string {
	segments := strings.Split(pattern, "/")
	for i, s := range segments {
		switch {
		case s == ":group":
			segments[i] = group
		case s == ":app":
			segments[i] = app
		case s == ":provider":
			segments[i] = "local-userpass"
		case strings.HasPrefix(s, ":"):
			segments[i] = nobody
		}
	}
	return strings.Join(segments, "/")
}

// Every route wants the access token of an administrator, whatever else is wrong with the request: without one, with one of a user of the app, with a
// refresh token, and with one whose session is over, it answers 401 and changes nothing. Groups and apps that there are not are 404 (app-services 11, 13.7).
func TestEveryRouteIsGuarded(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	f.call("POST", "P/auth_providers", `{"type":"anon-user"}`).want(201)
	app, err := f.users.AppByInternalID(t.Context(), f.app)
	require.NoError(t, err)
	user, err := f.users.Login(t.Context(), app, auth.Credentials{Provider: "anon-user"})
	require.NoError(t, err)
	session := f.callAs("", "POST", "/api/admin/v3.0/auth/providers/local-userpass/login", fmt.Sprintf(`{"username":%q,"password":%q}`, SeedEmail, SeedPassword)).want(200)
	over := session.get("access_token")
	f.callAs(session.get("refresh_token"), "DELETE", "/api/admin/v3.0/auth/session", "").want(204)
	refresh := f.callAs("", "POST", "/api/admin/v3.0/auth/providers/local-userpass/login", fmt.Sprintf(`{"username":%q,"password":%q}`, SeedEmail, SeedPassword)).want(200).get("refresh_token")
	tokens := map[string]string{"none": "", "a user's": user.AccessToken, "a user's refresh token": user.RefreshToken, "a refresh token": refresh, "of a session that is over": over, "nonsense": "a.b.c"}

	before := f.config()
	guarded := 0
	for _, route := range routes {
		at := f.path(route.pattern, f.group, f.app)
		if route.open {
			continue
		}
		guarded++
		for name, token := range tokens {
			a := f.callAs(token, route.method, at, `{}`)
			require.Equal(t, 401, a.status, "%s %s with %s: %s", route.method, route.pattern, name, a.body)
			require.Equal(t, "InvalidSession", a.get("error_code"))
		}
		if strings.Contains(route.pattern, ":group") {
			f.callAs(f.token, route.method, f.path(route.pattern, nobody, f.app), `{}`).refused(404, "group not found", "")
		}
		if strings.Contains(route.pattern, ":app") {
			f.callAs(f.token, route.method, f.path(route.pattern, f.group, nobody), `{}`).refused(404, "app not found", "")
		}
	}
	require.Greater(t, guarded, 80)
	require.Same(t, before, f.config(), "nothing was changed")
	// Those that are open: who has no token gets none.
	f.callAs("", "POST", "/api/admin/v3.0/auth/session", "").refused(401, "", "InvalidSession")
	f.callAs(user.RefreshToken, "POST", "/api/admin/v3.0/auth/session", "").refused(401, "", "InvalidSession")
	f.callAs("", "DELETE", "/api/admin/v3.0/auth/session", "").refused(401, "", "InvalidSession")
}

// An id that there is not is 404 in the form of errors, on every route that has one, and bodies that are none are refused everywhere where they are read.
func TestEveryRouteRefuses(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	for _, route := range routes {
		if !strings.Contains(route.pattern, ":app") || route.pattern == inGroup+"/:app" {
			continue
		}
		rest := route.pattern[strings.Index(route.pattern, ":app")+len(":app"):]
		at := f.path(route.pattern, f.group, f.app)
		if strings.Contains(rest, ":") && !strings.HasSuffix(rest, "/sessions") {
			a := f.callAs(f.token, route.method, at, `{"database":"d","collection":"c"}`)
			require.Equal(t, 404, a.status, "%s %s: %s", route.method, route.pattern, a.body)
			require.NotEmpty(t, a.get("error"))
			continue
		}
		if route.method == http.MethodGet || route.method == http.MethodDelete || strings.HasSuffix(rest, "/sessions") {
			continue
		}
		for name, body := range map[string]string{"half": `{"a":`, "array": `[]`, "deep": strings.Repeat(`{"a":`, 100_000)} {
			if name == "array" && strings.HasSuffix(rest, "/allowed_request_origins") {
				continue // it is what it takes
			}
			a := f.callAs(f.token, route.method, at, body)
			require.Equal(t, 400, a.status, "%s %s with %s: %s", route.method, route.pattern, name, a.body)
			require.NotEmpty(t, a.get("error"))
		}
		a := f.callAs(f.token, route.method, at, `{"a":"`+strings.Repeat("x", MaxBody)+`"}`)
		require.Equal(t, 413, a.status, "%s %s", route.method, route.pattern)
	}
}

// together runs n calls at once and returns their statuses.
func together(n int, do func(i int) int) []int {
	out := make([]int, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { out[i] = do(i) })
	}
	group.Wait()
	return out
}

// What several administrators do at once is all done, each as a whole; apps of one name are apart.
func TestAdministratorsAtOnce(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	service := f.call("POST", "P/services", `{"name":"db","type":"mongodb"}`).want(201).get("_id")
	const n = 16
	for _, status := range together(n, func(i int) int {
		return f.call("POST", "P/secrets", fmt.Sprintf(`{"name":"s%d","value":"x"}`, i)).status
	}) {
		require.Equal(t, 201, status)
	}
	require.Len(t, f.config().Secrets, n)
	members := []string{`"state":"enabled","database_name":"d"`, `"is_recovery_mode_disabled":true`, `"client_max_offline_days":7`, `"queryable_fields_names":["a"]`, `"asymmetric_tables":["T"]`}
	for _, status := range together(len(members), func(i int) int {
		return f.call("PATCH", "P/services/"+service+"/config", `{"flexible_sync":{`+members[i]+`}}`).status
	}) {
		require.Equal(t, 204, status)
	}
	synced := f.config().SyncService().FlexibleSync
	require.Equal(t, []any{"enabled", true, 7, []string{"a"}, []string{"T"}},
		[]any{synced.State, synced.IsRecoveryModeDisabled, synced.ClientMaxOfflineDays, synced.QueryableFieldsNames, synced.AsymmetricTables})
	require.EqualValues(t, 1+len(members), f.config().SyncService().Version)

	one := 0
	for _, status := range together(n, func(int) int { return f.call("POST", "P/values", `{"name":"v","value":1}`).status }) {
		if status == 201 {
			one++
		} else {
			require.Equal(t, 409, status)
		}
	}
	require.Equal(t, 1, one)

	var mu sync.Mutex
	ids := map[string]bool{}
	for _, status := range together(n, func(int) int {
		a := f.call("POST", "G", `{"name":"same"}`)
		mu.Lock()
		defer mu.Unlock()
		ids[a.get("client_app_id")] = true
		return a.status
	}) {
		require.Equal(t, 201, status)
	}
	require.Len(t, ids, n)
}

// An app that is deleted while others change it is gone afterwards, with its configuration.
func TestDeleteWhileOthersChange(t *testing.T) {
	t.Parallel()
	f := open(t, true).login()
	for range 8 {
		f.create("test")
		statuses := together(8, func(i int) int {
			if i == 4 {
				return f.call("DELETE", "P", "").status
			}
			return f.call("POST", "P/secrets", fmt.Sprintf(`{"name":"s%d","value":"x"}`, i)).status
		})
		require.Equal(t, 204, statuses[4])
		for _, status := range statuses {
			require.Contains(t, []int{201, 204, 404}, status)
		}
		stored, err := f.configs.Stored(t.Context(), f.client)
		require.NoError(t, err)
		require.False(t, stored)
	}
}
