package sync

import (
	"context"

	"realmsync/core/wire"
)

// Socket is a WebSocket that somebody else has accepted, *websocket.Conn for example. One goroutine reads; Write and the two ways to close may be
// called by several. Read and Write end when their context does.
type Socket = socket

// ServeSocket serves a client of an app on a socket until it ends, without HTTP: what ServeHTTP does after the upgrade. The client speaks the
// newest version of the protocol. Errors, before anything was read: those of Config.Auth, and that the server is shutting down or the app
// can't be opened. The socket is the caller's to close then.
func (s *Server) ServeSocket(ctx context.Context, appID, token string, ws Socket, remote string) error {
	if !s.begin() {
		return errDraining
	}
	defer s.serving.Done()
	ctx, cancel := s.until(ctx)
	defer cancel()
	who, err := s.cfg.Auth.Authenticate(ctx, appID, token)
	if err != nil {
		return err
	}
	a, err := s.acquire(ctx, appID, who.Strict)
	if err != nil {
		return err
	}
	defer s.release(a)
	newConn(s, a.app, ws, who, wire.Version, remote, s.connections.Add(1)).serve()
	return nil
}
