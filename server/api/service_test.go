package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestFunctions(t *testing.T) {
	f := open(t, nil)
	token := f.anonymous().AccessToken
	call := func(body string) answer { return f.call(http.MethodPost, appPath+"functions/call", token, body) }
	call(`{"arguments":[{"$numberInt":"1"},"s",{"$oid":"5e5e6f0abe4ae2a2c2c2d329"}],"name":"sumFunc"}`).refusedFor(404, "function not found: 'sumFunc'", "FunctionNotFound")
	call(`{"arguments":[{"database":"db","collection":"Dog","query":{}}],"name":"find","service":"BackingDB"}`).refusedFor(404, "service not found: 'BackingDB'", "ServiceNotFound")
	call(`{"name":"x"}`).refusedFor(404, "function not found: 'x'", "FunctionNotFound")
	call(`{}`).refusedFor(404, "function not found: ''", "FunctionNotFound")
	call(`{"name":"a\"<b>\u0000é"}`).refusedFor(404, "function not found: 'a\"<b>\x00é'", "FunctionNotFound")
	call(`{"name":"`+strings.Repeat("é", 129)+`"}`).refusedFor(404, "function not found: '"+strings.Repeat("é", 128)+"...'", "FunctionNotFound")
	call(`{"name":5}`).refusedFor(400, "'name' must be a string", "BadRequest")
	call(`{"name":"x","service":null}`).refusedFor(400, "'service' must be a string", "BadRequest")
	call(`[]`).refusedFor(400, "the request's body must be a JSON object", "BadRequest")
	f.call(http.MethodPost, prefix+"app/other/functions/call", token, `{"name":"x"}`).into(403, &struct{}{})
	// The streaming form is not there; its token is in the query and must not be logged.
	f.call(http.MethodGet, appPath+"functions/call?baas_request=e30%3D&baas_at="+token, "", "").refused(405, "this path takes POST", "")
}

func TestPush(t *testing.T) {
	f := open(t, nil)
	token := f.anonymous().AccessToken
	for service, text := range map[string]string{
		"gcm_blah": "gcm_blah", "gcm": "gcm", "a%22b%0A": "a\"b\n", "%FF": "\xff", strings.Repeat("x", 200): strings.Repeat("x", 128) + "...",
	} {
		path := appPath + "push/providers/" + service + "/registration"
		f.call(http.MethodPut, path, token, `{"registrationToken":"hello"}`).refusedFor(404, "service not found: '"+text+"'", "ServiceNotFound")
		f.call(http.MethodDelete, path, token, "").refusedFor(404, "service not found: '"+text+"'", "ServiceNotFound")
	}
	f.call(http.MethodPut, prefix+"app/other/push/providers/gcm/registration", token, "").into(403, &json.RawMessage{})
}
