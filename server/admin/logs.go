package admin

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"realmsync/server/appconfig"
)

// tailLines is how many lines a Tail remembers, of all apps together.
const tailLines = 2000

// Tail is a slog.Handler that passes everything on, and remembers the newest lines that are about an app (they have the attribute "app"),
// for administrators to read. It is safe for concurrent use.
type Tail struct {
	next   slog.Handler
	app    string // from WithAttrs
	reason string // as above, the attribute "error" or "reason"
	lines  *lines // shared by all that were derived
}

// lines is a ring.
type lines struct {
	mu   sync.Mutex
	ring []line
	at   int // where the next one goes when the ring is full
}

type line struct {
	id    string
	app   string
	level slog.Level
	time  time.Time
	text  string
	err   string
}

// NewTail makes one in front of another handler.
func NewTail(next slog.Handler) *Tail { return &Tail{next: next, lines: &lines{}} }

// Enabled implements slog.Handler: what the next one does not want is not remembered either.
func (t *Tail) Enabled(ctx context.Context, level slog.Level) bool { return t.next.Enabled(ctx, level) }

// Handle implements slog.Handler.
func (t *Tail) Handle(ctx context.Context, r slog.Record) error {
	app, reason := t.app, t.reason
	r.Attrs(func(a slog.Attr) bool {
		app, reason = take(a, app, reason)
		return true
	})
	if app != "" {
		l := line{id: appconfig.NewID(r.Time), app: app, level: r.Level, time: r.Time, text: r.Message, err: clip(reason)}
		if l.err == "" && r.Level >= slog.LevelError {
			l.err = r.Message
		}
		t.lines.add(l)
	}
	return t.next.Handle(ctx, r)
}

func take(a slog.Attr, app, reason string) (string, string) {
	switch a.Key {
	case "app":
		app = a.Value.String()
	case "error", "reason":
		reason = a.Value.String()
	}
	return app, reason
}

// WithAttrs implements slog.Handler.
func (t *Tail) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *t
	out.next = t.next.WithAttrs(attrs)
	for _, a := range attrs {
		out.app, out.reason = take(a, out.app, out.reason)
	}
	return &out
}

// WithGroup implements slog.Handler. What is in a group is not looked at.
func (t *Tail) WithGroup(name string) slog.Handler {
	out := *t
	out.next = t.next.WithGroup(name)
	return &out
}

func (l *lines) add(n line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ring) < tailLines {
		l.ring = append(l.ring, n)
		return
	}
	l.ring[l.at] = n
	l.at = (l.at + 1) % tailLines
}

// of returns the lines of an app, newest first.
func (l *lines) of(app string) []line {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []line
	for i := range l.ring {
		n := l.ring[(l.at-1-i+2*len(l.ring))%len(l.ring)]
		if n.app == app {
			out = append(out, n)
		}
	}
	return out
}

// logPage is how many lines one answer has.
const logPage = 100

// getLogs shows what was logged about the app: ?errors_only=true shows what failed.
func (c *call) getLogs() error {
	type view struct {
		ID        string `json:"_id"`
		Type      string `json:"type"`
		Level     string `json:"level"`
		Message   string `json:"message"`
		Error     string `json:"error,omitempty"`
		Started   string `json:"started"`
		Completed string `json:"completed"`
	}
	errorsOnly := c.r.URL.Query().Get("errors_only") == "true"
	out := []view{}
	if c.cfg.Logs != nil {
		for _, l := range c.cfg.Logs.lines.of(c.app.ID) {
			if errorsOnly && l.err == "" {
				continue
			}
			at := l.time.UTC().Format(time.RFC3339Nano)
			if out = append(out, view{l.id, "SERVER", l.level.String(), l.text, l.err, at, at}); len(out) == logPage {
				break
			}
		}
	}
	return c.json(http.StatusOK, map[string]any{"logs": out})
}
