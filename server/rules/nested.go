package rules

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// about returns the environment for a permission of a field that has a value, and had another.
func (e *Env) about(value, before any) *Env {
	out := *e
	out.This, out.Prev = value, before
	return &out
}

// part returns what may be read of the value of a field; ok is false if that is nothing. Fields of the documents in it that have a rule of their own
// are decided by that one, all others by this.
func (f *fieldRule) part(env *Env, value, before any) (part any, ok bool) {
	env = env.about(value, before)
	own := holds(env, f.read, f.write)
	if f.fields == nil {
		return value, own
	}
	was, _ := before.(bson.D)
	return f.partOf(env, value, was, own)
}

func (f *fieldRule) partOf(env *Env, value any, was bson.D, own bool) (part any, ok bool) {
	switch v := value.(type) {
	case bson.D:
		out, ok := make(bson.D, 0, len(v)), own
		for _, e := range v {
			may := own
			if rule := f.fields[e.Key]; rule != nil {
				e.Value, may = rule.part(env, e.Value, BSON(was).Field(e.Key))
			}
			if may {
				out, ok = append(out, e), true
			}
		}
		return out, ok
	case bson.A:
		out, ok := make(bson.A, 0, len(v)), own
		for _, e := range v {
			if part, may := f.partOf(env, e, nil, own); may {
				out, ok = append(out, part), true
			}
		}
		return out, ok
	}
	return value, own
}

// writes tells whether a field may be changed from one value to another. Where both are documents, the fields of theirs that changed decide, each by
// its rule as in part; otherwise all rules must let it.
func (f *fieldRule) writes(env *Env, value, before any) bool {
	env = env.about(value, before)
	own := f.write.Holds(env)
	if f.fields == nil {
		return own
	}
	is, isDocument := value.(bson.D)
	was, wasDocument := before.(bson.D)
	if value != nil && !isDocument || before != nil && !wasDocument || value == nil && before == nil {
		for _, rule := range f.fields {
			own = own && rule.writes(env, nil, nil)
		}
		return own
	}
	may := func(name string) bool {
		now, then := BSON(is).Field(name), BSON(was).Field(name)
		if rule := f.fields[name]; rule != nil {
			return rule.writes(env, now, then)
		}
		return own
	}
	for _, e := range is {
		if at := find(was, e.Key); (at < 0 || !reflect.DeepEqual(was[at].Value, e.Value)) && !may(e.Key) {
			return false
		}
	}
	for _, e := range was {
		if find(is, e.Key) < 0 && !may(e.Key) {
			return false
		}
	}
	return own || len(is)+len(was) > 0
}

// find returns where a field of a document is, or -1.
func find(d bson.D, name string) int {
	for i := range d {
		if d[i].Key == name {
			return i
		}
	}
	return -1
}
