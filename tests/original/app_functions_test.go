package original

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Functions by all overloads of the client.
func TestFunctions(t *testing.T) {
	a := newApp(t, startAppServer(t))
	a.function("sum", `exports = (...args) => args.reduce((a, b) => a + b, 0);`)
	a.function("echo", `exports = (...args) => args;`)
	a.function("nothing", `exports = () => {};`)
	a.function("throws", `exports = (text) => { throw new Error(text); };`)
	a.function("throwsText", `exports = (text) => { throw text; };`)
	a.function("rejects", `exports = async () => { await null; throw new TypeError('rejected'); };`)
	a.function("result", `exports = () => ({error: 'not one', error_code: 'BadRequest', link: 'x'});`)
	a.function("caller", `exports = () => context.user.id;`)
	a.call("POST", "/functions", `{"name":"hidden","source":"exports = () => 1;","private":true}`)
	a.call("POST", "/functions", `{"name":"forbidden","source":"exports = () => 1;","private":false,"can_evaluate":{"%%false":true}}`)
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	bson := func(name, arguments, form string) string {
		t.Helper()
		out := into[*string](p, object{"do": "call_bson", "function": name, "arguments": arguments, "form": form, "service": "mongodb-atlas"})
		require.NotNil(t, out)
		return *out
	}
	text := func(name, arguments string) string {
		t.Helper()
		return into[string](p, object{"do": "call", "function": name, "arguments": arguments, "raw": true})
	}

	const numbers = `[{"$numberInt":"1"},{"$numberInt":"2"},{"$numberInt":"3"}]`
	require.Equal(t, `{"$numberLong":"6"}`, bson("sum", numbers, ""))
	require.Equal(t, `{"$numberLong":"6"}`, bson("sum", numbers, "current"))
	require.Equal(t, int64(6), into[int64](p, object{"do": "call_bson", "function": "sum", "arguments": numbers, "form": "int64"}))
	require.Equal(t, int64(6), into[int64](p, object{"do": "call_bson", "function": "sum", "arguments": numbers, "form": "current_int64"}))
	require.Equal(t, `{"$numberLong":"6"}`, text("sum", numbers))
	require.Equal(t, `[]`, bson("find", `[{"database":"plain","collection":"None","query":{}}]`, "service"))
	require.Equal(t, `[]`, bson("find", `[{"database":"plain","collection":"None","query":{}}]`, "current_service"))
	require.Equal(t, `null`, bson("nothing", `[]`, ""))
	require.Equal(t, `null`, text("nothing", `[]`))
	p.appError(object{"do": "call", "function": "odd name/ü?&\"", "arguments": `[]`}).is(t, 404, "FunctionNotFound", `function not found: 'odd name/ü?&"'`)
	require.Equal(t, `{"error":"not one","error_code":"BadRequest","link":"x"}`, bson("result", `[]`, ""))
	require.Equal(t, `"`+describe(p).ID+`"`, bson("caller", `[]`, ""))

	const values = `[null,true,{"$numberInt":"-7"},{"$numberLong":"9007199254740993"},{"$numberDouble":"0.5"},{"$numberDouble":"NaN"},{"$numberDecimal":"1.50"},"\"ü\\\n",` +
		`{"$oid":"5e5e6f0abe4ae2a2c2c2d329"},{"$date":{"$numberLong":"-1"}},{"$binary":{"base64":"AQID","subType":"00"}},` +
		`{"$binary":{"base64":"GN55Fn+EEeyoowJCrBIAAA==","subType":"04"}},{"$timestamp":{"t":5,"i":6}},{"$regularExpression":{"pattern":"a.*","options":"im"}},{"$minKey":1},{"$maxKey":1},` +
		`{"z":"1","a":[],"d":{}}]`
	require.Equal(t, strings.Replace(values, `{"$numberInt":"-7"}`, `{"$numberLong":"-7"}`, 1), bson("echo", values, ""), "whole numbers are longs, as typed calls want them")

	refused := func(name, arguments string, status int, code, reason string) {
		t.Helper()
		for _, do := range []string{"call", "call_bson"} {
			r := p.appError(object{"do": do, "function": name, "arguments": arguments})
			r.is(t, status, code, reason)
			require.Equal(t, code, r.ServerError)
			require.Equal(t, []string{"service"}, r.Kinds)
			require.Contains(t, r.Link, a.srv.url()+"/groups/")
		}
	}
	refused("throws", `["what \"went\" wrong"]`, 400, "FunctionExecutionError", `what "went" wrong`)
	refused("throwsText", `["just text"]`, 400, "FunctionExecutionError", `just text`)
	refused("rejects", `[]`, 400, "FunctionExecutionError", `TypeError: rejected`)
	refused("none", `[]`, 404, "FunctionNotFound", `function not found: 'none'`)
	refused("hidden", `[]`, 404, "FunctionNotFound", `function not found: 'hidden'`)
	refused("forbidden", `[]`, 403, "NoMatchingRuleFound", `no rule lets the user call function 'forbidden'`)
	require.Equal(t, "BadRequest", p.appError(object{"do": "call", "function": "sum", "arguments": `[`}).Code)

	// Nobody is logged in, and somebody else.
	p.do(object{"do": "logout"})
	p.appError(object{"do": "call", "function": "sum", "arguments": `[]`}).is(t, 401, "InvalidSession", "invalid session")
}

// Custom user data are what the token has: as of the login and each refresh.
func TestCustomUserData(t *testing.T) {
	a := newApp(t, startAppServer(t))
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	require.Nil(t, describe(p).CustomData)
	require.Equal(t, "null", string(p.do(object{"do": "custom_data"})))
	id := describe(p).ID
	document := `{"_id":{"$oid":"5e43ddcc636ee106eaa12bda"},"user_id":"` + id + `","n":{"$numberInt":"3"},"long":{"$numberLong":"3"},"at":{"$date":{"$numberLong":"1000"}},"in":{"list":["ü","\"",{"$numberDouble":"1.5"}]}}`
	collection{p, "plain", "UserData"}.gives(`{"$oid":"5e43ddcc636ee106eaa12bda"}`, "insert_one", object{"document": document})
	require.Nil(t, describe(p).CustomData)
	before := describe(p).Access
	p.exchanges()
	require.Equal(t, document, into[string](p, object{"do": "custom_data"}))
	require.Equal(t, []string{"POST /auth/session 201"}, short(a, p.exchanges()))
	require.Equal(t, document, *describe(p).CustomData)
	require.NotEqual(t, before, describe(p).Access)
	require.Equal(t, document, into[string](p, object{"do": "custom_data", "location": true}))
	require.Equal(t, []string{"GET /location 200", "POST /auth/session 201"}, short(a, p.exchanges()))

	// As much as there can be goes everywhere where tokens go; what is more does not, and nothing of it is left.
	data := collection{p, "plain", "UserData"}
	fill := func(n int) {
		t.Helper()
		p.do(data.command("update_one", object{"update": `{"$set":{"in":"` + strings.Repeat("x", n) + `"}}`}))
	}
	fill(3800)
	require.Greater(t, len(into[string](p, object{"do": "custom_data"})), 3800)
	openDogs(p)
	p.do(object{"do": "upload", "realm": "dogs"})
	require.Equal(t, "text/event-stream", into[string](p, object{"do": "watch", "stream": "s", "database": "synced", "collection": "Dog"}))
	data.gives(1, "count", nil)
	fill(5000)
	require.Equal(t, "null", string(p.do(object{"do": "custom_data"})))
	data.gives(1, "delete_many", nil)
	require.Equal(t, "null", string(p.do(object{"do": "custom_data"})))
}

// Push registration is taken for services that the app has.
func TestPushRegistration(t *testing.T) {
	a := newApp(t, startAppServer(t))
	a.call("POST", "/services", `{"name":"gcm","type":"gcm","config":{"senderId":"gcm"},"version":1}`)
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	p.do(object{"do": "push_register", "service": "gcm", "token": "hello \"you\""})
	p.do(object{"do": "push_register", "service": "gcm", "token": "hello"})
	p.do(object{"do": "push_deregister", "service": "gcm"})
	p.do(object{"do": "push_deregister", "service": "gcm"})
	for _, do := range []string{"push_register", "push_deregister"} {
		r := p.appError(object{"do": do, "service": "gcm_blah", "token": "hello"})
		r.is(t, 404, "ServiceNotFound", "service not found: 'gcm_blah'")
	}
	p.do(object{"do": "logout"})
	r := p.appError(object{"do": "push_register", "service": "gcm", "token": "hello"})
	require.Equal(t, 401, r.Status)
}

// API keys of users.
func TestUserKeys(t *testing.T) {
	a := newApp(t, startAppServer(t))
	a.provide("api-key", "")
	p := a.device(t.TempDir())
	p.do(object{"do": "register", "email": "a@b.c", "password": "password"})
	p.do(object{"do": "register", "email": "b@b.c", "password": "password"})
	p.do(object{"do": "login", "provider": "email", "email": "b@b.c", "password": "password"})
	other := describe(p).ID
	p.do(object{"do": "login", "provider": "email", "email": "a@b.c", "password": "password"})
	type key struct {
		ID, Name string
		Key      *string
		Disabled bool
	}
	require.Empty(t, into[[]key](p, object{"do": "key_list"}))
	one := into[key](p, object{"do": "key_create", "name": "one \"ü\""})
	require.Equal(t, "one \"ü\"", one.Name)
	require.NotNil(t, one.Key)
	two := into[key](p, object{"do": "key_create", "name": "two"})
	shown := func(k key, disabled bool) key { return key{ID: k.ID, Name: k.Name, Disabled: disabled} }
	require.Equal(t, []key{shown(one, false), shown(two, false)}, into[[]key](p, object{"do": "key_list"}))
	require.Equal(t, shown(one, false), into[key](p, object{"do": "key_fetch", "id": one.ID}))
	p.do(object{"do": "key_disable", "id": one.ID})
	require.Equal(t, shown(one, true), into[key](p, object{"do": "key_fetch", "id": one.ID}))
	p.do(object{"do": "key_disable", "id": one.ID})
	p.appError(object{"do": "login", "provider": "api_key", "key": *one.Key}).is(t, 401, "AuthError", "invalid API key")
	p.do(object{"do": "key_enable", "id": one.ID})
	p.do(object{"do": "key_enable", "id": one.ID})
	require.Equal(t, shown(one, false), into[key](p, object{"do": "key_fetch", "id": one.ID}))

	const none = "5e5e6f0abe4ae2a2c2c2d329"
	for _, do := range []string{"key_fetch", "key_enable", "key_disable", "key_delete"} {
		p.appError(object{"do": do, "id": none}).is(t, 404, "APIKeyNotFound", "API key not found")
		p.appError(object{"do": do, "id": one.ID, "user": other}).is(t, 404, "APIKeyNotFound", "API key not found")
	}
	p.appError(object{"do": "key_create", "name": "two"}).is(t, 409, "APIKeyAlreadyExists", "API key already exists")
	p.appError(object{"do": "key_create", "name": ""}).is(t, 400, "BadRequest", "the name of an API key must be between 1 and 128 characters")
	p.do(object{"do": "key_delete", "id": two.ID})
	p.appError(object{"do": "key_fetch", "id": two.ID}).is(t, 404, "APIKeyNotFound", "API key not found")
	p.appError(object{"do": "login", "provider": "api_key", "key": *two.Key})

	// The session is that of the user that the key belongs to, and ends with the key.
	mine := describe(p).ID
	p.do(object{"do": "login", "provider": "api_key", "key": *one.Key})
	require.Equal(t, mine, describe(p).ID)

	// Anonymous users have none, and whoever is not logged in.
	p.do(object{"do": "login", "reuse": false})
	p.appError(object{"do": "key_create", "name": "mine"}).is(t, 400, "BadRequest", "anonymous users cannot have API keys")
	p.do(object{"do": "switch", "user": other})
	p.do(object{"do": "logout"})
	for command, arguments := range map[string]object{"key_create": {"name": "x"}, "key_fetch": {"id": none}, "key_list": {}, "key_enable": {"id": none}, "key_disable": {"id": none}, "key_delete": {"id": none}} {
		arguments["do"] = command
		for _, who := range []any{other, nil} {
			arguments["user"] = who
			r := p.appError(arguments)
			r.is(t, 401, "MissingAuthReq", "must authenticate first")
			require.Equal(t, []string{"service"}, r.Kinds)
		}
	}
	require.JSONEq(t, "[]", a.call("GET", "/users/"+other+"/sessions", ""))
}
