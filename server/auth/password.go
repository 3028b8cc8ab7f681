package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
)

// PasswordCost is what hashing a password takes (Argon2id). The zero value means DefaultPasswordCost.
type PasswordCost struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

// DefaultPasswordCost is the least that app-services 13.1 allows: 64 MiB, 3 passes, 1 lane.
var DefaultPasswordCost = PasswordCost{MemoryKiB: 64 << 10, Passes: 3, Lanes: 1}

// Bounds on the parameters read from a stored hash: a damaged file must not take the machine's memory.
const (
	maxCostKiB    = 1 << 20
	maxCostPasses = 64
	saltSize      = 16
	hashSize      = 32
)

// hasher hashes passwords, a few at a time: each takes the memory of its cost.
type hasher struct {
	cost  PasswordCost
	slots chan struct{}
	dummy string // a hash of nothing: checked when there is no account, so that it takes as long as if there was one
}

func newHasher(cost PasswordCost) *hasher {
	if cost == (PasswordCost{}) {
		cost = DefaultPasswordCost
	}
	h := &hasher{cost: cost, slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))}
	h.dummy = encodeHash(cost, make([]byte, saltSize), make([]byte, hashSize))
	return h
}

// enter waits for a slot.
func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hash returns the text to store, with its parameters (PHC string format).
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer func() { <-h.slots }()
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	sum := argon2.IDKey([]byte(password), salt, h.cost.Passes, h.cost.MemoryKiB, h.cost.Lanes, hashSize)
	return encodeHash(h.cost, salt, sum), nil
}

// verify compares in constant time. stale says that the password is right and its hash not of today's cost.
func (h *hasher) verify(ctx context.Context, stored, password string) (ok, stale bool, err error) {
	cost, salt, want, err := decodeHash(stored)
	if err != nil {
		return false, false, err
	}
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer func() { <-h.slots }()
	sum := argon2.IDKey([]byte(password), salt, cost.Passes, cost.MemoryKiB, cost.Lanes, hashSize)
	ok = subtle.ConstantTimeCompare(sum, want) == 1
	return ok, ok && cost != h.cost, nil
}

func encodeHash(c PasswordCost, salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.MemoryKiB, c.Passes, c.Lanes, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

func decodeHash(s string) (c PasswordCost, salt, sum []byte, err error) {
	parts := strings.Split(s, "$")
	bad := func(what string) (PasswordCost, []byte, []byte, error) {
		return PasswordCost{}, nil, nil, fmt.Errorf("a stored password hash is damaged: %s", what)
	}
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return bad("it is not argon2id of this version")
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.MemoryKiB, &c.Passes, &c.Lanes); err != nil || n != 3 {
		return bad("its parameters")
	}
	if c.MemoryKiB == 0 || c.MemoryKiB > maxCostKiB || c.Passes == 0 || c.Passes > maxCostPasses || c.Lanes == 0 {
		return bad("its parameters are out of range")
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(salt) != saltSize {
		return bad("its salt")
	}
	if sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(sum) != hashSize {
		return bad("its sum")
	}
	return c, salt, sum, nil
}
