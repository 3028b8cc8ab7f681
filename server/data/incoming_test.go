package data

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/auth"
	"realmsync/server/rules"
)

// linked is dog, with what may hold links besides.
func linked() []schema.Class {
	classes := dog()
	property := func(name string, c schema.Collection, kind value.Kind, target string) schema.Property {
		return schema.Property{Name: name, Type: kind, Nullable: c == schema.Single || c == schema.Dictionary || kind == value.KindMixed, Collection: c, LinkTarget: target}
	}
	return append(classes, schema.Class{Name: "Box", Kind: schema.Embedded, Properties: []schema.Property{
		property("who", schema.Single, value.KindLink, "Person"), property("inner", schema.Single, value.KindLink, "Box"), property("all", schema.List, value.KindLink, "Person"),
	}}, schema.Class{Name: "Club", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt}, property("members", schema.Set, value.KindLink, "Person"), property("roles", schema.Dictionary, value.KindLink, "Person"),
		property("box", schema.Single, value.KindLink, "Box"), property("boxes", schema.List, value.KindLink, "Box"), property("bits", schema.Set, value.KindMixed, ""),
		property("n", schema.Single, value.KindInt, ""),
	}})
}

// What removes an object takes the links to it away first, wherever they are, as a device does (changeset.md 6.10).
func TestUnlink(t *testing.T) {
	f := open(t, nil)
	f.classes(linked()...)
	f.must(`{"insertedIds":["ann","bob","cid"]}`, synced1, "Person", "insertMany", `{"documents":[{"_id":"ann"},{"_id":"bob"},{"_id":"cid"}]}`)
	f.must(`{"insertedIds":[{"$numberLong":"1"},{"$numberLong":"2"},{"$numberLong":"3"}]}`, synced1, "Dog", "insertMany", `{"documents":[
		{"_id":1,"owner":"ann","friends":["ann","bob","ann","cid"],"any":{"a":{"$ref":"Person","$id":"ann"},"l":[{"$ref":"Person","$id":"ann"},[{"$ref":"Person","$id":"ann"}],5]},
			"anys":[{"$ref":"Person","$id":"ann"},{"$ref":"Person","$id":"bob"}],"anymap":{"x":{"$ref":"Person","$id":"ann"},"y":1}},
		{"_id":2,"owner":"bob","any":"ann"},{"_id":3,"any":{"$ref":"Person","$id":"ann"}}]}`)
	f.must(`{"insertedId":{"$numberLong":"1"}}`, synced1, "Club", "insertOne", `{"document":{"_id":1,"members":["ann","bob"],"roles":{"boss":"ann","cook":"bob"},"bits":[{"$ref":"Person","$id":"ann"},7],
		"box":{"who":"bob","inner":{"who":"ann","all":["ann","bob"]}},"boxes":[{"who":"ann"},{"who":"bob"}]}}`)
	f.must(`{"deletedCount":1}`, synced1, "Person", "deleteOne", `{"query":{"_id":"ann"}}`)
	require.Equal(t, "SetErase members link; Update roles.boss null; Update box.inner.who null; ArrayErase box.inner.all[0] of 2; Update boxes[0].who null; SetErase bits link; "+
		"Update owner null; Update any.a null; ArrayErase any.l[1][0] of 1; ArrayErase any.l[0] of 3; ArrayErase friends[2] of 4; ArrayErase friends[0] of 3; ArrayErase anys[0] of 2; "+
		"Update anymap.x null; Update any null; EraseObject ", print(f.instructions()))
	f.must(`{"_id":{"$numberLong":"1"},"name":"","age":{"$numberLong":"0"},"any":{"a":null,"l":[[],{"$numberLong":"5"}]},"toys":[],"friends":["bob","cid"],"tags":[],"scores":[],"nums":[],
		"anys":[{"$ref":"Person","$id":"bob"}],"map":{},"tagmap":{},"anymap":{"x":null,"y":{"$numberLong":"1"}}}`, synced1, "Dog", "findOne", `{"query":{"_id":1}}`)
	f.must(`{"_id":{"$numberLong":"1"},"members":["bob"],"roles":{"boss":null,"cook":"bob"},"box":{"who":"bob","inner":{"all":["bob"]},"all":[]},"boxes":[{"all":[]},{"who":"bob","all":[]}],
		"bits":[{"$numberLong":"7"}]}`, synced1, "Club", "findOne", `{}`)
	// The object that is made again is linked to by nobody.
	f.must(`{"insertedId":"ann"}`, synced1, "Person", "insertOne", `{"document":{"_id":"ann"}}`)
	require.NotContains(t, string(f.replay().JSON()), "dangling")
	require.NotContains(t, string(f.replay().JSON()), `["Person",{"string":"ann"}]`)
	f.must(`{"deletedCount":3}`, synced1, "Person", "deleteMany", `{}`)
	f.must(`{"$numberLong":"0"}`, synced1, "Dog", "count", `{"query":{"$or":[{"owner":{"$exists":true}},{"friends.0":{"$exists":true}},{"anys.0":{"$exists":true}}]}}`)
}

// Objects that link to each other, and to themselves, go together.
func TestUnlinkTogether(t *testing.T) {
	f := open(t, nil)
	f.classes(schema.Class{Name: "Node", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt}, {Name: "next", Type: value.KindLink, LinkTarget: "Node", Nullable: true},
	}})
	docs := ""
	for i := range 2500 {
		docs += fmt.Sprintf(`,{"_id":%d,"next":%d}`, i, (i+1)%2500)
	}
	_, err := f.do(synced1, "Node", "insertMany", `{"documents":[`+docs[1:]+`]}`)
	require.NoError(t, err)
	f.must(`{"deletedCount":1}`, synced1, "Node", "deleteOne", `{"query":{"_id":2499}}`)
	require.Equal(t, "Update next null; EraseObject ", print(f.instructions()))
	f.must(`{"deletedCount":2499}`, synced1, "Node", "deleteMany", `{}`) // in three versions
	require.NotContains(t, string(f.replay().JSON()), "Node\",{")
}

// A link that somebody makes after the operation has looked for links, and before it writes, goes too; and one that is gone by then harms nobody.
func TestUnlinkWhatCameMeanwhile(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	f.must(`{"insertedIds":["ann","bob"]}`, synced1, "Person", "insertMany", `{"documents":[{"_id":"ann"},{"_id":"bob"}]}`)
	f.must(`{"insertedIds":[{"$numberLong":"1"},{"$numberLong":"2"},{"$numberLong":"3"}]}`, synced1, "Dog", "insertMany", `{"documents":[{"_id":1,"owner":"ann"},{"_id":2},{"_id":3,"owner":"ann"}]}`)
	o, end, err := f.start(t.Context(), "app", auth.SystemCaller(), Collection{Database: synced1, Name: "Person"}, false)
	require.NoError(t, err)
	defer end()
	require.NoError(t, o.on.leaving(t.Context(), o.meter, []any{"ann"}))
	f.must(`{"matchedCount":1,"modifiedCount":1}`, synced1, "Dog", "updateOne", `{"query":{"_id":1},"update":{"$set":{"owner":"bob"}}}`)
	f.must(`{"matchedCount":1,"modifiedCount":1}`, synced1, "Dog", "updateOne", `{"query":{"_id":2},"update":{"$push":{"friends":"ann"}}}`)
	f.must(`{"deletedCount":1}`, synced1, "Dog", "deleteOne", `{"query":{"_id":3}}`)
	require.NoError(t, o.on.write(t.Context(), func(w writer) error { return w.remove(bson.D{{Key: "_id", Value: "ann"}}) }))
	require.Equal(t, "ArrayErase friends[0] of 1; EraseObject ", print(f.instructions()))
}

// What devices read as a point must stay one, whoever writes.
func TestCorruptPoints(t *testing.T) {
	f := open(t, func(c *Config) { c.Permissions = NewRuled(rules.NewSets(c.Apps)) })
	f.config.Services[0].FlexibleSync.QueryableFieldsNames = []string{"at"}
	place := schema.Class{Name: "Point", Kind: schema.Embedded, Properties: []schema.Property{
		{Name: "type", Type: value.KindString}, {Name: "coordinates", Type: value.KindDouble, Collection: schema.List},
	}}
	property := func(name string) schema.Property {
		return schema.Property{Name: name, Type: value.KindLink, LinkTarget: "Point", Nullable: true}
	}
	f.classes(place, schema.Class{Name: "Place", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt}, property("at"), property("old")}})
	f.must(`{"insertedId":{"$numberLong":"1"}}`, synced1, "Place", "insertOne", `{"document":{"_id":1,"at":{"type":"Point","coordinates":[10,50]},"old":{"type":"Pint","coordinates":[1]}}}`)
	f.must(`{"insertedId":{"$numberLong":"2"}}`, synced1, "Place", "insertOne", `{"document":{"_id":2}}`)
	const text = `write to %s in table "Place" will corrupt geojson data`
	for _, at := range []string{`{"type":"Point","coordinates":[10]}`, `{"type":"Pint","coordinates":[10,50]}`, `{"type":"Point","coordinates":[10,95]}`, `{"type":"Point","coordinates":[181,0]}`,
		`{"type":"Point","coordinates":[{"$numberDouble":"NaN"},0]}`, `{"type":"Point","coordinates":[1,2,3,4]}`} {
		version := f.engine.Version()
		f.refused("SchemaValidationFailedWrite", fmt.Sprintf(text, "3"), synced1, "Place", "insertMany", `{"documents":[{"_id":4},{"_id":3,"at":`+at+`}]}`)
		f.refused("SchemaValidationFailedWrite", fmt.Sprintf(text, "1"), synced1, "Place", "updateOne", `{"query":{"_id":1},"update":{"$set":{"at":`+at+`}}}`)
		f.refused("SchemaValidationFailedWrite", fmt.Sprintf(text, "2"), synced1, "Place", "updateMany", `{"query":{"_id":2},"update":{"$set":{"at":`+at+`}}}`)
		require.Equal(t, version, f.engine.Version(), at)
	}
	f.refused("SchemaValidationFailedWrite", fmt.Sprintf(text, "1"), synced1, "Place", "updateOne", `{"query":{"_id":1},"update":{"$push":{"at.coordinates":{"$each":[1,2]}}}}`)
	f.must(`{"matchedCount":1,"modifiedCount":1}`, synced1, "Place", "updateOne", `{"query":{"_id":1},"update":{"$push":{"at.coordinates":120}}}`)
	f.must(`{"matchedCount":1,"modifiedCount":1}`, synced1, "Place", "updateOne", `{"query":{"_id":1},"update":{"$unset":{"at":1}}}`)
	// Devices can't ask for this one.
	f.must(`{"matchedCount":2,"modifiedCount":2}`, synced1, "Place", "updateMany", `{"query":{},"update":{"$set":{"old":{"type":"Point","coordinates":[1]}}}}`)
}
