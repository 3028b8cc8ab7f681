package mql

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"realmsync/server/ejson"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func doc(t testing.TB, text string) bson.D {
	t.Helper()
	d, err := ejson.ParseDocument([]byte(text))
	require.NoError(t, err, text)
	return d
}

func text(t testing.TB, v any) string {
	t.Helper()
	b, err := ejson.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func meter() *Meter { return NewMeter(context.Background(), 1e6, 1e6) }

// Each filter, with the documents that it matches and those that it doesn't.
func TestFilter(t *testing.T) {
	for _, c := range []struct{ query, yes, no string }{
		{`{}`, `{"a":1}`, ``},
		{`{"a":1}`, `{"a":1} {"a":{"$numberLong":"1"}} {"a":1.0} {"a":{"$numberDecimal":"1.00"}} {"a":[2,1]}`, `{"a":2} {} {"a":"1"} {"a":true} {"a":[[1]]}`},
		{`{"a":null}`, `{} {"a":null} {"a":[null]}`, `{"a":0}`},
		{`{"a":[1,2]}`, `{"a":[1,2]} {"a":[[1,2]]}`, `{"a":[2,1]} {"a":1}`},
		{`{"a":{"b":1}}`, `{"a":{"b":1}}`, `{"a":{"b":1,"c":2}} {"a":1}`},
		{`{"a.b":1}`, `{"a":{"b":1}} {"a":[{"b":2},{"b":1}]} {"a":{"b":[1]}}`, `{"a":1} {"a":{"c":1}}`},
		{`{"a.1":5}`, `{"a":[4,5]} {"a":{"1":5}}`, `{"a":[5,4]} {"a":[5]}`},
		{`{"a.0.b":5}`, `{"a":[{"b":5}]}`, `{"a":[{"b":4},{"b":5}]}`},
		{`{"a.b":null}`, `{} {"a":1} {"a":{}} {"a":[{"b":1},{}]}`, `{"a":{"b":1}} {"a":[{"b":1}]}`},
		{`{"a":{"$ne":1}}`, `{} {"a":2} {"a":[2,3]}`, `{"a":1} {"a":[2,1]}`},
		{`{"a":{"$gt":1,"$lt":3}}`, `{"a":2} {"a":1.5} {"a":[0,5,2]}`, `{"a":1} {"a":3} {"a":"2"} {"a":null} {} {"a":{"$numberDouble":"NaN"}}`},
		{`{"a":{"$gte":"b"}}`, `{"a":"b"} {"a":"c"}`, `{"a":"a"} {"a":5}`},
		{`{"a":{"$lte":{"$date":5}}}`, `{"a":{"$date":5}} {"a":{"$date":-1}}`, `{"a":{"$date":6}} {"a":5}`},
		{`{"a":{"$gte":null}}`, `{"a":null} {}`, `{"a":1}`},
		{`{"a":{"$in":[1,"x",null]}}`, `{"a":1} {"a":"x"} {} {"a":[3,"x"]}`, `{"a":2}`},
		{`{"a":{"$in":[{"$regularExpression":{"pattern":"^x","options":""}}]}}`, `{"a":"xy"}`, `{"a":"yx"}`},
		{`{"a":{"$nin":[1,2]}}`, `{"a":3} {}`, `{"a":1} {"a":[5,2]}`},
		{`{"$or":[{"a":1},{"b":1}]}`, `{"a":1} {"b":1}`, `{"c":1}`},
		{`{"$nor":[{"a":1},{"b":1}]}`, `{"c":1}`, `{"a":1} {"b":1}`},
		{`{"$and":[{"a":1},{"b":1}],"c":1}`, `{"a":1,"b":1,"c":1}`, `{"a":1,"b":1}`},
		{`{"a":{"$not":{"$gt":1}}}`, `{"a":1} {} {"a":"x"}`, `{"a":2}`},
		{`{"a":{"$not":{"$regularExpression":{"pattern":"x","options":""}}}}`, `{"a":"y"} {}`, `{"a":"x"}`},
		{`{"a":{"$exists":true}}`, `{"a":null} {"a":1}`, `{}`},
		{`{"a.b":{"$exists":false}}`, `{} {"a":1}`, `{"a":{"b":1}} {"a":[{"c":1},{"b":1}]}`},
		{`{"a":{"$regex":"^ab","$options":"i"}}`, `{"a":"ABc"} {"a":["x","abx"]}`, `{"a":"cab"} {"a":1} {}`},
		{`{"a":{"$regularExpression":{"pattern":"a b # c","options":"x"}}}`, `{"a":"ab"}`, `{"a":"a\u0020b"}`},
		{`{"a":{"$elemMatch":{"$gt":1,"$lt":3}}}`, `{"a":[0,2]}`, `{"a":[0,5]} {"a":2}`},
		{`{"a":{"$elemMatch":{"b":1,"c":2}}}`, `{"a":[{"b":1,"c":2}]}`, `{"a":[{"b":1},{"c":2}]} {"a":{"b":1,"c":2}}`},
		{`{"a":{"$elemMatch":{"$or":[{"b":1},{"c":2}]}}}`, `{"a":[{"c":2}]}`, `{"a":[{"c":3}]}`},
		{`{"a":{"$all":[1,2]}}`, `{"a":[3,2,1]}`, `{"a":[1]} {"a":[]}`},
		{`{"a":{"$all":[]}}`, ``, `{"a":[1]} {"a":[]}`},
		{`{"a":{"$all":[{"$elemMatch":{"b":1}},{"$elemMatch":{"b":2}}]}}`, `{"a":[{"b":1},{"b":2}]}`, `{"a":[{"b":1}]}`},
		{`{"a":{"$size":2}}`, `{"a":[1,2]}`, `{"a":[1]} {"a":"ab"} {}`},
		{`{"a":{"$type":"string"}}`, `{"a":"x"} {"a":[1,"x"]}`, `{"a":1} {}`},
		{`{"a":{"$type":["number",10]}}`, `{"a":1} {"a":1.5} {"a":null}`, `{"a":"x"} {}`},
		{`{"a":{"$type":"array"}}`, `{"a":[]}`, `{"a":1}`},
		{`{"a":{"$mod":[4,1]}}`, `{"a":5} {"a":9.7}`, `{"a":4} {"a":"x"}`},
		{`{"loc":{"$geoWithin":{"$centerSphere":[[10,50],0.01]}}}`, `{"loc":{"type":"Point","coordinates":[10.1,50.1]}} {"loc":[10,50]}`, `{"loc":{"type":"Point","coordinates":[12,50]}} {} {"loc":"x"} {"loc":[200,100]}`},
		{`{"loc":{"$geoWithin":{"$geometry":{"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[0,10],[0,0]]]}}}}`, `{"loc":{"type":"Point","coordinates":[5,5]}}`, `{"loc":{"type":"Point","coordinates":[15,5]}}`},
		{`{"loc":{"$geoWithin":{"$box":[[0,0],[2,2]]}}}`, `{"loc":[1,1]} {"loc":{"x":2,"y":2}}`, `{"loc":[3,1]}`},
		{`{"loc":{"$geoWithin":{"$polygon":[[0,0],[2,0],[0,2]]}}}`, `{"loc":[0.5,0.5]}`, `{"loc":[1.5,1.5]}`},
		{`{"loc":{"$geoWithin":{"$center":[[0,0],1]}}}`, `{"loc":[0,1]}`, `{"loc":[1,1]}`},
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
}

// What isn't understood is refused: never taken for less.
func TestFilterRefused(t *testing.T) {
	for _, query := range []string{
		`{"$where":"1"}`, `{"$expr":{"$foo":1}}`, `{"a":{"$gt":1,"b":2}}`, `{"a":{"$foo":1}}`, `{"$and":[]}`, `{"$and":{}}`, `{"$or":[1]}`, `{"a":{"$in":1}}`, `{"a":{"$in":[{"$gt":1}]}}`,
		`{"a":{"$not":1}}`, `{"a":{"$regex":"("}}`, `{"a":{"$regex":1}}`, `{"a":{"$regex":"a","$options":"q"}}`, `{"a":{"$options":"i"}}`, `{"a":{"$size":-1}}`, `{"a":{"$size":1.5}}`,
		`{"a":{"$type":"nope"}}`, `{"a":{"$mod":[0,1]}}`, `{"a":{"$elemMatch":1}}`, `{"a":{"$all":1}}`, `{"a..b":1}`, `{"a":{"$regex":"(a{1000}){1000}"}}`,
		`{"a":{"$regex":"` + strings.Repeat("a", maxPattern+1) + `"}}`, `{"a":{"$geoWithin":{}}}`, `{"a":{"$geoWithin":{"$geometry":{"type":"Point","coordinates":[0,0]}}}}`,
		`{"a":{"$geoWithin":{"$centerSphere":[[0,0],-1]}}}`, `{"a":{"$geoWithin":{"$geometry":{"type":"Polygon","coordinates":[]}}}}`, `{"a":{"$geoWithin":{"$geometry":{"type":"Polygon","coordinates":[[]]}}}}`,
	} {
		_, err := CompileFilter(doc(t, query))
		var e *Error
		require.ErrorAs(t, err, &e, query)
	}
	many := make(bson.A, maxClauses+1)
	for i := range many {
		many[i] = bson.D{{Key: "a", Value: int32(i)}}
	}
	_, err := CompileFilter(bson.D{{Key: "$or", Value: many}})
	require.ErrorContains(t, err, "conditions")
}

// Evaluating ends when the meter says so, whatever is asked for.
func TestMeter(t *testing.T) {
	f, err := CompileFilter(doc(t, `{"a":{"$regex":"(x+x+)+y"}}`))
	require.NoError(t, err)
	_, err = f.Match(bson.D{{Key: "a", Value: strings.Repeat("x", 1<<20)}}, NewMeter(context.Background(), 1000, 0))
	require.ErrorIs(t, err, ErrBudget)
	long := make(bson.A, 1<<16)
	f, err = CompileFilter(doc(t, `{"a":{"$elemMatch":{"$elemMatch":{"$gt":1}}}}`))
	require.NoError(t, err)
	_, err = f.Match(bson.D{{Key: "a", Value: long}}, NewMeter(context.Background(), 1000, 0))
	require.ErrorIs(t, err, ErrBudget)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = f.Match(bson.D{{Key: "a", Value: long}}, NewMeter(ctx, 1<<30, 0))
	require.ErrorIs(t, err, context.Canceled)
	p, err := CompilePipeline(bson.A{doc(t, `{"$unwind":"$a"}`), doc(t, `{"$group":{"_id":null,"all":{"$push":"$$ROOT"}}}`)})
	require.NoError(t, err)
	_, err = p.Run(NewMeter(context.Background(), 1<<30, 1<<20), nil).Add(bson.D{{Key: "a", Value: long}})
	require.ErrorIs(t, err, ErrMemory)
	big := bson.D{{Key: "a", Value: long}, {Key: "b", Value: long}}
	u, err := CompileUpdate(bson.D{{Key: "$addToSet", Value: bson.D{{Key: "a", Value: bson.D{{Key: "$each", Value: long}}}}}}, nil)
	require.NoError(t, err)
	_, err = u.Apply(big, Target{ID: "_id"}, NewMeter(context.Background(), 1<<20, 0))
	require.ErrorIs(t, err, ErrBudget)
}

func TestFilterParts(t *testing.T) {
	f, err := CompileFilter(doc(t, `{"_id":5,"$and":[{"b":{"$in":[1,2]}},{"c.d":{"$eq":"x"}}],"$or":[{"e":1},{"e":2}],"f":{"$gt":1}}`))
	require.NoError(t, err)
	ids, ok := f.Values("_id")
	require.True(t, ok)
	require.Equal(t, []any{int32(5)}, ids)
	ids, ok = f.Values("b")
	require.True(t, ok)
	require.Len(t, ids, 2)
	for _, none := range []string{"e", "f", "g"} {
		_, ok = f.Values(none)
		require.False(t, ok, none)
	}
	require.JSONEq(t, `{"_id":{"$numberInt":"5"},"c":{"d":"x"}}`, text(t, f.Defaults()))
}

// updates requires that an update makes after of before, or, with "!" in front, that it is refused with such a text. err is that of compiling it.
func updates(t *testing.T, update string, u *Update, err error, target Target, before, after string) {
	t.Helper()
	d := doc(t, before)
	target.Now = time.UnixMilli(5000)
	var got bson.D
	if err == nil {
		got, err = u.Apply(d, target, meter())
	}
	if want, ok := strings.CutPrefix(after, "!"); ok {
		require.ErrorContains(t, err, want, update)
		return
	}
	require.NoError(t, err, update)
	require.Equal(t, text(t, doc(t, after)), text(t, got), update)
	require.Equal(t, text(t, doc(t, before)), text(t, d), "the original stays")
}

// Each update, the document before and after; "!" in front of a text of an error.
func TestUpdate(t *testing.T) {
	for _, c := range []struct{ update, before, after string }{
		{`{"$set":{"a":1,"b.c":"x"}}`, `{"_id":1}`, `{"_id":1,"a":1,"b":{"c":"x"}}`},
		{`{"$set":{"a.2":1}}`, `{"a":[0]}`, `{"a":[0,null,1]}`},
		{`{"$set":{"a.x":1}}`, `{"a":5}`, `!Cannot create field`},
		{`{"$set":{"_id":2}}`, `{"_id":1}`, `!immutable field '_id'`},
		{`{"$set":{"_id":1.0}}`, `{"_id":1}`, `{"_id":1}`},
		{`{"$unset":{"a":"","b.c":1,"d":1}}`, `{"a":1,"b":{"c":1,"e":2}}`, `{"b":{"e":2}}`},
		{`{"$unset":{"a.0":1}}`, `{"a":[1,2]}`, `{"a":[null,2]}`},
		{`{"$unset":{"_id":1}}`, `{"_id":1}`, `!immutable`},
		{`{"$inc":{"a":2,"b":1.5,"c":{"$numberLong":"1"}}}`, `{"a":1,"b":1}`, `{"a":3,"b":2.5,"c":{"$numberLong":"1"}}`},
		{`{"$inc":{"a":1}}`, `{"a":2147483647}`, `{"a":{"$numberLong":"2147483648"}}`},
		{`{"$inc":{"a":1}}`, `{"a":{"$numberLong":"9223372036854775807"}}`, `!64 bits`},
		{`{"$inc":{"a":{"$numberDecimal":"0.1"}}}`, `{"a":1}`, `{"a":{"$numberDecimal":"1.1"}}`},
		{`{"$inc":{"a":1}}`, `{"a":"x"}`, `!non-numeric`},
		{`{"$inc":{"a":"x"}}`, `{}`, `!non-numeric`},
		{`{"$mul":{"a":3,"b":2}}`, `{"a":2}`, `{"a":6,"b":0}`},
		{`{"$min":{"a":1,"b":9,"c":1}}`, `{"a":2,"b":2}`, `{"a":1,"b":2,"c":1}`},
		{`{"$max":{"a":1,"b":9}}`, `{"a":2,"b":2}`, `{"a":2,"b":9}`},
		{`{"$push":{"a":1}}`, `{}`, `{"a":[1]}`},
		{`{"$push":{"a":{"$each":[3,1],"$sort":1,"$slice":-2}}}`, `{"a":[2]}`, `{"a":[2,3]}`},
		{`{"$push":{"a":{"$each":[9],"$position":1}}}`, `{"a":[1,2]}`, `{"a":[1,9,2]}`},
		{`{"$push":{"a":{"$each":[{"n":1}],"$sort":{"n":1}}}}`, `{"a":[{"n":2}]}`, `{"a":[{"n":1},{"n":2}]}`},
		{`{"$push":{"a":1}}`, `{"a":5}`, `!must be an array`},
		{`{"$pull":{"a":2}}`, `{"a":[1,2,3,2]}`, `{"a":[1,3]}`},
		{`{"$pull":{"a":{"$gt":2}}}`, `{"a":[1,2,3]}`, `{"a":[1,2]}`},
		{`{"$pull":{"a":{"b":1}}}`, `{"a":[{"b":1,"c":2},{"b":2}]}`, `{"a":[{"b":2}]}`},
		{`{"$pullAll":{"a":[1,3]}}`, `{"a":[1,2,3]}`, `{"a":[2]}`},
		{`{"$pull":{"a":2}}`, `{}`, `{}`},
		{`{"$pop":{"a":-1,"b":1}}`, `{"a":[1,2],"b":[1,2]}`, `{"a":[2],"b":[1]}`},
		{`{"$addToSet":{"a":{"$each":[2,3,3.0]}}}`, `{"a":[1,2]}`, `{"a":[1,2,3]}`},
		{`{"$rename":{"a":"b.c"}}`, `{"a":1}`, `{"b":{"c":1}}`},
		{`{"$setOnInsert":{"a":1}}`, `{}`, `{}`},
		{`{"$currentDate":{"a":true,"b":{"$type":"timestamp"}}}`, `{}`, `{"a":{"$date":5000},"b":{"$timestamp":{"t":5,"i":1}}}`},
		{`{"b":1}`, `{"_id":1,"a":1}`, `{"_id":1,"b":1}`},
		{`{"_id":2,"b":1}`, `{"_id":1,"a":1}`, `!immutable`},
		{`{}`, `{"_id":1,"a":1}`, `{"_id":1}`},
		{`{"$set":{"a":1},"b":1}`, `{}`, `!Unknown modifier`},
		{`{"b":1,"$set":{"a":1}}`, `{}`, `!update operators`},
		{`{"$set":1}`, `{}`, `!Modifiers operate on fields`},
		{`{"$set":{"a":1},"$inc":{"a":1}}`, `{}`, `!conflict`},
		{`{"$set":{"a.b":1},"$unset":{"a":1}}`, `{}`, `!conflict`},
		{`{"$set":{"a":1,"a!":2,"a.b":1}}`, `{}`, `!conflict`},
		{`{"$set":{"a.$":1}}`, `{}`, `!positional operator did not find`},
		{`{"$rename":{"a":"a"}}`, `{}`, `!must differ`},
		{`{"$set":{"a.9999":1}}`, `{"a":[]}`, `!backfill`},
	} {
		u, err := CompileUpdate(doc(t, c.update), nil)
		updates(t, c.update, u, err, Target{ID: "_id", Seen: doc(t, c.before)}, c.before, c.after)
	}
	u, err := CompileUpdate(doc(t, `{"$setOnInsert":{"a":1},"$inc":{"b":2}}`), nil)
	require.NoError(t, err)
	got, err := u.Apply(bson.D{}, Target{ID: "_id", Inserting: true}, meter())
	require.NoError(t, err)
	require.JSONEq(t, `{"a":{"$numberInt":"1"},"b":{"$numberInt":"2"}}`, text(t, got))
	require.Equal(t, map[string]any{"b": int32(2)}, u.Increments())
}

func TestProjectionAndSort(t *testing.T) {
	for _, c := range []struct{ projection, before, after string }{
		{`{}`, `{"_id":1,"a":1}`, `{"_id":1,"a":1}`},
		{`{"a":1}`, `{"_id":1,"a":1,"b":2}`, `{"_id":1,"a":1}`},
		{`{"a":true,"_id":0}`, `{"_id":1,"a":1,"b":2}`, `{"a":1}`},
		{`{"_id":0}`, `{"_id":1,"a":1}`, `{"a":1}`},
		{`{"_id":1}`, `{"_id":1,"a":1}`, `{"_id":1}`},
		{`{"a":0}`, `{"_id":1,"a":1,"b":2}`, `{"_id":1,"b":2}`},
		{`{"a.b":1}`, `{"_id":1,"a":{"b":1,"c":2},"d":1}`, `{"_id":1,"a":{"b":1}}`},
		{`{"a.b":0}`, `{"a":[{"b":1,"c":2},3]}`, `{"a":[{"c":2},3]}`},
	} {
		p, err := CompileFields(doc(t, c.projection))
		require.NoError(t, err)
		require.Equal(t, text(t, doc(t, c.after)), text(t, p.Keep(doc(t, c.before))), c.projection)
	}
	for _, bad := range []string{`{"a":1,"b":0}`, `{"a":"$b"}`, `{"a":1,"a.b":1}`, `{"a.b":1,"a":1}`, `{"":1}`} {
		_, err := CompileFields(doc(t, bad))
		require.Error(t, err, bad)
	}
	order, err := CompileSort(doc(t, `{"a":1,"b":-1}`))
	require.NoError(t, err)
	docs := []bson.D{doc(t, `{"a":"x"}`), doc(t, `{"a":2,"b":1}`), doc(t, `{"a":2,"b":2}`), doc(t, `{}`), doc(t, `{"a":[9,1]}`), doc(t, `{"a":true}`), doc(t, `{"a":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}}`), doc(t, `{"a":{"$date":1}}`), doc(t, `{"a":{"$minKey":1}}`), doc(t, `{"a":{"$maxKey":1}}`), doc(t, `{"a":{"x":1}}`)}
	require.NoError(t, order.Sorted(docs, meter()))
	var got []string
	for _, d := range docs {
		v, _ := Get(d, "a")
		got = append(got, text(t, v))
	}
	require.Equal(t, []string{`{"$minKey":1}`, `null`, `[{"$numberInt":"9"},{"$numberInt":"1"}]`, `{"$numberInt":"2"}`, `{"$numberInt":"2"}`, `"x"`, `{"x":{"$numberInt":"1"}}`,
		`{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}`, `true`, `{"$date":{"$numberLong":"1"}}`, `{"$maxKey":1}`}, got)
	b, _ := Get(docs[3], "b")
	require.Equal(t, int32(2), b)
	_, err = CompileSort(doc(t, `{"a":2}`))
	require.Error(t, err)
}

// Each pipeline on the same documents.
func TestPipeline(t *testing.T) {
	input := []string{`{"_id":1,"k":"a","n":1,"l":[1,2]}`, `{"_id":2,"k":"b","n":2.5,"l":[]}`, `{"_id":3,"k":"a","n":4}`, `{"_id":4,"n":"x","o":{"p":7}}`}
	for _, c := range []struct{ stages, want string }{
		{`[]`, `[` + strings.Join(input, ",") + `]`},
		{`[{"$match":{"k":"a"}},{"$project":{"n":1,"_id":0}}]`, `[{"n":1},{"n":4}]`},
		{`[{"$group":{"_id":"$k","s":{"$sum":"$n"},"c":{"$sum":1},"count":{"$count":{}},"avg":{"$avg":"$n"},"min":{"$min":"$n"},"max":{"$max":"$n"},"p":{"$push":"$_id"},"f":{"$first":"$_id"},"l":{"$last":"$_id"}}},{"$sort":{"_id":1}}]`,
			`[{"_id":null,"s":0,"c":1,"count":1,"avg":null,"min":"x","max":"x","p":[4],"f":4,"l":4},{"_id":"a","s":5,"c":2,"count":2,"avg":2.5,"min":1,"max":4,"p":[1,3],"f":1,"l":3},{"_id":"b","s":2.5,"c":1,"count":1,"avg":2.5,"min":2.5,"max":2.5,"p":[2],"f":2,"l":2}]`},
		{`[{"$group":{"_id":null,"a":{"$addToSet":"$k"}}}]`, `[{"_id":null,"a":["a","b"]}]`},
		{`[{"$group":{"_id":{"x":"$k"}}},{"$count":"n"}]`, `[{"n":3}]`},
		{`[{"$match":{"k":"none"}},{"$count":"n"}]`, `[]`},
		{`[{"$sort":{"_id":-1}},{"$skip":1},{"$limit":2},{"$project":{"_id":1}}]`, `[{"_id":3},{"_id":2}]`},
		{`[{"$unwind":"$l"},{"$project":{"l":1}}]`, `[{"_id":1,"l":1},{"_id":1,"l":2}]`},
		{`[{"$unwind":{"path":"$l","preserveNullAndEmptyArrays":true,"includeArrayIndex":"i"}},{"$project":{"l":1,"i":1}}]`,
			`[{"_id":1,"l":1,"i":{"$numberLong":"0"}},{"_id":1,"l":2,"i":{"$numberLong":"1"}},{"_id":2,"i":null},{"_id":3,"i":null},{"_id":4,"i":null}]`},
		{`[{"$match":{"_id":4}},{"$project":{"x":"$o.p","y":{"$add":["$o.p",1]},"z":{"$literal":"$o"},"w":["$n","$none"],"v":{"q":"$n"},"none":"$none"}}]`, `[{"_id":4,"x":7,"y":8,"z":"$o","w":["x",null],"v":{"q":"x"}}]`},
		{`[{"$match":{"_id":1}},{"$addFields":{"s":{"$size":"$l"},"c":{"$cond":[{"$gt":["$n",0]},"pos","neg"]},"t":{"$concat":["$k","!"]},"u":{"$toUpper":"$k"},"e":{"$arrayElemAt":["$l",-1]},"i":{"$ifNull":["$zz","d"]}}},{"$unset":["l","_id","n","k"]}]`,
			`[{"s":2,"c":"pos","t":"a!","u":"A","e":2,"i":"d"}]`},
		{`[{"$limit":1},{"$match":{"_id":2}}]`, `[]`},
	} {
		stages, err := ejson.ParseArray([]byte(c.stages))
		require.NoError(t, err)
		p, err := CompilePipeline(stages)
		require.NoError(t, err, c.stages)
		m := meter()
		r := p.Run(m, nil)
		for _, d := range input {
			if f := p.First(); f != nil {
				ok, err := f.Match(doc(t, d), m)
				require.NoError(t, err)
				if !ok {
					continue
				}
			}
			more, err := r.Add(doc(t, d))
			require.NoError(t, err)
			if !more {
				break
			}
		}
		got, err := r.Result()
		require.NoError(t, err)
		want, err := ejson.Parse([]byte(c.want))
		require.NoError(t, err)
		require.Equal(t, text(t, want), text(t, got), c.stages)
	}
	for _, bad := range []string{
		`[{"$out":"x"}]`, `[{"$lookup":{}}]`, `[{"$match":1}]`, `[{"$group":{}}]`, `[{"$group":{"_id":1,"a":{"$foo":1}}}]`, `[{"$group":{"_id":1,"a":1}}]`, `[{"$limit":0}]`, `[{"$skip":-1}]`, `[{}]`, `[1]`,
		`[{"$match":{},"$sort":{}}]`, `[{"$project":{}}]`, `[{"$project":{"a":{"$function":1}}}]`, `[{"$project":{"a":0,"b":"$c"}}]`, `[{"$project":{"a":"$$CLUSTER_TIME"}}]`, `[{"$count":""}]`, `[{"$unwind":"a"}]`, `[{"$unwind":{"path":"$a","x":1}}]`, `[{"$sort":{"a":0}}]`,
	} {
		stages, err := ejson.ParseArray([]byte(bad))
		require.NoError(t, err)
		_, err = CompilePipeline(stages)
		require.Error(t, err, bad)
	}
}

// Keys are equal exactly where values are.
func TestKey(t *testing.T) {
	values, err := ejson.ParseArray([]byte(`[null,1,{"$numberLong":"1"},1.0,{"$numberDecimal":"1.0"},1.5,{"$numberDecimal":"1.50"},{"$numberDecimal":"1E+40"},{"$numberDecimal":"123456789012345678901234567890"},
		"1","",true,false,{"$date":1},{"$oid":"5e5e6f0abe4ae2a2c2c2d329"},[],[1],[[1]],{},{"a":1},{"a":1.0},{"a":{"b":1}},{"$binary":{"base64":"AQ==","subType":"00"}},{"$binary":{"base64":"AQ==","subType":"05"}},
		{"$timestamp":{"t":1,"i":2}},{"$minKey":1},{"$maxKey":1},{"$regularExpression":{"pattern":"a","options":""}},{"$numberDouble":"NaN"},{"$numberDecimal":"NaN"},{"$numberDouble":"-0"},0,
		{"$numberLong":"9007199254740993"},{"$numberDecimal":"9007199254740993"},{"$numberDecimal":"9007199254740993.0"},{"$numberDecimal":"9007199254740992"},{"$numberDouble":"9007199254740992"},{"$numberLong":"-9223372036854775808"},
		{"$numberDouble":"-9223372036854775808"},{"$numberDecimal":"-9223372036854775808"},{"$numberDouble":"9223372036854775808"},{"$numberDecimal":"9223372036854775808"},{"$numberLong":"9223372036854775807"},{"$numberDecimal":"9223372036854775807"},
		{"$numberDecimal":"1.2E+31"},{"$numberDecimal":"12000000000000000000000000000000"},{"$numberDecimal":"-1.2E+31"},{"$numberDecimal":"0.1"},{"$numberDecimal":"0.1000"},0.1,{"$numberDecimal":"1.0000000000000000000000001"},
		{"$numberDouble":"Infinity"},{"$numberDecimal":"Infinity"},{"$numberDecimal":"-Infinity"},{"$numberDecimal":"-0E+3"},{"$numberDecimal":"1E-6176"},{"$numberDecimal":"9.999999999999999999999999999999999E+6144"}]`))
	require.NoError(t, err)
	for _, a := range values {
		for _, b := range values {
			require.Equal(t, Equal(a, b), string(Key(a)) == string(Key(b)), "%v %v", a, b)
			require.Equal(t, Compare(a, b), -Compare(b, a), "%v %v", a, b)
			for _, c := range values {
				require.False(t, Compare(a, b) <= 0 && Compare(b, c) <= 0 && Compare(a, c) > 0, "%v %v %v", a, b, c)
			}
		}
		require.True(t, Identical(a, a))
		require.Positive(t, Size(a))
	}
	require.False(t, Identical(int32(1), int64(1)))
}

// Files have these keys: they stay what they are, or what is stored isn't found.
func TestStoredKey(t *testing.T) {
	for value, key := range map[string]string{
		`1`:                                      "0269000000000000000100",
		`{"$numberLong":"-9223372036854775808"}`: "0269800000000000000000",
		`{"$numberDouble":"-9223372036854775808"}`: "0266c3e000000000000000",
		`{"$numberDouble":"1e300"}`:                "02667e37e43c8800759c00",
		`2.5`:                                      "0266400400000000000000",
		`{"$numberDecimal":"2.50"}`:                "0266400400000000000000",
		`{"$numberDecimal":"19.99"}`:               "02664033fd70a3d70a3d00",
		`19.99`:                                    "02664033fd70a3d70a3d00",
		`{"$numberDecimal":"9007199254740993"}`:    "02393030373139393235343734303939334500",
		`{"$numberDecimal":"1.2E+31"}`:             "02664662eec2eb3869af00",
		`{"$numberDecimal":"12000000000000000000000000000000"}`: "02664662eec2eb3869af00",
		`{"$numberDecimal":"123456789.123456789123456789"}`:     "022b313233343536373839313233343536373839313233343536373839452d313800",
		`{"$numberDecimal":"1E-6176"}`:                          "0231452d3631373600",
		`{"$numberDecimal":"NaN"}`:                              "024e614e00",
		`{"$numberDecimal":"-Infinity"}`:                        "0266fff000000000000000",
		`{"a":[null,"x",true,{"$numberDecimal":"0.1"}]}`:        "040100000000000000016105010101030000000000000001780108010102663fb999999999999a000000",
		`{"$numberDecimal":"9223372036854775808"}`:              "02393232333337323033363835343737353830384500",
	} {
		v, err := ejson.Parse([]byte(value))
		require.NoError(t, err)
		require.Equal(t, key, hex.EncodeToString(StoredKey(v)), value)
	}
}

// No filter and no update panics, whatever it is.
func FuzzMQL(f *testing.F) {
	f.Add([]byte(`{"a":{"$elemMatch":{"$gt":1}}}`), []byte(`{"a":[1,2]}`))
	f.Add([]byte(`{"$push":{"a":{"$each":[1],"$slice":-1,"$position":-5}}}`), []byte(`{"a":[1,2]}`))
	f.Add([]byte(`{"$unwind":{"path":"$a.b"}}`), []byte(`{"a":{"b":[1]}}`))
	f.Add([]byte(`{"$group":{"_id":{"$divide":["$a",2]}}}`), []byte(`{"a":1}`))
	f.Add([]byte(`{"$lookup":{"from":"x","let":{"v":"$a"},"pipeline":[{"$match":{"$expr":{"$eq":["$a","$$v"]}}}],"as":"y"}}`), []byte(`{"a":1}`))
	f.Add([]byte(`{"$set":{"x":{"$map":{"input":"$a","in":{"$dateTrunc":{"date":"$$this","unit":"week"}}}}}}`), []byte(`{"a":[{"$date":1}]}`))
	f.Add([]byte(`{"a.$":1,"b":{"$bucket":1}}`), []byte(`{"a":[1]}`))
	f.Fuzz(func(t *testing.T, query, target []byte) {
		q, err := ejson.ParseDocument(query)
		if err != nil {
			return
		}
		d, err := ejson.ParseDocument(target)
		if err != nil {
			return
		}
		if c, err := CompileFilter(q); err == nil {
			_, _ = c.Match(d, meter())
			_ = c.Defaults()
		}
		if u, err := CompileUpdate(q, bson.A{bson.D{{Key: "e", Value: int32(1)}}}); err == nil {
			_, _ = u.Apply(d, Target{ID: "_id", Inserting: true, Seen: d}, meter())
		}
		if p, err := CompilePipeline(bson.A{q}); err == nil {
			r := p.Run(meter(), func(_ string, f *Filter, add func(bson.D) (bool, error)) error {
				if f != nil {
					if ok, err := f.Match(d, meter()); !ok || err != nil {
						return err
					}
				}
				_, err := add(d)
				return err
			})
			if _, err := r.Add(d); err == nil {
				_, _ = r.Result()
			}
		}
		if u, err := CompileUpdatePipeline(bson.A{q}); err == nil {
			_, _ = u.Apply(d, Target{ID: "_id", Seen: d}, meter())
		}
		if p, err := CompileProjection(q); err == nil {
			if f, err := CompileFilter(bson.D{{Key: "a", Value: int32(1)}}); err == nil {
				_, _ = p.ApplyFound(d, f, meter())
			}
		}
	})
}
