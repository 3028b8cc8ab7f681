package merge

import (
	"fmt"
	"slices"

	"realmsync/core/changeset"
)

// History is what Batch needs of the history that a batch is merged with: that of a client's file, or that of the server as one
// client file sees it. Its versions are those of the merging side. Errors are passed on unchanged.
type History interface {
	// NextAfter returns the smallest version w with after < w <= upTo whose stored changeset (not its reciprocal) is not empty and
	// did not come from the sender of the batch; ok is false if there is none (sections 9.3, 10.3).
	NextAfter(after, upTo uint64) (w uint64, ok bool, err error)
	// Reciprocal returns the entry as it has to be merged with what the sender sends: with the reciprocal changeset that was stored
	// last, also if that is empty, or else its own changeset. FileIdent is the effective origin: the local file's ident for a
	// client's own changes, 1 for the server's. The changeset is only read, so it may be shared.
	Reciprocal(version uint64) (Entry, error)
	// StoreReciprocal stores a reciprocal changeset that was changed; it may be empty, which is not the same as none.
	StoreReciprocal(version uint64, c *changeset.Changeset) error
}

// Finder may be implemented by a History that can find the entries that matter without reading all. The result is the same.
type Finder interface {
	// Window returns, in ascending order, the versions w with after < w <= upTo that NextAfter would visit, as far as they have to be
	// merged with changesets that touch t (see Touch): those that touch one of the objects, those that erase, and, if t.Schema,
	// those with any schema instruction; if t.Erases, all. More of what NextAfter would visit does no harm. What counts is the
	// stored changeset: a reciprocal never touches more objects.
	Window(after, upTo uint64, t Touched) ([]uint64, error)
}

// Batch transforms a batch of incoming changesets and the history that they are concurrent with (spec/merge.md section 2.1).
// current is the newest version of the merging side. Each incoming entry is merged with the history after its LastIntegrated, then
// given to apply, in the order of the batch; reciprocals that changed are stored at the end.
//
// On error, of merging, of the history or of apply, the caller rolls its transaction back: nothing of the batch may be kept. Entries
// that were applied before have been changed then. A batch with any number of different bases is merged correctly (section 14, X6);
// apply can't stop halfway (X7).
//
// The rules are the compatible ones; see Rules.
func Batch(h History, current uint64, batch []*Entry, apply func(*Entry) error) error {
	return Compatible.Batch(h, current, batch, apply)
}

// Batch is Batch by these rules. apply should be what Apply does.
func (rules Rules) Batch(h History, current uint64, batch []*Entry, apply func(*Entry) error) error {
	b := batchMerger{history: h, current: current, entries: map[uint64]*Entry{}}
	b.finder, _ = h.(Finder)
	for start := 0; start < len(batch); {
		end := start + 1
		for end < len(batch) && batch[end].LastIntegrated == batch[start].LastIntegrated {
			end++
		}
		run := batch[start:end]
		window, err := b.window(run)
		if err != nil {
			return err
		}
		if err := rules.Changesets(window, run); err != nil {
			return err
		}
		for _, e := range run {
			if err := apply(e); err != nil {
				return err
			}
		}
		start = end
	}
	return b.store()
}

// batchMerger remembers the reciprocals that a batch has been merged with: later runs go on with what they have become, also if
// that is empty.
type batchMerger struct {
	history History
	finder  Finder
	current uint64
	entries map[uint64]*Entry
}

// window returns the entries that a run of changesets with the same base has to be merged with.
func (b *batchMerger) window(run []*Entry) ([]*Entry, error) {
	base := run[0].LastIntegrated
	if base >= b.current {
		return nil, nil
	}
	if b.finder != nil {
		changesets := make([]*changeset.Changeset, len(run))
		for i, e := range run {
			if e.Changeset == nil {
				return nil, fmt.Errorf("merge: incoming version %d has no changeset", e.Version)
			}
			changesets[i] = e.Changeset
		}
		versions, err := b.finder.Window(base, b.current, Touch(changesets...))
		if err != nil {
			return nil, err
		}
		window := make([]*Entry, 0, len(versions))
		for i, v := range versions {
			if v <= base || v > b.current || i > 0 && v <= versions[i-1] {
				return nil, fmt.Errorf("merge: the history answered the versions %d..%d with %d out of order or range", base+1, b.current, v)
			}
			e, err := b.entry(v)
			if err != nil {
				return nil, err
			}
			window = append(window, e)
		}
		return window, nil
	}
	var window []*Entry
	for v := base; ; {
		next, ok, err := b.history.NextAfter(v, b.current)
		if err != nil {
			return nil, err
		}
		if !ok {
			return window, nil
		}
		if next <= v || next > b.current {
			return nil, fmt.Errorf("merge: the history answered %d as the next version after %d up to %d", next, v, b.current)
		}
		e, err := b.entry(next)
		if err != nil {
			return nil, err
		}
		window = append(window, e)
		v = next
	}
}

func (b *batchMerger) entry(version uint64) (*Entry, error) {
	if e := b.entries[version]; e != nil {
		return e, nil
	}
	e, err := b.history.Reciprocal(version)
	if err != nil {
		return nil, err
	}
	e.Version, e.Dirty = version, false
	b.entries[version] = &e
	return &e, nil
}

// store stores what has changed, in ascending order of versions.
func (b *batchMerger) store() error {
	var dirty []uint64
	for v, e := range b.entries {
		if e.Dirty {
			dirty = append(dirty, v)
		}
	}
	slices.Sort(dirty)
	for _, v := range dirty {
		if err := b.history.StoreReciprocal(v, b.entries[v].Changeset); err != nil {
			return err
		}
	}
	return nil
}
