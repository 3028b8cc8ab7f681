package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
)

// maxTrustFile bounds the file of trusted certificates, in bytes.
const maxTrustFile = 16 << 20

// Options say how to connect. The zero value is the system's way, without a proxy: the environment isn't consulted.
type Options struct {
	Headers map[string]string // added to every request that has none of the same name
	Proxy   *Proxy            // nil is none

	// SkipVerify accepts any certificate. Verify is not asked then.
	SkipVerify bool
	// TrustFile is a file of certificates in PEM that are trusted instead of the system's; "" is none. At most 16 MiB.
	TrustFile string
	// Verify has the last word on a server: it is asked for each certificate of the chain, the root first, and all must be accepted. nil leaves
	// it to the rules. It may be called concurrently.
	Verify func(Certificate) bool
}

// Certificate is one of a server's chain.
type Certificate struct {
	Host  string
	Port  int
	PEM   []byte
	Valid bool // the chain is trusted, in date, and for the host
	Depth int  // 0 is the server's own
}

// dial connects to an address, through the proxy if there is one. Every message is sent at once, instead of waiting for more (Nagle).
func (o *Options) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if o.Proxy != nil {
		return o.Proxy.tunnel(ctx, network, address)
	}
	return direct(ctx, network, address)
}

func direct(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
		err = tcp.SetNoDelay(true)
	}
	return conn, err
}

// Transport returns a transport that connects like this, and follows the caller's other wishes from there. Errors: the proxy or the trust
// file can't be used.
func (o Options) Transport() (*http.Transport, error) {
	if o.Proxy != nil {
		if err := o.Proxy.check(); err != nil {
			return nil, err
		}
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.SkipVerify} //nolint:gosec // the application's choice
	if o.TrustFile != "" {
		pool, err := readTrust(o.TrustFile)
		if err != nil {
			return nil, err
		}
		trust.RootCAs = pool
	}
	t := &http.Transport{DialContext: o.dial, TLSClientConfig: trust}
	if o.Verify != nil && !o.SkipVerify {
		t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return o.dialVerified(ctx, network, address, trust)
		}
	}
	return t, nil
}

func readTrust(path string) (*x509.CertPool, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the file of trusted certificates: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTrustFile+1))
	if err != nil {
		return nil, fmt.Errorf("the file of trusted certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if len(text) > maxTrustFile || !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the file of trusted certificates '%s' has none in PEM, or more than %d bytes", path, maxTrustFile)
	}
	return pool, nil
}

// errRefused: Verify said no.
var errRefused = errors.New("the application does not accept the server's certificate")

// dialVerified connects with TLS to a server that Verify is asked about.
func (o *Options) dialVerified(ctx context.Context, network, address string, trust *tls.Config) (net.Conn, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(service)
	if err != nil {
		return nil, err
	}
	raw, err := o.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config := trust.Clone()
	config.ServerName = host
	config.InsecureSkipVerify = true // VerifyConnection does it
	config.VerifyConnection = func(s tls.ConnectionState) error { return o.verify(host, port, trust.RootCAs, s.PeerCertificates) }
	conn := tls.Client(raw, config)
	err = conn.HandshakeContext(ctx)
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.TLSHandshakeDone != nil {
		trace.TLSHandshakeDone(conn.ConnectionState(), err)
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return conn, nil
}

// verify asks Verify, which learns what the rules say.
func (o *Options) verify(host string, port int, roots *x509.CertPool, sent []*x509.Certificate) error {
	if len(sent) == 0 {
		return errRefused
	}
	between := x509.NewCertPool()
	for _, c := range sent[1:] {
		between.AddCert(c)
	}
	chains, err := sent[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between})
	chain := sent
	if err == nil {
		chain = chains[0]
	}
	for depth := len(chain) - 1; depth >= 0; depth-- {
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[depth].Raw})
		if !o.Verify(Certificate{Host: host, Port: port, PEM: text, Valid: err == nil, Depth: depth}) {
			if err != nil {
				return fmt.Errorf("%w: %w", errRefused, err)
			}
			return errRefused
		}
	}
	return nil
}
