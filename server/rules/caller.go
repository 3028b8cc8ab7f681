package rules

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
)

// Caller is the user that expressions are about: what %%user stands for.
type Caller = auth.Caller

// userDocument returns %%user.
func userDocument(c *Caller) bson.D {
	d := bson.D{{Key: "id", Value: c.UserID}, {Key: "type", Value: c.Type}}
	if c.Data != nil {
		d = append(d, bson.E{Key: "data", Value: c.Data})
	}
	if c.CustomData != nil {
		d = append(d, bson.E{Key: "custom_data", Value: c.CustomData})
	}
	identities := make(bson.A, len(c.Identities))
	for i, id := range c.Identities {
		identities[i] = bson.D{{Key: "id", Value: id.ID}, {Key: "provider_type", Value: id.ProviderType}}
	}
	return append(d, bson.E{Key: "identities", Value: identities})
}
