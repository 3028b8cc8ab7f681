package history

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
)

// Entries come from memory and from disk, and are the same.
func TestEntriesFromMemoryAndDisk(t *testing.T) {
	f, d := withT(t, nil)
	a := f.device(where("a")).sync()
	for k := range int64(20) {
		d.write(create(k), set(k, "zone", value.String("a")), set(k, "n", value.Int(k)), set(k, "m", value.FromLink("T", key(k+1))))
	}
	d.write(erase(3))
	a.sync().write(set(4, "zone", value.String("b")))
	collect := func(from, to uint64) (out []*Entry) {
		require.NoError(t, f.Entries(t.Context(), from, to, func(e *Entry) (bool, error) {
			out = append(out, e)
			return true, nil
		}))
		return out
	}
	memory := collect(0, f.Version())
	require.Len(t, memory, int(f.Version()))
	f.cfg.RecentBytes = 1
	f.restart()
	disk := collect(0, f.Version())
	require.Len(t, disk, len(memory))
	for i, m := range memory {
		e := disk[i]
		require.Equal(t, m.record(new(encoder)), e.record(new(encoder)), "version %d", m.Version)
		require.Equal(t, m.Changeset, e.Changeset)
		require.Equal(t, len(m.Images), len(e.Images))
		for k := range m.Images {
			require.Equal(t, m.Images[k].ClassName, e.Images[k].ClassName)
			require.Equal(t, m.Images[k].Key, e.Images[k].Key)
			require.Equal(t, values(m.Images[k].Before), values(e.Images[k].Before))
			require.Equal(t, values(m.Images[k].After), values(e.Images[k].After))
		}
	}
	// Partly from memory: none of the oldest, then those that are left.
	require.Len(t, collect(5, 9), 4)
	require.Empty(t, collect(9, 9))
	n := 0
	require.NoError(t, f.Entries(t.Context(), 0, 10, func(*Entry) (bool, error) {
		n++
		return n < 3, nil
	}))
	require.Equal(t, 3, n)
}

func values(r *Row) []value.Value {
	if r == nil {
		return nil
	}
	return r.values
}

// Uploads that must be merged with history that is no longer in memory.
func TestMergeWithHistoryOnDisk(t *testing.T) {
	for _, memory := range []int{1, 64 << 20} {
		f, a := withT(t, func(c *Config) { c.RecentBytes = memory })
		a.write(create(1), create(2))
		a.sync()
		b := f.device().sync()
		a.timestamp = 500
		a.write(set(1, "n", value.Int(1)))
		for k := range int64(30) {
			a.write(create(10+k), addColumn("T", "x", value.KindInt, false))
		}
		a.write(add(1, "n", 5), set(2, "n", value.Int(8)))
		b.timestamp = 400
		r := b.write(set(1, "n", value.Int(100)), set(2, "zone", value.String("z")), addColumn("T", "x", value.KindInt, false))
		require.EqualValues(t, 6, f.n(1))
		require.EqualValues(t, 8, f.n(2))
		require.Equal(t, "z", field(f.row(2), "zone").Str())
		require.Len(t, f.entry(r.Own[0].Version).Changeset.Instructions, 1)
	}
}

func TestRecentIsBounded(t *testing.T) {
	r := recent{limit: 1000}
	add := func(version uint64, size int) { r.add([]*Entry{{Version: version, size: size}}) }
	require.Nil(t, r.get(1))
	for v := range uint64(20) {
		add(v+1, 300)
		require.LessOrEqual(t, r.size, 1000)
	}
	require.Nil(t, r.get(17))
	require.EqualValues(t, 18, r.get(18).Version)
	require.EqualValues(t, 20, r.get(20).Version)
	require.Nil(t, r.get(21))
	add(21, 5000)
	require.EqualValues(t, 21, r.get(21).Version, "the newest one stays")
	require.Nil(t, r.get(20))
	r.add([]*Entry{{Version: 22, size: 10}, {Version: 23, size: 20}})
	require.Equal(t, 30, r.size)
}

// A snapshot of an older version shows what was then.
func TestSnapshotAt(t *testing.T) {
	for _, memory := range []int{1, 64 << 20} {
		f, d := withT(t, func(c *Config) { c.RecentBytes = memory })
		d.write(create(1), set(1, "n", value.Int(1)), create(3), create(5), create(7))
		then := f.Version()
		d.write(add(1, "n", 1), create(2), erase(3), erase(7))
		d.write(add(1, "n", 1), create(4), erase(5), create(7), set(7, "n", value.Int(9)))

		s, err := f.SnapshotAt(t.Context(), then)
		require.NoError(t, err)
		require.Equal(t, then, s.At())
		read := func(s *Snapshot, stop int) (keys []int64, sum int64) {
			require.NoError(t, s.Rows(s.Catalog.Class("T"), func(r *Row) (bool, error) {
				keys, sum = append(keys, r.Key.Int()), sum+field(r, "n").Int()
				return len(keys) != stop, nil
			}))
			return keys, sum
		}
		keys, sum := read(s, -1)
		require.Equal(t, []int64{1, 3, 5, 7}, keys)
		require.EqualValues(t, 1, sum)
		for stop := 1; stop <= 4; stop++ {
			keys, _ := read(s, stop)
			require.Len(t, keys, stop)
		}
		for k, exists := range map[int64]bool{1: true, 2: false, 3: true, 4: false, 5: true, 7: true, 9: false} {
			row, err := s.Row(f.ref(k))
			require.NoError(t, err)
			require.Equal(t, exists, row != nil, k)
		}
		require.NoError(t, s.Close())

		now, err := f.Snapshot(t.Context())
		require.NoError(t, err)
		keys, sum = read(now, -1)
		require.Equal(t, []int64{1, 2, 4, 7}, keys)
		require.EqualValues(t, 3+9, sum)
		for v, n := range map[uint64]int64{then: 1, then + 1: 2, then + 2: 3} {
			row, err := now.RowAt(f.ref(1), v)
			require.NoError(t, err)
			require.Equal(t, n, field(row, "n").Int())
		}
		row, err := now.RowAt(f.ref(1), then-1)
		require.NoError(t, err)
		require.Nil(t, row)
		require.NoError(t, now.Close())

		_, err = f.SnapshotAt(t.Context(), f.Version()+1)
		require.Error(t, err)
	}
}

// Rows of an older snapshot have the form of their class at that time: the client doesn't know newer properties yet, and needs
// those that are removed later.
func TestSnapshotAtBeforeASchemaChange(t *testing.T) {
	for _, memory := range []int{1, 64 << 20} {
		f, d := withT(t, func(c *Config) { c.RecentBytes = memory })
		d.write(addTable("Gone"), changeset.Instruction{Op: changeset.CreateObject, Table: "Gone", Key: key(1)})
		gone := f.Catalog().Class("Gone")
		d.write(create(1), create(2), set(2, "zone", value.String("a")))
		then := f.Version()
		d.write(changeset.Instruction{Op: changeset.CreateObject, Table: "Gone", Key: key(2)}, changeset.Instruction{Op: changeset.EraseObject, Table: "Gone", Key: key(1)})
		d.write(addColumn("T", "x", value.KindInt, false), set(1, "x", value.Int(1)), eraseColumn("T", "m"), eraseTable("Gone"), addTable("New"))
		s, err := f.SnapshotAt(t.Context(), then)
		require.NoError(t, err)
		n := 0
		require.NoError(t, s.Rows(s.Catalog.Class("T"), func(r *Row) (bool, error) {
			n++
			require.Equal(t, []string{"_id", "n", "zone", "m"}, names(r.Class))
			require.Len(t, r.values, 4)
			return true, nil
		}))
		require.Equal(t, 2, n)
		row, err := s.Row(f.ref(2))
		require.NoError(t, err)
		require.Equal(t, "a", field(row, "zone").Str())
		require.Len(t, row.values, 4)
		require.Nil(t, s.Catalog.Class("New"))
		require.Equal(t, gone.ID, s.Catalog.Class("Gone").ID)
		var keys []value.Key
		require.NoError(t, s.Rows(s.Catalog.Class("Gone"), func(r *Row) (bool, error) {
			keys = append(keys, r.Key)
			return true, nil
		}))
		require.Equal(t, []value.Key{key(1)}, keys)
		require.NoError(t, s.Close())
	}
}

func TestKeysKeepTheirOrder(t *testing.T) {
	keys := []value.Key{
		value.NullKey(), value.IntKey(-1 << 63), value.IntKey(-1), value.IntKey(0), value.IntKey(1), value.IntKey(1<<63 - 1),
		value.StringKey(""), value.StringKey("a"), value.StringKey("a\x00"), value.StringKey("ab"), value.StringKey("\xff"),
		value.ObjectIDKey(value.ObjectID{}), value.ObjectIDKey(value.ObjectID{255}), value.UUIDKey(value.UUID{}), value.UUIDKey(value.UUID{1}),
		value.GlobalKey(0, 1), value.GlobalKey(1, 0),
	}
	var encoded []string
	for _, k := range keys {
		e := EncodeKey(k)
		got, err := DecodeKey(e)
		require.NoError(t, err)
		require.Equal(t, k, got)
		encoded = append(encoded, e)
	}
	require.True(t, slices.IsSorted(encoded))
	require.Len(t, slices.Compact(encoded), len(keys))
	for _, bad := range []string{"", "\x01", "\x00x", "\x0d", "\x7fx", string([]byte{byte(value.KindInt), 1}), string([]byte{byte(value.KindUUID), 1})} {
		_, err := DecodeKey(bad)
		require.Error(t, err, "%x", bad)
	}
}

// Every type of value survives the store.
func TestDocuments(t *testing.T) {
	f, d := withT(t, nil)
	values := []value.Value{
		value.Null(), value.Int(-5), value.Int(1 << 62), value.Bool(true), value.Bool(false), value.String(""), value.String("text\x00\u00ff"),
		value.Binary([]byte{0, 1}), value.FromTimestamp(value.Timestamp{Seconds: -3, Nanoseconds: -999_999_999}), value.Float(-0.5), value.Double(2.5),
		value.DoubleBits(0x7ff8000000000123), value.FromDecimal(value.DecimalFromInt64(-12)), value.FromDecimal(value.DecimalNaN()),
		value.FromObjectID(value.ObjectID{1, 2, 3}), value.FromUUID(value.UUID{9, 8, 7}), value.FromLink("T", key(77)),
	}
	var ins []changeset.Instruction
	for i, v := range values {
		ins = append(ins, create(int64(i)), set(int64(i), "m", v))
	}
	d.write(ins...)
	f.restart()
	for i, v := range values {
		require.True(t, v.Identical(field(f.row(int64(i)), "m")), "%v", v)
	}
}

// Documents of before there were collections are read, and what has none is written as it was.
func TestOldDocuments(t *testing.T) {
	f, _ := withT(t, nil)
	class := f.Catalog().Class("T")
	doc := []byte{1, 1, 1, 0xd8, 4, 2, 3, 2, 'h', 'i', 3, 2, 1}
	row, err := decodeDocument(f.Catalog(), class, key(1), doc)
	require.NoError(t, err)
	require.EqualValues(t, 300, field(row, "n").Int())
	require.Equal(t, "hi", field(row, "zone").Str())
	require.True(t, field(row, "m").Bool())
	require.Equal(t, doc, appendDocument(nil, row))
}

// Stored bytes that are damaged are an error, whatever they are.
func TestDamagedRecords(t *testing.T) {
	f, d := withT(t, nil)
	d.write(create(1), set(1, "n", value.Int(300)), set(1, "zone", value.String("somewhere")), set(1, "m", value.FromLink("T", key(1))))
	e := f.entry(3)
	class := f.Catalog().Class("T")
	doc := appendDocument(nil, e.Images[0].After)
	row, err := decodeDocument(f.Catalog(), class, key(1), doc)
	require.NoError(t, err)
	require.Equal(t, e.Images[0].After.values, row.values)
	for n := range doc {
		if row, err := decodeDocument(f.Catalog(), class, key(1), doc[:n]); err == nil {
			require.NotEqual(t, e.Images[0].After.values, row.values, "cut at a border between properties")
		} else {
			require.ErrorIs(t, err, errDocument)
		}
	}
	images := appendImages(nil, e.Images)
	for n := range images {
		_, err := decodeImages(f.Catalog(), images[:n], nil)
		require.Error(t, err, "cut at %d", n)
	}
	_, err = decodeImages(f.Catalog(), append([]byte{9}, images[1:]...), nil)
	require.ErrorContains(t, err, "unknown form")
	got, err := decodeImages(f.Catalog(), images, nil)
	require.NoError(t, err)
	require.Equal(t, e.Images, got)
}
