package main

import (
	"net"
	"net/netip"
	"sync"
)

// connLimits bound the connections of all listeners together, in total and of one address. What is too much is closed at once: it costs a file
// descriptor for a moment, and no memory.
type connLimits struct {
	total, each int // 0: no limit

	mu    sync.Mutex
	open  int
	byWho map[netip.Prefix]int
}

func newConnLimits(total, each int) *connLimits {
	return &connLimits{total: total, each: each, byWho: map[netip.Prefix]int{}}
}

// who is whose address it is: of IPv6 the half that is given out to one place.
func who(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits)
	return p
}

// enter counts a connection in; false: it is one too many.
func (l *connLimits) enter(p netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total > 0 && l.open >= l.total || l.each > 0 && l.byWho[p] >= l.each {
		return false
	}
	l.open++
	l.byWho[p]++
	return true
}

func (l *connLimits) leave(p netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.byWho[p]--; l.byWho[p] == 0 {
		delete(l.byWho, p)
	}
}

func (l *connLimits) listener(inner net.Listener) net.Listener { return &limitedListener{inner, l} }

type limitedListener struct {
	net.Listener
	limits *connLimits
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		p := who(c.RemoteAddr())
		if l.limits.enter(p) {
			return &limitedConn{Conn: c, leave: sync.OnceFunc(func() { l.limits.leave(p) })}, nil
		}
		_ = c.Close()
	}
}

type limitedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
