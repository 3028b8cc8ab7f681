package app

import (
	"bytes"
	"encoding/json"
)

// jsonMember is a member of a request's body.
type jsonMember struct {
	name  string
	value json.RawMessage
}

func member(name, value string) jsonMember { return jsonMember{name, jsonString(nil, value)} }

// jsonBody writes an object with its members in the given order.
func jsonBody(members ...jsonMember) []byte {
	b := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(jsonString(b, m.name), ':'), m.value...)
	}
	return append(b, '}')
}

// compactJSON returns JSON without white space. The input has been checked.
func compactJSON(raw []byte) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return append(json.RawMessage(nil), raw...)
	}
	return b.Bytes()
}

// jsonString writes a string as JSON without the HTML escapes of encoding/json, which the original doesn't make.
func jsonString(b []byte, s string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return append(b, `""`...) // a string always encodes
	}
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}
