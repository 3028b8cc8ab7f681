package main

import (
	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Class T is what clients quarrel about. Mark is a ledger: each object is made by one commit and never touched again, so that a commit that
// is lost, or counted twice, is seen in the data too.
var baseSchema = []changeset.Instruction{
	table("T"),
	column("T", "i", changeset.SchemaFields{Type: value.KindInt}),
	column("T", "n", changeset.SchemaFields{Type: value.KindInt, Nullable: true}),
	column("T", "s", changeset.SchemaFields{Type: value.KindString}),
	column("T", "zone", changeset.SchemaFields{Type: value.KindString}),
	column("T", "m", changeset.SchemaFields{Type: value.KindMixed, Nullable: true}),
	column("T", "k", changeset.SchemaFields{Type: value.KindLink, Nullable: true, LinkTarget: "T"}),
	table("Mark"),
}

// view is a set of subscriptions, and what it means.
type view struct {
	subscriptions [][2]string
	has           func(zone string) bool // of class T; all of Mark
}

var marks = [2]string{"Mark", "TRUEPREDICATE"}

var views = []view{
	{[][2]string{{"T", "TRUEPREDICATE"}, marks}, func(string) bool { return true }},
	{[][2]string{{"T", `zone == "a"`}, marks}, func(z string) bool { return z == "a" }},
	{[][2]string{{"T", `zone IN {"a", "b"}`}, marks}, func(z string) bool { return z == "a" || z == "b" }},
	{[][2]string{{"T", `zone != "a"`}, marks}, func(z string) bool { return z != "a" }},
}

var zones = []string{"", "a", "b", "c"}

func table(class string) changeset.Instruction {
	fields := &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}
	return changeset.Instruction{Op: changeset.AddTable, Table: class, Schema: fields}
}

func column(class, field string, s changeset.SchemaFields) changeset.Instruction {
	return changeset.Instruction{Op: changeset.AddColumn, Table: class, Field: field, Schema: &s}
}

func applyTo(state changeset.State, all []changeset.Instruction) error {
	return changeset.Apply(state, &changeset.Changeset{Instructions: all})
}

// copyObject puts an object of one state into another that has its class.
func copyObject(to *memstate.State, from changeset.State, class *schema.Class, key value.Key) error {
	if err := to.Create(class.Name, key); err != nil {
		return err
	}
	for i := range class.Properties {
		p := &class.Properties[i]
		if p.Name == class.PrimaryKey {
			continue
		}
		if p.Collection == schema.Single {
			v, err := from.Get(class.Name, key, p.Name)
			if err != nil {
				return err
			}
			if v.Kind().IsValue() {
				if err := to.Set(class.Name, key, p.Name, v); err != nil {
					return err
				}
				continue
			}
			if err := to.SetNew(class.Name, key, p.Name, v.Kind()); err != nil {
				return err
			}
		}
		nested, ok := from.(changeset.Nested)
		if !ok {
			return changeset.ErrUnsupported
		}
		source, err := nested.Open(class.Name, key, p.Name)
		if err != nil {
			return err
		}
		target, err := to.Open(class.Name, key, p.Name)
		if err != nil {
			return err
		}
		if err := copyNode(target, source, to.Schema()); err != nil {
			return err
		}
	}
	return nil
}
