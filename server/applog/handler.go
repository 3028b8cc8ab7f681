package applog

import (
	"context"
	"log/slog"
)

// Handler is a slog.Handler that passes everything on, and keeps the lines that are about an app: they have the attribute "app". It is safe for
// concurrent use.
type Handler struct {
	next  slog.Handler
	store *Store
	known entry // from WithAttrs
}

// Handler makes one in front of another handler.
func (s *Store) Handler(next slog.Handler) *Handler { return &Handler{next: next, store: s} }

// Enabled implements slog.Handler: what the next one does not want is not kept either.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	e := h.known
	r.Attrs(func(a slog.Attr) bool {
		e.take(a)
		return true
	})
	if e.app != "" {
		e.finish(r)
		h.store.add(e)
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	out.next = h.next.WithAttrs(attrs)
	for _, a := range attrs {
		out.known.take(a)
	}
	return &out
}

// WithGroup implements slog.Handler. What is in a group is not looked at.
func (h *Handler) WithGroup(name string) slog.Handler {
	out := *h
	out.next = h.next.WithGroup(name)
	return &out
}
