package realm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

func decimal(t testing.TB, s string) value.Value {
	t.Helper()
	d, err := value.ParseDecimal(s)
	require.NoError(t, err)
	return value.FromDecimal(d)
}

func timestamp(s int64, ns int32) value.Value {
	return value.FromTimestamp(value.Timestamp{Seconds: s, Nanoseconds: ns})
}

// samples are values of every scalar type, the limits among them.
func samples(t testing.TB) map[value.Kind][]value.Value {
	return map[value.Kind][]value.Value{
		value.KindInt:       {i64(0), i64(-1), i64(math.MaxInt64), i64(math.MinInt64)},
		value.KindBool:      {value.Bool(true), value.Bool(false)},
		value.KindString:    {str(""), str("ä€😀"), str("with\x00zero"), str(string(make([]byte, 5000)))},
		value.KindBinary:    {value.BinaryString(""), value.BinaryString("\x00\xff"), value.BinaryString(string(make([]byte, 70000)))},
		value.KindTimestamp: {timestamp(0, 0), timestamp(-1, -999999999), timestamp(1, 5), timestamp(math.MaxInt64, 0), timestamp(math.MinInt64, -1)},
		value.KindFloat:     {value.Float(1.5), value.FloatBits(0x80000000), value.FloatBits(0x7fc00001), value.Float(float32(math.Inf(-1)))},
		value.KindDouble:    {value.Double(-0.1), value.DoubleBits(1 << 63), value.DoubleBits(0x7ff8000000000007), value.Double(math.Inf(1))},
		value.KindDecimal:   {decimal(t, "10.50"), decimal(t, "-1E-6176"), decimal(t, "Infinity"), decimal(t, "NaN"), decimal(t, "9.999999999999999999999999999999999E+6144")},
		value.KindObjectID:  {value.FromObjectID(value.ObjectID{}), value.FromObjectID(value.ObjectID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255})},
		value.KindUUID:      {value.FromUUID(value.UUID{}), value.FromUUID(value.UUID{15: 9, 0: 255})},
	}
}

func TestEveryScalarType(t *testing.T) {
	clean(t)
	for kind, list := range samples(t) {
		t.Run(kind.String(), func(t *testing.T) {
			clean(t)
			path := tempPath(t)
			s := schema.New(class("C", "_id", prop("_id", value.KindInt), prop("must", kind), optional("may", kind), optional("any", value.KindMixed)))
			r, err := Open(Config{Path: path, Schema: s})
			require.NoError(t, err)
			write(t, r, func() {
				for i, v := range list {
					o, created, err := tryCreate(t, r, "C", values{"_id": i64(int64(i)), "must": v, "may": v, "any": v}, false)
					require.NoError(t, err)
					require.True(t, created)
					for _, p := range []string{"must", "may", "any"} {
						require.Equal(t, v, get(t, o, p))
					}
					// Set what it has, null, and what it has again.
					set1(t, o, "may", value.Null())
					require.Equal(t, value.Null(), get(t, o, "may"))
					set1(t, o, "may", v)
					require.Equal(t, v, get(t, o, "may"))
					set1(t, o, "any", value.Null())
					set1(t, o, "any", v)
					require.ErrorIs(t, trySet(t, o, "must", value.Null()), store.ErrNotNullable)
					require.ErrorIs(t, trySet(t, o, "must", wrong(kind)), store.ErrType)
					require.NoError(t, trySet(t, o, "must", nil), "absent changes nothing")
					require.Equal(t, v, get(t, o, "must"))
					ReleaseObject(o)
				}
				add(t, r, "C", values{"_id": i64(100), "must": list[0], "may": value.Null()})
				add(t, r, "C", values{"_id": i64(101)})
			})
			r.Release()
			r = open(t, Config{Path: path})
			for i, v := range list {
				o := find(t, r, "C", i64(int64(i)))
				for _, p := range []string{"must", "may", "any"} {
					require.Equal(t, v, get(t, o, p))
				}
			}
			require.Equal(t, value.Null(), get(t, find(t, r, "C", i64(100)), "may"))
			require.Equal(t, value.Null(), get(t, find(t, r, "C", i64(101)), "any"))
			require.Equal(t, kind, get(t, find(t, r, "C", i64(101)), "must").(value.Value).Kind(), "the default")
		})
	}
}

// wrong is a value of another type.
func wrong(kind value.Kind) value.Value {
	if kind == value.KindInt {
		return str("1")
	}
	return i64(1)
}

func TestEveryPrimaryKeyType(t *testing.T) {
	clean(t)
	for _, kind := range []value.Kind{value.KindInt, value.KindString, value.KindObjectID, value.KindUUID} {
		for _, nullable := range []bool{false, true} {
			name := kind.String()
			if nullable {
				name += "?"
			}
			t.Run(name, func(t *testing.T) {
				clean(t)
				key := schema.Property{Name: "_id", Type: kind, Nullable: nullable}
				r := open(t, Config{Path: tempPath(t), Schema: schema.New(class("C", "_id", prop("n", value.KindInt), key))})
				keys := samples(t)[kind]
				if nullable {
					keys = append(keys, value.Null())
				}
				write(t, r, func() {
					for i, k := range keys {
						o := create(t, r, "C", values{"_id": k, "n": i64(int64(i))})
						require.Equal(t, k, get(t, o, "_id"))
						_, _, err := tryCreate(t, r, "C", values{"_id": k, "n": i64(99)}, false)
						require.ErrorIs(t, err, store.ErrKeyExists)
						require.ErrorIs(t, trySet(t, o, "_id", k), store.ErrType, "a key can't be changed")
					}
					_, _, err := tryCreate(t, r, "C", values{"n": i64(1)}, false)
					require.ErrorIs(t, err, store.ErrType, "a key is needed")
					_, _, err = tryCreate(t, r, "C", values{"_id": value.Bool(true)}, false)
					require.ErrorIs(t, err, store.ErrType)
					if !nullable {
						_, _, err = tryCreate(t, r, "C", values{"_id": value.Null()}, false)
						require.ErrorIs(t, err, store.ErrNotNullable)
					}
				})
				for i, k := range keys {
					o := find(t, r, "C", k)
					require.NotNil(t, o)
					require.Equal(t, i64(int64(i)), get(t, o, "n"))
					require.Equal(t, []int64{int64(i)}, ints(t, query(t, r, "C", "_id == $0", k), "n"))
				}
				write(t, r, func() {
					o, created, err := tryCreate(t, r, "C", values{"_id": keys[0], "n": i64(77)}, true)
					require.NoError(t, err)
					require.False(t, created)
					require.Equal(t, i64(77), get(t, o, "n"))
					require.NoError(t, DeleteObject(o))
					ReleaseObject(o)
				})
				require.Nil(t, find(t, r, "C", keys[0]))
				require.Equal(t, len(keys)-1, count(t, all(t, r, "C")))
			})
		}
	}
}

func TestClassWithoutPrimaryKey(t *testing.T) {
	clean(t)
	r := open(t, Config{Path: tempPath(t), Schema: schema.New(class("C", "", prop("n", value.KindInt)))})
	write(t, r, func() {
		for i := range int64(3) {
			add(t, r, "C", values{"n": i64(i)})
		}
	})
	require.Equal(t, []int64{0, 1, 2}, ints(t, all(t, r, "C"), "n"))
	write(t, r, func() {
		o := load(t, all(t, r, "C"), 2, 1)[0]
		last := fields(o).key
		require.NoError(t, DeleteObject(o))
		ReleaseObject(o)
		n := create(t, r, "C", values{"n": i64(9)})
		require.Greater(t, fields(n).key, last, "object keys are not used again")
	})
}

func TestMalformedValuesAreRefused(t *testing.T) {
	clean(t)
	c := class("C", "_id", prop("_id", value.KindInt), prop("t", value.KindTimestamp), prop("s", value.KindString), optional("m", value.KindMixed))
	r := open(t, Config{Path: tempPath(t), Schema: schema.New(c)})
	write(t, r, func() {
		for _, v := range []value.Value{timestamp(1, -1), timestamp(-1, 1), timestamp(0, 1_000_000_000), timestamp(0, -1_000_000_000)} {
			_, _, err := tryCreate(t, r, "C", values{"_id": i64(1), "t": v}, false)
			require.ErrorIs(t, err, store.ErrType)
			_, _, err = tryCreate(t, r, "C", values{"_id": i64(1), "m": v}, false)
			require.ErrorIs(t, err, store.ErrType)
		}
		b := newBlock(t)
		defer b.free()
		o := create(t, r, "C", values{"_id": i64(1)})
		c := b.take(24)
		c[0] = byte(value.KindString)
		c[4] = 3 // three bytes, but no data
		require.ErrorIs(t, SetProperty(o, 2, unsafePointer(c)), store.ErrType)
		c[0] = 77
		require.ErrorIs(t, SetProperty(o, 2, unsafePointer(c)), store.ErrType)
		require.ErrorIs(t, SetProperty(o, 3, unsafePointer(c)), store.ErrType)
		require.ErrorIs(t, SetProperty(o, 99, unsafePointer(c)), store.ErrSchema)
		require.ErrorIs(t, SetProperty(o, -1, unsafePointer(c)), store.ErrSchema)
	})
}

func TestAddInt(t *testing.T) {
	clean(t)
	c := class("C", "_id", prop("_id", value.KindInt), prop("n", value.KindInt), optional("o", value.KindInt), prop("s", value.KindString),
		optional("m", value.KindMixed))
	r := open(t, Config{Path: tempPath(t), Schema: schema.New(c)})
	var o Object
	write(t, r, func() {
		o = create(t, r, "C", values{"_id": i64(1), "n": i64(math.MaxInt64), "m": i64(2)})
		require.NoError(t, AddInt(o, 1, 2))
		require.Equal(t, i64(math.MinInt64+1), get(t, o, "n"), "wraps around")
		require.NoError(t, AddInt(o, 4, 5))
		require.Equal(t, i64(7), get(t, o, "m"))
		require.ErrorIs(t, AddInt(o, 2, 1), ErrNull)
		require.ErrorIs(t, AddInt(o, 3, 1), store.ErrType)
		require.ErrorIs(t, AddInt(o, 0, 1), store.ErrType)
		require.ErrorIs(t, AddInt(o, 5, 1), store.ErrSchema)
	})
	require.Equal(t, i64(math.MinInt64+1), get(t, o, "n"))
	require.ErrorIs(t, AddInt(o, 1, 1), ErrNotInTransaction)
}

func TestTextThatCannotBeSynced(t *testing.T) {
	clean(t)
	b := newBlock(t)
	defer b.free()
	broken := b.take(24) // a string of three bytes without data
	broken[0], broken[4] = byte(value.KindString), 3
	local := openDogs(t)
	write(t, local, func() { add(t, local, "Dog", values{"_id": i64(1), "name": str("\xff")}) })
	r := openPets(t)
	before := r.Version()
	write(t, r, func() {
		_, _, err := tryCreate(t, r, "Dog", values{"_id": i64(1), "name": str("a\xff")}, false)
		require.ErrorIs(t, err, store.ErrType)
		_, _, err = tryCreate(t, r, "Dog", values{"_id": i64(1), "any": str("\xc3")}, false)
		require.ErrorIs(t, err, store.ErrType)
		o := create(t, r, "Dog", values{"_id": i64(1), "name": str("é"), "any": value.BinaryString("\xff")})
		require.ErrorIs(t, trySet(t, o, "name", str("\xe2\x82")), store.ErrType)
		require.Equal(t, str("é"), get(t, o, "name"))
		require.ErrorIs(t, SetProperty(o, 1, unsafePointer(broken)), store.ErrType)
	})
	rs, err := r.Query(classOf(t, r, "Dog").ID, "name == $0", unsafePointer(broken), 1)
	require.NoError(t, err, "an empty string")
	rs.Release()
	require.Equal(t, []string{"CreateObject Dog[1]", "Update Dog[1].name", "Update Dog[1].any"}, recorded(t, r, before))
}
