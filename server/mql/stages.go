package mql

import (
	"math/rand/v2"
	"slices"
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
	d, _ := arg.(bson.D)
	size, ok := Get(d, "size")
	n, isWhole := wholeNumber(size)
	if !ok || len(d) != 1 || !isWhole || n <= 0 {
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
func compileReplaceRoot(name string, arg any) (stage, error) {
	if name == "$replaceRoot" {
		d, _ := arg.(bson.D)
		root, ok := Get(d, "newRoot")
		if !ok || len(d) != 1 {
			return nil, fail("$replaceRoot needs {newRoot: expression}")
		}
		arg = root
	}
	root, err := compileExpression(arg)
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
		return false, fail("'%s' expression must evaluate to an object, but the result was of another type, or missing", s.name)
	}
	return s.next.add(root)
}

func (s *replaceStage) end() error { return s.next.end() }

// compileSortByCount is a $group that counts, and a $sort of the counts.
func compileSortByCount(arg any) (stage, error) {
	if d, ok := arg.(bson.D); ok && !hasOperators(d) {
		return nil, fail("the sortByCount field must be a path or an expression")
	} else if text, ok := arg.(string); !isOperator(arg) && (!ok || !strings.HasPrefix(text, "$")) {
		return nil, fail("the sortByCount field must be a path or an expression")
	}
	group, err := compileGroup(bson.D{{Key: "_id", Value: arg}, {Key: "count", Value: bson.D{{Key: "$sum", Value: int32(1)}}}})
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

func compileFacet(d bson.D) (stage, error) {
	if len(d) == 0 || len(d) > maxStages {
		return nil, fail("$facet needs 1 to %d pipelines", maxStages)
	}
	names, pipelines := make([]string, 0, len(d)), make([]*Pipeline, 0, len(d))
	for _, e := range d {
		list, ok := e.Value.(bson.A)
		if !ok || e.Key == "" || strings.ContainsAny(e.Key, "$.") {
			return nil, fail("'%s' of $facet must be a name without '$' and '.', with an array of stages", clip(e.Key))
		}
		p, err := compilePipeline(list, true)
		if err != nil {
			return nil, fail("'%s': %s", clip(e.Key), err)
		}
		names, pipelines = append(names, e.Key), append(pipelines, p)
	}
	return func(r *Run, next sink) sink {
		s := &facetStage{next: next, names: names, closed: make([]bool, len(names))}
		for _, p := range pipelines {
			s.parts = append(s.parts, p.Run(r.m, r.foreign))
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

// lookupStage adds to each document those of another collection that have its value in a field. It waits for all documents, to read the other
// collection once.
type lookupStage struct {
	r     *Run
	next  sink
	from  string
	local []string // path
	field string   // of the other collection
	steps []string // of field
	as    []string
	docs  []bson.D
}

// compileLookup reads {from, localField, foreignField, as}.
func compileLookup(d bson.D) (stage, error) {
	text := map[string]string{}
	for _, e := range d {
		switch e.Key {
		case "from", "localField", "foreignField", "as":
			s, ok := e.Value.(string)
			if !ok || s == "" || strings.HasPrefix(s, "$") {
				return nil, fail("$lookup argument '%s' must be a name, a string without '$'", e.Key)
			}
			text[e.Key] = s
		default:
			return nil, fail("the argument '%s' of $lookup is not supported: only from, localField, foreignField and as are", clip(e.Key))
		}
	}
	if len(text) != 4 {
		return nil, fail("$lookup needs from, localField, foreignField and as")
	}
	var paths [3][]string
	for i, name := range []string{"localField", "foreignField", "as"} {
		var err error
		if paths[i], err = splitPath(text[name]); err != nil {
			return nil, err
		}
	}
	return func(r *Run, next sink) sink {
		return &lookupStage{r: r, next: next, from: text["from"], local: paths[0], field: text["foreignField"], steps: paths[1], as: paths[2]}
	}, nil
}

func (s *lookupStage) add(d bson.D) (bool, error) {
	s.docs = append(s.docs, d)
	return true, s.r.m.Hold(Size(d))
}

// keys calls f with the key of each value at a path: of an array those of its elements, and with whole its own. What is missing is null.
func (s *lookupStage) keys(d bson.D, steps []string, whole bool, f func(v any, key string)) error {
	_, err := walk(d, steps, s.r.m, func(v any) (bool, error) {
		if _, absent := v.(missing); absent {
			v = nil
		}
		list, isArray := v.(bson.A)
		if !isArray || whole {
			f(v, string(Key(v)))
		}
		for _, e := range list {
			f(e, string(Key(e)))
		}
		return false, s.r.m.Step(cost(v))
	})
	return err
}

func (s *lookupStage) end() error {
	others, found, err := s.look()
	if err != nil {
		return err
	}
	for _, d := range s.docs {
		var chosen []int // of others, in their order
		if err := s.keys(d, s.local, false, func(_ any, key string) { chosen = append(chosen, found[key]...) }); err != nil {
			return err
		}
		slices.Sort(chosen)
		list := bson.A{}
		for _, i := range slices.Compact(chosen) {
			list = append(list, others[i])
		}
		if err := s.r.m.Hold(16 * len(list)); err != nil {
			return err
		}
		out, err := compute(d, s.as, list, s.r.m)
		if err != nil {
			return err
		}
		if more, err := s.next.add(out.(bson.D)); err != nil {
			return err
		} else if !more {
			break
		}
	}
	return s.next.end()
}

// look reads the documents of the other collection that any document needs. found tells which of them have a value, by its key.
func (s *lookupStage) look() (others []bson.D, found map[string][]int, err error) {
	if s.r.foreign == nil {
		return nil, nil, fail("$lookup can't read other collections here")
	}
	found = map[string][]int{}
	values := bson.A{}
	for _, d := range s.docs {
		if err := s.keys(d, s.local, false, func(v any, key string) {
			if _, known := found[key]; !known {
				found[key] = nil
				values = append(values, v)
			}
		}); err != nil {
			return nil, nil, err
		}
	}
	if err := s.r.m.Hold(Size(values)); err != nil || len(values) == 0 {
		return nil, nil, err
	}
	// The clause is for indexes; the predicate is the same by a map: a value of it may be a regular expression, which is one like others here.
	filter := &Filter{clauses: []clause{{s.field, bson.D{{Key: "$in", Value: values}}}}}
	filter.root = somewhere(s.steps, (&filterCompiler{}).orElement(func(v any, m *Meter) (bool, error) {
		if _, absent := v.(missing); absent {
			v = nil
		}
		_, wanted := found[string(Key(v))]
		return wanted, m.Step(cost(v))
	}))
	err = s.r.foreign(s.from, filter, func(d bson.D) (bool, error) {
		if err := s.keys(d, s.steps, true, func(_ any, key string) {
			if list, wanted := found[key]; wanted && (len(list) == 0 || list[len(list)-1] != len(others)) {
				found[key] = append(list, len(others))
			}
		}); err != nil {
			return false, err
		}
		others = append(others, d)
		return true, s.r.m.Hold(Size(d))
	})
	return others, found, err
}
