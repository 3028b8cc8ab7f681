package realm

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset/vectortest"
	"realmsync/core/value"
)

// cppObject is the stored object of a line of realm-cpp.jsonl.
type cppObject struct {
	t *testing.T
	r *Realm
	o Object
}

func (x *cppObject) list(name string) *Collection { return listOf(x.t, x.o, name) }

func (x *cppObject) target(id int64, name string) Object {
	o := create(x.t, x.r, "Target", values{"_id": i64(id)})
	set1(x.t, o, "name", str(name))
	return o
}

func (x *cppObject) addr(made New, err error) func(street string, no int64) {
	x.t.Helper()
	require.NoError(x.t, err)
	x.t.Cleanup(func() { ReleaseObject(made.Object) })
	return func(street string, no int64) {
		set1(x.t, made.Object, "street", str(street))
		set1(x.t, made.Object, "no", i64(no))
	}
}

func (x *cppObject) newA() (New, error) {
	return SetNew(x.o, propertyNamed(x.t, x.o, "a"), value.KindObject)
}

func (x *cppObject) two() { push(x.t, x.list("li"), i64(1), i64(2)) }

func (x *cppObject) links() { push(x.t, x.list("lt"), x.target(1, "one"), x.target(2, "two")) }

func (x *cppObject) places() {
	x.addr(x.list("la").InsertNew(0, value.KindObject))("x", 1)
	x.addr(x.list("la").InsertNew(1, value.KindObject))("y", 2)
}

// What realm-cpp records of its statements about collections and embedded objects is what the calls behind them record, to the byte.
func TestCollectionStatementsOfTheVectors(t *testing.T) {
	none := func(*cppObject) {}
	statements := map[string][2]func(x *cppObject){
		"embedded = new object": {none, func(x *cppObject) { x.addr(x.newA())("x", 1) }},
		"embedded = another":    {func(x *cppObject) { x.addr(x.newA())("x", 1) }, func(x *cppObject) { x.addr(x.newA())("y", 2) }},
		"embedded = nullptr":    {func(x *cppObject) { x.addr(x.newA())("x", 1) }, func(x *cppObject) { set1(x.t, x.o, "a", value.Null()) }},
		"property of embedded object": {func(x *cppObject) { x.addr(x.newA())("x", 1) }, func(x *cppObject) {
			a := embeddedIn(x.t, x.o, propertyNamed(x.t, x.o, "a"))
			set1(x.t, a, "street", str("z"))
			set1(x.t, a, "no", i64(4))
		}},
		"list push_back":            {(*cppObject).two, func(x *cppObject) { push(x.t, x.list("li"), i64(3)) }},
		"list pop_back":             {(*cppObject).two, func(x *cppObject) { require.NoError(x.t, x.list("li").Erase(1)) }},
		"list clear":                {func(x *cppObject) { x.two(); push(x.t, x.list("li"), i64(3)) }, func(x *cppObject) { require.NoError(x.t, x.list("li").Clear()) }},
		"list clear, empty":         {none, func(x *cppObject) { require.NoError(x.t, x.list("li").Clear()) }},
		"list of strings push_back": {none, func(x *cppObject) { push(x.t, x.list("ls"), str("a"), str("b")) }},
		"list of mixed push_back":   {none, func(x *cppObject) { push(x.t, x.list("lm"), i64(1), str("s")) }},
		"list of links push_back twice": {none, func(x *cppObject) {
			push(x.t, x.list("lt"), x.target(1, "one"))
			push(x.t, x.list("lt"), x.target(2, "two"))
		}},
		"list of links erase":        {(*cppObject).links, func(x *cppObject) { require.NoError(x.t, x.list("lt").Erase(0)) }},
		"list of links clear":        {(*cppObject).links, func(x *cppObject) { require.NoError(x.t, x.list("lt").Clear()) }},
		"list of embedded push_back": {none, (*cppObject).places},
		"list of embedded erase":     {(*cppObject).places, func(x *cppObject) { require.NoError(x.t, x.list("la").Erase(0)) }},
		"list of embedded element property": {(*cppObject).places, func(x *cppObject) {
			set1(x.t, objectsIn(x.t, x.list("la"), 1, 1)[0], "street", str("z"))
		}},
		"set insert":            {func(x *cppObject) { addTo(x.t, x.list("si"), i64(1)) }, func(x *cppObject) { addTo(x.t, x.list("si"), i64(2)) }},
		"set insert present":    {func(x *cppObject) { addTo(x.t, x.list("si"), i64(1)) }, func(x *cppObject) { addTo(x.t, x.list("si"), i64(1)) }},
		"set of strings insert": {none, func(x *cppObject) { addTo(x.t, x.list("ss"), str("x")) }},
		"map new key":           {none, func(x *cppObject) { put(x.t, x.list("mi"), "k", i64(1)) }},
		"map overwrite":         {func(x *cppObject) { put(x.t, x.list("mi"), "k", i64(1)) }, func(x *cppObject) { put(x.t, x.list("mi"), "k", i64(2)) }},
		"map erase": {func(x *cppObject) { put(x.t, x.list("mi"), "k", i64(1)) }, func(x *cppObject) {
			_, err := x.list("mi").RemoveKey("k")
			require.NoError(x.t, err)
		}},
		"map of links nullptr": {func(x *cppObject) { put(x.t, x.list("mt"), "k", x.target(1, "one")) }, func(x *cppObject) {
			put(x.t, x.list("mt"), "k", value.Null())
		}},
		"map of embedded new key": {none, func(x *cppObject) { x.addr(x.list("ma").PutNew("k", value.KindObject))("x", 1) }},
		"map of embedded erase": {func(x *cppObject) { x.addr(x.list("ma").PutNew("k", value.KindObject))("x", 1) }, func(x *cppObject) {
			_, err := x.list("ma").RemoveKey("k")
			require.NoError(x.t, err)
		}},
		"remove": {none, func(x *cppObject) { require.NoError(x.t, DeleteObject(x.o)) }},
		"remove with links, collections, embedded": {func(x *cppObject) {
			x.links()
			x.places()
			x.addr(x.newA())("x", 1)
		}, func(x *cppObject) { require.NoError(x.t, DeleteObject(x.o)) }},
		"remove a linked object": {func(x *cppObject) {
			first := x.target(1, "one")
			set1(x.t, x.o, "t", first)
			push(x.t, x.list("lt"), first, x.target(2, "two"), first)
			put(x.t, x.list("mt"), "k", first)
		}, func(x *cppObject) { require.NoError(x.t, DeleteObject(find(x.t, x.r, "Target", i64(1)))) }},
	}
	var model *localWrite
	ran := 0
	require.NoError(t, vectortest.Lines("localwrites/realm-cpp.jsonl", func(line []byte) error {
		var w localWrite
		require.NoError(t, json.Unmarshal(line, &w))
		if model == nil {
			model = &w
		}
		statement, ok := statements[w.Name]
		if !ok {
			return nil
		}
		ran++
		t.Run(w.Name, func(t *testing.T) {
			clean(t)
			_, classes := cppSchema(t, model)
			r := open(t, Config{Path: tempPath(t), Schema: classes, Synced: true, UserID: "u"})
			subscribeAll(t, r, "All", "Target")
			x := &cppObject{t: t, r: r}
			write(t, r, func() {
				x.o = create(t, r, "All", values{"_id": i64(1)})
				statement[0](x)
			})
			before := r.Version()
			write(t, r, func() { statement[1](x) })
			want := ""
			for _, tx := range w.Transactions {
				want += tx.Hex
			}
			require.Equal(t, want, recordedHex(t, r, before))
		})
		return nil
	}))
	require.Equal(t, len(statements), ran, "vectors are missing")
}
