package history

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/store"
)

// Class is a class as the server stores it: its description, and a number for each property, under which documents hold
// the value. Numbers are never reused within a class, so that a property that is removed and added again is a new one.
// A *Class is immutable; every change of schema makes a new one with the same ID.
type Class struct {
	schema.Class
	ID    uint32
	ids   []uint32       // by property index
	at    map[uint32]int // number to index
	next  uint32
	born  uint64            // the server version that added the class
	since []uint64          // by property index: the version that added it
	gone  []propertyRecord  // properties that were removed
	was   map[uint32]uint32 // by number: the removed property that one took the place of, see retype.go
}

// Default returns the value that a property has in a new object (spec/changeset.md section 5.9). Collections have none yet.
func Default(p *schema.Property) value.Value {
	return value.Default(p.Type, p.Nullable || p.Collection != schema.Single)
}

// newClass gives a class its numbers. version is the one that adds it.
func newClass(id uint32, c schema.Class, version uint64) *Class {
	out := &Class{Class: c, ID: id, born: version}
	for range c.Properties {
		out.ids, out.since = append(out.ids, out.next), append(out.since, version)
		out.next++
	}
	out.index()
	return out
}

func (c *Class) index() {
	c.at = make(map[uint32]int, len(c.ids))
	for i, id := range c.ids {
		c.at[id] = i
	}
}

// withProperty returns the class with one more property at the end, which version adds.
func (c *Class) withProperty(p schema.Property, version uint64) *Class {
	out := &Class{Class: c.Class, ID: c.ID, next: c.next + 1, born: c.born, gone: c.gone, was: c.was}
	out.ids, out.since = append(slices.Clone(c.ids), c.next), append(slices.Clone(c.since), version)
	out.Properties = append(slices.Clone(c.Properties), p)
	out.at = maps.Clone(c.at)
	out.at[c.next] = len(c.ids)
	return out
}

// withoutProperty returns the class without the property, which version removes.
func (c *Class) withoutProperty(name string, version uint64) *Class {
	out := &Class{Class: c.Class, ID: c.ID, next: c.next, born: c.born, gone: slices.Clone(c.gone), was: c.was}
	out.Properties = nil
	for i, p := range c.Properties {
		if p.Name == name {
			r := c.propertyRecord(i)
			r.Until = version
			out.gone = append(out.gone, r)
			continue
		}
		out.Properties, out.ids, out.since = append(out.Properties, p), append(out.ids, c.ids[i]), append(out.since, c.since[i])
	}
	out.index()
	return out
}

// property returns the index of a property, -1 if there is none.
func (c *Class) property(name string) int {
	for i := range c.Properties {
		if c.Properties[i].Name == name {
			return i
		}
	}
	return -1
}

// Catalog is the schema of an app at one moment. It is immutable.
type Catalog struct {
	Schema *schema.Schema
	byName map[string]*Class
	byID   map[uint32]*Class
	nextID uint32
	fields int // properties of all classes
	// retyped is the newest version that has changed the type of a property, 0 if none has. No client file is older: nobody merges with the schema before.
	retyped uint64
	pieces  *pieceCache // from which rows with this catalog read what is not in their documents; nil in tests
}

// Class returns the class of that name, nil if there is none.
func (c *Catalog) Class(name string) *Class { return c.byName[name] }

// ClassByID returns the class with that number, nil if there is none (any more).
func (c *Catalog) ClassByID(id uint32) *Class { return c.byID[id] }

func (c *Catalog) clone() *Catalog {
	return &Catalog{Schema: c.Schema, byName: maps.Clone(c.byName), byID: maps.Clone(c.byID), nextID: c.nextID, fields: c.fields, retyped: c.retyped, pieces: c.pieces}
}

// with returns a catalog in which the class is added or replaced.
func (c *Catalog) with(class *Class) *Catalog {
	out := c.clone()
	if old := out.byName[class.Name]; old != nil {
		out.fields -= len(old.Properties)
	}
	out.fields += len(class.Properties)
	out.byName[class.Name] = class
	out.byID[class.ID] = class
	out.nextID = max(out.nextID, class.ID+1)
	out.retyped = max(out.retyped, class.retyped())
	out.Schema = c.Schema.With(class.Class)
	return out
}

// without returns a catalog that lacks the class; its number stays used.
func (c *Catalog) without(name string) *Catalog {
	out := c.clone()
	if class := out.byName[name]; class != nil {
		out.fields -= len(class.Properties)
		delete(out.byID, class.ID)
		delete(out.byName, name)
	}
	out.Schema = c.Schema.Without(name)
	return out
}

// definition is the stored form of a class. What was removed stays in it, so that the schema of every version is known: a client
// that is sent a bootstrap of an older version must be sent the schema of that version.
type definition struct {
	Kind       schema.ClassKind `json:"kind"`
	PrimaryKey string           `json:"pk,omitempty"`
	Next       uint32           `json:"next"`
	Since      uint64           `json:"since"`           // the version that added it
	Until      uint64           `json:"until,omitempty"` // the version that removed it
	Properties []propertyRecord `json:"properties"`      // by ID
}

type propertyRecord struct {
	ID         uint32            `json:"id"`
	Since      uint64            `json:"since"`
	Until      uint64            `json:"until,omitempty"`
	Name       string            `json:"name"`
	Type       value.Kind        `json:"type"`
	Nullable   bool              `json:"nullable,omitempty"`
	Collection schema.Collection `json:"collection,omitempty"`
	LinkTarget string            `json:"target,omitempty"`
	Was        *uint32           `json:"was,omitempty"` // the number of the property that it took the place of
}

func (c *Class) propertyRecord(i int) propertyRecord {
	p := &c.Properties[i]
	out := propertyRecord{
		ID: c.ids[i], Since: c.since[i], Name: p.Name, Type: p.Type, Nullable: p.Nullable, Collection: p.Collection, LinkTarget: p.LinkTarget,
	}
	if was, ok := c.was[out.ID]; ok {
		out.Was = &was
	}
	return out
}

// property is what the record describes.
func (r *propertyRecord) property() schema.Property {
	return schema.Property{Name: r.Name, Type: r.Type, Nullable: r.Nullable, Collection: r.Collection, LinkTarget: r.LinkTarget}
}

// record returns the stored form of the class. until is the version that removed it, 0 if it is there.
func (c *Class) record(until uint64) (store.Class, error) {
	d := definition{Kind: c.Kind, PrimaryKey: c.PrimaryKey, Next: c.next, Since: c.born, Until: until, Properties: slices.Clone(c.gone)}
	for i := range c.Properties {
		d.Properties = append(d.Properties, c.propertyRecord(i))
	}
	slices.SortFunc(d.Properties, func(a, b propertyRecord) int { return cmp.Compare(a.ID, b.ID) })
	body, err := json.Marshal(d)
	return store.Class{ID: c.ID, Name: c.Name, Definition: body}, err
}

// newest is what comes after every version.
const newest = math.MaxUint64

// lives tells whether what was added and removed at these versions is there at a version.
func lives(since, until, at uint64) bool { return since <= at && (until == 0 || at < until) }

// loadCatalog rebuilds the catalog of a version, or of the newest one, from the stored classes.
func loadCatalog(records []store.Class, at uint64) (*Catalog, error) {
	out := &Catalog{Schema: schema.New(), byName: map[string]*Class{}, byID: map[uint32]*Class{}, nextID: 1}
	var classes []schema.Class
	for _, r := range records {
		out.nextID = max(out.nextID, r.ID+1)
		var d definition
		if err := json.Unmarshal(r.Definition, &d); err != nil {
			return nil, fmt.Errorf("history: the stored definition of class %q is damaged: %w", r.Name, err)
		}
		for _, p := range d.Properties {
			if p.Was != nil && p.Since <= at {
				out.retyped = max(out.retyped, p.Since)
			}
		}
		if !lives(d.Since, d.Until, at) {
			continue
		}
		class := &Class{Class: schema.Class{Name: r.Name, Kind: d.Kind, PrimaryKey: d.PrimaryKey}, ID: r.ID, next: d.Next, born: d.Since}
		for _, p := range d.Properties {
			if p.Was != nil {
				if class.was == nil {
					class.was = map[uint32]uint32{}
				}
				class.was[p.ID] = *p.Was
			}
			if !lives(p.Since, p.Until, at) {
				class.gone = append(class.gone, p)
				continue
			}
			class.Properties = append(class.Properties, p.property())
			class.ids, class.since = append(class.ids, p.ID), append(class.since, p.Since)
		}
		class.index()
		out.byName[r.Name] = class
		out.byID[r.ID] = class
		out.fields += len(class.Properties)
		classes = append(classes, class.Class)
	}
	out.Schema = schema.New(classes...)
	return out, nil
}
