package store

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// sqlExpr is a predicate in SQL: true, or false, or NULL, which counts as false. Texts below NOT are made two-valued with
// IS NOT TRUE, so that three-valued logic never leaks.
type sqlExpr struct {
	text string
	args []any // in the order of their ?; a linkArg is resolved when the statement runs
}

// linkArg is the argument of a comparison with an object: its row id, or NULL while it doesn't exist.
type linkArg value.Link

const (
	sqlTrue  = "1"
	sqlFalse = "0"
)

// Bounds of one statement, well inside SQLite's own (1000 levels of expressions, 32766 arguments). Queries beyond are
// evaluated in Go.
const (
	maxSQLArgs  = 16384
	maxSQLJoins = 32
	maxSQLDepth = 400
)

// compiler turns a bound query into SQL on one connection.
type compiler struct {
	conn  *Conn
	bound *rql.Bound
	root  *Class
	joins map[string]string // path of hops -> alias
	from  strings.Builder
	deps  map[uint32]uint64 // class id -> properties that the result depends on
	// members are the classes whose objects the result depends on by being there.
	members map[uint32]bool
	err     error
}

// column is the column at the end of a path, with its alias, having joined what the path runs through.
func (k *compiler) column(p *rql.Path) (name string, owner string, prop *schema.Property, ok bool) {
	alias, cl, at := "t", k.root, ""
	for _, h := range p.Hops {
		i := k.index(cl, h.Class, h.Property)
		if i < 0 {
			return "", "", nil, false
		}
		link := &cl.Def.Properties[i]
		target := k.conn.catalog.byName[link.LinkTarget]
		if link.Type != value.KindLink || link.Collection != schema.Single || target == nil {
			return "", "", nil, false
		}
		at += fmt.Sprintf("/%d", i)
		next, joined := k.joins[at]
		if !joined {
			if len(k.joins) == maxSQLJoins {
				return "", "", nil, false
			}
			if err := k.conn.build(target); err != nil {
				k.err = err
				return "", "", nil, false
			}
			next = fmt.Sprintf("j%d", len(k.joins))
			k.joins[at] = next
			fmt.Fprintf(&k.from, " LEFT JOIN %s AS %s ON %s.id=%s.%s", target.name, next, next, alias, cl.cols[i].name)
		}
		alias, cl = next, target
	}
	i := k.index(cl, p.Class, p.Property)
	if i < 0 || !cl.cols[i].stored {
		return "", "", nil, false
	}
	return alias + "." + cl.cols[i].name, alias, &cl.Def.Properties[i], true
}

// index checks that a property of the bound query is the one that the connection has at its place, and notes that the
// query depends on it.
func (k *compiler) index(cl *Class, bound *schema.Class, property int) int {
	if property >= len(cl.Def.Properties) || property >= len(bound.Properties) || bound.Name != cl.Def.Name ||
		bound.Properties[property].Name != cl.Def.Properties[property].Name {
		k.err = k.conn.errorf(ErrSchema, "the query was bound to another version of class '%s': bind it again", bound.Name)
		return -1
	}
	k.deps[cl.ID] |= columnBit(property)
	return property
}

// node translates a predicate; false when it has to be evaluated in Go.
func (k *compiler) node(n rql.Node, depth int) (sqlExpr, bool) {
	if depth > maxSQLDepth {
		return sqlExpr{}, false
	}
	switch n := n.(type) {
	case *rql.And:
		return k.nodes(n.Nodes, " AND ", depth)
	case *rql.Or:
		return k.nodes(n.Nodes, " OR ", depth)
	case *rql.Not:
		e, ok := k.node(n.Node, depth+1)
		return negated(e), ok
	case *rql.Truth:
		return truth(n.Value), true
	case *rql.In:
		return k.in(n)
	case *rql.Between:
		col, _, _, ok := k.column(n.Path)
		low, lowOK := stored(n.Low)
		high, highOK := stored(n.High)
		return sqlExpr{col + " BETWEEN ? AND ?", []any{low, high}}, ok && lowOK && highOK
	case *rql.Comparison:
		return k.comparison(n)
	default:
		return sqlExpr{}, false
	}
}

func truth(v bool) sqlExpr {
	if v {
		return sqlExpr{text: sqlTrue}
	}
	return sqlExpr{text: sqlFalse}
}

func negated(e sqlExpr) sqlExpr { return sqlExpr{"(" + e.text + ") IS NOT TRUE", e.args} }

func (k *compiler) nodes(nodes []rql.Node, op string, depth int) (sqlExpr, bool) {
	parts := make([]sqlExpr, len(nodes))
	for i, n := range nodes {
		var ok bool
		if parts[i], ok = k.node(n, depth+1); !ok {
			return sqlExpr{}, false
		}
	}
	return joined(parts, op), true
}

// joined combines expressions as a balanced tree: a chain of a thousand ORs would be a thousand levels deep.
func joined(parts []sqlExpr, op string) sqlExpr {
	switch len(parts) {
	case 0:
		return truth(op == " AND ")
	case 1:
		return parts[0]
	}
	a, b := joined(parts[:len(parts)/2], op), joined(parts[len(parts)/2:], op)
	args := append(append(make([]any, 0, len(a.args)+len(b.args)), a.args...), b.args...)
	return sqlExpr{"(" + a.text + op + b.text + ")", args}
}

// in is IN on a direct property of type int, string, objectId or uuid.
func (k *compiler) in(n *rql.In) (sqlExpr, bool) {
	col, _, _, ok := k.column(n.Path)
	if !ok || len(n.Values) > maxSQLArgs {
		return sqlExpr{}, false
	}
	if n.FoldCase {
		return k.quantified(rql.OpEqual, true, n.Path, &rql.ConstantList{Values: n.Values}, false)
	}
	var e sqlExpr
	null := false
	for _, v := range n.Values {
		if v.IsNull() {
			null = true
			continue
		}
		arg, ok := stored(v)
		if !ok {
			return sqlExpr{}, false
		}
		e.args = append(e.args, arg)
	}
	e.text = sqlFalse
	if len(e.args) > 0 {
		e.text = col + " IN (" + strings.Repeat("?,", len(e.args)-1) + "?)"
	}
	if null {
		e.text = "(" + e.text + " OR " + col + " IS NULL)"
	}
	return e, true
}

func (k *compiler) comparison(n *rql.Comparison) (sqlExpr, bool) {
	left, leftPath := n.Left.(*rql.Path)
	right, rightPath := n.Right.(*rql.Path)
	if leftPath && rightPath {
		return k.paths(n, left, right)
	}
	if list, ok := n.Right.(*rql.ConstantList); ok && leftPath {
		return k.quantified(n.Op, n.FoldCase, left, list, false)
	}
	if list, ok := n.Left.(*rql.ConstantList); ok && rightPath {
		return k.quantified(n.Op, n.FoldCase, right, list, true)
	}
	if c, ok := n.Right.(*rql.Constant); ok && leftPath {
		if n.Direct {
			if e, handled, ok := k.direct(n.Op, left, c.Value); handled {
				return e, ok
			}
		}
		if n.FoldCase || n.Op.IsString() {
			return k.text(n.Op, n.FoldCase, left, c.Value)
		}
		return k.general(n.Op, left, c.Value)
	}
	if c, ok := n.Left.(*rql.Constant); ok && rightPath && !n.FoldCase && !n.Op.IsString() {
		return k.general(mirrored(n.Op), right, c.Value)
	}
	if c, ok := n.Left.(*rql.Constant); ok && rightPath && n.FoldCase && !n.Op.IsString() {
		return k.text(n.Op, true, right, c.Value) // == and != read the same both ways
	}
	return sqlExpr{}, false
}

// mirrored is the operator after its operands have changed places.
func mirrored(op rql.Op) rql.Op {
	switch op {
	case rql.OpLess:
		return rql.OpGreater
	case rql.OpLessEqual:
		return rql.OpGreaterEqual
	case rql.OpGreater:
		return rql.OpLess
	case rql.OpGreaterEqual:
		return rql.OpLessEqual
	default:
		return op
	}
}

// quantified compares a property with each element of a list (query-language.md 6.7).
func (k *compiler) quantified(op rql.Op, fold bool, p *rql.Path, list *rql.ConstantList, listIsLeft bool) (sqlExpr, bool) {
	if len(list.Values) > maxSQLArgs/4 {
		return sqlExpr{}, false
	}
	if listIsLeft {
		if op.IsString() {
			return sqlExpr{}, false // the property is the needle
		}
		op = mirrored(op)
	}
	parts := make([]sqlExpr, len(list.Values))
	for i, v := range list.Values {
		var ok bool
		if fold || op.IsString() {
			parts[i], ok = k.text(op, fold, p, v)
		} else {
			parts[i], ok = k.general(op, p, v)
		}
		if !ok {
			return sqlExpr{}, false
		}
	}
	switch list.Quantifier {
	case rql.QuantAll:
		return joined(parts, " AND "), true
	case rql.QuantNever:
		return negated(joined(parts, " OR ")), true
	default:
		return joined(parts, " OR "), true
	}
}

// text is a string operator, or == or != with [c], against a constant (query-language.md 6.3, general path).
func (k *compiler) text(op rql.Op, fold bool, p *rql.Path, v value.Value) (sqlExpr, bool) {
	col, _, prop, ok := k.column(p)
	if !ok || prop.Type != value.KindString && prop.Type != value.KindBinary {
		return sqlExpr{}, false
	}
	if v.IsNull() {
		switch op {
		case rql.OpEqual, rql.OpLike:
			return sqlExpr{text: col + " IS NULL"}, true
		case rql.OpNotEqual, rql.OpContains:
			return sqlExpr{text: col + " IS NOT NULL"}, true
		default:
			return truth(false), true
		}
	}
	if v.Kind() != prop.Type {
		return truth(op == rql.OpNotEqual), true
	}
	needle := v.Str()
	if fold {
		if !utf8.ValidString(needle) {
			return sqlExpr{}, false // special rules, that rql knows
		}
		needle = folded(needle)
	}
	function := map[rql.Op]string{rql.OpBeginsWith: "rlm_begins", rql.OpEndsWith: "rlm_ends", rql.OpContains: "rlm_contains",
		rql.OpLike: "rlm_like", rql.OpEqual: "rlm_equal", rql.OpNotEqual: "rlm_equal"}[op]
	if fold {
		function += "_c"
	} else if op == rql.OpLike && !utf8.ValidString(needle) {
		return sqlExpr{}, false
	}
	arg, _ := stored(v)
	if _, isText := arg.(string); isText {
		arg = needle
	} else {
		arg = blobArg(needle)
	}
	e := sqlExpr{function + "(" + col + ",?)", []any{arg}}
	if op == rql.OpNotEqual {
		e.text += "=0"
	}
	return e, true
}

// folded is the lower case of query-language.md 6.3; shim_func.c folds the other side.
func folded(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' || i > 0 && s[i-1] == 0xc3 && c >= 0x80 && c <= 0x9e && c != 0x97 {
			b[i] = c | 0x20
		}
	}
	return string(b)
}
