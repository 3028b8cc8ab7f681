package store

import (
	"slices"

	"realmsync/core/rql"
	"realmsync/core/value"
)

// object is a row as rql evaluates it.
type object struct {
	conn   *Conn
	class  *Class
	row    int64
	cells  []Cell
	owner  *rowPages
	linked map[int]*object // targets that were followed
}

// rowPages owns the batches that the cells of objects are in.
type rowPages struct{ batches []Batch }

func (g *rowPages) release() {
	for _, b := range g.batches {
		b.Release()
	}
	g.batches = nil
}

func (g *rowPages) load(c *Conn, cl *Class, ids []int64) ([]object, error) {
	b, err := c.loadRows(cl, ids)
	if err != nil {
		return nil, err
	}
	g.batches = append(g.batches, b)
	out := make([]object, 0, len(ids))
	for i := range ids {
		if b.Present(i) {
			out = append(out, object{conn: c, class: cl, row: ids[i], cells: b.Row(i), owner: g})
		}
	}
	return out, nil
}

// Ordinal implements rql.Ordinal.
func (o *object) Ordinal() int64 { return o.row }

// Get implements rql.Object.
func (o *object) Get(property int) (value.Value, error) {
	cell := &o.cells[property]
	if cell.Flags&FlagDangling != 0 {
		return value.Null(), nil
	}
	return o.conn.ValueOf(cell)
}

// Follow implements rql.Object.
func (o *object) Follow(property int) (rql.Object, error) {
	cell := &o.cells[property]
	if cell.Kind() != value.KindLink {
		return nil, nil
	}
	if target, ok := o.linked[property]; ok {
		return target, nil
	}
	target, err := o.target(cell)
	if target == nil || err != nil {
		return nil, err
	}
	if o.linked == nil {
		o.linked = map[int]*object{}
	}
	o.linked[property] = target
	return target, nil
}

// runInGo finds candidates by SQL and lets rql decide. Slower, but right for everything that rql can evaluate.
func (p *Plan) runInGo() ([]int64, error) {
	c := p.conn
	args, err := p.resolved()
	if err != nil {
		return nil, err
	}
	ids, err := c.rowIDs(p.sql("t.id", "", true), args)
	if err != nil {
		return nil, err
	}
	cl, err := c.current(p.class)
	if err != nil {
		return nil, err
	}
	out := ids
	if p.residual {
		out = ids[:0]
		for page := range slices.Chunk(ids, MaxBatch) {
			if out, err = p.matchPage(cl, page, out); err != nil {
				return nil, err
			}
			if !p.selected && p.limit >= 0 && int64(len(out)) >= p.limit {
				return out[:p.limit], nil
			}
		}
	}
	if p.selected {
		return p.arrangeInGo(cl, out)
	}
	return out, nil
}

func (p *Plan) matchPage(cl *Class, page, out []int64) ([]int64, error) {
	pages := &rowPages{}
	defer pages.release()
	objects, err := pages.load(p.conn, cl, page)
	if err != nil {
		return nil, err
	}
	// What an object leads to is not kept longer than the object is looked at: collections may be large.
	reached := &rowPages{}
	defer reached.release()
	for i := range objects {
		objects[i].owner = reached
		ok, err := p.bound.Match(&objects[i])
		reached.release()
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, objects[i].row) // never ahead of what is read: out shares the memory of the pages
		}
	}
	return out, nil
}

// arrangeInGo sorts, drops duplicates and limits by rql.
func (p *Plan) arrangeInGo(cl *Class, ids []int64) ([]int64, error) {
	pages := &rowPages{}
	defer pages.release()
	all := make([]rql.Object, 0, len(ids))
	for page := range slices.Chunk(ids, MaxBatch) {
		objects, err := pages.load(p.conn, cl, page)
		if err != nil {
			return nil, err
		}
		for i := range objects {
			all = append(all, &objects[i])
		}
	}
	chosen, err := p.bound.Arrange(all)
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(chosen))
	for i, o := range chosen {
		out[i] = o.(*object).row
	}
	return out, nil
}
