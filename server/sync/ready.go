package sync

import (
	"context"
	"fmt"
)

// Readable tells whether the data of the apps that are open can be read: it opens a snapshot of each, one after the other. The error is of the first
// that can't, or says that the server is shutting down.
func (s *Server) Readable(ctx context.Context) error {
	s.mu.Lock()
	draining := s.draining
	s.mu.Unlock()
	if draining {
		return errDraining
	}
	for _, a := range s.opened() {
		snapshot, err := a.engine.Snapshot(ctx)
		if err == nil {
			err = snapshot.Close()
		}
		if err != nil && s.isOpen(a) { // not one that was closed meanwhile
			return fmt.Errorf("sync: app %s: %w", a.id, err)
		}
	}
	return nil
}

// isOpen tells whether an app is open and not being closed.
func (s *Server) isOpen(a *app) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.apps[a.id]
	if o == nil || o.closing != nil {
		return false
	}
	select {
	case <-o.ready:
		return o.app == a
	default:
		return false // it is another opening
	}
}
