package store

import (
	"fmt"
	"math"
)

// result is what is known of a plan's result, as of an epoch and a position in the change log.
type result struct {
	epoch     uint64
	position  uint64
	haveCount bool
	count     int
	haveList  bool
	list      rowList
	head      []int64 // the first rows of an ordered result, when the whole has not been needed yet
}

// planCache keeps results by plan, so that the same query asked again is not run again.
type planCache struct {
	results map[string]*result
	kept    int // row ids in all lists, roughly
}

const (
	maxResults    = 256
	maxKeptRowIDs = 8 << 20
)

func (pc *planCache) forget() { *pc = planCache{} }

// result returns the plan's result, brought up to date or emptied.
func (p *Plan) result() *result {
	c := p.conn
	r := c.plans.results[p.cacheKey()]
	if r == nil {
		if len(c.plans.results) >= maxResults || c.plans.kept > maxKeptRowIDs {
			c.plans.forget()
		}
		if c.plans.results == nil {
			c.plans.results = map[string]*result{}
		}
		r = &result{}
		c.plans.results[p.cacheKey()] = r
	}
	if r.epoch != c.epoch || r.position != c.changes.position() {
		if !p.follow(r) {
			*r = result{}
		}
		r.epoch, r.position = c.epoch, c.changes.position()
	}
	return r
}

func (p *Plan) cacheKey() string {
	if p.id == "" {
		p.id = fmt.Sprintf("%d all", p.class.ID)
	}
	return p.id
}

// follow brings a result up to the end of the change log; false when it has to be made anew.
func (p *Plan) follow(r *result) bool {
	if r.epoch != p.conn.epoch || !r.haveCount && !r.haveList && r.head == nil {
		return false
	}
	touches, ok := p.conn.changes.since(r.position)
	if !ok {
		return false
	}
	// Testing a row costs as much as scanning some dozen.
	budget := 64
	if r.haveList {
		budget += r.list.len() / 16
	}
	for i := range touches {
		t := &touches[i]
		if t.class != p.class.ID {
			if t.kind == touchModified && t.cols&p.deps[t.class] != 0 || t.kind == touchRemoved || t.kind != touchModified && p.members[t.class] {
				return false
			}
			continue
		}
		if p.order != "" || t.kind == touchModified && t.cols&p.deps[t.class] == 0 {
			continue
		}
		if !p.followTouch(r, t, &budget) {
			return false
		}
	}
	return p.order == "" || p.followOrdered(r, touches)
}

func (p *Plan) isAll() bool {
	return p.where == "" && !p.residual && !p.selected && p.limit < 0 && p.order == ""
}

// followTouch brings a result without order over one change.
func (p *Plan) followTouch(r *result, t *touch, budget *int) bool {
	r.head = nil
	switch {
	case t.kind == touchRemoved, p.limit >= 0, p.residual, p.selected:
		return false
	case p.isAll() && r.haveCount && !r.haveList: // every change is one more or one less
		switch t.kind {
		case touchCreated:
			r.count += int(t.n)
		case touchDeleted:
			r.count--
		}
		return true
	case !r.haveList:
		return false
	case t.kind == touchDeleted:
		r.list.remove(t.row)
	case !p.local:
		return false
	case p.isAll():
		for row := t.row; row < t.row+t.n; row++ { // created
			r.list.insert(row)
		}
	default:
		for row := t.row; row < t.row+t.n; row++ {
			if *budget--; *budget < 0 {
				return false
			}
			matches, err := p.test(row)
			if err != nil {
				return false // running the query will report it
			}
			if matches {
				r.list.insert(row)
			} else {
				r.list.remove(row)
			}
		}
	}
	r.haveCount, r.count = true, r.list.len()
	return true
}

// test tells whether one row matches, now.
func (p *Plan) test(row int64) (bool, error) {
	args, err := p.resolved(row)
	if err != nil {
		return false, err
	}
	_, found, err := p.conn.queryInt(p.sql("1", "t.id=?", false), args...)
	return found, err
}

// pointRow runs a look-up of a primary key.
func (p *Plan) pointRow() (row int64, ok bool, err error) {
	c := p.conn
	c.arena.reset()
	cell := &c.arena.scratch(1)[0]
	cell.set(p.key, &c.arena)
	cl, err := c.current(p.class)
	if err != nil {
		return 0, false, err
	}
	return c.findCell(cl, cell)
}

// Count returns how many objects there are, without listing them.
func (p *Plan) Count() (int, error) {
	if err := p.ready(); err != nil {
		return 0, err
	}
	if p.point {
		_, ok, err := p.pointRow()
		if ok {
			return 1, err
		}
		return 0, err
	}
	r := p.result()
	if r.haveCount {
		return r.count, nil
	}
	if p.residual || p.selected {
		l, err := p.rows()
		if err != nil {
			return 0, err
		}
		return l.len(), nil
	}
	n, known, err := int64(0), false, error(nil)
	if p.isAll() {
		n, known, err = p.conn.count(p.Class())
	}
	if err == nil && !known {
		var args []any
		if args, err = p.resolved(); err == nil {
			n, _, err = p.conn.queryInt(p.sql("count(*)", "", false), args...)
		}
	}
	if err != nil {
		return 0, err
	}
	if p.limit >= 0 {
		n = min(n, p.limit)
	}
	r.count, r.haveCount = int(n), true
	return r.count, nil
}

// rows returns the whole list, valid until the next change.
func (p *Plan) rows() (*rowList, error) {
	r := p.result()
	if r.haveList {
		return &r.list, nil
	}
	var err error
	if p.isAll() {
		r.list, err = p.allRows(r)
	} else {
		r.list, err = p.run(-1)
	}
	if err != nil {
		return nil, err
	}
	p.conn.plans.kept += len(r.list.ids)
	r.haveList, r.haveCount, r.count, r.head = true, true, r.list.len(), nil
	return &r.list, nil
}

// allRows lists a class, by two numbers if its row ids have no gaps.
func (p *Plan) allRows(r *result) (rowList, error) {
	n, err := p.Count()
	if err != nil || n == 0 {
		return denseList(0, 0), err
	}
	first, err := p.conn.controlInt("SELECT min(id) FROM " + p.Class().name)
	if err != nil {
		return rowList{}, err
	}
	last, err := p.conn.controlInt("SELECT max(id) FROM " + p.Class().name)
	if err != nil {
		return rowList{}, err
	}
	if uint64(last)-uint64(first) == uint64(n-1) {
		return denseList(first, n), nil
	}
	return p.run(-1)
}

// run lists the result, or its first rows.
func (p *Plan) run(limit int64) (rowList, error) {
	if p.residual || p.selected {
		ids, err := p.runInGo()
		return rowList{ids: ids, ascending: !p.selected && p.order == ""}, err
	}
	if p.limit >= 0 && (limit < 0 || p.limit < limit) {
		limit = p.limit
	}
	args, err := p.resolved()
	if err != nil {
		return rowList{}, err
	}
	sql := p.sql("t.id", "", true)
	if limit >= 0 {
		sql += " LIMIT ?"
		args = append(args, limit)
	}
	ids, err := p.conn.rowIDs(sql, args)
	return rowList{ids: ids, ascending: p.order == ""}, err
}

// page returns the rows from position i on, at most n, without listing all if they are the first of an ordered result:
// SQLite finds the first hundreds of a sorted result much faster than it sorts everything.
func (p *Plan) page(i, n int) ([]int64, error) {
	if i < 0 || n < 0 {
		return nil, p.conn.errorf(ErrRange, "position %d, count %d", i, n)
	}
	if p.point {
		row, ok, err := p.pointRow()
		if err != nil || !ok || i > 0 || n == 0 {
			return nil, err
		}
		return []int64{row}, nil
	}
	r := p.result()
	if !r.haveList && p.order != "" && !p.residual && !p.selected && i+n <= MaxBatch {
		if r.head == nil {
			head, err := p.run(MaxBatch)
			if err != nil {
				return nil, err
			}
			r.head = head.ids
		}
		return r.head[min(i, len(r.head)):min(i+n, len(r.head))], nil
	}
	l, err := p.rows()
	if err != nil {
		return nil, err
	}
	size := l.len()
	return l.slice(min(i, size), min(i+min(n, math.MaxInt-i), size)), nil
}

// At returns the row id at a position; false behind the end.
func (p *Plan) At(i int) (int64, bool, error) {
	if err := p.ready(); err != nil {
		return 0, false, err
	}
	ids, err := p.page(i, 1)
	if err != nil || len(ids) == 0 {
		return 0, false, err
	}
	return ids[0], true, nil
}

// First returns the first row id; false when there is none.
func (p *Plan) First() (int64, bool, error) { return p.At(0) }

// RowIDs returns all row ids in the order of the result. The slice is the caller's.
func (p *Plan) RowIDs() ([]int64, error) {
	if err := p.ready(); err != nil {
		return nil, err
	}
	if p.point {
		return p.page(0, 1)
	}
	l, err := p.rows()
	if err != nil {
		return nil, err
	}
	return append([]int64(nil), l.slice(0, l.len())...), nil
}

// Rows returns the result as it is now; it stays so whatever changes.
func (p *Plan) Rows() (Rows, error) {
	if err := p.ready(); err != nil {
		return Rows{}, err
	}
	if p.point {
		ids, err := p.page(0, 1)
		return Rows{rowList{ids: ids, ascending: true}}, err
	}
	l, err := p.rows()
	if err != nil {
		return Rows{}, err
	}
	return Rows{l.clone()}, nil
}

// IndexOf returns the position of a row in the result; false when it isn't there.
func (p *Plan) IndexOf(row int64) (int, bool, error) {
	if err := p.ready(); err != nil {
		return 0, false, err
	}
	if p.point {
		at, ok, err := p.pointRow()
		return 0, ok && at == row, err
	}
	l, err := p.rows()
	if err != nil {
		return 0, false, err
	}
	i, ok := l.find(row)
	if !ok {
		return 0, false, nil
	}
	return i, true, nil
}

// Load decodes the rows from position first on, at most n and MaxBatch, fewer at the end. The caller releases the batch.
func (p *Plan) Load(first, n int) (Batch, error) {
	if err := p.ready(); err != nil {
		return Batch{}, err
	}
	ids, err := p.page(first, min(n, MaxBatch))
	if err != nil {
		return Batch{}, err
	}
	return p.conn.LoadRows(p.class, ids)
}
