package store

import (
	"cmp"
	"slices"
)

// touchKind is what happened to a row.
type touchKind uint8

const (
	touchCreated touchKind = iota
	touchModified
	touchDeleted
	touchRemoved // the whole class
)

// touch is one entry of the log: a change of a row, or the creation of n rows with successive ids.
type touch struct {
	class uint32
	kind  touchKind
	row   int64
	n     int64
	cols  uint64
}

// LastColumn is the bit of a column mask that stands for the property with that number and all after it.
const LastColumn = 63

// columnBit returns the bit of a property in column masks.
func columnBit(property int) uint64 { return 1 << min(property, LastColumn) }

// changeLog records the row changes of this connection. Those of the last write transaction are what TakeChanges tells;
// plans read further back to follow changes instead of running anew.
type changeLog struct {
	entries []touch
	base    uint64 // position of entries[0]
	taken   int    // entries before this one have been taken, or are of earlier transactions
	sealed  uint64 // entries before this position have been read: they must not be extended
}

// maxLog bounds what is kept of earlier transactions.
const maxLog = 1 << 14

func (l *changeLog) position() uint64 { return l.base + uint64(len(l.entries)) }

func (l *changeLog) begin() {
	if len(l.entries) > maxLog {
		l.forget()
	}
	l.taken = len(l.entries)
}

func (l *changeLog) rolledBack() { l.taken = len(l.entries) }

func (l *changeLog) forget() {
	l.base, l.entries, l.taken = l.position(), nil, 0
	l.sealed = l.base
}

// since returns the entries from a position on, for a reader that will continue behind them; false when they are gone.
func (l *changeLog) since(position uint64) ([]touch, bool) {
	if position < l.base {
		return nil, false
	}
	l.sealed = l.position()
	return l.entries[position-l.base:], true
}

// replay takes net changes of other connections in, as if they had been made here in earlier transactions; false when they are too many.
func (l *changeLog) replay(all []*Changes) bool {
	rows := len(l.entries)
	for _, ch := range all {
		rows += ch.Rows()
	}
	if rows > maxLog {
		return false
	}
	for _, ch := range all {
		for i := range ch.Classes {
			cc := &ch.Classes[i]
			if cc.Removed {
				l.entries = append(l.entries, touch{class: cc.Class, kind: touchRemoved})
			}
			for _, row := range cc.Deleted {
				l.entries = append(l.entries, touch{class: cc.Class, kind: touchDeleted, row: row, n: 1})
			}
			for _, s := range cc.Created {
				l.entries = append(l.entries, touch{class: cc.Class, kind: touchCreated, row: s.First, n: s.N})
			}
			for _, m := range cc.Modified {
				l.entries = append(l.entries, touch{class: cc.Class, kind: touchModified, row: m.Row, n: 1, cols: m.Columns})
			}
		}
	}
	l.taken = len(l.entries)
	return true
}

// last returns the last entry if it may be extended.
func (l *changeLog) last() *touch {
	if n := len(l.entries); n > l.taken && l.base+uint64(n)-1 >= l.sealed {
		return &l.entries[n-1]
	}
	return nil
}

func (c *Conn) touchedCreated(cl *Class, row int64) {
	c.stamp++
	c.counts.add(cl.ID, 1)
	if e := c.changes.last(); e != nil && e.kind == touchCreated && e.class == cl.ID && e.row+e.n == row {
		e.n++
		return
	}
	c.changes.entries = append(c.changes.entries, touch{class: cl.ID, kind: touchCreated, row: row, n: 1})
}

func (c *Conn) touchedModified(cl *Class, row int64, cols uint64) {
	c.stamp++
	if e := c.changes.last(); e != nil && e.kind == touchModified && e.class == cl.ID && e.row == row {
		e.cols |= cols
		return
	}
	c.changes.entries = append(c.changes.entries, touch{class: cl.ID, kind: touchModified, row: row, n: 1, cols: cols})
}

func (c *Conn) touchedDeleted(cl *Class, row int64) {
	c.stamp++
	c.counts.add(cl.ID, -1)
	c.changes.entries = append(c.changes.entries, touch{class: cl.ID, kind: touchDeleted, row: row, n: 1})
}

func (c *Conn) touchedRemoved(cl *Class) {
	c.stamp++
	c.changes.entries = append(c.changes.entries, touch{class: cl.ID, kind: touchRemoved})
}

// Span is N rows with ids First, First+1, ...
type Span struct{ First, N int64 }

// Modification is a row whose properties were set.
type Modification struct {
	Row     int64
	Columns uint64 // bit i: property i; bit 63: property 63 or one behind it
}

// Has tells whether the property was set, or may have been if it is the 63rd or a later one.
func (m Modification) Has(property int) bool { return m.Columns&columnBit(property) != 0 }

// ClassChanges are the changes of one class, net: a row that was created and deleted appears nowhere. Everything is in
// ascending order of row ids.
type ClassChanges struct {
	Class    uint32
	Removed  bool   // the class was removed with all its objects; the rest is empty
	Created  []Span // rows that are new
	Modified []Modification
	Deleted  []int64 // rows that are gone; a row in Deleted and Created was deleted and made anew with the same key
}

// Changes are the row changes of one write transaction, whichever way they were made. Links that became dangling or live
// again count as modifications of the row that holds them.
type Changes struct{ Classes []ClassChanges }

// Empty tells whether no row changed.
func (ch *Changes) Empty() bool { return ch == nil || len(ch.Classes) == 0 }

// Of returns the changes of a class, nil if there are none.
func (ch *Changes) Of(class uint32) *ClassChanges {
	if ch == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(ch.Classes, class, func(c ClassChanges, id uint32) int { return cmp.Compare(c.Class, id) })
	if !ok {
		return nil
	}
	return &ch.Classes[i]
}

// TakeChanges returns the row changes since the write transaction began, or since the last call in it. It may be called
// before and after the commit, until the next transaction begins. It is empty after a rollback.
func (c *Conn) TakeChanges() (*Changes, error) {
	if c.tx == txWrite {
		if err := c.flush(); err != nil {
			return nil, err
		}
	}
	out := c.changes.net()
	c.changes.taken = len(c.changes.entries)
	return out, nil
}

// ChangePosition is where the log of row changes that this connection has made, or learned of, ends at present.
func (c *Conn) ChangePosition() uint64 { return c.changes.position() }

// ChangedSince calls f with the rows that have changed since a position of the log: of a class, n rows with successive ids. It returns
// false, and calls nothing, when the log doesn't reach back so far, or any row may have changed otherwise.
func (c *Conn) ChangedSince(position uint64, f func(class uint32, first, n int64)) bool {
	touches, ok := c.changes.since(position)
	if !ok {
		return false
	}
	for i := range touches {
		if t := &touches[i]; t.kind == touchRemoved {
			return false
		}
	}
	for i := range touches {
		f(touches[i].class, touches[i].row, touches[i].n)
	}
	return true
}

// net is the effect of the entries that have not been taken.
func (l *changeLog) net() *Changes {
	byClass := map[uint32]*netter{}
	for _, t := range l.entries[l.taken:] {
		n := byClass[t.class]
		if n == nil {
			n = &netter{rows: map[int64]rowNet{}}
			byClass[t.class] = n
		}
		n.add(t)
	}
	out := &Changes{}
	for class, n := range byClass {
		if changes, ok := n.result(class); ok {
			out.Classes = append(out.Classes, changes)
		}
	}
	slices.SortFunc(out.Classes, func(a, b ClassChanges) int { return cmp.Compare(a.Class, b.Class) })
	return out
}

// rowNet is the net effect on one row.
type rowNet struct {
	created, deleted bool
	cols             uint64
}

// longSpan is the length from which a span of new rows is kept as a span while netting; shorter ones become rows, so that
// there are few spans to search.
const longSpan = 4096

// netter works the net effect on the rows of one class out.
type netter struct {
	removed bool
	spans   []Span
	rows    map[int64]rowNet
}

func (n *netter) add(t touch) {
	switch t.kind {
	case touchRemoved:
		*n = netter{removed: true, rows: map[int64]rowNet{}}
	case touchCreated:
		if t.n >= longSpan {
			// A row of it may have been deleted before: then it stays a row.
			first := t.row
			if len(n.rows) > 0 {
				for row := t.row; row < t.row+t.n; row++ {
					if was, ok := n.rows[row]; ok {
						was.created = true
						n.rows[row] = was
						n.addSpan(first, row-first)
						first = row + 1
					}
				}
			}
			n.addSpan(first, t.row+t.n-first)
			return
		}
		for row := t.row; row < t.row+t.n; row++ {
			was := n.rows[row]
			was.created = true
			n.rows[row] = was
		}
	case touchModified:
		was := n.rows[t.row]
		if !was.created && n.inSpan(t.row) < 0 {
			was.cols |= t.cols
			n.rows[t.row] = was
		}
	case touchDeleted:
		n.delete(t.row)
	}
}

func (n *netter) addSpan(first, count int64) {
	if count > 0 {
		n.spans = append(n.spans, Span{first, count})
	}
}

func (n *netter) inSpan(row int64) int {
	return slices.IndexFunc(n.spans, func(s Span) bool { return row >= s.First && row-s.First < s.N })
}

func (n *netter) delete(row int64) {
	if i := n.inSpan(row); i >= 0 {
		// Nothing is left of a row that was created and deleted: take it out of the span. What remains in front of it
		// becomes rows if it is short, so that spans stay long and few.
		s := n.spans[i]
		n.spans = slices.Delete(n.spans, i, i+1)
		for _, part := range []Span{{s.First, row - s.First}, {row + 1, s.First + s.N - row - 1}} {
			if part.N > 0 {
				n.add(touch{kind: touchCreated, row: part.First, n: part.N})
			}
		}
		return
	}
	was := n.rows[row]
	switch {
	case was.created && !was.deleted:
		delete(n.rows, row)
	default:
		n.rows[row] = rowNet{deleted: true}
	}
}

func (n *netter) result(class uint32) (ClassChanges, bool) {
	out := ClassChanges{Class: class, Removed: n.removed, Created: n.spans}
	for row, r := range n.rows {
		if r.deleted {
			out.Deleted = append(out.Deleted, row)
		}
		if r.created {
			out.Created = append(out.Created, Span{row, 1})
		}
		if !r.created && !r.deleted && r.cols != 0 {
			out.Modified = append(out.Modified, Modification{row, r.cols})
		}
	}
	slices.Sort(out.Deleted)
	slices.SortFunc(out.Modified, func(a, b Modification) int { return cmp.Compare(a.Row, b.Row) })
	slices.SortFunc(out.Created, func(a, b Span) int { return cmp.Compare(a.First, b.First) })
	joined := out.Created[:0]
	for _, s := range out.Created {
		if k := len(joined); k > 0 && joined[k-1].First+joined[k-1].N == s.First {
			joined[k-1].N += s.N
		} else {
			joined = append(joined, s)
		}
	}
	out.Created = joined
	return out, out.Removed || len(out.Created)+len(out.Modified)+len(out.Deleted) > 0
}

// Rows returns how many rows the changes name: a measure of their size in memory.
func (ch *Changes) Rows() int {
	n := 0
	for i := range ch.Classes {
		n += len(ch.Classes[i].Created) + len(ch.Classes[i].Modified) + len(ch.Classes[i].Deleted)
	}
	return n
}
