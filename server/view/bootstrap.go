package view

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/history"
	"realmsync/server/store"
)

// Bootstrap says what turns the view that a client has into the one that it is to have.
type Bootstrap struct {
	// Before is what the client has, as of the snapshot.
	Before *Set
	// After is what it is to have.
	After *Set
	// Schema puts the whole schema in front: for a client that has none.
	Schema bool
	// Doubtful are objects that the client may have in any state: they are sent anew, or erased if they are not in After.
	Doubtful []store.ObjectRef
	// Broken are views of attempts at the same bootstrap that were broken off. The client may have what they show, and may lack what they don't: both are
	// put right.
	Broken []*Set
	// Piece is how large the changesets get, about, in bytes: moderate, so that the client can integrate them in pieces (spec/wire-protocol.md section 7.3).
	Piece int
	// Pause, if set, is called after each PauseTime of work, about: it may wait, and its error ends the work.
	Pause func() error
}

// PauseTime is how long it takes to look at pauseRows objects, and to write down what is to be sent of them.
const (
	PauseTime = 500 * time.Microsecond
	pauseRows = 64
)

// Write calls emit for the changesets, in order; what it is given is its own. There may be none.
func (b *Bootstrap) Write(snapshot *history.Snapshot, emit func(changeset []byte) error) error {
	w := chunker{catalog: snapshot.Catalog, set: b.After, piece: b.Piece, emit: emit}
	if b.Schema {
		changes, err := schema.Diff(schema.New(), snapshot.Catalog.Schema)
		if err != nil {
			return fmt.Errorf("view: describing the schema: %w", err)
		}
		w.instructions = changeset.SchemaInstructions(changes)
		if err := w.flush(); err != nil {
			return err
		}
	}
	for _, ref := range b.Doubtful {
		if err := b.doubtful(snapshot, ref, &w); err != nil {
			return err
		}
	}
	for _, class := range b.classes(snapshot.Catalog) {
		if err := b.class(snapshot, class, &w); err != nil {
			return err
		}
	}
	return w.flush()
}

// classes lists the classes on which the views may differ, by name.
func (b *Bootstrap) classes(catalog *history.Catalog) (out []*history.Class) {
	for _, c := range catalog.Schema.Classes() {
		if c.Kind == schema.TopLevel && b.concerns(c.Name) {
			out = append(out, catalog.Class(c.Name))
		}
	}
	return out
}

// concerns tells whether the views may differ on a class.
func (b *Bootstrap) concerns(class string) bool {
	other := func(s *Set) bool {
		return !s.sameOn(b.After, class) && (s.Subscribed(class) || b.After.Subscribed(class))
	}
	return other(b.Before) || slices.ContainsFunc(b.Broken, other)
}

func (b *Bootstrap) class(snapshot *history.Snapshot, class *history.Class, w *chunker) error {
	same := history.SameFields(b.Before, b.After, class.Name)
	rows := 0
	return snapshot.Rows(class, func(row *history.Row) (bool, error) {
		if rows++; rows%pauseRows == 0 && b.Pause != nil {
			if err := b.Pause(); err != nil {
				return false, err
			}
		}
		before, err := b.Before.Sees(row)
		if err != nil {
			return false, err
		}
		after, err := b.After.Sees(row)
		if err != nil {
			return false, err
		}
		leftover, err := b.leftover(row, after)
		if err != nil {
			return false, err
		}
		switch {
		case !leftover && (after && before && same || !after && !before):
			return true, nil
		case after:
			return true, w.enter(class.Name, row)
		default:
			return true, w.erase(class.Name, row.Key)
		}
	})
}

// leftover tells whether an attempt that was broken off showed an object otherwise than the bootstrap does.
func (b *Bootstrap) leftover(row *history.Row, after bool) (bool, error) {
	for _, s := range b.Broken {
		if seen, err := s.Sees(row); err != nil || seen != after || seen && !history.SameFields(s, b.After, row.Class.Name) {
			return true, err
		}
	}
	return false, nil
}

// doubtful settles one object.
func (b *Bootstrap) doubtful(snapshot *history.Snapshot, ref store.ObjectRef, w *chunker) error {
	class := snapshot.Catalog.ClassByID(ref.Class)
	if class == nil || class.Kind != schema.TopLevel {
		return nil // it went with its class
	}
	row, err := snapshot.Row(ref)
	if err != nil {
		return err
	}
	if row != nil {
		if inside, err := b.After.Sees(row); err != nil {
			return err
		} else if inside {
			return w.enter(class.Name, row)
		}
	}
	key, err := history.DecodeKey(ref.Key)
	if err != nil {
		return err
	}
	return w.erase(class.Name, key)
}

// chunker cuts a stream of instructions into changesets. An object with large collections may be spread over several: they are
// integrated one after the other, so what one begins the next goes on with.
type chunker struct {
	catalog      *history.Catalog
	set          *Set // what objects are shown as
	piece        int  // bytes
	emit         func([]byte) error
	instructions []changeset.Instruction
	size         int // of the instructions, about
}

// add emits what there is when it is enough.
func (w *chunker) add(in changeset.Instruction) error {
	w.instructions = append(w.instructions, in)
	w.size += 16 + 8*len(in.Path) + len(in.Key.Str()) + len(in.Value.Str())
	if w.size < w.piece {
		return nil
	}
	return w.flush()
}

func (w *chunker) erase(class string, key value.Key) error { return w.add(eraseOf(class, key)) }

func (w *chunker) enter(class string, row *history.Row) error {
	if err := w.erase(class, row.Key); err != nil {
		return err
	}
	return row.State(w.catalog, class, func(in changeset.Instruction) error {
		if w.set.hides(&in) {
			return nil
		}
		return w.add(in)
	})
}

func (w *chunker) flush() error {
	if len(w.instructions) == 0 {
		return nil
	}
	b, err := changeset.Encode(&changeset.Changeset{Instructions: w.instructions})
	if err != nil {
		return fmt.Errorf("view: writing a changeset of a bootstrap: %w", err)
	}
	w.instructions, w.size = w.instructions[:0], 0
	return w.emit(b)
}

// Touched lists the objects that versions after from, up to to, have touched, as far as one of the sets has shown them or the file own has written them:
// others the client can't have, and their keys are not its business. It is for clients that may hold leftovers of a bootstrap that was broken off: the
// next one settles these objects (history.Epoch).
func Touched(ctx context.Context, engine *history.Engine, from, to, own uint64, sets []*Set) ([]store.ObjectRef, error) {
	var out []store.ObjectRef
	limit := 1 << 16
	err := engine.Entries(ctx, from, to, func(e *history.Entry) (bool, error) {
		for i := range e.Images {
			m := &e.Images[i]
			if shown, err := shown(m, sets); err != nil {
				return false, err
			} else if shown || e.Origin == own {
				out = append(out, m.Ref)
			}
		}
		if len(out) > limit {
			compact(&out)
			limit = max(limit, 2*len(out))
		}
		return true, nil
	})
	compact(&out)
	return out, err
}

// shown tells whether one of the sets shows an object before or after a version.
func shown(m *history.Image, sets []*Set) (bool, error) {
	for _, s := range sets {
		for _, row := range [2]*history.Row{m.Before, m.After} {
			if row == nil {
				continue
			}
			if ok, err := s.Sees(row); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

func compact(refs *[]store.ObjectRef) {
	slices.SortFunc(*refs, func(a, b store.ObjectRef) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Key, b.Key))
	})
	*refs = slices.Compact(*refs)
}
