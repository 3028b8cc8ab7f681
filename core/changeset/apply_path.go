package changeset

import (
	"fmt"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// placeKind is what a path can lead to (spec/changeset.md section 5.3).
type placeKind uint8

const (
	atProperty   placeKind = iota // a single property
	atItem                        // an element of a list
	atEntry                       // an entry of a dictionary
	atCollection                  // a property that is a list, set or dictionary
)

// place is what an instruction changes.
type place struct {
	kind placeKind
	node Node             // atCollection: itself; otherwise what the property, item or entry is in, which is also one of these:
	p    *schema.Property // what values are allowed there: the property, or the one whose collection holds them

	object     ObjectNode     // atProperty
	list       ListNode       // atItem
	pos        uint32         // atItem
	dictionary DictionaryNode // atEntry
	key        string         // atEntry

	// level counts the collections around, from the object on: in a list 1, in a list in that list 2.
	level int
}

// topObject is the object that an instruction addresses, as a node like the embedded ones.
type topObject struct {
	st     State
	nested Nested // nil if the state isn't; then nothing asks for it (see Supported)
	class  string
	key    value.Key
}

func (o *topObject) Kind() value.Kind { return value.KindObject }

func (o *topObject) Class() string { return o.class }

func (o *topObject) Get(property string) (value.Value, error) {
	return o.st.Get(o.class, o.key, property)
}

func (o *topObject) Set(property string, v value.Value) error {
	return o.st.Set(o.class, o.key, property, v)
}

func (o *topObject) Open(property string) (Node, error) {
	return o.nested.Open(o.class, o.key, property)
}

func (o *topObject) SetNew(property string, kind value.Kind) error {
	return o.nested.SetNew(o.class, o.key, property, kind)
}

// recent is the container that the last instruction was about. Instructions tend to change one container many times; it is kept as long
// as they do, because any other change ends the life of a Node.
type recent struct {
	node  Node // nil: none
	p     *schema.Property
	level int
	field string
	path  []Step // below field, to node
}

// resolve finds what a path instruction changes.
func (a *applier) resolve(in *Instruction) (place, error) {
	class, exists, err := a.lookup(in)
	if err != nil {
		return place{}, err
	}
	if !exists {
		return place{}, in.bad(ReasonNoObject, "there is no such object")
	}
	around := in.Path[:max(0, len(in.Path)-1)]
	if r := &a.recent; r.node != nil && a.top.key == in.Key && a.top.class == in.Table && r.field == in.Field {
		switch {
		case len(in.Path) > 0 && samePath(r.path, around):
			return a.step(in, r.node, r.p, r.level, in.Path[len(around)])
		case r.level == 1 && r.p.Collection != schema.Single && samePath(r.path, in.Path): // the collection that a property is
			return place{kind: atCollection, node: r.node, p: r.p, level: 1}, nil
		}
	}
	a.recent = recent{}
	a.top.class, a.top.key = class.Name, in.Key
	at, err := a.propertyOf(in, &a.top, class, in.Field)
	for i := 0; i < len(in.Path) && err == nil; i++ {
		var node Node
		if node, err = a.into(in, &at); err == nil {
			at, err = a.step(in, node, at.p, at.level, in.Path[i])
		}
	}
	if err != nil {
		return place{}, err
	}
	switch {
	case at.kind == atCollection:
		a.recent = recent{node: at.node, p: at.p, level: at.level, field: in.Field, path: in.Path}
	case len(in.Path) > 0:
		a.recent = recent{node: at.node, p: at.p, level: at.level, field: in.Field, path: around}
	}
	return at, nil
}

func samePath(a, b []Step) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// propertyOf finds a property of an object, and opens it if it is a collection.
func (a *applier) propertyOf(in *Instruction, object ObjectNode, class *schema.Class, name string) (place, error) {
	p := a.lookupProperty(class, name)
	if p == nil {
		return place{}, in.bad(ReasonNoField, "the class '"+clip(class.Name)+"' has no property '"+clip(name)+"'")
	}
	if p.Collection == schema.Single {
		return place{kind: atProperty, node: object, object: object, p: p}, nil
	}
	if a.top.nested == nil { // only an instruction that can't change a collection comes here
		return place{}, in.bad(ReasonBadPath, "the property is a "+p.Collection.String()+", it holds no single value")
	}
	node, err := object.Open(name)
	if err == nil && node == nil {
		err = fmt.Errorf("changeset: the state has no %s in the property %s.%s", p.Collection, class.Name, name)
	}
	return place{kind: atCollection, node: node, p: p, level: 1}, err
}

// step finds what one element of a path leads to in a container, which holds values of property p.
func (a *applier) step(in *Instruction, node Node, p *schema.Property, level int, step Step) (place, error) {
	switch node := node.(type) {
	case ObjectNode:
		if step.IsPos {
			return place{}, in.bad(ReasonBadPath, "the path has a position where it needs the name of a property")
		}
		class := a.st.Schema().Class(node.Class())
		if class == nil {
			return place{}, fmt.Errorf("changeset: the state has an embedded object of the class %s, which isn't in the schema", node.Class())
		}
		return a.propertyOf(in, node, class, step.Key)
	case ListNode:
		if !step.IsPos {
			return place{}, in.bad(ReasonBadPath, "the path has a key where it needs the position in a list")
		}
		return place{kind: atItem, node: node, list: node, p: p, pos: step.Pos, level: level}, nil
	case DictionaryNode:
		if step.IsPos {
			return place{}, in.bad(ReasonBadPath, "the path has a position where it needs the key in a dictionary")
		}
		return place{kind: atEntry, node: node, dictionary: node, p: p, key: step.Key, level: level}, nil
	default:
		return place{}, in.bad(ReasonBadPath, "the path leads into a set")
	}
}

// into opens the container at a place, and counts its level.
func (a *applier) into(in *Instruction, at *place) (node Node, err error) {
	if at.kind == atCollection {
		return at.node, nil
	}
	if at.p.Type != value.KindMixed && !a.embeds(at.p) {
		return nil, in.bad(ReasonBadPath, "the path leads into a value of type "+at.p.Type.String())
	}
	switch at.kind {
	case atProperty:
		node, err = at.object.Open(at.p.Name)
	case atItem:
		n, e := at.list.Len()
		switch {
		case e != nil:
			return nil, e
		case uint64(at.pos) >= uint64(n):
			return nil, in.bad(ReasonBadPath, fmt.Sprintf("the path leads to position %d of a list with %d elements", at.pos, n))
		}
		node, err = at.list.Child(int(at.pos))
	case atEntry:
		node, err = at.dictionary.Child(at.key)
	}
	switch {
	case err != nil:
		return nil, err
	case node == nil:
		return nil, in.bad(ReasonBadPath, "the path leads into something that is neither a collection nor an object")
	}
	at.level++
	if node.Kind() == value.KindObject {
		at.level = 0
	}
	return node, nil
}

// embeds tells whether values of the property are embedded objects.
func (a *applier) embeds(p *schema.Property) bool {
	if p.Type != value.KindLink {
		return false
	}
	target := a.st.Schema().Class(p.LinkTarget)
	return target != nil && target.Kind == schema.Embedded
}
