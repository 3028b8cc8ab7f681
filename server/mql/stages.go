package mql

import (
	"math/rand/v2"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// passOn gives documents to the rest of a pipeline, and ends it.
func passOn(docs []bson.D, next sink) error {
	for _, d := range docs {
		if more, err := next.add(d); err != nil {
			return err
		} else if !more {
			break
		}
	}
	return next.end()
}

// sampleStage keeps some of the documents, each of them as likely as any other.
type sampleStage struct {
	m    *Meter
	next sink
	size int64
	seen int64
	docs []bson.D
}

func compileSample(arg any) (stage, error) {
	parts, err := arguments("$sample", arg, "size")
	if err != nil {
		return nil, err
	}
	n, ok := wholeNumber(parts[0])
	if !ok || n <= 0 {
		return nil, fail("$sample needs {size: a positive whole number}")
	}
	return func(r *Run, next sink) sink { return &sampleStage{m: r.m, next: next, size: n} }, nil
}

func (s *sampleStage) add(d bson.D) (bool, error) {
	s.seen++
	if int64(len(s.docs)) < s.size {
		s.docs = append(s.docs, d)
		return true, s.m.Hold(Size(d))
	}
	if i := rand.Int64N(s.seen); i < s.size {
		s.m.Free(Size(s.docs[i]))
		s.docs[i] = d
		return true, s.m.Hold(Size(d))
	}
	return true, s.m.Step(1)
}

func (s *sampleStage) end() error {
	rand.Shuffle(len(s.docs), func(i, j int) { s.docs[i], s.docs[j] = s.docs[j], s.docs[i] })
	return passOn(s.docs, s.next)
}

type replaceStage struct {
	m    *Meter
	next sink
	root expression
	name string
}

// compileReplaceRoot reads {newRoot: expression}, or for $replaceWith the expression.
func compileReplaceRoot(name string, arg any, in names) (stage, error) {
	if name == "$replaceRoot" {
		parts, err := arguments(name, arg, "newRoot")
		if err != nil {
			return nil, err
		}
		arg = parts[0]
	}
	root, err := compileExpression(arg, in)
	if err != nil {
		return nil, err
	}
	return func(r *Run, next sink) sink { return &replaceStage{r.m, next, root, name} }, nil
}

func (s *replaceStage) add(d bson.D) (bool, error) {
	v, err := s.root(d, s.m)
	if err != nil {
		return false, err
	}
	root, ok := v.(bson.D)
	if !ok {
		return false, fail("'%s' expression must evaluate to an object, but resulting value was of type: %s", s.name, typeName(v))
	}
	if err := s.m.made(root); err != nil {
		return false, err
	}
	return s.next.add(root)
}

func (s *replaceStage) end() error { return s.next.end() }

// compileSortByCount is a $group that counts, and a $sort of the counts.
func compileSortByCount(arg any, in names) (stage, error) {
	if d, ok := arg.(bson.D); ok && !hasOperators(d) {
		return nil, fail("the sortByCount field must be a path or an expression")
	} else if text, ok := arg.(string); !isOperator(arg) && (!ok || !strings.HasPrefix(text, "$")) {
		return nil, fail("the sortByCount field must be a path or an expression")
	}
	group, err := compileGroup(bson.D{{Key: "_id", Value: arg}, {Key: "count", Value: bson.D{{Key: "$sum", Value: int32(1)}}}}, in)
	if err != nil {
		return nil, err
	}
	order := Sort{{[]string{"count"}, -1}}
	return func(r *Run, next sink) sink { return group(r, &sortStage{m: r.m, next: next, order: order}) }, nil
}

// facetStage gives each document to several pipelines, and makes one document of their results.
type facetStage struct {
	next   sink
	names  []string
	parts  []*Run
	closed []bool // that want no more
}

func compileFacet(d bson.D, in names) (stage, error) {
	if len(d) == 0 || len(d) > maxStages {
		return nil, fail("$facet needs 1 to %d pipelines", maxStages)
	}
	names, pipelines := make([]string, 0, len(d)), make([]*Pipeline, 0, len(d))
	for _, e := range d {
		list, ok := e.Value.(bson.A)
		if !ok || e.Key == "" || strings.ContainsAny(e.Key, "$.") {
			return nil, fail("'%s' of $facet must be a name without '$' and '.', with an array of stages", clip(e.Key))
		}
		p, err := compilePipeline(list, true, in)
		if err != nil {
			return nil, fail("'%s': %s", clip(e.Key), err)
		}
		names, pipelines = append(names, e.Key), append(pipelines, p)
	}
	return func(r *Run, next sink) sink {
		s := &facetStage{next: next, names: names, closed: make([]bool, len(names))}
		for _, p := range pipelines {
			s.parts = append(s.parts, p.run(r.m, r.others))
		}
		return s
	}, nil
}

func (s *facetStage) add(d bson.D) (bool, error) {
	more := false
	for i, p := range s.parts {
		if s.closed[i] {
			continue
		}
		again, err := p.Add(d)
		if err != nil {
			return false, err
		}
		s.closed[i] = !again
		more = more || again
	}
	return more, nil
}

func (s *facetStage) end() error {
	out := make(bson.D, 0, len(s.parts))
	for i, p := range s.parts {
		docs, err := p.Result()
		if err != nil {
			return err
		}
		out = append(out, bson.E{Key: s.names[i], Value: docs})
	}
	return passOn([]bson.D{out}, s.next)
}
