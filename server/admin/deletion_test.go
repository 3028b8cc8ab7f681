package admin

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// stuck is what syncs, with data that can't be removed at first.
type stuck struct {
	Sync
	err     error
	removed []string
}

func (s *stuck) Remove(_ context.Context, app string) error {
	s.removed = append(s.removed, app)
	return s.err
}

// What can't be removed is tried again, with everything that comes after it; then the id is free, and nothing is removed any more.
func TestDeletionIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := open(t, true).login().create("test")
	app, err := f.users.AppByInternalID(t.Context(), f.app)
	require.NoError(t, err)
	data := &stuck{err: errors.New("the disk is gone")}
	d := NewDeletions(f.users, f.configs, data)
	require.NoError(t, f.users.DeleteApp(t.Context(), app))
	configured := func() bool {
		stored, err := f.configs.Stored(t.Context(), app.ID)
		require.NoError(t, err)
		return stored
	}
	err = d.FinishAll(t.Context())
	require.ErrorIs(t, err, data.err)
	require.ErrorContains(t, err, app.ID)
	require.True(t, configured(), "it goes last: an app without one is open to everybody")
	require.Error(t, f.users.CanCreate(t.Context(), app.ID))

	data.err = nil
	require.NoError(t, d.FinishAll(t.Context()))
	require.False(t, configured())
	require.NoError(t, f.users.CanCreate(t.Context(), app.ID))
	require.NoError(t, d.finish(t.Context(), app.ID), "somebody may come late")
	require.Equal(t, []string{app.ID, app.ID}, data.removed)
}

// An administrator who deletes an app is not told of what is in the way, since the app is gone; an app that he makes doesn't get its id.
func TestDeleteAppWithDataThatStays(t *testing.T) {
	t.Parallel()
	f := open(t, true).login()
	drawn := []string{"aaaaa", "aaaaa", "bbbbb"}
	f.letters = func(int) string {
		next := drawn[0]
		drawn = drawn[1:]
		return next
	}
	f.create("test")
	f.deletions.sync = &stuck{err: errors.New("the disk is gone")}
	f.call("DELETE", "P", "").want(204)
	f.call("GET", "P", "").refused(404, "app not found", "")
	require.Contains(t, f.log.String(), "not all of its data could be removed")
	require.Equal(t, "test-bbbbb", f.call("POST", "G", `{"name":"test"}`).want(201).get("client_app_id"))
}
