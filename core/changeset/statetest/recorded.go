package statetest

import (
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// CheckRecorded applies what a client has recorded of one transaction to the state that it had before, and tells what a conforming client
// wouldn't have recorded (spec/merge.md section 8.2, spec/changeset.md sections 6.4 to 6.10), or couldn't. Then the state is as it was.
func CheckRecorded(st *memstate.State, c *changeset.Changeset) error {
	r := recorded{st}
	st.Begin()
	for i := range c.Instructions {
		in := &c.Instructions[i]
		text, err := r.check(in)
		if err == nil && text == "" {
			err = changeset.Apply(st, &changeset.Changeset{Instructions: c.Instructions[i : i+1]})
		}
		if err == nil && text == "" {
			continue
		}
		st.Rollback()
		if err != nil {
			return fmt.Errorf("statetest: instruction %d: %w", i, err)
		}
		return fmt.Errorf("statetest: instruction %d (%s): %s", i, in.Address(), text)
	}
	st.Commit()
	return nil
}

// recorded is the state before an instruction.
type recorded struct{ *memstate.State }

func (r *recorded) check(in *changeset.Instruction) (string, error) {
	switch in.Op {
	case changeset.CreateObject:
		exists, err := r.Exists(in.Table, in.Key)
		if exists {
			return "there is such an object", err
		}
		return "", err
	case changeset.EraseObject:
		exists, err := r.Exists(in.Table, in.Key)
		switch {
		case !exists:
			return "there is no such object", err
		case len(unlink(r.State, in.Table, in.Key)) > 0:
			return "there are links to the object (8.2, 5)", err
		}
		return "", err
	}
	if !in.IsPath() {
		return "", nil
	}
	n, around, err := r.find(in)
	if err != nil {
		return "", err
	}
	size := uint32(len(around.Elements))
	kind := in.Value.Kind()
	switch in.Op {
	case changeset.Update:
		dictionary := around.Value.Kind() == value.KindDictionary
		switch {
		case in.IsArrayUpdate() && in.PriorSize != size:
			return fmt.Sprintf("the list has %d elements, not %d (8.2, 6)", size, in.PriorSize), nil
		case in.IsArrayUpdate() && kind == value.KindObject:
			return "an embedded object in a list is replaced by erasing and inserting (8.2, 1)", nil
		case kind == value.KindObject && !dictionary && !n.Value.IsNull():
			return "there is an embedded object: it is to be set to null first (8.2, 2)", nil
		case in.Default && dictionary:
			return "writes of dictionary entries are never defaults (8.2, 8)", nil
		case in.Default && n.Value.Kind().IsMarker():
			return "a default in the place of a container (X9)", nil
		case in.Default && kind == value.KindNull && n.Value.IsNull() && r.isLink(in):
			return "the link is null already (8.2, 4)", nil
		case kind == value.KindErased && !has(around, in):
			return "there is no such entry", nil
		}
	case changeset.SetInsert, changeset.SetErase:
		found := false
		for _, e := range n.Elements {
			found = found || value.Equal(e.Value, in.Value)
		}
		if found != (in.Op == changeset.SetErase) {
			return "it changes nothing", nil
		}
	case changeset.Clear:
		if p := r.Schema().Class(in.Table).Property(in.Field); len(in.Path) == 0 && p != nil && p.Collection != schema.Single && len(n.Elements)+len(n.Entries) == 0 {
			return "the collection is empty (8.2, 7)", nil
		}
	}
	return "", nil
}

// isLink tells whether an instruction without path is about a link.
func (r *recorded) isLink(in *changeset.Instruction) bool {
	class := r.Schema().Class(in.Table)
	return len(in.Path) == 0 && class != nil && class.Property(in.Field) != nil && class.Property(in.Field).Type == value.KindLink
}

func has(n memstate.Node, in *changeset.Instruction) bool {
	_, ok := n.Entries[in.Path[len(in.Path)-1].Key]
	return ok
}

// find returns what is at the place that a path leads to, and what that is in. What isn't there is the zero Node.
func (r *recorded) find(in *changeset.Instruction) (n, around memstate.Node, err error) {
	n, err = r.Node(in.Table, in.Key, in.Field)
	for _, step := range in.Path {
		around = n
		switch {
		case !step.IsPos:
			n = n.Entries[step.Key]
		case int(step.Pos) < len(n.Elements):
			n = n.Elements[step.Pos]
		default:
			n = memstate.Node{}
		}
	}
	return n, around, err
}
