package rules

import "go.mongodb.org/mongo-driver/v2/bson"

// Caller is the user that expressions are about: what %%user stands for.
type Caller struct {
	UserID     string
	Type       string // "normal" or "server"
	Data       bson.D // of the profile
	CustomData bson.D // nil: none
	Identities bson.A // documents of an id and a provider_type
	System     bool   // rules don't hold for it
}

// document returns %%user.
func (c *Caller) document() bson.D {
	d := bson.D{{Key: "id", Value: c.UserID}, {Key: "type", Value: c.Type}}
	if c.Data != nil {
		d = append(d, bson.E{Key: "data", Value: c.Data})
	}
	if c.CustomData != nil {
		d = append(d, bson.E{Key: "custom_data", Value: c.CustomData})
	}
	return append(d, bson.E{Key: "identities", Value: c.Identities})
}
