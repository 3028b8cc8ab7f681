package store

import (
	"cmp"
	"slices"
)

// counted is keys in ascending order, each once, that are also found by index: a B-tree whose nodes know how many keys are below them. Every
// call but newCounted takes O(log n).
type counted[K cmp.Ordered] struct{ root *countedNode[K] }

// countedNode is a leaf, or a node with kids. keys[i] of the latter is a lower bound of the keys in kids[i]; keys[0] counts as less than all.
// No node is empty but the root, which is a leaf then.
type countedNode[K cmp.Ordered] struct {
	keys   []K
	kids   []*countedNode[K]
	counts []int // keys below kids[i]
}

// maxCounted is the greatest number of keys, or kids, of a node.
const maxCounted = 128

// newCounted makes a tree of keys in ascending order.
func newCounted[K cmp.Ordered](keys []K) *counted[K] {
	var level []*countedNode[K]
	for part := range slices.Chunk(keys, maxCounted/2) {
		level = append(level, &countedNode[K]{keys: slices.Clone(part)})
	}
	for len(level) > 1 {
		var above []*countedNode[K]
		for kids := range slices.Chunk(level, maxCounted/2) {
			n := &countedNode[K]{}
			for _, kid := range kids {
				n.keys, n.kids, n.counts = append(n.keys, kid.keys[0]), append(n.kids, kid), append(n.counts, kid.len())
			}
			above = append(above, n)
		}
		level = above
	}
	if len(level) == 0 {
		level = append(level, &countedNode[K]{})
	}
	return &counted[K]{level[0]}
}

func (n *countedNode[K]) leaf() bool { return n.kids == nil }

func (n *countedNode[K]) len() int {
	if n.leaf() {
		return len(n.keys)
	}
	all := 0
	for _, count := range n.counts {
		all += count
	}
	return all
}

// kid returns which kid a key is in, or belongs to.
func (n *countedNode[K]) kid(key K) int {
	i, found := slices.BinarySearch(n.keys[1:], key)
	if found {
		i++
	}
	return i
}

// index returns how many keys are less than one.
func (t *counted[K]) index(key K) int {
	before, n := 0, t.root
	for !n.leaf() {
		i := n.kid(key)
		for _, count := range n.counts[:i] {
			before += count
		}
		n = n.kids[i]
	}
	i, _ := slices.BinarySearch(n.keys, key)
	return before + i
}

// at returns the key at an index in range.
func (t *counted[K]) at(i int) K {
	n := t.root
	for !n.leaf() {
		k := 0
		for ; i >= n.counts[k]; k++ {
			i -= n.counts[k]
		}
		n = n.kids[k]
	}
	return n.keys[i]
}

// insert puts a key in and tells whether it is new.
func (t *counted[K]) insert(key K) bool {
	added, second := t.root.insert(key)
	if second != nil {
		first := t.root
		t.root = &countedNode[K]{keys: []K{first.keys[0], second.keys[0]}, kids: []*countedNode[K]{first, second}, counts: []int{first.len(), second.len()}}
	}
	return added
}

// insert also returns the second half of a node that had to be split.
func (n *countedNode[K]) insert(key K) (added bool, second *countedNode[K]) {
	if n.leaf() {
		i, found := slices.BinarySearch(n.keys, key)
		if found {
			return false, nil
		}
		n.keys = slices.Insert(n.keys, i, key)
		return true, n.split()
	}
	i := n.kid(key)
	added, right := n.kids[i].insert(key)
	if !added {
		return false, nil
	}
	n.counts[i]++
	if right != nil {
		count := right.len()
		n.counts[i] -= count
		n.keys = slices.Insert(n.keys, i+1, right.keys[0])
		n.kids = slices.Insert(n.kids, i+1, right)
		n.counts = slices.Insert(n.counts, i+1, count)
	}
	return true, n.split()
}

// split makes two nodes of one that is too large. Keys often come in ascending order: a node that is split keeps its memory for those.
func (n *countedNode[K]) split() *countedNode[K] {
	if len(n.keys) <= maxCounted {
		return nil
	}
	half := len(n.keys) / 2
	second := &countedNode[K]{keys: append(make([]K, 0, maxCounted+1), n.keys[half:]...)}
	clear(n.keys[half:])
	n.keys = n.keys[:half]
	if !n.leaf() {
		second.kids, second.counts = slices.Clone(n.kids[half:]), slices.Clone(n.counts[half:])
		clear(n.kids[half:])
		n.kids, n.counts = n.kids[:half], n.counts[:half]
	}
	return second
}

// remove takes a key out and tells whether it was there.
func (t *counted[K]) remove(key K) bool {
	removed := t.root.remove(key)
	for !t.root.leaf() && len(t.root.kids) == 1 {
		t.root = t.root.kids[0]
	}
	return removed
}

func (n *countedNode[K]) remove(key K) bool {
	if n.leaf() {
		i, found := slices.BinarySearch(n.keys, key)
		if found {
			n.keys = slices.Delete(n.keys, i, i+1)
		}
		return found
	}
	i := n.kid(key)
	if !n.kids[i].remove(key) {
		return false
	}
	if n.counts[i]--; n.counts[i] == 0 {
		n.keys, n.kids, n.counts = slices.Delete(n.keys, i, i+1), slices.Delete(n.kids, i, i+1), slices.Delete(n.counts, i, i+1)
	}
	return true
}
