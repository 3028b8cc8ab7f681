package jsonschema

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"realmsync/core/value"
	"realmsync/server/appconfig"
	"realmsync/server/excerpt"
)

// maxNesting bounds how deep objects are in objects.
const maxNesting = 64

// node is one schema, or one property of it.
type node struct {
	BSONType             appconfig.Strings          `json:"bsonType"`
	Title                string                     `json:"title"`
	UniqueItems          bool                       `json:"uniqueItems"`
	Items                json.RawMessage            `json:"items"`
	Properties           map[string]json.RawMessage `json:"properties"`
	Required             []string                   `json:"required"`
	AdditionalProperties json.RawMessage            `json:"additionalProperties"`
}

func parse(path string, raw json.RawMessage) (*node, error) {
	n := &node{}
	if err := json.Unmarshal(raw, n); err != nil || !isObject(raw) {
		return nil, fail(path, "it is not a schema: %s", clip(string(raw)))
	}
	return n, nil
}

func isObject(raw json.RawMessage) bool { return bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) }

// types are the types without null.
func (n *node) types() []string {
	return slices.DeleteFunc(slices.Clone(n.BSONType), func(t string) bool { return t == "null" })
}

// is tells whether it has this type and no other.
func (n *node) is(kind string) bool {
	t := n.types()
	return len(t) == 1 && t[0] == kind
}

func (n *node) isArray() bool {
	return n.is("array") || len(n.BSONType) == 0 && len(n.Items) > 0
}

// isObject tells whether it describes an object by its properties.
func (n *node) isObject() bool {
	return !n.isDictionary() && (n.is("object") || len(n.BSONType) == 0) && (len(n.Properties) > 0 || n.Title != "")
}

// isDictionary tells whether it describes an object by the values that all its properties may have.
func (n *node) isDictionary() bool {
	return (n.is("object") || len(n.BSONType) == 0) && len(n.Properties) == 0 && n.Title == "" &&
		(isObject(n.AdditionalProperties) || string(bytes.TrimSpace(n.AdditionalProperties)) == "true")
}

var kinds = map[string]value.Kind{
	"objectId": value.KindObjectID, "bool": value.KindBool, "string": value.KindString, "long": value.KindInt, "int": value.KindInt, "date": value.KindTimestamp,
	"uuid": value.KindUUID, "binData": value.KindBinary, "mixed": value.KindMixed, "decimal": value.KindDecimal, "double": value.KindDouble, "float": value.KindFloat,
}

// scalar returns the type of what is neither an object nor a collection; null tells whether null is among the types.
func (n *node) scalar(path string) (kind value.Kind, null bool, err error) {
	types := n.types()
	null = len(types) < len(n.BSONType)
	switch {
	case len(types) == 0:
		return 0, false, fail(path, "it needs a bsonType; of an object, properties or additionalProperties")
	case len(types) > 1 && !slices.Contains(types, "array") && !slices.Contains(types, "object"):
		return value.KindMixed, true, nil
	}
	kind, ok := kinds[types[0]]
	if !ok || len(types) > 1 {
		if types[0] == "object" {
			return 0, false, fail(path, "an object needs properties, or additionalProperties if it is a dictionary")
		}
		return 0, false, fail(path+".bsonType", "objects that sync have no properties of type %s", clip(strings.Join(types, ", ")))
	}
	return kind, null || kind == value.KindMixed, nil
}

// relationships are those of one collection, by the names of the properties on the way, joined by dots.
type relationships map[string]relationship

type relationship struct{ path, service, database, collection, key string }

var reference = regexp.MustCompile(`^#/(?:stitch|relationship)/([^/]+)/([^/]+)/([^/]+)$`)

// parseRelationships reads relationships. Names of collections on the way (items.[].product) and dots at the end (items.) are accepted.
func parseRelationships(path string, raw json.RawMessage) (relationships, error) {
	out := relationships{}
	if !isObject(raw) {
		return out, nil
	}
	path = strings.TrimSuffix(path, ".schema") + ".relationships"
	var all map[string]struct {
		Ref        string `json:"ref"`
		ForeignKey string `json:"foreign_key"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fail(path, "it must be an object of {ref, foreign_key, is_list}")
	}
	for field, r := range all {
		m := reference.FindStringSubmatch(r.Ref)
		if m == nil {
			return nil, fail(path+"."+field+".ref", "%q does not name a collection, as in #/relationship/mongodb-atlas/database/collection", clip(r.Ref))
		}
		names := slices.DeleteFunc(strings.Split(field, "."), func(s string) bool { return s == "" || s == "[]" })
		out[strings.Join(names, ".")] = relationship{path + "." + field + ".ref", m[1], m[2], m[3], r.ForeignKey}
	}
	return out, nil
}

// clip shortens what somebody has sent for the text of an error.
func clip(s string) string { return excerpt.Of(s, 200) }
