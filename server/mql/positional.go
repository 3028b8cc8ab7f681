package mql

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The paths of an update may have positional steps: "$" is the element that the filter found, "$[]" every element, "$[name]" those that the array
// filter of that name holds for.

// identifier returns the name in a positional step: "" of "$[]". ok is false if the step is none of these two.
func identifier(step string) (name string, ok bool) {
	name, ok = strings.CutPrefix(step, "$[")
	if !ok || !strings.HasSuffix(name, "]") {
		return "", false
	}
	return name[:len(name)-1], true
}

func isPositional(step string) bool {
	_, ok := identifier(step)
	return ok || step == "$"
}

// checkPositional refuses steps that begin with '$' and are not positional, and positional ones where they mean nothing.
func checkPositional(op, path string, steps []string) error {
	for i, s := range steps {
		switch {
		case !strings.HasPrefix(s, "$"):
		case !isPositional(s):
			return fail("The dollar ($) prefixed field '%s' in '%s' is not valid for an update", clip(s), clip(path))
		case op == "$rename":
			return fail("The paths of $rename can't be positional: '%s'", clip(path))
		case i == 0:
			return fail("Cannot have positional (i.e. '$') element in the first position in path '%s'", clip(path))
		case s == "$" && slices.ContainsFunc(steps[:i], isPositional):
			return fail("Too many positional (i.e. '$') elements found in path '%s'", clip(path))
		}
	}
	return nil
}

const maxArrayFilters = 100

// compileArrayFilters reads the arrayFilters of an update. Each is about one identifier.
func compileArrayFilters(list bson.A) (map[string]*Filter, error) {
	out := map[string]*Filter{}
	in := names{}.bounded()
	if len(list) > maxArrayFilters {
		return nil, fail("an update can have at most %d arrayFilters", maxArrayFilters)
	}
	for i, v := range list {
		d, ok := v.(bson.D)
		if !ok || len(d) == 0 {
			return nil, fail("arrayFilters[%d] must be a document that is not empty", i)
		}
		names := map[string]bool{}
		namesOf(d, names)
		if len(names) != 1 {
			return nil, fail("arrayFilters[%d]: Expected a single top-level field name, found %d", i, len(names))
		}
		f, err := compileFilter(d, in)
		if err != nil {
			return nil, fail("arrayFilters[%d]: %s", i, err)
		}
		for name := range names {
			if name == "" || name[0] < 'a' || name[0] > 'z' || strings.ContainsFunc(name, isNoAlphanumeric) {
				return nil, fail("arrayFilters[%d]: the identifier '%s' must begin with a lowercase letter and have only letters and digits", i, clip(name))
			}
			if out[name] != nil {
				return nil, fail("Found multiple array filters with the same top-level field name %s", clip(name))
			}
			out[name] = f
		}
	}
	return out, nil
}

func isNoAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// namesOf collects the first steps of the paths that a filter has.
func namesOf(d bson.D, names map[string]bool) {
	for _, e := range d {
		list, ok := e.Value.(bson.A)
		if !ok || e.Key != "$and" && e.Key != "$or" && e.Key != "$nor" {
			name, _, _ := strings.Cut(e.Key, ".")
			names[name] = true
			continue
		}
		for _, v := range list {
			if inner, ok := v.(bson.D); ok {
				namesOf(inner, names)
			}
		}
	}
}

// identifiers checks that each identifier of a path has an array filter, and each array filter is used.
func (u *Update) identifiers() error {
	used := map[string]bool{}
	for _, c := range u.changes {
		for _, s := range c.steps {
			name, ok := identifier(s)
			if !ok || name == "" {
				continue
			}
			if u.elements[name] == nil {
				return fail("No array filter found for identifier '%s' in path '%s'", clip(name), clip(c.path))
			}
			used[name] = true
		}
	}
	for name := range u.elements {
		if !used[name] {
			return fail("The array filter for identifier '%s' was not used in the update", clip(name))
		}
	}
	return nil
}

// everywhere applies a change at each place that its path stands for. seen is what filters see of the value.
func (u *Update) everywhere(c *change, whole any, seen bson.D, t *Target, m *Meter) (any, error) {
	k := slices.IndexFunc(c.steps, isPositional)
	if k < 0 {
		return c.apply(whole, t.Now, m)
	}
	v, there := lookup(whole, c.steps[:k])
	list, ok := v.(bson.A)
	name, isName := identifier(c.steps[k])
	only := -1
	if !isName {
		found := false
		var err error
		if t.Filter != nil {
			only, found, err = t.Filter.position(c.steps[:k], seen, m)
		}
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fail("The positional operator did not find the match needed from the query, for '%s'", clip(c.path))
		}
	}
	if !ok && there {
		return nil, fail("Cannot apply array updates to a value that is no array, at '%s' of '%s'", clip(strings.Join(c.steps[:k], ".")), clip(c.path))
	}
	other, _ := lookup(seen, c.steps[:k])
	visible, _ := other.(bson.A)
	if !ok || len(visible) != len(list) {
		return nil, fail("The path '%s' must exist in the document in order to apply array updates", clip(strings.Join(c.steps[:k], ".")))
	}
	// The rest of the path is applied to the element, which is put into a document to have a path.
	inner := *c
	inner.steps = append([]string{"e"}, c.steps[k+1:]...)
	out := slices.Clone(list)
	for i := range list {
		if err := m.Step(1 + cost(c.arg)); err != nil {
			return nil, err
		}
		if only >= 0 && i != only {
			continue
		}
		if f := u.elements[name]; f != nil {
			if ok, err := f.Match(bson.D{{Key: name, Value: visible[i]}}, m); err != nil {
				return nil, err
			} else if !ok {
				continue
			}
		}
		next, err := u.everywhere(&inner, bson.D{{Key: "e", Value: list[i]}}, bson.D{{Key: "e", Value: visible[i]}}, t, m)
		if err != nil {
			return nil, err
		}
		out[i], _ = Get(next.(bson.D), "e") // null takes the place of what $unset removes
	}
	return assign(whole, c.steps[:k], out)
}

// spine is what a change at a path copies: the members and elements beside it, in steps of a meter.
func spine(v any, steps []string) (n int) {
	for _, s := range steps {
		switch at := v.(type) {
		case bson.D:
			n += len(at)
			v, _ = Get(at, s)
		case bson.A:
			n += len(at)
			i, ok := index(s, len(at))
			if !ok {
				return n / 8
			}
			v = at[i]
		}
	}
	return n / 8
}
