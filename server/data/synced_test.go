package data

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/server/mql"
)

// A document with every type goes in, and comes out with the types of the schema.
func TestDocument(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	f.must(`{"insertedId":{"$numberLong":"1"}}`, synced1, "Dog", "insertOne", `{"document":{"_id":1.0,"name":"Rex","age":3.0,"weight":7,"height":1.5,"price":2.5,"good":true,"born":{"$date":1500},
		"picture":{"$binary":{"base64":"AQID","subType":"00"}},"chip":{"$uuid":"18de7916-7f84-11ec-a8a3-0242ac120200"},"ref":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"},"owner":"ann","tag":{"text":"t","inner":{"n":5},"more":[{"text":"m"}]},
		"any":{"list":[1,"x",{"$ref":"Person","$id":"bob"}],"n":null},"toys":["a","b"],"friends":["ann","cid"],"tags":[{"text":"1"},{"n":2}],"scores":[1,null],"nums":[3,1,2],"anys":[[1],{"k":{}}],
		"map":{"b":"2","a":null},"tagmap":{"x":{"text":"y"},"z":null},"anymap":{"q":[{"$date":5}]}}}`)
	f.must(`{"_id":{"$numberLong":"1"},"name":"Rex","age":{"$numberLong":"3"},"weight":{"$numberDouble":"7"},"height":1.5,"price":{"$numberDecimal":"2.5"},"good":true,"born":{"$date":1500},
		"picture":{"$binary":{"base64":"AQID","subType":"00"}},"chip":{"$uuid":"18de7916-7f84-11ec-a8a3-0242ac120200"},"ref":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"},"owner":"ann",
		"tag":{"text":"t","inner":{"text":"","n":{"$numberLong":"5"},"more":[]},"more":[{"text":"m","more":[]}]},
		"any":{"list":[{"$numberLong":"1"},"x",{"$ref":"Person","$id":"bob"}],"n":null},"toys":["a","b"],"friends":["ann","cid"],"tags":[{"text":"1","more":[]},{"text":"","n":{"$numberLong":"2"},"more":[]}],
		"scores":[{"$numberLong":"1"},null],"nums":[{"$numberLong":"1"},{"$numberLong":"2"},{"$numberLong":"3"}],"anys":[[{"$numberLong":"1"}],{"k":{}}],
		"map":{"a":null,"b":"2"},"tagmap":{"x":{"text":"y","more":[]},"z":null},"anymap":{"q":[{"$date":5}]}}`, synced1, "Dog", "findOne", `{}`)
}

// Each update becomes the instructions that a device would emit, and no others: what is not changed doesn't collide with what devices change.
func TestInstructions(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	for i, c := range []struct{ before, update, want string }{
		{`"age":1`, `{"$inc":{"age":2}}`, `AddInteger age 2`},
		{`"age":1`, `{"$set":{"age":3}}`, `Update age 3`},
		{`"age":1`, `{"$set":{"age":1}}`, ``},
		{`"age":1,"good":true`, `{"$unset":{"age":1,"good":1}}`, `Update age 0; Update good null`},
		{`"any":5`, `{"$inc":{"any":1}}`, `AddInteger any 1`},
		{`"any":null`, `{"$inc":{"any":1}}`, `!non-numeric`},
		{`"name":"x"`, `{"$inc":{"weight":1}}`, `Update weight 1`},
		{`"toys":["a"]`, `{"$push":{"toys":{"$each":["b","c"]}}}`, `ArrayInsert toys[1] "b" of 1; ArrayInsert toys[2] "c" of 2`},
		{`"toys":["a","b","a","c"]`, `{"$pull":{"toys":"a"}}`, `ArrayErase toys[2] of 4; ArrayErase toys[0] of 3`},
		{`"toys":["a","b","c"]`, `{"$set":{"toys.1":"x"}}`, `Update toys[1] "x" of 3`},
		{`"toys":["a"]`, `{"$push":{"toys":{"$each":["z"],"$position":0}}}`, `ArrayInsert toys[0] "z" of 1`},
		{`"toys":["a"]`, `{"$set":{"toys":[]}}`, `Clear toys`},
		{`"toys":["a"]`, `{"$addToSet":{"toys":"a"}}`, ``},
		{`"nums":[1,2]`, `{"$set":{"nums":[3,2]}}`, `SetErase nums 1; SetInsert nums 3`},
		{`"nums":[1,null]`, `{"$set":{"nums":[1,2]}}`, `Clear nums; SetInsert nums 1; SetInsert nums 2`},
		{`"map":{"a":"1","b":"2"}`, `{"$set":{"map.c":"3"},"$unset":{"map.a":1}}`, `Update map.a erased; Update map.c "3"`},
		{`"tag":{"text":"x","n":1}`, `{"$inc":{"tag.n":4},"$set":{"tag.text":"y"}}`, `Update tag.text "y"; AddInteger tag.n 4`},
		{`"name":"x"`, `{"$set":{"tag":{"text":"y"}}}`, `Update tag object; Update tag.text "y"`},
		{`"tag":{"text":"x"}`, `{"$unset":{"tag":1}}`, `Update tag null`},
		{`"tags":[{"text":"a"},{"text":"b"}]`, `{"$set":{"tags.1.text":"c"}}`, `Update tags[1].text "c"`},
		{`"tags":[{"text":"a"}]`, `{"$push":{"tags":{"n":1}}}`, `ArrayInsert tags[1] object of 1; Update tags[1].n 1`},
		{`"tagmap":{"k":{"text":"a"}}`, `{"$set":{"tagmap.k.text":"b","tagmap.l":{}}}`, `Update tagmap.k.text "b"; Update tagmap.l object`},
		{`"any":[1]`, `{"$push":{"any":2}}`, `ArrayInsert any[1] 2 of 1`},
		{`"any":1`, `{"$set":{"any":[2]}}`, `Update any list; Clear any; ArrayInsert any[0] 2 of 0`},
		{`"any":{"a":[1]}`, `{"$set":{"any.a":{"b":1}}}`, `Update any.a dictionary; Clear any.a; Update any.a.b 1`},
		{`"owner":"ann"`, `{"$set":{"owner":"bob"}}`, `Update owner link`},
		{`"friends":["ann"]`, `{"$push":{"friends":"bob"}}`, `ArrayInsert friends[1] link of 1`},
		{`"name":"x","age":4`, `{"name":"y"}`, `Update name "y"; Update age 0`},
	} {
		id := fmt.Sprintf(`{"$numberLong":"%d"}`, i)
		f.must(`{"insertedId":`+id+`}`, synced1, "Dog", "insertOne", `{"document":{"_id":`+id+`,`+c.before+`}}`)
		version := f.engine.Version()
		if want, bad := strings.CutPrefix(c.want, "!"); bad {
			if c.before == `"any":null` {
				// Null is left out of documents, so there is nothing that could not be incremented.
				f.must(`{"matchedCount":1,"modifiedCount":1}`, synced1, "Dog", "updateOne", `{"query":{"_id":`+id+`},"update":`+c.update+`}`)
				continue
			}
			f.refused("MongoDBError", want, synced1, "Dog", "updateOne", `{"query":{"_id":`+id+`},"update":`+c.update+`}`)
			continue
		}
		_, err := f.do(synced1, "Dog", "updateOne", `{"query":{"_id":`+id+`},"update":`+c.update+`}`)
		require.NoError(t, err, c.update)
		if c.want == "" {
			require.Equal(t, version, f.engine.Version(), "%s on %s makes no version", c.update, c.before)
			continue
		}
		require.Equal(t, c.want, print(f.instructions()), "%s on %s", c.update, c.before)
	}
}

// print writes instructions shortly.
func print(list []changeset.Instruction) string {
	var out []string
	for _, in := range list {
		s := in.Op.String() + " " + in.Field
		for _, step := range in.Path {
			if step.IsPos {
				s += fmt.Sprintf("[%d]", step.Pos)
			} else {
				s += "." + step.Key
			}
		}
		switch in.Op {
		case changeset.AddInteger:
			s += fmt.Sprint(" ", in.Add)
		case changeset.Update, changeset.ArrayInsert, changeset.SetInsert, changeset.SetErase:
			switch in.Value.Kind() {
			case value.KindString:
				s += fmt.Sprintf(" %q", in.Value.Str())
			case value.KindInt:
				s += fmt.Sprint(" ", in.Value.Int())
			case value.KindDouble:
				s += fmt.Sprint(" ", in.Value.Double())
			default:
				s += " " + in.Value.Kind().String()
			}
		}
		if n := len(in.Path); n > 0 && in.Path[n-1].IsPos {
			s += fmt.Sprintf(" of %d", in.PriorSize)
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

// whatever makes documents for Dog.
type whatever struct{ *rand.Rand }

func (w whatever) pick(options ...any) any { return options[w.IntN(len(options))] }

func (w whatever) list(element func() any) bson.A {
	out := bson.A{}
	for range w.IntN(5) {
		out = append(out, element())
	}
	return out
}

func (w whatever) tag(depth int) bson.D {
	d := bson.D{{Key: "text", Value: w.pick("a", "b")}}
	if w.IntN(2) == 0 {
		d = append(d, bson.E{Key: "n", Value: int64(w.IntN(3))})
	}
	if depth < 2 && w.IntN(2) == 0 {
		d = append(d, bson.E{Key: "inner", Value: w.tag(depth + 1)})
	}
	more := bson.A{}
	if depth < 2 {
		more = w.list(func() any { return w.tag(depth + 1) })
	}
	return append(d, bson.E{Key: "more", Value: more})
}

func (w whatever) mixed(depth int) any {
	switch n := w.IntN(8); {
	case n < 2 && depth < 3:
		return w.list(func() any { return w.mixed(depth + 1) })
	case n < 4 && depth < 3:
		return w.dictionary(func() any { return w.mixed(depth + 1) })
	}
	return w.pick(int64(1), "x", true, 2.5, bson.DateTime(5), nil, bson.D{{Key: "$ref", Value: "Person"}, {Key: "$id", Value: "ann"}})
}

func (w whatever) dictionary(element func() any) bson.D {
	d := bson.D{}
	for _, key := range []string{"", "a", "b", "c"} {
		if w.IntN(2) == 0 {
			d = append(d, bson.E{Key: key, Value: element()})
		}
	}
	return d
}

func (w whatever) document() bson.D {
	d := bson.D{{Key: "name", Value: w.pick("x", "y")}, {Key: "age", Value: int64(w.IntN(3))}}
	maybe := func(name string, v any) {
		if v != nil && w.IntN(3) > 0 {
			d = append(d, bson.E{Key: name, Value: v})
		}
	}
	maybe("good", w.pick(true, false))
	maybe("owner", w.pick("ann", "bob"))
	maybe("tag", w.tag(0))
	maybe("any", w.mixed(0))
	set := slices.Compact(slices.SortedFunc(slices.Values(w.list(func() any { return int64(w.IntN(4)) })), mql.Compare))
	return append(d, bson.E{Key: "toys", Value: w.list(func() any { return w.pick("a", "b", "c") })}, bson.E{Key: "friends", Value: w.list(func() any { return w.pick("ann", "bob") })},
		bson.E{Key: "tags", Value: w.list(func() any { return w.tag(1) })}, bson.E{Key: "scores", Value: w.list(func() any { return w.pick(int64(1), int64(2), nil) })},
		bson.E{Key: "nums", Value: append(bson.A{}, set...)}, bson.E{Key: "anys", Value: w.list(func() any { return w.mixed(1) })},
		bson.E{Key: "map", Value: w.dictionary(func() any { return w.pick("1", "2", nil) })}, bson.E{Key: "tagmap", Value: w.dictionary(func() any { return w.pick(w.tag(1), nil) })},
		bson.E{Key: "anymap", Value: w.dictionary(func() any { return w.mixed(1) })})
}

// Any document can become any other one: the instructions make exactly the document that was asked for, and apply to what devices have.
func TestAnyToAny(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	for seed := range uint64(150) {
		w := whatever{rand.New(rand.NewPCG(seed, 1))}
		d := append(bson.D{{Key: "_id", Value: int64(seed % 10)}}, w.document()...)
		_, err := f.Call(t.Context(), "app", nil, service1, "findOneAndReplace", bson.D{
			{Key: "database", Value: synced1}, {Key: "collection", Value: "Dog"}, {Key: "filter", Value: d[:1]}, {Key: "update", Value: d}, {Key: "upsert", Value: true},
		})
		require.NoError(t, err, "seed %d", seed)
		got, err := f.do(synced1, "Dog", "findOne", fmt.Sprintf(`{"query":{"_id":%d}}`, seed%10))
		require.NoError(t, err)
		require.Equal(t, text(t, sortedFields(d)), text(t, sortedFields(got.(bson.D))), "seed %d", seed)
	}
}

// sortedFields orders the top-level fields and leaves empty collections and null out, which say the same where they are left out.
func sortedFields(d bson.D) bson.D {
	out := bson.D{}
	for _, e := range d {
		if a, ok := e.Value.(bson.A); ok && len(a) == 0 && e.Key != "any" || e.Value == nil {
			continue
		}
		if m, ok := e.Value.(bson.D); ok && len(m) == 0 && e.Key != "any" {
			continue
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b bson.E) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// In development mode documents add the properties that their class lacks; otherwise they are refused.
func TestDevelopmentMode(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	f.refused("SchemaValidationFailedWrite", "no property 'wings'", synced1, "Dog", "insertOne", `{"document":{"_id":1,"wings":2}}`)
	f.config.Sync.DevelopmentMode = true
	f.must(`{"insertedId":{"$numberLong":"1"}}`, synced1, "Dog", "insertOne", `{"document":{"_id":1,"wings":2,"l1":["a","b"],"l2":["a",1],"l3":[],"d":{"x":{"y":1}},"none":null,"when":{"$date":1}}}`)
	types := map[string]string{}
	for _, p := range f.engine.Catalog().Class("Dog").Properties {
		types[p.Name] = p.TypeString()
	}
	for name, want := range map[string]string{"wings": "int?", "l1": "list<string>", "l2": "list<mixed>", "l3": "list<mixed>", "d": "dictionary<mixed>", "when": "timestamp?"} {
		require.Equal(t, want, types[name], name)
	}
	require.NotContains(t, types, "none")
	f.must(`{"_id":{"$numberLong":"1"},"wings":{"$numberLong":"2"},"l2":["a",{"$numberLong":"1"}],"d":{"x":{"y":{"$numberLong":"1"}}}}`, synced1, "Dog", "findOne", `{"project":{"wings":1,"l2":1,"d":1}}`)
	f.refused("SchemaValidationFailedWrite", "name of a property", synced1, "Dog", "insertOne", `{"document":{"_id":2,"`+strings.Repeat("x", 64)+`":2}}`)
	// A collection without a class stays one: only what is told to make classes does.
	f.must(`{"insertedId":1}`, synced1, "Cat", "insertOne", `{"document":{"_id":1}}`)
	require.Nil(t, f.engine.Catalog().Class("Cat"))
	f.must(`{"insertedId":1}`, "elsewhere", "Dog", "insertOne", `{"document":{"_id":1,"whatever":true}}`)
}

// An operation on many objects makes several versions, none of which is large.
func TestManyObjects(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	for from := 0; from < 2500; from += 500 {
		docs := bson.A{}
		for i := range 500 {
			docs = append(docs, bson.D{{Key: "_id", Value: int64(from + i)}, {Key: "age", Value: int64(1)}})
		}
		_, err := f.Call(t.Context(), "app", nil, service1, "insertMany", bson.D{{Key: "database", Value: synced1}, {Key: "collection", Value: "Dog"}, {Key: "documents", Value: docs}})
		require.NoError(t, err)
	}
	version := f.engine.Version()
	f.must(`{"matchedCount":2500,"modifiedCount":2500}`, synced1, "Dog", "updateMany", `{"query":{"age":1},"update":{"$inc":{"age":1}}}`)
	require.Equal(t, version+3, f.engine.Version())
	f.must(`{"deletedCount":2499}`, synced1, "Dog", "deleteMany", `{"query":{"_id":{"$ne":7}}}`)
	f.must(`{"$numberLong":"1"}`, synced1, "Dog", "count", `{}`)
	// What can't be cut into several versions is refused, if it is too much for one.
	large := bson.A{}
	for i := range 9 {
		large = append(large, bson.D{{Key: "_id", Value: int64(100 + i)}, {Key: "name", Value: strings.Repeat("x", 1<<20)}})
	}
	_, err := f.Call(t.Context(), "app", nil, service1, "insertMany", bson.D{{Key: "database", Value: synced1}, {Key: "collection", Value: "Dog"}, {Key: "documents", Value: large}})
	require.ErrorContains(t, err, "more at once than devices can be sent")
	f.must(`{"$numberLong":"1"}`, synced1, "Dog", "count", `{}`)
}

// What an update returns as the new document is what the next one reads: with the types and the order of the class, and what new objects have of themselves.
func TestNewDocumentIsTheObject(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	f.must(`{"insertedId":"ann"}`, synced1, "Person", "insertOne", `{"document":{"_id":"ann"}}`)
	for _, change := range []struct{ method, arg string }{
		{"findOneAndUpdate", `{"$set":{"weight":{"$numberInt":"3"},"name":"Rex","age":{"$numberDouble":"4"}}}`},
		{"findOneAndUpdate", `{"$set":{"price":{"$numberInt":"5"},"any":{"$numberInt":"6"},"height":{"$numberDouble":"0.1"},"owner":"ann","born":{"$date":{"$numberLong":"5"}}}}`},
		{"findOneAndUpdate", `{"$set":{"tag":{"n":{"$numberInt":"1"},"text":"x"},"tags":[{"text":"y"}],"tagmap":{"b":{"text":"z"},"a":null},"friends":["ann"]}}`},
		{"findOneAndUpdate", `{"$set":{"scores":[{"$numberInt":"2"},{"$numberDouble":"1"}],"nums":[{"$numberInt":"9"},{"$numberInt":"1"},{"$numberInt":"9"}],"anys":[{"$numberInt":"1"},[],{"b":{"$numberInt":"1"},"a":null}]}}`},
		{"findOneAndUpdate", `{"$push":{"scores":{"$numberInt":"3"}},"$addToSet":{"nums":{"$numberInt":"4"}},"$set":{"map":{"b":"2","a":"1"},"anymap":{"z":{"$numberInt":"1"},"y":[{"$numberInt":"1"}]}}}`},
		{"findOneAndUpdate", `{"$unset":{"age":"","weight":"","scores":""}}`},
		{"findOneAndReplace", `{"toys":["ball"],"age":{"$numberInt":"1"}}`},
		{"findOneAndReplace", `{}`},
	} {
		for _, id := range []string{"1", "2"} { // one that is there by then, and one that never is
			arg := `{"filter":{"_id":{"$numberInt":"` + id + `"}},"upsert":true,"returnNewDocument":true,"update":` + change.arg + `}`
			got, err := f.do(synced1, "Dog", change.method, arg)
			require.NoError(t, err, arg)
			f.must(text(t, got), synced1, "Dog", "findOne", `{"query":{"_id":`+id+`}}`)
		}
		f.must(`{"deletedCount":1}`, synced1, "Dog", "deleteOne", `{"query":{"_id":2}}`)
	}
}
