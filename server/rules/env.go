package rules

import (
	"go.mongodb.org/mongo-driver/v2/bson"
)

// Document is what an expression sees of a document: its fields by name. A field that isn't there is nil; one that is there and can't be compared, because
// that would cost too much, is Unreadable.
type Document interface{ Field(name string) any }

// Unreadable is the value of a field that can't be compared: whatever is said of it is undefined, but that it exists.
var Unreadable any = new(unreadable)

type unreadable byte

// BSON is a document of a program.
type BSON bson.D

// Field implements Document.
func (d BSON) Field(name string) any {
	for i := range d {
		if d[i].Key == name {
			return d[i].Value
		}
	}
	return nil
}

// Env is what an expression is evaluated in. What is not set is undefined.
type Env struct {
	Caller      *Caller
	Values      bson.D   // %%values
	Tag         string   // %%environment.tag
	Environment bson.D   // %%environment.values
	Root        Document // %%root and plain names; nil: there is no document
	RootBSON    bson.D   // the document as a value
	PrevRoot    bson.D   // %%prevRoot: nil: there was none
	This, Prev  any      // the value of the field that a field's permission is about, now and before
	Args        bson.A
	// Call calls a function of the app; nil: what calls one is undefined.
	Call func(name string, args bson.A) (any, error)
	// Failed is told what a function failed with that decides over access, where that is refused for it; nil: nobody is.
	Failed func(error)
}

// fail tells Failed of an error, if it is one.
func (e *Env) fail(err error) {
	if err != nil && e.Failed != nil {
		e.Failed(err)
	}
}

// on returns the environment for a document, which was another one before; either may be nil.
func (e *Env) on(doc, before bson.D) *Env {
	out := *e
	if doc != nil {
		out.Root, out.RootBSON = BSON(doc), doc
	}
	out.PrevRoot = before
	return &out
}

// expansions are the names that expressions may expand; true: also in filters of sync.
var expansions = map[string]bool{
	"true": true, "false": true, "user": true, "values": true, "environment": true,
	"root": false, "prevRoot": false, "this": false, "prev": false, "request": false, "args": false, "partition": false,
}

func (e *Env) expand(name string) (any, bool) {
	switch name {
	case "true":
		return true, true
	case "false":
		return false, true
	case "user":
		if e.Caller == nil {
			return nil, false
		}
		return userDocument(e.Caller), true
	case "values":
		return e.Values, true
	case "environment":
		return bson.D{{Key: "tag", Value: e.Tag}, {Key: "values", Value: e.Environment}}, true
	case "root":
		return e.RootBSON, e.RootBSON != nil
	case "prevRoot":
		return e.PrevRoot, e.PrevRoot != nil
	case "this":
		return e.This, e.This != nil
	case "prev":
		return e.Prev, e.Prev != nil
	case "request":
		if e.Caller == nil {
			return nil, false
		}
		return e.Caller.Request, e.Caller.Request != nil
	case "args":
		return e.Args, e.Args != nil
	}
	return nil, false
}
