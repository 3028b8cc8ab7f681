package rules

import "go.mongodb.org/mongo-driver/v2/bson"

// Role is what a program may do with one document: the role that was chosen for it (spec/app-services.md section 12.3).
type Role struct {
	role *role // nil: everything is allowed
	env  *Env
}

// Document returns the role for a document of a collection, nil if none applies, or if a function that decides over one fails: then there is no access.
// doc is nil for what is about no document. before is what it was, nil if it is new or unchanged. call evaluates functions that roles name; failed is
// told of those that fail and decide over what is refused, then or by the role later, and may be nil.
func (s *Set) Document(caller *Caller, service, database, name string, doc, before bson.D, call func(name string, args bson.A) (any, error), failed func(error)) *Role {
	env := s.env(caller).on(doc, before)
	env.Call, env.Failed = call, failed
	if caller != nil && caller.System {
		return &Role{nil, env}
	}
	src := s.services[service]
	if src == nil {
		return nil
	}
	for _, r := range src.roles(collection{database, name}) {
		if applies, err := r.applies(env); applies {
			return &Role{r, env}
		} else if err != nil {
			env.fail(err)
			return nil
		}
	}
	return nil
}

// read returns what of a field may be read; ok is false if that is nothing.
func (r *Role) read(doc bson.D, field string) (part any, ok bool) {
	if r == nil {
		return nil, false
	}
	value := BSON(doc).Field(field)
	if r.role == nil {
		return value, true
	}
	env := r.env.on(doc, r.env.PrevRoot)
	if r.role.filtered && !holds(env, r.role.filterRead, r.role.filterWrite) {
		return nil, false
	}
	if holds(env, r.role.read, r.role.write) {
		return value, true
	}
	if r.role.read != nil {
		return nil, false
	}
	p := r.role.field(field)
	if p == nil {
		return nil, false
	}
	return p.part(env, value, BSON(env.PrevRoot).Field(field))
}

// Readable returns the part of the document that may be read; ok is false if that is nothing. The field _id is part of it if anything is.
func (r *Role) Readable(doc bson.D) (out bson.D, ok bool) {
	if r == nil {
		return nil, false
	}
	out = make(bson.D, 0, len(doc))
	for _, e := range doc {
		part, may := r.read(doc, e.Key)
		switch {
		case may:
			ok = true
			out = append(out, bson.E{Key: e.Key, Value: part})
		case e.Key == "_id":
			out = append(out, e)
		}
	}
	if !ok {
		return nil, false
	}
	return out, true
}

// gate tells whether the filter of documents lets a change of the document through.
func (r *Role) gate(env *Env) bool {
	return !r.role.filtered || r.role.filterWrite.Holds(env)
}

// CanWrite tells whether a field of the document may be changed. Filters hold before and after.
func (r *Role) CanWrite(before, after bson.D, field string) bool {
	if r == nil {
		return false
	}
	if r.role == nil {
		return true
	}
	env := r.env.on(after, before)
	if !r.gate(env) || before != nil && !r.gate(r.env.on(before, before)) {
		return false
	}
	if r.role.write.Holds(env) {
		return true
	}
	if r.role.write != nil {
		return false
	}
	p := r.role.field(field)
	return p != nil && p.writes(env, BSON(after).Field(field), BSON(before).Field(field))
}

// CanInsert tells whether the document may be made.
func (r *Role) CanInsert(doc bson.D) bool {
	if r == nil {
		return false
	}
	if r.role == nil {
		return true
	}
	env := r.env.on(doc, nil)
	return r.gate(env) && r.role.write.Holds(env) && r.role.insert.Holds(env)
}

// CanDelete tells whether the document may be ended.
func (r *Role) CanDelete(doc bson.D) bool {
	if r == nil {
		return false
	}
	if r.role == nil {
		return true
	}
	env := r.env.on(doc, doc)
	return r.gate(env) && r.role.del.Holds(env)
}
