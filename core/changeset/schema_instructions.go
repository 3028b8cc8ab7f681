package changeset

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// SchemaInstructions returns the instructions that make the changes of schema.Diff (spec/changeset.md section 6.2). Changes of
// indexes have none.
func SchemaInstructions(changes []schema.Change) []Instruction {
	out := make([]Instruction, 0, len(changes))
	for i := range changes {
		c := &changes[i]
		switch c.Kind {
		case schema.AddClass:
			f := &SchemaFields{TableKind: c.Class.Kind}
			if key := c.Class.Key(); key != nil {
				f.KeyField, f.KeyType, f.KeyNull = key.Name, key.Type, key.Nullable
			} else if c.Class.Kind != schema.Embedded {
				f.KeyType = value.KindGlobalKey
			}
			out = append(out, Instruction{Op: AddTable, Table: c.Class.Name, Schema: f})
		case schema.AddProperty:
			p := &c.Property
			f := &SchemaFields{Type: p.Type, Nullable: p.Nullable, LinkTarget: p.LinkTarget}
			if p.Collection == schema.Dictionary {
				f.KeyType = value.KindString
			}
			out = append(out, Instruction{Op: AddColumn, Table: c.Class.Name, Field: p.Name, Collection: p.Collection, Schema: f})
		}
	}
	return out
}
