package data

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/mql"
)

// This file keeps what a caller doesn't see of a collection from being found out by writing to it: an update that is refused when it would change
// something, and not when it wouldn't, or that fails for what a field has, tells what the field has.

// mayName refuses an update that names what the caller neither sees nor may change, whatever it would do there; and one that asks for what a filter of the
// rules hides, also if it may be changed. d is the document, seen what the caller sees of it.
func (o *operation) mayName(d, seen bson.D, update *mql.Update) error {
	if o.access == nil {
		return nil
	}
	for _, path := range update.Paths() {
		if err := o.mayTouch(d, seen, path); err != nil {
			return err
		}
	}
	role, ok := o.access(d, d).(*filtered)
	if !ok {
		return nil // by a role what may be changed may be read
	}
	for _, path := range update.Asks() {
		if role.hides(path) || has(d, path) && !sees(d, seen, path) {
			return errUpdate
		}
	}
	return nil
}

// has tells whether a document has something at a path, or at the array that the path leads into.
func has(d bson.D, path []string) bool {
	v, ok := mql.Get(d, path[0])
	inner, isDocument := v.(bson.D)
	return ok && (len(path) == 1 || !isDocument || has(inner, path[1:]))
}

// mayTouch is mayName of one path.
func (o *operation) mayTouch(d, seen bson.D, path []string) error {
	if o.access == nil || path[0] == o.on.idField() || sees(d, seen, path) {
		return nil
	}
	if role := o.access(d, d); role == nil || !role.CanWrite(d, altered(d, path), path[0]) {
		return errUpdate
	}
	return nil
}

// sees tells whether the caller sees what a document has at a path. Of what isn't there nobody knows whether it would be seen.
func sees(d, seen bson.D, path []string) bool {
	v, ok := mql.Get(d, path[0])
	w, saw := mql.Get(seen, path[0])
	if !ok || !saw {
		return false
	}
	if mql.Identical(v, w) {
		return true
	}
	whole, ok := v.(bson.D)
	part, isDocument := w.(bson.D)
	return ok && isDocument && len(path) > 1 && sees(whole, part, path[1:])
}

// altered returns a document that has something else at a path, or at the array that the path leads into.
func altered(d bson.D, path []string) bson.D {
	i := slices.IndexFunc(d, func(e bson.E) bool { return e.Key == path[0] })
	if i < 0 {
		return append(slices.Clip(d), bson.E{Key: path[0]})
	}
	if inner, ok := d[i].Value.(bson.D); ok && len(path) > 1 {
		out := slices.Clone(d)
		out[i].Value = altered(inner, path[1:])
		return out
	}
	return slices.Delete(slices.Clone(d), i, i+1)
}

// withUnseen keeps the fields that a caller who replaces a document doesn't see.
func (o *operation) withUnseen(d, seen, after bson.D) bson.D {
	out := slices.Clip(after)
	for _, e := range d {
		if _, ok := mql.Get(seen, e.Key); ok {
			continue
		}
		if _, ok := mql.Get(after, e.Key); !ok {
			out = append(out, e)
		}
	}
	return out
}

// taken is the refusal of a document whose id another one has. Who may not insert it is not told that.
func (o *operation) taken(d bson.D) error {
	if err := o.mayInsert(d); err != nil {
		return err
	}
	id, _ := mql.Get(d, o.on.idField())
	return duplicate(o.name, id)
}
