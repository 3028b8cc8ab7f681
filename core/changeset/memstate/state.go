package memstate

import (
	"fmt"
	"maps"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Node is what a property, a list element or a dictionary entry holds. Nodes are replaced, never changed.
type Node struct {
	// Value is a scalar, null or a link. Otherwise it is a marker: KindList and KindSet go with Elements, KindDictionary with
	// Entries by key, KindObject (an embedded object) with Entries by property.
	Value    value.Value
	Elements []Node
	Entries  map[string]Node // properties that aren't there have their default value
}

type object map[string]Node // as Node.Entries; without the primary key

// State is a schema and its objects in memory. It belongs to one goroutine. The zero State is empty.
type State struct {
	schema  *schema.Schema
	objects map[string]map[value.Key]object
	within  bool     // in a transaction
	undo    []func() // what takes the transaction back, last first
}

// New returns a state without objects.
func New(s *schema.Schema) *State { return &State{schema: s} }

// Apply applies a changeset in a transaction of its own: after an error the state is as it was. Objects of asymmetric classes
// are gone when it returns.
func (s *State) Apply(c *changeset.Changeset) error {
	s.Begin()
	if err := changeset.Apply(s, c); err != nil {
		s.Rollback()
		return err
	}
	s.Commit()
	return nil
}

// Begin starts a transaction, so that Rollback has something to return to. Transactions don't nest.
func (s *State) Begin() {
	if s.within {
		panic("memstate: Begin within a transaction")
	}
	s.within = true
}

// Commit ends the transaction and discards the objects of asymmetric classes.
func (s *State) Commit() {
	s.within, s.undo = false, nil
	for _, class := range s.Schema().Classes() {
		if class.Kind == schema.Asymmetric {
			delete(s.objects, class.Name)
		}
	}
}

// Rollback ends the transaction; the state is what it was at Begin.
func (s *State) Rollback() {
	for _, undo := range slices.Backward(s.undo) {
		undo()
	}
	s.within, s.undo = false, nil
}

func (s *State) onRollback(undo func()) {
	if s.within {
		s.undo = append(s.undo, undo)
	}
}

// Clone returns an independent copy, without the transaction.
func (s *State) Clone() *State {
	out := &State{schema: s.schema, objects: map[string]map[value.Key]object{}}
	for class, objects := range s.objects {
		out.objects[class] = make(map[value.Key]object, len(objects))
		for key, o := range objects {
			out.objects[class][key] = maps.Clone(o) // nodes don't change
		}
	}
	return out
}

// Keys returns the keys of all objects of a class, in order.
func (s *State) Keys(class string) []value.Key {
	return slices.SortedFunc(maps.Keys(s.objects[class]), value.CompareKeys)
}

// Each calls f with the keys of all objects of a class, in order. f may change the State.
func (s *State) Each(class string, f func(value.Key) error) error {
	for _, key := range s.Keys(class) {
		if err := f(key); err != nil {
			return err
		}
	}
	return nil
}

// Schema implements changeset.State.
func (s *State) Schema() *schema.Schema {
	if s.schema == nil {
		s.schema = schema.New()
	}
	return s.schema
}

func (s *State) setSchema(new *schema.Schema) {
	old := s.schema
	s.schema = new
	s.onRollback(func() { s.schema = old })
}

// AddClass implements changeset.State.
func (s *State) AddClass(class schema.Class) error {
	if s.Schema().Class(class.Name) != nil {
		return fmt.Errorf("memstate: AddClass: class %s exists", class.Name)
	}
	s.setSchema(s.Schema().With(class))
	return nil
}

// RemoveClass implements changeset.State.
func (s *State) RemoveClass(name string) error {
	if s.Schema().Class(name) == nil {
		return fmt.Errorf("memstate: RemoveClass: no class %s", name)
	}
	s.setSchema(s.schema.Without(name))
	old := s.objects[name]
	delete(s.objects, name)
	s.onRollback(func() {
		if old != nil {
			s.objects[name] = old
		}
	})
	return nil
}

// AddProperty implements changeset.State.
func (s *State) AddProperty(class string, p schema.Property) error {
	c := s.Schema().Class(class)
	if c == nil || c.Property(p.Name) != nil {
		return fmt.Errorf("memstate: AddProperty: no class %s, or it has a property %s", class, p.Name)
	}
	changed := *c
	changed.Properties = append(slices.Clone(c.Properties), p)
	s.setSchema(s.schema.With(changed))
	return nil // values are defaults as long as they aren't there
}

// RemoveProperty implements changeset.State.
func (s *State) RemoveProperty(class, property string) error {
	c := s.Schema().Class(class)
	if c == nil || c.Property(property) == nil {
		return fmt.Errorf("memstate: RemoveProperty: no property %s.%s", class, property)
	}
	// Embedded objects can be anywhere: go through all.
	for _, owner := range s.schema.Classes() {
		for _, o := range s.objects[owner.Name] {
			for i := range owner.Properties {
				p := &owner.Properties[i]
				if old, ok := o[p.Name]; ok {
					o[p.Name] = s.without(old, p, class, property)
					s.onRollback(func() { o[p.Name] = old })
				}
			}
			if old, ok := o[property]; ok && owner == c {
				delete(o, property)
				s.onRollback(func() { o[property] = old })
			}
		}
	}
	changed := *c
	changed.Properties = slices.DeleteFunc(slices.Clone(c.Properties), func(p schema.Property) bool { return p.Name == property })
	s.setSchema(s.schema.With(changed))
	return nil
}

// without returns the node, a value of property p, without a property of the embedded objects of a class within it.
func (s *State) without(n Node, p *schema.Property, class, property string) Node {
	target := s.schema.Class(p.LinkTarget)
	switch n.Value.Kind() {
	case value.KindList:
		out := slices.Clone(n.Elements)
		for i := range out {
			out[i] = s.without(out[i], p, class, property)
		}
		n.Elements = out
	case value.KindDictionary:
		out := maps.Clone(n.Entries)
		for k := range out {
			out[k] = s.without(out[k], p, class, property)
		}
		n.Entries = out
	case value.KindObject:
		out := maps.Clone(n.Entries)
		for i := range target.Properties {
			q := &target.Properties[i]
			if inner, ok := out[q.Name]; ok {
				out[q.Name] = s.without(inner, q, class, property)
			}
		}
		if target.Name == class {
			delete(out, property)
		}
		n.Entries = out
	}
	return n
}

// Exists implements changeset.State.
func (s *State) Exists(class string, key value.Key) (bool, error) {
	_, ok := s.objects[class][key]
	return ok, nil
}

// Create implements changeset.State.
func (s *State) Create(class string, key value.Key) error {
	if _, ok := s.objects[class][key]; ok || s.Schema().Class(class) == nil {
		return fmt.Errorf("memstate: Create: no class %s, or it has an object %v", class, key)
	}
	if s.objects == nil {
		s.objects = map[string]map[value.Key]object{}
	}
	if s.objects[class] == nil {
		s.objects[class] = map[value.Key]object{}
	}
	s.objects[class][key] = object{}
	s.onRollback(func() { delete(s.objects[class], key) })
	return nil
}

// Erase implements changeset.State.
func (s *State) Erase(class string, key value.Key) error {
	o, ok := s.objects[class][key]
	if !ok {
		return fmt.Errorf("memstate: Erase: no object %s %v", class, key)
	}
	delete(s.objects[class], key)
	s.onRollback(func() { s.objects[class][key] = o })
	return nil
}

// Get implements changeset.State.
func (s *State) Get(class string, key value.Key, property string) (value.Value, error) {
	n, err := s.Node(class, key, property)
	return n.Value, err
}

// Node returns what a property of a live object holds.
func (s *State) Node(class string, key value.Key, property string) (Node, error) {
	o, p, err := s.place(class, key, property)
	if err != nil {
		return Node{}, err
	}
	if p.Name == s.schema.Class(class).PrimaryKey {
		return Node{Value: key.Value()}, nil
	}
	return nodeOf(o, p), nil
}

func nodeOf(o object, p *schema.Property) Node {
	if n, ok := o[p.Name]; ok {
		return n
	}
	return Default(p)
}

// Default returns what a property holds in a new object.
func Default(p *schema.Property) Node {
	switch p.Collection {
	case schema.List:
		return Node{Value: value.Marker(value.KindList)}
	case schema.Set:
		return Node{Value: value.Marker(value.KindSet)}
	case schema.Dictionary:
		return Node{Value: value.Marker(value.KindDictionary)}
	default:
		return Node{Value: value.Default(p.Type, p.Nullable)}
	}
}

// Set implements changeset.State.
func (s *State) Set(class string, key value.Key, property string, v value.Value) error {
	o, p, err := s.place(class, key, property)
	if err != nil {
		return err
	}
	if p.Collection != schema.Single || property == s.schema.Class(class).PrimaryKey || !v.Kind().IsValue() {
		return fmt.Errorf("memstate: Set: %s.%s can't be set to %v", class, property, v)
	}
	s.put(o, property, Node{Value: v})
	return nil
}

func (s *State) place(class string, key value.Key, property string) (object, *schema.Property, error) {
	o, ok := s.objects[class][key]
	c := s.Schema().Class(class)
	if !ok || c == nil || c.Property(property) == nil {
		return nil, nil, fmt.Errorf("memstate: no %s of object %s %v", property, class, key)
	}
	return o, c.Property(property), nil
}
