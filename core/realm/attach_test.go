package realm

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAttach(t *testing.T) {
	clean(t)
	var attached, detached []uint64
	config := Config{Path: tempPath(t), Schema: dogs, Attach: func(r *Realm) (func(), error) {
		attached = append(attached, r.ID())
		_ = r.Version() // no lock is held
		return func() {
			require.True(t, r.IsClosed())
			detached = append(detached, r.ID())
		}, nil
	}}
	r, err := Open(config)
	require.NoError(t, err)
	again, err := Open(config)
	require.NoError(t, err)
	require.Equal(t, []uint64{r.ID()}, attached, "once per instance")
	f, err := r.Freeze()
	require.NoError(t, err)
	require.Equal(t, []uint64{r.ID(), f.ID()}, attached)
	again.Release()
	require.Empty(t, detached)
	var rex Object
	write(t, r, func() {
		rex, _, err = tryCreate(t, r, "Dog", values{"_id": i64(1)}, false)
		require.NoError(t, err)
	})
	r.Release()
	require.Empty(t, detached)
	ReleaseObject(rex)
	require.Equal(t, []uint64{r.ID()}, detached, "with the last object")
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
	require.Len(t, detached, 2)
	f.Release()
	require.Len(t, detached, 2)

	refused := errors.New("refused")
	config.Attach = func(*Realm) (func(), error) { return nil, refused }
	_, err = Open(config)
	require.Equal(t, refused, err)
}
