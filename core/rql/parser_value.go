package rql

import (
	"math"

	"realmsync/core/value"
)

// value reads a constant, a path, a list, an aggregate or a subquery.
func (p *parser) value() expr {
	pos := p.tok.start
	quantifier := p.quantifier()
	switch {
	case p.tok.kind == tListOpen:
		return p.list(quantifier)
	case p.tok.kind == tSubquery && quantifier == QuantNone:
		return p.subquery()
	case p.tok.kind == tArg:
		c := p.constant()
		c.quantifier, c.pos = quantifier, pos
		return c
	case p.tok.kind == tBinary:
		// binary is a property as well as a function: the next token decides.
		if mark := *p; quantifier == QuantNone {
			p.advance()
			if p.tok.kind == tOpen {
				*p = mark
				return p.constant()
			}
			*p = mark
		}
		return p.property(quantifier)
	case p.tok.kind.isName(), p.tok.kind == tPathArg:
		return p.property(quantifier)
	case quantifier != QuantNone:
		p.unexpected("identifier", "argument", "'{'")
	}
	return p.constant()
}

func (p *parser) quantifier() Quantifier {
	switch p.tok.kind {
	case tAny:
		p.advance()
		return QuantAny
	case tAll:
		p.advance()
		return QuantAll
	case tNone:
		p.advance()
		return QuantNever
	default:
		return QuantNone
	}
}

// list reads a list literal. Like the original's grammar it accepts one comma before the first element.
func (p *parser) list(quantifier Quantifier) *list {
	node := &list{quantifier: quantifier, pos: p.tok.start}
	if p.tok.kind != tListOpen {
		p.unexpected("any", "all", "none", "'{'")
	}
	p.advance()
	if p.tok.kind == tListClose {
		p.advance()
		return node
	}
	p.accept(tComma)
	for {
		node.elements = append(node.elements, p.constant())
		if p.accept(tComma) {
			continue
		}
		if p.tok.kind != tListClose {
			p.unexpected("','", "'}'")
		}
		p.advance()
		return node
	}
}

// constant reads a literal or an argument.
func (p *parser) constant() *constant {
	pos, text := p.tok.start, p.text()
	c := &constant{kind: constValue, text: text, pos: pos}
	switch p.tok.kind {
	case tNatural, tNumber:
		c.kind, c.value = constNumber, value.Int(integer(text))
	case tFloat:
		c = float(text, pos)
	case tInfinity:
		c.kind, c.value = constInfinity, value.Double(math.Inf(sign(text)))
	case tNaN:
		c.kind, c.value = constNaN, value.DoubleBits(doubleNaN)
	case tString:
		c.kind, c.value = constString, value.String(text[1:len(text)-1])
	case tBase64:
		s, err := base64Value(text, pos)
		c.kind, c.value, c.failure = constString, value.String(s), err
	case tTimestamp:
		c = timestamp(text, pos)
	case tUUID:
		id, _ := value.ParseUUID(lower(text[len("uuid(") : len(text)-1])) // the scanner has checked every digit
		c.value = value.FromUUID(id)
	case tOID:
		id, _ := value.ParseObjectID(lower(text[len("oid(") : len(text)-1]))
		c.value = value.FromObjectID(id)
	case tTrue, tFalse:
		c.value = value.Bool(p.tok.kind == tTrue)
	case tNull:
		c.kind = constNull
	case tLink, tTypedLink:
		c.kind = constStorageKey
	case tArg:
		c.kind, c.arg = constArg, argIndex(text[1:])
	case tAny, tAll, tNone:
		c.quantifier = p.quantifier()
		c.kind, c.text = constArg, p.text()
		if p.tok.kind != tArg {
			p.unexpected("argument")
		}
		c.arg = argIndex(c.text[1:])
	case tObj:
		return p.object(pos)
	case tBinary:
		return p.binary(pos)
	default:
		p.unexpected()
	}
	p.advance()
	return c
}

func sign(text string) int {
	if text[0] == '-' {
		return -1
	}
	return 1
}

// argIndex reads the number of an argument. Nobody passes more than MaxArgs, so larger numbers need not stay distinct.
func argIndex(text string) int {
	n := integer(text)
	if n > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(n)
}

// object reads obj("Class", key). The original's grammar has no BASE64 key, but its canonical text has: for a string with
// a quote in it.
func (p *parser) object(pos int) *constant {
	p.advance()
	p.take(tOpen)
	class := p.take(tString)
	p.take(tComma)
	switch p.tok.kind {
	case tNatural, tNumber, tString, tBase64, tUUID, tOID, tArg:
	default:
		p.unexpected("natural0", "number", "string", "UUID")
	}
	c := &constant{kind: constObject, class: class[1 : len(class)-1], key: p.constant(), pos: pos}
	p.take(tClose)
	return c
}

// binary reads binary("text") or binary(B64"...").
func (p *parser) binary(pos int) *constant {
	p.advance()
	p.take(tOpen)
	if p.tok.kind != tString && p.tok.kind != tBase64 {
		p.unexpected("string", "base64")
	}
	c := p.constant()
	c.kind, c.value, c.text, c.pos = constValue, value.BinaryString(c.value.Str()), "binary("+c.text+")", pos
	p.take(tClose)
	return c
}

// property reads a path with what may follow it: a count, @type, or an aggregate.
func (p *parser) property(quantifier Quantifier) expr {
	pos := p.tok.start
	node := p.path(quantifier, true)
	if p.tok.kind != tMax && p.tok.kind != tMin && p.tok.kind != tSum && p.tok.kind != tAvg {
		return node
	}
	if quantifier != QuantNone {
		p.unexpected()
	}
	result := &aggregate{path: node, op: p.text(), pos: pos}
	p.advance()
	if p.accept(tDot) {
		if !p.tok.kind.isName() {
			p.unexpected("identifier")
		}
		result.property = unescapeName(p.text())
		p.advance()
	}
	return result
}

// path reads names and indexes. With postfixes it also reads .@size, [SIZE] and .@type, and stops behind the point of an
// aggregate.
func (p *parser) path(quantifier Quantifier, postfixes bool) *path {
	node := &path{quantifier: quantifier, pos: p.tok.start}
	add := func(e element) {
		if len(node.elements) == MaxPath {
			panic(fail(ErrLimit, e.pos, "a key path has more than %d elements (at byte %d)", MaxPath, e.pos))
		}
		node.elements = append(node.elements, e)
	}
	switch {
	case p.tok.kind == tPathArg:
		add(element{kind: elementPathArg, text: p.text(), arg: argIndex(p.text()[2:]), pos: p.tok.start})
		p.advance()
	case p.tok.kind.isName():
		add(p.name())
	default:
		p.unexpected()
	}
	for {
		switch p.tok.kind {
		case tDot:
			p.advance()
			switch {
			case p.tok.kind.isName():
				add(p.name())
			case postfixes && p.tok.kind == tSize:
				node.post, node.postText = postSize, p.text()
				p.advance()
				return node
			case postfixes && p.tok.kind == tType:
				node.post, node.postText = postType, p.text()
				p.advance()
				return node
			case postfixes && (p.tok.kind == tMax || p.tok.kind == tMin || p.tok.kind == tSum || p.tok.kind == tAvg):
				return node
			default:
				p.unexpected()
			}
		case tIndexOpen:
			p.advance()
			if postfixes && p.tok.kind == tSizeWord {
				p.advance()
				p.take(tIndexClose)
				node.post, node.postText = postSize, "@size"
				return node
			}
			if last := node.elements[len(node.elements)-1]; last.kind == elementName && last.text == "@links" {
				panic(fail(ErrSyntax, p.tok.start, "Invalid predicate: '%s': An ID must follow @links", clip(p.lexer.text)))
			}
			add(p.index())
			p.take(tIndexClose)
		default:
			return node
		}
	}
}

func (p *parser) name() element {
	e := element{kind: elementName, text: unescapeName(p.text()), pos: p.tok.start}
	p.advance()
	return e
}

func (p *parser) index() element {
	e := element{pos: p.tok.start}
	switch p.tok.kind {
	case tNatural:
		e.kind, e.index = elementIndex, integer(p.text())
		if e.index == 0 {
			e.kind = elementFirst
		}
	case tFirst:
		e.kind = elementFirst
	case tLast:
		e.kind = elementLast
	case tStar:
		e.kind = elementAll
	case tString:
		e.kind, e.text = elementKey, p.text()[1:p.tok.end-p.tok.start-1]
	case tBase64:
		e.kind, e.text = elementKey, p.base64Key()
	case tArg:
		e.kind, e.arg = elementArg, argIndex(p.text()[1:])
	default:
		p.unexpected()
	}
	p.advance()
	return e
}

// base64Key reads a key that canonical text could not write in quotes.
func (p *parser) base64Key() string {
	if !p.sync {
		p.unexpected()
	}
	key, err := base64Value(p.text(), p.tok.start)
	if err != nil {
		panic(err)
	}
	return key
}

// subquery reads SUBQUERY(path, $v, predicate).@count.
func (p *parser) subquery() *subquery {
	node := &subquery{pos: p.tok.start}
	p.enter()
	p.advance()
	p.take(tOpen)
	node.path = p.path(QuantNone, false)
	p.take(tComma)
	if !p.tok.kind.isName() {
		p.unexpected("identifier")
	}
	node.variable = unescapeName(p.text())
	if len(node.variable) < 2 || node.variable[0] != '$' {
		panic(fail(ErrSyntax, p.tok.start, "The subquery variable '%s' is invalid. The variable must start with '$' and cannot be empty; for example '$x'.", clip(node.variable)))
	}
	p.advance()
	p.take(tComma)
	node.body = p.predicate(p.or())
	p.take(tClose)
	p.take(tDot)
	p.take(tSize)
	p.leave()
	return node
}

func (p *parser) geoWithin(operand *path, pos int) *geoWithin {
	node := &geoWithin{operand: operand, pos: pos}
	switch p.tok.kind {
	case tArg:
		node.arg = argIndex(p.text()[1:])
		p.advance()
	case tGeoBox, tGeoCircle, tGeoPolygon:
		node.shape = p.shape()
	default:
		p.unexpected("geobox", "geocircle", "geopolygon", "argument")
	}
	return node
}

func (p *parser) shape() *geoShape {
	s := &geoShape{kind: p.tok.kind}
	p.advance()
	p.take(tOpen)
	switch s.kind {
	case tGeoCircle:
		s.rings = [][]geoPoint{{p.point()}}
		p.take(tComma)
		s.radius = p.coordinate()
	case tGeoBox:
		low := p.point()
		p.take(tComma)
		s.rings = [][]geoPoint{{low, p.point()}}
	case tGeoPolygon:
		for {
			p.take(tListOpen)
			ring := []geoPoint{p.point()}
			for p.accept(tComma) {
				ring = append(ring, p.point())
			}
			p.take(tListClose)
			s.rings = append(s.rings, ring)
			if !p.accept(tComma) {
				break
			}
		}
	}
	p.take(tClose)
	return s
}

func (p *parser) point() geoPoint {
	p.take(tIndexOpen)
	point := geoPoint{[]*constant{p.coordinate()}}
	p.take(tComma)
	point.coordinates = append(point.coordinates, p.coordinate())
	if p.accept(tComma) {
		point.coordinates = append(point.coordinates, p.coordinate())
	}
	p.take(tIndexClose)
	return point
}

// coordinate reads a number or an argument. Signed integers are beyond the original's grammar, but its clients print them,
// so that its server must have taken them (spec section 11).
func (p *parser) coordinate() *constant {
	switch {
	case p.tok.kind == tFloat, p.tok.kind == tNatural, p.tok.kind == tArg, p.tok.kind == tNumber && p.sync:
		return p.constant()
	default:
		p.unexpected("float", "natural0", "argument")
		return nil
	}
}
