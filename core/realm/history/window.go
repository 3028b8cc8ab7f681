package history

import (
	"hash/maphash"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/store"
)

// window knows which local versions touch which objects (merge.Finder). It holds hashes of objects, so it may name a version too
// many, which does no harm, and costs the same for long keys as for short ones.
type window struct {
	ident    uint64 // of the file; another one means that the history was rewritten by a client reset, maybe of another process
	seed     maphash.Seed
	upTo     uint64      // versions up to here are known
	base     uint64      // versions up to here are trimmed
	versions []localSize // local versions with content, ascending
	schema   []uint64    // those of them with schema instructions
	erases   []uint64    // those of them that remove classes or properties

	heads    map[uint64]int32 // by hash of the object: place of the newest posting in postings, plus 1
	postings []posting
	live     int // postings of versions that are not trimmed
}

type localSize struct {
	version uint64
	objects int
}

// posting says that a version touches an object.
type posting struct {
	version  uint64
	previous int32 // as in heads: the next older version that touches the object; 0: none
}

// forget makes the window begin anew.
func (w *window) forget() { *w = window{} }

// update brings the window to the state of the transaction, whose version is current.
func (w *window) update(conn *store.Conn, ident, base, current uint64) error {
	if w.ident != ident {
		w.forget()
		w.ident = ident
	}
	if w.heads == nil {
		w.seed, w.heads = maphash.MakeSeed(), map[uint64]int32{}
	}
	w.trim(base)
	if w.upTo >= current {
		return nil
	}
	var c changeset.Changeset
	const sql = `SELECT version, changeset FROM sync_history WHERE version>? ORDER BY version`
	err := conn.Query(sql, []any{max(w.upTo, base)}, func(row *store.Row) error {
		if err := changeset.DecodeInto(&c, row.Blob(1)); err != nil {
			return damaged(conn, row.Uint64(0), err)
		}
		w.add(row.Uint64(0), merge.Touch(&c))
		return nil
	})
	if err != nil {
		w.forget() // it may have stopped halfway
		return err
	}
	w.upTo = current
	return nil
}

func (w *window) add(version uint64, t merge.Touched) {
	w.versions = append(w.versions, localSize{version, len(t.Objects)})
	if t.Schema {
		w.schema = append(w.schema, version)
	}
	if t.Erases {
		w.erases = append(w.erases, version)
	}
	for _, o := range t.Objects {
		w.post(maphash.Comparable(w.seed, o), version)
	}
	w.live += len(t.Objects)
}

func (w *window) post(hash, version uint64) {
	w.postings = append(w.postings, posting{version, w.heads[hash]})
	w.heads[hash] = int32(len(w.postings))
}

// trim forgets the versions up to base. The memory is given back when more than half of it is of no use.
func (w *window) trim(base uint64) {
	if base <= w.base {
		return
	}
	w.base = base
	n := 0
	for n < len(w.versions) && w.versions[n].version <= base {
		w.live -= w.versions[n].objects
		n++
	}
	if n == 0 {
		return
	}
	w.versions = slices.Clone(w.versions[n:])
	w.schema = behind(w.schema, base)
	w.erases = behind(w.erases, base)
	if w.live > 0 && (len(w.postings) < 1024 || w.live > len(w.postings)/2) {
		return
	}
	old := *w
	w.heads, w.postings = make(map[uint64]int32, old.live), make([]posting, 0, old.live)
	var versions []uint64
	for hash, head := range old.heads {
		versions = versions[:0]
		for at := head; at != 0 && old.postings[at-1].version > base; at = old.postings[at-1].previous {
			versions = append(versions, old.postings[at-1].version)
		}
		for _, v := range slices.Backward(versions) {
			w.post(hash, v)
		}
	}
}

// behind returns the versions above base.
func behind(versions []uint64, base uint64) []uint64 {
	i, _ := slices.BinarySearch(versions, base+1)
	return slices.Clone(versions[i:])
}

// between returns the place of the versions after < v <= upTo.
func between(versions []uint64, after, upTo uint64) []uint64 {
	i, _ := slices.BinarySearch(versions, after+1)
	j, _ := slices.BinarySearch(versions, upTo+1)
	return versions[i:j]
}

// find returns the versions after < v <= upTo that may have to be merged with what touches t.
func (w *window) find(after, upTo uint64, t merge.Touched) (found []uint64) {
	if n := len(w.versions); n == 0 || w.versions[n-1].version <= after {
		return nil
	}
	if t.Erases {
		for v, ok := w.next(after, upTo); ok; v, ok = w.next(v, upTo) {
			found = append(found, v)
		}
		return found
	}
	for _, o := range t.Objects {
		for at := w.heads[maphash.Comparable(w.seed, o)]; at != 0; at = w.postings[at-1].previous {
			v := w.postings[at-1].version
			if v <= after {
				break
			}
			if v <= upTo {
				found = append(found, v)
			}
		}
	}
	found = append(found, between(w.erases, after, upTo)...)
	if t.Schema {
		found = append(found, between(w.schema, after, upTo)...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// next returns the first version after < v <= upTo.
func (w *window) next(after, upTo uint64) (version uint64, ok bool) {
	i, _ := slices.BinarySearchFunc(w.versions, after+1, func(s localSize, v uint64) int {
		if s.version < v {
			return -1
		}
		return 1
	})
	if i < len(w.versions) && w.versions[i].version <= upTo {
		return w.versions[i].version, true
	}
	return 0, false
}
