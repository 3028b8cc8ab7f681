package changeset

import (
	"fmt"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// addTable is section 5.5, AddTable. A difference in the type of the key only, which the original overlooks, is refused too.
func (a *applier) addTable(in *Instruction) error {
	f := in.Schema
	if f == nil {
		return in.bad(ReasonTableKind, "the instruction has no class definition")
	}
	wanted := schema.Class{Name: in.Table, Kind: f.TableKind}
	if f.TableKind != schema.Embedded && f.KeyType != value.KindGlobalKey {
		wanted.PrimaryKey = f.KeyField
		wanted.Properties = []schema.Property{{Name: f.KeyField, Type: f.KeyType, Nullable: f.KeyNull}}
	}
	old := a.st.Schema().Class(in.Table)
	if old == nil {
		if bad := newClassError(in, &wanted); bad != nil {
			return bad
		}
		return a.reshaped(a.st.AddClass(wanted))
	}
	if f.TableKind != schema.Embedded && f.KeyType == value.KindGlobalKey {
		return nil // nothing is compared
	}
	key := old.Key()
	switch {
	case old.Kind != wanted.Kind:
		return in.bad(ReasonSchema, fmt.Sprintf("the class exists and is %v, not %v", old.Kind, wanted.Kind))
	case wanted.Kind == schema.Embedded:
		return nil
	case key == nil:
		return in.bad(ReasonSchema, "the class exists and has no primary key")
	case key.Name != f.KeyField || key.Type != f.KeyType || key.Nullable != f.KeyNull:
		return in.bad(ReasonSchema, fmt.Sprintf("the class exists with the primary key %s, not %s", describe(key), describe(&wanted.Properties[0])))
	}
	return nil
}

func newClassError(in *Instruction, class *schema.Class) *BadChangesetError {
	switch {
	case class.Name == "" || len(class.Name) > MaxClassName:
		return in.bad(ReasonSchema, "the name of a class has 1 to 57 bytes")
	case class.Kind > schema.Asymmetric:
		return in.bad(ReasonTableKind, "unknown table kind")
	case len(class.Properties) == 0:
		return nil
	case class.PrimaryKey == "" || len(class.PrimaryKey) > MaxPropertyName:
		return in.bad(ReasonSchema, "the name of a primary key has 1 to 63 bytes")
	case !isPrimaryKeyType(class.Properties[0].Type):
		return in.bad(ReasonPrimaryKeyType, "a class can't have a primary key of type "+class.Properties[0].Type.String())
	}
	return nil
}

// describe names a property with its type, for error texts.
func describe(p *schema.Property) string { return "'" + clip(p.Name) + "' (" + p.TypeString() + ")" }

// eraseTable is section 5.5, EraseTable.
func (a *applier) eraseTable(in *Instruction) error {
	if _, err := a.lookupClass(in); err != nil {
		return err
	}
	for _, class := range a.st.Schema().Classes() {
		if class.Name == in.Table {
			continue
		}
		for i := range class.Properties {
			if p := &class.Properties[i]; p.Type == value.KindLink && p.LinkTarget == in.Table {
				return in.bad(ReasonSchema, "the property '"+class.Name+"."+p.Name+"' links to the class")
			}
		}
	}
	return a.reshaped(a.st.RemoveClass(in.Table))
}

// addColumn is section 5.5, AddColumn.
func (a *applier) addColumn(in *Instruction) error {
	class, err := a.lookupClass(in)
	if err != nil {
		return err
	}
	f := in.Schema
	if f == nil {
		return in.bad(ReasonColumnType, "the instruction has no property definition")
	}
	wanted := schema.Property{Name: in.Field, Type: f.Type, Nullable: f.Nullable, Collection: in.Collection}
	if f.Type == value.KindLink {
		wanted.LinkTarget = f.LinkTarget
		wanted.Nullable = in.Collection == schema.Single || in.Collection == schema.Dictionary
	} else if f.Type == value.KindMixed {
		wanted.Nullable = true
	}
	if old := class.Property(in.Field); old != nil {
		// Nullability isn't compared, nor the type of dictionary keys.
		if old.Type != wanted.Type || old.Collection != wanted.Collection || old.LinkTarget != wanted.LinkTarget {
			return in.bad(ReasonSchema, fmt.Sprintf("the property exists with type %s, not %s", old.TypeString(), wanted.TypeString()))
		}
		return nil
	}
	if bad := a.newPropertyError(in, class, &wanted); bad != nil {
		return bad
	}
	return a.reshaped(a.st.AddProperty(in.Table, wanted))
}

func (a *applier) newPropertyError(in *Instruction, class *schema.Class, p *schema.Property) *BadChangesetError {
	switch {
	case p.Name == "" || len(p.Name) > MaxPropertyName:
		return in.bad(ReasonSchema, "the name of a property has 1 to 63 bytes")
	case len(class.Properties) >= MaxProperties:
		return in.bad(ReasonSchema, "a class has at most 65535 properties")
	case !p.Type.IsValue():
		return in.bad(ReasonColumnType, "a property can't be of type "+p.Type.String())
	case p.Collection > schema.Set:
		return in.bad(ReasonCollection, "unknown collection type")
	case p.Collection == schema.Dictionary && in.Schema.KeyType != value.KindString:
		return in.bad(ReasonSchema, "the keys of a dictionary are strings, not "+in.Schema.KeyType.String())
	case p.Type != value.KindLink:
		return nil
	case p.LinkTarget == "":
		return in.bad(ReasonSchema, "a link property needs a target class")
	}
	target := a.st.Schema().Class(p.LinkTarget)
	switch {
	case target == nil:
		return in.bad(ReasonNoTable, "the link's target class '"+clip(p.LinkTarget)+"' doesn't exist")
	case target.Kind == schema.Asymmetric:
		return in.bad(ReasonSchema, "there are no links to the asymmetric class '"+target.Name+"'")
	case target.Kind == schema.Embedded && p.Collection == schema.Set:
		return in.bad(ReasonSchema, "there are no sets of the embedded class '"+target.Name+"'")
	}
	return nil
}

// eraseColumn is section 5.5, EraseColumn. The primary key can't be removed.
func (a *applier) eraseColumn(in *Instruction) error {
	class, err := a.lookupClass(in)
	if err != nil {
		return err
	}
	switch {
	case class.Property(in.Field) == nil:
		return in.bad(ReasonNoField, "the class has no such property")
	case class.PrimaryKey == in.Field:
		return in.bad(ReasonPrimaryKey, "the primary key of a class can't be removed")
	}
	return a.reshaped(a.st.RemoveProperty(in.Table, in.Field))
}
