package data

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// infer makes the property that a field of a document needs which its class lacks, in development mode: nullable, of the type of the value.
// Documents become dictionaries of mixed values, arrays lists of what all their elements are, or of mixed values.
func infer(class, name string, v any) (p schema.Property, err error) {
	p = schema.Property{Name: name, Nullable: true}
	if !nameable(name, schema.MaxPropertyName) {
		return p, schemaFailure("'%s' can't be the name of a property of class '%s'", clip(name), class)
	}
	switch v := v.(type) {
	case bson.D:
		p.Collection, p.Type = schema.Dictionary, value.KindMixed
		return p, nil
	case bson.A:
		p.Collection, p.Type = schema.List, value.KindMixed
		for i, e := range v {
			out, ok := natural(e)
			switch {
			case !ok:
				p.Type = value.KindMixed
			case i == 0:
				p.Type = out.Kind()
				continue
			case p.Type == out.Kind():
				continue
			}
			p.Type = value.KindMixed
			break
		}
		p.Nullable = p.Type == value.KindMixed
		return p, nil
	}
	out, ok := natural(v)
	if !ok {
		return p, schemaFailure("'%s' of class '%s' has a value of a type that objects don't have", name, class)
	}
	p.Type = out.Kind()
	return p, nil
}

// nameable tells whether a program may give a class or a property this name, of at most so many bytes.
func nameable(name string, most int) bool {
	return name != "" && len(name) <= most && utf8.ValidString(name) && !strings.ContainsAny(name, ".$") && !strings.ContainsFunc(name, unicode.IsControl)
}

// addColumn is the instruction for a property.
func addColumn(class string, p schema.Property) changeset.Instruction {
	fields := &changeset.SchemaFields{Type: p.Type, Nullable: p.Nullable}
	if p.Collection == schema.Dictionary {
		fields.KeyType = value.KindString
	}
	return changeset.Instruction{Op: changeset.AddColumn, Table: class, Field: p.Name, Collection: p.Collection, Schema: fields}
}

// addTable is the instruction for a class with a primary key of the type of an id.
func addTable(class string, id any) (changeset.Instruction, schema.Class, error) {
	none := changeset.Instruction{}
	if !nameable(class, schema.MaxClassName) || strings.HasPrefix(class, "__") {
		return none, schema.Class{}, schemaFailure("'%s' can't be the name of a class", clip(class))
	}
	kind := value.KindObjectID
	if id != nil {
		key, ok := natural(id)
		if ok {
			_, ok = value.KeyOf(key)
		}
		if !ok {
			return none, schema.Class{}, schemaFailure("the _id of an object must be an integer, a string, an ObjectId or a UUID")
		}
		kind = key.Kind()
	}
	made := schema.Class{Name: class, PrimaryKey: schema.KeyName, Properties: []schema.Property{{Name: schema.KeyName, Type: kind}}}
	return changeset.Instruction{Op: changeset.AddTable, Table: class, Schema: &changeset.SchemaFields{KeyField: schema.KeyName, KeyType: kind}}, made, nil
}
