package history

import (
	"context"
	"fmt"
	"sync"

	"realmsync/server/budget"
	"realmsync/server/store"
)

// pieceCache reads the pieces of large collections from the store and keeps those that were used last. It is safe for concurrent
// use. Pieces are never changed, so whoever holds a document finds its pieces, however old the document is.
type pieceCache struct {
	store  store.Store
	limit  int            // bytes, about
	budget *budget.Budget // of all apps

	mu         sync.Mutex
	young, old map[uint64][]byte // when young has half of the limit it becomes old, and when half of the budget was used since it began
	size       int               // of young
	began      uint64            // stamp of young
	measures   map[uint64]measure
	since      uint64 // stamp of measures
}

func newPieceCache(s store.Store, limit int, b *budget.Budget) *pieceCache {
	return &pieceCache{store: s, limit: limit, budget: b, young: map[uint64][]byte{}}
}

// add remembers pieces that are durable.
func (p *pieceCache) add(pieces []store.Piece) {
	if len(pieces) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range pieces {
		p.put(x.ID, x.Body)
	}
}

func (p *pieceCache) put(id uint64, body []byte) {
	if p.size > p.limit/2 || p.began < p.budget.HalfFloor() {
		p.turn()
	}
	p.young[id] = body
	p.size += 64 + len(body)
	p.budget.Put(64 + len(body))
}

// turn begins a new life.
func (p *pieceCache) turn() {
	p.young, p.old, p.size, p.began = map[uint64][]byte{}, p.young, 0, p.budget.Put(0)
}

// sweep gives up what is older than the budget allows.
func (p *pieceCache) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.began < p.budget.HalfFloor() {
		p.turn()
	}
	if p.since < p.budget.Floor() {
		p.measures = nil
	}
}

// forget gives up everything.
func (p *pieceCache) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.young, p.old, p.size, p.measures = map[uint64][]byte{}, nil, 0, nil
}

// get returns what is known, in the order of the ids, and how much is missing.
func (p *pieceCache) get(ids []uint64) (out [][]byte, missing []uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out = make([][]byte, len(ids))
	for i, id := range ids {
		body := p.young[id]
		if body == nil {
			if body = p.old[id]; body != nil {
				p.put(id, body)
			}
		}
		if out[i] = body; body == nil {
			missing = append(missing, id)
		}
	}
	return out, missing
}

// load returns pieces, in the order of their ids. They are not for changing.
func (p *pieceCache) load(ids []uint64) ([][]byte, error) {
	out, missing := p.get(ids)
	if len(missing) == 0 {
		return out, nil
	}
	s, err := p.store.Snapshot(context.Background())
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	got := make(map[uint64][]byte, len(missing))
	err = s.Pieces(missing, func(x store.Piece) error {
		got[x.ID] = x.Body
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, id := range ids {
		if out[i] != nil {
			continue
		}
		if out[i] = got[id]; out[i] == nil {
			return nil, fmt.Errorf("%w: there is no piece %d", errPieces, id)
		}
		p.put(id, out[i])
	}
	return out, nil
}

// load reads pieces.
func (c *Catalog) load(ids []uint64) ([][]byte, error) {
	switch {
	case len(ids) == 0:
		return nil, nil
	case c == nil || c.pieces == nil:
		return nil, errPieces
	}
	return c.pieces.load(ids)
}

// loadCatalog is loadCatalog, for rows that can read their pieces.
func (e *Engine) loadCatalog(records []store.Class, at uint64) (*Catalog, error) {
	out, err := loadCatalog(records, at)
	if err == nil {
		out.pieces = e.pieces
	}
	return out, err
}
