package realm

import (
	"realmsync/core/store"
)

// Move is an object of results that changed its place.
type Move struct{ From, To int }

// CollectionChanges is what the observer of results is told. Positions are ascending.
type CollectionChanges struct {
	Initial            bool
	Deletions          []int // before
	Insertions         []int // after
	Modifications      []int // before
	ModificationsAfter []int
	Moves              []Move      // also among deletions and insertions
	Keys               *KeyChanges // of a dictionary; its positions are in order of keys
	RootDeleted        bool        // the collection that was observed is gone; the positions are among the deletions
}

// KeyChanges are the keys of a dictionary that came, went, or have another value, ascending.
type KeyChanges struct {
	Deletions, Insertions, Modifications []string
}

// ObserveResults has f called on the instance's thread: once for the beginning, then after each change of which objects there are, of
// their order or of their content, when the instance advances. Their content is their properties and collections, and that of objects that
// they link to or own, over three links at most, as in the original. The results may be released; the token keeps what it needs.
// Errors: ErrFrozenObserve (also for snapshots), ErrObserveAfterChange.
//
// After commits of other processes every object may count as modified when this process was more than store.MaxTrail versions behind.
func ObserveResults(rs *Results, f func(CollectionChanges)) (*Token, error) {
	if rs.fixed || rs.realm.frozen {
		return nil, ErrFrozenObserve
	}
	if err := rs.enter(); err != nil {
		return nil, err
	}
	rs.realm.leave()
	own := &Results{realm: rs.realm, class: rs.class, source: rs.source, query: rs.query, order: rs.order}
	if own.source != nil {
		return rs.realm.observe(&sourceObserver{results: own, f: f})
	}
	return rs.realm.observe(&resultsObserver{results: own, f: f})
}

type resultsObserver struct {
	results *Results // without a handle: the token has one
	f       func(CollectionChanges)
	begun   bool
	rows    store.Rows // as the observer was told
}

func (w *resultsObserver) drop() { w.rows = store.Rows{} }

func (w *resultsObserver) after(r *Realm, changes *changesSince) delivery {
	plan, err := w.results.ready()
	if err != nil { // the class is gone, or the query fits no more: there is nothing to see, and reading says why
		return w.tell(store.Rows{}, changes)
	}
	if w.begun && !r.concerns(plan, changes) {
		return nil
	}
	rows, err := plan.Rows()
	if err != nil {
		r.logger.Warn("results could not be evaluated for their observer", "path", r.path, "version", r.version, "error", err)
		return nil // it is told with the next change
	}
	return w.tell(rows, changes)
}

func (w *resultsObserver) tell(rows store.Rows, changes *changesSince) delivery {
	old := w.rows
	w.rows = rows
	if !w.begun {
		w.begun = true
		return &resultsDelivery{w.f, CollectionChanges{Initial: true}}
	}
	d := diffRows(old, rows, w.results.realm.touched(w.results.class, changes))
	if d.empty() {
		return nil
	}
	return &resultsDelivery{w.f, d}
}

type resultsDelivery struct {
	f       func(CollectionChanges)
	changes CollectionChanges
}

func (d *resultsDelivery) run()  { d.f(d.changes) }
func (d *resultsDelivery) drop() {}
