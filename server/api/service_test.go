package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
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
	// The token of the streaming form is in the query and must not be logged.
	f.call(http.MethodGet, appPath+"functions/call?baas_request=e30%3D&baas_at="+token, "", "").refusedFor(404, "this server has no data to watch", "")
}

// A call reaches the function with the caller and the arguments, and each failure has its code.
func TestFunctionCalls(t *testing.T) {
	f := open(t, nil)
	user := f.named("a@b.c")
	call := func(body string) answer {
		return f.call(http.MethodPost, appPath+"functions/call", user.AccessToken, body)
	}
	f.programs["who"] = func(caller *auth.Caller, args bson.A) (any, error) {
		require.False(t, caller.System)
		require.Empty(t, args)
		return bson.D{{Key: "id", Value: caller.UserID}, {Key: "data", Value: caller.Data}, {Key: "error", Value: "none"}}, nil
	}
	call(`{"arguments":[],"name":"who"}`).is(200, `{"id":"`+user.UserID+`","data":{"email":"a@b.c"},"error":"none"}`)
	call(`{"name":"who"}`).into(200, &struct{}{})
	// What came in, without what is between the client and the server.
	f.programs["request"] = func(caller *auth.Caller, _ bson.A) (any, error) { return caller.Request, nil }
	raw := func(query, headers string) answer {
		const body = `{"name":"request"}`
		return f.raw(http.MethodPost, fmt.Sprintf("POST %sfunctions/call%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%sContent-Length: %d\r\n\r\n%s", appPath, query, user.AccessToken, headers, len(body), body))
	}
	raw("?a=1&b=%ff", "User-Agent: agent \xff\r\nX-More: 1\r\nX-More: 2\r\nCookie: a=b\r\nReferer: http://r\r\nApiKey: k\r\n").is(200,
		`{"remoteIPAddress":"127.0.0.1","httpMethod":"POST","httpUserAgent":"agent �","httpReferer":"http://r","rawQueryString":"a=1&b=%ff","requestHeaders":{"Content-Length":["18"],"Referer":["http://r"],"User-Agent":["agent �"],"X-More":["1","2"]}}`)
	require.NotContains(t, raw("?baas_at=secret", "").body, "secret")
	for name, c := range map[string]struct {
		err        error
		status     int
		text, code string
	}{
		"throws":    {&auth.FunctionError{Message: "no \"way\""}, 400, `no "way"`, "FunctionExecutionError"},
		"wrapped":   {fmt.Errorf("calling: %w", &auth.FunctionError{Message: "no"}), 400, "no", "FunctionExecutionError"},
		"nothing":   {&auth.FunctionError{}, 400, "the function threw an error without a message", "FunctionExecutionError"},
		"slow":      {context.DeadlineExceeded, 400, "execution time limit exceeded", "ExecutionTimeLimitExceeded"},
		"forbidden": {apierror.New(403, "NoMatchingRuleFound", "insert not permitted"), 403, "insert not permitted", "NoMatchingRuleFound"},
		"private":   {auth.FunctionNotFound("private"), 404, "function not found: 'private'", "FunctionNotFound"},
	} {
		f.programs[name] = func(*auth.Caller, bson.A) (any, error) { return nil, c.err }
		call(`{"arguments":[],"name":"`+name+`"}`).refusedFor(c.status, c.text, c.code)
	}
	f.programs["broken"] = func(*auth.Caller, bson.A) (any, error) { return nil, errors.New("the disk is full") }
	a := call(`{"arguments":[],"name":"broken"}`)
	require.Equal(t, 500, a.status)
	require.NotContains(t, a.body, "disk", "what is wrong with the server is not its clients' to know")
	f.programs["odd"] = func(*auth.Caller, bson.A) (any, error) { return make(chan int), nil }
	call(`{"arguments":[],"name":"odd"}`).refusedFor(400, "the function's result cannot be written as extended JSON", "FunctionExecutionError")
	f.programs["long"] = func(*auth.Caller, bson.A) (any, error) { return strings.Repeat("x", maxResult), nil }
	call(`{"arguments":[],"name":"long"}`).refusedFor(400, "the function's result has 16777218 bytes, at most 16777216 are sent", "FunctionExecutionError")
	f.programs["echo"] = func(_ *auth.Caller, args bson.A) (any, error) { return args, nil }
	text := strings.Repeat("x", 3<<20)
	b := call(`{"arguments":["` + text + `"],"name":"echo"}`)
	b.is(200, `["`+text+`"]`)
	require.True(t, b.chunked)
	require.Equal(t, 413, call(`{"arguments":["`+strings.Repeat("x", MaxFunctionBody)+`"],"name":"echo"}`).status)
	for _, bad := range []string{`{}`, `5`, `"x"`, `[{"$numberInt":"x"}]`, `[{"$oid":5}]`, `[{"$date":{"$numberLong":"x"}}]`} {
		require.Equal(t, 400, call(`{"arguments":`+bad+`,"name":"echo"}`).status, bad)
	}
	// The user is gone and its token is not.
	f.call(http.MethodDelete, prefix+"auth/delete", user.AccessToken, "").is(204, "")
	call(`{"arguments":[],"name":"who"}`).refusedFor(401, "invalid session", "InvalidSession")
}

// With a service a call is an operation of a data source.
func TestServiceCalls(t *testing.T) {
	f := open(t, func(s *setup) {
		s.api.Collections = collections(func(caller *auth.Caller, service, method string, arg bson.D) (any, error) {
			return bson.A{caller.Type, service, method, arg}, nil
		})
	})
	user := f.anonymous()
	call := func(body string) answer {
		return f.call(http.MethodPost, appPath+"functions/call", user.AccessToken, body)
	}
	call(`{"arguments":[{"database":"db","collection":"Dog","query":{}}],"name":"find","service":"BackingDB"}`).is(200, `["normal","BackingDB","find",{"database":"db","collection":"Dog","query":{}}]`)
	require.Equal(t, 400, call(`{"arguments":["x"],"name":"find","service":"BackingDB"}`).status)
	require.Equal(t, 400, call(`{"arguments":[{},{}],"name":"find","service":"BackingDB"}`).status)
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
	f.configure(func(c *appconfig.Config) {
		c.Services = append(c.Services, appconfig.Service{ID: appconfig.FixedID("gcm"), Name: "gcm", Type: "gcm", Version: 1})
	})
	f.call(http.MethodPut, appPath+"push/providers/gcm/registration", token, `{"registrationToken":"hello"}`).is(204, "")
	f.call(http.MethodDelete, appPath+"push/providers/gcm/registration", token, "").is(204, "")
	f.call(http.MethodPut, appPath+"push/providers/mongodb-atlas/registration", token, "").refusedFor(404, "service not found: 'mongodb-atlas'", "ServiceNotFound")
}
