package statetest

import (
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// World returns a state with one class that has everything: values, links and collections of all kinds, embedded objects in three
// levels, collections in mixed; and the objects 0 and 1.
func World() *memstate.State {
	property := func(name string, kind value.Kind, c schema.Collection, null bool, target string) schema.Property {
		return schema.Property{Name: name, Type: kind, Collection: c, Nullable: null, LinkTarget: target}
	}
	s := memstate.New(schema.New(
		schema.Class{Name: "F", Kind: schema.Embedded, Properties: []schema.Property{
			property("x", value.KindInt, schema.Single, false, ""),
			property("l", value.KindString, schema.List, true, ""),
		}},
		schema.Class{Name: "E", Kind: schema.Embedded, Properties: []schema.Property{
			property("x", value.KindInt, schema.Single, true, ""),
			property("l", value.KindInt, schema.List, false, ""),
			property("s", value.KindString, schema.Set, false, ""),
			property("m", value.KindMixed, schema.Single, true, ""),
			property("k", value.KindLink, schema.Single, true, "T"),
			property("f", value.KindLink, schema.Single, true, "F"),
			property("fl", value.KindLink, schema.List, false, "F"),
		}},
		schema.Class{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{
			property("_id", value.KindInt, schema.Single, false, ""),
			property("i", value.KindInt, schema.Single, true, ""),
			property("l", value.KindInt, schema.List, false, ""),
			property("s", value.KindInt, schema.Set, true, ""),
			property("d", value.KindMixed, schema.Dictionary, true, ""),
			property("m", value.KindMixed, schema.Single, true, ""),
			property("ml", value.KindMixed, schema.List, true, ""),
			property("ms", value.KindMixed, schema.Set, true, ""),
			property("k", value.KindLink, schema.Single, true, "T"),
			property("kl", value.KindLink, schema.List, false, "T"),
			property("ks", value.KindLink, schema.Set, false, "T"),
			property("kd", value.KindLink, schema.Dictionary, true, "T"),
			property("e", value.KindLink, schema.Single, true, "E"),
			property("el", value.KindLink, schema.List, false, "E"),
			property("ed", value.KindLink, schema.Dictionary, true, "E"),
		}},
	))
	for k := range int64(2) {
		if err := s.Apply(&changeset.Changeset{Instructions: []changeset.Instruction{{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(k)}}}); err != nil {
			panic(err)
		}
	}
	return s
}

// Values returns properties with the types of values that World hasn't, alone and in collections of each kind.
func Values() (out []schema.Property) {
	for i, kind := range []value.Kind{
		value.KindBool, value.KindString, value.KindBinary, value.KindTimestamp, value.KindFloat, value.KindDouble, value.KindDecimal, value.KindObjectID, value.KindUUID,
	} {
		for _, c := range []schema.Collection{schema.Single, schema.List, schema.Set, schema.Dictionary} {
			out = append(out, schema.Property{Name: fmt.Sprintf("v%d%d", c, i), Type: kind, Collection: c, Nullable: (i+int(c))%2 == 0})
		}
	}
	return out
}
