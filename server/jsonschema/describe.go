package jsonschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/appconfig"
)

// Add writes classes into the schemas of a configuration, as far as they are not described there yet. What is described stays as it is, with all
// that it says besides. It says whether anything was added. app is the client app id.
func Add(app string, c *appconfig.Config, s *schema.Schema) (added bool, err error) {
	service := c.SyncService()
	if service == nil || service.FlexibleSync.State == appconfig.SyncTerminated {
		return false, nil
	}
	have, err := Of(c)
	if err != nil {
		return false, err
	}
	d := &describer{config: c, schema: s, have: have, service: service, left: maxDescribed}
	for _, class := range s.Classes() {
		if class.Kind == schema.Embedded || class.Key() == nil {
			continue
		}
		more, err := d.class(app, class)
		if err != nil {
			return false, err
		}
		added = added || more
	}
	return added, nil
}

type describer struct {
	config  *appconfig.Config
	schema  *schema.Schema
	have    *Classes
	service *appconfig.Service
	left    int // how many properties may still be looked at
}

// maxDescribed bounds the work: embedded classes are described again wherever they are, and devices choose their classes.
const maxDescribed = 20_000

var errTooLarge = errors.New("jsonschema: the classes are too large, or nested too deep, to be described in the configuration")

// embedded returns the embedded class that a property holds objects of, nil if it holds none.
func (d *describer) embedded(p *schema.Property) *schema.Class {
	if p.Type != value.KindLink {
		return nil
	}
	if target := d.schema.Class(p.LinkTarget); target != nil && target.Kind == schema.Embedded {
		return target
	}
	return nil
}

func (d *describer) collection(class string) string {
	if name, ok := d.have.Collections[class]; ok {
		return name
	}
	return class
}

// class adds what is missing of a class that is not embedded.
func (d *describer) class(app string, class *schema.Class) (added bool, err error) {
	at := appconfig.Metadata{DataSource: d.service.Name, Database: d.service.FlexibleSync.DatabaseName, Collection: d.collection(class.Name)}
	i := slices.IndexFunc(d.config.Schemas, func(s appconfig.Schema) bool { return s.Metadata == at })
	if i < 0 {
		i = len(d.config.Schemas)
		d.config.Schemas = append(d.config.Schemas, appconfig.Schema{
			ID: appconfig.FixedID(app, "schema", at.DataSource, at.Database, at.Collection), Metadata: at, Schema: json.RawMessage(`{}`),
		})
		added = true
		if f := d.service.FlexibleSync; class.Kind == schema.Asymmetric && !slices.Contains(f.AsymmetricTables, class.Name) {
			f.AsymmetricTables = append(f.AsymmetricTables, class.Name)
		}
	}
	s := &d.config.Schemas[i]
	links := map[string]json.RawMessage{}
	text, more, err := d.object(s.Schema, class, links, nil)
	if err != nil || !more {
		return added, err
	}
	s.Schema = text
	all := map[string]json.RawMessage{}
	if isObject(s.Relationships) {
		if err := json.Unmarshal(s.Relationships, &all); err != nil {
			return false, fmt.Errorf("jsonschema: the relationships of %s: %w", at.Collection, err)
		}
	}
	for field, link := range links {
		all[field] = link
	}
	if len(all) > 0 {
		if s.Relationships, err = json.Marshal(all); err != nil {
			return false, err
		}
	}
	return true, nil
}

// object adds the properties that a description lacks. links gets the relationships of what was added.
func (d *describer) object(raw json.RawMessage, class *schema.Class, links map[string]json.RawMessage, at []string) (text json.RawMessage, added bool, err error) {
	var (
		out        map[string]json.RawMessage
		properties map[string]json.RawMessage
		required   []string
	)
	if err := json.Unmarshal(raw, &out); err != nil || out == nil {
		return nil, false, fmt.Errorf("jsonschema: the schema of class %s is damaged: %v", class.Name, err)
	}
	if len(out["properties"]) > 0 {
		if err := json.Unmarshal(out["properties"], &properties); err != nil {
			return nil, false, fmt.Errorf("jsonschema: the properties of class %s are damaged: %w", class.Name, err)
		}
	}
	if len(out["required"]) > 0 {
		if err := json.Unmarshal(out["required"], &required); err != nil {
			return nil, false, fmt.Errorf("jsonschema: what is required of class %s is damaged: %w", class.Name, err)
		}
	}
	if properties == nil {
		properties = map[string]json.RawMessage{}
	}
	if _, ok := out["title"]; !ok && len(properties) == 0 {
		out["title"] = mustMarshal(class.Name)
		out["bsonType"] = mustMarshal("object")
	}
	if d.left -= len(class.Properties) + 1; d.left < 0 || len(at) > maxNesting {
		return nil, false, errTooLarge
	}
	for i := range class.Properties {
		p := &class.Properties[i]
		place := append(at[:len(at):len(at)], p.Name)
		have, ok := properties[p.Name]
		if ok {
			e := d.embedded(p)
			if e == nil {
				continue
			}
			inner, more, err := d.within(have, e, p.Collection, links, place)
			if err != nil {
				return nil, false, err
			}
			if more {
				properties[p.Name], added = inner, true
			}
			continue
		}
		if properties[p.Name], err = d.property(p, links, place); err != nil {
			return nil, false, err
		}
		added = true
		if p.Collection == schema.Single && !p.Nullable {
			required = append(required, p.Name)
		}
	}
	if !added {
		return raw, false, nil
	}
	out["properties"] = mustMarshal(properties)
	if len(required) > 0 {
		out["required"] = mustMarshal(required)
	}
	return mustMarshal(out), true, nil
}

// within adds to the description of an embedded object, which is inside that of a collection if the property is one.
func (d *describer) within(raw json.RawMessage, class *schema.Class, c schema.Collection, links map[string]json.RawMessage, at []string) (json.RawMessage, bool, error) {
	member := map[schema.Collection]string{schema.List: "items", schema.Set: "items", schema.Dictionary: "additionalProperties"}[c]
	if member == "" {
		return d.object(raw, class, links, at)
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(raw, &out); err != nil || out == nil {
		return nil, false, fmt.Errorf("jsonschema: the schema of %s is damaged: %v", strings.Join(at, "."), err)
	}
	inner, added, err := d.object(out[member], class, links, at)
	if err != nil || !added {
		return raw, false, err
	}
	out[member] = inner
	return mustMarshal(out), true, nil
}

// names of the types, in schemas.
var names = map[value.Kind]string{
	value.KindObjectID: "objectId", value.KindBool: "bool", value.KindString: "string", value.KindInt: "long", value.KindTimestamp: "date",
	value.KindUUID: "uuid", value.KindBinary: "binData", value.KindMixed: "mixed", value.KindDecimal: "decimal", value.KindDouble: "double", value.KindFloat: "float",
}

// property describes a property.
func (d *describer) property(p *schema.Property, links map[string]json.RawMessage, at []string) (json.RawMessage, error) {
	var element any
	switch target := d.schema.Class(p.LinkTarget); {
	case p.Type != value.KindLink && p.Nullable && p.Type != value.KindMixed && (p.Collection != schema.Single || len(at) == 1 && p.Name == schema.KeyName):
		element = map[string]any{"bsonType": []string{names[p.Type], "null"}}
	case p.Type != value.KindLink:
		element = map[string]any{"bsonType": names[p.Type]}
	case target == nil:
		return nil, fmt.Errorf("jsonschema: %s links to class %s, which is not there", strings.Join(at, "."), p.LinkTarget)
	case target.Kind == schema.Embedded:
		inner, _, err := d.object(json.RawMessage(`{}`), target, links, at)
		if err != nil {
			return nil, err
		}
		if string(inner) == `{}` { // it has no properties
			inner = mustMarshal(map[string]any{"title": target.Name, "bsonType": "object"})
		}
		element = inner
	default:
		element = map[string]any{"bsonType": names[target.Key().Type]}
		links[strings.Join(at, ".")] = mustMarshal(map[string]any{
			"ref":         "#/relationship/" + d.service.Name + "/" + d.service.FlexibleSync.DatabaseName + "/" + d.collection(target.Name),
			"foreign_key": target.PrimaryKey, "is_list": p.Collection != schema.Single,
		})
	}
	switch p.Collection {
	case schema.List:
		return mustMarshal(map[string]any{"bsonType": "array", "items": element}), nil
	case schema.Set:
		return mustMarshal(map[string]any{"bsonType": "array", "uniqueItems": true, "items": element}), nil
	case schema.Dictionary:
		return mustMarshal(map[string]any{"bsonType": "object", "additionalProperties": element}), nil
	default:
		return mustMarshal(element), nil
	}
}

// mustMarshal is json.Marshal of what always can be written: texts, and what was read from JSON.
func mustMarshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
