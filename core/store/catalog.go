package store

import (
	"fmt"
	"slices"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// catalog is what a Conn knows of the classes in its snapshot.
type catalog struct {
	schema *schema.Schema
	byName map[string]*Class
	byID   map[uint32]*Class
	mixed  []linkColumn // all mixed properties, single and collections, and store_nested
	nested elements
	tables map[string]bool // all tables of the file
	epoch  uint64          // moves with every change of the schema
	// changed: the transaction has changed the schema, so that a rollback needs to load it anew.
	changed bool
	held    bool // relate is put off: more changes follow
}

// Class returns the class of that name in the current snapshot, nil if there is none.
func (c *Conn) Class(name string) *Class { return c.catalog.byName[name] }

// ClassByID returns the class with that id in the current snapshot, nil if there is none.
func (c *Conn) ClassByID(id uint32) *Class { return c.catalog.byID[id] }

// Classes returns all classes of the current snapshot, sorted by name.
func (c *Conn) Classes() []*Class {
	out := make([]*Class, 0, len(c.catalog.byName))
	for _, def := range c.catalog.schema.Classes() {
		out = append(out, c.catalog.byName[def.Name])
	}
	return out
}

func (k *catalog) free() {
	k.nested.free()
	for _, cl := range k.byID {
		cl.free()
	}
}

// dataMoved drops what may have been changed by others without changing the schema.
func (c *Conn) dataMoved() {
	k := &c.catalog
	c.collections.forget()
	for _, cl := range k.byID {
		cl.nextRow, cl.nextMoved, cl.tombstones = 0, false, unknown
	}
}

// rolledBack tells whether everything has to be loaded anew.
func (c *Conn) rolledBackCatalog() bool {
	k := &c.catalog
	c.dataMoved()
	changed := k.changed
	if changed { // its tables may be gone: let the next transaction load everything anew
		k.free()
		k.byName, k.byID = map[string]*Class{}, map[uint32]*Class{}
		k.schema, k.mixed, k.changed, k.tables, k.nested = schema.New(), nil, false, nil, elements{}
	}
	return changed
}

// loadCatalog reads the descriptions. Classes that have not changed keep their *Class.
func (c *Conn) loadCatalog() error {
	if v, err := c.controlInt("PRAGMA user_version"); err != nil {
		return err
	} else if v > FormatVersion {
		return newerError(c.path, v)
	}
	type described struct {
		def *schema.Class
		ids []uint32
	}
	byID := map[uint32]*described{}
	err := c.query("SELECT id, name, kind, key FROM store_class WHERE NOT removed", nil, func(r *Row) error {
		byID[uint32(r.Int(0))] = &described{def: &schema.Class{Name: r.Text(1), Kind: schema.ClassKind(r.Int(2)), PrimaryKey: r.Text(3)}}
		return nil
	})
	if err != nil {
		return err
	}
	err = c.query("SELECT class, id, name, type, nullable, collection, target, indexed, full_text FROM store_property ORDER BY class, id", nil, func(r *Row) error {
		d := byID[uint32(r.Int(0))]
		if d == nil {
			return c.errorf(ErrFormat, "property '%s' belongs to no class", r.Text(2))
		}
		d.ids = append(d.ids, uint32(r.Int(1)))
		d.def.Properties = append(d.def.Properties, schema.Property{Name: r.Text(2), Type: value.Kind(r.Int(3)), Nullable: r.Bool(4),
			Collection: schema.Collection(r.Int(5)), LinkTarget: r.Text(6), Indexed: r.Bool(7), FullText: r.Bool(8)})
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.loadTables(); err != nil {
		return err
	}
	c.catalog.nested.name, c.catalog.nested.built = nestedTable, c.catalog.tables[nestedTable]
	old := c.catalog.byID
	c.catalog.byID, c.catalog.byName = map[uint32]*Class{}, map[string]*Class{}
	for id, d := range byID {
		cl := newClass(id, d.def, d.ids)
		if was := old[id]; was != nil {
			if sameClass(was, cl) {
				cl = was
			} else {
				was.free()
			}
		}
		cl.built = true
		for _, e := range cl.elems {
			if e != nil {
				e.built = c.catalog.tables[e.name]
			}
		}
		c.catalog.byID[id], c.catalog.byName[cl.Def.Name] = cl, cl
	}
	for id, was := range old {
		if c.catalog.byID[id] == nil {
			was.free()
		}
	}
	c.relate()
	return nil
}

func sameClass(a, b *Class) bool {
	return a.Def.Name == b.Def.Name && a.Def.Kind == b.Def.Kind && a.Def.PrimaryKey == b.Def.PrimaryKey &&
		slices.Equal(a.Def.Properties, b.Def.Properties) && slices.Equal(a.cols, b.cols)
}

// relate derives what depends on all classes together.
func (c *Conn) relate() {
	defs := make([]schema.Class, 0, len(c.catalog.byID))
	c.catalog.mixed = append(c.catalog.mixed[:0:0], linkColumn{})
	for _, cl := range c.catalog.byID {
		cl.incoming = nil
	}
	for _, cl := range c.catalog.byID {
		defs = append(defs, *cl.Def)
		for i := range cl.Def.Properties {
			if p := &cl.Def.Properties[i]; p.Type == value.KindMixed {
				c.catalog.mixed = append(c.catalog.mixed, linkColumn{cl, i})
			} else if target := c.catalog.byName[p.LinkTarget]; target != nil && p.Type == value.KindLink {
				target.incoming = append(target.incoming, linkColumn{cl, i})
			}
		}
	}
	c.catalog.epoch++
	c.catalog.schema = schema.New(defs...)
	for _, cl := range c.catalog.byID { // one definition per class, shared with the schema
		cl.Def = c.catalog.schema.Class(cl.Def.Name)
	}
}

// schemaChanged is called after each change of the schema.
func (c *Conn) schemaChanged() {
	c.catalog.changed = true
	c.epoch++
	c.stamp++
	c.plans.forget()
	if !c.catalog.held {
		c.relate()
	}
}

// Extend makes the changes of schema.Diff, in a write transaction. It does the same as the single calls, but what depends on all classes
// is derived once. When it fails, the transaction must be rolled back.
func (c *Conn) Extend(changes []schema.Change) (err error) {
	if err := c.beginSchemaChange("changing the schema"); err != nil {
		return err
	}
	c.catalog.held = true
	defer func() {
		c.catalog.held = false
		c.relate()
	}()
	for i := range changes {
		change := &changes[i]
		switch change.Kind {
		case schema.AddClass:
			err = c.AddClass(change.Class)
		case schema.AddProperty:
			err = c.AddProperty(change.Class.Name, change.Property)
		default:
			err = c.SetIndexes(change.Class.Name, change.Property.Name, change.Property.Indexed, change.Property.FullText)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settleCatalog writes what was put off until the commit: tables of new classes, row id counters.
func (c *Conn) settleCatalog() error {
	for _, cl := range c.catalog.byID {
		if err := c.build(cl); err != nil {
			return err
		}
		if cl.nextMoved {
			if _, err := c.exec("UPDATE store_class SET next_row=? WHERE id=?", cl.nextRow, cl.ID); err != nil {
				return err
			}
			cl.nextMoved = false
		}
	}
	if c.catalog.changed {
		layout, err := c.controlInt("PRAGMA schema_version")
		if err == nil && layout == c.moved.schema { // no table has changed, as for a collection: others must notice nevertheless
			layout++
			err = c.control(fmt.Sprintf("PRAGMA schema_version=%d", layout))
		}
		if err != nil {
			return err
		}
		c.moved.schema, c.catalog.changed = layout, false
	}
	return nil
}

// AddClass adds a class with its properties, in a write transaction.
func (c *Conn) AddClass(def schema.Class) error {
	if err := c.beginSchemaChange("adding a class"); err != nil {
		return err
	}
	if c.catalog.byName[def.Name] != nil {
		return c.errorf(ErrSchema, "class '%s' exists already", def.Name)
	}
	if def.PrimaryKey != "" && def.Key() == nil {
		return c.errorf(ErrSchema, "class '%s' lacks its primary key property '%s'", def.Name, def.PrimaryKey)
	}
	id, again, err := c.queryInt("SELECT id FROM store_class WHERE name=?", def.Name)
	if err != nil {
		return err
	}
	if again {
		_, err = c.exec("UPDATE store_class SET kind=?, key=?, removed=0 WHERE id=?", int(def.Kind), def.PrimaryKey, id)
	} else {
		if id, err = c.controlInt("SELECT coalesce(max(id), 0)+1 FROM store_class"); err != nil {
			return err
		}
		_, err = c.exec("INSERT INTO store_class VALUES(?,?,?,?,1,0)", id, def.Name, int(def.Kind), def.PrimaryKey)
	}
	if err == nil {
		_, err = c.exec("INSERT OR REPLACE INTO store_meta VALUES(?, 0)", countBase+id)
	}
	if err != nil {
		return err
	}
	own := def
	own.Properties = slices.Clone(def.Properties)
	ids := make([]uint32, len(own.Properties))
	for i := range ids {
		ids[i] = uint32(i + 1)
	}
	cl := newClass(uint32(id), &own, ids)
	c.catalog.byID[cl.ID], c.catalog.byName[def.Name] = cl, cl
	for i := range own.Properties {
		if err := c.describe(cl, i); err != nil {
			return err
		}
	}
	c.schemaChanged()
	return nil
}

// describe records a property in the catalog.
func (c *Conn) describe(cl *Class, i int) error {
	p := &cl.Def.Properties[i]
	if p.Type == value.KindLink && c.catalog.byName[p.LinkTarget] == nil {
		return c.errorf(ErrSchema, "property '%s.%s' links to class '%s', which doesn't exist", cl.Def.Name, p.Name, p.LinkTarget)
	}
	_, err := c.exec("INSERT INTO store_property VALUES(?,?,?,?,?,?,?,?,?)", cl.ID, cl.cols[i].id, p.Name, p.Type, p.Nullable,
		int(p.Collection), p.LinkTarget, p.Indexed, p.FullText)
	return err
}

// AddProperty adds a property to a class, behind the others, in a write transaction. Existing objects get its default value
// (changeset.md 5.9).
func (c *Conn) AddProperty(class string, p schema.Property) error {
	if err := c.beginSchemaChange("adding a property"); err != nil {
		return err
	}
	old := c.catalog.byName[class]
	if old == nil {
		return c.errorf(ErrSchema, "class '%s' doesn't exist", class)
	}
	if old.Def.Property(p.Name) != nil {
		return c.errorf(ErrSchema, "property '%s.%s' exists already", class, p.Name)
	}
	def := *old.Def
	def.Properties = append(slices.Clone(old.Def.Properties), p)
	// Ids of removed properties may come back: their columns are gone.
	next := uint32(1)
	ids := make([]uint32, 0, len(def.Properties))
	for _, col := range old.cols {
		ids = append(ids, col.id)
		next = max(next, col.id+1)
	}
	cl := c.replaceClass(old, &def, append(ids, next))
	i := len(cl.cols) - 1
	if err := c.describe(cl, i); err != nil {
		return err
	}
	if e := cl.elems[i]; e != nil && cl.built {
		if err := c.buildElements(e); err != nil {
			return err
		}
	}
	if cl.built && cl.cols[i].stored {
		if err := c.control(fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s", cl.name, declaration(cl.cols[i].name, &p))); err != nil {
			return err
		}
		if err := c.buildIndexes(cl, i); err != nil {
			return err
		}
	}
	c.schemaChanged()
	return nil
}

// SetIndexes says whether a search index and a full-text index are kept on a property, in a write transaction.
func (c *Conn) SetIndexes(class, property string, indexed, fullText bool) error {
	if err := c.beginSchemaChange("changing an index"); err != nil {
		return err
	}
	old, i, err := c.lookUp(class, property)
	if err != nil {
		return err
	}
	if p := &old.Def.Properties[i]; p.Indexed == indexed && p.FullText == fullText {
		return nil
	}
	if err := c.dropIndexes(old, i); err != nil {
		return err
	}
	def := *old.Def
	def.Properties = slices.Clone(old.Def.Properties)
	def.Properties[i].Indexed, def.Properties[i].FullText = indexed, fullText
	cl := c.replaceClass(old, &def, old.ids())
	if _, err := c.exec("UPDATE store_property SET indexed=?, full_text=? WHERE class=? AND id=?", indexed, fullText, cl.ID, cl.cols[i].id); err != nil {
		return err
	}
	if cl.built {
		if err := c.buildIndexes(cl, i); err != nil {
			return err
		}
	}
	c.schemaChanged()
	return nil
}

// RemoveProperty removes a property that isn't the primary key, with its values.
func (c *Conn) RemoveProperty(class, property string) error {
	if err := c.beginSchemaChange("removing a property"); err != nil {
		return err
	}
	old, i, err := c.lookUp(class, property)
	if err != nil {
		return err
	}
	if i == old.KeyIndex {
		return c.errorf(ErrSchema, "'%s.%s' is the primary key, which can't be removed", class, property)
	}
	if err := c.discardColumn(old, i); err != nil {
		return err
	}
	if err := c.dropIndexes(old, i); err != nil {
		return err
	}
	old.closeTable()
	if e := old.elems[i]; e != nil {
		if err := c.dropElements(e); err != nil {
			return err
		}
	}
	if old.built && old.cols[i].stored {
		if err := c.control(fmt.Sprintf("ALTER TABLE %s DROP COLUMN %s", old.name, old.cols[i].name)); err != nil {
			return err
		}
	}
	if _, err := c.exec("DELETE FROM store_property WHERE class=? AND id=?", old.ID, old.cols[i].id); err != nil {
		return err
	}
	def := *old.Def
	def.Properties = slices.Delete(slices.Clone(old.Def.Properties), i, i+1)
	c.replaceClass(old, &def, slices.Delete(old.ids(), i, i+1))
	c.schemaChanged()
	return nil
}

// RemoveClass removes a class and its objects. Links to them from mixed properties become dangling; link properties must
// not point to the class any more, but for its own.
func (c *Conn) RemoveClass(name string) error {
	if err := c.beginSchemaChange("removing a class"); err != nil {
		return err
	}
	cl := c.catalog.byName[name]
	if cl == nil {
		return c.errorf(ErrSchema, "class '%s' doesn't exist", name)
	}
	for _, in := range cl.incoming {
		if in.class != cl {
			return c.errorf(ErrSchema, "class '%s' can't be removed: '%s.%s' links to it", name, in.class.Def.Name, in.class.Def.Properties[in.property].Name)
		}
	}
	if cl.built {
		if err := c.orphanMixedLinks(cl); err != nil {
			return err
		}
		c.touchedRemoved(cl)
		if err := c.forgetCount(cl); err != nil {
			return err
		}
		for i, e := range cl.elems {
			if err := c.discardColumn(cl, i); err != nil {
				return err
			}
			if e != nil {
				if err := c.dropElements(e); err != nil {
					return err
				}
			}
		}
		cl.closeTable()
		if err := c.control("DROP TABLE " + cl.name); err != nil {
			return err
		}
	}
	if _, err := c.exec("DELETE FROM store_property WHERE class=?", cl.ID); err != nil {
		return err
	}
	if _, err := c.exec("UPDATE store_class SET removed=1 WHERE id=?", cl.ID); err != nil {
		return err
	}
	cl.free()
	delete(c.catalog.byID, cl.ID)
	delete(c.catalog.byName, name)
	c.schemaChanged()
	return nil
}

func (c *Conn) beginSchemaChange(what string) error {
	if err := c.needWrite(what); err != nil {
		return err
	}
	c.catalog.changed = true // from the first statement on, also if the change fails half-way
	return c.flush()
}

func (c *Conn) lookUp(class, property string) (*Class, int, error) {
	cl := c.catalog.byName[class]
	if cl == nil {
		return nil, 0, c.errorf(ErrSchema, "class '%s' doesn't exist", class)
	}
	i := cl.Property(property)
	if i < 0 {
		return nil, 0, c.errorf(ErrSchema, "class '%s' has no property '%s'", class, property)
	}
	return cl, i, nil
}

// replaceClass puts a changed definition in the place of a class.
func (c *Conn) replaceClass(old *Class, def *schema.Class, ids []uint32) *Class {
	cl := newClass(old.ID, def, ids)
	cl.built, cl.nextRow, cl.nextMoved, cl.tombstones = old.built, old.nextRow, old.nextMoved, old.tombstones
	for _, e := range cl.elems {
		if e != nil {
			e.built = c.catalog.tables[e.name]
		}
	}
	c.collections.forget()
	old.free()
	c.catalog.byID[cl.ID], c.catalog.byName[def.Name] = cl, cl
	return cl
}

func (cl *Class) ids() []uint32 {
	ids := make([]uint32, len(cl.cols))
	for i := range ids {
		ids[i] = cl.cols[i].id
	}
	return ids
}

func (c *Conn) dropIndexes(cl *Class, i int) error {
	if !cl.built {
		return nil
	}
	for _, index := range cl.indexes(i) {
		if err := c.control("DROP INDEX IF EXISTS " + index[0]); err != nil {
			return err
		}
	}
	return nil
}
