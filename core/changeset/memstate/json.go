package memstate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"realmsync/core/changeset/vectortest"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Parse reads a canonical state (vectors/README.md section 2).
func Parse(raw []byte) (*State, error) {
	form, err := vectortest.ParseState(raw)
	if err != nil {
		return nil, err
	}
	return FromForm(form)
}

// FromForm makes a state of its JSON form.
func FromForm(form *vectortest.State) (*State, error) {
	classes, err := form.Classes()
	if err != nil {
		return nil, err
	}
	s := New(classes)
	for name, objects := range form.Objects {
		class := classes.Class(name)
		if class == nil {
			return nil, fmt.Errorf("memstate: objects of class %s, which isn't in the schema", name)
		}
		for _, raw := range objects {
			key, err := vectortest.ParseKey(raw[class.PrimaryKey])
			if err != nil {
				return nil, err
			}
			if err := s.Create(name, key); err != nil {
				return nil, err
			}
			o, err := s.parseObject(class, raw)
			if err != nil {
				return nil, fmt.Errorf("memstate: object %s %v: %w", name, key, err)
			}
			s.objects[name][key] = o
		}
	}
	return s, nil
}

func (s *State) parseObject(class *schema.Class, raw map[string]json.RawMessage) (object, error) {
	o := object{}
	for name, raw := range raw {
		p := class.Property(name)
		if p == nil {
			return nil, fmt.Errorf("class %s has no property %s", class.Name, name)
		}
		if name == class.PrimaryKey {
			continue
		}
		n, err := s.parseProperty(p, raw)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", class.Name, name, err)
		}
		o[name] = n
	}
	return o, nil
}

func (s *State) parseProperty(p *schema.Property, raw json.RawMessage) (Node, error) {
	switch p.Collection {
	case schema.List:
		return s.parseElements(p, value.KindList, raw)
	case schema.Set:
		return s.parseElements(p, value.KindSet, raw)
	case schema.Dictionary:
		return s.parseEntries(p, raw)
	default:
		return s.parseItem(p, raw)
	}
}

func (s *State) parseElements(p *schema.Property, marker value.Kind, raw json.RawMessage) (Node, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return Node{}, err
	}
	n := Node{Value: value.Marker(marker)}
	for _, raw := range elements {
		item, err := s.parseItem(p, raw)
		if err != nil {
			return Node{}, err
		}
		n.Elements = append(n.Elements, item)
	}
	return n, nil
}

func (s *State) parseEntries(p *schema.Property, raw json.RawMessage) (Node, error) {
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return Node{}, err
	}
	n := Node{Value: value.Marker(value.KindDictionary), Entries: map[string]Node{}}
	for key, raw := range entries {
		item, err := s.parseItem(p, raw)
		if err != nil {
			return Node{}, err
		}
		n.Entries[key] = item
	}
	return n, nil
}

// parseItem reads one value of the property's type, in whatever collection.
func (s *State) parseItem(p *schema.Property, raw json.RawMessage) (Node, error) {
	var inner struct{ List, Dictionary, Object json.RawMessage }
	if bytes.HasPrefix(raw, []byte("{")) {
		if err := json.Unmarshal(raw, &inner); err != nil {
			return Node{}, err
		}
	}
	switch {
	case inner.List != nil:
		return s.parseElements(p, value.KindList, inner.List)
	case inner.Dictionary != nil:
		return s.parseEntries(p, inner.Dictionary)
	case inner.Object != nil:
		target := s.schema.Class(p.LinkTarget)
		if target == nil {
			return Node{}, fmt.Errorf("an embedded object in a property of type %s", p.TypeString())
		}
		var properties map[string]json.RawMessage
		if err := json.Unmarshal(inner.Object, &properties); err != nil {
			return Node{}, err
		}
		o, err := s.parseObject(target, properties)
		return Node{Value: value.Marker(value.KindObject), Entries: o}, err
	}
	v, err := vectortest.ParseValue(raw)
	return Node{Value: v}, err
}

// JSON returns the canonical state (vectors/README.md section 2), without the texts that are only for readers. Two states are equal
// if and only if their JSON is.
func (s *State) JSON() []byte {
	classes := map[string]*vectortest.ClassForm{}
	for _, class := range s.Schema().Classes() {
		classes[class.Name] = vectortest.FormClass(class)
	}
	schemaJSON, err := json.Marshal(classes)
	if err != nil {
		panic(err) // maps of strings and flags
	}
	out := append([]byte(`{"schema":`), schemaJSON...)
	out = append(out, `,"objects":{`...)
	separator := ""
	for _, class := range s.schema.Classes() {
		if class.Kind == schema.Embedded {
			continue
		}
		out = vectortest.AppendText(append(out, separator...), class.Name)
		out = append(append(out, ':'), s.objectsJSON(class)...)
		separator = ","
	}
	return append(out, "}}"...)
}

func (s *State) objectsJSON(class *schema.Class) []byte {
	objects := map[string][]byte{}
	for key, o := range s.objects[class.Name] {
		objects[string(vectortest.AppendKey(nil, key))] = s.appendObject(nil, class, o, key)
	}
	return appendSorted(nil, objects)
}

// appendSorted appends an array of JSON texts, in the order of their keys.
func appendSorted(out []byte, texts map[string][]byte) []byte {
	out = append(out, '[')
	for i, key := range slices.Sorted(maps.Keys(texts)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, texts[key]...)
	}
	return append(out, ']')
}

func (s *State) appendObject(out []byte, class *schema.Class, o object, key value.Key) []byte {
	properties := make(map[string]*schema.Property, len(class.Properties))
	for i := range class.Properties {
		properties[class.Properties[i].Name] = &class.Properties[i]
	}
	out = append(out, '{')
	for i, name := range slices.Sorted(maps.Keys(properties)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(vectortest.AppendText(out, name), ':')
		if name == class.PrimaryKey {
			out = vectortest.AppendKey(out, key)
		} else {
			out = s.appendNode(out, properties[name], nodeOf(o, properties[name]), properties[name].Collection != schema.Single)
		}
	}
	return append(out, '}')
}

// appendNode appends what a property holds; whole tells that it is the collection that the property is, not one inside of mixed.
func (s *State) appendNode(out []byte, p *schema.Property, n Node, whole bool) []byte {
	wrap := func(name string) []byte {
		if whole {
			return out
		}
		return append(append(append(out, `{"`...), name...), `":`...)
	}
	kind := n.Value.Kind()
	switch kind {
	case value.KindList:
		out = append(wrap("list"), '[')
		for i, element := range n.Elements {
			if i > 0 {
				out = append(out, ',')
			}
			out = s.appendNode(out, p, element, false)
		}
		out = append(out, ']')
	case value.KindSet:
		texts := map[string][]byte{}
		for _, element := range n.Elements {
			text := s.appendNode(nil, p, element, false)
			texts[string(text)] = text
		}
		return appendSorted(out, texts)
	case value.KindDictionary:
		out = append(wrap("dictionary"), '{')
		for i, key := range slices.Sorted(maps.Keys(n.Entries)) {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(vectortest.AppendText(out, key), ':')
			out = s.appendNode(out, p, n.Entries[key], false)
		}
		out = append(out, '}')
	case value.KindObject:
		out = append(out, `{"object":`...)
		return append(s.appendObject(out, s.schema.Class(p.LinkTarget), n.Entries, value.Key{}), '}')
	default:
		out = vectortest.AppendValue(out, n.Value)
		if link := n.Value.Link(); kind == value.KindLink {
			if _, live := s.objects[link.Class][link.Key]; !live {
				out = append(out[:len(out)-1], `,"dangling":true}`...)
			}
		}
		return out
	}
	if !whole {
		out = append(out, '}')
	}
	return out
}
