package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
)

// listen opens the listeners of a flag. The name localhost stands for the loopback addresses of IPv4 and, where there is one, of
// IPv6, on one port: clients resolve it to either (app-services 1.3, H4).
func listen(flag string, addresses []string) (out []net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range out {
				_ = l.Close()
			}
			out = nil
		}
	}()
	for _, address := range addresses {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return out, fmt.Errorf("%s %s: it must be HOST:PORT: %w", flag, address, err)
		}
		if host == "localhost" {
			host = "127.0.0.1"
		}
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			return out, fmt.Errorf("%s %s: %w", flag, address, err)
		}
		out = append(out, l)
		if host == "127.0.0.1" && address[0] == 'l' {
			six, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(l.Addr().(*net.TCPAddr).Port)))
			if err == nil {
				out = append(out, six)
			} else if hasLoopback6() {
				return out, fmt.Errorf("%s %s: %w", flag, address, err)
			}
		}
	}
	if len(out) == 0 {
		return out, errors.New(flag + ": there is no address")
	}
	return out, nil
}

// hasLoopback6 reports whether this machine has the address ::1.
func hasLoopback6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// loopback reports whether a listener is for this machine only.
func loopback(l net.Listener) bool {
	addr, ok := l.Addr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}
