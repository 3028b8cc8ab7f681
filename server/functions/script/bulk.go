package script

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
)

// updateArg is the argument document of an update, replacements among them.
func (c *call) updateArg(query bson.D, change any, replace bool, options bson.D) bson.D {
	d, isDocument := change.(bson.D)
	_, isPipeline := change.(bson.A)
	switch {
	case !replace && !isDocument && !isPipeline:
		panic(c.vm.NewTypeError("the update must be an object, or an array of stages"))
	case replace && (!isDocument || len(d) > 0 && len(d[0].Key) > 0 && d[0].Key[0] == '$'):
		panic(c.vm.NewTypeError("the replacement must be a document without operators"))
	}
	if !slices.ContainsFunc(options, func(e bson.E) bool { return e.Key == "upsert" }) {
		options = append(bson.D{{Key: "upsert", Value: false}}, options...) // it is always sent
	}
	return append(bson.D{{Key: "query", Value: query}, {Key: "update", Value: change}}, options...)
}

// write is one operation of a bulk.
type write struct {
	method string
	arg    bson.D
}

// writes reads the operations of bulkWrite: [{insertOne: {document}}, {updateOne: {filter, update, upsert}}, ...].
func (c *call) writes(v goja.Value) []write {
	list, ok := c.toBSON(v, c.Limits.Result).(bson.A)
	if !ok {
		panic(c.vm.NewTypeError("the operations must be an array"))
	}
	out := make([]write, len(list))
	for i, v := range list {
		wrong := func(text string) { panic(c.vm.NewTypeError("operation %d: %s", i, text)) }
		d, _ := v.(bson.D)
		if len(d) != 1 {
			wrong("it must be an object with one member, as {insertOne: {document: ...}}")
		}
		members, _ := d[0].Value.(bson.D)
		var filter, document, change any
		var options bson.D
		for _, m := range members {
			switch m.Key {
			case "filter":
				filter = m.Value
			case "document":
				document = m.Value
			case "update", "replacement":
				change = m.Value
			case "upsert", "arrayFilters":
				options = append(options, m)
			default:
				wrong("the option \"" + clip(m.Key, 64) + "\" is not supported here")
			}
		}
		query, isDocument := filter.(bson.D)
		if name := d[0].Key; name != "insertOne" && !isDocument {
			wrong("there is no filter")
		}
		switch name := d[0].Key; name {
		case "insertOne":
			if _, ok := document.(bson.D); !ok {
				wrong("there is no document")
			}
			out[i] = write{name, bson.D{{Key: "document", Value: document}}}
		case "updateOne", "updateMany":
			out[i] = write{name, c.updateArg(query, change, false, options)}
		case "replaceOne":
			out[i] = write{"updateOne", c.updateArg(query, change, true, options)}
		case "deleteOne", "deleteMany":
			out[i] = write{name, bson.D{{Key: "query", Value: query}}}
		default:
			wrong("\"" + clip(name, 64) + "\" is not known")
		}
	}
	return out
}

// bulkWrite runs operations one after the other. It is not a transaction: what was done before an error stays. Ordered, which is the default, it
// ends with the first error.
func (o *collection) bulkWrite(call goja.FunctionCall) goja.Value {
	c := o.c
	list, ordered := c.writes(call.Argument(0)), true
	for _, e := range c.options(call.Argument(1), map[string]string{"ordered": "ordered"}) {
		ordered, _ = e.Value.(bool)
	}
	return c.loop.start(laneData, func(ctx context.Context) (func() goja.Value, error) {
		var first error
		counts := map[string]int64{}
		inserted, upserted := bson.D{}, bson.D{}
		for i, w := range list {
			v, err := o.call(ctx, w.method, w.arg)
			if err != nil {
				if first == nil {
					first = ofBulk(i, err)
				}
				if ordered || ctx.Err() != nil {
					break
				}
				continue
			}
			result, _ := v.(bson.D)
			for _, m := range result {
				id := bson.E{Key: strconv.Itoa(i), Value: m.Value}
				switch m.Key {
				case "insertedId":
					counts["insertedCount"]++
					inserted = append(inserted, id)
				case "upsertedId":
					counts["upsertedCount"]++
					upserted = append(upserted, id)
				default:
					counts[m.Key] += whole(m.Value)
				}
			}
		}
		if first != nil {
			return nil, first
		}
		out := bson.D{}
		for _, name := range []string{"insertedCount", "matchedCount", "modifiedCount", "deletedCount", "upsertedCount"} {
			out = append(out, bson.E{Key: name, Value: counts[name]})
		}
		out = append(out, bson.E{Key: "insertedIds", Value: inserted}, bson.E{Key: "upsertedIds", Value: upserted})
		return func() goja.Value { return c.toJS(out) }, nil
	})
}

// ofBulk says which operation failed, of what a function may be told.
func ofBulk(i int, err error) error {
	var refusal *apierror.Error
	if !errors.As(err, &refusal) {
		return err
	}
	return apierror.New(refusal.Status, refusal.Code, "%s", fmt.Sprintf("operation %d: %s", i, refusal.Text))
}

func whole(v any) int64 {
	switch n := v.(type) {
	case int32:
		return int64(n)
	case int64:
		return n
	}
	return 0
}

// distinct gives the values of a field, each once; of arrays those of their elements.
func (o *collection) distinct(call goja.FunctionCall) goja.Value {
	c := o.c
	_ = c.options(call.Argument(2), nil)
	return o.do("distinct", bson.D{{Key: "key", Value: call.Argument(0).String()}, {Key: "query", Value: c.document(call.Argument(1), "the query")}})
}
