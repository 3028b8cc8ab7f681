package history

import (
	"context"
	"errors"
	"sync"

	"realmsync/server/store"
)

// faulty is a store that fails when it is told to.
type faulty struct {
	store.Store

	mu    sync.Mutex
	fails func(what string) error // asked before every operation of the writer; nil: nothing fails
	after bool                    // a commit that fails has happened nevertheless

	shrunk int // how often memory was asked for
}

// Shrink implements store.Shrinker.
func (s *faulty) Shrink(ctx context.Context) error {
	s.shrunk++
	return s.Store.(store.Shrinker).Shrink(ctx)
}

var errFault = errors.New("injected fault")

func (s *faulty) set(fails func(string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = fails
}

func (s *faulty) check(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails == nil {
		return nil
	}
	return s.fails(what)
}

// Begin implements store.Store.
func (s *faulty) Begin(ctx context.Context) (store.Tx, error) {
	if err := s.check("begin"); err != nil {
		return nil, err
	}
	tx, err := s.Store.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &faultyTx{tx, s}, nil
}

type faultyTx struct {
	store.Tx
	store *faulty
}

func (t *faultyTx) Commit(c *store.Changes) error {
	err := t.store.check("commit")
	if err == nil {
		return t.Tx.Commit(c)
	}
	if t.store.after {
		return errors.Join(err, t.Tx.Commit(c))
	}
	return errors.Join(err, t.Tx.Rollback())
}

func (t *faultyTx) Version() (uint64, error) {
	if err := t.store.check("version"); err != nil {
		return 0, err
	}
	return t.Tx.Version()
}

func (t *faultyTx) Objects(refs []store.ObjectRef, f func(store.Object) error) error {
	if err := t.store.check("objects"); err != nil {
		return err
	}
	return t.Tx.Objects(refs, f)
}

func (t *faultyTx) File(ident uint64) (store.File, error) {
	if err := t.store.check("file"); err != nil {
		return store.File{}, err
	}
	return t.Tx.File(ident)
}

func (t *faultyTx) Resets(file, from uint64) ([]store.Reset, error) {
	if err := t.store.check("resets"); err != nil {
		return nil, err
	}
	return t.Tx.Resets(file, from)
}

func (t *faultyTx) Reciprocals(file, from uint64, f func(uint64, []byte) error) error {
	if err := t.store.check("reciprocals"); err != nil {
		return err
	}
	return t.Tx.Reciprocals(file, from, f)
}

func (t *faultyTx) Entry(version uint64, images bool) (store.Entry, error) {
	if err := t.store.check("entry"); err != nil {
		return store.Entry{}, err
	}
	return t.Tx.Entry(version, images)
}
