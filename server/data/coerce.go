package data

import (
	"math"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/mql"
)

// maxNesting is how deep a value of a document may be nested in a property of type mixed.
const maxNesting = 64

// typeOf makes the value that a property of a type holds of one of a document. Numbers become what the schema says, if nothing is lost but digits
// of a fraction: programs in JavaScript know one type of number (app-services 11.2). ok is false if it doesn't fit.
func typeOf(kind value.Kind, v any) (out value.Value, ok bool) {
	switch kind {
	case value.KindInt:
		i, ok := whole(v)
		return value.Int(i), ok
	case value.KindBool:
		b, ok := v.(bool)
		return value.Bool(b), ok
	case value.KindString:
		s, ok := v.(string)
		return value.String(s), ok && len(s) <= changeset.MaxString
	case value.KindBinary:
		b, ok := v.(bson.Binary)
		return value.Binary(b.Data), ok && len(b.Data) <= changeset.MaxBinary
	case value.KindTimestamp:
		t, ok := v.(bson.DateTime)
		return value.FromTimestamp(value.TimestampFromUnixMilli(int64(t))), ok
	case value.KindFloat:
		f, ok := floating(v)
		return value.Float(float32(f)), ok
	case value.KindDouble:
		f, ok := floating(v)
		return value.Double(f), ok
	case value.KindDecimal:
		switch n := v.(type) {
		case bson.Decimal128:
			hi, lo := n.GetBytes()
			return value.FromDecimal(value.Decimal{Hi: hi, Lo: lo}), true
		case float64:
			return value.FromDecimal(value.DecimalFromFloat64(n)), true
		}
		i, ok := whole(v)
		return value.FromDecimal(value.DecimalFromInt64(i)), ok
	case value.KindObjectID:
		id, ok := v.(bson.ObjectID)
		return value.FromObjectID(value.ObjectID(id)), ok
	case value.KindUUID:
		b, ok := v.(bson.Binary)
		if !ok || b.Subtype != bson.TypeBinaryUUID || len(b.Data) != 16 {
			return value.Null(), false
		}
		return value.FromUUID(value.UUID(b.Data)), true
	}
	return value.Null(), false
}

// whole returns a whole number of any type.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int32:
		return int64(n), true
	case int64:
		return n, true
	case float64:
		return int64(n), n == math.Trunc(n) && n >= -1<<63 && n < 1<<63
	}
	return 0, false
}

func floating(v any) (float64, bool) {
	switch n := v.(type) {
	case int32:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		return n, true
	case bson.Decimal128:
		hi, lo := n.GetBytes()
		return value.Decimal{Hi: hi, Lo: lo}.Float64(), true
	}
	return 0, false
}

// natural returns the value of a mixed property, of the type that it has itself.
func natural(v any) (value.Value, bool) {
	switch n := v.(type) {
	case int32, int64:
		return typeOf(value.KindInt, v)
	case float64:
		return value.Double(n), true
	case bool:
		return value.Bool(n), true
	case string:
		return typeOf(value.KindString, v)
	case bson.DateTime:
		return typeOf(value.KindTimestamp, v)
	case bson.ObjectID:
		return typeOf(value.KindObjectID, v)
	case bson.Decimal128:
		return typeOf(value.KindDecimal, v)
	case bson.Binary:
		if n.Subtype == bson.TypeBinaryUUID {
			return typeOf(value.KindUUID, v)
		}
		return typeOf(value.KindBinary, v)
	}
	return value.Null(), false
}

// coercer makes nodes of what documents say, by a schema.
type coercer struct{ schema *schema.Schema }

// property makes the node of a property of one field. where names it for errors.
func (c *coercer) property(p *schema.Property, v any, where string) (*node, error) {
	if v == nil && p.Collection != schema.Single {
		return defaultNode(p), nil
	}
	switch p.Collection {
	case schema.List, schema.Set:
		a, ok := v.(bson.A)
		if !ok {
			return nil, c.wrong(p, where)
		}
		n := &node{kind: value.KindList, elements: make([]*node, 0, len(a))}
		if p.Collection == schema.Set {
			n.kind = value.KindSet
		}
		for _, e := range a {
			inner, err := c.element(p, e, where)
			if err != nil {
				return nil, err
			}
			if p.Collection == schema.Set && inner.container() {
				return nil, c.wrong(p, where)
			}
			n.elements = append(n.elements, inner)
		}
		if p.Collection == schema.Set { // as it is stored: in order, and of equal ones the first
			order := func(a, b *node) int { return value.Compare(a.value, b.value) }
			slices.SortStableFunc(n.elements, order)
			n.elements = slices.CompactFunc(n.elements, func(a, b *node) bool { return order(a, b) == 0 })
		}
		return n, nil
	case schema.Dictionary:
		d, ok := v.(bson.D)
		if !ok {
			return nil, c.wrong(p, where)
		}
		return c.dictionary(p, d, where, 0)
	default:
		return c.element(p, v, where)
	}
}

func (c *coercer) dictionary(p *schema.Property, d bson.D, where string, depth int) (*node, error) {
	n := &node{kind: value.KindDictionary}
	seen := make(map[string]bool, len(d))
	for _, e := range d {
		if strings.HasPrefix(e.Key, "$") || strings.Contains(e.Key, ".") || seen[e.Key] {
			return nil, schemaFailure("'%s' has the key '%s': keys are there once, don't begin with '$' and have no '.'", where, clip(e.Key))
		}
		seen[e.Key] = true
		var inner *node
		var err error
		if p.Type == value.KindMixed {
			inner, err = c.mixed(e.Value, where, depth+1)
		} else {
			inner, err = c.element(p, e.Value, where)
		}
		if err != nil {
			return nil, err
		}
		n.keys, n.elements = append(n.keys, e.Key), append(n.elements, inner)
	}
	n.sortDictionary()
	return n, nil
}

// element makes the node of a single value: of a property, or of an element of its collection.
func (c *coercer) element(p *schema.Property, v any, where string) (*node, error) {
	target := c.schema.Class(p.LinkTarget)
	switch {
	case p.Type == value.KindMixed:
		return c.mixed(v, where, 0)
	case v == nil:
		// In a dictionary values that are links are nullable; a list of links or of embedded objects has no nulls.
		if p.Nullable || p.Type == value.KindLink && (p.Collection == schema.Single || p.Collection == schema.Dictionary) {
			return scalar(value.Null()), nil
		}
		return nil, schemaFailure("'%s' must not be null", where)
	case p.Type != value.KindLink:
		out, ok := typeOf(p.Type, v)
		if !ok {
			return nil, c.wrong(p, where)
		}
		return scalar(out), nil
	case target == nil:
		return nil, c.wrong(p, where)
	case target.Kind == schema.Embedded:
		d, ok := v.(bson.D)
		if !ok {
			return nil, c.wrong(p, where)
		}
		return c.object(target, d, where)
	default:
		key, ok := keyOf(target, v)
		if !ok {
			return nil, schemaFailure("'%s' must be the primary key of an object of class '%s'", where, target.Name)
		}
		return scalar(value.FromLink(target.Name, key)), nil
	}
}

func (c *coercer) object(class *schema.Class, d bson.D, where string) (*node, error) {
	n := &node{kind: value.KindObject, class: class, elements: make([]*node, len(class.Properties))}
	known := 0
	for i := range class.Properties {
		p := &class.Properties[i]
		v, ok := mql.Get(d, p.Name)
		if !ok {
			n.elements[i] = defaultNode(p)
			continue
		}
		known++
		var err error
		if n.elements[i], err = c.property(p, v, where+"."+p.Name); err != nil {
			return nil, err
		}
	}
	if known < len(d) {
		for _, e := range d {
			if class.Property(e.Key) == nil {
				return nil, schemaFailure("class '%s' of '%s' has no property '%s'", class.Name, where, clip(e.Key))
			}
		}
		return nil, schemaFailure("'%s' has a field twice", where)
	}
	return n, nil
}

func (c *coercer) mixed(v any, where string, depth int) (*node, error) {
	if depth > maxNesting {
		return nil, schemaFailure("'%s' is nested more than %d deep", where, maxNesting)
	}
	switch v := v.(type) {
	case nil:
		return scalar(value.Null()), nil
	case bson.A:
		n := &node{kind: value.KindList, elements: make([]*node, 0, len(v))}
		for _, e := range v {
			inner, err := c.mixed(e, where, depth+1)
			if err != nil {
				return nil, err
			}
			n.elements = append(n.elements, inner)
		}
		return n, nil
	case bson.D:
		if len(v) == 2 && v[0].Key == "$ref" && v[1].Key == "$id" {
			name, _ := v[0].Value.(string)
			target := c.schema.Class(name)
			if target == nil || target.Kind != schema.TopLevel {
				return nil, schemaFailure("'%s' links to class '%s', which is not there", where, clip(name))
			}
			key, ok := keyOf(target, v[1].Value)
			if !ok {
				return nil, schemaFailure("'%s' must link with a primary key of class '%s'", where, target.Name)
			}
			return scalar(value.FromLink(name, key)), nil
		}
		return c.dictionary(&schema.Property{Type: value.KindMixed}, v, where, depth)
	}
	out, ok := natural(v)
	if !ok {
		return nil, schemaFailure("'%s' has a value of a type that objects don't have", where)
	}
	return scalar(out), nil
}

func (c *coercer) wrong(p *schema.Property, where string) error {
	return schemaFailure("'%s' must be of type %s", where, p.TypeString())
}

// keyOf makes a primary key of the class of a value; ok is false if it can't be one.
func keyOf(class *schema.Class, v any) (key value.Key, ok bool) {
	p := class.Key()
	if p == nil {
		return key, false
	}
	if v == nil {
		return value.NullKey(), p.Nullable
	}
	out, ok := typeOf(p.Type, v)
	if !ok {
		return key, false
	}
	return value.KeyOf(out)
}
