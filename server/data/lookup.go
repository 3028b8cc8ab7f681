package data

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
	"realmsync/server/mql"
)

var _ auth.CustomData = (*Data)(nil)

// Lookup returns the custom data of a user: the first document that was inserted with the user's id, whole; nil if there is none or none is
// configured (app-services 9). Of a plain collection it is found by an index.
func (d *Data) Lookup(ctx context.Context, app string, userID string) (bson.D, error) {
	cfg, err := d.cfg.Apps.Current(ctx, app)
	if err != nil {
		return nil, err
	}
	c := cfg.CustomUserData
	if c == nil || !c.Enabled || c.UserIDField == "" {
		return nil, nil
	}
	at := Collection{Database: c.DatabaseName, Name: c.CollectionName}
	for i := range cfg.Services {
		if cfg.Services[i].ID == c.ServiceID {
			at.Service = cfg.Services[i].Name
		}
	}
	if at.Service == "" {
		return nil, nil
	}
	filter, err := mql.CompileFilter(bson.D{{Key: c.UserIDField, Value: userID}})
	if err != nil {
		return nil, err
	}
	o, end, err := d.start(ctx, app, auth.SystemCaller(), at, false)
	if err != nil {
		return nil, err
	}
	defer end()
	if p, ok := o.on.(*target).collection.(*plain); ok && c.UserIDField != "_id" {
		if err := p.index(ctx, c.UserIDField); err != nil {
			return nil, err
		}
	}
	docs, err := o.find(filter, nil, 1)
	if err != nil || len(docs) == 0 {
		return nil, err
	}
	return docs[0], nil
}
