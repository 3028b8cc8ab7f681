package sync

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// opening is an app that is open, being opened or being closed. One id has one at a time: an app's files must not be opened twice.
type opening struct {
	id     string
	strict bool          // it merges by the strict rules
	ready  chan struct{} // closed when app or err is set
	app    *app
	err    error

	// Guarded by Server.mu.
	users   int           // connections, and those who wait for ready
	idle    *time.Timer   // runs while there are no users
	closing chan struct{} // not nil: it is being closed; closed when that is done
	gone    chan struct{} // not nil: it is closed as soon as nobody uses it (Remove); closed when that is done
}

// acquire returns an app, opening it on first contact. Release what it returns. Failures are not remembered.
func (s *Server) acquire(ctx context.Context, id string, strict bool) (*opening, error) {
	for {
		s.mu.Lock()
		if s.draining {
			s.mu.Unlock()
			return nil, errDraining
		}
		o := s.apps[id]
		if o != nil && o.closing != nil {
			s.mu.Unlock()
			select {
			case <-o.closing:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if o == nil {
			o = &opening{id: id, strict: strict, ready: make(chan struct{})}
			s.apps[id] = o
			s.serving.Go(func() { s.open(o) })
		}
		o.users++
		if o.idle != nil {
			o.idle.Stop()
			o.idle = nil
		}
		s.mu.Unlock()
		select {
		case <-o.ready:
			if o.err == nil {
				return o, nil
			}
			s.release(o)
			return nil, o.err
		case <-ctx.Done():
			s.release(o)
			return nil, ctx.Err()
		}
	}
}

func (s *Server) open(o *opening) {
	start := time.Now()
	o.app, o.err = openApp(s.ctx, s, o.id, o.strict)
	if o.err != nil {
		s.log.Error("an app could not be opened", "app", o.id, "error", o.err)
		s.mu.Lock()
		delete(s.apps, o.id)
		if o.gone != nil {
			close(o.gone)
			o.gone = nil
		}
		s.mu.Unlock()
	} else {
		s.log.Info("app opened", "app", o.id, "version", o.app.engine.Version(), "took", time.Since(start))
	}
	close(o.ready)
}

// release gives an app back. The last one to do so starts the time after which it is closed.
func (s *Server) release(o *opening) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.users--; o.users == 0 && s.apps[o.id] == o && o.closing == nil {
		wait := s.cfg.AppIdle
		if o.gone != nil {
			wait = 0
		}
		o.idle = time.AfterFunc(wait, func() { s.closeIdle(o) })
	}
}

// closeIdle closes an app that nobody uses.
func (s *Server) closeIdle(o *opening) {
	s.mu.Lock()
	if o.users > 0 || o.closing != nil || s.apps[o.id] != o || s.draining {
		if s.draining && o.gone != nil && o.closing == nil {
			close(o.gone) // Close closes it
			o.gone = nil
		}
		s.mu.Unlock()
		return
	}
	o.closing = make(chan struct{})
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()
	<-o.ready
	if o.err != nil {
		// It was never open.
	} else if err := o.app.close(); err != nil {
		s.log.Error("an app could not be closed", "app", o.id, "error", err)
	} else {
		s.log.Info("app closed", "app", o.id)
	}
	s.mu.Lock()
	if s.apps[o.id] == o {
		delete(s.apps, o.id)
	}
	if o.gone != nil {
		close(o.gone)
		o.gone = nil
	}
	s.mu.Unlock()
	close(o.closing)
}

// closeApps closes all apps. The server is draining, and nothing is served any more.
func (s *Server) closeApps() error {
	s.mu.Lock()
	apps := s.apps
	s.apps = map[string]*opening{}
	for _, o := range apps {
		if o.idle != nil {
			o.idle.Stop()
		}
	}
	s.mu.Unlock()
	// At the same time, and each as long as the others may take: one whose store hangs must not keep the rest from being closed.
	closed := make(chan error, len(apps))
	for id, o := range apps {
		go func() {
			<-o.ready
			if o.err != nil {
				closed <- nil
				return
			}
			err := o.app.close()
			if err != nil {
				err = fmt.Errorf("sync: closing app %s: %w", id, err)
			}
			if o.app.unwritten.Load() {
				s.writeDown(o.app, o.app.engine.Catalog().Schema)
			}
			closed <- err
		}()
	}
	late := time.NewTimer(s.cfg.CloseTimeout)
	defer late.Stop()
	var errs []error
	for range apps {
		select {
		case err := <-closed:
			errs = append(errs, err)
		case <-late.C:
			return errors.Join(append(errs, fmt.Errorf("%w within %v: %d apps are still being closed", ErrStuck, s.cfg.CloseTimeout, len(apps)-len(errs)))...)
		}
	}
	return errors.Join(errs...)
}
