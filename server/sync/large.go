package sync

import (
	"context"

	"realmsync/core/wire"
	"realmsync/server/view"
)

// A version is told in one DOWNLOAD of steady state, unless very much enters the client's view with it: a transaction that makes 100,000 objects, or
// that gives as many to another user. Such a version is told as a bootstrap of the query version that the client has: in batches, from a spool, so that
// neither the server nor the client has all of it in memory. The client integrates it whole, from one version to the next, and merges it with what it has
// written itself as it would in steady state: what it is told is the same, so nothing changes for the engine, and nothing is stored.
//
// An original client that loses the connection in the middle keeps the batches that it has, and puts those in front that come next under the same query
// version (spec/wire-protocol.md section 7.3, 8). It is told the same version again, before anything else of the kind, so the batches must do the same when
// they are integrated twice: they have nothing but erasures and whole objects. What objects that stay in the view have of the version comes in the last
// message, which is not kept without being integrated. That the version is told in batches again follows from what decides: the version, the view and
// Config.LargeVersion.
//
// Bootstraps that were broken off are kept by the client in the same way, and must not be integrated before the one that settles them. From the first
// of them on versions are told in steady state, whatever their size, until that one has been sent. Nothing that the client keeps is of a version that is
// older than that bootstrap: if it got a part of the bootstrap, it got all before it.

// isLarge tells whether a version is to be told in batches.
func (s *session) isLarge(p *view.Part) (bool, error) {
	first := s.broken
	if s.boot != nil {
		first = s.boot.first
	}
	if s.conn.version < wire.VersionServerBootstrap || p.Entry.Erases() || first != 0 && first < p.Entry.Version {
		return false, nil
	}
	n, err := p.Entering()
	return n > s.conn.server.cfg.LargeVersion, err
}

// prepareLarge makes the batches of the large version that is next.
func (s *session) prepareLarge(ctx context.Context) error {
	p := s.large
	s.large = nil
	b := &boot{query: s.query, snapshot: p.Entry.Version, origin: p.Entry.Origin, at: p.Entry.Timestamp}
	ok, err := s.prepare(ctx, b, func(_ context.Context, b *boot) error {
		b.spool = s.newSpool()
		err := p.Write(s.conn.server.cfg.messageBytes/8, func(c []byte, last bool) error {
			if last {
				b.tail += int64(len(c))
			}
			return b.spool.add(c)
		})
		if err != nil {
			return err
		}
		return b.spool.finish()
	})
	if ok {
		s.batched = b
	}
	return err
}

// sendLarge sends the next message of the large version.
func (s *session) sendLarge() error {
	b := s.batched
	if last, err := s.sendBatch(b); !last || err != nil {
		return err
	}
	s.batched = nil
	b.unspool()
	s.at = b.snapshot
	return nil
}
