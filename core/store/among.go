package store

import (
	"slices"

	"realmsync/core/rql"
)

// Among returns those of the given rows that a query on their class finds: in their order, or in that of the query's SORT. A row that is given
// twice is found twice; rows that don't exist are left out. The rows are looked at one by one: for those of a collection.
func (c *Conn) Among(b *rql.Bound, ids []int64) ([]int64, error) {
	cl := c.catalog.byName[b.Class.Name]
	if cl == nil {
		return nil, c.errorf(ErrSchema, "class '%s' doesn't exist", b.Class.Name)
	}
	cl, err := c.readyToRead(cl, "evaluating a query")
	if err != nil {
		return nil, err
	}
	pages := &rowPages{}
	defer pages.release()
	var found []rql.Object
	for page := range slices.Chunk(ids, MaxBatch) {
		objects, err := pages.load(c, cl, page)
		if err != nil {
			return nil, err
		}
		for i := range objects {
			ok, err := b.Match(&objects[i])
			if err != nil {
				return nil, err
			}
			if ok {
				found = append(found, &objects[i])
			}
		}
	}
	if len(b.Descriptors) > 0 {
		if found, err = b.Select(found); err != nil {
			return nil, err
		}
	}
	out := make([]int64, len(found))
	for i, o := range found {
		out[i] = o.(*object).row
	}
	return out, nil
}
