package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
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

// unsigned is a token without its signature.
func unsigned(header, claims map[string]any) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	return base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c)
}

// forge signs any claims with HS256, whatever the header says.
func forge(header, claims map[string]any, key []byte) string {
	text := unsigned(header, claims)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestForgeries(t *testing.T) {
	f := open(t, nil)
	l := f.anonymous()
	good := payload(t, l.AccessToken)
	keys := f.tokens.keys.Load()
	header := map[string]any{"alg": "EdDSA", "typ": "JWT", "kid": keys.newest}
	forge := func(header, claims map[string]any, key any) string {
		if private, ok := key.(ed25519.PrivateKey); ok {
			text := unsigned(header, claims)
			return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(text)))
		}
		return forge(header, claims, key.([]byte))
	}
	key := keys.sign
	_, stranger, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
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

	public := []byte(keys.pairs[keys.newest])
	parts := strings.Split(l.AccessToken, ".")
	changed := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"somebody"}`))
	other, err := jwt.NewWithClaims(jwt.SigningMethodHS512, jwt.MapClaims(good)).SignedString(public)
	require.NoError(t, err)
	for name, token := range map[string]string{
		"algorithm none":                       unsigned(with(header, "alg", "none"), good) + ".",
		"none, with signature":                 forge(with(header, "alg", "none"), good, key),
		"none in capitals":                     forge(with(header, "alg", "None"), good, key),
		"another algorithm":                    other,
		"RS256 named":                          forge(with(header, "alg", "RS256"), good, key),
		"another key":                          forge(header, good, stranger),
		"the public key as a secret":           forge(with(header, "alg", "HS256"), good, public),
		"a secret with the algorithm of pairs": forge(header, good, public),
		"an unknown key id":                    forge(with(header, "kid", "nope"), good, key),
		"no key id":                            forge(with(header, "kid", nil), good, key),
		"changed claims":                       parts[0] + "." + changed + "." + parts[2],
		"no signature":                         parts[0] + "." + parts[1] + ".",
		"no expiry":                            forge(header, with(good, "exp", nil), key),
		"expired":                              forge(header, with(good, "exp", f.clock.Now().Add(-time.Minute).Unix()), key),
		"another audience":                     forge(header, with(good, "aud", "admin"), key),
		"no audience":                          forge(header, with(good, "aud", nil), key),
		"a refresh token":                      l.RefreshToken,
		"no type":                              forge(header, with(good, "typ", nil), key),
		"no user":                              forge(header, with(good, "sub", nil), key),
		"an unknown user":                      forge(header, with(good, "sub", "636aba021728b6c1c03db83f"), key),
		"an unknown app":                       forge(header, with(good, "baas_domain_id", "636aba021728b6c1c03db83f"), key),
		"no app":                               forge(header, with(good, "baas_domain_id", nil), key),
		"a fourth part":                        l.AccessToken + ".x",
		"claims are not object":                parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`[1]`)) + "." + parts[2],
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
	require.Len(t, f.PublicKeys(), 1)
	first := f.PublicKeys()[0]
	require.Equal(t, "OKP", first.KeyType)
	require.Equal(t, "EdDSA", first.Algorithm)

	// While the service runs, and as another process.
	require.NoError(t, RotateKeys(f.cfg.Dir))
	before := f.anonymous()
	require.NoError(t, f.ReloadKeys())
	after := f.anonymous()
	require.Len(t, f.PublicKeys(), 2)
	require.Equal(t, first, f.PublicKeys()[1], "the key that signs comes first")
	for _, l := range []Login{l, before, after} {
		_, err := f.Access(t.Context(), l.AccessToken)
		require.NoError(t, err, "the old key still verifies")
		_, err = f.Refresh(t.Context(), l.RefreshToken)
		require.NoError(t, err)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	// The old key is dropped.
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	newest, _, _ := strings.Cut(string(text), "\n")
	require.NoError(t, os.WriteFile(path, []byte(newest), 0o600))
	f.restart()
	_, err = f.Access(t.Context(), after.AccessToken)
	require.NoError(t, err)
	_, err = f.Access(t.Context(), l.AccessToken)
	require.ErrorIs(t, err, ErrInvalidSession)

	// A bad file leaves the keys in use as they are.
	require.NoError(t, os.WriteFile(path, []byte("nonsense"), 0o600))
	require.Error(t, f.ReloadKeys())
	require.Error(t, RotateKeys(f.cfg.Dir))
	_, err = f.Access(t.Context(), after.AccessToken)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(path, []byte(newest), 0o600))
	for range 2 * maxKeys {
		require.NoError(t, RotateKeys(f.cfg.Dir))
	}
	require.NoError(t, f.ReloadKeys())
	require.Len(t, f.PublicKeys(), maxKeys)
	for _, bad := range []string{"", "\n\n", "xyz\n", "abcd\n", newest + "z", "ed25519", "ed25519 abcd", strings.Repeat("0123456789abcdef", 4) + "00"} {
		_, err := parseKeyring("token-keys", []byte(bad))
		require.Error(t, err, bad)
	}
}

// Sessions of versions that signed with one secret go on; new tokens are signed with a pair.
func TestKeysOfEarlierVersions(t *testing.T) {
	f := open(t, nil)
	l := f.anonymous()
	old := strings.Repeat("0123456789abcdef", 4)
	key, err := hex.DecodeString(old)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(f.cfg.Dir, "token-keys"), []byte(old+"\n"), 0o600))
	refresh := forge(map[string]any{"alg": "HS256", "typ": "JWT", "kid": keyID(key)}, payload(t, l.RefreshToken), key)
	_, err = f.db.write.ExecContext(t.Context(), "UPDATE sessions SET digest = ?", digestOf(refresh))
	require.NoError(t, err)
	f.restart()
	fresh, err := f.Refresh(t.Context(), refresh)
	require.NoError(t, err)
	_, err = f.Access(t.Context(), fresh)
	require.NoError(t, err)
	require.Len(t, f.PublicKeys(), 1, "secrets are not published")
	_, err = f.Refresh(t.Context(), forge(map[string]any{"alg": "EdDSA", "kid": keyID(key)}, payload(t, l.RefreshToken), key))
	require.ErrorIs(t, err, ErrInvalidSession)
	text, err := os.ReadFile(filepath.Join(f.cfg.Dir, "token-keys"))
	require.NoError(t, err)
	require.Regexp(t, "^ed25519 [0-9a-f]{64} [0-9]+\n"+old+"\n$", string(text))
}

func TestCustomJWT(t *testing.T) {
	f := open(t, nil)
	now := f.clock.Now().Unix()
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
		"very long":        strings.Repeat("a", maxForeign+1),
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
	keys, err := parseKeyring("", []byte(keyWord+strings.Repeat("0123456789abcdef", 4)))
	require.NoError(f, err)
	now := func() time.Time { return time.Unix(1_700_000_000, 0) }
	tokens := newTokens(keys, now)
	good, err := tokens.sign(claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "u"}, DomainID: "d"}, typeAccess, now(), time.Minute)
	require.NoError(f, err)
	f.Add(good)
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	s := &Service{now: now}
	rules := foreignRules{alg: "HS256", audiences: []string{"a"}, keys: func(context.Context, string) ([]any, error) { return []any{[]byte(secret)}, nil }}
	f.Fuzz(func(t *testing.T, token string) {
		// The fuzzer's processes each make a good token of their own and exchange them, so what counts is the signature.
		if _, err := tokens.verify(token, typeAccess); err == nil && !signed(keys, token) {
			t.Fatalf("a token that we did not make: %q", token)
		}
		if _, err := s.checkForeign(t.Context(), token, rules); err == nil {
			t.Fatalf("a token that nobody signed: %q", token)
		}
	})
}

// signed tells whether one of the keys has signed a token, as RFC 7515 says and without the library that verifies.
func signed(keys *keyring, token string) bool {
	dot := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.Strict().DecodeString(token[dot+1:])
	for _, key := range keys.pairs {
		if err == nil && ed25519.Verify(key, []byte(token[:max(dot, 0)]), signature) {
			return true
		}
	}
	return false
}
