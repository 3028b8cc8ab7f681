package mail

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// ErrFull: more letters wait than an Outbox keeps.
var ErrFull = errors.New("too many letters wait to be sent")

const (
	waiting  = 256 // letters that an Outbox keeps
	attempts = 3   // for each
	atOnce   = 3   // letters that are sent for the first time
)

// Outbox sends letters, a few at once, each up to three times. One that has failed waits apart for its next attempt: an address that a stranger made up, or that
// answers slowly, doesn't hold the letters of others. What was not sent when it is closed, or when the process ends, is lost: whoever asked for it
// asks again. It is safe for concurrent use.
type Outbox struct {
	sender Sender
	log    *slog.Logger
	pause  time.Duration // before another attempt
	held   atomic.Int64  // letters that wait or are being sent, at most waiting
	fresh  chan *posted
	failed chan *posted // in the order of their next attempts: the pause is the same for all
	stop   context.CancelFunc
	group  errgroup.Group
}

// posted is a letter on its way.
type posted struct {
	Letter

	tried int
	next  time.Time // no attempt before it
}

// NewOutbox starts an Outbox. pause is the time before another attempt. Close it.
func NewOutbox(sender Sender, pause time.Duration, log *slog.Logger) *Outbox {
	ctx, stop := context.WithCancel(context.Background())
	// There is room for all that is held, so nobody waits to put something in.
	o := &Outbox{sender: sender, log: log, pause: pause, fresh: make(chan *posted, waiting), failed: make(chan *posted, waiting), stop: stop}
	for range atOnce {
		o.group.Go(func() error { o.run(ctx, o.fresh); return nil })
	}
	o.group.Go(func() error { o.run(ctx, o.failed); return nil })
	return o
}

// Send implements Sender: it queues the letter, or returns ErrFull.
func (o *Outbox) Send(_ context.Context, l Letter) error {
	if o.held.Add(1) > waiting {
		o.held.Add(-1)
		return ErrFull
	}
	o.fresh <- &posted{Letter: l}
	return nil
}

// Close stops sending, and waits for it.
func (o *Outbox) Close() error {
	o.stop()
	return o.group.Wait()
}

func (o *Outbox) run(ctx context.Context, from chan *posted) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-from:
			if !wait(ctx, time.Until(p.next)) {
				return
			}
			o.deliver(ctx, p)
		}
	}
}

func (o *Outbox) deliver(ctx context.Context, p *posted) {
	err := o.sender.Send(ctx, p.Letter)
	if err == nil || ctx.Err() != nil {
		o.held.Add(-1)
		return
	}
	p.tried++
	again := p.tried < attempts && !errors.Is(err, ErrRefused)
	// Neither the text, in which there is a token, nor whose it is.
	o.log.Warn("a letter was not sent", "attempt", p.tried, "again", again, "error", err)
	if !again {
		o.held.Add(-1)
		return
	}
	p.next = time.Now().Add(o.pause)
	o.failed <- p
}

// wait returns false if the context ends before the time is over.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
