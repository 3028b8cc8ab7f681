package session

import "log/slog"

// callbacks is the goroutine that calls the application, one call at a time (sync-semantics 10, "event loop"). What it is given never
// waits for it; an application that blocks it delays callbacks only.
type callbacks struct {
	mail *mailbox[func()]
	log  *slog.Logger
}

func newCallbacks(log *slog.Logger) *callbacks { return &callbacks{newMailbox[func()](), log} }

func (c *callbacks) do(f func()) { c.mail.put(f) }

// stop ends it after all that was given before.
func (c *callbacks) stop() { c.mail.put(nil) }

func (c *callbacks) run() {
	for range c.mail.signal {
		for _, f := range c.mail.take() {
			if f == nil {
				return
			}
			contained(c.log, "calling the application", f)
		}
	}
}

// effects are calls of the application that a change brings about, collected while the manager's lock is held and made without it.
type effects []func()

func (e *effects) add(f func()) { *e = append(*e, f) }

func (e effects) run() {
	for _, f := range e {
		f()
	}
}
