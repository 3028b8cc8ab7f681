package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lines are those of the log that have a message.
func (f *fixture) lines(message string) []map[string]any {
	f.t.Helper()
	var out []map[string]any
	for line := range strings.Lines(f.log.String()) {
		var fields map[string]any
		require.NoError(f.t, json.Unmarshal([]byte(line), &fields), line)
		if fields["msg"] == message {
			out = append(out, fields)
		}
	}
	return out
}

// last serves a request and returns its line.
func (f *fixture) last(method, target, token, body string) (*httptest.ResponseRecorder, map[string]any) {
	f.t.Helper()
	before := len(f.lines("request"))
	w := f.direct(method, target, token, body)
	lines := f.lines("request")
	require.Len(f.t, lines, before+1, "one line per request")
	return w, lines[before]
}

func TestRequestsAreLogged(t *testing.T) {
	f := open(t, nil)
	w, line := f.last(http.MethodGet, appPath+"location", "", "")
	require.Equal(t, w.Header().Get("X-Appservices-Request-Id"), line["request"])
	require.Equal(t, "INFO", line["level"])
	require.Equal(t, "GET", line["method"])
	require.Equal(t, appPath+"location", line["path"])
	require.InDelta(t, 200, line["status"], 0)
	require.InDelta(t, w.Body.Len(), line["bytes"], 0)
	require.Equal(t, "192.0.2.1:1234", line["remote"])
	require.Equal(t, testApp, line["app"])
	require.Contains(t, line, "took")
	require.NotContains(t, line, "reason")

	_, line = f.last(http.MethodGet, profilePath, "not.a.token", "")
	require.Contains(t, line["reason"], "invalid session: ")
	require.NotContains(t, line, "app")
	user := f.anonymous()
	_, line = f.last(http.MethodGet, profilePath, user.AccessToken, "")
	require.Equal(t, testApp, line["app"], "the token's app")
	_, line = f.last(http.MethodGet, "/healthz", "", "")
	require.Equal(t, "DEBUG", line["level"], "probes are no news")
	_, line = f.last("BREW", "/x%0Ay", "", "")
	require.Equal(t, "/x\ny", line["path"], "escaped by the log's own format")
	require.NotEmpty(t, f.lines("app created"))
	_, line = f.last(http.MethodGet, "/"+strings.Repeat("x", 20_000), "", "")
	require.Len(t, line["path"], 512+3, "strangers don't fill the disk")
}

// The cause of a refusal is for the operator.
func TestReasonsAreLoggedAndNotSent(t *testing.T) {
	f := open(t, nil)
	user := f.anonymous()
	require.NoError(t, f.auth.RevokeSessions(t.Context(), f.app, user.UserID))
	w, line := f.last(http.MethodPost, sessionPath, user.RefreshToken, "")
	require.Equal(t, "invalid session: the session was revoked", line["reason"])
	require.NotContains(t, w.Body.String(), "revoked")
}

// Whatever is secret and wherever it stands: in a body, in a header, in a query, in credentials that are refused. What the log
// and the files must not contain is checked at the end of every test; this one gives it the most to find.
func TestNothingSecretIsLogged(t *testing.T) {
	f := open(t, nil)
	require.NoError(t, f.auth.SetProviderDisabled(t.Context(), f.app, "api-key", false))
	wrong := f.secret("a-wrong-password-of-somebody")
	user := f.named("a@b.c")
	k := f.createKey(user.RefreshToken, "k")
	jwt := f.subject("me")
	forged := f.secret(jwt[:len(jwt)-6] + "AAAAAA")
	access := f.secret(user.AccessToken[:len(user.AccessToken)-6] + "AAAAAA")
	for _, members := range []string{
		userpassMembers("a@b.c", wrong), userpassMembers(wrong, wrong), `"password":["` + wrong + `"]`, `"username":"a@b.c","password":{"x":"` + wrong + `"}`,
		`"token":"` + jwt + `"`, `"token":"` + forged + `"`, `"token":"` + wrong + `"`, `"key":"` + k.Key + `"`, `"key":"` + wrong + `"`, `"` + wrong + `":1`, wrong,
	} {
		for _, provider := range []string{"local-userpass", "custom-token", "api-key", "custom-function"} {
			path := appPath + "auth/providers/" + provider + "/login"
			f.direct(http.MethodPost, path, "", "{"+members+"}")
			f.direct(http.MethodPost, path+"?link=true&baas_at="+user.AccessToken, user.AccessToken, "{"+members+"}")
			f.direct(http.MethodPost, path+"?link=true", access, "{"+members+"}")
		}
	}
	for _, path := range []string{"register", "confirm", "confirm/send", "confirm/call", "reset", "reset/send", "reset/call"} {
		f.direct(http.MethodPost, userpassPath+path, "", `{"email":"a@b.c","password":"`+wrong+`","token":"`+wrong+`","tokenId":"`+wrong+`"}`)
	}
	for _, token := range []string{user.AccessToken, user.RefreshToken, jwt, access, wrong, k.Key} {
		for _, path := range []string{appPath + "realm-sync", appPath + "functions/call", profilePath, sessionPath, keysPath, "/nowhere", "/healthz", "/metrics"} {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodPut} {
				f.direct(method, path+"?baas_at="+token, token, token)
			}
		}
	}
	var buf bytes.Buffer
	slog.New(slog.NewTextHandler(&buf, nil)).Info("x", "reason", &refusal{Text: "shown"})
	require.Contains(t, buf.String(), "reason=shown")
	require.Greater(t, len(f.lines("request")), 200)
}
