package egress

import (
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// NewPublic makes a client for requests to addresses that nobody of the house has chosen, those of an app's functions: it dials only what may be
// reached, which is Public but in tests, goes through no proxy, follows no redirect and keeps no connection. A request that would go elsewhere matches
// ErrPrivate.
func NewPublic(timeout time.Duration, may func(netip.Addr) bool) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			// No proxy: the address that is dialed would be its.
			DialContext:            (&net.Dialer{Timeout: timeout, Control: dialOnly(may)}).DialContext,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxHeads,
		},
		// A redirect is an answer: it may lead to a host that is not allowed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dialOnly refuses to dial an address that may not be reached. It is asked about what a name was resolved to.
func dialOnly(may func(netip.Addr) bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !may(at.Addr()) {
			return ErrPrivate
		}
		return nil
	}
}

// notPublic are the networks that Go's own predicates don't know.
var notPublic = func() (out []netip.Prefix) {
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

// Public says whether an address is one of the public internet.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}
