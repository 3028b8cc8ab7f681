package realm

import (
	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// address says, as instructions do, where something is: in a property of a top-level object, or deeper inside of it (changeset.md 1.4).
type address struct {
	table string
	key   value.Key
	field string
	path  []changeset.Step
	class string // of the embedded object whose property it is in, directly; "" when that is a top-level object
}

// step returns the address of a place one step deeper; that of the zero address is the zero address.
func (a address) step(s changeset.Step) address {
	if a.table == "" {
		return a
	}
	a.path = append(a.path[:len(a.path):len(a.path)], s)
	return a
}

func (a address) position(i int) address   { return a.step(changeset.Step{IsPos: true, Pos: uint32(i)}) }
func (a address) entry(key string) address { return a.step(changeset.Step{Key: key}) }

// addressOf returns the address of a property of a row; cells are those of the row, if they are at hand.
func (r *Realm) addressOf(cl *store.Class, row int64, property int, cells []store.Cell) (address, error) {
	field := cl.Def.Properties[property].Name
	if cl.Def.Kind != schema.Embedded {
		key, err := r.keyOf(cl, row, cells)
		return address{table: cl.Def.Name, key: key, field: field}, err
	}
	holder, ok, err := r.conn.Owner(cl, row)
	if err != nil {
		return address{}, err
	}
	if !ok {
		return address{}, noObject(cl, row)
	}
	a, err := r.addressOf(holder.Class, holder.Row, holder.Property, nil)
	a = a.down(holder.Path).entry(field)
	a.class = cl.Def.Name
	return a, err
}

// down returns the address of a place that steps lead to.
func (a address) down(steps []store.Step) address {
	for _, s := range steps {
		if s.IsKey {
			a = a.entry(s.Key)
		} else {
			a = a.position(s.Index)
		}
	}
	return a
}

// addressOfCollection returns the address of a collection.
func (r *Realm) addressOfCollection(l *store.Collection) (address, error) {
	cl, row, property, ok := l.Root()
	if !ok {
		return address{}, collectionGone()
	}
	steps, err := r.conn.PathOf(l)
	if err != nil {
		return address{}, err
	}
	a, err := r.addressOf(cl, row, property, nil)
	return a.down(steps), err
}

// recordAt records an instruction at an address.
func (r *Realm) recordAt(a address, in changeset.Instruction) error {
	in.Table, in.Key, in.Field, in.Path = a.table, a.key, a.field, a.path
	if a.class == "" {
		return r.recorder.record(in)
	}
	return r.recorder.fail(r.recorder.rec.RecordIn(a.class, &in))
}
