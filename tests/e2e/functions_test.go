package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/schema"
	"realmsync/server/appconfig"
	"realmsync/tests/request"
)

// caller speaks to the client API as a user.
type caller struct {
	t     *testing.T
	s     *server
	token string
}

// post sends a request and returns its status and its body.
func (c *caller) post(path, body string) (int, string) {
	c.t.Helper()
	a := request.Request{Method: http.MethodPost, URL: c.s.url() + "/api/client/v2.0/app/" + appID + path, Token: c.token, Body: body}.Do(c.t)
	return a.Status, string(a.Body)
}

// login returns the user's id, "" if the login failed, and what the server said.
func (c *caller) login(provider, body string) (id, said string) {
	c.t.Helper()
	status, said := c.post("/auth/providers/"+provider+"/login", body)
	var answer struct {
		User  string `json:"user_id"`
		Token string `json:"access_token"`
	}
	if status != http.StatusOK {
		return "", said
	}
	require.NoError(c.t, json.Unmarshal([]byte(said), &answer))
	c.token = answer.Token
	return answer.User, said
}

// call calls a function.
func (c *caller) call(name, args string) (int, string) {
	c.t.Helper()
	return c.post("/functions/call", `{"arguments":`+args+`,"name":"`+name+`"}`)
}

// The functions of the original's suites and some more (app-services 11.2 and 11.3).
var functionSources = map[string]string{
	"confirmFunc": `exports = ({token, tokenId, username}) => username.includes("realm_tests_do_autoverify") ? {status: 'success'} : {status: 'fail'};`,
	"resetFunc":   `exports = ({token, tokenId, username, password}) => password.includes("realm_tests_do_reset") ? {status: 'success'} : {status: 'fail'};`,
	"authFunc":    `exports = (loginPayload) => { if (!loginPayload.realmCustomAuthFuncUserId) throw "who are you?"; return loginPayload["realmCustomAuthFuncUserId"]; };`,
	"sumFunc":     `exports = function(...args) { return args.reduce((a, b) => a + b, 0); };`,
	"updateUserData": `exports = async function(data) {
		const collection = context.services.get("mongodb-atlas").db("test_data").collection("UserData");
		doc = await collection.updateOne({user_id: context.user.id}, {$set: data}, {upsert: true});
		return doc;
	};`,
	"userData": `exports = async () => context.services.get("mongodb-atlas").db("test_data").collection("UserData").find({user_id: context.user.id}, {_id: 0, n: 1});`,
	"insertObject": `exports = async function(id) {
		doc = await context.services.get("mongodb-atlas").db("app").collection("Reading").insertOne({_id: id, n: 5});
		return doc;
	};`,
	"updateObject": `exports = async id => context.services.get("mongodb-atlas").db("app").collection("Reading").updateOne({_id: id}, {$inc: {n: 2}});`,
	"admin":        `exports = () => context.user.custom_data.n;`,
	"endless":      `exports = () => { for (;;); };`,
	"private":      `exports = () => context.user.custom_data.n;`,
	"throws":       `exports = async () => { throw new Error("on purpose"); };`,
}

// Logins, confirmations and password resets by functions; functions that write what devices receive, and that say what went wrong.
func TestFunctions(t *testing.T) {
	s := startServer(t, "--function-cpu", "1s")
	s.stop()
	configs, err := appconfig.Open(t.Context(), appconfig.StoreConfig{Dir: s.data})
	require.NoError(t, err)
	_, err = configs.Update(t.Context(), appID, func(c *appconfig.Config) error {
		for name, source := range functionSources {
			c.Functions = append(c.Functions, appconfig.Function{ID: appconfig.FixedID(name), Name: name, Source: source, Private: name == "private"})
			if name == "admin" {
				c.Functions[len(c.Functions)-1].CanEvaluate = json.RawMessage(`{"%%user.custom_data.n":{"$gt":1}}`)
			}
		}
		c.Provider("local-userpass").Config = json.RawMessage(`{"autoConfirm":false,"runConfirmationFunction":true,"confirmationFunctionName":"confirmFunc","runResetFunction":true,"resetFunctionName":"resetFunc"}`)
		c.Providers = append(c.Providers, appconfig.Provider{ID: appconfig.FixedID("p"), Name: "custom-function", Type: "custom-function", Config: json.RawMessage(`{"authFunctionName":"authFunc"}`)})
		c.CustomUserData = &appconfig.CustomData{ServiceID: c.Services[0].ID, Enabled: true, DatabaseName: "test_data", CollectionName: "UserData", UserIDField: "user_id"}
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, configs.Close())
	s.start()
	c := &caller{t: t, s: s}

	// Confirmation.
	status, said := c.post("/auth/providers/local-userpass/register", `{"email":"a@b.c","password":"secret1"}`)
	require.Equal(t, 400, status)
	require.Contains(t, said, `"error":"failed to confirm user \"a@b.c\""`)
	status, said = c.post("/auth/providers/local-userpass/register", `{"email":"realm_tests_do_autoverify@b.c","password":"secret1"}`)
	require.Equal(t, 201, status, said)
	mail, said := c.login("local-userpass", `{"provider":"local-userpass","username":"realm_tests_do_autoverify@b.c","password":"secret1"}`)
	require.NotEmpty(t, mail, said)

	// Reset.
	status, said = c.post("/auth/providers/local-userpass/reset/call", `{"email":"realm_tests_do_autoverify@b.c","password":"another1","arguments":["foo",{"$numberLong":"1"}]}`)
	require.Equal(t, 400, status)
	require.Contains(t, said, `failed to reset password for user \"realm_tests_do_autoverify@b.c\"`)
	status, said = c.post("/auth/providers/local-userpass/reset/call", `{"email":"realm_tests_do_autoverify@b.c","password":"realm_tests_do_reset","arguments":[]}`)
	require.Equal(t, 204, status, said)
	id, said := c.login("local-userpass", `{"provider":"local-userpass","username":"realm_tests_do_autoverify@b.c","password":"realm_tests_do_reset"}`)
	require.Equal(t, mail, id, said)

	// Login.
	id, said = c.login("custom-function", `{"realmCustomAuthFuncUserId":"me","options":{"device":{}}}`)
	require.NotEmpty(t, id, said)
	again, _ := c.login("custom-function", `{"realmCustomAuthFuncUserId":"me"}`)
	require.Equal(t, id, again)
	other, _ := c.login("custom-function", `{"realmCustomAuthFuncUserId":"you"}`)
	require.NotEqual(t, id, other)
	none, said := c.login("custom-function", `{}`)
	require.Empty(t, none)
	require.Contains(t, said, "who are you?")

	// Results and errors.
	status, said = c.call("sumFunc", `[{"$numberInt":"1"},2,{"$numberLong":"3"}]`)
	require.Equal(t, 200, status)
	require.Equal(t, `{"$numberLong":"6"}`, said)
	for name, want := range map[string]string{
		"nope": `"error":"function not found: 'nope'","error_code":"FunctionNotFound"`, "private": `"error":"function not found: 'private'"`,
		"throws": `"error":"on purpose","error_code":"FunctionExecutionError"`, "endless": `"error_code":"ExecutionTimeLimitExceeded"`,
	} {
		status, said = c.call(name, `[]`)
		require.GreaterOrEqual(t, status, 400)
		require.Contains(t, said, want)
	}

	// Custom user data, which decide who may call, and which the next session has in its token.
	status, said = c.call("admin", `[]`)
	require.Equal(t, 403, status, said)
	status, said = c.call("updateUserData", `[{"n":{"$numberInt":"3"},"name":"x"}]`)
	require.Equal(t, 200, status, said)
	require.Contains(t, said, `"upsertedId"`)
	_, said = c.call("userData", `[]`)
	require.JSONEq(t, `[{"n":{"$numberLong":"3"}}]`, said)
	status, said = c.call("admin", `[]`)
	require.Equal(t, 200, status)
	require.Equal(t, `{"$numberLong":"3"}`, said)
	_, _ = c.login("custom-function", `{"realmCustomAuthFuncUserId":"you"}`)
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(c.token, ".")[1])
	require.NoError(t, err)
	require.Contains(t, string(claims), `"user_data":{`)
	require.Contains(t, string(claims), `"name":"x"`)

	// A device receives what a function writes.
	d, err := openDevice(deviceOptions{url: s.url(), dir: t.TempDir(), schema: schema.New(integers("Reading", "_id", "n"))})
	require.NoError(t, err)
	defer d.close()
	require.NoError(t, d.subscribe("Reading", "TRUEPREDICATE"))
	require.NoError(t, d.write(func() error { return d.create("Reading", 1, 1) }))
	require.NoError(t, d.settle())
	status, said = c.call("insertObject", `[7]`)
	require.Equal(t, 200, status, said)
	require.Equal(t, `{"insertedId":{"$numberLong":"7"}}`, said)
	status, said = c.call("updateObject", `[1]`)
	require.Equal(t, 200, status, said)
	for deadline := time.Now().Add(patient); ; {
		require.NoError(t, d.settle())
		rows, err := d.rows("Reading")
		require.NoError(t, err)
		if len(rows) == 2 && rows[0][1]+rows[1][1] == 8 {
			break
		}
		require.True(t, time.Now().Before(deadline), "the device has %v", rows)
	}
	object, err := d.find("Reading", 7)
	require.NoError(t, err)
	require.NotNil(t, object)
	realm.ReleaseObject(object)
}

// Operations of collections that functions have and clients don't, on the data that there are.
func TestBulkWrite(t *testing.T) {
	s := startServer(t)
	s.stop()
	configs, err := appconfig.Open(t.Context(), appconfig.StoreConfig{Dir: s.data})
	require.NoError(t, err)
	_, err = configs.Update(t.Context(), appID, func(c *appconfig.Config) error {
		c.Functions = append(c.Functions, appconfig.Function{ID: appconfig.FixedID("bulk"), Name: "bulk", Source: `exports = async () => {
		const c = context.services.get("mongodb-atlas").db("test_data").collection("Bulk");
		const done = await c.bulkWrite([{insertOne: {document: {_id: 1, a: 1}}}, {insertOne: {document: {_id: 2, a: [1, 2]}}}, {insertOne: {document: {_id: 3, a: null}}}, {insertOne: {document: {_id: 4, a: []}}},
			{insertOne: {document: {_id: 5}}}, {updateMany: {filter: {_id: {$lt: 2}}, update: {$set: {b: {c: "x"}}}}}, {updateOne: {filter: {_id: 9}, update: {$set: {a: "y"}}, upsert: true}}, {replaceOne: {filter: {_id: 3}, replacement: {a: null}}}, {deleteOne: {filter: {_id: 5}}}]);
		let failed;
		try { await c.bulkWrite([{deleteOne: {filter: {_id: 4}}}, {insertOne: {document: {_id: 1}}}, {deleteMany: {filter: {}}}]) } catch (e) { failed = e.message.slice(0, 20) }
		return [done.insertedCount, done.modifiedCount, done.upsertedCount, done.deletedCount, failed, await c.count(), await c.distinct("a"), await c.distinct("a", {_id: 9}), await c.distinct("b.c")].map(String).join("; ");
	};`})
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, configs.Close())
	s.start()
	c := &caller{t: t, s: s}
	id, said := c.login("anon-user", `{"provider":"anon-user"}`)
	require.NotEmpty(t, id, said)
	status, said := c.call("bulk", `[]`)
	require.Equal(t, 200, status, said)
	require.Equal(t, `"5; 1; 1; 1; operation 1: E11000 ; 4; 1,2,,y; y; x"`, said)
}
