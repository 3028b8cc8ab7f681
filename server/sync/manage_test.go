package sync

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/store"
)

var managed = &auth.App{ID: "app"}

// A file that was reset is told so when it comes back, in the way that the app wants (app-services 11.4, conformance item 26); others go on.
func TestForceReset(t *testing.T) {
	for name, test := range map[string]struct {
		off  bool
		want wire.Action
	}{"recovery": {false, wire.ClientReset}, "no recovery": {true, wire.ClientResetNoRecovery}} {
		t.Run(name, func(t *testing.T) {
			f := openGoverned(t, `[{"name":"all","apply_when":{},"document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}]`)
			f.configure(func(c *appconfig.Config) {
				c.SyncService().FlexibleSync.IsRecoveryModeDisabled = test.off
				c.Sync.DevelopmentMode = true
			})
			anna, berta := f.device("anna").subscribed(allDogs), f.device("berta").subscribed(allDogs)
			require.ErrorIs(t, f.ForceReset(t.Context(), managed, 99), store.ErrNotFound)
			require.NoError(t, f.ForceReset(t.Context(), managed, anna.ident))
			e := expect[*wire.JSONError](anna.connect().link)
			require.Equal(t, wire.CodeBadClientFileIdent, e.Code)
			require.Equal(t, test.want, e.Action)
			require.True(t, e.ShouldClientReset)
			require.Contains(t, e.Message, "Bad client file identifier (IDENT)")
			berta.sync()
		})
	}
}

func TestTerminate(t *testing.T) {
	f := open(t, nil)
	anna, berta := f.device("anna").subscribed(allDogs), f.device("berta").subscribed(allDogs)
	require.NoError(t, f.Terminate(t.Context(), managed))
	for _, d := range []*device{anna, berta} {
		e := expect[*wire.JSONError](d.connect().link)
		require.Equal(t, wire.CodeBadClientFileIdent, e.Code)
		require.Equal(t, wire.ClientReset, e.Action)
	}
	f.device("carla").subscribed(allDogs)
}

func TestRemove(t *testing.T) {
	var f *fixture
	f = open(t, func(c *Config) { c.Remove = func(app string) error { return os.RemoveAll(filepath.Join(f.dir, app)) } })
	anna := f.device("anna").subscribed(allDogs)
	require.FileExists(t, filepath.Join(f.dir, "app", "sync.db"))
	require.NoError(t, f.Remove(t.Context(), managed.ID))
	require.NoDirExists(t, filepath.Join(f.dir, "app"))
	require.NoError(t, f.Remove(t.Context(), managed.ID), "it is not there any more")
	e := expect[*wire.JSONError](anna.connect().link)
	require.Equal(t, wire.CodeBadClientFileIdent, e.Code, "what is made anew knows nobody")
}

// A server that is shutting down writes to an app that is open until it is closed: its data is not removed below it.
func TestRemoveWhileDraining(t *testing.T) {
	var f *fixture
	f = open(t, func(c *Config) { c.Remove = func(app string) error { return os.RemoveAll(filepath.Join(f.dir, app)) } })
	f.device("anna").subscribed(allDogs)
	require.NoError(t, f.Drain(t.Context()))
	require.ErrorIs(t, f.Remove(t.Context(), managed.ID), errDraining)
	require.FileExists(t, filepath.Join(f.dir, "app", "sync.db"))
	require.NoError(t, f.Remove(t.Context(), "another"), "nobody can open it any more")
}
