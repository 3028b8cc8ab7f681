package outbound

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxy is an HTTP proxy that knows CONNECT only.
type proxy struct {
	*Proxy
	mu    sync.Mutex
	asked []string
}

// newProxy starts a proxy that answers with a text and, if the text says 200, tunnels to target whatever was asked for.
func newProxy(t *testing.T, target, answer string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{Proxy: &Proxy{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}}
	var group sync.WaitGroup
	t.Cleanup(func() { l.Close(); group.Wait() })
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { p.serve(c, target, answer) })
		}
	})
	return p
}

func (p *proxy) serve(c net.Conn, target, answer string) {
	defer c.Close()
	r := bufio.NewReader(c)
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, req.Method+" "+req.RequestURI+" "+req.Header.Get("Proxy-Authorization"))
	p.mu.Unlock()
	_, _ = io.WriteString(c, answer)
	if !strings.Contains(answer, "200") {
		return
	}
	to, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer to.Close()
	go func() { _, _ = io.Copy(to, r); to.Close() }()
	_, _ = io.Copy(c, to)
}

func get(o Options, address string) (string, error) {
	t, err := o.Transport()
	if err != nil {
		return "", err
	}
	defer t.CloseIdleConnections()
	resp, err := (&http.Client{Transport: t, Timeout: time.Minute}).Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func servers(t *testing.T) (plain, secure *httptest.Server, trust string) {
	t.Helper()
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello ", r.Host) })
	plain, secure = httptest.NewServer(hello), httptest.NewUnstartedServer(hello)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	trust = filepath.Join(t.TempDir(), "trust.pem")
	require.NoError(t, os.WriteFile(trust, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600))
	return plain, secure, trust
}

func TestProxy(t *testing.T) {
	plain, secure, trust := servers(t)
	for _, s := range []*httptest.Server{plain, secure} {
		target := s.Listener.Addr().String()
		scheme, _, _ := strings.Cut(s.URL, ":")
		p := newProxy(t, target, "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n")
		p.Credentials = url.UserPassword("user", "pw")
		body, err := get(Options{Proxy: p.Proxy, TrustFile: trust}, scheme+"://example.com:81/x")
		require.NoError(t, err)
		require.Equal(t, "hello example.com:81", body)
		require.Equal(t, []string{"CONNECT example.com:81 Basic dXNlcjpwdw=="}, p.asked)
	}
	// What is no proxy, or refuses.
	for _, answer := range []string{"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "",
		"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 100)} {
		_, err := get(Options{Proxy: newProxy(t, "127.0.0.1:1", answer).Proxy}, plain.URL)
		require.ErrorContains(t, err, "the proxy")
	}
	for _, bad := range []Proxy{{Host: "", Port: 1}, {Host: "h", Port: 0}, {Host: "h", Port: 65536}, {Host: "h\r\n", Port: 1}} {
		_, err := Options{Proxy: &bad}.Transport()
		require.Error(t, err)
	}
	// A proxy that says nothing is given up with the context.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{Proxy: &Proxy{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}}
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			cancel()
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	_, err = o.dial(ctx, "tcp", "h:1")
	require.Error(t, err)
}

func TestTrust(t *testing.T) {
	_, secure, trust := servers(t)
	_, err := get(Options{}, secure.URL)
	require.ErrorAs(t, err, new(x509.UnknownAuthorityError))
	for _, o := range []Options{{TrustFile: trust}, {SkipVerify: true}, {SkipVerify: true, Verify: func(Certificate) bool { return false }}} {
		_, err := get(o, secure.URL)
		require.NoError(t, err)
	}
	_, err = Options{TrustFile: filepath.Join(t.TempDir(), "nothing")}.Transport()
	require.Error(t, err)
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte("no PEM"), 0o600))
	_, err = Options{TrustFile: empty}.Transport()
	require.Error(t, err)
}

func TestVerify(t *testing.T) {
	_, secure, trust := servers(t)
	_, service, err := net.SplitHostPort(secure.Listener.Addr().String())
	require.NoError(t, err)
	port, err := strconv.Atoi(service)
	require.NoError(t, err)
	for _, c := range []struct {
		name          string
		trust         string
		accept, valid bool
	}{{"trusted", trust, true, true}, {"trusted, refused", trust, false, true}, {"unknown, accepted", "", true, false}, {"unknown, refused", "", false, false}} {
		t.Run(c.name, func(t *testing.T) {
			var seen []Certificate
			_, err := get(Options{TrustFile: c.trust, Verify: func(got Certificate) bool { seen = append(seen, got); return c.accept }}, secure.URL)
			require.Equal(t, c.accept, err == nil)
			require.NotEmpty(t, seen)
			last := seen[len(seen)-1]
			require.Equal(t, "127.0.0.1", last.Host)
			require.Equal(t, port, last.Port)
			require.Equal(t, c.valid, last.Valid)
			require.Contains(t, string(last.PEM), "BEGIN CERTIFICATE")
			if c.accept {
				require.Zero(t, last.Depth)
			} else {
				require.ErrorIs(t, err, errRefused)
			}
		})
	}
}
