package original

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What an SDK reads of a profile as text is text, whatever the issuer of the token says: the original's client ends the process when it is anything else.
func TestProfileOfTokens(t *testing.T) {
	a := newApp(t, startAppServer(t))
	a.secret("customTokenKey", jwtKey)
	fields := []string{}
	for _, name := range []string{"name", "email", "picture_url", "first_name", "last_name", "gender", "birthday", "min_age", "max_age", "other"} {
		fields = append(fields, fmt.Sprintf(`{"required":false,"name":"d.%s","field_name":"%s"}`, name, name))
	}
	a.provide("custom-token", `"config":{"audience":[],"signingAlgorithm":"HS256","useJWKURI":false},"secret_config":{"signingKeys":["customTokenKey"]},"metadata_fields":[`+strings.Join(fields, ",")+`]`)
	p := a.device(t.TempDir())
	p.do(object{"do": "login", "provider": "jwt", "token": a.jwt(`"sub":"me","d":{"name":"ü \"","email":null,"picture_url":true,"first_name":1.5,"last_name":["a"],"gender":{"x":1},"birthday":12345678901,"min_age":7,"max_age":"7","other":{"in":[1,{"$oid":"x"},{"$date":5}]}}`)})
	const want = `{"birthday":"12345678901","first_name":"1.5","max_age":"7","min_age":"7","name":"ü \"","picture_url":"true"}`
	require.Equal(t, want, describe(p).Profile)
	require.JSONEq(t, want, string(p.do(object{"do": "profile"})))
	p.do(object{"do": "login", "provider": "jwt", "token": a.jwt(`"sub":"you","d":{"min_age":7,"other":{"in":[1,true,null,{"x":2.5}]}}`)})
	require.Equal(t, `{"min_age":"7","other":{"in":[{"$numberLong":"1"},true,null,{"x":{"$numberDouble":"2.5"}}]}}`, describe(p).Profile)
}

// E-mail accounts confirmed and reset by letters, which a server in development mode writes to its log.
func TestEmailByLetters(t *testing.T) {
	a := newApp(t, startAppServer(t))
	a.provide("local-userpass", `"config":{"autoConfirm":false,"emailConfirmationUrl":"http://foo.com/confirm","resetPasswordUrl":"http://foo.com/reset","confirmEmailSubject":"Hi","resetPasswordSubject":"Bye"}`)
	p := a.device(t.TempDir())
	link := regexp.MustCompile(`http://foo\.com/(confirm|reset)\?token=([0-9a-zA-Z_-]+)&tokenId=([0-9a-f]{24})`)
	letter := func(purpose string) object {
		t.Helper()
		all := link.FindAllStringSubmatch(a.srv.log.String(), -1)
		require.NotEmpty(t, all)
		last := all[len(all)-1]
		require.Equal(t, purpose, last[1])
		return object{"token": last[2], "token_id": last[3]}
	}
	login := object{"do": "login", "provider": "email", "email": "a+b@b.c", "password": "password"}
	p.do(object{"do": "register", "email": "a+b@b.c", "password": "password"})
	require.Eventually(t, func() bool { return strings.Contains(a.srv.log.String(), "http://foo.com/confirm") }, patient, patient/1000)
	first := letter("confirm")
	require.Equal(t, "AuthError", p.appError(login).Code)
	p.do(object{"do": "confirm_send", "email": "a+b@b.c"})
	require.Eventually(t, func() bool { return letter("confirm")["token"] != first["token"] }, patient, patient/1000)
	confirm := letter("confirm")
	confirm["do"] = "confirm"
	p.do(confirm)
	p.do(login)
	p.do(object{"do": "reset_send", "email": "a+b@b.c"})
	require.Eventually(t, func() bool { return strings.Contains(a.srv.log.String(), "http://foo.com/reset") }, patient, patient/1000)
	reset := letter("reset")
	reset["do"], reset["password"] = "reset", "another password"
	p.do(reset)
	p.appError(login).is(t, 401, "InvalidPassword", "invalid username/password")
	require.Equal(t, 401, p.appError(object{"do": "custom_data"}).Status, "a reset ends all sessions")
	login["password"] = "another password"
	p.do(login)
	p.do(object{"do": "reset_send", "email": "nobody@b.c"})
	p.do(object{"do": "confirm_send", "email": "nobody@b.c"})
	p.appError(object{"do": "confirm_call", "email": "nobody@b.c"}).is(t, 404, "UserNotFound", "user not found")
	p.appError(object{"do": "reset_call", "email": "a+b@b.c", "password": "another password"}).is(t, 400, "BadRequest", "the app has no password reset function")
}

// Values at the ends of their types are what was written.
func TestCollectionExtremes(t *testing.T) {
	a := newApp(t, startAppServer(t))
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	c := collection{p, "plain", "All"}
	const document = `{"_id":{"$numberDouble":"1.5"},"a":{"$numberInt":"-2147483648"},"b":{"$numberLong":"-9223372036854775808"},"c":{"$numberLong":"9223372036854775807"},` +
		`"d":{"$numberDouble":"1.7976931348623157e+308"},"e":{"$numberDouble":"2.2250738585072014e-308"},"f":{"$numberDouble":"-0"},"g":{"$numberDouble":"1e+21"},` +
		`"h":{"$numberDecimal":"+9999999999999999999999999999999999E+6111"},"i":{"$numberDecimal":"-1E-6176"},"j":{"$numberDecimal":"NaN"},"k":{"$numberDecimal":"Infinity"},"l":{"$numberDecimal":"-Infinity"},"m":{"$numberDecimal":"0E3"},` +
		`"n":{"$date":{"$numberLong":"253402300800000"}},"o":{"$date":{"$numberLong":"-62135596800001"}},"p":{"$timestamp":{"t":4294967295,"i":4294967295}},` +
		`"q":{"$binary":{"base64":"","subType":"00"}},"r":"","s":{},"t":[],"u":{"$oid":"000000000000000000000000"},"v":{"":{"$numberInt":"1"}," ü.\"\\":{"$numberInt":"1"}}}`
	p.do(c.command("insert_one", object{"document": document}))
	var have string
	require.NoError(t, json.Unmarshal(p.do(c.command("find_one", nil)), &have))
	require.Equal(t, document, have)
}

// What rules refuse, in the client's words.
func TestCollectionRules(t *testing.T) {
	a := newApp(t, startAppServer(t))
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	c := collection{p, "plain", "Dog"}
	c.gives(`"mine"`, "insert_one", object{"document": `{"_id":"mine","owner":"` + describe(p).ID + `","secret":{"$numberInt":"1"}}`})
	c.gives(`"other"`, "insert_one", object{"document": `{"_id":"other","owner":"x"}`})
	a.call("POST", a.service+"/rules", `{"database":"plain","collection":"Dog","roles":[{"name":"own","apply_when":{},"document_filters":{"read":{"owner":"%%user.id"},"write":{"owner":"%%user.id"}},"insert":false,"delete":false,"fields":{"secret":{}},"additional_fields":{"read":true,"write":true}}]}`)
	c.gives(`[{"_id":"mine","owner":"`+describe(p).ID+`"}]`, "find", nil)
	c.gives(1, "count", nil)
	c.gives(nil, "find_one", object{"filter": `{"_id":"other"}`})
	for method, arguments := range map[string]object{
		"insert_one": {"document": `{"_id":"x"}`}, "delete_one": {"filter": `{"_id":"mine"}`},
		"update_one":          {"filter": `{"_id":"mine"}`, "update": `{"$set":{"secret":{"$numberInt":"2"}}}`},
		"find_one_and_update": {"filter": `{"_id":"y"}`, "update": `{"$set":{"a":{"$numberInt":"2"}}}`, "upsert": true},
		"insert_many":         {"documents": `[{"_id":"x"}]`}, "find_one_and_delete": {"filter": `{"_id":"mine"}`},
	} {
		r := p.appError(c.command(method, arguments))
		require.Equal(t, []any{403, "NoMatchingRuleFound"}, []any{r.Status, r.Code}, "%s %+v", method, r)
		require.Regexp(t, `^(insert|delete|update) not permitted$`, r.Reason, method)
	}
}
