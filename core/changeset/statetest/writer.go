package statetest

import (
	"math/rand/v2"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Writer makes random operations on the objects of a state, as the instructions that a conforming client records for them (spec/changeset.md
// section 6, spec/merge.md section 8.2): with the right positions and sizes, unlinking before erasing, clearing after assigning a collection.
// It only reads the state; apply what it returns before the next call.
type Writer struct {
	*rand.Rand

	State *memstate.State
	Keys  int64  // objects have the keys below; integer keys only
	Name  string // of the writer: it makes embedded objects in dictionaries only under a key of this name, and only where none is

	// What spec/merge.md section 13.2, 7 excludes, because the original's rules diverge there.
	Bare  bool // (a) assigns collections to mixed without clearing, and to list elements
	Items bool // (b) clears collections that are elements of a list, and assigns them to elements
	Moves bool // (c) moves elements of lists in which others edit inside of elements
	Again bool // (d) makes embedded objects in dictionaries under any key, also where one is

	Wide bool // values in mixed are of all kinds, apart from those in sets

	Strict bool // erases an embedded object in a dictionary before it makes another in its place (merge.Strict, X1)
}

// Operation makes an operation on an object. It returns at least one instruction.
func (w *Writer) Operation() []changeset.Instruction {
	for {
		if out := w.operation(); len(out) > 0 {
			return out
		}
	}
}

func (w *Writer) operation() []changeset.Instruction {
	var classes []*schema.Class
	for _, class := range w.State.Schema().Classes() {
		if key := class.Key(); class.Kind == schema.TopLevel && key != nil && key.Type == value.KindInt {
			classes = append(classes, class)
		}
	}
	class := classes[w.IntN(len(classes))]
	in := changeset.Instruction{Table: class.Name, Key: value.IntKey(w.Int64N(w.Keys))}
	exists, _ := w.State.Exists(class.Name, in.Key)
	switch {
	case !exists:
		in.Op = changeset.CreateObject
		return []changeset.Instruction{in}
	case w.IntN(25) == 0:
		in.Op = changeset.EraseObject
		return append(unlink(w.State, class.Name, in.Key), in)
	}
	p := &class.Properties[w.IntN(len(class.Properties))]
	if p.Name == class.PrimaryKey {
		return nil
	}
	n, err := w.State.Node(class.Name, in.Key, p.Name)
	if err != nil {
		return nil
	}
	in.Field = p.Name
	return w.property(in, p, n)
}

// below returns the instruction with one more step in its path.
func below(in changeset.Instruction, step changeset.Step) changeset.Instruction {
	in.Path = append(slices.Clip(in.Path), step)
	return in
}

func at(in changeset.Instruction, i int) changeset.Instruction {
	return below(in, changeset.Step{Pos: uint32(i), IsPos: true})
}

func (w *Writer) embedded(p *schema.Property) bool {
	target := w.State.Schema().Class(p.LinkTarget)
	return p.Type == value.KindLink && target != nil && target.Kind == schema.Embedded
}

// property changes a property, or something in it; in leads to it.
func (w *Writer) property(in changeset.Instruction, p *schema.Property, n memstate.Node) []changeset.Instruction {
	if p.Collection != schema.Single {
		return w.inside(in, p, n, true)
	}
	if n.Value.Kind().IsMarker() && w.IntN(4) > 0 {
		return w.inside(in, p, n, false)
	}
	in.Op = changeset.Update
	switch {
	case w.embedded(p):
		null, object := in, in
		object.Value = value.Marker(value.KindObject)
		switch {
		case n.Value.IsNull():
			return []changeset.Instruction{object}
		case w.IntN(2) == 0:
			return []changeset.Instruction{null}
		default:
			return []changeset.Instruction{null, object}
		}
	case p.Type == value.KindMixed && w.IntN(3) == 0:
		return w.collection(in)
	case n.Value.Kind() == value.KindInt && w.IntN(3) == 0:
		in.Op, in.Add = changeset.AddInteger, w.Int64N(9)-4
	default:
		in.Value = w.value(p)
	}
	return []changeset.Instruction{in}
}

// collection assigns an empty list or dictionary to the place that in leads to.
func (w *Writer) collection(in changeset.Instruction) []changeset.Instruction {
	in.Value = value.Marker(value.KindList)
	empty := in
	empty.Op, empty.Value, empty.PriorSize, empty.Collection = changeset.Clear, value.Null(), 0, schema.List
	if w.IntN(2) == 0 {
		in.Value, empty.Collection = value.Marker(value.KindDictionary), schema.Dictionary
	}
	if w.Bare && w.IntN(2) == 0 {
		return []changeset.Instruction{in}
	}
	return []changeset.Instruction{in, empty}
}

// inside changes something in a container; whole tells that it is the collection that a property is.
func (w *Writer) inside(in changeset.Instruction, p *schema.Property, n memstate.Node, whole bool) []changeset.Instruction {
	switch n.Value.Kind() {
	case value.KindList:
		return w.list(in, p, n, whole)
	case value.KindSet:
		return w.set(in, p, n)
	case value.KindDictionary:
		return w.dictionary(in, p, n, whole)
	default:
		class := w.State.Schema().Class(p.LinkTarget)
		q := &class.Properties[w.IntN(len(class.Properties))]
		inner, ok := n.Entries[q.Name]
		if !ok {
			inner = memstate.Default(q)
		}
		return w.property(below(in, changeset.Step{Key: q.Name}), q, inner)
	}
}

// clears tells whether a collection may be cleared: the one that a property is only if it isn't empty.
func (w *Writer) clears(in *changeset.Instruction, whole bool, size int) bool {
	item := len(in.Path) > 0 && in.Path[len(in.Path)-1].IsPos
	return w.IntN(12) == 0 && (!whole || size > 0) && (!item || w.Items)
}

func (w *Writer) list(in changeset.Instruction, p *schema.Property, n memstate.Node, whole bool) []changeset.Instruction {
	size := len(n.Elements)
	if w.clears(&in, whole, size) {
		in.Op, in.Collection = changeset.Clear, schema.List
		return []changeset.Instruction{in}
	}
	nested := w.embedded(p) || p.Type == value.KindMixed
	kind := w.IntN(10)
	if size == 0 || kind < 4 {
		in = at(in, w.IntN(size+1))
		in.Op, in.PriorSize, in.Value = changeset.ArrayInsert, uint32(size), w.value(p)
		switch {
		case w.embedded(p):
			in.Value = value.Marker(value.KindObject)
		case p.Type == value.KindMixed && w.IntN(3) == 0:
			out := w.collection(in)
			out[0].Op = changeset.ArrayInsert
			if !w.Items {
				out = out[:1]
			}
			return out
		}
		return []changeset.Instruction{in}
	}
	i := w.IntN(size)
	element := n.Elements[i]
	in.PriorSize = uint32(size)
	switch {
	case kind < 6:
		in = at(in, i)
		in.Op = changeset.ArrayErase
		return []changeset.Instruction{in}
	case kind < 7 && size > 1 && (!nested || w.Moves):
		in = at(in, i)
		in.Op, in.Dest = changeset.ArrayMove, uint32(w.IntN(size-1))
		if int(in.Dest) >= i {
			in.Dest++
		}
		return []changeset.Instruction{in}
	case element.Value.Kind().IsMarker() && w.IntN(4) > 0:
		in.PriorSize = 0
		return w.inside(at(in, i), p, element, false)
	}
	in = at(in, i)
	if w.embedded(p) { // replaced: section 8.2, 1
		erase, insert := in, in
		erase.Op = changeset.ArrayErase
		insert.Op, insert.PriorSize, insert.Value = changeset.ArrayInsert, in.PriorSize-1, value.Marker(value.KindObject)
		return []changeset.Instruction{erase, insert}
	}
	in.Op = changeset.Update
	if p.Type == value.KindMixed && (w.Bare || w.Items) && w.IntN(3) == 0 {
		out := w.collection(in)
		if !w.Items {
			out = out[:1]
		}
		return out
	}
	in.Value = w.value(p)
	return []changeset.Instruction{in}
}

func (w *Writer) set(in changeset.Instruction, p *schema.Property, n memstate.Node) []changeset.Instruction {
	if w.clears(&in, true, len(n.Elements)) {
		in.Op, in.Collection = changeset.Clear, schema.Set
		return []changeset.Instruction{in}
	}
	in.Value = w.value(p)
	has := slices.ContainsFunc(n.Elements, func(e memstate.Node) bool { return value.Equal(e.Value, in.Value) })
	in.Op = changeset.SetInsert
	if has {
		in.Op = changeset.SetErase
	}
	return []changeset.Instruction{in}
}

func (w *Writer) dictionary(in changeset.Instruction, p *schema.Property, n memstate.Node, whole bool) []changeset.Instruction {
	if w.clears(&in, whole, len(n.Entries)) {
		in.Op, in.Collection = changeset.Clear, schema.Dictionary
		return []changeset.Instruction{in}
	}
	key := []string{"a", "b", "", "日本 é"}[w.IntN(4)]
	if w.embedded(p) && w.IntN(2) == 0 {
		key = w.Name
	}
	entry, ok := n.Entries[key]
	in = below(in, changeset.Step{Key: key})
	in.Op = changeset.Update
	switch {
	case ok && entry.Value.Kind().IsMarker() && w.IntN(4) > 0:
		return w.inside(in, p, entry, false)
	case ok && w.IntN(3) == 0:
		in.Value = value.Marker(value.KindErased)
	case w.embedded(p):
		in.Value = value.Marker(value.KindObject)
		if !w.Again && (key != w.Name || ok && !entry.Value.IsNull()) {
			return nil
		}
		if ok && w.Strict {
			erase := in
			erase.Value = value.Marker(value.KindErased)
			return []changeset.Instruction{erase, in}
		}
	case p.Type == value.KindMixed && w.IntN(3) == 0:
		return w.collection(in)
	default:
		in.Value = w.value(p)
	}
	return []changeset.Instruction{in}
}

// value makes a value for a property, from few, so that there are conflicts. Numbers are integers: those of different types are one
// element of a set of mixed, which merging doesn't know (vectors/README.md section 8).
func (w *Writer) value(p *schema.Property) value.Value {
	kind := p.Type
	null := p.Nullable
	switch p.Type {
	case value.KindMixed:
		kinds := []value.Kind{value.KindInt, value.KindString, value.KindBool, value.KindLink}
		if w.Wide && p.Collection != schema.Set {
			kinds = append(kinds, value.KindDouble, value.KindFloat, value.KindDecimal, value.KindBinary, value.KindTimestamp, value.KindObjectID, value.KindUUID)
		}
		kind, null = kinds[w.IntN(len(kinds))], true
	case value.KindLink:
		null = p.Collection == schema.Single || p.Collection == schema.Dictionary
	}
	if null && w.IntN(6) == 0 {
		return value.Null()
	}
	n := w.Int64N(5)
	switch kind {
	case value.KindInt:
		return value.Int(n)
	case value.KindBool:
		return value.Bool(n > 2)
	case value.KindString:
		return value.String("abcde"[n : n+1])
	case value.KindLink:
		if target := w.target(p); target != "" {
			return value.FromLink(target, value.IntKey(w.Int64N(w.Keys)))
		}
		return value.Int(n)
	case value.KindTimestamp:
		return value.FromTimestamp(value.Timestamp{Seconds: n})
	case value.KindFloat:
		return value.Float(float32(n) / 2)
	case value.KindDouble:
		return value.Double(float64(n) / 4)
	case value.KindDecimal:
		return value.FromDecimal(value.DecimalFromInt64(n))
	case value.KindBinary:
		return value.Binary(make([]byte, n))
	case value.KindObjectID:
		return value.FromObjectID(value.ObjectID{11: byte(n)})
	case value.KindUUID:
		return value.FromUUID(value.UUID{15: byte(n)})
	default:
		return value.Default(kind, false)
	}
}

// target returns the class that a link in the property can lead to.
func (w *Writer) target(p *schema.Property) string {
	if p.Type == value.KindLink {
		return p.LinkTarget
	}
	for _, class := range w.State.Schema().Classes() {
		if key := class.Key(); class.Kind == schema.TopLevel && key != nil && key.Type == value.KindInt {
			return class.Name
		}
	}
	return ""
}
