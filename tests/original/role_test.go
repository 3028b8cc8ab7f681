package original

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const everything = `[{"name":"all","apply_when":{},"document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true}]`

// readUnder lets everybody read what has a smaller number, and write nothing.
func readUnder(n int) string {
	return fmt.Sprintf(`[{"name":"under","apply_when":{},"document_filters":{"read":{"n":{"%%lt":%d}},"write":false},"read":true,"write":true,"insert":false,"delete":false}]`, n)
}

// While devices are connected the rules change: objects leave and enter, nobody resets, and the application is told of nothing but its own refused writes.
func TestRolesChange(t *testing.T) {
	srv := startServer(t)
	o := operate(t, srv, "roles")
	o.itemClasses()
	o.strict(`["n", "owner"]`)
	p := newPeer(t, srv, "roles")
	p.open(object{"reset": "recover"})
	p.subscribe("Item:n < 8")
	for i := range 10 {
		if i < 8 {
			p.item(i, i)
		}
	}
	p.sync()
	o.roles(readUnder(3))
	p.itemsBecome("0:0 1:1 2:2")
	p.r("pause")
	o.roles(readUnder(5))
	p.write(set(1, "n", integer(6)))
	p.r("resume")
	require.Equal(t, []string{`Item 1: write to 1 in table "Item" not allowed`}, p.taken())
	p.itemsBecome("0:0 1:1 2:2 3:3 4:4")
	o.roles(everything)
	p.itemsBecome("0:0 1:1 2:2 3:3 4:4 5:5 6:6 7:7")
	p.write(set(1, "n", integer(6)))
	p.sync()
	o.roles(`[]`) // no role at all
	p.itemsBecome("")
	p.do(object{"do": "subscribe", "realm": "r", "subscriptions": subscriptions("Item", "Other")})
	p.item(50, 50)
	require.Equal(t, []string{`Item 50: write to 50 in table "Item" not allowed`}, p.taken())
	require.Empty(t, p.items())
	o.roles(everything)
	p.itemsBecome("0:0 1:6 2:2 3:3 4:4 5:5 6:6 7:7")
	for range 5 { // faster than clients come again
		o.roles(readUnder(2))
		o.roles(everything)
	}
	p.sync()
	p.itemsBecome("0:0 1:6 2:2 3:3 4:4 5:5 6:6 7:7")
	require.Empty(t, p.said())
	require.Empty(t, p.complaints("resumption delay interval|not allowed|session_closed|SessionClosed"))
}

// A role that custom user data decides changes with the next session after the data.
func TestCustomDataDecides(t *testing.T) {
	srv := startServer(t)
	o := operate(t, srv, "customdata")
	o.itemClasses()
	o.strict(`["n", "owner"]`)
	id := o.service[len("/services/"):]
	o.call("PATCH", "/custom_user_data", `{"mongo_service_id":"`+id+`","enabled":true,"database_name":"app","collection_name":"People","user_id_field":"user"}`, 204)
	o.call("POST", "/functions", `{"name":"become","run_as_system":true,"source":"exports = function(level) { return context.services.get('mongodb-atlas').db('app').collection('People').updateOne({user: context.user.id}, {$set: {user: context.user.id, level: level}}, {upsert: true}); }"}`, 201)
	p := newPeer(t, srv, "customdata")
	p.open(nil)
	p.subscribe("Item")
	for i := range 5 {
		p.item(i, i)
	}
	p.sync()
	o.roles(`[{"name":"high","apply_when":{"%%user.custom_data.level":"high"},"document_filters":{"read":true,"write":true},"read":true,"write":true,"insert":true,"delete":true},
		{"name":"low","apply_when":{"%%user.custom_data.level":"low"},"document_filters":{"read":{"n":{"%lt":2}},"write":false},"read":true,"write":true,"insert":false,"delete":false}]`)
	p.itemsBecome("")
	become := func(level string) {
		p.do(object{"do": "call", "function": "become", "arguments": `["` + level + `"]`})
		require.Contains(t, string(p.do(object{"do": "custom_data"})), level)
		p.r("pause")
		p.r("resume")
	}
	become("low")
	p.itemsBecome("0:0 1:1")
	become("high")
	p.itemsBecome("0:0 1:1 2:2 3:3 4:4")
	p.item(7, 7)
	p.sync()
	become("low")
	p.itemsBecome("0:0 1:1")
	require.Empty(t, p.said())
	require.Empty(t, p.complaints("resumption delay interval|session_closed|SessionClosed"))
}

// What a role hides of objects isn't there, and what it lets nobody change is put back.
func TestFieldPermissions(t *testing.T) {
	srv := startServer(t)
	o := operate(t, srv, "fields")
	o.itemClasses()
	o.strict(`["n"]`)
	p := newPeer(t, srv, "fields")
	p.open(nil)
	p.subscribe("Item")
	for i := range 3 {
		p.write(create(i), set(i, "n", integer(i)), set(i, "owner", text("me")))
	}
	p.sync()
	owned := object{"do": "query", "realm": "r", "class": "Item", "query": "owner == 'me'"}
	require.Equal(t, "3", string(p.do(owned)))
	role := func(owner string) {
		o.roles(`[{"name":"fields","apply_when":{},"document_filters":{"read":true,"write":true},"insert":true,"delete":true,"fields":{"owner":` + owner + `},"additional_fields":{"read":true,"write":true}}]`)
	}
	role(`{"read":true,"write":false}`)
	p.r("pause")
	p.r("resume")
	p.r("download")
	require.Equal(t, "3", string(p.do(owned)))
	p.write(set(1, "owner", text("you")), set(2, "n", integer(22)))
	require.Len(t, p.taken(), 1)
	require.Equal(t, "3", string(p.do(owned)))
	require.Equal(t, "0:0 1:1 2:22", p.items())
	role(`{"read":false,"write":false}`)
	p.becomes(owned, "0")
	require.Equal(t, "0:0 1:1 2:22", p.items())
	p.write(set(1, "n", integer(11)))
	p.sync()
	o.roles(everything)
	p.becomes(owned, "3")
	require.Equal(t, "0:0 1:11 2:22", p.items())
	require.Empty(t, p.said())
}
