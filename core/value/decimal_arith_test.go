package value

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func dec(t testing.TB, s string) Decimal {
	d, err := ParseDecimal(s)
	require.NoError(t, err)
	return d
}

func TestDecimalArithmetic(t *testing.T) {
	const nines = "9999999999999999999999999999999999" // 34
	for _, c := range []struct{ a, op, b, want string }{
		{"1.1", "+", "2.2", "3.3"},
		{"10.5", "+", "0.50", "11.00"},
		{"1", "+", "-1.00", "0.00"},
		{"0", "-", "0", "0"},
		{"-0", "-", "0", "-0"},
		{"1", "-", "1E-50", "1.000000000000000000000000000000000"},
		{"1", "+", "1E-6000", "1.000000000000000000000000000000000"},
		{"1E-6000", "-", "1", "-1.000000000000000000000000000000000"},
		{"5", "+", "0E-6000", "5.000000000000000000000000000000000"},
		{"0E-6000", "+", "0E10", "0E-6000"},
		{nines, "+", "1", "1.000000000000000000000000000000000E34"},
		{nines + "E6111", "+", nines + "E6111", "Inf"},
		{"1.20", "*", "3", "3.60"},
		{"-1.5", "*", "2", "-3.0"},
		{"0", "*", "-3", "-0"},
		{nines, "*", "10", "9.999999999999999999999999999999999E34"},
		{"1E-6176", "*", "0.5", "0E-6176"},
		{"1E6000", "*", "1E6000", "Inf"},
		{"6", "/", "2", "3"},
		{"1", "/", "8", "0.125"},
		{"100", "/", "4", "25"},
		{"2.400", "/", "2", "1.200"},
		{"1", "/", "3", "0.3333333333333333333333333333333333"},
		{"2", "/", "3", "0.6666666666666666666666666666666667"},
		{"1E10", "/", "1E-10", "1E20"},
		{"-1", "/", "0", "-Inf"},
		{"0", "/", "0", "NaN"},
		{"0", "/", "-5", "-0"},
		{"Inf", "-", "Inf", "NaN"},
		{"Inf", "+", "Inf", "Inf"},
		{"Inf", "+", "1", "Inf"},
		{"1", "-", "Inf", "-Inf"},
		{"Inf", "*", "0", "NaN"},
		{"-Inf", "*", "2", "-Inf"},
		{"Inf", "/", "Inf", "NaN"},
		{"Inf", "/", "-2", "-Inf"},
		{"5", "/", "Inf", "0E-6176"},
		{"NaN", "+", "1", "NaN"},
		{"1", "-", "NaN", "NaN"},
		{"NaN", "*", "0", "NaN"},
		{"1", "/", "NaN", "NaN"},
	} {
		got, _ := calculate(dec(t, c.a), dec(t, c.b), c.op)
		require.Equal(t, dec(t, c.want), got, "%s %s %s = %s, not %s", c.a, c.op, c.b, got, c.want)
	}
}

func calculate(a, b Decimal, op string) (Decimal, *big.Rat) {
	x, y, z := exact(a), exact(b), new(big.Rat)
	switch op {
	case "+":
		return a.Add(b), z.Add(x, y)
	case "-":
		return a.Sub(b), z.Sub(x, y)
	case "*":
		return a.Mul(b), z.Mul(x, y)
	}
	if y == nil || y.Sign() == 0 {
		return a.Div(b), nil
	}
	return a.Div(b), z.Quo(x, y)
}

// No decimal is nearer to the exact result, and of two that are as near it is the even one.
func TestDecimalArithmeticAgainstFractions(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	number := func() Decimal {
		digits := make([]byte, 1+random.IntN(DecimalDigits))
		for i := range digits {
			digits[i] = "0123456789995000"[random.IntN(16)]
		}
		e := random.IntN(60) - 30
		if random.IntN(10) == 0 {
			e *= 10
		}
		sign := strings.Repeat("-", random.IntN(2))
		return dec(t, sign+string(digits)+"E"+big.NewInt(int64(e)).String())
	}
	for range 3000 {
		a, b := number(), number()
		for _, op := range []string{"+", "-", "*", "/"} {
			got, want := calculate(a, b, op)
			if want == nil {
				continue
			}
			u := got.unpack()
			require.Equal(t, finite, u.class)
			diff := new(big.Rat).Sub(exact(got), want)
			if diff.Sign() == 0 {
				continue
			}
			require.Equal(t, DecimalDigits, u.coefficient.digits(), "%s %s %s = %s is not exact and has room left", a, op, b, got)
			ulp := exact(Decimal{Hi: uint64(u.exponent+decimalBias) << coefficientBits, Lo: 1})
			half := new(big.Rat).Quo(ulp, big.NewRat(2, 1))
			c := diff.Abs(diff).Cmp(half)
			require.True(t, c < 0 || c == 0 && u.coefficient.lo&1 == 0, "%s %s %s = %s", a, op, b, got)
		}
	}
}

func FuzzDecimalArithmetic(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint64(3), uint64(4))
	f.Add(uint64(nanHi), uint64(0), uint64(infinityHi), uint64(0))
	f.Fuzz(func(t *testing.T, ah, al, bh, bl uint64) {
		a, b := Decimal{ah, al}, Decimal{bh, bl}
		require.Equal(t, a.Add(b), b.Add(a))
		require.Equal(t, a.Mul(b), b.Mul(a))
		_, _ = a.Sub(b), a.Div(b)
	})
}
