package admin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/auth"
)

// Sessions are listed and ended, one, those of a user, or all.
func TestUserSessions(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	f.call("POST", "P/auth_providers", `{"type":"anon-user"}`).want(201)
	app, err := f.users.AppByInternalID(t.Context(), f.app)
	require.NoError(t, err)
	var logins []auth.Login
	for range 3 {
		l, err := f.users.Login(t.Context(), app, auth.Credentials{Provider: "anon-user", Device: auth.Device{SDK: "Realm Cpp"}})
		require.NoError(t, err)
		logins = append(logins, l)
	}
	list := func(path string) (out []map[string]any) {
		f.call("GET", path, "").want(200).into(&out)
		return out
	}
	good := func(l auth.Login) bool {
		_, err := f.users.Refresh(t.Context(), l.RefreshToken)
		return err == nil
	}
	all := list("P/sessions")
	require.Len(t, all, 3)
	require.Equal(t, all[1:], list("P/sessions?after="+all[0]["_id"].(string)))
	own := list("P/users/" + logins[0].UserID + "/sessions")
	require.Len(t, own, 1)
	require.Equal(t, logins[0].UserID, own[0]["user_id"])
	require.Equal(t, "Realm Cpp", own[0]["device"].(map[string]any)["sdk"])
	require.EqualValues(t, 1_700_000_000, own[0]["creation_date"])
	id := own[0]["_id"].(string)
	f.call("GET", "P/users/nobody/sessions", "").refused(404, "user not found", "UserNotFound")

	f.call("DELETE", "P/users/"+logins[1].UserID+"/sessions/"+id, "").refused(404, "session not found", "InvalidSession")
	f.call("DELETE", "P/users/"+logins[0].UserID+"/sessions/"+id, "").want(204)
	require.False(t, good(logins[0]))
	require.True(t, good(logins[1]))
	require.JSONEq(t, `{"revoked":2}`, string(f.call("DELETE", "P/sessions", "").want(200).body))
	require.False(t, good(logins[1]))
	require.Empty(t, list("P/sessions"))
	require.Contains(t, f.log.String(), "object="+id)
}
