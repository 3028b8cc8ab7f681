package history

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/server/store"
)

func TestUploadOfNewObjects(t *testing.T) {
	f, d := withT(t, nil)
	entry := d.entry(create(1), set(1, "n", value.Int(5)), create(2))
	data := bytes.Clone(entry.Data)
	r, err := d.upload(entry)
	require.NoError(t, err)
	require.Equal(t, []store.Own{{Version: 3, ClientVersion: 3}}, r.Own)
	require.Empty(t, r.Resets)
	require.EqualValues(t, 3, r.File.ClientVersion)
	require.EqualValues(t, 2, r.File.BaseVersion)
	require.EqualValues(t, 3, f.Version())
	require.EqualValues(t, 5, f.n(1))
	require.EqualValues(t, 0, f.n(2))
	require.Nil(t, f.row(3))

	e := f.entry(3)
	require.Equal(t, d.file.Ident, e.Origin)
	require.EqualValues(t, 3, e.ClientVersion)
	require.EqualValues(t, 100, e.Timestamp)
	require.Equal(t, data, e.Bytes, "what merging did not change is kept as it came")
	require.Len(t, e.Images, 2)
	require.Nil(t, e.Images[0].Before)
	require.EqualValues(t, 5, field(e.Images[0].After, "n").Int())
	require.Zero(t, e.Images[0].Previous)
	require.Eventually(t, func() bool { return len(f.announced()) == 2 }, patience, 1)
	require.Same(t, e, f.announced()[1], "the newest entries are in memory")
}

func TestConcurrentUploadsMerge(t *testing.T) {
	f, a := withT(t, nil)
	b := f.device().sync()
	a.write(create(1), set(1, "n", value.Int(10)))
	a.sync()
	b.sync()

	a.timestamp, b.timestamp = 200, 150
	a.write(set(1, "n", value.Int(20)))
	r := b.write(set(1, "n", value.Int(30)), set(1, "m", value.String("b")))
	require.EqualValues(t, 20, f.n(1), "the newer write wins, whoever comes first")
	require.Equal(t, "b", field(f.row(1), "m").Str())
	e := f.entry(r.Own[0].Version)
	require.Len(t, e.Changeset.Instructions, 1, "what lost is not in the history")

	// The same base again: what the first upload has made of the history counts, which still has a's value.
	b.timestamp = 250
	b.write(add(1, "n", 7))
	require.EqualValues(t, 27, f.n(1))

	// Additions add up in any order.
	a.write(add(1, "n", 100))
	require.EqualValues(t, 127, f.n(1))
}

// Reciprocals: a second upload with the same base meets the history as the first has transformed it.
func TestReciprocalsAreKept(t *testing.T) {
	for _, how := range []string{"in memory", "stored", "from another life of the engine"} {
		t.Run(how, func(t *testing.T) {
			f, a := withT(t, nil)
			a.write(create(1), set(1, "n", value.Int(1)))
			a.sync()
			b := f.device().sync()
			a.timestamp = 300
			a.write(set(1, "n", value.Int(2)))
			b.timestamp = 400
			first := b.entry(set(1, "n", value.Int(50)))
			b.timestamp = 250
			second := b.entry(set(1, "n", value.Int(60))) // b's clock went back: its own write before wins nothing for it
			if how == "in memory" {
				_, err := b.upload(first, second)
				require.NoError(t, err)
			} else {
				b.version--
				_, err := b.upload(first)
				require.NoError(t, err)
				if how == "from another life of the engine" {
					f.restart()
				}
				b.version++
				_, err = b.upload(second)
				require.NoError(t, err)
			}
			// The client has its own 60 at last, because a's write was discarded by the first upload.
			require.EqualValues(t, 60, f.n(1))
		})
	}
}

func TestResendsAreSkipped(t *testing.T) {
	f, d := withT(t, nil)
	first := d.entry(create(1), add(1, "n", 1))
	second := d.entry(add(1, "n", 1))
	_, err := d.upload(first, second)
	require.NoError(t, err)
	version := f.Version()

	third := d.entry(add(1, "n", 1))
	again := func() []Uploaded {
		first, second := first, second
		for _, u := range []*Uploaded{&first, &second} {
			u.Changeset, err = DecodeUploaded(u.Data)
			require.NoError(t, err)
		}
		return []Uploaded{first, second}
	}
	d.stream = &Stream{}
	r, err := d.upload(append(again(), third)...)
	require.NoError(t, err)
	require.Len(t, r.Own, 1)
	require.Equal(t, version+1, f.Version())
	require.EqualValues(t, 3, f.n(1))

	r, err = d.upload(again()...)
	require.NoError(t, err)
	require.Empty(t, r.Own)
	require.Equal(t, version+1, f.Version())
	require.EqualValues(t, 5, r.File.ClientVersion)
}

func TestEmptyUploadAdvancesTheCursor(t *testing.T) {
	f, d := withT(t, nil)
	f.device().write(create(1))
	d.sync().version++
	r, err := d.upload()
	require.NoError(t, err)
	require.Equal(t, d.version, r.File.ClientVersion)
	require.Equal(t, f.Version(), r.File.BaseVersion)
	c, err := f.Identify(t.Context(), d.claim())
	require.NoError(t, err)
	require.Equal(t, r.File, c.File, "it is stored")
}

func TestBadCursors(t *testing.T) {
	f, d := withT(t, nil)
	other := f.device().sync()
	other.write(create(1))
	other.write(add(1, "n", 1)) // version 4
	d.base = 3
	d.write(add(1, "n", 1)) // client version 3, base 3
	newest := f.Version()

	for name, c := range map[string]struct {
		code   Code
		change func(u *Upload)
	}{
		"header above the newest version":      {BadServerVersion, func(u *Upload) { u.ServerVersion = newest + 1 }},
		"header goes back":                     {BadServerVersion, func(u *Upload) { u.ServerVersion = 2 }},
		"header of an older client version":    {BadServerVersion, func(u *Upload) { u.ClientVersion, u.Changesets = 2, nil; u.ServerVersion = 4 }},
		"locked version goes back":             {BadServerVersion, func(u *Upload) { u.Locked = 1 }},
		"base goes back":                       {BadServerVersion, func(u *Upload) { u.Changesets[0].ServerVersion = 2 }},
		"base above the header":                {BadServerVersion, func(u *Upload) { u.Changesets[0].ServerVersion = 5 }},
		"changeset above the header":           {BadClientVersion, func(u *Upload) { u.Changesets[0].ClientVersion++ }},
		"client version 0":                     {BadClientVersion, func(u *Upload) { u.Changesets[0].ClientVersion = 0 }},
		"client versions out of order":         {BadClientVersion, func(u *Upload) { u.Changesets = append(u.Changesets, u.Changesets[0]) }},
		"changeset of another file":            {BadOriginFileIdent, func(u *Upload) { u.Changesets[0].Origin = other.file.Ident }},
		"changeset of the server":              {BadOriginFileIdent, func(u *Upload) { u.Changesets[0].Origin = Server }},
		"changeset of a file that isn't there": {BadOriginFileIdent, func(u *Upload) { u.Changesets[0].Origin = 99 }},
		"a file that isn't there":              {BadClientFileIdent, func(u *Upload) { u.File = 99 }},
	} {
		t.Run(name, func(t *testing.T) {
			d, before := *d, f.n(1)
			d.stream, d.base = &Stream{}, 4
			u := d.message(d.entry(add(1, "n", 1)))
			c.change(u)
			o := f.wait(f.submit(u))
			requireCode(t, c.code, o.err)
			require.Empty(t, o.Result)
			require.Equal(t, newest, f.Version())
			require.Equal(t, before, f.n(1))

			// Nothing of the stream is integrated any more, what another one brings is.
			o = f.wait(f.submit(d.message(d.entry())))
			require.ErrorIs(t, o.err, ErrSkipped)
		})
	}
	d.base = 4
	d.write(add(1, "n", 1))
	require.EqualValues(t, 3, f.n(1), "the client goes on in a new session")
}

func TestBadChangesets(t *testing.T) {
	_, err := DecodeUploaded([]byte{0x3f, 0x80})
	requireCode(t, BadChangeset, err)
	require.ErrorIs(t, err, changeset.ErrBadChangeset)

	f, d := withT(t, nil)
	d.write(create(1), set(1, "n", value.Int(1)))
	d.sync()
	step := func(i uint32) []changeset.Step { return []changeset.Step{{Pos: i, IsPos: true}} }
	for name, c := range map[string]struct {
		is  error
		ins changeset.Instruction
	}{
		"no such class":     {changeset.ErrBadChangeset, changeset.Instruction{Op: changeset.CreateObject, Table: "X", Key: key(1)}},
		"no such object":    {changeset.ErrBadChangeset, set(9, "n", value.Int(1))},
		"no such property":  {changeset.ErrBadChangeset, set(1, "x", value.Int(1))},
		"wrong type":        {changeset.ErrBadChangeset, set(1, "n", value.String("x"))},
		"key of wrong type": {changeset.ErrBadChangeset, changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: value.StringKey("x")}},
		"primary key":       {changeset.ErrBadChangeset, set(1, "_id", value.Int(7))},
		"list instruction":  {changeset.ErrBadChangeset, changeset.Instruction{Op: changeset.ArrayInsert, Table: "T", Key: key(1), Field: "l", Path: step(0), Value: value.Int(1)}},
		"set instruction":   {changeset.ErrBadChangeset, changeset.Instruction{Op: changeset.SetInsert, Table: "T", Key: key(1), Field: "s", Value: value.Int(1)}},
		"clear":             {changeset.ErrBadChangeset, changeset.Instruction{Op: changeset.Clear, Table: "T", Key: key(1), Field: "m"}},
		"embedded object":   {changeset.ErrBadChangeset, set(1, "m", value.Marker(value.KindObject))},
		"list in int":       {changeset.ErrBadChangeset, set(1, "n", value.Marker(value.KindList))},
	} {
		t.Run(name, func(t *testing.T) {
			d, version := *d, f.Version()
			d.stream = &Stream{}
			good := d.entry(add(1, "n", 1), create(2), addTable("N"))
			_, err := d.upload(good, d.entry(add(1, "n", 1), c.ins, create(3)))
			requireCode(t, BadChangeset, err)
			require.ErrorIs(t, err, c.is)
			require.Equal(t, version, f.Version())
			require.EqualValues(t, 1, f.n(1))
			require.Nil(t, f.row(2), "the upload fails as a whole")
			require.Nil(t, f.Catalog().Class("N"))
		})
	}
}

// Text that is no UTF-8 is refused wherever it is (changeset.md section 4, R12): others couldn't name what it names.
func TestUploadedText(t *testing.T) {
	const bad = "a\xff"
	update := set(1, "s", value.String("x"))
	for name, in := range map[string]changeset.Instruction{
		"class":        {Op: changeset.AddTable, Table: bad, Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}},
		"key property": {Op: changeset.AddTable, Table: "U", Schema: &changeset.SchemaFields{KeyField: bad, KeyType: value.KindInt}},
		"property":     addColumn("T", bad, value.KindInt, false),
		"key":          {Op: changeset.CreateObject, Table: "T", Key: value.StringKey(bad)},
		"value":        set(1, "s", value.String(bad)),
		"link":         set(1, "s", value.FromLink("T", value.StringKey(bad))),
		"path":         {Op: changeset.Update, Table: "T", Key: key(1), Field: "s", Path: []changeset.Step{{Key: bad}}, Value: value.Int(1)},
	} {
		b, err := changeset.Encode(&changeset.Changeset{Instructions: []changeset.Instruction{update, in}})
		require.NoError(t, err, name)
		_, err = DecodeUploaded(b)
		requireCode(t, BadChangeset, err)
		require.ErrorContains(t, err, "UTF-8", name)
	}
	b, err := changeset.Encode(&changeset.Changeset{Instructions: []changeset.Instruction{set(1, "s", value.String("a\x00\u202e\ufffd"))}})
	require.NoError(t, err)
	_, err = DecodeUploaded(b)
	require.NoError(t, err)
}
