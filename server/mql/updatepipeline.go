package mql

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// updateStages are those that an update by a pipeline may have: each makes one document of one.
var updateStages = map[string]bool{"$addFields": true, "$set": true, "$project": true, "$unset": true, "$replaceRoot": true, "$replaceWith": true}

// CompileUpdatePipeline reads an update that is a pipeline: it computes the new document of the old one.
func CompileUpdatePipeline(stages bson.A) (*Update, error) {
	if len(stages) == 0 {
		return nil, fail("an update by a pipeline needs at least one stage")
	}
	for i, s := range stages {
		if d, _ := s.(bson.D); len(d) == 1 && !updateStages[d[0].Key] {
			return nil, atStage(i, d[0].Key, fail("this stage can't be in an update: $set, $unset, $addFields, $project, $replaceRoot and $replaceWith can"))
		}
	}
	p, err := CompilePipeline(stages)
	if err != nil {
		return nil, err
	}
	return &Update{pipeline: p}, nil
}

// compute applies the pipeline to what filters see of a document. A field that it leaves as it is stays, whole, and so do those that aren't seen.
func (u *Update) compute(d bson.D, t *Target, m *Meter) (bson.D, error) {
	seen := t.Seen
	if seen == nil {
		seen = d
	}
	if m.now == nil {
		m.At(t.Now)
	}
	run := u.pipeline.Run(m, nil)
	if _, err := run.Add(seen); err != nil {
		return nil, err
	}
	docs, err := run.Result()
	if err != nil {
		return nil, err
	}
	m.Free(run.out.held)
	made := docs[0].(bson.D)
	if id, had := Get(d, t.ID); had { // without an id the document keeps the one it has
		if _, has := Get(made, t.ID); !has {
			made = append(bson.D{{Key: t.ID, Value: id}}, made...)
		}
	}
	if err := m.made(made); err != nil {
		return nil, err
	}
	return overlay(d, seen, made, nil, t)
}

// overlay returns a document with what was made of what is seen of it. A document in it that isn't seen whole is gone into; anything else that
// isn't can't be changed, for what isn't seen of it would be lost.
func overlay(d, seen, made bson.D, path []string, t *Target) (bson.D, error) {
	out := make(bson.D, 0, len(made))
	for _, e := range d {
		was, visible := Get(seen, e.Key)
		now, has := Get(made, e.Key)
		switch {
		case visible && has && Identical(was, now) || !visible && !has:
		case visible && !Identical(was, e.Value):
			inner, ok1 := e.Value.(bson.D)
			part, ok2 := was.(bson.D)
			next, ok3 := now.(bson.D)
			at := append(slices.Clip(path), e.Key)
			if !ok1 || !ok2 || !ok3 {
				if t.May != nil { // what is refused anyhow is not told that something is hidden in it
					if err := t.May(at); err != nil {
						return nil, err
					}
				}
				return nil, fail("the field '%s' can't be changed by a pipeline: not all of it can be read", clip(strings.Join(at, ".")))
			}
			var err error
			if e.Value, err = overlay(inner, part, next, at, t); err != nil {
				return nil, err
			}
		case visible && !has:
			continue
		default:
			e.Value = now
		}
		out = append(out, e)
	}
	for _, e := range made {
		if _, visible := Get(seen, e.Key); visible {
			continue
		}
		if t.May != nil {
			if err := t.May(append(slices.Clip(path), e.Key)); err != nil {
				return nil, err
			}
		}
		if _, had := Get(d, e.Key); !had {
			out = append(out, e)
		}
	}
	return out, nil
}
