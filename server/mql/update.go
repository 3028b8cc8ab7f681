package mql

import (
	"errors"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Bounds on updates.
const (
	maxChanges  = 10000   // fields that one update names
	maxElements = 1 << 20 // of an array that an update makes longer
	maxPadding  = 1500    // elements that a write behind the end of an array adds; MongoDB has 1,500,000
)

// Update is a compiled update: operators, a document that replaces the whole, or a pipeline that computes it. It is immutable.
type Update struct {
	replacement bson.D    // not nil: the whole
	pipeline    *Pipeline // not nil: computes the whole
	changes     []change
	elements    map[string]*Filter // the array filters, by identifier
}

// change is one operator on one field.
type change struct {
	op    string
	path  string
	steps []string
	arg   any
	pull  func(v any, m *Meter) (bool, error) // $pull
	push  *push
}

// push is how $push and $addToSet add.
type push struct {
	each     bson.A
	position *int64
	slice    *int64
	order    *elementOrder
}

// operators are those that an update may have.
var operators = map[string]bool{
	"$set": true, "$unset": true, "$inc": true, "$mul": true, "$min": true, "$max": true, "$push": true, "$pull": true, "$pullAll": true, "$pop": true,
	"$addToSet": true, "$rename": true, "$setOnInsert": true, "$currentDate": true,
}

// CompileUpdate reads an update. One without operators replaces the document (app-services 7.4). arrayFilters say which elements $[identifier] is.
func CompileUpdate(d bson.D, arrayFilters bson.A) (*Update, error) {
	if len(d) == 0 || !strings.HasPrefix(d[0].Key, "$") {
		if len(arrayFilters) > 0 {
			return nil, fail("a document that replaces another one can't have arrayFilters")
		}
		return CompileReplacement(d)
	}
	u := &Update{}
	var err error
	if u.elements, err = compileArrayFilters(arrayFilters); err != nil {
		return nil, err
	}
	in := names{}.bounded()
	for _, o := range d {
		if !operators[o.Key] {
			return nil, fail("Unknown modifier: %s", clip(o.Key))
		}
		fields, ok := o.Value.(bson.D)
		if !ok {
			return nil, fail("Modifiers operate on fields but we found another type instead: %s", o.Key)
		}
		for _, f := range fields {
			if len(u.changes) >= maxChanges {
				return nil, fail("an update can name at most %d fields", maxChanges)
			}
			c, err := compileChange(o.Key, f.Key, f.Value, in)
			if err != nil {
				return nil, err
			}
			u.changes = append(u.changes, c)
		}
	}
	if err := u.identifiers(); err != nil {
		return nil, err
	}
	if err := u.conflicts(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(u.changes, func(a, b change) int { return comparePaths(a.target(), b.target()) })
	return u, nil
}

// target is the path that a change writes to.
func (c *change) target() []string {
	if c.op == "$rename" {
		return strings.Split(c.arg.(string), ".")
	}
	return c.steps
}

// comparePaths is the order in which MongoDB applies changes, and so the order of the fields that they add: by name, and numbers by value.
func comparePaths(a, b []string) int {
	return slices.CompareFunc(a, b, func(a, b string) int {
		i, ok1 := index(a, maxElements)
		j, ok2 := index(b, maxElements)
		switch {
		case ok1 && ok2:
			return i - j
		case ok1:
			return -1
		case ok2:
			return 1
		}
		return strings.Compare(a, b)
	})
}

// CompileReplacement reads a document that replaces another one.
func CompileReplacement(d bson.D) (*Update, error) {
	for _, e := range d {
		if strings.HasPrefix(e.Key, "$") {
			return nil, fail("the replacement document must not contain update operators: %s", clip(e.Key))
		}
	}
	if d == nil {
		d = bson.D{}
	}
	return &Update{replacement: d}, nil
}

// Replaces tells whether the update is a whole document.
func (u *Update) Replaces() bool { return u.replacement != nil }

func compileChange(op, path string, arg any, in names) (c change, err error) {
	c = change{op: op, path: path, arg: arg}
	if c.steps, err = splitPath(path); err != nil {
		return c, err
	}
	if err := checkPositional(op, path, c.steps); err != nil {
		return c, err
	}
	switch op {
	case "$inc", "$mul":
		if !isNumber(arg) {
			return c, fail("Cannot %s with non-numeric argument: {%s}", map[string]string{"$inc": "increment", "$mul": "multiply"}[op], clip(path))
		}
	case "$push", "$addToSet":
		c.push, err = compilePush(op, arg)
	case "$pull":
		c.pull, err = compilePull(arg, in)
	case "$pullAll":
		if _, ok := arg.(bson.A); !ok {
			err = fail("$pullAll requires an array argument")
		}
	case "$pop":
		if n, ok := wholeNumber(arg); !ok || n != 1 && n != -1 {
			err = fail("$pop expects 1 or -1")
		}
	case "$rename":
		to, ok := arg.(string)
		if !ok {
			return c, fail("The 'to' field for $rename must be a string: %s", clip(path))
		}
		if to == path {
			return c, fail("The source and target field for $rename must differ: %s", clip(path))
		}
		var steps []string
		if steps, err = splitPath(to); err == nil {
			err = checkPositional(op, to, steps)
		}
	case "$currentDate":
		if d, ok := arg.(bson.D); ok {
			if kind, _ := Get(d, "$type"); len(d) != 1 || kind != "date" && kind != "timestamp" {
				err = fail("the '$type' of $currentDate must be 'date' or 'timestamp'")
			}
		} else if _, ok := arg.(bool); !ok {
			err = fail("$currentDate needs a boolean or {$type: ...}")
		}
	}
	return c, err
}

func compilePush(op string, arg any) (*push, error) {
	d, ok := arg.(bson.D)
	each, isEach := Get(d, "$each")
	if ok && !isEach && op == "$push" {
		for _, e := range d {
			if e.Key == "$slice" || e.Key == "$sort" || e.Key == "$position" {
				return nil, fail("%s of $push needs $each beside it", e.Key)
			}
		}
	}
	if !ok || !isEach {
		return &push{each: bson.A{arg}}, nil
	}
	list, ok := each.(bson.A)
	if !ok {
		return nil, fail("the argument to $each in %s must be an array", op)
	}
	p := &push{each: list}
	for _, e := range d {
		switch {
		case e.Key == "$each":
		case op == "$push" && (e.Key == "$position" || e.Key == "$slice"):
			n, ok := wholeNumber(e.Value)
			if !ok {
				return nil, fail("the value for %s must be an integer", e.Key)
			}
			if e.Key == "$position" {
				p.position = &n
			} else {
				p.slice = &n
			}
		case op == "$push" && e.Key == "$sort":
			var err error
			if p.order, err = compileElementOrder("$sort", e.Value); err != nil {
				return nil, err
			}
		default:
			return nil, fail("unrecognized clause in %s: %s", op, clip(e.Key))
		}
	}
	return p, nil
}

// compilePull makes the condition on which an element goes: equality of the whole of it, operators on it, or a query on documents.
func compilePull(arg any, in names) (func(any, *Meter) (bool, error), error) {
	c := filterCompiler{vars: in}
	d, ok := arg.(bson.D)
	if _, regex := arg.(bson.Regex); regex {
		return c.equalTo(arg)
	} else if !ok {
		return equal(arg), nil
	}
	if hasOperators(d) && d[0].Key != "$and" && d[0].Key != "$or" && d[0].Key != "$nor" {
		f, err := compileFilter(bson.D{{Key: "e", Value: d}}, in)
		if err != nil {
			return nil, err
		}
		return func(v any, m *Meter) (bool, error) { return f.Match(bson.D{{Key: "e", Value: v}}, m) }, nil
	}
	match, err := c.elemMatch(d)
	if err != nil {
		return nil, err
	}
	return func(v any, m *Meter) (bool, error) { return match(bson.A{v}, m) }, nil
}

// conflicts refuses an update that names a field twice, or a field and one inside of it.
func (u *Update) conflicts() error {
	var paths []string
	for _, c := range u.changes {
		paths = append(paths, c.path)
		if c.op == "$rename" {
			paths = append(paths, c.arg.(string))
		}
	}
	// With a separator that sorts before everything else, a path is followed by those inside of it.
	slices.SortFunc(paths, func(a, b string) int {
		return strings.Compare(strings.ReplaceAll(a, ".", "\x00"), strings.ReplaceAll(b, ".", "\x00"))
	})
	for i := 1; i < len(paths); i++ {
		if a, b := paths[i-1], paths[i]; a == b || strings.HasPrefix(b, a+".") {
			return fail("Updating the path '%s' would create a conflict at '%s'", clip(b), clip(a))
		}
	}
	return nil
}

// Increments returns what $inc adds to each field: whoever records changes can record an increment.
func (u *Update) Increments() map[string]any {
	var out map[string]any
	for _, c := range u.changes {
		if c.op != "$inc" {
			continue
		}
		if out == nil {
			out = map[string]any{}
		}
		out[c.path] = c.arg
	}
	return out
}

// Paths returns the fields that an update of a document that is there names, as steps: those that it may read or change. A path ends before what
// is positional. What a pipeline makes is asked of Target.May.
func (u *Update) Paths() [][]string {
	var out [][]string
	for _, e := range u.replacement {
		out = append(out, []string{e.Key})
	}
	for i := range u.changes {
		c := &u.changes[i]
		if c.op == "$setOnInsert" {
			continue
		}
		out = append(out, c.certain())
		if c.op == "$rename" {
			out = append(out, strings.Split(c.arg.(string), "."))
		}
	}
	return out
}

// asking are the operators that do another thing where a field has another value, or put it elsewhere: what becomes of the document tells what it was.
var asking = map[string]bool{"$rename": true, "$min": true, "$max": true, "$pull": true, "$pullAll": true, "$pop": true, "$addToSet": true}

// Asks returns those of Paths whose values such an operator asks for.
func (u *Update) Asks() [][]string {
	var out [][]string
	for i := range u.changes {
		if c := &u.changes[i]; asking[c.op] {
			out = append(out, c.certain())
		}
	}
	return out
}

// certain is the path of a change before what is positional.
func (c *change) certain() []string {
	if at := slices.IndexFunc(c.steps, isPositional); at >= 0 {
		return c.steps[:at]
	}
	return c.steps
}

// Target says what is known of the document that an update is applied to.
type Target struct {
	ID        string                    // the field that must stay as it is; a replacement keeps it
	Inserting bool                      // an upsert makes the document
	Filter    *Filter                   // what found it: $ in a path is the first element of an array that it holds for
	Seen      bson.D                    // what Filter, array filters and a pipeline see of it
	May       func(path []string) error // asked of each field that a pipeline makes and Seen doesn't have, or has in part; nil: it may be made
	Now       time.Time
}

// Apply returns the document with the update. The original is not changed, but shares memory with the result.
func (u *Update) Apply(d bson.D, t Target, m *Meter) (bson.D, error) {
	defer func(left int) { m.Free(left - m.bytes) }(m.bytes) // what is held on the way
	id := t.ID
	before, had := Get(d, id)
	if u.Replaces() {
		after, has := Get(u.replacement, id)
		switch {
		case !had:
			return u.replacement, nil
		case has && !Equal(before, after):
			return nil, immutable(id)
		}
		out := bson.D{{Key: id, Value: before}}
		for _, e := range u.replacement {
			if e.Key != id {
				out = append(out, e)
			}
		}
		return out, nil
	}
	var whole any = d
	if u.pipeline != nil {
		made, err := u.compute(d, &t, m)
		if err != nil {
			return nil, err
		}
		whole = made
	}
	for i := range u.changes {
		c := &u.changes[i]
		if c.op == "$setOnInsert" && !t.Inserting {
			continue
		}
		if err := m.Step(len(c.steps) + cost(c.arg) + spine(whole, c.steps)); err != nil {
			return nil, err
		}
		next, err := u.everywhere(c, whole, t.Seen, &t, m)
		if err != nil {
			return nil, err
		}
		whole = next
	}
	out := whole.(bson.D)
	if after, has := Get(out, id); had && (!has || !Identical(before, after)) {
		if has && Equal(before, after) {
			return withMember(out, id, before), nil
		}
		return nil, immutable(id)
	}
	return out, nil
}

func immutable(id string) error {
	return fail("Performing an update on the path '%s' would modify the immutable field '%s'", clip(id), clip(id))
}

// errNoChange says that a field stays as it is.
var errNoChange = errors.New("mql: no change")

func (c *change) apply(whole any, now time.Time, m *Meter) (any, error) {
	out, err := c.perform(whole, now, m)
	if errors.Is(err, errNoChange) {
		return whole, nil
	}
	return out, err
}

func (c *change) perform(whole any, now time.Time, m *Meter) (any, error) {
	at, exists := lookup(whole, c.steps)
	if !exists && c.op != "$unset" {
		if err := m.Hold(16 * padding(whole, c.steps)); err != nil {
			return nil, err
		}
	}
	switch c.op {
	case "$set", "$setOnInsert":
		return assign(whole, c.steps, c.arg)
	case "$unset":
		return remove(whole, c.steps), nil
	case "$inc", "$mul":
		v, err := c.calculate(at, exists)
		if err != nil {
			return nil, err
		}
		return assign(whole, c.steps, v)
	case "$min", "$max":
		if exists {
			if order := Compare(c.arg, at); c.op == "$min" && order >= 0 || c.op == "$max" && order <= 0 {
				return whole, nil
			}
		}
		return assign(whole, c.steps, c.arg)
	case "$currentDate":
		if d, ok := c.arg.(bson.D); ok {
			if kind, _ := Get(d, "$type"); kind == "timestamp" {
				return assign(whole, c.steps, bson.Timestamp{T: uint32(max(now.Unix(), 0)), I: 1})
			}
		}
		return assign(whole, c.steps, bson.NewDateTimeFromTime(now))
	case "$rename":
		if !exists {
			return whole, nil
		}
		for i := range c.steps {
			if v, _ := lookup(whole, c.steps[:i]); classOf(v) == classArray {
				return nil, fail("The source field of $rename cannot be an array element: '%s'", clip(c.path))
			}
		}
		to, err := splitPath(c.arg.(string))
		if err != nil {
			return nil, err
		}
		for i := range to {
			if v, _ := lookup(whole, to[:i]); classOf(v) == classArray {
				return nil, fail("The destination field of $rename cannot be an array element: '%s'", clip(c.arg.(string)))
			}
		}
		return assign(remove(whole, c.steps), to, at)
	default:
		list, ok := at.(bson.A)
		if !ok && exists {
			return nil, fail("The field '%s' must be an array but is of another type", clip(c.path))
		}
		if !exists && c.push == nil {
			return whole, nil
		}
		next, err := c.array(list, m)
		if err != nil {
			return nil, err
		}
		return assign(whole, c.steps, next)
	}
}

// calculate is $inc and $mul. What is not there counts as 0.
func (c *change) calculate(at any, exists bool) (any, error) {
	switch {
	case !exists && c.op == "$inc":
		return c.arg, nil
	case !exists:
		return Multiply(c.arg, int32(0)), nil
	case !isNumber(at):
		return nil, fail("Cannot apply %s to a value of non-numeric type: the field '%s' has one", c.op, clip(c.path))
	case c.op == "$inc":
		return whole(Add(at, c.arg), at, c.arg)
	default:
		return whole(Multiply(at, c.arg), at, c.arg)
	}
}

// whole refuses an overflow of 64-bit integers.
func whole(result, a, b any) (any, error) {
	_, af := a.(float64)
	_, bf := b.(float64)
	if _, isFloat := result.(float64); isFloat && !af && !bf {
		return nil, fail("Failed to apply the operation to current value: the result doesn't fit in 64 bits")
	}
	return result, nil
}

func (c *change) array(list bson.A, m *Meter) (bson.A, error) {
	if err := m.Step(len(list) + 1); err != nil {
		return nil, err
	}
	switch c.op {
	case "$push":
		return c.push.push(list, m)
	case "$addToSet":
		out := slices.Clip(list)
		for _, v := range c.push.each {
			if err := m.Step(len(out) + 1); err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(out, func(e any) bool { return Equal(e, v) }) {
				out = append(out, v)
			}
		}
		if len(out) == len(list) && list != nil {
			return nil, errNoChange
		}
		return bounded(out)
	case "$pop":
		switch n, _ := wholeNumber(c.arg); {
		case len(list) == 0:
			return nil, errNoChange
		case n > 0:
			return list[: len(list)-1 : len(list)-1], nil
		default:
			return list[1:], nil
		}
	}
	gone := c.pull
	if c.op == "$pullAll" {
		all := slices.Clone(c.arg.(bson.A))
		slices.SortFunc(all, Compare)
		gone = func(v any, m *Meter) (bool, error) {
			_, ok := slices.BinarySearchFunc(all, v, Compare)
			return ok, m.Step(1)
		}
	}
	out := bson.A{}
	for _, v := range list {
		drop, err := gone(v, m)
		if err != nil {
			return nil, err
		}
		if !drop {
			out = append(out, v)
		}
	}
	if len(out) == len(list) {
		return nil, errNoChange
	}
	return out, nil
}

func (p *push) push(list bson.A, m *Meter) (bson.A, error) {
	at := len(list)
	if p.position != nil {
		if at = int(max(min(*p.position, int64(len(list))), -int64(len(list)))); at < 0 {
			at += len(list)
		}
	}
	out := make(bson.A, 0, len(list)+len(p.each))
	out = append(append(append(out, list[:at]...), p.each...), list[at:]...)
	if p.order != nil {
		if err := p.order.sort(out, m); err != nil {
			return nil, err
		}
	}
	if p.slice != nil {
		switch n, length := *p.slice, int64(len(out)); {
		case n >= 0:
			out = out[:min(length, n)]
		case n > -length: // the negative of the least number is itself
			out = out[length+n:]
		}
	}
	return bounded(out)
}

func bounded(a bson.A) (bson.A, error) {
	if len(a) > maxElements {
		return nil, fail("an array can have at most %d elements", maxElements)
	}
	return a, nil
}

// withMember returns the document with a member replaced or added.
func withMember(d bson.D, name string, v any) bson.D {
	for i := range d {
		if d[i].Key == name {
			out := slices.Clone(d)
			out[i].Value = v
			return out
		}
	}
	return append(slices.Clip(d), bson.E{Key: name, Value: v})
}

// assign returns the value with something else at a path; documents on the way are made.
func assign(v any, steps []string, to any) (any, error) {
	if len(steps) == 0 {
		return to, nil
	}
	switch at := v.(type) {
	case bson.D:
		inner, ok := Get(at, steps[0])
		if !ok && len(steps) > 1 {
			inner = bson.D{}
		}
		next, err := assign(inner, steps[1:], to)
		if err != nil {
			return nil, err
		}
		return withMember(at, steps[0], next), nil
	case bson.A:
		i, ok := index(steps[0], maxElements)
		if !ok {
			return nil, fail("Cannot create field '%s' in an array", clip(steps[0]))
		}
		if i > len(at)+maxPadding {
			return nil, fail("can't backfill more than %d elements of an array", maxPadding)
		}
		out := slices.Clone(at)
		var inner any = bson.D{}
		if i < len(out) {
			inner = out[i]
		}
		for len(out) <= i {
			out = append(out, nil)
		}
		next, err := assign(inner, steps[1:], to)
		if err != nil {
			return nil, err
		}
		out[i] = next
		return out, nil
	default:
		return nil, fail("Cannot create field '%s' in a value that is no document", clip(steps[0]))
	}
}

// padding is how many elements are added to an array so that there is one at a path.
func padding(v any, steps []string) int {
	for _, s := range steps {
		switch at := v.(type) {
		case bson.D:
			v, _ = Get(at, s)
		case bson.A:
			i, ok := index(s, maxElements)
			if !ok || i >= len(at) {
				return max(i-len(at), 0)
			}
			v = at[i]
		}
	}
	return 0
}

// remove returns the value without what is at a path; in an array null takes its place.
func remove(v any, steps []string) any {
	switch at := v.(type) {
	case bson.D:
		for i := range at {
			if at[i].Key != steps[0] {
				continue
			}
			if len(steps) == 1 {
				return slices.Delete(slices.Clone(at), i, i+1)
			}
			return withMember(at, steps[0], remove(at[i].Value, steps[1:]))
		}
	case bson.A:
		if i, ok := index(steps[0], len(at)); ok {
			out := slices.Clone(at)
			if out[i] = nil; len(steps) > 1 {
				out[i] = remove(at[i], steps[1:])
			}
			return out
		}
	}
	return v
}
