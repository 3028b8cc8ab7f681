package realm

/*
#include "object.h"
*/
import "C"

import (
	"fmt"
	"slices"
	"unsafe"

	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// Results are the objects of a class, or of a collection or those that link to an object, that a query finds, in order: live, or a snapshot
// that stays as it is. They keep their
// instance open until Release, and belong to its thread unless it is frozen.
//
// Nothing is evaluated before it is asked for. What was evaluated is kept by the connection (store.Plan) and follows the
// instance's own changes, so that Count and Load in a loop that writes cost what they look like.
type Results struct {
	realm  *Realm
	class  uint32
	query  *rql.Query // nil: all objects
	order  [][]Sort   // orders that were added, the later the more significant
	source rowSource  // nil: the objects of the class
	rows   []int64    // of a snapshot; of a source as looked up last
	fixed  bool       // it is a snapshot

	// Guarded by realm.mu.
	released bool
	known    bool        // rows are those of source
	knownAt  uint64      // the instance's stamp
	plan     *store.Plan // compiled for the schema of the moment
}

// Sort is one key of an order: a path through to-one links to a property.
type Sort struct {
	KeyPath   string
	Ascending bool
}

// maxLoad is the greatest number of objects that one call loads.
const maxLoad = store.MaxBatch

// All returns the results of all objects of a class, in order of their creation.
func (r *Realm) All(class uint32) (*Results, error) {
	return r.results(&Results{realm: r, class: class})
}

// Query returns the results of a query text. Its arguments $0, $1 ... are n cells (*rlm_cell). Errors: rql's, at once.
func (r *Realm) Query(class uint32, text string, args unsafe.Pointer, n int) (*Results, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	values, err := r.arguments(args, n)
	if err != nil {
		return nil, err
	}
	prepared, err := r.queries.prepare(text)
	if err != nil {
		return nil, err
	}
	query, err := prepared.query.With(values...)
	if err != nil {
		return nil, err
	}
	rs := &Results{realm: r, class: class, query: query}
	if rs.plan = prepared.lookUp(r.conn, class, values); rs.plan == nil {
		if _, err := rs.ready(); err != nil {
			return nil, err
		}
		prepared.learn(rs.plan, class, values)
	}
	return rs.kept(), nil
}

// DescribeQuery returns the canonical text of a query with its arguments written in, as a subscription has it.
func (r *Realm) DescribeQuery(class uint32, text string, args unsafe.Pointer, n int) (string, error) {
	if err := r.enter(); err != nil {
		return "", err
	}
	defer r.leave()
	values, err := r.arguments(args, n)
	if err != nil {
		return "", err
	}
	q, err := rql.Parse(text, values...)
	if err != nil {
		return "", err
	}
	bound, err := r.bind(class, q)
	if err != nil {
		return "", err
	}
	return bound.String(), nil
}

func (r *Realm) arguments(cells unsafe.Pointer, n int) ([]rql.Arg, error) {
	switch {
	case n == 0:
		return nil, nil
	case n < 0 || n > rql.MaxArgs || cells == nil:
		return nil, errorf(store.ErrRange, "a query can't have %d arguments", n)
	}
	out := make([]rql.Arg, n)
	row := unsafe.Slice((*store.Cell)(cells), n)
	for i := range row {
		v, err := r.conn.ValueOf(&row[i])
		if err != nil {
			return nil, err
		}
		out[i] = rql.Scalar(v)
	}
	return out, nil
}

// bind resolves a query in a class. Objects that it names and that don't exist are null links.
func (r *Realm) bind(class uint32, q *rql.Query) (*rql.Bound, error) {
	cl, err := r.classByID(class)
	if err != nil {
		return nil, err
	}
	var failed error
	note := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	bound, err := q.Bind(r.conn.Schema(), cl.Def.Name, rql.WithNavigation(), rql.WithObjects(func(name string, key value.Key) bool {
		target := r.conn.Class(name)
		if target == nil {
			return false
		}
		_, ok, err := r.conn.Find(target, key)
		note(err)
		return ok
	}), rql.WithStorageKeys(func(name string, table, object int64) (value.Link, bool) {
		link, ok, err := r.conn.StorageKey(name, table, object)
		note(err)
		return link, ok
	}))
	if err == nil {
		err = failed
	}
	return bound, err
}

// results checks that new results can be evaluated, and gives them their handle of the instance.
func (r *Realm) results(rs *Results) (*Results, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	var err error
	switch {
	case rs.fixed:
	case rs.source != nil:
		_, err = rs.bound()
	default:
		_, err = rs.ready()
	}
	if err != nil {
		return nil, err
	}
	return rs.kept(), nil
}

// kept gives new results their handle of the instance. The lock is held.
func (rs *Results) kept() *Results {
	rs.realm.handles++
	rs.realm.keep()
	return rs
}

// ready returns the plan for the schema that the instance sees. The lock is held.
func (rs *Results) ready() (*store.Plan, error) {
	conn := rs.realm.conn
	if rs.plan != nil && rs.plan.Current(conn) {
		return rs.plan, nil
	}
	plan, err := rs.compile()
	if err != nil {
		return nil, err
	}
	rs.plan = plan
	return plan, nil
}

func (rs *Results) compile() (*store.Plan, error) {
	r := rs.realm
	if rs.query == nil && len(rs.order) == 0 {
		cl, err := r.classByID(rs.class)
		if err != nil {
			return nil, err
		}
		return r.conn.All(cl)
	}
	bound, err := rs.bound()
	if err != nil {
		return nil, err
	}
	return r.conn.Compile(bound)
}

// bound returns the query with the orders that were added, for the schema that the instance sees. The lock is held.
func (rs *Results) bound() (*rql.Bound, error) {
	q := rs.query
	if q == nil {
		q = everything
	}
	bound, err := rs.realm.bind(rs.class, q)
	if err != nil || len(rs.order) == 0 {
		return bound, err
	}
	ordered := *bound
	ordered.Descriptors = slices.Clone(bound.Descriptors)
	for _, by := range rs.order {
		if err := addOrder(&ordered, by); err != nil {
			return nil, err
		}
	}
	return &ordered, nil
}

var everything = func() *rql.Query {
	q, err := rql.Parse("TRUEPREDICATE")
	if err != nil {
		panic(err)
	}
	return q
}()

// addOrder puts an order behind the descriptors of a query: of two orders in a row, the later is the more significant.
func addOrder(b *rql.Bound, by []Sort) error {
	keys := make([]rql.SortKey, len(by))
	for i, s := range by {
		path, err := sortPath(b.Schema, b.Class, s.KeyPath)
		if err != nil {
			return err
		}
		keys[i] = rql.SortKey{Path: path, Ascending: s.Ascending}
	}
	if n := len(b.Descriptors); n > 0 {
		if last, ok := b.Descriptors[n-1].(*rql.Sort); ok {
			b.Descriptors[n-1] = &rql.Sort{Keys: append(keys, last.Keys...)}
			return nil
		}
	}
	b.Descriptors = append(b.Descriptors, &rql.Sort{Keys: keys})
	return nil
}

// Sort returns the same results with an order put in front of the one they have.
func (rs *Results) Sort(by []Sort) (*Results, error) {
	if rs.fixed {
		return nil, errorf(store.ErrType, "A snapshot of results can't be sorted: sort the results, then take the snapshot.")
	}
	if err := rs.enter(); err != nil {
		return nil, err
	}
	rs.realm.leave()
	if len(by) == 0 {
		return rs.copyTo(rs.realm)
	}
	order := append(slices.Clone(rs.order), slices.Clone(by))
	return rs.realm.results(&Results{realm: rs.realm, class: rs.class, source: rs.source, query: rs.query, order: order})
}

func (rs *Results) copyTo(r *Realm) (*Results, error) {
	return r.results(&Results{realm: r, class: rs.class, source: rs.source, query: rs.query, order: rs.order, rows: rs.rows, fixed: rs.fixed})
}

// enter begins a call: the caller calls rs.realm.leave.
func (rs *Results) enter() error {
	if err := rs.realm.enter(); err != nil {
		return err
	}
	if rs.released {
		rs.realm.leave()
		return errorf(ErrInvalidHandle, "these results were released")
	}
	return nil
}

// Class returns the number of the class.
func (rs *Results) Class() uint32 { return rs.class }

// Realm returns the instance, without adding a handle.
func (rs *Results) Realm() *Realm { return rs.realm }

// Count returns how many objects there are.
func (rs *Results) Count() (int, error) {
	if err := rs.enter(); err != nil {
		return 0, err
	}
	defer rs.realm.leave()
	switch {
	case rs.fixed:
		return len(rs.rows), nil
	case rs.source != nil:
		_, all, err := rs.sourcePage(0, 0)
		return all, err
	}
	plan, err := rs.ready()
	if err != nil {
		return 0, err
	}
	return plan.Count()
}

// Load makes objects of those from position first on, rows included, in one go: at most count, and at most 256; fewer at the end only.
// out is an array of count Objects, which the caller owns afterwards. In a snapshot, objects that are gone come without a row.
func (rs *Results) Load(first, count int, out unsafe.Pointer) (n int, err error) {
	if first < 0 || count < 0 {
		return 0, errorf(store.ErrRange, "Index out of range.")
	}
	if err := rs.enter(); err != nil {
		return 0, err
	}
	r := rs.realm
	defer r.leave()
	batch, err := rs.load(first, min(count, maxLoad))
	if err != nil {
		return 0, err
	}
	defer batch.Release()
	r.objectsOf(rs.class, batch, out)
	return batch.Len(), nil
}

// LoadRows is Load without making the objects: it returns a realm_rows_t, which the caller releases.
func (rs *Results) LoadRows(first, count int) (rows unsafe.Pointer, n int, err error) {
	if first < 0 || count < 0 {
		return nil, 0, errorf(store.ErrRange, "Index out of range.")
	}
	if err := rs.enter(); err != nil {
		return nil, 0, err
	}
	r := rs.realm
	defer r.leave()
	batch, err := rs.load(first, min(count, maxLoad))
	if err != nil {
		return nil, 0, err
	}
	defer batch.Release()
	raw := C.rlm_rows_new(r.c, C.uint32_t(rs.class), (*C.rlm_batch)(batch.Pointer()), r.c.stamp)
	if raw == nil {
		panic("realm: out of memory") // as cgo does
	}
	return unsafe.Pointer(raw), batch.Len(), nil
}

func (rs *Results) load(first, count int) (store.Batch, error) {
	if !rs.fixed && rs.source == nil {
		plan, err := rs.ready()
		if err != nil {
			return store.Batch{}, err
		}
		return plan.Load(first, count)
	}
	cl, err := rs.realm.classByID(rs.class)
	if err != nil {
		return store.Batch{}, err
	}
	rows := rs.rows
	if rs.fixed {
		first = min(first, len(rows))
		rows = rows[first : first+min(count, len(rows)-first)]
	} else if rows, _, err = rs.sourcePage(first, count); err != nil {
		return store.Batch{}, err
	}
	return rs.realm.conn.LoadRows(cl, rows)
}

// Snapshot returns the same objects in the same order for good, whatever changes: for loops that change what they iterate.
func (rs *Results) Snapshot() (*Results, error) {
	rows, err := rs.rowIDs()
	if err != nil {
		return nil, err
	}
	return rs.realm.results(&Results{realm: rs.realm, class: rs.class, rows: rows, fixed: true})
}

// rowIDs returns the row ids of all objects; the slice must not be changed.
func (rs *Results) rowIDs() ([]int64, error) {
	if err := rs.enter(); err != nil {
		return nil, err
	}
	defer rs.realm.leave()
	return rs.currentRows()
}

func (rs *Results) currentRows() ([]int64, error) {
	switch {
	case rs.fixed:
		return rs.rows, nil
	case rs.source != nil:
		return rs.sourceRows()
	}
	plan, err := rs.ready()
	if err != nil {
		return nil, err
	}
	return plan.RowIDs()
}

// IndexOf returns the position of an object; false when it isn't among the results, or of another instance.
func (rs *Results) IndexOf(o Object) (int, bool, error) {
	p, err := object(o)
	if err != nil {
		return 0, false, err
	}
	if err := rs.enter(); err != nil {
		return 0, false, err
	}
	defer rs.realm.leave()
	if p.instance != rs.realm.c || uint32(p.class_key) != rs.class {
		return 0, false, nil
	}
	row := int64(p.object_key)
	if rs.fixed || rs.source != nil {
		rows, err := rs.currentRows()
		i := slices.Index(rows, row)
		return max(i, 0), i >= 0, err
	}
	plan, err := rs.ready()
	if err != nil {
		return 0, false, err
	}
	return plan.IndexOf(row)
}

// DeleteAll deletes every object; links to them become null.
func (rs *Results) DeleteAll() error {
	r := rs.realm
	if err := r.checkThread(); err != nil {
		return err
	}
	if err := rs.enter(); err != nil {
		return err
	}
	defer r.leave()
	cl, err := r.classToWrite(rs.class)
	if err != nil {
		return err
	}
	rows, err := rs.currentRows()
	if err != nil {
		return err
	}
	defer r.moved()
	for _, row := range rows {
		if ok, err := r.conn.Exists(cl, row); err != nil {
			return err
		} else if !ok { // of a snapshot, or in a collection twice
			continue
		}
		if err := r.deleteRow(cl, row); err != nil {
			return err
		}
	}
	return nil
}

// Resolve returns the same results in another instance of the file. A live target that lags behind is moved to the newest version first.
func (rs *Results) Resolve(target *Realm) (*Results, error) {
	r := rs.realm
	if r.file != target.file {
		return nil, errorf(ErrMismatchedConfig, "the results are of the realm '%s', not of '%s'", r.path, target.path)
	}
	if err := rs.enter(); err != nil {
		return nil, err
	}
	version := r.version
	r.leave()
	if err := target.catchUp(version); err != nil {
		return nil, err
	}
	return rs.copyTo(target)
}

// Release gives the results up. Releasing twice is allowed. Any thread.
func (rs *Results) Release() {
	r := rs.realm
	r.mu.Lock()
	defer r.unlockAndDetach()
	if rs.released {
		return
	}
	rs.released = true
	r.handles--
	r.closeIfUnused()
}

// sortPath resolves the key path of a sort.
func sortPath(s *schema.Schema, class *schema.Class, keyPath string) (*rql.Path, error) {
	path := &rql.Path{Class: class}
	for rest := keyPath; ; {
		name, more, hops := cutPath(rest)
		refuse := func(format string, args ...any) error {
			where := fmt.Sprintf("Cannot sort on key path '%s': property '%s.%s' ", keyPath, path.Class.Name, name)
			return errorf(rql.ErrInvalidQuery, "%s%s", where, fmt.Sprintf(format, args...))
		}
		at := slices.IndexFunc(path.Class.Properties, func(p schema.Property) bool { return p.Name == name })
		if at < 0 {
			return nil, refuse("does not exist.")
		}
		p := &path.Class.Properties[at]
		target := s.Class(p.LinkTarget)
		switch {
		case p.Collection != schema.Single:
			return nil, refuse("is of unsupported type '%s'.", p.TypeString())
		case !hops && p.Type == value.KindLink:
			return nil, refuse("of type '%s' cannot be the final property in the key path.", p.TypeString())
		case !hops:
			path.Property = at
			return path, nil
		case p.Type != value.KindLink || target == nil:
			return nil, refuse("of type '%s' may only be the final property in the key path.", p.TypeString())
		case len(path.Hops) == rql.MaxPath:
			return nil, refuse("is behind more than %d links.", rql.MaxPath)
		}
		path.Hops = append(path.Hops, rql.Hop{Class: path.Class, Property: at})
		path.Class, rest = target, more
	}
}

// cutPath cuts the first name off a key path.
func cutPath(path string) (name, rest string, more bool) {
	for i := range len(path) {
		if path[i] == '.' {
			return path[:i], path[i+1:], true
		}
	}
	return path, "", false
}
