package auth

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// maxBuckets bounds the memory of a limiter. When it is full, the buckets that have filled up again go, but for those that are welcome; if that is not
// enough, all do: an attacker with that many names or addresses is not held by any count per name.
const maxBuckets = 1 << 16

// limiter counts attempts per name with one token bucket each. It is safe for concurrent use. A nil limiter allows all.
type limiter struct {
	burst   float64 // attempts at once
	perSec  float64 // attempts per second in the long run
	now     func() time.Time
	seed    maphash.Seed
	mu      sync.Mutex
	buckets map[uint64]bucket // by hash: names are strangers' and of any length
}

type bucket struct {
	level float64
	at    time.Time
	known bool // see welcome
}

func newLimiter(burst int, perSec float64, now func() time.Time) *limiter {
	return &limiter{burst: float64(burst), perSec: perSec, now: now, seed: maphash.MakeSeed(), buckets: map[uint64]bucket{}}
}

// allow takes one attempt from the name's bucket.
func (l *limiter) allow(name string) bool {
	allowed, _ := l.take(name)
	return allowed
}

// take is allow, and says whether the name is one that was welcome.
func (l *limiter) take(name string) (allowed, known bool) {
	if l == nil {
		return true, true
	}
	now, key := l.now(), maphash.String(l.seed, name)
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.buckets[key]
	if !ok {
		if len(l.buckets) >= maxBuckets {
			l.sweep(now)
		}
		b = bucket{level: l.burst, at: now}
	}
	b.level, b.at = l.level(b, now), now
	if allowed = b.level >= 1; allowed {
		b.level--
	}
	l.buckets[key] = b
	return allowed, b.known
}

// welcome gives the name its full bucket back, and remembers it as long as there is room: the right password was given.
func (l *limiter) welcome(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buckets[maphash.String(l.seed, name)] = bucket{level: l.burst, at: l.now(), known: true}
}

func (l *limiter) level(b bucket, now time.Time) float64 {
	return min(l.burst, b.level+max(0, now.Sub(b.at).Seconds())*l.perSec)
}

func (l *limiter) sweep(now time.Time) {
	for name, b := range l.buckets {
		if l.level(b, now) >= l.burst && !b.known {
			delete(l.buckets, name)
		}
	}
	// Room for many more, so that the next sweep is far away.
	if len(l.buckets) > maxBuckets/2 {
		clear(l.buckets)
	}
}

// RemoteOf is what attempts from an address (http.Request.RemoteAddr) are counted by: the address without its port, and of an IPv6 address the half that
// says whose it is. Everybody there has as many of the other half as they like.
func RemoteOf(addr string) string {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return addr // a Unix socket's
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() && !ip.IsLoopback() {
		if network, err := ip.Prefix(64); err == nil {
			return network.String()
		}
	}
	return ip.String()
}
