package mql

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const maxStages = 100

// Pipeline is a compiled aggregation. It is immutable; Run makes an evaluation of it.
type Pipeline struct {
	first  *Filter // of the $match that it begins with, nil if it begins otherwise
	stages []stage
}

// stage makes the sink of one stage in a run. next is where its documents go.
type stage func(r *Run, next sink) sink

// Foreign reads the documents of another collection that a filter holds for, nil: all, as the caller sees them ($lookup, $unionWith).
type Foreign func(collection string, filter *Filter, f func(bson.D) (bool, error)) error

// sink takes documents one by one. add returns false when it wants no more; end is called once, unless an error came up.
type sink interface {
	add(d bson.D) (more bool, err error)
	end() error
}

// CompilePipeline reads an array of stages: $match, $group, $sort, $limit, $skip, $project, $addFields, $set, $unset, $count, $unwind, $lookup,
// $facet, $sample, $replaceRoot, $replaceWith, $sortByCount, $bucket, $bucketAuto, $unionWith.
func CompilePipeline(stages bson.A) (*Pipeline, error) {
	return compilePipeline(stages, false, names{})
}

// compilePipeline reads stages; inside is for those of a $facet. in are the variables that they may use.
func compilePipeline(stages bson.A, inside bool, in names) (*Pipeline, error) {
	if len(stages) > maxStages {
		return nil, fail("a pipeline can have at most %d stages", maxStages)
	}
	in = in.bounded()
	p := &Pipeline{}
	for i, s := range stages {
		d, ok := s.(bson.D)
		if !ok || len(d) != 1 {
			return nil, fail("A pipeline stage specification object must contain exactly one field.")
		}
		name, arg := d[0].Key, d[0].Value
		if name == "$match" && i == 0 && !inside {
			query, ok := arg.(bson.D)
			if !ok {
				return nil, fail("the match filter must be an expression in an object")
			}
			var err error
			if p.first, err = compileFilter(query, in); err != nil {
				return nil, atStage(i, name, err)
			}
			continue
		}
		if name == "$facet" && inside {
			return nil, fail("$facet is not allowed to be used within a $facet stage")
		}
		compiled, err := compileStage(name, arg, in)
		if err != nil {
			return nil, atStage(i, name, err)
		}
		p.stages = append(p.stages, compiled)
	}
	return p, nil
}

// atStage says in which stage something is wrong.
func atStage(i int, name string, err error) error {
	return fail("%s (stage %d of the pipeline, %s)", err, i+1, clip(name))
}

// First returns the filter that the pipeline begins with, nil if it begins otherwise: Run is to be given what it matches.
func (p *Pipeline) First() *Filter { return p.first }

// Run is one evaluation of a pipeline.
type Run struct {
	head   sink
	out    *collected
	m      *Meter
	others *others
}

// collected is the end of a pipeline.
type collected struct {
	m    *Meter
	docs bson.A
	held int // bytes
}

func (c *collected) add(d bson.D) (bool, error) {
	c.docs = append(c.docs, d)
	n := Size(d)
	c.held += n
	return true, c.m.Hold(n)
}

func (c *collected) end() error { return nil }

// Run starts an evaluation.
func (p *Pipeline) Run(m *Meter, foreign Foreign) *Run { return p.run(m, &others{foreign: foreign}) }

func (p *Pipeline) run(m *Meter, o *others) *Run {
	r := &Run{out: &collected{m: m, docs: bson.A{}}, m: m, others: o}
	r.head = r.out
	for i := len(p.stages) - 1; i >= 0; i-- {
		r.head = p.stages[i](r, r.head)
	}
	return r
}

// Add gives the pipeline a document; it returns false when no more is needed.
func (r *Run) Add(d bson.D) (more bool, err error) { return r.head.add(d) }

// Result ends the evaluation.
func (r *Run) Result() (bson.A, error) {
	err := r.head.end()
	return r.out.docs, err
}

func compileStage(name string, arg any, in names) (stage, error) {
	d, isDocument := arg.(bson.D)
	needsDocument := func() error {
		if isDocument {
			return nil
		}
		return fail("the %s stage specification must be an object", name)
	}
	switch name {
	case "$match":
		if err := needsDocument(); err != nil {
			return nil, err
		}
		f, err := compileFilter(d, in)
		if err != nil {
			return nil, err
		}
		return func(r *Run, next sink) sink { return &matchStage{r.m, next, f} }, nil
	case "$group":
		if err := needsDocument(); err != nil {
			return nil, err
		}
		return compileGroup(d, in)
	case "$sort":
		if err := needsDocument(); err != nil {
			return nil, err
		}
		order, err := CompileSort(d)
		if err != nil {
			return nil, err
		}
		return func(r *Run, next sink) sink { return &sortStage{m: r.m, next: next, order: order} }, nil
	case "$limit", "$skip":
		n, ok := wholeNumber(arg)
		if !ok || n < 0 || n == 0 && name == "$limit" {
			return nil, fail("the argument of %s must be a positive number", name)
		}
		if name == "$limit" {
			return func(_ *Run, next sink) sink { return &limitStage{next, n} }, nil
		}
		return func(_ *Run, next sink) sink { return &skipStage{next, n} }, nil
	case "$project":
		if err := needsDocument(); err != nil {
			return nil, err
		}
		if len(d) == 0 {
			return nil, fail("Invalid $project: the specification must have at least one field")
		}
		p, err := compileProjection(d, ofStage, in)
		if err != nil {
			return nil, err
		}
		return func(r *Run, next sink) sink { return &projectStage{r.m, next, p} }, nil
	case "$addFields", "$set":
		if err := needsDocument(); err != nil {
			return nil, err
		}
		p := &Projection{id: true, tree: &projectionNode{}}
		if len(d) == 0 {
			return nil, fail("$addFields specification stage must have at least one field")
		}
		if err := p.added("", d, 0, in); err != nil {
			return nil, err
		}
		return func(r *Run, next sink) sink { return &projectStage{r.m, next, p} }, nil
	case "$unset":
		fields := bson.D{}
		list, ok := arg.(bson.A)
		if !ok {
			list = bson.A{arg}
		}
		for _, f := range list {
			s, ok := f.(string)
			if !ok {
				return nil, fail("$unset needs a string or an array of strings")
			}
			fields = append(fields, bson.E{Key: s, Value: false})
		}
		p, err := compileProjection(fields, ofStage, in)
		if err != nil {
			return nil, err
		}
		return func(r *Run, next sink) sink { return &projectStage{r.m, next, p} }, nil
	case "$count":
		field, ok := arg.(string)
		if !ok || field == "" || strings.ContainsAny(field, "$.\x00") {
			return nil, fail("the count field must be a non-empty string without '$' and '.'")
		}
		return func(_ *Run, next sink) sink { return &countStage{next, field, 0} }, nil
	case "$unwind":
		return compileUnwind(arg)
	case "$sample":
		return compileSample(arg)
	case "$replaceRoot", "$replaceWith":
		return compileReplaceRoot(name, arg, in)
	case "$sortByCount":
		return compileSortByCount(arg, in)
	case "$facet":
		if err := needsDocument(); err != nil {
			return nil, err
		}
		return compileFacet(d, in)
	case "$lookup":
		if err := needsDocument(); err != nil {
			return nil, err
		}
		return compileLookup(d, in)
	case "$bucket":
		return compileBucket(arg, in)
	case "$bucketAuto":
		return compileBucketAuto(arg, in)
	case "$unionWith":
		return compileUnion(arg, in)
	default:
		return nil, fail("Unrecognized pipeline stage name: '%s'%s", clip(name), insteadOfStage[name])
	}
}

// insteadOfStage says what to do without stages that are not there.
var insteadOfStage = map[string]string{
	"$out": ", it is not supported: write with insertMany", "$merge": ", it is not supported: write with bulkWrite", "$geoNear": ", it is not supported: use $match with $geoWithin",
	"$graphLookup": ", it is not supported: use a $lookup for each level", "$search": ", it is not supported: use $match with $regex", "$redact": ", it is not supported: use $match and $project",
	"$setWindowFields": ", it is not supported: use $group with $push", "$densify": ", it is not supported", "$fill": ", it is not supported", "$documents": ", it is not supported",
	"$changeStream": ", it is not supported: use watch()", "$indexStats": ", it is not supported", "$collStats": ", it is not supported",
}

type matchStage struct {
	m    *Meter
	next sink
	f    *Filter
}

func (s *matchStage) add(d bson.D) (bool, error) {
	ok, err := s.f.Match(d, s.m)
	if !ok || err != nil {
		return true, err
	}
	return s.next.add(d)
}

func (s *matchStage) end() error { return s.next.end() }

type sortStage struct {
	m     *Meter
	next  sink
	order Sort
	docs  []bson.D
}

func (s *sortStage) add(d bson.D) (bool, error) {
	s.docs = append(s.docs, d)
	return true, s.m.Hold(Size(d))
}

func (s *sortStage) end() error {
	if err := s.order.Sorted(s.docs, s.m); err != nil {
		return err
	}
	return passOn(s.docs, s.next)
}

type limitStage struct {
	next sink
	left int64
}

func (s *limitStage) add(d bson.D) (bool, error) {
	if s.left <= 0 {
		return false, nil
	}
	s.left--
	more, err := s.next.add(d)
	return more && s.left > 0, err
}

func (s *limitStage) end() error { return s.next.end() }

type skipStage struct {
	next sink
	left int64
}

func (s *skipStage) add(d bson.D) (bool, error) {
	if s.left > 0 {
		s.left--
		return true, nil
	}
	return s.next.add(d)
}

func (s *skipStage) end() error { return s.next.end() }

type projectStage struct {
	m    *Meter
	next sink
	p    *Projection
}

func (s *projectStage) add(d bson.D) (bool, error) {
	out, err := s.p.Apply(d, s.m)
	if err != nil {
		return false, err
	}
	return s.next.add(out)
}

func (s *projectStage) end() error { return s.next.end() }

type countStage struct {
	next  sink
	field string
	n     int64
}

func (s *countStage) add(bson.D) (bool, error) {
	s.n++
	return true, nil
}

func (s *countStage) end() error {
	if s.n > 0 {
		if _, err := s.next.add(bson.D{{Key: s.field, Value: fitted(s.n, int32(0), int32(0))}}); err != nil {
			return err
		}
	}
	return s.next.end()
}

func compileUnwind(arg any) (stage, error) {
	u := unwindStage{}
	path := arg
	if d, ok := arg.(bson.D); ok {
		parts, err := arguments("$unwind", d, "path preserveNullAndEmptyArrays? includeArrayIndex?")
		if err != nil {
			return nil, err
		}
		path, u.preserve = parts[0], truthy(parts[1])
		if !isMissing(parts[2]) {
			u.index, _ = parts[2].(string)
			if u.index == "" || strings.ContainsAny(u.index, "$.\x00") {
				return nil, fail("includeArrayIndex must be a name without '$' and '.'")
			}
		}
	}
	text, ok := path.(string)
	if !ok || !strings.HasPrefix(text, "$") {
		return nil, fail("path option to $unwind stage should be prefixed with a '$'")
	}
	var err error
	if u.steps, err = splitPath(text[1:]); err != nil {
		return nil, err
	}
	return func(r *Run, next sink) sink {
		s := u
		s.m, s.next = r.m, next
		return &s
	}, nil
}

// inside follows a path through documents only.
func inside(d bson.D, steps []string) (v any, ok bool) {
	v = d
	for _, s := range steps {
		d, isDocument := v.(bson.D)
		if v, ok = Get(d, s); !ok || !isDocument {
			return nil, false
		}
	}
	return v, true
}

type unwindStage struct {
	m        *Meter
	next     sink
	steps    []string
	preserve bool
	index    string
}

func (s *unwindStage) add(d bson.D) (bool, error) {
	v, ok := inside(d, s.steps)
	list, isArray := v.(bson.A)
	switch {
	case !ok || v == nil || isArray && len(list) == 0:
		if !s.preserve {
			return true, s.m.Step(1)
		}
		if isArray {
			d = remove(d, s.steps).(bson.D)
		}
		return s.emit(d, nil)
	case !isArray:
		return s.emit(d, nil)
	}
	copied := spine(d, s.steps[:len(s.steps)-1])
	for i, e := range list {
		if err := s.m.Step(copied); err != nil {
			return false, err
		}
		out, err := assign(d, s.steps, e)
		if err != nil {
			return false, err
		}
		if more, err := s.emit(out.(bson.D), int64(i)); !more || err != nil {
			return more, err
		}
	}
	return true, nil
}

func (s *unwindStage) emit(d bson.D, i any) (bool, error) {
	if err := s.m.Step(1 + len(d)); err != nil {
		return false, err
	}
	if s.index != "" {
		d = withMember(d, s.index, i)
	}
	return s.next.add(d)
}

func (s *unwindStage) end() error { return s.next.end() }
