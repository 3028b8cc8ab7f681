package data

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/ejson"
	"realmsync/server/history"
)

// document returns an object as a document: its primary key first, then its properties in their order. What is null is left out, as it was in the
// collections that Device Sync wrote; empty collections are there. Links are the primary keys of their targets, in mixed values
// {"$ref": class, "$id": key}. Times are cut to milliseconds.
func document(catalog *history.Catalog, class *history.Class, row *history.Row) (bson.D, error) {
	d := make(bson.D, 0, len(class.Properties))
	if class.PrimaryKey != "" {
		d = append(d, bson.E{Key: class.PrimaryKey, Value: plainValue(row.Key.Value(), false)})
	}
	for i := range class.Properties {
		p := &class.Properties[i]
		if p.Name == class.PrimaryKey {
			continue
		}
		if p.Collection == schema.Single {
			if v := row.At(class, i); !v.Kind().IsMarker() { // most of them
				if !v.IsNull() {
					d = append(d, bson.E{Key: p.Name, Value: plainValue(v, p.Type == value.KindMixed)})
				}
				continue
			}
		}
		n, err := rowNode(catalog, class, row, i)
		if err != nil {
			return nil, err
		}
		if v := n.bson(p.Type == value.KindMixed); v != nil {
			d = append(d, bson.E{Key: p.Name, Value: v})
		}
	}
	return d, nil
}

// bson returns the node as a value of a document.
func (n *node) bson(mixed bool) any {
	switch n.kind {
	case value.KindObject:
		d := bson.D{}
		for i, e := range n.elements {
			if v := e.bson(n.class.Properties[i].Type == value.KindMixed); v != nil {
				d = append(d, bson.E{Key: n.class.Properties[i].Name, Value: v})
			}
		}
		return d
	case value.KindList, value.KindSet:
		a := make(bson.A, 0, len(n.elements))
		for _, e := range n.elements {
			a = append(a, e.bson(mixed))
		}
		return a
	case value.KindDictionary:
		d := make(bson.D, 0, len(n.elements))
		for i, e := range n.elements {
			d = append(d, bson.E{Key: n.keys[i], Value: e.bson(mixed)})
		}
		return d
	default:
		return plainValue(n.value, mixed)
	}
}

// plainValue returns a value of an object in the form that documents have it.
func plainValue(v value.Value, mixed bool) any {
	if v.Kind() != value.KindLink {
		out, _ := ejson.OfValue(v)
		return out
	}
	key := plainValue(v.Link().Key.Value(), false)
	if mixed {
		return bson.D{{Key: "$ref", Value: v.Link().Class}, {Key: "$id", Value: key}}
	}
	return key
}

// isClass tells whether a class is a collection of objects: embedded objects are parts of others, and of asymmetric classes nothing is kept.
func isClass(class *history.Class) bool {
	return class != nil && class.Kind == schema.TopLevel && class.PrimaryKey != ""
}
