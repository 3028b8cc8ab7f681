package main

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// promptListener accepts connections that acknowledge at once what they read. Realm Core writes a frame in two pieces, and its kernel keeps
// the second back until the first is acknowledged (Nagle's algorithm), which another kernel does after 40 ms unless it has something to
// send: all that a device writes came that much later.
type promptListener struct{ net.Listener }

// Accept implements net.Listener.
func (l promptListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return prompt(c), nil
}

// prompt makes a connection such a one, if it is of TCP.
func prompt(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	return &promptConn{Conn: c, raw: raw}
}

type promptConn struct {
	net.Conn
	raw syscall.RawConn
}

// Read implements net.Conn. The kernel forgets the option whenever the connection has sent something. What fills p has more behind it, which is
// acknowledged with what follows.
func (c *promptConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && n < len(p) {
		_ = c.raw.Control(acknowledge) // only a socket that is closed has none
	}
	return n, err
}

func acknowledge(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) }
