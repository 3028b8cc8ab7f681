package store

import (
	"strings"
	"unsafe"
)

// The keys of a set or dictionary in order, in memory: so the index of a key and the key at an index are found without counting rows. They are
// collected for collections that are asked for indexes often.

// countsBeforeRanks is how many times a collection's rows are counted through before its keys are kept in memory.
const countsBeforeRanks = 16

// ranked returns the keys in order, nil while counting rows is good enough.
func (l *Collection) ranked(e *elements, owner int64, st *collectionState) (*counted[string], error) {
	if st.ranks != nil {
		return st.ranks, nil
	}
	if st.counts++; st.counts < countsBeforeRanks || l.state != st {
		return nil, nil
	}
	keys := make([]string, 0, st.n)
	if err := l.conn.query("SELECT k FROM "+e.name+" WHERE owner=? ORDER BY k", []any{owner}, func(r *Row) error {
		keys = append(keys, string(r.Blob(0)))
		return nil
	}); err != nil {
		return nil, err
	}
	st.ranks = newCounted(keys)
	l.conn.collections.positions += 4 * len(keys)
	return st.ranks, nil
}

// added notes a new key of a set or dictionary.
func (st *collectionState) added(key string) {
	st.n++
	st.haveNext = false
	if st.ranks != nil {
		st.ranks.insert(strings.Clone(key))
	}
}

// erased notes that a key is gone.
func (st *collectionState) erased(key string) {
	st.n--
	st.haveNext = false
	if st.ranks != nil {
		st.ranks.remove(key)
	}
}

// alias is the bytes as a string, which is good as long as they don't change.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
