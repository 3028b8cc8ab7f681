package data

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/mql"
)

// collection is one of either kind. Its ids are the documents' own, in the form that documents have them.
type collection interface {
	// idField is the name of the field that identifies documents.
	idField() string
	// scan calls f for documents, in natural order, until it returns false: those that may match the filter. place is where the document is in
	// that order; a scan that is given it goes on behind it.
	scan(ctx context.Context, filter *mql.Filter, after string, f visitor) error
	// write calls f once with the newest state; what f does is durable when write returns, all or nothing.
	write(ctx context.Context, f func(writer) error) error
	// leaving is told which documents writes are going to remove, before them.
	leaving(ctx context.Context, meter *mql.Meter, ids []any) error
}

// visitor is told a document and its place.
type visitor func(d bson.D, place string) (more bool, err error)

// writer changes documents of a collection. It belongs to write's f.
type writer interface {
	get(id any) (bson.D, error) // nil: there is none
	// insert adds a document; one without id is given one. It returns the document as it is then, which is nothing new if its id is taken: taken is true.
	insert(d bson.D) (made bson.D, taken bool, err error)
	// put replaces a document, and returns it as it is then. incremented are the paths that were incremented.
	put(before, after bson.D, incremented increments) (made bson.D, err error)
	remove(d bson.D) error
	// full tells that enough was written at once.
	full() bool
}
