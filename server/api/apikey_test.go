package api

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPIKeys(t *testing.T) {
	f := open(t, nil)
	require.NoError(t, f.auth.SetProviderDisabled(t.Context(), f.app, "api-key", false))
	user := f.named("a@b.c")
	token := user.RefreshToken
	f.call(http.MethodGet, keysPath, token, "").is(200, "[]")

	a := f.call(http.MethodPost, keysPath, token, `{"name":"nm"}`)
	var k apiKey
	a.into(201, &k)
	require.Regexp(t, hexID, k.ID)
	require.Regexp(t, `^[0-9a-f]{64}$`, k.Key)
	a.is(201, `{"_id":"`+k.ID+`","key":"`+k.Key+`","name":"nm","disabled":false}`)
	shown := func(disabled string) string { return `{"_id":"` + k.ID + `","name":"nm","disabled":` + disabled + `}` }
	f.call(http.MethodGet, keysPath, token, "").is(200, "["+shown("false")+"]")
	f.call(http.MethodGet, keysPath+"/"+k.ID, token, "").is(200, shown("false"))

	credentials := `"key":"` + k.Key + `"`
	require.Equal(t, user.UserID, f.login("api-key", credentials).UserID)
	f.call(http.MethodPut, keysPath+"/"+k.ID+"/disable", token, "").is(204, "")
	f.call(http.MethodGet, keysPath+"/"+k.ID, token, "").is(200, shown("true"))
	f.tryLogin("api-key", credentials).refusedFor(401, "invalid API key", "AuthError")
	f.call(http.MethodPut, keysPath+"/"+k.ID+"/enable", token, "").is(204, "")
	f.login("api-key", credentials)
	f.call(http.MethodDelete, keysPath+"/"+k.ID, token, "").is(204, "")
	f.tryLogin("api-key", credentials).refusedFor(401, "invalid API key", "AuthError")
	f.call(http.MethodDelete, keysPath+"/"+k.ID, token, "").refusedFor(404, "API key not found", "APIKeyNotFound")
	f.call(http.MethodGet, keysPath, token, "").is(200, "[]")
	f.tryLogin("api-key", `"key":""`).refusedFor(401, "invalid API key", "AuthError")
	f.tryLogin("api-key", "").refusedFor(401, "invalid API key", "AuthError")
	f.tryLogin("api-key", `"key":7`).refusedFor(400, "'key' must be a string", "BadRequest")
}

func TestAPIKeysOfOthers(t *testing.T) {
	f := open(t, nil)
	k := f.createKey(f.named("a@b.c").RefreshToken, "k")
	other := f.named("b@b.c").RefreshToken
	f.call(http.MethodGet, keysPath, other, "").is(200, "[]")
	for _, id := range []string{k.ID, "636aba021728b6c1c03db83f", "x", "%00", "%27%20OR%201"} {
		f.call(http.MethodGet, keysPath+"/"+id, other, "").refusedFor(404, "API key not found", "APIKeyNotFound")
		f.call(http.MethodDelete, keysPath+"/"+id, other, "").refusedFor(404, "API key not found", "APIKeyNotFound")
		f.call(http.MethodPut, keysPath+"/"+id+"/enable", other, "").refusedFor(404, "API key not found", "APIKeyNotFound")
		f.call(http.MethodPut, keysPath+"/"+id+"/disable", other, "").refusedFor(404, "API key not found", "APIKeyNotFound")
	}
}

func TestAPIKeyRefusals(t *testing.T) {
	f := open(t, nil)
	token := f.named("a@b.c").RefreshToken
	post := func(body string) answer { return f.call(http.MethodPost, keysPath, token, body) }
	const length = "the name of an API key must be between 1 and 128 characters"
	post(`{}`).refusedFor(400, length, "BadRequest")
	post(`{"name":""}`).refusedFor(400, length, "BadRequest")
	post(`{"name":"a\nb"}`).refusedFor(400, length, "BadRequest")
	post(`{"name":"`+strings.Repeat("x", 129)+`"}`).refusedFor(400, length, "BadRequest")
	post(`{"name":true}`).refusedFor(400, "'name' must be a string", "BadRequest")
	post(``).refusedFor(400, "the request's body must be a JSON object", "BadRequest")
	// What clients of the original send for a user that is logged out.
	f.do(request{method: http.MethodGet, path: keysPath, header: []string{"Authorization: Bearer "}}).refused(401, "must authenticate first", "MissingAuthReq")
	f.createKey(token, "k")
	post(`{"name":"k"}`).refusedFor(409, "API key already exists", "APIKeyAlreadyExists")
	f.call(http.MethodPost, keysPath, f.anonymous().RefreshToken, `{"name":"k"}`).refusedFor(400, "anonymous users cannot have API keys", "BadRequest")
}

// The longest list is more than the 8192 bytes that realm-cpp reads at once: it comes in small chunks.
func TestLongAnswerIsChunked(t *testing.T) {
	f := open(t, nil)
	token := f.named("a@b.c").RefreshToken
	name := strings.Repeat("<", 126)
	for i := range 20 {
		f.createKey(token, name+strconv.Itoa(i+10))
	}
	f.call(http.MethodPost, keysPath, token, `{"name":"one more"}`).refusedFor(400, "a user can have at most 20 API keys", "BadRequest")
	a := f.call(http.MethodGet, keysPath, token, "")
	require.True(t, a.chunked)
	require.Greater(t, len(a.body), 8192)
	var list []apiKey
	a.into(200, &list)
	require.Len(t, list, 20)
	for _, k := range list {
		require.True(t, strings.HasPrefix(k.Name, name))
		require.Empty(t, k.Key)
		require.NotNil(t, k.Disabled)
	}
}
