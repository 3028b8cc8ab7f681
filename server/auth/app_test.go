package auth

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAppIDs(t *testing.T) {
	for id, ok := range map[string]bool{
		"a": true, "myapp-abcde": true, "A.b_c-9": true, strings.Repeat("a", 64): true,
		"": false, ".": false, "..": false, ".a": false, "-a": false, "a/b": false, "a b": false, "ä": false, "a\n": false, "a\x00": false, strings.Repeat("a", 65): false,
	} {
		require.Equal(t, ok, ValidAppID(id), id)
	}
}

func TestAppsOnFirstContact(t *testing.T) {
	f := open(t, nil)
	var group sync.WaitGroup
	got := make([]*App, 8)
	for i := range got {
		group.Go(func() { got[i], _ = f.App(t.Context(), "new") })
	}
	group.Wait()
	for _, app := range got {
		require.NotNil(t, app)
		require.Same(t, got[0], app, "one app, one value: callers compare pointers")
	}
	require.Equal(t, f.app.GroupID, got[0].GroupID)
	require.NotEqual(t, f.app.DomainID, got[0].DomainID)
	_, err := f.App(t.Context(), "no/path")
	require.EqualError(t, err, "cannot find app using Client App ID 'no/path'")
	_, created, err := f.CreateApp(t.Context(), "new")
	require.NoError(t, err)
	require.False(t, created)
	_, _, err = f.CreateApp(t.Context(), "../x")
	require.Error(t, err)
	apps, err := f.Apps(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 2)
	require.Equal(t, "app-abcde", apps[0].ID)
	require.Equal(t, "new", apps[1].ID)
}

func TestConfigIsChecked(t *testing.T) {
	for name, cfg := range map[string]Config{
		"secret without development mode": {CustomJWTSecret: []byte(secret)},
		"short secret":                    {Dev: true, CustomJWTSecret: []byte("short")},
		"short sessions":                  {RefreshLife: 1},
		"short access tokens":             {AccessLife: 1},
		"no such directory":               {Dir: "/nonexistent/realm-sync"},
	} {
		_, err := Open(t.Context(), cfg)
		require.Error(t, err, name)
	}
}

// The rules by which an app merges are chosen when it is made, and stay.
func TestRules(t *testing.T) {
	dir := t.TempDir()
	open := func(strict bool) *Service {
		s, err := Open(t.Context(), Config{Dir: dir, Dev: true, DevStrict: strict})
		require.NoError(t, err)
		return s
	}
	s := open(false)
	app, _, err := s.CreateAppWith(t.Context(), "made-strict", true)
	require.NoError(t, err)
	require.True(t, app.Strict)
	app, err = s.App(t.Context(), "on-contact")
	require.NoError(t, err)
	require.False(t, app.Strict)
	require.NoError(t, s.Close())

	s = open(true)
	defer func() { require.NoError(t, s.Close()) }()
	for id, strict := range map[string]bool{"made-strict": true, "on-contact": false, "another": true} {
		app, err := s.App(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, strict, app.Strict, id)
	}
	apps, err := s.Apps(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"another", "made-strict", "on-contact"}, []string{apps[0].ID, apps[1].ID, apps[2].ID})
	require.True(t, apps[0].Strict)
}
