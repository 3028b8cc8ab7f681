package sync

import (
	"context"

	"realmsync/server/history"
)

// Engine returns the engine of an app, for programs on the server that read and write its data; the app is opened if it isn't. strict says by
// which rules the app merges (auth.App). Call release when it is no longer used, once.
func (s *Server) Engine(ctx context.Context, app string, strict bool) (engine *history.Engine, release func(), err error) {
	o, err := s.acquire(ctx, app, strict)
	if err != nil {
		return nil, nil, err
	}
	if err := s.declare(ctx, o.app); err != nil {
		s.release(o)
		return nil, nil, err
	}
	return o.app.engine, func() { s.release(o) }, nil
}
