package sync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"realmsync/core/wire"
	"realmsync/server/auth"
)

// Server is the endpoint: an http.Handler for the upgrade requests of all apps. It is safe for concurrent use.
type Server struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	inbound *inbound
	spools  *spools

	connections atomic.Uint64 // that ever were
	revocations atomic.Uint64 // that ever were

	ctx  context.Context // ends when connections are cut off: work that nobody waits for any more
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
	s.inbound, s.spools = newInbound(cfg.MaxInbound), &spools{memoryLeft: cfg.MaxSpoolMemory, diskLeft: cfg.MaxSpoolDisk}
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

// ErrStuck is what Drain and Close fail with when something that was cut off does not end within Config.CloseTimeout. What is stored is whole, as after
// a crash; the process should end.
var ErrStuck = errors.New("sync: what was cut off does not end")

// Drain refuses new connections, and sends away those that exist with a code that lets clients come back by themselves. It
// returns when all are gone. When the context ends before, the others are cut off, and it returns the context's error as soon as they are gone, or
// ErrStuck. It can be called again.
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
	}
	s.stop() // apps that are being opened and tokens that are being checked: nobody waits for them any more
	s.mu.Lock()
	for c := range s.conns {
		c.kill()
	}
	s.mu.Unlock()
	late := time.NewTimer(s.cfg.CloseTimeout)
	defer late.Stop()
	select {
	case <-gone: // cut off, they end at once
		return ctx.Err()
	case <-late.C:
		s.mu.Lock()
		defer s.mu.Unlock()
		return fmt.Errorf("%w within %v (%d connections are among it)", ErrStuck, s.cfg.CloseTimeout, len(s.conns))
	}
}

// Close drains without waiting for clients, commits what was received and closes the apps. It takes at most twice Config.CloseTimeout; then it fails
// with ErrStuck, and leaves open what is in use.
func (s *Server) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := s.Drain(ctx)
	if s.unwatch != nil {
		s.unwatch()
	}
	s.stop()
	if errors.Is(err, ErrStuck) {
		return err
	}
	return s.closeApps()
}

// Revoke ends the connections of a user, or of all users of an app. It is what auth.Config.OnRevoke needs, and doesn't block.
func (s *Server) Revoke(r auth.Revocation) {
	code, text := revoked(r.Reason == auth.UserDeleted)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revocations.Add(1) // a connection that is not in yet looks at it then
	for c := range s.conns {
		if c.who.AppID == r.AppID && (r.UserID == "" || c.who.UserID == r.UserID) {
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
