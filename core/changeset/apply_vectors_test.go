package changeset_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/vectortest"
	"realmsync/core/value"
	"realmsync/tests/vectors"
)

// base reads the base state of the vectors.
func base(t testing.TB) (*vectortest.State, *memstate.State) {
	t.Helper()
	raw, err := vectors.Load("merge/base.json")
	require.NoError(t, err)
	var file struct{ State json.RawMessage }
	require.NoError(t, json.Unmarshal(raw, &file))
	form, err := vectortest.ParseState(file.State)
	require.NoError(t, err)
	st, err := memstate.FromForm(form)
	require.NoError(t, err)
	return form, st
}

func TestApplyVectors(t *testing.T) {
	form, st := base(t)
	before := string(st.JSON())
	applied, refused, plainly := 0, 0, 0
	reasons := map[changeset.Reason]int{}
	eachVector(t, "apply/cases.jsonl", func(v *vector) {
		c, err := changeset.Decode(v.bytes(t))
		if err != nil { // a strict reader refuses some of them; the original cuts a class name that is too long
			var bad *changeset.BadChangesetError
			require.ErrorAs(t, err, &bad, v.Name)
			require.True(t, v.Error != nil || bad.Reason == changeset.ReasonClassName, "%s: %v", v.Name, err)
			refused++
			return
		}
		require.Equal(t, v.instructions(t), c.Instructions, v.Name)
		work := st.Clone()
		work.Begin()
		if changeset.Supported(c) != nil {
			plainly++
			require.ErrorIs(t, changeset.Apply(plain{work}, c), changeset.ErrUnsupported, v.Name)
			require.Equal(t, before, string(work.JSON()), "%s: nothing must have been changed, even without a rollback", v.Name)
		}
		err = changeset.Apply(work, c)
		var bad *changeset.BadChangesetError
		switch {
		case v.Error != nil && laxer(form, c):
			require.NoError(t, err, v.Name)
		case v.Error != nil, stricter(form, c, v.Result):
			refused++
			require.ErrorAs(t, err, &bad, v.Name)
			reasons[bad.Reason]++
			require.NotEmpty(t, bad.Address)
			work.Rollback()
			require.Equal(t, before, string(work.JSON()), v.Name)
		default:
			applied++
			require.NoError(t, err, v.Name)
			after, err := form.Change(v.Result)
			require.NoError(t, err, v.Name)
			want, err := memstate.FromForm(after)
			require.NoError(t, err, v.Name)
			work.Commit()
			require.Equal(t, string(want.JSON()), string(work.JSON()), v.Name)
		}
	})
	require.Equal(t, before, string(st.JSON()), "clones are independent")
	t.Logf("%d applied, %d refused %v; a state without collections refused %d", applied, refused, reasons, plainly)
	require.NotZero(t, applied)
	require.NotZero(t, refused)
}

// stricter finds the lines in which the original overlooks what spec/changeset.md section 5.5 requires to be refused. Either way nothing
// changes: AddTable of an existing class with a key of another type; a new embedded object in a property for something else that isn't
// null.
func stricter(form *vectortest.State, c *changeset.Changeset, result json.RawMessage) bool {
	if string(result) != "{}" || len(c.Instructions) != 1 {
		return false
	}
	in := &c.Instructions[0]
	switch {
	case in.Op == changeset.AddTable:
		return in.Table == "Item" && in.Schema.KeyField == "_id" && in.Schema.KeyType != value.KindInt && in.Schema.KeyType != value.KindGlobalKey
	case in.Op == changeset.Update && len(in.Path) == 0 && in.Value.Kind() == value.KindObject:
		p := form.Schema[in.Table].Properties[in.Field]
		return p.Type != "Link" || form.Schema[p.LinkTarget].Kind != "embedded"
	default:
		return false
	}
}

// laxer finds the lines in which the original refuses what its own clients do: they erase null from a set that can hold it.
func laxer(form *vectortest.State, c *changeset.Changeset) bool {
	in := &c.Instructions[0]
	if len(c.Instructions) != 1 || in.Op != changeset.SetErase || !in.Value.IsNull() || len(in.Path) != 0 {
		return false
	}
	p := form.Schema[in.Table].Properties[in.Field]
	return p.Collection == "Set" && p.Nullable
}

// The schema of the base state, as the vectors' own changeset makes it.
func TestApplyBaseSchema(t *testing.T) {
	form, want := base(t)
	raw, err := vectors.Load("merge/base.json")
	require.NoError(t, err)
	var file struct{ Changesets []vector }
	require.NoError(t, json.Unmarshal(raw, &file))
	st := &memstate.State{}
	c, err := changeset.Decode(file.Changesets[0].bytes(t))
	require.NoError(t, err)
	require.Equal(t, file.Changesets[0].instructions(t), c.Instructions)
	require.NoError(t, st.Apply(c))
	again := st.JSON()
	require.NoError(t, st.Apply(c), "the same definitions again are no-ops")
	require.Equal(t, string(again), string(st.JSON()))
	form.Objects = nil
	empty, err := memstate.FromForm(form)
	require.NoError(t, err)
	require.Equal(t, string(empty.JSON()), string(st.JSON()))
	require.NotEqual(t, string(want.JSON()), string(st.JSON()))

	c, err = changeset.Decode(file.Changesets[1].bytes(t))
	require.NoError(t, err)
	require.ErrorIs(t, changeset.Apply(plain{st}, c), changeset.ErrUnsupported)
	require.Equal(t, string(again), string(st.JSON()))
	require.NoError(t, st.Apply(c))
	require.Equal(t, string(want.JSON()), string(st.JSON()), "the data of the base state")
}

// remake checks that what ApplyWith returns is what it has done.
func remake(t *testing.T, st *memstate.State, c *changeset.Changeset) {
	t.Helper()
	a, b := st.Clone(), st.Clone()
	a.Begin()
	out, err := changeset.ApplyWith(a, c, changeset.Settings{Remake: true, SpellNulls: true})
	if err != nil {
		if !errors.Is(err, changeset.ErrBadChangeset) {
			t.Fatal(err)
		}
		return
	}
	a.Commit()
	if err := b.Apply(out); err != nil {
		t.Fatal(err)
	}
	if string(a.JSON()) != string(b.JSON()) {
		t.Fatalf("%s\nis not\n%s", a.JSON(), b.JSON())
	}
}

func FuzzApply(f *testing.F) {
	seed(f)
	eachVector(f, "apply/cases.jsonl", func(v *vector) { f.Add(v.bytes(f)) })
	_, st := base(f)
	before := string(st.JSON())
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := changeset.Decode(data)
		if err != nil {
			return
		}
		remake(t, st, c)
		work := st.Clone()
		err = work.Apply(c)
		if err == nil {
			if twice := work.Apply(c); twice != nil && !errors.Is(twice, changeset.ErrBadChangeset) {
				t.Fatal(twice)
			}
			return
		}
		if !errors.Is(err, changeset.ErrBadChangeset) {
			t.Fatalf("an error of the state: a precondition wasn't checked: %v", err)
		}
		if after := string(work.JSON()); after != before {
			t.Fatalf("%v, but the state has changed:\n%s\n%s", err, after, before)
		}
	})
}
