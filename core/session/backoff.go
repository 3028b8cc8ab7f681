package session

import (
	"time"

	"realmsync/core/wire"
)

// pace is how the delays of a series grow.
type pace struct {
	initial, most time.Duration
	multiplier    int
}

// serverPace is what the server asks for. Numbers that make no sense are replaced: it cannot make a client try without pause.
func serverPace(b *wire.Backoff) pace {
	initial := time.Duration(max(b.IntervalSec, 1)) * time.Second
	return pace{initial: initial, most: max(time.Duration(b.MaxDelaySec)*time.Second, initial), multiplier: int(max(b.Multiplier, 1))}
}

// backoff is a series of growing delays (wire-protocol 10.2, 10.3). Attempts that fail in the same way continue it, another way starts a
// new one; success doesn't end it. The zero value has not begun.
type backoff struct {
	running bool
	kind    int
	pace    pace
	delay   time.Duration
}

// next returns how long to wait after a failure of a kind. p counts only for the first of a series. random is in [0, 1): up to a quarter
// is taken off, so that clients that failed together don't come back together.
func (b *backoff) next(kind int, p pace, random float64) time.Duration {
	switch {
	case !b.running || b.kind != kind:
		*b = backoff{running: true, kind: kind, pace: p, delay: p.initial}
	case b.delay > b.pace.most/time.Duration(b.pace.multiplier):
		b.delay = b.pace.most
	default:
		b.delay *= time.Duration(b.pace.multiplier)
	}
	return b.delay - time.Duration(random*float64(b.delay/wire.BackoffJitter))
}

// reset ends the series.
func (b *backoff) reset() { *b = backoff{} }
