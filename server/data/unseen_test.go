package data

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/rules"
)

// ruled opens a Data with classes and with roles by collection of the synced database; those of "" are the default ones.
func ruled(t *testing.T, roles map[string]string) *fixture {
	t.Helper()
	f := open(t, func(c *Config) {
		c.Rules = rules.NewSets(c.Apps)
		c.Permissions = NewRuled(c.Rules)
	})
	f.classes(dog()...)
	s := &f.config.Services[0]
	s.DefaultRule = nil
	for name, text := range roles {
		var rule appconfig.Rule
		require.NoError(t, json.Unmarshal([]byte(text), &rule.Roles), text)
		if name == "" {
			s.DefaultRule = &rule
			continue
		}
		s.Rules = append(s.Rules, appconfig.CollectionRule{Rule: rule, Database: synced1, Collection: name})
	}
	return f
}

const (
	yes = `"apply_when":{},"document_filters":{"read":true,"write":true}`
	all = yes + `,"read":true,"write":true,"insert":true,"delete":true`
)

var (
	ann = &auth.Caller{UserID: "ann", Type: auth.TypeNormal}
	bob = &auth.Caller{UserID: "bob", Type: auth.TypeNormal}
)

// say performs an operation and returns its result, or the text of its refusal.
func (f *fixture) say(caller *auth.Caller, database, collection, method, arg string) string {
	f.t.Helper()
	v, err := f.as(caller, database, collection, method, arg)
	var e *apierror.Error
	if errors.As(err, &e) {
		return e.Text
	}
	require.NoError(f.t, err)
	return text(f.t, v)
}

// matches tells how many documents of class Dog a query in RQL finds.
func (f *fixture) matches(caller *auth.Caller, query string) int {
	f.t.Helper()
	page, err := f.Select(f.t.Context(), "app", caller, Collection{service1, synced1, "Dog"}, Selection{RQL: query})
	require.NoError(f.t, err, query)
	return len(page.Documents)
}

// A query that follows a link asks about an object for which the rules of its own class hold.
func TestRulesOfLinkedObjects(t *testing.T) {
	f := ruled(t, map[string]string{
		"Dog":    `[{"name":"all",` + all + `}]`,
		"Person": `[{"name":"self","apply_when":{},"document_filters":{"read":{"_id":"%%user.id"},"write":false},"read":true,"write":false}]`,
	})
	_, err := f.do(synced1, "Person", "insertMany", `{"documents":[{"_id":"ann"},{"_id":"bob"}]}`)
	require.NoError(t, err)
	_, err = f.do(synced1, "Dog", "insertMany", `{"documents":[{"_id":1,"owner":"ann","friends":["ann","bob"]},{"_id":2,"owner":"bob"}]}`)
	require.NoError(t, err)
	for query, want := range map[string]int{
		`owner._id == "ann"`: 1, `owner._id == "bob"`: 0, `owner._id BEGINSWITH "b"`: 0, `owner != NULL`: 1, `ANY friends._id == "bob"`: 0, `friends.@count == 1`: 1,
		`TRUEPREDICATE SORT(owner._id ASC) DISTINCT(owner._id)`: 1,
	} {
		require.Equal(t, want, f.matches(ann, query), query)
	}
}

// What is hidden of the documents in a field can't be asked about either.
func TestQueriesOnHalfHiddenFields(t *testing.T) {
	f := ruled(t, map[string]string{"": `[{"name":"r",` + yes + `,"additional_fields":{"read":true},"fields":{
		"tag":{"read":true,"fields":{"n":{"read":false}}},"tags":{"read":true,"fields":{"n":{"read":false}}},"tagmap":{"read":true,"fields":{"k":{"read":false}}}}}]`})
	_, err := f.do(synced1, "Dog", "insertOne", `{"document":{"_id":1,"tag":{"text":"a","n":5,"inner":{"text":"x"}},"tags":[{"text":"a","n":5}],"tagmap":{"k":{"text":"a"}},"toys":["ball"]}}`)
	require.NoError(t, err)
	for query, want := range map[string]int{
		`tag.n == 5`: 0, `tag.text == "a"`: 1, `tag.inner.text == "x"`: 1, `ANY tags.n == 5`: 0, `tags.@max.n == 5`: 0, `ANY tagmap.@keys == "k"`: 0, `tagmap['k'].text == "a"`: 0,
		`ANY toys == "ball"`: 1,
	} {
		require.Equal(t, want, f.matches(ann, query), query)
	}
}

// Whether an update is refused tells nothing of what the caller neither sees nor may change: it is for naming it.
func TestUpdatesOfWhatIsHidden(t *testing.T) {
	f := ruled(t, map[string]string{"": `[{"name":"r","apply_when":{},"fields":{"secret":{"read":false},"list":{"read":false},"a":{"read":true,"write":true},
		"in":{"read":true,"fields":{"x":{"read":true,"write":true},"s":{"read":false}}}},"additional_fields":{"read":true}}]`})
	f.must(`{"insertedIds":[1,2]}`, "d", "c", "insertMany", `{"documents":[{"_id":1,"a":1,"b":1,"secret":5,"list":["p"],"in":{"x":1,"s":7}},{"_id":2,"a":1}]}`)
	const no = "update not permitted"
	for _, update := range []string{
		`{"$set":{"secret":5}}`, `{"$set":{"secret":6}}`, `{"$max":{"secret":1}}`, `{"$min":{"secret":9}}`, `{"$inc":{"secret":0}}`, `{"$mul":{"secret":1}}`, `{"$unset":{"secret":1}}`,
		`{"$unset":{"secret2":1}}`, `{"$rename":{"secret2":"a"}}`, `{"$rename":{"a":"secret"}}`, `{"$pull":{"list":"q"}}`, `{"$addToSet":{"list":"p"}}`, `{"$pop":{"secret":1}}`,
		`{"$inc":{"list":1}}`, `{"$push":{"secret":1}}`, `{"$set":{"list.0":"p"}}`, `{"$set":{"in.s":7}}`, `{"$set":{"in.s.deep":7}}`, `{"$set":{"in":{"x":1,"s":7}}}`,
		`{"$set":{"list.$[]":"p"}}`, `{"$set":{"in.t":1}}`, `{"a":1,"b":1,"secret":5,"in":{"x":1,"s":7}}`, `{"a":1,"b":1,"secret":6}`, `{"a":1,"b":1,"in":{"x":1,"s":7}}`,
	} {
		require.Equal(t, no, f.say(ann, "d", "c", "updateOne", `{"query":{"_id":1},"update":`+update+`}`), update)
	}
	_, err := f.Insert(t.Context(), "app", ann, Collection{service1, "d", "c"}, []bson.D{doc(t, `{"_id":1,"a":1,"b":1,"secret":5}`)}, true)
	require.Equal(t, errUpdate, err)
	require.Equal(t, text(t, doc(t, `{"matchedCount":1,"modifiedCount":1}`)), f.say(ann, "d", "c", "updateOne", `{"query":{"_id":1},"update":{"$set":{"a":2,"in.x":2,"b":1}}}`))
	require.Equal(t, text(t, doc(t, `{"_id":1,"a":3,"b":1,"in":{"x":2}}`)), f.say(ann, "d", "c", "findOneAndUpdate", `{"filter":{"_id":1},"update":{"$set":{"a":3}},"returnNewDocument":true}`))

	// Nor whether there is a document, to who may not insert it.
	for _, id := range []string{"1", "9"} {
		require.Equal(t, "insert not permitted", f.say(ann, "d", "c", "insertOne", `{"document":{"_id":`+id+`}}`))
		require.Equal(t, "insert not permitted", f.say(ann, "d", "c", "updateOne", `{"query":{"_id":`+id+`,"zz":1},"update":{"$set":{"a":1}},"upsert":true}`))
		_, err := f.Insert(t.Context(), "app", nil, Collection{service1, "d", "c"}, []bson.D{doc(t, `{"_id":`+id+`}`)}, true)
		require.Equal(t, errInsert, err)
	}
}

// A write can't choose the role that allows it.
func TestRoleBeforeAWrite(t *testing.T) {
	f := ruled(t, map[string]string{"": `[{"name":"owner","apply_when":{"owner":"%%user.id"},"read":true,"write":true,"insert":true,"delete":true},{"name":"public","apply_when":{},"read":true}]`})
	f.must(`{"insertedIds":[1]}`, "d", "c", "insertMany", `{"documents":[{"_id":1,"owner":"ann","a":1}]}`)
	for _, update := range []string{`{"$set":{"a":2}}`, `{"$set":{"owner":"bob"}}`, `{"owner":"bob"}`} {
		require.Equal(t, "update not permitted", f.say(bob, "d", "c", "updateOne", `{"query":{"_id":1},"update":`+update+`}`))
	}
	_, err := f.Insert(t.Context(), "app", bob, Collection{service1, "d", "c"}, []bson.D{doc(t, `{"_id":1,"owner":"bob"}`)}, true)
	require.Equal(t, errUpdate, err)
	require.Equal(t, text(t, doc(t, `{"matchedCount":1,"modifiedCount":1}`)), f.say(ann, "d", "c", "updateOne", `{"query":{"_id":1},"update":{"$set":{"a":2}}}`))
}

// What is to be deleted was there before: the role for what is new is none for it.
func TestRoleBeforeADelete(t *testing.T) {
	f := ruled(t, map[string]string{"": `[{"name":"new","apply_when":{"%%prevRoot":{"$exists":false}},"read":true,"write":true,"insert":true,"delete":true},{"name":"old","apply_when":{},"read":true}]`})
	require.Equal(t, text(t, doc(t, `{"insertedId":1}`)), f.say(bob, "d", "c", "insertOne", `{"document":{"_id":1}}`))
	require.Equal(t, "update not permitted", f.say(bob, "d", "c", "updateOne", `{"query":{},"update":{"$set":{"a":1}}}`))
	require.Equal(t, "delete not permitted", f.say(bob, "d", "c", "deleteOne", `{"query":{}}`))
}

// A class that is in a collection of another name has the rules of that collection, by whichever name it is asked for.
func TestRulesOfAClassByItsOwnName(t *testing.T) {
	f := ruled(t, map[string]string{"": `[{"name":"all",` + all + `}]`, "dogs": `[{"name":"nobody","apply_when":{"%%user.id":"nobody"},"read":true}]`})
	f.config.Schemas = []appconfig.Schema{{ID: "1", Metadata: appconfig.Metadata{DataSource: service1, Database: synced1, Collection: "dogs"}, Schema: json.RawMessage(`{"title":"Dog","bsonType":"object","properties":{"_id":{"bsonType":"long"}}}`)}}
	_, err := f.do(synced1, "dogs", "insertOne", `{"document":{"_id":1,"name":"Rex"}}`)
	require.NoError(t, err)
	require.Equal(t, 1, f.matches(auth.SystemCaller(), `name == "Rex"`))
	require.Equal(t, 0, f.matches(ann, `name == "Rex"`))
	for _, name := range []string{"dogs", "Dog"} {
		require.Equal(t, `[]`, f.say(ann, synced1, name, "find", `{}`))
		require.Equal(t, "insert not permitted", f.say(ann, synced1, name, "insertOne", `{"document":{"_id":{"$numberLong":"2"}}}`))
	}
	w := f.watch(ann, `{}`)
	f.must(`{"matchedCount":1,"modifiedCount":1}`, synced1, "dogs", "updateOne", `{"query":{},"update":{"$set":{"name":"Max"}}}`)
	require.Empty(t, f.changes(w, ann))
	list, err := f.List(t.Context(), "app", ann)
	require.NoError(t, err)
	for _, i := range list {
		require.NotContains(t, []string{"dogs", "Dog"}, i.Name)
	}
}

// A plain collection belongs to its data source: another one, whose rules may allow more, doesn't lead to it.
func TestDataSourcesAreKeptApart(t *testing.T) {
	f := ruled(t, map[string]string{"": `[{"name":"nobody","apply_when":{"%%user.id":"nobody"},"read":true}]`})
	lax := appconfig.Service{ID: "2", Name: "lax", Type: f.config.Services[0].Type, DefaultRule: &appconfig.Rule{}}
	require.NoError(t, json.Unmarshal([]byte(`[{"name":"all",`+all+`}]`), &lax.DefaultRule.Roles))
	f.config.Services = append(f.config.Services, lax)
	f.must(`{"insertedId":1}`, "d", "c", "insertOne", `{"document":{"_id":1}}`)
	ask := func(service, method, arg string) string {
		t.Helper()
		v, err := f.Call(t.Context(), "app", ann, service, method, append(doc(t, arg), doc(t, `{"database":"d","collection":"c"}`)...))
		require.NoError(t, err)
		return text(t, v)
	}
	require.Equal(t, `[]`, ask(service1, "find", `{}`))
	require.Equal(t, `[]`, ask("lax", "find", `{}`))
	require.Equal(t, text(t, doc(t, `{"insertedId":1}`)), ask("lax", "insertOne", `{"document":{"_id":1,"mine":true}}`))
	require.Equal(t, text(t, bson.A{doc(t, `{"_id":1,"mine":true}`)}), ask("lax", "find", `{}`))
	f.must(`[{"_id":1}]`, "d", "c", "find", `{}`)
	list, err := f.List(t.Context(), "app", auth.SystemCaller())
	require.NoError(t, err)
	require.Contains(t, list, Info{service1, "d", "c", "documents", "_id"})
	require.Contains(t, list, Info{"lax", "d", "c", "documents", "_id"})

	// Those of earlier versions don't say whose they are: they are of the data source that is meant when none is named.
	_, err = f.files["app"].Writer().Exec("UPDATE collections SET database = 'd' WHERE database LIKE '" + service1 + "%'")
	require.NoError(t, err)
	f.must(`[{"_id":1}]`, "d", "c", "find", `{}`)
	f.must(`{"insertedId":2}`, "d", "c", "insertOne", `{"document":{"_id":2}}`)
	f.must(`[{"_id":1},{"_id":2}]`, "d", "c", "find", `{}`)
	require.Equal(t, text(t, bson.A{doc(t, `{"_id":1,"mine":true}`)}), ask("lax", "find", `{}`))
	again, err := f.List(t.Context(), "app", auth.SystemCaller())
	require.NoError(t, err)
	require.ElementsMatch(t, list, again)
}

// Whoever may not write is not told by the refusal what the class has: what isn't there, and what is of another type, is refused as anything is.
func TestUnseenSchema(t *testing.T) {
	f := ruled(t, map[string]string{
		"Dog":    `[{"name":"reader","apply_when":{"%%user.id":"ann"},"document_filters":{"read":true,"write":true},"read":true,"write":false},{"name":"all",` + all + `}]`,
		"Person": `[{"name":"none","apply_when":{"%%user.id":"ann"}},{"name":"all",` + all + `}]`,
	})
	const refusal = "insert not permitted"
	for _, d := range []string{`{"_id":1,"name":"a"}`, `{"_id":1,"name":5}`, `{"_id":1,"nope":1}`, `{"_id":"x"}`, `{}`, `{"_id":1,"owner":5}`, `{"_id":1,"tag":{"text":1}}`, `{"_id":1,"name":null}`} {
		require.Equal(t, refusal, f.say(ann, synced1, "Dog", "insertOne", `{"document":`+d+`}`), d)
		require.Equal(t, refusal, f.say(ann, synced1, "Person", "insertOne", `{"document":`+d+`}`), d)
		require.Equal(t, refusal, f.say(ann, synced1, "Dog", "updateOne", `{"query":{"height":9},"update":{"$setOnInsert":`+d+`,"$set":{"good":true}},"upsert":true}`), d)
		_, err := f.Insert(t.Context(), "app", ann, Collection{Name: "Dog"}, []bson.D{doc(t, d)}, true)
		require.EqualError(t, err, refusal, d)
	}
	f.config.Sync.DevelopmentMode = true // classes and properties are made for those who may
	require.Equal(t, refusal, f.say(ann, synced1, "Dog", "insertOne", `{"document":{"_id":1,"a.b":1}}`))
	f.config.Sync.DevelopmentMode = false
	// Whoever may is told.
	require.Contains(t, f.say(bob, synced1, "Dog", "insertOne", `{"document":{"_id":1,"name":5}}`), "'Dog.name' must be of type string")
	require.Contains(t, f.say(bob, synced1, "Dog", "insertOne", `{"document":{"_id":1,"nope":5}}`), "has no property 'nope'")
}

// The same holds for single fields.
func TestUnseenSchemaOfFields(t *testing.T) {
	f := ruled(t, map[string]string{"": `[{"name":"some",` + yes + `,"fields":{"name":{"write":true},"good":{"read":true},"tag":{"fields":{"text":{"write":true}}}}}]`})
	f.must(`{"insertedId":{"$numberLong":"1"}}`, synced1, "Dog", "insertOne", `{"document":{"_id":1,"name":"a","age":3,"good":true}}`)
	for _, set := range []string{`{"age":"x"}`, `{"age":3}`, `{"age":null}`, `{"nope":1}`, `{"nope":null}`, `{"good":5}`, `{"owner":1}`, `{"tag":{"n":"x"}}`, `{"tag":{"text":"a","nope":null}}`, `{"tag.n":"x"}`, `{"tag.nope":1}`, `{"toys.0":1}`} {
		require.Equal(t, "update not permitted", f.say(ann, synced1, "Dog", "updateOne", `{"query":{},"update":{"$set":`+set+`}}`), set)
		require.EqualError(t, f.Replace(t.Context(), "app", ann, Collection{Name: "Dog"}, "1", doc(t, set)), "update not permitted", set)
	}
	require.Contains(t, f.say(ann, synced1, "Dog", "updateOne", `{"query":{},"update":{"$set":{"name":5}}}`), "'Dog.name' must be of type string")
}

// Neither what a filter of the rules hides of a document, which its role may let the caller change.
func TestUpdatesOfWhatFiltersHide(t *testing.T) {
	f := ruled(t, map[string]string{"": `[{"name":"all",` + all + `}]`})
	f.config.Services[0].DefaultRule.Filters = json.RawMessage(`[{"name":"f","apply_when":{"%%user.id":"ann"},"projection":{"secret":0,"list":0,"gone":0,"in.s":0}}]`)
	f.must(`{"insertedId":1}`, "d", "c", "insertOne", `{"document":{"_id":1,"a":1,"secret":5,"list":["p"],"in":{"s":7,"v":1}}}`)
	for _, update := range []string{
		`{"$rename":{"secret":"b"}}`, `{"$rename":{"in.s":"b"}}`, `{"$rename":{"in":"b"}}`, `{"$max":{"secret":1}}`, `{"$max":{"secret":9}}`, `{"$min":{"in.s":1}}`, `{"$pull":{"list":"q"}}`,
		`{"$pullAll":{"list":["p"]}}`, `{"$pop":{"list":1}}`, `{"$addToSet":{"list":"p"}}`, `{"$rename":{"gone":"b"}}`, `{"$max":{"in.s.t":1}}`,
	} {
		require.Equal(t, "update not permitted", f.say(ann, "d", "c", "updateOne", `{"query":{"_id":1},"update":`+update+`}`), update)
	}
	changed := text(t, doc(t, `{"matchedCount":1,"modifiedCount":1}`))
	for _, update := range []string{`{"$max":{"a":2}}`, `{"$max":{"in.v":2}}`, `{"$max":{"in.w":2}}`, `{"$addToSet":{"tags":"x"}}`, `{"$rename":{"in.w":"w"}}`, `{"$set":{"secret":6}}`} {
		require.Equal(t, changed, f.say(ann, "d", "c", "updateOne", `{"query":{"_id":1},"update":`+update+`}`), update)
	}
	require.Equal(t, changed, f.say(bob, "d", "c", "updateOne", `{"query":{"_id":1},"update":{"$rename":{"secret":"b"}}}`))
	f.must(`[{"_id":1,"a":2,"list":["p"],"in":{"s":7,"v":2},"tags":["x"],"w":2,"b":6}]`, "d", "c", "find", `{}`)
}

// A pipeline that would change what is hidden in part is refused as one is where nothing is hidden.
func TestPipelinesOnHalfHiddenFields(t *testing.T) {
	f := ruled(t, map[string]string{"": `[{"name":"r","apply_when":{},"additional_fields":{"read":true},"fields":{"in":{"read":true,"write":true,"fields":{"s":{"read":false}}},"docs":{"read":true,"fields":{"s":{"read":false}}}}}]`})
	f.must(`{"insertedIds":[1,2]}`, "d", "c", "insertMany", `{"documents":[{"_id":1,"in":{"s":7,"v":1},"docs":[{"s":1}]},{"_id":2,"in":{"v":1},"docs":[{"v":1}]}]}`)
	for _, update := range []string{`[{"$set":{"in":5}}]`, `[{"$set":{"docs":[]}}]`, `[{"$unset":"docs"}]`} {
		for _, id := range []string{"1", "2"} {
			require.Equal(t, "update not permitted", f.say(ann, "d", "c", "updateOne", `{"query":{"_id":`+id+`},"update":`+update+`}`), update)
		}
	}
}

// What a class makes of a number is what rules decide over, and not the number that was said.
func TestRulesOfWhatIsMade(t *testing.T) {
	f := ruled(t, map[string]string{"": `[{"name":"low","apply_when":{},"document_filters":{"read":true,"write":{"height":{"$lt":2}}},"read":true,"write":true,"insert":true}]`})
	const below = "1.9999999999" // the nearest float is 2
	f.must(`{"insertedId":{"$numberLong":"1"}}`, synced1, "Dog", "insertOne", `{"document":{"_id":1,"name":"a","height":1.5}}`)
	require.Equal(t, "insert not permitted", f.say(ann, synced1, "Dog", "insertOne", `{"document":{"_id":2,"name":"a","height":`+below+`}}`))
	for _, method := range []string{"updateOne", "updateMany"} {
		require.Equal(t, "update not permitted", f.say(ann, synced1, "Dog", method, `{"query":{"_id":1},"update":{"$set":{"height":`+below+`}}}`))
	}
	_, err := f.Insert(t.Context(), "app", ann, Collection{Name: "Dog"}, []bson.D{doc(t, `{"_id":1,"name":"a","height":`+below+`}`)}, true)
	require.Equal(t, errUpdate, err)
	require.Equal(t, text(t, doc(t, `{"matchedCount":1,"modifiedCount":1}`)), f.say(ann, synced1, "Dog", "updateOne", `{"query":{"_id":1},"update":{"$set":{"height":1.75}}}`))
	f.must(`[{"height":1.75}]`, synced1, "Dog", "find", `{"project":{"_id":0,"height":1}}`)
}
