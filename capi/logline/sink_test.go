package logline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

type lines struct {
	mu     sync.Mutex
	list   []string
	levels []Level
	closed int
}

func (l *lines) Log(level Level, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, line)
	l.levels = append(l.levels, level)
}

func (l *lines) Close() { l.closed++ }

func TestLines(t *testing.T) {
	s := NewSink()
	log := slog.New(s)
	log.Error("nobody listens")
	to := &lines{}
	s.SetTarget(to)
	log.Info("plain")
	log.Info("with\nbreak", "n", 3, "text", "two words", "empty", "", "err", errors.New("x=\"y\"\n"))
	log.With("app", "a1").WithGroup("g").Info("grouped", "k", 1, slog.Group("h", "m", 2))
	log.Debug("below the level")
	require.Equal(t, []string{
		"plain",
		`with break n=3 text="two words" empty="" err="x=\"y\"\n"`,
		"grouped app=a1 g.k=1 g.h.m=2",
	}, to.list)
}

func TestLevels(t *testing.T) {
	s := NewSink()
	to := &lines{}
	s.SetTarget(to)
	s.SetLevel(All)
	for _, l := range []slog.Level{-8, -4, -2, 0, 4, 8, 12} {
		slog.New(s).Log(context.Background(), l, "x")
	}
	require.Equal(t, []Level{Trace, Debug, Detail, Info, Warn, Error, Fatal}, to.levels)
	s.SetLevel(Off)
	slog.New(s).Log(context.Background(), 20, "x")
	require.Len(t, to.list, 7)
}

func TestSecretsAreNotWritten(t *testing.T) {
	s := NewSink()
	to := &lines{}
	s.SetTarget(to)
	log := slog.New(s)
	log.Info("a", "accessToken", "s3cret", "Password", "s3cret", "url", "ws://h/p?baas_at=s3cret&x=1")
	log.Info("dial ws://h/p?baas_at=s3cret failed", "err", errors.New("dial ws://h/p?baas_at=s3cret: refused"))
	log.With("refresh_token", "s3cret").Info("b")
	require.Len(t, to.list, 3)
	for _, line := range to.list {
		require.NotContains(t, line, "s3cret")
	}
	require.Contains(t, to.list[0], "x=1")
	require.Contains(t, to.list[1], "refused")
}

func TestTargetIsClosedOnce(t *testing.T) {
	s := NewSink()
	a, b := &lines{}, &lines{}
	s.SetTarget(a)
	s.SetTarget(b)
	require.Equal(t, 1, a.closed)
	s.SetTarget(nil)
	s.SetTarget(nil)
	require.Equal(t, 1, b.closed)
	require.False(t, s.Enabled(context.Background(), slog.LevelError))
}
