package auth

import "time"

// Guesses counts attempts at the passwords of accounts. A client's address has ten at once at one account and ten a minute. All addresses that the right
// password has not come from have 50 together, and 30 a minute, so that nobody guesses from many; those that it has come from, as long as that is remembered, are not among them, so that a
// stranger doesn't lock the owner of an account out. It is safe for concurrent use. A nil one allows all.
type Guesses struct {
	each *limiter // by address and account
	all  *limiter // by account
}

// NewGuesses makes one.
func NewGuesses(now func() time.Time) *Guesses {
	return &Guesses{newLimiter(10, 1.0/6, now), newLimiter(50, 0.5, now)}
}

// Allow takes one attempt of an address at an account. known says that the right password has come from there.
func (g *Guesses) Allow(account, remote string) (allowed, known bool) {
	if g == nil {
		return true, true
	}
	allowed, known = g.each.take(remote + "\x00" + account)
	return allowed && (known || g.all.allow(account)), known
}

// Right gives the address all its attempts back, and remembers it: the right password came from there.
func (g *Guesses) Right(account, remote string) {
	if g != nil {
		g.each.welcome(remote + "\x00" + account)
	}
}
