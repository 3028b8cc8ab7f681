package original

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// collection is a collection as the original's MongoCollection.
type collection struct {
	p                    *peer
	database, collection string
}

func (c collection) command(method string, arguments object) object {
	out := object{"do": "collection", "method": method, "database": c.database, "collection": c.collection}
	maps.Copy(out, arguments)
	return out
}

// gives compares what a method gives: text of extended JSON, a number, or an object.
func (c collection) gives(want any, method string, arguments object) {
	c.p.t.Helper()
	raw := c.p.do(c.command(method, arguments))
	if want == nil {
		require.Equal(c.p.t, "null", string(raw), method)
		return
	}
	if text, ok := want.(string); ok {
		var have string
		require.NoError(c.p.t, json.Unmarshal(raw, &have), "%s: %s", method, raw)
		require.Equal(c.p.t, text, have, method)
		return
	}
	text, err := json.Marshal(want)
	require.NoError(c.p.t, err)
	require.JSONEq(c.p.t, string(text), string(raw), method)
}

func one(n string) string  { return `{"$numberInt":"` + n + `"}` }
func long(n string) string { return `{"$numberLong":"` + n + `"}` }

// Every method of MongoCollection, on a collection of plain documents and on a synced class.
func TestCollectionMethods(t *testing.T) {
	a := newApp(t, startAppServer(t))
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	t.Run("plain", func(t *testing.T) { methods(t, collection{p, "plain", "Dog"}, one) })
	openDogs(p)
	t.Run("synced", func(t *testing.T) { methods(t, collection{p, "synced", "Dog"}, long) })
}

// openDogs makes Dog a class, as a device does that brings it.
func openDogs(p *peer) {
	p.t.Helper()
	schema := object{"Dog": object{"pk": "_id", "properties": object{"_id": object{"type": "Int"}, "name": object{"type": "String"}, "age": object{"type": "Int"}}}}
	p.do(object{"do": "open", "realm": "dogs", "schema": schema})
	p.do(object{"do": "subscribe", "realm": "dogs", "subscriptions": []object{{"class": "Dog", "query": "TRUEPREDICATE"}}})
}

// methods calls them all. n is how a number is there that was inserted as an int.
func methods(t *testing.T, c collection, n func(string) string) {
	c.p.t = t
	dog := func(id, name, age string) string {
		return `{"_id":` + n(id) + `,"age":` + n(age) + `,"name":"` + name + `"}`
	}
	insert := func(id, name, age string) string { return strings.ReplaceAll(dog(id, name, age), "Long", "Int") }
	update := func(matched, modified int, upserted any) object {
		return object{"matched": matched, "modified": modified, "upserted": upserted}
	}

	c.gives(n("1"), "insert_one", object{"document": insert("1", "Ada", "3")})
	c.gives(`[`+n("2")+`,`+n("3")+`]`, "insert_many", object{"documents": `[` + insert("2", "Bob", "5") + `,` + insert("3", "Cleo", "5") + `]`})
	c.gives(`[]`, "find", object{"filter": `{"name":"nobody"}`})
	c.gives(`[`+dog("2", "Bob", "5")+`,`+dog("3", "Cleo", "5")+`]`, "find", object{"filter": `{"age":{"$gt":` + one("3") + `}}`, "sort": `{"_id":1}`})
	c.gives(`[`+dog("3", "Cleo", "5")+`,`+dog("2", "Bob", "5")+`]`, "find", object{"sort": `{"age":{"$numberInt":"-1"},"name":{"$numberInt":"-1"}}`, "limit": 2})
	c.gives(`[{"_id":`+n("1")+`,"name":"Ada"}]`, "find", object{"projection": `{"name":{"$numberInt":"1"}}`, "sort": `{"_id":1}`, "limit": 1})
	c.gives(`[{"name":"Ada"},{"name":"Bob"},{"name":"Cleo"}]`, "find", object{"projection": `{"name":{"$numberInt":"1"},"_id":{"$numberInt":"0"}}`, "sort": `{"_id":1}`})
	c.gives(dog("3", "Cleo", "5"), "find_one", object{"sort": `{"_id":-1}`})
	c.gives(`{"name":"Cleo"}`, "find_one", object{"sort": `{"_id":-1}`, "projection": `{"name":true,"_id":false}`})
	c.gives(nil, "find_one", object{"filter": `{"name":"nobody"}`})
	c.gives(`[{"_id":`+n("3")+`,"count":`+one("1")+`},{"_id":`+n("5")+`,"count":`+one("2")+`}]`, "aggregate",
		object{"pipeline": `[{"$group":{"_id":"$age","count":{"$sum":{"$numberInt":"1"}}}},{"$sort":{"_id":{"$numberInt":"1"}}}]`})
	c.gives(`[`+dog("1", "Ada", "3")+`]`, "aggregate", object{"pipeline": `[{"$match":{"name":"Ada"}}]`})
	c.gives(3, "count", object{})
	c.gives(2, "count", object{"filter": `{"age":{"$numberInt":"5"}}`})
	c.gives(1, "count", object{"limit": 1})
	c.gives(0, "count", object{"filter": `{"name":"nobody"}`})

	c.gives(update(1, 1, nil), "update_one", object{"filter": `{"_id":{"$numberInt":"1"}}`, "update": `{"$set":{"name":"Ava"},"$inc":{"age":{"$numberInt":"1"}}}`})
	c.gives(dog("1", "Ava", "4"), "find_one", object{"filter": `{"_id":{"$numberInt":"1"}}`})
	c.gives(update(1, 0, nil), "update_one", object{"filter": `{"_id":{"$numberInt":"1"}}`, "update": `{"$set":{"name":"Ava"}}`})
	c.gives(update(0, 0, nil), "update_one", object{"filter": `{"_id":{"$numberInt":"9"}}`, "update": `{"$set":{"name":"Zoe"}}`})
	c.gives(update(0, 0, n("9")), "update_one", object{"filter": `{"_id":{"$numberInt":"9"}}`, "update": `{"$set":{"age":{"$numberInt":"1"},"name":"Zoe"}}`, "upsert": true})
	c.gives(dog("9", "Zoe", "1"), "find_one", object{"filter": `{"_id":{"$numberInt":"9"}}`})
	c.gives(update(2, 2, nil), "update_many", object{"filter": `{"age":{"$numberInt":"5"}}`, "update": `{"$set":{"age":{"$numberInt":"6"}}}`})
	c.gives(update(0, 0, n("10")), "update_many", object{"filter": `{"_id":{"$numberInt":"10"}}`, "update": `{"$set":{"age":{"$numberInt":"2"},"name":"Yan"}}`, "upsert": true})
	c.gives(update(1, 1, nil), "update_one", object{"filter": `{"_id":{"$numberInt":"10"}}`, "update": `{"age":{"$numberInt":"2"},"name":"Yara"}`})
	c.gives(dog("10", "Yara", "2"), "find_one", object{"filter": `{"_id":{"$numberInt":"10"}}`})

	c.gives(dog("9", "Zoe", "1"), "find_one_and_update", object{"filter": `{"name":"Zoe"}`, "update": `{"$set":{"age":{"$numberInt":"7"}}}`})
	c.gives(dog("9", "Zoe", "8"), "find_one_and_update", object{"filter": `{"name":"Zoe"}`, "update": `{"$inc":{"age":{"$numberInt":"1"}}}`, "return_new": true})
	c.gives(nil, "find_one_and_update", object{"filter": `{"name":"nobody"}`, "update": `{"$set":{"age":{"$numberInt":"7"}}}`})
	c.gives(nil, "find_one_and_update", object{"filter": `{"_id":{"$numberInt":"11"}}`, "update": `{"$set":{"age":{"$numberInt":"1"},"name":"Xia"}}`, "upsert": true})
	c.gives(dog("12", "Will", "1"), "find_one_and_update", object{"filter": `{"_id":{"$numberInt":"12"}}`, "update": `{"$set":{"age":{"$numberInt":"1"},"name":"Will"}}`, "upsert": true, "return_new": true})
	c.gives(`{"name":"Will"}`, "find_one_and_replace",
		object{"filter": `{"age":{"$numberInt":"1"}}`, "update": `{"age":{"$numberInt":"1"},"name":"Vic"}`, "sort": `{"_id":{"$numberInt":"-1"}}`, "projection": `{"name":{"$numberInt":"1"},"_id":{"$numberInt":"0"}}`})
	c.gives(dog("12", "Uli", "2"), "find_one_and_replace", object{"filter": `{"name":"Vic"}`, "update": `{"age":{"$numberInt":"2"},"name":"Uli"}`, "return_new": true})
	c.gives(nil, "find_one_and_replace", object{"filter": `{"name":"nobody"}`, "update": `{"age":{"$numberInt":"2"},"name":"Uli"}`})
	c.gives(dog("12", "Uli", "2"), "find_one_and_delete", object{"filter": `{"name":"Uli"}`})
	c.gives(nil, "find_one_and_delete", object{"filter": `{"name":"Uli"}`})
	c.gives(`{"_id":`+n("11")+`}`, "find_one_and_delete", object{"sort": `{"_id":{"$numberInt":"-1"}}`, "projection": `{"_id":{"$numberInt":"1"}}`})

	c.gives(1, "delete_one", object{"filter": `{"age":{"$numberInt":"6"}}`})
	c.gives(0, "delete_one", object{"filter": `{"age":{"$numberInt":"66"}}`})
	c.gives(1, "delete_many", object{"filter": `{"age":{"$numberInt":"6"}}`})
	c.gives(3, "delete_many", object{})

	// What the server sends for each.
	raw := func(want, method string, arguments object) {
		t.Helper()
		c.gives(want, method+"_bson", arguments)
	}
	raw(`{"insertedId":`+n("1")+`}`, "insert_one", object{"document": insert("1", "Ada", "3")})
	raw(`{"insertedIds":[`+n("2")+`]}`, "insert_many", object{"documents": `[` + insert("2", "Bob", "5") + `]`})
	raw(`[`+dog("1", "Ada", "3")+`]`, "find", object{"filter": `{"name":"Ada"}`})
	raw(dog("1", "Ada", "3"), "find_one", object{"filter": `{"name":"Ada"}`})
	raw(`[`+dog("1", "Ada", "3")+`]`, "aggregate", object{"pipeline": `[{"$match":{"name":"Ada"}}]`})
	raw(long("2"), "count", object{})
	raw(`{"matchedCount":`+one("1")+`,"modifiedCount":`+one("1")+`}`, "update_one", object{"filter": `{"name":"Ada"}`, "update": `{"$set":{"age":{"$numberInt":"4"}}}`})
	raw(`{"matchedCount":`+one("2")+`,"modifiedCount":`+one("2")+`}`, "update_many", object{"filter": `{}`, "update": `{"$inc":{"age":{"$numberInt":"4"}}}`})
	raw(`{"matchedCount":`+one("0")+`,"modifiedCount":`+one("0")+`,"upsertedId":`+n("7")+`}`, "update_one", object{"filter": `{"_id":{"$numberInt":"7"}}`, "update": `{"$set":{"age":{"$numberInt":"4"},"name":"x"}}`, "upsert": true})
	raw(dog("7", "x", "4"), "find_one_and_update", object{"filter": `{"name":"x"}`, "update": `{"$set":{"age":{"$numberInt":"5"}}}`})
	raw(dog("7", "x", "5"), "find_one_and_replace", object{"filter": `{"name":"x"}`, "update": `{"age":{"$numberInt":"6"},"name":"y"}`})
	raw(dog("7", "y", "6"), "find_one_and_delete", object{"filter": `{"name":"y"}`})
	raw(`{"deletedCount":`+one("1")+`}`, "delete_one", object{})
	raw(`{"deletedCount":`+one("1")+`}`, "delete_many", object{})
}

// Documents of every type of BSON, and without an _id.
func TestCollectionTypes(t *testing.T) {
	a := newApp(t, startAppServer(t))
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	c := collection{p, "plain", "All"}
	const document = `{"_id":"x","null":null,"bool":true,"int":{"$numberInt":"-7"},"long":{"$numberLong":"9007199254740993"},"double":{"$numberDouble":"0.10000000000000001"},` +
		`"nan":{"$numberDouble":"NaN"},"infinity":{"$numberDouble":"-Infinity"},"decimal":{"$numberDecimal":"1.50"},"text":"\"ü\\\n\t<>& €","id":{"$oid":"5e5e6f0abe4ae2a2c2c2d329"},` +
		`"date":{"$date":{"$numberLong":"-1"}},"binary":{"$binary":{"base64":"AQID","subType":"00"}},"uuid":{"$binary":{"base64":"GN55Fn+EEeyoowJCrBIAAA==","subType":"04"}},` +
		`"timestamp":{"$timestamp":{"t":5,"i":6}},"regex":{"$regularExpression":{"pattern":"a.*","options":"im"}},"min":{"$minKey":1},"max":{"$maxKey":1},` +
		`"document":{"z":{"$numberInt":"1"},"a":[],"d":{}},"array":[{"$numberInt":"1"},"two",[null]]}`
	c.gives(`"x"`, "insert_one", object{"document": document})
	c.gives(document, "find_one", object{})
	c.gives(`[`+document+`]`, "find", object{"filter": `{"uuid":{"$binary":{"base64":"GN55Fn+EEeyoowJCrBIAAA==","subType":"04"}},"date":{"$lt":{"$date":{"$numberLong":"0"}}}}`})

	var id string
	require.NoError(t, json.Unmarshal(p.do(c.command("insert_one", object{"document": `{"a":1}`})), &id))
	require.Regexp(t, `^\{"\$oid":"[0-9a-f]{24}"\}$`, id)
	var ids string
	require.NoError(t, json.Unmarshal(p.do(c.command("insert_many", object{"documents": `[{"a":1},{"_id":{"$uuid":"00000000-0000-0000-0000-000000000001"}}]`})), &ids))
	require.Regexp(t, `^\[\{"\$oid":"[0-9a-f]{24}"\},\{"\$binary":\{"base64":"AAAAAAAAAAAAAAAAAAAAAQ==","subType":"04"\}\}\]$`, ids)
	c.gives(`{"_id":`+id+`,"a":`+long("1")+`}`, "find_one", object{"filter": `{"_id":` + id + `}`})
	require.NoError(t, json.Unmarshal(p.do(c.command("update_one_bson", object{"filter": `{"b":{"$numberInt":"1"}}`, "update": `{"$set":{"c":{"$numberInt":"1"}}}`, "upsert": true})), &id))
	require.Regexp(t, `^\{"matchedCount":\{"\$numberInt":"0"\},"modifiedCount":\{"\$numberInt":"0"\},"upsertedId":\{"\$oid":"[0-9a-f]{24}"\}\}$`, id)

	// Long answers come in chunks.
	big := `{"_id":"big","text":"` + strings.Repeat("0123456789abcdef", 4096) + `"}`
	c.gives(`"big"`, "insert_one", object{"document": big})
	c.gives(big, "find_one", object{"filter": `{"_id":"big"}`})
	// A document with a member "error" is no error.
	c.gives(`"e"`, "insert_one", object{"document": `{"_id":"e","error":"not one","error_code":"BadRequest","link":"x"}`})
	c.gives(`{"_id":"e","error":"not one","error_code":"BadRequest","link":"x"}`, "find_one", object{"filter": `{"_id":"e"}`})
}

// What is refused, in the client's words.
func TestCollectionErrors(t *testing.T) {
	a := newApp(t, startAppServer(t))
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	c := collection{p, "plain", "Dog"}
	c.gives(`"a"`, "insert_one", object{"document": `{"_id":"a"}`})

	r := p.appError(c.command("insert_one", object{"document": `{"_id":"a"}`}))
	require.Equal(t, []any{409, "MongoDBError"}, []any{r.Status, r.Code})
	require.Contains(t, r.Reason, "duplicate key")
	require.Equal(t, "MongoDBError", r.ServerError)
	require.Equal(t, []string{"service"}, r.Kinds)
	require.Regexp(t, `^`+a.srv.url()+`/groups/[0-9a-f]{24}/apps/[0-9a-f]{24}/logs\?co_id=[0-9a-f]{24}$`, r.Link)
	for _, bad := range []object{
		c.command("find", object{"filter": `{"$nonsense":1}`}),
		c.command("update_one", object{"update": `{"$nonsense":{"a":1}}`}),
		c.command("aggregate", object{"pipeline": `[{"$nonsense":1}]`}),
	} {
		r := p.appError(bad)
		require.Equal(t, []any{400, "MongoDBError"}, []any{r.Status, r.Code}, "%v: %+v", bad, r)
		require.Contains(t, r.Reason, "$nonsense")
	}
	unknown := c.command("find", object{"service": "nowhere"})
	p.appError(unknown).is(t, 404, "ServiceNotFound", "service not found: 'nowhere'")

	// What doesn't fit its class, and of several documents that are inserted nothing if one can't be.
	openDogs(p)
	for _, c := range []collection{{p, "plain", "Cat"}, {p, "synced", "Dog"}} {
		p.appError(c.command("insert_many", object{"documents": `[{"_id":{"$numberInt":"1"}},{"_id":{"$numberInt":"1"}}]`})).is(t, 409, "MongoDBError",
			`E11000 duplicate key error collection: `+c.database+"."+c.collection+` index: _id_ dup key: { _id: {"$numberInt":"1"} }`)
		c.gives(0, "count", nil)
	}
	synced := collection{p, "synced", "Dog"}
	p.appError(synced.command("insert_one", object{"document": `{"_id":{"$numberInt":"8"},"name":{"$numberInt":"8"}}`})).is(t, 400, "SchemaValidationFailedWrite",
		"schema validation failed: 'Dog.name' must be of type string")
	p.appError(synced.command("find", object{"limit": -1})).is(t, 400, "InvalidParameter", "argument 'limit' must be a whole number that is not negative")
}
