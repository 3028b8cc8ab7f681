package data

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/fairqueue"
	"realmsync/server/mql"
)

// Bounds on one operation.
const (
	turnSteps  = 1_000_000 // comparisons, about, for one document in the writer's turn
	maxResult  = 48 << 20  // bytes that are held for a result
	maxTime    = 30 * time.Second
	maxIDs     = 200_000 // documents that one operation writes
	maxRetries = 8       // of an operation on one document that others change meanwhile
)

// operation is one operation of one caller on one collection.
type operation struct {
	ctx    context.Context
	name   Collection
	on     collection
	access Access // nil: everything is allowed
	failed *failures
	meter  *mql.Meter
	turn   *fairqueue.Turn // nil: it waits for none
	now    func() time.Time
	// foreign reads another collection of the database, as the same caller.
	foreign mql.Foreign
	// linked returns the same caller's access to the collection of another class.
	linked func(class string) (Access, error)
}

// matches tells whether the caller sees the document and the filter holds for what it sees: what it doesn't see it can't search by, either.
func (o *operation) matches(d bson.D, filter *mql.Filter) (seen bson.D, ok bool, err error) {
	if err := o.meter.Step(1 + len(d)); err != nil {
		return nil, false, err
	}
	if seen, ok, err = o.readable(d); !ok || err != nil {
		return nil, false, err
	}
	if filter != nil {
		ok, err = filter.Match(seen, o.meter)
	}
	return seen, ok, err
}

// readable returns the part of a document that the caller sees.
func (o *operation) readable(d bson.D) (seen bson.D, ok bool, err error) {
	seen, ok = o.access.readable(d)
	return seen, ok, o.failed.err()
}

// each calls f for the documents that match, as the caller sees them.
func (o *operation) each(filter *mql.Filter, after string, f visitor) error {
	return o.on.scan(o.ctx, filter, after, func(d bson.D, place string) (bool, error) {
		seen, ok, err := o.matches(d, filter)
		if !ok || err != nil {
			return err == nil, err
		}
		return f(seen, place)
	})
}

// find returns the documents that match, in an order, at most limit; 0 means all.
func (o *operation) find(filter *mql.Filter, order mql.Sort, limit int64) ([]bson.D, error) {
	var out []bson.D
	held := 0
	err := o.each(filter, "", func(d bson.D, _ string) (bool, error) {
		n := mql.Size(d)
		held += n
		out = append(out, d)
		if err := o.meter.Hold(n); err != nil {
			return false, err
		}
		if limit == 0 {
			return true, nil
		}
		if len(order) == 0 {
			return int64(len(out)) < limit, nil
		}
		if int64(len(out)) < 2*limit+1000 {
			return true, nil
		}
		// Only the first ones of what has come so far can be among the first ones of all.
		if err := order.Sorted(out, o.meter); err != nil {
			return false, err
		}
		kept := 0
		clear(out[limit:])
		out = out[:limit]
		for _, d := range out {
			kept += mql.Size(d)
		}
		o.meter.Free(held - kept)
		held = kept
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if err := order.Sorted(out, o.meter); err != nil {
		return nil, err
	}
	if limit > 0 && int64(len(out)) > limit {
		out = out[:limit]
	}
	return out, nil
}

// ids returns the ids of the documents that match.
func (o *operation) ids(filter *mql.Filter, order mql.Sort, limit int64) ([]any, error) {
	field := o.on.idField()
	if len(order) > 0 {
		docs, err := o.find(filter, order, limit)
		out := make([]any, 0, len(docs))
		for _, d := range docs {
			id, _ := mql.Get(d, field)
			out = append(out, id)
		}
		return out, err
	}
	var out []any
	err := o.each(filter, "", func(d bson.D, _ string) (bool, error) {
		id, _ := mql.Get(d, field)
		if len(out) >= maxIDs {
			return false, invalid("one operation can write at most %d documents", maxIDs)
		}
		out = append(out, id)
		return limit == 0 || int64(len(out)) < limit, o.meter.Hold(mql.Size(id))
	})
	return out, err
}

// modify looks at documents once more in the writer's turn, and lets f change those that still match. It goes on until all had their turn; a
// version, or a transaction, has as many as the collection takes at once.
func (o *operation) modify(ids []any, filter *mql.Filter, f func(w writer, d, seen bson.D) error) error {
	for len(ids) > 0 {
		batch := ids
		done := 0
		inside := *o
		inside.meter = o.steps() // nobody else writes meanwhile
		err := o.write(func(w writer) error {
			for _, id := range batch {
				if done > 0 && w.full() {
					break
				}
				done++
				d, err := w.get(id)
				if err != nil {
					return err
				}
				if d == nil {
					continue
				}
				seen, ok, err := inside.matches(d, filter)
				if errors.Is(err, mql.ErrBudget) && done > 1 {
					done-- // that is enough for one turn
					return nil
				}
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
				if err := f(w, d, seen); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		ids = ids[done:]
	}
	return nil
}

// updated is what became of an update.
type updated struct {
	matched, modified int32
	inserted          any  // the id of the document that an upsert made
	upserted          bool // there is one
	before, after     bson.D
}

// update changes the documents that match: all, or the first in an order.
func (o *operation) update(filter *mql.Filter, update *mql.Update, many, upsert bool, order mql.Sort) (updated, error) {
	limit := int64(1)
	if many {
		limit = 0
	}
	added := increments{}
	for path := range update.Increments() {
		added[path] = true
	}
	for try := 0; ; try++ {
		ids, err := o.ids(filter, order, limit)
		if err != nil {
			return updated{}, err
		}
		out := &updated{}
		if len(ids) == 0 {
			if !upsert {
				return *out, nil
			}
			again, err := o.upsert(filter, update, out)
			if err != nil {
				return updated{}, err
			}
			if !again || try >= maxRetries {
				return *out, nil
			}
			continue // somebody else has made it
		}
		err = o.modify(ids, filter, func(w writer, d, seen bson.D) error {
			return o.change(w, d, seen, filter, update, added, out)
		})
		if err != nil {
			return updated{}, err // out is still the writer's, if the caller has gone away
		}
		if many || out.matched > 0 || try >= maxRetries {
			return *out, nil
		}
	}
}

// change updates one document.
func (o *operation) change(w writer, d, seen bson.D, filter *mql.Filter, update *mql.Update, added increments, out *updated) error {
	if err := o.mayName(d, seen, update); err != nil {
		return err
	}
	after, err := update.Apply(d, mql.Target{
		ID: o.on.idField(), Filter: filter, Seen: seen, Now: o.now(), May: func(path []string) error { return o.mayTouch(d, seen, path) },
	}, o.steps())
	if err != nil {
		return err
	}
	if update.Replaces() && o.access != nil {
		after = o.withUnseen(d, seen, after)
	}
	out.matched++
	out.before, out.after = seen, seen
	if mql.Identical(d, after) {
		return nil
	}
	if err := o.mayWrite(d, after); err != nil {
		return err
	}
	out.modified++
	if after, err = o.put(w, d, after, added); err != nil {
		return err
	}
	out.after = after
	if o.access != nil {
		out.after, _ = o.access.readable(after)
	}
	return nil
}

// put replaces a document, if the caller may make of it what mayWrite has allowed, and also what becomes of that: a class rounds numbers and leaves out
// what is null, and nobody may write by that what they may not.
func (o *operation) put(w writer, before, after bson.D, incremented increments) (made bson.D, err error) {
	if made, err = w.put(before, after, incremented); err != nil || mql.Identical(made, after) {
		return made, err
	}
	return made, o.mayWrite(before, made)
}

// write is collection.write. Meanwhile the operation has no slot: it waits for the writer, and for the disk.
func (o *operation) write(f func(writer) error) error {
	o.turn.Rest()
	return o.on.write(o.ctx, func(w writer) error {
		err := f(w)
		if failed := o.failed.err(); failed != nil {
			return failed // what was refused for it, or passed over
		}
		return err
	})
}

// steps is a meter for one turn of the writer.
func (o *operation) steps() *mql.Meter { return mql.NewMeter(o.ctx, turnSteps, maxResult).At(o.now()) }

// mayWrite checks every field that is different. The role for the document as it was must allow it, and so must the one for what becomes of it:
// otherwise a write could give itself the role that allows it.
func (o *operation) mayWrite(before, after bson.D) error {
	if o.access == nil {
		return nil
	}
	for _, role := range []Role{o.access(before, before), o.access(after, before)} {
		if role == nil {
			return errUpdate
		}
		for _, e := range after {
			was, had := mql.Get(before, e.Key)
			if (!had || !mql.Identical(was, e.Value)) && !role.CanWrite(before, after, e.Key) {
				return errUpdate
			}
		}
		for _, e := range before {
			if _, has := mql.Get(after, e.Key); !has && !role.CanWrite(before, after, e.Key) {
				return errUpdate
			}
		}
	}
	return nil
}

// upsert makes the document that an update was about. again tells that there is one by now, with the same id.
func (o *operation) upsert(filter *mql.Filter, update *mql.Update, out *updated) (bool, error) {
	start := filter.Defaults()
	d, err := update.Apply(start, mql.Target{ID: o.on.idField(), Inserting: true, Seen: start, Now: o.now()}, o.steps())
	if err != nil {
		return false, err
	}
	again := false
	err = o.write(func(w writer) error {
		made, taken, err := o.add(w, d)
		if err != nil {
			return err
		}
		if again = taken; taken {
			return nil
		}
		if err := o.mayInsert(made); err != nil {
			return err
		}
		out.inserted, _ = mql.Get(made, o.on.idField())
		out.upserted, out.after = true, made
		if o.access != nil {
			out.after, _ = o.access.readable(made)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	if again {
		// The document with that id doesn't match, or it does by now: then the update is about it.
		there, err := o.ids(filter, nil, 1)
		if err == nil && len(there) == 0 {
			return false, o.taken(d)
		}
		return true, err
	}
	return false, nil
}

// add inserts a document, which mayInsert decides over once it is made. What is wrong with one that can't be made tells of the class: only who
// might insert it is told.
func (o *operation) add(w writer, d bson.D) (made bson.D, taken bool, err error) {
	made, taken, err = w.insert(d)
	var told *apierror.Error
	if errors.As(explain(err), &told) {
		if refused := o.mayInsert(d); refused != nil {
			err = refused
		}
	}
	return made, taken, err
}

func (o *operation) mayInsert(d bson.D) error {
	if o.access == nil {
		return nil
	}
	if role := o.access(d, nil); role == nil || !role.CanInsert(d) {
		if err := o.failed.err(); err != nil {
			return err
		}
		return errInsert
	}
	return nil
}

// insert adds documents, all or none, and returns their ids.
func (o *operation) insert(docs []bson.D) (bson.A, error) {
	ids := bson.A{}
	at := 0
	err := o.write(func(w writer) (err error) {
		defer func() { err = ofDocument(err, at, len(docs)) }()
		for i, d := range docs {
			at = i
			made, taken, err := o.add(w, d)
			switch {
			case err != nil:
				return err
			case taken:
				return o.taken(d)
			}
			if err := o.mayInsert(made); err != nil {
				return err
			}
			id, _ := mql.Get(made, o.on.idField())
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// remove removes the documents that match: all, or the first in an order, which is returned.
func (o *operation) remove(filter *mql.Filter, many bool, order mql.Sort) (n int32, last bson.D, err error) {
	limit := int64(1)
	if many {
		limit = 0
	}
	for try := 0; ; try++ {
		ids, err := o.ids(filter, order, limit)
		if err != nil || len(ids) == 0 {
			return 0, nil, err
		}
		if err := o.on.leaving(o.ctx, o.meter, ids); err != nil {
			return 0, nil, err
		}
		count := new(int32)
		var gone bson.D
		err = o.modify(ids, filter, func(w writer, d, seen bson.D) error {
			if o.access != nil {
				if role := o.access(d, d); role == nil || !role.CanDelete(d) {
					return errDelete
				}
			}
			*count++
			gone = seen
			return w.remove(d)
		})
		if err != nil {
			return 0, nil, err
		}
		if many || *count > 0 || try >= maxRetries {
			return *count, gone, nil
		}
	}
}
