package logline

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// Level is realm_log_level_t.
type Level int32

// The levels of include/realm_sync.h.
const (
	All    Level = 0
	Trace  Level = 1
	Debug  Level = 2
	Detail Level = 3
	Info   Level = 4
	Warn   Level = 5
	Error  Level = 6
	Fatal  Level = 7
	Off    Level = 8
)

// levelOf returns the level of a record: slog's four lie at -4, 0, 4 and 8, and the others between and beyond.
func levelOf(l slog.Level) Level {
	switch {
	case l < slog.LevelDebug:
		return Trace
	case l < slog.LevelDebug+2:
		return Debug
	case l < slog.LevelInfo:
		return Detail
	case l < slog.LevelWarn:
		return Info
	case l < slog.LevelError:
		return Warn
	case l < slog.LevelError+4:
		return Error
	default:
		return Fatal
	}
}

// Target receives lines. Log may be called concurrently, also a last time after Close.
type Target interface {
	Log(level Level, line string)
	Close()
}

// Sink is a slog.Handler whose target and least level can be changed at any time. All methods may be called concurrently.
type Sink struct {
	root *root
	// prefix is the text of the attributes of With, group the names of WithGroup with a dot behind each.
	prefix, group string
}

type root struct {
	level  atomic.Int32
	target atomic.Pointer[Target]
}

// NewSink returns a sink without target, at level Info.
func NewSink() *Sink {
	s := &Sink{root: &root{}}
	s.root.level.Store(int32(Info))
	return s
}

// SetLevel sets the least level that is logged.
func (s *Sink) SetLevel(l Level) { s.root.level.Store(int32(l)) }

// SetTarget sets where lines go, nil for nowhere, and closes the target before.
func (s *Sink) SetTarget(t Target) {
	var p *Target
	if t != nil {
		p = &t
	}
	if old := s.root.target.Swap(p); old != nil {
		(*old).Close()
	}
}

// Enabled implements slog.Handler.
func (s *Sink) Enabled(_ context.Context, l slog.Level) bool {
	return s.root.target.Load() != nil && levelOf(l) >= Level(s.root.level.Load())
}

// Handle implements slog.Handler.
func (s *Sink) Handle(_ context.Context, r slog.Record) error {
	t := s.root.target.Load()
	if t == nil {
		return nil
	}
	line := []byte(oneLine(r.Message))
	line = append(line, s.prefix...)
	r.Attrs(func(a slog.Attr) bool {
		line = appendAttr(line, s.group, a)
		return true
	})
	(*t).Log(levelOf(r.Level), string(line))
	return nil
}

// WithAttrs implements slog.Handler.
func (s *Sink) WithAttrs(attrs []slog.Attr) slog.Handler {
	prefix := []byte(s.prefix)
	for _, a := range attrs {
		prefix = appendAttr(prefix, s.group, a)
	}
	return &Sink{s.root, string(prefix), s.group}
}

// WithGroup implements slog.Handler.
func (s *Sink) WithGroup(name string) slog.Handler {
	if name == "" {
		return s
	}
	return &Sink{s.root, s.prefix, s.group + name + "."}
}
