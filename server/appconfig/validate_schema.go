package appconfig

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// bsonTypes are the types that a property of a schema may have (app-services 11.2 and 11.3).
var bsonTypes = map[string]bool{
	"objectId": true, "bool": true, "string": true, "long": true, "int": true, "date": true, "timestamp": true, "uuid": true, "binData": true, "mixed": true,
	"array": true, "object": true, "decimal": true, "double": true, "float": true, "number": true, "linkingObjects": true, "null": true, "regex": true,
}

var relationshipRef = regexp.MustCompile(`^#/(stitch|relationship)/[^/]+/[^/]+/[^/]+$`)

func (v *validator) schemas() {
	seen := map[Metadata]bool{}
	v.count("schemas", len(v.config.Schemas))
	for i := range v.config.Schemas {
		s, path := &v.config.Schemas[i], fmt.Sprintf("schemas[%d]", i)
		v.id(path, s.ID)
		v.text(path+".metadata.data_source", s.Metadata.DataSource, maxName)
		v.text(path+".metadata.database", s.Metadata.Database, maxName)
		v.text(path+".metadata.collection", s.Metadata.Collection, maxName)
		if seen[s.Metadata] {
			v.fail(path+".metadata", "the collection %s.%s of %s has a schema already", clip(s.Metadata.Database), clip(s.Metadata.Collection), clip(s.Metadata.DataSource))
		}
		seen[s.Metadata] = true
		if !isObject(s.Schema) {
			v.fail(path+".schema", "it must be an object")
			continue
		}
		v.property(path+".schema", s.Schema, 0)
		v.relationships(path+".relationships", s.Relationships)
	}
}

// property checks one schema, or one property of it.
func (v *validator) property(path string, raw json.RawMessage, depth int) {
	if depth > maxNesting {
		v.fail(path, "it is nested more than %d deep", maxNesting)
		return
	}
	if v.err != nil {
		return
	}
	var p struct {
		BSONType             json.RawMessage            `json:"bsonType"`
		Title                *string                    `json:"title"`
		Items                json.RawMessage            `json:"items"`
		Properties           map[string]json.RawMessage `json:"properties"`
		Required             []string                   `json:"required"`
		AdditionalProperties json.RawMessage            `json:"additionalProperties"`
	}
	if err := json.Unmarshal(raw, &p); err != nil || !isObject(raw) {
		v.fail(path, "it is not a schema: %s", clip(string(raw)))
		return
	}
	if !isNull(p.BSONType) {
		var types Strings
		if json.Unmarshal(p.BSONType, &types) != nil {
			v.fail(path+".bsonType", "it must be a string or an array of strings")
		}
		for _, t := range types {
			if !bsonTypes[t] {
				v.fail(path+".bsonType", "there is no type %q", clip(t))
			}
		}
	}
	if isObject(p.Items) {
		v.property(path+".items", p.Items, depth+1)
	}
	if isObject(p.AdditionalProperties) {
		v.property(path+".additionalProperties", p.AdditionalProperties, depth+1)
	}
	for _, name := range sorted(p.Properties) {
		v.property(path+".properties."+name, p.Properties[name], depth+1)
	}
	for i, name := range p.Required {
		if _, ok := p.Properties[name]; !ok {
			v.fail(fmt.Sprintf("%s.required[%d]", path, i), "there is no property %q", clip(name))
		}
	}
}

func (v *validator) relationships(path string, raw json.RawMessage) {
	if isNull(raw) {
		return
	}
	var all map[string]struct {
		Ref        string `json:"ref"`
		ForeignKey string `json:"foreign_key"`
		IsList     bool   `json:"is_list"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		v.fail(path, "it must be an object of {ref, foreign_key, is_list}")
		return
	}
	for _, field := range sorted(all) {
		if r := all[field]; !relationshipRef.MatchString(r.Ref) {
			v.fail(path+"."+field+".ref", "%q does not name a collection, as in #/relationship/mongodb-atlas/database/collection", clip(r.Ref))
		}
	}
}
