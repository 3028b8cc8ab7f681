package realm

import (
	"slices"

	"realmsync/core/store"
)

// diffRows works out how one list of rows becomes another. modified are the rows whose content changed; nil: all of them.
//
// Rows that keep their order relative to each other stay; the rest moved. The ones that stay are a longest increasing subsequence of
// the new positions, so that as few as possible are reported.
func diffRows(old, new store.Rows, modified map[int64]struct{}) CollectionChanges {
	var out CollectionChanges
	// What both have in common at the ends needs no maps: most changes touch little.
	head, tail := commonEnds(old, new)
	oldMid, newMid := old.Slice(head, old.Len()-tail), new.Slice(head, new.Len()-tail)
	places := make(map[int64]int, len(newMid)) // row -> new position
	for i, row := range newMid {
		places[row] = head + i
	}
	var both []kept
	for i, row := range oldMid {
		at, ok := places[row]
		if !ok {
			out.Deletions = append(out.Deletions, head+i)
			continue
		}
		delete(places, row)
		both = append(both, kept{head + i, at, row})
	}
	for i, row := range newMid {
		if _, ok := places[row]; ok {
			out.Insertions = append(out.Insertions, head+i)
		}
	}
	out.modifiedIn(old, 0, head, 0, modified)
	stays := longestIncreasing(both)
	for i, k := range both {
		if !stays[i] {
			out.Moves = append(out.Moves, Move{k.from, k.to})
			out.Deletions = append(out.Deletions, k.from)
			out.Insertions = append(out.Insertions, k.to)
		} else if _, ok := modified[k.row]; ok || modified == nil {
			out.addModified(k.from, k.to)
		}
	}
	out.modifiedIn(old, old.Len()-tail, old.Len(), new.Len()-old.Len(), modified)
	if len(out.Moves) > 0 {
		slices.Sort(out.Deletions)
		slices.Sort(out.Insertions)
	}
	return out
}

// commonEnds counts the rows that both lists have in common in front and, beyond those, at the end.
func commonEnds(old, new store.Rows) (head, tail int) {
	n := min(old.Len(), new.Len())
	a, oldDense := old.Dense()
	b, newDense := new.Dense()
	if oldDense && newDense { // successive numbers: no look at each
		switch {
		case n == 0:
		case a == b:
			return n, 0
		case a+int64(old.Len()) == b+int64(new.Len()):
			return 0, n
		}
		return 0, 0
	}
	for head < n && old.At(head) == new.At(head) {
		head++
	}
	for tail < n-head && old.At(old.Len()-1-tail) == new.At(new.Len()-1-tail) {
		tail++
	}
	return head, tail
}

// modifiedIn notes the modified rows among those from position i to j, which are shift further behind in the new list.
func (c *CollectionChanges) modifiedIn(rows store.Rows, i, j, shift int, modified map[int64]struct{}) {
	if modified != nil && rows.Ascending() && len(modified) < (j-i)/16 { // look up the few instead of walking the many
		var found []int
		for row := range modified {
			if at, ok := rows.Find(row); ok && at >= i && at < j {
				found = append(found, at)
			}
		}
		slices.Sort(found)
		for _, at := range found {
			c.addModified(at, at+shift)
		}
		return
	}
	if modified != nil && len(modified) == 0 {
		return
	}
	for ; i < j; i++ {
		if _, ok := modified[rows.At(i)]; ok || modified == nil {
			c.addModified(i, i+shift)
		}
	}
}

func (c *CollectionChanges) addModified(before, after int) {
	c.Modifications = append(c.Modifications, before)
	c.ModificationsAfter = append(c.ModificationsAfter, after)
}

func (c *CollectionChanges) empty() bool {
	return len(c.Deletions)+len(c.Insertions)+len(c.Modifications) == 0
}

// kept is a row that is in both lists.
type kept struct {
	from, to int
	row      int64
}

// longestIncreasing marks the members of a longest subsequence with increasing new positions (patience sorting).
func longestIncreasing(rows []kept) []bool {
	stays := make([]bool, len(rows))
	if slices.IsSortedFunc(rows, func(a, b kept) int { return a.to - b.to }) {
		for i := range stays {
			stays[i] = true
		}
		return stays
	}
	var piles []int // index of the row on top of each pile
	previous := make([]int, len(rows))
	for i, k := range rows {
		p, _ := slices.BinarySearchFunc(piles, k.to, func(top, to int) int { return rows[top].to - to })
		previous[i] = -1
		if p > 0 {
			previous[i] = piles[p-1]
		}
		if p == len(piles) {
			piles = append(piles, i)
		} else {
			piles[p] = i
		}
	}
	for i := piles[len(piles)-1]; i >= 0; i = previous[i] {
		stays[i] = true
	}
	return stays
}
