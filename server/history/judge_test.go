package history

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/server/store"
)

// zones is a fixture with object 1 in zone a and object 2 in zone b, a device that sees everything and one that sees zone a.
func zones(t *testing.T) (f *fixture, everything, a *device) {
	f, everything = withT(t, nil)
	everything.write(create(1), set(1, "zone", value.String("a")), create(2), set(2, "zone", value.String("b")))
	everything.sync()
	a = f.device(where("a")).sync()
	return f, everything, a
}

// requireReset tests that the result sets one object back, and what the user is told.
func requireReset(t *testing.T, f *fixture, r Result, k int64, reason string) {
	t.Helper()
	require.Len(t, r.Own, 1)
	require.Len(t, r.Resets, 1)
	require.Less(t, r.Resets[0].After, r.Resets[0].Version)
	require.Equal(t, store.Reset{
		File: r.File.Ident, Version: r.Own[0].Version, Object: f.ref(k), After: r.Resets[0].After, ClientVersion: r.Own[0].ClientVersion, Reason: reason,
	}, r.Resets[0])
}

func TestCreationOutsideOfTheView(t *testing.T) {
	f, _, a := zones(t)
	r, err := a.upload(
		a.entry(create(5), set(5, "zone", value.String("b")), create(6), set(6, "zone", value.String("a"))),
		a.entry(set(5, "n", value.Int(1)), set(6, "n", value.Int(1))),
		a.entry(set(6, "n", value.Int(2))),
	)
	require.NoError(t, err)
	require.Nil(t, f.row(5))
	require.EqualValues(t, 2, f.n(6), "other objects of the same changeset are taken")
	require.Len(t, r.Resets, 2, "each version that wrote to it is set back")
	for i, reset := range r.Resets {
		require.Equal(t, f.ref(5), reset.Object)
		require.Equal(t, r.Own[i].Version, reset.Version)
		require.Equal(t, `write to 5 in table "T" not allowed; object is outside of the current query view`, reset.Reason)
	}
	e := f.entry(r.Own[0].Version)
	require.Len(t, e.Images, 1)
	require.Equal(t, f.ref(6), e.Images[0].Ref)
	c, err := changeset.Decode(e.Bytes)
	require.NoError(t, err)
	require.Len(t, c.Instructions, 2, "the history doesn't tell of it")
	stored, err := f.Identify(t.Context(), a.claim())
	require.NoError(t, err)
	require.Equal(t, r.Resets, stored.Resets, "they outlast the connection")

	// What it wrote without having seen that is void, too: silently, for it has been told.
	r = a.write(create(5), set(5, "zone", value.String("a")))
	requireReset(t, f, r, 5, "")
	require.Nil(t, f.row(5))
	// Once it has integrated that, it may create the object inside.
	r = a.sync().write(create(5), set(5, "zone", value.String("a")))
	require.Empty(t, r.Resets)
	require.NotNil(t, f.row(5))
	stored, err = f.Identify(t.Context(), a.claim())
	require.NoError(t, err)
	require.Empty(t, stored.Resets, "what the client has reported to have seen is forgotten")
}

func TestWritesToObjectsOutside(t *testing.T) {
	f, _, a := zones(t)
	for name, ins := range map[string]changeset.Instruction{
		"update": set(2, "n", value.Int(1)), "add": add(2, "n", 1), "erase": erase(2), "create": create(2),
		"move it in": set(2, "zone", value.String("a")),
	} {
		t.Run(name, func(t *testing.T) {
			r := a.write(ins, set(1, "n", value.Int(7)))
			requireReset(t, f, r, 2, `write to 2 in table "T" not allowed; object is outside of the current query view`)
			require.Zero(t, f.n(2))
			require.Equal(t, "b", field(f.row(2), "zone").Str())
			require.EqualValues(t, 7, f.n(1))
			a.sync()
		})
	}
}

func TestClassWithoutSubscription(t *testing.T) {
	f, d := withT(t, nil)
	d.write(addTable("U"))
	a := f.device(where("a")).sync()
	r := a.write(changeset.Instruction{Op: changeset.CreateObject, Table: "U", Key: key(1)})
	require.Len(t, r.Resets, 1)
	require.Contains(t, r.Resets[0].Reason, `in table "U" not allowed`)
}

func TestReasons(t *testing.T) {
	id := value.ObjectID{1: 0xab}
	for want, k := range map[string]value.Key{
		`write to ObjectID("00ab00000000000000000000") in table "T"`:       value.ObjectIDKey(id),
		`write to UUID(00000000-0000-0000-0000-000000000000) in table "T"`: value.UUIDKey(value.UUID{}),
		`write to "s" in table "T"`:                                        value.StringKey("s"),
		`write to -3 in table "T"`:                                         value.IntKey(-3),
	} {
		require.Equal(t, want+" not allowed", notAllowed("T", k))
		require.Equal(t, want+" not allowed; object is outside of the current query view", outOfView("T", k))
	}
}

// The client itself moves an object out of its view: that is permitted, and it is told to forget it. What it writes without having
// seen that still counts.
func TestMoveOutOfTheView(t *testing.T) {
	f, all, a := zones(t)
	r := a.write(set(1, "zone", value.String("b")))
	requireReset(t, f, r, 1, "")
	require.Equal(t, "b", field(f.row(1), "zone").Str())
	r = a.write(set(1, "n", value.Int(3)))
	requireReset(t, f, r, 1, "")
	require.EqualValues(t, 3, f.n(1))
	r = a.write(set(1, "zone", value.String("a")))
	requireReset(t, f, r, 1, "")
	require.Equal(t, "a", field(f.row(1), "zone").Str(), "back again, and the client is told how it is now")
	r = a.sync().write(set(1, "n", value.Int(4)))
	require.Empty(t, r.Resets)

	// Within one upload it is the same.
	r, err := a.upload(a.entry(set(1, "zone", value.String("b"))), a.entry(set(1, "n", value.Int(5))), a.entry(erase(1)))
	require.NoError(t, err)
	require.Len(t, r.Resets, 3)
	require.Nil(t, f.row(1))

	// Unless somebody else has changed the object where the client could not see it.
	a.sync().write(create(1), set(1, "zone", value.String("a")))
	a.sync().write(set(1, "zone", value.String("b")))
	all.sync().write(set(1, "n", value.Int(50)))
	r = a.write(set(1, "n", value.Int(6)))
	requireReset(t, f, r, 1, `write to 1 in table "T" not allowed; object is outside of the current query view`)
	require.EqualValues(t, 50, f.n(1))
}

// Another client moves an object out, in, or away, while this one writes to it.
func TestConcurrentMoves(t *testing.T) {
	t.Run("out", func(t *testing.T) {
		f, all, a := zones(t)
		all.write(set(1, "zone", value.String("b")))
		r := a.write(set(1, "n", value.Int(1)))
		requireReset(t, f, r, 1, `write to 1 in table "T" not allowed; object is outside of the current query view`)
		require.Zero(t, f.n(1))
	})
	t.Run("out and in again", func(t *testing.T) {
		f, all, a := zones(t)
		all.write(set(1, "zone", value.String("b")))
		all.write(set(1, "zone", value.String("a")))
		base := a.base
		r := a.write(set(1, "n", value.Int(1)))
		requireReset(t, f, r, 1, "")
		require.Zero(t, f.n(1))
		a.base = base + 2
		r = a.write(set(1, "n", value.Int(1)))
		requireReset(t, f, r, 1, "")
		r = a.sync().write(set(1, "n", value.Int(1)))
		require.Empty(t, r.Resets, "the client knows the object as it is")
		require.EqualValues(t, 1, f.n(1))
	})
	t.Run("in", func(t *testing.T) {
		f, all, a := zones(t)
		all.write(set(2, "zone", value.String("a")))
		r := a.write(create(2), set(2, "zone", value.String("a")), set(2, "n", value.Int(1)))
		requireReset(t, f, r, 2, "")
		require.Zero(t, f.n(2))
	})
	t.Run("created inside", func(t *testing.T) {
		f, all, a := zones(t)
		all.write(create(3), set(3, "zone", value.String("a")), set(3, "n", value.Int(1)))
		a.timestamp++
		r := a.write(create(3), set(3, "zone", value.String("a")), set(3, "n", value.Int(2)))
		require.Empty(t, r.Resets, "two creations merge field by field")
		require.EqualValues(t, 2, f.n(3))
	})
	t.Run("erased inside", func(t *testing.T) {
		f, all, a := zones(t)
		all.write(erase(1))
		r := a.write(set(1, "n", value.Int(1)))
		require.Empty(t, r.Resets, "the erasure discards it on both sides")
		require.Nil(t, f.row(1))
	})
	t.Run("erased outside", func(t *testing.T) {
		f, all, a := zones(t)
		all.write(erase(2))
		r := a.write(create(2), set(2, "zone", value.String("a")))
		requireReset(t, f, r, 2, "")
		require.Nil(t, f.row(2), "the client was not told, so the erasure can't discard it there")
	})
	t.Run("changed inside", func(t *testing.T) {
		f, all, a := zones(t)
		all.write(add(1, "n", 10))
		r := a.write(add(1, "n", 1))
		require.Empty(t, r.Resets)
		require.EqualValues(t, 11, f.n(1))
	})
}

// Several changesets in one upload: once one of them is dropped, what follows on the object is dropped, whatever its base.
func TestDroppedWritesStayDropped(t *testing.T) {
	f, all, a := zones(t)
	all.write(set(1, "zone", value.String("b")))
	all.write(set(1, "zone", value.String("a")))
	first := a.entry(erase(1))
	a.sync()
	second := a.entry(create(1), set(1, "zone", value.String("a")), set(1, "n", value.Int(9)))
	r, err := a.upload(first, second)
	require.NoError(t, err)
	require.Len(t, r.Resets, 2)
	require.Zero(t, f.n(1))
}

// Bootstraps that are on their way: the client writes with the old view, or without it.
func TestWritesAcrossABootstrap(t *testing.T) {
	setup := func(t *testing.T) (*fixture, *device, *device) {
		f, all, a := zones(t)
		v, err := f.SetView(t.Context(), store.View{File: a.file.Ident, QueryVersion: 2, Body: "{}"}, 0)
		require.NoError(t, err)
		a.epochs = []Epoch{{View: where("a")}, {Snapshot: v, View: where("ab")}}
		return f, all, a
	}
	t.Run("in both views", func(t *testing.T) {
		f, _, a := setup(t)
		require.Empty(t, a.write(set(1, "n", value.Int(1))).Resets)
		require.EqualValues(t, 1, f.n(1))
	})
	t.Run("only in the new one", func(t *testing.T) {
		f, _, a := setup(t)
		requireReset(t, f, a.write(create(2), set(2, "n", value.Int(1))), 2, "")
		require.Zero(t, f.n(2))
		require.Empty(t, a.sync().write(set(2, "n", value.Int(1))).Resets, "the bootstrap is integrated")
		require.EqualValues(t, 1, f.n(2))
	})
	t.Run("only in the old one", func(t *testing.T) {
		f, _, a := setup(t)
		a.epochs[1].View = where("b")
		requireReset(t, f, a.write(set(1, "n", value.Int(1))), 1, `write to 1 in table "T" not allowed; object is outside of the current query view`)
	})
	t.Run("new object", func(t *testing.T) {
		f, _, a := setup(t)
		require.Empty(t, a.write(create(3), set(3, "zone", value.String("b"))).Resets)
		require.NotNil(t, f.row(3))
	})
	t.Run("changed after the bootstrap", func(t *testing.T) {
		f, all, a := setup(t)
		all.write(add(1, "n", 1))
		require.Empty(t, a.write(add(1, "n", 10)).Resets)
		require.EqualValues(t, 11, f.n(1))
	})
	t.Run("moved after the bootstrap, if there was one", func(t *testing.T) {
		f, all, a := setup(t)
		all.write(set(1, "zone", value.String("b")))
		all.write(set(1, "zone", value.String("a")))
		// With the new view this is an ordinary change. But if the connection is lost, the client has the old one.
		requireReset(t, f, a.write(add(1, "n", 10)), 1, "")
		require.Zero(t, f.n(1))
	})
	t.Run("touched during an earlier attempt", func(t *testing.T) {
		f, all, a := setup(t)
		all.write(add(1, "n", 1))
		v, err := f.SetView(t.Context(), store.View{File: a.file.Ident, QueryVersion: 2, Body: "{}"}, 0)
		require.NoError(t, err)
		a.epochs[1] = Epoch{Snapshot: v, First: a.epochs[1].Snapshot, View: where("ab")}
		a.base = v - 1
		requireReset(t, f, a.write(add(1, "n", 10)), 1, "")
		require.Empty(t, a.sync().write(add(1, "n", 10)).Resets)
		require.EqualValues(t, 11, f.n(1))
	})
}

// Objects of asymmetric classes are taken in and not kept.
func TestAsymmetric(t *testing.T) {
	f, d := withT(t, nil)
	d.write(addAsymmetric("A"), addColumn("A", "n", value.KindInt, false))
	blind := f.device(where("")).sync()
	data := []changeset.Instruction{
		{Op: changeset.CreateObject, Table: "A", Key: key(1)},
		{Op: changeset.Update, Table: "A", Key: key(1), Field: "n", Value: value.Int(5)},
	}
	for range 2 {
		r := blind.write(data...)
		require.Empty(t, r.Resets)
		e := f.entry(r.Own[0].Version)
		require.Len(t, e.Changeset.Instructions, 2, "the history has it")
		require.Len(t, e.Images, 1)
		require.Nil(t, e.Images[0].After)
	}
	class := f.Catalog().Class("A")
	tx, err := f.Engine.cfg.Store.Snapshot(context.Background())
	require.NoError(t, err)
	require.NoError(t, tx.Objects([]store.ObjectRef{{Class: class.ID, Key: EncodeKey(key(1))}}, func(o store.Object) error {
		t.Errorf("there is a record: %v", o)
		return nil
	}))
	require.NoError(t, tx.Close())
}

// Classify says what a view is told, and Faithful whether uploads may rely on it.
func TestClassify(t *testing.T) {
	for _, c := range []struct {
		before, inBefore, after, inAfter bool
		change                           Change
		faithful                         bool
	}{
		{true, true, true, true, Raw, true},
		{false, false, true, true, Raw, true},
		{true, false, true, true, Entered, false},
		{true, true, true, false, Left, false},
		{true, true, false, false, Gone, true},
		{false, false, false, false, Gone, true},
		{true, false, false, false, Nothing, false},
		{true, false, true, false, Nothing, false},
		{false, false, true, false, Nothing, false},
	} {
		got := Classify(c.before, c.inBefore, c.after, c.inAfter)
		require.Equal(t, c.change, got, "%+v", c)
		require.Equal(t, c.faithful, got.Faithful(), "%+v", c)
	}
}
