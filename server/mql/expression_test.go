package mql

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// computed1 is what an expression, in extended JSON, is on a document.
func computed1(t *testing.T, d, expression string) (any, error) {
	t.Helper()
	v, err := ejson.Parse([]byte(expression))
	require.NoError(t, err, expression)
	e, err := compileExpression(v, names{}.bounded())
	if err != nil {
		return nil, err
	}
	m := meter().At(time.UnixMilli(5000))
	out, err := e(doc(t, d), m)
	require.Empty(t, m.vars, "no variable is left")
	return out, err
}

// Each expression with what MongoDB's manual says it gives; "missing" where there is nothing, "!" in front of a text of an error.
func TestExpressions(t *testing.T) {
	const d = `{"_id":1,"n":7,"f":2.5,"s":"Hello","u":"grüße","nul":null,"l":[3,1,2],"w":["a","b","c"],"o":{"x":1,"y":{"z":2}},"docs":[{"q":2,"p":"b"},{"q":1,"p":"a"}],"empty":[],"t":{"$date":"2024-02-29T13:14:15.678Z"},"id":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"},"e":"","tz":"Europe/Berlin","dec":{"$numberDecimal":"2.50"}}`
	for expression, want := range map[string]string{
		// Variables.
		`{"$let":{"vars":{"a":"$n","b":{"$add":["$n",1]}},"in":{"$multiply":["$$a","$$b"]}}}`:   `56`,
		`{"$let":{"vars":{"a":1},"in":{"$let":{"vars":{"a":2,"b":"$$a"},"in":["$$a","$$b"]}}}}`: `[2,1]`,
		`{"$let":{"vars":{"o":"$o"},"in":"$$o.y.z"}}`:                                           `2`,
		`{"$let":{"vars":{"A":1},"in":1}}`:                                                      `!invalid character`,
		`{"$let":{"vars":{},"in":"$$a"}}`:                                                       `!undefined variable: a`,
		`{"$let":{"vars":{"CURRENT":"$o"},"in":"$x"}}`:                                          `1`,
		`{"$let":{"vars":1,"in":1}}`:                                                            `!$let needs`,
		`"$$NOW"`:                                                                               `{"$date":5000}`,
		`"$$ROOT.o.x"`:                                                                          `1`,
		`{"a.b":1}`:                                                                             `!must not begin with '$' or contain '.'`,
		// $map, $filter, $reduce.
		`{"$map":{"input":"$l","as":"x","in":{"$add":["$$x","$n"]}}}`: `[10,8,9]`,
		`{"$map":{"input":"$l","in":"$$this"}}`:                       `[3,1,2]`,
		`{"$map":{"input":"$l","in":"$none"}}`:                        `[null,null,null]`,
		`{"$map":{"input":"$nul","in":1}}`:                            `null`,
		`{"$map":{"input":"$n","in":1}}`:                              `!$map needs an array, found: int`,
		`{"$map":{"input":"$l"}}`:                                     `!Missing 'in' parameter to $map`,
		`{"$map":{"input":"$docs","as":"d","in":{"$map":{"input":"$l","as":"x","in":{"$multiply":["$$x","$$d.q"]}}}}}`:                                `[[6,2,4],[3,1,2]]`,
		`{"$filter":{"input":"$l","as":"x","cond":{"$gte":["$$x",2]}}}`:                                                                               `[3,2]`,
		`{"$filter":{"input":"$l","cond":{"$gte":["$$this",1]},"limit":2}}`:                                                                           `[3,1]`,
		`{"$filter":{"input":"$l","cond":true,"limit":0}}`:                                                                                            `!positive`,
		`{"$filter":{"input":"$none","cond":true}}`:                                                                                                   `null`,
		`{"$reduce":{"input":"$w","initialValue":"","in":{"$concat":["$$value","$$this"]}}}`:                                                          `"abc"`,
		`{"$reduce":{"input":"$l","initialValue":{"s":0,"p":1},"in":{"s":{"$add":["$$value.s","$$this"]},"p":{"$multiply":["$$value.p","$$this"]}}}}`: `{"s":6,"p":6}`,
		`{"$reduce":{"input":"$empty","initialValue":5,"in":0}}`:                                                                                      `5`,
		`{"$reduce":{"input":null,"initialValue":5,"in":0}}`:                                                                                          `null`,
		`{"$sortArray":{"input":"$docs","sortBy":{"q":1}}}`:                                                                                           `[{"q":1,"p":"a"},{"q":2,"p":"b"}]`,
		`{"$sortArray":{"input":"$l","sortBy":-1}}`:                                                                                                   `[3,2,1]`,
		// Arrays.
		`{"$arrayElemAt":["$l",-1]}`: `2`, `{"$arrayElemAt":["$l",5]}`: `missing`, `{"$arrayElemAt":["$nul",0]}`: `null`, `{"$arrayElemAt":["$l",1.5]}`: `!whole number`,
		`{"$first":"$l"}`: `3`, `{"$last":"$l"}`: `2`, `{"$first":"$empty"}`: `missing`, `{"$first":"$none"}`: `null`, `{"$first":"$n"}`: `!array`,
		`{"$slice":["$l",2]}`: `[3,1]`, `{"$slice":["$l",-2]}`: `[1,2]`, `{"$slice":["$l",1,5]}`: `[1,2]`, `{"$slice":["$l",-2,1]}`: `[1]`, `{"$slice":["$l",-9,2]}`: `[3,1]`, `{"$slice":["$l",9,2]}`: `[]`, `{"$slice":["$l",1,0]}`: `!positive`, `{"$slice":["$nul",1]}`: `null`,
		`{"$concatArrays":["$l",["$n"]]}`: `[3,1,2,7]`, `{"$concatArrays":["$l","$none"]}`: `null`, `{"$concatArrays":["$l",1]}`: `!found: int`, `{"$concatArrays":[]}`: `[]`,
		`{"$reverseArray":"$l"}`: `[2,1,3]`, `{"$size":"$l"}`: `3`, `{"$size":"$none"}`: `!of type: missing`, `{"$isArray":"$l"}`: `true`, `{"$isArray":["$n"]}`: `false`,
		`{"$in":[2,"$l"]}`: `true`, `{"$in":[2.0,"$l"]}`: `true`, `{"$in":[[2],"$l"]}`: `false`, `{"$in":[1,"$n"]}`: `!requires an array`,
		`{"$indexOfArray":["$w","b"]}`: `1`, `{"$indexOfArray":["$w","a",1]}`: `-1`, `{"$indexOfArray":["$w","c",1,9]}`: `2`, `{"$indexOfArray":["$none","a"]}`: `null`,
		`{"$range":[0,5,2]}`: `[0,2,4]`, `{"$range":[3,0,-1]}`: `[3,2,1]`, `{"$range":[0,3]}`: `[0,1,2]`, `{"$range":[5,0]}`: `[]`, `{"$range":[0,1,0]}`: `!not 0`, `{"$range":[0.5,1]}`: `!whole`,
		`{"$zip":{"inputs":["$l","$w"]}}`: `[[3,"a"],[1,"b"],[2,"c"]]`, `{"$zip":{"inputs":["$l",["x"]]}}`: `[[3,"x"]]`, `{"$zip":{"inputs":["$l",["x"]],"useLongestLength":true,"defaults":[0,"-"]}}`: `[[3,"x"],[1,"-"],[2,"-"]]`,
		`{"$zip":{"inputs":["$l",["x"]],"useLongestLength":true}}`: `[[3,"x"],[1,null],[2,null]]`, `{"$zip":{"inputs":["$l","$none"]}}`: `null`, `{"$zip":{"inputs":["$l"],"defaults":[1]}}`: `!useLongestLength`,
		`{"$firstN":{"n":2,"input":"$l"}}`: `[3,1]`, `{"$lastN":{"n":2,"input":"$l"}}`: `[1,2]`,
		// Sets.
		`{"$setUnion":["$l",[3,9]]}`: `[3,1,2,9]`, `{"$setIntersection":["$l",[2,3.0]]}`: `[3,2]`, `{"$setDifference":["$l",[1]]}`: `[3,2]`, `{"$setEquals":["$l",[1,2,3,3]]}`: `true`, `{"$setEquals":["$l",[1]]}`: `false`,
		`{"$setIsSubset":[[1,3],"$l"]}`: `true`, `{"$setUnion":["$l",null]}`: `null`, `{"$setIsSubset":["$none","$l"]}`: `!must be arrays`, `{"$anyElementTrue":[[0,null,1]]}`: `true`, `{"$allElementsTrue":[[1,0]]}`: `false`, `{"$allElementsTrue":[[]]}`: `true`, `{"$anyElementTrue":["$l"]}`: `true`,
		// Objects.
		`{"$mergeObjects":["$o",{"x":5,"k":1},null]}`: `{"x":5,"y":{"z":2},"k":1}`, `{"$mergeObjects":"$docs"}`: `{"q":1,"p":"a"}`, `{"$mergeObjects":["$n"]}`: `!object inputs`, `{"$mergeObjects":[]}`: `{}`,
		`{"$objectToArray":"$o"}`: `[{"k":"x","v":1},{"k":"y","v":{"z":2}}]`, `{"$objectToArray":"$none"}`: `null`, `{"$objectToArray":"$l"}`: `!document input`,
		`{"$arrayToObject":[[["a",1],["b",2],["a",3]]]}`: `{"a":3,"b":2}`, `{"$arrayToObject":{"$literal":[{"k":"a","v":1}]}}`: `{"a":1}`, `{"$arrayToObject":"$l"}`: `!arrays or documents`, `{"$arrayToObject":{"$objectToArray":"$o"}}`: `{"x":1,"y":{"z":2}}`,
		`{"$getField":"n"}`: `7`, `{"$getField":{"field":"z","input":"$o.y"}}`: `2`, `{"$getField":{"field":"none","input":"$o"}}`: `missing`, `{"$setField":{"field":"a.b","input":"$o","value":1}}`: `{"x":1,"y":{"z":2},"a.b":1}`, `{"$unsetField":{"field":"y","input":"$o"}}`: `{"x":1}`,
		// Numbers.
		`{"$add":["$n",0.5]}`: `7.5`, `{"$add":[]}`: `0`, `{"$subtract":["$n",9]}`: `-2`, `{"$multiply":["$n",2]}`: `14`, `{"$divide":["$n",2]}`: `3.5`, `{"$divide":[4,2]}`: `2.0`, `{"$add":["$n","$s"]}`: `!only numbers`,
		`{"$mod":["$n",4]}`: `3`, `{"$mod":[-7,4]}`: `-3`, `{"$mod":[5.5,2]}`: `1.5`, `{"$mod":[1,0]}`: `!by zero`, `{"$mod":["$none",2]}`: `null`, `{"$mod":["$dec",2]}`: `!decimals is not supported`,
		`{"$abs":-3}`: `3`, `{"$abs":-2.5}`: `2.5`, `{"$abs":{"$numberInt":"-2147483648"}}`: `{"$numberLong":"2147483648"}`, `{"$abs":{"$numberDecimal":"-1.50"}}`: `{"$numberDecimal":"1.50"}`, `{"$abs":{"$numberLong":"-9223372036854775808"}}`: `!long long min`, `{"$abs":"$none"}`: `null`,
		`{"$ceil":2.1}`: `3.0`, `{"$floor":-2.1}`: `-3.0`, `{"$floor":{"$numberDecimal":"-2.1"}}`: `{"$numberDecimal":"-3"}`, `{"$ceil":5}`: `5`, `{"$floor":"$s"}`: `!numeric`,
		`{"$round":[2.5]}`: `2.0`, `{"$round":3.5}`: `4.0`, `{"$round":[2.675,2]}`: `2.67`, `{"$round":[1234,-2]}`: `1200`, `{"$round":[1250,-2]}`: `1200`, `{"$round":[1350,-2]}`: `1400`, `{"$round":[-1350,-2]}`: `-1400`, `{"$round":["$dec",1]}`: `{"$numberDecimal":"2.5"}`, `{"$round":["$dec",0]}`: `{"$numberDecimal":"2"}`, `{"$round":[1,101]}`: `!-20 to 100`,
		`{"$trunc":[7.85,1]}`: `7.8`, `{"$trunc":-7.9}`: `-7.0`, `{"$trunc":[99,-1]}`: `90`,
		`{"$pow":[2,10]}`: `1024`, `{"$pow":[2,-1]}`: `0.5`, `{"$pow":[2,40]}`: `{"$numberLong":"1099511627776"}`, `{"$pow":[2,64]}`: `18446744073709551616.0`, `{"$pow":[-1,3]}`: `-1`, `{"$pow":[0,0]}`: `1`, `{"$pow":[0,-1]}`: `!negative exponent`,
		`{"$sqrt":16}`: `4.0`, `{"$sqrt":-1}`: `!range`, `{"$exp":0}`: `1.0`, `{"$ln":1}`: `0.0`, `{"$ln":0}`: `!range`, `{"$log10":1000}`: `3.0`, `{"$log":[8,2]}`: `3.0`, `{"$sqrt":"$none"}`: `null`, `{"$cos":0}`: `1.0`, `{"$atan2":[0,1]}`: `0.0`, `{"$acos":2}`: `!range`, `{"$degreesToRadians":0}`: `0.0`,
		`{"$sum":"$l"}`: `6`, `{"$sum":["$n",1,"x"]}`: `8`, `{"$avg":"$l"}`: `2.0`, `{"$min":"$l"}`: `1`, `{"$max":["$n","$f","$none"]}`: `7`, `{"$sum":"$none"}`: `0`, `{"$avg":"$w"}`: `null`, `{"$max":"$docs.q"}`: `2`, `{"$stdDevPop":[[2,4]]}`: `1.0`, `{"$stdDevSamp":[[2]]}`: `null`,
		// Strings.
		`{"$toUpper":"$u"}`: `"GRüßE"`, `{"$toLower":"$s"}`: `"hello"`, `{"$toUpper":"$none"}`: `""`, `{"$toUpper":5}`: `"5"`, `{"$toUpper":"$l"}`: `!type array`,
		`{"$concat":["$s"," ","$none"]}`: `null`, `{"$concat":["$s",1]}`: `!only supports strings`, `{"$strLenCP":"$u"}`: `5`, `{"$strLenBytes":"$u"}`: `7`, `{"$strLenCP":"$none"}`: `!found: missing`,
		`{"$substrCP":["$u",2,3]}`: `"üße"`, `{"$substrCP":["$u",9,3]}`: `""`, `{"$substrBytes":["$s",1,3]}`: `"ell"`, `{"$substr":["$s",1,-1]}`: `"ello"`, `{"$substrBytes":["$u",3,1]}`: `!middle`, `{"$substrBytes":["$u",2,1]}`: `!middle`, `{"$substr":["$none",0,1]}`: `""`, `{"$substr":["$n",0,1]}`: `"7"`,
		`{"$indexOfCP":["$u","ß"]}`: `3`, `{"$indexOfBytes":["$u","ß"]}`: `4`, `{"$indexOfCP":["$s","l",3]}`: `3`, `{"$indexOfCP":["$s","l",4]}`: `-1`, `{"$indexOfCP":["$s","x"]}`: `-1`, `{"$indexOfCP":["$none","x"]}`: `null`, `{"$indexOfCP":["$s","H",9]}`: `-1`,
		`{"$split":["a-b-c","-"]}`: `["a","b","c"]`, `{"$split":["$none","-"]}`: `null`, `{"$split":["a",""]}`: `!not empty`, `{"$strcasecmp":["abc","ABD"]}`: `-1`,
		`{"$trim":{"input":"  x \n"}}`: `"x"`, `{"$trim":{"input":"xxaxx","chars":"x"}}`: `"a"`, `{"$ltrim":{"input":" x "}}`: `"x "`, `{"$rtrim":{"input":" x "}}`: `" x"`, `{"$trim":{"input":"$none"}}`: `null`, `{"$trim":{"input":5}}`: `!string`,
		`{"$replaceOne":{"input":"aXbX","find":"X","replacement":"-"}}`: `"a-bX"`, `{"$replaceAll":{"input":"aXbX","find":"X","replacement":"-"}}`: `"a-b-"`, `{"$replaceAll":{"input":"$none","find":"X","replacement":"-"}}`: `null`, `{"$replaceAll":{"input":1,"find":"X","replacement":"-"}}`: `!strings`,
		`{"$regexMatch":{"input":"$s","regex":"^h","options":"i"}}`: `true`, `{"$regexMatch":{"input":"$none","regex":"h"}}`: `false`, `{"$regexMatch":{"input":"$s","regex":{"$regularExpression":{"pattern":"L+","options":"i"}}}}`: `true`,
		`{"$regexFind":{"input":"$u","regex":"(ß)(x)?"}}`: `{"match":"ß","idx":3,"captures":["ß",null]}`, `{"$regexFind":{"input":"$s","regex":"z"}}`: `null`, `{"$regexFindAll":{"input":"a1b22","regex":"[0-9]+"}}`: `[{"match":"1","idx":1,"captures":[]},{"match":"22","idx":3,"captures":[]}]`, `{"$regexFindAll":{"input":"$none","regex":"x"}}`: `[]`,
		`{"$regexMatch":{"input":"$s","regex":"$s"}}`: `!constant`, `{"$regexMatch":{"input":5,"regex":"x"}}`: `!type string`,
		// Types.
		`{"$type":"$none"}`: `"missing"`, `{"$type":"$l"}`: `"array"`, `{"$type":"$t"}`: `"date"`, `{"$type":"$n"}`: `"int"`, `{"$isNumber":"$f"}`: `true`, `{"$isNumber":"$s"}`: `false`,
		`{"$toString":"$id"}`: `"5e5e6f0abe4ae2a2c2c2d329"`, `{"$toString":2.5}`: `"2.5"`, `{"$toString":true}`: `"true"`, `{"$toString":"$t"}`: `"2024-02-29T13:14:15.678Z"`, `{"$toString":{"$numberDouble":"-Infinity"}}`: `"-Infinity"`, `{"$toString":"$o"}`: `!Failed to convert`, `{"$toString":"$none"}`: `null`,
		`{"$toInt":"42"}`: `42`, `{"$toInt":2.9}`: `2`, `{"$toInt":"x"}`: `!Failed to convert 'x'`, `{"$toInt":3000000000}`: `!Failed`, `{"$toInt":true}`: `1`, `{"$toInt":"$t"}`: `!Failed`, `{"$toLong":"$t"}`: `{"$numberLong":"1709212455678"}`, `{"$toLong":"$dec"}`: `{"$numberLong":"2"}`, `{"$toLong":{"$numberDecimal":"1E+3"}}`: `{"$numberLong":"1000"}`, `{"$toLong":{"$numberDecimal":"1E+30"}}`: `!Failed`,
		`{"$toDouble":"2.5"}`: `2.5`, `{"$toDouble":"0x10"}`: `!Failed`, `{"$toDecimal":"2.50"}`: `{"$numberDecimal":"2.50"}`, `{"$toBool":"$e"}`: `true`, `{"$toBool":0}`: `false`, `{"$toDate":{"$numberLong":"1000"}}`: `{"$date":1000}`, `{"$toDate":5}`: `!Failed`, `{"$toDate":"2024-02-29"}`: `{"$date":"2024-02-29T00:00:00Z"}`, `{"$toDate":"$id"}`: `{"$date":"2020-03-03T14:51:54Z"}`, `{"$toDate":"29.2.2024"}`: `!Failed`,
		`{"$toObjectId":"5e5e6f0abe4ae2a2c2c2d329"}`: `{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}`, `{"$toObjectId":"x"}`: `!Failed`,
		`{"$convert":{"input":"x","to":"int","onError":-1}}`: `-1`, `{"$convert":{"input":null,"to":"int","onNull":0}}`: `0`, `{"$convert":{"input":"7","to":16}}`: `7`, `{"$convert":{"input":"7","to":"array"}}`: `!conversion to 'array'`, `{"$convert":{"input":"7"}}`: `!'to'`,
		// Dates.
		`{"$year":{"date":"$t","timezone":"$tz"}}`: `2024`, `{"$hour":{"date":"$t","timezone":"$tz"}}`: `14`, `{"$hour":{"date":"$t","timezone":null}}`: `null`, `{"$hour":{"date":"$t","timezone":"$n"}}`: `!must be a string`,
		`{"$dateToString":{"date":"$t","format":"%H","timezone":"$tz"}}`: `"14"`, `{"$dateToString":{"date":"$t","format":"$s"}}`: `!constant`,
		`{"$dateAdd":{"startDate":"$t","unit":"year","amount":1}}`: `{"$date":"2025-02-28T13:14:15.678Z"}`, `{"$dateAdd":{"startDate":{"$toDate":"2024-01-31"},"unit":"month","amount":1}}`: `{"$date":"2024-02-29T00:00:00Z"}`, `{"$dateAdd":{"startDate":"$t","unit":"hour","amount":-14}}`: `{"$date":"2024-02-28T23:14:15.678Z"}`,
		`{"$dateSubtract":{"startDate":"$t","unit":"quarter","amount":1}}`: `{"$date":"2023-11-29T13:14:15.678Z"}`, `{"$dateSubtract":{"startDate":"$t","unit":"week","amount":1}}`: `{"$date":"2024-02-22T13:14:15.678Z"}`, `{"$dateAdd":{"startDate":"$none","unit":"day","amount":1}}`: `null`, `{"$dateAdd":{"startDate":"$t","unit":"dog","amount":1}}`: `!unit`, `{"$dateAdd":{"startDate":"$t","unit":"day","amount":1.5}}`: `!integer amount`, `{"$dateAdd":{"startDate":"$t","unit":"year","amount":999999999}}`: `!out of range`,
		`{"$dateAdd":{"startDate":{"$toDate":"2024-03-30T12:00:00Z"},"unit":"day","amount":1,"timezone":"Europe/Berlin"}}`:          `{"$date":"2024-03-31T11:00:00Z"}`,
		`{"$dateDiff":{"startDate":{"$toDate":"2020-12-31T23:59:59Z"},"endDate":{"$toDate":"2021-01-01T00:00:01Z"},"unit":"year"}}`: `{"$numberLong":"1"}`, `{"$dateDiff":{"startDate":"$t","endDate":{"$toDate":"2024-03-01T00:00:00Z"},"unit":"day"}}`: `{"$numberLong":"1"}`, `{"$dateDiff":{"startDate":"$t","endDate":{"$toDate":"2024-02-29T12:59:00Z"},"unit":"hour"}}`: `{"$numberLong":"-1"}`,
		`{"$dateDiff":{"startDate":{"$toDate":"2024-03-02T00:00:00Z"},"endDate":{"$toDate":"2024-03-03T00:00:00Z"},"unit":"week"}}`: `{"$numberLong":"1"}`, `{"$dateDiff":{"startDate":{"$toDate":"2024-03-02T00:00:00Z"},"endDate":{"$toDate":"2024-03-03T00:00:00Z"},"unit":"week","startOfWeek":"Monday"}}`: `{"$numberLong":"0"}`,
		`{"$dateTrunc":{"date":"$t","unit":"month"}}`: `{"$date":"2024-02-01T00:00:00Z"}`, `{"$dateTrunc":{"date":"$t","unit":"day","timezone":"Europe/Berlin"}}`: `{"$date":"2024-02-28T23:00:00Z"}`, `{"$dateTrunc":{"date":"$t","unit":"hour","binSize":2}}`: `{"$date":"2024-02-29T12:00:00Z"}`, `{"$dateTrunc":{"date":"$t","unit":"week"}}`: `{"$date":"2024-02-25T00:00:00Z"}`, `{"$dateTrunc":{"date":"$t","unit":"week","startOfWeek":"mon"}}`: `{"$date":"2024-02-26T00:00:00Z"}`,
		`{"$dateTrunc":{"date":{"$toDate":"2020-05-18T14:10:30Z"},"unit":"week","binSize":2,"timezone":"America/Los_Angeles","startOfWeek":"Monday"}}`: `{"$date":"2020-05-11T07:00:00Z"}`, `{"$dateTrunc":{"date":{"$toDate":"2021-03-20T11:30:05Z"},"unit":"quarter"}}`: `{"$date":"2021-01-01T00:00:00Z"}`, `{"$dateTrunc":{"date":{"$toDate":"1999-12-31T00:00:00Z"},"unit":"year","binSize":10}}`: `{"$date":"1990-01-01T00:00:00Z"}`, `{"$dateTrunc":{"date":"$t","unit":"day","binSize":0}}`: `!binSize`,
		`{"$dateToParts":{"date":"$t"}}`: `{"year":2024,"month":2,"day":29,"hour":13,"minute":14,"second":15,"millisecond":678}`, `{"$dateToParts":{"date":"$t","iso8601":true}}`: `{"isoWeekYear":2024,"isoWeek":9,"isoDayOfWeek":4,"hour":13,"minute":14,"second":15,"millisecond":678}`,
		`{"$dateFromParts":{"year":2024,"month":14,"day":1,"hour":12}}`: `{"$date":"2025-02-01T12:00:00Z"}`, `{"$dateFromParts":{"year":2024,"timezone":"+02"}}`: `{"$date":"2023-12-31T22:00:00Z"}`, `{"$dateFromParts":{"isoWeekYear":2024,"isoWeek":9,"isoDayOfWeek":4}}`: `{"$date":"2024-02-29T00:00:00Z"}`, `{"$dateFromParts":{"month":1}}`: `!either 'year'`, `{"$dateFromParts":{"year":2024,"month":null}}`: `null`,
		`{"$dateFromString":{"dateString":"2024-02-29T13:14:15.678Z"}}`: `{"$date":"2024-02-29T13:14:15.678Z"}`, `{"$dateFromString":{"dateString":"2024-02-29","timezone":"Europe/Berlin"}}`: `{"$date":"2024-02-28T23:00:00Z"}`, `{"$dateFromString":{"dateString":"2024-02-29T10:00:00+0200"}}`: `{"$date":"2024-02-29T08:00:00Z"}`, `{"$dateFromString":{"dateString":"29/02/2024","format":"%d/%m/%Y"}}`: `{"$date":"2024-02-29T00:00:00Z"}`, `{"$dateFromString":{"dateString":"x"}}`: `!Error parsing date string 'x'`, `{"$dateFromString":{"dateString":"x","onError":"no"}}`: `"no"`, `{"$dateFromString":{"dateString":null,"onNull":1}}`: `1`, `{"$dateFromString":{"dateString":"x","format":"%Q"}}`: `!can't be read`,
		// What a double is, not what it is written as; and no digit is lost that isn't rounded.
		`{"$round":[0.12345678901234568,17]}`: `0.12345678901234568`, `{"$trunc":[123456789.12345679,8]}`: `123456789.12345679`, `{"$trunc":[-2.675,2]}`: `-2.67`, `{"$round":[1.5e300,2]}`: `1.5e300`,
		`{"$sqrt":{"$numberDouble":"NaN"}}`: `{"$numberDouble":"NaN"}`, `{"$convert":{"input":"7","to":"$none","onError":1}}`: `null`,
		`{"$sum":[0.1,0.2,0.3]}`: `0.6`, `{"$avg":[0.1,0.2,0.3]}`: `0.19999999999999998`, `{"$sum":[1e308,1e308]}`: `{"$numberDouble":"Infinity"}`, `{"$sum":[1e100,1,-1e100]}`: `1.0`,
		`{"$regexFindAll":{"input":"$none","regex":"x*"}}`: `[]`, `{"$regexFindAll":{"input":null,"regex":"^"}}`: `[]`, `{"$regexFind":{"input":"$none","regex":"x*"}}`: `null`,
		// A day that begins at one o'clock: there was no midnight.
		`{"$dateFromParts":{"year":2018,"month":11,"day":4,"hour":12,"timezone":"America/Sao_Paulo"}}`: `{"$date":"2018-11-04T14:00:00Z"}`, `{"$dateFromParts":{"year":2018,"month":11,"day":4,"timezone":"America/Sao_Paulo"}}`: `{"$date":"2018-11-04T03:00:00Z"}`,
		`{"$dateTrunc":{"date":{"$toDate":"2018-11-04T14:00:00Z"},"unit":"day","timezone":"America/Sao_Paulo"}}`: `{"$date":"2018-11-04T03:00:00Z"}`, `{"$dateAdd":{"startDate":{"$toDate":"2018-11-03T03:00:00Z"},"unit":"day","amount":1,"timezone":"America/Sao_Paulo"}}`: `{"$date":"2018-11-04T03:00:00Z"}`,
		`{"$dateAdd":{"startDate":{"$toDate":"2018-10-04T03:00:00Z"},"unit":"month","amount":1,"timezone":"America/Sao_Paulo"}}`: `{"$date":"2018-11-04T03:00:00Z"}`, `{"$dateFromParts":{"year":2024,"month":3,"day":31,"hour":2,"minute":30,"timezone":"Europe/Berlin"}}`: `{"$date":"2024-03-31T01:30:00Z"}`, `{"$dateFromParts":{"year":2024,"month":3,"day":10,"hour":2,"minute":30,"timezone":"America/New_York"}}`: `{"$date":"2024-03-10T07:30:00Z"}`,
		// What is not there.
		`{"$function":{}}`: `!Unrecognized expression '$function'`, `{"$meta":"textScore"}`: `!'$meta'`, `{"$add":1,"$sum":2}`: `!exactly one field`,
	} {
		got, err := computed1(t, d, expression)
		if text, ok := strings.CutPrefix(want, "!"); ok {
			require.ErrorContains(t, err, text, expression)
			continue
		}
		require.NoError(t, err, expression)
		if want == "missing" {
			require.Equal(t, missing{}, got, expression)
			continue
		}
		v, err := ejson.Parse([]byte(want))
		require.NoError(t, err, want)
		require.Equal(t, text(t, v), text(t, got), expression)
	}
}

// Nothing that an expression makes is larger than what may be held, and nothing goes on without being counted.
func TestExpressionBounds(t *testing.T) {
	for name, expression := range map[string]string{
		"reduce":   `{"$reduce":{"input":{"$range":[0,100]},"initialValue":1,"in":["$$value","$$value"]}}`,
		"range":    `{"$range":[0,2000000000]}`,
		"product":  `{"$map":{"input":{"$range":[0,100000]},"in":{"$map":{"input":{"$range":[0,100000]},"in":1}}}}`,
		"concat":   `{"$reduce":{"input":{"$range":[0,40]},"initialValue":"xxxxxxxx","in":{"$concat":["$$value","$$value"]}}}`,
		"arrays":   `{"$reduce":{"input":{"$range":[0,40]},"initialValue":[1],"in":{"$concatArrays":["$$value","$$value"]}}}`,
		"replace":  `{"$reduce":{"input":{"$range":[0,40]},"initialValue":"xx","in":{"$replaceAll":{"input":"$$value","find":"x","replacement":"xx"}}}}`,
		"regex":    `{"$regexFindAll":{"input":{"$reduce":{"input":{"$range":[0,20]},"initialValue":"aa","in":{"$concat":["$$value","$$value"]}}},"regex":"a(.*b)?"}}`,
		"zip":      `{"$zip":{"inputs":[{"$range":[0,600000]},{"$range":[0,600000]}]}}`,
		"split":    `{"$split":[{"$reduce":{"input":{"$range":[0,21]},"initialValue":",","in":{"$concat":["$$value","$$value"]}}},","]}`,
		"timezone": `{"$map":{"input":{"$range":[0,100000]},"as":"i","in":{"$hour":{"date":{"$toDate":{"$toLong":"$$i"}},"timezone":{"$concat":["Europe/","Berlin"]}}}}}`,
	} {
		v, err := ejson.Parse([]byte(expression))
		require.NoError(t, err)
		e, err := compileExpression(v, names{}.bounded())
		require.NoError(t, err, name)
		_, err = e(bson.D{}, NewMeter(context.Background(), 5_000_000, 16<<20))
		require.True(t, err == ErrMemory || err == ErrBudget, "%s: %v", name, err)
	}
	e, err := compileExpression(nested(90), names{}.bounded())
	require.NoError(t, err)
	_, err = e(bson.D{}, NewMeter(context.Background(), 5_000_000, 16<<20))
	require.ErrorIs(t, err, ErrMemory)
	for _, reading := range []string{`{"$toDate":"x"}`, `{"$dateFromString":{"dateString":"x","onError":1}}`} {
		m := meter()
		v, err := ejson.Parse([]byte(reading))
		require.NoError(t, err)
		e, err := compileExpression(v, names{}.bounded())
		require.NoError(t, err)
		_, _ = e(bson.D{}, m) // one is an error
		require.Less(t, m.steps, meter().steps-parseCost, reading)
	}
	// Stages, too: each makes the field twice as large.
	stages := bson.A{}
	for range 90 {
		stages = append(stages, doc(t, `{"$addFields":{"a":["$a","$a"]}}`))
	}
	for _, last := range []string{`{"$count":"n"}`, `{"$sort":{"a":1}}`, `{"$group":{"_id":"$a"}}`} {
		p, err := CompilePipeline(append(stages, doc(t, last)))
		require.NoError(t, err)
		_, err = p.Run(NewMeter(context.Background(), 5_000_000, 16<<20), nil).Add(doc(t, `{"a":1}`))
		require.ErrorIs(t, err, ErrMemory)
	}
}

// What compiling takes is bounded, too: of what is compiled together.
func TestCompileBounds(t *testing.T) {
	large := bson.Regex{Pattern: "a{999}b{999}c{999}d{999}e{999}f{999}g{999}h{999}"}
	list, pulls, parts := bson.A{}, bson.D{}, bson.A{}
	for i := range 20 {
		list = append(list, bson.D{{Key: "a", Value: large}})
		pulls = append(pulls, bson.E{Key: string(rune('a' + i)), Value: large})
		parts = append(parts, bson.D{{Key: "$regexMatch", Value: bson.D{{Key: "input", Value: "$a"}, {Key: "regex", Value: large}}}})
	}
	_, err := CompileFilter(bson.D{{Key: "$or", Value: list}})
	require.ErrorContains(t, err, "too large together")
	_, err = CompileFilter(bson.D{{Key: "$or", Value: list[:5]}})
	require.NoError(t, err)
	_, err = CompileUpdate(bson.D{{Key: "$pull", Value: pulls}}, nil)
	require.ErrorContains(t, err, "too large together")
	_, err = CompilePipeline(bson.A{bson.D{{Key: "$project", Value: bson.D{{Key: "x", Value: parts}}}}})
	require.ErrorContains(t, err, "too large together")
	wide := bson.A{}
	for range 100 {
		wide = append(wide, make(bson.A, 600))
	}
	_, err = CompilePipeline(bson.A{bson.D{{Key: "$project", Value: bson.D{{Key: "x", Value: wide}}}}})
	require.ErrorContains(t, err, "more than 50000 parts")
	_, err = CompileUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "a.$[e]", Value: 1}}}}, make(bson.A, 101))
	require.ErrorContains(t, err, "at most 100 arrayFilters")
}

// nested are variables of which each is twice as large as the one before.
func nested(n int) any {
	inner := any("$$v")
	for range n {
		inner = bson.D{{Key: "$let", Value: bson.D{{Key: "vars", Value: bson.D{{Key: "v", Value: bson.A{"$$v", "$$v"}}}}, {Key: "in", Value: inner}}}}
	}
	return bson.D{{Key: "$let", Value: bson.D{{Key: "vars", Value: bson.D{{Key: "v", Value: int32(1)}}}, {Key: "in", Value: inner}}}}
}
