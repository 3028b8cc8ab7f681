package original

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

type subscriptionSet struct {
	Version       int
	State, Error  string
	Subscriptions []struct {
		Name         *string
		Class, Query string
	}
}

func (p *peer) set(version int) subscriptionSet {
	p.t.Helper()
	return decoded[subscriptionSet](p.t, string(p.do(object{"do": "set", "realm": "r", "version": version})))
}

func (p *peer) active() subscriptionSet {
	p.t.Helper()
	return decoded[subscriptionSet](p.t, string(p.r("active_set")))
}

// Subscriptions with and without names are added, changed and removed, and are there when the application opens its realm again.
func TestSubscriptionSets(t *testing.T) {
	srv := startServer(t)
	author := newPeer(t, srv, "subscriptions")
	author.open(nil)
	author.subscribe("Item", "Other")
	for i := range 10 {
		author.item(i, i*10)
	}
	author.do(object{"do": "write", "realm": "r", "fill": []object{{"class": "Other", "from": 0, "to": 3, "values": object{}}}})
	author.sync()

	dir := filepath.Join(t.TempDir(), "files")
	p := startPeer(t, srv.url(), "subscriptions", dir)
	p.do(object{"do": "login"})
	p.open(nil)
	change := func(more object) {
		t.Helper()
		require.Equal(t, `"complete"`, string(p.do(with(object{"do": "subscribe", "realm": "r", "replace": false}, more))))
	}
	change(object{"subscriptions": []object{{"class": "Item", "query": "n < 20", "name": "few"}, {"class": "Item", "query": "n == 90"}}})
	require.Equal(t, "0:0 1:10 9:90", p.items())
	change(object{"subscriptions": []object{{"class": "Item", "query": "n < 30", "name": "few"}, {"class": "Other", "query": "TRUEPREDICATE"}}})
	require.Equal(t, "0:0 1:10 2:20 9:90", p.items())
	require.Equal(t, 3, p.count("Other"))
	change(object{"remove": []string{"few"}})
	require.Equal(t, "9:90", p.items())
	change(object{"subscriptions": []object{{"class": "Item", "query": "n == 90", "name": "same as without a name"}}})
	require.Equal(t, "9:90", p.items())
	require.Len(t, p.active().Subscriptions, 3)

	p.r("close")
	p.kill()
	author.item(10, 90)
	author.sync()
	p = startPeer(t, srv.url(), "subscriptions", dir)
	p.open(nil)
	require.Equal(t, "9:90", p.items(), "what was there is there at once")
	p.r("download")
	require.Equal(t, "10:90 9:90", p.items())
	require.Len(t, p.active().Subscriptions, 3)
	change(object{"replace": true})
	require.Empty(t, p.items())
	require.Zero(t, p.count("Other"))
	p.quiet()
	author.quiet()
}

// A refused set says why, and the session goes on with the set before.
func TestRefusedSubscriptions(t *testing.T) {
	srv := startServer(t)
	o := operate(t, srv, "refused")
	o.itemClasses()
	o.strict(`["n"]`)
	p := newPeer(t, srv, "refused")
	p.open(nil)
	p.subscribe("Item:n > 0")
	p.item(1, 1)
	for _, c := range []struct{ query, why string }{
		{"Item:owner == 'me'", `Invalid query: "Item": key "owner" is not a queryable field`},
		{"Item:n > 0 SORT(n ASC)", "Invalid query"},
		{"Item:n > 0 LIMIT(1)", "Invalid query"},
		{"Item:n > 0 DISTINCT(n)", "Invalid query"},
	} {
		require.Contains(t, p.refused(object{"do": "subscribe", "realm": "r", "subscriptions": subscriptions(c.query)}), c.why, c.query)
		require.Equal(t, "Error", decoded[subscriptionSet](t, string(p.r("set"))).State)
		require.Equal(t, "n > 0", p.active().Subscriptions[0].Query)
	}
	p.item(2, 2)
	p.sync()
	require.Equal(t, "1:1 2:2", p.items())
	p.r("pause")
	p.r("resume") // a set in Error is not sent again
	p.item(3, 3)
	p.sync()
	p.subscribe("Item:n > 1")
	require.Equal(t, "2:2 3:3", p.items())
	p.quiet()
}

// Many sets at once: the last one holds, those before are superseded or complete, and none is lost.
func TestManySubscriptionSets(t *testing.T) {
	srv := startServer(t)
	p := newPeer(t, srv, "many")
	p.open(nil)
	p.subscribe("Item")
	for i := range 20 {
		p.item(i, i)
	}
	var versions []int
	for i := range 30 {
		raw := p.do(object{"do": "subscribe", "realm": "r", "wait": false, "subscriptions": subscriptions(fmt.Sprintf("Item:n == %d", i%20))})
		var version int
		require.NoError(t, json.Unmarshal(raw, &version))
		versions = append(versions, version)
		if i%7 == 6 {
			p.r("pause")
			p.r("resume")
		}
		if i%5 == 4 {
			p.item(100+i, i%20) // it is in the view of the set that was sent before it
		}
	}
	require.Equal(t, `"complete"`, string(p.do(object{"do": "await_set", "realm": "r", "version": versions[len(versions)-1]})))
	for _, v := range versions[:len(versions)-1] {
		require.Equal(t, "Superseded", p.set(v).State)
	}
	require.Equal(t, "109:9 129:9 9:9", p.items())
	p.sync()
	require.Equal(t, "109:9 129:9 9:9", p.items())
	p.subscribe("Item")
	require.Equal(t, 26, p.count("Item"))
	p.quiet()
}
