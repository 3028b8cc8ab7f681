package rql

import "strings"

// parser reads tokens one ahead. Its methods panic with *Error (and only that) to leave deep recursion; parse recovers.
type parser struct {
	lexer lexer
	tok   token
	depth int
	sync  bool // accept what only clients' canonical text contains (ParseSync)
}

// item is what a group can turn out to be: a predicate or an operand. Which of the two is known only after the closing
// parenthesis, so both travel through the same functions.
type item struct {
	pred    predicate
	ex      expr
	grouped bool // an operand in parentheses: string operators and BETWEEN don't take those
}

// parse reads a whole query.
func parse(text string, sync bool) (root predicate, clauses []clause, err *Error) {
	limit := MaxText
	if sync {
		limit = MaxSyncText
	}
	if len(text) > limit {
		return nil, nil, fail(ErrLimit, limit, "the query has %d bytes, more than the %d that are accepted", len(text), limit)
	}
	p := &parser{lexer: lexer{text: text}, sync: sync}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			root, clauses, err = nil, nil, e
		}
	}()
	p.advance()
	root = p.predicate(p.or())
	for {
		switch p.tok.kind {
		case tSort:
			clauses = append(clauses, p.sort())
		case tDistinct:
			clauses = append(clauses, p.distinct())
		case tLimit:
			clauses = append(clauses, p.limit())
		case tEnd:
			levels := MaxNesting
			if sync {
				levels *= 2
			}
			checkDepth(root, levels+1)
			return root, clauses, nil
		default:
			p.unexpected("end of file")
		}
	}
}

func (p *parser) advance() {
	tok, err := p.lexer.next()
	if err != nil {
		panic(err)
	}
	p.tok = tok
}

// text returns the source of the current token.
func (p *parser) text() string { return p.lexer.text[p.tok.start:p.tok.end] }

func (p *parser) unexpected(expected ...string) {
	want := strings.Join(expected, " or ")
	message := "Invalid predicate: '" + clip(p.lexer.text) + "': syntax error, unexpected " + p.tok.kind.String()
	if want != "" {
		message += ", expecting " + want
	}
	e := fail(ErrSyntax, p.tok.start, "%s (at byte %d)", message, p.tok.start)
	e.Expected = want
	panic(e)
}

// take consumes a token of this kind and returns its source.
func (p *parser) take(kind tokenKind) string {
	if p.tok.kind != kind {
		p.unexpected(kind.String())
	}
	text := p.text()
	p.advance()
	return text
}

// accept consumes a token if it is of this kind.
func (p *parser) accept(kind tokenKind) bool {
	if p.tok.kind != kind {
		return false
	}
	p.advance()
	return true
}

// enter and leave count nesting.
func (p *parser) enter() {
	p.depth++
	if p.depth > maxRecursion {
		panic(tooDeep(p.tok.start))
	}
}

func (p *parser) leave() { p.depth-- }

func tooDeep(at int) *Error {
	return fail(ErrLimit, at, "the query nests deeper than the %d levels that are accepted (at byte %d)", MaxNesting, at)
}

// checkDepth refuses a tree that is deeper than levels. Its own recursion is bounded by that.
func checkDepth(p predicate, levels int) {
	if levels == 0 {
		panic(tooDeep(p.position()))
	}
	switch p := p.(type) {
	case *logical:
		for _, term := range p.terms {
			checkDepth(term, levels-1)
		}
	case *negation:
		checkDepth(p.term, levels-1)
	case *comparison:
		checkOperandDepth(p.left, levels)
		checkOperandDepth(p.right, levels)
	case *between:
		checkOperandDepth(p.operand, levels)
	}
}

func checkOperandDepth(e expr, levels int) {
	if levels == 0 {
		panic(tooDeep(e.position()))
	}
	switch e := e.(type) {
	case *arithmetic:
		checkOperandDepth(e.left, levels-1)
		checkOperandDepth(e.right, levels-1)
	case *subquery:
		checkDepth(e.body, levels-1)
	}
}

const comparisonExpected = "a comparison operator"

// predicate insists that the item is a predicate: otherwise a comparison operator is missing here.
func (p *parser) predicate(it item) predicate {
	if it.pred == nil {
		p.unexpected(comparisonExpected)
	}
	return it.pred
}

// or and and read chains into one node, so that long ones are wide, not deep. A chain of the same kind in parentheses
// stays a node of its own: the canonical text of a typed C++ query keeps ((a or b) or c) apart from (a or b or c).
func (p *parser) or() item {
	return p.chain(tOr, p.and)
}

func (p *parser) and() item {
	return p.chain(tAnd, p.not)
}

func (p *parser) chain(operator tokenKind, operand func() item) item {
	first := operand()
	if p.tok.kind != operator {
		return first
	}
	node := &logical{or: operator == tOr, terms: []predicate{p.predicate(first)}, pos: p.tok.start}
	for p.accept(operator) {
		node.terms = append(node.terms, p.predicate(operand()))
	}
	return item{pred: node}
}

func (p *parser) not() item {
	if p.tok.kind != tNot {
		return p.comparison()
	}
	pos := p.tok.start
	p.enter()
	p.advance()
	term := p.predicate(p.not())
	p.leave()
	return item{pred: &negation{term, pos}}
}

var comparisonOps = map[tokenKind]Op{
	tEqual: OpEqual, tNotEqual: OpNotEqual, tLess: OpLess, tLessEqual: OpLessEqual, tGreater: OpGreater,
	tGreaterEqual: OpGreaterEqual, tIn: opIn, tBeginsWith: OpBeginsWith, tEndsWith: OpEndsWith, tContains: OpContains,
	tLike: OpLike, tText: opText,
}

// comparison reads a comparison, a constant predicate, a group, or a lone operand that the caller may refuse.
func (p *parser) comparison() item {
	switch pos := p.tok.start; p.tok.kind {
	case tTruePredicate:
		p.advance()
		return item{pred: &truth{true, pos}}
	case tFalsePredicate:
		p.advance()
		return item{pred: &truth{false, pos}}
	}
	left := p.sum()
	if left.pred != nil {
		return left
	}
	pos := p.tok.start
	if op, ok := comparisonOps[p.tok.kind]; ok {
		plain := op.IsString() || op == opText
		if plain && !left.isValue() {
			p.unexpected()
		}
		p.advance()
		fold := false
		if op == OpEqual || op == OpNotEqual || op == opIn || op.IsString() {
			fold = p.accept(tFold)
		}
		node := &comparison{op: op, fold: fold, left: left.ex, pos: pos}
		if plain {
			node.right = p.value()
		} else {
			node.right = p.operand(p.sum())
		}
		return item{pred: node}
	}
	switch p.tok.kind {
	case tBetween:
		if !left.isValue() {
			p.unexpected()
		}
		p.advance()
		return item{pred: &between{left.ex, p.list(p.quantifier()), pos}}
	case tGeoWithin:
		operand, ok := left.ex.(*path)
		if !ok || left.grouped {
			p.unexpected()
		}
		p.advance()
		return item{pred: p.geoWithin(operand, pos)}
	}
	return left
}

// isValue tells whether the operand is a value in the sense of the grammar: no parentheses, no arithmetic.
func (it item) isValue() bool {
	_, isArithmetic := it.ex.(*arithmetic)
	return !it.grouped && !isArithmetic
}

// operand insists that the item is an operand.
func (p *parser) operand(it item) expr {
	if it.ex == nil {
		p.unexpected()
	}
	return it.ex
}

func (p *parser) sum() item {
	return p.operators(p.product, tPlus, tMinus)
}

func (p *parser) product() item {
	return p.operators(p.primary, tStar, tSlash)
}

func (p *parser) operators(operand func() item, first, second tokenKind) item {
	left := operand()
	for left.pred == nil && (p.tok.kind == first || p.tok.kind == second) {
		pos, op := p.tok.start, p.lexer.text[p.tok.start]
		p.advance()
		right := p.operand(operand())
		depth := 1 + max(arithmeticDepth(left.ex), arithmeticDepth(right))
		if depth > 2*MaxNesting {
			panic(tooDeep(pos))
		}
		left = item{ex: &arithmetic{op, left.ex, right, depth, pos}}
	}
	return left
}

func arithmeticDepth(e expr) int {
	if a, ok := e.(*arithmetic); ok {
		return a.depth
	}
	return 0
}

// primary reads a value or a group.
func (p *parser) primary() item {
	if p.tok.kind != tOpen {
		return item{ex: p.value()}
	}
	p.enter()
	p.advance()
	inner := p.or()
	if p.tok.kind != tClose {
		switch {
		case inner.pred == nil:
			p.unexpected(comparisonExpected, "')'")
		case p.sync && (p.tok.kind == tSort || p.tok.kind == tDistinct || p.tok.kind == tLimit):
			panic(noDescriptors()) // clients send every subscription in parentheses: to the grammar it is a ')' that is missing
		default:
			p.unexpected("&&", "||", "')'")
		}
	}
	p.advance()
	p.leave()
	if inner.ex != nil {
		inner.grouped = true
	}
	return inner
}

func (p *parser) sort() *sortClause {
	p.advance()
	p.take(tOpen)
	node := &sortClause{}
	for {
		term := sortTerm{path: p.path(QuantNone, false)}
		switch p.tok.kind {
		case tAscending:
			term.ascending = true
		case tDescending:
		default:
			p.unexpected("ascending", "descending", "'.'", "'['")
		}
		p.advance()
		node.keys = append(node.keys, term)
		if !p.accept(tComma) {
			break
		}
	}
	p.close()
	return node
}

func (p *parser) distinct() *distinctClause {
	p.advance()
	p.take(tOpen)
	node := &distinctClause{}
	for {
		node.paths = append(node.paths, p.path(QuantNone, false))
		if !p.accept(tComma) {
			break
		}
	}
	p.close()
	return node
}

func (p *parser) close() {
	if p.tok.kind != tClose {
		p.unexpected("')'", "','")
	}
	p.advance()
}

func (p *parser) limit() *limitClause {
	p.advance()
	p.take(tOpen)
	count := integer(p.take(tNatural))
	p.take(tClose)
	return &limitClause{count}
}
