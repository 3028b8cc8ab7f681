package view

import (
	"sync"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/server/history"
)

// Item is one version and what of it concerns each set. It is immutable once it is distributed.
type Item struct {
	Entry *history.Entry
	parts map[*Set]*Part
	stamp uint64 // of the budget
}

// Part is what a version means for one set. It is encoded when the first session asks for it, and then shared.
type Part struct {
	Entry *history.Entry

	set     *Set
	changes []history.Change // by image; nil: nothing but the schema
	failed  error

	once sync.Once
	data []byte
	err  error
}

// size is about the memory that the item holds, in bytes. Parts are counted as if each had been asked for, and saw less than everything.
func (t *Item) size() int { return t.own() + t.Entry.Size() }

// own is size without the entry, which the engine counts.
func (t *Item) own() int {
	return 128 + len(t.parts)*(192+len(t.Entry.Images)+len(t.Entry.Bytes))
}

func (t *Item) part(s *Set) *Part {
	if t.parts == nil {
		t.parts = map[*Set]*Part{}
	}
	p := t.parts[s]
	if p == nil {
		p = &Part{Entry: t.Entry, set: s}
		t.parts[s] = p
	}
	return p
}

func (t *Item) note(s *Set, image int, c history.Change) {
	if c != history.Nothing {
		t.part(s).note(image, c)
	}
}

func (p *Part) note(image int, c history.Change) {
	if p.changes == nil {
		p.changes = make([]history.Change, len(p.Entry.Images))
	}
	p.changes[image] = c
}

// Part returns what the version means for the set. ok is false if the set came into use only after the version was distributed: use PartOf then.
func (t *Item) Part(s *Set) (p *Part, ok bool) {
	p, ok = t.parts[s]
	return p, ok
}

// PartOf returns what a version means for a set, computed for the set alone.
func PartOf(s *Set, e *history.Entry) (*Part, error) {
	p := &Part{Entry: e, set: s}
	for i := range e.Images {
		m := &e.Images[i]
		if !s.Subscribed(m.ClassName) {
			continue
		}
		var inside [2]bool
		for k, row := range [2]*history.Row{m.Before, m.After} {
			if row == nil {
				continue
			}
			var err error
			if inside[k], err = s.Sees(row); err != nil {
				return nil, err
			}
		}
		if c := m.Change(inside[0], inside[1]); c != history.Nothing {
			p.note(i, c)
		}
	}
	return p, nil
}

// Changeset returns the version as the set sees it, encoded. It is empty when there is nothing to see.
func (p *Part) Changeset() ([]byte, error) {
	p.once.Do(func() {
		if p.err = p.failed; p.err == nil {
			p.data, p.err = p.set.encode(p.Entry, p.changes)
		}
	})
	return p.data, p.err
}

// Entering is about how many bytes the objects have that enter the view. It depends on what they are and not on how it is kept.
func (p *Part) Entering() (int, error) {
	if p.failed != nil {
		return 0, p.failed
	}
	total := 0
	for i, c := range p.changes {
		if c != history.Entered {
			continue
		}
		n, err := p.Entry.Images[i].After.Bytes()
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// Write calls emit for what Changeset returns in one, cut into changesets of about piece bytes: first those that may come several times, because what they do is
// the same again, then, with last, the rest. What Changeset has in front, the changes of objects that stay in the view, is the rest: no rule of merging relates
// two objects. The version must not erase classes or properties, and has no two forms of one object.
func (p *Part) Write(piece int, emit func(changeset []byte, last bool) error) error {
	if p.failed != nil {
		return p.failed
	}
	last := false
	w := chunker{catalog: p.Entry.Catalog, set: p.set, piece: piece, emit: func(c []byte) error { return emit(c, last) }}
	for k := range p.Entry.Changeset.Instructions {
		if ins := &p.Entry.Changeset.Instructions[k]; ins.IsSchema() {
			if err := w.add(*ins); err != nil {
				return err
			}
		}
	}
	stay := map[objectID]bool{}
	for i, c := range p.changes {
		m := &p.Entry.Images[i]
		var err error
		switch c {
		case history.Raw:
			stay[objectID{m.ClassName, m.Key}] = true
		case history.Gone, history.Left:
			err = w.erase(m.ClassName, m.Key)
		case history.Entered:
			err = w.enter(m.ClassName, m.After)
		}
		if err != nil {
			return err
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	last = true
	for k := range p.Entry.Changeset.Instructions {
		ins := &p.Entry.Changeset.Instructions[k]
		if ins.IsSchema() || !stay[objectID{ins.Table, ins.Key}] || p.set.hides(ins) {
			continue
		}
		if err := w.add(*ins); err != nil {
			return err
		}
	}
	return w.flush()
}

type objectID struct {
	class string
	key   value.Key
}

// encode writes the instructions of a version that a view is sent (spec/sync-semantics.md section 4.2). Changes of the schema
// are for everybody.
func (s *Set) encode(e *history.Entry, changes []history.Change) ([]byte, error) {
	if e.Changeset.Empty() {
		return nil, nil
	}
	all := true
	byObject := make(map[objectID]int, len(changes))
	for i := range e.Images {
		if changes == nil || changes[i] != history.Raw || s.hidden[e.Images[i].ClassName] != nil {
			all = false
		}
		if changes != nil {
			byObject[objectID{e.Images[i].ClassName, e.Images[i].Key}] = i
		}
	}
	if all {
		return e.Bytes, nil // what most sessions get of most versions
	}
	out := changeset.Changeset{Instructions: make([]changeset.Instruction, 0, len(e.Changeset.Instructions))}
	for k := range e.Changeset.Instructions {
		ins := &e.Changeset.Instructions[k]
		if !ins.IsSchema() {
			i, known := byObject[objectID{ins.Table, ins.Key}]
			if !known || changes[i] != history.Raw || s.hides(ins) {
				continue
			}
		}
		out.Instructions = append(out.Instructions, *ins)
	}
	// What stands for instructions comes behind the others: a state may need a property that the version itself adds.
	for i, c := range changes {
		m := &e.Images[i]
		switch c {
		case history.Gone, history.Left:
			out.Instructions = append(out.Instructions, eraseOf(m.ClassName, m.Key))
		case history.Entered:
			var err error
			if out.Instructions, err = s.appendState(append(out.Instructions, eraseOf(m.ClassName, m.Key)), m.After, e.Catalog, m.ClassName); err != nil {
				return nil, err
			}
		}
	}
	return changeset.Encode(&out)
}

// appendState appends instructions that make an object, as far as the set shows it.
func (s *Set) appendState(to []changeset.Instruction, row *history.Row, catalog *history.Catalog, class string) ([]changeset.Instruction, error) {
	err := row.State(catalog, class, func(in changeset.Instruction) error {
		if !s.hides(&in) {
			to = append(to, in)
		}
		return nil
	})
	return to, err
}

func eraseOf(class string, key value.Key) changeset.Instruction {
	return changeset.Instruction{Op: changeset.EraseObject, Table: class, Key: key}
}
