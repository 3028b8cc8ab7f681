package api

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
)

// The items of app-services 14 that are about what this package serves, under their numbers; 20 is in sync_test.go. 21 and 28 to
// 30 are about the sync protocol and rules, 22 to 27 about the administrative API: they are not this package's.

// GET .../location for a known app returns string hostname and ws_hostname; for an unknown app 404 with error naming the id.
func TestChecklist01Location(t *testing.T) {
	f := open(t, production)
	f.call(http.MethodGet, appPath+"location", "", "").is(200, locationBody(f.base, "ws://"+f.addr))
	f.call(http.MethodGet, prefix+"app/NA/location", "", "").refused(404, "cannot find app using Client App ID 'NA'", "")
}

// Absolute-form request targets, a Host without port, and requests without Content-Length are accepted.
func TestChecklist02Requests(t *testing.T) {
	f := open(t, nil)
	user := f.anonymous()
	text := request{method: http.MethodPost, path: sessionPath, token: user.RefreshToken}.text(f)
	require.True(t, strings.HasPrefix(text, "POST http://127.0.0.1:"), text)
	require.Contains(t, text, "\r\nHost: 127.0.0.1\r\n")
	require.NotContains(t, text, "Content-Length")
	f.raw(http.MethodPost, text).into(201, &login{})
}

// everyRoute makes a call of each route that fails, and one that succeeds where one can.
func (f *fixture) everyRoute(seen func(answer)) {
	f.t.Helper()
	require.NoError(f.t, f.auth.SetProviderDisabled(f.t.Context(), f.app, "api-key", false))
	user := f.named("everybody@b.c")
	k := f.createKey(user.RefreshToken, "k")
	fill := strings.NewReplacer(":app", testApp, ":provider", "local-userpass", ":service", "gcm", ":key", k.ID)
	bodies := map[string]string{
		"app/:app/auth/providers/:provider/login": `{` + userpassMembers("everybody@b.c", password) + `}`,
		userpass + "register":                     `{"email":"new@b.c","password":"` + password + `"}`,
		"auth/api_keys":                           `{"name":"another"}`,
	}
	// Deleting comes last: the user is needed until then.
	for _, last := range []bool{false, true} {
		for _, r := range routes {
			if last != (r.pattern == "auth/delete" || r.method == http.MethodDelete && r.pattern == "auth/session") {
				continue
			}
			path := prefix + fill.Replace(r.pattern)
			seen(f.call(r.method, path, "", "{"))
			token := user.AccessToken
			if strings.HasPrefix(r.pattern, "auth/api_keys") || r.pattern == "auth/session" {
				token = user.RefreshToken
			}
			seen(f.call(r.method, path, token, bodies[r.pattern]))
		}
	}
}

// Error responses use Content-Type: application/json with no parameters.
func TestChecklist03ErrorType(t *testing.T) {
	f := open(t, nil)
	errors := 0
	f.everyRoute(func(a answer) {
		if a.status >= 400 {
			errors++
			require.Equal(t, []string{"application/json"}, a.header.Values("Content-Type"))
			require.True(t, json.Valid([]byte(a.body)))
		}
	})
	require.Greater(t, errors, len(routes))
}

// No success body labelled exactly application/json has a top-level error string; function results use a charset parameter.
func TestChecklist04Successes(t *testing.T) {
	f := open(t, nil)
	successes := 0
	f.everyRoute(func(a answer) {
		if a.status < 300 {
			successes++
			var members map[string]json.RawMessage
			_ = json.Unmarshal([]byte(a.body), &members)
			require.NotContains(t, members, "error")
		}
	})
	require.Greater(t, successes, 10)
	f.programs["fails"] = func(*auth.Caller, bson.A) (any, error) { return bson.D{{Key: "error", Value: "this is a result"}}, nil }
	a := f.call(http.MethodPost, appPath+"functions/call", f.anonymous().AccessToken, `{"arguments":[],"name":"fails"}`)
	a.is(200, `{"error":"this is a result"}`)
	require.Equal(t, []string{"application/json;charset=utf-8"}, a.header.Values("Content-Type"))
}

// Bodies over 8192 bytes are chunked, chunks at most 4096 bytes, HTTP/1.1, never compressed. The client of these tests reads
// nothing else; here is one that would take a compressed answer.
func TestChecklist05LongBodies(t *testing.T) {
	f := open(t, nil)
	token := f.named("a@b.c").RefreshToken
	for i := range 20 {
		f.createKey(token, strings.Repeat("&", 120)+fmt.Sprint(i))
	}
	for _, accepted := range []string{"gzip", "deflate, br;q=1.0, *;q=0.5"} {
		a := f.do(request{method: http.MethodGet, path: keysPath, token: token, header: []string{"Accept-Encoding: " + accepted}})
		require.True(t, a.chunked)
		require.Greater(t, len(a.body), 8192)
		a = f.do(request{method: http.MethodGet, path: "/metrics", header: []string{"Accept-Encoding: " + accepted}})
		require.Contains(t, a.body, "# HELP")
	}
}

// Login works for anon-user, local-userpass, api-key, custom-token, custom-function with the exact bodies of 4.1, and with options
// absent.
func TestChecklist06Logins(t *testing.T) {
	f := open(t, nil)
	require.NoError(t, f.auth.SetProviderDisabled(t.Context(), f.app, "api-key", false))
	k := f.createKey(f.named("a@b.c").RefreshToken, "k")
	var payload bson.D
	f.program("authFunc", func(_ *auth.Caller, args bson.A) (any, error) {
		payload = args[0].(bson.D)
		return "an id", nil
	})
	f.provide("custom-function", `{"authFunctionName":"authFunc"}`, "")
	for provider, members := range map[string]string{
		"anon-user":       `"provider":"anon-user"`,
		"custom-function": `"realmCustomAuthFuncUserId":"123456","n":{"$numberInt":"4"}`,
		"local-userpass":  `"provider":"local-userpass","username":"a@b.c","password":"` + password + `"`,
		"api-key":         `"provider":"api-key","key":"` + k.Key + `"`,
		"custom-token":    `"provider":"custom-token","token":"` + f.subject("me") + `"`,
	} {
		path := appPath + "auth/providers/" + provider + "/login"
		f.call(http.MethodPost, path, "", "{"+members+","+device+"}").into(200, &login{})
		f.call(http.MethodPost, path, "", "{"+members+"}").into(200, &login{})
	}
	require.Equal(t, bson.D{{Key: "realmCustomAuthFuncUserId", Value: "123456"}, {Key: "n", Value: int32(4)}}, payload, "without options")
	devices, err := f.auth.Devices(t.Context(), f.app, f.login("api-key", `"key":"`+k.Key+`"`).UserID)
	require.NoError(t, err)
	var known []auth.Device
	for _, d := range devices {
		known = append(known, d.Device)
	}
	require.Contains(t, known, auth.Device{AppID: "test-abcde", Platform: "Linux", PlatformVersion: "?", SDK: "Realm Cpp", SDKVersion: "2.2.0", CPUArch: "x86_64", FrameworkName: "Realm Cpp", CoreVersion: "14.11.0"})
}

// Login returns four strings; both tokens are JWTs with integer exp and iat; device_id is not all zeros.
func TestChecklist07LoginAnswer(t *testing.T) {
	f := open(t, nil)
	a := f.tryLogin("anon-user", "")
	var members map[string]any
	a.into(200, &members)
	require.Len(t, members, 4)
	for name, value := range members {
		require.IsType(t, "", value, name)
	}
	var l login
	a.into(200, &l)
	for token, life := range map[string]time.Duration{l.AccessToken: auth.DefaultAccessLife, l.RefreshToken: auth.DefaultRefreshLife} {
		claims := claimsOf(f, token)
		issued := f.clock.Now()
		require.Equal(t, fmt.Sprint(issued.Unix()), string(claims["iat"]))
		require.Equal(t, fmt.Sprint(issued.Add(life).Unix()), string(claims["exp"]))
		require.Equal(t, `"`+l.UserID+`"`, string(claims["sub"]))
		require.Regexp(t, `^[A-Za-z0-9._-]+$`, token, "it goes into a URL as it is")
		require.Less(t, len(token), 4096)
	}
	require.NotEqual(t, strings.Repeat("0", 24), l.DeviceID)
}

// suiteTokens is the custom-token provider of realm-cpp's suite (11.2, steps 5 and 6).
func (f *fixture) suiteTokens() {
	f.t.Helper()
	f.configure(func(c *appconfig.Config) {
		c.Secrets = append(c.Secrets, appconfig.Secret{ID: appconfig.FixedID("customTokenKey"), Name: "customTokenKey", Value: jwtSecret})
	})
	f.provide("custom-token", `{"audience":[],"signingAlgorithm":"HS256","useJWKURI":false}`, `{"signingKeys":["customTokenKey"]}`,
		appconfig.MetadataField{Name: "user_data.name", FieldName: "name"}, appconfig.MetadataField{Name: "user_data.occupation", FieldName: "occupation"},
		appconfig.MetadataField{Name: "my_metadata.name", FieldName: "anotherName"})
}

// Two custom-token logins with one sub give one user_id; profile data follows metadata_fields.
func TestChecklist08CustomToken(t *testing.T) {
	f := open(t, production)
	f.suiteTokens()
	one := f.login("custom-token", `"token":"`+f.subject("me")+`"`)
	f.clock.Move(time.Minute)
	two := f.login("custom-token", `"token":"`+f.subject("me")+`"`)
	require.Equal(t, one.UserID, two.UserID)
	require.NotEqual(t, one.UserID, f.login("custom-token", `"token":"`+f.subject("you")+`"`).UserID)
	var exp int64
	require.NoError(t, json.Unmarshal(claimsOf(f, two.AccessToken)["exp"], &exp))
	require.Equal(t, int64(auth.DefaultAccessLife/time.Second), exp-f.clock.Now().Unix(), "whatever the custom JWT's exp says")
	require.JSONEq(t, `{"name":"Foo Bar??>>","occupation":"firefighter","anotherName":"Bar Foo"}`, string(f.profile(two.AccessToken).Data))
}

// A custom JWT with wrong signature, wrong aud, past exp or algorithm none is refused.
func TestChecklist09BadCustomToken(t *testing.T) {
	f := open(t, production)
	f.suiteTokens()
	f.login("custom-token", `"token":"`+f.subject("me")+`"`)
	none := f.customJWT(`{"alg":"none"}`, f.claims(testApp, "me", time.Hour), jwtSecret)
	for _, token := range []string{
		f.customJWT(hs256, f.claims(testApp, "me", time.Hour), strings.Repeat("k", 32)), f.customJWT(hs256, f.claims("other", "me", time.Hour), jwtSecret),
		f.customJWT(hs256, f.claims(testApp, "me", -time.Hour), jwtSecret), none, none[:strings.LastIndexByte(none, '.')+1],
	} {
		a := f.tryLogin("custom-token", `"token":"`+token+`"`)
		require.Equal(t, 401, a.status)
		require.Contains(t, a.body, `"error_code":"AuthError"`)
	}
}

// /auth/profile returns identities in link order and an object data (with email for e-mail users).
func TestChecklist10Profile(t *testing.T) {
	f := open(t, nil)
	user := f.login("custom-token", `"token":"`+f.subject("me")+`"`)
	require.JSONEq(t, `{}`, string(f.profile(user.AccessToken).Data))
	f.register("a@b.c")
	f.link(user.AccessToken, "local-userpass", userpassMembers("a@b.c", password)).into(200, &user)
	f.link(user.AccessToken, "custom-token", `"token":"`+f.subject("also me")+`"`).into(200, &user)
	p := f.profile(user.AccessToken)
	require.JSONEq(t, `{"email":"a@b.c"}`, string(p.Data))
	require.Len(t, p.Identities, 3)
	require.Equal(t, "me", p.Identities[0].ID)
	require.Equal(t, "local-userpass", p.Identities[1].ProviderType)
	require.Equal(t, "also me", p.Identities[2].ID)
}

// customData is the custom user data of a test, by user id.
type customData map[string]bson.D

func (d customData) Lookup(_ context.Context, _, userID string) (bson.D, error) {
	return d[userID], nil
}

// /auth/session POST accepts only refresh tokens, returns a new access token carrying current custom user data, 401 after
// revocation, disable or delete.
func TestChecklist11Refresh(t *testing.T) {
	data := customData{}
	f := open(t, func(s *setup) { s.auth.CustomData = data })
	user := f.named("a@b.c")
	f.call(http.MethodPost, sessionPath, user.AccessToken, "").refused(401, "invalid session", "InvalidSession")
	var fresh login
	f.call(http.MethodPost, sessionPath, user.RefreshToken, "").into(201, &fresh)
	require.NotContains(t, claimsOf(f, fresh.AccessToken), "user_data", "absent when there is none, never null")
	id, err := bson.ObjectIDFromHex("5e43ddcc636ee106eaa12bda")
	require.NoError(t, err)
	data[user.UserID] = bson.D{{Key: "_id", Value: id}, {Key: "n", Value: int32(3)}, {Key: "name", Value: "x"}}
	f.call(http.MethodPost, sessionPath, user.RefreshToken, "").into(201, &fresh)
	require.Equal(t, `{"_id":{"$oid":"5e43ddcc636ee106eaa12bda"},"n":{"$numberInt":"3"},"name":"x"}`, string(claimsOf(f, fresh.AccessToken)["user_data"]))
	require.Contains(t, claimsOf(f, f.login("local-userpass", userpassMembers("a@b.c", password)).AccessToken), "user_data", "a login carries it too")
	for _, end := range []func(login) error{
		func(l login) error { return f.auth.RevokeSessions(t.Context(), f.app, l.UserID) },
		func(l login) error { return f.auth.SetUserDisabled(t.Context(), f.app, l.UserID, true) },
		func(l login) error { return f.auth.DeleteUser(t.Context(), f.app, l.UserID) },
	} {
		user := f.anonymous()
		f.call(http.MethodPost, sessionPath, user.RefreshToken, "").into(201, &fresh)
		require.NoError(t, end(user))
		f.call(http.MethodPost, sessionPath, user.RefreshToken, "").refused(401, "invalid session", "InvalidSession")
	}
}

// /auth/session DELETE revokes exactly that session.
func TestChecklist12Logout(t *testing.T) {
	f := open(t, nil)
	one := f.named("a@b.c")
	two := f.login("local-userpass", userpassMembers("a@b.c", password))
	f.call(http.MethodDelete, sessionPath, one.RefreshToken, "").is(204, "")
	f.call(http.MethodPost, sessionPath, one.RefreshToken, "").refused(401, "invalid session", "InvalidSession")
	f.call(http.MethodPost, sessionPath, two.RefreshToken, "").into(201, &login{})
}

// /auth/delete makes later logins with those credentials fail with InvalidPassword.
func TestChecklist13Delete(t *testing.T) {
	f := open(t, nil)
	user := f.named("a@b.c")
	f.call(http.MethodDelete, prefix+"auth/delete", user.AccessToken, "").is(204, "")
	f.tryLogin("local-userpass", userpassMembers("a@b.c", password)).refusedFor(401, "invalid username/password", "InvalidPassword")
}

// Linking returns an access token for the original user id and extends identities.
func TestChecklist14Linking(t *testing.T) {
	f := open(t, nil)
	user := f.anonymous()
	f.register("a@b.c")
	var fresh login
	f.link(user.AccessToken, "local-userpass", userpassMembers("a@b.c", password)).into(200, &fresh)
	require.Equal(t, `"`+user.UserID+`"`, string(claimsOf(f, fresh.AccessToken)["sub"]))
	p := f.profile(fresh.AccessToken)
	require.Equal(t, user.UserID, p.UserID)
	require.Len(t, p.Identities, 2)
	require.Equal(t, user.UserID, f.login("local-userpass", userpassMembers("a@b.c", password)).UserID)
}

// All texts and codes of 2.4 marked [suite] match; link contains the configured public base URL. TestUserFunctions has those of
// confirmation and reset functions.
func TestChecklist15Texts(t *testing.T) {
	f := open(t, func(s *setup) { s.api.BaseURL = "https://sync.example.com" })
	user := f.named("a@b.c")
	off := f.named("off@b.c")
	require.NoError(t, f.auth.SetUserDisabled(t.Context(), f.app, off.UserID, true))
	f.call(http.MethodPost, userpassPath+"register", "", `{"email":"a@b.c","password":"`+password+`"}`).refusedFor(409, "name already in use", "AccountNameInUse")
	f.tryLogin("local-userpass", userpassMembers("who@b.c", password)).refusedFor(401, "invalid username/password", "InvalidPassword")
	f.tryLogin("local-userpass", userpassMembers("off@b.c", password)).refusedFor(401, "user disabled", "UserDisabled")
	f.call(http.MethodPost, userpassPath+"confirm", "", `{"token":"a token","tokenId":"an id"}`).refusedFor(400, "invalid token data", "BadRequest")
	f.call(http.MethodPost, userpassPath+"reset", "", `{"password":"`+password+`","token":"a token","tokenId":"an id"}`).refusedFor(400, "invalid token data", "BadRequest")
	f.call(http.MethodPost, userpassPath+"confirm/send", "", `{"email":"a@b.c"}`).refusedFor(400, "already confirmed", "UserAlreadyConfirmed")
	f.call(http.MethodPost, userpassPath+"confirm/call", "", `{"email":"a@b.c"}`).refusedFor(400, "already confirmed", "UserAlreadyConfirmed")
	f.call(http.MethodPost, userpassPath+"confirm/call", "", `{"email":"who@b.c"}`).refusedFor(404, "user not found", "UserNotFound")
	f.call(http.MethodPost, userpassPath+"reset/call", "", `{"email":"who@b.c","password":"x","arguments":[]}`).refusedFor(404, "user not found", "UserNotFound")
	f.call(http.MethodGet, keysPath, "", "").refused(401, "must authenticate first", "MissingAuthReq")
	f.call(http.MethodGet, keysPath+"/636aba021728b6c1c03db83f", user.RefreshToken, "").refusedFor(404, "API key not found", "APIKeyNotFound")
	f.call(http.MethodPost, sessionPath, off.RefreshToken, "").refused(401, "invalid session", "InvalidSession")
	f.call(http.MethodPut, appPath+"push/providers/gcm_blah/registration", user.AccessToken, `{"registrationToken":"hello"}`).refusedFor(404, "service not found: 'gcm_blah'", "ServiceNotFound")
	a := f.call(http.MethodPost, appPath+"functions/call", user.AccessToken, `{"arguments":[],"name":"x"}`)
	a.refusedFor(404, "function not found: 'x'", "FunctionNotFound")
	require.Contains(t, a.body, `"link":"https://sync.example.com/groups/`)
	f.suiteFunctions()
	f.call(http.MethodPost, userpassPath+"register", "", `{"email":"no@b.c","password":"`+password+`"}`).refusedFor(400, `failed to confirm user "no@b.c"`, "BadRequest")
	f.secret("a-new-password")
	f.call(http.MethodPost, userpassPath+"reset/call", "", `{"email":"a@b.c","password":"a-new-password","arguments":[]}`).refusedFor(400, `failed to reset password for user "a@b.c"`, "BadRequest")
	f.programs["refused"] = func(*auth.Caller, bson.A) (any, error) {
		return nil, apierror.New(403, "NoMatchingRuleFound", "insert not permitted")
	}
	f.call(http.MethodPost, appPath+"functions/call", user.AccessToken, `{"arguments":[],"name":"refused"}`).refusedFor(403, "insert not permitted", "NoMatchingRuleFound")
}

// API keys: full CRUD under the refresh token; 404 APIKeyNotFound for foreign keys; key only on create; disabled keys cannot log in.
func TestChecklist16APIKeys(t *testing.T) {
	f := open(t, nil)
	require.NoError(t, f.auth.SetProviderDisabled(t.Context(), f.app, "api-key", false))
	token := f.named("a@b.c").RefreshToken
	k := f.createKey(token, "k")
	path := keysPath + "/" + k.ID
	require.NotContains(t, f.call(http.MethodGet, path, token, "").body, `"key"`)
	require.NotContains(t, f.call(http.MethodGet, keysPath, token, "").body, `"key"`)
	f.call(http.MethodGet, path, f.named("b@b.c").RefreshToken, "").refusedFor(404, "API key not found", "APIKeyNotFound")
	f.call(http.MethodPut, path+"/disable", token, "").is(204, "")
	require.Equal(t, 401, f.tryLogin("api-key", `"key":"`+k.Key+`"`).status)
	f.call(http.MethodPut, path+"/enable", token, "").is(204, "")
	f.login("api-key", `"key":"`+k.Key+`"`)
	f.call(http.MethodDelete, path, token, "").is(204, "")
	f.call(http.MethodGet, keysPath, token, "").is(200, "[]")
}

// everyType is an array with a value of each type of 10.1, as clients send them.
const everyType = `[null,true,"s",{"$numberInt":"1"},{"$numberLong":"9223372036854775807"},{"$numberDouble":"3.5"},{"$numberDouble":"0.10000000000000001"},` +
	`{"$numberDouble":"1e+21"},{"$numberDouble":"NaN"},{"$numberDouble":"-Infinity"},{"$numberDecimal":"1.50"},{"$oid":"5e5e6f0abe4ae2a2c2c2d329"},` +
	`{"$date":{"$numberLong":"1700000000123"}},{"$binary":{"base64":"AQID","subType":"00"}},{"$binary":{"base64":"GN55Fn+EEeyoowJCrBIAAA==","subType":"04"}},` +
	`{"$timestamp":{"t":5,"i":6}},{"$regularExpression":{"pattern":"a.*","options":"im"}},{"$minKey":1},{"$maxKey":1},{"b":{"z":[]},"a":[{"$numberInt":"2"}]}]`

// functions/call decodes every type of 10.1 and returns null for no value.
func TestChecklist17Types(t *testing.T) {
	f := open(t, nil)
	var got bson.A
	f.programs["echo"] = func(_ *auth.Caller, args bson.A) (any, error) { got = args; return args, nil }
	f.programs["nothing"] = func(*auth.Caller, bson.A) (any, error) { return nil, nil }
	token := f.anonymous().AccessToken
	f.call(http.MethodPost, appPath+"functions/call", token, `{"arguments":`+everyType+`,"name":"echo"}`).is(200, everyType)
	for i, want := range []any{nil, true, "s", int32(1), int64(math.MaxInt64), 3.5, 0.1, 1e21} {
		require.Equal(t, want, got[i])
	}
	require.IsType(t, bson.Decimal128{}, got[10])
	require.IsType(t, bson.ObjectID{}, got[11])
	require.Equal(t, bson.DateTime(1700000000123), got[12])
	require.Equal(t, byte(4), got[14].(bson.Binary).Subtype)
	require.Equal(t, bson.Timestamp{T: 5, I: 6}, got[15])
	require.Equal(t, bson.Regex{Pattern: "a.*", Options: "im"}, got[16])
	require.Equal(t, bson.E{Key: "b", Value: bson.D{{Key: "z", Value: bson.A{}}}}, got[19].(bson.D)[0], "in the order that they came in")
	f.call(http.MethodPost, appPath+"functions/call", token, `{"arguments":[],"name":"nothing"}`).is(200, "null")
	// The relaxed form is taken too.
	f.call(http.MethodPost, appPath+"functions/call", token, `{"arguments":[{"$date":"2023-11-14T22:13:20.123Z"},1.5,{"$uuid":"18de7916-7f84-11ec-a8a3-0242ac120000"}],"name":"echo"}`).
		is(200, `[{"$date":{"$numberLong":"1700000000123"}},{"$numberDouble":"1.5"},{"$binary":{"base64":"GN55Fn+EEeyoowJCrBIAAA==","subType":"04"}}]`)
	// Realm Core's sumFunc must come back as 64 bits.
	f.suiteFunctions()
	f.call(http.MethodPost, appPath+"functions/call", token, `{"arguments":[{"$numberInt":"1"},{"$numberInt":"2"},{"$numberLong":"3"}],"name":"sumFunc"}`).is(200, `{"$numberLong":"6"}`)
}

// No response contains an ISO date or relaxed $date.
func TestChecklist19Dates(t *testing.T) {
	f := open(t, nil)
	f.programs["now"] = func(*auth.Caller, bson.A) (any, error) {
		return bson.A{bson.DateTime(0), bson.DateTime(-62135596800000), bson.DateTime(math.MaxInt64)}, nil
	}
	f.call(http.MethodPost, appPath+"functions/call", f.anonymous().AccessToken, `{"arguments":[],"name":"now"}`).
		is(200, `[{"$date":{"$numberLong":"0"}},{"$date":{"$numberLong":"-62135596800000"}},{"$date":{"$numberLong":"9223372036854775807"}}]`)
	f.everyRoute(func(a answer) {
		require.NotRegexp(t, isoDate, a.body)
		require.NotContains(t, a.body, "$date")
	})
}

// Passwords, keys and tokens are never stored or logged in clear; baas_at is absent from logs. Every test of this package checks
// that at its end; here the check itself is checked.
func TestChecklist31Secrets(t *testing.T) {
	f := open(t, nil)
	user := f.named("a@b.c")
	k := f.createKey(user.RefreshToken, "k")
	for _, secret := range []string{user.AccessToken, user.RefreshToken, k.Key, password, jwtSecret} {
		require.True(t, f.secrets[secret])
		require.Empty(t, found(secret, f.log.String()))
	}
	// What an app is configured with, and what goes through mails.
	f.suiteTokens()
	f.provide("local-userpass", `{"emailConfirmationUrl":"https://app.example/confirm","resetPasswordUrl":"https://app.example/reset"}`, "")
	f.register("b@b.c")
	token, _ := f.mailToken("b@b.c")
	require.True(t, f.secrets[token])
	f.call(http.MethodPost, userpassPath+"reset/send", "", `{"email":"b@b.c"}`).is(202, "{}")
	f.mailToken("b@b.c")
	require.NotEmpty(t, found(password, "x"+password+"y"))
	require.NotEmpty(t, found(user.AccessToken, "Bearer "+user.AccessToken))
	_, _, err := jwt.NewParser().ParseUnverified(user.AccessToken, jwt.MapClaims{})
	require.NoError(t, err)
}
