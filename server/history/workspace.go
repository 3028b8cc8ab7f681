package history

import (
	"fmt"
	"maps"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/store"
)

// workspace is the state inside one group commit: it implements changeset.State on top of a store.Reader. An object is
// decoded once, changed in memory, and written once when the group is committed, however many uploads touch it.
//
// It works in three nested steps: a changeset (begin ... images), which is the unit of a server version; an upload (mark ...
// undo), which is what fails or succeeds as a whole; and the group.
type workspace struct {
	reader  store.Reader
	catalog *Catalog
	fresh   uint32 // classes with this number or a higher one were added in this group: the store has none of their objects
	slots   map[place]*slot
	last    *slot  // the slot that was named last: instructions come in runs on one object
	class   *Class // that of the object that was named last

	uploads uint64 // number of the upload at work
	stamp   uint64 // number of the changeset at work
	touched []*slot
	journal []undo // of the upload at work

	retyping bool // a property that the changeset at work adds takes the place of the one of its name that it has removed

	version uint64    // of the changeset at work
	dropped []dropped // removed in this group
	written []*slot   // to write, in the order of their first change
}

// slot is one object in a workspace.
type slot struct {
	ref     store.ObjectRef
	class   string
	key     value.Key
	loaded  bool   // the two below are known
	row     *Row   // nil: it doesn't exist
	version uint64 // that touched it last, 0: none

	upload  uint64   // number of the last upload that named the object
	about   *subject // of that upload, nil if there is nothing to say about it
	judged  verdict  // of that upload
	judgeAt uint64   // the base for which judged holds, plus 1; 0: none

	stamp    uint64 // the changeset in which before and previous hold
	before   *Row
	previous uint64
	own      bool // row was made in this changeset and may be changed in place
	queued   bool // it is in workspace.written
	passing  bool // of an asymmetric class: nothing of it is kept
}

// dropped is a class that a version has removed.
type dropped struct {
	class   *Class
	version uint64
}

// undo restores one thing.
type undo struct {
	slot    *slot
	row     *Row
	version uint64

	catalog *Catalog // when slot is nil
	dropped int
}

func newWorkspace(reader store.Reader, catalog *Catalog) *workspace {
	return &workspace{reader: reader, catalog: catalog, fresh: catalog.nextID, slots: map[place]*slot{}}
}

// place is where an object has its slot.
type place struct {
	class uint32
	key   value.Key
}

// named returns the slot of an object, which may have to be loaded yet; nil if there is no such class.
func (w *workspace) named(class string, key value.Key) *slot {
	if w.last != nil && w.last.key == key && w.last.class == class {
		return w.last
	}
	c := w.class
	if c == nil || c.Name != class {
		if c = w.catalog.Class(class); c == nil {
			return nil
		}
		w.class = c
	}
	at := place{c.ID, key}
	s := w.slots[at]
	if s == nil {
		s = &slot{ref: store.ObjectRef{Class: c.ID, Key: EncodeKey(key)}, class: c.Name, key: key, loaded: c.ID >= w.fresh || c.Kind == schema.Asymmetric}
		w.slots[at] = s
	}
	w.last = s
	return s
}

// load reads those of the objects that were not read yet.
func (w *workspace) load(slots []*slot) error {
	var refs []store.ObjectRef
	for _, s := range slots {
		if !s.loaded {
			refs = append(refs, s.ref)
		}
	}
	if len(refs) == 0 {
		return nil
	}
	err := w.reader.Objects(refs, func(o store.Object) error {
		key, err := DecodeKey(o.Key)
		if err != nil {
			return err
		}
		s := w.slots[place{o.Class, key}]
		s.version = o.Version
		if o.Doc == nil {
			return nil
		}
		s.row, err = decodeDocument(w.catalog, w.catalog.ClassByID(o.Class), key, o.Doc)
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range slots {
		s.loaded = true
	}
	return nil
}

// slot returns the object, loaded.
func (w *workspace) slot(class string, key value.Key) (*slot, error) {
	s := w.named(class, key)
	if s == nil {
		return nil, fmt.Errorf("history: there is no class %q", class)
	}
	if !s.loaded {
		if err := w.load([]*slot{s}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// mark starts an upload; undo takes back everything since.
func (w *workspace) mark() {
	w.journal = w.journal[:0]
	w.uploads++
}

func (w *workspace) undo() {
	for i := len(w.journal) - 1; i >= 0; i-- {
		u := &w.journal[i]
		if u.slot == nil {
			w.catalog = u.catalog
			w.dropped = w.dropped[:u.dropped]
			continue
		}
		u.slot.row, u.slot.version, u.slot.own, u.slot.stamp = u.row, u.version, false, 0
	}
	w.journal = w.journal[:0]
	w.touched = w.touched[:0]
	w.last, w.class = nil, nil
}

// begin starts a changeset, which makes a version.
func (w *workspace) begin(version uint64) {
	w.version = version
	w.stamp++
	w.touched = w.touched[:0]
}

// touch notes the state of an object before the changeset at work first concerns it.
func (w *workspace) touch(s *slot) {
	if s.stamp == w.stamp {
		return
	}
	s.stamp, s.before, s.previous, s.own = w.stamp, s.row, s.version, false
	w.touched = append(w.touched, s)
	w.journal = append(w.journal, undo{slot: s, row: s.row, version: s.version})
}

// writable returns the row of an existing object for changing.
func (w *workspace) writable(s *slot) *Row {
	w.touch(s)
	// The class is another one when a property was added since the row was made.
	if class := w.catalog.Class(s.class); !s.own || s.row.Class != class {
		s.row, s.own = s.row.clone(class), true
	}
	return s.row
}

// revert sets objects back to what they were before the changeset at work, and forgets that it touched them.
func (w *workspace) revert(objects map[*slot]bool) {
	if len(objects) == 0 {
		return
	}
	for s := range objects {
		s.row, s.own, s.stamp = s.before, false, 0
	}
	w.touched = slices.DeleteFunc(w.touched, func(s *slot) bool { return s.stamp == 0 })
}

// finish ends the changeset: the touched objects belong to its version, and what happened to them is returned, except for objects
// that went with their class: everybody is told of that by the erasure of the class itself.
func (w *workspace) finish() []Image {
	w.touched = slices.DeleteFunc(w.touched, func(s *slot) bool { return w.catalog.ClassByID(s.ref.Class) == nil })
	if len(w.touched) == 0 {
		return nil
	}
	images := make([]Image, len(w.touched))
	for i, s := range w.touched {
		images[i] = Image{Ref: s.ref, ClassName: s.class, Key: s.key, Previous: s.previous, Before: s.before, After: s.row}
		s.own = false
		if s.passing {
			continue
		}
		s.version = w.version
		if !s.queued {
			s.queued = true
			w.written = append(w.written, s)
		}
	}
	return images
}

// objects returns what must be written.
func (w *workspace) objects(enc *encoder) []store.Object {
	out := make([]store.Object, 0, len(w.written))
	size := 0
	for _, s := range w.written {
		if s.row != nil {
			size += s.row.stored()
		}
	}
	buffer := make([]byte, 0, size)
	for _, s := range w.written {
		if w.catalog.ClassByID(s.ref.Class) == nil || s.version == 0 {
			continue
		}
		o := store.Object{ObjectRef: s.ref, Version: s.version}
		if s.row != nil {
			start := len(buffer)
			buffer = enc.document(buffer, s.row)
			o.Doc = buffer[start:len(buffer):len(buffer)]
		}
		out = append(out, o)
	}
	return out
}

// setCatalog changes the schema and notes how to take that back.
func (w *workspace) setCatalog(c *Catalog) {
	w.journal = append(w.journal, undo{catalog: w.catalog, dropped: len(w.dropped)})
	w.catalog = c
	w.last, w.class = nil, nil
}

// classes returns the class records that must be written, given the catalog before the group.
func (w *workspace) classes(before *Catalog) (out []store.Class, err error) {
	for _, d := range w.dropped {
		r, err := d.class.record(d.version)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	for _, name := range slices.Sorted(maps.Keys(w.catalog.byName)) {
		class := w.catalog.byName[name]
		if before.byName[name] == class {
			continue
		}
		r, err := class.record(0)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// The methods below implement changeset.State.

var _ changeset.State = (*workspace)(nil)

// Schema implements changeset.State.
func (w *workspace) Schema() *schema.Schema { return w.catalog.Schema }

// AddClass implements changeset.State.
func (w *workspace) AddClass(class schema.Class) error {
	if err := w.catalog.room(nil, len(class.Properties)); err != nil {
		return err
	}
	w.setCatalog(w.catalog.with(newClass(w.catalog.nextID, class, w.version)))
	return nil
}

// RemoveClass implements changeset.State.
func (w *workspace) RemoveClass(name string) error {
	class := w.catalog.Class(name)
	w.setCatalog(w.catalog.without(name))
	w.dropped = append(w.dropped, dropped{class, w.version})
	return nil
}

// AddProperty implements changeset.State.
func (w *workspace) AddProperty(class string, p schema.Property) error {
	if err := w.catalog.room(w.catalog.Class(class), 1); err != nil {
		return err
	}
	p.Indexed, p.FullText = false, false
	c := w.catalog.Class(class).withProperty(p, w.version)
	if w.retyping {
		c.inherit(p.Name, w.version)
	}
	w.setCatalog(w.catalog.with(c))
	return nil
}

// RemoveProperty implements changeset.State.
func (w *workspace) RemoveProperty(class, property string) error {
	w.setCatalog(w.catalog.with(w.catalog.Class(class).withoutProperty(property, w.version)))
	return nil
}

// Exists implements changeset.State.
func (w *workspace) Exists(class string, key value.Key) (bool, error) {
	s, err := w.slot(class, key)
	return err == nil && s.row != nil, err
}

// Create implements changeset.State.
func (w *workspace) Create(class string, key value.Key) error {
	s, err := w.slot(class, key)
	if err != nil {
		return err
	}
	w.touch(s)
	s.row, s.own = newRow(w.catalog.Class(class), key), true
	return nil
}

// Erase implements changeset.State.
func (w *workspace) Erase(class string, key value.Key) error {
	s, err := w.slot(class, key)
	if err != nil {
		return err
	}
	w.touch(s)
	s.row, s.own = nil, false
	return nil
}

// Get implements changeset.State.
func (w *workspace) Get(class string, key value.Key, property string) (value.Value, error) {
	s, i, err := w.property(class, key, property)
	if err != nil {
		return value.Value{}, err
	}
	return s.row.At(w.catalog.Class(class), i), nil
}

// Set implements changeset.State.
func (w *workspace) Set(class string, key value.Key, property string, v value.Value) error {
	s, i, err := w.property(class, key, property)
	if err != nil {
		return err
	}
	w.writable(s).set(i, element{value: v})
	return nil
}

func (w *workspace) property(class string, key value.Key, property string) (*slot, int, error) {
	s, err := w.slot(class, key)
	if err != nil {
		return nil, 0, err
	}
	if s.row == nil {
		return nil, 0, fmt.Errorf("history: object %s of class %q does not exist", key, class)
	}
	i := w.catalog.Class(class).property(property)
	if i < 0 {
		return nil, 0, fmt.Errorf("history: class %q has no property %q", class, property)
	}
	return s, i, nil
}
