package rql

import (
	"cmp"
	"slices"

	"realmsync/core/value"
)

// Ordinal is implemented by objects that know their place in creation order. Sorting by a link, also by one in a mixed value,
// uses it (spec section 7); without it, links sort by primary key.
type Ordinal interface {
	Ordinal() int64
}

// Select returns the objects that match, after SORT, DISTINCT and LIMIT. The objects must be given in creation order, which
// is the order of the result where no SORT says otherwise.
func (b *Bound) Select(objects []Object) ([]Object, error) {
	var out []Object
	for _, o := range objects {
		ok, err := b.Match(o)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, o)
		}
	}
	return b.Arrange(out)
}

// Arrange is the part of Select after the predicate: SORT, DISTINCT and LIMIT. It may change the order in the slice.
func (b *Bound) Arrange(objects []Object) ([]Object, error) {
	var err error
	for _, d := range b.Descriptors {
		switch d := d.(type) {
		case *Sort:
			objects, err = sortObjects(objects, d.Keys)
		case *Distinct:
			objects, err = distinctObjects(objects, d.Paths)
		case *Limit:
			objects = objects[:min(int64(len(objects)), d.Count)]
		}
		if err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// sortCell is what one key of one object sorts by.
type sortCell struct {
	value   value.Value
	noOwner bool  // a link on the way is null
	ordinal int64 // of the target of a link in a mixed value, -1 if unknown
}

// cell evaluates a path of a descriptor.
func cell(p *operand, o Object, path *Path) (sortCell, error) {
	for _, hop := range p.hops {
		next, err := o.Follow(hop)
		if err != nil {
			return sortCell{}, err
		}
		if next == nil {
			return sortCell{noOwner: true}, nil
		}
		o = next
	}
	if path.Key != nil {
		return entryCell(o, path)
	}
	if path.operandType() == TypeLink {
		target, err := o.Follow(p.property)
		if err != nil || target == nil {
			return sortCell{}, err
		}
		if numbered, ok := target.(Ordinal); ok {
			return sortCell{value: value.Int(numbered.Ordinal())}, nil
		}
	}
	v, err := o.Get(p.property)
	if err != nil || v.Kind() != value.KindLink {
		return sortCell{value: v}, err
	}
	target, err := o.Follow(p.property)
	return linkCell(v, target, err)
}

// linkCell is the cell of a link in a mixed value.
func linkCell(v value.Value, target Object, err error) (sortCell, error) {
	if numbered, ok := target.(Ordinal); ok && err == nil {
		return sortCell{value: v, ordinal: numbered.Ordinal()}, nil
	}
	return sortCell{value: v, ordinal: -1}, err
}

// entryCell evaluates a path that ends in an entry of a dictionary; a missing one counts as null.
func entryCell(o Object, path *Path) (sortCell, error) {
	n, err := navigable(o)
	if err != nil {
		return sortCell{}, err
	}
	c, err := n.Collection(path.Property)
	if c == nil || err != nil {
		return sortCell{}, err
	}
	i, err := c.Find(*path.Key)
	if i < 0 || err != nil {
		return sortCell{}, err
	}
	v, err := c.Value(i)
	if err != nil || v.Kind() != value.KindLink {
		return sortCell{value: v}, err
	}
	target, err := c.Object(i)
	return linkCell(v, target, err)
}

func orderCells(a, b sortCell) int {
	switch {
	case a.noOwner && b.noOwner:
		return 0
	case a.noOwner:
		return 1
	case b.noOwner:
		return -1
	case a.value.Kind() == value.KindLink && b.value.Kind() == value.KindLink && a.ordinal >= 0 && b.ordinal >= 0 && a.value.Link().Class == b.value.Link().Class:
		return cmp.Compare(a.ordinal, b.ordinal)
	default:
		return order(a.value, b.value)
	}
}

type sortRow struct {
	object Object
	cells  []sortCell
}

// rows evaluates the keys of every object once, before they are compared many times.
func rows(objects []Object, paths []*Path) ([]sortRow, error) {
	operands := make([]operand, len(paths))
	for i, p := range paths {
		operands[i] = operandOf(p)
	}
	cells := make([]sortCell, len(objects)*len(paths))
	out := make([]sortRow, len(objects))
	for i, o := range objects {
		row := cells[i*len(paths) : (i+1)*len(paths)]
		for j := range operands {
			c, err := cell(&operands[j], o, paths[j])
			if err != nil {
				return nil, err
			}
			row[j] = c
		}
		out[i] = sortRow{o, row}
	}
	return out, nil
}

func sortObjects(objects []Object, keys []SortKey) ([]Object, error) {
	paths := make([]*Path, len(keys))
	for i, k := range keys {
		paths[i] = k.Path
	}
	table, err := rows(objects, paths)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(table, func(a, b sortRow) int {
		for i, k := range keys {
			if c := orderCells(a.cells[i], b.cells[i]); c != 0 {
				if k.Ascending {
					return c
				}
				return -c
			}
		}
		return 0
	})
	for i := range table {
		objects[i] = table[i].object
	}
	return objects, nil
}

// distinctObjects sorts row numbers by key and keeps the lowest of each group, so that it stays below quadratic.
func distinctObjects(objects []Object, paths []*Path) ([]Object, error) {
	table, err := rows(objects, paths)
	if err != nil {
		return nil, err
	}
	index := make([]int, 0, len(table))
	for i, row := range table {
		if !slices.ContainsFunc(row.cells, func(c sortCell) bool { return c.noOwner }) {
			index = append(index, i)
		}
	}
	compareRows := func(a, b int) int {
		for i := range paths {
			if c := orderCells(table[a].cells[i], table[b].cells[i]); c != 0 {
				return c
			}
		}
		return 0
	}
	slices.SortStableFunc(index, compareRows)
	index = slices.CompactFunc(index, func(a, b int) bool { return compareRows(a, b) == 0 })
	slices.Sort(index)
	out := make([]Object, len(index))
	for i, n := range index {
		out[i] = table[n].object
	}
	return out, nil
}
