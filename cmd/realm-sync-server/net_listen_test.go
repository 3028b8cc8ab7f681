package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// launchAll starts a server whose first lines name so many addresses, and returns them as URLs, in order: public, administration, metrics.
func launchAll(t *testing.T, addresses int, args ...string) (p *process, urls []string) {
	t.Helper()
	cmd, log := command(append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--dev"}, args...)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p = &process{t: t, cmd: cmd, stderr: log}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = p.wait()
	})
	lines := bufio.NewReader(out)
	for range addresses {
		line, err := lines.ReadString('\n')
		require.NoError(t, err, "%s", log)
		urls = append(urls, strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]))
	}
	p.base = urls[0]
	return p, urls
}

func tcp(t *testing.T, url string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", url[strings.LastIndexByte(url, '/')+1:])
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

// rest is all that the server sends until it closes the connection, which it must.
func rest(t *testing.T, c net.Conn, what string) string {
	t.Helper()
	b, err := io.ReadAll(c)
	var timeout net.Error
	require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "%s: the connection stays open", what)
	return string(b)
}

// The public address, that of administrators and that of metrics have one guard: TLS, and limits on headers and on times.
func TestEveryAddressIsGuarded(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t, t.TempDir(), 7)
	p, urls := launchAll(t, 3, "--tls-cert", cert, "--tls-key", key, "--admin-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--header-timeout", "2s", "--request-timeout", "2500ms")
	trusting := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // self-signed
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting, DisableKeepAlives: true}, Timeout: patience}
	for _, url := range urls {
		require.True(t, strings.HasPrefix(url, "https://127.0.0.1:"), url)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", nil)
		require.NoError(t, err)
		response, err := client.Do(r)
		require.NoError(t, err, url)
		require.NoError(t, response.Body.Close())
		require.Equal(t, 200, response.StatusCode, url)
		require.EqualValues(t, 7, response.TLS.PeerCertificates[0].SerialNumber.Int64(), url)

		_, err = tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}) //nolint:gosec // that it is refused
		require.Error(t, err, url)

		plain := tcp(t, url)
		_, err = io.WriteString(plain, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		require.Contains(t, rest(t, plain, url), "400 Bad Request")

		garbage := tcp(t, url)
		_, err = garbage.Write([]byte(strings.Repeat("\xff\x00\x80", 100)))
		require.NoError(t, err)
		require.NotContains(t, rest(t, garbage, "garbage to "+url), "200")

		silent, begun := tcp(t, url), tcp(t, url)
		_, err = begun.Write([]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"))
		require.NoError(t, err)
		slow := tls.Client(tcp(t, url), trusting)
		_, err = io.WriteString(slow, "GET /healthz HTTP/1.1\r\nHost: x\r\n")
		require.NoError(t, err)
		body := tls.Client(tcp(t, url), trusting)
		_, err = io.WriteString(body, "POST /api/client/v2.0/app/x/auth/providers/anon-user/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
		require.NoError(t, err)
		require.Empty(t, rest(t, silent, "a handshake that doesn't begin at "+url))
		require.NotContains(t, rest(t, begun, "a handshake that stops at "+url), "HTTP")
		require.NotContains(t, rest(t, slow, "a header that stops at "+url), "200 OK")
		require.NotContains(t, rest(t, body, "a body that stops at "+url), "200 OK")

		long := tls.Client(tcp(t, url), trusting)
		_, _ = io.WriteString(long, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: "+strings.Repeat("a", 100_000)+"\r\n\r\n") // it may be cut off before the end
		require.Contains(t, rest(t, long, url), "431 ")
	}
	p.stop()
}

// A flood of connections is closed at once, beyond the limit of one address; administrators and metrics have places of their own, and who leaves makes
// room.
func TestConnectionFlood(t *testing.T) {
	t.Parallel()
	const limit = 6
	p, urls := launchAll(t, 3, "--max-connections-per-address", "6", "--admin-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--header-timeout", "60s")
	var held []net.Conn
	for range limit {
		held = append(held, tcp(t, urls[0]))
	}
	for range 20 {
		require.Empty(t, rest(t, tcp(t, urls[0]), "one too many"))
	}
	for _, url := range urls[1:] {
		p.base = url
		status, _ := p.request(http.MethodGet, "/readyz", "")
		require.Equal(t, 200, status, url)
	}
	p.base = urls[0]
	require.NoError(t, held[0].Close())
	require.Eventually(t, func() bool {
		c := tcp(t, urls[0])
		defer c.Close()
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		b, _ := io.ReadAll(c)
		return strings.HasPrefix(string(b), "HTTP/1.1 200 ")
	}, patience, 10*time.Millisecond)
	for _, c := range held { // net/http waits five seconds for those that have said nothing
		_ = c.Close()
	}
	p.stop()
}

// SIGTERM ends the process in order and in time, though clients hang wherever they can.
func TestStopWhileClientsHang(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t, t.TempDir(), 7)
	p, urls := launchAll(t, 3, "--tls-cert", cert, "--tls-key", key, "--admin-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--drain-timeout", "300ms")
	trusting := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // self-signed
	for _, url := range urls {
		begun := tcp(t, url)
		_, err := begun.Write([]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"))
		require.NoError(t, err)
		for _, text := range []string{"", "GET / HTTP/1.1\r\n", "POST /api/client/v2.0/app/x/auth/providers/anon-user/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"} {
			c := tls.Client(tcp(t, url), trusting)
			require.NoError(t, c.Handshake())
			_, err = io.WriteString(c, text)
			require.NoError(t, err)
		}
	}
	ended := make(chan error, 1)
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	go func() { ended <- p.wait() }()
	select {
	case err := <-ended:
		require.NoError(t, err, "%s", p.stderr)
	case <-time.After(patience):
		require.FailNow(t, "the process does not end", "%s", p.stderr)
	}
	require.Contains(t, p.stderr.String(), "stopped")
}
