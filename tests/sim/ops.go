package main

import (
	"fmt"
	"math/rand/v2"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/merge"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/store/storetest"
	"realmsync/core/value"
)

// objects is how many objects of class T there can be: few, so that clients meet.
const objects = 3

// writer makes the instructions of one commit. Each is applied at once, so that the next is made for what it finds.
type writer struct {
	*rand.Rand
	c     *client
	state *store.State
	made  map[int64]bool  // objects that this commit has created
	all   *memstate.State // what state has, once it is needed
	out   []changeset.Instruction
}

func (w *writer) do(in changeset.Instruction) error {
	return w.apply([]changeset.Instruction{in})
}

func (w *writer) apply(made []changeset.Instruction) error {
	w.out = append(w.out, made...)
	if w.all != nil {
		if err := w.c.w.apply(w.all, made); err != nil {
			return err
		}
	}
	return w.c.w.apply(w.state, made)
}

// write is a commit of 1 to 4 operations (merge.md 13.2), or some more if there are collections to fill, and a mark.
func (c *client) write(r uint64) error {
	return c.commit(func(state *store.State) ([]changeset.Instruction, error) {
		w := &writer{Rand: rand.New(rand.NewPCG(r, 7)), c: c, state: state, made: map[int64]bool{}}
		count := 1 + w.IntN(4)
		if c.w.nested {
			count += w.IntN(6)
		}
		for range count {
			operation := w.flat
			if c.w.nested && w.IntN(5) > 0 {
				operation = w.nested
			}
			if err := operation(); err != nil {
				return nil, err
			}
		}
		version, err := c.conn.Version()
		if err != nil {
			return nil, err
		}
		mark := changeset.Instruction{Op: changeset.CreateObject, Table: "Mark", Key: value.StringKey(markOf(c.index, version+1))}
		err = w.do(mark)
		return w.out, err
	})
}

// markOf is the key of the mark that a client's version has made.
func markOf(client int, version uint64) string { return fmt.Sprintf("%d of %d", version, client) }

// extend is a commit that adds a property to class T.
func (c *client) extend(r uint64) error {
	return c.commit(func(state *store.State) ([]changeset.Instruction, error) {
		add := []changeset.Instruction{
			column("T", "x1", changeset.SchemaFields{Type: value.KindInt, Nullable: true}),
			column("T", "x2", changeset.SchemaFields{Type: value.KindString}),
			column("T", "x3", changeset.SchemaFields{Type: value.KindDouble}),
		}[r%3]
		if state.Schema().Class("T").Property(add.Field) != nil {
			return nil, nil
		}
		return []changeset.Instruction{add}, c.w.apply(state, []changeset.Instruction{add})
	})
}

// nested is an operation inside of an object.
func (w *writer) nested() error {
	if w.all == nil {
		var err error
		if w.all, err = storetest.DumpHere(w.c.conn, w.state.Schema()); err != nil {
			return err
		}
	}
	free := w.c.w.rules == merge.Strict // of the constraints of merge.md 13.2, 7 that the strict rules make unnecessary
	x := &statetest.Writer{
		Rand: w.Rand, State: w.all, Keys: objects, Name: w.c.name, Items: free, Moves: free, Again: free, Strict: free, Wide: true,
	}
	return w.apply(x.Operation())
}

// flat is an operation on an object or on a value in it.
func (w *writer) flat() error {
	k := w.Int64N(objects)
	key := value.IntKey(k)
	exists, err := w.state.Exists("T", key)
	if err != nil {
		return err
	}
	if !exists {
		w.made[k] = true
		if err := w.do(changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: key}); err != nil {
			return err
		}
		if w.IntN(3) == 0 { // a default value comes first: strict rules demand it
			in := changeset.Instruction{Op: changeset.Update, Table: "T", Key: key, Field: "i", Value: value.Int(w.Int64N(30)), Default: true}
			if err := w.do(in); err != nil {
				return err
			}
		}
		return w.set(key, "zone", value.String(zones[w.IntN(len(zones))]))
	}
	if w.IntN(12) == 0 {
		delete(w.made, k)
		return w.do(changeset.Instruction{Op: changeset.EraseObject, Table: "T", Key: key})
	}
	class := w.state.Schema().Class("T")
	for {
		p := &class.Properties[w.IntN(len(class.Properties))]
		if p.Name != "_id" && p.Collection == schema.Single && p.LinkTarget != "E" && known(p.Type) {
			return w.change(k, p)
		}
	}
}

func (w *writer) set(key value.Key, field string, v value.Value) error {
	return w.do(changeset.Instruction{Op: changeset.Update, Table: "T", Key: key, Field: field, Value: v})
}

// change changes a property.
func (w *writer) change(k int64, p *schema.Property) error {
	key := value.IntKey(k)
	if p.Name == "i" && w.IntN(3) > 0 {
		if v, err := w.state.Get("T", key, "i"); err != nil || v.IsNull() {
			return err
		}
		return w.do(changeset.Instruction{Op: changeset.AddInteger, Table: "T", Key: key, Field: p.Name, Add: w.Int64N(20) - 10})
	}
	if p.Name == "zone" {
		return w.set(key, p.Name, value.String(zones[w.IntN(len(zones))]))
	}
	in := changeset.Instruction{Op: changeset.Update, Table: "T", Key: key, Field: p.Name, Value: w.value(p.Type, p.Nullable, p.LinkTarget)}
	in.Default = w.c.w.rules == merge.Compatible && w.made[k] && p.Type != value.KindMixed && w.IntN(3) == 0 // not where a collection may be (X9)
	return w.do(in)
}

// known tells whether value makes values of a type; those of the others are written by nested.
func known(k value.Kind) bool {
	return k == value.KindInt || k == value.KindString || k == value.KindDouble || k == value.KindLink || k == value.KindMixed
}

// value makes a value of a type. Some links lead nowhere.
func (w *writer) value(kind value.Kind, nullable bool, target string) value.Value {
	if nullable && w.IntN(5) == 0 {
		return value.Value{}
	}
	switch kind {
	case value.KindInt:
		return value.Int(w.Int64N(30))
	case value.KindString:
		return value.String(string(rune('p' + w.IntN(8))))
	case value.KindDouble:
		return value.Double(float64(w.IntN(40)) / 4)
	case value.KindLink:
		return value.FromLink(target, value.IntKey(w.Int64N(objects)))
	case value.KindMixed:
		return w.value([]value.Kind{value.KindInt, value.KindString, value.KindDouble, value.KindLink}[w.IntN(4)], false, "T")
	default:
		return value.Value{}
	}
}
