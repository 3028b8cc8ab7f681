package sync

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/core/wire"
	"realmsync/server/appconfig"
)

// What a client is told of each kind of query that can't be a subscription (spec/sync-semantics.md section 4.4). The session goes on.
func TestQueryErrorTexts(t *testing.T) {
	f := open(t, nil)
	key := property{Name: "_id", Type: value.KindInt}
	changes, err := schema.Diff(schema.New(), schema.New(
		schema.Class{Name: "Measure", Kind: schema.Asymmetric, PrimaryKey: "_id", Properties: []property{key}},
		schema.Class{Name: "Tag", Kind: schema.Embedded, Properties: []property{{Name: "x", Type: value.KindInt}}},
		schema.Class{Name: "Person", PrimaryKey: "_id", Properties: []property{key}},
		schema.Class{Name: "Dog", PrimaryKey: "_id", Properties: []property{
			key, {Name: "name", Type: value.KindString}, {Name: "age", Type: value.KindInt}, {Name: "years", Type: value.KindInt, Collection: schema.List},
			{Name: "tag", Type: value.KindLink, Nullable: true, LinkTarget: "Tag"}, {Name: "owner", Type: value.KindLink, Nullable: true, LinkTarget: "Person"},
			{Name: "friends", Type: value.KindLink, Collection: schema.List, LinkTarget: "Dog"},
		}},
	))
	require.NoError(t, err)
	d := f.device("anna")
	d.schema = changeset.SchemaInstructions(changes)
	d.subscribed(allDogs)
	for i, c := range []struct{ class, query, text string }{
		{"Measure", "TRUEPREDICATE", `Invalid query: "Measure": Query on ephemeral objects not allowed: objects of the asymmetric class 'Measure' are never stored`},
		{"Tag", "TRUEPREDICATE", `Invalid query: "Tag": the class 'Tag' is embedded: only top-level classes can be subscribed to`},
		{"Dog", "owner._id == 3", `Invalid query: "Dog": the key path 'owner._id' leads into another object: a subscription may refer to properties of the class only`},
		{"Dog", "@links.@count > 1", `Invalid query: "Dog": the key path '@links.@count' leads into another object: a subscription may refer to properties of the class only`},
		{"Dog", "@links.Dog.friends.age > 1", `Invalid query: "Dog": the key path '@links.Dog.friends.age' leads into another object`},
		{"Dog", "SUBQUERY(friends, $x, $x.age > 1).@count > 0", `Invalid query: "Dog": SUBQUERY is not allowed in a subscription`},
		{"Dog", "years.@sum > 3", `Invalid query: "Dog": @sum is not allowed in a subscription`},
		{"Dog", "years.@avg > 3", `Invalid query: "Dog": @avg is not allowed in a subscription`},
		{"Dog", "name TEXT 'a'", `Invalid query: "Dog": Column has no fulltext index`},
		{"Dog", "shoe == 3", `Invalid query: "Dog": 'Dog' has no property 'shoe'`},
		{"Dog", "age == 'four'", `Invalid query: "Dog": Unsupported comparison between type 'int' and type 'string'`},
		{"Dog", "age >", `Client provided query with bad syntax: "Dog": Invalid predicate: '(age >)': syntax error, unexpected ')'`},
		{"Dog", "age > 1 LIMIT(3)", `Invalid query: "Dog": SORT, DISTINCT and LIMIT are not allowed in a subscription`},
		{"Dog", "TRUEPREDICATE SORT(age ASC)", `Invalid query: "Dog": SORT, DISTINCT and LIMIT are not allowed in a subscription`},
		{"Dog", "TRUEPREDICATE DISTINCT(age)", `Invalid query: "Dog": SORT, DISTINCT and LIMIT are not allowed in a subscription`},
		{"Dog", "tag == null", `Invalid query: "Dog": the property 'tag' holds embedded objects: a subscription may not depend on them`},
		{"Cat", "TRUEPREDICATE", `Invalid query: "Cat": there is no such class on the server; upload its schema first, by opening a realm whose schema has the class`},
		{"Dog", "age == $0", `Invalid query: "Dog": Request for argument at index 0 but no arguments are provided`},
		{"Dog", "age == 1 AND name == '" + strings.Repeat("x", 1<<20) + "'", `Invalid query: the queries of the subscription set have 1048611 bytes, at most 1048576 are allowed; use fewer or shorter ones`},
	} {
		version := int64(10 + i)
		body := wire.AppendQueryBody(nil, []wire.Subscription{{Class: c.class, Query: c.query}})
		d.send(&wire.Query{Session: d.sid, Version: version, Body: body})
		m, ok := d.next().(*wire.QueryError)
		require.True(t, ok, c.query)
		require.Equal(t, wire.CodeBadQuery, m.Code)
		require.Equal(t, version, m.QueryVersion)
		require.True(t, strings.HasPrefix(string(m.Text), c.text), "%s", m.Text)
	}
	d.subscribe(100, oldDogs)
}

// Operations on what is in an object out of the view are taken back, whatever they are, and those on another object in the same transaction stay.
func TestWritesInsideOfUnseenObjects(t *testing.T) {
	f := open(t, nil)
	writer := f.device("anna")
	writer.schema = wholeSchema(t)
	writer.subscribed(allDogs)
	writer.write(create(1, "Rex", 1)...)
	writer.write(create(2, "Fido", 9)...)
	writer.upload()
	d := f.device("berta").subscribed(oldDogs)
	at := func(op changeset.Op, id int64, field string, in changeset.Instruction) changeset.Instruction {
		in.Op, in.Table, in.Key, in.Field = op, "Dog", value.IntKey(id), field
		return in
	}
	step := []changeset.Step{{Pos: 0, IsPos: true}}
	for i, in := range []changeset.Instruction{
		at(changeset.ArrayInsert, 1, "l", changeset.Instruction{Path: step, Value: value.Int(1)}),
		at(changeset.SetInsert, 1, "s", changeset.Instruction{Value: value.Int(1)}),
		at(changeset.Update, 1, "d", changeset.Instruction{Path: []changeset.Step{{Key: "k"}}, Value: value.Int(1)}),
		at(changeset.Clear, 1, "l", changeset.Instruction{Collection: schema.List}),
		at(changeset.Update, 1, "e", changeset.Instruction{Value: value.Marker(value.KindObject)}),
		at(changeset.AddInteger, 1, "i", changeset.Instruction{Add: 1}),
		at(changeset.EraseObject, 1, "", changeset.Instruction{}),
	} {
		// A client that had the object once records it; ours hasn't, so it is not applied.
		d.record([]changeset.Instruction{in, rename(2, fmt.Sprint("Fido ", i))[0]})
		require.NoError(t, d.state.Apply(&changeset.Changeset{Instructions: rename(2, fmt.Sprint("Fido ", i))}))
		d.upload()
		d.sync()
		require.Equal(t, []string{`write to 1 in table "Dog" not allowed; object is outside of the current query view`}, d.reasons(), "%d", i)
		require.Equal(t, []string{fmt.Sprintf("2 Fido %d 9", i)}, d.dogs())
		require.Equal(t, []string{"1 Rex 1", fmt.Sprintf("2 Fido %d 9", i)}, writer.sync().dogs())
	}
	require.JSONEq(t, string(writer.state.JSON()), f.whole("app", func(int64) bool { return true }, true))
}

// Keys of another type than the class has are refused, and nobody else notices.
func TestKeysOfAnotherType(t *testing.T) {
	f := open(t, nil)
	other := f.device("ben").subscribed(allDogs)
	for name, ins := range map[string][]changeset.Instruction{
		"object": {{Op: changeset.CreateObject, Table: "Dog", Key: value.StringKey("1")}},
		"null":   {{Op: changeset.CreateObject, Table: "Dog", Key: value.NullKey()}},
		"class":  {{Op: changeset.AddTable, Table: "Dog", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindString}}},
		"link": append(create(3, "Max", 3),
			changeset.Instruction{Op: changeset.AddColumn, Table: "Dog", Field: "friend", Schema: &changeset.SchemaFields{Type: value.KindLink, Nullable: true, LinkTarget: "Dog"}},
			changeset.Instruction{Op: changeset.Update, Table: "Dog", Key: value.IntKey(3), Field: "friend", Value: value.FromLink("Dog", value.StringKey("1"))}),
	} {
		d := f.device("anna").subscribed(allDogs)
		d.record(ins)
		d.uploadOnly()
		m, ok := d.next().(*wire.JSONError)
		require.True(t, ok, name)
		if name == "class" {
			require.Equal(t, wire.CodeInvalidSchemaChange, m.Code)
			require.Contains(t, m.Message, "the class exists with the primary key '_id' (int), not '_id' (string)")
		} else {
			require.Equal(t, wire.CodeBadChangeset, m.Code)
			require.Equal(t, wire.ClientReset, m.Action)
			require.Contains(t, m.Message, "BAD_KEY")
		}
		other.write(create(10, "Rex", 1)...)
		other.upload()
		other.write(erase(10)...)
		other.upload()
	}
}

// A field stops being queryable while a set that asks for it is on its way: the client comes again, and is told so.
func TestQueryableFieldGoesDuringBootstrap(t *testing.T) {
	g := openGoverned(t, walks[0].roles, func(c *Config) { c.messageBytes = 8 })
	d := g.device("anna").subscribed(allDogs)
	for i := range int64(10) {
		d.write(create(i, "Rex", i)...)
	}
	d.upload()
	d.send(&wire.TestCommand{Session: d.sid, Request: 1, Body: []byte(`{"command":"PAUSE_DOWNLOAD_BUILDER"}`)})
	expect[*wire.TestCommand](d.link)
	d.send(&wire.Query{Session: d.sid, Version: 2, Body: []byte(oldDogs)})
	d.send(&wire.TestCommand{Session: d.sid, Request: 2, Body: []byte(`{"command":"PAUSE_DOWNLOAD_BUILDER"}`)})
	expect[*wire.TestCommand](d.link) // the QUERY was handled
	g.configure(func(c *appconfig.Config) { c.SyncService().FlexibleSync.QueryableFieldsNames = []string{"name"} })
	d.send(&wire.TestCommand{Session: d.sid, Request: 3, Body: []byte(`{"command":"RESUME_DOWNLOAD_BUILDER"}`)})
	for again := false; !again; {
		m := d.next()
		if e, ok := m.(*wire.JSONError); ok {
			require.Equal(t, wire.CodeSessionClosed, e.Code)
			again = true
		} else if m, ok := m.(*wire.Download); ok {
			require.NotEqual(t, wire.LastInBatch, m.BatchState)
		}
	}
	d.send(&wire.Unbind{Session: d.sid})
	d.bind(d.sid)
	d.refusal = func(m *wire.QueryError) {
		require.Equal(t, int64(2), m.QueryVersion)
		require.Equal(t, `Invalid query: "Dog": key "age" is not a queryable field`, string(m.Text))
	}
	d.send(&wire.Query{Session: d.sid, Version: 2, Body: []byte(oldDogs)})
	for refused := false; !refused; {
		_, refused = d.step().(*wire.QueryError)
	}
	require.Len(t, d.sync().dogs(), 10)
}
