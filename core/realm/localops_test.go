package realm

import (
	"encoding/json"
	"strconv"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset/vectortest"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// place is where an operation of the vectors acts: a property of an object, or an element of a collection.
type place struct {
	object   Object
	property int
	c        *Collection
	pos      int
	key      string
}

// placeOf follows a path: a property of a top-level object, then positions, keys and properties. Handles are released with the test.
func placeOf(t *testing.T, r *Realm, o Object, path []json.RawMessage) place {
	t.Helper()
	at := place{object: o, property: propertyOf(t, r, o, path[0])}
	for _, step := range path[1:] {
		if inner := at.openObject(t); inner != nil {
			at = place{object: inner, property: propertyOf(t, r, inner, step)}
			continue
		}
		c := at.open(t)
		require.NotNil(t, c, "no collection in front of %s", step)
		at = place{c: c}
		if c.Kind() == schema.Dictionary {
			require.NoError(t, json.Unmarshal(step, &at.key))
		} else {
			require.NoError(t, json.Unmarshal(step, &at.pos))
		}
	}
	return at
}

func propertyOf(t *testing.T, r *Realm, o Object, name json.RawMessage) int {
	t.Helper()
	var text string
	require.NoError(t, json.Unmarshal(name, &text))
	cl, err := r.ClassByID(fields(o).class)
	require.NoError(t, err)
	require.GreaterOrEqual(t, cl.Property(text), 0)
	return cl.Property(text)
}

// openObject returns the embedded object at a place, nil if the place holds something else.
func (p place) openObject(t *testing.T) Object {
	t.Helper()
	if p.c != nil {
		if !p.c.Element().Embedded {
			return nil
		}
		i := p.pos
		if p.c.Kind() == schema.Dictionary {
			at, ok, err := p.c.IndexOfKey(p.key)
			require.NoError(t, err)
			require.True(t, ok)
			i = at
		}
		return objectsIn(t, p.c, i, 1)[0]
	}
	return embeddedIn(t, p.object, p.property)
}

// open returns the collection at a place, nil if there is none.
func (p place) open(t *testing.T) *Collection {
	t.Helper()
	var c *Collection
	var err error
	switch {
	case p.object != nil:
		c, err = OpenCollection(p.object, p.property)
	case p.c.Kind() == schema.Dictionary:
		c, err = p.c.ChildKey(p.key)
	default:
		c, err = p.c.Child(p.pos)
	}
	require.NoError(t, err)
	if c != nil {
		t.Cleanup(c.Release)
	}
	return c
}

// objectsIn loads objects of a collection; they are released with the test.
func objectsIn(t testing.TB, c *Collection, first, count int) []Object {
	t.Helper()
	out := make([]Object, max(1, count))
	n, err := c.LoadObjects(first, count, unsafe.Pointer(&out[0]))
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, o := range out[:n] {
			ReleaseObject(o)
		}
	})
	return out[:n]
}

// embeddedIn returns the embedded object in a property, nil if it holds none.
func embeddedIn(t testing.TB, o Object, property int) Object {
	t.Helper()
	r, err := InstanceOf(o)
	require.NoError(t, err)
	defer r.Release()
	require.NoError(t, LoadObject(o))
	cell := &unsafe.Slice((*store.Cell)(fields(o).values), fields(o).n)[property]
	if cell.Kind() != value.KindLink {
		return nil
	}
	class, row := cell.Link()
	cl, err := r.ClassByID(class)
	require.NoError(t, err)
	if cl.Def.Kind != schema.Embedded {
		return nil
	}
	inner, err := r.Get(class, row)
	require.NoError(t, err)
	t.Cleanup(func() { ReleaseObject(inner) })
	return inner
}

func (p place) set(t *testing.T, v any) {
	t.Helper()
	b := newBlock(t)
	defer b.free()
	cell := b.cells([]any{v})
	switch {
	case p.object != nil:
		require.NoError(t, SetProperty(p.object, p.property, cell))
	case p.c.Kind() == schema.Dictionary:
		require.NoError(t, p.c.Put(p.key, cell))
	default:
		require.NoError(t, p.c.Set(p.pos, cell))
	}
}

func (p place) setDefault(t *testing.T, v any) {
	t.Helper()
	b := newBlock(t)
	defer b.free()
	require.NoError(t, SetDefault(p.object, p.property, b.cells([]any{v})))
}

func (p place) setNew(t *testing.T, kind value.Kind) {
	t.Helper()
	var made New
	var err error
	switch {
	case p.object != nil:
		made, err = SetNew(p.object, p.property, kind)
	case p.c.Kind() == schema.Dictionary:
		made, err = p.c.PutNew(p.key, kind)
	default:
		made, err = p.c.SetNew(p.pos, kind)
	}
	require.NoError(t, err)
	made.release()
}

func (n New) release() {
	ReleaseObject(n.Object)
	if n.Collection != nil {
		n.Collection.Release()
	}
}

// unresolved tells whether a value is a link to an object that doesn't exist.
func unresolved(raw json.RawMessage) bool {
	var v struct{ Unresolved bool }
	return json.Unmarshal(raw, &v) == nil && v.Unresolved // not every value is an object
}

// argument is the value of an operation, links looked up.
func argument(t *testing.T, r *Realm, raw json.RawMessage) any {
	t.Helper()
	v, err := vectortest.ParseValue(raw)
	require.NoError(t, err)
	if v.Kind() != value.KindLink {
		return v
	}
	o := find(t, r, v.Link().Class, v.Link().Key.Value())
	require.NotNil(t, o)
	return o
}

var newKinds = map[string]value.Kind{"object": value.KindObject, "list": value.KindList, "dictionary": value.KindDictionary}

// localOp is an operation of vectors/localwrites (README.md section 5).
type localOp struct {
	Op, Class string
	PK        json.RawMessage
	Path      []json.RawMessage
	Value     json.RawMessage
	Default   bool
	Defaults  map[string]json.RawMessage
	To        int

	Kind       string
	PKName     string `json:"pk_name"`
	PKType     string `json:"pk_type"`
	PKNullable bool   `json:"pk_nullable"`

	Name, Type, Collection, Target string
	Nullable                       bool
}

func (op *localOp) run(t *testing.T, r *Realm) {
	t.Helper()
	switch op.Op {
	case "add_class":
		form := &vectortest.ClassForm{Kind: op.Kind, Key: op.PKName, Properties: map[string]*vectortest.PropertyForm{}}
		if op.PKName != "" {
			form.Properties[op.PKName] = &vectortest.PropertyForm{Type: op.PKType, Nullable: op.PKNullable, Collection: "Single"}
		}
		require.NoError(t, r.AddClass(op.class(t, form)))
	case "remove_class":
		require.NoError(t, r.RemoveClass(op.Class))
	case "add_property":
		p := &vectortest.PropertyForm{Type: op.Type, Nullable: op.Nullable, Collection: op.Collection, LinkTarget: op.Target}
		form := &vectortest.ClassForm{Kind: "top-level", Properties: map[string]*vectortest.PropertyForm{op.Name: p}}
		require.NoError(t, r.AddProperty(op.Class, op.class(t, form).Properties[0]))
	case "remove_property":
		require.NoError(t, r.RemoveProperty(op.Class, op.Name))
	case "create":
		op.create(t, r)
	default:
		op.change(t, r)
	}
}

// class reads the form of the operation's class.
func (op *localOp) class(t *testing.T, form *vectortest.ClassForm) schema.Class {
	t.Helper()
	s, err := (&vectortest.State{Schema: map[string]*vectortest.ClassForm{op.Class: form}}).Classes()
	require.NoError(t, err)
	return *s.Class(op.Class)
}

// create makes the object, then gives it the defaults, in the order of the properties.
func (op *localOp) create(t *testing.T, r *Realm) {
	t.Helper()
	key, err := vectortest.ParseKey(op.PK)
	require.NoError(t, err)
	cl := classOf(t, r, op.Class)
	o, _, err := tryCreate(t, r, op.Class, values{cl.Def.PrimaryKey: key.Value()}, true)
	require.NoError(t, err)
	defer ReleaseObject(o)
	for i := range cl.Def.Properties {
		if raw, ok := op.Defaults[cl.Def.Properties[i].Name]; ok {
			place{object: o, property: i}.setDefault(t, argument(t, r, raw))
		}
	}
}

func (op *localOp) change(t *testing.T, r *Realm) {
	t.Helper()
	key, err := vectortest.ParseKey(op.PK)
	require.NoError(t, err)
	o := find(t, r, op.Class, key.Value())
	require.NotNil(t, o)
	if op.Op == "delete" {
		require.NoError(t, DeleteObject(o))
		return
	}
	at := placeOf(t, r, o, op.Path)
	b := newBlock(t)
	defer b.free()
	one := func(raw json.RawMessage) any { return argument(t, r, raw) }
	switch op.Op {
	case "set":
		switch {
		case unresolved(op.Value):
			require.NotNil(t, at.object, "a link to a missing object in a collection")
			link, err := vectortest.ParseValue(op.Value)
			require.NoError(t, err)
			require.NoError(t, SetLink(at.object, at.property, link.Link()))
		case op.Default && at.object != nil: // in a collection there are no defaults (merge.md 8.2)
			at.setDefault(t, one(op.Value))
		default:
			at.set(t, one(op.Value))
		}
	case "add_int":
		var text string
		require.NoError(t, json.Unmarshal(op.Value, &text))
		amount, err := strconv.ParseInt(text, 10, 64)
		require.NoError(t, err)
		require.NoError(t, AddInt(at.object, at.property, amount))
	case "set_object", "set_list", "set_dictionary":
		at.setNew(t, newKinds[op.Op[len("set_"):]])
	case "insert_object", "insert_list", "insert_dictionary":
		made, err := at.c.InsertNew(at.pos, newKinds[op.Op[len("insert_"):]])
		require.NoError(t, err)
		made.release()
	case "list_insert":
		require.NoError(t, at.c.Insert(at.pos, b.cells([]any{one(op.Value)})))
	case "list_erase":
		require.NoError(t, at.c.Erase(at.pos))
	case "list_move":
		require.NoError(t, at.c.Move(at.pos, op.To))
	case "list_assign":
		var all []json.RawMessage
		require.NoError(t, json.Unmarshal(op.Value, &all))
		c := at.open(t)
		require.NoError(t, c.Clear())
		for i, raw := range all {
			require.NoError(t, c.Insert(i, b.cells([]any{one(raw)})))
		}
	case "set_insert":
		_, _, err := at.open(t).Add(b.cells([]any{one(op.Value)}))
		require.NoError(t, err)
	case "set_erase":
		_, err := at.open(t).Remove(b.cells([]any{one(op.Value)}))
		require.NoError(t, err)
	case "dict_erase":
		_, err := at.c.RemoveKey(at.key)
		require.NoError(t, err)
	case "clear":
		require.NoError(t, at.open(t).Clear())
	default:
		t.Fatalf("unknown operation %s", op.Op)
	}
}
