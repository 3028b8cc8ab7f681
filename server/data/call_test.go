package data

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/ejson"
	"realmsync/server/mql"
)

// Each method has the arguments and the result of app-services 7.4, with the types that clients check, on both kinds of collections.
func TestMethods(t *testing.T) {
	for _, database := range []string{synced1, "elsewhere"} {
		t.Run(database, func(t *testing.T) {
			f := open(t, nil)
			f.classes(dog()...)
			const c = "Dog"
			i := func(n int) string { return fmt.Sprintf(`{"$numberLong":"%d"}`, n) }
			f.must(`[]`, database, c, "find", `{"query":{}}`)
			f.must(`null`, database, c, "findOne", `{"query":{}}`)
			f.must(i(0), database, c, "count", `{"query":{}}`)
			f.must(`{"insertedId":`+i(1)+`}`, database, c, "insertOne", `{"document":{"_id":`+i(1)+`,"name":"Rex","age":`+i(3)+`,"toys":[]}}`)
			f.must(`{"insertedIds":[`+i(2)+`,`+i(3)+`]}`, database, c, "insertMany", `{"documents":[{"_id":`+i(2)+`,"name":"Fido","age":`+i(5)+`},{"_id":`+i(3)+`,"name":"Spot","age":`+i(7)+`}]}`)
			f.refused("MongoDBError", "E11000 duplicate key", database, c, "insertOne", `{"document":{"_id":1}}`)
			f.refused("MongoDBError", "E11000 duplicate key", database, c, "insertMany", `{"documents":[{"_id":77},{"_id":1}]}`)
			f.must(`null`, database, c, "findOne", `{"query":{"_id":77}}`)
			f.must(i(3), database, c, "count", `{"query":{}}`)
			f.must(i(2), database, c, "count", `{"query":{},"limit":{"$numberLong":"2"}}`)
			f.must(i(1), database, c, "count", `{"query":{"age":{"$gt":5}}}`)
			f.must(`[{"_id":`+i(3)+`},{"_id":`+i(2)+`}]`, database, c, "find", `{"query":{},"sort":{"age":-1},"limit":{"$numberLong":"2"},"project":{"_id":1}}`)
			f.must(`{"name":"Fido"}`, database, c, "findOne", `{"query":{"_id":2},"project":{"name":1,"_id":0}}`)
			f.must(`[{"_id":null,"sum":`+i(15)+`}]`, database, c, "aggregate", `{"pipeline":[{"$match":{"name":{"$regex":"o|x"}}},{"$group":{"_id":null,"sum":{"$sum":"$age"}}}]}`)
			f.must(`{"matchedCount":1,"modifiedCount":1}`, database, c, "updateOne", `{"query":{"_id":1},"update":{"$inc":{"age":`+i(1)+`}},"upsert":false}`)
			f.must(`{"matchedCount":1,"modifiedCount":0}`, database, c, "updateOne", `{"query":{"_id":1},"update":{"$set":{"name":"Rex"}},"upsert":true}`)
			f.must(`{"matchedCount":0,"modifiedCount":0}`, database, c, "updateOne", `{"query":{"_id":9},"update":{"$set":{"name":"x"}},"upsert":false}`)
			f.must(`{"matchedCount":3,"modifiedCount":3}`, database, c, "updateMany", `{"query":{},"update":{"$push":{"toys":"ball"}},"upsert":false}`)
			f.must(`{"matchedCount":0,"modifiedCount":0,"upsertedId":`+i(4)+`}`, database, c, "updateOne", `{"query":{"_id":`+i(4)+`,"name":"Bo"},"update":{"$set":{"age":`+i(1)+`},"$setOnInsert":{"toys":["bone"]}},"upsert":true}`)
			f.must(`{"_id":`+i(4)+`,"name":"Bo","age":`+i(1)+`,"toys":["bone"]}`, database, c, "findOne", `{"query":{"name":"Bo"},"project":{"name":1,"age":1,"toys":1}}`)
			f.must(`{"matchedCount":1,"modifiedCount":1}`, database, c, "updateOne", `{"query":{"_id":4},"update":{"name":"Max","age":`+i(2)+`},"upsert":false}`)
			f.must(`{"name":"Max"}`, database, c, "findOneAndUpdate", `{"filter":{"_id":4},"update":{"$set":{"name":"Moritz"}},"projection":{"name":1,"_id":0}}`)
			f.must(`{"name":"Ada"}`, database, c, "findOneAndReplace", `{"filter":{"_id":4},"update":{"name":"Ada"},"returnNewDocument":true,"projection":{"name":1,"_id":0}}`)
			f.must(`null`, database, c, "findOneAndUpdate", `{"filter":{"_id":9},"update":{"$set":{"name":"x"}}}`)
			f.must(`null`, database, c, "findOneAndUpdate", `{"filter":{"_id":`+i(9)+`},"update":{"$set":{"name":"x"}},"upsert":true}`)
			f.must(`{"_id":`+i(10)+`,"name":"y"}`, database, c, "findOneAndUpdate", `{"filter":{"_id":`+i(10)+`},"update":{"$set":{"name":"y"}},"upsert":true,"returnNewDocument":true,"projection":{"name":1}}`)
			f.must(`{"_id":`+i(10)+`}`, database, c, "findOneAndDelete", `{"filter":{"_id":{"$gt":3}},"sort":{"_id":-1},"projection":{"_id":1}}`)
			f.must(`null`, database, c, "findOneAndDelete", `{"filter":{"_id":77}}`)
			f.must(`{"deletedCount":1}`, database, c, "deleteOne", `{"query":{"age":{"$gt":3}}}`)
			f.must(`{"deletedCount":0}`, database, c, "deleteOne", `{"query":{"_id":77}}`)
			f.must(`{"deletedCount":4}`, database, c, "deleteMany", `{"query":{}}`)
			f.must(i(0), database, c, "count", `{"query":{}}`)
		})
	}
}

// What is wrong is told in the form of app-services 2.
func TestRefusals(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	for _, c := range []struct{ code, part, method, arg string }{
		{"ServiceCommandNotFound", "'watch'", "watch", `{}`},
		{"MissingParameter", "'document'", "insertOne", `{}`},
		{"MissingParameter", "'pipeline'", "aggregate", `{}`},
		{"InvalidParameter", "'query'", "find", `{"query":1}`},
		{"InvalidParameter", "argument 'skip' of the method 'find'", "find", `{"query":{},"skip":1}`},
		{"InvalidParameter", "argument 'collation' of the method 'updateOne'", "updateOne", `{"query":{},"update":{"$set":{"a":1}},"collation":{"locale":"de"}}`},
		{"InvalidParameter", "'arrayFilters' must be an array", "updateOne", `{"update":{"$set":{"a":1}},"arrayFilters":{}}`},
		{"InvalidParameter", "'arrayFilters'", "findOneAndReplace", `{"update":{"a":1},"arrayFilters":[]}`},
		{"MongoDBError", "(stage 1 of the pipeline, $lookup)", "aggregate", `{"pipeline":[{"$lookup":{"from":"x","let":{"A":1},"pipeline":[],"as":"y"}}]}`},
		{"InvalidParameter", "'limit'", "find", `{"limit":-1}`},
		{"InvalidParameter", "'upsert'", "updateOne", `{"update":{"$set":{"a":1}},"upsert":1}`},
		{"InvalidParameter", "operators", "updateMany", `{"update":{"a":1}}`},
		{"MongoDBError", "this stage can't be in an update", "updateOne", `{"update":[{"$match":{"a":1}}]}`},
		{"InvalidParameter", "arrayFilters", "updateOne", `{"update":[{"$set":{"a":1}}],"arrayFilters":[{"e":1}]}`},
		{"InvalidParameter", "'update' must be a document", "findOneAndReplace", `{"update":[{"$set":{"a":1}}]}`},
		{"MongoDBError", "unknown operator: $foo", "find", `{"query":{"a":{"$foo":1}}}`},
		{"MongoDBError", "Unknown modifier", "updateOne", `{"update":{"$foo":{}}}`},
		{"MongoDBError", "Unrecognized pipeline stage", "aggregate", `{"pipeline":[{"$out":"x"}]}`},
		{"SchemaValidationFailedWrite", "no property 'wings'", "insertOne", `{"document":{"_id":1,"wings":2}}`},
		{"SchemaValidationFailedWrite", "'Dog.age' must be of type int", "insertOne", `{"document":{"_id":1,"age":"x"}}`},
		{"SchemaValidationFailedWrite", "'Dog.age' must be of type int", "insertOne", `{"document":{"_id":1,"age":1.5}}`},
		{"SchemaValidationFailedWrite", "'Dog.name' must not be null", "insertOne", `{"document":{"_id":1,"name":null}}`},
		{"SchemaValidationFailedWrite", "must be of type int", "insertOne", `{"document":{"_id":"x"}}`},
		{"SchemaValidationFailedWrite", "needs the field '_id'", "insertOne", `{"document":{"name":"x"}}`},
		{"SchemaValidationFailedWrite", "primary key", "insertOne", `{"document":{"_id":1,"owner":5}}`},
		{"SchemaValidationFailedWrite", "no property 'x'", "insertOne", `{"document":{"_id":1,"tag":{"x":1}}}`},
		{"SchemaValidationFailedWrite", "begin with '$'", "insertOne", `{"document":{"_id":1,"map":{"$x":"1"}}}`},
		{"SchemaValidationFailedWrite", "type that objects don't have", "insertOne", `{"document":{"_id":1,"any":{"$minKey":1}}}`},
	} {
		f.refused(c.code, c.part, synced1, "Dog", c.method, c.arg)
	}
	f.must(`{"$numberLong":"0"}`, synced1, "Dog", "count", `{}`)
	_, err := f.Call(t.Context(), "app", auth.SystemCaller(), "nowhere", "find", doc(t, `{"database":"a","collection":"b"}`))
	require.Equal(t, apierror.New(404, "ServiceNotFound", "service not found: 'nowhere'"), err)
	_, err = f.Call(t.Context(), "app", auth.SystemCaller(), service1, "find", doc(t, `{"collection":"b"}`))
	require.ErrorContains(t, err, "missing argument 'database'")
	_, err = f.Call(t.Context(), "app", auth.SystemCaller(), service1, "find", bson.D{{Key: "database", Value: "a"}, {Key: "collection", Value: "b"}, {Key: "query", Value: bson.D{{Key: "x", Value: int8(1)}}}})
	require.ErrorContains(t, err, "int8")
	var deep any
	for range maxArgument + 1 {
		deep = bson.A{deep}
	}
	_, err = f.Call(t.Context(), "app", auth.SystemCaller(), service1, "find", bson.D{{Key: "x", Value: deep}})
	require.ErrorContains(t, err, "nested")
	f.refused("InvalidParameter", "bytes", "elsewhere", strings.Repeat("x", maxName+1), "insertOne", `{"document":{}}`)
	f.refused("InvalidParameter", "'_id'", "elsewhere", "c", "insertOne", `{"document":{"_id":[1]}}`)
	f.refused("InvalidParameter", "'_id'", "elsewhere", "c", "insertOne", `{"document":{"_id":"`+strings.Repeat("x", maxKey)+`"}}`)
	f.refused("MongoDBError", "immutable", "elsewhere", "c", "updateOne", `{"query":{"_id":1},"update":{"$set":{"_id":2}},"upsert":true}`)
}

// Hostile queries end with an error and not with the server.
func TestBounds(t *testing.T) {
	f := open(t, func(c *Config) { c.Steps = 1_000_000 })
	var docs bson.A
	for i := range 300 {
		docs = append(docs, bson.D{{Key: "_id", Value: int32(i)}, {Key: "s", Value: strings.Repeat("x", 20000)}})
	}
	arg := bson.D{{Key: "database", Value: "d"}, {Key: "collection", Value: "c"}, {Key: "documents", Value: docs}}
	_, err := f.Call(t.Context(), "app", auth.SystemCaller(), service1, "insertMany", arg)
	require.NoError(t, err)
	f.refused("ExecutionTimeLimitExceeded", "", "d", "c", "count", `{"query":{"s":{"$regex":"(x{1,100}y?){9}z"}}}`)
	f.refused("ReadSizeLimitExceeded", "", "d", "c", "find", `{"query":{},"project":{"a":[`+strings.Repeat(`"$s",`, 99)+`"$s"]}}`)
	f.refused("ReadSizeLimitExceeded", "", "d", "c", "aggregate", `{"pipeline":[{"$group":{"_id":null,"all":{"$push":{"a":"$s","b":"$s","c":"$s","d":"$s","e":"$s","f":"$s","g":"$s","h":"$s","i":"$s"}}}}]}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.Call(ctx, "app", auth.SystemCaller(), service1, "count", arg[:2])
	require.ErrorIs(t, err, context.Canceled)
}

// Custom user data is the first document with the user's id, whether it is in a plain collection or in a class (app-services 9).
func TestLookup(t *testing.T) {
	for _, database := range []string{synced1, "elsewhere"} {
		f := open(t, nil)
		look := func(user string) string {
			t.Helper()
			d, err := f.Lookup(t.Context(), "app", user)
			require.NoError(t, err)
			if d == nil {
				return ""
			}
			return text(t, d)
		}
		require.Empty(t, look("u1"), "none is configured")
		f.config.CustomUserData = &appconfig.CustomData{ServiceID: f.config.Services[0].ID, Enabled: true, DatabaseName: database, CollectionName: "UserData", UserIDField: "user_id"}
		f.config.Sync.DevelopmentMode = true
		require.Empty(t, look("u1"))
		f.must(`{"matchedCount":0,"modifiedCount":0,"upsertedId":1}`, database, "UserData", "updateOne", `{"query":{"user_id":"u1","_id":1},"update":{"$set":{"n":{"$numberInt":"3"}}},"upsert":true}`)
		require.Nil(t, f.engine.Catalog().Class("UserData"), "it isn't made a class")
		require.Equal(t, `{"_id":{"$numberInt":"1"},"user_id":"u1","n":{"$numberInt":"3"}}`, look("u1"))
		f.must(`{"insertedIds":[2,0]}`, database, "UserData", "insertMany", `{"documents":[{"_id":2,"user_id":"u2"},{"_id":0,"user_id":"u1"}]}`)
		require.Contains(t, look("u1"), `"n"`, "the first one that was inserted")
		f.must(`{"matchedCount":1,"modifiedCount":1}`, database, "UserData", "updateOne", `{"query":{"user_id":"u1"},"update":{"$set":{"user_id":"u3"}}}`)
		require.Equal(t, `{"_id":{"$numberInt":"0"},"user_id":"u1"}`, look("u1"), "the index follows")
		require.Contains(t, look("u3"), `"n"`)
		f.must(`{"deletedCount":1}`, database, "UserData", "deleteOne", `{"query":{"_id":0}}`)
		require.Empty(t, look("u1"))
	}
}

// half is a role: the field secret can't be read, documents of others can't be changed, and there are no inserts with a name.
type half struct{}

func (half) Readable(d bson.D) (bson.D, bool) {
	if v, _ := mql.Get(d, "owner"); v == "nobody" {
		return nil, false
	}
	out := bson.D{}
	for _, e := range d {
		if e.Key != "secret" {
			out = append(out, e)
		}
	}
	return out, true
}

func (half) CanWrite(before, after bson.D, field string) bool {
	v, _ := mql.Get(before, "owner")
	return v == "me" && field != "secret"
}

func (half) CanInsert(d bson.D) bool { _, ok := mql.Get(d, "name"); return !ok }
func (half) CanDelete(d bson.D) bool { v, _ := mql.Get(d, "owner"); return v == "me" }

type halfPermissions struct{ AllowAll }

func (halfPermissions) Access(_ context.Context, _ string, caller *auth.Caller, c Collection) (Access, error) {
	return func(bson.D, bson.D) Role { return half{} }, nil
}

// Callers see, find and change what their role allows, and nothing of a refused operation is done.
func TestPermissions(t *testing.T) {
	f := open(t, func(c *Config) { c.Permissions = halfPermissions{} })
	f.must(`{"insertedIds":[1,2,3]}`, "d", "c", "insertMany", `{"documents":[{"_id":1,"owner":"me","secret":5,"a":1},{"_id":2,"owner":"you","secret":6},{"_id":3,"owner":"nobody"}]}`)
	user := &auth.Caller{UserID: "u"}
	get := func(method, arg string) string {
		t.Helper()
		v, err := f.as(user, "d", "c", method, arg)
		if err != nil {
			var e *apierror.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, 403, e.Status)
			require.Equal(t, "NoMatchingRuleFound", e.Code)
			return e.Text
		}
		return text(t, v)
	}
	same := func(want, got string) {
		t.Helper()
		w, err := ejson.Parse([]byte(want))
		require.NoError(t, err)
		require.Equal(t, text(t, w), got)
	}
	same(`[{"_id":1,"owner":"me","a":1},{"_id":2,"owner":"you"}]`, get("find", `{}`))
	same(`{"$numberLong":"0"}`, get("count", `{"query":{"secret":5}}`))
	same(`{"$numberLong":"2"}`, get("count", `{}`))
	same(`["me","you"]`, get("distinct", `{"key":"owner"}`))
	same(`[]`, get("distinct", `{"key":"secret"}`))
	same(`[{"_id":null,"s":0}]`, get("aggregate", `{"pipeline":[{"$group":{"_id":null,"s":{"$sum":"$secret"}}}]}`))
	same(`{"matchedCount":1,"modifiedCount":1}`, get("updateOne", `{"query":{"_id":1},"update":{"$set":{"a":2}}}`))
	require.Equal(t, "update not permitted", get("updateOne", `{"query":{"_id":1},"update":{"$set":{"secret":2}}}`))
	require.Equal(t, "update not permitted", get("updateOne", `{"query":{"_id":1},"update":{"$unset":{"secret":2}}}`))
	require.Equal(t, "update not permitted", get("updateMany", `{"query":{},"update":{"$set":{"a":9}}}`))
	same(`{"matchedCount":0,"modifiedCount":0}`, get("updateOne", `{"query":{"_id":3},"update":{"$set":{"a":9}}}`))
	require.Equal(t, "insert not permitted", get("insertOne", `{"document":{"name":"x"}}`))
	require.Equal(t, "insert not permitted", get("updateOne", `{"query":{"_id":8},"update":{"$set":{"name":"x"}},"upsert":true}`))
	same(`{"insertedId":4}`, get("insertOne", `{"document":{"_id":4}}`))
	require.Equal(t, "delete not permitted", get("deleteOne", `{"query":{"_id":2}}`))
	require.Equal(t, "delete not permitted", get("deleteMany", `{"query":{}}`))
	same(`{"_id":1,"owner":"me","b":1}`, get("findOneAndReplace", `{"filter":{"_id":1},"update":{"owner":"me","b":1},"returnNewDocument":true}`))
	f.must(`[{"_id":1,"owner":"me","b":1,"secret":5},{"_id":2,"owner":"you","secret":6},{"_id":3,"owner":"nobody"},{"_id":4}]`, "d", "c", "find", `{}`)
	// A pipeline computes with what the caller sees, and leaves alone what it doesn't.
	same(`{"matchedCount":1,"modifiedCount":1}`, get("updateOne", `{"query":{"_id":1},"update":[{"$set":{"copy":"$secret","b":{"$add":["$b",1]}}}]}`))
	for _, guess := range []string{`{"$set":{"secret":1}}`, `{"$set":{"secret":5}}`, `{"$replaceWith":{"$mergeObjects":["$$ROOT",{"$arrayToObject":[[["secret",5]]]}]}}`} {
		require.Equal(t, "update not permitted", get("updateOne", `{"query":{"_id":1},"update":[`+guess+`]}`))
	}
	f.must(`[{"_id":1,"owner":"me","b":2,"secret":5}]`, "d", "c", "find", `{"query":{"_id":1}}`)
	same(`{"deletedCount":1}`, get("deleteOne", `{"query":{"_id":1}}`))
}

// Programs that do things at once don't lose each other's: increments add up, and an upsert makes one document.
func TestConcurrent(t *testing.T) {
	for _, database := range []string{synced1, "elsewhere"} {
		f := open(t, nil)
		f.classes(dog()...)
		var all sync.WaitGroup
		errs := make(chan error, 64)
		for range 8 {
			all.Go(func() {
				for range 5 {
					_, err := f.do(database, "Dog", "updateOne", `{"query":{"_id":{"$numberLong":"1"}},"update":{"$inc":{"age":1},"$push":{"toys":"x"}},"upsert":true}`)
					errs <- err
				}
			})
		}
		all.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		got, err := f.do(database, "Dog", "findOne", `{}`)
		require.NoError(t, err)
		age, _ := mql.Get(got.(bson.D), "age")
		require.True(t, mql.Equal(age, int32(40)), "%v", age)
		toys, _ := mql.Get(got.(bson.D), "toys")
		require.Len(t, toys, 40)
	}
}

// hidden hides a collection: nothing of it can be read.
type hidden struct {
	AllowAll
	collection string
}

func (h hidden) Access(_ context.Context, _ string, caller *auth.Caller, c Collection) (Access, error) {
	return func(bson.D, bson.D) Role {
		if c.Name == h.collection {
			return nil
		}
		return half{}
	}, nil
}

// $lookup reads the other collection as the caller does: what it may not read isn't there.
func TestLookupStage(t *testing.T) {
	for _, database := range []string{synced1, "elsewhere"} {
		f := open(t, func(c *Config) { c.Permissions = hidden{collection: "Tag2"} })
		f.classes(dog()...)
		f.must(`{"insertedIds":["ann","bob"]}`, database, "Person", "insertMany", `{"documents":[{"_id":"ann"},{"_id":"bob"}]}`)
		f.must(`{"insertedIds":[{"$numberLong":"1"},{"$numberLong":"2"}]}`, database, "Dog", "insertMany", `{"documents":[{"_id":{"$numberLong":"1"},"owner":"bob","friends":["bob","ann"]},{"_id":{"$numberLong":"2"}}]}`)
		f.must(`{"insertedIds":[1,2]}`, database, "Tag2", "insertMany", `{"documents":[{"_id":1},{"_id":2}]}`)
		for _, c := range []struct{ from, local, foreign, want string }{
			{"Person", "owner", "_id", `[{"x":[{"_id":"bob"}]},{"x":[]}]`},
			{"Person", "friends", "_id", `[{"x":[{"_id":"ann"},{"_id":"bob"}]},{"x":[]}]`},
			{"Tag2", "_id", "_id", `[{"x":[]},{"x":[]}]`},
			{"Nothing", "_id", "_id", `[{"x":[]},{"x":[]}]`},
		} {
			got, err := f.as(&auth.Caller{UserID: "u"}, database, "Dog", "aggregate", fmt.Sprintf(`{"pipeline":[{"$lookup":{"from":%q,"localField":%q,"foreignField":%q,"as":"x"}},{"$project":{"x":1,"_id":0}}]}`, c.from, c.local, c.foreign))
			require.NoError(t, err)
			require.Equal(t, c.want, text(t, got))
		}
		f.must(`[{"n":{"$numberInt":"1"}}]`, database, "Dog", "aggregate", `{"pipeline":[{"$lookup":{"from":"Tag2","localField":"_id","foreignField":"_id","as":"x"}},{"$unwind":"$x"},{"$group":{"_id":"$x._id"}},{"$count":"all"},{"$project":{"n":{"$cond":[{"$eq":["$all",2]},1,0]}}}]}`)
		for from, want := range map[string]string{"Person": `[{"x":[{"_id":"ann"},{"_id":"bob"}]},{"x":[]}]`, "Tag2": `[{"x":[]},{"x":[]}]`} {
			for _, again := range []string{"", `,{"$unionWith":"Tag2"}`} {
				got, err := f.as(&auth.Caller{UserID: "u"}, database, "Dog", "aggregate", fmt.Sprintf(`{"pipeline":[{"$lookup":{"from":%q,"let":{"f":{"$ifNull":["$friends",[]]}},"pipeline":[{"$match":{"$expr":{"$in":["$_id","$$f"]}}},{"$sort":{"_id":1}}],"as":"x"}},{"$project":{"x":1,"_id":0}}%s]}`, from, again))
				require.NoError(t, err)
				require.Equal(t, want, text(t, got))
			}
		}
	}
}

// Updates that compute: of a document's own fields, on both kinds of collections, and when they make the document.
func TestUpdateByPipeline(t *testing.T) {
	for _, database := range []string{synced1, "elsewhere"} {
		f := open(t, nil)
		f.classes(dog()...)
		l := func(n int) string { return fmt.Sprintf(`{"$numberLong":"%d"}`, n) }
		f.must(`{"insertedIds":[`+l(1)+`,`+l(2)+`]}`, database, "Dog", "insertMany", `{"documents":[{"_id":`+l(1)+`,"name":"Rex","age":`+l(3)+`},{"_id":`+l(2)+`,"name":"Ada","age":`+l(5)+`}]}`)
		f.must(`{"matchedCount":2,"modifiedCount":2}`, database, "Dog", "updateMany", `{"query":{},"update":[{"$set":{"age":{"$multiply":["$age",2]}}},{"$set":{"name":{"$concat":["$name"," ",{"$toString":"$age"}]}}}],"upsert":false}`)
		f.must(`[{"name":"Rex 6","age":`+l(6)+`},{"name":"Ada 10","age":`+l(10)+`}]`, database, "Dog", "find", `{"query":{},"project":{"_id":0,"name":1,"age":1},"sort":{"_id":1}}`)
		f.must(`{"n":"Rex 7"}`, database, "Dog", "findOneAndUpdate", `{"filter":{"_id":`+l(1)+`},"update":[{"$set":{"name":"Rex 7"}}],"returnNewDocument":true,"projection":{"_id":0,"n":"$name"}}`)
		f.must(`{"matchedCount":0,"modifiedCount":0,"upsertedId":`+l(9)+`}`, database, "Dog", "updateOne", `{"query":{"_id":`+l(9)+`,"age":`+l(1)+`},"update":[{"$set":{"age":{"$add":["$age",`+l(1)+`]}}}],"upsert":true}`)
		f.must(`{"age":`+l(2)+`}`, database, "Dog", "findOne", `{"query":{"_id":`+l(9)+`},"project":{"_id":0,"age":1}}`)
	}
}

// Positional steps of updates, on both kinds of collections.
func TestPositional(t *testing.T) {
	for _, database := range []string{synced1, "elsewhere"} {
		f := open(t, nil)
		f.classes(dog()...)
		l := func(n int) string { return fmt.Sprintf(`{"$numberLong":"%d"}`, n) }
		f.must(`{"insertedId":`+l(1)+`}`, database, "Dog", "insertOne", `{"document":{"_id":`+l(1)+`,"tags":[{"text":"a","n":`+l(1)+`},{"text":"b","n":`+l(2)+`}],"scores":[`+l(1)+`,`+l(5)+`]}}`)
		f.must(`[{"scores":[`+l(5)+`]}]`, database, "Dog", "find", `{"query":{"scores":{"$gt":1}},"project":{"scores.$":1,"_id":0}}`)
		f.must(`{"scores":[`+l(5)+`]}`, database, "Dog", "findOneAndUpdate", `{"filter":{"scores":{"$gt":2}},"update":{"$set":{"name":"x"}},"projection":{"scores.$":1,"_id":0}}`)
		f.refused("InvalidParameter", "new document", database, "Dog", "findOneAndUpdate", `{"filter":{"scores":{"$gt":2}},"update":{"$set":{"name":"x"}},"projection":{"scores.$":1},"returnNewDocument":true}`)
		f.must(`{"matchedCount":1,"modifiedCount":1}`, database, "Dog", "updateOne", `{"query":{"tags.text":"b"},"update":{"$set":{"tags.$.n":`+l(7)+`}},"upsert":false}`)
		f.must(`{"matchedCount":1,"modifiedCount":1}`, database, "Dog", "updateMany", `{"query":{},"update":{"$inc":{"scores.$[s]":`+l(10)+`,"tags.$[].n":`+l(1)+`}},"arrayFilters":[{"s":{"$gt":3}}],"upsert":false}`)
		f.must(`{"tags":[{"text":"a","n":`+l(2)+`},{"text":"b","n":`+l(8)+`}],"scores":[`+l(1)+`,`+l(15)+`]}`, database, "Dog", "findOneAndUpdate",
			`{"filter":{},"update":{"$set":{"name":"x","tags.$[t].text":"c"}},"arrayFilters":[{"t.n":2}],"projection":{"_id":0,"scores":1,"tags":{"text":1,"n":1}}}`)
	}
}

// A file stays as it is when the server ends, and is not made by reading.
func TestFiles(t *testing.T) {
	f := open(t, nil)
	f.must(`[]`, "d", "c", "find", `{}`)
	require.NoFileExists(t, f.cfg.Path("app"))
	f.must(`{"insertedId":1}`, "d", "c", "insertOne", `{"document":{"_id":1,"a":{"b":[1,{"$date":5}]}}}`)
	require.NoError(t, f.Forget("app"))
	f.must(`[{"_id":1,"a":{"b":[1,{"$date":5}]}}]`, "d", "c", "find", `{}`)
	for i := range maxFiles + 3 {
		_, err := f.Call(t.Context(), fmt.Sprint("app", i), auth.SystemCaller(), service1, "insertOne", doc(t, `{"database":"d","collection":"c","document":{}}`))
		require.NoError(t, err)
	}
	require.Len(t, f.files, maxFiles)
	f.must(`{"$numberLong":"1"}`, "d", "c", "count", `{}`)
}

// Names and values are data, whatever is in them.
func TestHostileText(t *testing.T) {
	f := open(t, nil)
	f.config.Sync.DevelopmentMode = true
	for _, name := range []string{`x'; DROP TABLE documents; --`, `"quoted"`, "a b/../c", "%00", `é\"`, "[brackets]", "`tick`", "?1"} {
		arg := func(method string, more ...bson.E) any {
			t.Helper()
			d := append(bson.D{{Key: "database", Value: name}, {Key: "collection", Value: name}}, more...)
			out, err := f.Call(t.Context(), "app", auth.SystemCaller(), service1, method, d)
			require.NoError(t, err, "%q", name)
			return out
		}
		arg("insertOne", bson.E{Key: "document", Value: bson.D{{Key: "_id", Value: name}, {Key: name, Value: name}}})
		require.Len(t, arg("find", bson.E{Key: "query", Value: bson.D{{Key: "_id", Value: name}}}), 1)
		require.Equal(t, int64(1), arg("count"))
		require.Equal(t, bson.D{{Key: "deletedCount", Value: int32(1)}}, arg("deleteMany", bson.E{Key: "query", Value: bson.D{{Key: "_id", Value: name}}}))
	}
	_, err := f.Call(t.Context(), "app", auth.SystemCaller(), service1, "insertOne", bson.D{{Key: "database", Value: "d"}, {Key: "collection", Value: "c"}, {Key: "document", Value: bson.D{{Key: "a\x00b", Value: int32(1)}}}})
	require.ErrorContains(t, err, "null bytes")
}
