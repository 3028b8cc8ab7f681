package egress

import (
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server, roots
}

func TestGet(t *testing.T) {
	server, roots := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			_, _ = w.Write(make([]byte, MaxBody+1))
		case "/most":
			_, _ = w.Write(make([]byte, MaxBody))
		case "/here":
			http.Redirect(w, r, "/most", http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		case "/plain":
			http.Redirect(w, r, "http://93.184.216.34/", http.StatusFound)
		case "/slow":
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // what is answered now could still arrive: the client says that it closes before it does
		default:
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte(r.Header.Get("Accept")))
		}
	})
	c := New(roots, 0)
	a, err := c.Get(t.Context(), server.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusTeapot, a.Status)
	require.Equal(t, "application/json", string(a.Body))
	a, err = c.Get(t.Context(), server.URL+"/most")
	require.NoError(t, err)
	require.Len(t, a.Body, MaxBody)
	_, err = c.Get(t.Context(), server.URL+"/large")
	require.ErrorContains(t, err, "has more than")
	_, err = c.Get(t.Context(), server.URL+"/here?secret=x")
	require.ErrorIs(t, err, ErrPrivate, "the address of this machine may be configured, and not be redirected to")
	require.NotContains(t, err.Error(), "secret")
	for _, path := range []string{"/nowhere", "/plain"} {
		_, err = c.Get(t.Context(), server.URL+path)
		require.Error(t, err)
	}
	_, err = New(roots, 50*time.Millisecond).Get(t.Context(), server.URL+"/slow?secret=x")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
	_, err = New(nil, 0).Get(t.Context(), server.URL)
	require.ErrorContains(t, err, "certificate", "who is at the other end is checked")
	for _, bad := range []string{"", "x", strings.Replace(server.URL, "https", "http", 1), "https://", "https://user:pw@127.0.0.1/", "file:///etc/passwd", "https://%zz"} {
		_, err := c.Get(t.Context(), bad)
		require.ErrorContains(t, err, "must be https", bad)
	}
}

func TestPostForm(t *testing.T) {
	server, roots := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "https://example.com/", http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, r.PostFormValue("code")+r.Header.Get("Content-Type"))
	})
	c := New(roots, 0)
	a, err := c.PostForm(t.Context(), server.URL, url.Values{"code": {"x&y"}})
	require.NoError(t, err)
	require.Equal(t, "x&yapplication/x-www-form-urlencoded", string(a.Body))
	_, err = c.PostForm(t.Context(), server.URL+"/away", url.Values{"code": {"x"}})
	require.ErrorContains(t, err, "redirected")
}

func TestPublic(t *testing.T) {
	for text, public := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1:248:1893:25c8:1946": true, "8.8.8.8": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false,
		"224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "240.0.0.1": false, "::1": false, "::": false, "fe80::1": false, "fd00::1": false,
		"ff02::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "::7f00:1": false,
	} {
		require.Equal(t, public, Public(netip.MustParseAddr(text)), text)
	}
}
