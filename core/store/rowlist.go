package store

import "slices"

// rowList is the row ids of a result, in its order. When they are successive numbers, which the ids of a whole class
// usually are, only the first is kept.
type rowList struct {
	dense bool
	first int64
	n     int
	ids   []int64 // when not dense
	// ascending: the ids are in ascending order, so that they can be searched and rows can be put in their place.
	ascending bool
}

func denseList(first int64, n int) rowList {
	return rowList{dense: true, first: first, n: n, ascending: true}
}

func (l *rowList) len() int {
	if l.dense {
		return l.n
	}
	return len(l.ids)
}

func (l *rowList) at(i int) int64 {
	if l.dense {
		return l.first + int64(i)
	}
	return l.ids[i]
}

// slice returns the ids from position i to j; the result may share the list's memory.
func (l *rowList) slice(i, j int) []int64 {
	if !l.dense {
		return l.ids[i:j:j]
	}
	out := make([]int64, j-i)
	for k := range out {
		out[k] = l.first + int64(i+k)
	}
	return out
}

// find returns the position of a row; for ascending lists also where it would have to be.
func (l *rowList) find(row int64) (int, bool) {
	switch {
	case l.dense:
		if row < l.first {
			return 0, false
		}
		if d := uint64(row) - uint64(l.first); d < uint64(l.n) {
			return int(d), true
		}
		return l.n, false
	case l.ascending:
		return slices.BinarySearch(l.ids, row)
	default:
		if n := len(l.ids); n > 0 && l.ids[n-1] == row { // loops that consume a result take it from an end
			return n - 1, true
		}
		i := slices.Index(l.ids, row)
		return i, i >= 0
	}
}

// expand gives up the dense form.
func (l *rowList) expand() {
	if l.dense {
		l.ids = l.slice(0, l.n)
		l.dense = false
	}
}

// insert puts a row into its place in an ascending list.
func (l *rowList) insert(row int64) {
	i, found := l.find(row)
	if found {
		return
	}
	if l.dense {
		switch {
		case l.n == 0:
			l.first, l.n = row, 1
			return
		case i == l.n && row == l.first+int64(l.n):
			l.n++
			return
		case row+1 == l.first:
			l.first, l.n = row, l.n+1
			return
		}
		l.expand()
	}
	l.ids = slices.Insert(l.ids, i, row)
}

// remove takes a row out, if it is there.
func (l *rowList) remove(row int64) {
	i, found := l.find(row)
	if !found {
		return
	}
	if l.dense {
		switch i {
		case l.n - 1:
			l.n--
			return
		case 0:
			l.first, l.n = l.first+1, l.n-1
			return
		}
		l.expand()
	}
	if i == 0 { // without moving the rest
		l.ids = l.ids[1:]
		return
	}
	l.ids = slices.Delete(l.ids, i, i+1)
}

// take takes rows out, those that are there. A few are searched for, because loops that consume a result take them from an end.
func (l *rowList) take(rows map[int64]struct{}) {
	if len(rows) <= 4 {
		for row := range rows {
			l.remove(row)
		}
		return
	}
	l.expand()
	l.ids = slices.DeleteFunc(l.ids, func(row int64) bool {
		_, ok := rows[row]
		return ok
	})
}

// clone returns a list that doesn't share memory.
func (l *rowList) clone() rowList {
	out := *l
	out.ids = slices.Clone(l.ids)
	return out
}

// Rows is an immutable list of row ids. The zero Rows is empty.
type Rows struct{ list rowList }

// Len returns how many there are.
func (r Rows) Len() int { return r.list.len() }

// At returns the row id at a position, which must be in range.
func (r Rows) At(i int) int64 { return r.list.at(i) }

// Slice returns the row ids from position i to j. Don't change it.
func (r Rows) Slice(i, j int) []int64 { return r.list.slice(i, j) }

// Dense returns the first row id, when the list is that number and those that follow it.
func (r Rows) Dense() (first int64, ok bool) { return r.list.first, r.list.dense }

// Ascending tells whether the ids are in ascending order.
func (r Rows) Ascending() bool { return r.list.ascending }

// Find returns the position of a row. It searches ascending lists, others it walks.
func (r Rows) Find(row int64) (int, bool) {
	i, ok := r.list.find(row)
	return i, ok
}
