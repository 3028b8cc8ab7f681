package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"unicode/utf8"

	"realmsync/server/ejson"
)

// maxDepth bounds the nesting of a body (app-services 13.9).
const maxDepth = 64

// object is a JSON object whose members have not been looked at. Members that were null are not in it.
type object map[string]json.RawMessage

// body reads the request's body: nothing and null are an empty object.
func (c *call) body() (object, error) {
	text, err := c.text()
	if err != nil {
		return nil, err
	}
	return parseObject(text, "the request's body")
}

// text reads the request's body as it is.
func (c *call) text() ([]byte, error) {
	text, err := io.ReadAll(c.r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, err
	case err != nil:
		return nil, badRequest("the request's body could not be read")
	case !utf8.Valid(text):
		return nil, badRequest("the request's body is not UTF-8")
	case ejson.Depth(text) > maxDepth:
		return nil, badRequest("the request's body is nested more than %d deep", maxDepth)
	}
	return text, nil
}

func parseObject(text []byte, what string) (object, error) {
	text = bytes.TrimSpace(text)
	out := object{}
	if len(text) == 0 || string(text) == "null" {
		return out, nil
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, badRequest("%s must be a JSON object", what)
	}
	for name, raw := range out {
		if string(raw) == "null" {
			delete(out, name)
		}
	}
	return out, nil
}

// text returns a member that must be a string; "" if it is absent.
func (o object) text(name string) (s string, err error) {
	return s, o.into(name, &s, "a string")
}

// need returns a member that must be a string and not empty.
func (o object) need(name string) (string, error) {
	s, err := o.text(name)
	if err == nil && s == "" {
		err = refuse(http.StatusBadRequest, "MissingParameter", "'%s' is required", name)
	}
	return s, err
}

// into decodes a member that is there; what describes what it must be.
func (o object) into(name string, target any, what string) error {
	raw, ok := o[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, target); err != nil {
		return badRequest("'%s' must be %s", name, what)
	}
	return nil
}

// raw returns a member as it is; nil if it is absent.
func (o object) raw(name string) json.RawMessage { return o[name] }

// merge returns a JSON object with the members of patch in the place of its own. A member that patch has as null goes. Objects in both are
// merged if deep.
func merge(into, patch json.RawMessage, deep bool) (json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if len(into) > 0 {
		if err := json.Unmarshal(into, &all); err != nil {
			return nil, err
		}
		if all == nil {
			all = map[string]json.RawMessage{}
		}
	}
	changes := map[string]json.RawMessage{}
	if err := json.Unmarshal(patch, &changes); err != nil {
		return nil, badRequest("what is to be merged must be a JSON object")
	}
	for name, value := range changes {
		old := bytes.TrimSpace(all[name])
		switch {
		case string(value) == "null":
			delete(all, name)
		case deep && len(old) > 0 && old[0] == '{' && value[0] == '{':
			merged, err := merge(old, value, true)
			if err != nil {
				return nil, err
			}
			all[name] = merged
		default:
			all[name] = value
		}
	}
	return mustJSON(all), nil
}
