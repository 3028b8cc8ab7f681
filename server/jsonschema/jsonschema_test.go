package jsonschema

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/appconfig"
)

// config returns a configuration with these schemas, as "collection schema" or "collection schema relationships", divided by §.
func config(schemas ...string) *appconfig.Config {
	c := appconfig.Default("app")
	for _, s := range schemas {
		parts := append(strings.Split(s, "§"), "")
		of := appconfig.Schema{Metadata: appconfig.Metadata{DataSource: appconfig.DefaultService, Database: appconfig.DefaultDatabase, Collection: parts[0]}, Schema: json.RawMessage(parts[1])}
		of.ID = appconfig.FixedID("app", parts[0], fmt.Sprint(len(c.Schemas)))
		if parts[2] != "" {
			of.Relationships = json.RawMessage(parts[2])
		}
		c.Schemas = append(c.Schemas, of)
	}
	return c
}

const (
	cats = "cats§" + `{"title":"Cat","properties":{"_id":{"bsonType":"string"}},"required":["_id"]}`
	dogs = "dogs§" + `{"title":"Dog","bsonType":"object","required":["_id","name","address"],"properties":{
		"_id":{"bsonType":"objectId"},"name":{"bsonType":"string"},"age":{"bsonType":"int"},"big":{"bsonType":"long"},"ok":{"bsonType":["bool","null"]},"born":{"bsonType":"date"},
		"token":{"bsonType":"uuid"},"bytes":{"bsonType":"binData"},"any":{"bsonType":"mixed"},"either":{"bsonType":["string","long"]},"money":{"bsonType":"decimal"},
		"d":{"bsonType":"double"},"f":{"bsonType":"float"},"back":{"bsonType":"linkingObjects"},
		"tags":{"bsonType":"array","items":{"bsonType":"string"}},"maybe":{"bsonType":"array","items":{"bsonType":["string","null"]}},
		"set":{"bsonType":"array","uniqueItems":true,"items":{"bsonType":"long"}},"scores":{"bsonType":"object","properties":{},"additionalProperties":{"bsonType":"double"}},
		"open":{"bsonType":"object","additionalProperties":true},"friend":{"bsonType":"string"},"enemies":{"bsonType":"array","items":{"bsonType":"string"}},
		"address":{"bsonType":"object","title":"Address","required":["street"],"properties":{"street":{"bsonType":"string"},"who":{"bsonType":"string"}}},
		"houses":{"bsonType":"array","items":{"bsonType":"object","properties":{"n":{"bsonType":"long"},"cat":{"bsonType":"string"}}}},
		"byName":{"bsonType":"object","additionalProperties":{"bsonType":"object","title":"Address","required":["street"],"properties":{"street":{"bsonType":"string"}}}}}}` + "§" +
		`{"friend":{"ref":"#/relationship/mongodb-atlas/app/cats","foreign_key":"_id"},"enemies":{"ref":"#/stitch/mongodb-atlas/app/cats","foreign_key":"_id","is_list":true},
		"address.who.":{"ref":"#/relationship/mongodb-atlas/app/cats","foreign_key":"_id"},"houses.[].cat":{"ref":"#/relationship/mongodb-atlas/app/cats","foreign_key":"_id"},
		"name":{"ref":"#/relationship/other/app/cats","foreign_key":"_id"},"tags":{"ref":"#/relationship/mongodb-atlas/app/cats","foreign_key":"name"}}`
)

func TestClasses(t *testing.T) {
	c := config(dogs, cats, "log§"+`{"properties":{"_id":{"bsonType":"long"},"text":{"bsonType":"string"}}}`)
	c.Schemas = append(c.Schemas, appconfig.Schema{Metadata: appconfig.Metadata{DataSource: "x", Database: "y", Collection: "z"}, Schema: json.RawMessage(`{"bsonType":"regex"}`)})
	c.SyncService().FlexibleSync.AsymmetricTables = []string{"log"}
	classes, err := Of(c)
	require.NoError(t, err)
	got := map[string]string{}
	for _, class := range classes.Schema.Classes() {
		got[class.Name] = class.Kind.String()
		for _, p := range class.Properties {
			got[class.Name+"."+p.Name] = p.TypeString()
		}
	}
	require.Equal(t, map[string]string{
		"Dog": "top-level", "Dog._id": "objectId", "Dog.name": "string", "Dog.age": "int?", "Dog.big": "int?", "Dog.ok": "bool?", "Dog.born": "timestamp?", "Dog.token": "uuid?",
		"Dog.bytes": "binary?", "Dog.any": "mixed", "Dog.either": "mixed", "Dog.money": "decimal128?", "Dog.d": "double?", "Dog.f": "float?",
		"Dog.tags": "list<string>", "Dog.maybe": "list<string?>", "Dog.set": "set<int>", "Dog.scores": "dictionary<double>", "Dog.open": "dictionary<mixed>",
		"Dog.friend": "link<Cat>", "Dog.enemies": "list<link<Cat>>", "Dog.address": "link<Address>", "Dog.houses": "list<link<Dog_houses>>", "Dog.byName": "dictionary<link<Address>>",
		"Address": "embedded", "Address.street": "string", "Address.who": "link<Cat>", "Dog_houses": "embedded", "Dog_houses.n": "int?", "Dog_houses.cat": "link<Cat>",
		"Cat": "top-level", "Cat._id": "string", "log": "asymmetric", "log._id": "int", "log.text": "string?",
	}, got)
	require.Equal(t, map[string]string{"Dog": "dogs", "Cat": "cats"}, classes.Collections)
	require.Equal(t, "Dog", classes.Schema.Class("Dog").Name)

	c.SyncService().FlexibleSync.State = appconfig.SyncTerminated
	classes, err = Of(c)
	require.NoError(t, err)
	require.Empty(t, classes.Schema.Classes(), "nothing syncs")
}

func TestWrongSchemas(t *testing.T) {
	with := func(property string) string {
		return "dogs§" + `{"title":"Dog","properties":{"_id":{"bsonType":"long"},"p":` + property + `}}`
	}
	for _, c := range []struct{ schema, path, reason string }{
		{"dogs§" + `{"title":"Dog","properties":{"name":{"bsonType":"string"}}}`, "schemas[1].schema.properties", "needs the property _id"},
		{"dogs§" + `{"title":"Dog","properties":{"_id":{"bsonType":"double"}}}`, "schemas[1].schema.properties._id.bsonType", "a primary key is"},
		{"dogs§" + `{"title":"Dog","properties":{"_id":{}}}`, "schemas[1].schema.properties._id", "needs a bsonType"},
		{"dogs§" + `{"title":"Cat","properties":{"_id":{"bsonType":"long"}}}`, "schemas[1].schema.title", `"Cat" is described already, at schemas[0].schema`},
		{with(`{"bsonType":"regex"}`), "schemas[1].schema.properties.p.bsonType", "no properties of type regex"},
		{with(`{"bsonType":"number"}`), "schemas[1].schema.properties.p.bsonType", "no properties of type number"},
		{with(`{"bsonType":["object","long"]}`), "schemas[1].schema.properties.p", "an object needs properties"},
		{with(`{}`), "schemas[1].schema.properties.p", "needs a bsonType"},
		{with(`{"bsonType":"object"}`), "schemas[1].schema.properties.p", "an object needs properties"},
		{with(`{"bsonType":"array"}`), "schemas[1].schema.properties.p", "needs items"},
		{with(`{"bsonType":"array","items":{"bsonType":"array","items":{"bsonType":"long"}}}`), "schemas[1].schema.properties.p.items", "a collection can't have collections"},
		{with(`{"bsonType":"array","items":{"bsonType":"timestamp"}}`), "schemas[1].schema.properties.p.items.bsonType", "no properties of type timestamp"},
		{with(`{"bsonType":"object","additionalProperties":{"bsonType":"javascript"}}`), "schemas[1].schema.properties.p.additionalProperties.bsonType", "no properties of type javascript"},
		{with(`{"bsonType":"object","title":"Cat","properties":{"x":{"bsonType":"long"}}}`), "schemas[1].schema.properties.p.title", "a class of its own"},
		{with(`{"bsonType":"object","title":"E","properties":{"x":{"bsonType":"long"},"y":{"bsonType":"object","title":"E","properties":{"x":{"bsonType":"string"}}}}}`),
			"schemas[1].schema.properties.p.properties.y.properties.x", ""},
		{with(`{"bsonType":"object","title":"E","properties":{"y":{"bsonType":"object","title":"E","properties":{"x":{"bsonType":"string"}}}}}`), "schemas[1].schema.properties.p.properties.y", "Cycles"},
		{with(`{"bsonType":"array","uniqueItems":true,"items":{"bsonType":"object","title":"E","properties":{"x":{"bsonType":"string"}}}}`), "schemas[1].schema.properties.p", "sets of embedded"},
		{with(`{"bsonType":"long"}`) + "§" + `{"p":{"ref":"#/relationship/mongodb-atlas/app/cats","foreign_key":"_id"}}`, "schemas[1].schema.properties.p.bsonType", "whose primary key is of type string"},
		{with(`{"bsonType":"long"}`) + "§" + `{"p":{"ref":"#/relationship/mongodb-atlas/app/cows","foreign_key":"_id"}}`, "schemas[1].relationships.p.ref", `no schema for the collection "cows"`},
		{with(`{"bsonType":"long"}`) + "§" + `{"p":{"ref":"cows","foreign_key":"_id"}}`, "schemas[1].relationships.p.ref", "does not name a collection"},
		{"dogs§" + `{"title":"` + strings.Repeat("n", 58) + `","properties":{"_id":{"bsonType":"long"}}}`, "schemas[1].schema", "58 bytes"},
		{"dogs§" + `{"title":"Dog","properties":{"_id":{"bsonType":"long"},"` + strings.Repeat("n", 64) + `":{"bsonType":"long"}}}`, "schemas[1].schema.properties." + strings.Repeat("n", 64), "64 bytes"},
		{"dogs§" + `{"title":"Dog","properties":{"_id":{"bsonType":"long"},"":{"bsonType":"long"}}}`, "schemas[1].schema.properties.", "can't be the name"},
	} {
		_, err := Of(config(cats, c.schema))
		var invalid *appconfig.ValidationError
		require.ErrorAs(t, err, &invalid, c.schema)
		require.Equal(t, c.path, invalid.Path, invalid.Reason)
		require.Contains(t, invalid.Reason, c.reason)
	}
	deep := `{"bsonType":"long"}`
	for i := range 80 {
		deep = fmt.Sprintf(`{"title":"E%d","properties":{"x":%s}}`, i, deep)
	}
	_, err := Of(config(with(deep)))
	require.ErrorContains(t, err, "nested more than 64 deep")
}

// What devices bring can be read back as the same classes, and nothing is lost of what was described.
func TestAdd(t *testing.T) {
	first, err := Of(config(dogs, cats))
	require.NoError(t, err)
	full := first.Schema.With(schema.Class{Name: "Event", Kind: schema.Asymmetric, PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindUUID, Nullable: true}, {Name: "cat", Type: value.KindLink, LinkTarget: "Cat", Nullable: true}}})
	c := appconfig.Default("app")
	added, err := Add("app", c, full)
	require.NoError(t, err)
	require.True(t, added)
	require.NoError(t, c.Validate())
	again, err := Of(c)
	require.NoError(t, err)
	require.Equal(t, described(full), described(again.Schema))
	require.Equal(t, []string{"Event"}, c.SyncService().FlexibleSync.AsymmetricTables)
	added, err = Add("app", c, full)
	require.NoError(t, err)
	require.False(t, added, "it is there")

	// What an embedded class has got comes to every place where it is.
	c = config(strings.Replace(dogs, `"title":"Dog"`, `"title":"Dog","description":"ours"`, 1), cats)
	street := *full.Class("Address")
	street.Properties = append(street.Properties[:len(street.Properties):len(street.Properties)],
		schema.Property{Name: "zip", Type: value.KindInt}, schema.Property{Name: "back", Type: value.KindLink, LinkTarget: "Cat", Nullable: true})
	more := full.With(street)
	added, err = Add("app", c, more.Without("Event"))
	require.NoError(t, err)
	require.True(t, added)
	require.NoError(t, c.Validate())
	require.Len(t, c.Schemas, 2)
	require.Contains(t, string(c.Schemas[0].Schema), `"ours"`)
	again, err = Of(c)
	require.NoError(t, err)
	require.Equal(t, described(more.Without("Event")), described(again.Schema))
	require.Contains(t, string(c.Schemas[0].Relationships), `"byName.back"`)

	// A configuration that says otherwise stays; the conflict is told where it is.
	other := schema.New(schema.Class{Name: "Dog", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindObjectID}, {Name: "name", Type: value.KindInt}}})
	added, err = Add("app", c, other)
	require.NoError(t, err)
	require.False(t, added)
	require.NoError(t, again.Conflict(more, false))
	var invalid *appconfig.ValidationError
	require.ErrorAs(t, again.Conflict(other, false), &invalid)
	require.Equal(t, "schemas[0].schema.properties.name", invalid.Path)
	require.Contains(t, invalid.Reason, `"Dog.name" is in use with the type int, not string`)
	require.ErrorAs(t, again.Conflict(schema.New(schema.Class{Name: "Cat", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt}}}), true), &invalid)
	require.Equal(t, "schemas[1].schema.properties._id", invalid.Path)
	require.ErrorAs(t, again.Conflict(schema.New(schema.Class{Name: "Cat", Kind: schema.Embedded}), true), &invalid)
	require.Equal(t, "schemas[1].schema", invalid.Path)
}

// Devices choose their classes: those that would make a schema without end make none.
func TestAddIsBounded(t *testing.T) {
	link := func(to string) []schema.Property {
		return []schema.Property{{Name: "a", Type: value.KindLink, LinkTarget: to, Nullable: true}, {Name: "b", Type: value.KindLink, LinkTarget: to, Nullable: true}}
	}
	top := schema.Class{Name: "Top", PrimaryKey: "_id", Properties: append([]schema.Property{{Name: "_id", Type: value.KindInt}}, link("E0")...)}
	_, err := Add("app", appconfig.Default("app"), schema.New(top, schema.Class{Name: "E0", Kind: schema.Embedded, Properties: link("E0")}))
	require.ErrorIs(t, err, errTooLarge)
	wide := schema.New(top)
	for i := range 40 {
		wide = wide.With(schema.Class{Name: fmt.Sprintf("E%d", i), Kind: schema.Embedded, Properties: link(fmt.Sprintf("E%d", i+1))})
	}
	_, err = Add("app", appconfig.Default("app"), wide.With(schema.Class{Name: "E40", Kind: schema.Embedded}))
	require.ErrorIs(t, err, errTooLarge)
}

// described is a schema by its parts, in no order.
func described(s *schema.Schema) map[string]string {
	out := map[string]string{}
	for _, class := range s.Classes() {
		out[class.Name] = class.Kind.String()
		for _, p := range class.Properties {
			out[class.Name+"."+p.Name] = fmt.Sprint(p.TypeString(), p.Nullable)
		}
	}
	return out
}
