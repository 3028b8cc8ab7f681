package mail

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
)

// ErrFull: more letters wait than an Outbox keeps.
var ErrFull = errors.New("too many letters wait to be sent")

const (
	waiting  = 256 // letters that an Outbox keeps
	attempts = 3   // for each
)

// Outbox sends letters one after the other, each up to three times. What was not sent when it is closed, or when the process ends,
// is lost: whoever asked for it asks again. It is safe for concurrent use.
type Outbox struct {
	sender Sender
	log    *slog.Logger
	pause  time.Duration // before another attempt
	queue  chan Letter
	stop   context.CancelFunc
	group  errgroup.Group
}

// NewOutbox starts an Outbox. pause is the time before another attempt. Close it.
func NewOutbox(sender Sender, pause time.Duration, log *slog.Logger) *Outbox {
	ctx, stop := context.WithCancel(context.Background())
	o := &Outbox{sender: sender, log: log, pause: pause, queue: make(chan Letter, waiting), stop: stop}
	o.group.Go(func() error { o.run(ctx); return nil })
	return o
}

// Send implements Sender: it queues the letter, or returns ErrFull.
func (o *Outbox) Send(_ context.Context, l Letter) error {
	select {
	case o.queue <- l:
		return nil
	default:
		return ErrFull
	}
}

// Close stops sending, and waits for it.
func (o *Outbox) Close() error {
	o.stop()
	return o.group.Wait()
}

func (o *Outbox) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case l := <-o.queue:
			o.deliver(ctx, l)
		}
	}
}

func (o *Outbox) deliver(ctx context.Context, l Letter) {
	for n := 1; ; n++ {
		err := o.sender.Send(ctx, l)
		if err == nil || ctx.Err() != nil {
			return
		}
		// Neither the text, in which there is a token, nor whose it is.
		o.log.Warn("a letter was not sent", "attempt", n, "error", err)
		if n == attempts {
			return
		}
		timer := time.NewTimer(o.pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}
