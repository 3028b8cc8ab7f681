package data

import (
	"context"
	"maps"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/history"
	"realmsync/server/mql"
)

// What removes an object takes the links to it away first, as devices do (spec/changeset.md section 6.10): else they would dangle, and come to life
// when somebody makes an object with that key again. There is no index of links (history.Snapshot.Linking). So the objects that have some are looked for before the writer's
// turn, in a snapshot; in that turn those are looked at besides that somebody has written to since.

// maxHolders bounds what is unlinked in one version.
const maxHolders = 50_000 // objects

// holder is an object that has, or had, a link to another one.
type holder struct {
	class string
	key   value.Key
}

// incoming is the links to objects that are about to be removed.
type incoming struct {
	at      uint64                  // the version that was looked through
	holders map[value.Key][]holder  // by the key of the object that is linked to
	classes map[string]map[int]bool // the properties that may hold such links, by class; classes without any aren't there
	n       int                     // holders, one of several objects as often
}

// linkers returns the properties through which objects of each class may link to objects of one class: links to it, embedded objects that may hold some,
// and whatever is mixed.
func linkers(s *schema.Schema, class string) map[string]map[int]bool {
	out := map[string]map[int]bool{}
	for found := true; found; { // embedded classes may hold each other
		found = false
		for _, c := range s.Classes() {
			for i := range c.Properties {
				p := &c.Properties[i]
				if out[c.Name][i] {
					continue
				}
				target := s.Class(p.LinkTarget)
				inside := target != nil && target.Kind == schema.Embedded && len(out[target.Name]) > 0
				if p.Type != value.KindMixed && (p.Type != value.KindLink || p.LinkTarget != class && !inside) {
					continue
				}
				if out[c.Name] == nil {
					out[c.Name] = map[int]bool{}
				}
				out[c.Name][i], found = true, true
			}
		}
	}
	return out
}

// leaving looks for the links to the objects with these ids, which are going to be removed.
func (s *synced) leaving(ctx context.Context, meter *mql.Meter, ids []any) error {
	s.incoming = nil
	snapshot, err := s.engine.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = snapshot.Close() }()
	target := snapshot.Catalog.Class(s.class)
	if target == nil {
		return nil
	}
	wanted := make(map[value.Key]bool, len(ids))
	for _, id := range ids {
		if key, ok := keyOf(&target.Class, id); ok {
			wanted[key] = true
		}
	}
	in := &incoming{at: snapshot.At(), holders: map[value.Key][]holder{}, classes: linkers(snapshot.Catalog.Schema, s.class)}
	for _, c := range snapshot.Catalog.Schema.Classes() {
		properties, class := in.classes[c.Name], snapshot.Catalog.Class(c.Name)
		if len(properties) == 0 || !isClass(class) {
			continue
		}
		err := snapshot.Linking(class, s.class, slices.Collect(maps.Keys(wanted)), func(row *history.Row) (bool, error) {
			if err := meter.Step(1); err != nil {
				return false, err
			}
			seen := map[value.Key]bool(nil)
			for i := range properties {
				if class.Properties[i].Collection == schema.Single && row.At(class, i).IsNull() {
					continue // most of them
				}
				n, err := rowNode(snapshot.Catalog, class, row, i)
				if err != nil {
					return false, err
				}
				if err := n.links(meter, func(l value.Link) {
					if l.Class != s.class || !wanted[l.Key] || seen[l.Key] {
						return
					}
					if seen == nil {
						seen = map[value.Key]bool{}
					}
					seen[l.Key] = true
				}); err != nil {
					return false, err
				}
			}
			for key := range seen {
				in.holders[key] = append(in.holders[key], holder{c.Name, row.Key})
				if in.n++; in.n > maxHolders {
					return false, tooManyLinks()
				}
			}
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	s.incoming = in
	return nil
}

func tooManyLinks() error {
	return invalid("more than %d objects link to what is removed: remove less at once, or take the links away first", maxHolders)
}

// links calls f for every link in the node.
func (n *node) links(meter *mql.Meter, f func(value.Link)) error {
	if err := meter.Step(1); err != nil {
		return err
	}
	if n.kind == value.KindLink {
		f(n.value.Link())
		return nil
	}
	for _, e := range n.elements {
		if err := e.links(meter, f); err != nil {
			return err
		}
	}
	return nil
}

// unlink takes the links that are gone out of a list or a set, and makes null of them elsewhere.
func (c *composer) unlink(s spot, n *node, gone func(value.Link) bool) {
	leaves := func(e *node) bool { return e.kind == value.KindLink && gone(e.value.Link()) }
	switch n.kind {
	case value.KindLink:
		if leaves(n) {
			c.update(s, value.Null(), 0)
		}
	case value.KindObject:
		for i, e := range n.elements {
			c.unlink(s.name(n.class.Properties[i].Name), e, gone)
		}
	case value.KindDictionary:
		for i, e := range n.elements {
			c.unlink(s.name(n.keys[i]), e, gone)
		}
	case value.KindList:
		for i, size := len(n.elements)-1, len(n.elements); i >= 0; i-- { // from its end: the others keep their positions
			if e := n.elements[i]; leaves(e) {
				size = c.erase(s, i, size)
			} else {
				c.unlink(s.index(i), e, gone)
			}
		}
	case value.KindSet:
		for _, e := range n.elements {
			if leaves(e) {
				in := s.instruction(changeset.SetErase)
				in.Value = e.value
				c.emit(in)
			}
		}
	}
}

// unlink composes what takes the links to the removed objects away.
func (t *syncedWriter) unlink() ([]changeset.Instruction, error) {
	gone := func(l value.Link) bool { return l.Class == t.class.Name && t.removed[l.Key] }
	classes := linkers(t.state.Catalog().Schema, t.class.Name)
	var holders []holder
	there := map[holder]bool{}
	add := func(h holder) {
		if !there[h] && len(classes[h.class]) > 0 && !(h.class == t.class.Name && t.removed[h.key]) {
			there[h] = true
			holders = append(holders, h)
		}
	}
	for key := range t.removed {
		for _, h := range t.incoming.holders[key] {
			add(h)
		}
	}
	slices.SortFunc(holders, holder.compare) // the same changeset each time
	ok, err := t.state.Since(t.incoming.at, func(class string, key value.Key) { add(holder{class, key}) })
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, invalid("too much was written while the operation was prepared: try it again")
	case len(holders) > maxHolders:
		return nil, tooManyLinks()
	}
	var c composer
	for _, h := range holders {
		class := t.state.Catalog().Class(h.class)
		row, err := t.state.Row(h.class, h.key)
		if err != nil {
			return nil, err
		}
		if row == nil || !isClass(class) {
			continue
		}
		for i := range class.Properties {
			if !classes[h.class][i] {
				continue
			}
			n, err := rowNode(t.state.Catalog(), class, row, i)
			if err != nil {
				return nil, err
			}
			c.unlink(spot{class: h.class, key: h.key, field: class.Properties[i].Name}, n, gone)
		}
	}
	t.out.bytes += c.bytes
	return c.out, nil
}

func (h holder) compare(o holder) int {
	if h.class != o.class {
		if h.class < o.class {
			return -1
		}
		return 1
	}
	return value.Compare(h.key.Value(), o.key.Value())
}
