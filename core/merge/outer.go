package merge

import (
	"cmp"
	"fmt"
	"slices"

	"realmsync/core/changeset"
)

// Changesets transforms local over incoming and incoming over local (spec/merge.md section 2.2): afterwards applying incoming to the
// state that has local gives what applying local to the state that has incoming gives. local must be in ascending order of Version;
// incoming is merged in ascending order of Version, equal ones in the given order.
//
// An entry that the merge changes gets a new Changeset and Dirty is set; the changesets themselves are never written to. On error
// (*TransformError, or an entry without changeset or origin) no entry is changed.
//
// The time is linear in the number of instructions if few of them concern the same object; instructions of both sides on the same
// object are compared with each other.
//
// The rules are the compatible ones; see Rules.
func Changesets(local, incoming []*Entry) error { return Compatible.Changesets(local, incoming) }

// merger is one merge.
type merger struct {
	rules *ruleSet // by pointer because a rule has others applied
	index index
	done  []result

	allPairs bool   // compare every instruction with every other, as tests do to judge the index
	fewest   bool   // look closely at every object, however few instructions there are on it, as tests do for the same reason
	pairs    uint64 // that were compared
}

// result is what a local entry has become.
type result struct {
	entry     *Entry
	changeset *changeset.Changeset
}

func (m *merger) run(local, incoming []*Entry) error {
	for _, side := range [2][]*Entry{local, incoming} {
		for _, e := range side {
			if e == nil || e.Changeset == nil || e.FileIdent == 0 {
				return fmt.Errorf("merge: an entry has no changeset, or no origin: every changeset has one, also if it is empty")
			}
		}
	}
	if !slices.ContainsFunc(local, (*Entry).any) || !slices.ContainsFunc(incoming, (*Entry).any) {
		return nil
	}
	works, err := m.prepare(local, incoming)
	if err != nil {
		return err
	}
	var scratch []node
	for _, e := range local {
		w := work{entry: e, local: true}
		instructions := e.Changeset.Instructions
		if cap(scratch) < len(instructions) {
			scratch = make([]node, len(instructions), max(64, 2*len(instructions)))
		}
		w.nodes = scratch[:len(instructions)]
		for i := range instructions {
			if err := check(&w, &instructions[i]); err != nil {
				return err
			}
			w.nodes[i] = node{in: &instructions[i], owner: &w, depth: depth(&instructions[i])}
		}
		if err := m.rules.prepare(&w); err != nil {
			return err
		}
		for i := range w.nodes {
			n := &w.nodes[i]
			if n.dead { // with the instruction that it is one with
				continue
			}
			// Here and not before: an instruction that was prepended to an incoming changeset may have made names known.
			m.index.find(n)
			if err := m.walk(n, 0); err != nil {
				return err
			}
		}
		if w.dirty {
			m.done = append(m.done, result{e, w.result()})
		}
	}
	for _, r := range m.done {
		r.entry.Changeset, r.entry.Dirty = r.changeset, true
	}
	for _, w := range works {
		if w.dirty {
			w.entry.Changeset, w.entry.Dirty = w.result(), true
		}
	}
	return nil
}

func (e *Entry) any() bool { return len(e.Changeset.Instructions) > 0 }

// prepare makes the sequence of all incoming instructions and its index.
func (m *merger) prepare(local, incoming []*Entry) ([]*work, error) {
	byVersion := func(a, b *Entry) int { return cmp.Compare(a.Version, b.Version) }
	if !slices.IsSortedFunc(incoming, byVersion) {
		incoming = slices.Clone(incoming)
		slices.SortStableFunc(incoming, byVersion)
	}
	count := 0
	for _, e := range incoming {
		count += len(e.Changeset.Instructions)
	}
	nodes := make([]node, count)
	works := make([]*work, 0, len(incoming))
	at := 0
	for _, e := range incoming {
		w := &work{entry: e}
		start := at
		for i := range e.Changeset.Instructions {
			in := &e.Changeset.Instructions[i]
			if err := check(w, in); err != nil {
				return nil, err
			}
			nodes[at] = node{in: in, owner: w, order: orderOf(at), depth: depth(in)}
			at++
		}
		w.nodes = nodes[start:at]
		if err := m.rules.prepare(w); err != nil {
			return nil, err
		}
		works = append(works, w)
	}
	m.index.many = manyNodes
	if m.fewest {
		m.index.many = 0
	}
	m.index.build(nodes, erases(local), m.rules.erasesAll, m.allPairs)
	return works, nil
}

// erases tells whether there are EraseTable or EraseColumn.
func erases(entries []*Entry) bool {
	for _, e := range entries {
		for i := range e.Changeset.Instructions {
			if op := e.Changeset.Instructions[i].Op; op == changeset.EraseTable || op == changeset.EraseColumn {
				return true
			}
		}
	}
	return false
}

// check refuses what no decoder returns, so that rules can rely on it.
func check(w *work, in *changeset.Instruction) error {
	switch in.Op {
	case changeset.ArrayInsert, changeset.ArrayMove, changeset.ArrayErase:
		if !in.IsArrayUpdate() {
			return malformed(w, in.Address(), "the path of a list instruction must end in a position")
		}
	case changeset.AddTable, changeset.AddColumn:
		if in.Schema == nil {
			return malformed(w, in.Address(), "the instruction has no definition")
		}
	default:
		if in.Op >= ops {
			return malformed(w, in.Address(), "there is no such instruction")
		}
	}
	return nil
}

// walk transforms a local instruction with all incoming ones behind the place after, until it is discarded.
func (m *merger) walk(x *node, after uint64) error {
	var lists [maxLists]*list
	count := m.index.related(x, &lists)
	if count == 1 {
		l := lists[0]
		for i := l.from(after); i < len(l.nodes); i++ {
			if n := l.nodes[i]; n.dead {
				l.skipped++
			} else if err := m.pair(x, n); err != nil || x.dead {
				return err
			}
		}
		return nil
	}
	var at [maxLists]int
	for i := range count {
		at[i] = lists[i].from(after)
	}
	for {
		var next *node
		for i := range count {
			l := lists[i]
			for ; at[i] < len(l.nodes); at[i]++ {
				if n := l.nodes[at[i]]; n.dead {
					l.skipped++
				} else if n.order > after { // a node can be in two lists
					break
				}
			}
			if at[i] < len(l.nodes) && (next == nil || l.nodes[at[i]].order < next.order) {
				next = l.nodes[at[i]]
			}
		}
		if next == nil {
			return nil
		}
		after = next.order
		if err := m.pair(x, next); err != nil || x.dead {
			return err
		}
	}
}

// pair transforms two live instructions with each other.
func (m *merger) pair(local, incoming *node) error {
	m.pairs++
	switch {
	case incoming.depth < local.depth:
		if err := m.rules.nested[incoming.in.Op](incoming, local); err != nil || local.dead {
			return err
		}
	case incoming.depth > local.depth:
		if err := m.rules.nested[local.in.Op](local, incoming); err != nil || incoming.dead {
			return err
		}
	}
	l, r := local, incoming
	if r.in.Op > l.in.Op {
		l, r = r, l
	}
	rule := m.rules.flat[l.in.Op][r.in.Op]
	if rule == nil {
		return fail("", local, incoming, fmt.Sprintf("there is no rule for %v and %v", l.in.Op, r.in.Op))
	}
	return rule(m, l, r)
}

// prepend puts an instruction in front of x, which other has met (section 2.2).
func (m *merger) prepend(x, other *node, in changeset.Instruction) error {
	w := x.owner
	p := &node{in: &in, owner: w, depth: depth(&in), owned: true}
	if w.before == nil {
		w.before = map[*node][]*node{}
	}
	w.before[x] = append(w.before[x], p)
	w.dirty = true
	if w.local {
		m.index.find(p)
		return m.walk(p, other.order)
	}
	p.order = x.order - orderRoom + uint64(len(w.before[x]))
	m.index.insert(p)
	return nil
}
