package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"

	"realmsync/server/fairqueue"
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

// Of those who want a password hashed, as many may wait for each slot: those of one app, and all together. At 0.15 s each (Argon2id with DefaultPasswordCost, as measured)
// the last of an app's has its turn after 15 s, if it is the only app.
const (
	waitOfApp = 100
	waitOfAll = 400
)

// hasher hashes passwords, a few at a time: each takes the memory of its cost, and a core. Apps take turns, and within an app strangers and those of whom the right password
// has come before (Guesses): a flood of the ones doesn't keep the others out.
type hasher struct {
	cost  PasswordCost
	queue *fairqueue.Queue
	dummy string // a hash of nothing: checked when there is no account, so that it takes as long as if there was one
}

// slotsFor is how many passwords users have hashed at once: one core stays free for everything else, and of memory they take no more than 512 MiB.
func slotsFor(cost PasswordCost) int {
	return max(1, min(runtime.GOMAXPROCS(0)-1, 512<<10/int(max(cost.MemoryKiB, 1))))
}

func newHasher(cost PasswordCost, slots int) *hasher {
	h := &hasher{cost: cost, queue: fairqueue.New(slots, waitOfApp*slots, waitOfAll*slots)}
	h.dummy = encodeHash(cost, make([]byte, saltSize), make([]byte, hashSize))
	return h
}

func (c PasswordCost) orDefault() PasswordCost {
	if c == (PasswordCost{}) {
		return DefaultPasswordCost
	}
	return c
}

// asker is on whose behalf a password is hashed: those of one take turns with those of others.
type asker struct {
	app   string
	known bool // the right password has come from there before
}

// enter waits for a slot, or returns ErrBusy.
func (h *hasher) enter(ctx context.Context, by asker) (leave func(), err error) {
	group := by.app
	if by.known {
		group += "\x00known"
	}
	leave, err = h.queue.Enter(ctx, group)
	if errors.Is(err, fairqueue.ErrFull) {
		err = ErrBusy
	}
	return leave, err
}

// hash returns the text to store, with its parameters (PHC string format).
func (h *hasher) hash(ctx context.Context, by asker, password string) (string, error) {
	leave, err := h.enter(ctx, by)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	sum := argon2.IDKey([]byte(password), salt, h.cost.Passes, h.cost.MemoryKiB, h.cost.Lanes, hashSize)
	return encodeHash(h.cost, salt, sum), nil
}

// verify compares in constant time. stale says that the password is right and its hash not of today's cost.
func (h *hasher) verify(ctx context.Context, by asker, stored, password string) (ok, stale bool, err error) {
	cost, salt, want, err := decodeHash(stored)
	if err != nil {
		return false, false, err
	}
	leave, err := h.enter(ctx, by)
	if err != nil {
		return false, false, err
	}
	defer leave()
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
