package original

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// itemSchema is what most tests need: objects with a number and an owner, and another class.
var itemSchema = json.RawMessage(`{
	"Item": {"pk": "_id", "properties": {"_id": {"type": "Int"}, "n": {"type": "Int"}, "owner": {"type": "String", "nullable": true}}},
	"Other": {"pk": "_id", "properties": {"_id": {"type": "Int"}, "n": {"type": "Int"}}}}`)

// itemClasses are the same in the configuration.
func (o *operator) itemClasses() {
	o.schema("Item", `{"title":"Item","properties":{"_id":{"bsonType":"long"},"n":{"bsonType":"long"},"owner":{"bsonType":"string"}},"required":["_id","n"]}`)
	o.schema("Other", `{"title":"Other","properties":{"_id":{"bsonType":"long"},"n":{"bsonType":"long"}},"required":["_id","n"]}`)
}

// strict ends development mode, and says what may be asked for.
func (o *operator) strict(queryable string) {
	o.call("PUT", "/sync/config", `{"development_mode_enabled":false}`, 204)
	o.call("PATCH", o.service+"/config", `{"flexible_sync":{"state":"enabled","queryable_fields_names":`+queryable+`}}`, 204)
}

// newPeer starts a device with files of its own, logged in as an anonymous user of its own.
func newPeer(t *testing.T, srv *server, app string) *peer {
	t.Helper()
	p := startPeer(t, srv.url(), app, filepath.Join(t.TempDir(), "files"))
	p.do(object{"do": "login"})
	return p
}

// open opens the realm "r" with itemSchema, or as more says.
func (p *peer) open(more object) {
	p.t.Helper()
	p.do(with(object{"do": "open", "realm": "r", "schema": itemSchema}, more))
}

func with(command, more object) object {
	for k, v := range more {
		command[k] = v
	}
	return command
}

// r is a command for the realm "r".
func (p *peer) r(name string) json.RawMessage {
	p.t.Helper()
	return p.do(object{"do": name, "realm": "r"})
}

// subscribe asks for objects of a class, and nothing else, and waits until they are there.
func (p *peer) subscribe(queries ...string) {
	p.t.Helper()
	require.Equal(p.t, `"complete"`, string(p.do(object{"do": "subscribe", "realm": "r", "subscriptions": subscriptions(queries...)})))
}

// subscriptions are unnamed; each is a class, or a class with a query behind a colon.
func subscriptions(queries ...string) []object {
	out := []object{}
	for _, q := range queries {
		class, query, found := strings.Cut(q, ":")
		if !found {
			query = "TRUEPREDICATE"
		}
		out = append(out, object{"class": class, "query": query})
	}
	return out
}

func integer(n int) object { return object{"int": strconv.Itoa(n)} }
func text(s string) object { return object{"string": s} }
func (p *peer) sync()      { p.t.Helper(); p.r("upload"); p.r("download") }
func key(n int) object     { return integer(n) }
func create(n int) object  { return object{"op": "CreateObject", "table": "Item", "object": key(n)} }
func erase(n int) object   { return object{"op": "EraseObject", "table": "Item", "object": key(n)} }
func set(n int, field string, v object) object {
	return object{"op": "Update", "table": "Item", "object": key(n), "field": field, "value": v}
}

// write is one transaction.
func (p *peer) write(instructions ...object) {
	p.t.Helper()
	p.do(object{"do": "write", "realm": "r", "instructions": instructions})
}

// item makes an object.
func (p *peer) item(id, n int) { p.t.Helper(); p.write(create(id), set(id, "n", integer(n))) }

// count returns how many objects of a class there are.
func (p *peer) count(class string) int {
	p.t.Helper()
	n, err := strconv.Atoi(string(p.do(object{"do": "count", "realm": "r", "class": class})))
	require.NoError(p.t, err)
	return n
}

// items are the objects of Item, as "key:number".
func (p *peer) items() string {
	p.t.Helper()
	type number struct{ Int string }
	var out []string
	for _, o := range decoded[map[string][]struct {
		ID number `json:"_id"`
		N  number
	}](p.t, string(p.r("dump")))["Item"] {
		out = append(out, fmt.Sprintf("%s:%s", o.ID.Int, o.N.Int))
	}
	return sorted(out)
}

// itemsBecome waits for it.
func (p *peer) itemsBecome(want string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.items() == want }, patient, patient/2000, "%s; there is %s", want, p.items())
}

var complaint = regexp.MustCompile(`(?i)\b(warn|warning|unexpected|ignor|illegal|violation|bad |invalid|failed|fatal|malformed)`)

// complaints are lines of the client's log that say that something is wrong, but for those that match allowed.
func (p *peer) complaints(allowed string) (out []string) {
	for line := range strings.Lines(p.log.String()) {
		if complaint.MatchString(line) && !regexp.MustCompile(allowed).MatchString(line) {
			out = append(out, line)
		}
	}
	return out
}

// quiet requires that nothing was told to the application, and that the client has nothing to complain about.
func (p *peer) quiet() {
	p.t.Helper()
	require.Empty(p.t, p.said())
	require.Empty(p.t, p.complaints(`resumption delay interval|Received QUERY_ERROR`))
}

func sorted(words []string) string {
	slices.Sort(words)
	return strings.Join(words, " ")
}
