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
	parts map[*Set]*part
	stamp uint64 // of the budget
}

// part is what a version means for one set. It is encoded when the first session asks for it, and then shared.
type part struct {
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

func (t *Item) part(s *Set) *part {
	if t.parts == nil {
		t.parts = map[*Set]*part{}
	}
	p := t.parts[s]
	if p == nil {
		p = &part{}
		t.parts[s] = p
	}
	return p
}

func (t *Item) note(s *Set, image int, c history.Change) {
	if c == history.Nothing {
		return
	}
	p := t.part(s)
	if p.changes == nil {
		p.changes = make([]history.Change, len(t.Entry.Images))
	}
	p.changes[image] = c
}

// Changeset returns the version as the set sees it, encoded. It is empty when there is nothing to see. ok is false if the set
// came into use only after the version was distributed: use Visible then.
func (t *Item) Changeset(s *Set) (data []byte, ok bool, err error) {
	p := t.parts[s]
	if p == nil {
		return nil, false, nil
	}
	p.once.Do(func() {
		if p.err = p.failed; p.err == nil {
			p.data, p.err = s.encode(t.Entry, p.changes)
		}
	})
	return p.data, true, p.err
}

// Visible returns a version as a set sees it, encoded: what Item.Changeset returns, computed for the set alone.
func Visible(s *Set, e *history.Entry) ([]byte, error) {
	var changes []history.Change
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
		if c := history.Classify(m.Before != nil, inside[0], m.After != nil, inside[1]); c != history.Nothing {
			if changes == nil {
				changes = make([]history.Change, len(e.Images))
			}
			changes[i] = c
		}
	}
	return s.encode(e, changes)
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
