package original

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// extended is itemSchema whose class Item has one more property.
func extended(name, property string) json.RawMessage {
	return json.RawMessage(strings.Replace(string(itemSchema), `"n": {"type": "Int"}, "owner"`, `"n": {"type": "Int"}, "`+name+`": `+property+`, "owner"`, 1))
}

// saved are the schemas in the configuration.
func (o *operator) saved() map[string]string {
	o.t.Helper()
	out := map[string]string{}
	for _, s := range decoded[[]struct {
		ID       string `json:"_id"`
		Metadata struct{ Collection string }
	}](o.t, o.call("GET", "/schemas", "", 200)) {
		out[s.Metadata.Collection] = s.ID
	}
	return out
}

// In development mode two devices extend a class at the same time, each in its way and both in the same.
func TestSchemasGrow(t *testing.T) {
	srv := startServer(t)
	const app = "grow"
	a, b := newPeer(t, srv, app), newPeer(t, srv, app)
	both := func(more string) json.RawMessage {
		return json.RawMessage(`{"Item": {"pk": "_id", "properties": {"_id": {"type": "Int"}, "n": {"type": "Int"}, ` + more + `,
			"place": {"type": "Link", "link_target": "Place", "nullable": true}, "places": {"type": "Link", "link_target": "Place", "collection": "List"}}},
			"Empty": {"pk": "_id", "properties": {"_id": {"type": "UUID"}}},
			"Place": {"kind": "embedded", "properties": {"x": {"type": "Double"}, ` + more + `}},
			"Reading": {"kind": "asymmetric", "pk": "_id", "properties": {"_id": {"type": "Int"}, "v": {"type": "Double"}, ` + more + `}}}`)
	}
	open := func(p *peer, more string) { p.open(object{"schema": both(more)}) }
	open(a, `"a": {"type": "String", "nullable": true}, "same": {"type": "Int", "collection": "Set"}`)
	open(b, `"b": {"type": "Mixed", "nullable": true, "collection": "Dictionary"}, "same": {"type": "Int", "collection": "Set"}`)
	for _, p := range []*peer{a, b} {
		p.subscribe("Item", "Empty")
		p.r("pause")
	}
	a.write(create(1), set(1, "n", integer(1)), set(1, "a", text("a")), set(1, "place", object{"new": "object"}), object{"op": "Update", "table": "Item", "object": key(1), "field": "place", "path": []any{"a"}, "value": text("there")},
		object{"op": "CreateObject", "table": "Reading", "object": key(1)})
	b.write(create(1), set(1, "n", integer(1)), object{"op": "Update", "table": "Item", "object": key(1), "field": "b", "path": []any{"k"}, "value": text("v")},
		object{"op": "SetInsert", "table": "Item", "object": key(1), "field": "same", "path": []any{}, "value": integer(7)},
		object{"op": "CreateObject", "table": "Reading", "object": key(2)})
	a.r("resume")
	b.r("resume")
	for range 2 {
		a.sync()
		b.sync()
	}
	require.Equal(t, "1:1", a.items())
	require.Equal(t, "1:1", b.items())
	c := newPeer(t, srv, app)
	open(c, `"a": {"type": "String", "nullable": true}, "b": {"type": "Mixed", "nullable": true, "collection": "Dictionary"}, "same": {"type": "Int", "collection": "Set"}`)
	c.subscribe("Item", "Empty")
	require.Equal(t, "1", string(c.do(object{"do": "query", "realm": "r", "class": "Item", "query": `a == 'a' AND b['k'] == 'v' AND same == 7 AND place.a == 'there'`})))
	for _, p := range []*peer{a, b, c} {
		p.quiet()
	}
	o := operate(t, srv, app)
	require.Eventually(t, func() bool { return len(o.saved()) == 3 }, patient, patient/1000, "Item, Empty and Reading are in the configuration")
	require.Contains(t, o.call("GET", "/schemas/"+o.saved()["Reading"], "", 200), `"b"`)
}

// Outside of development mode a program that brings something new is told, and doesn't come again; others go on.
func TestSchemasOfStrangers(t *testing.T) {
	srv := startServer(t)
	o := operate(t, srv, "strangers")
	o.itemClasses()
	o.strict(`["n"]`)
	good := newPeer(t, srv, "strangers")
	good.open(nil)
	good.subscribe("Item")
	good.item(1, 1)
	for _, c := range []struct {
		name   string
		schema json.RawMessage
		codes  []string // of what the application is told, one after the other
	}{
		{"Item.more", extended("more", `{"type": "Int"}`), []string{"InvalidSchemaChange"}},
		{"Stranger", json.RawMessage(`{"Stranger": {"pk": "_id", "properties": {"_id": {"type": "Int"}}}}`), []string{"InvalidSchemaChange"}},
		// Another type or primary key: the client sees it itself, and leaves to the server what comes of it.
		{"'n'", json.RawMessage(strings.Replace(string(itemSchema), `"n": {"type": "Int"}, "owner"`, `"n": {"type": "String"}, "owner"`, 1)), []string{"BadChangeset", "SyncClientResetRequired"}},
		{"'_id'", json.RawMessage(strings.Replace(string(itemSchema), `"Item": {"pk": "_id", "properties": {"_id": {"type": "Int"}`, `"Item": {"pk": "_id", "properties": {"_id": {"type": "String"}`, 1)), []string{"BadChangeset", "SyncClientResetRequired"}},
	} {
		p := newPeer(t, srv, "strangers")
		p.open(object{"schema": c.schema})
		for i, code := range c.codes {
			e := p.await(func(e event) bool { return e.Event == "error" })
			t.Log(c.name, e.Code, e.Text, e.Fatal, e.Action)
			require.Equal(t, code, e.Code, e.Text)
			if i == 0 {
				require.Contains(t, e.Text, c.name)
			}
			require.Equal(t, i == len(c.codes)-1, e.Fatal)
			require.Equal(t, code == "SyncClientResetRequired", e.ClientReset)
		}
		require.Equal(t, `{"connection":0,"session":2}`, string(p.r("state")), "the session has ended")
		require.Empty(t, p.said())
	}
	good.item(2, 2)
	good.sync()
	good.quiet()
	// The configuration adds a property while devices are connected: those that know it have it, the others don't mind.
	o.call("PUT", "/schemas/"+o.saved()["Item"], `{"schema":{"title":"Item","properties":{"_id":{"bsonType":"long"},"n":{"bsonType":"long"},"owner":{"bsonType":"string"},"more":{"bsonType":"string"}},"required":["_id","n"]}}`, 204)
	p := newPeer(t, srv, "strangers")
	p.open(object{"schema": extended("more", `{"type": "String", "nullable": true}`)})
	p.subscribe("Item")
	p.write(set(1, "more", text("x")), set(1, "n", integer(11)))
	p.sync()
	good.r("download")
	require.Equal(t, "11 1", strings.Join([]string{good.items()[2:4], good.items()[:1]}, " "))
	good.quiet()
	p.quiet()
}

// Versions of the schema: a file of another version is uploaded and made anew when the program waits for its realm, and goes on otherwise; a version that there is not
// is refused.
func TestSchemaVersions(t *testing.T) {
	srv := startServer(t)
	o := operate(t, srv, "versions")
	o.itemClasses()
	o.strict(`["n", "owner"]`)
	dir, late := filepath.Join(t.TempDir(), "files"), filepath.Join(t.TempDir(), "late")
	var devices []*peer
	for _, d := range []string{dir, late} {
		p := startPeer(t, srv.url(), "versions", d)
		p.do(object{"do": "login"})
		p.open(nil)
		p.subscribe("Item")
		devices = append(devices, p)
	}
	p, old := devices[0], devices[1]
	p.write(create(1), set(1, "n", integer(1)), set(1, "owner", text("me")))
	p.sync()
	p.r("pause")
	p.item(2, 2) // not uploaded when the version changes
	p.kill()

	o.call("PUT", "/schemas/"+o.saved()["Item"], `{"schema":{"title":"Item","properties":{"_id":{"bsonType":"long"},"n":{"bsonType":"long"},"text":{"bsonType":"string"}},"required":["_id","n"]}}`, 204)
	require.JSONEq(t, `{"versions":[{"version_major":0},{"version_major":1}]}`, o.call("GET", "/sync/schemas/versions", "", 200))
	second := json.RawMessage(strings.Replace(string(itemSchema), `"owner"`, `"text"`, 1))
	p = startPeer(t, srv.url(), "versions", dir)
	p.open(object{"schema": second, "schema_version": 1, "async": true, "initial": subscriptions("Item")})
	require.Equal(t, "1:1 2:2", p.items())
	p.write(set(1, "text", text("new")))
	p.sync()
	p.quiet()

	old.item(3, 3)
	old.write(set(3, "owner", text("me")))
	old.sync()
	require.Equal(t, "1:1 2:2 3:3", old.items())
	require.Equal(t, "2", string(old.do(object{"do": "query", "realm": "r", "class": "Item", "query": "owner == 'me'"})))
	old.quiet()
	old.kill()
	old = startPeer(t, srv.url(), "versions", late) // it doesn't wait
	old.open(object{"schema": second, "schema_version": 1})
	old.item(4, 4)
	old.sync()
	require.Equal(t, "1:1 2:2 3:3 4:4", old.items())
	require.Empty(t, old.said())
	p.r("download")
	require.Equal(t, "1:1 2:2 3:3 4:4", p.items())

	stranger := newPeer(t, srv, "versions")
	stranger.open(object{"schema": second, "schema_version": 2})
	e := stranger.await(func(e event) bool { return e.Event == "error" })
	require.Contains(t, e.Text, "Client provided invalid schema version")
	require.True(t, e.Fatal)
	require.False(t, e.ClientReset)
	require.Contains(t, stranger.refused(object{"do": "open", "realm": "other", "schema": second, "schema_version": 7, "async": true}), "invalid schema version")
}
