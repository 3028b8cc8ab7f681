package mql

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// others are the other collections that a pipeline reads, as the caller sees them.
type others struct {
	foreign Foreign
	read    map[*join][]bson.D // what a $lookup has read of one, if it is the same for all documents
}

// readCost is what beginning to read another collection costs, in steps.
const readCost = 200

// each reads the documents of another collection that a filter holds for.
func (o *others) each(m *Meter, collection string, filter *Filter, f func(bson.D) (bool, error)) error {
	if o.foreign == nil {
		return fail("other collections can't be read here")
	}
	if err := m.Step(readCost); err != nil {
		return err
	}
	return o.foreign(collection, filter, f)
}

// join is a compiled $lookup: by fields that have a value in common, by a pipeline over the other collection, or by both.
type join struct {
	from  string
	as    []string
	local []string // path; nil: not by fields
	field string   // of the other collection
	steps []string // of field

	pipeline *Pipeline // nil: none
	let      []expression
	filter   *Filter // what the pipeline takes of the other collection at most, whatever the document; nil: all
	fixed    bool    // its result is the same for every document
}

// compileLookup reads {from, as}, with {localField, foreignField}, {let, pipeline}, or both.
func compileLookup(d bson.D, in names) (stage, error) {
	text := map[string]string{}
	l := &join{}
	var pipeline bson.A
	known := in
	for _, e := range d {
		ok := true
		switch e.Key {
		case "from", "localField", "foreignField", "as":
			s, isText := e.Value.(string)
			if !isText || s == "" || strings.HasPrefix(s, "$") {
				return nil, fail("$lookup argument '%s' must be a name, a string without '$'", e.Key)
			}
			text[e.Key] = s
		case "pipeline":
			if pipeline, ok = e.Value.(bson.A); pipeline == nil {
				pipeline = bson.A{}
			}
		case "let":
			var vars bson.D
			if vars, ok = e.Value.(bson.D); ok {
				var err error
				if known, l.let, err = compileVariables(vars, in); err != nil {
					return nil, err
				}
			}
		default:
			return nil, fail("the argument '%s' of $lookup is not supported: from, localField, foreignField, let, pipeline and as are", clip(e.Key))
		}
		if !ok {
			return nil, fail("$lookup argument '%s' must be an array of stages, 'let' an object", e.Key)
		}
	}
	byFields := text["localField"] != "" && text["foreignField"] != ""
	if text["from"] == "" || text["as"] == "" || !byFields && (pipeline == nil || text["localField"]+text["foreignField"] != "") {
		return nil, fail("$lookup needs from and as, with localField and foreignField, with a pipeline, or with all of them")
	}
	l.from, l.field = text["from"], text["foreignField"]
	var err error
	if l.as, err = splitPath(text["as"]); err != nil {
		return nil, err
	}
	if byFields {
		if l.local, err = splitPath(text["localField"]); err != nil {
			return nil, err
		}
		if l.steps, err = splitPath(l.field); err != nil {
			return nil, err
		}
	}
	if pipeline != nil {
		if l.pipeline, err = compilePipeline(pipeline, false, known); err != nil {
			return nil, fail("pipeline of $lookup: %s", err)
		}
		if l.filter, err = independent(pipeline); err != nil {
			return nil, err
		}
		l.fixed = len(known.list) == 0 && !byFields
	}
	return func(r *Run, next sink) sink { return &lookupStage{join: l, r: r, next: next} }, nil
}

// independent is what the $match that a pipeline begins with demands without expressions, which may use variables; nil: nothing.
func independent(pipeline bson.A) (*Filter, error) {
	if len(pipeline) == 0 {
		return nil, nil
	}
	first, _ := pipeline[0].(bson.D)
	query, _ := Get(first, "$match")
	d, _ := query.(bson.D)
	d = slices.DeleteFunc(slices.Clone(d), func(e bson.E) bool { return e.Key == "$expr" || hasExpression(e.Value) })
	if len(d) == 0 {
		return nil, nil
	}
	return CompileFilter(d)
}

func hasExpression(v any) bool {
	switch v := v.(type) {
	case bson.D:
		return slices.ContainsFunc(v, func(e bson.E) bool { return e.Key == "$expr" || hasExpression(e.Value) })
	case bson.A:
		return slices.ContainsFunc(v, hasExpression)
	}
	return false
}

// lookupStage adds to each document what is found for it. It waits for all documents, to read the other collection once, and when nothing else is
// being read.
type lookupStage struct {
	*join

	r    *Run
	next sink
	docs []bson.D
	held int // bytes
}

func (s *lookupStage) hold(n int) error {
	s.held += n
	return s.r.m.Hold(n)
}

func (s *lookupStage) add(d bson.D) (bool, error) {
	s.docs = append(s.docs, d)
	return true, s.hold(Size(d))
}

func (s *lookupStage) emit(d bson.D, list bson.A) (bool, error) {
	out, err := compute(d, s.as, list, s.r.m)
	if err != nil {
		return false, err
	}
	if err := s.r.m.made(out); err != nil {
		return false, err
	}
	return s.next.add(out.(bson.D))
}

// through runs the pipeline for one document, over some documents of the other collection; nil: all of them. It holds size bytes.
func (s *lookupStage) through(d bson.D, over []bson.D) (out bson.A, size int, err error) {
	m := s.r.m
	if s.local == nil {
		if over, err = s.all(); err != nil {
			return nil, 0, err
		}
	}
	height := len(m.vars)
	defer func() { m.vars = m.vars[:height] }()
	if err := bind(s.let, d, m); err != nil {
		return nil, 0, err
	}
	run := s.pipeline.run(m, s.r.others)
	for _, other := range over {
		if err := m.Step(1); err != nil {
			return nil, 0, err
		}
		if s.pipeline.first != nil {
			if ok, err := s.pipeline.first.Match(other, m); err != nil {
				return nil, 0, err
			} else if !ok {
				continue
			}
		}
		if more, err := run.Add(other); err != nil {
			return nil, 0, err
		} else if !more {
			break
		}
	}
	out, err = run.Result()
	return out, run.out.held, err
}

// all reads what the pipeline may need of the other collection, once for the whole of the aggregation.
func (s *lookupStage) all() ([]bson.D, error) {
	docs, ok := s.r.others.read[s.join]
	if ok {
		return docs, nil
	}
	err := s.r.others.each(s.r.m, s.from, s.filter, func(d bson.D) (bool, error) {
		docs = append(docs, d)
		return true, s.r.m.Hold(Size(d))
	})
	if err != nil {
		return nil, err
	}
	if s.r.others.read == nil {
		s.r.others.read = map[*join][]bson.D{}
	}
	s.r.others.read[s.join] = docs
	return docs, nil
}

func (s *lookupStage) end() error {
	defer func() { s.r.m.Free(s.held) }()
	perform := s.byPipeline
	if s.local != nil {
		perform = s.byFields
	}
	if err := perform(); err != nil {
		return err
	}
	return s.next.end()
}

// byPipeline runs the pipeline for each document, or once if it is the same for all.
func (s *lookupStage) byPipeline() error {
	var list bson.A
	var size int
	defer func() { s.r.m.Free(size) }()
	for i, d := range s.docs {
		if i == 0 || !s.fixed {
			s.r.m.Free(size)
			var err error
			if list, size, err = s.through(d, nil); err != nil {
				return err
			}
		}
		if more, err := s.emit(d, list); err != nil {
			return err
		} else if !more {
			break
		}
	}
	return nil
}

// keys calls f with the key of each value at a path: of an array those of its elements, and with whole its own. What is missing is null.
func (s *lookupStage) keys(d bson.D, steps []string, whole bool, f func(v any, key string)) error {
	_, err := walk(d, steps, s.r.m, func(v any) (bool, error) {
		if isMissing(v) {
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

func (s *lookupStage) byFields() error {
	others, found, err := s.look()
	if err != nil {
		return err
	}
	for _, d := range s.docs {
		var chosen []int // of others, in their order
		taken := map[string]bool{}
		if err := s.keys(d, s.local, false, func(_ any, key string) {
			if !taken[key] {
				taken[key] = true
				chosen = append(chosen, found[key]...)
			}
		}); err != nil {
			return err
		}
		slices.Sort(chosen)
		chosen = slices.Compact(chosen)
		size := 16 * len(chosen)
		if err := s.r.m.Hold(size); err != nil {
			return err
		}
		list := make(bson.A, 0, len(chosen))
		if s.pipeline != nil {
			over := make([]bson.D, 0, len(chosen))
			for _, i := range chosen {
				over = append(over, others[i])
			}
			var more int
			if list, more, err = s.through(d, over); err != nil {
				return err
			}
			size += more
		} else {
			for _, i := range chosen {
				list = append(list, others[i])
			}
		}
		more, err := s.emit(d, list)
		if s.r.m.Free(size); err != nil {
			return err
		} else if !more {
			break
		}
	}
	return nil
}

// look reads the documents of the other collection that any document needs. found tells which of them have a value, by its key.
func (s *lookupStage) look() (others []bson.D, found map[string][]int, err error) {
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
	if err := s.hold(Size(values)); err != nil || len(values) == 0 {
		return nil, nil, err
	}
	// The clause is for indexes; the predicate is the same by a map: a value of it may be a regular expression, which is one like others here.
	filter := &Filter{clauses: []clause{{path: s.field, test: bson.D{{Key: "$in", Value: values}}}}}
	wanted := somewhere(s.steps, (&filterCompiler{}).orElement(func(v any, m *Meter) (bool, error) {
		if isMissing(v) {
			v = nil
		}
		_, wanted := found[string(Key(v))]
		return wanted, m.Step(cost(v))
	}))
	filter.root = wanted
	if s.filter != nil {
		filter.root = all([]predicate{wanted, s.filter.root})
	}
	err = s.r.others.each(s.r.m, s.from, filter, func(d bson.D) (bool, error) {
		if err := s.keys(d, s.steps, true, func(_ any, key string) {
			if list, wanted := found[key]; wanted && (len(list) == 0 || list[len(list)-1] != len(others)) {
				found[key] = append(list, len(others))
			}
		}); err != nil {
			return false, err
		}
		others = append(others, d)
		return true, s.hold(Size(d))
	})
	return others, found, err
}
