package realm

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// observedQueries look at everything that a query can look at.
var observedQueries = []string{
	"TRUEPREDICATE", "i > 1", "_id IN {1,2,3}", "TRUEPREDICATE SORT(i DESC)", "TRUEPREDICATE SORT(k.i ASC, _id DESC) LIMIT(3)",
	"TRUEPREDICATE DISTINCT(i)", "k.i != NULL SORT(k.k.i DESC) DISTINCT(k.i) LIMIT(2)",
	"k.i == 2", "k.k.i > 1 OR k == NULL", "e.x > 1", "e.f.x != 0", "e.k.i > 1",
	"ANY l > 2", "ALL l < 4", "l.@count > 1", "l.@sum > 4", "NONE s == 3", "s.@size == 2", "l[0] == 3",
	"ANY kl.i > 2", "kl.@max.i > 2", "kl.@count == 2", "ANY ks.k.i > 0", "kd.@count > 0", "ANY kd.@values.i == 1", "kd['a'].i != NULL",
	"d['a'] != NULL", "ANY d.@keys == 'b'", "m == 3", "m.@type == 'object'", "ANY ml.@type == 'int'", "m[*] == 2", "ANY ms == 1", "m.i > 0",
	"ANY el.x > 1", "el.@count > 1", "ANY ed.@values.x > 0", "ANY el.l > 2", "ANY e.fl.x == 0",
	"@links.@count > 2", "ANY @links.T.k.i > 1", "@links.T.kl.@count > 0", "ANY @links.T.ks._id == 1", "@links.T.kd.@count == 0",
	"SUBQUERY(kl, $x, $x.i > 1).@count > 0", "SUBQUERY(@links.T.k, $x, $x.i > 1).@count > 0", "ANY kl.kl.i > 1 SORT(i ASC)",
}

// graphNode is a part of the graph of objects: one of class T, or an embedded object in it.
type graphNode struct {
	text  string // what it holds itself
	links []string
}

// graph is what an instance sees, by names of its objects: the key for those of class T.
type graph struct {
	state      *memstate.State
	nodes      map[string]*graphNode
	properties map[string]map[string]string // of each object of class T, as text
	deep       map[string][4]uint64
}

func graphOf(t *testing.T, r *Realm) *graph {
	g := &graph{state: contentOf(t, r), nodes: map[string]*graphNode{}, properties: map[string]map[string]string{}, deep: map[string][4]uint64{}}
	class := g.state.Schema().Class("T")
	for _, key := range g.state.Keys("T") {
		name := fmt.Sprint(key.Value().Int())
		n := &graphNode{}
		g.nodes[name] = n
		g.properties[name] = map[string]string{}
		for i := range class.Properties {
			p := &class.Properties[i]
			in, err := g.state.Node("T", key, p.Name)
			require.NoError(t, err)
			text := g.text(n, name+"."+p.Name, p, in)
			g.properties[name][p.Name] = text
			n.text += p.Name + "=" + text + ";"
		}
	}
	return g
}

// text describes what is at a place, and enters the objects that are embedded in it.
func (g *graph) text(n *graphNode, at string, p *schema.Property, in memstate.Node) string {
	switch in.Value.Kind() {
	case value.KindObject:
		inner := &graphNode{}
		g.nodes[at] = inner
		n.links = append(n.links, at)
		class := g.state.Schema().Class(p.LinkTarget)
		for i := range class.Properties {
			q := &class.Properties[i]
			inner.text += g.text(inner, at+"."+q.Name, q, nodeIn(in, q)) + ";"
		}
		return "object"
	case value.KindList, value.KindSet:
		var all []string
		for i, e := range in.Elements {
			all = append(all, g.text(n, fmt.Sprint(at, "[", i, "]"), p, e))
		}
		if in.Value.Kind() == value.KindSet {
			slices.Sort(all)
		}
		return "[" + strings.Join(all, ",") + "]"
	case value.KindDictionary:
		text := "{"
		for _, key := range slices.Sorted(maps.Keys(in.Entries)) {
			text += key + ":" + g.text(n, at+"."+key, p, in.Entries[key]) + ","
		}
		return text + "}"
	case value.KindLink:
		link := in.Value.Link()
		if ok, _ := g.state.Exists(link.Class, link.Key); !ok {
			return "gone"
		}
		to := fmt.Sprint(link.Key.Value().Int())
		n.links = append(n.links, to)
		return "->" + to
	default:
		return in.Value.String()
	}
}

var graphSeed = maphash.MakeSeed()

// content stands for what is in an object and whatever it reaches over some links.
func (g *graph) content(name string, links int) uint64 {
	known := g.deep[name]
	if known[links] != 0 {
		return known[links]
	}
	var h maphash.Hash
	h.SetSeed(graphSeed)
	n := g.nodes[name]
	_, _ = h.WriteString(n.text)
	if links > 0 {
		for _, to := range n.links {
			maphash.WriteComparable(&h, g.content(to, links-1))
		}
	}
	known = g.deep[name]
	known[links] = h.Sum64() | 1
	g.deep[name] = known
	return known[links]
}

// reaches tells whether an object has one of these within some links.
func (g *graph) reaches(name string, links int, wanted map[string]map[string]bool) bool {
	if owner, _, _ := strings.Cut(name, "."); wanted[owner] != nil {
		return true
	}
	return links > 0 && slices.ContainsFunc(g.nodes[name].links, func(to string) bool { return g.reaches(to, links-1, wanted) })
}

// observedWorld is random writers and what observers must be told of their writes.
type observedWorld struct {
	t       *testing.T
	writer  *localWriter
	on      *threads
	own     *Realm   // whose observers are watched
	fresh   *Realm   // evaluates queries anew
	others  []*Realm // write on threads of their own
	before  *graph   // as the observers were told
	now     *graph
	touched map[string]map[string]bool // properties that were written since, by object; "*": the object itself
	mine    bool                       // own has written since
	asif    func()                     // runs before own sees what others wrote
	coarse  bool                       // asif leaves what changed unknown
}

// must and may tell whether an object has to be, and can be, told as modified.
func (w *observedWorld) must(name string) bool {
	return w.before.nodes[name] != nil && w.before.content(name, 3) != w.now.content(name, 3)
}

func (w *observedWorld) may(name string) bool {
	return w.coarse || w.must(name) || w.now.reaches(name, 3, w.touched)
}

func (w *observedWorld) touch(name, property string) {
	if w.touched[name] == nil {
		w.touched[name] = map[string]bool{}
	}
	w.touched[name][property] = true
}

// changeByOthers is a write by one of the other instances, or by the server.
func (w *observedWorld) changeByOthers() {
	who := w.writer.IntN(len(w.others) + 1)
	if who < len(w.others) {
		w.on.switchTo(2 + who)
		w.changeBy(w.others[who])
		return
	}
	keys := w.writer.state.Keys("T")
	if len(keys) < 3 {
		return
	}
	erase := changeset.Instruction{Op: changeset.EraseObject, Table: "T", Key: keys[w.writer.IntN(len(keys))]}
	w.on.switchTo(2)
	integrate(w.t, w.others[0], erase)
	require.NoError(w.t, w.writer.state.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{erase}}))
	w.touch(fmt.Sprint(erase.Key.Value().Int()), "*")
}

func (w *observedWorld) changeBy(r *Realm) {
	w.writer.done = nil
	w.writer.transaction(w.t, r)
	for _, op := range w.writer.done {
		var key struct{ Int string }
		require.NoError(w.t, json.Unmarshal(op.PK, &key))
		property := "*"
		if len(op.Path) > 0 {
			require.NoError(w.t, json.Unmarshal(op.Path[0], &property))
		}
		w.touch(key.Int, property)
	}
}

// watchedResults is an observer of results.
type watchedResults struct {
	text  string
	fresh *Results // of an instance that has just come to this version
	seen  *[]CollectionChanges
	keys  []int64
}

func (o *watchedResults) check(w *observedWorld) {
	rows, err := o.fresh.rowIDs()
	require.NoError(w.t, err)
	keys := append([]int64{}, rows...) // a key of this type is the row's number
	told := take(o.seen)
	require.LessOrEqual(w.t, len(told), 1, o.text)
	modified := map[int64]bool{}
	if len(told) == 1 {
		c := &told[0]
		require.False(w.t, c.Initial || c.empty(), "%s: %+v", o.text, *c)
		for i, before := range c.Modifications {
			require.Equal(w.t, o.keys[before], keys[c.ModificationsAfter[i]], o.text)
			modified[o.keys[before]] = true
			require.True(w.t, w.may(fmt.Sprint(o.keys[before])), "%s: %d has not changed", o.text, o.keys[before])
		}
		for _, m := range c.Moves {
			modified[o.keys[m.From]] = true
		}
		o.keys = rebuild(w.t, o.keys, keys, c)
	}
	require.Equal(w.t, keys, o.keys, "%s: told %+v", o.text, told)
	for _, key := range keys {
		if name := fmt.Sprint(key); w.must(name) && !modified[key] {
			inserted := len(told) == 1 && slices.ContainsFunc(told[0].Insertions, func(i int) bool { return keys[i] == key })
			require.True(w.t, inserted, "%s: %d has changed\nfrom %s\nto   %s", o.text, key, w.before.nodes[name].text, w.now.nodes[name].text)
		}
	}
}

// watchedObject is an observer of an object and one of each of its collections; made anew when the object is.
type watchedObject struct {
	name        string
	seen        *[]seenObject
	collections map[string]*watchedCollection
}

type watchedCollection struct {
	list *Collection
	told *told
	have []string
}

func (o *watchedObject) begin(w *observedWorld, key int64) {
	object := find(w.t, w.own, "T", i64(key))
	o.name, o.seen, o.collections = fmt.Sprint(key), nil, map[string]*watchedCollection{}
	if object == nil {
		return
	}
	o.seen = observeObject(w.t, object)
	for _, property := range []string{"l", "s", "d", "ml", "ms", "kl", "ks", "kd", "el", "ed"} {
		list := listOf(w.t, object, property)
		o.collections[property] = &watchedCollection{list, observeCollection(w.t, list), contents(w.t, list)}
	}
}

func (o *watchedObject) check(w *observedWorld) {
	if o.seen == nil {
		return
	}
	seen := take(o.seen)
	require.LessOrEqual(w.t, len(seen), 1)
	gone := len(seen) == 1 && seen[0].deleted
	require.Equal(w.t, w.now.nodes[o.name] == nil, gone, "object %s", o.name)
	if !gone {
		o.checkProperties(w, seen)
	}
	for property, c := range o.collections {
		c.check(w, o.name+"."+property, gone)
	}
	if gone {
		o.seen = nil
	}
}

func (o *watchedObject) checkProperties(w *observedWorld, seen []seenObject) {
	told := map[string]bool{}
	for i, p := range w.now.state.Schema().Class("T").Properties {
		if len(seen) == 0 || !slices.Contains(seen[0].properties, i) {
			continue
		}
		told[p.Name] = true
		if at := slices.Index(seen[0].properties, i); p.Name == "i" && !w.mine {
			require.Equal(w.t, w.before.properties[o.name]["i"], seen[0].old[at].String(), "the old value in object %s", o.name)
		}
	}
	for p, text := range w.now.properties[o.name] {
		was := w.before.properties[o.name][p]
		if was != text {
			require.True(w.t, told[p], "%s.%s has changed from %s to %s", o.name, p, was, text)
		}
		// A link to what was deleted and made anew, or the other way round, has changed twice.
		relinked := (strings.Contains(text, "->") || strings.Contains(text, "gone")) && slices.ContainsFunc(slices.Collect(maps.Keys(w.touched)), func(to string) bool { return w.touched[to]["*"] })
		if told[p] && was == text && !relinked && !w.coarse {
			require.True(w.t, w.touched[o.name][p] || w.touched[o.name]["*"], "%s.%s has not changed", o.name, p)
		}
	}
}

func (c *watchedCollection) check(w *observedWorld, name string, gone bool) {
	all := c.told.all
	c.told.all = nil
	require.LessOrEqual(w.t, len(all), 1, name)
	var now []string
	if !gone {
		now = contents(w.t, c.list)
	}
	if len(all) == 0 {
		require.False(w.t, gone, "%s is gone", name)
		require.Equal(w.t, c.have, now, "%s: nothing was told", name)
		return
	}
	d := &all[0]
	require.False(w.t, d.Initial, name)
	require.Equal(w.t, gone, d.RootDeleted, name)
	require.True(w.t, gone || !d.empty(), name)
	require.True(w.t, d.ascending(), "%s: %+v", name, d)
	if d.Keys != nil {
		require.Len(w.t, d.Keys.Modifications, len(d.Modifications), name)
	}
	for i, before := range d.Modifications {
		was, is := c.have[before], now[d.ModificationsAfter[i]]
		if to, isLink := strings.CutPrefix(is[strings.LastIndex(is, "->")+1:], ">"); was == is && isLink && strings.Contains(name, ".k") {
			require.True(w.t, w.may(to), "%s: %s has not changed", name, to)
		}
	}
	have := slices.Clone(c.have)
	for i, before := range d.Modifications {
		have[before] = now[d.ModificationsAfter[i]]
	}
	for _, i := range slices.Backward(d.Deletions) {
		have = slices.Delete(have, i, i+1)
	}
	for _, i := range d.Insertions {
		have = slices.Insert(have, i, now[i])
	}
	require.Equal(w.t, len(now), len(have), name)
	for i := range now {
		require.Equal(w.t, now[i], have[i], "%s: told %+v", name, d)
	}
	c.have = now
}

// Several writers and the server change everything there is; what the observers are told, applied to what they knew, must be what is there,
// and name exactly what has changed.
func TestObserversAreToldExactly(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { observeRandomly(t, seed, 50, nil, false) }) {
			return
		}
	}
}

// observeRandomly takes what is run before the observing instance sees what others wrote, and whether it is to be unknown then what changed.
func observeRandomly(t *testing.T, seed uint64, steps int, asif func(own *Realm), coarse bool) {
	clean(t)
	on := &threads{}
	start := statetest.World()
	config := Config{Path: memoryDir(t) + "/test.realm", Schema: start.Schema(), Synced: true, UserID: "u", ThreadID: on.id}
	on.switchTo(1)
	own := open(t, config)
	subscribeByName(t, config.Path, []string{"T"})
	integrate(t, own, changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(0)}, changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(1)})
	w := &observedWorld{t: t, on: on, own: own, coarse: coarse, asif: func() {}, writer: &localWriter{Rand: rand.New(rand.NewPCG(seed, 9)), state: start.Clone(), keys: 8, sameSchema: true}}
	if asif != nil {
		w.asif = func() { asif(own) }
	}
	for i := range 2 {
		on.switchTo(2 + i)
		w.others = append(w.others, open(t, config))
	}
	on.switchTo(4)
	w.fresh = open(t, config)
	w.touched = map[string]map[string]bool{}
	for range 8 {
		w.changeByOthers()
	}
	on.switchTo(1)
	refresh(t, own)
	var results []*watchedResults
	for _, text := range observedQueries {
		rs := query(t, own, "T", text)
		results = append(results, &watchedResults{text: text, seen: observeResults(t, rs), keys: ints(t, rs, "_id")})
	}
	on.switchTo(4)
	refresh(t, w.fresh)
	for _, o := range results {
		o.fresh = query(t, w.fresh, "T", o.text)
	}
	on.switchTo(1)
	objects := make([]watchedObject, 4)
	for key := range objects {
		objects[key].begin(w, int64(key))
	}
	refresh(t, own)
	for _, o := range results {
		require.Equal(t, []CollectionChanges{{Initial: true}}, take(o.seen), o.text)
	}
	for i := range objects {
		for _, c := range objects[i].collections {
			c.told.all = nil
		}
	}
	w.before = graphOf(t, own)
	for range steps {
		w.touched, w.mine = map[string]map[string]bool{}, false
		for range 1 + w.writer.IntN(3) {
			w.changeByOthers()
		}
		on.switchTo(1)
		w.asif()
		if w.writer.IntN(3) == 0 {
			require.NoError(t, own.BeginWrite()) // delivers, too
			w.now = graphOf(t, own)
			require.NoError(t, own.Cancel())
		} else {
			refresh(t, own)
			w.now = graphOf(t, own)
		}
		w.check(results, objects)
		if w.writer.IntN(2) == 0 { // what the instance itself writes
			w.touched, w.mine = map[string]map[string]bool{}, true
			w.changeBy(own)
			refresh(t, own)
			w.now = graphOf(t, own)
			w.check(results, objects)
		}
	}
	on.switchTo(1)
}

func (w *observedWorld) check(results []*watchedResults, objects []watchedObject) {
	w.on.switchTo(4)
	refresh(w.t, w.fresh)
	for _, o := range results {
		o.check(w)
	}
	w.on.switchTo(1)
	for key := range objects {
		objects[key].check(w)
	}
	w.before = w.now
	begun := false
	for key := range objects {
		if objects[key].seen == nil && w.now.nodes[fmt.Sprint(key)] != nil {
			objects[key].begin(w, int64(key))
			begun = true
		}
	}
	if begun {
		refresh(w.t, w.own)
		for key := range objects {
			for _, c := range objects[key].collections {
				c.told.all = nil
			}
		}
	}
}
