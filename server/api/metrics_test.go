package api

import (
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetrics(t *testing.T) {
	f := open(t, production)
	f.direct(http.MethodGet, appPath+"location", "", "")
	f.direct(http.MethodGet, appPath+"location", "", "")
	f.direct(http.MethodGet, prefix+"app/NA/location", "", "")
	f.direct(http.MethodPost, loginPath, "", "x")
	f.direct(http.MethodGet, "/healthz", "", "")
	f.direct("BREW", appPath+"location", "", "")
	f.direct(http.MethodGet, appPath+"realm-sync?baas_at=x", "", "")
	a := f.call(http.MethodGet, "/metrics", "", "")
	require.Equal(t, 200, a.status)
	require.Contains(t, a.header.Get("Content-Type"), "text/plain; version=0.0.4")
	for _, line := range []string{
		`realm_http_requests_total{method="GET",route="app/:app/location",status="200"} 2`,
		`realm_http_requests_total{method="GET",route="app/:app/location",status="404"} 1`,
		`realm_http_requests_total{method="POST",route="app/:app/auth/providers/:provider/login",status="400"} 1`,
		`realm_http_requests_total{method="GET",route="healthz",status="200"} 1`,
		`realm_http_requests_total{method="other",route="other",status="405"} 1`,
		`realm_http_requests_total{method="GET",route="app/:app/realm-sync",status="503"} 1`,
		`realm_http_request_seconds_count{route="app/:app/location"} 3`,
		`realm_http_request_seconds_bucket{route="app/:app/location",le="+Inf"} 3`,
	} {
		require.Contains(t, a.body, line+"\n")
	}
	require.Equal(t, 200, f.call(http.MethodHead, "/metrics", "", "").status)
}

// Strangers choose paths, methods, apps and providers; they must not choose labels.
func TestLabelsAreBounded(t *testing.T) {
	f := open(t, production)
	for i := range 200 {
		n := strconv.Itoa(i)
		f.direct("M"+n, "/"+n, "", "")
		f.direct("M"+n, appPath+"location", "", "")
		f.direct(http.MethodGet, "/"+n, "", "")
		f.direct(http.MethodGet, prefix+"app/"+n+"/location", "", "")
		f.direct(http.MethodPost, appPath+"auth/providers/p"+n+"/login", "", "{}")
		f.direct(http.MethodPut, appPath+"push/providers/s"+n+"/registration", "", "{}")
		f.direct(http.MethodGet, keysPath+"/"+n, "", "")
	}
	known := []string{"other", "healthz", "metrics"}
	for _, r := range routes {
		known = append(known, r.pattern)
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "DELETE", "other"}
	families, err := f.registry.Gather()
	require.NoError(t, err)
	var names []string
	for _, family := range families {
		names = append(names, family.GetName())
		require.LessOrEqual(t, len(family.GetMetric()), 12, family.GetName())
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				switch label.GetName() {
				case "route":
					require.Contains(t, known, label.GetValue())
				case "method":
					require.Contains(t, methods, label.GetValue())
				case "status":
					require.Regexp(t, `^[1-5]\d\d$`, label.GetValue())
				default:
					t.Errorf("unknown label %s", label.GetName())
				}
			}
		}
	}
	slices.Sort(names)
	require.Equal(t, []string{"realm_http_held_bytes", "realm_http_request_seconds", "realm_http_requests_total"}, names)
}
