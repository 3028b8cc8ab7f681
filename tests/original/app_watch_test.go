package original

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Streams of changes as the original's WatchStream reads them: byte by byte as they come, and line by line.
func TestWatch(t *testing.T) {
	a := newApp(t, startAppServer(t))
	p := a.device(t.TempDir())
	p.do(object{"do": "login"})
	openDogs(p)
	c := collection{p, "synced", "Dog"}
	watch := func(stream string, more object) {
		t.Helper()
		command := object{"do": "watch", "stream": stream, "database": "synced", "collection": "Dog"}
		maps.Copy(command, more)
		require.Equal(t, "text/event-stream", into[string](p, command))
	}
	type change struct {
		Operation string          `json:"operationType"`
		Key       json.RawMessage `json:"documentKey"`
		Full      json.RawMessage `json:"fullDocument"`
		Update    json.RawMessage `json:"updateDescription"`
		NS        json.RawMessage
	}
	next := func(stream string) change {
		t.Helper()
		var out change
		require.NoError(t, json.Unmarshal([]byte(into[string](p, object{"do": "watched", "stream": stream})), &out))
		return out
	}
	id := func(n string) string { return `{"_id":` + long(n) + `}` }

	watch("all", nil)
	watch("lines", object{"lines": true})
	watch("ids", object{"argument": `{"ids":[{"$numberInt":"2"},{"$numberLong":"3"}]}`})
	watch("filter", object{"argument": `{"filter":{"operationType":"insert","fullDocument.age":{"$gt":{"$numberInt":"4"}}}}`})
	const name = "a%25 \\\"ü\\n\\r\\u2028 data: x"
	c.gives(long("1"), "insert_one", object{"document": `{"_id":{"$numberInt":"1"},"name":"` + name + `","age":{"$numberInt":"4"}}`})
	c.gives(long("2"), "insert_one", object{"document": `{"_id":{"$numberInt":"2"},"name":"Bob","age":{"$numberInt":"5"}}`})
	p.do(c.command("update_one", object{"filter": `{"_id":{"$numberInt":"1"}}`, "update": `{"$set":{"age":{"$numberInt":"6"}}}`}))
	p.do(c.command("delete_one", object{"filter": `{"_id":{"$numberInt":"2"}}`}))
	for _, stream := range []string{"all", "lines"} {
		one := next(stream)
		require.Equal(t, "insert", one.Operation)
		require.JSONEq(t, id("1"), string(one.Key))
		require.JSONEq(t, `{"db":"synced","coll":"Dog"}`, string(one.NS))
		require.JSONEq(t, `{"_id":`+long("1")+`,"name":"`+name+`","age":`+long("4")+`}`, string(one.Full))
		require.JSONEq(t, id("2"), string(next(stream).Key))
		changed := next(stream)
		require.Equal(t, "update", changed.Operation)
		require.JSONEq(t, `{"updatedFields":{"age":`+long("6")+`},"removedFields":[]}`, string(changed.Update))
		require.JSONEq(t, id("1"), string(changed.Key))
		gone := next(stream)
		require.Equal(t, "delete", gone.Operation)
		require.JSONEq(t, id("2"), string(gone.Key))
		require.Empty(t, gone.Full)
	}
	require.Equal(t, "insert", next("ids").Operation)
	require.Equal(t, "delete", next("ids").Operation)
	require.JSONEq(t, id("2"), string(next("filter").Key))

	// A document that is longer than what is read at once, and changes of devices.
	big := strings.Repeat("0123456789%\\n", 4096)
	p.do(object{"do": "write", "realm": "dogs", "instructions": []object{
		{"op": "CreateObject", "table": "Dog", "object": object{"int": "7"}},
		{"op": "Update", "table": "Dog", "object": object{"int": "7"}, "field": "name", "path": []any{}, "value": object{"string": strings.ReplaceAll(big, `\n`, "\n")}, "is_default": false},
	}})
	p.do(object{"do": "upload", "realm": "dogs"})
	for _, stream := range []string{"all", "lines"} {
		e := next(stream)
		require.JSONEq(t, `{"_id":`+long("7")+`,"name":"`+big+`","age":`+long("0")+`}`, string(e.Full))
	}

	// What can't be watched.
	for argument, want := range map[string]string{`{"filter":{"$nonsense":1}}`: "400 application/json", `{"ids":5}`: "400 application/json", `{"other":1}`: "400 application/json"} {
		_, err := p.try(object{"do": "watch", "stream": "x", "database": "synced", "collection": "Dog", "argument": argument})
		require.ErrorContains(t, err, want, argument)
	}
	_, err := p.try(object{"do": "watch", "stream": "x", "database": "synced", "collection": "Dog", "service": "nowhere"})
	require.ErrorContains(t, err, `404 application/json {"error":"service not found: 'nowhere'","error_code":"ServiceNotFound"`)

	// The stream's end is an error that the client knows.
	a.call("PUT", "/users/"+describe(p).ID+"/disable", "")
	c2 := a.device(t.TempDir())
	c2.do(object{"do": "login"})
	collection{c2, "synced", "Dog"}.gives(long("9"), "insert_one", object{"document": `{"_id":{"$numberInt":"9"},"name":"x","age":{"$numberInt":"5"}}`})
	for _, stream := range []string{"all", "lines"} {
		p.appError(object{"do": "watched", "stream": stream}).is(t, 0, "InvalidSession", "invalid session")
	}
}
