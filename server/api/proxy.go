package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwarded gives a request that a trusted proxy has passed on the address of the client that the proxy names, so that attempts are counted for that one and not for
// the proxy, and logs have it. Each proxy appends whom it was called by to X-Forwarded-For: read from the right, the first that is no trusted proxy is
// the client, and what is left of it is the client's own invention. The port is not known, 0 stands for it.
func (s *Server) forwarded(r *http.Request) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !s.trusted(at.Addr()) {
		return
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		ip, ok := hopAddress(strings.TrimSpace(hop))
		if !ok {
			return // "unknown", or nothing: whoever is the last that we know
		}
		r.RemoteAddr = netip.AddrPortFrom(ip, 0).String()
		if !s.trusted(ip) {
			return
		}
	}
}

// hopAddress reads an address; some proxies write the port behind it.
func hopAddress(text string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.Unmap().WithZone(""), true
	}
	at, err := netip.ParseAddrPort(text)
	return at.Addr().Unmap().WithZone(""), err == nil
}

func (s *Server) trusted(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}
