package schema

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"realmsync/core/value"
)

// ClassKind is the table kind of the changeset format.
type ClassKind uint8

// The class kinds (spec/changeset.md section 1.6).
const (
	TopLevel   ClassKind = 0
	Embedded   ClassKind = 1
	Asymmetric ClassKind = 2
)

// String returns the name of the kind.
func (k ClassKind) String() string {
	switch k {
	case TopLevel:
		return "top-level"
	case Embedded:
		return "embedded"
	case Asymmetric:
		return "asymmetric"
	default:
		return "unknown class kind"
	}
}

// Collection is the collection type of the changeset format.
type Collection uint8

// The collection types (spec/changeset.md section 1.6).
const (
	Single     Collection = 0
	List       Collection = 1
	Dictionary Collection = 2
	Set        Collection = 3
)

// String returns the name of the collection type.
func (c Collection) String() string {
	switch c {
	case Single:
		return "single"
	case List:
		return "list"
	case Dictionary:
		return "dictionary"
	case Set:
		return "set"
	default:
		return "unknown collection"
	}
}

// Property describes one property of a class.
type Property struct {
	Name       string
	Type       value.Kind // Int ... UUID, Link, or value.KindMixed
	Nullable   bool
	Collection Collection
	LinkTarget string // class name, only when Type is Link
	Indexed    bool   // local: a search index is kept; never on the wire
	FullText   bool   // local: a full-text index is kept; never on the wire
}

// Class describes one class. Its properties are in declaration order; the primary key, when there is one, is among them.
type Class struct {
	Name       string
	Kind       ClassKind
	PrimaryKey string // name of the primary key property, "" for embedded classes and classes without key
	Properties []Property
}

// Property returns the property of that name, nil if there is none. The pointer is into the class: don't change it.
func (c *Class) Property(name string) *Property {
	for i := range c.Properties {
		if c.Properties[i].Name == name {
			return &c.Properties[i]
		}
	}
	return nil
}

// Key returns the primary key property, nil for classes without one.
func (c *Class) Key() *Property {
	if c.PrimaryKey == "" {
		return nil
	}
	return c.Property(c.PrimaryKey)
}

// Schema is a set of classes, sorted by name.
type Schema struct {
	classes []*Class
	byName  map[string]*Class
}

// New returns a schema of these classes; it does not validate (see Validate). A later class of the same name wins.
func New(classes ...Class) *Schema {
	s := &Schema{byName: make(map[string]*Class, len(classes))}
	for i := range classes {
		c := classes[i]
		s.byName[c.Name] = &c
	}
	s.index()
	return s
}

func (s *Schema) index() {
	s.classes = make([]*Class, 0, len(s.byName))
	for _, c := range s.byName {
		s.classes = append(s.classes, c)
	}
	sort.Slice(s.classes, func(i, j int) bool { return s.classes[i].Name < s.classes[j].Name })
}

// Class returns the class of that name, nil if there is none. Don't change it.
func (s *Schema) Class(name string) *Class {
	if s == nil {
		return nil
	}
	return s.byName[name]
}

// Classes returns all classes, sorted by name. Don't change the slice.
func (s *Schema) Classes() []*Class {
	if s == nil {
		return nil
	}
	return s.classes
}

// With returns a copy of the schema in which the class is added or replaced.
func (s *Schema) With(class Class) *Schema {
	out := s.clone()
	i, found := out.find(class.Name)
	if found {
		out.classes[i] = &class
	} else {
		out.classes = slices.Insert(out.classes, i, &class)
	}
	out.byName[class.Name] = &class
	return out
}

// Without returns a copy of the schema that lacks the class.
func (s *Schema) Without(name string) *Schema {
	out := s.clone()
	if i, found := out.find(name); found {
		out.classes = slices.Delete(out.classes, i, i+1)
		delete(out.byName, name)
	}
	return out
}

// find returns where a class is, or would be.
func (s *Schema) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.classes, name, func(c *Class, name string) int { return strings.Compare(c.Name, name) })
}

// clone copies the schema and not its classes.
func (s *Schema) clone() *Schema {
	if s == nil {
		return &Schema{byName: map[string]*Class{}}
	}
	out := &Schema{classes: append(make([]*Class, 0, len(s.classes)+1), s.classes...), byName: maps.Clone(s.byName)}
	if out.byName == nil {
		out.byName = map[string]*Class{}
	}
	return out
}
