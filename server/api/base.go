package api

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// baseURL returns the server's public address for the client of a request (see the package's comment), without a slash at
// its end.
func (s *Server) baseURL(r *http.Request) string {
	if s.base != nil {
		return s.base.String()
	}
	addr, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if addr == nil {
		return ""
	}
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return ""
	}
	base := localBase(at)
	if rest, ok := strings.CutPrefix(base, "http:"); ok && r.TLS != nil {
		base = "https:" + rest // else clients would be told to go on without TLS, at a port that speaks nothing else
	}
	return base
}

// localBase writes an address that a connection arrived at as a URL. The loopback address of IPv6 is written as a name:
// realm-cpp's own HTTP stack does not take a literal of IPv6 (app-services 1.3, H4).
func localBase(at netip.AddrPort) string {
	ip := at.Addr().Unmap().WithZone("")
	host := ip.String()
	if ip.Is6() && ip.IsLoopback() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(int(at.Port())))
}

// webSocketBase is the same origin for WebSockets: a client that starts with a stored user derives it in this way, before
// it asks for a location (app-services 3.3).
func webSocketBase(base string) string {
	if rest, ok := strings.CutPrefix(base, "http"); ok {
		return "ws" + rest
	}
	return base
}
