package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// Access is what one sync session may do with one class: a role, frozen. It is immutable.
type Access struct {
	// Readable, Writable, Insertable and Deletable are the objects that may be seen, changed, made and ended. What may be written may be read.
	Readable, Writable, Insertable, Deletable *Filter

	fields     map[string]grant
	additional grant
}

// grant is what may be done with a field.
type grant struct{ read, write bool }

// full is the access of those whom no rule confines.
var full = &Access{Everything, Everything, Everything, Everything, nil, grant{true, true}}

// none is no access.
var none = &Access{Nothing, Nothing, Nothing, Nothing, nil, grant{}}

// Full returns the access of those whom no rule confines.
func Full() *Access { return full }

// access freezes a role that is compatible with sync.
func (r *role) access(env *Env) *Access {
	read, write := r.filterRead.Freeze(env), r.filterWrite.Freeze(env)
	isRead, readAll := r.read.literal()
	isWrite, writeAll := r.write.literal()
	a := &Access{Readable: Or(read, write), Writable: write, fields: map[string]grant{}}
	a.Deletable = And(write, r.del.Freeze(env))
	a.Insertable = Nothing
	if writeAll {
		a.Insertable = And(write, r.insert.Freeze(env))
	}
	// Fields decide where the role itself doesn't.
	of := func(f *fieldRule) grant {
		var g grant
		if f != nil {
			_, g.read = f.read.literal()
			_, g.write = f.write.literal()
		}
		g.read = readAll || writeAll || !isRead && (g.read || g.write)
		g.write = writeAll || !isWrite && g.write
		return g
	}
	a.additional = of(r.additional)
	for name, f := range r.fields {
		if g := of(f); g != a.additional {
			a.fields[name] = g
		}
	}
	if !a.additional.read && !slices.ContainsFunc(slices.Collect(maps.Values(a.fields)), func(g grant) bool { return g.read }) {
		a.Readable = Nothing
	}
	if !a.additional.write && !slices.ContainsFunc(slices.Collect(maps.Values(a.fields)), func(g grant) bool { return g.write }) {
		a.Writable = Nothing
	}
	// An undefined gate stays shut: what is left must not differ from false.
	for _, f := range []**Filter{&a.Readable, &a.Writable, &a.Insertable, &a.Deletable} {
		if (*f).IsNothing() {
			*f = Nothing
		}
	}
	return a
}

// Reads tells whether the field of a readable object may be seen. The primary key always may.
func (a *Access) Reads(field string) bool {
	if g, ok := a.fields[field]; ok {
		return g.read
	}
	return a.additional.read
}

// Writes tells whether the field of a writable object may be changed.
func (a *Access) Writes(field string) bool {
	if g, ok := a.fields[field]; ok {
		return g.write
	}
	return a.additional.write
}

// ReadsAll tells whether all fields of a readable object may be seen.
func (a *Access) ReadsAll() bool {
	for _, g := range a.fields {
		if !g.read {
			return false
		}
	}
	return a.additional.read
}

// Fields returns a text that is equal for accesses which show the same fields of the objects that they show; "" stands for all.
func (a *Access) Fields() string {
	if a.ReadsAll() {
		return ""
	}
	text, err := ejson.Marshal(bson.A{a.fieldViews(), a.additional.read})
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (a *Access) fieldViews() (out bson.A) {
	for _, name := range slices.Sorted(maps.Keys(a.fields)) {
		out = append(out, bson.A{name, a.fields[name].read})
	}
	return out
}

// IsFull tells whether nothing is confined.
func (a *Access) IsFull() bool {
	for _, g := range a.fields {
		if !g.read || !g.write {
			return false
		}
	}
	return a.additional == grant{true, true} && a.Readable.IsEverything() && a.Writable.IsEverything() && a.Insertable.IsEverything() && a.Deletable.IsEverything()
}

// View returns, in a canonical form that AccessOfView reads, what of the access decides over what a client is sent, with a digest of the rest; nil
// if the access is full. Two accesses with equal views are the same.
func (a *Access) View() any {
	if a.IsFull() {
		return nil
	}
	var writes bson.A
	for _, name := range slices.Sorted(maps.Keys(a.fields)) {
		writes = append(writes, bson.A{name, a.fields[name].write})
	}
	rest, err := ejson.Marshal(bson.A{a.Writable.bson(), a.Insertable.bson(), a.Deletable.bson(), writes, a.additional.write})
	if err != nil {
		rest = []byte(err.Error())
	}
	digest := sha256.Sum256(rest)
	return bson.A{a.Readable.bson(), a.fieldViews(), a.additional.read, hex.EncodeToString(digest[:8])}
}

// AccessOfView returns the access of which a client was sent a view. It may read what that one might, and write nothing.
func AccessOfView(v any) (*Access, error) {
	if v == nil {
		return full, nil
	}
	damaged := fmt.Errorf("rules: a stored access is damaged")
	parts, ok := v.(bson.A)
	if !ok || len(parts) != 4 {
		return nil, damaged
	}
	read, err := filterOf(parts[0])
	if err != nil {
		return nil, err
	}
	a := &Access{Readable: read, Writable: Nothing, Insertable: Nothing, Deletable: Nothing, fields: map[string]grant{}}
	fields, _ := parts[1].(bson.A)
	for _, f := range fields {
		pair, _ := f.(bson.A)
		if len(pair) != 2 {
			return nil, damaged
		}
		name, ok := pair[0].(string)
		may, isBool := pair[1].(bool)
		if !ok || !isBool {
			return nil, damaged
		}
		a.fields[name] = grant{read: may}
	}
	if a.additional.read, ok = parts[2].(bool); !ok {
		return nil, damaged
	}
	return a, nil
}
