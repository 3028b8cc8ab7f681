package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/appconfig"
	"realmsync/server/appconfig/export"
	"realmsync/server/auth"
)

// An export of an app that is killed leaves nothing that serve --app takes for an app.
func TestKilledAppExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, out := filepath.Join(dir, "data"), filepath.Join(dir, "out")
	require.NoError(t, os.Mkdir(data, 0o700))
	configs, err := appconfig.Open(t.Context(), appconfig.StoreConfig{Dir: data})
	require.NoError(t, err)
	users, err := auth.Open(t.Context(), auth.Config{Dir: data, Configs: configs})
	require.NoError(t, err)
	_, err = configs.Update(t.Context(), "big", func(c *appconfig.Config) error {
		for i := range 2000 {
			name := fmt.Sprintf("v%d", i)
			c.Values = append(c.Values, appconfig.Value{ID: appconfig.FixedID(name), Name: name, Value: []byte("1")})
		}
		return nil
	})
	require.NoError(t, err)
	_, _, err = users.CreateApp(t.Context(), "big")
	require.NoError(t, err)
	require.NoError(t, users.Close())
	require.NoError(t, configs.Close())

	cmd, log := command("app", "export", "--data", data, "big", out)
	require.NoError(t, cmd.Start())
	until(t, func() bool { _, err := os.Stat(filepath.Join(out, "values")); return err == nil })
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait(), "it should have had more to do: %s", log)
	_, err = export.Load(out)
	require.ErrorContains(t, err, "realm_config.json: it is missing: this is not the export of an app")
}
