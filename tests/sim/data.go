package main

import (
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// baseSchema is that of statetest.World, in which is everything, with the types of values that it hasn't, and a zone, by which views are cut.
//
// Class T is what clients quarrel about. Mark is a ledger: each object is made by one commit and never touched again, so that a commit that
// is lost, or counted twice, is seen in the data too.
var baseSchema = func() []changeset.Instruction {
	var classes []schema.Class
	for _, c := range statetest.World().Schema().Classes() {
		class := *c
		if class.Name == "T" {
			class.Properties = slices.Concat(class.Properties, statetest.Values())
		}
		classes = append(classes, class)
	}
	changes, err := schema.Diff(nil, schema.New(classes...))
	if err != nil {
		panic(err)
	}
	mark := changeset.Instruction{Op: changeset.AddTable, Table: "Mark", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindString}}
	return append(changeset.SchemaInstructions(changes), column("T", "zone", changeset.SchemaFields{Type: value.KindString}), mark)
}()

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

func column(class, field string, s changeset.SchemaFields) changeset.Instruction {
	return changeset.Instruction{Op: changeset.AddColumn, Table: class, Field: field, Schema: &s}
}

func (w *world) apply(state changeset.State, all []changeset.Instruction) error {
	return w.rules.Apply(state, &changeset.Changeset{Instructions: all})
}

// replay applies a changeset to the model.
func (w *world) replay(model *memstate.State, c *changeset.Changeset) error {
	model.Begin()
	if err := w.rules.Apply(model, c); err != nil {
		model.Rollback()
		return err
	}
	model.Commit()
	return nil
}
