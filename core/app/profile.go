package app

import "encoding/json"

// Profile is what the server knows of a user: the data member of its profile (app-services 4.5). The zero value knows nothing.
type Profile struct {
	data json.RawMessage
}

// JSON returns the whole profile, a JSON object in extended JSON as the server wrote it, without white space.
func (p Profile) JSON() json.RawMessage {
	if len(p.data) == 0 {
		return json.RawMessage("{}")
	}
	return append(json.RawMessage(nil), p.data...)
}

// Text returns a member that is a string, such as name, email, picture_url, first_name, last_name, gender, birthday, min_age or
// max_age; "" when there is none.
func (p Profile) Text(member string) string {
	var members map[string]json.RawMessage
	var s string
	if json.Unmarshal(p.data, &members) != nil || json.Unmarshal(members[member], &s) != nil {
		return ""
	}
	return s
}

// parseProfile reads an answer of the profile route.
func parseProfile(op string, body []byte) (identities []Identity, data json.RawMessage, err error) {
	doc, err := parseObject(op, body)
	if err != nil {
		return nil, nil, err
	}
	var list []json.RawMessage
	raw, ok := doc.members["identities"]
	if !ok {
		return nil, nil, refusal(op, CodeMissingJSONKey, `the profile has no "identities"`)
	}
	if raw[0] != '[' || json.Unmarshal(raw, &list) != nil {
		return nil, nil, refusal(op, CodeMalformedJSON, `"identities" of the profile is not an array`)
	}
	identities = make([]Identity, len(list))
	for i, element := range list {
		o, err := parseObject(op, element)
		if err != nil {
			return nil, nil, err
		}
		if identities[i].ID, err = o.requiredString("id"); err != nil {
			return nil, nil, err
		}
		if identities[i].ProviderType, err = o.requiredString("provider_type"); err != nil {
			return nil, nil, err
		}
	}
	raw, ok = doc.members["data"]
	if !ok {
		return nil, nil, refusal(op, CodeMissingJSONKey, `the profile has no "data"`)
	}
	if raw[0] != '{' {
		return nil, nil, refusal(op, CodeMalformedJSON, `"data" of the profile is not an object`)
	}
	return identities, compactJSON(raw), nil
}
