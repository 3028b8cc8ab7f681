package hostile

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// resigned is a token with a changed header, claims or signature.
func resigned(t *testing.T, token string, header map[string]any, claims func(map[string]any), sign func(text string) []byte) string {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	decode := func(s string) (m map[string]any) {
		b, err := base64.RawURLEncoding.DecodeString(s)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &m))
		return m
	}
	encode := func(m map[string]any) string {
		b, err := json.Marshal(m)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	h, c := decode(parts[0]), decode(parts[1])
	for k, v := range header {
		h[k] = v
	}
	if claims != nil {
		claims(c)
	}
	text := encode(h) + "." + encode(c)
	return text + "." + base64.RawURLEncoding.EncodeToString(sign(text))
}

// No forged, foreign or misplaced token opens anything.
func TestTokens(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	mine, theirs, gone := s.anonymous(shop), s.anonymous(other), s.anonymous(shop)
	require.Equal(t, 204, s.ask("DELETE", clientAPI+"auth/delete", gone.Access, "").status)
	kept := func(string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(strings.Split(mine.Access, ".")[2])
		require.NoError(t, err)
		return b
	}
	hmac := func(key string) func(string) []byte {
		return func(text string) []byte {
			b, err := jwt.SigningMethodHS256.Sign(text, []byte(key))
			require.NoError(t, err)
			return b
		}
	}
	nothing := func(string) []byte { return nil }
	profile := clientAPI + "auth/profile"
	for name, token := range map[string]string{
		"none":                   resigned(t, mine.Access, map[string]any{"alg": "none"}, nil, nothing),
		"None, kept":             resigned(t, mine.Access, map[string]any{"alg": "None"}, nil, kept),
		"no signature":           resigned(t, mine.Access, nil, nil, nothing),
		"key of nobody":          resigned(t, mine.Access, map[string]any{"alg": "HS256"}, nil, hmac("My_very_confidential_secretttttt")),
		"empty key":              resigned(t, mine.Access, map[string]any{"alg": "HS256"}, nil, hmac("")),
		"key by its name":        resigned(t, mine.Access, map[string]any{"alg": "HS256", "kid": "../../../dev/null"}, nil, hmac("")),
		"key in the header":      resigned(t, mine.Access, map[string]any{"jwk": map[string]any{"kty": "oct", "k": "AAAA"}, "alg": "HS256"}, nil, hmac("\x00\x00\x00")),
		"another user":           resigned(t, mine.Access, nil, func(c map[string]any) { c["sub"] = theirs.UserID }, kept),
		"longer life":            resigned(t, mine.Access, nil, func(c map[string]any) { c["exp"] = time.Now().Add(1e6 * time.Hour).Unix() }, kept),
		"refresh token":          mine.Refresh,
		"an admin's":             s.admin,
		"of a deleted user":      gone.Access,
		"empty parts":            "..",
		"text":                   "' OR 1=1 --",
		"a token, and something": mine.Access + ".x",
		"too long":               strings.Repeat("a", 9<<10),
	} {
		a := s.ask("GET", profile, token, "")
		a.refused(401, "InvalidSession")
		_, err := s.dial(shop, strings.ReplaceAll(token, " ", "%20"))
		require.Error(t, err, name)
		require.Contains(t, []string{"status 401", "status 403"}, err.Error(), name)
		require.Equal(t, 401, s.ask("GET", "/api/data/v1/app/"+shop+"/collections", token, "").status, name)
		if token != s.admin {
			s.ask("GET", adminAPI+"groups/"+s.group+"/apps", token, "").refused(401, "InvalidSession")
		}
	}
	// Of another app: that app is the only one it opens.
	require.Equal(t, 200, s.ask("GET", profile, theirs.Access, "").status)
	_, err := s.dial(shop, theirs.Access)
	require.ErrorContains(t, err, "status 40")
	s.ask("GET", "/api/data/v1/app/"+shop+"/collections", theirs.Access, "").refused(403, "UserAppDomainMismatch")
	s.ask("POST", clientAPI+"app/"+shop+"/functions/call", theirs.Access, `{"name":"f","arguments":[]}`).refused(403, "UserAppDomainMismatch")
	// An access token is no refresh token, and neither is for the administration.
	for _, token := range []string{mine.Access, s.admin, gone.Refresh, resigned(t, mine.Refresh, map[string]any{"alg": "none"}, nil, nothing)} {
		s.ask("POST", clientAPI+"auth/session", token, "").refused(401, "InvalidSession")
	}
	for _, token := range []string{"", mine.Access, mine.Refresh} {
		for _, path := range []string{"groups/" + s.group + "/apps", "auth/profile", "groups/" + s.group + "/apps/5e5e6f0abe4ae2a2c2c2d329/secrets"} {
			require.Equal(t, 401, s.ask("GET", adminAPI+path, token, "").status)
		}
		require.Equal(t, 401, s.ask("POST", adminAPI+"groups/"+s.group+"/apps", token, `{"name":"evil"}`).status)
		require.Equal(t, 401, s.ask("POST", adminAPI+"auth/session", token, "").status)
	}
	// An admin administers the one group that there is.
	s.ask("GET", adminAPI+"groups/5e5e6f0abe4ae2a2c2c2d329/apps", s.admin, "").refused(404, "")
	s.ask("POST", adminAPI+"groups/5e5e6f0abe4ae2a2c2c2d329/apps", s.admin, `{"name":"evil"}`).refused(404, "")
	h.stop()
}
