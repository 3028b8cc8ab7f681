package mql

import (
	"cmp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// What MongoDB's manual, and its own tests of what the manual leaves open, say of each operator: null and what is missing, arrays, types.
func TestFilterSemantics(t *testing.T) {
	for _, c := range []struct{ query, yes, no string }{
		// "Query for Null or Missing Fields": null is equal to what is missing; an array on the way without documents leads nowhere.
		{`{"a.b":null}`, `{"a":null} {"a":4} {"a":{"b":null}} {"a":[{"b":3},{}]} {"a":[{"b":null}]}`, `{"a":[]} {"a":[1,"x"]} {"a":[null]} {"a":[[]]} {"a":[{"b":1}]}`},
		{`{"a.b":{"$ne":null}}`, `{"a":[]} {"a":[1]} {"a":{"b":1}}`, `{} {"a":null} {"a":[{}]}`},
		{`{"a.b":{"$exists":false}}`, `{"a":[]} {"a":[1]} {"a":[{}]} {}`, `{"a":[{},{"b":null}]}`},
		{`{"a":{"$type":"null"}}`, `{"a":null} {"a":[1,null]}`, `{} {"a":0}`},
		{`{"a":{"$in":[null]}}`, `{} {"a":null} {"a":[null]}`, `{"a":[]} {"a":0}`},
		{`{"a":{"$nin":[null,1]}}`, `{"a":[]} {"a":2}`, `{} {"a":null} {"a":[5,1]}`},
		{`{"a":{"$lte":null}}`, `{} {"a":null}`, `{"a":0} {"a":"x"}`},
		{`{"a":{"$gt":null}}`, ``, `{} {"a":null} {"a":1}`},
		{`{"a":{"$not":{"$exists":true}}}`, `{}`, `{"a":null}`},
		// "Query an Array": an element, or the array as a whole.
		{`{"a":[1]}`, `{"a":[1]} {"a":[[1],2]}`, `{"a":[1,2]} {"a":1}`},
		{`{"a":{"$in":[[1,2],7]}}`, `{"a":[1,2]} {"a":[[1,2]]} {"a":[7]}`, `{"a":[1]}`},
		{`{"a":{"$gt":[1,2]}}`, `{"a":[1,3]} {"a":[2]} {"a":[[1,3]]}`, `{"a":[1,2]} {"a":5}`},
		{`{"a":{"$gt":15,"$lt":20}}`, `{"a":[14,21]} {"a":[16]}`, `{"a":[14]} {"a":[21,20]}`},
		{`{"a":{"$ne":5}}`, `{"a":[1]} {}`, `{"a":[1,5]}`},
		{`{"a.0":5}`, `{"a":[5]} {"a":[[5]]} {"a":{"0":5}} {"a":[{"0":5}]}`, `{"a":[1,5]} {"a":5}`},
		{`{"a.1":null}`, `{"a":[1,null]} {"a":{}}`, `{"a":[1]}`},
		{`{"a.b.c":1}`, `{"a":[{"b":[{"c":1}]}]} {"a":{"b":{"c":[2,1]}}}`, `{"a":[[{"b":{"c":1}}]]}`},
		{`{"a.b":{"$gt":1,"$lt":3}}`, `{"a":[{"b":0},{"b":5},{"b":1},{"b":4}]}`, `{"a":[{"b":5}]}`},
		// $elemMatch: one element meets all; its elements are not gone into.
		{`{"a":{"$elemMatch":{"$gte":80,"$lt":85}}}`, `{"a":[82]}`, `{"a":[75,88]} {"a":[[82]]} {"a":82}`},
		{`{"a":{"$elemMatch":{"$elemMatch":{"$gt":1}}}}`, `{"a":[[2]]}`, `{"a":[2]} {"a":[[[2]]]}`},
		{`{"a":{"$elemMatch":{"b":2}}}`, `{"a":[{"b":[2]}]}`, `{"a":[[{"b":2}]]}`},
		{`{"a":{"$elemMatch":{"$ne":1}}}`, `{"a":[1,2]}`, `{"a":[1]} {"a":[]} {"a":2}`},
		{`{"a":{"$elemMatch":{"$in":[1,{"$regularExpression":{"pattern":"x","options":""}}]}}}`, `{"a":["ax"]}`, `{"a":[["x"]]}`},
		{`{"a":{"$not":{"$elemMatch":{"$gt":1}}}}`, `{"a":[1]} {} {"a":5}`, `{"a":[2]}`},
		// $all is $and of equality; $size is of the array itself.
		{`{"a":{"$all":["x"]}}`, `{"a":"x"} {"a":["y","x"]}`, `{"a":["y"]}`},
		{`{"a":{"$all":[["x","y"]]}}`, `{"a":["x","y"]} {"a":[["x","y"],1]}`, `{"a":["y","x"]}`},
		{`{"a":{"$all":[{"$regularExpression":{"pattern":"^x","options":""}},1]}}`, `{"a":["xy",1]}`, `{"a":["xy"]}`},
		{`{"a":{"$size":1}}`, `{"a":[[1,2]]}`, `{"a":[[1],[2]]} {"a":"x"}`},
		{`{"a.b":{"$size":2}}`, `{"a":[{"b":[1,2]}]} {"a":{"b":[1,2]}}`, `{"a":[{"b":1},{"b":2}]}`},
		// $type: of an element too; "array" of the field.
		{`{"a":{"$type":"number"}}`, `{"a":1} {"a":{"$numberLong":"1"}} {"a":1.5} {"a":{"$numberDecimal":"1"}} {"a":["x",1]}`, `{"a":"1"} {"a":[]}`},
		{`{"a":{"$type":[2,"bool"]}}`, `{"a":"x"} {"a":false}`, `{"a":1} {}`},
		{`{"a":{"$type":4}}`, `{"a":[]} {"a":[[]]}`, `{"a":1}`},
		{`{"a":{"$type":"javascript"}}`, ``, `{"a":"x"} {"a":1}`},
		// Comparison is between values of a type, but all are between MinKey and MaxKey.
		{`{"a":{"$gt":{"$minKey":1}}}`, `{"a":1} {"a":"x"} {} {"a":{"$maxKey":1}}`, `{"a":{"$minKey":1}}`},
		{`{"a":{"$lt":{"$maxKey":1}}}`, `{"a":1} {"a":{"b":1}}`, `{"a":{"$maxKey":1}}`},
		{`{"a":{"$gte":1}}`, `{"a":1} {"a":{"$numberDecimal":"1.0"}}`, `{"a":"2"} {"a":true} {"a":{"$date":5}} {}`},
		{`{"a":0.1}`, `{"a":0.1}`, `{"a":{"$numberDecimal":"0.1"}}`}, // a double is not the decimal that it is written as
		{`{"a":{"$gt":{"$numberDecimal":"0.1"}}}`, `{"a":0.1}`, `{"a":0.09}`},
		{`{"a":{"$numberDouble":"9007199254740992"}}`, `{"a":{"$numberDecimal":"9007199254740992"}} {"a":{"$numberLong":"9007199254740992"}}`, `{"a":{"$numberDecimal":"9007199254740993"}} {"a":{"$numberLong":"9007199254740993"}}`},
		{`{"a":{"$lt":{"$numberDouble":"Infinity"}}}`, `{"a":{"$numberDecimal":"9E+6111"}}`, `{"a":{"$numberDecimal":"Infinity"}}`},
		{`{"a":{"$gt":0.0}}`, `{"a":{"$numberDecimal":"1E-6176"}}`, `{"a":{"$numberDecimal":"-1E-6176"}} {"a":{"$numberDecimal":"-0"}}`},
		{`{"a":{"$eq":{"$numberDouble":"NaN"}}}`, `{"a":{"$numberDouble":"NaN"}} {"a":{"$numberDecimal":"NaN"}}`, `{"a":1} {}`},
		{`{"a":{"$lte":{"$numberDouble":"NaN"}}}`, `{"a":{"$numberDouble":"NaN"}}`, `{"a":1}`},
		{`{"a":{"$gt":{"b":1}}}`, `{"a":{"b":2}} {"a":{"b":1,"c":0}} {"a":{"c":0}}`, `{"a":{"b":1}} {"a":{}}`},
		{`{"a":{"$gt":false}}`, `{"a":true}`, `{"a":false} {"a":1}`},
		{`{"a":{"$gt":{"$binary":{"base64":"AQ==","subType":"00"}}}}`, `{"a":{"$binary":{"base64":"Ag==","subType":"00"}}} {"a":{"$binary":{"base64":"AAA=","subType":"00"}}}`, `{"a":{"$binary":{"base64":"AA==","subType":"00"}}}`},
		{`{"a":{"x":1,"y":2}}`, `{"a":{"x":1,"y":2}}`, `{"a":{"y":2,"x":1}}`},
		// $regex, with its options.
		{`{"a":{"$regex":"^b","$options":"m"}}`, `{"a":"a\nb"}`, `{"a":"ab"}`},
		{`{"a":{"$regex":"a.b","$options":"s"}}`, `{"a":"a\nb"}`, `{"a":"ab"}`},
		{`{"a":{"$regex":"a.b"}}`, `{"a":"axb"}`, `{"a":"a\nb"}`},
		{`{"a":{"$options":"i","$regex":"X"}}`, `{"a":"x"} {"a":["y","xx"]}`, `{"a":"y"}`},
		{`{"a":{"$regex":"x","$ne":"x"}}`, `{"a":"xx"}`, `{"a":"x"}`},
		{`{"a":{"$regularExpression":{"pattern":"x","options":""}}}`, `{"a":{"$regularExpression":{"pattern":"x","options":""}}} {"a":"x"}`, `{"a":{"$regularExpression":{"pattern":"x","options":"i"}}}`},
		{`{"a":{"$regularExpression":{"pattern":"\\s+x","options":"x"}}}`, `{"a":{"$regularExpression":{"pattern":"\\s+x","options":"x"}}}`, `{"a":"x"}`},
		// $mod cuts fractions off.
		{`{"a":{"$mod":[4,0]}}`, `{"a":8} {"a":-4} {"a":4.9} {"a":[1,4]} {"a":{"$numberDecimal":"4"}}`, `{"a":5} {"a":"4"} {}`},
		{`{"a":{"$mod":[4,-1]}}`, `{"a":-5}`, `{"a":5}`},
		{`{"a":{"$mod":[4.9,{"$numberDecimal":"0.5"}]}}`, `{"a":8}`, `{"a":9}`},
		// $expr: expressions, in which what is missing is less than null.
		{`{"$expr":{"$gt":["$spent","$budget"]}}`, `{"spent":5,"budget":4} {"spent":"x","budget":4}`, `{"spent":4,"budget":4} {"budget":1}`},
		{`{"$expr":{"$eq":["$a",null]}}`, `{"a":null}`, `{} {"a":1}`},
		{`{"$expr":{"$lte":["$a",null]}}`, `{"a":null} {}`, `{"a":1}`},
		{`{"$expr":{"$eq":["$a",1]},"b":2}`, `{"a":1.0,"b":2}`, `{"a":[1],"b":2} {"a":1}`},
		{`{"$expr":"$a"}`, `{"a":1} {"a":"x"} {"a":[]}`, `{"a":0} {"a":null} {} {"a":false}`},
		{`{"$or":[{"$expr":{"$eq":["$a","$b"]}},{"c":1}]}`, `{"a":1,"b":1} {"c":1}`, `{"a":1}`},
		{`{"$nor":[{"a":1}],"$comment":"x"}`, `{"a":2}`, `{"a":1}`},
	} {
		f, err := CompileFilter(doc(t, c.query))
		require.NoError(t, err, c.query)
		for want, list := range map[bool]string{true: c.yes, false: c.no} {
			for d := range strings.FieldsSeq(list) {
				got, err := f.Match(doc(t, d), meter())
				require.NoError(t, err)
				require.Equal(t, want, got, "%s on %s", c.query, d)
			}
		}
	}
	for query, text := range map[string]string{
		`{"a":{"$near":[0,0]}}`: "unknown operator: $near, at 'a'", `{"a":{"$elemMatch":{"b":{"$bitsAllSet":1}}}}`: "$bitsAllSet, at 'a.b'", `{"$text":{"$search":"x"}}`: "$text", `{"$jsonSchema":{}}`: "$jsonSchema",
		`{"a":{"$ne":{"$regularExpression":{"pattern":"x","options":""}}}}`: "regex as arg to $ne", `{"a":{"$gt":{"$regularExpression":{"pattern":"x","options":""}}}}`: "field 'a': $gt",
		`{"a":{"$all":[{"$gt":1}]}}`: "no $ expressions in $all", `{"a":{"$type":[]}}`: "at least one type", `{"a":{"$type":99}}`: "Invalid numerical type code: 99",
		`{"a":{"$regex":"(?=x)"}}`: "(?=", `{"$expr":{"$function":{}}}`: "Unrecognized expression '$function'", `{"a":{"$elemMatch":{"b":1,"$expr":true}}}`: "top-level document", `{"$where":"1"}`: "use $expr", `{"a":{"$nin":{"$regularExpression":{"pattern":"x","options":""}}}}`: "$nin",
	} {
		_, err := CompileFilter(doc(t, query))
		require.ErrorContains(t, err, text, query)
	}
	f, err := CompileFilter(doc(t, `{"$expr":{"$gt":[{"$divide":[1,"$a"]},0]}}`))
	require.NoError(t, err)
	_, err = f.Match(doc(t, `{"a":0}`), meter())
	require.ErrorContains(t, err, "divide by zero")
}

// The order of all types: MinKey, null, numbers, strings, objects, arrays, binary, ids, booleans, dates, timestamps, regular expressions, MaxKey.
// An array counts as its least element, or its greatest when descending; an empty one is before null.
func TestSortSemantics(t *testing.T) {
	for _, c := range []struct{ order, docs string }{
		{`{"a":1}`, `{"a":{"$minKey":1}} {"a":[]} {"a":null} {"a":{"$numberDouble":"NaN"}} {"a":{"$numberDouble":"-Infinity"}} {"a":1} {"a":1.5} {"a":{"$numberDecimal":"2"}} {"a":{"$numberLong":"3"}} {"a":""} {"a":"B"} {"a":"a"} {"a":"ab"} {"a":{}} {"a":{"x":1}} {"a":{"$binary":{"base64":"","subType":"00"}}} {"a":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}} {"a":false} {"a":true} {"a":{"$date":1}} {"a":{"$timestamp":{"t":1,"i":1}}} {"a":{"$regularExpression":{"pattern":"a","options":""}}} {"a":{"$maxKey":1}}`},
		{`{"a":-1}`, `{"a":[5,1]} {"a":4} {"a":[3,2]} {"a":1} {} {"a":[]}`},
		{`{"a":1}`, `{"a":[]} {} {"a":[5,1]} {"a":[3,2]} {"a":2.5}`},
		{`{"a.b":1}`, `{"a":1} {"a":[{"b":9},{"b":1}]} {"a":{"b":2}} {"a":[{"b":3}]}`},
		{`{"a.b":1}`, `{"a":[1,{"b":2}]} {"a":[{"b":1}]}`}, // an element without the field counts as null
		{`{"a.0":1}`, `{"a":[1,9]} {"a":[2,0]}`},
		{`{"a":1,"b":-1}`, `{"a":1,"b":2} {"a":1,"b":1} {"a":2,"b":9}`},
	} {
		order, err := CompileSort(doc(t, c.order))
		require.NoError(t, err)
		var want []string
		var docs []bson.D
		for d := range strings.FieldsSeq(c.docs) {
			want = append(want, text(t, doc(t, d)))
			docs = append([]bson.D{doc(t, d)}, docs...)
		}
		require.NoError(t, order.Sorted(docs, meter()))
		got := make([]string, len(docs))
		for i := range docs {
			got[i] = text(t, docs[i])
		}
		require.Equal(t, want, got, c.order)
	}
	_, err := CompileSort(doc(t, `{"a":{"$meta":"textScore"}}`))
	require.ErrorContains(t, err, "must be 1")
}

// Each update operator, as the manual has it; filter is what found the document.
func TestUpdateSemantics(t *testing.T) {
	for _, c := range []struct{ filter, update, arrayFilters, before, after string }{
		// $
		{`{"g":80}`, `{"$set":{"g.$":82}}`, ``, `{"_id":1,"g":[85,80,80]}`, `{"_id":1,"g":[85,82,80]}`},
		{`{"_id":4,"g.grade":85}`, `{"$set":{"g.$.std":6}}`, ``, `{"_id":4,"g":[{"grade":80,"std":8},{"grade":85,"std":5}]}`, `{"_id":4,"g":[{"grade":80,"std":8},{"grade":85,"std":6}]}`},
		{`{"g":{"$elemMatch":{"grade":{"$lte":90},"mean":{"$gt":80}}}}`, `{"$inc":{"g.$.std":1}}`, ``, `{"g":[{"grade":80,"mean":75,"std":8},{"grade":85,"mean":90,"std":5}]}`, `{"g":[{"grade":80,"mean":75,"std":8},{"grade":85,"mean":90,"std":6}]}`},
		{`{"$or":[{"x":1},{"g":3}]}`, `{"$set":{"g.$":0}}`, ``, `{"g":[1,3]}`, `{"g":[1,0]}`},
		{`{"o.l":{"$gt":1}}`, `{"$unset":{"o.l.$":1}}`, ``, `{"o":{"l":[1,2,3]}}`, `{"o":{"l":[1,null,3]}}`},
		{`{"_id":1}`, `{"$set":{"g.$":1}}`, ``, `{"_id":1,"g":[1]}`, `!did not find the match needed`},
		{`{"g":[1,2]}`, `{"$set":{"g.$":1}}`, ``, `{"g":[1,2]}`, `!did not find the match needed`},
		// $[]
		{`{}`, `{"$inc":{"g.$[]":10}}`, ``, `{"g":[85,82]}`, `{"g":[95,92]}`},
		{`{}`, `{"$inc":{"g.$[].q.$[]":2}}`, ``, `{"g":[{"q":[1,2]},{"q":[]}]}`, `{"g":[{"q":[3,4]},{"q":[]}]}`},
		{`{}`, `{"$push":{"g.$[].q":2}}`, ``, `{"g":[{"q":[1]},{}]}`, `{"g":[{"q":[1,2]},{"q":[2]}]}`},
		{`{}`, `{"$set":{"g.$[]":1}}`, ``, `{}`, `!'g' must exist`},
		{`{}`, `{"$set":{"g.$[]":1}}`, ``, `{"g":1}`, `!no array, at 'g'`},
		// $[name]
		{`{}`, `{"$set":{"g.$[e]":100}}`, `[{"e":{"$gte":100}}]`, `{"g":[95,102,100]}`, `{"g":[95,100,100]}`},
		{`{}`, `{"$set":{"g.$[e].mean":100}}`, `[{"e.grade":{"$gte":85},"e.std":{"$lt":6}}]`, `{"g":[{"grade":80,"std":5},{"grade":90,"std":5,"mean":1},{"grade":90,"std":7}]}`, `{"g":[{"grade":80,"std":5},{"grade":90,"std":5,"mean":100},{"grade":90,"std":7}]}`},
		{`{}`, `{"$inc":{"g.$[t].q.$[s]":-2}}`, `[{"t.type":"quiz"},{"$or":[{"s":{"$gte":8}},{"s":1}]}]`, `{"g":[{"type":"quiz","q":[10,8,5,1]},{"type":"exam","q":[9]}]}`, `{"g":[{"type":"quiz","q":[8,6,5,-1]},{"type":"exam","q":[9]}]}`},
		{`{}`, `{"$set":{"g.$[e]":1}}`, ``, `{}`, `!No array filter found for identifier 'e'`},
		{`{}`, `{"$set":{"a":1}}`, `[{"e":1}]`, `{}`, `!identifier 'e' was not used`},
		{`{}`, `{"$set":{"g.$[e]":1}}`, `[{"e":1,"f":1}]`, `{}`, `!single top-level field name`},
		{`{}`, `{"$set":{"g.$[e]":1}}`, `[{"e":1},{"e.a":2}]`, `{}`, `!multiple array filters`},
		{`{}`, `{"$set":{"g.$[E]":1}}`, `[{"E":1}]`, `{}`, `!lowercase`},
		{`{}`, `{"$set":{"g.$[e]":1}}`, `[1]`, `{}`, `!arrayFilters[0]`},
		{`{}`, `{"$set":{"$.a":1}}`, ``, `{}`, `!first position`},
		{`{"g":1}`, `{"$set":{"g.$.a.$":1}}`, ``, `{"g":[1]}`, `!Too many positional`},
		{`{}`, `{"$set":{"a.$b":1}}`, ``, `{}`, `!dollar ($) prefixed field '$b'`},
		{`{}`, `{"$rename":{"a.$[]":"b"}}`, ``, `{}`, `!$rename`},
		{`{}`, `{"a":1}`, `[{"e":1}]`, `{}`, `!arrayFilters`},
		// $set and $unset
		{`{}`, `{"$set":{"a.b.c":1}}`, ``, `{"a":{"x":1}}`, `{"a":{"x":1,"b":{"c":1}}}`},
		{`{}`, `{"$set":{"a.b":1}}`, ``, `{"a":null}`, `!Cannot create field 'b'`},
		{`{}`, `{"$set":{"a.1":"x"}}`, ``, `{"a":[1,2]}`, `{"a":[1,"x"]}`},
		{`{}`, `{"$set":{"a.3":"x"}}`, ``, `{"a":[1]}`, `{"a":[1,null,null,"x"]}`},
		{`{}`, `{"$set":{"a.x":1}}`, ``, `{"a":[1]}`, `!in an array`},
		{`{}`, `{"$set":{"c.y":1,"c.x":2,"b":1},"$inc":{"a":1}}`, ``, `{"z":0}`, `{"z":0,"a":1,"b":1,"c":{"x":2,"y":1}}`}, // fields are added by their names
		{`{}`, `{"$set":{"a.10":1,"a.2":2}}`, ``, `{"a":[0]}`, `{"a":[0,null,2,null,null,null,null,null,null,null,1]}`},
		{`{}`, `{"$set":{}}`, ``, `{"a":1}`, `{"a":1}`},
		{`{}`, `{"$unset":{"a.0":"","b.c":"","d":"","e.f.g":""}}`, ``, `{"a":[1,2],"b":{"c":1,"x":2},"e":1}`, `{"a":[null,2],"b":{"x":2},"e":1}`},
		{`{}`, `{"$unset":{"a.b":""}}`, ``, `{"a":[{"b":1}]}`, `{"a":[{"b":1}]}`},
		// numbers
		{`{}`, `{"$inc":{"a":1}}`, ``, `{"a":null}`, `!non-numeric`},
		{`{}`, `{"$inc":{"a":{"$numberLong":"1"}}}`, ``, `{"a":1}`, `{"a":{"$numberLong":"2"}}`},
		{`{}`, `{"$inc":{"a":1}}`, ``, `{"a":2147483647}`, `{"a":{"$numberLong":"2147483648"}}`},
		{`{}`, `{"$inc":{"a":1.5}}`, ``, `{"a":1}`, `{"a":2.5}`},
		{`{}`, `{"$inc":{"a.b":1}}`, ``, `{}`, `{"a":{"b":1}}`},
		{`{}`, `{"$mul":{"a":{"$numberLong":"3"},"b":2.5,"c":2}}`, ``, `{"c":3}`, `{"c":6,"a":{"$numberLong":"0"},"b":0.0}`},
		{`{}`, `{"$inc":{"a":"1"}}`, ``, `{}`, `!non-numeric argument`},
		// $min and $max compare by the order of types
		{`{}`, `{"$min":{"a":5,"b":5,"c":5,"d":null}}`, ``, `{"a":7,"b":3,"d":1}`, `{"a":5,"b":3,"d":null,"c":5}`},
		{`{}`, `{"$max":{"a":"x","b":9,"c":{"$date":5}}}`, ``, `{"a":7,"b":"y","c":{"$date":4}}`, `{"a":"x","b":"y","c":{"$date":5}}`},
		{`{}`, `{"$min":{"a":1.0}}`, ``, `{"a":1}`, `{"a":1}`},
		// $rename
		{`{}`, `{"$rename":{"a":"b","x":"y"}}`, ``, `{"a":1,"b":2}`, `{"b":1}`},
		{`{}`, `{"$rename":{"a.b":"c.d"}}`, ``, `{"a":{"b":1}}`, `{"a":{},"c":{"d":1}}`},
		{`{}`, `{"$rename":{"a.0":"c"}}`, ``, `{"a":[1]}`, `!array element`},
		{`{}`, `{"$rename":{"a":"l.0"}}`, ``, `{"a":1,"l":[2]}`, `!destination field`},
		{`{}`, `{"$rename":{"a.0.b":"c"}}`, ``, `{"a":[{"b":1}]}`, `!array element`},
		// $currentDate
		{`{}`, `{"$currentDate":{"a":false,"b":{"$type":"date"}}}`, ``, `{}`, `{"a":{"$date":5000},"b":{"$date":5000}}`},
		{`{}`, `{"$currentDate":{"a":{"$type":"x"}}}`, ``, `{}`, `!$type`},
		// $push
		{`{}`, `{"$push":{"a":[1,2]}}`, ``, `{"a":[0]}`, `{"a":[0,[1,2]]}`},
		{`{}`, `{"$push":{"a":{"$each":[{"s":5},{"s":8}],"$sort":{"s":-1},"$slice":2}}}`, ``, `{"a":[{"s":6},{"s":9}]}`, `{"a":[{"s":9},{"s":8}]}`},
		{`{}`, `{"$push":{"a":{"$each":[],"$slice":-2}}}`, ``, `{"a":[1,2,3]}`, `{"a":[2,3]}`},
		{`{}`, `{"$push":{"a":{"$each":[4],"$slice":{"$numberLong":"-9223372036854775808"},"$position":{"$numberLong":"-9223372036854775808"}}}}`, ``, `{"a":[1,2]}`, `{"a":[4,1,2]}`},
		{`{}`, `{"$push":{"a":{"$each":[1],"$slice":0}}}`, ``, `{"a":[1,2,3]}`, `{"a":[]}`},
		{`{}`, `{"$push":{"a":{"$each":[7,8],"$position":-1}}}`, ``, `{"a":[1,2]}`, `{"a":[1,7,8,2]}`},
		{`{}`, `{"$push":{"a":{"$each":[7],"$position":99}}}`, ``, `{"a":[1]}`, `{"a":[1,7]}`},
		{`{}`, `{"$push":{"a":{"$each":["b",null,2],"$sort":1}}}`, ``, `{"a":["a"]}`, `{"a":[null,2,"a","b"]}`},
		{`{}`, `{"$push":{"a":1}}`, ``, `{"a":null}`, `!must be an array`},
		{`{}`, `{"$push":{"a":{"$slice":1}}}`, ``, `{}`, `!$each`},
		{`{}`, `{"$push":{"a":{"$each":1}}}`, ``, `{}`, `!must be an array`},
		{`{}`, `{"$push":{"a":{"$each":[1],"$foo":1}}}`, ``, `{}`, `!$foo`},
		// $addToSet
		{`{}`, `{"$addToSet":{"a":["c","d"]}}`, ``, `{"a":["a"]}`, `{"a":["a",["c","d"]]}`},
		{`{}`, `{"$addToSet":{"a":{"$each":["x","x",{"b":1,"c":2}]}}}`, ``, `{"a":[{"c":2,"b":1}]}`, `{"a":[{"c":2,"b":1},"x",{"b":1,"c":2}]}`},
		{`{}`, `{"$addToSet":{"a":1}}`, ``, `{}`, `{"a":[1]}`},
		// $pull
		{`{}`, `{"$pull":{"a":1}}`, ``, `{"a":[1,[1],1.0,2]}`, `{"a":[[1],2]}`},
		{`{}`, `{"$pull":{"a":[1,2]}}`, ``, `{"a":[[1,2],[[1,2]],1]}`, `{"a":[[[1,2]],1]}`},
		{`{}`, `{"$pull":{"a":{"$in":["x","y"]},"b":"k"}}`, ``, `{"a":["x","z"],"b":["k"]}`, `{"a":["z"],"b":[]}`},
		{`{}`, `{"$pull":{"a":{"score":8,"item":"B"}}}`, ``, `{"a":[{"item":"B","score":8,"z":1},{"item":"B","score":9},5]}`, `{"a":[{"item":"B","score":9},5]}`},
		{`{}`, `{"$pull":{"a":{"answers":{"$elemMatch":{"q":2,"a":{"$gte":8}}}}}}`, ``, `{"a":[{"answers":[{"q":2,"a":8}]},{"answers":[{"q":2,"a":7}]}]}`, `{"a":[{"answers":[{"q":2,"a":7}]}]}`},
		{`{}`, `{"$pull":{"a":{"$regularExpression":{"pattern":"^x","options":""}}}}`, ``, `{"a":["xa","ax"]}`, `{"a":["ax"]}`},
		{`{}`, `{"$pull":{"a":null}}`, ``, `{"a":[null,1]}`, `{"a":[1]}`},
		{`{}`, `{"$pull":{"a":{}}}`, ``, `{"a":[{},{"b":1},1]}`, `{"a":[1]}`},
		{`{}`, `{"$pull":{"a":1}}`, ``, `{"a":null}`, `!must be an array`},
		{`{}`, `{"$pullAll":{"a":[0,[5]]}}`, ``, `{"a":[0,2,[5],[0],0.0]}`, `{"a":[2,[0]]}`},
		{`{}`, `{"$pop":{"a":1}}`, ``, `{"a":null}`, `!must be an array`},
		{`{}`, `{"$pop":{"a":1,"b":-1}}`, ``, `{"a":[]}`, `{"a":[]}`},
	} {
		what := c.update + " " + c.arrayFilters + " on " + c.before
		f, err := CompileFilter(doc(t, c.filter))
		require.NoError(t, err)
		var arrayFilters bson.A
		if c.arrayFilters != "" {
			arrayFilters, err = ejson.ParseArray([]byte(c.arrayFilters))
			require.NoError(t, err)
		}
		u, err := CompileUpdate(doc(t, c.update), arrayFilters)
		updates(t, what, u, err, Target{ID: "_id", Filter: f, Seen: doc(t, c.before)}, c.before, c.after)
	}
}

// An update by a pipeline, as the manual has it, on what the caller sees of the document: the second one, if there is one.
func TestUpdatePipeline(t *testing.T) {
	for _, c := range []struct{ update, before, seen, after string }{
		{`[{"$set":{"avg":{"$avg":"$tests"},"at":"$$NOW"}},{"$set":{"grade":{"$cond":[{"$gte":["$avg",80]},"A","B"]}}}]`, `{"_id":1,"tests":[90,80]}`, ``, `{"_id":1,"tests":[90,80],"avg":85.0,"at":{"$date":5000},"grade":"A"}`},
		{`[{"$unset":["a","b.c"]}]`, `{"_id":1,"a":1,"b":{"c":1,"d":2}}`, ``, `{"_id":1,"b":{"d":2}}`},
		{`[{"$replaceWith":{"$mergeObjects":[{"x":0,"y":0},"$$ROOT"]}}]`, `{"_id":1,"y":5}`, ``, `{"_id":1,"y":5,"x":0}`},
		{`[{"$replaceRoot":{"newRoot":{"n":"$n"}}}]`, `{"_id":1,"n":2,"m":3}`, ``, `{"_id":1,"n":2}`},
		{`[{"$project":{"n":1}}]`, `{"_id":1,"n":2,"m":3}`, ``, `{"_id":1,"n":2}`},
		{`[{"$set":{"_id":2}}]`, `{"_id":1}`, ``, `!immutable field '_id'`},
		{`[{"$set":{"copy":"$secret","in":"$o.secret","n":1}}]`, `{"_id":1,"secret":7,"o":{"secret":8,"p":1}}`, `{"_id":1,"o":{"p":1}}`, `{"_id":1,"secret":7,"o":{"secret":8,"p":1},"n":1}`},
		{`[{"$set":{"o.p":2,"o.q.r":3}}]`, `{"_id":1,"o":{"secret":8,"p":1,"q":{"secret":9}}}`, `{"_id":1,"o":{"p":1,"q":{}}}`, `{"_id":1,"o":{"secret":8,"p":2,"q":{"secret":9,"r":3}}}`},
		{`[{"$set":{"o.l":{"$slice":["$o.l",1]}}}]`, `{"_id":1,"o":{"l":[{"secret":8},{}]}}`, `{"_id":1,"o":{"l":[{},{}]}}`, `!'o.l' can't be changed by a pipeline`},
		{`[{"$unset":"o"}]`, `{"_id":1,"o":{"secret":8,"p":1}}`, `{"_id":1,"o":{"p":1}}`, `!'o' can't be changed by a pipeline`},
		{`[{"$replaceWith":{"n":1}}]`, `{"_id":1,"secret":7,"m":3}`, `{"_id":1,"m":3}`, `{"_id":1,"secret":7,"n":1}`},
		{`[]`, `{}`, ``, `!at least one stage`},
		{`[{"$match":{}}]`, `{}`, ``, `!this stage can't be in an update`},
		{`[{"$set":{"a":{"$divide":[1,0]}}}]`, `{}`, ``, `!divide by zero`},
	} {
		stages, err := ejson.ParseArray([]byte(c.update))
		require.NoError(t, err)
		u, err := CompileUpdatePipeline(stages)
		updates(t, c.update, u, err, Target{ID: "_id", Seen: doc(t, cmp.Or(c.seen, c.before))}, c.before, c.after)
		if err == nil {
			require.False(t, u.Replaces())
			require.Empty(t, u.Increments())
		}
	}
}

// What filters don't see of a document, they don't choose elements by.
func TestPositionalSeen(t *testing.T) {
	d, seen := doc(t, `{"a":[{"s":1,"n":0},{"s":2,"n":0}]}`), doc(t, `{"a":[{"n":0},{"n":0}]}`)
	u, err := CompileUpdate(doc(t, `{"$set":{"a.$[e].n":5}}`), bson.A{doc(t, `{"e.s":2}`)})
	require.NoError(t, err)
	got, err := u.Apply(d, Target{ID: "_id", Seen: seen}, meter())
	require.NoError(t, err)
	require.Equal(t, text(t, d), text(t, got))
	got, err = u.Apply(d, Target{ID: "_id", Seen: d}, meter())
	require.NoError(t, err)
	require.Equal(t, text(t, doc(t, `{"a":[{"s":1,"n":0},{"s":2,"n":5}]}`)), text(t, got))
}

// An update that names many elements of a long array copies it each time, which is counted.
func TestUpdateCost(t *testing.T) {
	fields := bson.D{}
	for i := range 5000 {
		fields = append(fields, bson.E{Key: "a." + strconv.Itoa(i), Value: int32(1)})
	}
	u, err := CompileUpdate(bson.D{{Key: "$set", Value: fields}}, nil)
	require.NoError(t, err)
	_, err = u.Apply(bson.D{{Key: "a", Value: make(bson.A, 1<<20)}}, Target{ID: "_id"}, meter())
	require.ErrorIs(t, err, ErrBudget)
	// What is written behind the end of many arrays is held, as long as the update goes on.
	list := make(bson.A, 200)
	for i := range list {
		list[i] = bson.D{{Key: "a", Value: bson.A{}}}
	}
	u, err = CompileUpdate(doc(t, `{"$set":{"l.$[].a.1500":1}}`), nil)
	require.NoError(t, err)
	m := meter()
	_, err = u.Apply(bson.D{{Key: "l", Value: list}}, Target{ID: "_id", Seen: bson.D{{Key: "l", Value: list}}}, m)
	require.ErrorIs(t, err, ErrMemory)
	m = meter()
	_, err = u.Apply(bson.D{{Key: "l", Value: list[:20]}}, Target{ID: "_id", Seen: bson.D{{Key: "l", Value: list[:20]}}}, m)
	require.NoError(t, err)
	require.Equal(t, meter().bytes, m.bytes, "nothing is held any more")
}

// What an upsert takes from its filter.
func TestDefaultsSemantics(t *testing.T) {
	for query, want := range map[string]string{
		`{"a":1,"b":{"$gt":1}}`: `{"a":1}`, `{"a.b":1,"a.c":2}`: `{"a":{"b":1,"c":2}}`, `{"$and":[{"a":1},{"b":{"$eq":2}}]}`: `{"a":1,"b":2}`, `{"$or":[{"a":1}]}`: `{"a":1}`, `{"$or":[{"a":1},{"b":1}]}`: `{}`,
		`{"a":{"$all":[1]}}`: `{"a":1}`, `{"a":{"$all":[1,2]}}`: `{}`, `{"a":{"$all":[{"$elemMatch":{"b":1}}]}}`: `{}`, `{"a":{"$regularExpression":{"pattern":"x","options":""}}}`: `{}`, `{"$nor":[{"a":1}]}`: `{}`, `{"a":null}`: `{"a":null}`,
		`{"$expr":{"$eq":["$a",1]}}`: `{}`,
	} {
		f, err := CompileFilter(doc(t, query))
		require.NoError(t, err)
		require.Equal(t, text(t, doc(t, want)), text(t, f.Defaults()), query)
	}
}

// The values of a field, each once.
func TestDistinct(t *testing.T) {
	for _, c := range []struct{ path, docs, want string }{
		{"a", `{"a":1} {"a":1.0} {"a":[2,1]} {} {"a":null} {"a":[[3]]} {"a":[]}`, `[1,2,null,[3]]`},
		{"a.b", `{"a":{"b":1}} {"a":[{"b":2},{"b":[3,1]},{}]} {"a":5}`, `[1,2,3]`},
		{"a.0", `{"a":["x","y"]} {"a":["z"]}`, `["x","z"]`},
	} {
		values, err := NewDistinct(c.path)
		require.NoError(t, err)
		for d := range strings.FieldsSeq(c.docs) {
			require.NoError(t, values.Add(doc(t, d), meter()))
		}
		want, err := ejson.ParseArray([]byte(c.want))
		require.NoError(t, err)
		require.Equal(t, text(t, want), text(t, values.Values()), c.path)
	}
	_, err := NewDistinct("a..b")
	require.ErrorContains(t, err, "empty field name")
}

// The projection of a query.
func TestProjectionSemantics(t *testing.T) {
	const d = `{"_id":1,"a":[1,2,3,4],"b":{"c":1,"d":2},"l":[{"x":1,"y":1},{"x":2,"y":2},{"x":2,"y":3},5],"n":null}`
	for _, c := range []struct{ projection, want string }{
		{`{"n":1,"none":1}`, `{"_id":1,"n":null}`},
		{`{"a":{"$slice":2},"b":1}`, `{"_id":1,"a":[1,2],"b":{"c":1,"d":2}}`},
		{`{"a":{"$slice":-3},"l":0,"b":0,"n":0}`, `{"_id":1,"a":[2,3,4]}`},
		{`{"a":{"$slice":[1,2]},"_id":0,"n":1}`, `{"a":[2,3],"n":null}`},
		{`{"a":{"$slice":[-2,1]},"n":1}`, `{"_id":1,"a":[3],"n":null}`},
		{`{"a":{"$slice":[9,1]},"n":1}`, `{"_id":1,"a":[],"n":null}`},
		{`{"b.c":{"$slice":1},"l":0,"n":0}`, `{"_id":1,"a":[1,2,3,4],"b":{"c":1,"d":2}}`},
		{`{"l":{"$elemMatch":{"x":2}}}`, `{"_id":1,"l":[{"x":2,"y":2}]}`},
		{`{"l":{"$elemMatch":{"x":9}},"n":1}`, `{"_id":1,"n":null}`},
		{`{"a":{"$elemMatch":{"$gt":2}},"_id":0}`, `{"a":[3]}`},
		{`{"b":{"$elemMatch":{"c":1}}}`, `{"_id":1}`},
		{`{"b":{"d":1}}`, `{"_id":1,"b":{"d":2}}`},
		{`{"b":{"d":0},"l":0,"a":0}`, `{"_id":1,"b":{"c":1},"n":null}`},
		{`{"l.x":1,"_id":0}`, `{"l":[{"x":1},{"x":2},{"x":2}]}`},
		{`{"z":"$b.c","y":{"$add":["$b.c",1]},"s":"text","_id":0}`, `{"z":1,"y":2,"s":"text"}`},
		{`{"_id":"$b.d","n":1}`, `{"_id":2,"n":null}`},
		{`{"_id":"$none","n":1}`, `{"n":null}`},
	} {
		p, err := CompileProjection(doc(t, c.projection))
		require.NoError(t, err, c.projection)
		before := doc(t, d)
		got, err := p.Apply(before, meter())
		require.NoError(t, err)
		require.Equal(t, text(t, doc(t, c.want)), text(t, got), c.projection)
		require.Equal(t, text(t, doc(t, d)), text(t, before), "the original stays")
	}
	for projection, text := range map[string]string{
		`{"a.$":0}`: "'a.$' has a field that begins with '$'", `{"a.$.b":1}`: "'$' can be the last one", `{"a.$":1,"b.$":1}`: "more than one positional", `{"a.$":1,"a":1}`: "collision", `{"a":1,"b":0}`: "inclusion and exclusion", `{"a":{}}`: "empty object at path 'a'", `{"a.b":{"$elemMatch":{"c":1}}}`: "nested field", `{"a":{"$slice":"x"}}`: "$slice of 'a'",
		`{"a":{"$slice":[1,-1]}}`: "$slice", `{"a":{"$meta":"textScore"}}`: "'$meta'", `{"a":{"$elemMatch":{"$foo":1}}}`: "$foo, at 'a'", `{"a":0,"b":"$c"}`: "inclusion and exclusion", `{"a":1,"a.b":1}`: "collision",
	} {
		_, err := CompileProjection(doc(t, projection))
		require.ErrorContains(t, err, text, projection)
	}
}

// The first element that the query holds for, in the projection of what it found.
func TestPositionalProjection(t *testing.T) {
	for _, c := range []struct{ filter, projection, doc, want string }{
		{`{"g":{"$gte":85}}`, `{"g.$":1}`, `{"_id":1,"g":[70,87,90],"x":1}`, `{"_id":1,"g":[87]}`},
		{`{"g":{"$elemMatch":{"mean":{"$gt":70},"grade":{"$gt":90}}}}`, `{"g.$":1,"x":1,"_id":0}`, `{"_id":1,"g":[{"grade":80,"mean":75},{"grade":92,"mean":88}],"x":1}`, `{"g":[{"grade":92,"mean":88}],"x":1}`},
		{`{"o.l.k":2}`, `{"o.l.$":1}`, `{"o":{"l":[{"k":1},{"k":2}],"m":1}}`, `{"o":{"l":[{"k":2}]}}`},
		{`{"_id":1}`, `{"g.$":1}`, `{"_id":1,"g":[1]}`, `!couldn't find a matching element`},
		{`{"_id":1}`, `{"g.$":1}`, `{"_id":1}`, `{"_id":1}`},
	} {
		f, err := CompileFilter(doc(t, c.filter))
		require.NoError(t, err)
		p, err := CompileProjection(doc(t, c.projection))
		require.NoError(t, err)
		require.True(t, p.Positional())
		got, err := p.ApplyFound(doc(t, c.doc), f, meter())
		if text, ok := strings.CutPrefix(c.want, "!"); ok {
			require.ErrorContains(t, err, text)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, text(t, doc(t, c.want)), text(t, got), c.projection)
	}
}

// Stages and expressions.
func TestPipelineSemantics(t *testing.T) {
	others := []string{`{"_id":10,"sku":"x","q":1}`, `{"_id":11,"sku":["y","x"],"q":2}`, `{"_id":12,"q":3}`, `{"_id":13,"sku":null,"q":4}`}
	foreign := func(collection string, filter *Filter, f func(bson.D) (bool, error)) error {
		require.Equal(t, "stock", collection)
		for _, o := range others {
			d := doc(t, o)
			if filter == nil {
				if more, err := f(d); err != nil || !more {
					return err
				}
			} else if ok, err := filter.Match(d, meter()); err != nil {
				return err
			} else if ok {
				if _, err := f(d); err != nil {
					return err
				}
			}
		}
		return nil
	}
	evaluate := func(docs, stages string) (any, error) {
		list, err := ejson.ParseArray([]byte(stages))
		require.NoError(t, err, stages)
		p, err := CompilePipeline(list)
		if err != nil {
			return nil, err
		}
		r := p.Run(meter(), foreign)
		for d := range strings.FieldsSeq(docs) {
			if more, err := r.Add(doc(t, d)); err != nil {
				return nil, err
			} else if !more {
				break
			}
		}
		return r.Result()
	}
	const born = `{"t":{"$date":"2024-02-29T13:14:15.678Z"}}`
	for _, c := range []struct{ docs, stages, want string }{
		// $group: null and missing are one group; numbers of all types are one value.
		{`{"k":null,"n":1} {"n":2} {"k":1,"n":3} {"k":1.0,"n":4}`, `[{"$group":{"_id":"$k","n":{"$sum":"$n"}}}]`, `[{"_id":null,"n":3},{"_id":1,"n":7}]`},
		{`{"n":1} {"n":"x"} {"n":null} {} {"n":2.5} {"n":[9]}`, `[{"$group":{"_id":null,"s":{"$sum":"$n"},"a":{"$avg":"$n"},"f":{"$first":"$n"},"l":{"$last":"$n"},"p":{"$push":"$n"},"min":{"$min":"$n"},"max":{"$max":"$n"}}}]`,
			`[{"_id":null,"s":3.5,"a":1.75,"f":1,"l":[9],"p":[1,"x",null,2.5,[9]],"min":1,"max":[9]}]`},
		{`{} {}`, `[{"$group":{"_id":null,"min":{"$min":"$n"},"avg":{"$avg":"$n"},"f":{"$first":"$n"},"p":{"$push":"$n"},"s":{"$sum":"$n"}}}]`, `[{"_id":null,"min":null,"avg":null,"f":null,"p":[],"s":0}]`},
		{`{"n":1} {"n":1.0} {"n":{"a":1}} {"n":{"a":1}} {}`, `[{"$group":{"_id":null,"s":{"$addToSet":"$n"}}}]`, `[{"_id":null,"s":[1,{"a":1}]}]`},
		{``, `[{"$group":{"_id":null,"n":{"$sum":1}}}]`, `[]`},
		{`{"k":{"$numberLong":"9007199254740993"}} {"k":{"$numberDecimal":"9007199254740993"}} {"k":{"$numberDecimal":"9007199254740992"}}`, `[{"$group":{"_id":"$k","n":{"$sum":1}}},{"$project":{"_id":0,"n":1}}]`, `[{"n":2},{"n":1}]`},
		// $unwind
		{`{"a":null} {"a":[]} {} {"a":5} {"a":[null,2]}`, `[{"$unwind":{"path":"$a","includeArrayIndex":"i"}}]`, `[{"a":5,"i":null},{"a":null,"i":{"$numberLong":"0"}},{"a":2,"i":{"$numberLong":"1"}}]`},
		{`{"a":null} {"a":[]} {}`, `[{"$unwind":{"path":"$a","preserveNullAndEmptyArrays":true}}]`, `[{"a":null},{},{}]`},
		{`{"a":{"b":[1,2]}}`, `[{"$unwind":"$a.b"}]`, `[{"a":{"b":1}},{"a":{"b":2}}]`},
		// $project and $addFields
		{`{"_id":1,"a":{"b":1,"c":2}}`, `[{"$project":{"a":{"b":1}}}]`, `[{"_id":1,"a":{"b":1}}]`},
		{`{"_id":1,"a":{"b":1,"c":2}}`, `[{"$addFields":{"a":{"b":9},"x.y":1}}]`, `[{"_id":1,"a":{"b":9,"c":2},"x":{"y":1}}]`},
		{`{"a":[{"b":1},2]}`, `[{"$addFields":{"a.c":7}}]`, `[{"a":[{"b":1,"c":7},{"c":7}]}]`},
		{`{"a":5}`, `[{"$addFields":{"a.c":7}}]`, `[{"a":{"c":7}}]`},
		{`{"a":5,"b":1}`, `[{"$set":{"a":"$none","b":"$$REMOVE","c":{"$literal":{"x":"$a"}}}}]`, `[{"c":{"x":"$a"}}]`},
		{`{"_id":1,"a":[{"b":1,"c":2}],"z":3}`, `[{"$project":{"a.b":"$z"}}]`, `[{"_id":1,"a":[{"b":3}]}]`},
		{`{"_id":1,"x":2}`, `[{"$project":{"_id":"$x"}}]`, `[{"_id":2}]`},
		{`{"_id":1,"x":2,"y":{"z":1,"w":2}}`, `[{"$project":{"_id":0,"y":{"z":0}}}]`, `[{"x":2,"y":{"w":2}}]`},
		{`{"a":[{"b":1},{"b":2},{}],"c":[1,2]}`, `[{"$project":{"x":"$a.b","y":"$c.0","_id":0}}]`, `[{"x":[1,2],"y":[]}]`},
		{`{"a":[[{"b":1}],{"b":2}]}`, `[{"$project":{"x":"$a.b"}}]`, `[{"x":[2]}]`},
		{`{"a":[5,6]}`, `[{"$unwind":"$a.0"}]`, `[]`},
		// A part of an _id that is a document, as $group makes them.
		{`{"_id":{"y":2024,"m":2},"n":5}`, `[{"$project":{"_id.y":1,"n":1}}]`, `[{"_id":{"y":2024},"n":5}]`},
		{`{"_id":{"y":2024,"m":2},"n":5}`, `[{"$project":{"_id.y":0}}]`, `[{"_id":{"m":2},"n":5}]`},
		{`{"_id":{"y":2024,"m":2},"n":5}`, `[{"$unset":["_id.m","n"]}]`, `[{"_id":{"y":2024}}]`},
		{`{"_id":{"y":2024,"m":2},"n":5}`, `[{"$project":{"_id":{"y":1}}}]`, `[{"_id":{"y":2024}}]`},
		{`{"_id":{"y":2024,"m":2},"n":5}`, `[{"$project":{"_id.x":"$n","n":1}}]`, `[{"_id":{"x":5},"n":5}]`},
		// $replaceRoot, $sortByCount, $facet, $sample
		{`{"o":{"a":1}}`, `[{"$replaceRoot":{"newRoot":"$o"}}]`, `[{"a":1}]`},
		{`{"a":1}`, `[{"$replaceWith":{"b":"$a"}}]`, `[{"b":1}]`},
		{`{"k":"a"} {"k":"b"} {"k":"b"}`, `[{"$sortByCount":"$k"}]`, `[{"_id":"b","count":2},{"_id":"a","count":1}]`},
		{`{"n":1} {"n":2} {"n":3}`, `[{"$facet":{"few":[{"$limit":1}],"big":[{"$match":{"n":{"$gt":1}}},{"$count":"c"}],"none":[{"$match":{"n":9}}]}},{"$addFields":{"x":1}}]`, `[{"few":[{"n":1}],"big":[{"c":2}],"none":[],"x":1}]`},
		{``, `[{"$facet":{"a":[]}}]`, `[{"a":[]}]`},
		{`{"n":1} {"n":2} {"n":3}`, `[{"$sample":{"size":5}},{"$sort":{"n":1}}]`, `[{"n":1},{"n":2},{"n":3}]`},
		{`{"n":1} {"n":2} {"n":3}`, `[{"$sample":{"size":2}},{"$count":"c"}]`, `[{"c":2}]`},
		// $lookup: an array is matched by its elements, what is missing as null.
		{`{"_id":1,"i":"x"} {"_id":2,"i":["y","z"]} {"_id":3} {"_id":4,"i":"none"} {"_id":5,"i":[]} {"_id":6,"i":["x","y"]}`, `[{"$lookup":{"from":"stock","localField":"i","foreignField":"sku","as":"s"}},{"$project":{"s":"$s._id"}}]`,
			`[{"_id":1,"s":[10,11]},{"_id":2,"s":[11]},{"_id":3,"s":[12,13]},{"_id":4,"s":[]},{"_id":5,"s":[]},{"_id":6,"s":[10,11]}]`},
		{`{"_id":1,"l":[{"i":"x"},{"i":"y"}]}`, `[{"$lookup":{"from":"stock","localField":"l.i","foreignField":"sku","as":"r.s"}},{"$project":{"r":{"s":{"q":1}}}}]`, `[{"_id":1,"r":{"s":[{"q":1},{"q":2}]}}]`},
		// $lookup with a pipeline: for each document, with variables of it; by fields, too; or the same for all.
		{`{"_id":1,"min":2} {"_id":2,"min":4}`, `[{"$lookup":{"from":"stock","let":{"m":"$min"},"pipeline":[{"$match":{"$expr":{"$gte":["$q","$$m"]}}},{"$project":{"q":1,"_id":0}}],"as":"s"}}]`, `[{"_id":1,"min":2,"s":[{"q":2},{"q":3},{"q":4}]},{"_id":2,"min":4,"s":[{"q":4}]}]`},
		{`{"_id":1,"i":"x","min":2}`, `[{"$lookup":{"from":"stock","localField":"i","foreignField":"sku","let":{"m":"$min"},"pipeline":[{"$match":{"$expr":{"$lt":["$q","$$m"]}}},{"$project":{"q":1,"_id":0}}],"as":"s"}}]`, `[{"_id":1,"i":"x","min":2,"s":[{"q":1}]}]`},
		{`{"_id":1} {"_id":2}`, `[{"$lookup":{"from":"stock","pipeline":[{"$match":{"q":{"$gt":2}}},{"$group":{"_id":null,"n":{"$sum":"$q"}}}],"as":"s"}}]`, `[{"_id":1,"s":[{"_id":null,"n":7}]},{"_id":2,"s":[{"_id":null,"n":7}]}]`},
		{`{"_id":1,"v":3}`, `[{"$lookup":{"from":"stock","let":{"v":"$v"},"pipeline":[{"$match":{"q":{"$lt":2}}},{"$lookup":{"from":"stock","let":{"q":"$q"},"pipeline":[{"$match":{"$expr":{"$in":["$q",["$$q","$$v"]]}}},{"$project":{"_id":0,"q":1,"both":{"$add":["$$q","$$v"]}}}],"as":"in"}},{"$project":{"in":1,"_id":0}}],"as":"s"}}]`,
			`[{"_id":1,"v":3,"s":[{"in":[{"q":1,"both":4},{"q":3,"both":4}]}]}]`},
		{`{"_id":1} {"_id":2}`, `[{"$lookup":{"from":"stock","pipeline":[],"as":"s"}},{"$project":{"n":{"$size":"$s"}}}]`, `[{"_id":1,"n":4},{"_id":2,"n":4}]`},
		{`{"_id":1} {"_id":2}`, `[{"$lookup":{"from":"stock","pipeline":[{"$limit":1}],"as":"s"}},{"$limit":1},{"$project":{"n":{"$size":"$s"}}}]`, `[{"_id":1,"n":1}]`},
		// $unionWith, $bucket, $bucketAuto
		{`{"q":9}`, `[{"$unionWith":{"coll":"stock","pipeline":[{"$match":{"q":{"$gt":2}}},{"$project":{"q":1,"_id":0}}]}}]`, `[{"q":9},{"q":3},{"q":4}]`},
		{`{"q":9}`, `[{"$unionWith":"stock"},{"$count":"n"}]`, `[{"n":5}]`},
		{`{"q":9}`, `[{"$unionWith":"stock"},{"$limit":1}]`, `[{"q":9}]`},
		{`{"p":5} {"p":15} {"p":199} {"p":"x"} {"p":20}`, `[{"$bucket":{"groupBy":"$p","boundaries":[0,10,20],"default":"other","output":{"n":{"$sum":1},"all":{"$push":"$p"}}}}]`, `[{"_id":0,"n":1,"all":[5]},{"_id":10,"n":1,"all":[15]},{"_id":"other","n":3,"all":[199,"x",20]}]`},
		{`{"p":5} {"p":0}`, `[{"$bucket":{"groupBy":"$p","boundaries":[0,10]}}]`, `[{"_id":0,"count":2}]`},
		{`{"p":10.0} {"p":{"$numberDecimal":"0"}}`, `[{"$bucket":{"groupBy":"$p","boundaries":[0,10,20]}}]`, `[{"_id":0,"count":1},{"_id":10,"count":1}]`}, // the boundary, not the value that is equal to it
		{`{"p":1} {"p":2} {"p":2} {"p":2} {"p":5}`, `[{"$bucketAuto":{"groupBy":"$p","buckets":2}}]`, `[{"_id":{"min":1,"max":5},"count":4},{"_id":{"min":5,"max":5},"count":1}]`},
		{`{"p":1} {"p":2} {"p":3} {"p":4}`, `[{"$bucketAuto":{"groupBy":"$p","buckets":2,"output":{"a":{"$push":"$p"}}}}]`, `[{"_id":{"min":1,"max":3},"a":[1,2]},{"_id":{"min":3,"max":4},"a":[3,4]}]`},
		{``, `[{"$bucketAuto":{"groupBy":"$p","buckets":2}}]`, `[]`},
		{`{"d":{"a":1}} {"d":{"b":2}} {}`, `[{"$group":{"_id":null,"m":{"$mergeObjects":"$d"},"sd":{"$stdDevPop":{"$ifNull":["$d.a",3]}}}}]`, `[{"_id":null,"m":{"a":1,"b":2},"sd":0.9428090415820634}]`},
		// Conditions compute no more than they need.
		{`{"n":0}`, `[{"$project":{"x":{"$cond":[{"$eq":["$n",0]},"zero",{"$divide":[1,"$n"]}]},"y":{"$and":["$n",{"$divide":[1,"$n"]}]},"z":{"$or":[true,{"$divide":[1,"$n"]}]},"w":{"$ifNull":["$n",{"$divide":[1,"$n"]}]}}}]`, `[{"x":"zero","y":false,"z":true,"w":0}]`},
		{`{"n":5}`, `[{"$project":{"x":{"$switch":{"branches":[{"case":{"$lt":["$n",5]},"then":"low"},{"case":{"$eq":["$n",5]},"then":"five"}],"default":"high"}}}}]`, `[{"x":"five"}]`},
		{`{"a":null}`, `[{"$project":{"x":{"$eq":["$none",null]},"y":{"$lt":["$none","$a"]},"z":{"$cmp":["$none","$nope"]},"v":{"$gt":[1,null]}}}]`, `[{"x":false,"y":true,"z":0,"v":true}]`},
		{`{"a":2}`, `[{"$project":{"x":{"$add":["$a",null]},"y":{"$multiply":["$a","$none"]},"z":{"$divide":["$a",4]},"c":{"$concat":["a",null]}}}]`, `[{"x":null,"y":null,"z":0.5,"c":null}]`},
		// Dates: a Thursday of week 8, the 60th day of its year.
		{born, `[{"$project":{"y":{"$year":"$t"},"m":{"$month":"$t"},"d":{"$dayOfMonth":["$t"]},"h":{"$hour":{"date":"$t","timezone":"+05:30"}},"mi":{"$minute":{"date":"$t","timezone":"+0530"}},"s":{"$second":"$t"},"ms":{"$millisecond":"$t"},"dy":{"$dayOfYear":"$t"},"dw":{"$dayOfWeek":"$t"},"iw":{"$isoDayOfWeek":"$t"},"w":{"$week":"$t"},"i":{"$isoWeek":"$t"},"iy":{"$isoWeekYear":"$t"}}}]`,
			`[{"y":2024,"m":2,"d":29,"h":18,"mi":44,"s":15,"ms":678,"dy":60,"dw":5,"iw":4,"w":8,"i":9,"iy":{"$numberLong":"2024"}}]`},
		{born, `[{"$project":{"a":{"$dateToString":{"date":"$t"}},"b":{"$dateToString":{"date":"$t","format":"%d.%m.%Y %H:%M:%S.%L %j %w %u %U %V %G %z %Z %b %B %%","timezone":"-08"}},"c":{"$dateToString":{"date":"$none","onNull":"never"}},"n":{"$year":"$none"}}}]`,
			`[{"a":"2024-02-29T13:14:15.678Z","b":"29.02.2024\u002005:14:15.678\u0020060\u00205\u00204\u002008\u002009\u00202024\u0020-0800\u0020-480\u0020Feb\u0020February\u0020%","c":"never","n":null}]`},
		{`{"t":{"$date":1000},"u":{"$date":400}}`, `[{"$project":{"a":{"$add":["$t",500]},"b":{"$subtract":["$t","$u"]},"c":{"$subtract":["$t",1.6]},"d":{"$add":[null,"$t"]}}}]`, `[{"a":{"$date":1500},"b":{"$numberLong":"600"},"c":{"$date":998},"d":null}]`},
		{`{"_id":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}}`, `[{"$project":{"_id":0,"y":{"$year":"$_id"}}}]`, `[{"y":2020}]`},
	} {
		got, err := evaluate(c.docs, c.stages)
		require.NoError(t, err, c.stages)
		want, err := ejson.Parse([]byte(c.want))
		require.NoError(t, err, c.want)
		require.Equal(t, text(t, want), text(t, got), c.stages)
	}
	for stages, text := range map[string]string{
		`[{"$match":{}},{"$out":"x"}]`: "Unrecognized pipeline stage name: '$out', it is not supported: write with insertMany (stage 2", `[{"$lookup":{"from":"a","foo":[],"as":"x"}}]`: "'foo' of $lookup is not supported", `[{"$lookup":{"from":"a"}}]`: "$lookup needs",
		`[{"$facet":{"a":[{"$facet":{"b":[]}}]}}]`: "within a $facet", `[{"$facet":{"a":[{"$foo":1}]}}]`: "'a': Unrecognized pipeline stage name: '$foo' (stage 1", `[{"$facet":{}}]`: "$facet", `[{"$sample":{"size":0}}]`: "$sample",
		`[{"$replaceRoot":{"x":1}}]`: "newRoot", `[{"$sortByCount":"x"}]`: "sortByCount", `[{"$addFields":{"a":{}}}]`: "empty object", `[{"$addFields":{"$a":1}}]`: "'$a'", `[{"$addFields":{}}]`: "at least one field",
		`[{"$project":{"a":{"$dateTrunc":{}}}}]`: "'date' parameter to $dateTrunc", `[{"$project":{"a":{"$year":{"date":"$t","timezone":"Nowhere/Here"}}}}]`: "time zone", `[{"$project":{"a":{"$dateToString":{"date":"$t","format":"%Q"}}}}]`: "%Q",
		`[{"$project":{"a":{"$year":{"date":"$t","x":1}}}}]`: "'x'", `[{"$project":{"a":{"$cond":{"if":1,"then":2}}}}]`: "'else'", `[{"$project":{"a":{"$switch":{"branches":[]}}}}]`: "branch", `[{"$project":{"a":"$$USER_ROLES"}}]`: "USER_ROLES",
		`[{"$lookup":{"from":"a","as":"x","localField":"b","pipeline":[]}}]`: "$lookup needs", `[{"$lookup":{"from":"a","as":"x","let":{"v":"$a"},"pipeline":[{"$project":{"x":"$$w"}}]}}]`: "undefined variable: w (stage 1 of the pipeline, $project)",
		`[{"$lookup":{"from":"a","as":"x","let":1,"pipeline":[]}}]`: "'let'", `[{"$unionWith":{"coll":1}}]`: "$unionWith", `[{"$unionWith":{"coll":"a","pipeline":[{"$foo":1}]}}]`: "'$foo'", `[{"$bucket":{"groupBy":"$a","boundaries":[1]}}]`: "at least two", `[{"$bucket":{"groupBy":"$a","boundaries":[2,1]}}]`: "ascending",
		`[{"$bucket":{"groupBy":"$a","boundaries":[1,9],"default":5}}]`: "'default'", `[{"$bucketAuto":{"groupBy":"$a","buckets":0}}]`: "positive", `[{"$bucketAuto":{"groupBy":"$a","buckets":2,"granularity":"R5"}}]`: "granularity", `[{"$group":{"_id":null,"a":{"$sum":["$a","$b"]}}}]`: "unary operator",
		`[{"$graphLookup":{}}]`: "'$graphLookup', it is not supported: use a $lookup", `[{"$group":{"_id":null,"x":{"$topN":"$a"}}}]`: "'$topN'",
	} {
		_, err := evaluate(``, stages)
		require.ErrorContains(t, err, text, stages)
	}
	for stages, text := range map[string]string{
		`[{"$replaceRoot":{"newRoot":"$a"}}]`: "must evaluate to an object", `[{"$bucket":{"groupBy":"$a","boundaries":[5,9]}}]`: "none of the ranges", `[{"$group":{"_id":null,"m":{"$mergeObjects":"$d"}}}]`: "object inputs", `[{"$project":{"x":{"$year":"$a"}}}]`: "needs a date", `[{"$project":{"x":{"$switch":{"branches":[{"case":false,"then":1}]}}}}]`: "matching branch",
	} {
		_, err := evaluate(`{"a":1,"d":1}`, stages)
		require.ErrorContains(t, err, text, stages)
	}
}

// What a $lookup finds for a document is counted once, however often the document has the value.
func TestLookupOfRepeatedValues(t *testing.T) {
	const repeated, found = 20_000, 200
	p, err := CompilePipeline(bson.A{doc(t, `{"$lookup":{"from":"stock","localField":"l","foreignField":"k","as":"s"}}`)})
	require.NoError(t, err)
	list := make(bson.A, repeated)
	for i := range list {
		list[i] = int32(1)
	}
	r := p.Run(NewMeter(t.Context(), 10_000_000, 16<<20), func(_ string, _ *Filter, f func(bson.D) (bool, error)) error {
		for i := range found {
			if _, err := f(bson.D{{Key: "k", Value: int32(1)}, {Key: "i", Value: int32(i)}}); err != nil {
				return err
			}
		}
		return nil
	})
	_, err = r.Add(bson.D{{Key: "l", Value: list}})
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	docs, err := r.Result()
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	s, _ := Get(docs[0].(bson.D), "s")
	require.Len(t, s, found)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(repeated*found), "bytes")
}
