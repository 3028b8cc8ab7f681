package api

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// array returns a member that must be an array of extended JSON (app-services 10); an empty one if it is absent or null.
func (o object) array(name string) (bson.A, error) {
	raw, ok := o[name]
	if !ok || string(raw) == "null" {
		return bson.A{}, nil
	}
	out, err := ejson.ParseArray(raw)
	if err != nil {
		return nil, badRequest("'%s' must be an array of extended JSON: %s", name, clip(err.Error(), 256))
	}
	return out, nil
}

// document parses a whole body as a document, without one of its members.
func document(body []byte, without string) (bson.D, error) {
	doc, err := ejson.ParseDocument(body)
	if err != nil {
		return nil, badRequest("the request's body must be a document of extended JSON: %s", clip(err.Error(), 256))
	}
	out := bson.D{}
	for _, e := range doc {
		if e.Key != without {
			out = append(out, e)
		}
	}
	return out, nil
}
