package outbound

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxProxyAnswer bounds the head of a proxy's answer, in bytes.
const maxProxyAnswer = 64 << 10

// Proxy is an HTTP proxy. Every connection, also one without TLS, is a tunnel that CONNECT asks for.
type Proxy struct {
	Host string
	Port int
	// Credentials is "Basic" proof, sent with CONNECT; nil is none.
	Credentials *url.Userinfo
}

func (p *Proxy) check() error {
	if p.Host == "" || strings.ContainsAny(p.Host, " \r\n\x00/@") || p.Port < 1 || p.Port > 65535 {
		return fmt.Errorf("the proxy %q, port %d, is no address", p.Host, p.Port)
	}
	return nil
}

// tunnel connects to an address through the proxy.
func (p *Proxy) tunnel(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := direct(ctx, network, net.JoinHostPort(p.Host, strconv.Itoa(p.Port)))
	if err != nil {
		return nil, fmt.Errorf("the proxy: %w", err)
	}
	// What the handshake waits for ends with the context.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	rest, err := p.connect(conn, address)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("the proxy: %w", err)
	}
	return &tunnelConn{conn, rest}, nil
}

// connect asks for the tunnel. What the reader has read beyond the answer belongs to the tunnel.
func (p *Proxy) connect(conn net.Conn, address string) (*bufio.Reader, error) {
	request := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if p.Credentials != nil {
		password, _ := p.Credentials.Password()
		proof := base64.StdEncoding.EncodeToString([]byte(p.Credentials.Username() + ":" + password))
		request += "Proxy-Authorization: Basic " + proof + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: conn, N: maxProxyAnswer}
	reader := bufio.NewReader(limited)
	answer, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	if err != nil {
		if limited.N == 0 {
			err = errors.New("its answer is too long")
		}
		return nil, err
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return nil, fmt.Errorf("it answered %q", answer.Status)
	}
	limited.N = 1<<63 - 1
	return reader, nil
}

// tunnelConn reads what came with the proxy's answer first.
type tunnelConn struct {
	net.Conn
	rest *bufio.Reader
}

// Read implements net.Conn.
func (c *tunnelConn) Read(b []byte) (int, error) { return c.rest.Read(b) }
