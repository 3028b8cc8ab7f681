package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// appPath is the test app's part of the client API.
const appPath = prefix + "app/" + testApp + "/"

const userpassPath = appPath + "auth/providers/local-userpass/"

// device is the member that realm-cpp 2.2.0 on Linux ends its login bodies with (app-services 4.1).
const device = `"options":{"device":{"appId":"test-abcde","platform":"Linux","platformVersion":"?","sdk":"Realm Cpp","sdkVersion":"2.2.0","cpuArch":"x86_64","deviceName":"","deviceVersion":"","frameworkName":"Realm Cpp","frameworkVersion":"","coreVersion":"14.11.0","bundleId":""}}`

// password of every account that a test doesn't give another.
const password = "p4ssw0rd-of-a-test"

// login is the answer of a login.
type login struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	UserID       string `json:"user_id"`
	DeviceID     string `json:"device_id"`
}

// profile is the answer of the profile route.
type profile struct {
	UserID     string `json:"user_id"`
	DomainID   string `json:"domain_id"`
	Type       string `json:"type"`
	Identities []struct {
		ID           string `json:"id"`
		ProviderType string `json:"provider_type"`
		ProviderID   string `json:"provider_id"`
	} `json:"identities"`
	Data json.RawMessage `json:"data"`
}

// apiKey is an API key in an answer.
type apiKey struct {
	ID       string `json:"_id"`
	Key      string `json:"key"`
	Name     string `json:"name"`
	Disabled *bool  `json:"disabled"`
}

// tryLogin sends a login with the body of realm-cpp: the provider, the members, the device.
func (f *fixture) tryLogin(provider, members string) answer {
	f.t.Helper()
	if members != "" {
		members += ","
	}
	return f.call(http.MethodPost, appPath+"auth/providers/"+provider+"/login", "", `{"provider":"`+provider+`",`+members+device+`}`)
}

func (f *fixture) login(provider, members string) login {
	f.t.Helper()
	var l login
	f.tryLogin(provider, members).into(200, &l)
	return l
}

func (f *fixture) anonymous() login {
	f.t.Helper()
	return f.login("anon-user", "")
}

func userpassMembers(email, password string) string {
	return `"username":"` + email + `","password":"` + password + `"`
}

func (f *fixture) register(email string) {
	f.t.Helper()
	f.call(http.MethodPost, userpassPath+"register", "", `{"email":"`+email+`","password":"`+f.secret(password)+`"}`).is(201, "{}")
}

// named registers an e-mail user and logs it in.
func (f *fixture) named(email string) login {
	f.t.Helper()
	f.register(email)
	return f.login("local-userpass", userpassMembers(email, password))
}

func (f *fixture) link(token, provider, members string) answer {
	f.t.Helper()
	return f.call(http.MethodPost, appPath+"auth/providers/"+provider+"/login?link=true", token, `{"provider":"`+provider+`",`+members+`,`+device+`}`)
}

func (f *fixture) profile(token string) profile {
	f.t.Helper()
	var p profile
	f.call(http.MethodGet, prefix+"auth/profile", token, "").into(200, &p)
	return p
}

// customJWT signs as the upstream suites do: HS256, and the standard alphabet without padding (app-services 4.4).
func (f *fixture) customJWT(header, claims, secret string) string {
	f.t.Helper()
	b64 := base64.RawStdEncoding
	text := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(claims))
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(secret))
	require.NoError(f.t, err)
	return f.secret(text + "." + b64.EncodeToString(signature))
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

// subject is a custom JWT that is good for an hour.
func (f *fixture) subject(name string) string {
	f.t.Helper()
	return f.customJWT(hs256, f.claims(testApp, name, time.Hour), jwtSecret)
}

func (f *fixture) claims(audience, subject string, life time.Duration) string {
	return fmt.Sprintf(`{"aud":%q,"sub":%q,"exp":%d,"user_data":{"name":"Foo Bar??>>","occupation":"firefighter"},"my_metadata":{"name":"Bar Foo"}}`,
		audience, subject, f.clock.Now().Add(life).Unix())
}

// claimsOf reads the middle of a token.
func claimsOf(f *fixture, token string) map[string]json.RawMessage {
	f.t.Helper()
	parsed, parts, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	require.NoError(f.t, err)
	require.NotNil(f.t, parsed)
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(f.t, err)
	var claims map[string]json.RawMessage
	require.NoError(f.t, json.Unmarshal(text, &claims))
	return claims
}

func (f *fixture) createKey(token, name string) apiKey {
	f.t.Helper()
	var k apiKey
	f.call(http.MethodPost, prefix+"auth/api_keys", token, `{"name":"`+name+`"}`).into(201, &k)
	return k
}
