package script

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
)

// The operations of a bulk are those that there are by themselves, in their order.
func TestBulkWrite(t *testing.T) {
	f := newFake(t)
	f.answer = func(method string, arg bson.D) (any, error) {
		switch method {
		case "insertOne":
			return d("insertedId", arg[2].Value.(bson.D)[0].Value), nil
		case "updateOne", "updateMany":
			if arg[len(arg)-1].Value == true {
				return d("matchedCount", int32(0), "modifiedCount", int32(0), "upsertedId", "u"), nil
			}
			return d("matchedCount", int32(2), "modifiedCount", int32(1)), nil
		}
		return d("deletedCount", int32(3)), nil
	}
	const c = "await context.services.get('mongodb-atlas').db('d').collection('c')."
	require.Equal(t, d("insertedCount", int64(1), "matchedCount", int64(6), "modifiedCount", int64(3), "deletedCount", int64(6), "upsertedCount", int64(1), "insertedIds", d("0", int64(7)), "upsertedIds", d("3", "u")),
		f.value(c+`bulkWrite([{insertOne: {document: {_id: 7}}}, {updateOne: {filter: {x: 1}, update: {$set: {y: 1}}}}, {updateMany: {filter: {}, update: {$set: {y: 1}}}},
			{updateOne: {filter: {x: 9}, update: {$set: {y: 1}}, upsert: true}}, {replaceOne: {filter: {x: 1}, replacement: {y: 1}}}, {deleteOne: {filter: {x: 1}}}, {deleteMany: {filter: {}}}], {ordered: true})`))
	at := []any{"database", "d", "collection", "c"}
	var made []dataCall
	for _, w := range []struct {
		method string
		arg    []any
	}{
		{"insertOne", []any{"document", d("_id", int64(7))}}, {"updateOne", []any{"query", d("x", int64(1)), "update", d("$set", d("y", int64(1))), "upsert", false}},
		{"updateMany", []any{"query", bson.D{}, "update", d("$set", d("y", int64(1))), "upsert", false}}, {"updateOne", []any{"query", d("x", int64(9)), "update", d("$set", d("y", int64(1))), "upsert", true}},
		{"updateOne", []any{"query", d("x", int64(1)), "update", d("y", int64(1)), "upsert", false}}, {"deleteOne", []any{"query", d("x", int64(1))}}, {"deleteMany", []any{"query", bson.D{}}},
	} {
		made = append(made, dataCall{false, "mongodb-atlas", w.method, d(append(at[:4:4], w.arg...)...)})
	}
	require.Equal(t, made, f.calls)

	// The first error ends an ordered bulk; it is told with its place, and what is not for functions is not.
	refused := func(fails error) {
		f.answer = func(_ string, arg bson.D) (any, error) {
			if arg[2].Value.(bson.D)[0].Value == int64(1) {
				return nil, fails
			}
			return d("insertedId", int64(0)), nil
		}
	}
	const three = "bulkWrite([{insertOne: {document: {_id: 0}}}, {insertOne: {document: {_id: 1}}}, {insertOne: {document: {_id: 2}}}]"
	refused(apierror.New(400, "MongoDBError", "duplicate"))
	f.calls = nil
	require.Equal(t, bson.A{"operation 1: duplicate", "MongoDBError"}, f.value("await (async () => { try { "+c+three+") } catch (e) { return [e.message, e.code] } })()"))
	require.Len(t, f.calls, 2)
	f.calls = nil
	require.Equal(t, "operation 1: duplicate", f.throws(c+three+", {ordered: false})"))
	require.Len(t, f.calls, 3)
	refused(errors.New("secret"))
	require.Equal(t, "internal error", f.throws(c+three+")"))

	f.calls = nil
	for source, text := range map[string]string{
		"bulkWrite({})": "must be an array", "bulkWrite([{}])": "operation 0: it must be", "bulkWrite([{insertOne: {}}])": "no document", "bulkWrite([{deleteMany: {}}])": "operation 0: there is no filter", "bulkWrite([{dropAll: {filter: {}}}])": "\"dropAll\" is not known",
		"bulkWrite([{updateOne: {filter: {}, update: 1}}])": "the update must be an object", "bulkWrite([{replaceOne: {filter: {}, replacement: {$set: {}}}}])": "without operators", "bulkWrite([{updateOne: {filter: {}, update: {}, hint: []}}])": "\"hint\" is not supported", "bulkWrite([], {session: 1})": "\"session\" is not supported",
	} {
		require.Contains(t, f.throws(c+source), text, source)
	}
	require.Empty(t, f.calls)
}
