package store

import (
	"slices"
	"strings"
)

// ranks is the keys of a set or dictionary in order, in memory, so that the index of a key and the key at an index are found without
// counting rows. It is made for collections that are asked for indexes often.
type ranks struct{ runs [][]string }

// runOf finds the run that a key is in, or belongs to, and how many keys are before that run.
func (r *ranks) runOf(key string) (run, before int) {
	for run = range r.runs {
		keys := r.runs[run]
		if run == len(r.runs)-1 || key <= keys[len(keys)-1] {
			return run, before
		}
		before += len(keys)
	}
	return 0, 0
}

func newRanks(keys []string) *ranks {
	r := &ranks{}
	for run := range slices.Chunk(keys, maxRun/2) {
		r.runs = append(r.runs, slices.Clone(run))
	}
	return r
}

// index returns how many keys are before one.
func (r *ranks) index(key string) int {
	if len(r.runs) == 0 {
		return 0
	}
	run, before := r.runOf(key)
	i, _ := slices.BinarySearch(r.runs[run], key)
	return before + i
}

// at returns the key at an index in range.
func (r *ranks) at(i int) string {
	for _, run := range r.runs {
		if i < len(run) {
			return run[i]
		}
		i -= len(run)
	}
	return ""
}

func (r *ranks) insert(key string) {
	if r == nil {
		return
	}
	key = strings.Clone(key)
	if len(r.runs) == 0 {
		r.runs = [][]string{{key}}
		return
	}
	run, _ := r.runOf(key)
	i, found := slices.BinarySearch(r.runs[run], key)
	if found {
		return
	}
	r.runs[run] = slices.Insert(r.runs[run], i, key)
	if n := len(r.runs[run]); n > maxRun {
		second := slices.Clone(r.runs[run][n/2:])
		r.runs[run] = r.runs[run][: n/2 : n/2]
		r.runs = slices.Insert(r.runs, run+1, second)
	}
}

func (r *ranks) remove(key string) {
	if r == nil || len(r.runs) == 0 {
		return
	}
	run, _ := r.runOf(key)
	i, found := slices.BinarySearch(r.runs[run], key)
	if !found {
		return
	}
	if r.runs[run] = slices.Delete(r.runs[run], i, i+1); len(r.runs[run]) == 0 {
		r.runs = slices.Delete(r.runs, run, run+1)
	}
}

// countsBeforeRanks is how many times a collection's rows are counted through before its keys are kept in memory.
const countsBeforeRanks = 16

// ranked returns the keys in order, nil while counting rows is good enough.
func (l *Collection) ranked(e *elements, owner int64, st *collectionState) (*ranks, error) {
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
	st.ranks = newRanks(keys)
	l.conn.collections.positions += 4 * len(keys)
	return st.ranks, nil
}
