package store

/*
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"math"
	"strings"

	"realmsync/core/rql"
	"realmsync/core/value"
)

// stored is a value as its column holds it (shim_codec.c), for comparisons; false for kinds that have no such form, and
// for NaN, whose rules differ.
func stored(v value.Value) (any, bool) {
	switch v.Kind() {
	case value.KindInt:
		return v.Int(), true
	case value.KindBool:
		return v.Bool(), true
	case value.KindString:
		return v.Str(), true
	case value.KindBinary:
		return blobArg(v.Str()), true
	case value.KindTimestamp:
		t := v.Timestamp()
		b := binary.BigEndian.AppendUint64(nil, uint64(t.Seconds)^1<<63)
		return blobArg(binary.BigEndian.AppendUint32(b, uint32(t.Nanoseconds)^1<<31)), true
	case value.KindFloat:
		f := float64(v.Float())
		return f, !math.IsNaN(f)
	case value.KindDouble:
		return v.Double(), !math.IsNaN(v.Double())
	case value.KindObjectID:
		id := v.ObjectID()
		return blobArg(id[:]), true
	case value.KindUUID:
		id := v.UUID()
		return blobArg(id[:]), true
	case value.KindLink:
		return linkArg(v.Link()), true
	default:
		return nil, false
	}
}

// decimalKey is the part of a stored decimal that orders by value.
func decimalKey(d value.Decimal) string {
	var b [18]C.uint8_t
	C.rlm_decimal_key(&b[0], C.uint64_t(d.Hi), C.uint64_t(d.Lo))
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(byte(c))
	}
	return s.String()
}

var sqlOps = map[rql.Op]string{rql.OpEqual: "=", rql.OpNotEqual: " IS NOT ", rql.OpLess: "<", rql.OpLessEqual: "<=",
	rql.OpGreater: ">", rql.OpGreaterEqual: ">="}

// direct handles the comparisons whose rules differ from the general ones (query-language.md 6.2).
func (k *compiler) direct(op rql.Op, p *rql.Path, v value.Value) (e sqlExpr, handled, ok bool) {
	col, _, prop, ok := k.column(p)
	if !ok {
		return sqlExpr{}, true, false
	}
	switch {
	case op.IsString() && v.IsNull():
		if op == rql.OpLike {
			return sqlExpr{text: col + " IS NULL"}, true, true
		}
		return truth(true), true, true
	case op.IsOrdering() && prop.Type == value.KindString && v.IsNull():
		// Null is the smallest string.
		switch op {
		case rql.OpGreater:
			return sqlExpr{text: col + " IS NOT NULL"}, true, true
		case rql.OpLessEqual:
			return sqlExpr{text: col + " IS NULL"}, true, true
		default:
			return truth(op == rql.OpGreaterEqual), true, true
		}
	case op.IsOrdering() && prop.Type == value.KindString && v.Kind() == value.KindString:
		e = sqlExpr{col + sqlOps[op] + "?", []any{v.Str()}}
		if op == rql.OpLess || op == rql.OpLessEqual {
			e.text = "(" + e.text + " OR " + col + " IS NULL)"
		}
		return e, true, true
	case !op.IsString() && (v.Kind() == value.KindDouble || v.Kind() == value.KindFloat) && v.Kind() == prop.Type:
		// IEEE: a NaN, on either side, satisfies only !=.
		arg, isNumber := stored(v)
		if !isNumber {
			return truth(op == rql.OpNotEqual), true, true
		}
		e = sqlExpr{col + sqlOps[op] + "?", []any{arg}}
		if op == rql.OpGreater || op == rql.OpGreaterEqual {
			e.text = "(" + e.text + " AND " + isNumberSQL(col) + ")"
		}
		return e, true, true
	default:
		return sqlExpr{}, false, true
	}
}

// isNumberSQL tells a number from a NaN, which is a BLOB: greater than every number in SQLite.
func isNumberSQL(col string) string { return col + "<x''" }

// isNullSQL is col IS NULL, for links too: a dangling one is a BLOB and reads as null.
func isNullSQL(col string, kind value.Kind) string {
	if kind == value.KindLink {
		return "(" + col + " IS NULL OR " + col + ">=x'')"
	}
	return col + " IS NULL"
}

// general compares a property with a constant by query-language.md 6.1.
func (k *compiler) general(op rql.Op, p *rql.Path, v value.Value) (sqlExpr, bool) {
	col, _, prop, ok := k.column(p)
	if !ok || prop.Type == value.KindMixed {
		return sqlExpr{}, false
	}
	if v.IsNull() {
		e := sqlExpr{text: isNullSQL(col, prop.Type)}
		switch op {
		case rql.OpEqual, rql.OpLessEqual, rql.OpGreaterEqual:
			return e, true
		case rql.OpNotEqual:
			return negated(e), true
		default:
			return truth(false), true
		}
	}
	numeric := prop.Type.IsNumeric() && v.Kind().IsNumeric()
	if v.Kind() != prop.Type && !numeric {
		return truth(op == rql.OpNotEqual), true
	}
	if prop.Type == value.KindDecimal || v.Kind() == value.KindDecimal {
		if prop.Type != v.Kind() || isDecimalNaN(v.Decimal()) {
			return sqlExpr{}, false // needs rounding between the types, or the order of NaNs
		}
		return decimalSQL(op, col, v.Decimal()), true
	}
	arg, ok := stored(v)
	if !ok {
		return sqlExpr{}, false
	}
	e := sqlExpr{col + sqlOps[op] + "?", []any{arg}}
	switch prop.Type {
	case value.KindLink:
		if v.Link().Class != prop.LinkTarget {
			return truth(op == rql.OpNotEqual), true
		}
		// The argument is NULL while there is no such object: then nothing equals it.
		e.text = col + "=?"
		switch op {
		case rql.OpEqual:
			return e, true
		case rql.OpNotEqual:
			return negated(e), true
		default:
			return sqlExpr{}, false
		}
	case value.KindDouble, value.KindFloat: // NaN is below every number
		switch op {
		case rql.OpGreater, rql.OpGreaterEqual:
			e.text = "(" + e.text + " AND " + isNumberSQL(col) + ")"
		case rql.OpLess, rql.OpLessEqual:
			e.text = "(" + e.text + " OR " + col + ">=x'')"
		}
	}
	return e, true
}

func isDecimalNaN(d value.Decimal) bool { return d.Hi>>58&31 == 31 }

// decimalSQL compares by the first 18 bytes. Every stored decimal is longer than the bare key, and at most the key with 16
// bytes of ff behind it.
func decimalSQL(op rql.Op, col string, d value.Decimal) sqlExpr {
	key := decimalKey(d)
	low, high := blobArg(key), blobArg(key+strings.Repeat("\xff", 16))
	switch op {
	case rql.OpLess:
		return sqlExpr{col + "<?", []any{low}}
	case rql.OpLessEqual:
		return sqlExpr{col + "<=?", []any{high}}
	case rql.OpGreater:
		return sqlExpr{col + ">?", []any{high}}
	case rql.OpGreaterEqual:
		return sqlExpr{col + ">=?", []any{low}}
	case rql.OpNotEqual:
		return sqlExpr{"(" + col + " BETWEEN ? AND ?) IS NOT TRUE", []any{low, high}}
	default:
		return sqlExpr{col + " BETWEEN ? AND ?", []any{low, high}}
	}
}

// paths compares two properties of one type. Those that can be NaN, and mixed ones, are left to Go.
func (k *compiler) paths(n *rql.Comparison, left, right *rql.Path) (sqlExpr, bool) {
	a, _, ap, ok := k.column(left)
	if !ok || n.FoldCase || n.Op.IsString() {
		return sqlExpr{}, false
	}
	b, _, bp, ok := k.column(right)
	if !ok || ap.Type != bp.Type {
		return sqlExpr{}, false
	}
	var e sqlExpr
	switch ap.Type {
	case value.KindMixed, value.KindFloat, value.KindDouble, value.KindDecimal:
		return sqlExpr{}, false
	case value.KindLink:
		if ap.LinkTarget != bp.LinkTarget {
			return sqlExpr{}, false
		}
		e.text = "(" + a + "=" + b + " OR " + isNullSQL(a, ap.Type) + " AND " + isNullSQL(b, bp.Type) + ")"
		switch n.Op {
		case rql.OpEqual:
			return e, true
		case rql.OpNotEqual:
			return negated(e), true
		default:
			return sqlExpr{}, false
		}
	}
	switch n.Op {
	case rql.OpEqual:
		e.text = a + " IS " + b
	case rql.OpNotEqual:
		e.text = a + " IS NOT " + b
	case rql.OpLessEqual, rql.OpGreaterEqual:
		e.text = "(" + a + sqlOps[n.Op] + b + " OR " + a + " IS NULL AND " + b + " IS NULL)"
	default:
		e.text = a + sqlOps[n.Op] + b
	}
	return e, true
}

// orderTerms returns the ORDER BY terms of a sort key; false when the key has to be compared in Go.
func (k *compiler) orderTerms(key rql.SortKey) ([]string, bool) {
	col, owner, prop, ok := k.column(key.Path)
	if !ok {
		return nil, false
	}
	var terms []string
	if len(key.Path.Hops) > 0 { // a null link on the way: last when ascending
		terms = append(terms, owner+".id IS NULL")
	}
	switch prop.Type {
	case value.KindMixed:
		return nil, false
	case value.KindDouble, value.KindFloat: // null, NaNs by their bits, numbers
		terms = append(terms, "iif("+isNumberSQL(col)+","+col+",NULL)", "iif("+isNumberSQL(col)+",NULL,"+col+")")
	case value.KindDecimal:
		terms = append(terms, "substr("+col+",1,18)")
	case value.KindLink:
		terms = append(terms, "iif("+col+"<x'',"+col+",NULL)")
	default:
		terms = append(terms, col)
	}
	if !key.Ascending {
		for i := range terms {
			terms[i] += " DESC"
		}
	}
	return terms, true
}
