package realm

import "slices"

// element is what a diff knows of an element of a list: a number that equal elements share, and whether what it refers to has changed.
//
// Elements of lists have no identity of their own, so their values stand for it: of equal ones, the first is taken for the first.
type element struct {
	id       uint64
	modified bool
	inside   uint64 // stands for the content of a collection inside of mixed, which counts as modified when that changes
}

// diffElements works out how one list of elements becomes another. Of what is new where something else has gone, each counts as the old one
// with another value (replaces), not as a deletion and an insertion.
func diffElements(old, new []element, replaces bool) CollectionChanges {
	var out CollectionChanges
	head := 0
	for n := min(len(old), len(new)); head < n && old[head].id == new[head].id; head++ {
		out.elementStays(head, head, old, new)
	}
	tail := 0
	for n := min(len(old), len(new)) - head; tail < n && old[len(old)-1-tail].id == new[len(new)-1-tail].id; tail++ {
	}
	both := matches(old[:len(old)-tail], new[:len(new)-tail], head)
	stays := longestIncreasing(both)
	from, to := head, head // the gap between two elements that stay
	moved := movedPlaces(both, stays)
	gap := func(oldEnd, newEnd int) {
		for from < oldEnd || to < newEnd {
			switch {
			case from < oldEnd && moved.from[from]:
				out.Deletions = append(out.Deletions, from)
				from++
			case to < newEnd && moved.to[to]:
				out.Insertions = append(out.Insertions, to)
				to++
			case from < oldEnd && to < newEnd && replaces:
				out.addModified(from, to)
				from, to = from+1, to+1
			case from < oldEnd:
				out.Deletions = append(out.Deletions, from)
				from++
			default:
				out.Insertions = append(out.Insertions, to)
				to++
			}
		}
	}
	for i, k := range both {
		if !stays[i] {
			out.Moves = append(out.Moves, Move{k.from, k.to})
			continue
		}
		gap(k.from, k.to)
		out.elementStays(k.from, k.to, old, new)
		from, to = k.from+1, k.to+1
	}
	gap(len(old)-tail, len(new)-tail)
	for i := tail; i > 0; i-- {
		out.elementStays(len(old)-i, len(new)-i, old, new)
	}
	return out
}

func (c *CollectionChanges) elementStays(before, after int, old, new []element) {
	if new[after].modified || new[after].inside != old[before].inside {
		c.addModified(before, after)
	}
}

// matches pairs the elements that both lists have behind the first head ones, in the order of the old one.
func matches(old, new []element, head int) []kept {
	if len(old) == head || len(new) == head {
		return nil
	}
	places := make(map[uint64][]int, len(new)-head) // new positions, ascending
	for i := head; i < len(new); i++ {
		places[new[i].id] = append(places[new[i].id], i)
	}
	var both []kept
	for i := head; i < len(old); i++ {
		if at := places[old[i].id]; len(at) > 0 {
			both = append(both, kept{from: i, to: at[0]})
			places[old[i].id] = at[1:]
		}
	}
	return both
}

type places struct{ from, to map[int]bool }

// movedPlaces collects where moved elements were and are.
func movedPlaces(both []kept, stays []bool) places {
	out := places{map[int]bool{}, map[int]bool{}}
	for i, k := range both {
		if !stays[i] {
			out.from[k.from], out.to[k.to] = true, true
		}
	}
	return out
}

// diffKeys works out how the entries of a dictionary have changed: both are in ascending order of keys.
func diffKeys(old, new []entry) CollectionChanges {
	out := CollectionChanges{Keys: &KeyChanges{}}
	i, j := 0, 0
	for i < len(old) || j < len(new) {
		switch {
		case j == len(new) || i < len(old) && old[i].key < new[j].key:
			out.Deletions = append(out.Deletions, i)
			out.Keys.Deletions = append(out.Keys.Deletions, old[i].key)
			i++
		case i == len(old) || new[j].key < old[i].key:
			out.Insertions = append(out.Insertions, j)
			out.Keys.Insertions = append(out.Keys.Insertions, new[j].key)
			j++
		default:
			if old[i].id != new[j].id || old[i].inside != new[j].inside || new[j].modified {
				out.addModified(i, j)
				out.Keys.Modifications = append(out.Keys.Modifications, new[j].key)
			}
			i, j = i+1, j+1
		}
	}
	return out
}

// entry is an entry of a dictionary.
type entry struct {
	key string
	element
}

// ascending tells whether positions are reported as they should be.
func (c *CollectionChanges) ascending() bool {
	return slices.IsSorted(c.Deletions) && slices.IsSorted(c.Insertions) && slices.IsSorted(c.Modifications)
}
