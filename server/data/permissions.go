package data

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
)

// Role is what a caller may do with one document. *rules.Role is one.
type Role interface {
	// Readable returns the part of the document that may be read; ok is false if that is nothing.
	Readable(doc bson.D) (part bson.D, ok bool)
	// CanWrite tells whether a field may be changed; both are the whole document.
	CanWrite(before, after bson.D, field string) bool
	CanInsert(doc bson.D) bool
	CanDelete(doc bson.D) bool
}

// Collection names a collection.
type Collection struct{ Service, Database, Name string }

// Access chooses the role for a document. before is what it was, nil if it is new or unchanged. A nil Role has no access.
type Access func(doc, before bson.D) Role

// readable returns the part of a document that the caller sees. A nil Access is that of somebody who sees everything.
func (a Access) readable(d bson.D) (bson.D, bool) {
	if a == nil {
		return d, true
	}
	role := a(d, nil)
	if role == nil {
		return nil, false
	}
	return role.Readable(d)
}

// Permissions says what callers may do. It is asked once for each operation.
type Permissions interface {
	// Access returns the caller's access to a collection; nil: everything is allowed.
	Access(ctx context.Context, app string, caller *auth.Caller, collection Collection) (Access, error)
	// Queryable returns what tells whether queries of devices may name a field of a class, nil if that is not known: what they read as a GeoJSON point
	// must stay one.
	Queryable(ctx context.Context, app string) (func(class, field string) bool, error)
}

// AllowAll allows everything to everybody.
type AllowAll struct{}

// Access implements Permissions.
func (AllowAll) Access(context.Context, string, *auth.Caller, Collection) (Access, error) {
	return nil, nil
}

// Queryable implements Permissions.
func (AllowAll) Queryable(context.Context, string) (func(class, field string) bool, error) {
	return nil, nil
}
