package value

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func bid(t testing.TB, digits string) (d Decimal) {
	t.Helper()
	_, err := fmt.Sscanf(digits, "%16x%16x", &d.Hi, &d.Lo)
	require.NoError(t, err)
	return d
}

// The texts are those of the original (vectors/changeset).
var decimalTexts = []struct{ text, bits string }{
	{"+123456789012345678901234567890E+0", "304000018ee90ff6c373e0ee4e3f0ad2"},
	{"+9999999999999999999999999999999999E+0", "3041ed09bead87c0378d8e63ffffffff"},
	{"+9999999999999999999999999999999999E+6111", "5fffed09bead87c0378d8e63ffffffff"},
	{"-0", "b0400000000000000000000000000000"},
	{"-1", "b0400000000000000000000000000001"},
	{"-1E-6176", "80000000000000000000000000000001"},
	{"-9999999999999999999999999999999999E+0", "b041ed09bead87c0378d8e63ffffffff"},
	{"-Inf", "f8000000000000000000000000000000"},
	{"0", "30400000000000000000000000000000"},
	{"0E-6176", "00000000000000000000000000000000"},
	{"0E6111", "5ffe0000000000000000000000000000"},
	{"10.50", "303c000000000000000000000000041a"},
	{"1E-10", "302c0000000000000000000000000001"},
	{"1E10", "30540000000000000000000000000001"},
	{"3.14159", "3036000000000000000000000004cb2f"},
	{"8192", "30400000000000000000000000002000"},
	{"Inf", "78000000000000000000000000000000"},
	{"NaN", "7c000000000000000000000000000000"},
	{"1.200E6", "304600000000000000000000000004b0"},
	{"5E-1", "303e0000000000000000000000000005"},
}

func TestDecimalText(t *testing.T) {
	for _, c := range decimalTexts {
		d := bid(t, c.bits)
		require.Equal(t, c.text, d.String())
		back, err := ParseDecimal(c.text)
		require.NoError(t, err, c.text)
		require.Equal(t, d, back, c.text)
		negative, hi, lo, exponent := d.Parts()
		joined, ok := DecimalFromParts(negative, hi, lo, exponent)
		require.True(t, ok)
		require.Equal(t, d, joined)
	}
}

func TestDecimalParts(t *testing.T) {
	negative, hi, lo, exponent := DecimalInf(true).Parts()
	require.Equal(t, []any{true, uint64(0), uint64(0), int32(9184)}, []any{negative, hi, lo, exponent})
	_, _, _, exponent = DecimalNaN().Parts()
	require.Equal(t, int32(9696), exponent)
	for _, c := range []struct {
		hi       uint64
		exponent int32
	}{{1 << 49, 0}, {math.MaxUint64, 0}, {0, -6177}, {0, 16384 - 6176}, {0, math.MaxInt32}, {0, math.MinInt32}} {
		_, ok := DecimalFromParts(false, c.hi, 0, c.exponent)
		require.False(t, ok, "%v", c)
	}
	d, ok := DecimalFromParts(false, 0, 1050, -2)
	require.True(t, ok)
	require.Equal(t, bid(t, "303c000000000000000000000000041a"), d)
}

func TestParseDecimal(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"+1.5", "1.5"}, {".5", "5E-1"}, {"5.", "5"}, {"00012", "12"}, {"1e3", "1E3"}, {"1E+3", "1E3"}, {"-.0", "-0E-1"},
		{"nan", "NaN"}, {"-INFINITY", "-Inf"}, {"+inf", "Inf"},
		{"12345678901234567890123456789012345", "+1234567890123456789012345678901234E+1"},  // tie to even
		{"12345678901234567890123456789012335", "+1234567890123456789012345678901234E+1"},  // tie to even, up
		{"123456789012345678901234567890123451", "+1234567890123456789012345678901235E+2"}, // over the tie
		{"99999999999999999999999999999999995", "+1000000000000000000000000000000000E+2"},  // one digit more
		{"1e6144", "+1000000000000000000000000000000000E+6111"}, {"1e6145", "Inf"}, {"-1e99999999999", "-Inf"},
		{"1e-6176", "1E-6176"}, {"5e-6177", "0E-6176"}, {"5.1e-6177", "1E-6176"}, {"15e-6177", "2E-6176"}, {"-1e-7000", "-0E-6176"},
		{"0e99999", "0E6111"}, {"0e-99999", "0E-6176"},
	} {
		d, err := ParseDecimal(c.text)
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, d.String(), c.text)
	}
	for _, bad := range []string{"", "+", "-", ".", "e1", "1e", "1e+", "1.2.3", "--1", "+-1", "1 ", " 1", "0x1", "na", "infi", "1_0", "١"} {
		_, err := ParseDecimal(bad)
		require.Error(t, err, "%q", bad)
	}
}

// exact is the number as a fraction, the oracle of the comparison.
func exact(d Decimal) *big.Rat {
	u := d.unpack()
	n := new(big.Int).SetUint64(u.coefficient.hi)
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(u.coefficient.lo))
	if u.negative {
		n.Neg(n)
	}
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(u.exponent, -u.exponent))), nil)
	if u.exponent < 0 {
		return new(big.Rat).SetFrac(n, power)
	}
	return new(big.Rat).SetInt(n.Mul(n, power))
}

func TestDecimalCompareAgainstFractions(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() Decimal {
		digits := rng.IntN(DecimalDigits) + 1
		var c uint128
		for range digits {
			c = c.times(uint128{lo: 10}).plus(uint64(rng.IntN(4)) * 3)
		}
		d, ok := DecimalFromParts(rng.IntN(4) == 0, c.hi, c.lo, int32(rng.IntN(70)-35))
		require.True(t, ok)
		return d
	}
	for range 20000 {
		a, b := random(), random()
		require.Equal(t, exact(a).Cmp(exact(b)), a.Compare(b), "%v %v", a, b)
		require.Equal(t, -a.Compare(b), b.Compare(a))
		c, err := ParseDecimal(a.String())
		require.NoError(t, err)
		require.Equal(t, a, c)
	}
	// Extremes, and equal numbers in many forms.
	sorted := []string{"NaN", "-Inf", "-9.999e6144", "-1e6144", "-1", "-1e-6176", "0", "1e-6176", "2e-6176", "1e-100", "9.99", "10", "1e6144", "inf"}
	for i, a := range sorted {
		for k, b := range sorted {
			x, err := ParseDecimal(a)
			require.NoError(t, err)
			y, err := ParseDecimal(b)
			require.NoError(t, err)
			want := 0
			if i < k {
				want = -1
			} else if i > k {
				want = 1
			}
			require.Equal(t, want, x.Compare(y), "%s %s", a, b)
		}
	}
	for _, pair := range [][2]string{{"10.5", "10.50"}, {"1e3", "1000"}, {"0", "-0"}, {"0e6111", "-0e-6176"}, {"1000000000000000000000000000000000", "1e33"}} {
		a, _ := ParseDecimal(pair[0])
		b, _ := ParseDecimal(pair[1])
		require.Zero(t, a.Compare(b), "%v", pair)
	}
}

func TestDecimalNonCanonical(t *testing.T) {
	// Coefficients beyond 10^34-1 stand for zero, in both layouts.
	for _, bits := range []string{"3041ed09bead87c0378d8e6400000000", "6c000000000000000000000000000007"} {
		d := bid(t, bits)
		require.True(t, d.IsZero(), bits)
		require.Zero(t, d.Compare(DecimalFromInt64(0)))
		require.Zero(t, d.Float64())
	}
}

func TestDecimalFloats(t *testing.T) {
	for _, c := range []struct {
		f    float64
		want string
	}{{0, "0"}, {math.Copysign(0, -1), "-0"}, {1.5, "1.5"}, {-3, "-3"}, {0.1, "1.00000000000000E-1"}, {1e15, "1.00000000000000E15"},
		{math.Inf(-1), "-Inf"}, {math.NaN(), "NaN"}, {123456789012345, "123456789012345"}, {1234567890123456, "1.23456789012346E15"}} {
		require.Equal(t, c.want, DecimalFromFloat64(c.f).String(), "%v", c.f)
	}
	require.Equal(t, "1.000000E-1", DecimalFromFloat32(0.1).String())
	for _, c := range decimalTexts {
		d := bid(t, c.bits)
		f := d.Float64()
		if d.IsNaN() {
			require.True(t, math.IsNaN(f))
		}
	}
	require.Equal(t, 10.5, bid(t, "303c000000000000000000000000041a").Float64())
	require.Equal(t, math.Inf(1), bid(t, "5fffed09bead87c0378d8e63ffffffff").Float64())
	require.Equal(t, int64(math.MinInt64), int64(DecimalFromInt64(math.MinInt64).Float64()))
	require.Equal(t, "-9223372036854775808", DecimalFromInt64(math.MinInt64).String())
}

func FuzzParseDecimal(f *testing.F) {
	for _, c := range decimalTexts {
		f.Add(c.text)
	}
	f.Add("1e-6177")
	f.Add("0.00000000000000000000000000000000000000000000000000000000000000000005e+50")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDecimal(s)
		if err != nil {
			return
		}
		back, err := ParseDecimal(d.String())
		if err != nil || back != d {
			t.Fatalf("%q: %v %x, printed and parsed %x, %v", s, d, d, back, err)
		}
	})
}
