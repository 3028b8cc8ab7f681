package vectortest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// State is a canonical state (vectors/README.md section 2) as JSON: classes to their definitions, and classes to lists of
// objects (property to value).
type State struct {
	Schema  map[string]*ClassForm                   `json:"schema"`
	Objects map[string][]map[string]json.RawMessage `json:"objects"`
}

// ClassForm is the definition of a class in JSON.
type ClassForm struct {
	Kind       string                   `json:"kind,omitempty"`
	Key        string                   `json:"pk,omitempty"`
	Properties map[string]*PropertyForm `json:"properties"`
}

// PropertyForm is the definition of a property in JSON.
type PropertyForm struct {
	Type       string `json:"type"`
	Nullable   bool   `json:"nullable"`
	Collection string `json:"collection"`
	LinkTarget string `json:"link_target,omitempty"`
}

// ParseState reads a canonical state.
func ParseState(raw []byte) (*State, error) {
	s := &State{}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("vectortest: state: %w", err)
	}
	return s, nil
}

// Classes returns the schema. Properties are in bytewise order: the forms have no order of declaration.
func (s *State) Classes() (*schema.Schema, error) {
	var classes []schema.Class
	for name, form := range s.Schema {
		kind, known := classKinds[form.Kind]
		if !known {
			return nil, fmt.Errorf("vectortest: class %s: unknown kind %q", name, form.Kind)
		}
		class := schema.Class{Name: name, Kind: kind, PrimaryKey: form.Key}
		for property, p := range form.Properties {
			kind, known := types[p.Type]
			collection, alsoKnown := collections[p.Collection]
			if !known || !alsoKnown {
				return nil, fmt.Errorf("vectortest: property %s.%s: unknown type %q %q", name, property, p.Collection, p.Type)
			}
			class.Properties = append(class.Properties, schema.Property{Name: property, Type: kind, Nullable: p.Nullable, Collection: collection, LinkTarget: p.LinkTarget})
		}
		slices.SortFunc(class.Properties, func(a, b schema.Property) int { return strings.Compare(a.Name, b.Name) })
		classes = append(classes, class)
	}
	return schema.New(classes...), nil
}

// FormClass returns the definition of a class in JSON.
func FormClass(c *schema.Class) *ClassForm {
	form := &ClassForm{Kind: c.Kind.String(), Key: c.PrimaryKey, Properties: map[string]*PropertyForm{}}
	for i := range c.Properties {
		p := &c.Properties[i]
		collection := ""
		for name, c := range collections {
			if c == p.Collection {
				collection = name
			}
		}
		form.Properties[p.Name] = &PropertyForm{Type: typeNames[p.Type], Nullable: p.Nullable, Collection: collection, LinkTarget: p.LinkTarget}
	}
	return form
}

// stateChange is a change against a state.
type stateChange struct {
	Objects map[string][]struct {
		PK      json.RawMessage
		Set     map[string]json.RawMessage
		Created bool
		Deleted bool
	}
	Schema map[string]*struct {
		Kind       string
		PK         string
		Properties map[string]*PropertyForm
	}
}

// Change returns the state after a change (vectors/README.md section 2, "state change"). s stays as it is.
func (s *State) Change(raw []byte) (*State, error) {
	var change stateChange
	if err := json.Unmarshal(raw, &change); err != nil {
		return nil, fmt.Errorf("vectortest: state change: %w", err)
	}
	out := s.copy()
	for name, c := range change.Schema {
		old := out.Schema[name]
		switch {
		case c == nil:
			delete(out.Schema, name)
			delete(out.Objects, name)
			continue
		case c.Kind != "" || old == nil:
			old = &ClassForm{Kind: c.Kind, Key: c.PK, Properties: map[string]*PropertyForm{}}
		}
		class := &ClassForm{Kind: old.Kind, Key: old.Key, Properties: map[string]*PropertyForm{}}
		for property, p := range old.Properties {
			class.Properties[property] = p
		}
		for property, p := range c.Properties {
			if p == nil {
				delete(class.Properties, property)
				for _, object := range out.Objects[name] {
					delete(object, property)
				}
			} else {
				class.Properties[property] = p
			}
		}
		out.Schema[name] = class
	}
	for name, objects := range change.Objects {
		class := out.Schema[name]
		if class == nil {
			return nil, fmt.Errorf("vectortest: state change of an unknown class %s", name)
		}
		for _, o := range objects {
			key, err := ParseKey(o.PK)
			if err != nil {
				return nil, err
			}
			at, err := out.find(name, class.Key, key)
			switch {
			case err != nil:
				return nil, err
			case o.Deleted && at >= 0:
				out.Objects[name] = slices.Delete(out.Objects[name], at, at+1)
				continue
			case o.Created && at < 0:
				at = len(out.Objects[name])
				out.Objects[name] = append(out.Objects[name], map[string]json.RawMessage{class.Key: o.PK})
			case at < 0 || o.Created || o.Deleted:
				return nil, fmt.Errorf("vectortest: state change of %s %s: the object must exist if and only if it isn't created", name, o.PK)
			}
			for property, v := range o.Set {
				out.Objects[name][at][property] = v
			}
		}
	}
	return out, nil
}

func (s *State) copy() *State {
	out := &State{Schema: map[string]*ClassForm{}, Objects: map[string][]map[string]json.RawMessage{}}
	for name, class := range s.Schema {
		out.Schema[name] = class
	}
	for name, objects := range s.Objects {
		for _, o := range objects {
			properties := make(map[string]json.RawMessage, len(o))
			for property, v := range o {
				properties[property] = v
			}
			out.Objects[name] = append(out.Objects[name], properties)
		}
	}
	return out
}

// find returns the place of an object in the list of its class, -1 if there is none.
func (s *State) find(class, keyProperty string, key value.Key) (int, error) {
	for i, o := range s.Objects[class] {
		k, err := ParseKey(o[keyProperty])
		if err != nil {
			return 0, fmt.Errorf("vectortest: object %d of %s: %w", i, class, err)
		}
		if k == key {
			return i, nil
		}
	}
	return -1, nil
}
