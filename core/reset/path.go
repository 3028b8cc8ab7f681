package reset

import (
	"fmt"
	"strconv"
	"strings"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// target is what a path leads to in the fresh copy.
type target struct {
	id   objectID
	path string // see appendStep, without the position in a list
	p    *schema.Property
	node changeset.Node // what the target is in: an object, a list or a dictionary; for a collection that is a property, itself

	object     changeset.ObjectNode     // the target is a single property
	list       changeset.ListNode       // an element of a list
	dictionary changeset.DictionaryNode // an entry
	key        string

	lost string   // why there is no such place, "" if there is
	own  bool     // it is inside of an element that was recovered: positions are the same on both sides
	over *tracker // of the list around that element
}

// appendStep adds a property or a key to the text of a path. Each ends with a zero byte and escapes those inside, so that one path is in front of
// another as text exactly if it is one.
func appendStep(path, step string) string { return path + strconv.Quote(step) + "\x00" }

// parsePath returns the steps of a path.
func parsePath(path string) (steps []string) {
	for _, quoted := range strings.Split(strings.TrimSuffix(path, "\x00"), "\x00") {
		step, err := strconv.Unquote(quoted)
		if err != nil {
			panic("reset: a path that was not made here: " + path)
		}
		steps = append(steps, step)
	}
	return steps
}

// resolve finds what an instruction changes, and gives positions in lists that were followed their places in the fresh copy.
func (r *Recovery) resolve(in *changeset.Instruction) (at target, err error) {
	at.id = objectID{in.Table, in.Key}
	class := r.fresh.Schema().Class(in.Table)
	if class == nil {
		return at, unrecoverable("%s: there is no such class", in.Address())
	}
	if exists, err := r.fresh.Exists(in.Table, in.Key); err != nil || !exists {
		at.lost = "the object has been deleted"
		return at, err
	}
	var object changeset.ObjectNode = topObject{r.fresh, in.Table, in.Key}
	name, rest := in.Field, in.Path
	for {
		at.path = appendStep(at.path, name)
		if at.p = class.Property(name); at.p == nil {
			return at, unrecoverable("%s: there is no property '%s.%s'", in.Address(), class.Name, name)
		}
		at.node, at.object = object, object
		if at.p.Collection != schema.Single {
			at.object = nil
			if at.node, err = object.Open(name); err != nil {
				return at, err
			}
		}
		if len(rest) == 0 {
			return at, nil
		}
		inner := at.node
		if at.p.Collection == schema.Single {
			if inner, err = object.Open(name); err != nil {
				return at, err
			}
		}
		at.object = nil
		found := false
		if object, rest, found, err = r.descend(in, &at, inner, rest); err != nil || found || at.lost != "" {
			return at, err
		}
		if class = r.fresh.Schema().Class(object.Class()); class == nil {
			return at, fmt.Errorf("reset: an embedded object of the unknown class '%s'", object.Class())
		}
		if rest[0].IsPos {
			at.lost = "the path has a position where there is an object"
			return at, nil
		}
		name, rest = rest[0].Key, rest[1:]
	}
}

// descend follows a path into a container, through dictionaries, to the next object (found is false then), or to the end.
func (r *Recovery) descend(in *changeset.Instruction, at *target, node changeset.Node, rest []changeset.Step) (
	object changeset.ObjectNode, left []changeset.Step, found bool, err error) {
	for {
		at.node = node
		switch n := node.(type) {
		case changeset.ObjectNode:
			return n, rest, false, nil
		case changeset.ListNode:
			return nil, nil, true, r.intoList(in, at, n, len(in.Path)-len(rest))
		case changeset.DictionaryNode:
			if rest[0].IsPos {
				at.lost = "the path has a position where there is a dictionary"
				return nil, nil, false, nil
			}
			if at.key = rest[0].Key; len(rest) == 1 {
				at.path = appendStep(at.path, at.key)
				at.dictionary = n
				return nil, nil, true, nil
			}
			at.path = appendStep(at.path, at.key)
			if node, err = n.Child(at.key); err != nil {
				return nil, nil, false, err
			}
			rest = rest[1:]
		default: // nil, or a set
			at.lost = "what it changes doesn't exist any more"
			return nil, nil, false, nil
		}
	}
}

// intoList follows a path to a position of a list, the step'th of the path, or into that.
func (r *Recovery) intoList(in *changeset.Instruction, at *target, list changeset.ListNode, step int) error {
	if !in.Path[step].IsPos {
		at.lost = "the path has a key where there is a list"
		return nil
	}
	at.list = list
	if step == len(in.Path)-1 {
		return nil
	}
	t := r.list(at.id, at.path)
	there, ok := r.follow(t, int(in.Path[step].Pos))
	if !ok {
		at.lost = "it changes something inside of a list that " + fate(t)
		return nil
	}
	in.Path = append([]changeset.Step(nil), in.Path...)
	in.Path[step].Pos = uint32(there)
	at.own, at.over = true, t
	return nil
}

// follow returns the place of an element that is to be changed. If it isn't one of ours, the list is to be copied.
func (r *Recovery) follow(t *tracker, here int) (there int, ok bool) {
	if t.whole {
		t.last = r.number
		return 0, false
	}
	i, ok := t.find(here)
	if !ok {
		t.copyWhole(r.number)
		return 0, false
	}
	return t.own[i].there, t.own[i].there != absent
}

func fate(t *tracker) string {
	if t.whole {
		return "is copied as a whole"
	}
	return "was recovered without it"
}

// path recovers an instruction that changes something in an object. It may be changed.
func (r *Recovery) path(in *changeset.Instruction) error {
	at, err := r.resolve(in)
	switch {
	case err != nil:
		return err
	case at.lost != "":
		return r.drop(in, at.lost)
	case at.own:
		return r.inside(in, &at)
	case at.list != nil:
		return r.item(in, &at)
	case at.dictionary != nil:
		return r.entry(in, &at)
	case at.object != nil:
		return r.property(in, &at)
	default:
		return r.collection(in, &at)
	}
}

// inside is about something inside of an element that was recovered. All that is there was recovered, so nothing is to be translated, unless
// something was left out there, a link to an object that is gone: then the list is copied.
func (r *Recovery) inside(in *changeset.Instruction, at *target) error {
	lost, err := r.linkLost(in.Value)
	if err != nil {
		return err
	}
	if lost {
		if in.Op != changeset.Update {
			at.over.copyWhole(r.number)
			return r.drop(in, "it links to an object that has been deleted")
		}
		in.Value = value.Null()
	}
	out := len(r.out)
	if err := r.apply(in); err != nil {
		var bad *FailedError
		if !asFailed(err, &bad) {
			return err
		}
		r.out = r.out[:out]
		at.over.copyWhole(r.number)
		return r.drop(in, bad.Text)
	}
	return nil
}

func asFailed(err error, to **FailedError) bool {
	f, ok := err.(*FailedError) //nolint:errorlint // of apply, not wrapped
	*to = f
	return ok
}

// property is about a single property.
func (r *Recovery) property(in *changeset.Instruction, at *target) error {
	switch in.Op {
	case changeset.AddInteger:
		v, err := at.object.Get(at.p.Name)
		if err != nil {
			return err
		}
		if v.Kind() != value.KindInt {
			return r.drop(in, "there is no integer any more")
		}
		return r.apply(in)
	case changeset.Update, changeset.Clear:
	default:
		return r.drop(in, "there is no collection any more")
	}
	if lost, err := r.linkLost(in.Value); err != nil {
		return err
	} else if lost {
		if !holdsNull(at.p) {
			return r.drop(in, "it links to an object that has been deleted")
		}
		in.Value = value.Null()
	}
	old, err := at.object.Get(at.p.Name)
	if err != nil {
		return err
	}
	if in.Op == changeset.Clear || in.Value.Kind().IsValue() || in.Value.Kind() != old.Kind() {
		r.forgetBelow(at.id, at.path)
	}
	return r.apply(in)
}

// entry is about an entry of a dictionary.
func (r *Recovery) entry(in *changeset.Instruction, at *target) error {
	old, has, err := at.dictionary.Get(at.key)
	if err != nil {
		return err
	}
	switch in.Op {
	case changeset.Update:
		if in.Value.Kind() == value.KindErased && !has {
			return r.drop(in, "the key has been deleted")
		}
	case changeset.Clear:
		if !has {
			return r.drop(in, "the key has been deleted")
		}
	default:
		return r.drop(in, "there is no collection any more")
	}
	if lost, err := r.linkLost(in.Value); err != nil {
		return err
	} else if lost {
		if !holdsNull(at.p) {
			return r.drop(in, "it links to an object that has been deleted")
		}
		in.Value = value.Null()
	}
	if kind := in.Value.Kind(); in.Op == changeset.Clear || kind.IsValue() || kind != old.Kind() || kind == value.KindObject && !r.Strict {
		r.forgetBelow(at.id, at.path)
	}
	return r.apply(in)
}

// collection is about a property that is a collection, as a whole.
func (r *Recovery) collection(in *changeset.Instruction, at *target) error {
	switch in.Op {
	case changeset.Clear:
		r.forgetBelow(at.id, at.path)
		return r.apply(in)
	case changeset.SetInsert:
		if lost, err := r.linkLost(in.Value); err != nil {
			return err
		} else if lost {
			return r.drop(in, "it links to an object that has been deleted")
		}
		return r.apply(in)
	default:
		return r.apply(in)
	}
}

// item is about a position in a list.
func (r *Recovery) item(in *changeset.Instruction, at *target) error {
	t := r.list(at.id, at.path)
	size, err := at.list.Len()
	if err != nil {
		return err
	}
	last := len(in.Path) - 1
	here := int(in.Path[last].Pos)
	in.Path = append([]changeset.Step(nil), in.Path...)
	in.PriorSize = uint32(size)
	if t.whole {
		t.last = r.number
		return r.drop(in, "the list is copied as a whole")
	}
	lost, err := r.linkLost(in.Value)
	if err != nil {
		return err
	}
	switch in.Op {
	case changeset.ArrayInsert:
		if lost {
			t.insertAbsent(here)
			return r.drop(in, "it links to an object that has been deleted")
		}
		in.Path[last].Pos = uint32(t.insert(here, size))
		return r.apply(in)
	case changeset.ArrayMove:
		return r.move(in, t, here, size)
	}
	i, ok := t.find(here)
	if !ok {
		t.copyWhole(r.number)
		return r.drop(in, "the list is copied as a whole")
	}
	there := t.own[i].there
	in.Path[last].Pos = uint32(there)
	switch {
	case in.Op == changeset.ArrayErase:
		t.erase(i)
	case lost && holdsNull(at.p):
		in.Value = value.Null()
	case lost:
		return r.drop(in, "it links to an object that has been deleted")
	}
	if there == absent {
		return r.drop(in, "the element was not recovered")
	}
	return r.apply(in)
}

// move takes an element of ours to the place of another one of ours.
func (r *Recovery) move(in *changeset.Instruction, t *tracker, from, size int) error {
	to := int(in.Dest)
	i, ok := t.find(from)
	if _, also := t.find(to); !ok || !also {
		t.copyWhole(r.number)
		return r.drop(in, "the list is copied as a whole")
	}
	there := t.own[i].there
	t.erase(i)
	if there == absent {
		t.insertAbsent(to)
		return r.drop(in, "the element was not recovered")
	}
	dest := t.insert(to, size-1)
	if dest == there {
		return nil
	}
	in.Path[len(in.Path)-1].Pos, in.Dest = uint32(there), uint32(dest)
	return r.apply(in)
}
