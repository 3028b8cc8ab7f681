package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/appconfig"
	javascript "realmsync/server/functions"
)

// The functions that the upstream suites create (app-services 11.2 and 11.3), as they would write them.
var suiteSources = map[string]string{
	"updateUserData": `exports = async function(data) {
  const user = context.user;
  const collection = context.services.get("mongodb-atlas").db("test_data").collection("UserData");
  doc = await collection.updateOne({"user_id": user.id}, {"$set": data}, {upsert: true});
  return doc;
};`,
	"sumFunc":     `exports = (...args) => args.reduce((a, b) => a + b, 0);`,
	"confirmFunc": `exports = ({ token, tokenId, username }) => { if (username.includes("realm_tests_do_autoverify")) { return { status: 'success' }; } return { status: 'fail' }; };`,
	"authFunc":    `exports = (loginPayload) => loginPayload["realmCustomAuthFuncUserId"];`,
	"resetFunc": `exports = ({ token, tokenId, username, password, currentPasswordValid }) => {
  if (password.includes("realm_tests_do_reset")) { return { status: 'success' }; }
  return { status: 'fail' };
};`,
	"throws": `exports = function() { throw new Error("what went wrong"); };`,
}

// E-mail users, function users and custom user data with the suites' functions, as the runtime runs them.
func TestSuiteFunctions(t *testing.T) {
	documents := &lateData{}
	f := open(t, func(s *setup) { documents.plan(s); s.api.Functions = nil })
	documents.attach(f)
	runtime, err := javascript.New(javascript.Config{Apps: f.configs, Data: documents})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, runtime.Close()) })
	f.auth.SetFunctions(runtime)
	f.api.functions = runtime
	f.configure(func(c *appconfig.Config) {
		for name, source := range suiteSources {
			c.Functions = append(c.Functions, appconfig.Function{ID: appconfig.FixedID(name), Name: name, Source: source})
		}
		c.CustomUserData = &appconfig.CustomData{ServiceID: c.Services[0].ID, Enabled: true, DatabaseName: "test_data", CollectionName: "UserData", UserIDField: "user_id"}
	})
	f.provide("custom-function", `{"authFunctionName":"authFunc","authFunctionId":"`+appconfig.FixedID("authFunc")+`"}`, "")
	f.provide("local-userpass", `{"autoConfirm":false,"runConfirmationFunction":true,"confirmationFunctionName":"confirmFunc","runResetFunction":true,"resetFunctionName":"resetFunc"}`, "")

	const email = "realm_tests_do_autoverify_1@b.c"
	user := f.named(email)
	f.call(http.MethodPost, userpassPath+"register", "", `{"email":"x@b.c","password":"`+password+`"}`).refusedFor(400, `failed to confirm user "x@b.c"`, "BadRequest")
	f.secret("realm_tests_do_reset_1")
	f.secret("not_this_password")
	f.call(http.MethodPost, userpassPath+"reset/call", "", `{"email":"`+email+`","password":"not_this_password","arguments":[]}`).refusedFor(400, `failed to reset password for user "`+email+`"`, "BadRequest")
	f.call(http.MethodPost, userpassPath+"reset/call", "", `{"email":"`+email+`","password":"realm_tests_do_reset_1","arguments":["foo",{"$numberLong":"1"}]}`).is(204, "")
	require.Equal(t, user.UserID, f.login("local-userpass", userpassMembers(email, "realm_tests_do_reset_1")).UserID)

	one, two := f.login("custom-function", `"realmCustomAuthFuncUserId":"somebody"`), f.login("custom-function", `"realmCustomAuthFuncUserId":"somebody"`)
	require.Equal(t, one.UserID, two.UserID)
	require.Equal(t, 401, f.tryLogin("custom-function", `"n":{"$numberInt":"4"}`).status)

	call := func(token, body string) answer { return f.call(http.MethodPost, appPath+"functions/call", token, body) }
	call(one.AccessToken, `{"arguments":[{"$numberInt":"1"},{"$numberInt":"2"},{"$numberInt":"3"},{"$numberInt":"4"},{"$numberInt":"5"}],"name":"sumFunc"}`).is(200, `{"$numberLong":"15"}`)
	call(one.AccessToken, `{"arguments":[],"name":"throws"}`).refusedFor(400, "what went wrong", "FunctionExecutionError")
	call(one.AccessToken, `{"arguments":[{"n":{"$numberInt":"3"}}],"name":"updateUserData"}`).into(200, &struct{}{})
	var fresh login
	f.call(http.MethodPost, sessionPath, one.RefreshToken, "").into(201, &fresh)
	require.Contains(t, string(claimsOf(f, fresh.AccessToken)["user_data"]), `"user_id":"`+one.UserID+`"`)
}
