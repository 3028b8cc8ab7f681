package script

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// http is context.http: get, post, put, patch, delete, head. Each takes a URL or an object of options and gives a promise
// of {status, statusCode, contentLength, headers, cookies, body}, the body as a Binary.
func (c *call) http() *goja.Object {
	o := c.vm.NewObject()
	members := map[string]any{}
	for _, name := range []string{"get", "post", "put", "patch", "delete", "head"} {
		members[name] = fn(func(call goja.FunctionCall) goja.Value { return c.request(strings.ToUpper(name), call.Argument(0)) })
	}
	c.must(c.define(o, members))
	return o
}

func (c *call) request(method string, v goja.Value) goja.Value {
	r := HTTPRequest{Method: method, Header: map[string][]string{}}
	if url, ok := v.Export().(string); ok {
		r.URL = url
	} else {
		c.requestOptions(&r, c.document(v, "the request"))
	}
	return c.loop.start(laneHTTP, func(ctx context.Context) (func() goja.Value, error) {
		a, err := c.host.HTTP(ctx, r)
		if err != nil {
			return nil, err
		}
		headers := bson.D{}
		for name, values := range a.Header {
			list := bson.A{}
			for _, v := range values {
				list = append(list, v)
			}
			headers = append(headers, bson.E{Key: name, Value: list})
		}
		cookies := bson.D{}
		for _, cookie := range (&http.Response{Header: a.Header}).Cookies() {
			cookies = append(cookies, bson.E{Key: cookie.Name, Value: cookie.Value})
		}
		return func() goja.Value {
			return c.toJS(bson.D{
				{Key: "status", Value: a.StatusText}, {Key: "statusCode", Value: a.Status}, {Key: "contentLength", Value: len(a.Body)},
				{Key: "headers", Value: headers}, {Key: "cookies", Value: cookies}, {Key: "body", Value: bson.Binary{Data: a.Body}},
			})
		}, nil
	})
}

// requestOptions reads {url, headers, body, encodeBodyAsJSON, cookies, followRedirects}; instead of url there may be its parts: scheme, host, path,
// query, fragment, username, password. What a request could not be without is refused.
func (c *call) requestOptions(r *HTTPRequest, options bson.D) {
	asJSON := false
	var body any
	parts := url.URL{Scheme: "https"}
	var user, password string
	for _, e := range options {
		text, isText := e.Value.(string)
		flag, isFlag := e.Value.(bool)
		d, isDocument := e.Value.(bson.D)
		ok := isText
		switch e.Key {
		case "url":
			r.URL = text
		case "scheme":
			parts.Scheme = text
		case "host":
			parts.Host = text
		case "path":
			parts.Path = "/" + strings.TrimPrefix(text, "/")
		case "fragment":
			parts.Fragment = text
		case "username":
			user = text
		case "password":
			password = text
		case "query":
			query := url.Values{}
			for _, q := range d {
				query[q.Key] = c.texts(q.Value)
			}
			parts.RawQuery, ok = query.Encode(), isDocument
		case "headers":
			for _, h := range d {
				r.Header[h.Key] = append(r.Header[h.Key], c.texts(h.Value)...)
			}
			ok = isDocument
		case "cookies":
			for _, cookie := range d {
				for _, v := range c.texts(cookie.Value) {
					r.Header["Cookie"] = append(r.Header["Cookie"], (&http.Cookie{Name: cookie.Key, Value: v}).String())
				}
			}
			ok = isDocument
		case "body":
			body, ok = e.Value, true
		case "encodeBodyAsJSON":
			asJSON, ok = flag, isFlag
		case "followRedirects", "digestAuth":
			if flag {
				panic(c.vm.NewTypeError("the option %q is not supported here", e.Key))
			}
			ok = isFlag
		default:
			panic(c.vm.NewTypeError("the option %q is not supported here", clip(e.Key, 64)))
		}
		if !ok && e.Value != nil {
			panic(c.vm.NewTypeError("the option %q has a value of another type", e.Key))
		}
	}
	if r.URL == "" && parts.Host != "" {
		r.URL = parts.String()
	}
	if user != "" {
		r.Header["Authorization"] = []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
	}
	switch b := body.(type) {
	case nil:
		return
	case string:
		if !asJSON {
			r.Body = []byte(b)
			return
		}
	case bson.Binary:
		if !asJSON {
			r.Body = b.Data
			return
		}
	}
	text, err := ejson.Marshal(body)
	if err != nil {
		c.fail(err.Error())
	}
	r.Body = text
}

// texts are the texts of a value that is one or an array of them. Numbers and the like are texts, as in a URL.
func (c *call) texts(v any) []string {
	list, isList := v.(bson.A)
	if !isList {
		list = bson.A{v}
	}
	var out []string
	for _, v := range list {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case bool, int32, int64, float64:
			out = append(out, fmt.Sprint(v))
		}
	}
	return out
}
