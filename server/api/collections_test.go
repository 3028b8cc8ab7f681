package api

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/data"
	"realmsync/server/history"
	"realmsync/server/store/sqlite"
)

// lateData is the data of a fixture: they need its configurations, and are set once it is there.
type lateData struct{ *data.Data }

// openData is a fixture with the real collections behind functions/call and in tokens.
func openData(t *testing.T) *fixture {
	t.Helper()
	late := &lateData{}
	f := open(t, late.plan)
	late.attach(f)
	return f
}

func (late *lateData) plan(s *setup) { s.api.Collections, s.auth.CustomData = late, late }

func (late *lateData) attach(f *fixture) {
	f.t.Helper()
	dir := f.t.TempDir()
	st, err := sqlite.Open(f.t.Context(), filepath.Join(dir, "sync.db"))
	require.NoError(f.t, err)
	engine, err := history.Open(f.t.Context(), history.Config{App: testApp, Store: st})
	require.NoError(f.t, err)
	late.Data, err = data.Open(data.Config{
		Apps: f.configs, Path: func(app string) string { return filepath.Join(dir, app, "documents.db") }, Now: f.clock.Now,
		Engine: func(context.Context, string) (*history.Engine, func(), error) { return engine, func() {}, nil },
	})
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		require.NoError(f.t, late.Close())
		require.NoError(f.t, engine.Close())
	})
}

// count yields a 64-bit integer, deletedCount, matchedCount, modifiedCount 32-bit, upsertedId only on upsert. The bodies are those of
// Realm Core (7.4): find-type with query, findOneAnd-type with filter.
func TestChecklist18Collections(t *testing.T) {
	f := openData(t)
	token := f.anonymous().AccessToken
	run := func(name, members, result string) {
		t.Helper()
		f.call(http.MethodPost, appPath+"functions/call", token,
			`{"arguments":[{"database":"db","collection":"Dog",`+members+`}],"name":"`+name+`","service":"mongodb-atlas"}`).is(200, result)
	}
	const rex = `{"_id":{"$numberLong":"1"},"name":"Rex","age":{"$numberInt":"3"}}`
	run("count", `"query":{}`, `{"$numberLong":"0"}`)
	run("findOne", `"query":{}`, `null`)
	run("find", `"query":{}`, `[]`)
	run("insertOne", `"document":`+rex, `{"insertedId":{"$numberLong":"1"}}`)
	run("insertMany", `"documents":[{"_id":{"$numberLong":"2"},"name":"Fido"},{"_id":{"$numberLong":"3"},"name":"Ada"}]`, `{"insertedIds":[{"$numberLong":"2"},{"$numberLong":"3"}]}`)
	run("count", `"query":{}`, `{"$numberLong":"3"}`)
	run("count", `"query":{},"limit":{"$numberLong":"2"}`, `{"$numberLong":"2"}`)
	run("findOne", `"query":{"name":"Rex"}`, rex)
	run("find", `"query":{"_id":{"$gt":{"$numberLong":"1"}}},"project":{"_id":{"$numberInt":"0"},"name":{"$numberInt":"1"}},"sort":{"name":{"$numberInt":"1"}}`, `[{"name":"Ada"},{"name":"Fido"}]`)
	run("aggregate", `"pipeline":[{"$match":{"name":"Rex"}}]`, `[`+rex+`]`)
	run("updateOne", `"query":{"name":"Rex"},"update":{"$set":{"age":{"$numberInt":"4"}}},"upsert":false`, `{"matchedCount":{"$numberInt":"1"},"modifiedCount":{"$numberInt":"1"}}`)
	run("updateMany", `"query":{"name":"nobody"},"update":{"$set":{"age":{"$numberInt":"4"}}},"upsert":false`, `{"matchedCount":{"$numberInt":"0"},"modifiedCount":{"$numberInt":"0"}}`)
	run("updateOne", `"query":{"_id":{"$numberLong":"4"}},"update":{"$set":{"name":"New"}},"upsert":true`, `{"matchedCount":{"$numberInt":"0"},"modifiedCount":{"$numberInt":"0"},"upsertedId":{"$numberLong":"4"}}`)
	run("findOneAndUpdate", `"filter":{"name":"Rex"},"update":{"$inc":{"age":{"$numberInt":"1"}}},"returnNewDocument":true`, `{"_id":{"$numberLong":"1"},"name":"Rex","age":{"$numberInt":"5"}}`)
	run("findOneAndDelete", `"filter":{"name":"New"}`, `{"_id":{"$numberLong":"4"},"name":"New"}`)
	run("deleteOne", `"query":{"name":"Rex"}`, `{"deletedCount":{"$numberInt":"1"}}`)
	run("deleteMany", `"query":{}`, `{"deletedCount":{"$numberInt":"2"}}`)
	f.call(http.MethodPost, appPath+"functions/call", token, `{"arguments":[{"database":"db","collection":"Dog","query":{}}],"name":"find","service":"nobody"}`).
		refusedFor(404, "service not found: 'nobody'", "ServiceNotFound")
}

// The custom user data of a token are what the collection has at a login and at each refresh (9).
func TestCustomUserData(t *testing.T) {
	f := openData(t)
	f.configure(func(c *appconfig.Config) {
		c.CustomUserData = &appconfig.CustomData{ServiceID: c.Services[0].ID, Enabled: true, DatabaseName: "test_data", CollectionName: "UserData", UserIDField: "user_id"}
	})
	user := f.named("a@b.c")
	require.NotContains(t, claimsOf(f, user.AccessToken), "user_data")
	write := func(name, members string) {
		t.Helper()
		f.call(http.MethodPost, appPath+"functions/call", user.AccessToken,
			`{"arguments":[{"database":"test_data","collection":"UserData",`+members+`}],"name":"`+name+`","service":"mongodb-atlas"}`).into(200, &struct{}{})
	}
	write("insertOne", `"document":{"_id":{"$oid":"5e43ddcc636ee106eaa12bda"},"user_id":"`+user.UserID+`","n":{"$numberInt":"3"}}`)
	var fresh login
	f.call(http.MethodPost, sessionPath, user.RefreshToken, "").into(201, &fresh)
	require.Equal(t, `{"_id":{"$oid":"5e43ddcc636ee106eaa12bda"},"user_id":"`+user.UserID+`","n":{"$numberInt":"3"}}`, string(claimsOf(f, fresh.AccessToken)["user_data"]))
	write("updateOne", `"query":{},"update":{"$set":{"n":{"$numberInt":"4"}}},"upsert":false`)
	require.Contains(t, string(claimsOf(f, f.login("local-userpass", userpassMembers("a@b.c", password)).AccessToken)["user_data"]), `"n":{"$numberInt":"4"}`)
	f.programs["mine"] = func(caller *auth.Caller, _ bson.A) (any, error) { return caller.CustomData, nil }
	require.Contains(t, f.call(http.MethodPost, appPath+"functions/call", user.AccessToken, `{"arguments":[],"name":"mine"}`).body, `"n":{"$numberInt":"4"}`)
}
