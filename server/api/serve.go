package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"realmsync/server/auth"
)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	s.forwarded(r)
	c := &call{w: newRecorder(w, s.writeTime), r: r, id: auth.NewObjectID(start), route: "other"}
	w.Header().Set("X-Appservices-Request-Id", c.id)
	defer s.finish(c, start)
	if err := s.dispatch(c); err != nil {
		s.writeError(c, err)
	}
}

func (s *Server) dispatch(c *call) error {
	if len(c.r.TransferEncoding) > 0 {
		// If there was a Content-Length too, net/http has taken it away, and whoever stands before us may have believed it: nothing that follows on this
		// connection is taken for a request (RFC 9112, 6.1). No client of ours sends chunks.
		c.w.Header().Set("Connection", "close")
	}
	if e := c.r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return &refusal{Status: http.StatusUnsupportedMediaType, Code: "BadRequest", Text: "a request's body must not be encoded: " + short(e)}
	}
	if done, err := s.administer(c); done {
		return err
	}
	switch c.r.URL.Path {
	case "/healthz":
		return s.only(c, "healthz", s.healthy)
	case "/readyz":
		return s.only(c, "readyz", s.ready)
	case "/metrics":
		if s.hideMetrics {
			return &refusal{Status: http.StatusNotFound, Text: "there is nothing at this path"}
		}
		return s.only(c, "metrics", func(c *call) error { s.metrics.handler.ServeHTTP(c.w, c.r); return nil })
	case "/.well-known/jwks.json":
		return s.only(c, "jwks", s.keySet)
	}
	if done, err := s.crossOrigin(c); done || err != nil {
		return err
	}
	if strings.HasPrefix(c.r.URL.EscapedPath(), dataPrefix) {
		return s.dataAPI(c)
	}
	route, params, allow := find(c.r.Method, c.r.URL.Path)
	if route == nil && allow != nil {
		return s.wrongMethod(c, allow)
	}
	if route == nil {
		return nothing(c.r.URL.Path)
	}
	c.route, c.params = route.pattern, params
	limit := int64(MaxBody)
	if route.pattern == functionPattern {
		limit = MaxFunctionBody
	}
	if id, ok := params["app"]; ok && route.pattern != syncPattern {
		app, err := s.auth.App(c.r.Context(), id)
		if err != nil {
			return err
		}
		c.app = app
		if params["provider"] == auth.ProviderFunction && s.auth.HasProvider(c.r.Context(), app, auth.ProviderFunction) {
			limit = MaxPayload
		}
	}
	// Not with the recorder: MaxBytesReader tells net/http's own writer that the connection is of no more use.
	c.r.Body = http.MaxBytesReader(c.w.ResponseWriter, c.r.Body, limit)
	return route.handle(s, c)
}

// logsPath is that of the link in an error (app-services 2.1).
var logsPath = regexp.MustCompile("^/groups/[0-9a-f]{24}/apps/[0-9a-f]{24}/logs$")

// nothing refuses a path that leads nowhere. Whoever opens the link of an error has no token of an administrator, and is told where the lines are.
func nothing(path string) error {
	text := "there is nothing at this path"
	if logsPath.MatchString(path) {
		text = "log lines are shown to administrators only: ask the admin API for /api/admin/v3.0" + path + " with the same co_id and an access token"
	}
	return &refusal{Status: http.StatusNotFound, Text: text}
}

// only serves a page that is read.
func (s *Server) only(c *call, name string, handle func(*call) error) error {
	c.route = name
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return s.wrongMethod(c, []string{http.MethodGet, http.MethodHead})
	}
	return handle(c)
}

func (s *Server) wrongMethod(c *call, allow []string) error {
	methods := strings.Join(allow, ", ")
	c.w.Header().Set("Allow", methods)
	return &refusal{Status: http.StatusMethodNotAllowed, Text: "this path takes " + methods}
}

// maxLoggedPath bounds what strangers write into the log, in bytes; no path that leads anywhere is longer.
const maxLoggedPath = 512

// finish ends a request: nobody is left without an answer, because a client takes none for success (1.3, H11).
func (s *Server) finish(c *call, start time.Time) {
	if p := recover(); p != nil {
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		s.log.Error("a handler panicked", "request", c.id, "route", c.route, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if c.w.status != 0 || c.w.hijacked {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
		s.writeError(c, &refusal{Status: http.StatusInternalServerError, Code: "InternalServerError", Text: "internal server error; the server's log has more under request " + c.id})
	}
	if c.w.wasEnded() && c.reason == nil {
		c.reason = errHeld
	}
	status := c.w.code()
	taken := time.Since(start)
	s.metrics.observe(c.route, c.r.Method, status, taken, c.w.hijacked)
	level := slog.LevelInfo
	if c.route == "healthz" || c.route == "readyz" || c.route == "metrics" {
		level = slog.LevelDebug
	}
	// The path and not the target: tokens are in queries (13.6).
	attrs := []slog.Attr{slog.String("request", c.id), slog.String("method", c.r.Method), slog.String("path", clip(c.r.URL.Path, maxLoggedPath)), slog.Int("status", status),
		slog.Int64("bytes", c.w.bytes), slog.Duration("took", taken), slog.String("remote", c.r.RemoteAddr)}
	if id := c.appID(); id != "" {
		attrs = append(attrs, slog.String("app", id))
	}
	if c.reason != nil {
		attrs = append(attrs, slog.Any("reason", c.reason))
	}
	s.log.LogAttrs(context.WithoutCancel(c.r.Context()), level, "request", attrs...)
}

// healthy tells that the process lives: whoever restarts servers asks for it. It answers 200 as long as requests are answered at all, also
// while the server drains, and without a look at the disk: a restart mends no disk, and would cut off the clients that are being sent away.
func (s *Server) healthy(c *call) error { return s.probed(c, http.StatusOK, "ok") }

// ready tells whether new clients may be sent here: 503 while the server drains, or when what it stores can't be read.
func (s *Server) ready(c *call) error {
	if s.draining.Load() {
		return s.probed(c, http.StatusServiceUnavailable, "draining")
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), 5*time.Second)
	defer cancel()
	if err := s.auth.Ping(ctx); err != nil {
		s.log.Error("the server is not ready", "request", c.id, "error", err)
		return s.probed(c, http.StatusServiceUnavailable, "the database cannot be read")
	}
	if s.stores != nil {
		if err := s.stores(ctx); err != nil {
			s.log.Error("the server is not ready", "request", c.id, "error", err)
			return s.probed(c, http.StatusServiceUnavailable, "the data of an app cannot be read")
		}
	}
	return s.probed(c, http.StatusOK, "ok")
}

// probed answers a probe.
func (s *Server) probed(c *call, status int, text string) error {
	c.w.Header().Set("Cache-Control", "no-store")
	writeJSON(c.w, c.r, status, looseType, map[string]string{"status": text})
	return nil
}

// keySet publishes the keys that verify our tokens (13.3), for other programs that are given them.
func (s *Server) keySet(c *call) error {
	c.w.Header().Set("Cache-Control", "public, max-age=300")
	writeJSON(c.w, c.r, http.StatusOK, jsonType, map[string]any{"keys": s.auth.PublicKeys()})
	return nil
}

// upgrade hands the request over to the sync endpoint.
func (s *Server) upgrade(c *call) error {
	if s.sync == nil {
		return &refusal{Status: http.StatusServiceUnavailable, Code: "InternalServerError", Text: "this server does not sync"}
	}
	c.r.SetPathValue("app", c.params["app"])
	s.sync.ServeHTTP(c.w, c.r)
	return nil
}

// remote is the client's address for counting attempts.
func (c *call) remote() string { return auth.RemoteOf(c.r.RemoteAddr) }
