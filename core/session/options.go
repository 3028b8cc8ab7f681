package session

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"realmsync/core/wire"
)

// Options say how a Manager works. The zero value is good.
type Options struct {
	Logger *slog.Logger     // nil discards
	Dialer Dialer           // nil is NewWebSocketDialer(WebSocketOptions{})
	Clock  func() time.Time // nil is time.Now
	Random func() float64   // at least 0, less than 1: for jitter. nil is math/rand/v2
	// Timings that are 0 take their default.
	Timings Timings
	// QueueBytes bounds what a connection has received and not yet integrated; beyond it, the connection isn't read. 0 is 32 MiB.
	QueueBytes int
}

// Timings are all delays of the package (sync-semantics 1.8, wire-protocol 10). The zero value means the defaults, those of the original.
type Timings struct {
	ConnectTimeout time.Duration // name resolution, TCP, TLS and upgrade together
	Linger         time.Duration // an open connection outlives its last session by this
	PingPeriod     time.Duration
	PongTimeout    time.Duration // counted from when the ping was due
	FastReconnect  time.Duration // after a shorter gap uploads are not delayed
	SessionClosed  time.Duration // resumption after error 200

	BackoffInitial    time.Duration // first delay of a series of reconnections, or of resumptions
	BackoffMax        time.Duration
	BackoffMultiplier int

	FileRetryInitial time.Duration // first delay of a series of attempts when the realm file can't be read or written
	FileRetryMax     time.Duration
}

// withDefaults fills what is unset.
func (t Timings) withDefaults() Timings {
	set := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	set(&t.ConnectTimeout, wire.ConnectTimeout)
	set(&t.Linger, wire.LingerTime)
	set(&t.PingPeriod, wire.PingPeriod)
	set(&t.PongTimeout, wire.PongTimeout)
	set(&t.FastReconnect, wire.FastReconnectLimit)
	set(&t.SessionClosed, wire.SessionClosedDelay)
	set(&t.BackoffInitial, wire.BackoffInitial)
	set(&t.BackoffMax, wire.BackoffMax)
	set(&t.FileRetryInitial, time.Second)
	set(&t.FileRetryMax, time.Minute)
	if t.BackoffMultiplier <= 0 {
		t.BackoffMultiplier = wire.BackoffMultiplier
	}
	return t
}

// withDefaults fills what is unset.
func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Dialer == nil {
		o.Dialer = NewWebSocketDialer(WebSocketOptions{})
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 32 << 20
	}
	o.Timings = o.Timings.withDefaults()
	return o
}
