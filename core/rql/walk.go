package rql

import (
	"slices"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// walker evaluates a KeyPath.
type walker struct {
	schema  *schema.Schema
	hops    []Hop
	end     Hop
	prop    *schema.Property // of the end; nil for @links
	steps   []Step
	reading Reading
	many    bool // hops lead to many objects
	multi   bool // the path is multi-valued
	grouped bool // each object that the hops reach makes groups of its own
	links   bool // the path yields links

	visitor visitor // nil: values are read from what the hops reach
}

// visitor is called with each object that the hops of a walker reach, instead of reading values from it.
type visitor interface {
	visit(o Object, r *run, out *batch) error
}

func (c *compiler) walker(p *KeyPath) *walker {
	w := &walker{schema: c.schema, hops: p.Hops, end: p.End, prop: p.Prop(), steps: p.Steps, reading: p.Reading, many: p.manyHops(), multi: p.isMulti(), links: p.EndsInLinks()}
	w.grouped = w.prop != nil && !w.links && (w.reading == ReadValue || w.reading == ReadType || w.mixedSteps()) &&
		(w.prop.Collection != schema.Single || len(p.Steps) > 0)
	return w
}

// mixedSteps tells whether the path steps into a single mixed value: then a count is that of what the steps find.
func (w *walker) mixedSteps() bool { return w.prop.Collection == schema.Single && len(w.steps) > 0 }

func (w *walker) eval(o Object, r *run, out *batch) error {
	groups := len(out.ends)
	reached, err := w.walk(o, 0, r, out)
	switch {
	case err != nil:
		return err
	case w.grouped:
		if len(out.ends) == groups {
			out.close() // nothing at all is one empty group
		}
	default:
		if !reached && !w.many && !w.multi {
			w.missing(out)
		}
		out.close()
	}
	return nil
}

// missing is what there is behind a single link that is null.
func (w *walker) missing(out *batch) {
	switch {
	case w.reading == ReadType:
		out.values = append(out.values, value.Int(int64(typeNull)))
	case w.reading == ReadValue:
		out.values = append(out.values, value.Null())
	case w.prop == nil, w.prop.Type != value.KindLink && w.prop.Collection != schema.Single:
		out.values = append(out.values, value.Int(0))
	case w.prop.Type != value.KindLink: // the length of a text
		out.values = append(out.values, value.Null())
	}
}

// walk follows the hops from the i-th on. It tells whether it came to the end.
func (w *walker) walk(o Object, i int, r *run, out *batch) (bool, error) {
	if i == len(w.hops) {
		if w.visitor != nil {
			return true, w.visitor.visit(o, r, out)
		}
		return true, w.finish(o, r, out)
	}
	hop := &w.hops[i]
	if !hop.isMany() {
		next, err := o.Follow(hop.Property)
		if next == nil || err != nil {
			return false, err
		}
		return w.walk(next, i+1, r, out)
	}
	c, err := openHop(o, hop)
	if c == nil || err != nil {
		return false, err
	}
	from, to, err := elements(c, hop.Element)
	if err != nil {
		return false, err
	}
	if err := r.charge(to - from); err != nil {
		return false, err
	}
	reached := false
	for ; from < to; from++ {
		next, err := c.Object(from)
		if err != nil {
			return false, err
		}
		if next == nil {
			continue
		}
		ok, err := w.walk(next, i+1, r, out)
		if err != nil {
			return false, err
		}
		reached = reached || ok
	}
	return reached, nil
}

// openHop opens the collection of links that a hop leads through.
func openHop(o Object, hop *Hop) (Collection, error) {
	n, err := navigable(o)
	if err != nil {
		return nil, err
	}
	if hop.Backlink {
		return n.Backlinks(hop.Class, hop.Property)
	}
	return n.Collection(hop.Property)
}

// elements returns the range of elements that a step takes; an index past the end and a key that isn't there take none.
func elements(c Collection, s Step) (from, to int, err error) {
	size := c.Size()
	switch s.Kind {
	case StepIndex:
		if s.Index >= int64(size) {
			return 0, 0, nil
		}
		return int(s.Index), int(s.Index) + 1, nil
	case StepLast:
		return max(0, size-1), size, nil
	case StepKey:
		i, err := c.Find(s.Key)
		if i < 0 || err != nil {
			return 0, 0, err
		}
		return i, i + 1, nil
	default:
		return 0, size, nil
	}
}

// finish reads the end of the path from an object that the hops have reached.
func (w *walker) finish(o Object, r *run, out *batch) error {
	if err := r.charge(1); err != nil {
		return err
	}
	switch {
	case w.prop == nil:
		return w.countBacklinks(o, out)
	case w.end.Backlink || w.prop.Type == value.KindLink && len(w.steps) == 0:
		return w.finishLinks(o, r, out)
	case w.prop.Collection != schema.Single:
		return w.finishCollection(o, r, out)
	default:
		v, err := o.Get(w.end.Property)
		if err != nil {
			return err
		}
		if len(w.steps) > 0 {
			return w.descend(cursor{value: v, object: o, property: w.end.Property}, w.steps, r, out)
		}
		return w.emit(cursor{value: v, object: o, property: w.end.Property}, out)
	}
}

// countBacklinks adds the number of incoming links to the sum over all objects that were reached.
func (w *walker) countBacklinks(o Object, out *batch) error {
	n, err := navigable(o)
	if err != nil {
		return err
	}
	count, err := n.BacklinkCount()
	if len(out.values) == 0 {
		out.values = append(out.values, value.Int(0))
	}
	out.values[0] = value.Int(out.values[0].Int() + count)
	return err
}

// finishLinks reads links, or counts them.
func (w *walker) finishLinks(o Object, r *run, out *batch) error {
	count := w.reading == ReadCount
	if !w.end.isMany() {
		v, err := o.Get(w.end.Property)
		switch {
		case count && v.IsNull():
			out.values = append(out.values, value.Int(0))
		case count:
			out.values = append(out.values, value.Int(1))
		case !w.many || !v.IsNull():
			out.values = append(out.values, v)
		}
		return err
	}
	c, err := openHop(o, &w.end)
	if err != nil {
		return err
	}
	size := 0
	if c != nil {
		size = c.Size()
	}
	if count && w.end.Link().Collection != schema.Dictionary {
		out.values = append(out.values, value.Int(int64(size)))
		return nil
	}
	if err := r.charge(size); err != nil {
		return err
	}
	linked := 0
	for i := range size {
		v, err := c.Value(i)
		if err != nil {
			return err
		}
		if v.IsNull() {
			continue
		}
		if linked++; !count {
			out.values = append(out.values, v)
		}
	}
	if count {
		out.values = append(out.values, value.Int(int64(linked)))
	}
	return nil
}

// finishCollection reads a list, set or dictionary of values.
func (w *walker) finishCollection(o Object, r *run, out *batch) error {
	n, err := navigable(o)
	if err != nil {
		return err
	}
	c, err := n.Collection(w.end.Property)
	if err != nil {
		return err
	}
	size := 0
	if c != nil {
		size = c.Size()
	}
	if w.reading == ReadCount {
		out.values = append(out.values, value.Int(int64(size)))
		return nil
	}
	step := Step{Kind: StepAll}
	if len(w.steps) > 0 {
		step = w.steps[0]
	}
	switch {
	case step.Kind == StepKeys:
		return w.keys(c, size, r, out)
	case len(w.steps) > 1, step.Kind == StepKey:
		kind := value.KindList
		if w.prop.Collection == schema.Dictionary {
			kind = value.KindDictionary
		}
		return w.descend(cursor{value: value.Marker(kind), object: o, property: w.end.Property}, w.steps, r, out)
	case size == 0:
		w.close(out)
		return nil
	}
	from, to, err := elements(c, step)
	if err != nil {
		return err
	}
	if err := r.charge(to - from); err != nil {
		return err
	}
	if from == to { // an index past the end of a list that isn't empty
		if err := w.emit(cursor{}, out); err != nil {
			return err
		}
	}
	for ; from < to; from++ {
		v, err := c.Value(from)
		if err != nil {
			return err
		}
		if err := w.emit(cursor{value: v, collection: c, index: from}, out); err != nil {
			return err
		}
	}
	w.close(out)
	return nil
}

// close ends what was read from one collection.
func (w *walker) close(out *batch) {
	if w.grouped {
		out.close()
	}
}

func (w *walker) keys(c Collection, size int, r *run, out *batch) error {
	if err := r.charge(size); err != nil {
		return err
	}
	for i := range size {
		out.values = append(out.values, value.String(c.Key(i)))
	}
	out.close()
	return nil
}

// cursor is a place that a value was read from: a property of an object, or an element of a collection.
type cursor struct {
	value      value.Value
	object     Object
	property   int
	collection Collection
	index      int
}

// nested opens the list or dictionary at the cursor; its size is 0 if there is none.
func (c cursor) nested() (Collection, int, error) {
	var inner Collection
	var err error
	switch {
	case c.collection != nil:
		inner, err = c.collection.Nested(c.index)
	case c.object != nil:
		var n Navigable
		if n, err = navigable(c.object); err == nil {
			inner, err = n.Collection(c.property)
		}
	}
	if inner == nil || err != nil {
		return nil, 0, err
	}
	return inner, inner.Size(), nil
}

func (c cursor) follow() (Object, error) {
	if c.collection != nil {
		return c.collection.Object(c.index)
	}
	return c.object.Follow(c.property)
}

// descend takes steps into a mixed value. A step that doesn't fit yields nothing. Each place that the last step is taken
// from makes a group.
func (w *walker) descend(c cursor, steps []Step, r *run, out *batch) error {
	if err := r.charge(1); err != nil {
		return err
	}
	step, last := steps[0], len(steps) == 1
	switch kind := c.value.Kind(); {
	case kind == value.KindDictionary && (step.Kind == StepKey || step.Kind == StepAll),
		kind == value.KindList && step.Kind != StepKey:
		inner, size, err := c.nested()
		if size == 0 || err != nil {
			return err
		}
		from, to, err := elements(inner, step)
		if err != nil {
			return err
		}
		if from == to {
			return w.absent(inner, size, step, last, r, out)
		}
		return w.descendElements(inner, from, to, steps, r, out)
	case kind == value.KindLink && step.Kind == StepKey:
		return w.descendLink(c, step, steps, r, out)
	}
	return nil
}

// absent handles a step to an element that isn't there.
func (w *walker) absent(c Collection, size int, step Step, last bool, r *run, out *batch) error {
	switch {
	case step.Kind != StepKey:
		return nil
	case step.Key == keysStep:
		return w.keys(c, size, r, out)
	case !last:
		return nil
	}
	err := w.emit(cursor{}, out)
	out.close()
	return err
}

func (w *walker) descendElements(c Collection, from, to int, steps []Step, r *run, out *batch) error {
	if err := r.charge(to - from); err != nil {
		return err
	}
	for i := from; i < to; i++ {
		v, err := c.Value(i)
		if err != nil {
			return err
		}
		at := cursor{value: v, collection: c, index: i}
		if len(steps) == 1 {
			err = w.emit(at, out)
		} else {
			err = w.descend(at, steps[1:], r, out)
		}
		if err != nil {
			return err
		}
	}
	if len(steps) == 1 {
		out.close()
	}
	return nil
}

// descendLink reads a property of an object that a mixed value links to.
func (w *walker) descendLink(c cursor, step Step, steps []Step, r *run, out *batch) error {
	target, err := c.follow()
	if target == nil || err != nil {
		return err
	}
	n, err := navigable(target)
	if err != nil {
		return err
	}
	class := w.schema.Class(n.Identity().Class)
	if class == nil {
		return nil
	}
	index := propertyIndex(class, step.Key)
	if index < 0 {
		return nil
	}
	at := cursor{object: target, property: index}
	switch class.Properties[index].Collection {
	case schema.Single:
		if at.value, err = target.Get(index); err != nil {
			return err
		}
	case schema.Dictionary:
		at.value = value.Marker(value.KindDictionary)
	case schema.Set:
		at.value = value.Marker(value.KindSet)
	default:
		at.value = value.Marker(value.KindList)
	}
	if len(steps) > 1 {
		return w.descend(at, steps[1:], r, out)
	}
	err = w.emit(at, out)
	out.close()
	return err
}

// emit adds what the path reads of a value.
func (w *walker) emit(c cursor, out *batch) error {
	v := c.value
	switch w.reading {
	case ReadType:
		v = value.Int(int64(typeOf(v)))
	case ReadCount:
		switch v.Kind() {
		case value.KindString, value.KindBinary:
			v = value.Int(int64(len(v.Str())))
		case value.KindList, value.KindDictionary, value.KindSet:
			_, size, err := c.nested()
			if err != nil {
				return err
			}
			v = value.Int(int64(size))
		default:
			v = value.Null()
		}
	case ReadLength:
		switch {
		case isText(v):
			v = value.Int(int64(len(v.Str())))
		case w.prop.Type == value.KindMixed:
			return nil
		default:
			v = value.Int(0)
		}
	}
	out.values = append(out.values, v)
	return nil
}

// counter is SUBQUERY: the number of objects for which a predicate holds.
type counter struct {
	path *walker
	body matcher
}

func (e *counter) eval(o Object, r *run, out *batch) error {
	path := *e.path // the visitor is per evaluation: its count is
	found := &tally{body: e.body}
	path.hops, path.visitor = append(slices.Clip(path.hops), path.end), found
	if _, err := path.walk(o, 0, r, out); err != nil {
		return err
	}
	out.values = append(out.values, value.Int(found.count))
	out.close()
	return nil
}

type tally struct {
	body  matcher
	count int64
}

func (t *tally) visit(o Object, r *run, _ *batch) error {
	if err := r.charge(1); err != nil {
		return err
	}
	ok, err := t.body.match(o, r)
	if ok {
		t.count++
	}
	return err
}
