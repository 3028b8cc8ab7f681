package merge

import (
	"slices"

	"realmsync/core/changeset"
)

// work is a changeset that is being merged.
type work struct {
	entry *Entry
	local bool
	dirty bool
	nodes []node // one for each instruction
	// before holds what was prepended, by the node that it is in front of (rule R4 only).
	before map[*node][]*node
}

// node is an instruction that is being merged. Numbers stand for names and keys so that comparing is cheap; a number below 0 stands
// for what doesn't occur on the other side.
type node struct {
	in     *changeset.Instruction // the caller's, read only, until owned
	owner  *work
	order  uint64 // place in the sequence of all incoming instructions
	table  int32
	object int32 // of CreateObject, EraseObject and path instructions
	field  int32 // of AddColumn, EraseColumn and path instructions
	depth  int32 // section 1.2; never changes
	owned  bool
	path   bool // the path is owned, too
	dead   bool // discarded; it stays where it is, so that nothing moves

	// Strict rules only: an Update that makes a collection, and the Clear that follows it, are one (see unite).
	tail    *node // of the Update: the Clear
	follows bool  // of the Clear
}

const unknown = -1

// edit returns the instruction for writing and marks its changeset as changed. Callers have made sure that they change something.
func (n *node) edit() *changeset.Instruction {
	if !n.owned {
		copied := *n.in
		n.in, n.owned = &copied, true
	}
	n.owner.dirty = true
	return n.in
}

// discard removes the instruction from its changeset for good.
func (n *node) discard() {
	n.dead = true
	n.owner.dirty = true
	if n.tail != nil {
		n.tail.dead = true
	}
}

// index returns the position that a list instruction or array update addresses: the last element of its path.
func (n *node) index() uint32 { return n.in.Path[len(n.in.Path)-1].Pos }

// setStep changes one position in the path.
func (n *node) setStep(i int, pos uint32) {
	if n.in.Path[i].Pos == pos {
		return
	}
	in := n.edit()
	if !n.path {
		in.Path, n.path = slices.Clone(in.Path), true
	}
	in.Path[i].Pos = pos
}

func (n *node) setIndex(pos uint32) { n.setStep(len(n.in.Path)-1, pos) }

func (n *node) setPriorSize(size uint32) {
	if n.in.PriorSize != size {
		n.edit().PriorSize = size
	}
}

func (n *node) setDest(pos uint32) {
	if n.in.Dest != pos {
		n.edit().Dest = pos
	}
}

// result returns the merged changeset.
func (w *work) result() *changeset.Changeset {
	if !w.dirty {
		return w.entry.Changeset
	}
	count := 0
	for i := range w.nodes {
		if !w.nodes[i].dead {
			count++
		}
	}
	for _, prepended := range w.before {
		count += len(prepended)
	}
	out := &changeset.Changeset{}
	if count == 0 {
		return out
	}
	out.Instructions = make([]changeset.Instruction, 0, count)
	for i := range w.nodes {
		n := &w.nodes[i]
		if w.before != nil {
			for _, p := range w.before[n] {
				if !p.dead {
					out.Instructions = append(out.Instructions, *p.in)
				}
			}
		}
		if !n.dead {
			out.Instructions = append(out.Instructions, *n.in)
		}
	}
	return out
}

// depth is the depth of an instruction (section 1.2).
func depth(in *changeset.Instruction) int32 {
	switch in.Op {
	case changeset.AddTable, changeset.EraseTable:
		return 1
	case changeset.AddColumn, changeset.EraseColumn, changeset.CreateObject, changeset.EraseObject:
		return 2
	default:
		return 3 + int32(len(in.Path))
	}
}
