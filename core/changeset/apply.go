package changeset

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Apply does what the instructions say to the state, in order (spec/changeset.md section 5).
//
// Errors:
//   - *UnsupportedError (ErrUnsupported): an instruction that this version doesn't apply: anything inside of a collection or an
//     embedded object. All instructions are looked at before the first acts, so the state is as it was.
//   - *BadChangesetError (ErrBadChangeset), with the number of the instruction: it doesn't fit the schema or the data. Instructions
//     before it have acted: the caller rolls its transaction back.
//   - any other error comes from the State unchanged; the caller rolls back too.
//
// Applying never records instructions, and the same changeset in the same state always does the same.
func Apply(st State, c *Changeset) error {
	if c.Empty() {
		return nil
	}
	if err := Supported(c); err != nil {
		return err
	}
	a := applier{st: st}
	for i := range c.Instructions {
		if err := a.apply(&c.Instructions[i]); err != nil {
			if bad, ok := err.(*BadChangesetError); ok { //nolint:errorlint // one of ours, not wrapped
				bad.Index = i
			}
			return err
		}
	}
	return nil
}

// Supported returns an *UnsupportedError if Apply would refuse the changeset as such.
func Supported(c *Changeset) error {
	for i := range c.Instructions {
		in := &c.Instructions[i]
		text := ""
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
		return &UnsupportedError{Index: i, Address: in.Address(), Text: text + " can't be applied by this version"}
	}
	return nil
}

// applier applies one changeset. It remembers the class and the object that the last instruction addressed.
type applier struct {
	st    State
	class *schema.Class // nil: look it up

	key    value.Key // of class, if known
	known  bool
	exists bool

	property int // place of the property named last in its class
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
	default:
		return in.bad(ReasonOpcode, "this is not an instruction")
	}
}

// reshaped forgets what is remembered: the schema has changed.
func (a *applier) reshaped(err error) error {
	a.class, a.known = nil, false
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
	a.exists = false
	return a.st.Erase(class.Name, in.Key)
}

// target finds the single property that a path instruction without path changes.
func (a *applier) target(in *Instruction) (*schema.Class, *schema.Property, error) {
	class, exists, err := a.lookup(in)
	if err != nil {
		return nil, nil, err
	}
	if !exists {
		return nil, nil, in.bad(ReasonNoObject, "there is no such object")
	}
	p := a.lookupProperty(class, in.Field)
	switch {
	case p == nil:
		return nil, nil, in.bad(ReasonNoField, "the class has no such property")
	case p.Collection != schema.Single:
		return nil, nil, in.bad(ReasonBadPath, "the property is a "+p.Collection.String()+", it holds no single value")
	case p.Name == class.PrimaryKey:
		return nil, nil, in.bad(ReasonPrimaryKey, "the primary key of an object can't be changed")
	}
	return class, p, nil
}

// lookupProperty is class.Property; instructions tend to name properties in their order.
func (a *applier) lookupProperty(class *schema.Class, name string) *schema.Property {
	n := len(class.Properties)
	for i := range n {
		at := a.property + i
		if at >= n {
			at -= n
		}
		if class.Properties[at].Name == name {
			a.property = at
			return &class.Properties[at]
		}
	}
	return nil
}

func (a *applier) update(in *Instruction) error {
	class, p, err := a.target(in)
	if err != nil {
		return err
	}
	switch kind := in.Value.Kind(); {
	case kind == value.KindNull:
		if !p.Nullable && p.Type != value.KindMixed && p.Type != value.KindLink {
			return in.bad(ReasonNull, "the property can't be null")
		}
	case kind == value.KindLink:
		if bad := a.checkLink(in, p); bad != nil {
			return bad
		}
	case !kind.IsValue():
		return in.bad(ReasonType, "a property can't hold a value of type "+kind.String())
	case p.Type != kind && p.Type != value.KindMixed:
		return in.bad(ReasonType, "the property is of type "+p.Type.String()+", the value is of type "+kind.String())
	}
	return a.st.Set(class.Name, in.Key, p.Name, in.Value)
}

// checkLink is section 5.4.
func (a *applier) checkLink(in *Instruction, p *schema.Property) *BadChangesetError {
	if p.Type != value.KindLink && p.Type != value.KindMixed {
		return in.bad(ReasonType, "the property is of type "+p.Type.String()+", the value is a link")
	}
	link := in.Value.Link()
	target := a.class
	if target.Name != link.Class {
		target = a.st.Schema().Class(link.Class)
	}
	switch {
	case target == nil:
		return in.bad(ReasonTarget, "the link's target class '"+clip(link.Class)+"' doesn't exist")
	case target.Kind == schema.Embedded:
		return in.bad(ReasonTarget, "there are no links to the embedded class '"+target.Name+"'")
	case target.Kind == schema.Asymmetric:
		return in.bad(ReasonTarget, "there are no links to the asymmetric class '"+target.Name+"'")
	case p.Type == value.KindLink && target.Name != p.LinkTarget:
		return in.bad(ReasonTarget, "the property links to class '"+p.LinkTarget+"', the value to class '"+target.Name+"'")
	}
	if text := KeyFits(target, link.Key); text != "" {
		return in.bad(ReasonBadKey, "the link's target: "+text)
	}
	return nil
}

func (a *applier) addInteger(in *Instruction) error {
	class, p, err := a.target(in)
	if err != nil {
		return err
	}
	old, err := a.st.Get(class.Name, in.Key, p.Name)
	switch {
	case err != nil || old.IsNull():
		return err
	case old.Kind() != value.KindInt:
		return in.bad(ReasonType, "a value of type "+old.Kind().String()+" can't be incremented")
	}
	return a.st.Set(class.Name, in.Key, p.Name, value.Int(old.Int()+in.Add)) // wraps around, as it should
}
