package hostile

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // RFC 6455
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// wireConn is a TCP connection on which a test writes whatever it wants.
type wireConn struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

// tcp opens a connection to the server, with a deadline for all of it.
func (s *server) tcp() *wireConn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = c.Close() })
	require.NoError(s.t, c.SetDeadline(time.Now().Add(patience)))
	return &wireConn{c, s.t, bufio.NewReader(c)}
}

func (c *wireConn) put(text string) {
	c.t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(c.t, err)
}

// response reads one response, and its body.
func (c *wireConn) response() (*http.Response, string) {
	c.t.Helper()
	r, err := http.ReadResponse(c.in, nil)
	require.NoError(c.t, err)
	body, err := io.ReadAll(r.Body)
	require.NoError(c.t, err)
	require.NoError(c.t, r.Body.Close())
	return r, string(body)
}

// ends requires that the server closes the connection, and returns what it sent before.
func (c *wireConn) ends(name string) string {
	c.t.Helper()
	rest, err := io.ReadAll(c.in)
	var timeout net.Error
	require.False(c.t, errors.As(err, &timeout) && timeout.Timeout(), "%s: the connection stays open", name)
	return string(rest)
}

// Opcodes (RFC 6455 5.2).
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// frame is one frame of a client as it can also be wrong.
type frame struct {
	op       byte
	fin      bool
	rsv      byte // 4 is RSV1, 2 RSV2, 1 RSV3
	unmasked bool
	length   *uint64 // says so, whatever the payload has
	payload  string
}

func (f frame) bytes() string {
	first := f.rsv<<4 | f.op
	if f.fin {
		first |= 0x80
	}
	out := []byte{first}
	n := uint64(len(f.payload))
	if f.length != nil {
		n = *f.length
	}
	mask := byte(0x80)
	if f.unmasked {
		mask = 0
	}
	switch {
	case n < 126:
		out = append(out, mask|byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, mask|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, mask|127), n)
	}
	if !f.unmasked {
		out = append(out, 0, 0, 0, 0) // a mask that changes nothing
	}
	return string(out) + f.payload
}

func message(text string) string { return frame{op: opBinary, fin: true, payload: text}.bytes() }

// upgraded is a raw connection after the upgrade.
func (s *server) upgraded(app string) *wireConn {
	s.t.Helper()
	c := s.tcp()
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	c.put("GET " + clientAPI + "app/" + app + "/realm-sync?baas_at=" + s.anonymous(app).Access + " HTTP/1.1\r\nHost: " + s.addr + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + key + "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: " + wire.OfferHeader() + "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
	r, err := http.ReadResponse(c.in, nil)
	require.NoError(s.t, err)
	require.Equal(s.t, 101, r.StatusCode)
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // RFC 6455
	require.Equal(s.t, base64.StdEncoding.EncodeToString(sum[:]), r.Header.Get("Sec-WebSocket-Accept"))
	require.Empty(s.t, r.Header.Get("Sec-WebSocket-Extensions"), "compression is not negotiated")
	return c
}

// read returns the next frame of the server.
func (c *wireConn) read() (op byte, payload string, err error) {
	var head [2]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, "", err
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(c.in, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(c.in, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return 0, "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(c.in, b)
	return head[0] & 0xf, string(b), err
}

// next returns the next message that isn't a control frame.
func (c *wireConn) next() string {
	c.t.Helper()
	for {
		op, payload, err := c.read()
		require.NoError(c.t, err)
		if op == opBinary {
			return payload
		}
	}
}

// bound binds session 1 of a new file.
func (c *wireConn) bound() {
	c.t.Helper()
	c.put(message(bindText(1, 1)))
	m, err := wire.ParseServerMessage([]byte(c.next()), wire.ClientLimits())
	require.NoError(c.t, err)
	i, ok := m.(*wire.ServerIdent)
	require.True(c.t, ok, "%#v", m)
	b, err := (&wire.Ident{Session: 1, FileIdent: i.FileIdent, Salt: i.Salt, Query: []byte(`{}`)}).Append(nil)
	require.NoError(c.t, err)
	c.put(message(string(b)))
	for {
		m, err := wire.ParseServerMessage([]byte(c.next()), wire.ClientLimits())
		require.NoError(c.t, err)
		if last(m) {
			return
		}
	}
}

// closeCode reads until the connection ends and returns the code of the close frame: 0 if there was none.
func (c *wireConn) closeCode() (code int) {
	c.t.Helper()
	for {
		op, payload, err := c.read()
		var timeout net.Error
		require.False(c.t, errors.As(err, &timeout) && timeout.Timeout(), "the connection stays open")
		if err != nil {
			return code
		}
		if op == opClose && len(payload) >= 2 {
			code = int(binary.BigEndian.Uint16([]byte(payload)))
			_, _ = io.WriteString(c, frame{op: opClose, fin: true, payload: payload}.bytes()) // it may be gone already
		}
	}
}

// head is the beginning of a request.
func (s *server) head(method, path string, lines ...string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: " + s.addr + "\r\n" + strings.Join(append(lines, "", ""), "\r\n")
}
