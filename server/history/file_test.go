package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
	"realmsync/server/store"
)

// claim is what the device says in IDENT, as of its base.
func (d *device) claim() Claim {
	c := Claim{Ident: d.file.Ident, Salt: d.file.Salt, User: "user", ServerVersion: d.base, LatestVersion: d.base}
	if d.base > 0 {
		c.LatestSalt = d.f.Salt(d.base)
	}
	return c
}

func TestNewFiles(t *testing.T) {
	f := open(t, nil)
	a, err := f.NewFile(t.Context(), "user", 0)
	require.NoError(t, err)
	b, err := f.NewFile(t.Context(), "user", 0)
	require.NoError(t, err)
	require.EqualValues(t, FirstFile, a.Ident)
	require.EqualValues(t, FirstFile+1, b.Ident)
	require.NotEqual(t, a.Salt, b.Salt)
	require.EqualValues(t, 1_000_000, a.Created)
	f.restart()
	c, err := f.NewFile(t.Context(), "user", 0)
	require.NoError(t, err)
	require.EqualValues(t, FirstFile+2, c.Ident)
	got, err := f.Identify(t.Context(), Claim{Ident: a.Ident, Salt: a.Salt, User: "user"})
	require.NoError(t, err)
	require.Equal(t, a, got.File)
	require.EqualValues(t, 1, got.Version)
}

func TestIdentify(t *testing.T) {
	f, d := withT(t, nil)
	other := f.device().sync()
	other.write(create(1))
	d.sync().write(create(2)) // version 4, reports base 3
	other.write(create(3))
	newest := f.Version()

	good := d.claim()
	c, err := f.Identify(t.Context(), good)
	require.NoError(t, err)
	require.Equal(t, newest, c.Version)
	require.Equal(t, []store.Own{{Version: 4, ClientVersion: 3}}, c.Own)
	require.EqualValues(t, 3, c.File.ClientVersion)

	for name, x := range map[string]struct {
		code   Code
		change func(*Claim)
	}{
		"unknown file":                  {BadClientFileIdent, func(c *Claim) { c.Ident = 77 }},
		"file 0":                        {BadClientFileIdent, func(c *Claim) { c.Ident = 0 }},
		"the server's own file":         {BadClientFileIdent, func(c *Claim) { c.Ident = Server }},
		"another salt":                  {DivergingHistories, func(c *Claim) { c.Salt++ }},
		"download cursor goes back":     {BadServerVersion, func(c *Claim) { c.ServerVersion = 2 }},
		"download cursor in the future": {BadServerVersion, func(c *Claim) { c.ServerVersion = newest + 1; c.LatestVersion = newest + 1 }},
		"client version in the future":  {BadClientVersion, func(c *Claim) { c.ClientVersion = 4 }},
		"latest below the cursor":       {BadServerVersion, func(c *Claim) { c.LatestVersion = 2 }},
		"latest in the future":          {BadServerVersion, func(c *Claim) { c.LatestVersion = newest + 1 }},
		"another history":               {DivergingHistories, func(c *Claim) { c.LatestSalt++ }},
		"another user":                  {UserMismatch, func(c *Claim) { c.User = "somebody else" }},
	} {
		t.Run(name, func(t *testing.T) {
			claim := good
			x.change(&claim)
			_, err := f.Identify(t.Context(), claim)
			requireCode(t, x.code, err)
		})
	}
}

// The salt of a version is that of the life of the store in which the version was made first.
func TestSalts(t *testing.T) {
	f, d := withT(t, nil)
	one := f.Salt(1)
	require.NotZero(t, one)
	require.Equal(t, one, f.Salt(2))
	f.restart()
	require.Equal(t, one, f.Salt(2))
	require.Equal(t, one, f.Salt(3), "no version was made in this life")
	d.sync().write(create(1))
	d.write(create(2))
	two := f.Salt(3)
	require.NotZero(t, two)
	require.NotEqual(t, one, two)
	require.Equal(t, two, f.Salt(4))
	require.Equal(t, one, f.Salt(2))
	f.restart()
	require.Equal(t, two, f.Salt(4))
	_, err := f.Identify(t.Context(), d.sync().claim())
	require.NoError(t, err)
}

// A server that was set back to a copy of its data recognizes clients that know what it has lost.
func TestRestoredCopy(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1)) // version 3
	copied := f.Version()
	d.sync().write(create(2)) // version 4 of the first life
	claim := d.sync().claim()

	g, e := withT(t, func(c *Config) { c.Random = &numbers{n: 100} })
	e.write(create(1))
	require.Equal(t, copied, g.Version())
	e.write(create(7)) // version 4 of another life
	claim.Ident, claim.Salt = e.file.Ident, e.file.Salt
	_, err := g.Identify(t.Context(), claim)
	requireCode(t, DivergingHistories, err)
}

func TestViews(t *testing.T) {
	f, d := withT(t, nil)
	ident := d.file.Ident
	v1, err := f.SetView(t.Context(), store.View{File: ident, QueryVersion: 1, Body: "one"}, 0)
	require.NoError(t, err)
	require.EqualValues(t, 3, v1)
	require.Equal(t, v1, f.Version())
	e := f.entry(v1)
	require.EqualValues(t, Server, e.Origin)
	require.Empty(t, e.Bytes)
	d.sync().write(create(1))
	v2, err := f.SetView(t.Context(), store.View{File: ident, QueryVersion: 2, Body: "two"}, 1)
	require.NoError(t, err)
	again, err := f.SetView(t.Context(), store.View{File: ident, QueryVersion: 2, Body: "two", First: v2}, 2)
	require.NoError(t, err)
	require.Greater(t, again, v2, "a version for each attempt")
	f.restart()
	c, err := f.Identify(t.Context(), d.claim())
	require.NoError(t, err)
	require.Equal(t, []store.View{{File: ident, QueryVersion: 2, Body: "two", Snapshot: again, First: v2}}, c.Views)
}

func TestExpiry(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1), set(1, "n", value.Int(1)))
	d.sync()
	require.ErrorIs(t, f.Expire(t.Context(), 99), store.ErrNotFound)
	require.NoError(t, f.Expire(t.Context(), d.file.Ident))
	f.clock.Move(1000 * time.Hour)
	for range 2 {
		_, err := f.Identify(t.Context(), d.claim())
		requireCode(t, ClientFileExpired, err)
		d.stream = &Stream{}
		_, err = d.upload(d.entry(add(1, "n", 1)))
		requireCode(t, ClientFileExpired, err)
		f.restart()
	}
	require.EqualValues(t, 1, f.n(1))
}

func TestLastSeen(t *testing.T) {
	f, d := withT(t, nil)
	seen := func() uint64 {
		c, err := f.Identify(t.Context(), d.claim())
		require.NoError(t, err)
		return c.File.LastSeen
	}
	require.EqualValues(t, 1_000_000, seen())
	f.clock.Move(30 * time.Minute)
	require.EqualValues(t, 1_000_000, seen(), "writing it each time would be a disk flush for each connection")
	f.clock.Move(2 * time.Hour)
	require.EqualValues(t, 1_000_000+9_000_000, seen())
	f.clock.Move(2 * time.Hour)
	d.write(create(1))
	f.restart()
	require.EqualValues(t, 1_000_000+9_000_000+7_200_000, seen())
}
