package store

import (
	"encoding/binary"
	"fmt"
	"slices"

	"realmsync/core/value"
)

// manyTargets is from how many rows on it costs less to read all links of a property than to look each row up in its index.
const manyTargets = 256

// Linking returns which rows of the wanted classes hold a live link to one of these rows, at any place in them, collections inside of mixed
// included: per class in ascending order, each once.
func (c *Conn) Linking(cl *Class, rows []int64, wanted func(class uint32) bool) (map[uint32][]int64, error) {
	return c.linking(cl, rows, wanted, manyTargets)
}

func (c *Conn) linking(cl *Class, rows []int64, wanted func(class uint32) bool, many int) (map[uint32][]int64, error) {
	cl, err := c.readyToRead(cl, "looking for links")
	if err != nil {
		return nil, err
	}
	out := map[uint32][]int64{}
	for _, in := range c.linkColumns(cl) {
		if in.class != nil && !wanted(in.class.ID) {
			continue
		}
		var at []int64
		if len(rows) < many {
			at, err = c.linkingByIndex(in, cl, rows)
		} else {
			at, err = c.linkingByScan(in, cl, rows)
		}
		if err != nil {
			return nil, err
		}
		if in.class != nil {
			out[in.class.ID] = append(out[in.class.ID], at...)
			continue
		}
		for _, id := range at { // collections inside of mixed
			l, err := c.container(id)
			if err != nil {
				return nil, err
			}
			if root, row, _, ok := l.Root(); ok && wanted(root.ID) {
				out[root.ID] = append(out[root.ID], row)
			}
		}
	}
	for class, at := range out {
		slices.Sort(at)
		out[class] = slices.Compact(at)
	}
	return out, nil
}

func (c *Conn) linkingByIndex(in linkColumn, cl *Class, rows []int64) (owners []int64, err error) {
	for _, row := range rows {
		live, _ := linkForms(in, cl, row, 0)
		at, err := c.holders(in, live)
		if err != nil {
			return nil, err
		}
		for _, h := range at {
			owners = append(owners, h.owner)
		}
	}
	return owners, nil
}

func (c *Conn) linkingByScan(in linkColumn, cl *Class, rows []int64) (owners []int64, err error) {
	table, col := in.table(c)
	if table == "" {
		return nil, nil
	}
	if in.class == nil {
		if some, err := c.hasContainers(); err != nil || !some {
			return nil, err
		}
	}
	targets := make(map[int64]struct{}, len(rows))
	for _, row := range rows {
		targets[row] = struct{}{}
	}
	owner := "id"
	if in.elements(c) != nil {
		owner = "owner"
	}
	live := fmt.Sprintf("typeof(%s)='integer'", col)
	if in.isMixed() {
		live = in.isLink(c, col)
	}
	err = c.query(fmt.Sprintf("SELECT %s,%s FROM %s WHERE %s", owner, col, table, live), nil, func(r *Row) error {
		target, ok := int64(0), true
		if in.isMixed() {
			target, ok = liveMixedLink(cl.ID, r.Text(1))
		} else {
			target = r.Int(1)
		}
		if _, is := targets[target]; ok && is {
			owners = append(owners, r.Int(0))
		}
		return nil
	})
	return owners, err
}

// liveMixedLink reads what mixedLink has written, if it is a live link to an object of the class.
func liveMixedLink(class uint32, form string) (row int64, ok bool) {
	if len(form) != 14 || value.Kind(form[0]) != value.KindLink || form[5] != 1 || binary.BigEndian.Uint32([]byte(form[1:5])) != class {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64([]byte(form[6:])) ^ 1<<63), true
}
