package rql

import "realmsync/core/value"

// The syntax tree: what Parse produces, before any name is known. It is private, because its only reader is the binder;
// other packages see the bound tree.

type predicate interface{ position() int }

type (
	logical struct { // two or more operands
		or    bool
		terms []predicate
		pos   int
	}
	negation struct {
		term predicate
		pos  int
	}
	truth struct {
		value bool
		pos   int
	}
	comparison struct {
		op          Op
		fold        bool
		left, right expr
		pos         int // of the operator
	}
	between struct {
		operand expr
		list    *list
		pos     int
	}
	geoWithin struct {
		operand *path
		shape   *geoShape // nil when arg is used
		arg     int
		pos     int
	}
)

func (n *logical) position() int    { return n.pos }
func (n *negation) position() int   { return n.pos }
func (n *truth) position() int      { return n.pos }
func (n *comparison) position() int { return n.pos }
func (n *between) position() int    { return n.pos }
func (n *geoWithin) position() int  { return n.pos }

// expr is an operand.
type expr interface{ position() int }

type (
	list struct {
		quantifier Quantifier
		elements   []*constant
		pos        int
	}
	path struct {
		quantifier Quantifier
		elements   []element
		post       postfix
		postText   string // as written: @count or @size
		pos        int
	}
	aggregate struct {
		path     *path
		op       string // @max, @min, @sum, @avg
		property string // of the linked object, "" for collections of scalars
		pos      int
	}
	subquery struct {
		path     *path
		variable string
		body     predicate
		pos      int
	}
	arithmetic struct {
		op          byte // + - * /
		left, right expr
		depth       int // of the tree below: operators associate to the left, so a flat text makes a deep tree
		pos         int
	}
)

func (e *list) position() int       { return e.pos }
func (e *path) position() int       { return e.pos }
func (e *aggregate) position() int  { return e.pos }
func (e *subquery) position() int   { return e.pos }
func (e *arithmetic) position() int { return e.pos }
func (e *constant) position() int   { return e.pos }

// postfix is an operation at the end of a path.
type postfix uint8

const (
	postNone postfix = iota
	postSize
	postType
)

type elementKind uint8

const (
	elementName elementKind = iota
	elementIndex
	elementFirst
	elementLast
	elementAll
	elementKey
	elementArg     // [$0]
	elementPathArg // $K0
)

// element is one step of a path.
type element struct {
	kind  elementKind
	text  string // name or key, decoded
	index int64
	arg   int
	pos   int
}

type constantKind uint8

const (
	constValue  constantKind = iota // value holds it
	constNumber                     // an int literal; value holds the int
	constFloat                      // a double literal: value holds the double, text is re-read at other precisions
	constInfinity
	constNaN
	constString
	constNull
	constArg // quantifier, arg
	constObject
	constStorageKey // O1, L1:1
)

// constant is a literal or an argument.
type constant struct {
	kind       constantKind
	value      value.Value
	text       string // source of the literal
	arg        int
	quantifier Quantifier
	class      string    // constObject
	key        *constant // constObject
	failure    *Error    // a literal whose badness is an error of binding, not of parsing
	pos        int
}

// geoShape is a circle, box or polygon.
type geoShape struct {
	kind   tokenKind // tGeoBox, tGeoCircle, tGeoPolygon
	rings  [][]geoPoint
	radius *constant
}

// geoPoint is longitude, latitude and an altitude that is ignored.
type geoPoint struct{ coordinates []*constant }

type sortClause struct{ keys []sortTerm }
type sortTerm struct {
	path      *path
	ascending bool
}
type distinctClause struct{ paths []*path }
type limitClause struct{ count int64 }

// clause is a descriptor: *sortClause, *distinctClause or *limitClause.
type clause interface{ isClause() }

func (*sortClause) isClause()     {}
func (*distinctClause) isClause() {}
func (*limitClause) isClause()    {}
