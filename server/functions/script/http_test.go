package script

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
)

// context.request has what came in, and which function was called.
func TestRequest(t *testing.T) {
	f := newFake(t)
	out := f.runAs(Call{Caller: &auth.Caller{Request: d("remoteIPAddress", "1.2.3.4", "requestHeaders", d("X-A", bson.A{"b"}))}}, "exports = () => [context.request.remoteIPAddress, context.request.requestHeaders['X-A'][0], context.request.action]")
	require.NoError(t, out.Err)
	require.Equal(t, bson.A{"1.2.3.4", "b", "f"}, out.Value)
	require.Equal(t, "undefined", f.value("typeof context.request.remoteIPAddress"))
}

// What a function says of a request is what is sent, and what came back is what it sees.
func TestRequests(t *testing.T) {
	f := newFake(t)
	var sent HTTPRequest
	f.http = func(_ context.Context, r HTTPRequest) (HTTPResponse, error) {
		sent = r
		return HTTPResponse{Status: 201, StatusText: "201 Created", Header: http.Header{"X-A": {"1", "2"}, "Set-Cookie": {"id=5; Path=/"}}, Body: []byte(`{"n":1}`)}, nil
	}
	for source, want := range map[string]HTTPRequest{
		"get('http://h/x')": {Method: "GET", URL: "http://h/x", Header: map[string][]string{}},
		"get({scheme: 'http', host: 'h:81', path: 'a/b c', query: {q: ['1', '2'], n: 3, e: 'x&y'}, fragment: 'f'})": {Method: "GET", URL: "http://h:81/a/b%20c?e=x%26y&n=3&q=1&q=2#f", Header: map[string][]string{}},
		"get({host: 'h', username: 'u', password: 'p', cookies: {a: '1', b: '2'}, headers: {X: 'y', Z: ['1']}})":    {Method: "GET", URL: "https://h", Header: map[string][]string{"Authorization": {"Basic dTpw"}, "Cookie": {"a=1", "b=2"}, "X": {"y"}, "Z": {"1"}}},
		"post({url: 'http://h', body: {a: 'b', n: 1}, encodeBodyAsJSON: true, followRedirects: false})":             {Method: "POST", URL: "http://h", Header: map[string][]string{}, Body: []byte(`{"a":"b","n":{"$numberLong":"1"}}`)},
		"put({url: 'http://h', body: JSON.stringify({n: 1})})":                                                      {Method: "PUT", URL: "http://h", Header: map[string][]string{}, Body: []byte(`{"n":1}`)},
		"patch({url: 'http://h', body: Buffer.from('ff', 'hex')})":                                                  {Method: "PATCH", URL: "http://h", Header: map[string][]string{}, Body: []byte{0xff}},
	} {
		require.Equal(t, d("status", "201 Created", "statusCode", int64(201), "contentLength", int64(7), "x", bson.A{"1", "2"}, "cookies", d("id", "5"), "body", int64(1)),
			f.value("await (async () => { const r = await context.http."+source+"; return {status: r.status, statusCode: r.statusCode, contentLength: r.contentLength, x: r.headers['X-A'], cookies: r.cookies, body: EJSON.parse(r.body.text()).n} })()"), source)
		require.Equal(t, want, sent, source)
	}
	sent = HTTPRequest{}
	for source, text := range map[string]string{
		"get({url: 5})": `"url" has a value of another type`, "get({url: 'http://h', headers: 'X'})": `"headers" has a value`, "get({url: 'http://h', followRedirects: true})": `"followRedirects" is not supported`, "post({url: 'http://h', form: {}})": `"form" is not supported`,
	} {
		require.Contains(t, f.throws("context.http."+source), text, source)
	}
	require.Empty(t, sent)
}
