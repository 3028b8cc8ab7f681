package script

import (
	"context"
	"strings"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// http is context.http: get, post, put, patch, delete, head. Each takes {url, headers, body, encodeBodyAsJSON} and gives a promise of
// {status, statusCode, headers, body}, the body as a Binary.
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
		return func() goja.Value {
			return c.toJS(bson.D{
				{Key: "status", Value: a.StatusText}, {Key: "statusCode", Value: a.Status}, {Key: "headers", Value: headers},
				{Key: "body", Value: bson.Binary{Data: a.Body}},
			})
		}, nil
	})
}

func (c *call) requestOptions(r *HTTPRequest, options bson.D) {
	asJSON := false
	var body any
	for _, e := range options {
		switch e.Key {
		case "url":
			r.URL, _ = e.Value.(string)
		case "headers":
			headers, _ := e.Value.(bson.D)
			for _, h := range headers {
				values, isList := h.Value.(bson.A)
				if !isList {
					values = bson.A{h.Value}
				}
				for _, v := range values {
					if s, ok := v.(string); ok {
						r.Header[h.Key] = append(r.Header[h.Key], s)
					}
				}
			}
		case "body":
			body = e.Value
		case "encodeBodyAsJSON":
			asJSON, _ = e.Value.(bool)
		default:
			panic(c.vm.NewTypeError("the option %q is not supported here", clip(e.Key, 64)))
		}
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
