package sync

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/store"
)

// unreadable is a store whose snapshots fail when it is told so.
type unreadable struct {
	store.Store
	now *atomic.Bool
}

func (u unreadable) Snapshot(ctx context.Context) (store.Snapshot, error) {
	if u.now.Load() {
		return nil, errors.New("disk I/O error")
	}
	return u.Store.Snapshot(ctx)
}

// A server is ready as long as the data of every open app can be read, and it isn't shutting down.
func TestReadable(t *testing.T) {
	var broken atomic.Bool
	f := open(t, func(c *Config) {
		inner := c.Store
		c.Store = func(ctx context.Context, app string) (store.Store, error) {
			s, err := inner(ctx, app)
			return unreadable{s, &broken}, err
		}
	})
	require.NoError(t, f.Readable(t.Context()), "nothing is open")
	d := f.device("anna").subscribed(allDogs)
	require.NoError(t, f.Readable(t.Context()))
	broken.Store(true)
	require.ErrorContains(t, f.Readable(t.Context()), "app app: disk I/O error")
	broken.Store(false)
	require.NoError(t, f.Readable(t.Context()))
	d.drop()
	require.NoError(t, f.Drain(t.Context()))
	require.ErrorIs(t, f.Readable(t.Context()), errDraining)
}
