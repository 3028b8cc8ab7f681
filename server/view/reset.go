package view

import (
	"context"
	"errors"
	"fmt"

	"realmsync/core/changeset"
	"realmsync/server/history"
	"realmsync/server/store"
)

// Reset returns the changeset that sets objects of a client back to what they were on the server after a version: erased if
// the set doesn't see them, else erased and made anew (spec/sync-semantics.md section 5.3).
func Reset(ctx context.Context, engine *history.Engine, s *Set, version uint64, refs []store.ObjectRef) ([]byte, error) {
	snapshot, err := engine.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	out, err := reset(snapshot, s, version, refs)
	return out, errors.Join(err, snapshot.Close())
}

func reset(snapshot *history.Snapshot, s *Set, version uint64, refs []store.ObjectRef) ([]byte, error) {
	var c changeset.Changeset
	done := map[store.ObjectRef]bool{}
	for _, ref := range refs {
		class := snapshot.Catalog.ClassByID(ref.Class)
		if class == nil || done[ref] {
			continue // the class is gone, and the object with it
		}
		done[ref] = true
		key, err := history.DecodeKey(ref.Key)
		if err != nil {
			return nil, err
		}
		row, err := snapshot.RowAt(ref, version)
		if err != nil {
			return nil, fmt.Errorf("view: object %s of class %q at server version %d: %w", key, class.Name, version, err)
		}
		c.Instructions = append(c.Instructions, eraseOf(class.Name, key))
		if row == nil {
			continue
		}
		if inside, err := s.Sees(row); err != nil {
			return nil, err
		} else if inside {
			if c.Instructions, err = s.appendState(c.Instructions, row, snapshot.Catalog, class.Name); err != nil {
				return nil, err
			}
		}
	}
	return changeset.Encode(&c)
}
