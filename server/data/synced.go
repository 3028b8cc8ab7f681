package data

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/history"
	"realmsync/server/mql"
	"realmsync/server/store"
	"realmsync/server/view"
)

// Bounds on one version that a program makes: devices are sent it whole.
const (
	batchObjects = 1000
	batchBytes   = 1 << 20
	maxVersion   = 8 << 20 // bytes of values: half of what a message to devices may have
)

// synced is a class of the database that syncs.
type synced struct {
	engine *history.Engine
	name   Collection
	class  string
	grow   bool // development mode: documents may add the class and properties
	now    func() time.Time

	queryable func(class, field string) bool // by devices; nil: that is not known
	incoming  *incoming                      // the links to what is going to be removed (leaving)
}

// current returns the class as it is now, nil if there is none.
func (s *synced) current() *history.Class { return s.engine.Catalog().Class(s.class) }

func (s *synced) idField() string {
	if class := s.current(); class != nil && class.PrimaryKey != "" {
		return class.PrimaryKey
	}
	return schema.KeyName
}

func (s *synced) scan(ctx context.Context, filter *mql.Filter, after string, f visitor) error {
	return s.rows(ctx, filter, after, func(snapshot *history.Snapshot, class *history.Class, row *history.Row) (bool, error) {
		d, err := document(snapshot.Catalog, class, row)
		if err != nil {
			return false, err
		}
		return f(d, history.EncodeKey(row.Key))
	})
}

// rows is scan, of objects.
func (s *synced) rows(ctx context.Context, filter *mql.Filter, after string, f func(*history.Snapshot, *history.Class, *history.Row) (bool, error)) error {
	snapshot, err := s.engine.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = snapshot.Close() }()
	class := snapshot.Catalog.Class(s.class)
	if class == nil {
		return nil
	}
	if filter != nil {
		if ids, ok := filter.Values(class.PrimaryKey); ok {
			return s.some(snapshot, class, ids, after, f)
		}
	}
	return snapshot.RowsAfter(class, after, func(row *history.Row) (bool, error) { return f(snapshot, class, row) })
}

// some passes on the objects with certain primary keys, in their order.
func (s *synced) some(snapshot *history.Snapshot, class *history.Class, ids []any, after string, f func(*history.Snapshot, *history.Class, *history.Row) (bool, error)) error {
	keys := make(map[string]bool, len(ids))
	for _, id := range ids {
		if key, ok := keyOf(&class.Class, id); ok {
			keys[history.EncodeKey(key)] = true
		}
	}
	for _, key := range sorted(keys) {
		if key <= after {
			continue
		}
		row, err := snapshot.Row(store.ObjectRef{Class: class.ID, Key: key})
		if err != nil {
			return err
		}
		if row == nil {
			continue
		}
		if more, err := f(snapshot, class, row); !more || err != nil {
			return err
		}
	}
	return nil
}

func (s *synced) write(ctx context.Context, f func(writer) error) error {
	_, err := s.engine.Write(ctx, func(w *history.Writing) (*changeset.Changeset, error) {
		if s.queryable != nil {
			w.Corrupts = view.NewAccess(nil).WithPoints(s.queryable).Corrupts
		}
		t := &syncedWriter{synced: s, state: w, known: map[string]bson.D{}, removed: map[value.Key]bool{}}
		if class := w.Catalog().Class(s.class); class != nil {
			t.class = &class.Class
		}
		t.schema = w.Catalog().Schema
		if err := f(t); err != nil {
			return nil, err
		}
		out := t.added
		if len(t.removed) > 0 {
			unlinked, err := t.unlink()
			if err != nil {
				return nil, err
			}
			out = append(out, unlinked...)
		}
		if t.out.bytes > maxVersion {
			return nil, invalid("the operation writes more at once than devices can be sent: write fewer documents, or smaller ones")
		}
		return &changeset.Changeset{Instructions: append(out, t.out.out...)}, nil
	})
	return err
}

// syncedWriter composes a changeset.
type syncedWriter struct {
	*synced
	state  *history.Writing
	schema *schema.Schema          // with what is added
	class  *schema.Class           // with what is added; nil: there is none yet
	added  []changeset.Instruction // to the schema
	out    composer
	count  int
	known  map[string]bson.D // by encoded key: what was written; nil: removed

	removed map[value.Key]bool
}

func (t *syncedWriter) full() bool { return t.count >= batchObjects || t.out.bytes >= batchBytes }

func (t *syncedWriter) get(id any) (bson.D, error) {
	if t.class == nil {
		return nil, nil
	}
	key, ok := keyOf(t.class, id)
	if !ok {
		return nil, nil
	}
	if d, ok := t.known[history.EncodeKey(key)]; ok {
		return d, nil
	}
	row, err := t.row(key)
	if row == nil || err != nil {
		return nil, err
	}
	return document(t.state.Catalog(), t.state.Catalog().Class(t.synced.class), row)
}

func (t *syncedWriter) row(key value.Key) (*history.Row, error) {
	return t.state.Row(t.synced.class, key)
}

func (t *syncedWriter) insert(d bson.D) (bson.D, bool, error) {
	if t.class == nil {
		if err := t.addClass(d); err != nil {
			return nil, false, err
		}
	}
	id, ok := mql.Get(d, t.class.PrimaryKey)
	if !ok {
		var err error
		if id, err = t.newID(); err != nil {
			return nil, false, err
		}
		d = append(bson.D{{Key: t.class.PrimaryKey, Value: id}}, d...)
	}
	key, ok := keyOf(t.class, id)
	if !ok {
		return nil, false, schemaFailure("'%s' of class '%s' must be of type %s", t.class.PrimaryKey, t.class.Name, t.class.Key().TypeString())
	}
	if canonical := plainValue(key.Value(), false); !mql.Identical(id, canonical) {
		// 1.0 of a program in JavaScript is 1 in the object.
		d = slices.Clone(d)
		for i := range d {
			if d[i].Key == t.class.PrimaryKey {
				d[i].Value = canonical
			}
		}
	}
	there, err := t.get(id)
	if err != nil || there != nil {
		return there, true, err
	}
	t.out.emit(changeset.Instruction{Op: changeset.CreateObject, Table: t.class.Name, Key: key})
	made, err := t.change(key, bson.D{}, d, nil)
	return made, false, err
}

// change writes what is different between two documents of the object, and returns the second as it is read from the object: numbers are of the types that the schema says, and
// properties are in its order.
func (t *syncedWriter) change(key value.Key, before, after bson.D, incremented increments) (bson.D, error) {
	if err := t.addProperties(after); err != nil {
		return nil, err
	}
	c := coercer{schema: t.schema}
	creating := len(before) == 0
	made := bson.D{{Key: t.class.PrimaryKey, Value: plainValue(key.Value(), false)}}
	add := func(p *schema.Property, v any) {
		if v != nil {
			made = append(made, bson.E{Key: p.Name, Value: v})
		}
	}
	for i := range t.class.Properties {
		p := &t.class.Properties[i]
		if p.Name == t.class.PrimaryKey {
			continue
		}
		was, had := mql.Get(before, p.Name)
		now, has := mql.Get(after, p.Name)
		if had == has && mql.Identical(was, now) {
			if creating {
				was = defaultNode(p).bson(p.Type == value.KindMixed)
			}
			add(p, was)
			continue
		}
		where := t.class.Name + "." + p.Name
		old, next := defaultNode(p), defaultNode(p)
		var err error
		if had {
			if old, err = t.stored(key, p, was, where); err != nil {
				return nil, err
			}
		}
		if has {
			if next, err = c.property(p, now, where); err != nil {
				return nil, err
			}
		}
		add(p, next.bson(p.Type == value.KindMixed))
		s := spot{class: t.class.Name, key: key, field: p.Name}
		if creating && has && !next.container() && !next.value.IsNull() {
			t.out.update(s, next.value, 0) // also what is the default: somebody has said it
			continue
		}
		t.out.property(s, p, old, next, p.Name, incremented)
	}
	t.count++
	t.known[history.EncodeKey(key)] = made
	return made, nil
}

// stored returns what a property has: the object's, or what this changeset has made of it.
func (t *syncedWriter) stored(key value.Key, p *schema.Property, was any, where string) (*node, error) {
	if _, rewritten := t.known[history.EncodeKey(key)]; !rewritten {
		class := t.state.Catalog().Class(t.synced.class)
		row, err := t.row(key)
		if err != nil {
			return nil, err
		}
		if row != nil {
			for i := range class.Properties {
				if class.Properties[i].Name == p.Name {
					return rowNode(t.state.Catalog(), class, row, i)
				}
			}
		}
	}
	c := coercer{schema: t.schema}
	return c.property(p, was, where)
}

func (t *syncedWriter) put(before, after bson.D, incremented increments) (bson.D, error) {
	id, _ := mql.Get(before, t.class.PrimaryKey)
	key, ok := keyOf(t.class, id)
	if !ok {
		return nil, invalid("the document has no primary key")
	}
	return t.change(key, before, after, incremented)
}

func (t *syncedWriter) remove(d bson.D) error {
	id, _ := mql.Get(d, t.class.PrimaryKey)
	key, ok := keyOf(t.class, id)
	if !ok {
		return invalid("the document has no primary key")
	}
	t.out.emit(changeset.Instruction{Op: changeset.EraseObject, Table: t.class.Name, Key: key})
	t.count++
	t.known[history.EncodeKey(key)], t.removed[key] = nil, true
	return nil
}

// newID makes a primary key, if the type is one that can be made up.
func (t *syncedWriter) newID() (any, error) {
	switch t.class.Key().Type {
	case value.KindObjectID:
		return bson.NewObjectIDFromTimestamp(t.now()), nil
	case value.KindUUID:
		return newUUID(), nil
	}
	return nil, schemaFailure("an object of class '%s' needs the field '%s', of type %s", t.class.Name, t.class.PrimaryKey, t.class.Key().TypeString())
}

func newUUID() bson.Binary {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return bson.Binary{Subtype: bson.TypeBinaryUUID, Data: id}
}

func (t *syncedWriter) addClass(d bson.D) error {
	if !t.grow {
		return schemaFailure("there is no class '%s'", clip(t.synced.class))
	}
	id, _ := mql.Get(d, schema.KeyName)
	in, class, err := addTable(t.synced.class, id)
	if err != nil {
		return err
	}
	t.added = append(t.added, in)
	t.class, t.schema = &class, t.schema.With(class)
	return nil
}

// addProperties adds those of a document that the class lacks, in development mode; otherwise they are refused.
func (t *syncedWriter) addProperties(d bson.D) error {
	for _, e := range d {
		if t.class.Property(e.Key) != nil || e.Value == nil {
			continue
		}
		if !t.grow {
			return schemaFailure("class '%s' has no property '%s'", t.class.Name, clip(e.Key))
		}
		p, err := infer(t.class.Name, e.Key, e.Value)
		if err != nil {
			return err
		}
		class := *t.class
		class.Properties = append(class.Properties[:len(class.Properties):len(class.Properties)], p)
		if len(class.Properties) > schema.MaxProperties {
			return schemaFailure("class '%s' has too many properties", class.Name)
		}
		t.added = append(t.added, addColumn(class.Name, p))
		t.class, t.schema = &class, t.schema.With(class)
	}
	return nil
}
