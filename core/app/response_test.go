package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Checklist 34.
func TestResponseErrors(t *testing.T) {
	const plain = "application/json"
	type want struct {
		code         Code
		cat          Category
		message      string
		server, link string
		status       int
	}
	for name, c := range map[string]struct {
		resp Response
		want *want
	}{
		"success":             {Response{Status: 200, Body: []byte(`{"a":1}`)}, nil},
		"no content":          {Response{Status: 204}, nil},
		"known code":          {Response{Status: 401, Body: []byte(`{"error":"invalid username/password","error_code":"InvalidPassword","link":"http://l"}`)}, &want{CodeInvalidPassword, CategoryService, "invalid username/password", "InvalidPassword", "http://l", 401}},
		"upper case header":   {Response{Status: 400, Header: map[string]string{"CONTENT-TYPE": plain}, Body: []byte(`{"error":"x","error_code":"BadRequest"}`)}, &want{CodeBadRequest, CategoryService, "x", "BadRequest", "", 400}},
		"empty code":          {Response{Status: 404, Body: []byte(`{"error":"x","error_code":""}`)}, &want{CodeAppUnknownError, CategoryService, "x", "", "", 404}},
		"missing code":        {Response{Status: 404, Body: []byte(`{"error":"x","link":"l"}`)}, &want{CodeAppUnknownError, CategoryService, "x", "", "l", 404}},
		"unknown code":        {Response{Status: 500, Body: []byte(`{"error":"x","error_code":"Whatever"}`)}, &want{CodeAppServerError, CategoryService, "x", "Whatever", "", 500}},
		"non-app code":        {Response{Status: 500, Body: []byte(`{"error":"x","error_code":"RuntimeError"}`)}, &want{CodeAppServerError, CategoryService, "x", "RuntimeError", "", 500}},
		"client code":         {Response{Status: 400, Body: []byte(`{"error":"x","error_code":"ClientUserNotFound"}`)}, &want{CodeClientUserNotFound, CategoryClient, "x", "ClientUserNotFound", "", 400}},
		"missing message":     {Response{Status: 500, Body: []byte(`{"error_code":"MaintenanceInProgress"}`)}, &want{CodeMaintenanceInProgress, CategoryService, "no error message", "MaintenanceInProgress", "", 500}},
		"error with 200":      {Response{Status: 200, Body: []byte(`{"error":"x"}`)}, &want{CodeAppUnknownError, CategoryService, "x", "", "", 200}},
		"charset":             {Response{Status: 400, Header: map[string]string{"Content-Type": "application/json; charset=utf-8"}, Body: []byte(`{"error":"x"}`)}, &want{CodeHTTPError, CategoryHTTP, `http error code considered fatal: {"error":"x"}. Client Error: 400`, "", "", 400}},
		"charset and 200":     {Response{Status: 200, Header: map[string]string{"Content-Type": "application/json;charset=utf-8"}, Body: []byte(`{"error":"x"}`)}, nil},
		"null link":           {Response{Status: 400, Body: []byte(`{"error":"x","link":null}`)}, &want{CodeHTTPError, CategoryHTTP, `http error code considered fatal: {"error":"x","link":null}. Client Error: 400`, "", "", 400}},
		"number as code":      {Response{Status: 200, Body: []byte(`{"error":"x","error_code":1}`)}, nil},
		"array":               {Response{Status: 500, Body: []byte(`[1]`)}, &want{CodeHTTPError, CategoryHTTP, `http error code considered fatal: [1]. Server Error: 500`, "", "", 500}},
		"broken JSON":         {Response{Status: 200, Body: []byte(`{"error`)}, nil},
		"plain text":          {Response{Status: 502, Header: map[string]string{"Content-Type": "text/plain"}, Body: []byte("bad gateway")}, &want{CodeHTTPError, CategoryHTTP, "http error code considered fatal: bad gateway. Server Error: 502", "", "", 502}},
		"no body":             {Response{Status: 103}, &want{CodeHTTPError, CategoryHTTP, "http error code considered fatal. Informational: 103", "", "", 103}},
		"odd status":          {Response{Status: 700}, &want{CodeHTTPError, CategoryHTTP, "http error code considered fatal. Unknown HTTP Error: 700", "", "", 700}},
		"custom status":       {Response{Status: 0, CustomStatus: 125}, &want{CodeCustomError, CategoryCustom, "non-zero custom status code considered fatal", "", "", 125}},
		"custom status, body": {Response{Status: 200, CustomStatus: 7, Body: []byte("why")}, &want{CodeCustomError, CategoryCustom, "why", "", "", 7}},
		"client error":        {Response{Status: 0, CustomStatus: 7, ClientError: CodeClientTooManyRedirects}, &want{CodeClientTooManyRedirects, CategoryClient, "client error code value considered fatal", "", "", 0}},
		"JSON comes first":    {Response{Status: 0, CustomStatus: 7, Body: []byte(`{"error":"x","error_code":"AuthError"}`)}, &want{CodeAuthError, CategoryService, "x", "AuthError", "", 0}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.resp.Header == nil {
				c.resp.Header = map[string]string{"content-type": plain}
			}
			err := responseError("op", &c.resp)
			if c.want == nil {
				require.Nil(t, err)
				return
			}
			require.NotNil(t, err)
			require.Equal(t, *c.want, want{err.Code, err.Category(), err.Message, err.ServerCode, err.LogsURL, err.Status})
			require.Contains(t, err.Error(), err.Message)
		})
	}
	long := Response{Status: 500, Body: []byte(strings.Repeat("ä", 1<<19))}
	err := responseError("op", &long)
	require.Less(t, len(err.Message), maxMessage+100)
	require.True(t, strings.HasPrefix(err.Message, "http error code considered fatal: ää"))
	require.NotContains(t, err.Message, "\uFFFD")
}

func TestCodeTable(t *testing.T) {
	require.Len(t, codesByName, len(codeNames), "names are unique")
	require.Len(t, codeNames, 66)
	for code, name := range codeNames {
		require.Equal(t, name, code.String())
		require.Equal(t, code, serviceCode(name))
	}
	require.Equal(t, "Code(1)", Code(1).String())
	require.Equal(t, CategoryJSON, CodeBadToken.Category())
	require.Equal(t, "service", CodeAppServerError.Category().String())
}

func TestEndsSession(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&Error{Code: CodeInvalidSession, Status: 401}, true},
		{&Error{Code: CodeHTTPError, Status: 403}, true},
		{&Error{Code: CodeHTTPError, Status: 301}, true},
		{&Error{Code: CodeHTTPError, Status: 308}, true},
		{&Error{Code: CodeClientUserNotFound}, true},
		{&Error{Code: CodeClientTooManyRedirects}, true},
		{&Error{Code: CodeInternalServerError, Status: 500}, false},
		{networkError("x", 0, errors.New("offline")), false},
		{networkError("x", 0, ErrClosed), false},
		{&FileError{}, false},
		{nil, false},
	} {
		require.Equal(t, c.want, EndsSession(c.err), "%v", c.err)
	}
}

// stub is a Transport made of a function.
type stub func(ctx context.Context, req *Request) (*Response, error)

func (s stub) Send(ctx context.Context, req *Request) (*Response, error) { return s(ctx, req) }

func TestCustomTransport(t *testing.T) {
	location := &Response{Status: 200, Body: []byte(`{"hostname":"http://h","ws_hostname":"ws://h"}`)}
	var seen []*Request
	var next func() (*Response, error)
	a, err := New(Config{AppID: "a b", BaseURL: "http://base", Dir: t.TempDir(), Headers: map[string]string{"x-mine": "1", "accept": "x"},
		Transport: stub(func(_ context.Context, r *Request) (*Response, error) {
			seen = append(seen, r)
			if strings.HasSuffix(r.URL, "/location") {
				return location, nil
			}
			return next()
		})})
	require.NoError(t, err)
	defer a.Close()
	next = func() (*Response, error) { return &Response{Status: 201}, nil }
	require.NoError(t, a.RegisterEmail(bg, "e", "p<>&\"é"))
	require.Len(t, seen, 2)
	require.Equal(t, "http://base/api/client/v2.0/app/a%20b/location", seen[0].URL)
	require.Equal(t, map[string]string{"X-Mine": "1", "Accept": "x"}, seen[0].Header)
	require.Equal(t, "http://h/api/client/v2.0/app/a%20b/auth/providers/local-userpass/register", seen[1].URL)
	require.Equal(t, map[string]string{"X-Mine": "1", "Accept": "application/json", "Content-Type": "application/json;charset=utf-8"}, seen[1].Header)
	require.Equal(t, `{"email":"e","password":"p<>&\"é"}`, string(seen[1].Body))
	require.Equal(t, DefaultTimeout, seen[1].Timeout)

	for name, c := range map[string]struct {
		resp *Response
		err  error
		want string
	}{
		"error":            {nil, errors.New("no route"), "no route"},
		"nothing":          {nil, nil, "neither an answer nor an error"},
		"status 0":         {&Response{}, nil, "closed without an answer"}, // checklist 45
		"custom":           {&Response{CustomStatus: 3}, nil, "non-zero custom status"},
		"more than wanted": {&Response{Status: 200, Body: make([]byte, maxBody+1)}, nil, "at most 1048576"},
	} {
		next = func() (*Response, error) { return c.resp, c.err }
		err := a.RegisterEmail(bg, "e", "p")
		require.ErrorIs(t, err, ErrNetwork, name)
		require.Contains(t, err.Error(), c.want, name)
		require.True(t, IsCode(err, CodeCustomError), name)
	}
}

func TestEmailRoutes(t *testing.T) {
	f := newFake(t)
	a := f.open(t.TempDir())
	ok := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }
	for route, c := range map[string]struct {
		call func() error
		body string
	}{
		"/confirm":      {func() error { return a.ConfirmEmail(bg, "t", "i") }, `{"token":"t","tokenId":"i"}`},
		"/confirm/send": {func() error { return a.ResendConfirmation(bg, "e") }, `{"email":"e"}`},
		"/confirm/call": {func() error { return a.RetryCustomConfirmation(bg, "e") }, `{"email":"e"}`},
		"/reset/send":   {func() error { return a.SendPasswordReset(bg, "e") }, `{"email":"e"}`},
		"/reset":        {func() error { return a.ResetPassword(bg, "p", "t", "i") }, `{"password":"p","token":"t","tokenId":"i"}`},
		"/reset/call":   {func() error { return a.CallResetPassword(bg, "e", "p", []byte(`["foo", 1]`)) }, `{"email":"e","password":"p","arguments":["foo",{"$numberLong":"1"}]}`},
	} {
		f.on("POST /local-userpass"+route, ok)
		require.NoError(t, c.call(), route)
		require.Equal(t, c.body, f.lastBody("/local-userpass"+route))
	}
	f.forget()
	require.True(t, IsCode(a.CallResetPassword(bg, "e", "p", []byte(`{}`)), CodeBadBSONParse))
	require.True(t, IsCode(a.CallResetPassword(bg, "e", "p", []byte(`[`)), CodeBadBSONParse))
	require.Empty(t, f.calls(""))
}
