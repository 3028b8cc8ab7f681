package value

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func oid(b byte) ObjectID { return ObjectID{b, 2, 3, 11: 9} }

// ordered lists groups of equal values in ascending order.
var ordered = [][]Value{
	{Null()},
	{Bool(false)},
	{Bool(true)},
	{Double(math.NaN()), FloatBits(0x7fc00000), FromDecimal(DecimalNaN())},
	{Double(math.Inf(-1)), Float(float32(math.Inf(-1))), FromDecimal(DecimalInf(true))},
	{Int(math.MinInt64), Double(-(1 << 63))},
	{Int(-1), Float(-1), Double(-1), FromDecimal(DecimalFromInt64(-1))},
	{Int(0), Double(0), Double(math.Copysign(0, -1)), FromDecimal(DecimalFromInt64(0))},
	{Double(0.1), FromDecimal(DecimalFromFloat64(0.1))},
	{Double(0.5), Float(0.5)},
	{Int(1), Double(1)},
	{Double(1.5)},
	{Int(1 << 53), Double(1 << 53)},
	{Int(1<<53 + 1)},
	{Int(math.MaxInt64)},
	{Double(1 << 63)},
	{Double(math.Inf(1)), Float(float32(math.Inf(1))), FromDecimal(DecimalInf(false))},
	{String("")},
	{String("\x00")},
	{String("a")},
	{String("ab")},
	{String("b")},
	{String("æ")},
	{Binary(nil)},
	{Binary([]byte{0xff})},
	{FromTimestamp(Timestamp{-2, -1})},
	{FromTimestamp(Timestamp{-1, -500000000})},
	{FromTimestamp(Timestamp{-1, 0})},
	{FromTimestamp(Timestamp{0, -1})},
	{FromTimestamp(Timestamp{0, 0})},
	{FromTimestamp(Timestamp{0, 1})},
	{FromTimestamp(Timestamp{1, 0})},
	{FromObjectID(oid(1))},
	{FromObjectID(oid(0xff))},
	{FromUUID(UUID{1})},
	{FromUUID(UUID{1, 15: 1})},
	{FromUUID(UUID{0x80})},
	{FromLink("A", IntKey(2))},
	{FromLink("B", IntKey(1))},
	{FromLink("B", StringKey("x"))},
	{Marker(KindList)},
	{Marker(KindSet)},
	{Marker(KindDictionary)},
}

func TestCompareIsTheTotalOrder(t *testing.T) {
	for i, group := range ordered {
		for k, other := range ordered {
			want := 0
			if i < k {
				want = -1
			} else if i > k {
				want = 1
			}
			for _, v := range group {
				for _, w := range other {
					require.Equal(t, want, Compare(v, w), "%v (%v) against %v (%v)", v, v.Kind(), w, w.Kind())
					require.Equal(t, want == 0, Equal(v, w))
				}
			}
		}
	}
	require.Equal(t, -1, Compare(DoubleBits(0x7ff8000000000000), DoubleBits(0x7ff8000000000001)), "NaNs of one kind go by bits")
	require.True(t, Equal(FromDecimal(bid(t, "303c000000000000000000000000041a")), Double(10.5)))
	require.False(t, Equal(String("a"), BinaryString("a")))
	require.False(t, Equal(Bool(true), Int(1)))
}

func TestIdentical(t *testing.T) {
	require.True(t, Double(math.NaN()).Identical(Double(math.NaN())))
	require.False(t, Double(0).Identical(Double(math.Copysign(0, -1))))
	require.False(t, Int(1).Identical(Double(1)))
	require.True(t, FromLink("A", StringKey("k")).Identical(FromLink("A", StringKey("k"))))
	require.False(t, FromLink("A", StringKey("k")).Identical(FromLink("A", StringKey("l"))))
	require.False(t, FromLink("A", StringKey("k")).Identical(Null()))
}

func TestDefault(t *testing.T) {
	for k := KindNull; k <= KindUUID; k++ {
		require.True(t, Default(k, true).IsNull())
		v := Default(k, false)
		if k == KindMixed || k == KindLink {
			require.True(t, v.IsNull())
			continue
		}
		require.Equal(t, k, v.Kind())
	}
	require.True(t, Default(KindDouble, false).Identical(Double(0)))
	require.True(t, Default(KindFloat, false).Identical(Float(0)))
	require.True(t, Default(KindBool, false).Identical(Bool(false)))
	require.True(t, Default(KindString, false).Identical(String("")))
	require.Equal(t, "0", Default(KindDecimal, false).Decimal().String())
}

func TestKeys(t *testing.T) {
	keys := []Key{NullKey(), IntKey(math.MinInt64), IntKey(-1), IntKey(7), StringKey(""), StringKey("a"), ObjectIDKey(oid(1)), ObjectIDKey(oid(0xff)), UUIDKey(UUID{1}), UUIDKey(UUID{1, 15: 7})}
	for i, a := range keys {
		for k, b := range keys {
			c := CompareKeys(a, b)
			require.Equal(t, i < k, c < 0, "%v %v", a, b)
			require.Equal(t, i == k, c == 0)
			require.Equal(t, i == k, a == b)
		}
		back, ok := KeyOf(a.Value())
		require.True(t, ok)
		require.Equal(t, a, back)
	}
	require.Negative(t, CompareKeys(GlobalKey(1, 2), NullKey()))
	require.Negative(t, CompareKeys(GlobalKey(1, 2), GlobalKey(1, 3)))
	hi, lo := GlobalKey(1, 2).Global()
	require.Equal(t, []uint64{1, 2}, []uint64{hi, lo})
	_, ok := KeyOf(Bool(true))
	require.False(t, ok)
}

func TestTimestamps(t *testing.T) {
	for _, c := range []struct {
		s, ns int64
		want  Timestamp
	}{
		{0, 0, Timestamp{}}, {1, -1, Timestamp{0, 999999999}}, {-1, 1, Timestamp{0, -999999999}}, {-1, -500000000, Timestamp{-1, -500000000}},
		{5, 2500000000, Timestamp{7, 500000000}}, {5, -6500000000, Timestamp{-1, -500000000}}, {0, math.MinInt64, Timestamp{-9223372036, -854775808}},
		{math.MaxInt64, 1e9, Timestamp{math.MaxInt64, 999999999}}, {math.MinInt64, -1e9, Timestamp{math.MinInt64, -999999999}},
	} {
		got := NewTimestamp(c.s, c.ns)
		require.Equal(t, c.want, got, "%v", c)
		require.True(t, got.Valid())
	}
	for _, bad := range []Timestamp{{1, -1}, {-1, 1}, {0, 1e9}, {0, -1e9}} {
		require.False(t, bad.Valid(), "%v", bad)
	}
	for _, ms := range []int64{0, 1, -1, 999, -999, 1000, -1000, -1001, 1700000000123, math.MaxInt64, math.MinInt64} {
		ts := TimestampFromUnixMilli(ms)
		require.True(t, ts.Valid(), "%d", ms)
		require.Equal(t, ms, ts.UnixMilli())
	}
	require.Equal(t, int64(-1), Timestamp{0, -1}.UnixMilli(), "rounded down")
	require.Equal(t, int64(math.MaxInt64), Timestamp{math.MaxInt64, 0}.UnixMilli())
	require.Equal(t, int64(math.MinInt64), Timestamp{math.MinInt64, -5}.UnixMilli())
}

func TestText(t *testing.T) {
	for want, v := range map[string]Value{
		"null": Null(), "-5": Int(-5), "true": Bool(true), `"a\"b"`: String(`a"b`), "binary(00ff)": Binary([]byte{0, 255}),
		"T-1:-5": FromTimestamp(Timestamp{-1, -5}), "1.5": Float(1.5), "0.1": Double(0.1), "10.50": FromDecimal(bid(t, "303c000000000000000000000000041a")),
		`obj("Dog", "rex")`: FromLink("Dog", StringKey("rex")), "oid(010203000000000000000009)": FromObjectID(oid(1)),
		"uuid(01000000-0000-0000-0000-000000000000)": FromUUID(UUID{1}), "object": Marker(KindObject),
	} {
		require.Equal(t, want, v.String())
	}
	require.Less(t, len(String(string(make([]byte, 1<<20))).String()), 1000)
	for _, text := range []string{"0123456789abcdef01234567"} {
		id, err := ParseObjectID(text)
		require.NoError(t, err)
		require.Equal(t, text, id.String())
		require.Equal(t, id, FromObjectID(id).ObjectID())
	}
	id, err := ParseUUID("3b241101-e2bb-4255-8caf-4136c566a962")
	require.NoError(t, err)
	require.Equal(t, "3b241101-e2bb-4255-8caf-4136c566a962", FromUUID(id).UUID().String())
	for _, bad := range []string{"", "3b241101-e2bb-4255-8caf-4136c566a96", "3b241101xe2bb-4255-8caf-4136c566a962", "zb241101-e2bb-4255-8caf-4136c566a962"} {
		_, err := ParseUUID(bad)
		require.Error(t, err)
		_, err = ParseObjectID(bad)
		require.Error(t, err)
	}
}
