package app

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/outbound"
)

func httpTransport(t *testing.T, opt HTTPOptions) *HTTPTransport {
	t.Helper()
	tr, err := NewHTTPTransport(opt)
	require.NoError(t, err)
	return tr
}

func request(url string) *Request {
	return &Request{Method: "POST", URL: url, Header: map[string]string{"X-A": "1"}, Body: []byte("hello"), Timeout: time.Minute, MaxBody: 20000}
}

func TestHTTPTransport(t *testing.T) {
	var got *http.Request
	var body string
	reply := strings.Repeat("x", 15000) // longer than the original's stack can read
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		b, _ := io.ReadAll(r.Body)
		body = string(b)
		w.Header().Set("X-B", "2")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(302)
		io.WriteString(w, reply)
	}))
	defer s.Close()
	tr := httpTransport(t, HTTPOptions{Options: outbound.Options{Headers: map[string]string{"X-A": "0", "X-C": "3"}}})
	defer tr.Close()
	resp, err := tr.Send(bg, request(s.URL))
	require.NoError(t, err)
	require.Equal(t, 302, resp.Status, "redirects are the App's business")
	require.Equal(t, "2", resp.header("X-B"))
	require.Equal(t, reply, string(resp.Body))
	require.Equal(t, "hello", body)
	require.Equal(t, "1", got.Header.Get("X-A"), "the request's own headers win")
	require.Equal(t, "3", got.Header.Get("X-C"))
	require.Equal(t, "Realm C++ SDK", got.Header.Get("User-Agent"))
	require.Empty(t, got.Header.Get("Accept-Encoding"))

	reply = strings.Repeat("x", 20001)
	_, err = tr.Send(bg, request(s.URL))
	require.ErrorContains(t, err, "at most 20000 are accepted")
	_, err = tr.Send(bg, request(":"))
	require.Error(t, err)

	plain := httpTransport(t, HTTPOptions{UserAgent: "mine"})
	defer plain.Close()
	r := request(s.URL)
	r.Body, reply = nil, ""
	_, err = plain.Send(bg, r)
	require.NoError(t, err)
	require.Equal(t, "mine", got.Header.Get("User-Agent"))
	require.Empty(t, body)
}

// Checklist 45: an exchange that breaks off is an error, at whatever point.
func TestAnswersThatBreakOff(t *testing.T) {
	for _, raw := range []string{
		"",
		"HTTP/1.1 200",
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive.",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive.\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 100<<10) + "\r\n\r\n",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, raw)
		}()
		a, err := New(Config{AppID: testApp, BaseURL: "http://" + l.Addr().String(), Dir: t.TempDir()})
		require.NoError(t, err)
		err = a.RegisterEmail(bg, "a@b.c", "secret1")
		require.ErrorIs(t, err, ErrNetwork, "%.40q", raw)
		require.Equal(t, CategoryCustom, asError(t, err).Category())
		a.Close()
		l.Close()
		<-done
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	s.Config.ErrorLog = nil
	s.StartTLS()
	defer s.Close()
	tr := httpTransport(t, HTTPOptions{})
	defer tr.Close()
	_, err := tr.Send(bg, request(s.URL))
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)

	trust := filepath.Join(t.TempDir(), "trust.pem")
	require.NoError(t, os.WriteFile(trust, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	trusting := httpTransport(t, HTTPOptions{Options: outbound.Options{TrustFile: trust}})
	defer trusting.Close()
	resp, err := trusting.Send(bg, request(s.URL))
	require.NoError(t, err)
	require.Equal(t, 200, resp.Status)
	_, err = tr.Send(bg, request("http"+s.URL[5:]))
	_, tlsErr := trusting.Send(bg, request("https://"+plainListener(t)))
	require.NoError(t, err, "the server itself answers 400 to plain HTTP")
	require.Error(t, tlsErr, "TLS to a server that speaks none")
}

func plainListener(t *testing.T) string {
	s := httptest.NewServer(nil)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestConfigErrors(t *testing.T) {
	dir := t.TempDir()
	for name, cfg := range map[string]Config{
		"no id":        {},
		"long id":      {AppID: strings.Repeat("x", 257)},
		"no scheme":    {AppID: "a", BaseURL: "localhost:9090"},
		"no host":      {AppID: "a", BaseURL: "http://"},
		"ws":           {AppID: "a", BaseURL: "ws://h"},
		"query":        {AppID: "a", BaseURL: "http://h?x=y"},
		"fragment":     {AppID: "a", BaseURL: "http://h/#"},
		"user":         {AppID: "a", BaseURL: "http://user:hush@h"},
		"broken":       {AppID: "a", BaseURL: "http://user:hush@h:port\x7f"},
		"short key":    {AppID: "a", MetadataKey: make([]byte, 32)},
		"timeout":      {AppID: "a", DefaultTimeout: -1},
		"header name":  {AppID: "a", Headers: map[string]string{"a b": "x"}},
		"header value": {AppID: "a", Headers: map[string]string{"a": "x\r\nb: c"}},
	} {
		cfg.Dir = dir
		_, err := New(cfg)
		require.ErrorIs(t, err, ErrConfig, name)
		require.NotContains(t, err.Error(), "hush", name)
	}
	t.Chdir(dir)
	a, err := New(Config{AppID: "a/..", BaseURL: "HTTP://h/base//"})
	require.NoError(t, err)
	defer a.Close()
	require.Equal(t, "http://h/base", a.BaseURL())
	require.DirExists(t, dir+"/mongodb-realm/a%2F..")
	require.Equal(t, "a/..", a.ID())
	require.Contains(t, fmt.Sprint((&Error{Op: "x", Code: CodeAuthError, Message: "m", Status: 401, LogsURL: "l"})), "app: x: AuthError (HTTP 401): m, logs: l")
}
