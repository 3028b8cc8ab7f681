package history

// measure is what there is in an object or in a part of it.
type measure struct {
	values int // all of them, those in collections and embedded objects included
	bytes  int // of their texts and the like
}

func (m *measure) add(o measure) {
	m.values += o.values
	m.bytes += o.bytes
}

// valueBytes is about what an instruction takes beside its object's key and the text of its value.
const valueBytes = 32

// Bytes is about the size of the changeset that makes the object, rather more: that is what devices are sent whole when it enters their view, and
// what they take no more than 16 MiB of (spec/sync-semantics.md sections 3.5 and 4.7). The first time it reads what is in the store of the object's
// collections; later only what was changed.
func (r *Row) Bytes() (int, error) {
	m, err := r.measure()
	return m.bytes + m.values*(valueBytes+len(EncodeKey(r.Key))), err
}

func (r *Row) measure() (m measure, err error) {
	for i := range r.values {
		m.add(measure{1, len(r.values[i].Str())})
	}
	for _, c := range r.inner {
		if c == nil {
			continue
		}
		inner, err := c.measure()
		if err != nil {
			return m, err
		}
		m.add(inner)
	}
	return m, nil
}

func (c *container) measure() (m measure, err error) {
	if c.object != nil {
		if m, err = c.object.measure(); err != nil {
			return m, err
		}
	}
	for k := range c.pieces {
		p := &c.pieces[k]
		if p.leaf == nil && c.catalog != nil && c.catalog.pieces != nil {
			if known, ok := c.catalog.pieces.measured(p.id); ok {
				m.add(known)
				continue
			}
		}
		l, err := c.leaf(k)
		if err != nil {
			return m, err
		}
		inner, err := l.total()
		if err != nil {
			return m, err
		}
		if p.leaf == nil && c.catalog != nil && c.catalog.pieces != nil {
			c.catalog.pieces.remember(p.id, inner)
		}
		m.add(inner)
	}
	return m, nil
}

func (l *leaf) total() (m measure, err error) {
	m = measure{len(l.elements), l.size}
	for i := range l.elements {
		if c := l.elements[i].inner; c != nil {
			inner, err := c.measure()
			if err != nil {
				return m, err
			}
			m.add(inner)
		}
	}
	return m, nil
}

// maxMeasures bounds what is remembered of pieces: some MiB.
const maxMeasures = 1 << 16

// measureBytes is about what one of them takes, with its place in the map.
const measureBytes = 48

// measured returns the measure of a piece with all that is in it, if it is remembered. Pieces are never changed, so it holds for good.
func (p *pieceCache) measured(id uint64) (measure, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, ok := p.measures[id]
	return m, ok
}

func (p *pieceCache) remember(id uint64, m measure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.measures == nil || len(p.measures) >= maxMeasures || p.since < p.budget.Floor() {
		p.measures, p.since = map[uint64]measure{}, p.budget.Put(0)
	}
	p.measures[id] = m
	p.budget.Put(measureBytes)
}
