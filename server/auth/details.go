package auth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
	"realmsync/server/ejson"
)

const (
	maxDetail  = 4096 // characters of a text, bytes of any other value (app-services 4.4)
	maxDetails = 64   // of one identity
)

// Details are what is known of a user, for the profile: JSON values that extended JSON reads too, by their names.
type Details map[string]json.RawMessage

// set takes a text, unless it is empty or too long.
func (d Details) set(name, text string) {
	if text == "" || utf8.RuneCountInString(text) > maxDetail {
		return
	}
	raw, err := json.Marshal(text)
	if err == nil {
		d[name] = raw
	}
}

// texts are the details that SDKs have accessors for, and take for texts: the original's client ends the process of the app that asks for one that is anything else (app-services 4.5).
var texts = []string{"name", "email", "picture_url", "first_name", "last_name", "gender", "birthday", "min_age", "max_age"}

// Readable returns the details as SDKs can read them: of those that must be texts, numbers and booleans are written as such, and what is no such value is left out.
func (d Details) Readable() Details {
	out := maps.Clone(d)
	for _, name := range texts {
		raw, ok := out[name]
		switch {
		case !ok || raw[0] == '"':
		case raw[0] == '{' || raw[0] == '[' || raw[0] == 'n':
			delete(out, name)
		default:
			out[name] = json.RawMessage(`"` + string(raw) + `"`)
		}
	}
	return out
}

// document returns the details as BSON values, by name.
func (d Details) document() (bson.D, error) {
	out := bson.D{}
	for _, name := range slices.Sorted(maps.Keys(d)) {
		value, err := ejson.Parse(d[name])
		if err != nil {
			return nil, err
		}
		out = append(out, bson.E{Key: name, Value: value})
	}
	return out, nil
}

// metadata takes over what an app is configured to know of an external identity's claims. A required field that is missing, or that
// cannot be taken over, is an error.
func metadata(fields []appconfig.MetadataField, claims json.RawMessage) (Details, error) {
	out := Details{}
	for _, f := range fields {
		path := splitPath(f.Name)
		name := f.FieldName
		if name == "" {
			name = path[len(path)-1]
		}
		value, ok := lookUp(claims, path)
		if !ok || len(out) >= maxDetails {
			if f.Required {
				return nil, &Error{Status: http.StatusUnauthorized, Code: "AuthError", Text: fmt.Sprintf("the required metadata field '%s' is missing, or cannot be used", clip(f.Name, 64))}
			}
			continue
		}
		out[name] = value
	}
	return out, nil
}

// splitPath splits a path at its dots; a backslash escapes the character behind it.
func splitPath(path string) []string {
	parts := []string{""}
	for i := 0; i < len(path); i++ {
		last := &parts[len(parts)-1]
		switch {
		case path[i] == '\\' && i+1 < len(path):
			i++
			*last += path[i : i+1]
		case path[i] == '.':
			parts = append(parts, "")
		default:
			*last += path[i : i+1]
		}
	}
	return parts
}

// lookUp returns the value at a path, if it can be in a profile: not null, not too large, and something that clients read.
func lookUp(doc json.RawMessage, path []string) (json.RawMessage, bool) {
	for _, name := range path {
		var members map[string]json.RawMessage
		if json.Unmarshal(doc, &members) != nil {
			return nil, false
		}
		var ok bool
		if doc, ok = members[name]; !ok {
			return nil, false
		}
	}
	doc = bytes.TrimSpace(doc)
	if string(doc) == "null" {
		return nil, false
	}
	var text string
	if json.Unmarshal(doc, &text) == nil {
		if utf8.RuneCountInString(text) > maxDetail {
			return nil, false
		}
	} else if len(doc) > maxDetail || strings.Contains(string(doc), `"$`) { // what looks like extended JSON could be some that clients don't take
		return nil, false
	}
	if _, err := ejson.Parse(doc); err != nil {
		return nil, false
	}
	var compact bytes.Buffer
	if json.Compact(&compact, doc) != nil {
		return nil, false
	}
	return compact.Bytes(), true
}
