package main

import (
	"fmt"
	"net/netip"
)

// proxyFlags say which proxies stand before the server.
type proxyFlags struct {
	TrustedProxy []proxyAddress `placeholder:"ADDRESS[/BITS]" help:"Address, or network, of a proxy before this server, may be repeated: who a request comes from is read from its X-Forwarded-For. Without it all that come through a proxy are counted as one when attempts to log in are."`
}

// proxyAddress is one address or a network of them.
type proxyAddress struct{ netip.Prefix }

// UnmarshalText reads it for kong.
func (p *proxyAddress) UnmarshalText(text []byte) (err error) {
	if ip, err := netip.ParseAddr(string(text)); err == nil {
		ip = ip.Unmap().WithZone("")
		p.Prefix, err = ip.Prefix(ip.BitLen())
		return err
	}
	if p.Prefix, err = netip.ParsePrefix(string(text)); err != nil {
		return fmt.Errorf("%q is neither an address nor a network, such as 10.0.0.0/8", text)
	}
	return nil
}

func (f *proxyFlags) prefixes() (out []netip.Prefix) {
	for _, p := range f.TrustedProxy {
		out = append(out, p.Prefix)
	}
	return out
}
