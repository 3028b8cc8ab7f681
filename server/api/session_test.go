package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
)

const (
	sessionPath = prefix + "auth/session"
	profilePath = prefix + "auth/profile"
	keysPath    = prefix + "auth/api_keys"
)

func TestProfile(t *testing.T) {
	f := open(t, nil)
	user := f.named("a@b.c")
	p := f.profile(user.AccessToken)
	a := f.call(http.MethodGet, profilePath, user.AccessToken, "")
	require.Len(t, p.Identities, 1)
	id := p.Identities[0]
	require.Regexp(t, hexID, id.ID)
	require.Regexp(t, hexID, id.ProviderID)
	a.is(200, `{"user_id":"`+user.UserID+`","domain_id":"`+f.app.DomainID+`","type":"normal","identities":[{"id":"`+id.ID+
		`","provider_type":"local-userpass","provider_id":"`+id.ProviderID+`"}],"data":{"email":"a@b.c"}}`)

	require.JSONEq(t, `{}`, string(f.profile(f.anonymous().AccessToken).Data))
	custom := f.profile(f.login("custom-token", `"token":"`+f.subject("sub/1")+`"`).AccessToken)
	require.Equal(t, "sub/1", custom.Identities[0].ID)
	require.Equal(t, "custom-token", custom.Identities[0].ProviderType)
}

// What SDKs have accessors for is text: the original's client ends the process of who asks for anything else.
func TestProfileTexts(t *testing.T) {
	f := open(t, nil)
	var fields []appconfig.MetadataField
	for _, name := range []string{"name", "email", "first_name", "last_name", "gender", "birthday", "min_age", "age"} {
		fields = append(fields, appconfig.MetadataField{Name: name})
	}
	f.suiteTokens()
	f.provide("custom-token", `{"audience":[],"signingAlgorithm":"HS256","useJWKURI":false}`, `{"signingKeys":["customTokenKey"]}`, fields...)
	claims := strings.Replace(f.claims(testApp, "me", time.Hour), `{"aud"`, `{"name":"7","email":false,"first_name":["a"],"last_name":{"a":1},"gender":-1.50,"birthday":null,"min_age":18,"age":18,"aud"`, 1)
	user := f.login("custom-token", `"token":"`+f.customJWT(hs256, claims, jwtSecret)+`"`)
	require.JSONEq(t, `{"name":"7","email":"false","gender":"-1.50","min_age":"18","age":18}`, string(f.profile(user.AccessToken).Data))
	caller, err := f.auth.Caller(t.Context(), f.app, user.UserID)
	require.NoError(t, err)
	require.Contains(t, caller.Data, bson.E{Key: "min_age", Value: int32(18)}, "rules and functions see what the issuer said")
}

func TestRefreshAndLogout(t *testing.T) {
	f := open(t, nil)
	one := f.named("a@b.c")
	two := f.login("local-userpass", userpassMembers("a@b.c", password))

	a := f.call(http.MethodPost, sessionPath, one.RefreshToken, "")
	var fresh login
	a.into(201, &fresh)
	a.is(201, `{"access_token":"`+fresh.AccessToken+`"}`)
	require.NotEqual(t, one.AccessToken, fresh.AccessToken)
	require.Equal(t, one.UserID, f.profile(fresh.AccessToken).UserID)
	// The admin helper sends "{}" where there is nothing to send; it does no harm.
	f.call(http.MethodPost, sessionPath, one.RefreshToken, "{}").into(201, &fresh)

	a = f.call(http.MethodDelete, sessionPath, one.RefreshToken, "")
	a.is(204, "")
	require.Empty(t, a.header.Values("Content-Type"))
	f.call(http.MethodPost, sessionPath, one.RefreshToken, "").refused(401, "invalid session", "InvalidSession")
	f.call(http.MethodDelete, sessionPath, one.RefreshToken, "").refused(401, "invalid session", "InvalidSession")
	f.profile(fresh.AccessToken) // it stays good until it expires
	f.call(http.MethodPost, sessionPath, two.RefreshToken, "").into(201, &fresh)
}

// Every route that takes a token refuses each wrong one in the same words (app-services 2.4).
func TestTokens(t *testing.T) {
	f := open(t, nil)
	user := f.named("a@b.c")
	forged := user.AccessToken[:len(user.AccessToken)-4] + "AAAA"
	bad := map[string]string{
		"none":               "",
		"not a token":        "x",
		"no such scheme":     "",
		"two dots":           "..",
		"too long":           strings.Repeat("x", 9000),
		"forged":             forged,
		"without signature":  user.AccessToken[:strings.LastIndexByte(user.AccessToken, '.')+1],
		"of another kind":    "",
		"a custom JWT":       f.subject("x"),
		"with spaces within": "a b c",
	}
	for _, r := range []struct {
		method, path, body string
		refresh            bool
	}{
		{http.MethodGet, profilePath, "", false},
		{http.MethodDelete, prefix + "auth/delete", "", false},
		{http.MethodPost, appPath + "functions/call", `{"arguments":[],"name":"x"}`, false},
		{http.MethodPut, appPath + "push/providers/gcm/registration", `{"registrationToken":"hello"}`, false},
		{http.MethodDelete, appPath + "push/providers/gcm/registration", "", false},
		{http.MethodPost, sessionPath, "", true},
		{http.MethodDelete, sessionPath, "", true},
		{http.MethodPost, keysPath, `{"name":"k"}`, true},
		{http.MethodGet, keysPath, "", true},
		{http.MethodGet, keysPath + "/636aba021728b6c1c03db83f", "", true},
		{http.MethodDelete, keysPath + "/636aba021728b6c1c03db83f", "", true},
		{http.MethodPut, keysPath + "/636aba021728b6c1c03db83f/enable", "", true},
		{http.MethodPut, keysPath + "/636aba021728b6c1c03db83f/disable", "", true},
	} {
		for name, token := range bad {
			q := request{method: r.method, path: r.path, token: token, body: r.body}
			text, code := "invalid session", "InvalidSession"
			switch {
			case name == "of another kind" && r.refresh:
				q.token = user.AccessToken
			case name == "of another kind":
				q.token = user.RefreshToken
			case name == "no such scheme":
				q.header = []string{"Authorization: Basic " + user.AccessToken}
			}
			if (name == "none" || name == "no such scheme") && strings.HasPrefix(r.path, keysPath) {
				text, code = "must authenticate first", "MissingAuthReq"
			}
			a := f.do(q)
			if strings.HasPrefix(r.path, appPath) {
				a.refusedFor(401, text, code)
			} else {
				a.refused(401, text, code)
			}
		}
	}
	f.do(request{method: http.MethodGet, path: profilePath, header: []string{"authorization: bearer  " + user.AccessToken}}).into(200, &profile{})
}

func TestExpiry(t *testing.T) {
	f := open(t, nil)
	user := f.anonymous()
	f.clock.Move(auth.DefaultAccessLife + 29*time.Second)
	f.profile(user.AccessToken) // clients think that a token is good for a while after its end
	f.clock.Move(2 * time.Second)
	f.call(http.MethodGet, profilePath, user.AccessToken, "").refused(401, "invalid session", "InvalidSession")
	var fresh login
	f.call(http.MethodPost, sessionPath, user.RefreshToken, "").into(201, &fresh)
	f.profile(fresh.AccessToken)
	f.clock.Move(auth.DefaultRefreshLife)
	f.call(http.MethodPost, sessionPath, user.RefreshToken, "").refused(401, "invalid session", "InvalidSession")
}

func TestSessionsThatAreGone(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	for name, c := range map[string]struct {
		end    func(login) error
		access bool // the access token is still good
	}{
		"revoked":  {func(l login) error { return f.auth.RevokeSessions(ctx, f.app, l.UserID) }, true},
		"disabled": {func(l login) error { return f.auth.SetUserDisabled(ctx, f.app, l.UserID, true) }, false},
		"deleted":  {func(l login) error { return f.auth.DeleteUser(ctx, f.app, l.UserID) }, false},
	} {
		user := f.named(name + "@b.c")
		require.NoError(t, c.end(user), name)
		f.call(http.MethodPost, sessionPath, user.RefreshToken, "").refused(401, "invalid session", "InvalidSession")
		f.call(http.MethodDelete, sessionPath, user.RefreshToken, "").refused(401, "invalid session", "InvalidSession")
		f.call(http.MethodGet, keysPath, user.RefreshToken, "").refused(401, "invalid session", "InvalidSession")
		if c.access {
			f.profile(user.AccessToken)
		} else {
			f.call(http.MethodGet, profilePath, user.AccessToken, "").refused(401, "invalid session", "InvalidSession")
		}
	}
}

func TestDeleteUser(t *testing.T) {
	f := open(t, nil)
	user := f.named("a@b.c")
	f.call(http.MethodDelete, prefix+"auth/delete", user.AccessToken, "").is(204, "")
	f.tryLogin("local-userpass", userpassMembers("a@b.c", password)).refusedFor(401, "invalid username/password", "InvalidPassword")
	f.call(http.MethodDelete, prefix+"auth/delete", user.AccessToken, "").refused(401, "invalid session", "InvalidSession")
	require.NotEqual(t, user.UserID, f.named("a@b.c").UserID, "the address can be registered again, for somebody else")
}
