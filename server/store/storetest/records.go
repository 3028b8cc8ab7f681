package storetest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"realmsync/server/store"
)

func empty(f *fixture) {
	f.everywhere(func(r store.Reader) {
		t := f.t
		version, err := r.Version()
		require.NoError(t, err)
		require.Zero(t, version)
		salts, err := r.Salts()
		require.NoError(t, err)
		require.Empty(t, salts)
		classes, err := r.Classes()
		require.NoError(t, err)
		require.Empty(t, classes)
		require.Empty(t, f.entries(r, 0, math.MaxInt64, true))
		_, err = r.Entry(1, true)
		require.ErrorIs(t, err, store.ErrNotFound)
		flagged, err := r.FlaggedVersions(0, math.MaxInt64, math.MaxUint32)
		require.NoError(t, err)
		require.Empty(t, flagged)
		own, err := r.OwnVersions(2, 0)
		require.NoError(t, err)
		require.Empty(t, own)
		require.Empty(t, f.objects(r, ref(1, "k")))
		require.Empty(t, f.objects(r))
		require.Empty(t, f.scan(r, 1))
		require.Empty(t, f.pieces(r, 1, 2))
		maxPiece, err := r.MaxPiece()
		require.NoError(t, err)
		require.Zero(t, maxPiece)
		_, err = r.File(2)
		require.ErrorIs(t, err, store.ErrNotFound)
		maxFile, err := r.MaxFile()
		require.NoError(t, err)
		require.Zero(t, maxFile)
		seen, err := r.LastSeen()
		require.NoError(t, err)
		require.Zero(t, seen)
		views, err := r.Views(2)
		require.NoError(t, err)
		require.Empty(t, views)
		resets, err := r.Resets(2, 0)
		require.NoError(t, err)
		require.Empty(t, resets)
		require.Empty(t, f.reciprocals(r, 2, 0))
	})
}

func roundTrip(f *fixture) {
	c := store.Changes{
		Salt:    &store.Salt{From: 1, Value: math.MaxInt64},
		Classes: []store.Class{{ID: 1, Name: "A", Definition: []byte("a")}, {ID: 2, Name: "Ä ö", Definition: []byte{0, 1, 255}}},
		Entries: []store.Entry{
			{Version: 1, Origin: 1, Timestamp: 5},
			{Version: 2, Origin: 2, ClientVersion: 7, Timestamp: 6, Flags: 3, Changeset: []byte("changes"), Images: []byte("images")},
		},
		Objects:     []store.Object{object(1, "\x00\xff", "doc", 2), {ObjectRef: ref(2, "gone"), Version: 2}},
		Pieces:      []store.Piece{{ID: 1, Body: []byte{0}}, {ID: 1 << 40, Body: []byte("body")}},
		Files:       []store.File{{Ident: 2, Salt: 8, User: "user", ClientVersion: 7, BaseVersion: 1, Locked: 1, LastSeen: 9, Created: 4, SchemaVersion: 3}, {Ident: 3, Salt: 1}},
		Views:       []store.View{{File: 2, QueryVersion: 1, Body: `{"A":"TRUEPREDICATE"}`, Snapshot: 2, First: 1}, {File: 2, QueryVersion: 0}},
		Resets:      []store.Reset{{File: 2, Version: 2, Object: ref(1, "\x00\xff"), After: 1, ClientVersion: 7, Reason: "no"}, {File: 2, Version: 2, Object: ref(1, "b"), ClientVersion: 7}},
		Reciprocals: []store.Reciprocal{{File: 2, Version: 2, Changeset: []byte("other")}, {File: 2, Version: 1, Changeset: []byte{}}},
	}
	f.commit(&c)
	f.everywhere(func(r store.Reader) {
		t := f.t
		version, err := r.Version()
		require.NoError(t, err)
		require.EqualValues(t, 2, version)
		salts, err := r.Salts()
		require.NoError(t, err)
		require.Equal(t, []store.Salt{*c.Salt}, salts)
		classes, err := r.Classes()
		require.NoError(t, err)
		require.Equal(t, c.Classes, classes)
		require.Equal(t, normal(c.Entries, true), normal(f.entries(r, 0, 2, true), true))
		require.Equal(t, normal(c.Entries, false), normal(f.entries(r, 0, 2, false), true))
		for i, want := range c.Entries {
			got, err := r.Entry(uint64(i)+1, true)
			require.NoError(t, err)
			require.Equal(t, normal([]store.Entry{want}, true), normal([]store.Entry{got}, true))
		}
		require.Equal(t, map[store.ObjectRef]store.Object{c.Objects[0].ObjectRef: c.Objects[0], c.Objects[1].ObjectRef: c.Objects[1]},
			f.objects(r, ref(1, "\x00\xff"), ref(2, "gone"), ref(1, "gone"), ref(1, "\x00")))
		require.Equal(t, []scanned{{"\x00\xff", "doc"}}, f.scan(r, 1))
		require.Empty(t, f.scan(r, 2), "a tombstone is not a live object")
		require.Equal(t, map[uint64][]byte{1: {0}, 1 << 40: []byte("body")}, f.pieces(r, 1<<40, 3, 1))
		require.Empty(t, f.pieces(r))
		maxPiece, err := r.MaxPiece()
		require.NoError(t, err)
		require.EqualValues(t, 1<<40, maxPiece)
		for _, want := range c.Files {
			got, err := r.File(want.Ident)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		maxFile, err := r.MaxFile()
		require.NoError(t, err)
		require.EqualValues(t, 3, maxFile)
		seen, err := r.LastSeen()
		require.NoError(t, err)
		require.Equal(t, slices.MaxFunc(c.Files, func(a, b store.File) int { return cmp.Compare(a.LastSeen, b.LastSeen) }).LastSeen, seen)
		views, err := r.Views(2)
		require.NoError(t, err)
		require.Equal(t, []store.View{c.Views[1], c.Views[0]}, views)
		resets, err := r.Resets(2, 1)
		require.NoError(t, err)
		require.ElementsMatch(t, c.Resets, resets)
		resets, err = r.Resets(2, 2)
		require.NoError(t, err)
		require.Empty(t, resets)
		require.Equal(t, []store.Reciprocal{c.Reciprocals[1], c.Reciprocals[0]}, f.reciprocals(r, 2, 0))
		require.Equal(t, []store.Reciprocal{c.Reciprocals[0]}, f.reciprocals(r, 2, 1))
		require.Empty(t, f.reciprocals(r, 3, 0))
	})
}

// normal makes entries comparable: nil and empty are the same for a changeset and for images.
func normal(entries []store.Entry, images bool) []store.Entry {
	out := slices.Clone(entries)
	for i := range out {
		if len(out[i].Changeset) == 0 {
			out[i].Changeset = nil
		}
		if len(out[i].Images) == 0 || !images {
			out[i].Images = nil
		}
	}
	return out
}

func replace(f *fixture) {
	f.commit(&store.Changes{
		Classes:     []store.Class{{ID: 1, Name: "A", Definition: []byte("1")}},
		Entries:     []store.Entry{entry(1)},
		Objects:     []store.Object{object(1, "k", "old", 1), object(1, "l", "old", 1), {ObjectRef: ref(1, "m"), Version: 1}},
		Files:       []store.File{{Ident: 2, Salt: 1, User: "u"}},
		Views:       []store.View{{File: 2, QueryVersion: 1, Body: "old", Snapshot: 1, First: 1}},
		Resets:      []store.Reset{{File: 2, Version: 1, Object: ref(1, "k"), Reason: "old"}},
		Reciprocals: []store.Reciprocal{{File: 2, Version: 1, Changeset: []byte("old")}},
	})
	f.commit(&store.Changes{
		Classes:     []store.Class{{ID: 1, Name: "A", Definition: []byte("2")}},
		Entries:     []store.Entry{entry(2)},
		Objects:     []store.Object{object(1, "k", "new", 2), {ObjectRef: ref(1, "l"), Version: 2}, object(1, "m", "new", 2)},
		Files:       []store.File{{Ident: 2, Salt: 1, User: "u", ClientVersion: 3, BaseVersion: 1, Locked: 1, LastSeen: 5}},
		Views:       []store.View{{File: 2, QueryVersion: 1, Body: "new", Snapshot: 2, First: 1}},
		Resets:      []store.Reset{{File: 2, Version: 1, Object: ref(1, "k"), Reason: "new"}},
		Reciprocals: []store.Reciprocal{{File: 2, Version: 1, Changeset: []byte("new")}},
	})
	f.everywhere(func(r store.Reader) {
		t := f.t
		classes, err := r.Classes()
		require.NoError(t, err)
		require.Equal(t, []store.Class{{ID: 1, Name: "A", Definition: []byte("2")}}, classes)
		require.Equal(t, []scanned{{"k", "new"}, {"m", "new"}}, f.scan(r, 1))
		l := f.objects(r, ref(1, "l"))[ref(1, "l")]
		require.Nil(t, l.Doc)
		require.EqualValues(t, 2, l.Version)
		file, err := r.File(2)
		require.NoError(t, err)
		require.EqualValues(t, 3, file.ClientVersion)
		views, err := r.Views(2)
		require.NoError(t, err)
		require.Equal(t, []store.View{{File: 2, QueryVersion: 1, Body: "new", Snapshot: 2, First: 1}}, views)
		resets, err := r.Resets(2, 0)
		require.NoError(t, err)
		require.Equal(t, []store.Reset{{File: 2, Version: 1, Object: ref(1, "k"), Reason: "new"}}, resets)
		require.Equal(t, []store.Reciprocal{{File: 2, Version: 1, Changeset: []byte("new")}}, f.reciprocals(r, 2, 0))
	})
}

// An empty document is an object, an empty reciprocal is one.
func nothingIsNotEmpty(f *fixture) {
	f.commit(&store.Changes{
		Entries:     []store.Entry{{Version: 1, Origin: 2, ClientVersion: 1}},
		Objects:     []store.Object{object(1, "", "", 1), {ObjectRef: ref(1, "x"), Version: 1}},
		Reciprocals: []store.Reciprocal{{File: 2, Version: 1}},
	})
	f.everywhere(func(r store.Reader) {
		require.Equal(f.t, []scanned{{"", ""}}, f.scan(r, 1))
		got := f.objects(r, ref(1, ""), ref(1, "x"))
		require.NotNil(f.t, got[ref(1, "")].Doc)
		require.Nil(f.t, got[ref(1, "x")].Doc)
		require.Len(f.t, f.reciprocals(r, 2, 0), 1)
	})
}

func classesAreDropped(f *fixture) {
	f.commit(&store.Changes{
		Classes: []store.Class{{ID: 1, Name: "A", Definition: []byte("a")}, {ID: 2, Name: "B", Definition: []byte("b")}},
		Entries: []store.Entry{entry(1)},
		Objects: []store.Object{object(1, "k", "a", 1), object(2, "k", "b", 1)},
	})
	// Dropped, remembered by its number, and others in the same commit.
	f.commit(&store.Changes{
		DropClasses: []uint32{1},
		Classes:     []store.Class{{ID: 1, Name: "A", Definition: []byte("gone")}, {ID: 3, Name: "A", Definition: []byte("new")}},
		Entries:     []store.Entry{entry(2)},
		Objects:     []store.Object{object(3, "k", "c", 2)},
	})
	f.everywhere(func(r store.Reader) {
		classes, err := r.Classes()
		require.NoError(f.t, err)
		require.Len(f.t, classes, 3)
		require.Equal(f.t, []byte("gone"), classes[0].Definition)
		require.Empty(f.t, f.scan(r, 1))
		require.Empty(f.t, f.objects(r, ref(1, "k")), "not even tombstones are left")
		require.Len(f.t, f.scan(r, 2), 1)
		require.Len(f.t, f.scan(r, 3), 1)
	})
}

func viewsAndResetsAreDropped(f *fixture) {
	c := store.Changes{Entries: []store.Entry{entry(1), entry(2), entry(3)}}
	for file := uint64(2); file <= 3; file++ {
		for v := uint64(1); v <= 3; v++ {
			c.Views = append(c.Views, store.View{File: file, QueryVersion: v})
			c.Resets = append(c.Resets, store.Reset{File: file, Version: v, Object: ref(1, "k")})
		}
	}
	f.commit(&c)
	f.commit(&store.Changes{
		KeepViews: []store.KeepViews{{File: 2, From: 3}}, Views: []store.View{{File: 2, QueryVersion: 4}},
		DropResets: []store.FileVersion{{File: 3, Version: 2}},
	})
	f.everywhere(func(r store.Reader) {
		for file, want := range map[uint64][2]int{2: {2, 3}, 3: {3, 1}} {
			views, err := r.Views(file)
			require.NoError(f.t, err)
			require.Len(f.t, views, want[0])
			resets, err := r.Resets(file, 0)
			require.NoError(f.t, err)
			require.Len(f.t, resets, want[1])
		}
	})
}

// What is dropped is dropped before what is added.
func reciprocalsAreDropped(f *fixture) {
	add := func(file uint64, versions ...uint64) (out []store.Reciprocal) {
		for _, v := range versions {
			out = append(out, store.Reciprocal{File: file, Version: v, Changeset: []byte{byte(v)}})
		}
		return out
	}
	f.commit(&store.Changes{Reciprocals: append(add(2, 1, 2, 3), add(3, 1, 2, 3)...)})
	f.commit(&store.Changes{DropReciprocal: []store.FileVersion{{File: 2, Version: 2}}, Reciprocals: add(2, 2, 9)})
	f.everywhere(func(r store.Reader) {
		require.Equal(f.t, add(2, 2, 3, 9), f.reciprocals(r, 2, 0))
		require.Equal(f.t, add(3, 1, 2, 3), f.reciprocals(r, 3, 0))
	})
}

func historyRanges(f *fixture) {
	var c store.Changes
	for v := uint64(1); v <= 200; v++ {
		e := store.Entry{Version: v, Origin: 1 + v%3, ClientVersion: v * 10, Timestamp: v, Changeset: []byte{byte(v)}}
		if v%2 == 0 {
			e.Images = []byte{byte(v), 1}
		}
		if v%50 == 0 {
			e.Flags = uint32(v / 50)
		}
		c.Entries = append(c.Entries, e)
	}
	f.commit(&store.Changes{Entries: c.Entries[:120]})
	f.commit(&store.Changes{Entries: c.Entries[120:]})
	f.everywhere(func(r store.Reader) {
		t := f.t
		for _, x := range [][2]uint64{{0, 200}, {0, 1}, {199, 200}, {100, 140}, {150, 150}, {200, 300}, {250, 300}} {
			from, to := min(x[0], 200), min(x[1], 200)
			got := f.entries(r, x[0], x[1], true)
			if from >= to {
				require.Empty(t, got)
				continue
			}
			require.Equal(t, c.Entries[from:to], got)
			require.Equal(t, normal(c.Entries[from:to], false), f.entries(r, x[0], x[1], false))
		}
		n := 0
		require.NoError(t, r.Entries(0, 200, false, func(*store.Entry) (bool, error) {
			n++
			return n < 5, nil
		}))
		require.Equal(t, 5, n)
		for _, v := range []uint64{0, 201} {
			_, err := r.Entry(v, false)
			require.ErrorIs(t, err, store.ErrNotFound)
		}
		e, err := r.Entry(100, false)
		require.NoError(t, err)
		require.Nil(t, e.Images)
		for _, x := range []struct {
			from, to uint64
			bits     uint32
			want     []uint64
		}{{0, 200, 3, []uint64{50, 100, 150}}, {0, 200, 4, []uint64{200}}, {50, 149, 7, []uint64{100}}, {0, 200, 1, []uint64{50, 150}}, {100, 100, 7, nil}} {
			got, err := r.FlaggedVersions(x.from, x.to, x.bits)
			require.NoError(t, err)
			require.Equal(t, x.want, got)
		}
		own, err := r.OwnVersions(2, 190)
		require.NoError(t, err)
		require.Equal(t, []store.Own{{Version: 193, ClientVersion: 1930}, {Version: 196, ClientVersion: 1960}, {Version: 199, ClientVersion: 1990}}, own)
	})
}

// Numbers are up to 2^63-1; a class has 32 bits.
func largeNumbers(f *fixture) {
	const big = math.MaxInt64
	c := store.Changes{
		Salt:        &store.Salt{From: big, Value: big},
		Classes:     []store.Class{{ID: math.MaxUint32, Name: "A", Definition: []byte{1}}},
		Entries:     []store.Entry{{Version: big, Origin: big, ClientVersion: big, Timestamp: big, Flags: math.MaxUint32, Changeset: []byte{1}, Images: []byte{2}}},
		Objects:     []store.Object{object(math.MaxUint32, "k", "d", big)},
		Files:       []store.File{{Ident: big, Salt: big, User: "u", ClientVersion: big, BaseVersion: big, Locked: big, LastSeen: big, Created: big, SchemaVersion: big}},
		Views:       []store.View{{File: big, QueryVersion: big, Body: "b", Snapshot: big, First: big}},
		Resets:      []store.Reset{{File: big, Version: big, Object: ref(math.MaxUint32, "k"), ClientVersion: big, Reason: "r"}},
		Reciprocals: []store.Reciprocal{{File: big, Version: big, Changeset: []byte{3}}},
	}
	f.commit(&c)
	f.everywhere(func(r store.Reader) {
		t := f.t
		version, err := r.Version()
		require.NoError(t, err)
		require.EqualValues(t, big, version)
		salts, err := r.Salts()
		require.NoError(t, err)
		require.Equal(t, []store.Salt{*c.Salt}, salts)
		e, err := r.Entry(big, true)
		require.NoError(t, err)
		require.Equal(t, c.Entries[0], e)
		require.Equal(t, c.Objects[0], f.objects(r, c.Objects[0].ObjectRef)[c.Objects[0].ObjectRef])
		file, err := r.File(big)
		require.NoError(t, err)
		require.Equal(t, c.Files[0], file)
		views, err := r.Views(big)
		require.NoError(t, err)
		require.Equal(t, c.Views, views)
		resets, err := r.Resets(big, big-1)
		require.NoError(t, err)
		require.Equal(t, c.Resets, resets)
		require.Equal(t, c.Reciprocals, f.reciprocals(r, big, big-1))
		flagged, err := r.FlaggedVersions(big-1, big, 1<<31)
		require.NoError(t, err)
		require.Equal(t, []uint64{big}, flagged)
	})
}

// Numbers of objects around whatever a driver may bundle.
func manyObjects(f *fixture) {
	const most = 1000
	version := uint64(0)
	for _, n := range []int{1, 2, 31, 63, 64, 65, 127, 128, 129, most} {
		version++
		c := store.Changes{Entries: []store.Entry{entry(version)}}
		var refs []store.ObjectRef
		for i := range n {
			class := uint32(1 + i%3)
			o := object(class, fmt.Sprintf("%d/%d", n, i), fmt.Sprintf("doc %d", i), version)
			c.Objects, refs = append(c.Objects, o), append(refs, o.ObjectRef, ref(class, fmt.Sprintf("missing %d", i)))
			c.Resets = append(c.Resets, store.Reset{File: 2, Version: version, Object: o.ObjectRef})
			c.Reciprocals = append(c.Reciprocals, store.Reciprocal{File: uint64(n), Version: uint64(i) + 1, Changeset: []byte{1}})
		}
		f.commit(&c)
		f.read(func(r store.Reader) {
			got := f.objects(r, refs...)
			require.Len(f.t, got, n)
			for _, o := range c.Objects {
				require.Equal(f.t, o, got[o.ObjectRef])
			}
			resets, err := r.Resets(2, version-1)
			require.NoError(f.t, err)
			require.Len(f.t, resets, n)
			require.Len(f.t, f.reciprocals(r, uint64(n), 0), n)
		})
	}
}

// Keys sort bytewise.
func scanOrder(f *fixture) {
	keys := []string{"", "\x00", "\x00\x00", "\x00\x01", "\x01", "A", "a", "aa", "ab", "b", "\x7f", "\x80", "\xc3\xa4", "\xff", "\xff\x00", "\xff\xff"}
	c := store.Changes{Entries: []store.Entry{entry(1)}}
	var want []scanned
	for i, k := range keys {
		want = append(want, scanned{k, fmt.Sprint(i)})
	}
	for i := range keys {
		i = (i*7 + 3) % len(keys) // in some other order
		c.Objects = append(c.Objects, object(7, keys[i], fmt.Sprint(i), 1), object(6, keys[i], "other", 1), object(8, keys[i], "other", 1))
	}
	f.commit(&c)
	f.everywhere(func(r store.Reader) {
		require.Equal(f.t, want, f.scan(r, 7))
		n := 0
		require.NoError(f.t, r.Scan(7, func(_, _ []byte) (bool, error) {
			n++
			return n < 3, nil
		}))
		require.Equal(f.t, 3, n)
		var all, rest []string // behind each key are those that come after it
		require.NoError(f.t, r.Scan(7, func(key, _ []byte) (bool, error) {
			all = append(all, string(key))
			return true, nil
		}))
		for i, after := range all {
			rest = rest[:0]
			require.NoError(f.t, r.ScanAfter(7, after, func(key, _ []byte) (bool, error) {
				rest = append(rest, string(key))
				return true, nil
			}))
			require.Equal(f.t, all[i+1:], append([]string{}, rest...))
		}
	})
}

// Texts are bytes, wherever they are in a document.
func scanHolding(f *fixture) {
	docs := map[string]string{"a": "\x01one two", "b": "\x02three", "c": "\x01x\x00\xff\x00y", "d": "\x02two", "e": "", "f": "\x01TWO", "g": "two"}
	c := store.Changes{Entries: []store.Entry{entry(1)}, Objects: []store.Object{object(8, "k", "two", 1), {ObjectRef: ref(7, "gone"), Version: 1}}}
	for key, doc := range docs {
		c.Objects = append(c.Objects, object(7, key, doc, 1))
	}
	f.commit(&c)
	f.everywhere(func(r store.Reader) {
		for _, test := range []struct {
			texts     []string
			beginning string
			want      string
		}{
			{[]string{"two"}, "", "adg"}, {[]string{"two", "three"}, "", "abdg"}, {[]string{"\x00\xff\x00"}, "", "c"}, {[]string{"\x00\xfe"}, "", ""}, {nil, "\x02", "bd"}, {nil, "", ""},
			{[]string{"one"}, "\x02", "abd"}, {[]string{"1", "2", "3", "4", "5", "6", "7", "two"}, "t", "adg"},
		} {
			got := ""
			require.NoError(f.t, r.ScanHolding(7, test.texts, test.beginning, func(key, doc []byte) (bool, error) {
				require.Equal(f.t, docs[string(key)], string(doc))
				got += string(key)
				return true, nil
			}))
			require.Equal(f.t, test.want, got, test)
		}
		n := 0
		require.NoError(f.t, r.ScanHolding(7, []string{"two"}, "", func(_, _ []byte) (bool, error) {
			n++
			return false, nil
		}))
		require.Equal(f.t, 1, n)
		require.Error(f.t, r.ScanHolding(7, make([]string, store.MaxTexts+1), "", func(_, _ []byte) (bool, error) { return true, nil }))
	})
}

func largeBlobs(f *fixture) {
	big := strings.Repeat("0123456789abcdef", 1<<20) // 16 MiB: the largest changeset
	f.commit(&store.Changes{
		Classes: []store.Class{{ID: 1, Name: "A", Definition: []byte(big[:1<<20])}},
		Entries: []store.Entry{{Version: 1, Origin: 2, ClientVersion: 1, Changeset: []byte(big), Images: []byte(big)}},
		Objects: []store.Object{object(1, big[:1<<16], big, 1)},
	})
	f.everywhere(func(r store.Reader) {
		e, err := r.Entry(1, true)
		require.NoError(f.t, err)
		require.Len(f.t, e.Changeset, len(big))
		require.Len(f.t, e.Images, len(big))
		got := f.scan(r, 1)
		require.Len(f.t, got, 1)
		require.True(f.t, got[0].key == big[:1<<16] && got[0].doc == big)
	})
}

// What is at or below the floor goes, some at a time, except changes of the schema; nothing else does.
func reclaims(f *fixture) {
	c := &store.Changes{}
	for v := uint64(1); v <= 10; v++ {
		e := entry(v)
		e.Images = []byte{byte(v)}
		if v == 3 {
			e.Flags = 1
		}
		c.Entries = append(c.Entries, e)
	}
	gone := func(key string, version uint64) store.Object {
		return store.Object{ObjectRef: ref(1, key), Version: version}
	}
	c.Objects = []store.Object{object(1, "a", "doc", 2), gone("b", 4), gone("c", 6), gone("d", 7)}
	c.Files = []store.File{{Ident: 2, Salt: 1}, {Ident: 5, Salt: 2}, {Ident: 9, Salt: 3}}
	c.Pieces = []store.Piece{{ID: 1, Body: []byte{1}}, {ID: 2, Body: []byte{2}}, {ID: 3, Body: []byte{3}}}
	f.commit(c)
	f.read(func(r store.Reader) {
		more, err := r.Reclaimable()
		require.NoError(f.t, err)
		require.False(f.t, more)
	})
	f.commit(&store.Changes{Reclaim: 100}) // there is no floor
	f.commit(&store.Changes{Floor: 6, DropPieces: []uint64{2, 77}})
	f.commit(&store.Changes{Floor: 5}) // it doesn't sink
	f.everywhere(func(r store.Reader) {
		floor, err := r.Floor()
		require.NoError(f.t, err)
		require.EqualValues(f.t, 6, floor)
		more, err := r.Reclaimable()
		require.NoError(f.t, err)
		require.True(f.t, more)
		require.Len(f.t, f.entries(r, 6, 10, true), 4)
		ids, err := r.PieceIDs(0, 10)
		require.NoError(f.t, err)
		require.Equal(f.t, []uint64{1, 3}, ids)
		ids, err = r.PieceIDs(0, 1)
		require.NoError(f.t, err)
		require.Equal(f.t, []uint64{1}, ids)
		files, err := r.Files(2, 1)
		require.NoError(f.t, err)
		require.Equal(f.t, []store.File{{Ident: 5, Salt: 2}}, files)
		files, err = r.Files(9, 10)
		require.NoError(f.t, err)
		require.Empty(f.t, files)
	})
	rounds := 0
	for more := true; more; rounds++ {
		f.commit(&store.Changes{Reclaim: 2})
		f.read(func(r store.Reader) {
			var err error
			more, err = r.Reclaimable()
			require.NoError(f.t, err)
		})
	}
	require.Equal(f.t, 3, rounds)
	f.everywhere(func(r store.Reader) {
		var versions, imaged []uint64
		for _, e := range f.entries(r, 0, 10, true) {
			versions = append(versions, e.Version)
			if e.Images != nil {
				imaged = append(imaged, e.Version)
			}
		}
		require.Equal(f.t, []uint64{3, 7, 8, 9, 10}, versions)
		require.Equal(f.t, []uint64{7, 8, 9, 10}, imaged)
		require.Equal(f.t, []scanned{{"a", "doc"}}, f.scan(r, 1))
		left := f.objects(r, ref(1, "a"), ref(1, "b"), ref(1, "c"), ref(1, "d"))
		require.Len(f.t, left, 2)
		require.Contains(f.t, left, ref(1, "d"))
	})
}
