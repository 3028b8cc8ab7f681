package realm

import (
	"cmp"
	"container/list"
	"slices"

	"realmsync/core/schema"
	"realmsync/core/store"
)

// observers are the registrations of an instance. Those of objects are found by object, so that ten thousand of them cost nothing while their
// objects stay as they are; the others are asked one by one. The zero value has none.
type observers struct {
	next    uint64    // number of the next registration: they are told in this order
	others  list.List // of *Token, those that don't observe an object, in order
	objects map[uint32]map[int64][]*Token
	count   int // tokens in objects
	// young are the registrations since the observers were told last: each knows a version of its own.
	young map[*Token]struct{}
	told  uint64 // the version that all but the young have been told of
	rows  rowsSeen
}

// rowsSeen says when the rows that observers of objects hold were what the instance saw.
type rowsSeen struct {
	conn     *store.Conn
	position uint64 // in the connection's log of changes
	schema   *schema.Schema
}

func (o *observers) len() int { return o.others.Len() + o.count }

// add enters a registration that knows a version.
func (o *observers) add(t *Token, version uint64) {
	if o.len() == 0 {
		o.told, o.young = version, map[*Token]struct{}{}
	}
	t.number, t.told = o.next, version
	o.next++
	o.young[t] = struct{}{}
	w, ok := t.observer.(*objectObserver)
	if !ok {
		t.place = o.others.PushBack(t)
		return
	}
	if o.objects == nil {
		o.objects = map[uint32]map[int64][]*Token{}
	}
	rows := o.objects[w.class]
	if rows == nil {
		rows = map[int64][]*Token{}
		o.objects[w.class] = rows
	}
	rows[w.row] = append(rows[w.row], t)
	o.count++
}

func (o *observers) remove(t *Token) {
	delete(o.young, t)
	w, ok := t.observer.(*objectObserver)
	if !ok {
		o.others.Remove(t.place)
		return
	}
	rows := o.objects[w.class]
	left := slices.DeleteFunc(rows[w.row], func(other *Token) bool { return other == t })
	if rows[w.row] = left; len(left) == 0 {
		delete(rows, w.row)
	}
	o.count--
}

// all calls f with every registration.
func (o *observers) all(f func(*Token)) {
	for e := o.others.Front(); e != nil; e = e.Next() {
		f(e.Value.(*Token))
	}
	for class := range o.objects {
		o.ofClass(class, f)
	}
}

func (o *observers) ofClass(class uint32, f func(*Token)) {
	for _, tokens := range o.objects[class] {
		for _, t := range tokens {
			f(t)
		}
	}
}

// ofRows calls f with the registrations of objects with successive rows.
func (o *observers) ofRows(class uint32, first, n int64, f func(*Token)) {
	rows := o.objects[class]
	if n > int64(len(rows)) {
		for row, tokens := range rows {
			if row >= first && uint64(row)-uint64(first) < uint64(n) {
				for _, t := range tokens {
					f(t)
				}
			}
		}
		return
	}
	for i := range n {
		for _, t := range rows[first+i] {
			f(t)
		}
	}
}

// look has observers of objects take up what the instance sees, before it moves on: those that begin, and those whose objects have changed here
// since they were told.
func (o *observers) look(r *Realm) {
	if o.count > 0 {
		reload := func(t *Token) { t.observer.(*objectObserver).look(r) }
		known := o.rows.conn == r.conn && o.rows.schema == r.conn.Schema() && r.conn.ChangedSince(o.rows.position, func(class uint32, first, n int64) {
			if len(o.objects[class]) > 0 {
				o.ofRows(class, first, n, reload)
			}
		})
		if !known {
			for class := range o.objects {
				o.ofClass(class, reload)
			}
		}
	}
	for t := range o.young {
		if w, ok := t.observer.(*objectObserver); ok && w.old == nil {
			w.look(r)
		}
	}
	o.seen(r)
}

// seen notes that the rows that are held are those of now.
func (o *observers) seen(r *Realm) {
	o.rows = rowsSeen{r.conn, r.conn.ChangePosition(), r.conn.Schema()}
}

// tell collects the calls that tell the observers what changed up to the version of the instance, in the order of the registrations.
func (o *observers) tell(r *Realm) []call {
	since := map[uint64]*changesSince{} // nearly always one
	changes := func(told uint64) *changesSince {
		c := since[told]
		if c == nil {
			c = r.hub.since(r, told, r.version)
			since[told] = c
		}
		return c
	}
	var calls []call
	ask := func(t *Token, c *changesSince) {
		if d := t.observer.after(r, c); d != nil {
			calls = append(calls, call{t, d})
		}
	}
	old := func(t *Token) {
		if _, young := o.young[t]; !young {
			ask(t, changes(o.told))
		}
	}
	for e := o.others.Front(); e != nil; e = e.Next() {
		old(e.Value.(*Token))
	}
	if o.count > 0 {
		o.tellObjects(changes(o.told), old)
	}
	for t := range o.young {
		ask(t, changes(t.told))
	}
	clear(o.young)
	o.told = r.version
	o.seen(r)
	slices.SortFunc(calls, func(a, b call) int { return cmp.Compare(a.token.number, b.token.number) })
	return calls
}

// tellObjects calls f with the registrations of objects that may have changed, each once.
func (o *observers) tellObjects(changes *changesSince, f func(*Token)) {
	if !changes.complete {
		for class := range o.objects {
			o.ofClass(class, f)
		}
		return
	}
	asked := map[*Token]bool{}
	once := func(t *Token) {
		if !asked[t] {
			asked[t] = true
			f(t)
		}
	}
	for _, c := range changes.list {
		for i := range c.Classes {
			cc := &c.Classes[i]
			switch rows := o.objects[cc.Class]; {
			case len(rows) == 0:
			case cc.Removed || len(cc.Modified)+len(cc.Deleted) > 16*len(rows): // they search for themselves
				o.ofClass(cc.Class, once)
			default:
				for _, m := range cc.Modified {
					o.ofRows(cc.Class, m.Row, 1, once)
				}
				for _, row := range cc.Deleted {
					o.ofRows(cc.Class, row, 1, once)
				}
			}
		}
	}
}
