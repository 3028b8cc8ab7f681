package client

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/session"
)

// resets is a ResetHandler that counts.
type resets struct {
	before, after, closed int
	frozen                bool
}

func (r *resets) Mode() session.ResetMode { return session.ResetRecover }

func (r *resets) Before(local *realm.Realm) error {
	r.before++
	r.frozen = local.Frozen()
	return nil
}

func (r *resets) After(local, remote *realm.Realm, _ bool) error {
	r.after++
	r.frozen = local.Frozen() && !remote.Frozen()
	return nil
}

func (r *resets) Close() { r.closed++ }

// A reset that has begun keeps its handler, although the realm is closed and opened again meanwhile, with another one.
func TestResetKeepsItsHandler(t *testing.T) {
	r := newRig(t)
	first, second := &resets{}, &resets{}
	cfg := r.config()
	cfg.StopPolicy = session.LiveIndefinitely
	cfg.Reset = first
	re := r.open(cfg)
	l := r.client.links[re.File()]
	begun := l.reset()
	require.NoError(t, begun.Before())
	re.Release()
	cfg.Reset = second
	re = r.open(cfg)
	require.Same(t, l, r.client.links[re.File()])
	require.Zero(t, first.closed)
	require.NoError(t, begun.After(true))
	begun.Close()
	require.Equal(t, resets{before: 1, after: 1, closed: 1, frozen: true}, *first)
	next := l.reset()
	require.NoError(t, next.Before())
	next.Close()
	require.Equal(t, resets{before: 1, frozen: true}, *second)
	third := &resets{}
	cfg.Reset = third
	again := r.open(cfg)
	require.Equal(t, 1, third.closed, "the session has one")
	again.Release()
	re.Release()
	local := &resets{}
	r.open(Config{Realm: realm.Config{Path: localPath(t), Schema: people}, Reset: local}).Release()
	require.Equal(t, 1, local.closed, "nobody needs it")
}
