package history

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
	"realmsync/server/store"
)

func TestForget(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1), set(1, "n", value.Int(1)))
	d.sync()
	_, err := f.SetView(t.Context(), store.View{File: d.file.Ident, QueryVersion: 1, Body: "{}"}, 0)
	require.NoError(t, err)
	d.permission = letters{}
	d.epochs = []Epoch{{View: where("")}}
	require.Len(t, d.write(set(1, "n", value.Int(2))).Resets, 1)
	require.ErrorIs(t, f.Forget(t.Context(), 99), store.ErrNotFound)
	require.NoError(t, f.Forget(t.Context(), d.file.Ident))
	for range 2 {
		_, err := f.Identify(t.Context(), d.claim())
		requireCode(t, BadClientFileIdent, err)
		require.Empty(t, f.problems(), "what was forgotten is no damage")
		f.restart()
	}
	s, err := f.Snapshot(t.Context())
	require.NoError(t, err)
	views, viewsErr := s.Views(d.file.Ident)
	resets, resetsErr := s.Resets(d.file.Ident, 0)
	require.NoError(t, errors.Join(viewsErr, resetsErr, s.Close()))
	require.Empty(t, views)
	require.Empty(t, resets)
	claim := d.claim()
	claim.Salt = 0 // which is what is kept of it
	_, err = f.Identify(t.Context(), claim)
	requireCode(t, BadClientFileIdent, err)
	require.Empty(t, f.problems(), "that is no damage: a backup of it must be restored")
}

func TestForgetAll(t *testing.T) {
	f, d := withT(t, nil)
	var last store.File
	for range forgetBatch + 3 {
		var err error
		last, err = f.NewFile(t.Context(), "user", 0)
		require.NoError(t, err)
	}
	require.NoError(t, f.ForgetAll(t.Context()))
	_, err := f.Identify(t.Context(), d.claim())
	requireCode(t, BadClientFileIdent, err)
	_, err = f.Identify(t.Context(), Claim{Ident: last.Ident, Salt: last.Salt, User: "user"})
	requireCode(t, BadClientFileIdent, err)
	fresh, err := f.NewFile(t.Context(), "user", 0)
	require.NoError(t, err)
	require.Equal(t, last.Ident+1, fresh.Ident)
	_, err = f.Identify(t.Context(), Claim{Ident: fresh.Ident, Salt: fresh.Salt, User: "user"})
	require.NoError(t, err)
}
