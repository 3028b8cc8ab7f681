package history

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/server/store"
)

// merge transforms the changesets with the window (spec/merge.md section 10.3) and gives each to apply, in order. Dirty
// tells apply that the changeset is not what was uploaded.
func (in *integration) merge(apply func(u *Uploaded, e *merge.Entry) error) error {
	batch := make([]*merge.Entry, len(in.changesets))
	entries := make([]merge.Entry, len(in.changesets))
	for i := range in.changesets {
		u := &in.changesets[i]
		entries[i] = merge.Entry{
			Changeset: u.Changeset, Version: u.ClientVersion, LastIntegrated: u.ServerVersion, Timestamp: u.Timestamp, FileIdent: in.file.Ident,
		}
		batch[i] = &entries[i]
	}
	past, err := in.past()
	if err != nil {
		return err
	}
	next := 0
	err = in.group.engine.cfg.Rules.Batch(past, in.group.version, batch, func(e *merge.Entry) error {
		u := &in.changesets[next]
		next++
		e.Dirty = e.Dirty || u.modified
		return apply(u, e)
	})
	var bad *merge.TransformError
	switch {
	case !errors.As(err, &bad):
		return err
	case bad.Rule == "R15", bad.Rule == "R1" && !in.someAsymmetric():
		return blame(InvalidSchemaChange, err, "Invalid schema change (UPLOAD): the upload can't be merged with the history")
	}
	return blame(BadChangeset, err, "the upload can't be merged with the history")
}

// someAsymmetric tells whether the upload has a class that is asymmetric on one side only: see badApply.
func (in *integration) someAsymmetric() bool {
	for i := range in.changesets {
		instructions := in.changesets[i].Changeset.Instructions
		for k := range instructions {
			if in.asymmetric(&instructions[k]) {
				return true
			}
		}
	}
	return false
}

// past is the window of an upload, as package merge asks for it: only what concerns the upload's objects. It implements
// merge.History.
type past struct {
	in      *integration
	entries map[uint64]*Entry
	stored  map[uint64]*changeset.Changeset // reciprocals in the store, as far as there are any
}

var _ merge.History = (*past)(nil)

// past reads the reciprocals of the window: what earlier uploads of the file have made of it.
func (in *integration) past() (*past, error) {
	p := &past{in: in}
	if len(in.window) == 0 {
		return p, nil
	}
	p.entries, p.stored = map[uint64]*Entry{}, map[uint64]*changeset.Changeset{}
	for _, e := range in.window {
		p.entries[e.Version] = e
	}
	err := in.group.tx.Reciprocals(in.file.Ident, in.base(), func(version uint64, b []byte) error {
		if p.entries[version] == nil {
			return nil
		}
		c, err := changeset.Decode(b)
		if err != nil {
			return fmt.Errorf("history: the reciprocal of server version %d for client file %d is damaged: %w", version, in.file.Ident, err)
		}
		p.stored[version] = c
		return nil
	})
	return p, err
}

// NextAfter implements merge.History.
func (p *past) NextAfter(after, upTo uint64) (uint64, bool, error) {
	i, _ := slices.BinarySearchFunc(p.in.window, after+1, func(e *Entry, v uint64) int { return cmp.Compare(e.Version, v) })
	if i == len(p.in.window) || p.in.window[i].Version > upTo {
		return 0, false, nil
	}
	return p.in.window[i].Version, true, nil
}

// Reciprocal implements merge.History.
func (p *past) Reciprocal(version uint64) (merge.Entry, error) {
	e := p.entries[version]
	out := merge.Entry{Changeset: e.Changeset, Timestamp: e.Timestamp, FileIdent: e.Origin}
	if r, ok := p.in.group.reciprocals[store.FileVersion{File: p.in.file.Ident, Version: version}]; ok {
		out.Changeset = r.changeset
	} else if c := p.stored[version]; c != nil {
		out.Changeset = c
	}
	return out, nil
}

// StoreReciprocal implements merge.History.
func (p *past) StoreReciprocal(version uint64, c *changeset.Changeset) error {
	b, err := changeset.Encode(c)
	if err != nil {
		return fmt.Errorf("history: the reciprocal of server version %d can't be written: %w", version, err)
	}
	if p.in.reciprocals == nil {
		p.in.reciprocals = map[uint64]reciprocal{}
	}
	p.in.reciprocals[version] = reciprocal{c, b}
	return nil
}

// reciprocal is a version as the uploads of one file have transformed it.
type reciprocal struct {
	changeset *changeset.Changeset
	encoded   []byte
}
