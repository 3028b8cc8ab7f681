package mql

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// unionStage passes documents on, and behind them those of another collection.
type unionStage struct {
	r        *Run
	next     sink
	from     string
	pipeline *Pipeline
	full     bool // no more are wanted
}

// compileUnion reads the name of a collection, or {coll, pipeline}.
func compileUnion(arg any, in names) (stage, error) {
	from, ok := arg.(string)
	pipeline := bson.A{}
	if !ok {
		parts, err := arguments("$unionWith", arg, "coll pipeline?")
		if err != nil {
			return nil, err
		}
		from, ok = parts[0].(string)
		if list, isArray := parts[1].(bson.A); isArray {
			pipeline = list
		} else if !absent(parts[1]) {
			return nil, fail("the pipeline of $unionWith must be an array of stages")
		}
	}
	if !ok || from == "" || strings.HasPrefix(from, "$") {
		return nil, fail("$unionWith needs the name of a collection, or {coll: name, pipeline: [...]}")
	}
	p, err := compilePipeline(pipeline, false, in)
	if err != nil {
		return nil, fail("pipeline of $unionWith: %s", err)
	}
	return func(r *Run, next sink) sink { return &unionStage{r: r, next: next, from: from, pipeline: p} }, nil
}

func (s *unionStage) add(d bson.D) (bool, error) {
	more, err := s.next.add(d)
	s.full = s.full || !more
	return more, err
}

func (s *unionStage) end() error {
	if s.full {
		return s.next.end()
	}
	run := s.pipeline.run(s.r.m, s.r.others)
	if err := s.r.others.each(s.r.m, s.from, s.pipeline.first, run.Add); err != nil {
		return err
	}
	docs, err := run.Result()
	if err != nil {
		return err
	}
	defer s.r.m.Free(run.out.held)
	for _, d := range docs {
		if more, err := s.next.add(d.(bson.D)); err != nil {
			return err
		} else if !more {
			break
		}
	}
	return s.next.end()
}
