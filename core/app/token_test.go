package app

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseToken(t *testing.T) {
	enc := func(s string) string { return "h." + base64.RawURLEncoding.EncodeToString([]byte(s)) + ".s" }
	payload := `{"exp":5,"iat":-4,"user_data":{ "a" : "ÿ?>~~" }}`
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		c, err := parseToken("h." + e.EncodeToString([]byte(payload)) + ".s")
		require.NoError(t, err)
		require.Equal(t, claims{5, -4, json.RawMessage(`{"a":"ÿ?>~~"}`)}, c)
	}
	for token, want := range map[string]claims{
		enc(`{"exp":{"$numberLong":"9223372036854775807"},"iat":0}`): {expires: 1<<63 - 1},
		enc(`{"exp":1,"iat":2,"user_data":null}`):                    {expires: 1, issued: 2},
		enc(` {"x":[],"exp":1,"iat":2} `):                            {expires: 1, issued: 2},
	} {
		c, err := parseToken(token)
		require.NoError(t, err, token)
		require.Equal(t, want, c)
	}
	good := enc(`{"exp":1,"iat":2}`)
	for name, token := range map[string]string{
		"empty": "", "two parts": "a.b", "four parts": good + ".x", "no head": good[1:], "no signature": strings.TrimSuffix(good, "s"),
		"not base64": "h.!!!.s", "not JSON": enc(`x`), "array": enc(`[]`), "null": enc(`null`), "empty payload": "h..s",
		"no exp": enc(`{"iat":1}`), "no iat": enc(`{"exp":1}`), "float": enc(`{"exp":1.5,"iat":1}`), "exponent": enc(`{"exp":1e3,"iat":1}`),
		"string": enc(`{"exp":"1","iat":1}`), "null exp": enc(`{"exp":null,"iat":1}`), "too large": enc(`{"exp":9223372036854775808,"iat":1}`),
		"numberInt": enc(`{"exp":{"$numberInt":"1"},"iat":1}`), "long twice": enc(`{"exp":{"$numberLong":"1","x":"2"},"iat":1}`),
		"user_data": enc(`{"exp":1,"iat":1,"user_data":[]}`), "line break": good + "\n", "space": "h " + good, "not ASCII": "é" + good,
		"too long": good + strings.Repeat("s", maxToken),
	} {
		_, err := parseToken(token)
		require.Error(t, err, name)
		if len(token) > 20 {
			require.NotContains(t, err.Error(), token[2:20], name)
		}
	}
	now := time.Unix(1000, 999)
	require.True(t, claims{expires: 994}.stale(now))
	require.False(t, claims{expires: 995}.stale(now))
}

func FuzzToken(f *testing.F) {
	f.Add(jwt(`{"exp":1,"iat":2,"user_data":{"a":1}}`, "s"))
	f.Add(jwt(`{"exp":{"$numberLong":"1"},"iat":2}`, "s"))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := parseToken(token)
		if err == nil && c.userData != nil && (!json.Valid(c.userData) || c.userData[0] != '{') {
			t.Fatalf("user data %q", c.userData)
		}
		if err == nil && strings.ContainsAny(token, " \r\n\x00") {
			t.Fatalf("accepted %q, which cannot be put into a URL", token)
		}
	})
}

func TestCanonicalJSON(t *testing.T) {
	for in, want := range map[string]string{
		` null `: `null`, `true`: `true`, `"<&>é\u2028"`: `"<&>é\u2028"`,
		`1`: `{"$numberLong":"1"}`, `-9223372036854775808`: `{"$numberLong":"-9223372036854775808"}`,
		`9223372036854775808`: `{"$numberDouble":"9.2233720368547758e+18"}`,
		`3.5`:                 `{"$numberDouble":"3.5"}`, `0.1`: `{"$numberDouble":"0.10000000000000001"}`, `1e21`: `{"$numberDouble":"1e+21"}`,
		`1.0`: `{"$numberDouble":"1"}`, `100.0`: `{"$numberDouble":"100"}`, `1e16`: `{"$numberDouble":"10000000000000000"}`,
		`1e-7`: `{"$numberDouble":"9.9999999999999995e-08"}`, `0.0`: `{"$numberDouble":"0"}`,
		`[ 1 , [] , {} ]`:                              `[{"$numberLong":"1"},[],{}]`,
		`{"b":1,"a":{"$oid":"x"}}`:                     `{"b":{"$numberLong":"1"},"a":{"$oid":"x"}}`,
		`{"$timestamp": {"t":5, "i":6}}`:               `{"$timestamp":{"t":5,"i":6}}`,
		`{"$minKey":1}`:                                `{"$minKey":1}`,
		`{"$date":5}`:                                  `{"$date":{"$numberLong":"5"}}`,
		`{"$date":{"$numberLong":"-5"}}`:               `{"$date":{"$numberLong":"-5"}}`,
		`{"$match":{"a":{"$gt":4}}}`:                   `{"$match":{"a":{"$gt":{"$numberLong":"4"}}}}`,
		`{"x":1,"$date":2}`:                            `{"x":{"$numberLong":"1"},"$date":{"$numberLong":"2"}}`,
		`{"$binary":{"base64":"AQID","subType":"00"}}`: `{"$binary":{"base64":"AQID","subType":"00"}}`,
	} {
		got, err := canonicalJSON([]byte(in))
		require.NoError(t, err, in)
		require.Equal(t, want, string(got), in)
	}
	for _, bad := range []string{``, ` `, `{`, `[1`, `{"a"}`, `{"a":}`, `1 2`, `[] ]`, `1e999`, `{"$date":"2020-01-01T00:00:00Z"}`, `{"$date":1.5}`, `{"a":1,}`, `'x'`,
		strings.Repeat("[", maxJSONDepth+1) + strings.Repeat("]", maxJSONDepth+1)} {
		_, err := canonicalJSON([]byte(bad))
		require.Error(t, err, bad)
	}
	deep := strings.Repeat("[", maxJSONDepth) + strings.Repeat("]", maxJSONDepth)
	got, err := canonicalJSON([]byte(deep))
	require.NoError(t, err)
	require.Equal(t, deep, string(got))
}

// What comes out is JSON, and is its own canonical form.
func FuzzCanonicalJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,null,{"$date":1}]}`, `{"$oid":"x"}`, `[[[]]]`, `"\ud800"`, `{"$numberLong":"1","x":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := canonicalJSON(in)
		if err != nil {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%q gives %q", in, out)
		}
		again, err := canonicalJSON(out)
		if err != nil || string(again) != string(out) {
			t.Fatalf("%q gives %q, which gives %q, %v", in, out, again, err)
		}
	})
}

// Whatever a server answers, the readers of answers don't fail otherwise than with an *Error.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"error":"x","error_code":"AuthError","link":"l"}`), 401)
	f.Add([]byte(`{"hostname":"http://h","ws_hostname":"","sync_route":"wss://x"}`), 200)
	f.Add([]byte(`{"identities":[{"id":"a","provider_type":"b"}],"data":{"name":"x"}}`), 200)
	f.Add([]byte(`{"_id":"a","name":"b","disabled":false,"key":"k"}`), 200)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		check := func(err error) {
			if err != nil {
				asError(t, err)
			}
		}
		if err := responseError("op", &Response{Status: status, Header: map[string]string{"Content-Type": "application/json"}, Body: body}); err != nil {
			_ = err.Error()
		}
		r, err := parseLocation(body, "http://h", "a")
		check(err)
		if err == nil && (!r.verified || checkSyncRoute(r.sync) != nil) {
			t.Fatalf("%q gives %+v", body, r)
		}
		_, err = parseLogin(body)
		check(err)
		_, data, err := parseProfile("op", body)
		check(err)
		if err == nil && !json.Valid(data) {
			t.Fatalf("%q gives profile %q", body, data)
		}
		_, err = parseAPIKey("op", body)
		check(err)
	})
}
