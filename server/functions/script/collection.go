package script

import (
	"context"
	"slices"

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
		if name == "http" {
			return c.http()
		}
		c.fail("service not found: '" + clip(name, 128) + "': there are the data sources of the app, and http; of other services (twilio, aws, push) use the HTTP interface, with context.http")
	}
	service := c.vm.NewObject()
	c.must(c.refuse(service, map[string]string{"startSession": "there are no transactions: write what belongs together into one document, or with one updateMany"}))
	c.must(c.define(service, map[string]any{"db": fn(func(call goja.FunctionCall) goja.Value {
		database := call.Argument(0).String()
		db := c.vm.NewObject()
		c.must(c.refuse(db, map[string]string{
			"runCommand": "there are no commands of the database", "command": "there are no commands of the database", "listCollections": "GET collections of the data API tells them",
			"getCollectionNames": "GET collections of the data API tells them", "createCollection": "a collection is there when a document is inserted", "aggregate": "use collection(name).aggregate",
		}))
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

// set sets an argument of the query. What is said last counts.
func (k *cursor) set(name string, v any) {
	k.arg = append(slices.DeleteFunc(slices.Clone(k.arg), func(e bson.E) bool { return e.Key == name }), bson.E{Key: name, Value: v})
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
			panic(c.vm.NewTypeError("the option %q is not supported here%s", clip(e.Key, 64), insteadOfOption[e.Key]))
		}
		out = append(out, bson.E{Key: name, Value: e.Value})
	}
	return out
}

// insteadOfOption says what to do without an option.
var insteadOfOption = map[string]string{
	"collation": ": compare what $toLower makes, or by a regular expression with i", "returnDocument": ": use returnNewDocument: true", "returnOriginal": ": use returnNewDocument: true", "new": ": use returnNewDocument: true",
	"session": ": there are no transactions", "skip": ": use the cursor's skip", "fields": ": use projection",
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
		"count": count, "countDocuments": count, "estimatedDocumentCount": method(func(o *collection, _ goja.FunctionCall) goja.Value {
			return o.do("count", bson.D{{Key: "query", Value: bson.D{}}})
		}),
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
	err = c.refuse(c.bson.collection, map[string]string{
		"watch": "a client's collection.watch() has it", "createIndex": "there are no indexes to make", "createIndexes": "there are no indexes to make", "dropIndex": "there are no indexes to drop",
		"drop": "use deleteMany({})", "rename": "insert the documents into another collection", "findOneAndModify": "use findOneAndUpdate", "findAndModify": "use findOneAndUpdate", "mapReduce": "use aggregate",
		"update": "use updateOne or updateMany", "insert": "use insertOne or insertMany", "remove": "use deleteOne or deleteMany", "save": "use replaceOne with upsert", "initializeOrderedBulkOp": "use bulkWrite",
		"initializeUnorderedBulkOp": "use bulkWrite",
	})
	if err != nil {
		return err
	}
	return c.makeCursors()
}

// refuse adds members that say what to do without them.
func (c *call) refuse(on *goja.Object, instead map[string]string) error {
	members := map[string]any{}
	for name, text := range instead {
		members[name] = fn(func(goja.FunctionCall) goja.Value {
			panic(c.vm.NewTypeError("%s is not supported here: %s", name, text))
		})
	}
	return c.define(on, members)
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
	// An iterator's next gives {value, done}; that of a cursor gives a document.
	iterate := method(func(k *cursor, _ goja.FunctionCall) goja.Value {
		o := c.vm.NewObject()
		c.must(c.define(o, map[string]any{"next": fn(func(goja.FunctionCall) goja.Value {
			return c.loop.start(laneData, func(ctx context.Context) (func() goja.Value, error) {
				docs, err := k.read(ctx)
				return func() goja.Value {
					r := c.vm.NewObject()
					over := k.position >= len(docs)
					if !over {
						k.position++
						c.must(r.Set("value", c.toJS(docs[k.position-1])))
					}
					c.must(r.Set("done", over))
					return r
				}, err
			})
		})}))
		return o
	})
	if err := c.bson.cursor.DefineDataPropertySymbol(c.asyncIterator, c.vm.ToValue(iterate), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
		return err
	}
	err := c.refuse(c.bson.cursor, map[string]string{
		"collation": "compare what $toLower makes, or by a regular expression with i", "hint": "leave it out", "explain": "leave it out", "batchSize": "leave it out", "map": "use toArray, and map of that",
	})
	if err != nil {
		return err
	}
	return c.define(c.bson.cursor, map[string]any{
		"count":   after(func(_ *cursor, _ goja.FunctionCall, docs bson.A) goja.Value { return c.vm.ToValue(len(docs)) }),
		"close":   method(func(*cursor, goja.FunctionCall) goja.Value { return goja.Undefined() }),
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
		"project": setting(func(k *cursor, v goja.Value) {
			k.set("project", c.document(v, "the projection"))
		}),
		"skip": setting(func(k *cursor, v goja.Value) { k.skip = natural(v) }),
		"sort": setting(func(k *cursor, v goja.Value) {
			k.set("sort", c.document(v, "the sort"))
		}),
	})
}
