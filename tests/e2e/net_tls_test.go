package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/client"
	"realmsync/core/schema"
	"realmsync/core/session"
)

// authority is a CA of a test's own.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	path string // of its certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a := &authority{t: t, key: key, path: filepath.Join(t.TempDir(), "ca.pem"), cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA of a test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &key.PublicKey, key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(a.path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return a
}

// issue writes a certificate for 127.0.0.1 and its key, each in one step.
func (a *authority) issue(serial int64, certPath, keyPath string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	require.NoError(a.t, err)
	raw, err := x509.MarshalECPrivateKey(key)
	require.NoError(a.t, err)
	for path, block := range map[string]*pem.Block{certPath: {Type: "CERTIFICATE", Bytes: der}, keyPath: {Type: "EC PRIVATE KEY", Bytes: raw}} {
		require.NoError(a.t, os.WriteFile(path+".new", pem.EncodeToMemory(block), 0o600))
		require.NoError(a.t, os.Rename(path+".new", path))
	}
}

// The client of this library syncs over TLS with a certificate of an authority that it is told to trust, and with no other; a renewed certificate is
// used for new connections, and the session that there is goes on.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certPath, keyPath := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ours, theirs := newAuthority(t), newAuthority(t)
	ours.issue(100, certPath, keyPath)
	s := serverOf(t, "--tls-cert", certPath, "--tls-key", keyPath)
	s.tls, s.addr = true, "127.0.0.1:0" // which the certificate names
	s.start()

	items := schema.New(integers("Item", "_id", "value"))
	_, err := openDevice(deviceOptions{url: s.url(), dir: t.TempDir(), schema: items, trust: theirs.path})
	require.ErrorContains(t, err, "certificate")

	d, err := openDevice(deviceOptions{url: s.url(), dir: t.TempDir(), schema: items, trust: ours.path})
	require.NoError(t, err)
	defer d.close()
	require.NoError(t, d.subscribe("Item", "TRUEPREDICATE"))
	write := func(key int64) {
		t.Helper()
		require.NoError(t, d.write(func() error { return d.create("Item", key, key) }))
		require.NoError(t, d.settle())
	}
	write(1)
	var changes atomic.Int64
	token, err := d.session.ObserveConnection(client.ConnectionObserver{Changed: func(_, _ session.ConnectionState) { changes.Add(1) }})
	require.NoError(t, err)
	defer func() { _ = d.session.UnobserveConnection(token) }()

	trust := x509.NewCertPool()
	text, err := os.ReadFile(ours.path)
	require.NoError(t, err)
	require.True(t, trust.AppendCertsFromPEM(text))
	serial := func() int64 {
		conn, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12})
		require.NoError(t, err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	require.EqualValues(t, 100, serial())
	ours.issue(101, certPath, keyPath)
	require.NoError(t, s.program.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return serial() == 101 }, patient, 10*time.Millisecond)
	write(2)
	require.Zero(t, changes.Load(), "the connection has stayed")

	other, err := openDevice(deviceOptions{url: s.url(), dir: t.TempDir(), schema: items, trust: ours.path})
	require.NoError(t, err)
	defer other.close()
	require.NoError(t, other.subscribe("Item", "TRUEPREDICATE"))
	require.NoError(t, other.settle())
	rows, err := other.rows("Item")
	require.NoError(t, err)
	require.Equal(t, [][]int64{{1, 1}, {2, 2}}, rows)
}
