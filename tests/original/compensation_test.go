package original

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// ownItems lets users write what they own, see what they own or what has a number under 100, and delete nothing over 50.
const ownItems = `[{"name":"own","apply_when":{},"document_filters":{"read":{"%or":[{"owner":"%%user.id"},{"n":{"%lt":100}}]},"write":{"owner":"%%user.id"}},
	"read":true,"write":true,"insert":true,"delete":{"n":{"%lte":50}}}]`

// taken waits for a compensating write, and returns what it names.
func (p *peer) taken() (out []string) {
	p.t.Helper()
	e := p.await(func(e event) bool { return e.Code == "SyncCompensatingWrite" })
	require.False(p.t, e.Fatal)
	require.False(p.t, e.ClientReset)
	for _, w := range e.Compensated {
		out = append(out, fmt.Sprintf("%s %s: %s", w.Class, w.Key, w.Reason))
	}
	slices.Sort(out)
	return out
}

// Writes that the rules refuse, or that nothing of the client's shows, are taken back, and named; what else was written with them stays.
func TestCompensatingWrites(t *testing.T) {
	srv := startServer(t)
	o := operate(t, srv, "compensation")
	o.itemClasses()
	o.strict(`["n", "owner"]`)
	p := newPeer(t, srv, "compensation")
	me := decoded[string](t, string(p.do(object{"do": "user"})))
	other := newPeer(t, srv, "compensation")
	other.open(nil)
	other.subscribe("Item")
	for i := 1; i <= 3; i++ {
		other.write(create(i), set(i, "n", integer(i)), set(i, "owner", text("somebody")))
	}
	other.write(create(200), set(200, "n", integer(200)), set(200, "owner", text("somebody")))
	other.sync()
	other.r("close")
	o.roles(ownItems)

	p.open(nil)
	p.subscribe("Item:n < 90")
	require.Equal(t, "1:1 2:2 3:3", p.items())
	mine := func(id, n int) { p.write(create(id), set(id, "n", integer(n)), set(id, "owner", text(me))) }

	p.write(create(10), set(10, "n", integer(10)), set(10, "owner", text(me)), // mine
		create(11), set(11, "n", integer(11)), set(11, "owner", text("somebody")), // not mine
		set(1, "n", integer(1000)), // nor this
		erase(2))
	require.Equal(t, []string{
		`Item 11: write to 11 in table "Item" not allowed`,
		`Item 1: write to 1 in table "Item" not allowed`,
		`Item 2: write to 2 in table "Item" not allowed`,
	}, p.taken())
	require.Equal(t, "10:10 1:1 2:2 3:3", p.items(), "when the application is told, all is as it was")

	p.write(create(20), set(20, "n", integer(95)), set(20, "owner", text(me))) // not in the query
	require.Equal(t, []string{`Item 20: write to 20 in table "Item" not allowed; object is outside of the current query view`}, p.taken())
	p.write(create(200), set(200, "n", integer(5)), set(200, "owner", text(me))) // there is one that it may not see
	require.Equal(t, []string{`Item 200: write to 200 in table "Item" not allowed`}, p.taken())
	require.Equal(t, "10:10 1:1 2:2 3:3", p.items())

	mine(60, 60)
	p.sync()
	p.write(erase(60), set(10, "n", integer(11)))
	require.Equal(t, []string{`Item 60: write to 60 in table "Item" not allowed`}, p.taken())
	require.Equal(t, "10:11 1:1 2:2 3:3 60:60", p.items())

	// Several transactions in one upload.
	p.r("pause")
	p.write(set(1, "n", integer(7)))
	mine(30, 30)
	p.write(set(1, "n", integer(8)), set(2, "n", integer(8)))
	mine(31, 31)
	p.write(set(10, "n", integer(99))) // out of the query: this one may
	p.r("resume")
	require.Equal(t, []string{`Item 1: write to 1 in table "Item" not allowed`}, p.taken())
	require.Equal(t, []string{`Item 1: write to 1 in table "Item" not allowed`, `Item 2: write to 2 in table "Item" not allowed`}, p.taken())
	p.sync()
	p.itemsBecome("1:1 2:2 30:30 31:31 3:3 60:60")
	p.subscribe("Item")
	require.Equal(t, "10:99 1:1 2:2 30:30 31:31 3:3 60:60", p.items())
	require.Empty(t, p.said())
	require.Empty(t, p.complaints("resumption delay interval|compensating|not allowed|write to"))
}
