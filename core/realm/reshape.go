package realm

import (
	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/store"
)

// AddClass adds a class with its properties in the write transaction that is open; a synced realm records it for upload (changeset.md 6.2).
// Opening a file with a schema is the usual way; this one is for classes that a program learns of later. Other instances see the class when
// they come to the version. In a synced realm, objects of a top-level class can be created once a subscription names it.
//
// Errors of all changes of the schema: ErrNotInTransaction, ErrWrongThread, ErrClosed; store.ErrSchema when the schema lacks or already has
// what the change is about; schema.ErrInvalid when the rules of changeset.md section 9 forbid the result.
func (r *Realm) AddClass(def schema.Class) error {
	return r.reshape(func() ([]changeset.Instruction, error) {
		if r.conn.Class(def.Name) != nil {
			return nil, errorf(store.ErrSchema, "class '%s' exists already", def.Name)
		}
		c := *schema.New(def).Normalized().Class(def.Name)
		if err := r.checkReshaped(c); err != nil {
			return nil, err
		}
		bare := c
		bare.Properties = nil
		changes := []schema.Change{{Kind: schema.AddClass}}
		for _, p := range c.Properties {
			if p.Name == c.PrimaryKey {
				bare.Properties = []schema.Property{p}
			} else {
				changes = append(changes, schema.Change{Kind: schema.AddProperty, Class: schema.Class{Name: c.Name}, Property: p})
			}
		}
		changes[0].Class = bare
		return changeset.SchemaInstructions(changes), r.conn.Extend(changes)
	})
}

// RemoveClass removes a class with its objects. Links to them from mixed values stay, to objects that don't exist. Errors beside those of
// AddClass: store.ErrSchema while a property of another class links to it.
func (r *Realm) RemoveClass(name string) error {
	return r.reshape(func() ([]changeset.Instruction, error) {
		return []changeset.Instruction{{Op: changeset.EraseTable, Table: name}}, r.conn.RemoveClass(name)
	})
}

// AddProperty adds a property to a class, behind those that it has. Its objects get the default value of the type (changeset.md 5.9).
func (r *Realm) AddProperty(class string, p schema.Property) error {
	return r.reshape(func() ([]changeset.Instruction, error) {
		cl := r.conn.Class(class)
		if cl == nil {
			return nil, errorf(store.ErrSchema, "class '%s' doesn't exist", class)
		}
		if cl.Def.Property(p.Name) != nil {
			return nil, errorf(store.ErrSchema, "property '%s.%s' exists already", class, p.Name)
		}
		c := *cl.Def
		c.Properties = append(c.Properties[:len(c.Properties):len(c.Properties)], p)
		if err := r.checkReshaped(c); err != nil {
			return nil, err
		}
		p := *schema.New(c).Normalized().Class(class).Property(p.Name)
		changes := []schema.Change{{Kind: schema.AddProperty, Class: schema.Class{Name: class}, Property: p}}
		return changeset.SchemaInstructions(changes), r.conn.Extend(changes)
	})
}

// RemoveProperty removes a property with its values from a class. The primary key can't be removed. The numbers of the properties behind it
// become smaller by one.
func (r *Realm) RemoveProperty(class, property string) error {
	return r.reshape(func() ([]changeset.Instruction, error) {
		return []changeset.Instruction{{Op: changeset.EraseColumn, Table: class, Field: property}}, r.conn.RemoveProperty(class, property)
	})
}

// reshape runs a change of the schema and records the instructions that it returns.
func (r *Realm) reshape(change func() ([]changeset.Instruction, error)) error {
	if err := r.enterOnThread(); err != nil {
		return err
	}
	defer r.leave()
	if !r.conn.InWrite() {
		return ErrNotInTransaction
	}
	defer r.moved()
	in, err := change()
	if err != nil || !r.recorder.on {
		return err
	}
	for i := range in {
		if err := r.recorder.fail(r.recorder.rec.RecordSchema(&in[i])); err != nil {
			return err
		}
	}
	return nil
}

// checkReshaped validates the schema with a class that is new or has changed.
func (r *Realm) checkReshaped(c schema.Class) error {
	classes := []schema.Class{c}
	for _, old := range r.conn.Schema().Classes() {
		if old.Name != c.Name {
			classes = append(classes, *old)
		}
	}
	mode := schema.Local
	if r.config.Synced {
		mode = schema.Synced
	}
	return schema.Validate(schema.New(classes...).Normalized(), mode)
}
