package jwks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"realmsync/server/egress"
)

const (
	// minAge and maxAge bound how long a set is kept, whatever its server says; defaultAge is for servers that say nothing. maxAge also
	// bounds how long it is used while another can't be had.
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
	log    *slog.Logger

	mu   sync.Mutex // guards sets; not held while a set is fetched
	sets map[string]*set
}

// set is one key set. Whoever holds turn fetches it, and may read and write tried and failed. mu guards the rest, for those who need no fetch.
type set struct {
	turn   chan struct{} // has one element while nobody is at it
	tried  time.Time     // the last fetch
	failed error         // of it

	mu      sync.Mutex
	keys    []Key
	expires time.Time // until then they are good
	end     time.Time // until then they are, if others can't be had
}

// NewCache makes an empty cache. log gets what an operator should know of issuers that don't answer.
func NewCache(client *egress.Client, now func() time.Time, log *slog.Logger) *Cache {
	return &Cache{client: client, now: now, log: log, sets: map[string]*set{}}
}

// Keys returns the keys of a set that could have signed a token: those of the algorithm and, if the token names one, of the key
// id. When there is none, the set is fetched again: keys rotate. If that fails the keys that were there are good for another while, up to maxAge
// in all: users log in while an issuer is being restarted. ErrNoKey if there is none; other errors are about the fetch, and
// name addresses that are nobody else's to know.
func (c *Cache) Keys(ctx context.Context, address, id, alg string) ([]Key, error) {
	s := c.set(address)
	// Who has what is needed doesn't wait for a fetch because of a key that somebody else has made up.
	if found, fresh := s.pick(c.now(), id, alg); fresh {
		return found, nil
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { s.turn <- struct{}{} }()
	now := c.now()
	found, fresh := s.pick(now, id, alg)
	if fresh {
		return found, nil
	}
	if s.tried.IsZero() || now.Sub(s.tried) >= pause {
		// Others wait for the answer too: it does not end with who asked first.
		s.tried, s.failed = now, c.fetch(context.WithoutCancel(ctx), address, s)
		if found, _ = s.pick(now, id, alg); s.failed != nil && len(found) > 0 {
			c.log.Warn("keys of an identity provider are used beyond their time", "until", s.end, "error", s.failed)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case s.failed != nil:
		return nil, s.failed
	}
	return nil, ErrNoKey
}

// pick returns the keys that fit and that may be used at a time; fresh says that there are some and that no others need be fetched.
func (s *set) pick(now time.Time, id, alg string) (found []Key, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !now.Before(s.end) {
		return nil, false
	}
	for _, k := range s.keys {
		if k.Alg == alg && (id == "" || k.ID == id) {
			found = append(found, k)
		}
	}
	return found, len(found) > 0 && now.Before(s.expires)
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
	now := c.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.expires, s.end = keys, now.Add(age(a.Header.Get("Cache-Control"))), now.Add(maxAge)
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
