package view

import (
	"fmt"
	"math"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/core/wire"
	"realmsync/server/ejson"
	"realmsync/server/history"
	"realmsync/server/rules"
)

// Access says what one session may see and do, by class: its roles, frozen. A nil *Access is everything. It implements history.Permission, and is
// safe for concurrent use.
type Access struct {
	// class returns the access to a class; key is the name of its primary key. It always returns the same for the same class.
	class func(class, key string) *rules.Access
	// queryable tells whether queries may name a property; nil: that is not known.
	queryable func(class, property string) bool
}

var _ history.Permission = (*Access)(nil)

// NewAccess returns the access of a session. class is called with the name of a class and of its primary key, must be safe for concurrent use, and
// must always return the same.
func NewAccess(class func(class, key string) *rules.Access) *Access { return &Access{class: class} }

// WithPoints returns the access with a check of what queries read as points: embedded GeoJSON in the properties that they may name. queryable
// must be safe for concurrent use.
func (a *Access) WithPoints(queryable func(class, property string) bool) *Access {
	return &Access{class: a.class, queryable: queryable}
}

// Class returns what may be done with a class. key is the name of its primary key.
func (a *Access) Class(class, key string) *rules.Access {
	if a == nil {
		return rules.Full()
	}
	return a.class(class, key)
}

// Same tells whether two accesses to a class are the same.
func (a *Access) Same(b *Access, catalog *history.Catalog, class string) bool {
	key := keyOfClass(catalog, class)
	text := func(a *Access) string {
		t, err := ejson.Marshal(a.Class(class, key).View())
		if err != nil {
			return err.Error()
		}
		return string(t)
	}
	return text(a) == text(b)
}

func (a *Access) of(class *history.Class) *rules.Access { return a.Class(class.Name, class.PrimaryKey) }

// Confines implements history.Permission.
func (a *Access) Confines(class *history.Class) bool {
	if !a.of(class).IsFull() {
		return true
	}
	for i := range class.Properties {
		if a.holdsPoint(class, i) {
			return true
		}
	}
	return false
}

// holdsPoint tells whether queries may read what is in a property as a point.
func (a *Access) holdsPoint(class *history.Class, property int) bool {
	p := &class.Properties[property]
	return p.Type == value.KindLink && p.Collection == schema.Single && a.queryable != nil && a.queryable(class.Name, p.Name)
}

// Corrupts implements history.Permission.
func (a *Access) Corrupts(row *history.Row) (bool, error) {
	for i := range row.Class.Properties {
		if !a.holdsPoint(row.Class, i) {
			continue
		}
		if e := row.Embedded(row.Class, i); e != nil {
			if ok, err := isPoint(e); !ok || err != nil {
				return err == nil, err
			}
		}
	}
	return false, nil
}

// isPoint tells whether an embedded object is a GeoJSON point, or nothing that could be one.
func isPoint(e *history.Row) (bool, error) {
	d := rowDocument{row: e}
	kind, isText := d.Field("type").(string)
	list, isList := d.Field("coordinates").(bson.A)
	if d.err != nil || !isText || !isList {
		return true, d.err
	}
	if kind != "Point" || len(list) < 2 || len(list) > 3 {
		return false, nil
	}
	longitude, _ := list[0].(float64)
	latitude, _ := list[1].(float64)
	return math.Abs(longitude) <= 180 && math.Abs(latitude) <= 90, nil
}

// Inserts implements history.Permission.
func (a *Access) Inserts(row *history.Row) (bool, error) {
	return holds(a.of(row.Class).Insertable, row)
}

// Writes implements history.Permission.
func (a *Access) Writes(row *history.Row) (bool, error) { return holds(a.of(row.Class).Writable, row) }

// WritesField implements history.Permission.
func (a *Access) WritesField(class *history.Class, property string) bool {
	return a.of(class).Writes(property)
}

// Deletes implements history.Permission.
func (a *Access) Deletes(row *history.Row) (bool, error) {
	return holds(a.of(row.Class).Deletable, row)
}

// holds tells whether a filter holds for an object.
func holds(f *rules.Filter, row *history.Row) (bool, error) {
	if f.IsEverything() {
		return true, nil
	}
	d := rowDocument{row: row}
	ok := f.Match(&d)
	return ok && d.err == nil, d.err
}

// accessMark begins a stored body that says more than the client's query body: \x01, the accesses by class as extended JSON, \x01, the query body.
// A query body, being JSON, can't begin with it.
const accessMark = "\x01"

// stored returns the text under which a set with this access is known: the query body alone if the access confines none of its classes. A body that is
// none is an *InvalidError: a client must not choose the text of another's set, whose access it would have.
func (a *Access) stored(body string, key func(class string) string) (string, error) {
	classes, err := wire.ParseQueryBody([]byte(body))
	if err != nil {
		return "", noBody(err)
	}
	if a == nil {
		return body, nil
	}
	var views bson.D
	for _, c := range classes {
		if v := a.Class(c.Class, key(c.Class)).View(); v != nil {
			views = append(views, bson.E{Key: c.Class, Value: v})
		}
	}
	if len(views) == 0 {
		return body, nil
	}
	text, err := ejson.Marshal(views)
	if err != nil {
		return "", fmt.Errorf("view: writing what a session may see: %w", err)
	}
	return accessMark + string(text) + accessMark + body, nil
}

// openStored takes a stored text apart: the query body, and the access by which it was sent, with which nothing may be written.
func openStored(text string) (body string, access *Access, err error) {
	if !strings.HasPrefix(text, accessMark) {
		return text, nil, nil
	}
	views, body, ok := strings.Cut(text[1:], accessMark)
	if !ok {
		return "", nil, fmt.Errorf("view: a stored view is damaged")
	}
	d, err := ejson.ParseDocument([]byte(views))
	if err != nil {
		return "", nil, fmt.Errorf("view: a stored view is damaged: %w", err)
	}
	classes := make(map[string]*rules.Access, len(d))
	for _, e := range d {
		if classes[e.Key], err = rules.AccessOfView(e.Value); err != nil {
			return "", nil, err
		}
	}
	return body, NewAccess(func(class, _ string) *rules.Access {
		if a := classes[class]; a != nil {
			return a
		}
		return rules.Full()
	}), nil
}

// Hides tells whether the set's access hides a property of objects that it shows: what can't be seen can't be asked for.
func (s *Set) Hides(class, property string) bool {
	a := s.hidden[class]
	return a != nil && !a.Readable.IsNothing() && !a.Reads(property)
}

// maxFilterList is how long a list or set may be that filters look into: each element may be compared with thousands of constants, for every write.
const maxFilterList = 1 << 14

// rowDocument is an object as filters see it.
type rowDocument struct {
	row *history.Row
	err error // of reading the store
}

// opaque is what stands for values that filters can't look at: objects, dictionaries, links. It equals nothing.
type opaque byte

// Field implements rules.Document.
func (d *rowDocument) Field(name string) any {
	class := d.row.Class
	for i := range class.Properties {
		p := &class.Properties[i]
		if p.Name != name {
			continue
		}
		if in, ok := d.row.Collection(class, i); ok {
			return d.list(in)
		}
		if p.Collection != schema.Single {
			return bson.A{} // without elements
		}
		return filterValue(d.row.Value(i))
	}
	if name == "_id" {
		return filterValue(d.row.Key.Value())
	}
	return nil
}

func (d *rowDocument) list(in history.Inside) any {
	switch {
	case in.Kind() == value.KindDictionary:
		return new(opaque)
	case in.Len() > maxFilterList:
		return rules.Unreadable
	}
	out := make(bson.A, in.Len())
	for i := range out {
		v, _, err := in.At(i)
		if err != nil {
			d.err = err
			return rules.Unreadable
		}
		out[i] = filterValue(v)
	}
	return out
}

// filterValue returns a value as filters compare it.
func filterValue(v value.Value) any {
	if out, ok := ejson.OfValue(v); ok {
		return out
	}
	return new(opaque)
}

// indexValue returns a filter's constant as the value that a property of a kind must have to equal it; ok is false if an index can't tell.
func indexValue(v any, kind value.Kind) (out value.Value, ok bool) {
	switch v := v.(type) {
	case string:
		return value.String(v), kind == value.KindString
	case bool:
		return value.Bool(v), kind == value.KindBool
	case int32:
		return value.Int(int64(v)), kind == value.KindInt
	case int64:
		return value.Int(v), kind == value.KindInt
	case bson.ObjectID:
		return value.FromObjectID(value.ObjectID(v)), kind == value.KindObjectID
	case bson.Binary:
		if v.Subtype == bson.TypeBinaryUUID && len(v.Data) == 16 {
			return value.FromUUID(value.UUID(v.Data)), kind == value.KindUUID
		}
	}
	return value.Null(), false
}
