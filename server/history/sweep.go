package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"realmsync/core/value"
	"realmsync/server/store"
)

// sweepLimit bounds the memory of a sweep: it takes a bit for each piece that ever was.
const sweepLimit = 1 << 30 // pieces; 128 MiB

// sweep removes the pieces that neither a document names nor an image above the floor. It marks on a snapshot; what is not marked then
// can't be named later, because new documents take over pieces of the newest ones only. A snapshot that somebody opened before the floor
// was raised may still read them: as long as there is one, nothing is removed.
func (e *Engine) sweep(ctx context.Context, batch int) (removed int, err error) {
	floor := e.Floor()
	s, err := e.cfg.Store.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	highest, err := s.MaxPiece()
	if err == nil && highest > sweepLimit {
		e.cfg.Log.Warn("there are too many pieces of collections to look for those that are not needed", slog.String("app", e.cfg.App), slog.Uint64("pieces", highest))
		highest = 0
	}
	var garbage []uint64
	if err == nil && highest > 0 {
		garbage, err = unnamed(ctx, s, floor, highest)
	}
	if err = errors.Join(err, s.Close()); err != nil || e.reading.below(floor) {
		return 0, err
	}
	for len(garbage) > 0 {
		some := garbage[:min(batch, len(garbage))]
		garbage = garbage[len(some):]
		if _, err := do(ctx, e, false, func(g *group) (none struct{}, err error) {
			g.extra.DropPieces = append(g.extra.DropPieces, some...)
			return none, nil
		}); err != nil {
			return removed, err
		}
		removed += len(some)
	}
	return removed, nil
}

// unnamed lists the pieces below highest that nothing names. The highest one is kept, so that its number is not used again.
func unnamed(ctx context.Context, s store.Reader, floor, highest uint64) (out []uint64, err error) {
	m := &marks{store: s, bits: make([]uint64, highest/64+1)}
	if err := m.all(ctx, floor); err != nil {
		return nil, err
	}
	for above := uint64(0); ; {
		ids, err := s.PieceIDs(above, 4096)
		if err != nil || len(ids) == 0 {
			return out, err
		}
		for _, id := range ids {
			above = id
			if id < highest && !m.has(id) {
				out = append(out, id)
			}
		}
	}
}

// named is a piece that was met and not looked into yet.
type named struct {
	kind  value.Kind
	count int
}

// marks are the pieces that are named.
type marks struct {
	store   store.Reader
	bits    []uint64
	waiting map[uint64]named
}

func (m *marks) has(id uint64) bool {
	return id/64 < uint64(len(m.bits)) && m.bits[id/64]&(1<<(id%64)) != 0
}

// all marks what the newest documents name and the images above the floor.
func (m *marks) all(ctx context.Context, floor uint64) error {
	classes, err := m.store.Classes()
	if err != nil {
		return err
	}
	for _, class := range classes {
		if err := m.store.Scan(class.ID, func(_, doc []byte) (bool, error) {
			return true, errors.Join(m.document(doc), m.drain(false), ctx.Err())
		}); err != nil {
			return err
		}
	}
	version, err := m.store.Version()
	if err != nil {
		return err
	}
	err = m.store.Entries(floor, version, true, func(entry *store.Entry) (bool, error) {
		return true, errors.Join(eachStored(entry.Images, func(_ *storedImage, doc []byte) error { return m.document(doc) }), m.drain(false), ctx.Err())
	})
	return errors.Join(err, m.drain(true))
}

// document marks what a document names.
func (m *marks) document(doc []byte) error {
	if len(doc) == 0 || doc[0] == documentForm {
		return nil // there are no collections in it
	}
	return eachPiece(doc, m.mark)
}

func (m *marks) mark(kind value.Kind, count int, id uint64) {
	if id/64 >= uint64(len(m.bits)) || m.has(id) {
		return
	}
	m.bits[id/64] |= 1 << (id % 64)
	if m.waiting == nil {
		m.waiting = map[uint64]named{}
	}
	m.waiting[id] = named{kind, count}
}

// drain looks into the pieces that were met: collections in them may have pieces of their own. Unless all is wanted it waits for some to
// come together.
func (m *marks) drain(all bool) error {
	for len(m.waiting) > 256 || all && len(m.waiting) > 0 {
		some := m.waiting
		m.waiting = nil
		ids := make([]uint64, 0, len(some))
		for id := range some {
			ids = append(ids, id)
		}
		found := 0
		err := m.store.Pieces(ids, func(p store.Piece) error {
			found++
			return eachInside(some[p.ID].kind, some[p.ID].count, p.Body, m.mark)
		})
		if err == nil && found < len(ids) {
			err = fmt.Errorf("%w: %d pieces of it are missing", errPieces, len(ids)-found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eachPiece calls f for the pieces that a stored document names itself, whatever its class.
func eachPiece(doc []byte, f func(kind value.Kind, count int, id uint64)) error {
	if len(doc) == 0 || doc[0] != documentForm && doc[0] != nestedForm {
		return errDocument
	}
	d := decoder{rest: doc[1:], catalog: &Catalog{}, flat: doc[0] == documentForm, stored: f}
	d.properties(nil, value.NullKey())
	if d.failed {
		return errDocument
	}
	return nil
}

// eachInside does the same for a piece.
func eachInside(kind value.Kind, count int, body []byte, f func(kind value.Kind, count int, id uint64)) error {
	if len(body) <= count || body[0] != pieceForm {
		return errPieces
	}
	d := decoder{rest: body[1:], catalog: &Catalog{}, stored: f}
	d.leaf(kind, count)
	if d.failed || len(d.rest) > 0 {
		return errPieces
	}
	return nil
}

// storedImage is an image as it is stored: its documents are taken apart by whoever needs that.
type storedImage struct {
	ref           store.ObjectRef
	previous      uint64
	before, after []byte
}

// eachStored calls f for the documents of stored images, before and after; of images without documents, once with none.
func eachStored(b []byte, f func(m *storedImage, doc []byte) error) error {
	return eachImage(b, func(m *storedImage) error {
		return errors.Join(f(m, m.before), f(m, m.after))
	})
}

// eachImage takes stored images apart.
func eachImage(b []byte, f func(m *storedImage) error) error {
	if len(b) == 0 {
		return nil
	}
	d := decoder{rest: b}
	if form := d.byte(); form != imagesForm {
		return fmt.Errorf("history: stored images have the unknown form %d: the data is damaged", form)
	}
	n := d.uvarint()
	for i := uint64(0); i < n && !d.failed; i++ {
		m := storedImage{ref: store.ObjectRef{Class: uint32(d.uvarint())}}
		d.text() // the name of the class
		m.ref.Key = d.text()
		m.previous = d.uvarint()
		m.before, m.after = d.document(), d.document()
		if d.failed {
			break
		}
		if err := f(&m); err != nil {
			return err
		}
	}
	if d.failed {
		return errImages
	}
	return nil
}
