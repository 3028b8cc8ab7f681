package sync

import (
	"context"
	"fmt"
	"time"

	"realmsync/core/wire"
	"realmsync/server/auth"
)

// ForceReset makes the server forget a client file, and drops the connection that has it: when the client identifies itself again, it is told
// to reset (error 208, spec/app-services.md section 11.4). store.ErrNotFound if there is no such file.
func (s *Server) ForceReset(ctx context.Context, app *auth.App, file uint64) error {
	o, err := s.acquire(ctx, app.ID, app.Strict)
	if err != nil {
		return err
	}
	defer s.release(o)
	if err := o.app.engine.Forget(ctx, file); err != nil {
		return err
	}
	o.app.mu.Lock()
	session := o.app.files[file]
	o.app.mu.Unlock()
	if session != nil {
		session.conn.close(wire.CloseInternalError, "the client file was reset")
	}
	return nil
}

// Terminate makes the server forget all client files of an app, so that every client resets when it comes back.
func (s *Server) Terminate(ctx context.Context, app *auth.App) error {
	o, err := s.acquire(ctx, app.ID, app.Strict)
	if err != nil {
		return err
	}
	defer s.release(o)
	if err := o.app.engine.ForgetAll(ctx); err != nil {
		return err
	}
	s.closeConns(app.ID, wire.CloseInternalError, "sync was terminated")
	return nil
}

// Remove ends the connections to an app that was deleted, closes it, and removes its data. A server that is shutting down doesn't remove that of an app
// which is open: it is written to until it is closed.
func (s *Server) Remove(ctx context.Context, app string) error {
	s.mu.Lock()
	s.revocations.Add(1) // a connection that is not in yet looks at it then
	o := s.apps[app]
	var gone chan struct{}
	if o != nil {
		if o.gone == nil {
			o.gone = make(chan struct{})
		}
		gone = o.gone
		if o.users == 0 && o.closing == nil {
			if o.idle != nil {
				o.idle.Stop()
			}
			o.idle = time.AfterFunc(0, func() { s.closeIdle(o) })
		}
	}
	s.mu.Unlock()
	s.closeConns(app, wire.CloseForbidden, "the app was deleted")
	if gone != nil {
		select {
		case <-gone:
		case <-ctx.Done():
			return fmt.Errorf("sync: closing app %s: %w", app, ctx.Err())
		}
		s.mu.Lock()
		open := s.draining && s.apps[app] == o
		s.mu.Unlock()
		if open {
			return fmt.Errorf("sync: removing the data of app %s: %w", app, errDraining)
		}
	}
	if s.cfg.Remove == nil {
		return nil
	}
	return s.cfg.Remove(app)
}

func (s *Server) closeConns(app string, code wire.CloseCode, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.who.AppID == app {
			c.close(code, text)
		}
	}
}
