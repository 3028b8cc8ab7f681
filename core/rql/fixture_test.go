package rql

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/tests/vectors"
)

// fixture holds the objects of rql/data.json in memory.
type fixture struct {
	schema  *schema.Schema
	tables  []string            // class names in the order of the file
	objects map[string][]Object // by class, in creation order
	byKey   map[string]map[value.Key]*testObject
	linked  map[value.Link]map[testOrigin]*testCollection // the incoming links of each object
	total   map[value.Link]int64                          // their number, those in mixed values included
	last    int64                                         // ordinal of the last embedded object
}

type testOrigin struct {
	class    string
	property int
}

// testObject is a Navigable in memory.
type testObject struct {
	fixture     *fixture
	class       *schema.Class
	pk          string
	self        value.Link
	ordinal     int64
	values      []value.Value
	links       []*testObject
	collections []*testCollection
}

var _ Navigable = (*testObject)(nil)

func (f *fixture) newObject(class *schema.Class, pk string, self value.Link, ordinal int64) *testObject {
	n := len(class.Properties)
	return &testObject{fixture: f, class: class, pk: pk, self: self, ordinal: ordinal,
		values: make([]value.Value, n), links: make([]*testObject, n), collections: make([]*testCollection, n)}
}

func (o *testObject) Get(property int) (value.Value, error) { return o.values[property], nil }

func (o *testObject) Follow(property int) (Object, error) {
	if target := o.links[property]; target != nil {
		return target, nil
	}
	return nil, nil
}

func (o *testObject) Ordinal() int64 { return o.ordinal }

func (o *testObject) Identity() value.Link { return o.self }

func (o *testObject) Collection(property int) (Collection, error) {
	return orNil(o.collections[property]), nil
}

func (o *testObject) Backlinks(class *schema.Class, property int) (Collection, error) {
	return orNil(o.fixture.linked[o.self][testOrigin{class.Name, property}]), nil
}

func (o *testObject) BacklinkCount() (int64, error) { return o.fixture.total[o.self], nil }

func orNil(c *testCollection) Collection {
	if c == nil {
		return nil
	}
	return c
}

// testCollection is a list, set or dictionary.
type testCollection struct {
	keys    []string // of a dictionary, ascending
	values  []value.Value
	objects []*testObject
	nested  []*testCollection
}

func (c *testCollection) Size() int                        { return len(c.values) }
func (c *testCollection) Value(i int) (value.Value, error) { return c.values[i], nil }
func (c *testCollection) Nested(i int) (Collection, error) { return orNil(c.nested[i]), nil }
func (c *testCollection) Key(i int) string                 { return c.keys[i] }

func (c *testCollection) Object(i int) (Object, error) {
	if target := c.objects[i]; target != nil {
		return target, nil
	}
	return nil, nil
}

func (c *testCollection) Find(key string) (int, error) { return slices.Index(c.keys, key), nil }

func (c *testCollection) add(e testElement) {
	c.values = append(c.values, e.value)
	c.objects = append(c.objects, e.object)
	c.nested = append(c.nested, e.nested)
}

type testElement struct {
	key    string
	value  value.Value
	object *testObject
	nested *testCollection
}

type rawValue struct {
	T     string          `json:"t"`
	V     json.RawMessage `json:"v"`
	Bits  string          `json:"bits"`
	Hex   string          `json:"hex"`
	Class string          `json:"class"`
	PK    string          `json:"pk"`
}

var kindsByName = map[string]value.Kind{"int": value.KindInt, "bool": value.KindBool, "float": value.KindFloat,
	"double": value.KindDouble, "decimal128": value.KindDecimal, "string": value.KindString, "binary": value.KindBinary,
	"timestamp": value.KindTimestamp, "objectId": value.KindObjectID, "uuid": value.KindUUID, "mixed": value.KindMixed,
	"link": value.KindLink}

var collectionsByName = map[string]schema.Collection{"none": schema.Single, "list": schema.List, "set": schema.Set,
	"dictionary": schema.Dictionary}

func loadFixture(t testing.TB) *fixture {
	t.Helper()
	raw, err := vectors.Load("rql/data.json")
	noError(t, err)
	return readFixture(t, raw)
}

// readFixture reads a document in the format of data.json.
func readFixture(t testing.TB, raw []byte) *fixture {
	var data struct {
		Schema []struct {
			Name       string
			Embedded   bool
			PrimaryKey *struct{ Name, Type string } `json:"primary_key"`
			Properties []struct {
				Name, Type, Collection, Target string
				Nullable, FullText, Indexed    bool
			}
		}
		Objects []struct {
			Class   string
			Objects []struct {
				PK    string
				Props map[string]rawValue
			}
		}
	}
	noError(t, json.Unmarshal(raw, &data))
	var classes []schema.Class
	var tables []string
	for _, c := range data.Schema {
		class := schema.Class{Name: c.Name}
		if c.Embedded {
			class.Kind = schema.Embedded
		}
		if c.PrimaryKey != nil {
			class.PrimaryKey = c.PrimaryKey.Name
		}
		for _, p := range c.Properties {
			class.Properties = append(class.Properties, schema.Property{Name: p.Name, Type: kindsByName[p.Type],
				Nullable: p.Nullable, Collection: collectionsByName[p.Collection], LinkTarget: p.Target,
				Indexed: p.Indexed, FullText: p.FullText})
		}
		classes = append(classes, class)
		tables = append(tables, class.Name)
	}
	f := &fixture{schema: schema.New(classes...), tables: tables, objects: map[string][]Object{}, byKey: map[string]map[value.Key]*testObject{},
		linked: map[value.Link]map[testOrigin]*testCollection{}, total: map[value.Link]int64{}}
	for _, group := range data.Objects {
		class := f.schema.Class(group.Class)
		f.byKey[class.Name] = map[value.Key]*testObject{}
		for i, o := range group.Objects {
			key := f.key(t, class.Name, o.PK)
			object := f.newObject(class, o.PK, value.Link{Class: class.Name, Key: key}, int64(i))
			object.values[propertyIndex(class, class.PrimaryKey)] = key.Value()
			f.byKey[class.Name][key] = object
			f.objects[class.Name] = append(f.objects[class.Name], object)
		}
	}
	for _, group := range data.Objects {
		for i, o := range group.Objects {
			f.set(t, f.objects[group.Class][i].(*testObject), o.Props)
		}
	}
	return f
}

// set sets the properties of an object in schema order; embedded objects are created on the way.
func (f *fixture) set(t testing.TB, o *testObject, props map[string]rawValue) {
	for i := range o.class.Properties {
		p := &o.class.Properties[i]
		raw, ok := props[p.Name]
		switch {
		case !ok:
		case p.Collection == schema.Single:
			e := f.element(t, raw, o, i)
			o.values[i], o.links[i], o.collections[i] = e.value, e.object, e.nested
		default:
			o.collections[i] = f.collection(t, raw, o, i)
		}
	}
}

// element reads a value of a property; links are noted as incoming ones of their targets.
func (f *fixture) element(t testing.TB, raw rawValue, o *testObject, property int) testElement {
	switch raw.T {
	case "embedded":
		var inner map[string]rawValue
		noError(t, json.Unmarshal(raw.V, &inner))
		f.last++
		class := f.schema.Class(raw.Class)
		target := f.newObject(class, "", value.Link{Class: class.Name, Key: value.GlobalKey(0, uint64(f.last))}, f.last)
		f.set(t, target, inner)
		f.note(target, o, property)
		return testElement{value: value.FromLink(target.self.Class, target.self.Key), object: target}
	case "list", "dictionary":
		return testElement{value: f.value(t, raw), nested: f.collection(t, raw, o, property)}
	}
	e := testElement{value: f.value(t, raw)}
	if e.value.Kind() == value.KindLink {
		if e.object = f.byKey[e.value.Link().Class][e.value.Link().Key]; e.object == nil {
			t.Fatalf("dangling link %v in the fixture", e.value.Link())
		}
		f.note(e.object, o, property)
	}
	return e
}

func (f *fixture) note(target, from *testObject, property int) {
	f.total[target.self]++
	if from.class.Properties[property].Type != value.KindLink {
		return
	}
	at := testOrigin{from.class.Name, property}
	if f.linked[target.self] == nil {
		f.linked[target.self] = map[testOrigin]*testCollection{}
	}
	if f.linked[target.self][at] == nil {
		f.linked[target.self][at] = &testCollection{}
	}
	f.linked[target.self][at].add(testElement{value: value.FromLink(from.self.Class, from.self.Key), object: from})
}

func (f *fixture) collection(t testing.TB, raw rawValue, o *testObject, property int) *testCollection {
	var elements []testElement
	out := &testCollection{}
	if raw.T == "dictionary" {
		var entries [][2]json.RawMessage
		noError(t, json.Unmarshal(raw.V, &entries))
		for _, entry := range entries {
			var inner rawValue
			var key string
			noError(t, json.Unmarshal(entry[0], &key))
			noError(t, json.Unmarshal(entry[1], &inner))
			e := f.element(t, inner, o, property)
			e.key = key
			elements = append(elements, e)
		}
		slices.SortFunc(elements, func(a, b testElement) int { return strings.Compare(a.key, b.key) })
		for _, e := range elements {
			out.keys = append(out.keys, e.key)
		}
	} else {
		var inner []rawValue
		noError(t, json.Unmarshal(raw.V, &inner))
		for _, r := range inner {
			elements = append(elements, f.element(t, r, o, property))
		}
		if raw.T == "set" {
			slices.SortStableFunc(elements, func(a, b testElement) int {
				if a.object != nil && b.object != nil {
					return int(a.object.ordinal - b.object.ordinal)
				}
				return order(a.value, b.value)
			})
		}
	}
	for _, e := range elements {
		out.add(e)
	}
	return out
}

func (f *fixture) key(t testing.TB, class, pk string) value.Key {
	switch f.schema.Class(class).Key().Type {
	case value.KindInt:
		n, err := strconv.ParseInt(pk, 10, 64)
		noError(t, err)
		return value.IntKey(n)
	case value.KindObjectID:
		id, err := value.ParseObjectID(pk)
		noError(t, err)
		return value.ObjectIDKey(id)
	case value.KindUUID:
		var id value.UUID
		_, err := hex.Decode(id[:], []byte(pk))
		noError(t, err)
		return value.UUIDKey(id)
	default:
		return value.StringKey(pk)
	}
}

func (f *fixture) value(t testing.TB, raw rawValue) value.Value {
	var text string
	switch raw.T {
	case "int":
		noError(t, json.Unmarshal(raw.V, &text))
		n, err := strconv.ParseInt(text, 10, 64)
		noError(t, err)
		return value.Int(n)
	case "bool":
		var b bool
		noError(t, json.Unmarshal(raw.V, &b))
		return value.Bool(b)
	case "string":
		noError(t, json.Unmarshal(raw.V, &text))
		return value.String(text)
	case "float":
		bits, err := strconv.ParseUint(raw.Bits, 16, 32)
		noError(t, err)
		return value.FloatBits(uint32(bits))
	case "double":
		bits, err := strconv.ParseUint(raw.Bits, 16, 64)
		noError(t, err)
		return value.DoubleBits(bits)
	case "decimal128":
		hi, err := strconv.ParseUint(raw.Bits[:16], 16, 64)
		noError(t, err)
		lo, err := strconv.ParseUint(raw.Bits[16:], 16, 64)
		noError(t, err)
		return value.FromDecimal(value.Decimal{Hi: hi, Lo: lo})
	case "binary":
		b, err := hex.DecodeString(raw.Hex)
		noError(t, err)
		return value.Binary(b)
	case "objectId":
		id, err := value.ParseObjectID(raw.Hex)
		noError(t, err)
		return value.FromObjectID(id)
	case "uuid":
		var id value.UUID
		_, err := hex.Decode(id[:], []byte(raw.Hex))
		noError(t, err)
		return value.FromUUID(id)
	case "timestamp":
		var parts []string
		noError(t, json.Unmarshal(raw.V, &parts))
		s, err := strconv.ParseInt(parts[0], 10, 64)
		noError(t, err)
		n, err := strconv.ParseInt(parts[1], 10, 32)
		noError(t, err)
		return value.FromTimestamp(value.Timestamp{Seconds: s, Nanoseconds: int32(n)})
	case "link":
		return value.FromLink(raw.Class, f.key(t, raw.Class, raw.PK))
	case "list":
		return value.Marker(value.KindList)
	case "dictionary":
		return value.Marker(value.KindDictionary)
	case "null":
		return value.Null()
	}
	t.Fatalf("unknown value type %q", raw.T)
	return value.Null()
}
