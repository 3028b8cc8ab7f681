package script

import (
	"context"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// collection is what db(name).collection(name) gives.
type collection struct {
	c                       *call
	system                  bool
	service, database, name string
}

// cursor is the result of find and aggregate before it is read. It is read once, when something of it is asked for.
type cursor struct {
	of       *collection
	method   string
	arg      bson.D
	skip     int64
	limit    int64
	docs     bson.A // nil: not read
	position int
}

// service is context.services.get.
func (c *call) service(call goja.FunctionCall, system bool) goja.Value {
	name := call.Argument(0).String()
	if !c.host.IsService(name) {
		c.fail("service not found: '" + clip(name, 128) + "'")
	}
	service := c.vm.NewObject()
	c.must(c.define(service, map[string]any{"db": fn(func(call goja.FunctionCall) goja.Value {
		database := call.Argument(0).String()
		db := c.vm.NewObject()
		c.must(c.define(db, map[string]any{"collection": fn(func(call goja.FunctionCall) goja.Value {
			return c.wrap(c.bson.collection, &collection{c, system, name, database, call.Argument(0).String()})
		})}))
		return db
	})}))
	return service
}

// do runs an operation and returns its promise.
func (o *collection) do(method string, arg bson.D) goja.Value {
	c := o.c
	return c.loop.start(laneData, func(ctx context.Context) (func() goja.Value, error) {
		v, err := o.call(ctx, method, arg)
		return func() goja.Value { return c.toJS(v) }, err
	})
}

func (o *collection) call(ctx context.Context, method string, arg bson.D) (any, error) {
	full := append(bson.D{{Key: "database", Value: o.database}, {Key: "collection", Value: o.name}}, arg...)
	return o.c.host.Data(ctx, o.system, o.service, method, full)
}

// read runs the query. It may run on another goroutine than JavaScript's, which does not touch the cursor until it returned.
func (k *cursor) read(ctx context.Context) (bson.A, error) {
	if k.docs != nil {
		return k.docs, nil
	}
	arg := k.arg
	if k.limit > 0 {
		arg = append(arg[:len(arg):len(arg)], bson.E{Key: "limit", Value: k.limit + k.skip})
	}
	v, err := k.of.call(ctx, k.method, arg)
	if err != nil {
		return nil, err
	}
	docs, _ := v.(bson.A)
	k.docs = append(bson.A{}, docs[min(k.skip, int64(len(docs))):]...)
	return k.docs, nil
}

// document reads an argument that must be an object; nothing is an empty one.
func (c *call) document(v goja.Value, what string) bson.D {
	if absent(v) {
		return bson.D{}
	}
	d, ok := c.toBSON(v, c.Limits.Result).(bson.D)
	if !ok {
		panic(c.vm.NewTypeError("%s must be an object", what))
	}
	return d
}

// options reads an object of options: allowed are their names here, by those of app-services 7.4. Others are refused, for they would
// change what the operation means.
func (c *call) options(v goja.Value, allowed map[string]string) bson.D {
	var out bson.D
	for _, e := range c.document(v, "options") {
		name, ok := allowed[e.Key]
		if !ok {
			panic(c.vm.NewTypeError("the option %q is not supported here", clip(e.Key, 64)))
		}
		out = append(out, bson.E{Key: name, Value: e.Value})
	}
	return out
}

// makeCollections makes the prototypes of collections and cursors.
func (c *call) makeCollections() error {
	c.bson.collection, c.bson.cursor = c.vm.NewObject(), c.vm.NewObject()
	method := func(f func(o *collection, args goja.FunctionCall) goja.Value) fn {
		return func(call goja.FunctionCall) goja.Value { return f(as[*collection](c, call.This, "collection"), call) }
	}
	upsert := map[string]string{"upsert": "upsert", "arrayFilters": "arrayFilters"}
	projected := map[string]string{"projection": "project", "sort": "sort", "limit": "limit"}
	modify := map[string]string{"upsert": "upsert", "returnNewDocument": "returnNewDocument", "projection": "projection", "sort": "sort", "arrayFilters": "arrayFilters"}

	query := func(o *collection, call goja.FunctionCall) bson.D {
		arg := bson.D{{Key: "query", Value: c.document(call.Argument(0), "the query")}}
		if p := call.Argument(1); !absent(p) {
			arg = append(arg, bson.E{Key: "project", Value: c.document(p, "the projection")})
		}
		return append(arg, c.options(call.Argument(2), projected)...)
	}
	remove := func(name string) fn {
		return method(func(o *collection, call goja.FunctionCall) goja.Value {
			return o.do(name, bson.D{{Key: "query", Value: c.document(call.Argument(0), "the query")}})
		})
	}
	update := func(name string, replace bool) fn {
		return method(func(o *collection, call goja.FunctionCall) goja.Value {
			change, query := c.toBSON(call.Argument(1), c.Limits.Result), c.document(call.Argument(0), "the query")
			return o.do(name, c.updateArg(query, change, replace, c.options(call.Argument(2), upsert)))
		})
	}
	findAnd := func(name string, hasUpdate bool) fn {
		return method(func(o *collection, call goja.FunctionCall) goja.Value {
			arg, next := bson.D{{Key: "filter", Value: c.document(call.Argument(0), "the filter")}}, 1
			if hasUpdate {
				change, isPipeline := c.toBSON(call.Argument(1), c.Limits.Result).(bson.A)
				update := any(change)
				if !isPipeline || name == "findOneAndReplace" {
					update = c.document(call.Argument(1), "the update")
				}
				arg, next = append(arg, bson.E{Key: "update", Value: update}), 2
			}
			return o.do(name, append(arg, c.options(call.Argument(next), modify)...))
		})
	}
	count := method(func(o *collection, call goja.FunctionCall) goja.Value {
		arg := bson.D{{Key: "query", Value: c.document(call.Argument(0), "the query")}}
		return o.do("count", append(arg, c.options(call.Argument(1), map[string]string{"limit": "limit"})...))
	})
	err := c.define(c.bson.collection, map[string]any{
		"find": method(func(o *collection, call goja.FunctionCall) goja.Value {
			return c.wrap(c.bson.cursor, &cursor{of: o, method: "find", arg: query(o, call)})
		}),
		"findOne": method(func(o *collection, call goja.FunctionCall) goja.Value { return o.do("findOne", query(o, call)) }),
		"aggregate": method(func(o *collection, call goja.FunctionCall) goja.Value {
			pipeline, ok := c.toBSON(call.Argument(0), c.Limits.Result).(bson.A)
			if !ok {
				panic(c.vm.NewTypeError("the pipeline must be an array"))
			}
			return c.wrap(c.bson.cursor, &cursor{of: o, method: "aggregate", arg: bson.D{{Key: "pipeline", Value: pipeline}}})
		}),
		"count": count, "countDocuments": count,
		"insertOne": method(func(o *collection, call goja.FunctionCall) goja.Value {
			return o.do("insertOne", bson.D{{Key: "document", Value: c.document(call.Argument(0), "the document")}})
		}),
		"insertMany": method(func(o *collection, call goja.FunctionCall) goja.Value {
			docs, ok := c.toBSON(call.Argument(0), c.Limits.Result).(bson.A)
			if !ok {
				panic(c.vm.NewTypeError("the documents must be an array"))
			}
			return o.do("insertMany", bson.D{{Key: "documents", Value: docs}})
		}),
		"deleteOne": remove("deleteOne"), "deleteMany": remove("deleteMany"),
		"updateOne": update("updateOne", false), "updateMany": update("updateMany", false), "replaceOne": update("updateOne", true),
		"findOneAndUpdate": findAnd("findOneAndUpdate", true), "findOneAndReplace": findAnd("findOneAndReplace", true),
		"findOneAndDelete": findAnd("findOneAndDelete", false),
		"bulkWrite":        method((*collection).bulkWrite), "distinct": method((*collection).distinct),
	})
	if err != nil {
		return err
	}
	return c.makeCursors()
}

func (c *call) makeCursors() error {
	method := func(f func(k *cursor, call goja.FunctionCall) goja.Value) fn {
		return func(call goja.FunctionCall) goja.Value { return f(as[*cursor](c, call.This, "cursor"), call) }
	}
	// setting changes a cursor that has not been read, and returns it.
	setting := func(f func(k *cursor, v goja.Value)) fn {
		return func(call goja.FunctionCall) goja.Value {
			k := as[*cursor](c, call.This, "cursor")
			if k.docs != nil || k.method != "find" {
				panic(c.vm.NewTypeError("the cursor cannot be changed: it is being read, or is one of aggregate"))
			}
			f(k, call.Argument(0))
			return call.This
		}
	}
	natural := func(v goja.Value) int64 {
		n := v.ToInteger()
		if n < 0 || n > maxSafe {
			panic(c.vm.NewTypeError("a number of documents is not negative"))
		}
		return n
	}
	// after reads the cursor, and then gives what f makes of it.
	after := func(f func(k *cursor, call goja.FunctionCall, docs bson.A) goja.Value) fn {
		return method(func(k *cursor, call goja.FunctionCall) goja.Value {
			call.Arguments = append([]goja.Value{}, call.Arguments...) // the slice is goja's
			return c.loop.start(laneData, func(ctx context.Context) (func() goja.Value, error) {
				docs, err := k.read(ctx)
				return func() goja.Value { return f(k, call, docs) }, err
			})
		})
	}
	return c.define(c.bson.cursor, map[string]any{
		"toArray": after(func(_ *cursor, _ goja.FunctionCall, docs bson.A) goja.Value { return c.toJS(docs) }),
		"next": after(func(k *cursor, _ goja.FunctionCall, docs bson.A) goja.Value {
			if k.position >= len(docs) {
				return goja.Null()
			}
			k.position++
			return c.toJS(docs[k.position-1])
		}),
		"hasNext": after(func(k *cursor, _ goja.FunctionCall, docs bson.A) goja.Value {
			return c.vm.ToValue(k.position < len(docs))
		}),
		"forEach": after(func(_ *cursor, call goja.FunctionCall, docs bson.A) goja.Value {
			each, ok := goja.AssertFunction(call.Argument(0))
			if !ok {
				panic(c.vm.NewTypeError("the argument must be a function"))
			}
			for _, d := range docs {
				_, err := each(goja.Undefined(), c.toJS(d))
				c.must(err)
			}
			return goja.Undefined()
		}),
		"limit": setting(func(k *cursor, v goja.Value) { k.limit = natural(v) }),
		"skip":  setting(func(k *cursor, v goja.Value) { k.skip = natural(v) }),
		"sort": setting(func(k *cursor, v goja.Value) {
			k.arg = append(k.arg[:len(k.arg):len(k.arg)], bson.E{Key: "sort", Value: c.document(v, "the sort")})
		}),
	})
}
