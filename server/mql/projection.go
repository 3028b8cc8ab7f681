package mql

import (
	"go.mongodb.org/mongo-driver/v2/bson"
)

// Projection chooses fields of documents. It is immutable. The nil one chooses all.
type Projection struct {
	include  bool
	id       bool // the _id is kept
	tree     *projectionNode
	computed []computed // of $project
}

type projectionNode struct {
	children map[string]*projectionNode // nil: this is a field that is named
}

type computed struct {
	steps []string
	value expression
}

// CompileProjection reads {field: 1} or {field: 0}.
func CompileProjection(fields bson.D) (*Projection, error) { return compileProjection(fields, false) }

// compileProjection also reads expressions, if it is for $project.
func compileProjection(fields bson.D, expressions bool) (*Projection, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	p := &Projection{id: true, tree: &projectionNode{children: map[string]*projectionNode{}}}
	decided := false
	if len(fields) > maxClauses {
		return nil, fail("a projection can name at most %d fields", maxClauses)
	}
	for _, e := range fields {
		steps, err := splitPath(e.Key)
		if err != nil {
			return nil, err
		}
		_, isBool := e.Value.(bool)
		if !isBool && !isNumber(e.Value) {
			if !expressions {
				return nil, fail("the projection of '%s' must be 0, 1, true or false", clip(e.Key))
			}
			if decided && !p.include {
				return nil, fail("Invalid $project: cannot compute '%s' in an exclusion projection", clip(e.Key))
			}
			value, err := compileExpression(e.Value)
			if err != nil {
				return nil, err
			}
			p.include, decided = true, true
			p.computed = append(p.computed, computed{steps, value})
			continue
		}
		include := truthy(e.Value)
		if e.Key == "_id" {
			p.id = include
			continue
		}
		if decided && include != p.include {
			return nil, fail("Cannot do inclusion and exclusion on fields at the same time: '%s'", clip(e.Key))
		}
		p.include, decided = include, true
		if !p.tree.add(steps) {
			return nil, fail("Path collision at '%s'", clip(e.Key))
		}
	}
	if id, _ := Get(fields, "_id"); !decided && truthy(id) {
		p.include = true // nothing but the id
	}
	return p, nil
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

// Apply returns the document with the fields that are chosen. The original is not changed.
func (p *Projection) Apply(d bson.D) bson.D {
	if p == nil {
		return d
	}
	out := make(bson.D, 0, len(d))
	for _, e := range d {
		if e.Key == "_id" {
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
