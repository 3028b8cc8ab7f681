package appconfig

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/server/dbfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Unix(1_700_000_000, 0)

func openStore(t *testing.T, cfg StoreConfig) *Store {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	cfg.Now = func() time.Time { return noon }
	s, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestDefaultIsValidAndStable(t *testing.T) {
	t.Parallel()
	require.NoError(t, Default("app-a").Validate())
	require.NoError(t, New("app-a", "test").Validate())
	require.Equal(t, Default("app-a"), Default("app-a"))
	require.NotEqual(t, Default("app-a").Providers[0].ID, Default("app-b").Providers[0].ID)
	s := openStore(t, StoreConfig{})
	c, err := s.Current(t.Context(), "app-a")
	require.NoError(t, err)
	require.Equal(t, Default("app-a"), c)
	require.Equal(t, SyncEnabled, c.SyncService().FlexibleSync.State)
	require.False(t, c.Provider(ProviderAnonymous).Disabled)
	require.True(t, c.Provider(ProviderAPIKey).Disabled)
	stored, err := s.Stored(t.Context(), "app-a")
	require.NoError(t, err)
	require.False(t, stored)
}

func TestUpdateStoresTellsAndSurvives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, StoreConfig{Dir: dir})
	type change struct {
		app           string
		before, after *Config
	}
	var seen []change
	cancel := s.Watch(func(app string, before, after *Config) { seen = append(seen, change{app, before, after}) })
	first, err := s.Update(t.Context(), "a", func(c *Config) error {
		c.Secrets = append(c.Secrets, Secret{ID: NewID(noon), Name: "key", Value: "My_very_confidential_secretttttt"})
		c.Functions = append(c.Functions, Function{ID: NewID(noon), Name: "f", CanEvaluate: json.RawMessage("null"), Source: "exports = () => 1 < 2"})
		return nil
	})
	require.NoError(t, err)
	require.Nil(t, first.Functions[0].CanEvaluate, "null is not given")
	second, err := s.Update(t.Context(), "a", func(c *Config) error { c.Name = "other"; return nil })
	require.NoError(t, err)
	require.Equal(t, "a", first.Name, "what was handed out does not change")
	require.Len(t, seen, 2)
	require.Equal(t, Default("a"), seen[0].before)
	require.Same(t, first, seen[0].after)
	require.Same(t, first, seen[1].before)
	require.Same(t, second, seen[1].after)
	cancel()

	// Nothing of it is readable at rest.
	require.NoError(t, s.Close())
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		require.False(t, bytes.Contains(text, []byte("My_very_confidential")), f)
		info, err := os.Stat(f)
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, f)
	}

	again := openStore(t, StoreConfig{Dir: dir})
	c, err := again.Current(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, second, c)
	_, err = again.Update(t.Context(), "a", func(c *Config) error { c.Name = "unseen"; return nil })
	require.NoError(t, err)
	require.Len(t, seen, 2, "a cancelled watcher is told nothing")
}

func TestUpdateThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	s := openStore(t, StoreConfig{Check: func(c *Config) error {
		if c.Name == "forbidden" {
			return &ValidationError{Path: "name", Reason: "it is forbidden"}
		}
		return nil
	}})
	told := 0
	defer s.Watch(func(string, *Config, *Config) { told++ })()
	own := errors.New("mine")
	_, err := s.Update(t.Context(), "a", func(c *Config) error { c.Name = "x"; return own })
	require.ErrorIs(t, err, own)
	_, err = s.Update(t.Context(), "a", func(c *Config) error { c.Name = ""; return nil })
	var v *ValidationError
	require.ErrorAs(t, err, &v)
	require.Equal(t, "name", v.Path)
	_, err = s.Update(t.Context(), "a", func(c *Config) error { c.Name = "forbidden"; return nil })
	require.EqualError(t, err, "name: it is forbidden")
	require.Zero(t, told)
	c, err := s.Current(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, Default("a"), c)
}

func TestDelete(t *testing.T) {
	t.Parallel()
	s := openStore(t, StoreConfig{})
	_, err := s.Update(t.Context(), "a", func(c *Config) error { c.Name = "x"; return nil })
	require.NoError(t, err)
	gone := ""
	defer s.Watch(func(app string, before, after *Config) {
		require.Equal(t, "x", before.Name)
		require.Nil(t, after)
		gone = app
	})()
	require.NoError(t, s.Delete(t.Context(), "a"))
	require.Equal(t, "a", gone)
	c, err := s.Current(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, Default("a"), c)
}

func TestFilesOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sql  string
		want error
	}{
		"foreign": {"CREATE TABLE t (x); PRAGMA application_id = 7", dbfile.ErrForeign},
		"newer":   {"CREATE TABLE t (x); PRAGMA application_id = 1381196646; PRAGMA user_version = 99", dbfile.ErrNewer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "config.db")
			db, err := sql.Open("sqlite3", path)
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), test.sql)
			require.NoError(t, err)
			require.NoError(t, db.Close())
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = Open(t.Context(), StoreConfig{Dir: dir})
			require.ErrorIs(t, err, test.want)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after)
			require.NoFileExists(t, filepath.Join(dir, "config-key"))
		})
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "config-key")
	s := openStore(t, StoreConfig{Dir: dir})
	_, err := s.Update(t.Context(), "a", func(c *Config) error { c.Name = "x"; return nil })
	require.NoError(t, err)
	require.NoError(t, s.Close())
	old, err := os.ReadFile(key)
	require.NoError(t, err)

	// Without its key nothing is made anew.
	require.NoError(t, os.Remove(key))
	_, err = Open(t.Context(), StoreConfig{Dir: dir})
	require.ErrorContains(t, err, "is missing")
	require.NoFileExists(t, key)

	// A new key on top: what was there is read with the old one.
	fresh := bytes.Repeat([]byte("ab"), keySize)
	require.NoError(t, os.WriteFile(key, append(append(fresh, '\n'), old...), 0o600))
	s = openStore(t, StoreConfig{Dir: dir})
	c, err := s.Current(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, "x", c.Name)
	require.NoError(t, s.Close())

	// Another key alone can't.
	require.NoError(t, os.WriteFile(key, fresh, 0o600))
	s = openStore(t, StoreConfig{Dir: dir})
	_, err = s.Current(t.Context(), "a")
	require.ErrorContains(t, err, "a key that the key file does not have")
	require.NoError(t, s.Close())

	require.NoError(t, os.WriteFile(key, []byte("zz\n"), 0o600))
	_, err = Open(t.Context(), StoreConfig{Dir: dir})
	require.ErrorContains(t, err, "line 1")
}

func TestSealedTextBelongsToItsApp(t *testing.T) {
	t.Parallel()
	s, err := openSealer(filepath.Join(t.TempDir(), "k"), true)
	require.NoError(t, err)
	sealed := s.seal([]byte("text"), "a")
	text, err := s.open(sealed, "a")
	require.NoError(t, err)
	require.Equal(t, "text", string(text))
	_, err = s.open(sealed, "b")
	require.Error(t, err)
	sealed[len(sealed)-1] ^= 1
	_, err = s.open(sealed, "a")
	require.Error(t, err)
	_, err = s.open(sealed[:5], "a")
	require.Error(t, err)
}
