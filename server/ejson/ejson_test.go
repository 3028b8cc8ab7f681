package ejson

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func decimal(t *testing.T, s string) bson.Decimal128 {
	t.Helper()
	d, err := bson.ParseDecimal128(s)
	require.NoError(t, err)
	return d
}

func objectID(t *testing.T, s string) bson.ObjectID {
	t.Helper()
	id, err := bson.ObjectIDFromHex(s)
	require.NoError(t, err)
	return id
}

// Every row of app-services 10.1 reads, and writes the same bytes.
func TestCanonical(t *testing.T) {
	uuid := []byte{0x18, 0xde, 0x79, 0x16, 0x7f, 0x84, 0x11, 0xec, 0xa8, 0xa3, 0x02, 0x42, 0xac, 0x12, 0x02, 0x00}
	for text, v := range map[string]any{
		`null`: nil, `true`: true, `false`: false, `"a \"quoted\" \\ \u0001\b\t\n\f\r` + "\x7f\u2028<é" + `"`: "a \"quoted\" \\ \x01\b\t\n\f\r\x7f\u2028<é",
		`{"$numberInt":"1"}`:                                               int32(1),
		`{"$numberInt":"-2147483648"}`:                                     int32(math.MinInt32),
		`{"$numberLong":"2"}`:                                              int64(2),
		`{"$numberLong":"-9223372036854775808"}`:                           int64(math.MinInt64),
		`{"$numberDouble":"3.5"}`:                                          3.5,
		`{"$numberDouble":"0.10000000000000001"}`:                          0.1,
		`{"$numberDouble":"1e+21"}`:                                        1e21,
		`{"$numberDouble":"1"}`:                                            1.0,
		`{"$numberDouble":"-0"}`:                                           math.Copysign(0, -1),
		`{"$numberDouble":"1.0000000000000001e-05"}`:                       1.0000000000000001e-05,
		`{"$numberDouble":"10000000000000000"}`:                            1e16,
		`{"$numberDouble":"1e+17"}`:                                        1e17,
		`{"$numberDouble":"Infinity"}`:                                     math.Inf(1),
		`{"$numberDouble":"-Infinity"}`:                                    math.Inf(-1),
		`{"$numberDecimal":"1.50"}`:                                        decimal(t, "1.50"),
		`{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}`:                              objectID(t, "5e5e6f0abe4ae2a2c2c2d329"),
		`{"$date":{"$numberLong":"-1"}}`:                                   bson.DateTime(-1),
		`{"$binary":{"base64":"AQID","subType":"00"}}`:                     bson.Binary{Data: []byte{1, 2, 3}},
		`{"$binary":{"base64":"GN55Fn+EEeyoowJCrBICAA==","subType":"04"}}`: bson.Binary{Subtype: 4, Data: uuid},
		`{"$binary":{"base64":"","subType":"80"}}`:                         bson.Binary{Subtype: 0x80, Data: []byte{}},
		`{"$timestamp":{"t":5,"i":6}}`:                                     bson.Timestamp{T: 5, I: 6},
		`{"$timestamp":{"t":4294967295,"i":0}}`:                            bson.Timestamp{T: math.MaxUint32},
		`{"$regularExpression":{"pattern":"a.*","options":"im"}}`:          bson.Regex{Pattern: "a.*", Options: "im"},
		`{"$regularExpression":{"pattern":"\\d\"","options":""}}`:          bson.Regex{Pattern: `\d"`},
		`{"$minKey":1}`:                                                    bson.MinKey{}, `{"$maxKey":1}`: bson.MaxKey{},
		`{}`: bson.D{}, `[]`: bson.A{},
		`{"b":{"$numberInt":"1"},"a":[null,{"":"x"}]}`: bson.D{{Key: "b", Value: int32(1)}, {Key: "a", Value: bson.A{nil, bson.D{{Key: "", Value: "x"}}}}},
		// These are query operators, and nothing else.
		`{"$regex":"a","$options":"i"}`: bson.D{{Key: "$regex", Value: "a"}, {Key: "$options", Value: "i"}},
		`{"$type":"string"}`:            bson.D{{Key: "$type", Value: "string"}},
		`{"x":"y","$oid":"z"}`:          bson.D{{Key: "x", Value: "y"}, {Key: "$oid", Value: "z"}},
	} {
		got, err := Parse([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, v, got, text)
		out, err := Marshal(v)
		require.NoError(t, err, text)
		require.Equal(t, text, string(out))
	}
	got, err := Parse([]byte(`{"$numberDouble":"NaN"}`))
	require.NoError(t, err)
	require.True(t, math.IsNaN(got.(float64)))
	out, err := Marshal(got)
	require.NoError(t, err)
	require.Equal(t, `{"$numberDouble":"NaN"}`, string(out))
}

// The relaxed form, and what MongoDB's tools of other days have written.
func TestRelaxed(t *testing.T) {
	for text, v := range map[string]any{
		`1`: int32(1), `-1`: int32(-1), `2147483648`: int64(2147483648), `9223372036854775808`: 9223372036854775808.0, `1.5`: 1.5, `1e3`: 1000.0, `-0`: int32(0),
		`{"$date":"1970-01-01T00:00:01.5Z"}`:       bson.DateTime(1500),
		`{"$date":"1970-01-01T01:00:00.000+0100"}`: bson.DateTime(0),
		`{"$date":5}`: bson.DateTime(5),
		`{"$uuid":"18de7916-7f84-11ec-a8a3-0242ac120200"}`: bson.Binary{Subtype: 4, Data: []byte{0x18, 0xde, 0x79, 0x16, 0x7f, 0x84, 0x11, 0xec, 0xa8, 0xa3, 0x02, 0x42, 0xac, 0x12, 0x02, 0x00}},
		`{"$binary":"AQID","$type":"0"}`:                   bson.Binary{Data: []byte{1, 2, 3}},
		`{"$symbol":"s"}`:                                  "s",
		`{"$undefined":true}`:                              nil,
		` { "a" : [ 1 , "\ud83d\ude00\/" ] } `:             bson.D{{Key: "a", Value: bson.A{int32(1), "😀/"}}},
	} {
		got, err := Parse([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, v, got, text)
	}
}

// Whatever is not extended JSON is refused, with the place.
func TestRefused(t *testing.T) {
	for _, text := range []string{
		``, ` `, `{`, `[`, `[1`, `[1,]`, `{"a"`, `{"a":`, `{"a":1,}`, `{a:1}`, `01`, `1.`, `.5`, `+1`, `1e`, `-`, `1e999`, `nul`, `truex`, `1 2`, `"`, `"\`, `"\x"`, `"\u12"`,
		`"\ud800"`, `"\ud800\u0041"`, `"\udc00"`, "\"\n\"", "\"\xff\"", "\"\\n\xff\"", `{"a":1,"a":2}`, `{"a\u0000":1}`,
		`{"$oid":"x"}`, `{"$oid":1}`, `{"$oid":"5e5e6f0abe4ae2a2c2c2d329","x":1}`, `{"$numberInt":1}`, `{"$numberInt":"2147483648"}`, `{"$numberLong":"1.5"}`, `{"$numberLong":""}`,
		`{"$numberDouble":"0x1p4"}`, `{"$numberDouble":"1_0"}`, `{"$numberDouble":""}`, `{"$numberDouble":"inf"}`, `{"$numberDecimal":"x"}`, `{"$date":"yesterday"}`, `{"$date":1.5}`, `{"$date":{}}`,
		`{"$binary":{"base64":"?","subType":"00"}}`, `{"$binary":{"base64":"","subType":"100"}}`, `{"$binary":{"base64":"AQID","subType":"04"}}`, `{"$binary":{"base64":""}}`,
		`{"$uuid":"18de79167f8411eca8a30242ac1202000000"}`, `{"$timestamp":{"t":-1,"i":0}}`, `{"$timestamp":{"t":4294967296,"i":0}}`, `{"$regularExpression":{"pattern":"a"}}`, `{"$minKey":2}`,
		strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1),
		strings.Repeat(`{"a":`, 1000000),
		`{` + strings.Repeat(`"a`, 1) + `":1` + `,"b1":1,"b2":1,"b3":1,"b4":1,"b5":1,"b6":1,"b7":1,"b8":1,"b9":1,"c0":1,"c1":1,"c2":1,"c3":1,"c4":1,"c5":1,"c6":1,"c7":1,"c0":2}`,
	} {
		_, err := Parse([]byte(text))
		require.ErrorIs(t, err, ErrSyntax, "%.60s", text)
		var e *SyntaxError
		require.ErrorAs(t, err, &e)
		require.LessOrEqual(t, e.Offset, len(text))
	}
	_, err := Parse([]byte(strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)))
	require.NoError(t, err)
	_, err = Parse(make([]byte, MaxText+1))
	require.ErrorIs(t, err, ErrSyntax)
	_, err = ParseDocument([]byte("[]"))
	require.ErrorIs(t, err, ErrSyntax)
	_, err = ParseArray([]byte("{}"))
	require.ErrorIs(t, err, ErrSyntax)
}

// What has no text is refused, and what was there stays.
func TestMarshalRefused(t *testing.T) {
	var deep any = nil
	for range maxWritten + 1 {
		deep = bson.A{deep}
	}
	for _, v := range []any{1, []int{}, "\xff", bson.D{{Key: "\xff"}}, bson.A{int8(1)}, deep, bson.Regex{Pattern: "\xff"}, bson.Regex{Options: "\xff"}} {
		out, err := Append([]byte("x"), v)
		require.Error(t, err)
		require.Equal(t, "x", string(out))
	}
}

// What can be read can be written, and reads back as the same text.
func FuzzParse(f *testing.F) {
	for _, text := range []string{`{"a":[1,2.5,{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}]}`, `{"$date":"1970-01-01T00:00:01Z"}`, `{"$numberDecimal":"1E+3"}`, `"\ud83d\ude00"`, `{"$binary":{"base64":"AA","subType":"5"}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text)
		if err != nil {
			require.True(t, errors.Is(err, ErrSyntax))
			return
		}
		out, err := Marshal(v)
		require.NoError(t, err)
		again, err := Parse(out)
		if err != nil {
			require.ErrorContains(t, err, "deep") // typed values have levels of their own
			return
		}
		back, err := Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(out), string(back))
	})
}
