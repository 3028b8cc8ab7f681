package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"realmsync/server/egress"
)

const (
	// minAge and maxAge bound how long a set is kept, whatever its server says; defaultAge is for servers that say nothing.
	minAge     = 5 * time.Minute
	maxAge     = time.Hour
	defaultAge = 10 * time.Minute
	// pause is the least between two fetches of a set because of a key that is not in it, and after one that failed: anybody can
	// send a token that names any key.
	pause = 30 * time.Second
	// maxSets bounds the memory of a cache.
	maxSets = 1024
)

// ErrNoKey: a key set was read, and has no key that could have signed a token.
var ErrNoKey = errors.New("no key of the set is the one that signed it")

// Cache keeps key sets by their address. It is safe for concurrent use.
type Cache struct {
	client *egress.Client
	now    func() time.Time

	mu   sync.Mutex // guards sets; not held while a set is fetched
	sets map[string]*set
}

// set is one key set. Whoever holds turn may read and write the rest.
type set struct {
	turn    chan struct{} // has one element while nobody is at it
	keys    []Key
	fetched time.Time
	expires time.Time
	failed  error // of the last fetch
}

// NewCache makes an empty cache.
func NewCache(client *egress.Client, now func() time.Time) *Cache {
	return &Cache{client: client, now: now, sets: map[string]*set{}}
}

// Keys returns the keys of a set that could have signed a token: those of the algorithm and, if the token names one, of the key
// id. When there is none, the set is fetched again: keys rotate. ErrNoKey if there is none then; other errors are about the fetch, and
// name addresses that are nobody else's to know.
func (c *Cache) Keys(ctx context.Context, address, id, alg string) ([]Key, error) {
	s := c.set(address)
	select {
	case <-s.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { s.turn <- struct{}{} }()
	now := c.now()
	if now.Before(s.expires) {
		if found := pick(s.keys, id, alg); len(found) > 0 {
			return found, nil
		}
	}
	if wait := s.fetched.Add(pause).Sub(now); wait > 0 && !s.fetched.IsZero() {
		if s.failed != nil {
			return nil, s.failed
		}
		return nil, ErrNoKey
	}
	// Others wait for the answer too: it does not end with who asked first.
	s.failed = c.fetch(context.WithoutCancel(ctx), address, s)
	s.fetched = now
	if s.failed != nil {
		if found := pick(s.keys, id, alg); len(found) > 0 && now.Before(s.expires) {
			return found, nil
		}
		return nil, s.failed
	}
	if found := pick(s.keys, id, alg); len(found) > 0 {
		return found, nil
	}
	return nil, ErrNoKey
}

func (c *Cache) set(address string) *set {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sets[address]
	if s == nil {
		if len(c.sets) >= maxSets {
			clear(c.sets) // those in use are fetched again
		}
		s = &set{turn: make(chan struct{}, 1)}
		s.turn <- struct{}{}
		c.sets[address] = s
	}
	return s
}

func (c *Cache) fetch(ctx context.Context, address string, s *set) error {
	a, err := c.client.Get(ctx, address)
	if err != nil {
		return fmt.Errorf("fetching the keys: %w", err)
	}
	if a.Status != http.StatusOK {
		return fmt.Errorf("fetching the keys: status %d", a.Status)
	}
	keys, err := Parse(a.Body)
	if err != nil {
		return fmt.Errorf("fetching the keys: %w", err)
	}
	s.keys, s.expires = keys, c.now().Add(age(a.Header.Get("Cache-Control")))
	return nil
}

// age is how long a set may be kept.
func age(control string) time.Duration {
	out := defaultAge
	for part := range strings.SplitSeq(control, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case strings.EqualFold(name, "no-store"), strings.EqualFold(name, "no-cache"):
			return minAge
		case strings.EqualFold(name, "max-age"):
			if n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				out = time.Duration(n) * time.Second
			}
		}
	}
	return min(max(out, minAge), maxAge)
}

func pick(keys []Key, id, alg string) (out []Key) {
	for _, k := range keys {
		if k.Alg == alg && (id == "" || k.ID == id) {
			out = append(out, k)
		}
	}
	return out
}
