package store

import "slices"

// orderedPerTouch is how long an ordered result has to be per changed row for following to be cheaper than sorting anew: a row is found by
// walking through the list, and a few statements tell where it belongs.
const orderedPerTouch = 512

// followOrdered brings a sorted result up to date; false when it has to be made anew. Rows that have not changed keep their order, which depends
// on themselves only; the others are taken out, and each is put where it belongs.
func (p *Plan) followOrdered(r *result, touches []touch) bool {
	budget := int64(r.list.len() / orderedPerTouch)
	gone, changed := map[int64]struct{}{}, map[int64]struct{}{}
	for i := range touches {
		t := &touches[i]
		switch {
		case t.class != p.class.ID || t.kind == touchModified && t.cols&p.deps[t.class] == 0:
		case t.kind == touchRemoved:
			return false
		case t.kind == touchDeleted:
			gone[t.row] = struct{}{}
		case t.n > budget-int64(len(changed)):
			return false
		default:
			for k := range t.n {
				changed[t.row+k] = struct{}{}
			}
		}
	}
	if len(gone)+len(changed) == 0 {
		return true
	}
	if p.limit >= 0 || p.residual || !r.haveList || !p.local && len(changed) > 0 {
		return false
	}
	l := &r.list
	l.take(gone)
	l.take(changed)
	for row := range changed {
		matches, err := p.test(row)
		if err == nil && matches {
			var at int
			if at, err = p.place(l.ids, row); err == nil {
				l.ids = slices.Insert(l.ids, at, row)
			}
		}
		if err != nil {
			return false // running the query will report it
		}
	}
	r.head = nil
	r.haveCount, r.count = true, l.len()
	return true
}

// place finds where a row belongs in a sorted list.
func (p *Plan) place(ids []int64, row int64) (int, error) {
	sql := p.sql("t.id", "t.id IN (?,?)", true) + " LIMIT 1"
	low, high := 0, len(ids)
	for low < high {
		middle := (low + high) / 2
		args, err := p.resolved(ids[middle], row)
		if err != nil {
			return 0, err
		}
		first, _, err := p.conn.queryInt(sql, args...)
		if err != nil {
			return 0, err
		}
		if first == row {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low, nil
}
