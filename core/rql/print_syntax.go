package rql

import (
	"strconv"
	"strings"

	"realmsync/core/value"
)

// String returns the query in a regular form that needs no schema: names and literals as in canonical text, but nothing
// rewritten by type, and arguments left as $0. Parsing it gives an equal query. The canonical text that goes on the wire
// is that of the bound query: Bound.String.
func (q *Query) String() string {
	var out strings.Builder
	writePredicate(&out, q.root)
	for _, c := range q.clauses {
		out.WriteByte(' ')
		writeClause(&out, c)
	}
	return out.String()
}

func writePredicate(out *strings.Builder, p predicate) {
	switch p := p.(type) {
	case *logical:
		writeLogical(out, p)
	case *negation:
		out.WriteString("!(")
		writePredicate(out, p.term)
		out.WriteByte(')')
	case *truth:
		if p.value {
			out.WriteString("TRUEPREDICATE")
		} else {
			out.WriteString("FALSEPREDICATE")
		}
	case *comparison:
		writeExpr(out, p.left)
		out.WriteString(" " + p.op.String())
		if p.fold {
			out.WriteString("[c]")
		}
		out.WriteByte(' ')
		writeExpr(out, p.right)
	case *between:
		writeExpr(out, p.operand)
		out.WriteString(" BETWEEN ")
		writeExpr(out, p.list)
	case *geoWithin:
		writeExpr(out, p.operand)
		out.WriteString(" GEOWITHIN ")
		if p.shape == nil {
			out.WriteString("$" + strconv.Itoa(p.arg))
		} else {
			writeShape(out, p.shape)
		}
	}
}

func writeLogical(out *strings.Builder, l *logical) {
	separator := " and "
	if l.or {
		separator = " or "
		out.WriteByte('(')
		defer out.WriteByte(')')
	}
	for i, term := range l.terms {
		if i > 0 {
			out.WriteString(separator)
		}
		// Only a conjunction directly inside another needs parentheses to stay what it is.
		inner, ok := term.(*logical)
		if ok && !inner.or && !l.or {
			out.WriteByte('(')
			writePredicate(out, term)
			out.WriteByte(')')
			continue
		}
		writePredicate(out, term)
	}
}

func writeExpr(out *strings.Builder, e expr) {
	switch e := e.(type) {
	case *list:
		out.WriteString(e.quantifier.prefix() + "{")
		for i, c := range e.elements {
			if i > 0 {
				out.WriteString(", ")
			}
			writeExpr(out, c)
		}
		out.WriteByte('}')
	case *constant:
		writeConstant(out, e)
	case *path:
		out.WriteString(e.quantifier.prefix())
		writePath(out, e)
	case *aggregate:
		writePath(out, e.path)
		out.WriteString("." + e.op)
		if e.property != "" {
			out.WriteString("." + nameEscaper.Replace(e.property))
		}
	case *subquery:
		out.WriteString("SUBQUERY(")
		writePath(out, e.path)
		out.WriteString(", " + nameEscaper.Replace(e.variable) + ", ")
		writePredicate(out, e.body)
		out.WriteString(").@count")
	case *arithmetic:
		out.WriteByte('(')
		writeExpr(out, e.left)
		out.WriteString(" " + string(e.op) + " ")
		writeExpr(out, e.right)
		out.WriteByte(')')
	}
}

func writeConstant(out *strings.Builder, c *constant) {
	switch c.kind {
	case constFloat, constInfinity, constNaN, constStorageKey:
		out.WriteString(c.text) // the precision at which a double literal is read depends on what it is compared with
	case constNull:
		out.WriteString("NULL")
	case constArg:
		out.WriteString(c.quantifier.prefix() + "$" + strconv.Itoa(c.arg))
	case constObject:
		out.WriteString(`obj(` + quote(c.class) + `, `)
		writeConstant(out, c.key)
		out.WriteByte(')')
	default:
		if c.failure != nil || c.value.Kind() == value.KindFloat {
			out.WriteString(c.text)
		} else {
			out.WriteString(printValue(c.value))
		}
	}
}

// quote puts raw string text, whose escapes are as they were in the source, between the quotes that fit.
func quote(raw string) string {
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '\'':
			return `"` + raw + `"`
		}
	}
	return `'` + raw + `'`
}

func writePath(out *strings.Builder, p *path) {
	for i, e := range p.elements {
		switch e.kind {
		case elementName:
			if i > 0 {
				out.WriteByte('.')
			}
			out.WriteString(nameEscaper.Replace(e.text))
		case elementPathArg:
			out.WriteString("$K" + strconv.Itoa(e.arg))
		case elementKey:
			out.WriteString("[" + printKey(e.text) + "]")
		case elementArg:
			out.WriteString("[$" + strconv.Itoa(e.arg) + "]")
		default:
			out.WriteString("[" + e.indexText() + "]")
		}
	}
	switch p.post {
	case postSize:
		out.WriteString("." + p.postText)
	case postType:
		out.WriteString(".@type")
	}
}

func writeShape(out *strings.Builder, s *geoShape) {
	switch s.kind {
	case tGeoCircle:
		out.WriteString("GeoCircle(")
		writePoint(out, s.rings[0][0])
		out.WriteString(", ")
		writeCoordinate(out, s.radius)
	case tGeoBox:
		out.WriteString("GeoBox(")
		writePoint(out, s.rings[0][0])
		out.WriteString(", ")
		writePoint(out, s.rings[0][1])
	default:
		out.WriteString("GeoPolygon(")
		for i, ring := range s.rings {
			if i > 0 {
				out.WriteString(", ")
			}
			out.WriteByte('{')
			for j, point := range ring {
				if j > 0 {
					out.WriteString(", ")
				}
				writePoint(out, point)
			}
			out.WriteByte('}')
		}
	}
	out.WriteByte(')')
}

func writePoint(out *strings.Builder, p geoPoint) {
	out.WriteByte('[')
	for i, c := range p.coordinates {
		if i > 0 {
			out.WriteString(", ")
		}
		writeCoordinate(out, c)
	}
	out.WriteByte(']')
}

// writeCoordinate keeps the source: 30, 30.0 and -30 are read by different rules.
func writeCoordinate(out *strings.Builder, c *constant) { out.WriteString(c.text) }

func writeClause(out *strings.Builder, c clause) {
	switch c := c.(type) {
	case *sortClause:
		out.WriteString("SORT(")
		for i, k := range c.keys {
			if i > 0 {
				out.WriteString(", ")
			}
			writePath(out, k.path)
			if k.ascending {
				out.WriteString(" ASC")
			} else {
				out.WriteString(" DESC")
			}
		}
		out.WriteByte(')')
	case *distinctClause:
		out.WriteString("DISTINCT(")
		for i, p := range c.paths {
			if i > 0 {
				out.WriteString(", ")
			}
			writePath(out, p)
		}
		out.WriteByte(')')
	case *limitClause:
		out.WriteString("LIMIT(" + strconv.FormatInt(c.count, 10) + ")")
	}
}
