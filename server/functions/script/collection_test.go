package script

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// Each operation becomes the call of app-services 7.4 with its members.
func TestOperations(t *testing.T) {
	f := newFake(t)
	var answer any
	f.answer = func(string, bson.D) (any, error) { return answer, nil }
	at := []any{"database", "d", "collection", "c"}
	q := d("x", int64(1))
	for _, c := range []struct {
		source string
		method string
		arg    []any
		answer any
		result any
	}{
		{"find({x: 1}, {y: 1}).sort({z: -1}).limit(2)", "find", []any{"query", q, "project", d("y", int64(1)), "sort", d("z", int64(-1)), "limit", int64(2)}, bson.A{q, q}, bson.A{q, q}},
		{"find().toArray()", "find", []any{"query", bson.D{}}, bson.A{}, bson.A{}},
		{"find().skip(1).limit(1).next()", "find", []any{"query", bson.D{}, "limit", int64(2)}, bson.A{q, d("x", int64(2))}, d("x", int64(2))},
		{"find({}, {y: 1}).sort({z: -1}).project({w: 1}).sort({a: 1}).toArray()", "find", []any{"query", bson.D{}, "project", d("w", int64(1)), "sort", d("a", int64(1))}, bson.A{}, bson.A{}},
		{"distinct('a.b', {x: 1})", "distinct", []any{"key", "a.b", "query", q}, bson.A{int64(1)}, bson.A{int64(1)}},
		{"find().count()", "find", []any{"query", bson.D{}}, bson.A{q, q}, int64(2)},
		{"estimatedDocumentCount()", "count", []any{"query", bson.D{}}, int64(3), int64(3)},
		{"find().next()", "find", []any{"query", bson.D{}}, bson.A{}, nil},
		{"findOne({x: 1})", "findOne", []any{"query", q}, q, q},
		{"findOne()", "findOne", []any{"query", bson.D{}}, nil, nil},
		{"aggregate([{$match: {x: 1}}])", "aggregate", []any{"pipeline", bson.A{d("$match", q)}}, bson.A{q}, bson.A{q}},
		{"count({x: 1}, {limit: 5})", "count", []any{"query", q, "limit", int64(5)}, int64(1), int64(1)},
		{"insertOne({x: 1})", "insertOne", []any{"document", q}, d("insertedId", oid(t)), d("insertedId", oid(t))},
		{"insertMany([{x: 1}])", "insertMany", []any{"documents", bson.A{q}}, d("insertedIds", bson.A{int64(1)}), d("insertedIds", bson.A{int64(1)})},
		{"deleteOne({x: 1})", "deleteOne", []any{"query", q}, d("deletedCount", int32(1)), d("deletedCount", int64(1))},
		{"deleteMany({})", "deleteMany", []any{"query", bson.D{}}, nil, nil},
		{"updateOne({x: 1}, {$set: {y: 1.5}}, {upsert: true})", "updateOne", []any{"query", q, "update", d("$set", d("y", 1.5)), "upsert", true}, nil, nil},
		{"updateMany({x: 1}, {$inc: {y: BSON.Int32(1)}})", "updateMany", []any{"query", q, "update", d("$inc", d("y", int32(1))), "upsert", false}, nil, nil},
		{"updateOne({}, {$set: {'y.$[e]': 1}}, {arrayFilters: [{e: 2}]})", "updateOne", []any{"query", bson.D{}, "update", d("$set", d("y.$[e]", int64(1))), "upsert", false, "arrayFilters", bson.A{d("e", int64(2))}}, nil, nil},
		{"updateOne({}, [{$set: {y: '$x'}}])", "updateOne", []any{"query", bson.D{}, "update", bson.A{d("$set", d("y", "$x"))}, "upsert", false}, nil, nil},
		{"findOneAndUpdate({}, [{$unset: 'y'}])", "findOneAndUpdate", []any{"filter", bson.D{}, "update", bson.A{d("$unset", "y")}}, nil, nil},
		{"replaceOne({x: 1}, {y: 1})", "updateOne", []any{"query", q, "update", d("y", int64(1)), "upsert", false}, nil, nil},
		{"findOneAndUpdate({x: 1}, {$set: {y: 1}}, {returnNewDocument: true, sort: {a: 1}, projection: {y: 1}, upsert: true})", "findOneAndUpdate",
			[]any{"filter", q, "update", d("$set", d("y", int64(1))), "returnNewDocument", true, "sort", d("a", int64(1)), "projection", d("y", int64(1)), "upsert", true}, q, q},
		{"findOneAndReplace({x: 1}, {y: 1})", "findOneAndReplace", []any{"filter", q, "update", d("y", int64(1))}, nil, nil},
		{"findOneAndDelete({x: 1}, {sort: {a: 1}})", "findOneAndDelete", []any{"filter", q, "sort", d("a", int64(1))}, nil, nil},
	} {
		f.calls, answer = nil, c.answer
		require.Equal(t, c.result, f.value("await context.services.get('mongodb-atlas').db('d').collection('c')."+c.source), c.source)
		require.Equal(t, []dataCall{{false, "mongodb-atlas", c.method, d(append(at, c.arg...)...)}}, f.calls, c.source)
	}
	f.calls, answer = nil, bson.A{}
	out := f.runAs(Call{}, "exports = () => ({all: [context.services.get('mongodb-atlas').db('d').collection('c').find()]})")
	require.NoError(t, out.Err)
	require.Equal(t, d("all", bson.A{bson.A{}}), out.Value)
	answer = bson.A{q}
	for source, text := range map[string]string{
		"find(1)": "must be an object", "updateOne({}, 1)": "must be an object, or an array of stages", "replaceOne({}, [])": "without operators", "findOneAndReplace({}, [])": "must be an object", "replaceOne({}, {$set: {}})": "without operators", "aggregate({})": "must be an array", "insertMany({})": "must be an array",
		"updateOne({}, {}, {collation: {}})": `"collation" is not supported here: compare what $toLower makes`, "findOneAndUpdate({}, {}, {returnDocument: 'after'})": "use returnNewDocument", "find().collation({})": "collation is not supported here: compare",
		"createIndex({})": "no indexes", "findOneAndModify({})": "use findOneAndUpdate", "find().limit(-1)": "negative", "aggregate([]).sort({})": "cannot be changed", "watch()": "watch is not supported here: a client's",
		"find({a: context.services.get('mongodb-atlas').db('d').collection('c').find()})": "cursor has no BSON form", "find().forEach(1)": "must be a function", "find().forEach(() => { throw 'each' })": "each",
	} {
		require.Contains(t, f.throws("await context.services.get('mongodb-atlas').db('d').collection('c')."+source), text, source)
	}
	f.calls = nil
	require.Contains(t, f.throws("context.services.get('mongodb-atlas').db('d').collection('c').find.call({})"), "collection")
	require.Empty(t, f.calls)
}

// What services, databases and modules don't have is refused with what to do.
func TestInstead(t *testing.T) {
	f := newFake(t)
	for source, text := range map[string]string{
		"context.services.get('twilio')": "use the HTTP interface, with context.http", "context.services.get('mongodb-atlas').startSession()": "no transactions", "context.services.get('mongodb-atlas').db('d').runCommand({})": "no commands",
		"context.services.get('http').get('https://example.com')": "does not allow", "require('axios')": "Cannot find module 'axios': use context.http", "require('node:fs')": "no files", "require('lodash')": "add the code of a package as a function",
		"require('mongodb')": "use context.services",
	} {
		require.Contains(t, f.throws("await "+source), text, source)
	}
	require.Equal(t, bson.A{"ObjectId", true}, f.value("[new (require('bson').ObjectId)()._bsontype, require('bson') === BSON]"))
}

// Operations run in the order in which they were asked for, whether or not somebody waits.
func TestOrder(t *testing.T) {
	f := newFake(t)
	f.answer = func(_ string, arg bson.D) (any, error) { return arg[2].Value, nil }
	out := f.run(`exports = async () => {
		const c = context.services.get('mongodb-atlas').db('d').collection('c'), all = [];
		for (let i = 0; i < 50; i++) all.push(c.insertOne({i}));
		c.insertOne({i: 50}); // nobody waits for this one, and it may not happen
		return (await Promise.all(all)).map(x => x.i);
	}`)
	require.NoError(t, out.Err)
	for i := range 50 {
		require.Equal(t, int64(i), out.Value.(bson.A)[i])
		require.Equal(t, d("i", int64(i)), f.calls[i].Arg[2].Value)
	}
}

// A cursor is read once, and gives its documents one by one.
func TestCursor(t *testing.T) {
	f := newFake(t)
	f.answer = func(string, bson.D) (any, error) { return bson.A{int64(1), int64(2)}, nil }
	require.Equal(t, bson.A{int64(1), int64(2), nil, false, bson.A{int64(1), int64(2)}, int64(3)}, f.value(`await (async () => {
		const k = context.services.get('mongodb-atlas').db('d').collection('c').find({});
		const seen = [await k.next(), await k.next(), await k.next(), await k.hasNext(), await k.toArray()];
		let sum = 0;
		await k.forEach(x => { sum += x });
		return seen.concat([sum]);
	})()`))
	require.Len(t, f.calls, 1)
}

// A function that runs as the system asks as the system.
func TestSystem(t *testing.T) {
	f := newFake(t)
	p := f.add("f", "exports = () => context.services.get('mongodb-atlas').db('d').collection('c').count()")
	p.System = true
	require.NoError(t, f.runProgram(p).Err)
	require.True(t, f.calls[0].System)
}
