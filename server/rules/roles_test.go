package rules

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
)

// everyone is a role that allows everything.
const everyone = `{"name":"all","apply_when":null,"document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}`

// may is what anna may do with a document, in sync and as a program.
type may struct{ read, write, insert, del bool }

// Conformance item 28 of app-services.md: selection, compatibility and evaluation.
func TestRoles(t *testing.T) {
	const own, others = `{"_id":1,"owner":"anna","team":"red","public":false}`, `{"_id":2,"owner":"berta","team":"red","public":false}`
	all, nothing := may{true, true, true, true}, may{}
	readOnly := may{read: true}
	cases := []struct {
		name    string
		service string
		doc     string
		sync    may
		remote  may
		denied  string // why sync gives no access at all
	}{
		{"default only", `{"default_rule":{"roles":[` + everyone + `]}}`, others, all, all, ""},
		{"the collection overrides the default",
			`{"default_rule":{"roles":[` + everyone + `]},"rules":[{"database":"db","collection":"Dog","roles":[{"name":"r","document_filters":{"read":true,"write":false},"read":true,"write":true,"insert":true,"delete":true}]}]}`,
			others, readOnly, readOnly, ""},
		{"a collection without roles leaves the default", `{"default_rule":{"roles":[` + everyone + `]},"rules":[{"database":"db","collection":"Dog","roles":[]}]}`, others, all, all, ""},
		{"another database's collection is another", `{"default_rule":{"roles":[]},"rules":[{"database":"other","collection":"Dog","roles":[` + everyone + `]}]}`, others, nothing, nothing, "no role applies"},
		{"no fall-through to the default",
			`{"default_rule":{"roles":[` + everyone + `]},"rules":[{"database":"db","collection":"Dog","roles":[{"name":"never","apply_when":{"%%user.id":"berta"},"document_filters":{"read":true,"write":true},"read":true,"write":true}]}]}`,
			own, nothing, nothing, "no role applies"},
		{"no rule at all", `{}`, own, nothing, nothing, "no role applies"},
		{"the first role that applies wins",
			`{"default_rule":{"roles":[{"name":"not","apply_when":{"%%user.custom_data.admin":false},"document_filters":{"read":true,"write":true},"read":true,"write":true},
			{"name":"reader","apply_when":{"%%user.custom_data.admin":true},"document_filters":{"read":true,"write":true},"read":true,"write":false},` + everyone + `]}}`,
			others, readOnly, readOnly, ""},
		{"an incompatible first match denies sync, and later roles are not tried",
			`{"default_rule":{"roles":[{"name":"unfiltered","read":true,"write":true,"insert":true,"delete":true},` + everyone + `]}}`, own, nothing, all,
			"the role unfiltered applies and can't be used for sync: it has no document filters for both reading and writing"},
		{"one filter is not enough", `{"default_rule":{"roles":[{"name":"half","document_filters":{"read":true},"read":true,"write":true,"insert":true,"delete":true}]}}`, own, nothing, readOnly,
			"the role half applies and can't be used for sync: it has no document filters for both reading and writing"},
		{"a filter on a field that is not queryable", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":{"secret":1},"write":true},"read":true,"write":true,"insert":true,"delete":true}]}}`, own, nothing, all,
			`the role r applies and can't be used for sync: its document_filters.read names the field "secret", which is not queryable`},
		{"a filter on a field that is queryable in this collection", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":{"breed":null},"write":false},"read":true}]}}`, own, readOnly, readOnly, ""},
		{"the key is always queryable", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":{"_id":1},"write":false},"read":true}]}}`, own, readOnly, readOnly, ""},
		{"an insert on a field that is not queryable", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":{"secret":null},"delete":true}]}}`, own, nothing, all,
			`the role r applies and can't be used for sync: its insert names the field "secret", which is not queryable`},
		{"an expansion that sync has not", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":{"%%prevRoot.owner":{"$exists":false}},"write":true},"read":true,"write":true,"insert":true,"delete":true}]}}`, own, nothing, all,
			"the role r applies and can't be used for sync: its document_filters.read expands %%prevRoot"},
		{"a function in a filter", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":{"%%true":{"%function":{"name":"f"}}},"write":true},"read":true,"write":true,"insert":true,"delete":true}]}}`, own, nothing, all,
			"the role r applies and can't be used for sync: its document_filters.read calls a function"},
		{"an expression where sync wants true or false", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":true,"write":true},"read":{"owner":"anna"},"write":true,"insert":true,"delete":true}]}}`, own, nothing, all,
			"the role r applies and can't be used for sync: its read is not true or false"},
		{"apply_when about the document", `{"default_rule":{"roles":[{"name":"r","apply_when":{"owner":"anna"},"document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}]}}`, own, nothing, all,
			`the role r applies and can't be used for sync: its apply_when names the field "owner"`},
		{"a permission for _id", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":true,"write":true},"fields":{"_id":{"read":true},"team":{"read":true}}}]}}`, own, nothing, readOnly,
			"the role r applies and can't be used for sync: it has a permission for the field _id"},
		{"read only", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":true,"write":false},"read":true,"write":false,"insert":false,"delete":false}]}}`, own, readOnly, readOnly, ""},
		{"writing implies reading", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":false,"write":true},"read":false,"write":true,"insert":true,"delete":true}]}}`, own, all, all, ""},
		{"fields that may be written can't be read when reading is off", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":true,"write":true},"read":false,"fields":{"team":{"read":true,"write":true}},"insert":true}]}}`, own, may{write: true}, may{write: true}, ""},
		{"inserting is off", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":false,"delete":true}]}}`, own, may{true, true, false, true}, may{true, true, false, true}, ""},
		{"inserting is not given", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":true,"write":true},"read":true,"write":true,"delete":true}]}}`, own, may{true, true, false, true}, may{true, true, false, true}, ""},
		{"deleting is off", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":false}]}}`, own, may{true, true, true, false}, may{true, true, true, false}, ""},
		{"neither read nor write is given, and no fields", `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":true,"write":true},"insert":true,"delete":true}]}}`, own, may{del: true}, may{del: true}, ""},
		{"owner, own", `{"default_rule":{"roles":[{"name":"owner","apply_when":{},"document_filters":{"read":true,"write":{"owner":"%%user.id"}},"read":true,"write":true,"insert":true,"delete":true}]}}`, own, all, all, ""},
		{"owner, others", `{"default_rule":{"roles":[{"name":"owner","apply_when":{},"document_filters":{"read":true,"write":{"owner":"%%user.id"}},"read":true,"write":true,"insert":true,"delete":true}]}}`, others, readOnly, readOnly, ""},
		{"unreadable", `{"default_rule":{"roles":[{"name":"owner","document_filters":{"read":{"public":true},"write":{"owner":"%%user.id"}},"read":true,"write":true,"insert":true,"delete":true}]}}`, others, nothing, nothing, ""},
		{"filters by custom data", `{"default_rule":{"roles":[{"name":"team","document_filters":{"read":{"team":"%%user.custom_data.teams"},"write":{"team":"%%user.custom_data.absent"}},"read":true,"write":true,"insert":true,"delete":true}]}}`, others, readOnly, readOnly, ""},
		{"legacy permissions", `{"flexible_sync":{"database_name":"db","queryable_fields_names":["owner"],"permissions":{"rules":{"Dog":[{"name":"owner","applyWhen":{},"read":true,"write":{"owner":"%%user.id"}}]},"defaultRoles":[]}}}`, others, readOnly, readOnly, ""},
		{"legacy default", `{"flexible_sync":{"database_name":"db","permissions":{"rules":{},"defaultRoles":[{"name":"all","applyWhen":{},"read":true,"write":true}]}}}`, others, all, all, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			set := compiled(t, service(t, c.service))
			d := doc(t, c.doc)
			session := set.Sync(anna(t), nil)
			a := session.Class("Dog", "_id")
			require.Equal(t, c.denied, session.Denial("Dog"))
			require.Equal(t, c.sync, may{
				a.Readable.Match(BSON(d)) && a.Reads("team"), a.Writable.Match(BSON(d)) && a.Writes("team"), a.Insertable.Match(BSON(d)), a.Deletable.Match(BSON(d)),
			}, "sync")
			r := set.Document(anna(t), "mongodb-atlas", "db", "Dog", d, nil, func(string, bson.A) (any, error) { return true, nil }, nil)
			require.Equal(t, c.remote, may{reads(r, d, "team"), r.CanWrite(d, d, "team"), r.CanInsert(d), r.CanDelete(d)}, "remote")
		})
	}
}

// Fields decide where read and write are not given (12.3).
func TestFields(t *testing.T) {
	set := compiled(t, service(t, `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":true,"write":{"owner":"%%user.id"}},
		"fields":{"name":{"read":true,"write":true},"salary":{"read":false,"write":false},"note":{"write":true}},"additional_fields":{"read":true},"insert":true,"delete":false}]}}`))
	d := doc(t, `{"_id":1,"owner":"anna","name":"x","salary":5,"note":"n","more":1}`)
	a := set.Sync(anna(t), nil).Class("Dog", "_id")
	r := set.Document(anna(t), "mongodb-atlas", "db", "Dog", d, nil, nil, nil)
	for field, want := range map[string][2]bool{"name": {true, true}, "salary": {false, false}, "note": {true, true}, "more": {true, false}} {
		require.Equal(t, want, [2]bool{a.Reads(field), a.Writes(field)}, field)
		require.Equal(t, want, [2]bool{reads(r, d, field), r.CanWrite(d, d, field)}, field)
	}
	require.False(t, a.ReadsAll())
	require.False(t, a.Insertable.Match(BSON(d)), "inserting needs the right to write all")
	require.False(t, r.CanInsert(d))
	seen, ok := r.Readable(d)
	require.True(t, ok)
	require.Equal(t, doc(t, `{"_id":1,"owner":"anna","name":"x","note":"n","more":1}`), seen)
	// Filters hold before and after.
	foreign := doc(t, `{"_id":1,"owner":"berta"}`)
	require.False(t, r.CanWrite(d, foreign, "name"))
	require.False(t, r.CanWrite(foreign, d, "name"))
	require.False(t, reads(nil, d, "name"))
	_, ok = (*Role)(nil).Readable(d)
	require.False(t, ok)
}

// The view of an access tells whether two sessions may see the same, and reads back.
func TestAccessView(t *testing.T) {
	const filtered = `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":{"public":true},"write":{"owner":"%%user.id"}},"fields":{"salary":{"read":false}},"additional_fields":{"read":true,"write":true}}]}}`
	of := func(text, user string) *Access {
		return compiled(t, service(t, text)).Sync(&Caller{UserID: user}, nil).Class("Dog", "_id")
	}
	require.Nil(t, of(`{"default_rule":{"roles":[`+everyone+`]}}`, "anna").View())
	require.Equal(t, of(filtered, "anna").View(), of(filtered, "anna").View())
	require.NotEqual(t, of(filtered, "anna").View(), of(filtered, "berta").View())
	require.NotNil(t, none.View())
	again, err := AccessOfView(of(filtered, "anna").View())
	require.NoError(t, err)
	require.Equal(t, `["or",[["$eq","public",true],["$eq","owner","anna"]]]`, again.Readable.String())
	require.False(t, again.Reads("salary"))
	require.True(t, again.Reads("name"))
	require.False(t, again.Writes("name"), "what is stored is for seeing only")
	for _, bad := range []any{"x", bson.A{}, bson.A{"x", nil, true, ""}, bson.A{true, bson.A{"x"}, true, ""}, bson.A{true, nil, 5, ""}} {
		_, err := AccessOfView(bad)
		require.Error(t, err)
	}
	// Writing changes the view as well: the server tells the client that its role has changed.
	const readOnly = `{"default_rule":{"roles":[{"name":"r","document_filters":{"read":true,"write":false},"read":true,"write":true}]}}`
	require.NotNil(t, of(readOnly, "anna").View())
}

func TestCompileErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"default_rule":{"roles":[{"name":""}]}}`:                                                                                     `services[0].default_rule.roles[0]: the role has no name`,
		`{"default_rule":{"roles":[{"name":"r","apply_when":{"%%who":1}}]}}`:                                                           `services[0].default_rule.roles[0].apply_when.%%who: unknown expansion "%%who"`,
		`{"rules":[{"database":"d","collection":"c","roles":[{"name":"a"},{"name":"r","document_filters":{"read":{"x":{"$y":1}}}}]}]}`: `services[0].rules[0].roles[1].document_filters.read.x.$y: unknown operator "$y"`,
		`{"default_rule":{"roles":[{"name":"r","fields":{"a":{"write":5}}}]}}`:                                                         `services[0].default_rule.roles[0].fields.a.write: an expression is true, false or an object, not a number`,
		`{"flexible_sync":{"database_name":"db","permissions":[]}}`:                                                                    `services[0].flexible_sync.permissions: `,
	} {
		_, err := Compile(service(t, text))
		require.ErrorContains(t, err, want)
	}
}

// A class may have another name than its collection.
func TestClassOfCollection(t *testing.T) {
	c := service(t, `{"rules":[{"database":"db","collection":"dogs","roles":[`+everyone+`]}]}`)
	require.True(t, compiled(t, c).Sync(anna(t), nil).Class("Dog", "_id").Readable.IsNothing())
	c.Schemas = append(c.Schemas, schemaOf("Dog", "dogs"))
	require.True(t, compiled(t, c).Sync(anna(t), nil).Class("Dog", "_id").IsFull())
}

func TestSystemUser(t *testing.T) {
	set := compiled(t, service(t, `{}`))
	system := &Caller{System: true}
	require.True(t, set.Sync(system, nil).Class("Dog", "_id").IsFull())
	r := set.Document(system, "mongodb-atlas", "db", "Dog", bson.D{}, nil, nil, nil)
	require.True(t, r.CanInsert(bson.D{}) && r.CanDelete(bson.D{}) && reads(r, bson.D{}, "x") && r.CanWrite(nil, bson.D{}, "x"))
}

// A configuration that was stored before schemas were checked is refused when it is saved, and its rules hold all the same.
func TestWrongSchemas(t *testing.T) {
	c := service(t, `{"rules":[{"database":"db","collection":"Dog","roles":[`+everyone+`]}]}`)
	c.Schemas = append(c.Schemas, schemaOf("Dog", "Dog"))
	c.Schemas[0].Schema = []byte(`{"title":"Dog","properties":{}}`)
	require.ErrorContains(t, Check(c), "schemas[0].schema.properties: a class that syncs needs the property _id")
	set := compiled(t, c)
	require.True(t, set.Sync(anna(t), nil).Class("Dog", "_id").IsFull())
	require.Error(t, set.Classes().Wrong)
	require.Equal(t, "Dog", set.ClassOf("Dog"))
}

// Fields are queryable in all classes, in one collection, or as indexed ones; of an app that doesn't sync none is.
func TestQueryable(t *testing.T) {
	set := compiled(t, service(t, `{"flexible_sync":{"database_name":"db","queryable_fields_names":["a"],"indexed_queryable_fields_names":["b"],"collection_queryable_fields_names":{"Dog":["c"]}}}`))
	for _, c := range []struct {
		class, field string
		want         bool
	}{{"Dog", "a", true}, {"Cat", "a", true}, {"Cat", "b", true}, {"Dog", "c", true}, {"Cat", "c", false}, {"Dog", "d", false}} {
		require.Equal(t, c.want, set.Queryable(c.class, c.field), "%s.%s", c.class, c.field)
	}
	require.False(t, compiled(t, service(t, `{}`)).Queryable("Dog", "a"))
}

// Fields of embedded documents that have a rule of their own are decided by it, in the document and in arrays; the others by the rule of the field
// that they are in. Devices get no access to such a class.
func TestNestedFields(t *testing.T) {
	set := compiled(t, service(t, `{"default_rule":{"roles":[{"name":"r","fields":{
		"address":{"read":true,"write":true,"fields":{"code":{"read":false},"city":{"read":true,"write":{"%%prev":"old"}},"geo":{"fields":{"lat":{"read":true,"write":true}}}}},
		"hidden":{"fields":{"name":{"read":true,"write":true}}}},"additional_fields":{"read":true,"write":true}}]}}`))
	before := doc(t, `{"_id":1,"address":{"street":"s","code":"c","city":"old","geo":{"lat":1,"lon":2}},"hidden":{"name":"n","pin":5},"list":1}`)
	r := set.Document(anna(t), "mongodb-atlas", "db", "Dog", before, nil, nil, nil)
	seen := func(text string) bson.D {
		part, ok := r.Readable(doc(t, text))
		require.True(t, ok)
		return part
	}
	require.Equal(t, doc(t, `{"_id":1,"address":{"street":"s","city":"old","geo":{"lat":1}},"hidden":{"name":"n"},"list":1}`), seen(`{"_id":1,"address":{"street":"s","code":"c","city":"old","geo":{"lat":1,"lon":2}},"hidden":{"name":"n","pin":5},"list":1}`))
	require.Equal(t, doc(t, `{"_id":1,"address":[{"street":"s"},7],"x":0}`), seen(`{"_id":1,"address":[{"street":"s","code":"c"},7],"hidden":[{"pin":5},5],"x":0}`))
	require.Equal(t, doc(t, `{"_id":1,"address":"text"}`), seen(`{"_id":1,"address":"text","hidden":"text"}`))

	for _, c := range []struct {
		field, value string
		want         bool
	}{
		{"address", `{"street":"other","code":"c","city":"old","geo":{"lat":1,"lon":2}}`, true},
		{"address", `{"street":"s","code":"other","city":"old","geo":{"lat":1,"lon":2}}`, false},
		{"address", `{"street":"s","code":"c","city":"new","geo":{"lat":1,"lon":2}}`, true},
		{"address", `{"street":"s","code":"c","city":"old","geo":{"lat":5,"lon":2}}`, true},
		{"address", `{"street":"s","code":"c","city":"old","geo":{"lat":1,"lon":5}}`, false},
		{"address", `{"street":"s","city":"old","geo":{"lat":1,"lon":2}}`, false}, // it takes code away
		{"address", `{"code":"c","city":"old","geo":{"lat":1,"lon":2}}`, true},
		{"address", `null`, false},
		{"address", `[{"street":"s"}]`, false},
		{"hidden", `{"name":"other","pin":5}`, true},
		{"hidden", `{"name":"n","pin":6}`, false},
		{"hidden", `{"name":"n","pin":5,"more":1}`, false},
		{"list", `2`, true},
	} {
		after := bson.D{}
		for _, e := range before {
			if e.Key == c.field {
				e.Value = doc(t, `{"v":`+c.value+`}`)[0].Value
			}
			after = append(after, e)
		}
		require.Equal(t, c.want, r.CanWrite(before, after, c.field), "%s %s", c.field, c.value)
	}
	session := set.Sync(anna(t), nil)
	require.True(t, session.Class("Dog", "_id").Readable.IsNothing())

	_, err := Compile(service(t, `{"default_rule":{"roles":[{"name":"r","fields":{"a":{"fields":{"b":{"fields":{"c":{"read":{"%%who":1}}}}}}}}]}}`))
	require.ErrorContains(t, err, `services[0].default_rule.roles[0].fields.a.fields.b.fields.c.read.%%who: unknown expansion "%%who"`)
}

// What came in decides over what programs may do; devices have no request.
func TestRequestExpansion(t *testing.T) {
	set := compiled(t, service(t, `{"default_rule":{"roles":[{"name":"house","apply_when":{"%%request.remoteIPAddress":{"$in":["10.0.0.1"]}},"document_filters":{"read":true,"write":true},"read":true}]}}`))
	caller, d := anna(t), doc(t, `{"_id":1,"team":"red"}`)
	require.False(t, reads(set.Document(caller, "mongodb-atlas", "db", "Dog", d, nil, nil, nil), d, "team"))
	caller.Request = bson.D{{Key: "remoteIPAddress", Value: "10.0.0.1"}}
	require.True(t, reads(set.Document(caller, "mongodb-atlas", "db", "Dog", d, nil, nil, nil), d, "team"))
	require.True(t, set.Sync(caller, nil).Class("Dog", "_id").Readable.IsNothing())
}

// Expressions that are not part of a role are looked at when a configuration is saved.
func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		`{"default_rule":{"roles":[],"filters":[{"name":"f","apply_when":{"%%who":1},"query":{}}]}}`:                                          `services[0].default_rule.filters[0].apply_when.%%who: unknown expansion "%%who"`,
		`{"rules":[{"database":"d","collection":"c","roles":[],"filters":[{"name":"e","query":{}},{"name":"f","query":{"a":{"$near":1}}}]}]}`: `services[0].rules[0].filters[1].query.a.$near: unknown operator "$near"`,
		`{"default_rule":{"roles":[],"filters":[{"name":"f","apply_when":{"%%user.id":"x"},"query":{"a":"%%user.id"}}]}}`:                     "",
	} {
		err := Check(service(t, text))
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
	}
	c := service(t, `{}`)
	c.Functions = []appconfig.Function{{Name: "f", CanEvaluate: []byte(`{"%%user.custom.admin":true}`)}}
	require.ErrorContains(t, Check(c), `functions[0].can_evaluate.%%user.custom.admin: unknown expansion "%%user.custom.admin"`)
}
