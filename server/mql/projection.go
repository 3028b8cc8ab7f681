package mql

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Projection chooses fields of documents, and computes some. It is immutable. The nil one chooses all.
type Projection struct {
	include  bool
	id       bool // the _id is kept
	tree     *projectionNode
	computed []computed
	parts    []part
	found    []string // path of the array of which the element is chosen that the filter holds for; nil: none
}

type projectionNode struct {
	children map[string]*projectionNode // nil: this is a field that is named
}

type computed struct {
	steps []string
	value expression
}

// part is $slice or $elemMatch: some elements of an array.
type part struct {
	steps       []string
	skip, limit int64     // $slice; a negative skip counts from the end
	first       condition // $elemMatch: the first element that it holds for; nil: this is $slice
}

// dialect says what a projection may have besides 0 and 1.
type dialect int

const (
	fieldsOnly dialect = iota // nothing
	ofFind                    // expressions, $slice and $elemMatch
	ofStage                   // expressions
)

// CompileFields reads {field: 1} or {field: 0}, and nothing else. Apply needs no meter for it.
func CompileFields(fields bson.D) (*Projection, error) {
	return compileProjection(fields, fieldsOnly, names{})
}

// CompileProjection reads the projection of a query: {field: 1} or {field: 0}, expressions, $slice and $elemMatch.
func CompileProjection(fields bson.D) (*Projection, error) {
	return compileProjection(fields, ofFind, names{})
}

func compileProjection(fields bson.D, d dialect, in names) (*Projection, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	c := projectionCompiler{dialect: d, in: in.bounded(), p: &Projection{id: true, tree: &projectionNode{children: map[string]*projectionNode{}}}}
	if err := c.members("", fields, 0); err != nil {
		return nil, err
	}
	p := c.p
	if id, ok := Get(fields, "_id"); ok && !c.decided && len(p.parts) == 0 && truthy(id) {
		p.include = true // nothing but the id
	}
	for _, x := range p.parts {
		if p.include && !p.tree.add(x.steps) {
			return nil, fail("Path collision at '%s'", clip(strings.Join(x.steps, ".")))
		}
	}
	return p, nil
}

type projectionCompiler struct {
	dialect dialect
	in      names
	p       *Projection
	fields  int
	decided bool // whether it includes or excludes
}

// members reads the members of a projection, or of a document in it, which is another way to write dotted paths.
func (c *projectionCompiler) members(prefix string, fields bson.D, depth int) error {
	if depth > maxPath {
		return fail("the projection is nested too deeply")
	}
	for _, e := range fields {
		if c.fields++; c.fields > maxClauses {
			return fail("a projection can name at most %d fields", maxClauses)
		}
		path := prefix + e.Key
		d, isDocument := e.Value.(bson.D)
		switch {
		case isDocument && len(d) == 0 && c.dialect != fieldsOnly:
			return fail("An empty sub-projection is not a valid value. Found empty object at path '%s'", clip(path))
		case isDocument && !hasOperators(d) && c.dialect != fieldsOnly:
			if err := c.members(path+".", d, depth+1); err != nil {
				return err
			}
		default:
			if err := c.member(path, e.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *projectionCompiler) member(path string, v any) error {
	steps, err := splitPath(path)
	if err != nil {
		return err
	}
	if array, ok := strings.CutSuffix(path, ".$"); ok && c.dialect == ofFind && truthy(v) && (isNumber(v) || v == true) {
		if c.p.found != nil {
			return fail("Cannot specify more than one positional projection per query: '%s'", clip(path))
		}
		c.p.found = steps[:len(steps)-1]
		return c.member(array, v)
	}
	for _, s := range steps {
		if strings.HasPrefix(s, "$") {
			return fail("the projection '%s' has a field that begins with '$': '$' can be the last one, in queries, and must be 1", clip(path))
		}
	}
	_, isBool := v.(bool)
	if isBool || isNumber(v) {
		include := truthy(v)
		if path == "_id" {
			c.p.id = include
			return nil
		}
		if err := c.decide(include, path); err != nil {
			return err
		}
		if !c.p.tree.add(steps) {
			return fail("Path collision at '%s'", clip(path))
		}
		return nil
	}
	if c.dialect == fieldsOnly {
		return fail("the projection of '%s' must be 0, 1, true or false", clip(path))
	}
	if d, ok := v.(bson.D); ok && c.dialect == ofFind && len(d) == 1 && (d[0].Key == "$slice" && !isExpressionSlice(d[0].Value) || d[0].Key == "$elemMatch") {
		return c.part(steps, path, d[0])
	}
	value, err := compileExpression(v, c.in)
	if err != nil {
		return err
	}
	if err := c.decide(true, path); err != nil {
		return err
	}
	switch {
	case path == "_id":
		c.p.id = false
	case len(steps) > 1 && !c.p.tree.add(steps): // what is beside it in arrays keeps its place
		return fail("Path collision at '%s'", clip(path))
	}
	c.p.computed = append(c.p.computed, computed{steps, value})
	return nil
}

// isExpressionSlice tells the expression $slice, of an array that it names, from the projection.
func isExpressionSlice(v any) bool {
	list, ok := v.(bson.A)
	return ok && len(list) > 0 && !isNumber(list[0])
}

// decide notes whether the projection includes or excludes, which all of it must do.
func (c *projectionCompiler) decide(include bool, path string) error {
	if c.decided && include != c.p.include {
		return fail("Cannot do inclusion and exclusion on fields at the same time: '%s'", clip(path))
	}
	c.p.include, c.decided = include, true
	return nil
}

func (c *projectionCompiler) part(steps []string, path string, e bson.E) error {
	x := part{steps: steps}
	if e.Key == "$elemMatch" {
		if len(steps) > 1 {
			return fail("Cannot use $elemMatch projection on a nested field: '%s'", clip(path))
		}
		if err := c.decide(true, path); err != nil {
			return err
		}
		f := filterCompiler{path: path, vars: c.in}
		var err error
		if x.first, err = f.elemMatch(e.Value); err != nil {
			return err
		}
		c.p.parts = append(c.p.parts, x)
		return nil
	}
	ok := true
	if list, isList := e.Value.(bson.A); isList {
		var ok1, ok2 bool
		if len(list) == 2 {
			x.skip, ok1 = wholeNumber(list[0])
			x.limit, ok2 = wholeNumber(list[1])
		}
		ok = ok1 && ok2 && x.limit > 0
	} else if x.limit, ok = wholeNumber(e.Value); x.limit < 0 {
		x.skip, x.limit = x.limit, -max(x.limit, -maxElements)
	}
	if !ok {
		return fail("$slice of '%s' must be a whole number, or [skip, limit] with a positive limit", clip(path))
	}
	c.p.parts = append(c.p.parts, x)
	return nil
}

func (n *projectionNode) add(steps []string) bool {
	for i, s := range steps {
		next, ok := n.children[s]
		last := i == len(steps)-1
		switch {
		case ok && (last || next.children == nil):
			return false
		case !ok && last:
			n.children[s] = &projectionNode{}
			return true
		case !ok:
			next = &projectionNode{children: map[string]*projectionNode{}}
			n.children[s] = next
		}
		n = next
	}
	return false
}

// Apply returns the document as the projection says. The original is not changed. The error is one of the meter, or of an expression.
func (p *Projection) Apply(d bson.D, m *Meter) (bson.D, error) {
	if p == nil {
		return d, nil
	}
	if err := m.Step(1 + len(d)); err != nil {
		return nil, err
	}
	var out any = p.Keep(d)
	for _, c := range p.computed {
		v, err := c.value(d, m)
		if err != nil {
			return nil, err
		}
		if len(c.steps) == 1 && c.steps[0] == "_id" && !p.id {
			if !isMissing(v) {
				out = append(bson.D{{Key: "_id", Value: v}}, out.(bson.D)...)
			}
			continue
		}
		if out, err = compute(out, c.steps, v, m); err != nil {
			return nil, err
		}
	}
	if len(p.computed) > 0 {
		if err := m.made(out); err != nil {
			return nil, err
		}
	}
	for i := range p.parts {
		var err error
		if out, err = p.parts[i].apply(out, p.parts[i].steps, m); err != nil {
			return nil, err
		}
	}
	return out.(bson.D), nil
}

// Positional tells whether the projection chooses the element of an array that the query found: ApplyFound does that.
func (p *Projection) Positional() bool { return p != nil && p.found != nil }

// ApplyFound is Apply for a document that a filter holds for.
func (p *Projection) ApplyFound(d bson.D, f *Filter, m *Meter) (bson.D, error) {
	out, err := p.Apply(d, m)
	if err != nil || !p.Positional() {
		return out, err
	}
	list, there := lookup(out, p.found)
	elements, isArray := list.(bson.A)
	if !there || !isArray {
		return out, nil
	}
	i, ok, err := f.position(p.found, d, m)
	if err != nil {
		return nil, err
	}
	if !ok || i >= len(elements) {
		return nil, fail("positional operator '.$' couldn't find a matching element in the array '%s': the query must be about its elements", clip(strings.Join(p.found, ".")))
	}
	chosen, err := assign(out, p.found, elements[i:i+1:i+1])
	if err != nil {
		return nil, err
	}
	return chosen.(bson.D), nil
}

// Keep returns the document with the fields that are chosen, without what Apply makes of them.
func (p *Projection) Keep(d bson.D) bson.D {
	if p == nil {
		return d
	}
	out := make(bson.D, 0, len(d))
	for _, e := range d {
		if e.Key == "_id" && p.tree.children["_id"] == nil { // otherwise a part of it is named
			if p.id {
				out = append(out, e)
			}
			continue
		}
		if v, ok := p.tree.member(e, p.include); ok {
			out = append(out, bson.E{Key: e.Key, Value: v})
		}
	}
	return out
}

func (n *projectionNode) member(e bson.E, include bool) (any, bool) {
	next, ok := n.children[e.Key]
	switch {
	case !ok:
		return e.Value, !include
	case next.children == nil:
		return e.Value, include
	default:
		return next.inside(e.Value, include)
	}
}

func (n *projectionNode) inside(v any, include bool) (any, bool) {
	switch v := v.(type) {
	case bson.D:
		out := make(bson.D, 0, len(v))
		for _, e := range v {
			if inner, ok := n.member(e, include); ok {
				out = append(out, bson.E{Key: e.Key, Value: inner})
			}
		}
		return out, true
	case bson.A:
		out := make(bson.A, 0, len(v))
		for _, e := range v {
			if inner, ok := n.inside(e, include); ok {
				out = append(out, inner)
			}
		}
		return out, true
	default:
		return v, !include
	}
}

// added reads the members of $addFields; a document in it is another way to write dotted paths.
func (p *Projection) added(prefix string, fields bson.D, depth int, in names) error {
	if depth > maxPath || len(fields)+len(p.computed) > maxClauses {
		return fail("$addFields can name at most %d fields, nested at most %d deep", maxClauses, maxPath)
	}
	for _, e := range fields {
		path := prefix + e.Key
		if d, ok := e.Value.(bson.D); ok && !hasOperators(d) {
			if len(d) == 0 {
				return fail("An empty object is not a valid value. Found empty object at path '%s'", clip(path))
			}
			if err := p.added(path+".", d, depth+1, in); err != nil {
				return err
			}
			continue
		}
		steps, err := splitPath(path)
		if err != nil {
			return err
		}
		if strings.HasPrefix(path, "$") || strings.Contains(path, ".$") {
			return fail("Invalid $addFields :: the field path '%s' has a name that begins with '$'", clip(path))
		}
		value, err := compileExpression(e.Value, in)
		if err != nil {
			return err
		}
		p.computed = append(p.computed, computed{steps, value})
	}
	return nil
}

// compute returns the value with something else at a path, as $addFields does: in each element of an array, and in the place of what is no
// document. What is missing takes away what is there.
func compute(v any, steps []string, to any, m *Meter) (any, error) {
	if len(steps) == 0 {
		return to, nil
	}
	_, absent := to.(missing)
	switch at := v.(type) {
	case bson.A:
		out := make(bson.A, len(at))
		for i, e := range at {
			if err := m.Step(cost(to)); err != nil {
				return nil, err
			}
			var err error
			if out[i], err = compute(e, steps, to, m); err != nil {
				return nil, err
			}
		}
		return out, nil
	case bson.D:
		inner, ok := Get(at, steps[0])
		switch {
		case absent && len(steps) == 1:
			return slices.DeleteFunc(slices.Clone(at), func(e bson.E) bool { return e.Key == steps[0] }), nil
		case absent && !ok:
			return at, nil
		}
		next, err := compute(inner, steps[1:], to, m)
		if err != nil {
			return nil, err
		}
		return withMember(at, steps[0], next), nil
	default:
		if absent {
			return v, nil
		}
		return compute(bson.D{}, steps, to, m)
	}
}

// apply returns the value with a part of the array at a path.
func (x *part) apply(v any, steps []string, m *Meter) (any, error) {
	if err := m.Step(1); err != nil {
		return nil, err
	}
	switch at := v.(type) {
	case bson.D:
		inner, ok := Get(at, steps[0])
		if !ok {
			return at, nil
		}
		list, isArray := inner.(bson.A)
		switch {
		case len(steps) > 1:
			next, err := x.apply(inner, steps[1:], m)
			if err != nil {
				return nil, err
			}
			return withMember(at, steps[0], next), nil
		case x.first == nil && isArray:
			return withMember(at, steps[0], x.cut(list)), nil
		case x.first == nil:
			return at, nil
		}
		for _, e := range list {
			if ok, err := x.first(bson.A{e}, m); err != nil {
				return nil, err
			} else if ok {
				return withMember(at, steps[0], bson.A{e}), nil
			}
		}
		return compute(at, steps, missing{}, m)
	case bson.A:
		out := slices.Clone(at)
		for i, e := range out {
			if _, nested := e.(bson.D); !nested {
				continue
			}
			var err error
			if out[i], err = x.apply(e, steps, m); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// cut is $slice.
func (x *part) cut(list bson.A) bson.A {
	n := int64(len(list))
	from := min(x.skip, n)
	if x.skip < 0 {
		from = max(n+x.skip, 0)
	}
	return list[from:min(from+min(x.limit, n), n)]
}
