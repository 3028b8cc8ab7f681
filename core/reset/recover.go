package reset

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Recovery applies local changesets that the server has not acknowledged, in their order, to a fresh copy of what the server has. What it does with
// an instruction is the table of sync-semantics 7.6: in short, the client's values win, deletions of the server win, and a list whose elements can't
// be told any more is copied from the local realm as a whole.
type Recovery struct {
	fresh Realm
	local changeset.Nested
	// Strict has changesets applied by strict rules (changeset.ApplyStrict).
	Strict bool
	// Log is told what is dropped; nil: nobody.
	Log func(text string)

	number int // of the changeset at hand
	lists  map[objectID]map[string]*tracker
	out    []changeset.Instruction
}

// objectID names a top-level object.
type objectID struct {
	class string
	key   value.Key
}

// NewRecovery returns a Recovery on a fresh copy. local is the realm as the program knows it, with all its changes.
func NewRecovery(fresh Realm, local changeset.Nested) *Recovery {
	return &Recovery{fresh: fresh, local: local, lists: map[objectID]map[string]*tracker{}, number: -1}
}

// Apply recovers the next changeset, and returns what is left of it: the instructions that were applied, to be uploaded in its place. Errors:
// *FailedError; those of the realm.
func (r *Recovery) Apply(c *changeset.Changeset) (*changeset.Changeset, error) {
	r.number++
	r.out = nil
	for i := range c.Instructions {
		if err := r.instruction(&c.Instructions[i]); err != nil {
			return nil, err
		}
	}
	return &changeset.Changeset{Instructions: r.out}, nil
}

// Copied is what Finish has added to a changeset.
type Copied struct {
	Changeset    int // the number of the Apply call, from 0
	Instructions []changeset.Instruction
}

// Finish copies the lists that could not be followed. Each belongs behind the changeset that has touched it last: what the list links to was there
// by then. It returns them by ascending changesets.
func (r *Recovery) Finish() ([]Copied, error) {
	var all []listCopy
	for id, lists := range r.lists {
		for path, t := range lists {
			if t.whole {
				all = append(all, listCopy{id, path, t})
			}
		}
	}
	slices.SortFunc(all, listCopy.compare)
	var out []Copied
	for _, c := range all {
		r.out = nil
		if err := r.copyList(c.id, parsePath(c.path)); err != nil {
			return nil, err
		}
		if len(r.out) == 0 {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Changeset == c.list.last {
			out[n-1].Instructions = append(out[n-1].Instructions, r.out...)
		} else {
			out = append(out, Copied{c.list.last, r.out})
		}
	}
	return out, nil
}

// listCopy is a list to be copied.
type listCopy struct {
	id   objectID
	path string
	list *tracker
}

// compare orders by changeset, and for the rest so that two runs do the same.
func (c listCopy) compare(d listCopy) int {
	if c.list.last != d.list.last {
		return c.list.last - d.list.last
	}
	if n := strings.Compare(c.id.class, d.id.class); n != 0 {
		return n
	}
	if n := value.CompareKeys(c.id.key, d.id.key); n != 0 {
		return n
	}
	return strings.Compare(c.path, d.path)
}

func (r *Recovery) instruction(in *changeset.Instruction) error {
	switch in.Op {
	case changeset.EraseTable:
		return unrecoverable("Types cannot be erased during client reset recovery: '%s'", in.Table)
	case changeset.EraseColumn:
		return unrecoverable("Properties cannot be erased during client reset recovery: '%s.%s'", in.Table, in.Field)
	case changeset.AddTable, changeset.AddColumn, changeset.CreateObject:
		return r.apply(in)
	case changeset.EraseObject:
		if r.fresh.Schema().Class(in.Table) != nil {
			if exists, err := r.fresh.Exists(in.Table, in.Key); err != nil || !exists {
				return err
			}
		}
		delete(r.lists, objectID{in.Table, in.Key})
		return r.apply(in)
	default:
		changed := *in
		return r.path(&changed)
	}
}

// unrecoverable is a *FailedError in the words of the original.
func unrecoverable(format string, args ...any) error {
	return failed("Unable to automatically recover local changes during client reset: '%s'", fmt.Sprintf(format, args...))
}

// apply does what an instruction says to the fresh copy, and keeps it.
func (r *Recovery) apply(in *changeset.Instruction) error {
	c := &changeset.Changeset{Instructions: []changeset.Instruction{*in}}
	apply := changeset.Apply
	if r.Strict {
		apply = changeset.ApplyStrict
	}
	err := apply(r.fresh, c)
	var bad *changeset.BadChangesetError
	if errors.As(err, &bad) {
		return unrecoverable("%s: %s", in.Address(), bad.Text)
	}
	if err == nil {
		r.out = append(r.out, *in)
	}
	return err
}

// drop says that an instruction is left out.
func (r *Recovery) drop(in *changeset.Instruction, why string) error {
	if r.Log != nil {
		r.Log(fmt.Sprintf("not recovered: %s: %s", in.Address(), why))
	}
	return nil
}

// list returns what is known of a list.
func (r *Recovery) list(id objectID, path string) *tracker {
	lists := r.lists[id]
	if lists == nil {
		lists = map[string]*tracker{}
		r.lists[id] = lists
	}
	t := lists[path]
	if t == nil {
		t = &tracker{}
		lists[path] = t
	}
	return t
}

// forgetBelow forgets the lists in what a path leads to: it is something else now.
func (r *Recovery) forgetBelow(id objectID, path string) {
	for p := range r.lists[id] {
		if strings.HasPrefix(p, path) {
			delete(r.lists[id], p)
		}
	}
}

// linkLost tells whether a value is a link to an object that the fresh copy doesn't have.
func (r *Recovery) linkLost(v value.Value) (bool, error) {
	if v.Kind() != value.KindLink {
		return false, nil
	}
	link := v.Link()
	if r.fresh.Schema().Class(link.Class) == nil {
		return true, nil
	}
	exists, err := r.fresh.Exists(link.Class, link.Key)
	return !exists, err
}

// holdsNull tells whether null may be where values of the property are.
func holdsNull(p *schema.Property) bool {
	if p.Type == value.KindLink {
		return p.Collection == schema.Single || p.Collection == schema.Dictionary
	}
	return p.Nullable || p.Type == value.KindMixed
}
