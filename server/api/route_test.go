package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnknownPaths(t *testing.T) {
	f := open(t, nil)
	for _, path := range []string{
		"/", "/index.html", "/api", "/api/client/v2.0", prefix, prefix + "app", prefix + "app/", prefix + "app//location", appPath, appPath + "location/",
		appPath + "location/x", "/" + appPath + "location", prefix + "app/a/b/location", prefix + "app/a%2Fb/location", "/api/client/v1.0/app/a/location",
		appPath + "auth/providers//login", appPath + "auth/providers/anon-user/logout", prefix + "auth", prefix + "auth/profile/", prefix + "auth/api_keys/",
		prefix + "auth/api_keys/x/rename", "/api/client/v2.0/../v2.0/auth/profile", prefix + "auth/./profile", "/healthz/", "/metrics/x", "/healthz%2F",
		"/api/admin/v3.0/auth/providers/local-userpass/login", "/api/private/v1.0/version", prefix + strings.Repeat("x/", 3000), prefix + "AUTH/profile",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			f.call(method, path, "", "").refused(404, "there is nothing at this path", "")
		}
	}
	apps, err := f.auth.Apps(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 1, "a wrong path creates no app")
}

// Whoever opens the link of an error is told where the lines are.
func TestLinkOfAnError(t *testing.T) {
	f := open(t, nil)
	var e struct{ Link string }
	require.NoError(t, json.Unmarshal([]byte(f.tryLogin("local-userpass", userpassMembers("nobody@b.c", password)).body), &e))
	path, query, _ := strings.Cut(strings.TrimPrefix(e.Link, f.base), "?")
	require.Regexp(t, "^co_id=[0-9a-f]{24}$", query)
	f.call(http.MethodGet, path+"?"+query, "", "").refused(404, "log lines are shown to administrators only: ask the admin API for /api/admin/v3.0"+path+" with the same co_id and an access token", "")
	f.call(http.MethodGet, path+"x", "", "").refused(404, "there is nothing at this path", "")
}

// Every pattern answers each method that it doesn't take with those that it takes, and creates no app.
func TestWrongMethods(t *testing.T) {
	f := open(t, nil)
	fill := strings.NewReplacer(":app", "other", ":provider", "local-userpass", ":service", "gcm", ":key", "636aba021728b6c1c03db83f")
	taken := map[string][]string{}
	for _, r := range routes {
		taken[r.pattern] = append(taken[r.pattern], r.method)
	}
	for pattern, methods := range taken {
		allow := strings.Join(methods, ", ")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"} {
			if slices.Contains(methods, method) {
				continue
			}
			a := f.call(method, prefix+fill.Replace(pattern), "", "")
			require.Equal(t, 405, a.status, "%s %s", method, pattern)
			require.Equal(t, allow, a.header.Get("Allow"), "%s %s", method, pattern)
			require.Equal(t, "application/json", a.header.Get("Content-Type"))
			if method != "HEAD" {
				a.refused(405, "this path takes "+allow, "")
			}
		}
	}
	apps, err := f.auth.Apps(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 1)
}

func TestTargets(t *testing.T) {
	f := open(t, nil)
	want := locationBody(f.base, "ws://"+f.addr)
	get := request{method: http.MethodGet, path: appPath + "location"}
	for _, target := range []string{
		get.path, f.base + get.path, "http://localhost:9090" + get.path, "https://elsewhere.example" + get.path, get.path + "?x=1", get.path + "?%zz", get.path + "?",
	} {
		q := get
		q.target = target
		f.do(q).is(200, want)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "elsewhere.example", "x:1", "[::1]"} {
		q := get
		q.host = host
		f.do(q).is(200, want)
	}
	f.do(request{method: http.MethodOptions, path: "/", target: "*"}).refused(404, "there is nothing at this path", "")
	f.do(request{method: http.MethodConnect, path: "/", target: "example.com:443"}).refused(404, "there is nothing at this path", "")
}

// What net/http refuses by itself is answered too, and with a status that clients can read.
func TestMalformedRequests(t *testing.T) {
	f := open(t, nil)
	for text, status := range map[string]int{
		"nonsense\r\n\r\n": 400,
		"GET " + appPath + "location HTTP/1.1\r\n\r\n":                                                                             400, // no Host
		"GET " + appPath + "location HTTP/9.1\r\nHost: x\r\n\r\n":                                                                  505,
		"GET " + appPath + "location HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", MaxHeader+8192) + "\r\n\r\n":                431,
		"POST " + sessionPath + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n":                                          501,
		"POST " + sessionPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}":                         400,
		"GET " + appPath + "%zz/location HTTP/1.1\r\nHost: x\r\n\r\n":                                                              400,
		"GET " + appPath + "location HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\rb\r\n\r\n":                                    400,
		"GET http://[::1" + appPath + "location HTTP/1.1\r\nHost: x\r\n\r\n":                                                       400,
		"POST " + appPath + "auth/providers/anon-user/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n": 400,
	} {
		a := f.rawOpen(text)
		require.Equal(t, status, a.status, "%.80q", text)
	}
	f.call(http.MethodGet, appPath+"location", "", "").into(200, &struct{}{})
}
