package sync

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"realmsync/core/wire"
	"realmsync/server/auth"
)

// Server is the endpoint: an http.Handler for the upgrade requests of all apps. It is safe for concurrent use.
type Server struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics

	connections atomic.Uint64 // that ever were
	revocations atomic.Uint64 // that ever were

	ctx  context.Context // ends with Close: work for a session that nobody waits for any more
	stop context.CancelFunc

	unwatch func() // ends the notifications of changed rules; nil: there are none

	mu       sync.Mutex
	draining bool
	apps     map[string]*opening // by id
	conns    map[*conn]struct{}
	serving  sync.WaitGroup // handlers of connections
}

var errDraining = errors.New("sync: the server is shutting down")

// New makes a server. It fails if something required is missing, or if metrics of the same names are registered. Close it.
func New(cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.Logger, apps: map[string]*opening{}, conns: map[*conn]struct{}{}}
	var err error
	if s.metrics, err = newMetrics(cfg.Registry); err != nil {
		return nil, err
	}
	if cfg.Registry != nil {
		if err := cfg.Registry.Register(newSizes(s)); err != nil {
			return nil, err
		}
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	if cfg.Rules != nil {
		s.unwatch = cfg.Rules.Watch(s.rulesChanged)
	}
	return s, nil
}

// Drain refuses new connections, and sends away those that exist with a code that lets clients come back by themselves. It
// returns when all are gone, or with the context's error; it can be called again.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	for c := range s.conns {
		c.close(wire.CloseInternalError, "the server is shutting down")
	}
	s.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		for c := range s.conns {
			c.kill()
		}
		s.mu.Unlock()
		<-gone // cut off, they end at once
		return ctx.Err()
	}
}

// Close drains without waiting for clients, commits what was received and closes the apps.
func (s *Server) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.Drain(ctx)
	if s.unwatch != nil {
		s.unwatch()
	}
	s.stop()
	return s.closeApps()
}

// Revoke ends the connections of a user. It is what auth.Config.OnRevoke needs, and doesn't block.
func (s *Server) Revoke(r auth.Revocation) {
	code, text := revoked(r.Reason == auth.UserDeleted)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revocations.Add(1) // a connection that is not in yet looks at it then
	for c := range s.conns {
		if c.who.AppID == r.AppID && c.who.UserID == r.UserID {
			c.close(code, text)
		}
	}
}

// revoked returns how a connection is closed whose user may not go on.
func revoked(deleted bool) (wire.CloseCode, string) {
	if deleted {
		return wire.CloseForbidden, "the user was deleted"
	}
	return wire.CloseUnauthorized, "the session was revoked"
}

// enter counts a connection in, unless the server is draining.
func (s *Server) enter(c *conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return errDraining
	}
	s.conns[c] = struct{}{}
	return nil
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// begin counts a request in, unless the server is draining. It says whether to go on; then call s.serving.Done.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.serving.Add(1)
	return true
}

var _ http.Handler = (*Server)(nil)
