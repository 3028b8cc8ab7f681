package sync

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"realmsync/server/history"
)

// sweepEvery is after how many rounds of maintenance unused pieces of collections are looked for, which reads all data.
const sweepEvery = 24

// maintenance keeps the past of an open app bounded: it gives up client files that were away too long, and the history that nobody needs
// (history.Engine.Trim).
type maintenance struct {
	stop  context.CancelFunc
	ended chan struct{}
}

// maintain starts the maintenance of an app. end ends it and waits.
func maintain(s *Server, a *app) *maintenance {
	ctx, stop := context.WithCancel(context.Background())
	m := &maintenance{stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		tick := time.NewTicker(s.cfg.TrimEvery)
		defer tick.Stop()
		for round := 1; ; round++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				s.trim(ctx, a, round%sweepEvery == 0)
			}
		}
	}()
	return m
}

func (m *maintenance) end() {
	m.stop()
	<-m.ended
}

// trim is one round.
func (s *Server) trim(ctx context.Context, a *app, sweep bool) {
	start := time.Now()
	a.tidy() // what it finds out counts in the next round
	if s.cfg.Trimming != nil {
		if err := s.cfg.Trimming(ctx, a.id, a.engine); err != nil {
			s.log.Error("the history of an app is not trimmed now; it is tried again", slog.String("app", a.id), slog.Any("error", err))
			return
		}
	}
	r := history.Retention{Offline: s.cfg.MaxOffline(ctx, a.id), Connected: a.connected(), Sweep: sweep}
	before := a.engine.Floor()
	out, err := a.engine.Trim(ctx, r)
	if out.Quiet {
		a.fan.Forget(a.fan.Version())
	} else {
		a.fan.Forget(out.Floor)
	}
	took := time.Since(start)
	s.metrics.trimmed(out, out.Floor-before, took)
	switch {
	case err == nil:
	case ctx.Err() != nil || errors.Is(err, history.ErrClosed):
		return // the next one goes on
	default:
		s.log.Error("the history of an app could not be trimmed; it is tried again", slog.String("app", a.id), slog.Any("error", err))
		return
	}
	if out.Expired > 0 || out.Floor > before || out.Pieces > 0 {
		s.log.Info("history trimmed", slog.String("app", a.id), slog.Int("files_expired", out.Expired), slog.Uint64("floor", out.Floor),
			slog.Uint64("version", a.engine.Version()), slog.Int("pieces", out.Pieces), slog.Duration("took", took))
	}
}

// connected lists the client files that have a session.
func (a *app) connected() []uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.files))
}
