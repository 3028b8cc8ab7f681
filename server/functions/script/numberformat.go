package script

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/dop251/goja"
)

// numberFormat is how a number is written, as in en-US.
type numberFormat struct {
	style       string // decimal, percent, currency
	symbol      string // before an amount of money
	integers    int    // digits at least
	least, most int    // digits behind the point
	grouped     bool
}

// symbols are those of currencies that en-US has; of others the code is written.
var symbols = map[string]string{
	"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "CNY": "CN¥", "KRW": "₩", "CAD": "CA$", "AUD": "A$", "NZD": "NZ$", "MXN": "MX$", "BRL": "R$", "ILS": "₪", "VND": "₫", "HKD": "HK$", "TWD": "NT$",
}

// noCents are currencies without a fraction.
const noCents = " JPY KRW VND CLP ISK UGX "

func (c *call) numberFormat(locales, options goja.Value) *numberFormat {
	c.english(locales)
	o := c.optionsOf(options, "style currency currencyDisplay minimumIntegerDigits minimumFractionDigits maximumFractionDigits useGrouping notation localeMatcher")
	f := &numberFormat{style: c.choice(o, "style", "decimal", "decimal percent currency"), most: 3, grouped: true}
	_ = c.choice(o, "notation", "standard", "standard")
	if v := valueOr(o.Get("useGrouping")); !goja.IsUndefined(v) {
		f.grouped = v.ToBoolean() && v.String() != "false"
	}
	switch f.style {
	case "percent":
		f.most = 0
	case "currency":
		code := strings.ToUpper(stringOr(o.Get("currency"), ""))
		if len(code) != 3 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			panic(c.vm.NewTypeError("the style currency needs the option currency: three letters, as in USD"))
		}
		if f.least, f.most = 2, 2; strings.Contains(noCents, " "+code+" ") {
			f.least, f.most = 0, 0
		}
		if f.symbol = symbols[code]; f.symbol == "" || c.choice(o, "currencyDisplay", "symbol", "symbol code") == "code" {
			f.symbol = code + "\u00a0"
		}
	}
	digits := func(name string, other, least, most int) int {
		v := valueOr(o.Get(name))
		if goja.IsUndefined(v) {
			return other
		}
		n := v.ToFloat()
		if !(n >= float64(least) && n <= float64(most)) {
			panic(c.rangeError(name + " value is out of range"))
		}
		return int(n)
	}
	f.integers = digits("minimumIntegerDigits", 1, 1, 21)
	least, most := digits("minimumFractionDigits", -1, 0, 100), digits("maximumFractionDigits", -1, 0, 100)
	switch {
	case least >= 0 && most >= 0 && least > most:
		panic(c.rangeError("maximumFractionDigits value is out of range"))
	case least >= 0 && most < 0:
		f.least, f.most = least, max(f.most, least)
	case most >= 0 && least < 0:
		f.least, f.most = min(f.least, most), most
	case least >= 0:
		f.least, f.most = least, most
	}
	return f
}

// numberText is a number in digits: the shortest that say what it is, without an exponent. What is no number is NaN.
func numberText(v goja.Value) string {
	if n, ok := valueOr(v).Export().(*big.Int); ok {
		return n.String()
	}
	if x, ok := unwrap(v); ok {
		if n, ok := x.(int64); ok {
			return strconv.FormatInt(n, 10)
		}
	}
	x := v.ToFloat()
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 0):
		return strings.Replace(strconv.FormatFloat(x, 'f', -1, 64), "Inf", "∞", 1)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

func (f *numberFormat) text(digits string) string {
	digits = strings.TrimPrefix(digits, "+")
	digits, negative := strings.CutPrefix(digits, "-")
	if digits != "NaN" && digits != "∞" {
		whole, fraction := f.rounded(digits)
		if whole = strings.Repeat("0", max(f.integers-len(whole), 0)) + whole; f.grouped {
			whole = grouped(whole)
		}
		if digits = whole; fraction != "" {
			digits += "." + fraction
		}
	}
	sign := ""
	if negative {
		sign = "-"
	}
	switch f.style {
	case "percent":
		return sign + digits + "%"
	case "currency":
		return sign + f.symbol + digits
	}
	return sign + digits
}

// grouped puts a comma before each three digits.
func grouped(digits string) string {
	var out strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteByte(digits[i])
	}
	return out.String()
}

// rounded rounds digits half away from zero.
func (f *numberFormat) rounded(digits string) (whole, fraction string) {
	whole, fraction, _ = strings.Cut(digits, ".")
	if f.style == "percent" {
		fraction += "00"
		whole, fraction = whole+fraction[:2], fraction[2:]
		whole = strings.TrimLeft(whole, "0")
	}
	if len(fraction) > f.most {
		up := fraction[f.most] >= '5'
		n, _ := new(big.Int).SetString("0"+whole+fraction[:f.most], 10)
		if up {
			n.Add(n, big.NewInt(1))
		}
		text := n.String()
		text = strings.Repeat("0", max(f.most+1-len(text), 0)) + text
		whole, fraction = text[:len(text)-f.most], text[len(text)-f.most:]
	}
	fraction = strings.TrimRight(fraction, "0")
	fraction += strings.Repeat("0", max(f.least-len(fraction), 0))
	if whole == "" {
		whole = "0"
	}
	return whole, fraction
}
