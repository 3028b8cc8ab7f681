package store

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unsafe"

	"realmsync/core/rql"
	"realmsync/core/value"
)

// Plan is a query that is ready to run on its connection, any number of times: always on the current snapshot or
// transaction. Results are kept while nothing moves, and follow the connection's own changes where that is cheaper than
// running anew, so that size() and [i] in a loop cost what they look like.
//
// A plan stays valid across transactions until the schema changes; then its methods return ErrSchema: compile it again.
type Plan struct {
	conn  *Conn
	class *Class
	epoch uint64 // of the schema
	bound *rql.Bound

	from, where, order string
	args               []any
	limit              int64 // -1: none
	// residual: SQL finds candidates, Match decides. selected: also the order is made in Go.
	residual, selected bool
	// point: the query is "primary key == constant"; nothing of the above is used.
	point bool
	key   value.Value

	deps map[uint32]uint64 // class id -> mask of properties on which the result depends
	// members are the classes of which it also matters that objects come and go: they may link to objects of this one.
	members map[uint32]bool
	local   bool   // whether a row is in the result depends on that row only
	id      string // equal plans have equal ids
}

// Class returns the class whose objects the plan finds.
func (p *Plan) Class() *Class {
	if now := p.conn.catalog.byID[p.class.ID]; now != nil {
		return now
	}
	return p.class
}

// Current tells whether the plan may still run on the connection; if not, compile it again.
func (p *Plan) Current(c *Conn) bool { return p.conn == c && p.epoch == c.catalog.epoch }

// Key returns the primary key that the plan looks up, if that is all it does.
func (p *Plan) Key() (value.Value, bool) { return p.key, p.point }

// AtKey returns a plan that looks another key up, of the same type.
func (p *Plan) AtKey(key value.Value) *Plan {
	out := *p
	out.key = key
	return &out
}

// Concerns tells whether changes may have changed the result or the content of its objects.
func (p *Plan) Concerns(ch *Changes) bool {
	if ch == nil {
		return false
	}
	for i := range ch.Classes {
		cc := &ch.Classes[i]
		mask := p.deps[cc.Class]
		switch {
		case cc.Class == p.class.ID:
			return true
		case mask == 0:
		case cc.Removed, len(cc.Deleted) > 0, p.members[cc.Class] && len(cc.Created) > 0:
			return true
		default: // objects become reachable by a link that is set, which is a modification
			for _, m := range cc.Modified {
				if m.Columns&mask != 0 {
					return true
				}
			}
		}
	}
	return false
}

// All returns the plan of all objects of a class.
func (c *Conn) All(cl *Class) (*Plan, error) {
	if err := c.needRead("a query"); err != nil {
		return nil, err
	}
	cl, err := c.current(cl)
	if err != nil {
		return nil, err
	}
	return c.newPlan(cl, nil), nil
}

func (c *Conn) newPlan(cl *Class, b *rql.Bound) *Plan {
	return &Plan{conn: c, class: cl, epoch: c.catalog.epoch, bound: b, limit: -1, local: true}
}

// Compile makes the plan of a bound query. The query must have been bound to Schema(), or to an older schema to which only
// properties have been added.
func (c *Conn) Compile(b *rql.Bound) (*Plan, error) {
	if err := c.needRead("a query"); err != nil {
		return nil, err
	}
	cl := c.catalog.byName[b.Class.Name]
	if cl == nil {
		return nil, c.errorf(ErrSchema, "class '%s' doesn't exist", b.Class.Name)
	}
	cl, err := c.current(cl)
	if err != nil {
		return nil, err
	}
	p := c.newPlan(cl, b)
	if p.isPoint(b) {
		return p, nil
	}
	k := &compiler{conn: c, bound: b, root: cl, joins: map[string]string{}, deps: map[uint32]uint64{}, members: map[uint32]bool{}}
	p.compileWhere(k)
	if !p.compileOrder(k) {
		p.selected, p.order, p.limit = true, "", -1
	}
	if k.err == nil && (p.residual || p.selected) {
		k.noteAll(b) // what Go looks at counts too
	}
	if k.err != nil {
		return nil, k.err
	}
	p.from, p.deps, p.members = k.from.String(), k.deps, k.members
	p.local = len(k.joins) == 0 // a link may lead to another row of the same class
	p.identify()
	return p, nil
}

// isPoint recognizes the look-up of a primary key, for which even making the SQL would be too slow.
func (p *Plan) isPoint(b *rql.Bound) bool {
	cmp, ok := b.Root.(*rql.Comparison)
	if !ok || len(b.Descriptors) > 0 || !cmp.Direct || cmp.Op != rql.OpEqual || cmp.FoldCase || p.class.KeyIndex < 0 {
		return false
	}
	path, ok := cmp.Left.(*rql.Path)
	constant, isConstant := cmp.Right.(*rql.Constant)
	key := &p.class.Def.Properties[p.class.KeyIndex]
	if !ok || !isConstant || !path.IsDirect() || path.Prop().Name != key.Name || constant.Value.Kind() != key.Type {
		return false
	}
	p.point, p.key = true, constant.Value
	return true
}

// compileWhere translates the predicate. Of a conjunction it takes what can be translated; Match does the rest.
func (p *Plan) compileWhere(k *compiler) {
	terms := []rql.Node{p.bound.Root}
	if and, ok := p.bound.Root.(*rql.And); ok {
		terms = and.Nodes
	}
	var parts []sqlExpr
	args := 0
	for _, term := range terms {
		e, ok := k.node(term, 0)
		if args += len(e.args); !ok || args > maxSQLArgs {
			p.residual = true
			continue
		}
		if e.text != sqlTrue {
			parts = append(parts, e)
		}
	}
	if len(parts) > 0 {
		e := joined(parts, " AND ")
		p.where, p.args = e.text, e.args
	}
}

// compileOrder translates the descriptors: one SORT, then LIMITs. Anything else is done in Go.
func (p *Plan) compileOrder(k *compiler) bool {
	var terms []string
	for i, d := range p.bound.Descriptors {
		switch d := d.(type) {
		case *rql.Sort:
			if i > 0 {
				return false
			}
			for _, key := range d.Keys {
				t, ok := k.orderTerms(key)
				if !ok {
					return false
				}
				terms = append(terms, t...)
			}
		case *rql.Limit:
			if p.limit < 0 || d.Count < p.limit {
				p.limit = max(0, d.Count)
			}
		default:
			return false
		}
	}
	if len(terms) > 0 {
		p.order = strings.Join(terms, ",")
	}
	return true
}

// identify names the plan by everything that its result depends on.
func (p *Plan) identify() {
	if p.residual || p.selected {
		p.id = fmt.Sprintf("%d go %s", p.class.ID, p.bound)
		return
	}
	b := make([]byte, 0, 128)
	b = strconv.AppendUint(b, uint64(p.class.ID), 10)
	b = append(b, ' ')
	b = append(b, p.from...)
	b = append(b, '|')
	b = append(b, p.where...)
	b = append(b, '|')
	b = append(b, p.order...)
	b = append(b, '|')
	b = strconv.AppendInt(b, p.limit, 10)
	for _, arg := range p.args {
		switch v := arg.(type) {
		case int64:
			b = strconv.AppendInt(append(b, '|', 'i'), v, 10)
		case float64:
			b = strconv.AppendUint(append(b, '|', 'd'), math.Float64bits(v), 16)
		case string:
			b = append(strconv.AppendInt(append(b, '|', 's'), int64(len(v)), 10), v...)
		case blobArg:
			b = append(strconv.AppendInt(append(b, '|', 'b'), int64(len(v)), 10), v...)
		default:
			text := fmt.Sprint(v)
			b = append(strconv.AppendInt(append(b, '|', '?'), int64(len(text)), 10), text...)
		}
	}
	p.id = string(b)
}

// ready checks that the plan may run now.
func (p *Plan) ready() error {
	c := p.conn
	if c.tx < txRead {
		return c.needRead("a query")
	}
	if p.epoch != c.catalog.epoch {
		return c.errorf(ErrSchema, "the schema has changed since the query was compiled: compile it again")
	}
	return c.flush()
}

// resolved returns the arguments with objects replaced by their row ids of now.
func (p *Plan) resolved(front ...any) ([]any, error) {
	out := append(front, p.args...)
	for i, a := range out {
		link, ok := a.(linkArg)
		if !ok {
			continue
		}
		out[i] = nil
		target := p.conn.catalog.byName[link.Class]
		if target == nil {
			continue
		}
		row, exists, err := p.conn.find(target, link.Key)
		if err != nil {
			return nil, err
		}
		if exists {
			out[i] = row
		}
	}
	return out, nil
}

// sql returns a SELECT of the plan.
func (p *Plan) sql(what, condition string, ordered bool) string {
	var s strings.Builder
	s.WriteString("SELECT ")
	s.WriteString(what)
	s.WriteString(" FROM ")
	s.WriteString(p.Class().name)
	s.WriteString(" AS t")
	s.WriteString(p.from)
	switch {
	case p.where != "" && condition != "":
		s.WriteString(" WHERE " + condition + " AND " + p.where)
	case p.where != "" || condition != "":
		s.WriteString(" WHERE " + condition + p.where)
	}
	if ordered {
		s.WriteString(" ORDER BY ")
		if p.order != "" {
			s.WriteString(p.order)
			s.WriteByte(',')
		}
		s.WriteString("t.id")
	}
	return s.String()
}

// rowIDs runs a SELECT of row ids.
func (c *Conn) rowIDs(sql string, args []any) ([]int64, error) {
	st, err := c.statement(sql)
	if err != nil {
		return nil, err
	}
	defer c.done(st)
	var own arena
	defer own.free()
	cells, ok := own.args(args)
	if !ok {
		return nil, c.errorf(ErrType, "an argument of a query has a type that can't be compared")
	}
	defer C.rlm_reset(st.raw)
	if rc := C.rlm_bind(st.raw, cells, C.int(len(args))); rc != 0 {
		return nil, c.fail(rc, "running a query")
	}
	out := make([]int64, 0, 256)
	for {
		if len(out) == cap(out) {
			out = append(out, 0)[:len(out)]
		}
		free := out[len(out):cap(out)]
		var n C.int
		rc := C.rlm_ids(st.raw, (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(free))), C.int(len(free)), &n)
		out = out[:len(out)+int(n)]
		switch rc {
		case sqliteDone:
			return out, nil
		case sqliteRow:
		default:
			return nil, c.fail(rc, "running a query")
		}
	}
}
