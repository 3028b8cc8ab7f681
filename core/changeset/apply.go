package changeset

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Apply does what the instructions say to the state, in order (spec/changeset.md section 5).
//
// Errors:
//   - *UnsupportedError (ErrUnsupported): the state isn't Nested, and an instruction changes something inside of a collection or an
//     embedded object. All instructions are looked at before the first acts, so the state is as it was.
//   - *BadChangesetError (ErrBadChangeset), with the number of the instruction: it doesn't fit the schema or the data. Instructions
//     before it have acted: the caller rolls its transaction back.
//   - any other error comes from the State unchanged; the caller rolls back too.
//
// Applying never records instructions, and the same changeset in the same state always does the same.
func Apply(st State, c *Changeset) error {
	a := applier{st: st}
	return a.run(c)
}

// ApplyStrict is Apply where changesets are merged by strict rules (spec/merge.md section 14, X1): a new embedded object at the key of a
// dictionary where there is one keeps it, as everywhere else.
func ApplyStrict(st State, c *Changeset) error {
	a := applier{st: st, Settings: Settings{Strict: true}}
	return a.run(c)
}

// Settings say how ApplyWith applies, beside what Apply does.
type Settings struct {
	// Strict: as ApplyStrict.
	Strict bool
	// Remake: a Clear may be about a dictionary entry that has been removed, and makes it again, as an empty collection. It is for changesets that merging
	// says it of. An Update that makes the entry is put in front of the Clear, for others.
	Remake bool
	// SpellNulls: in place of a SetErase of null in a set of a type of its own, which the original's client emits and then refuses to apply (spec/changeset.md
	// section 5.5), there are a Clear and a SetInsert for each element that stays.
	SpellNulls bool
}

// ApplyWith is Apply by other settings. It returns the changeset that does the same to others; c itself if that is the one.
func ApplyWith(st State, c *Changeset, by Settings) (*Changeset, error) {
	a := applier{st: st, Settings: by}
	if err := a.run(c); err != nil || len(a.edits) == 0 {
		return c, err
	}
	out := &Changeset{}
	from := 0
	for _, e := range a.edits {
		out.Instructions = append(append(out.Instructions, c.Instructions[from:e.at]...), e.put...)
		if from = e.at; e.instead {
			from++
		}
	}
	out.Instructions = append(out.Instructions, c.Instructions[from:]...)
	return out, nil
}

// edit puts instructions before the one with that number, or instead of it.
type edit struct {
	at      int
	put     []Instruction
	instead bool
}

func (a *applier) run(c *Changeset) error {
	if c.Empty() {
		return nil
	}
	a.top.st = a.st
	var nested bool
	if a.top.nested, nested = a.st.(Nested); !nested {
		if err := Supported(c); err != nil {
			return err
		}
	}
	for i := range c.Instructions {
		a.at = i
		if err := a.apply(&c.Instructions[i]); err != nil {
			if bad, ok := err.(*BadChangesetError); ok { //nolint:errorlint // one of ours, not wrapped
				bad.Index = i
			}
			return err
		}
	}
	return nil
}

// Supported returns an *UnsupportedError if Apply would refuse the changeset as such with a State that isn't Nested.
func Supported(c *Changeset) error {
	for i := range c.Instructions {
		in := &c.Instructions[i]
		var text string
		switch {
		case in.Op == ArrayInsert || in.Op == ArrayMove || in.Op == ArrayErase || in.Op == Clear || in.Op == SetInsert || in.Op == SetErase:
			text = "changes of collections"
		case len(in.Path) != 0:
			text = "values inside of collections and embedded objects"
		case in.Op == Update && in.Value.Kind() == value.KindObject:
			text = "embedded objects"
		case in.Op == Update && (in.Value.Kind() == value.KindList || in.Value.Kind() == value.KindDictionary):
			text = "collections in properties of type mixed"
		default:
			continue
		}
		return &UnsupportedError{Index: i, Address: in.Address(), Text: text + " can't be applied here"}
	}
	return nil
}

// applier applies one changeset. It remembers the class and the object that the last instruction addressed.
type applier struct {
	Settings
	st    State
	at    int           // the number of the instruction
	class *schema.Class // nil: look it up
	edits []edit        // in order

	key    value.Key // of class, if known
	known  bool
	exists bool

	property int // place of the property named last in its class

	top    topObject // the object that is addressed, as a node
	recent recent
}

func (a *applier) apply(in *Instruction) error {
	switch in.Op {
	case AddTable:
		return a.addTable(in)
	case EraseTable:
		return a.eraseTable(in)
	case AddColumn:
		return a.addColumn(in)
	case EraseColumn:
		return a.eraseColumn(in)
	case CreateObject:
		return a.createObject(in)
	case EraseObject:
		return a.eraseObject(in)
	case Update:
		return a.update(in)
	case AddInteger:
		return a.addInteger(in)
	case ArrayInsert:
		return a.arrayInsert(in)
	case ArrayMove:
		return a.arrayMove(in)
	case ArrayErase:
		return a.arrayErase(in)
	case Clear:
		return a.clear(in)
	case SetInsert, SetErase:
		return a.changeSet(in)
	default:
		return in.bad(ReasonOpcode, "this is not an instruction")
	}
}

// reshaped forgets what is remembered: the schema has changed.
func (a *applier) reshaped(err error) error {
	a.class, a.known, a.recent = nil, false, recent{}
	return err
}

// lookupClass finds the instruction's class: section 5.2.
func (a *applier) lookupClass(in *Instruction) (*schema.Class, error) {
	if a.class == nil || a.class.Name != in.Table {
		class := a.st.Schema().Class(in.Table)
		if class == nil {
			return nil, in.bad(ReasonNoTable, "there is no such class")
		}
		a.class, a.known, a.property = class, false, 0
	}
	return a.class, nil
}

// lookup finds the instruction's class and checks the key against it, then tells whether a live object has the key.
func (a *applier) lookup(in *Instruction) (class *schema.Class, exists bool, err error) {
	if class, err = a.lookupClass(in); err != nil {
		return nil, false, err
	}
	if a.known && a.key == in.Key {
		return class, a.exists, nil
	}
	if text := KeyFits(class, in.Key); text != "" {
		return nil, false, in.bad(ReasonBadKey, text)
	}
	if exists, err = a.st.Exists(class.Name, in.Key); err != nil {
		return nil, false, err
	}
	a.key, a.known, a.exists = in.Key, true, exists
	return class, exists, nil
}

// KeyFits tells what is wrong with a key for an object of the class (spec/changeset.md section 5.2); "" if nothing.
func KeyFits(class *schema.Class, key value.Key) string {
	p := class.Key()
	switch {
	case class.Kind == schema.Embedded:
		return "objects of an embedded class have no key"
	case p == nil && key.Kind() == value.KindGlobalKey:
		return ""
	case p == nil:
		return "the class has no primary key, but the instruction has one"
	case key.IsNull() && p.Nullable, !key.IsNull() && key.Kind() == p.Type:
		return ""
	case key.IsNull():
		return "the primary key can't be null"
	default:
		return "the primary key is of type " + p.Type.String() + ", the instruction's key is of type " + key.Kind().String()
	}
}

func (a *applier) createObject(in *Instruction) error {
	class, exists, err := a.lookup(in)
	if err != nil || exists {
		return err
	}
	a.recent = recent{}
	if err := a.st.Create(class.Name, in.Key); err != nil {
		return err
	}
	a.exists = true
	return nil
}

func (a *applier) eraseObject(in *Instruction) error {
	class, exists, err := a.lookup(in)
	if err != nil || !exists {
		return err
	}
	a.exists, a.recent = false, recent{}
	return a.st.Erase(class.Name, in.Key)
}

// lookupProperty is class.Property; instructions tend to name properties in their order.
func (a *applier) lookupProperty(class *schema.Class, name string) *schema.Property {
	n := len(class.Properties)
	for i := range n {
		at := (a.property + i) % n // it may be a place in another class
		if class.Properties[at].Name == name {
			a.property = at
			return &class.Properties[at]
		}
	}
	return nil
}
