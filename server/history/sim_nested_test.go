package history

import (
	"fmt"
	"math/rand/v2"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// What clients of the simulation do inside of objects. They keep to the rules under which merging as the original does converges
// (spec/merge.md section 13.2): what makes a collection in a mixed property or dictionary entry clears it; collections get into lists by
// ArrayInsert alone; no Clear of a position; no moves where elements are changed by path; every key of a dictionary of embedded objects
// is made by one client; defaults only for new objects; clocks that don't run backwards. The last is taken more seriously than there: who
// replaces a collection that another client has made must not be older than it, or a third that makes one in between keeps what the
// server drops (defect X4 of section 14). So a client that has integrated changes of collections goes on with their time.

// simSchema is class T as in schemaT, with a property of every sort, and the embedded class E.
func simSchema() []changeset.Instruction {
	column := func(table, name string, kind value.Kind, c schema.Collection, nullable bool, target string) changeset.Instruction {
		in := addColumn(table, name, kind, nullable)
		in.Collection, in.Schema.LinkTarget = c, target
		if c == schema.Dictionary {
			in.Schema.KeyType = value.KindString
		}
		return in
	}
	e := changeset.Instruction{Op: changeset.AddTable, Table: "E", Schema: &changeset.SchemaFields{TableKind: schema.Embedded}}
	return append(schemaT(), e,
		column("E", "x", value.KindInt, schema.Single, false, ""), column("E", "l", value.KindInt, schema.List, false, ""),
		column("T", "l", value.KindInt, schema.List, false, ""), column("T", "s", value.KindInt, schema.Set, false, ""),
		column("T", "d", value.KindMixed, schema.Dictionary, true, ""), column("T", "ml", value.KindMixed, schema.List, true, ""),
		column("T", "e", value.KindLink, schema.Single, true, "E"), column("T", "el", value.KindLink, schema.List, false, "E"),
		column("T", "ed", value.KindLink, schema.Dictionary, true, "E"),
		column("T", "k", value.KindLink, schema.Single, true, "T"), column("T", "kl", value.KindLink, schema.List, false, "T"),
	)
}

// nester makes random changes inside of one object of a client.
type nester struct {
	c   *simClient
	r   *rand.Rand
	key value.Key
	all *changeset.Changeset
	err error
}

// nest commits changes inside of objects that a number stands for.
func (c *simClient) nest(n uint64) error {
	x := &nester{c: c, r: rand.New(rand.NewPCG(n, 7)), all: &changeset.Changeset{}}
	for range 1 + x.r.IntN(3) {
		k := x.r.Int64N(4)
		x.key = key(k)
		exists, err := c.state.Exists("T", x.key)
		if err != nil {
			return err
		}
		if !exists {
			x.do(create(k))
			x.do(set(k, "zone", value.String(string(rune('a'+x.r.IntN(3))))))
		}
		for range 1 + x.r.IntN(3) {
			x.change()
		}
	}
	c.clock += x.r.Uint64N(7)
	c.commit(x.all)
	return x.err
}

// do applies and records an instruction.
func (x *nester) do(in changeset.Instruction) {
	if x.err != nil {
		return
	}
	x.all.Instructions = append(x.all.Instructions, in)
	x.err = x.c.state.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{in}})
}

func (x *nester) at(op changeset.Op, field string, path []changeset.Step) changeset.Instruction {
	return changeset.Instruction{Op: op, Table: "T", Key: x.key, Field: field, Path: path}
}

func (x *nester) update(field string, path []changeset.Step, v value.Value) {
	in := x.at(changeset.Update, field, path)
	in.Value = v
	x.do(in)
}

func (x *nester) clear(field string, path []changeset.Step, kind value.Kind) {
	in := x.at(changeset.Clear, field, path)
	in.Collection = map[value.Kind]schema.Collection{value.KindList: schema.List, value.KindSet: schema.Set, value.KindDictionary: schema.Dictionary}[kind]
	x.do(in)
}

func (x *nester) open(property string) changeset.Node {
	n, err := x.c.state.Open("T", x.key, property)
	if x.err == nil {
		x.err = err
	}
	return n
}

func (x *nester) int() value.Value { return value.Int(x.r.Int64N(20)) }

func (x *nester) link() value.Value { return value.FromLink("T", key(x.r.Int64N(5))) }

// mixed is a value of any type that is not a collection.
func (x *nester) mixed() value.Value {
	switch x.r.IntN(6) {
	case 0:
		return value.Null()
	case 1:
		return value.String("text")
	case 2:
		return value.Double(0.5)
	case 3:
		return x.link()
	default:
		return x.int()
	}
}

func (x *nester) step(i int) changeset.Step { return changeset.Step{IsPos: true, Pos: uint32(i)} }

// change changes something in the object.
func (x *nester) change() {
	if x.err != nil {
		return
	}
	switch x.r.IntN(12) {
	case 0:
		x.list("l", nil, x.open("l"), x.int, true)
	case 1:
		x.list("kl", nil, x.open("kl"), x.link, true)
	case 2:
		x.update("k", nil, []value.Value{value.Null(), x.link()}[x.r.IntN(2)])
	case 3:
		x.set()
	case 4, 5:
		x.dictionary("d", nil, x.open("d"), true)
	case 6, 7:
		n := x.open("m")
		if n != nil && x.r.IntN(3) > 0 {
			x.inside("m", nil, n)
			return
		}
		x.place("m", nil)
	case 8:
		x.mixedList("ml", nil, x.open("ml"), true)
	case 9:
		n := x.open("e")
		switch {
		case n == nil:
			x.update("e", nil, value.Marker(value.KindObject))
			x.embedded("e", nil, x.open("e"))
		case x.r.IntN(5) == 0:
			x.update("e", nil, value.Null())
		case x.r.IntN(6) == 0: // another one
			x.update("e", nil, value.Null())
			x.update("e", nil, value.Marker(value.KindObject))
		default:
			x.embedded("e", nil, n)
		}
	case 10:
		x.embeddedList()
	default:
		x.embeddedDictionary()
	}
}

// list changes a list of values; moves says whether its elements may be moved.
func (x *nester) list(field string, path []changeset.Step, n changeset.Node, element func() value.Value, moves bool) {
	if x.err != nil {
		return
	}
	l := n.(changeset.ListNode)
	size, err := l.Len()
	if x.err = err; err != nil {
		return
	}
	at := func(op changeset.Op, i int) changeset.Instruction {
		in := x.at(op, field, below(path, x.step(i)))
		in.PriorSize = uint32(size)
		return in
	}
	switch op := x.r.IntN(10); {
	case op < 5 || size == 0:
		in := at(changeset.ArrayInsert, x.r.IntN(size+1))
		in.Value = element()
		x.do(in)
	case op < 7:
		x.do(at(changeset.ArrayErase, x.r.IntN(size)))
	case op < 8 && moves && size > 1:
		from := x.r.IntN(size)
		in := at(changeset.ArrayMove, from)
		in.Dest = uint32((from + 1 + x.r.IntN(size-1)) % size)
		x.do(in)
	case op < 9 || len(path) > 0:
		in := at(changeset.Update, x.r.IntN(size))
		in.Value = element()
		x.do(in)
	default:
		x.clear(field, path, value.KindList)
	}
}

// empty clears a collection. In a dictionary it is made once more before: a Clear is newer than the erasure of its entry at another
// client, and stays, but there is no entry then to be cleared on the server.
func (x *nester) empty(field string, path []changeset.Step, kind value.Kind) {
	if len(path) > 0 {
		x.update(field, path, value.Marker(kind))
	}
	x.clear(field, path, kind)
}

func (x *nester) set() {
	size, err := x.open("s").(changeset.SetNode).Len()
	if err != nil {
		x.err = err
		return
	}
	if size > 3 && x.r.IntN(6) == 0 {
		x.clear("s", nil, value.KindSet)
		return
	}
	in := x.at(changeset.SetInsert, "s", nil)
	if x.r.IntN(3) == 0 {
		in.Op = changeset.SetErase
	}
	in.Value = value.Int(x.r.Int64N(6))
	x.do(in)
}

// place puts something into a mixed property or dictionary entry.
func (x *nester) place(field string, path []changeset.Step) {
	kind := []value.Kind{value.KindNull, value.KindList, value.KindDictionary}[x.r.IntN(3)]
	if kind == value.KindNull {
		x.update(field, path, x.mixed())
		return
	}
	x.update(field, path, value.Marker(kind))
	x.clear(field, path, kind)
	x.fill(field, path, kind)
}

// fill puts a few values into a new collection.
func (x *nester) fill(field string, path []changeset.Step, kind value.Kind) {
	for i := range x.r.IntN(3) {
		if kind == value.KindDictionary {
			x.update(field, below(path, changeset.Step{Key: string(rune('a' + i))}), x.mixed())
			continue
		}
		in := x.at(changeset.ArrayInsert, field, below(path, x.step(i)))
		in.Value, in.PriorSize = x.mixed(), uint32(i)
		x.do(in)
	}
}

// inside changes a collection in a mixed value.
func (x *nester) inside(field string, path []changeset.Step, n changeset.Node) {
	if n.Kind() == value.KindList {
		x.mixedList(field, path, n, false)
	} else {
		x.dictionary(field, path, n, false)
	}
}

// mixedList changes a list of mixed values. whole tells that it is the property.
func (x *nester) mixedList(field string, path []changeset.Step, n changeset.Node, whole bool) {
	l := n.(changeset.ListNode)
	size, err := l.Len()
	if x.err != nil || err != nil {
		x.err = err
		return
	}
	if size > 0 {
		i := x.r.IntN(size)
		inner, err := l.Child(i)
		if x.err = err; inner != nil && x.r.IntN(2) == 0 {
			x.inside(field, below(path, x.step(i)), inner)
			return
		}
	}
	if len(path) < 3 && x.r.IntN(4) == 0 {
		i := x.r.IntN(size + 1)
		kind := []value.Kind{value.KindList, value.KindDictionary}[x.r.IntN(2)]
		in := x.at(changeset.ArrayInsert, field, below(path, x.step(i)))
		in.Value, in.PriorSize = value.Marker(kind), uint32(size)
		x.do(in)
		x.fill(field, below(path, x.step(i)), kind)
		return
	}
	if !whole && (len(path) == 0 || !path[len(path)-1].IsPos) && x.r.IntN(8) == 0 {
		x.empty(field, path, value.KindList)
		return
	}
	x.list(field, path, n, x.mixed, false)
}

// dictionary changes a dictionary of mixed values. whole tells that it is the property.
func (x *nester) dictionary(field string, path []changeset.Step, n changeset.Node, whole bool) {
	d := n.(changeset.DictionaryNode)
	size, err := d.Len()
	if x.err != nil || err != nil {
		x.err = err
		return
	}
	name := string(rune('a' + x.r.IntN(3)))
	at := below(path, changeset.Step{Key: name})
	inner, err := d.Child(name)
	if err != nil {
		x.err = err
		return
	}
	switch op := x.r.IntN(10); {
	case inner != nil && op < 5:
		x.inside(field, at, inner)
	case op < 7 && len(path) < 3:
		x.place(field, at)
	case op < 8:
		x.update(field, at, x.mixed())
	case op == 9 && (size > 0 || !whole) && (len(path) == 0 || !path[len(path)-1].IsPos):
		x.empty(field, path, value.KindDictionary)
	default:
		x.update(field, at, value.Marker(value.KindErased))
	}
}

// embedded changes an embedded object.
func (x *nester) embedded(field string, path []changeset.Step, n changeset.Node) {
	if x.err != nil {
		return
	}
	switch x.r.IntN(3) {
	case 0:
		x.update(field, below(path, changeset.Step{Key: "x"}), x.int())
	case 1:
		in := x.at(changeset.AddInteger, field, below(path, changeset.Step{Key: "x"}))
		in.Add = x.r.Int64N(9) - 4
		x.do(in)
	default:
		l, err := n.(changeset.ObjectNode).Open("l")
		if x.err = err; err == nil {
			x.list(field, below(path, changeset.Step{Key: "l"}), l, x.int, true)
		}
	}
}

func (x *nester) embeddedList() {
	l := x.open("el").(changeset.ListNode)
	size, err := l.Len()
	if err != nil {
		x.err = err
		return
	}
	i := x.r.IntN(size + 1)
	switch op := x.r.IntN(10); {
	case size == 0 || op < 3:
		in := x.at(changeset.ArrayInsert, "el", []changeset.Step{x.step(i)})
		in.Value, in.PriorSize = value.Marker(value.KindObject), uint32(size)
		x.do(in)
		if x.err == nil {
			n, err := x.open("el").(changeset.ListNode).Child(i)
			x.err = err
			x.embedded("el", []changeset.Step{x.step(i)}, n)
		}
	case op < 5:
		in := x.at(changeset.ArrayErase, "el", []changeset.Step{x.step(i % size)})
		in.PriorSize = uint32(size)
		x.do(in)
	case op == 9:
		x.clear("el", nil, value.KindList)
	default:
		n, err := l.Child(i % size)
		x.err = err
		x.embedded("el", []changeset.Step{x.step(i % size)}, n)
	}
}

func (x *nester) embeddedDictionary() {
	d := x.open("ed").(changeset.DictionaryNode)
	// Keys that this client makes, and all that there are for everything else.
	own := fmt.Sprintf("%d%c", x.c.file.Ident, 'a'+x.r.IntN(2))
	name := own
	if x.r.IntN(2) == 0 {
		name = fmt.Sprintf("%d%c", FirstFile+x.r.IntN(simClients), 'a'+x.r.IntN(2))
	}
	n, err := d.Child(name)
	size, err2 := d.Len()
	switch path := []changeset.Step{{Key: name}}; {
	case err != nil || err2 != nil:
		x.err = cmpOr(err, err2)
	case n == nil && name == own:
		x.update("ed", path, value.Marker(value.KindObject))
	case n == nil, x.r.IntN(6) == 0:
		x.update("ed", path, value.Marker(value.KindErased))
	case x.r.IntN(8) == 0:
		x.update("ed", path, value.Null())
	case size > 2 && x.r.IntN(8) == 0:
		x.clear("ed", nil, value.KindDictionary)
	default:
		x.embedded("ed", path, n)
	}
}
