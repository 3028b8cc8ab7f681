package reset

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Instructions on objects of the class T of statetest.World.

type ins = changeset.Instruction

func steps(path ...any) (out []changeset.Step) {
	for _, p := range path {
		switch p := p.(type) {
		case int:
			out = append(out, changeset.Step{Pos: uint32(p), IsPos: true})
		case string:
			out = append(out, changeset.Step{Key: p})
		}
	}
	return out
}

func create(k int64) ins { return ins{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(k)} }
func erase(k int64) ins  { return ins{Op: changeset.EraseObject, Table: "T", Key: value.IntKey(k)} }

func op(o changeset.Op, k int64, field string, v value.Value, size int, path ...any) ins {
	return ins{Op: o, Table: "T", Key: value.IntKey(k), Field: field, Value: v, PriorSize: uint32(size), Path: steps(path...)}
}

func set(k int64, field string, v value.Value, path ...any) ins {
	return op(changeset.Update, k, field, v, 0, path...)
}
func put(k int64, field string, v value.Value, size int, path ...any) ins { // of a list element
	return op(changeset.Update, k, field, v, size, path...)
}
func insert(k int64, field string, v value.Value, size int, path ...any) ins {
	return op(changeset.ArrayInsert, k, field, v, size, path...)
}
func remove(k int64, field string, size int, path ...any) ins {
	return op(changeset.ArrayErase, k, field, value.Null(), size, path...)
}
func move(k int64, field string, size, from, to int) ins {
	in := op(changeset.ArrayMove, k, field, value.Null(), size, from)
	in.Dest = uint32(to)
	return in
}
func clearOf(k int64, field string, c schema.Collection) ins {
	return ins{Op: changeset.Clear, Table: "T", Key: value.IntKey(k), Field: field, Collection: c}
}
func add(k, n int64) ins {
	return ins{Op: changeset.AddInteger, Table: "T", Key: value.IntKey(k), Field: "i", Add: n}
}

func num(n int64) value.Value  { return value.Int(n) }
func link(k int64) value.Value { return value.FromLink("T", value.IntKey(k)) }

var object = value.Marker(value.KindObject)

// ints makes a list of object k hold these numbers.
func ints(k int64, numbers ...int64) (out []ins) {
	for i, n := range numbers {
		out = append(out, insert(k, "l", num(n), i, i))
	}
	return out
}

type rule struct {
	name  string
	base  []ins   // what both had
	there []ins   // what others did on the server since
	here  [][]ins // what this client did: its changesets
	// show is an object's property afterwards, as JSON (vectors/README.md); or "-" for an object that is gone.
	object int64
	field  string
	want   string
}

// The table of sync-semantics 7.6.
var rules = []rule{
	{name: "CreateObject", here: [][]ins{{create(5), set(5, "i", num(7))}}, object: 5, field: "i", want: `{"int":"7"}`},
	{name: "CreateObject: it exists already", there: []ins{create(5), set(5, "i", num(1)), set(5, "m", num(2))}, here: [][]ins{{create(5), set(5, "i", num(7))}},
		object: 5, field: "m", want: `{"int":"2"}`},
	{name: "CreateObject: it exists already, the client's value wins", there: []ins{create(5), set(5, "i", num(1))}, here: [][]ins{{create(5), set(5, "i", num(7))}},
		object: 5, field: "i", want: `{"int":"7"}`},
	{name: "EraseObject", here: [][]ins{{erase(1)}}, object: 1, want: "-"},
	{name: "EraseObject: although it was changed there", there: []ins{set(1, "i", num(4))}, here: [][]ins{{erase(1)}}, object: 1, want: "-"},
	{name: "EraseObject: it is gone", there: []ins{erase(1)}, here: [][]ins{{erase(1)}}, object: 1, want: "-"},
	{name: "Update on an object that is gone", there: []ins{erase(1)}, here: [][]ins{{set(1, "i", num(4))}}, object: 1, want: "-"},
	{name: "AddInteger on an object that is gone", there: []ins{erase(1)}, here: [][]ins{{add(1, 4)}}, object: 1, want: "-"},
	{name: "list insert on an object that is gone", there: []ins{erase(1)}, here: [][]ins{ints(1, 4)}, object: 1, want: "-"},
	{name: "Update: the client wins", there: []ins{set(1, "i", num(1))}, here: [][]ins{{set(1, "i", num(4))}}, object: 1, field: "i", want: `{"int":"4"}`},
	{name: "Update: other fields are the server's", there: []ins{set(1, "m", num(1))}, here: [][]ins{{set(1, "i", num(4))}}, object: 1, field: "m", want: `{"int":"1"}`},
	{name: "Update of an embedded object that is null there", base: []ins{set(1, "e", object)}, there: []ins{set(1, "e", value.Null())},
		here: [][]ins{{set(1, "e", num(3), "x")}}, object: 1, field: "e", want: `null`},
	{name: "Update in an embedded object", base: []ins{set(1, "e", object)}, here: [][]ins{{set(1, "e", num(3), "x")}}, object: 1, field: "e",
		want: `{"object":{"f":null,"fl":[],"k":null,"l":[],"m":null,"s":[],"x":{"int":"3"}}}`},
	{name: "link to an object that is gone", base: []ins{create(5)}, there: []ins{erase(5)}, here: [][]ins{{set(1, "k", link(5))}}, object: 1, field: "k", want: `null`},
	{name: "link to an object that only the client has", here: [][]ins{{create(5), set(1, "k", link(5))}}, object: 1, field: "k", want: `{"link":["T",{"int":"5"}]}`},
	{name: "link in a list to an object that is gone", base: []ins{create(5)}, there: []ins{erase(5)},
		here: [][]ins{{insert(1, "kl", link(5), 0, 0), insert(1, "kl", link(0), 1, 1)}}, object: 1, field: "kl", want: `[{"link":["T",{"int":"0"}]}]`},
	{name: "link in a set to an object that is gone", base: []ins{create(5)}, there: []ins{erase(5)},
		here: [][]ins{{op(changeset.SetInsert, 1, "ks", link(5), 0)}}, object: 1, field: "ks", want: `[]`},
	{name: "link in a dictionary to an object that is gone", base: []ins{create(5)}, there: []ins{erase(5)},
		here: [][]ins{{set(1, "kd", link(5), "a")}}, object: 1, field: "kd", want: `{"a":null}`},
	{name: "AddInteger", there: []ins{set(1, "i", num(10))}, base: []ins{set(1, "i", num(1))}, here: [][]ins{{add(1, 4)}}, object: 1, field: "i", want: `{"int":"14"}`},
	{name: "AddInteger on null", base: []ins{set(1, "i", num(1))}, there: []ins{set(1, "i", value.Null())}, here: [][]ins{{add(1, 4)}}, object: 1, field: "i", want: `null`},
	{name: "list: own insertions", base: ints(1, 1, 2), there: ints(1)[:0], here: [][]ins{{insert(1, "l", num(3), 2, 2)}, {insert(1, "l", num(4), 3, 3)}},
		object: 1, field: "l", want: `[{"int":"1"},{"int":"2"},{"int":"3"},{"int":"4"}]`},
	{name: "list: insertions meet those of others", base: ints(1, 1), there: []ins{insert(1, "l", num(9), 1, 1)}, here: [][]ins{{insert(1, "l", num(3), 1, 1)}},
		object: 1, field: "l", want: `[{"int":"1"},{"int":"3"},{"int":"9"}]`},
	{name: "list: insertions behind the end of the shorter list there keep their order", base: ints(1, 1, 2, 3), there: []ins{remove(1, "l", 3, 0), remove(1, "l", 2, 0)},
		here:   [][]ins{{insert(1, "l", num(4), 3, 3), insert(1, "l", num(5), 4, 4), insert(1, "l", num(6), 5, 3)}},
		object: 1, field: "l", want: `[{"int":"3"},{"int":"6"},{"int":"4"},{"int":"5"}]`},
	{name: "list: own elements are changed, moved and erased", base: ints(1, 1), there: []ins{insert(1, "l", num(9), 1, 0)},
		here: [][]ins{{insert(1, "l", num(2), 1, 1), insert(1, "l", num(3), 2, 2), insert(1, "l", num(4), 3, 3)},
			{put(1, "l", num(5), 4, 2), move(1, "l", 4, 3, 1), remove(1, "l", 4, 2)}},
		object: 1, field: "l", want: `[{"int":"9"},{"int":"4"},{"int":"5"},{"int":"1"}]`},
	{name: "list: a change of another element copies the list", base: ints(1, 1, 2), there: []ins{insert(1, "l", num(9), 2, 0)}, here: [][]ins{{put(1, "l", num(5), 2, 0)}},
		object: 1, field: "l", want: `[{"int":"5"},{"int":"2"}]`},
	{name: "list: an erasure of another element copies the list", base: ints(1, 1, 2), there: []ins{move(1, "l", 2, 0, 1)}, here: [][]ins{{remove(1, "l", 2, 0)}},
		object: 1, field: "l", want: `[{"int":"2"}]`},
	{name: "list: a move of another element copies the list", base: ints(1, 1, 2), there: []ins{insert(1, "l", num(9), 2, 0)}, here: [][]ins{{move(1, "l", 2, 0, 1)}},
		object: 1, field: "l", want: `[{"int":"2"},{"int":"1"}]`},
	{name: "list: the copy is as of the end", base: ints(1, 1, 2), there: []ins{insert(1, "l", num(9), 2, 0)},
		here: [][]ins{{put(1, "l", num(5), 2, 0)}, {insert(1, "l", num(6), 2, 2)}}, object: 1, field: "l", want: `[{"int":"5"},{"int":"2"},{"int":"6"}]`},
	{name: "list: after Clear all is ours", base: ints(1, 1, 2), there: []ins{insert(1, "l", num(9), 2, 0)},
		here:   [][]ins{{put(1, "l", num(5), 2, 0)}, {clearOf(1, "l", schema.List), insert(1, "l", num(6), 0, 0)}, {put(1, "l", num(7), 1, 0)}},
		object: 1, field: "l", want: `[{"int":"7"}]`},
	{name: "list: Clear", base: ints(1, 1), there: []ins{insert(1, "l", num(9), 1, 1)}, here: [][]ins{{clearOf(1, "l", schema.List)}}, object: 1, field: "l", want: `[]`},
	{name: "list: inside an element of ours", base: []ins{insert(1, "el", object, 0, 0)}, there: []ins{insert(1, "el", object, 1, 0)},
		here: [][]ins{{insert(1, "el", object, 1, 1)}, {set(1, "el", num(3), 1, "x"), insert(1, "el", num(4), 0, 1, "l", 0)}}, object: 1, field: "el",
		want: `[{"object":{"f":null,"fl":[],"k":null,"l":[],"m":null,"s":[],"x":null}},{"object":{"f":null,"fl":[],"k":null,"l":[{"int":"4"}],"m":null,"s":[],"x":{"int":"3"}}},` +
			`{"object":{"f":null,"fl":[],"k":null,"l":[],"m":null,"s":[],"x":null}}]`},
	{name: "list: inside another element copies the list", base: []ins{insert(1, "el", object, 0, 0)}, there: []ins{insert(1, "el", object, 1, 0)},
		here: [][]ins{{set(1, "el", num(3), 0, "x")}}, object: 1, field: "el", want: `[{"object":{"f":null,"fl":[],"k":null,"l":[],"m":null,"s":[],"x":{"int":"3"}}}]`},
	{name: "list: of an object that is made anew", base: ints(1, 1, 2), there: []ins{insert(1, "l", num(9), 2, 0)},
		here: [][]ins{{put(1, "l", num(5), 2, 0)}, {erase(1)}, {create(1), insert(1, "l", num(6), 0, 0)}}, object: 1, field: "l", want: `[{"int":"6"}]`},
	{name: "set: insert and erase", base: []ins{op(changeset.SetInsert, 1, "s", num(1), 0)}, there: []ins{op(changeset.SetInsert, 1, "s", num(2), 0)},
		here: [][]ins{{op(changeset.SetErase, 1, "s", num(1), 0), op(changeset.SetInsert, 1, "s", num(3), 0)}}, object: 1, field: "s", want: `[{"int":"2"},{"int":"3"}]`},
	{name: "dictionary: insert, update, erase", base: []ins{set(1, "d", num(1), "a"), set(1, "d", num(2), "b")}, there: []ins{set(1, "d", num(9), "z")},
		here: [][]ins{{set(1, "d", value.Marker(value.KindErased), "a"), set(1, "d", num(4), "b"), set(1, "d", num(5), "c")}}, object: 1, field: "d",
		want: `{"b":{"int":"4"},"c":{"int":"5"},"z":{"int":"9"}}`},
	{name: "dictionary: a key that is gone is erased", base: []ins{set(1, "d", num(1), "a")}, there: []ins{set(1, "d", value.Marker(value.KindErased), "a")},
		here: [][]ins{{set(1, "d", value.Marker(value.KindErased), "a")}}, object: 1, field: "d", want: `{}`},
	{name: "dictionary: inside of an entry that is gone", base: []ins{set(1, "ed", object, "a")}, there: []ins{set(1, "ed", value.Marker(value.KindErased), "a")},
		here: [][]ins{{set(1, "ed", num(1), "a", "x")}}, object: 1, field: "ed", want: `{}`},
	{name: "dictionary: Clear", base: []ins{set(1, "d", num(1), "a")}, there: []ins{set(1, "d", num(9), "z")}, here: [][]ins{{clearOf(1, "d", schema.Dictionary)}},
		object: 1, field: "d", want: `{}`},
	{name: "AddTable and AddColumn of what exists", here: [][]ins{{
		{Op: changeset.AddTable, Table: "T", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}},
		{Op: changeset.AddColumn, Table: "T", Field: "i", Schema: &changeset.SchemaFields{Type: value.KindInt, Nullable: true}},
		set(1, "i", num(4))}}, object: 1, field: "i", want: `{"int":"4"}`},
	{name: "AddColumn of what is missing", here: [][]ins{{
		{Op: changeset.AddColumn, Table: "T", Field: "new", Schema: &changeset.SchemaFields{Type: value.KindInt, Nullable: true}},
		set(1, "new", num(4))}}, object: 1, field: "new", want: `{"int":"4"}`},
}

func TestRules(t *testing.T) {
	for _, c := range rules {
		t.Run(c.name, func(t *testing.T) {
			base := statetest.World()
			require.NoError(t, base.Apply(&changeset.Changeset{Instructions: c.base}))
			fresh, local := base.Clone(), base.Clone()
			require.NoError(t, fresh.Apply(&changeset.Changeset{Instructions: c.there}))
			server := fresh.Clone()
			var changes []*changeset.Changeset
			for _, in := range c.here {
				changes = append(changes, &changeset.Changeset{Instructions: in})
				require.NoError(t, local.Apply(changes[len(changes)-1]))
			}
			for _, up := range recoverAll(t, fresh, local, changes) {
				require.NoError(t, server.Apply(up))
			}
			require.Equal(t, string(fresh.JSON()), string(server.JSON()), "the server gets the same by the uploads")
			require.Equal(t, c.want, show(t, fresh, c.object, c.field))
			_, err := Transfer(fresh, local)
			require.NoError(t, err)
			require.Equal(t, string(fresh.JSON()), string(local.JSON()))
		})
	}
}

// show returns a property of an object as JSON.
func show(t *testing.T, st *memstate.State, k int64, field string) string {
	t.Helper()
	exists, err := st.Exists("T", value.IntKey(k))
	require.NoError(t, err)
	if !exists {
		return "-"
	}
	one := memstate.New(st.Schema())
	require.NoError(t, one.Create("T", value.IntKey(k)))
	tr := transfer{from: st, to: one}
	require.NoError(t, tr.property(st.Schema().Class("T").Property(field), topObject{st, "T", value.IntKey(k)}, topObject{one, "T", value.IntKey(k)}))
	text := strings.ReplaceAll(string(one.JSON()), `,"dangling":true`, "") // the other objects aren't in it
	_, text, _ = strings.Cut(text, `"objects":`)
	_, text, _ = strings.Cut(text, `"`+field+`":`)
	depth := 0
	for i, r := range text {
		switch r {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				return text[:i]
			}
		}
		if depth < 0 {
			return text[:i]
		}
	}
	return text
}

func TestUnrecoverable(t *testing.T) {
	for want, in := range map[string]ins{
		"Unable to automatically recover local changes during client reset: 'Types cannot be erased during client reset recovery: 'T''": {Op: changeset.EraseTable, Table: "T"},
		"Properties cannot be erased during client reset recovery: 'T.i'":                                                               {Op: changeset.EraseColumn, Table: "T", Field: "i"},
		"the property exists with type":         {Op: changeset.AddColumn, Table: "T", Field: "i", Schema: &changeset.SchemaFields{Type: value.KindString}},
		"the class exists with the primary key": {Op: changeset.AddTable, Table: "T", Schema: &changeset.SchemaFields{KeyField: "id", KeyType: value.KindInt}},
		"there is no such class":                {Op: changeset.CreateObject, Table: "Gone", Key: value.IntKey(1)},
	} {
		fresh := statetest.World()
		_, err := NewRecovery(fresh, statetest.World()).Apply(&changeset.Changeset{Instructions: []ins{in}})
		var failed *FailedError
		require.ErrorAs(t, err, &failed, want)
		require.Contains(t, failed.Text, want)
	}
}

func TestFits(t *testing.T) {
	key := schema.Property{Name: "_id", Type: value.KindInt}
	class := func(name string, key schema.Property, properties ...schema.Property) schema.Class {
		return schema.Class{Name: name, PrimaryKey: key.Name, Properties: append([]schema.Property{key}, properties...)}
	}
	a := schema.Property{Name: "a", Type: value.KindInt}
	b := schema.Property{Name: "b", Type: value.KindString}
	nullable := a
	nullable.Nullable = true
	for _, c := range []struct {
		fresh, local *schema.Schema
		added        []ins
		want         string
	}{
		{fresh: schema.New(class("T", key, a), class("U", key)), local: schema.New(class("T", key))},
		{fresh: schema.New(class("T", key)), local: schema.New(class("T", key), class("B", key), class("A", key)),
			want: "Client reset cannot recover when classes have been removed: {A, B}"},
		{fresh: schema.New(class("T", key)), local: schema.New(class("T", key), class("A", key)), added: []ins{{Op: changeset.AddTable, Table: "A"}}},
		{fresh: schema.New(class("T", key)), local: schema.New(class("T", key, a, b)),
			want: "Client reset cannot recover when columns have been removed from 'T': {a, b}"},
		{fresh: schema.New(class("T", key)), local: schema.New(class("T", key, a, b)), added: []ins{{Op: changeset.AddColumn, Table: "T", Field: "a"}},
			want: "Client reset cannot recover when columns have been removed from 'T': {b}"},
		{fresh: schema.New(class("T", key, a)), local: schema.New(class("T", key, nullable)),
			want: "Incompatible column type change detected during client reset for 'T.a'"},
		{fresh: schema.New(class("T", schema.Property{Name: "_id", Type: value.KindString})), local: schema.New(class("T", key)),
			want: "Client reset found incompatible primary key types"},
		{fresh: schema.New(class("T", schema.Property{Name: "id", Type: value.KindInt})), local: schema.New(class("T", key)),
			want: "Client reset requires equal primary key names but 'id' != '_id' on 'T'"},
		{fresh: schema.New(class("T", schema.Property{Name: "_id", Type: value.KindInt, Nullable: true})), local: schema.New(class("T", key)),
			want: "Client reset found incompatible primary key attributes"},
		{fresh: schema.New(schema.Class{Name: "T", Kind: schema.Embedded}), local: schema.New(class("T", key)),
			want: "Client reset found incompatible types of the class 'T'"},
	} {
		var added Additions
		added.Note(&changeset.Changeset{Instructions: c.added})
		err := Fits(c.fresh, c.local, added)
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.want)
		require.IsType(t, &FailedError{}, err)
	}
}

// A class that the server has gained comes with its objects.
func TestTransferExtends(t *testing.T) {
	from, to := statetest.World(), statetest.World()
	require.NoError(t, from.Apply(&changeset.Changeset{Instructions: []ins{
		{Op: changeset.AddTable, Table: "U", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindString}},
		{Op: changeset.AddColumn, Table: "U", Field: "t", Schema: &changeset.SchemaFields{Type: value.KindLink, Nullable: true, LinkTarget: "T"}},
		{Op: changeset.AddColumn, Table: "T", Field: "u", Schema: &changeset.SchemaFields{Type: value.KindLink, Nullable: true, LinkTarget: "U"}},
		{Op: changeset.CreateObject, Table: "U", Key: value.StringKey("x")},
		{Op: changeset.Update, Table: "U", Key: value.StringKey("x"), Field: "t", Value: link(1)},
	}}))
	counts, err := Transfer(from, to)
	require.NoError(t, err)
	require.Equal(t, Counts{Created: 1, Updated: 1}, counts)
	require.Equal(t, string(from.JSON()), string(to.JSON()))
}
