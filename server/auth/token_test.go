package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// payload returns the claims of a token, as a client reads them.
func payload(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	var out map[string]any
	require.NoError(t, decoder.Decode(&out))
	return out
}

func TestClaims(t *testing.T) {
	f := open(t, nil)
	l := f.anonymous()
	access, refresh := payload(t, l.AccessToken), payload(t, l.RefreshToken)
	require.Equal(t, json.Number("1700000000"), access["iat"], "integers, not floats (5.2)")
	require.Equal(t, json.Number("1700001800"), access["exp"])
	require.Equal(t, json.Number("1700000000"), refresh["iat"])
	require.Equal(t, json.Number("1705184000"), refresh["exp"])
	require.NotContains(t, access, "user_data", "absent when there is none, never null")
	for _, c := range []map[string]any{access, refresh} {
		require.Equal(t, l.UserID, c["sub"])
		require.Equal(t, f.app.DomainID, c["baas_domain_id"])
		require.Equal(t, f.app.DomainID, c["stitch_domainId"])
		require.Equal(t, l.DeviceID, c["baas_device_id"])
		require.Equal(t, l.DeviceID, c["stitch_devId"])
	}
	require.Equal(t, "access", access["typ"])
	require.Equal(t, "refresh", refresh["typ"])
	require.Equal(t, refresh["baas_id"], access["iss"], "the session")
	require.NotContains(t, access, "baas_identity")
	require.Contains(t, refresh, "baas_identity")
}

// forge signs any claims in any way.
func forge(header, claims map[string]any, key []byte) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	text := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestForgeries(t *testing.T) {
	f := open(t, nil)
	l := f.anonymous()
	good := payload(t, l.AccessToken)
	key := f.tokens.keys.byID[f.tokens.keys.newest]
	header := map[string]any{"alg": "HS256", "typ": "JWT", "kid": f.tokens.keys.newest}
	with := func(base map[string]any, name string, value any) map[string]any {
		out := map[string]any{}
		for k, v := range base {
			out[k] = v
		}
		if out[name] = value; value == nil {
			delete(out, name)
		}
		return out
	}
	check := func(token string) error {
		_, err := f.Access(t.Context(), token)
		return err
	}
	require.NoError(t, check(forge(header, good, key)), "what this test forges is right but for one thing")

	unsigned := strings.Join(strings.Split(forge(with(header, "alg", "none"), good, key), ".")[:2], ".") + "."
	parts := strings.Split(l.AccessToken, ".")
	changed := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"somebody"}`))
	other, err := jwt.NewWithClaims(jwt.SigningMethodHS512, jwt.MapClaims(good)).SignedString(key)
	require.NoError(t, err)
	for name, token := range map[string]string{
		"algorithm none":        unsigned,
		"none, with signature":  forge(with(header, "alg", "none"), good, key),
		"none in capitals":      forge(with(header, "alg", "None"), good, key),
		"another algorithm":     other,
		"RS256 named":           forge(with(header, "alg", "RS256"), good, key),
		"another key":           forge(header, good, make([]byte, 32)),
		"empty key":             forge(header, good, nil),
		"an unknown key id":     forge(with(header, "kid", "nope"), good, key),
		"no key id":             forge(with(header, "kid", nil), good, key),
		"changed claims":        parts[0] + "." + changed + "." + parts[2],
		"no signature":          parts[0] + "." + parts[1] + ".",
		"no expiry":             forge(header, with(good, "exp", nil), key),
		"expired":               forge(header, with(good, "exp", f.clock.now().Add(-time.Minute).Unix()), key),
		"another audience":      forge(header, with(good, "aud", "admin"), key),
		"no audience":           forge(header, with(good, "aud", nil), key),
		"a refresh token":       l.RefreshToken,
		"no type":               forge(header, with(good, "typ", nil), key),
		"no user":               forge(header, with(good, "sub", nil), key),
		"an unknown user":       forge(header, with(good, "sub", "636aba021728b6c1c03db83f"), key),
		"an unknown app":        forge(header, with(good, "baas_domain_id", "636aba021728b6c1c03db83f"), key),
		"no app":                forge(header, with(good, "baas_domain_id", nil), key),
		"a fourth part":         l.AccessToken + ".x",
		"claims are not object": parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`[1]`)) + "." + parts[2],
	} {
		err := check(token)
		require.ErrorIs(t, err, ErrInvalidSession, name)
		require.NotContains(t, err.Error(), token, "%s: the token must not get into logs", name)
	}
	// A session's id alone opens nothing: the whole token is compared.
	refresh := payload(t, l.RefreshToken)
	_, err = f.Refresh(t.Context(), forge(header, with(refresh, "jti", "x"), key))
	require.ErrorIs(t, err, ErrInvalidSession)
}

func TestKeyRotation(t *testing.T) {
	f := open(t, nil)
	l := f.anonymous()
	path := filepath.Join(f.cfg.Dir, "token-keys")
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	fresh := strings.Repeat("0123456789abcdef", 4) + "\n"
	require.NoError(t, os.WriteFile(path, append([]byte(fresh), old...), 0o644))
	f.restart()
	_, err = f.Access(t.Context(), l.AccessToken)
	require.NoError(t, err, "the old key still verifies")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	m := f.anonymous()
	require.NoError(t, os.WriteFile(path, []byte(fresh), 0o600))
	f.restart()
	_, err = f.Access(t.Context(), m.AccessToken)
	require.NoError(t, err, "the new key signs")
	_, err = f.Access(t.Context(), l.AccessToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	for _, bad := range []string{"", "\n\n", "xyz\n", "abcd\n", strings.Repeat(fresh, 1) + "z"} {
		_, err := parseKeyring("token-keys", []byte(bad))
		require.Error(t, err, bad)
	}
}

func TestCustomJWT(t *testing.T) {
	f := open(t, nil)
	now := f.clock.now().Unix()
	header := map[string]any{"alg": "HS256", "typ": "JWT"}
	claims := func(change map[string]any) map[string]any {
		out := map[string]any{"aud": f.app.ID, "sub": "external-id", "exp": now + 3600, "user_data": map[string]any{"name": "Foo Bar"}}
		for k, v := range change {
			if out[k] = v; v == nil {
				delete(out, k)
			}
		}
		return out
	}
	login := func(token string) (Login, error) {
		return f.Login(t.Context(), f.app, Credentials{Provider: ProviderCustom, Token: token})
	}
	first, err := login(forge(header, claims(nil), []byte(secret)))
	require.NoError(t, err)
	again, err := login(forge(header, claims(map[string]any{"aud": []string{"x", f.app.ID}, "exp": now + 60}), []byte(secret)))
	require.NoError(t, err)
	require.Equal(t, first.UserID, again.UserID, "one sub, one user")
	p, err := f.Profile(t.Context(), f.caller(first))
	require.NoError(t, err)
	require.Equal(t, "external-id", p.Identities[0].ID)

	// The upstream suites use the standard alphabet; padding is tolerated.
	std := func(v map[string]any) string { b, _ := json.Marshal(v); return base64.StdEncoding.EncodeToString(b) }
	text := std(header) + "." + std(claims(map[string]any{"n": "??>>~~ÿÿ"}))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	third, err := login(text + "." + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	require.NoError(t, err)
	require.Equal(t, first.UserID, third.UserID)

	good := forge(header, claims(nil), []byte(secret))
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"wrong key":        forge(header, claims(nil), []byte(strings.Repeat("k", 32))),
		"wrong audience":   forge(header, claims(map[string]any{"aud": "other"}), []byte(secret)),
		"no audience":      forge(header, claims(map[string]any{"aud": nil}), []byte(secret)),
		"expired":          forge(header, claims(map[string]any{"exp": now - 61}), []byte(secret)),
		"no expiry":        forge(header, claims(map[string]any{"exp": nil}), []byte(secret)),
		"not yet":          forge(header, claims(map[string]any{"nbf": now + 120}), []byte(secret)),
		"no subject":       forge(header, claims(map[string]any{"sub": nil}), []byte(secret)),
		"empty subject":    forge(header, claims(map[string]any{"sub": ""}), []byte(secret)),
		"numeric subject":  forge(header, claims(map[string]any{"sub": 1}), []byte(secret)),
		"long subject":     forge(header, claims(map[string]any{"sub": strings.Repeat("s", 2000)}), []byte(secret)),
		"algorithm none":   forge(map[string]any{"alg": "none"}, claims(nil), []byte(secret)),
		"none, unsigned":   strings.Join(strings.Split(forge(map[string]any{"alg": "none"}, claims(nil), nil), ".")[:2], ".") + ".",
		"RS256":            forge(map[string]any{"alg": "RS256"}, claims(nil), []byte(secret)),
		"extension":        forge(map[string]any{"alg": "HS256", "crit": []string{"b64"}}, claims(nil), []byte(secret)),
		"no signature":     parts[0] + "." + parts[1] + ".",
		"another part":     good + ".x",
		"empty":            "",
		"very long":        strings.Repeat("a", maxCustomJWT+1),
		"claims a list":    parts[0] + ".W10." + parts[2],
		"header not JSON":  "AAAA." + parts[1] + "." + parts[2],
		"our access token": first.AccessToken,
	} {
		_, err := login(token)
		var refusal *Error
		require.ErrorAs(t, err, &refusal, name)
		require.Equal(t, "AuthError", refusal.Code, name)
		require.Equal(t, 401, refusal.Status, name)
	}
}

func FuzzToken(f *testing.F) {
	keys, err := parseKeyring("", []byte(strings.Repeat("0123456789abcdef", 4)))
	require.NoError(f, err)
	now := func() time.Time { return time.Unix(1_700_000_000, 0) }
	tokens := newTokens(keys, now)
	good, err := tokens.sign(claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "u"}, DomainID: "d"}, typeAccess, now(), time.Minute)
	require.NoError(f, err)
	f.Add(good)
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	s := &Service{cfg: Config{CustomJWTSecret: []byte(secret)}, now: now}
	f.Fuzz(func(t *testing.T, token string) {
		// The fuzzer's processes each make a good token of their own and exchange them, so what counts is the signature.
		if _, err := tokens.verify(token, typeAccess); err == nil && !signed(keys, token) {
			t.Fatalf("a token that we did not make: %q", token)
		}
		if _, err := s.customSubject(&App{ID: "a"}, token); err == nil {
			t.Fatalf("a token that nobody signed: %q", token)
		}
	})
}

// signed tells whether one of the keys has signed a token, as RFC 7515 says and without the library that verifies.
func signed(keys *keyring, token string) bool {
	dot := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.Strict().DecodeString(token[dot+1:])
	for _, key := range keys.byID {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(token[:max(dot, 0)]))
		if err == nil && hmac.Equal(signature, mac.Sum(nil)) {
			return true
		}
	}
	return false
}
