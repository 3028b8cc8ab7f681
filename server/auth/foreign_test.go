package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
)

// Keys of an issuer; making one of RSA takes long.
var (
	issuerRSA = sync.OnceValue(func() *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return k
	})
	issuerEC = sync.OnceValue(func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	})
)

func publicPEM(t *testing.T, key crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// issue signs a token as an issuer does.
func issue(t *testing.T, method jwt.SigningMethod, key any, kid string, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

func (f *fixture) goodClaims(change map[string]any) map[string]any {
	out := map[string]any{"aud": f.app.ID, "sub": "external-id", "exp": f.clock.Now().Unix() + 3600}
	for k, v := range change {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}

// customToken configures the provider of custom JWTs.
func (f *fixture) customToken(config string, fields []appconfig.MetadataField, secrets ...string) {
	f.t.Helper()
	f.configure(func(c *appconfig.Config) {
		var names []string
		c.Secrets = nil
		for i, value := range secrets {
			name := "key" + string(rune('0'+i))
			names = append(names, name)
			c.Secrets = append(c.Secrets, appconfig.Secret{ID: appconfig.FixedID(name), Name: name, Value: value})
		}
		secretConfig, err := json.Marshal(map[string]any{"signingKeys": names})
		require.NoError(f.t, err)
		p := appconfig.Provider{ID: appconfig.FixedID("custom"), Name: ProviderCustom, Type: ProviderCustom, Config: json.RawMessage(config), SecretConfig: secretConfig, MetadataFields: fields}
		if have := c.Provider(ProviderCustom); have != nil {
			*have = p
		} else {
			c.Providers = append(c.Providers, p)
		}
	})
}

func (f *fixture) custom(token string) (Login, error) {
	return f.Login(f.t.Context(), f.app, Credentials{Provider: ProviderCustom, Token: token})
}

func refusedLogin(t *testing.T, err error, text string) {
	t.Helper()
	var refusal *Error
	require.ErrorAs(t, err, &refusal, text)
	require.Equal(t, 401, refusal.Status, "%v", err)
	require.Equal(t, "AuthError", refusal.Code, "%v", err)
	require.Contains(t, refusal.Text, text)
}

// production is a service without what development mode has.
func production(c *Config) { c.Dev, c.CustomJWTSecret = false, nil }

func TestCustomJWTAlgorithms(t *testing.T) {
	f := openWith(t, production)
	rsaPEM, ecPEM := publicPEM(t, issuerRSA().Public()), publicPEM(t, issuerEC().Public())
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	good := f.goodClaims(nil)
	tokens := map[string]string{
		"HS256": issue(t, jwt.SigningMethodHS256, []byte(secret), "", good),
		"RS256": issue(t, jwt.SigningMethodRS256, issuerRSA(), "", good),
		"ES256": issue(t, jwt.SigningMethodES256, issuerEC(), "", good),
		// A public key is no secret: whoever has it could sign with it, if the token chose the algorithm.
		"HS256 with the RSA key as secret": issue(t, jwt.SigningMethodHS256, []byte(rsaPEM), "", good),
		"HS256 with the EC key as secret":  issue(t, jwt.SigningMethodHS256, []byte(ecPEM), "", good),
		"another RSA key":                  issue(t, jwt.SigningMethodRS256, other, "", good),
		"RS384":                            issue(t, jwt.SigningMethodRS384, issuerRSA(), "", good),
		"PS256":                            issue(t, jwt.SigningMethodPS256, issuerRSA(), "", good),
		"none":                             issue(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", good),
	}
	for alg, key := range map[string]string{"HS256": secret, "RS256": rsaPEM, "ES256": ecPEM} {
		f.customToken(`{"signingAlgorithm":"`+alg+`"}`, nil, strings.ReplaceAll(key, "\n", `\n`))
		for name, token := range tokens {
			_, err := f.custom(token)
			if name == alg {
				require.NoError(t, err, alg)
			} else {
				refusedLogin(t, err, "invalid custom auth token: ")
			}
		}
	}
	// One of several keys is enough; a key of another kind is none.
	f.customToken(`{"signingAlgorithm":"HS256"}`, nil, strings.Repeat("k", 32), secret)
	_, err = f.custom(tokens["HS256"])
	require.NoError(t, err)
	config := &appconfig.Config{Secrets: []appconfig.Secret{{Name: "ec", Value: ecPEM}, {Name: "text", Value: secret}}}
	rules, err := f.customRules(f.app, provider{
		Provider: &appconfig.Provider{Type: ProviderCustom, Config: json.RawMessage(`{"signingAlgorithm":"RS256"}`), SecretConfig: json.RawMessage(`{"signingKeys":["ec","text"]}`)}, config: config,
	})
	require.NoError(t, err, "as versions before this one stored it: appconfig refuses it now")
	_, err = f.checkForeign(t.Context(), tokens["RS256"], rules)
	require.ErrorContains(t, err, "its signature is not right")
}

func TestCustomJWTAudience(t *testing.T) {
	f := openWith(t, production)
	for _, c := range []struct {
		config string
		aud    any
		ok     bool
	}{
		{`"audience":[]`, f.app.ID, true},
		{`"audience":null`, []string{"x", f.app.ID}, true},
		{`"audience":[]`, "x", false},
		{`"audience":"one"`, "one", true},
		{`"audience":["one"]`, f.app.ID, false},
		{`"audience":["one","two"]`, "one", false},
		{`"audience":["one","two"]`, []string{"two", "three", "one"}, true},
		{`"audience":["one","two"],"requireAnyAudience":true`, "two", true},
		{`"audience":["one","two"],"requireAnyAudience":true`, []string{"three"}, false},
		{`"audience":["one"]`, nil, false},
		{`"audience":["one"]`, 1, false},
		{`"audience":["one"]`, []string{}, false},
	} {
		f.customToken(`{"signingAlgorithm":"HS256",`+c.config+`}`, nil, secret)
		_, err := f.custom(issue(t, jwt.SigningMethodHS256, []byte(secret), "", f.goodClaims(map[string]any{"aud": c.aud})))
		if c.ok {
			require.NoError(t, err, c)
		} else {
			refusedLogin(t, err, "")
		}
	}
}

func TestMetadataFields(t *testing.T) {
	f := openWith(t, production)
	fields := []appconfig.MetadataField{
		{Name: "user_data.name", FieldName: "name"}, {Name: "user_data.occupation"}, {Name: `a\.b.c\\d`, FieldName: "dotted"}, {Name: "n"}, {Name: "list"},
		{Name: "missing"}, {Name: "date"}, {Name: "long"}, {Name: "name.x"}, {Name: "nothing"}, {Required: true, Name: "must"},
	}
	f.customToken(`{"signingAlgorithm":"HS256"}`, fields, secret)
	claims := f.goodClaims(map[string]any{
		"user_data": map[string]any{"name": "Foo Bar??>>", "occupation": "firefighter"}, "a.b": map[string]any{`c\d`: "x"}, "n": 5, "list": []any{1, "two"},
		"date": map[string]any{"$date": "2020-01-01T00:00:00Z"}, "long": strings.Repeat("x", maxDetail+1), "name": "x", "nothing": nil, "must": true,
	})
	sign := func(change map[string]any) string {
		for k, v := range change {
			claims[k] = v
		}
		return issue(t, jwt.SigningMethodHS256, []byte(secret), "", claims)
	}
	l, err := f.custom(sign(nil))
	require.NoError(t, err)
	data := func() string {
		p, err := f.Profile(t.Context(), f.caller(l))
		require.NoError(t, err)
		text, err := json.Marshal(p.Data)
		require.NoError(t, err)
		return string(text)
	}
	require.JSONEq(t, `{"name":"Foo Bar??>>","occupation":"firefighter","dotted":"x","n":5,"list":[1,"two"],"must":true}`, data())
	c, err := f.Service.Caller(t.Context(), f.app, l.UserID)
	require.NoError(t, err)
	require.Contains(t, c.Data, bson.E{Key: "n", Value: int32(5)})

	_, err = f.custom(sign(map[string]any{"n": 6, "must": "yes"}))
	require.NoError(t, err)
	require.Contains(t, data(), `"n":6`, "a login brings what the issuer says now")
	_, err = f.custom(sign(map[string]any{"must": nil}))
	refusedLogin(t, err, "'must'")
	require.Contains(t, data(), `"must":"yes"`)
}

func TestSplitPath(t *testing.T) {
	for path, want := range map[string][]string{
		"a": {"a"}, "a.b": {"a", "b"}, `a\.b`: {"a.b"}, `a\\.b`: {`a\`, "b"}, `a\`: {`a\`}, "": {""}, ".": {"", ""}, "ü.é": {"ü", "é"}, `\ü`: {"ü"},
	} {
		require.Equal(t, want, splitPath(path), path)
	}
}

// issuer is the server of an identity provider: a key set, a token endpoint, a Graph API.
type issuer struct {
	url   string
	roots *x509.CertPool

	mu    sync.Mutex
	keys  []map[string]string
	pages map[string]string // by path
	forms []url.Values
	asked []string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{pages: map[string]string{}, roots: x509.NewCertPool()}
	server := httptest.NewUnstartedServer(i)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	i.url = server.URL
	i.roots.AddCert(server.Certificate())
	return i
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked = append(i.asked, r.URL.String())
	_ = r.ParseForm()
	i.forms = append(i.forms, r.PostForm)
	if r.URL.Path == "/keys" {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": i.keys})
		return
	}
	page, ok := i.pages[r.URL.Path]
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		page = `{"error":"invalid_grant"}`
	}
	_, _ = io.WriteString(w, page)
}

func (i *issuer) publish(t *testing.T, kid string, key crypto.PublicKey) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := key.(type) {
	case *rsa.PublicKey:
		i.keys = append(i.keys, map[string]string{"kty": "RSA", "kid": kid, "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())})
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		require.NoError(t, err)
		i.keys = append(i.keys, map[string]string{"kty": "EC", "crv": "P-256", "kid": kid, "x": b64(point[1:33]), "y": b64(point[33:])})
	}
}

func TestCustomJWTByKeySet(t *testing.T) {
	i := newIssuer(t)
	f := openWith(t, func(c *Config) { production(c); c.Roots = i.roots })
	i.publish(t, "first", issuerRSA().Public())
	f.customToken(`{"signingAlgorithm":"RS256","useJWKURI":true,"jwkURI":"`+i.url+`/keys"}`, nil)
	first := issue(t, jwt.SigningMethodRS256, issuerRSA(), "first", f.goodClaims(nil))
	one, err := f.custom(first)
	require.NoError(t, err)
	two, err := f.custom(issue(t, jwt.SigningMethodRS256, issuerRSA(), "", f.goodClaims(nil)))
	require.NoError(t, err, "without a kid each key is tried")
	require.Equal(t, one.UserID, two.UserID)
	require.Len(t, i.asked, 1, "the set is kept")

	// Rotation.
	next, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	second := issue(t, jwt.SigningMethodRS256, next, "second", f.goodClaims(nil))
	_, err = f.custom(second)
	refusedLogin(t, err, "no key of the set")
	i.mu.Lock()
	i.keys = nil
	i.mu.Unlock()
	i.publish(t, "second", next.Public())
	f.clock.Move(time.Minute)
	_, err = f.custom(second)
	require.NoError(t, err)
	_, err = f.custom(first)
	refusedLogin(t, err, "")

	i.publish(t, "ec", issuerEC().Public())
	f.clock.Move(time.Hour)
	es := issue(t, jwt.SigningMethodES256, issuerEC(), "ec", f.goodClaims(nil))
	_, err = f.custom(es)
	refusedLogin(t, err, "RS256")
	f.customToken(`{"signingAlgorithm":"ES256","useJWKURI":true,"jwkURI":"`+i.url+`/keys"}`, nil)
	_, err = f.custom(es)
	require.NoError(t, err)
	for _, key := range []any{[]byte(publicPEM(t, next.Public())), next.N.Bytes()} {
		_, err = f.custom(issue(t, jwt.SigningMethodHS256, key, "second", f.goodClaims(nil)))
		refusedLogin(t, err, "ES256")
	}
	f.customToken(`{"signingAlgorithm":"RS256","useJWKURI":true,"jwkURI":"`+i.url+`/nothing"}`, nil)
	_, err = f.custom(second)
	refusedLogin(t, err, "its issuer could not be asked")
	require.NotContains(t, err.Error(), "127.0.0.1", "what the network of this server is like is not its clients' to know")
}

// openID configures one of the three at the test's issuer.
func (f *fixture) openID(kind string, i *issuer, fields ...appconfig.MetadataField) {
	f.t.Helper()
	f.configure(func(c *appconfig.Config) {
		c.Secrets = []appconfig.Secret{{ID: appconfig.FixedID("s"), Name: "clientSecret", Value: "the client's secret"}}
		p := appconfig.Provider{ID: appconfig.FixedID(kind), Name: kind, Type: kind, MetadataFields: fields, RedirectURIs: []string{"https://app.example/back"}, SecretConfig: json.RawMessage(`{"clientSecret":"clientSecret"}`)}
		p.Config = json.RawMessage(`{"clientId":"client-1","issuer":"https://issuer.example","jwkURI":"` + i.url + `/keys","tokenURI":"` + i.url + `/token","graphURI":"` + i.url + `/graph"}`)
		if have := c.Provider(kind); have != nil {
			*have = p
		} else {
			c.Providers = append(c.Providers, p)
		}
	})
}

func TestOpenID(t *testing.T) {
	i := newIssuer(t)
	f := openWith(t, func(c *Config) { production(c); c.Roots = i.roots })
	i.publish(t, "k", issuerRSA().Public())
	token := func(change map[string]any) string {
		claims := f.goodClaims(map[string]any{
			"iss": "https://issuer.example", "aud": "client-1", "sub": "subject-1", "name": "Foo Bar", "email": "a@b.c", "email_verified": true,
			"picture": "https://x/p.png", "given_name": "Foo", "family_name": "Bar",
		})
		for k, v := range change {
			claims[k] = v
		}
		return issue(t, jwt.SigningMethodRS256, issuerRSA(), "k", claims)
	}
	for _, kind := range []string{ProviderGoogle, ProviderApple, ProviderFacebook} {
		login := func(c Credentials) (Login, error) {
			c.Provider = kind
			return f.Login(t.Context(), f.app, c)
		}
		_, err := login(Credentials{IDToken: token(nil)})
		require.ErrorIs(t, err, errProvider(kind), "it is not configured")
		f.openID(kind, i)
		one, err := login(Credentials{IDToken: token(nil)})
		require.NoError(t, err)
		p, err := f.Profile(t.Context(), f.caller(one))
		require.NoError(t, err)
		require.Equal(t, "subject-1", p.Identities[0].ID)
		require.Equal(t, kind, p.Identities[0].ProviderType)
		require.Equal(t, appconfig.FixedID(kind), p.Identities[0].ProviderID)
		text, err := json.Marshal(p.Data)
		require.NoError(t, err)
		require.JSONEq(t, `{"name":"Foo Bar","email":"a@b.c","picture_url":"https://x/p.png","first_name":"Foo","last_name":"Bar"}`, string(text))
		two, err := login(Credentials{IDToken: token(map[string]any{"email_verified": "false", "email": "x@y.z"})})
		require.NoError(t, err)
		require.Equal(t, one.UserID, two.UserID)
		p, err = f.Profile(t.Context(), f.caller(one))
		require.NoError(t, err)
		require.NotContains(t, p.Data, "email", "anybody can say that it is theirs")

		for name, bad := range map[string]string{
			"another issuer": token(map[string]any{"iss": "https://evil.example"}), "no issuer": token(map[string]any{"iss": nil}),
			"another client": token(map[string]any{"aud": "client-2"}), "the app": token(map[string]any{"aud": f.app.ID}),
			"expired": token(map[string]any{"exp": f.clock.Now().Unix() - 61}), "another key": issue(t, jwt.SigningMethodHS256, []byte(secret), "k", f.goodClaims(nil)),
			"nonsense": "x.y.z",
		} {
			_, err := login(Credentials{IDToken: bad})
			refusedLogin(t, err, "invalid credentials of provider '"+kind+"'")
			require.NotContains(t, err.Error(), bad, name)
		}
		_, err = login(Credentials{})
		refusedLogin(t, err, "no token in it")
		// Required by the app.
		f.openID(kind, i, appconfig.MetadataField{Required: true, Name: "email"}, appconfig.MetadataField{Name: "first_name", FieldName: "called"})
		_, err = login(Credentials{IDToken: token(map[string]any{"email": nil})})
		refusedLogin(t, err, "'email'")
		_, err = login(Credentials{IDToken: token(nil)})
		require.NoError(t, err)
		p, err = f.Profile(t.Context(), f.caller(one))
		require.NoError(t, err)
		require.Equal(t, Details{"email": json.RawMessage(`"a@b.c"`), "called": json.RawMessage(`"Foo"`)}, p.Data)
	}
	users, err := f.Users(t.Context(), f.app, "", 10)
	require.NoError(t, err)
	require.Len(t, users, 3, "one subject of three issuers")
}

// Users of Google may be restricted to domains, as an export of App Services says. Before, that was not looked at, and everybody with an account there
// was let in.
func TestDomainRestrictions(t *testing.T) {
	i := newIssuer(t)
	f := openWith(t, func(c *Config) { production(c); c.Roots = i.roots })
	i.publish(t, "k", issuerRSA().Public())
	f.openID(ProviderGoogle, i)
	f.configure(func(c *appconfig.Config) {
		c.Provider(ProviderGoogle).DomainRestrictions = []string{"example.com", "Example.org"}
	})
	for _, c := range []struct {
		email, verified any
		want            bool
	}{
		{"a@example.com", true, true}, {"a@EXAMPLE.com", "true", true}, {"a@example.org", true, true},
		{"a@example.net", true, false}, {"a@sub.example.com", true, false}, {"a@notexample.com", true, false}, {"a@example.com@evil.net", true, false},
		{"example.com", true, false}, {"a@example.com", false, false}, {"a@example.com", nil, false}, {"a@example.com", "no", false}, {nil, true, false}, {5, true, false}, {"a@", true, false},
	} {
		claims := f.goodClaims(map[string]any{"iss": "https://issuer.example", "aud": "client-1", "sub": "subject-1", "email": c.email, "email_verified": c.verified})
		_, err := f.Login(t.Context(), f.app, Credentials{Provider: ProviderGoogle, IDToken: issue(t, jwt.SigningMethodRS256, issuerRSA(), "k", claims)})
		if c.want {
			require.NoError(t, err, "%v", c)
		} else {
			require.ErrorIs(t, err, errDomain, "%v", c)
		}
	}
}

func TestAuthCode(t *testing.T) {
	i := newIssuer(t)
	f := openWith(t, func(c *Config) { production(c); c.Roots = i.roots })
	i.publish(t, "k", issuerRSA().Public())
	f.openID(ProviderGoogle, i)
	login := func() (Login, error) {
		return f.Login(t.Context(), f.app, Credentials{Provider: ProviderGoogle, AuthCode: "the code"})
	}
	_, err := login()
	refusedLogin(t, err, "invalid_grant")
	idToken := issue(t, jwt.SigningMethodRS256, issuerRSA(), "k", f.goodClaims(map[string]any{"iss": "https://issuer.example", "aud": "client-1"}))
	i.pages["/token"] = `{"access_token":"x","id_token":"` + idToken + `"}`
	_, err = login()
	require.NoError(t, err)
	require.Contains(t, i.forms, url.Values{
		"grant_type": {"authorization_code"}, "code": {"the code"}, "client_id": {"client-1"}, "client_secret": {"the client's secret"}, "redirect_uri": {"https://app.example/back"},
	})
	for _, bad := range []string{`{}`, `x`, `{"id_token":5}`, `{"id_token":"a.b.c"}`} {
		i.pages["/token"] = bad
		_, err = login()
		refusedLogin(t, err, "")
	}
}

func TestFacebook(t *testing.T) {
	i := newIssuer(t)
	f := openWith(t, func(c *Config) { production(c); c.Roots = i.roots })
	f.openID(ProviderFacebook, i)
	login := func() (Login, error) {
		return f.Login(t.Context(), f.app, Credentials{Provider: ProviderFacebook, AccessToken: "their token"})
	}
	_, err := login()
	refusedLogin(t, err, "did not take")
	i.pages["/graph/debug_token"] = `{"data":{"app_id":"client-1","user_id":"7","is_valid":true}}`
	i.pages["/graph/me"] = `{"id":"7","name":"Foo Bar","email":"a@b.c","birthday":"01/01/2000"}`
	l, err := login()
	require.NoError(t, err)
	p, err := f.Profile(t.Context(), f.caller(l))
	require.NoError(t, err)
	require.Equal(t, "7", p.Identities[0].ID)
	require.JSONEq(t, `"01/01/2000"`, string(p.Data["birthday"]))
	require.Contains(t, strings.Join(i.asked, "\n"), "access_token=client-1%7Cthe+client%27s+secret&input_token=their+token")
	for _, bad := range []string{
		`{"data":{"app_id":"another","user_id":"7","is_valid":true}}`, `{"data":{"app_id":"client-1","user_id":"7","is_valid":false}}`,
		`{"data":{"app_id":"client-1","user_id":"8","is_valid":true}}`, `{"data":{"app_id":"client-1","is_valid":true}}`, `x`,
	} {
		i.pages["/graph/debug_token"] = bad
		_, err := login()
		refusedLogin(t, err, "")
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, err.Error(), "their token")
	}
}

func TestFunctionLogin(t *testing.T) {
	var result any
	var payload bson.D
	f := openWith(t, func(c *Config) {
		c.Functions = functions{"authFunc": func(caller *Caller, args bson.A) (any, error) {
			require.True(t, caller.System)
			payload = args[0].(bson.D)
			if err, ok := result.(error); ok {
				return nil, err
			}
			return result, nil
		}}
	})
	ctx := t.Context()
	login := func(p bson.D) (Login, error) {
		return f.Login(ctx, f.app, Credentials{Provider: ProviderFunction, Payload: p})
	}
	_, err := login(bson.D{})
	require.ErrorIs(t, err, errProvider(""))
	f.configure(func(c *appconfig.Config) {
		c.Providers = append(c.Providers, appconfig.Provider{ID: appconfig.FixedID("f"), Name: ProviderFunction, Type: ProviderFunction, Config: json.RawMessage(`{"authFunctionId":"` + appconfig.FixedID("authFunc") + `"}`)})
	}, "authFunc")
	result = "somebody"
	one, err := login(bson.D{{Key: "n", Value: int32(4)}})
	require.NoError(t, err)
	require.Equal(t, bson.D{{Key: "n", Value: int32(4)}}, payload)
	result = bson.D{{Key: "id", Value: "somebody"}, {Key: "name", Value: "Some Body"}}
	two, err := login(nil)
	require.NoError(t, err)
	require.Equal(t, one.UserID, two.UserID)
	p, err := f.Profile(ctx, f.caller(two))
	require.NoError(t, err)
	require.Equal(t, Details{"name": json.RawMessage(`"Some Body"`)}, p.Data)
	require.Equal(t, "somebody", p.Identities[0].ID)
	for _, result = range []any{nil, "", 5, true, bson.D{}, bson.D{{Key: "id", Value: 5}}, strings.Repeat("x", maxSubject+1)} {
		_, err := login(nil)
		refusedLogin(t, err, "the login function must return")
	}
	result = &FunctionError{Message: "who are you?"}
	_, err = login(nil)
	refusedLogin(t, err, "who are you?")
	// Linked to another user.
	result = "linked"
	a := f.anonymous()
	_, err = f.Link(ctx, f.app, a.AccessToken, Credentials{Provider: ProviderFunction})
	require.NoError(t, err)
	l, err := login(nil)
	require.NoError(t, err)
	require.Equal(t, a.UserID, l.UserID)
}

func TestUserData(t *testing.T) {
	data := customData{}
	f := open(t, func(c *Config) { c.CustomData = data })
	l := f.anonymous()
	require.NotContains(t, payload(t, l.AccessToken), "user_data")
	id, err := bson.ObjectIDFromHex("5e43ddcc636ee106eaa12bda")
	require.NoError(t, err)
	data[l.UserID] = bson.D{{Key: "_id", Value: id}, {Key: "n", Value: int32(3)}, {Key: "name", Value: "x"}}
	token, err := f.Refresh(t.Context(), l.RefreshToken)
	require.NoError(t, err)
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	require.Contains(t, string(body), `"user_data":{"_id":{"$oid":"5e43ddcc636ee106eaa12bda"},"n":{"$numberInt":"3"},"name":"x"}`)
	require.NotContains(t, payload(t, l.RefreshToken), "user_data")

	// What is too large is left out; what is as large as it may be goes into a URL and comes back.
	for value, there := range map[string]bool{strings.Repeat("x", maxUserData-8): true, strings.Repeat("x", maxUserData-7): false, strings.Repeat("<", 1000): false} {
		data[l.UserID] = bson.D{{Key: "x", Value: value}}
		token, err := f.Refresh(t.Context(), l.RefreshToken)
		require.NoError(t, err)
		_, has := payload(t, token)["user_data"]
		require.Equal(t, there, has, len(value))
		require.Less(t, len(token), maxToken)
		_, err = f.Access(t.Context(), token)
		require.NoError(t, err)
	}
	data[l.UserID] = bson.D{{Key: "x", Value: make(chan int)}}
	token, err = f.Refresh(t.Context(), l.RefreshToken)
	require.NoError(t, err, "data that cannot be read keep nobody out")
	require.NotContains(t, payload(t, token), "user_data")
}

// The function for new users runs once for each, before there is a token; if it fails there is no user.
func TestUserCreation(t *testing.T) {
	var seen []bson.D
	var fail error
	f := openWith(t, func(c *Config) {
		c.Functions = functions{"created": func(_ *Caller, args bson.A) (any, error) {
			seen = append(seen, args[0].(bson.D))
			return nil, fail
		}}
	})
	f.configure(func(c *appconfig.Config) {
		c.CustomUserData = &appconfig.CustomData{ServiceID: c.Services[0].ID, Enabled: true, DatabaseName: "d", CollectionName: "c", UserIDField: "id", OnCreation: "created"}
	}, "created")
	f.register("a@b.c")
	l, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	_, err = f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.Len(t, seen, 1)
	require.Equal(t, bson.E{Key: "id", Value: l.UserID}, seen[0][0])
	require.Equal(t, bson.E{Key: "data", Value: bson.D{{Key: "email", Value: "a@b.c"}}}, seen[0][2])
	fail = &FunctionError{Message: "not you"}
	f.register("b@b.c")
	_, err = f.userpass("b@b.c", "password")
	require.EqualError(t, err, "not you")
	users, err := f.Users(t.Context(), f.app, "", 10)
	require.NoError(t, err)
	require.Len(t, users, 1)
	fail = nil
	_, err = f.userpass("b@b.c", "password")
	require.NoError(t, err)
	require.Len(t, seen, 3)

	// An administrator's attempt leaves nothing behind either.
	fail = &FunctionError{Message: "not you"}
	_, err = f.CreateEmailUser(t.Context(), f.app, "c@b.c", "password")
	require.EqualError(t, err, "not you")
	fail = nil
	_, err = f.CreateEmailUser(t.Context(), f.app, "c@b.c", "password")
	require.NoError(t, err)
}

// The same credentials may log in while the function for a new user runs: there is no user until it has returned, and they wait for that. If it
// fails, their own turn has come.
func TestUserCreationIsAwaited(t *testing.T) {
	var fail error
	started, release := make(chan string), make(chan bool)
	f := openWith(t, func(c *Config) {
		c.Functions = functions{"created": func(_ *Caller, args bson.A) (any, error) {
			started <- args[0].(bson.D)[0].Value.(string)
			<-release
			return nil, fail
		}}
	})
	f.configure(func(c *appconfig.Config) {
		c.CustomUserData = &appconfig.CustomData{ServiceID: c.Services[0].ID, Enabled: true, DatabaseName: "d", CollectionName: "c", UserIDField: "id", OnCreation: "created"}
	}, "created")
	type result struct {
		Login
		err error
	}
	results := make(chan result)
	logIn := func(email string) {
		l, err := f.userpass(email, "password")
		results <- result{l, err}
	}
	count := func(table string) (n int) {
		t.Helper()
		require.NoError(t, f.db.read.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
		return n
	}
	nobody := func() {
		t.Helper()
		for _, table := range []string{"users", "identities", "sessions"} {
			require.Zero(t, count(table), table)
		}
	}

	fail = &FunctionError{Message: "not you"}
	f.register("a@b.c")
	go logIn("a@b.c")
	first := <-started
	nobody() // as a crash would leave it
	go logIn("a@b.c")
	release <- true
	require.NotEqual(t, first, <-started, "the second one's turn")
	nobody()
	release <- true
	for range 2 {
		require.EqualError(t, (<-results).err, "not you")
	}
	nobody()

	fail = nil
	go logIn("a@b.c")
	first = <-started
	go logIn("a@b.c")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.arrivals.enter(ctx, arrival{f.app.ID, ProviderUserpass, accountOf(t, f, "a@b.c")})
	require.ErrorIs(t, err, context.Canceled, "who doesn't wait is let go")
	nobody()
	release <- true
	for range 2 {
		r := <-results
		require.NoError(t, r.err)
		require.Equal(t, first, r.UserID)
	}
	require.Equal(t, 1, count("users"))
	require.Equal(t, 2, count("sessions"))
	require.Empty(t, f.arrivals.busy)
}

func accountOf(t *testing.T, f *fixture, email string) string {
	t.Helper()
	a, err := findAccount(t.Context(), f.db.read, f.app, email)
	require.NoError(t, err)
	return a.id
}

// A user has so many identities: all are read whenever something looks at the user.
func TestIdentitiesAreBounded(t *testing.T) {
	f := open(t, nil)
	l := f.anonymous()
	for i := range maxIdentities {
		email := strconv.Itoa(i) + "@b.c"
		f.register(email)
		_, err := f.Link(t.Context(), f.app, l.AccessToken, Credentials{Provider: ProviderUserpass, Username: email, Password: "password"})
		if i < maxIdentities-1 {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, "a user can have at most 100 identities")
		}
	}
	_, err := f.Link(t.Context(), f.app, l.AccessToken, Credentials{Provider: ProviderUserpass, Username: "5@b.c", Password: "password"})
	require.NoError(t, err, "it has that one")
	again, err := f.userpass("98@b.c", "password")
	require.NoError(t, err)
	require.Equal(t, l.UserID, again.UserID)
}

func TestServerKeys(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	require.NoError(t, f.SetProviderDisabled(ctx, f.app, ProviderAPIKey, false))
	k, err := f.CreateServerKey(ctx, f.app, "backend")
	require.NoError(t, err)
	_, err = f.CreateServerKey(ctx, f.app, "backend")
	require.ErrorIs(t, err, errKeyExists)
	login := func() (Login, error) {
		return f.Login(ctx, f.app, Credentials{Provider: ProviderAPIKey, Key: k.Key})
	}
	l, err := login()
	require.NoError(t, err)
	p, err := f.Profile(ctx, f.caller(l))
	require.NoError(t, err)
	require.Equal(t, TypeServer, p.Type)
	require.Equal(t, k.ID, p.Identities[0].ID)
	require.JSONEq(t, `"backend"`, string(p.Data["name"]))
	c, err := f.Service.Caller(ctx, f.app, l.UserID)
	require.NoError(t, err)
	require.Equal(t, TypeServer, c.Type)
	_, err = f.CreateKey(ctx, f.caller(l), "mine")
	require.ErrorIs(t, err, errBadRequest(""), "a server user has no keys of its own")
	list, err := f.ServerKeys(ctx, f.app)
	require.NoError(t, err)
	require.Equal(t, []APIKey{{ID: k.ID, Name: "backend"}}, list)

	require.NoError(t, f.SetServerKeyDisabled(ctx, f.app, k.ID, true))
	_, err = login()
	require.Error(t, err)
	require.NoError(t, f.SetServerKeyDisabled(ctx, f.app, k.ID, false))
	_, err = login()
	require.NoError(t, err)
	other, err := f.App(ctx, "other")
	require.NoError(t, err)
	require.ErrorIs(t, f.DeleteServerKey(ctx, other, k.ID), ErrKeyNotFound)
	f.register("a@b.c")
	user, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	mine, err := f.CreateKey(ctx, f.caller(user), "mine")
	require.NoError(t, err)
	require.ErrorIs(t, f.DeleteServerKey(ctx, f.app, mine.ID), ErrKeyNotFound)
	require.NoError(t, f.DeleteServerKey(ctx, f.app, k.ID))
	_, err = login()
	require.Error(t, err)
	_, err = f.Refresh(ctx, l.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	for i := range maxServerKeys {
		_, err := f.CreateServerKey(ctx, f.app, "k"+strings.Repeat("x", i))
		require.NoError(t, err)
	}
	_, err = f.CreateServerKey(ctx, f.app, "one more")
	require.ErrorIs(t, err, errBadRequest(""))
}

func TestDevices(t *testing.T) {
	f := open(t, nil)
	f.register("a@b.c")
	var last Login
	for range maxDevices + 5 {
		f.clock.Move(time.Second)
		var err error
		last, err = f.Login(t.Context(), f.app, Credentials{Provider: ProviderUserpass, Username: "a@b.c", Password: "password", Device: Device{Platform: "Linux", SDK: strings.Repeat("x", 1000)}})
		require.NoError(t, err)
	}
	list, err := f.Devices(t.Context(), f.app, last.UserID)
	require.NoError(t, err)
	require.Len(t, list, maxDevices)
	require.Equal(t, last.DeviceID, list[0].ID)
	require.Equal(t, "Linux", list[0].Platform)
	require.LessOrEqual(t, len(list[0].SDK), MaxDeviceText+3)
	require.Equal(t, f.clock.Now().Unix(), list[0].Seen.Unix())
	_, err = f.Login(t.Context(), f.app, Credentials{Provider: ProviderUserpass, Username: "a@b.c", Password: "password", DeviceID: list[1].ID, Device: Device{Platform: "iOS"}})
	require.NoError(t, err)
	again, err := f.Devices(t.Context(), f.app, last.UserID)
	require.NoError(t, err)
	require.Len(t, again, maxDevices, "a device that is known is the same one")
}

// How long a session lasts is the app's to say; those that are open stay as they are.
func TestRefreshLife(t *testing.T) {
	f := openWith(t, nil)
	long := f.anonymous()
	f.configure(func(c *appconfig.Config) { c.Security.RefreshTokenExpiration = 3600 })
	short := f.anonymous()
	require.Equal(t, json.Number("1700003600"), payload(t, short.RefreshToken)["exp"])
	f.clock.Move(time.Hour - time.Second)
	_, err := f.Refresh(t.Context(), short.RefreshToken)
	require.NoError(t, err)
	f.clock.Move(time.Second)
	_, err = f.Refresh(t.Context(), short.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession)
	_, err = f.Refresh(t.Context(), long.RefreshToken)
	require.NoError(t, err)
}

func TestRefreshesAreRationed(t *testing.T) {
	f := openWith(t, production)
	l, m := f.anonymous(), f.anonymous()
	for range 60 {
		_, err := f.Refresh(t.Context(), l.RefreshToken)
		require.NoError(t, err)
	}
	_, err := f.Refresh(t.Context(), l.RefreshToken)
	require.ErrorIs(t, err, ErrTooMany)
	_, err = f.Refresh(t.Context(), m.RefreshToken)
	require.NoError(t, err)
	f.clock.Move(time.Second)
	_, err = f.Refresh(t.Context(), l.RefreshToken)
	require.NoError(t, err)
}

// What earlier versions kept of providers in auth.db is in the configuration afterwards, once.
func TestProvidersAreTakenOver(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, PasswordCost: cheap}
	s, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	for _, id := range []string{"set", "untouched"} {
		_, _, err := s.CreateApp(t.Context(), id)
		require.NoError(t, err)
	}
	// As version 2 had it.
	_, err = s.db.write.ExecContext(t.Context(), `ALTER TABLE sessions DROP COLUMN api_key; DROP INDEX accounts_dropped; ALTER TABLE accounts DROP COLUMN dropped; DROP INDEX sessions_app; DROP INDEX sessions_kid; ALTER TABLE sessions DROP COLUMN kid; DROP TABLE noise; DROP TABLE revocations; DROP TABLE old_providers; DROP TABLE mail_tokens; DROP TABLE devices; ALTER TABLE users DROP COLUMN type; ALTER TABLE users DROP COLUMN last_login;
		CREATE TABLE providers (app_id TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE, type TEXT NOT NULL, id TEXT NOT NULL UNIQUE, disabled INTEGER NOT NULL, PRIMARY KEY (app_id, type)) STRICT, WITHOUT ROWID;
		INSERT INTO providers VALUES ('set','anon-user','00000000000000000000000a',1), ('set','local-userpass','00000000000000000000000b',0), ('set','api-key','00000000000000000000000c',0), ('set','custom-token','00000000000000000000000d',1),
			('untouched','anon-user','00000000000000000000001a',0), ('untouched','local-userpass','00000000000000000000001b',0), ('untouched','api-key','00000000000000000000001c',1), ('untouched','custom-token','00000000000000000000001d',1);
		DROP TABLE deletions;
		PRAGMA user_version = 2;`)
	require.NoError(t, err)
	require.NoError(t, s.Close())

	// A program without configurations leaves them for the one that has.
	s, err = Open(t.Context(), cfg)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	configs, err := appconfig.Open(t.Context(), appconfig.StoreConfig{Dir: dir})
	require.NoError(t, err)
	defer func() { require.NoError(t, configs.Close()) }()
	cfg.Configs = configs
	for range 2 {
		s, err = Open(t.Context(), cfg)
		require.NoError(t, err)
		c, err := configs.Current(t.Context(), "set")
		require.NoError(t, err)
		require.True(t, c.Provider(ProviderAnonymous).Disabled)
		require.Equal(t, "00000000000000000000000a", c.Provider(ProviderAnonymous).ID)
		require.False(t, c.Provider(ProviderAPIKey).Disabled)
		stored, err := configs.Stored(t.Context(), "untouched")
		require.NoError(t, err)
		require.False(t, stored, "what was not set needs no configuration")
		app, err := s.App(t.Context(), "set")
		require.NoError(t, err)
		_, err = s.Login(t.Context(), app, Credentials{Provider: ProviderAnonymous})
		require.ErrorIs(t, err, errProvider(""))
		require.NoError(t, s.SetProviderDisabled(t.Context(), app, ProviderAnonymous, false))
		_, err = s.Login(t.Context(), app, Credentials{Provider: ProviderAnonymous})
		require.NoError(t, err)
		require.NoError(t, s.SetProviderDisabled(t.Context(), app, ProviderAnonymous, true))
		require.NoError(t, s.Close())
	}
}

// The keys that are published verify our tokens, as any other program would do it.
func TestPublishedKeys(t *testing.T) {
	f := open(t, nil)
	l := f.anonymous()
	for _, token := range []string{l.AccessToken, l.RefreshToken} {
		_, err := jwt.Parse(token, func(token *jwt.Token) (any, error) {
			for _, k := range f.PublicKeys() {
				if k.ID == token.Header["kid"] {
					x, err := base64.RawURLEncoding.DecodeString(k.X)
					return ed25519.PublicKey(x), err
				}
			}
			return nil, jwt.ErrTokenUnverifiable
		}, jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithTimeFunc(f.clock.Now))
		require.NoError(t, err)
	}
}

func FuzzForeign(f *testing.F) {
	now := time.Unix(1_700_000_000, 0)
	s := &Service{now: func() time.Time { return now }}
	f.Add("eyJhbGciOiJSUzI1NiJ9.e30.AAAA", "RS256")
	f.Add("eyJhbGciOiJub25lIn0.e30.", "ES256")
	f.Fuzz(func(t *testing.T, token, alg string) {
		key := map[string]any{"HS256": []byte(secret), "RS256": issuerRSA().Public(), "ES256": issuerEC().Public()}[alg]
		rules := foreignRules{alg: alg, audiences: []string{"a"}, keys: func(context.Context, string) ([]any, error) { return []any{key}, nil }}
		if _, err := s.checkForeign(t.Context(), token, rules); err == nil {
			t.Fatalf("a token that nobody signed: %q", token)
		}
	})
}
