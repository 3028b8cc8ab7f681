package sync

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/server/auth"
	"realmsync/server/store"
)

// closes calls Close, which must return.
func (f *fixture) closes() error {
	f.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- f.Server.Close() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		require.FailNow(f.t, "Close hangs")
		return nil
	}
}

// try dials in the background.
func (f *fixture) try(token string) (ended chan struct{}) {
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		if l, _, err := f.tryDial("app", token, wire.OfferedSubprotocols()); err == nil {
			l.drop()
		}
	}()
	return ended
}

// A store that can't be reached doesn't keep the server from being closed.
func TestCloseWhileAnAppOpens(t *testing.T) {
	opening := make(chan struct{})
	f := open(t, func(c *Config) {
		c.Store = func(ctx context.Context, _ string) (store.Store, error) {
			close(opening)
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	ended := f.try("user")
	<-opening
	require.NoError(t, f.closes())
	<-ended
}

// stuckDoorman never answers, until it is told to.
type stuckDoorman struct{ asked, release chan struct{} }

func (d stuckDoorman) Authenticate(context.Context, string, string) (auth.Identity, error) {
	close(d.asked)
	<-d.release
	return auth.Identity{}, auth.ErrInvalidSession
}

// What ignores that it was cut off is reported, in time.
func TestCloseOfWhatDoesNotEnd(t *testing.T) {
	d := stuckDoorman{make(chan struct{}), make(chan struct{})}
	f := open(t, func(c *Config) { c.Auth, c.CloseTimeout = d, 10*time.Millisecond })
	ended := f.try("user")
	<-d.asked
	require.ErrorIs(t, f.closes(), ErrStuck)
	close(d.release)
	<-ended
	require.NoError(t, f.closes())
}

// stuckStore is a store that doesn't close.
type stuckStore struct {
	store.Store
	release chan struct{}
}

func (s stuckStore) Close() error {
	<-s.release
	return s.Store.Close()
}

// A store that hangs is reported, in time.
func TestCloseOfAStoreThatHangs(t *testing.T) {
	release := make(chan struct{})
	f := open(t, func(c *Config) {
		c.CloseTimeout = 10 * time.Millisecond
		inner := c.Store
		c.Store = func(ctx context.Context, app string) (store.Store, error) {
			s, err := inner(ctx, app)
			return stuckStore{s, release}, err
		}
	})
	a, done := f.look("app")
	done()
	require.ErrorIs(t, f.closes(), ErrStuck)
	close(release)
	require.NoError(t, a.engine.Close())
}
