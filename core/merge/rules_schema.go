package merge

import (
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// addTableAddTable is R1.
func addTableAddTable(_ *merger, l, r *node) error {
	if !sameTable(l, r) {
		return nil
	}
	a, b := l.in.Schema, r.in.Schema
	same := a.TableKind == b.TableKind
	if same && a.TableKind != schema.Embedded {
		same = a.KeyField == b.KeyField && a.KeyType == b.KeyType && a.KeyNull == b.KeyNull
	}
	if !same {
		return fail("R1", l, r, fmt.Sprintf("the class %q was added with %s and with %s", l.in.Table, describeTable(a), describeTable(b)))
	}
	discardBoth(l, r)
	return nil
}

func describeTable(f *changeset.SchemaFields) string {
	if f.TableKind == schema.Embedded {
		return "kind embedded"
	}
	null := ""
	if f.KeyNull {
		null = ", nullable"
	}
	return fmt.Sprintf("kind %v and primary key %q of type %v%s", f.TableKind, f.KeyField, f.KeyType, null)
}

// eraseTableAddTable is R2.
func eraseTableAddTable(_ *merger, l, r *node) error {
	if sameTable(l, r) {
		r.discard()
	}
	return nil
}

// eraseTableEraseTable is R3.
func eraseTableEraseTable(_ *merger, l, r *node) error {
	if sameTable(l, r) {
		discardBoth(l, r)
	}
	return nil
}

// addColumnEraseTable is R4: a property that links to the erased class goes first.
func addColumnEraseTable(m *merger, l, r *node) error {
	if l.in.Schema.Type != value.KindLink || l.in.Schema.LinkTarget != r.in.Table {
		return nil
	}
	l.discard()
	return m.prepend(r, l, changeset.Instruction{Op: changeset.EraseColumn, Table: l.in.Table, Field: l.in.Field})
}

// addColumnAddColumn is R15. The type of dictionary keys is not compared.
func addColumnAddColumn(_ *merger, l, r *node) error {
	if !sameProperty(l, r) {
		return nil
	}
	a, b := l.in.Schema, r.in.Schema
	if a.Type != b.Type || a.Nullable != b.Nullable || l.in.Collection != r.in.Collection || a.Type == value.KindLink && a.LinkTarget != b.LinkTarget {
		return fail("R15", l, r, fmt.Sprintf("the property %q of class %q was added as %s and as %s", l.in.Field, l.in.Table, describeColumn(l.in), describeColumn(r.in)))
	}
	discardBoth(l, r)
	return nil
}

func describeColumn(in *changeset.Instruction) string {
	p := schema.Property{Name: in.Field, Type: in.Schema.Type, Nullable: in.Schema.Nullable, Collection: in.Collection, LinkTarget: in.Schema.LinkTarget}
	return p.TypeString()
}

// eraseColumnUpdate is R9: any object, any depth. Other instructions on the property survive (X8).
func eraseColumnUpdate(_ *merger, l, r *node) error {
	if sameProperty(l, r) {
		r.discard()
	}
	return nil
}

// eraseColumnAddColumn is R16.
func eraseColumnAddColumn(_ *merger, l, r *node) error {
	if sameProperty(l, r) {
		r.discard()
	}
	return nil
}

// eraseColumnEraseColumn is R17.
func eraseColumnEraseColumn(_ *merger, l, r *node) error {
	if sameProperty(l, r) {
		discardBoth(l, r)
	}
	return nil
}
