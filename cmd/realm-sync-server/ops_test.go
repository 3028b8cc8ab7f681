package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// Flags go before the environment, which goes before the file; what is no setting is refused.
func TestConfigCheck(t *testing.T) {
	path := write(t, "data: /from/file\nlisten: [\"127.0.0.1:1\", \"127.0.0.1:2\"]\nmax-offline-days: 7\n")
	out, log, err := ran(t, "config", "check", "--config", path)
	require.NoError(t, err, log)
	require.Contains(t, out, "data /from/file, listen 127.0.0.1:1 127.0.0.1:2")
	t.Setenv("REALM_SYNC_DATA", "/from/environment")
	out, log, err = ran(t, "config", "check", "--config", path)
	require.NoError(t, err, log)
	require.Contains(t, out, "data /from/environment, listen 127.0.0.1:1")
	out, log, err = ran(t, "config", "check", "--config", path, "--data", "/from/flag")
	require.NoError(t, err, log)
	require.Contains(t, out, "data /from/flag")
	for text, says := range map[string]string{
		"datta: x\n":               `unknown key "datta"`,
		"data: {a: 1}\n":           `unknown key "data.a"`,
		"data: [\n":                "server.yaml",
		"max-offline-days: many\n": "max-offline-days",
		"max-offline-days: 0\n":    "at least 1",
		"log-level: loud\n":        "log-level",
		"tls-cert: /nowhere\n":     "go together",
	} {
		_, log, err := ran(t, "config", "check", "--config", write(t, text))
		require.Error(t, err, text)
		require.Contains(t, log, says, text)
	}
	_, log, err = ran(t, "config", "check", "--config", "/nowhere.yaml")
	require.Error(t, err)
	require.Contains(t, log, "no such configuration file")
}

// What is wrong with a value says where it is from; a variable that looks like a setting and is none is said.
func TestWhereAValueIsFrom(t *testing.T) {
	path := write(t, "max-connections: lots\n")
	for _, args := range [][]string{{"--config", path}, {"--config=" + path}} {
		_, log, err := ran(t, append([]string{"config", "check"}, args...)...)
		require.Error(t, err)
		require.Contains(t, log, `got "lots" (in `+path+")")
	}
	t.Setenv("REALM_SYNC_MAX_CONNECTIONS", "many")
	_, log, err := ran(t, "config", "check", "--config", path)
	require.Error(t, err)
	require.Contains(t, log, `got "many" (in the environment: REALM_SYNC_MAX_CONNECTIONS)`)
	_, log, err = ran(t, "config", "check", "--max-connections", "few")
	require.Error(t, err)
	require.Contains(t, log, "got \"few\"\n")
	t.Setenv("REALM_SYNC_MAX_CONNECTIONS", "7")
	t.Setenv("REALM_SYNC_API_KEY", "of another command")
	t.Setenv("REALM_SYNC_CUSTOM_JWT_SECRET", "")
	_, log, err = ran(t, "config", "check")
	require.NoError(t, err)
	require.Empty(t, log)
	t.Setenv("REALM_SYNC_LISTN", "127.0.0.1:1")
	_, log, err = ran(t, "config", "check")
	require.NoError(t, err, "others put such names there too")
	require.Contains(t, log, "REALM_SYNC_LISTN looks like a setting")
	p := serve(t, t.TempDir())
	p.stop()
	require.Contains(t, p.stderr.String(), "it does nothing\" name=REALM_SYNC_LISTN")
}

// selfSigned makes a certificate with a serial number.
func selfSigned(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &secret.PublicKey, secret)
	require.NoError(t, err)
	raw, err := x509.MarshalECPrivateKey(secret)
	require.NoError(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}), 0o600))
	return cert, key
}

// A certificate that changed is used by the next handshake that looks, and at once when told; a bad one isn't.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	certPath, keyPath := selfSigned(t, dir, 1)
	c, err := openCertificate(certPath, keyPath)
	require.NoError(t, err)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := c.listener(plain)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).Handshake()
			_ = conn.Close()
		}
	}()
	serial := func() int64 {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // its own
		require.NoError(t, err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	require.EqualValues(t, 1, serial())
	selfSigned(t, dir, 2222222222)
	c.mu.Lock()
	c.looked = time.Time{}
	c.mu.Unlock()
	require.EqualValues(t, 2222222222, serial(), "seen at a handshake")
	selfSigned(t, dir, 3)
	stop := c.follow()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	require.Eventually(t, func() bool { return serial() == 3 }, patience, 10*time.Millisecond)
	stop()
	require.NoError(t, os.WriteFile(certPath, []byte("no certificate"), 0o600))
	c.reload(true)
	require.EqualValues(t, 3, serial(), "the last good one stays")
	require.NoError(t, l.Close())
	<-done
}

// Connections beyond the limits are closed; one that ends makes room.
func TestConnectionLimits(t *testing.T) {
	l := newConnLimits(3, 2)
	a, b := who(&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}), who(&net.TCPAddr{IP: net.ParseIP("2001:db8::1")})
	require.Equal(t, b, who(&net.TCPAddr{IP: net.ParseIP("2001:db8::ffff:1")}))
	require.True(t, l.enter(a))
	require.True(t, l.enter(a))
	require.False(t, l.enter(a), "of one address")
	require.True(t, l.enter(b))
	require.False(t, l.enter(b), "in total")
	l.leave(a)
	require.True(t, l.enter(b))
	l.leave(a)
	l.leave(b)
	l.leave(b)
	require.Empty(t, l.byWho)
	require.Zero(t, l.open)
}

// Probes, and metrics on an address of their own and nowhere else.
func TestMetricsListen(t *testing.T) {
	t.Parallel()
	p, urls := launchAll(t, 2, "--metrics-listen", "127.0.0.1:0")
	status, _ := p.request("GET", "/readyz", "")
	require.Equal(t, 200, status)
	status, _ = p.request("GET", "/metrics", "")
	require.Equal(t, 404, status)
	p.base = urls[1]
	status, body := p.request("GET", "/metrics", "")
	require.Equal(t, 200, status)
	require.Contains(t, string(body), "realm_sync_versions_trimmed_total")
	status, _ = p.request("GET", "/api/client/v2.0/app/x/location", "")
	require.Equal(t, 404, status)
	p.stop()
}
