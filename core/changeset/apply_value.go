package changeset

import (
	"strings"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// MaxLevels is how deep collections can be nested in a property of type mixed (spec/changeset.md section 4): one that is the property's
// value is at level 1.
const MaxLevels = 100

// update is section 5.5, Update.
func (a *applier) update(in *Instruction) error {
	at, err := a.resolve(in)
	if err != nil {
		return err
	}
	switch at.kind {
	case atProperty:
		return a.updateProperty(in, &at)
	case atItem:
		return a.updateItem(in, &at)
	case atEntry:
		return a.updateEntry(in, &at)
	default:
		return in.bad(ReasonBadPath, "the property is a "+at.p.Collection.String()+", it holds no single value")
	}
}

func (a *applier) updateProperty(in *Instruction, at *place) error {
	object, p := at.object, at.p
	if at.isKey(&a.top, a.class) {
		return in.bad(ReasonPrimaryKey, "the primary key of an object can't be changed")
	}
	kind := in.Value.Kind()
	if kind.IsValue() {
		if bad := a.checkValue(in, p); bad != nil {
			return bad
		}
		return object.Set(p.Name, in.Value)
	}
	if bad := a.checkNew(in, at); bad != nil {
		return bad
	}
	old, err := object.Get(p.Name)
	if err != nil || old.Kind() == kind { // there is one: its contents are kept
		return err
	}
	return object.SetNew(p.Name, kind)
}

// isKey tells whether the place is the primary key of a top-level object.
func (at *place) isKey(top *topObject, class *schema.Class) bool {
	return at.kind == atProperty && at.object == ObjectNode(top) && at.p.Name == class.PrimaryKey
}

func (a *applier) updateItem(in *Instruction, at *place) error {
	list, kind := at.list, in.Value.Kind()
	if kind == value.KindObject {
		return nil // the original never creates one there: clients erase and insert
	}
	bad := a.checkValue(in, at.p)
	if !kind.IsValue() {
		bad = a.checkNew(in, at)
	}
	if bad != nil {
		return bad
	}
	n, err := list.Len()
	switch {
	case err != nil:
		return err
	case uint64(at.pos) >= uint64(n):
		return in.beyond(at.pos, n)
	case kind.IsValue():
		return list.Set(int(at.pos), in.Value)
	}
	old, err := list.At(int(at.pos))
	if err != nil || old.Kind() == kind {
		return err
	}
	return list.SetNew(int(at.pos), kind)
}

func (a *applier) updateEntry(in *Instruction, at *place) error {
	dictionary, kind := at.dictionary, in.Value.Kind()
	switch {
	case strings.HasPrefix(at.key, "$") || strings.Contains(at.key, "."):
		return in.bad(ReasonBadPath, "the key of a dictionary entry can't start with '$' or contain '.'")
	case kind == value.KindErased:
		return dictionary.Remove(at.key)
	case kind.IsValue():
		if bad := a.checkValue(in, at.p); bad != nil {
			return bad
		}
		return dictionary.Put(at.key, in.Value)
	}
	if bad := a.checkNew(in, at); bad != nil {
		return bad
	}
	if kind != value.KindObject || a.Strict { // otherwise an embedded object is always a new one
		old, ok, err := dictionary.Get(at.key)
		if err != nil || ok && old.Kind() == kind {
			return err
		}
	}
	return dictionary.PutNew(at.key, kind)
}

// checkValue tells whether a scalar, null or a link can be where values of property p are.
func (a *applier) checkValue(in *Instruction, p *schema.Property) *BadChangesetError {
	switch kind := in.Value.Kind(); {
	case kind == value.KindNull:
		if !holdsNull(p) {
			return in.bad(ReasonNull, "the property can't hold null")
		}
	case kind == value.KindLink:
		return a.checkLink(in, p)
	case !kind.IsValue():
		return in.bad(ReasonType, "the property can't hold a value of type "+kind.String())
	case p.Type != kind && p.Type != value.KindMixed:
		return in.bad(ReasonType, "the property is of type "+p.Type.String()+", the value is of type "+kind.String())
	}
	return nil
}

// holdsNull tells whether null is a value of the property; of links it depends on the collection (section 5.5, AddColumn).
func holdsNull(p *schema.Property) bool {
	switch p.Type {
	case value.KindMixed:
		return true
	case value.KindLink:
		return p.Collection == schema.Single || p.Collection == schema.Dictionary
	default:
		return p.Nullable
	}
}

// checkNew tells whether an embedded object, a list or a dictionary can be made at a place.
func (a *applier) checkNew(in *Instruction, at *place) *BadChangesetError {
	switch kind := in.Value.Kind(); kind {
	case value.KindObject:
		if !a.embeds(at.p) {
			return in.bad(ReasonType, "the property is of type "+at.p.Type.String()+", it holds no embedded objects")
		}
	case value.KindList, value.KindDictionary:
		if at.p.Type != value.KindMixed {
			return in.bad(ReasonType, "the property is of type "+at.p.Type.String()+", it holds no collections")
		}
		if at.level >= MaxLevels {
			return in.bad(ReasonLevels, "collections can't be nested more deeply")
		}
	default:
		return in.bad(ReasonType, "the property can't hold a value of type "+kind.String())
	}
	return nil
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

// addInteger is section 5.5, AddInteger.
func (a *applier) addInteger(in *Instruction) error {
	at, err := a.resolve(in)
	switch {
	case err != nil:
		return err
	case at.kind != atProperty:
		return in.bad(ReasonBadPath, "only properties can be incremented")
	case at.isKey(&a.top, a.class):
		return in.bad(ReasonPrimaryKey, "the primary key of an object can't be changed")
	}
	old, err := at.object.Get(at.p.Name)
	switch {
	case err != nil || old.IsNull():
		return err
	case old.Kind() != value.KindInt:
		return in.bad(ReasonType, "a value of type "+old.Kind().String()+" can't be incremented")
	}
	return at.object.Set(at.p.Name, value.Int(old.Int()+in.Add)) // wraps around, as it should
}
