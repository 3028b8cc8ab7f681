package script

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"

	"realmsync/server/ejson"
)

func oid(t *testing.T) bson.ObjectID {
	t.Helper()
	id, err := bson.ObjectIDFromHex("5e5e6f0abe4ae2a2c2c2d329")
	require.NoError(t, err)
	return id
}

func decimal(t *testing.T, s string) bson.Decimal128 {
	t.Helper()
	v, err := bson.ParseDecimal128(s)
	require.NoError(t, err)
	return v
}

// What expressions are, as BSON.
func TestToBSON(t *testing.T) {
	f := newFake(t)
	for source, v := range map[string]any{
		"undefined": nil, "null": nil, "true": true, "'é😀'": "é😀", "'\\ud800'": "�", "1": int64(1), "1.0": int64(1), "-0": int64(0), "1.5": 1.5, "2**53-1": int64(1<<53 - 1),
		"-(2**53-1)": int64(-(1<<53 - 1)), "2**53": math.Pow(2, 53), "1e300": 1e300, "1/0": math.Inf(1), "10n**18n": int64(1e18), "new Number(3)": int64(3), "new String('s')": "s", "new Boolean(false)": false,
		"new Date(1.9)": bson.DateTime(1), "new Date(-1)": bson.DateTime(-1), "/a.*\\//gim": bson.Regex{Pattern: `a.*\/`, Options: "im"}, "[]": bson.A{}, "[1,,undefined,()=>1]": bson.A{int64(1), nil, nil, nil},
		"({b: 1, a: [{}], f: () => 1, u: undefined, [Symbol('s')]: 1})": d("b", int64(1), "a", bson.A{bson.D{}}, "u", nil), "({__proto__: {x: 1}, y: 2})": d("y", int64(2)), "new Map([['k', 1]])": d("k", int64(1)), "new Set([1])": bson.D{},
		"new Uint8Array([1, 2])": bson.Binary{Data: []byte{1, 2}}, "new Uint8Array([1, 2]).buffer": bson.Binary{Data: []byte{1, 2}}, "new (class P { constructor() { this.x = 1 } get y() { return 2 } })()": d("x", int64(1)),
		"new Proxy({a: 1}, {})": d("a", int64(1)), "new Proxy([1], {})": bson.A{int64(1)}, "Promise.resolve(5)": int64(5), "[Promise.resolve(5)]": bson.A{bson.D{}},
		"BSON.ObjectId('5e5e6f0abe4ae2a2c2c2d329')": oid(t), "new BSON.ObjectId('5e5e6f0abe4ae2a2c2c2d329')": oid(t), "BSON.Int32(5)": int32(5), "new BSON.Double(5)": 5.0, "BSON.Double('1.5')": 1.5, "BSON.Long(5)": int64(5),
		"BSON.Long(1, 1)": int64(1<<32 + 1), "BSON.Long.fromString('9223372036854775807')": int64(math.MaxInt64), "BSON.Long.fromNumber(2).add(3).multiply(BSON.Long(4)).subtract(1).divide(2)": int64(9), "BSON.Decimal128.fromString('1.50')": decimal(t, "1.50"),
		"BSON.Binary('ab')": bson.Binary{Data: []byte("ab")}, "BSON.Binary.fromBase64('AQID', 5)": bson.Binary{Data: []byte{1, 2, 3}, Subtype: 5}, "BSON.Binary.fromHex('0102')": bson.Binary{Data: []byte{1, 2}}, "BSON.Timestamp(1, 2)": bson.Timestamp{T: 2, I: 1}, "new BSON.Timestamp({t: 3, i: 4})": bson.Timestamp{T: 3, I: 4},
		"BSON.MinKey()": bson.MinKey{}, "new BSON.MaxKey()": bson.MaxKey{}, "BSON.BSONRegExp('a', 'i')": bson.Regex{Pattern: "a", Options: "i"}, "BSON.UUID('18de7916-7f84-11ec-a8a3-0242ac120200').toString()": "18de7916-7f84-11ec-a8a3-0242ac120200",
		"EJSON.parse('{\"$oid\":\"5e5e6f0abe4ae2a2c2c2d329\"}')": oid(t), "EJSON.parse('{\"a\":{\"$numberLong\":\"5\"}}').a": int64(5), `EJSON.stringify({a: 1, b: BSON.ObjectId('5e5e6f0abe4ae2a2c2c2d329'), c: new Date(5), d: 1.5, e: [null]}, {relaxed: true})`: `{"a":1,"b":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"},"c":{"$date":"1970-01-01T00:00:00.005Z"},"d":1.5,"e":[null]}`,
		"EJSON.stringify({answer: 42, submittedAt: new Date('2020-03-02T16:46:47.977Z')})": `{"answer":{"$numberLong":"42"},"submittedAt":{"$date":{"$numberLong":"1583167607977"}}}`, "EJSON.stringify(['a'], null, 2)": "[\n  \"a\"\n]", "EJSON.stringify({a: 1}, null, 0, {relaxed: true})": `{"a":1}`, "JSON.stringify({id: BSON.ObjectId('5e5e6f0abe4ae2a2c2c2d329'), n: BSON.Int32(1)})": `{"id":"5e5e6f0abe4ae2a2c2c2d329","n":1}`,
		"BSON.ObjectId('5e5e6f0abe4ae2a2c2c2d329').equals('5e5e6f0abe4ae2a2c2c2d329')": true, "BSON.ObjectId() instanceof BSON.ObjectId": true, "BSON.ObjectId.isValid('x')": false, "`${BSON.ObjectId('5e5e6f0abe4ae2a2c2c2d329')}`": "5e5e6f0abe4ae2a2c2c2d329",
		"BSON.ObjectId('5e5e6f0abe4ae2a2c2c2d329').getTimestamp()": bson.DateTime(1583247114000), "BSON.UUID('18de79167f8411eca8a30242ac120200') instanceof BSON.Binary": true, "BSON.UUID().toString().length": int64(36), "BSON.Binary('ab').toBase64() + BSON.Binary('é').text()": "YWI=é", "BSON.Int32(1) + BSON.Double(2)": int64(3),
		"[...BSON.Binary('ab').bytes()]": bson.A{int64(97), int64(98)}, "BSON.BSONRegExp('a', 'i').pattern": "a", "BSON.Timestamp(1, 2).t": int64(2), "typeof BSON.Long(1).toBigInt()": "bigint", "Object.keys(BSON.ObjectId())": bson.A{},
	} {
		require.Equal(t, v, f.value(source), source)
	}
	for source, text := range map[string]string{
		"() => 1": "function", "Symbol('s')": "Symbol", "2n**63n": "64 bits", "new Date(NaN)": "invalid Date", "(() => { const a = []; a[0] = {a}; return a })()": "contains itself", "({get x() { throw new Error('getter') }})": "getter",
		"(() => { let a = []; for (let i = 0; i < 100; i++) a = [a]; return a })()": "deep", "new Array(4294967295)": "too large", "new Map([[1, 1]])": "keys are not strings", "BSON.ObjectId('x')": "24 hexadecimal", "BSON.Int32(1.5)": "32 bits", "BSON.Int32(2**31)": "32 bits",
		"BSON.Decimal128.fromString('x')": "not a Decimal128", "BSON.Binary.fromHex('x')": "encode bytes", "BSON.UUID('x')": "UUID", "BSON.Timestamp(-1)": "32 bits", "BSON.Long('x')": "64 bits", "BSON.Long(1).divide(0)": "zero", "EJSON.parse('{')": "extended JSON", "BSON.ObjectId.prototype.toString.call({})": "ObjectId",
		"EJSON.parse('['.repeat(100))": "extended JSON", "context.services.get('mongodb-atlas').db('d').collection('c')": "collection has no BSON form",
	} {
		require.Contains(t, f.throws(source), text, source)
	}
	out := f.runAs(Call{Limits: Limits{Result: 1000}}, "exports = () => 'x'.repeat(1001)")
	require.ErrorContains(t, out.Err, "too large")
}

// BSON goes into JavaScript and comes back; integers lose their width, as documented, and nothing else is lost.
func TestToJS(t *testing.T) {
	f := newFake(t)
	for _, c := range []struct{ in, out any }{
		{nil, nil}, {true, true}, {"é", "é"}, {int32(5), int64(5)}, {int64(5), int64(5)}, {int64(math.MaxInt64), int64(math.MaxInt64)}, {int64(math.MinInt64), int64(math.MinInt64)}, {1.5, 1.5}, {2.0, int64(2)}, {math.Inf(-1), math.Inf(-1)},
		{bson.DateTime(-5), bson.DateTime(-5)}, {oid(t), oid(t)}, {decimal(t, "1E+3"), decimal(t, "1E+3")}, {bson.Binary{Subtype: 4, Data: make([]byte, 16)}, bson.Binary{Subtype: 4, Data: make([]byte, 16)}}, {bson.Binary{Subtype: 9, Data: []byte{1}}, bson.Binary{Subtype: 9, Data: []byte{1}}},
		{bson.Timestamp{T: 1, I: 2}, bson.Timestamp{T: 1, I: 2}}, {bson.Regex{Pattern: "(", Options: "i"}, bson.Regex{Pattern: "(", Options: "i"}}, {bson.MinKey{}, bson.MinKey{}}, {bson.MaxKey{}, bson.MaxKey{}},
		{d("__proto__", d("x", int64(1)), "constructor", "c", "length", int64(3), "", nil), d("__proto__", d("x", int64(1)), "constructor", "c", "length", int64(3), "", nil)}, {bson.A{bson.A{}, d("a", nil)}, bson.A{bson.A{}, d("a", nil)}},
	} {
		require.Equal(t, c.out, f.value("a", c.in))
		require.Equal(t, d("v", c.out), f.value("({v: b})", nil, c.in))
	}
	require.Equal(t, "undefined", f.value("typeof ({}).x", d("__proto__", d("x", int64(1)))))
	require.Equal(t, bson.A{"object", "9223372036854775807", true}, f.value("[typeof a, a.toString(), a instanceof BSON.Long]", int64(math.MaxInt64)))
	require.Equal(t, bson.A{true, "1970-01-01T00:00:00.005Z"}, f.value("[a instanceof Date, a.toISOString()]", bson.DateTime(5)))
}

func TestRoundTrip(t *testing.T) {
	f := newFake(t)
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.Bool(), anyOf), rapid.Map(rapid.Int64(), anyOf), rapid.Map(rapid.StringMatching(`[a-zé_$.]{0,5}`), anyOf), rapid.Map(rapid.Int64Range(-8e15, 8e15), func(n int64) any { return bson.DateTime(n) }))
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		if depth == 0 {
			return leaf
		}
		return rapid.OneOf(leaf, rapid.Map(rapid.SliceOfN(value(depth-1), 0, 3), func(s []any) any { return bson.A(s) }), rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-z_$]{0,3}`), value(depth-1), 0, 3), func(m map[string]any) any {
			out := bson.D{}
			for k, v := range m {
				out = append(out, bson.E{Key: k, Value: v})
			}
			return out
		}))
	}
	p := f.add("f", "exports = x => x")
	rapid.Check(t, func(rt *rapid.T) {
		v := value(3).Draw(rt, "v")
		if list, ok := v.(bson.A); ok && list == nil {
			v = bson.A{}
		}
		out := f.runProgram(p, v)
		require.NoError(t, out.Err)
		want, err := ejson.Marshal(v)
		require.NoError(t, err)
		got, err := ejson.Marshal(out.Value)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	})
}

func anyOf[T any](v T) any { return v }

func TestClock(t *testing.T) {
	f := newFake(t)
	out := f.runAs(Call{Now: func() time.Time { return time.UnixMilli(1_700_000_000_000) }}, "exports = () => [Date.now(), new Date(), BSON.ObjectId().getTimestamp()]")
	require.NoError(t, out.Err)
	require.Equal(t, bson.A{int64(1_700_000_000_000), bson.DateTime(1_700_000_000_000), bson.DateTime(1_700_000_000_000)}, out.Value)
}
