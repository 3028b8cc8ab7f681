package store

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/tests/vectors"
)

func eachLine(t testing.TB, name string, fn func(line []byte)) {
	t.Helper()
	require.NoError(t, vectors.Lines(name, func(line []byte) error {
		fn(line)
		return nil
	}))
}

type rqlValue struct {
	T     string          `json:"t"`
	V     json.RawMessage `json:"v"`
	Bits  string          `json:"bits"`
	Hex   string          `json:"hex"`
	Class string          `json:"class"`
	PK    string          `json:"pk"`
}

type rqlData struct {
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
			Props map[string]rqlValue
		}
	}
}

var rqlKinds = map[string]value.Kind{"int": value.KindInt, "bool": value.KindBool, "float": value.KindFloat,
	"double": value.KindDouble, "decimal128": value.KindDecimal, "string": value.KindString, "binary": value.KindBinary,
	"timestamp": value.KindTimestamp, "objectId": value.KindObjectID, "uuid": value.KindUUID, "mixed": value.KindMixed,
	"link": value.KindLink}

var rqlCollections = map[string]schema.Collection{"none": schema.Single, "list": schema.List, "set": schema.Set,
	"dictionary": schema.Dictionary}

// modelObject is an object of the in-memory oracle.
type modelObject struct {
	class  *schema.Class
	pk     string
	rowid  int64
	values []value.Value
	links  []*modelObject
}

func (o *modelObject) Get(i int) (value.Value, error) { return o.values[i], nil }
func (o *modelObject) Ordinal() int64                 { return o.rowid }
func (o *modelObject) Follow(i int) (rql.Object, error) {
	if o.links[i] == nil {
		return nil, nil
	}
	return o.links[i], nil
}

// rqlFixture is the data set of vectors/rql, in a realm file and in memory.
type rqlFixture struct {
	conn    *Conn
	schema  *schema.Schema
	objects map[string][]rql.Object
	byKey   map[string]map[value.Key]*modelObject
	byRow   map[string]map[int64]*modelObject
}

func loadRQL(t testing.TB) *rqlFixture {
	t.Helper()
	raw, err := vectors.Load("rql/data.json")
	require.NoError(t, err)
	var data rqlData
	require.NoError(t, json.Unmarshal(raw, &data))
	f := &rqlFixture{conn: openTemp(t), objects: map[string][]rql.Object{}, byKey: map[string]map[value.Key]*modelObject{}, byRow: map[string]map[int64]*modelObject{}}
	require.NoError(t, f.conn.BeginWrite())
	f.addSchema(t, &data)
	for _, group := range data.Objects {
		class := f.schema.Class(group.Class)
		f.byKey[class.Name], f.byRow[class.Name] = map[value.Key]*modelObject{}, map[int64]*modelObject{}
		for _, o := range group.Objects {
			key := f.key(t, class.Name, o.PK)
			m := f.newObject(class)
			m.pk = o.PK
			m.values[f.conn.Class(class.Name).KeyIndex] = key.Value()
			m.rowid, err = f.conn.InsertValues(f.conn.Class(class.Name), m.values)
			require.NoError(t, err)
			f.byKey[class.Name][key], f.byRow[class.Name][m.rowid] = m, m
			f.objects[class.Name] = append(f.objects[class.Name], m)
		}
	}
	for _, group := range data.Objects {
		for i, o := range group.Objects {
			f.set(t, f.objects[group.Class][i].(*modelObject), o.Props)
		}
	}
	require.NoError(t, f.conn.Commit())
	require.NoError(t, f.conn.BeginRead())
	return f
}

func (f *rqlFixture) addSchema(t testing.TB, data *rqlData) {
	type late struct {
		class string
		p     schema.Property
	}
	var links []late
	for _, c := range data.Schema {
		class := schema.Class{Name: c.Name}
		if c.Embedded {
			class.Kind = schema.Embedded
		}
		if c.PrimaryKey != nil {
			class.PrimaryKey = c.PrimaryKey.Name
		}
		for _, p := range c.Properties {
			property := schema.Property{Name: p.Name, Type: rqlKinds[p.Type], Nullable: p.Nullable,
				Collection: rqlCollections[p.Collection], LinkTarget: p.Target, Indexed: p.Indexed, FullText: p.FullText}
			if property.Type == value.KindLink {
				links = append(links, late{c.Name, property})
			} else {
				class.Properties = append(class.Properties, property)
			}
		}
		require.NoError(t, f.conn.AddClass(class))
	}
	for _, l := range links {
		require.NoError(t, f.conn.AddProperty(l.class, l.p))
	}
	f.schema = f.conn.Schema()
}

func (f *rqlFixture) newObject(class *schema.Class) *modelObject {
	m := &modelObject{class: class, values: make([]value.Value, len(class.Properties)), links: make([]*modelObject, len(class.Properties))}
	for i := range class.Properties {
		m.values[i] = defaultValue(&class.Properties[i])
	}
	return m
}

func (f *rqlFixture) set(t testing.TB, o *modelObject, props map[string]rqlValue) {
	cl := f.conn.Class(o.class.Name)
	for i := range o.class.Properties {
		p := &o.class.Properties[i]
		raw, ok := props[p.Name]
		if !ok {
			continue
		}
		if p.Collection != schema.Single || raw.T == "list" || raw.T == "dictionary" {
			f.fill(t, o, i, raw)
			continue
		}
		if raw.T == "embedded" {
			var inner map[string]rqlValue
			require.NoError(t, json.Unmarshal(raw.V, &inner))
			target := f.newObject(f.schema.Class(raw.Class))
			child, err := f.conn.SetNew(cl, o.rowid, i, value.KindObject)
			require.NoError(t, err)
			target.rowid = child.Row
			f.set(t, target, inner)
			o.links[i], o.values[i] = target, value.FromLink(raw.Class, value.GlobalKey(0, uint64(target.rowid)))
			continue
		}
		o.values[i] = f.value(t, raw)
		if o.values[i].Kind() == value.KindLink {
			o.links[i] = f.byKey[o.values[i].Link().Class][o.values[i].Link().Key]
			require.NotNil(t, o.links[i])
		}
		require.NoError(t, f.conn.SetValue(cl, o.rowid, i, o.values[i]))
	}
}

func (f *rqlFixture) key(t testing.TB, class, pk string) value.Key {
	switch f.schema.Class(class).Key().Type {
	case value.KindInt:
		n, err := strconv.ParseInt(pk, 10, 64)
		require.NoError(t, err)
		return value.IntKey(n)
	case value.KindObjectID:
		id, err := value.ParseObjectID(pk)
		require.NoError(t, err)
		return value.ObjectIDKey(id)
	case value.KindUUID:
		var id value.UUID
		_, err := hex.Decode(id[:], []byte(pk))
		require.NoError(t, err)
		return value.UUIDKey(id)
	default:
		return value.StringKey(pk)
	}
}

func (f *rqlFixture) value(t testing.TB, raw rqlValue) value.Value {
	var text string
	switch raw.T {
	case "int":
		require.NoError(t, json.Unmarshal(raw.V, &text))
		n, err := strconv.ParseInt(text, 10, 64)
		require.NoError(t, err)
		return value.Int(n)
	case "bool":
		var b bool
		require.NoError(t, json.Unmarshal(raw.V, &b))
		return value.Bool(b)
	case "string":
		require.NoError(t, json.Unmarshal(raw.V, &text))
		return value.String(text)
	case "float":
		bits, err := strconv.ParseUint(raw.Bits, 16, 32)
		require.NoError(t, err)
		return value.FloatBits(uint32(bits))
	case "double":
		bits, err := strconv.ParseUint(raw.Bits, 16, 64)
		require.NoError(t, err)
		return value.DoubleBits(bits)
	case "decimal128":
		hi, err := strconv.ParseUint(raw.Bits[:16], 16, 64)
		require.NoError(t, err)
		lo, err := strconv.ParseUint(raw.Bits[16:], 16, 64)
		require.NoError(t, err)
		return value.FromDecimal(value.Decimal{Hi: hi, Lo: lo})
	case "binary":
		b, err := hex.DecodeString(raw.Hex)
		require.NoError(t, err)
		return value.Binary(b)
	case "objectId":
		id, err := value.ParseObjectID(raw.Hex)
		require.NoError(t, err)
		return value.FromObjectID(id)
	case "uuid":
		var id value.UUID
		_, err := hex.Decode(id[:], []byte(raw.Hex))
		require.NoError(t, err)
		return value.FromUUID(id)
	case "timestamp":
		var parts []string
		require.NoError(t, json.Unmarshal(raw.V, &parts))
		s, err := strconv.ParseInt(parts[0], 10, 64)
		require.NoError(t, err)
		n, err := strconv.ParseInt(parts[1], 10, 32)
		require.NoError(t, err)
		return value.FromTimestamp(value.Timestamp{Seconds: s, Nanoseconds: int32(n)})
	case "link":
		return value.FromLink(raw.Class, f.key(t, raw.Class, raw.PK))
	default:
		require.Equal(t, "null", raw.T)
		return value.Null()
	}
}

func (f *rqlFixture) exists(class string, key value.Key) bool { return f.byKey[class][key] != nil }

func (f *rqlFixture) args(t testing.TB, raw []rqlValue) []rql.Arg {
	var out []rql.Arg
	for _, r := range raw {
		if r.T != "list" {
			out = append(out, rql.Scalar(f.value(t, r)))
			continue
		}
		var elements []rqlValue
		require.NoError(t, json.Unmarshal(r.V, &elements))
		var values []value.Value
		for _, e := range elements {
			values = append(values, f.value(t, e))
		}
		out = append(out, rql.List(values...))
	}
	return out
}
