package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"realmsync/server/store"
)

// Snapshot is the state at one version. It belongs to one goroutine. Close it soon (see store.Snapshot).
type Snapshot struct {
	store.Snapshot          // of the newest version when it was opened: not necessarily At
	Catalog        *Catalog // as of the version
	version        uint64

	stored *Catalog                      // of what the store's snapshot holds, which may be newer
	older  map[store.ObjectRef]*olderRow // objects that were touched between the version and the store's
	byKey  map[uint32][]*olderRow        // the same by class, ordered by key

	done func() // it is not among the open ones any more
}

// Close gives the snapshot back.
func (s *Snapshot) Close() error {
	s.done()
	return s.Snapshot.Close()
}

// olderRow is an object as it was at the version of a snapshot; nil: it didn't exist.
type olderRow struct {
	key string
	row *Row
}

// Snapshot opens the newest durable state for reading.
func (e *Engine) Snapshot(ctx context.Context) (*Snapshot, error) {
	s, err := e.cfg.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	out := &Snapshot{Snapshot: s}
	if out.version, err = s.Version(); err == nil {
		var classes []store.Class
		if classes, err = s.Classes(); err == nil {
			out.Catalog, err = e.loadCatalog(classes, newest)
			out.stored = out.Catalog
		}
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	out.done = e.reading.enter(out.version)
	return out, nil
}

// SnapshotAt opens the state of a version that is durable. It reads the newest state and takes the history since then back, so it
// is for versions that are nearly the newest, as that of SetView.
func (e *Engine) SnapshotAt(ctx context.Context, version uint64) (*Snapshot, error) {
	s, err := e.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.rewind(ctx, s, version); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// rewind makes a snapshot of the newest state one of an older version.
func (e *Engine) rewind(ctx context.Context, s *Snapshot, version uint64) error {
	switch {
	case version > s.version:
		return fmt.Errorf("history: server version %d was asked for, but the newest is %d", version, s.version)
	case version == s.version:
		return nil
	case version < e.Floor():
		return fmt.Errorf("history: server version %d was asked for, but the history is given up to %d", version, e.Floor())
	}
	records, err := s.Classes()
	if err != nil {
		return err
	}
	if s.Catalog, err = e.loadCatalog(records, version); err != nil {
		return err
	}
	last := s.version
	s.version = version
	s.older, s.byKey = map[store.ObjectRef]*olderRow{}, map[uint32][]*olderRow{}
	err = e.entries(ctx, s, version, last, func(entry *Entry) (bool, error) {
		for i := range entry.Images {
			m := &entry.Images[i]
			if s.older[m.Ref] == nil {
				o := &olderRow{m.Ref.Key, m.Before}
				s.older[m.Ref] = o
				s.byKey[m.Ref.Class] = append(s.byKey[m.Ref.Class], o)
			}
		}
		return true, nil
	})
	for _, objects := range s.byKey {
		slices.SortFunc(objects, func(a, b *olderRow) int { return cmp.Compare(a.key, b.key) })
	}
	return err
}

// known is the newest catalog, with what is gone since the version of the snapshot.
func (s *Snapshot) known() *Catalog {
	out := s.stored
	for id, class := range s.Catalog.byID {
		if out.byID[id] == nil {
			out = out.with(class)
		}
	}
	return out
}

// At returns the version.
func (s *Snapshot) At() uint64 { return s.version }

// as gives a row the form of its class at the version of the snapshot.
func (s *Snapshot) as(class *Class, row *Row) *Row {
	if row == nil || row.Class == class || slices.Equal(row.Class.ids, class.ids) {
		return row
	}
	return row.clone(class)
}

// Rows calls f for each object of the class, ordered by key, until it returns false.
func (s *Snapshot) Rows(class *Class, f func(*Row) (bool, error)) error {
	older := s.byKey[class.ID]
	more := true
	// upTo passes on the older objects with lower keys than that of the scan.
	upTo := func(key string, all bool) (err error) {
		for len(older) > 0 && more && (all || older[0].key < key) {
			if older[0].row != nil {
				more, err = f(s.as(class, older[0].row))
			}
			older = older[1:]
		}
		return err
	}
	stored := s.stored.ClassByID(class.ID)
	if stored == nil {
		// The class is gone since, and what was not touched in between with it. A client will be told to erase the class.
		return upTo("", true)
	}
	err := s.Snapshot.Scan(class.ID, func(key, doc []byte) (bool, error) {
		if err := upTo(string(key), false); err != nil || !more {
			return false, err
		}
		if len(older) > 0 && older[0].key == string(key) {
			return true, nil // it is passed on with the next one
		}
		row, err := decodeStored(s.stored, stored, string(key), doc)
		if err == nil {
			more, err = f(s.as(class, row))
		}
		return more, err
	})
	if err != nil {
		return err
	}
	return upTo("", true)
}

// Row returns one object, nil if it doesn't exist.
func (s *Snapshot) Row(ref store.ObjectRef) (*Row, error) { return s.RowAt(ref, s.version) }

// RowAt returns the object as it was at a version, which is not newer than the snapshot; nil if it didn't exist. It is for what
// a file must be set back to: the older the version, the more history is read.
func (s *Snapshot) RowAt(ref store.ObjectRef, version uint64) (*Row, error) {
	class, stored := s.Catalog.ClassByID(ref.Class), s.stored.ClassByID(ref.Class)
	if class == nil {
		return nil, nil
	}
	if o := s.older[ref]; o != nil && version == s.version {
		return s.as(class, o.row), nil
	}
	if stored == nil {
		return nil, nil
	}
	var row *Row
	var touched uint64
	err := s.Snapshot.Objects([]store.ObjectRef{ref}, func(o store.Object) (err error) {
		touched = o.Version
		if o.Doc != nil {
			row, err = decodeStored(s.stored, stored, o.Key, o.Doc)
		}
		return err
	})
	want := func(other store.ObjectRef) bool { return other == ref }
	for err == nil && touched > version {
		var r store.Entry
		if r, err = s.Snapshot.Entry(touched, true); err != nil {
			break
		}
		var e *Entry
		if e, err = entryOf(s.stored, &r, want); err != nil {
			break
		}
		image := e.image(ref)
		if image == nil {
			err = damagedChain(touched)
			break
		}
		row, touched = image.Before, image.Previous
	}
	if err != nil {
		return nil, err
	}
	return s.as(class, row), nil
}

func damagedChain(version uint64) error {
	return fmt.Errorf("history: server version %d does not know an object that it touched: the data is damaged", version)
}

func decodeStored(catalog *Catalog, class *Class, key string, doc []byte) (*Row, error) {
	k, err := DecodeKey(key)
	if err != nil {
		return nil, err
	}
	return decodeDocument(catalog, class, k, doc)
}
