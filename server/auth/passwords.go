package auth

import (
	"context"
	"time"
)

// Passwords hashes passwords for others than users of apps, by the same rules but in a queue of its own, one at a time. It is safe for concurrent use.
type Passwords struct{ h *hasher }

// NewPasswords makes one; the zero cost is DefaultPasswordCost.
func NewPasswords(cost PasswordCost) *Passwords { return &Passwords{newHasher(cost.orDefault(), 1)} }

// Hash returns the text to store. ErrBusy: too many wait already.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	return p.h.hash(ctx, asker{}, password)
}

// Verify compares a password with a stored hash in constant time. An empty one is never right, and takes as long. stale says that the
// password is right and its hash not of today's cost. known says that the right password has come from there before (Guesses.Allow): then strangers aren't waited for.
func (p *Passwords) Verify(ctx context.Context, known bool, stored, password string) (ok, stale bool, err error) {
	if stored == "" {
		_, _, err := p.h.verify(ctx, asker{known: known}, p.h.dummy, password)
		return false, false, err
	}
	return p.h.verify(ctx, asker{known: known}, stored, password)
}

// CheckPassword refuses a new password that is too short or too long.
func CheckPassword(password string) error { return checkNewPassword(password) }

// Attempts counts attempts by name, with one token bucket for each. It is safe for concurrent use. A nil one allows all.
type Attempts struct{ l *limiter }

// NewAttempts allows burst attempts at once, and perSecond in the long run.
func NewAttempts(burst int, perSecond float64, now func() time.Time) *Attempts {
	return &Attempts{newLimiter(burst, perSecond, now)}
}

// Allow takes one attempt.
func (a *Attempts) Allow(name string) bool { return a == nil || a.l.allow(name) }
