package history

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/server/store"
)

// Verify reads everything that a store has and reports what contradicts itself, in words for an operator. The error is one of reading, or of
// the context. What it looks at:
//
//   - the history is dense above its floor, and every changeset can be read and has the flags that it should have;
//   - images form the chains that lead from one state of an object to the next (what one version leaves is what the next one finds), and the
//     newest records are where these chains end: the state is what the history leads to;
//   - documents can be read, and the pieces that they name exist;
//   - files, views and resets are about versions that exist, and the history that a live file needs is there.
func Verify(ctx context.Context, s store.Store, report func(problem string)) error {
	snapshot, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	v := &verification{ctx: ctx, s: snapshot, report: report, chains: map[store.ObjectRef]link{}}
	return errors.Join(v.all(s), snapshot.Close())
}

type verification struct {
	ctx            context.Context
	s              store.Snapshot
	report         func(string)
	catalog        *Catalog
	version, floor uint64
	chains         map[store.ObjectRef]link // of objects that versions above the floor touched
	marks          marks
	highest        uint64
}

// link is where the chain of an object has come to.
type link struct {
	version uint64
	exists  bool
	doc     [sha256.Size]byte // of the canonical form
}

func (v *verification) problem(format string, args ...any) { v.report(fmt.Sprintf(format, args...)) }

func (v *verification) all(s store.Store) (err error) {
	if v.version, err = v.s.Version(); err != nil {
		return err
	}
	if v.floor, err = v.s.Floor(); err != nil {
		return err
	}
	if v.version > 0 && v.floor >= v.version {
		v.problem("the history is given up to %d, but its newest version is %d", v.floor, v.version)
	}
	records, err := v.s.Classes()
	if err != nil {
		return err
	}
	catalog, err := loadCatalog(records, newest)
	if err != nil {
		v.problem("%v", err)
		return nil // nothing else can be read
	}
	catalog.pieces = newPieceCache(s, 1<<20, nil)
	v.catalog = catalog
	if v.highest, err = v.s.MaxPiece(); err != nil {
		return err
	}
	v.marks = marks{store: v.s, bits: make([]uint64, min(v.highest, sweepLimit)/64+1)}
	for _, part := range []func() error{v.salts, v.history, v.objects, v.pieces, v.files} {
		if err := errors.Join(part(), v.ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) salts() error {
	salts, err := v.s.Salts()
	for i, salt := range salts {
		switch {
		case salt.Value <= 0:
			v.problem("the salt from version %d on is %d", salt.From, salt.Value)
		case i == 0 && salt.From != 1, i > 0 && salt.From <= salts[i-1].From, salt.From > v.version:
			v.problem("a salt begins with version %d, out of place", salt.From)
		}
	}
	if v.version > 0 && len(salts) == 0 {
		v.problem("there are no salts")
	}
	return err
}

func (v *verification) history() error {
	last := v.floor
	return v.s.Entries(0, v.version, true, func(e *store.Entry) (bool, error) {
		c, err := changeset.Decode(e.Changeset)
		switch {
		case err != nil:
			v.problem("the changeset of version %d can't be read: %v", e.Version, err)
		case flagsOf(c) != e.Flags:
			v.problem("version %d has the flags %d, but its changeset is one of %d", e.Version, e.Flags, flagsOf(c))
		}
		if e.Version <= v.floor {
			return true, v.ctx.Err()
		}
		if e.Version != last+1 {
			v.problem("the versions %d to %d are missing", last+1, e.Version-1)
		}
		last = e.Version
		if err := eachImage(e.Images, func(m *storedImage) error { return v.image(e.Version, m) }); err != nil {
			v.problem("the images of version %d can't be read: %v", e.Version, err)
		}
		return true, v.ctx.Err()
	})
}

// canonical is a document of a live class as it would be written now.
func (v *verification) canonical(ref store.ObjectRef, doc []byte) (out link, err error) {
	if doc == nil {
		return out, nil
	}
	row, err := decodeStored(v.catalog, v.catalog.ClassByID(ref.Class), ref.Key, doc)
	if err != nil {
		return out, err
	}
	return link{exists: true, doc: sha256.Sum256((&encoder{}).document(nil, row))}, nil
}

func (v *verification) image(version uint64, m *storedImage) error {
	if c := v.catalog.ClassByID(m.ref.Class); c == nil || c.Kind == schema.Asymmetric {
		return nil // nothing is kept of asymmetric objects, so each time is the first
	}
	for _, doc := range [][]byte{m.before, m.after} {
		if err := v.marks.document(doc); err != nil {
			return err
		}
	}
	before, err := v.canonical(m.ref, m.before)
	if err != nil {
		return err
	}
	after, err := v.canonical(m.ref, m.after)
	if err != nil {
		return err
	}
	if was, known := v.chains[m.ref]; known {
		switch {
		case was.version != m.previous:
			v.problem("version %d says that %s was touched by version %d before, but it was by %d", version, v.name(m.ref), m.previous, was.version)
		case was.exists != before.exists, was.doc != before.doc:
			v.problem("%s is not as version %d left it when version %d touches it", v.name(m.ref), was.version, version)
		}
	} else if m.previous > v.floor {
		v.problem("version %d says that %s was touched by version %d before, which doesn't say so", version, v.name(m.ref), m.previous)
	}
	after.version = version
	v.chains[m.ref] = after
	return nil
}

func (v *verification) name(ref store.ObjectRef) string {
	class := fmt.Sprintf("class number %d", ref.Class)
	if c := v.catalog.ClassByID(ref.Class); c != nil {
		class = "class " + c.Name
	}
	if key, err := DecodeKey(ref.Key); err == nil {
		return fmt.Sprintf("object %s of %s", key, class)
	}
	return fmt.Sprintf("object %x of %s", ref.Key, class)
}

// objects compares the newest records with the ends of the chains.
func (v *verification) objects() error {
	for _, class := range v.catalog.byID {
		var previous []byte
		if err := v.s.Scan(class.ID, func(key, doc []byte) (bool, error) {
			ref := store.ObjectRef{Class: class.ID, Key: string(key)}
			if previous != nil && bytes.Compare(previous, key) >= 0 {
				v.problem("%s is out of order", v.name(ref))
			}
			previous = append(previous[:0], key...)
			at, err := v.canonical(ref, doc)
			if err == nil {
				err = v.marks.document(doc)
			}
			if err != nil {
				v.problem("%s can't be read: %v", v.name(ref), err)
				return true, v.ctx.Err()
			}
			if end, known := v.chains[ref]; known && (!end.exists || end.doc != at.doc) {
				v.problem("%s is not what version %d has left", v.name(ref), end.version)
			}
			return true, v.ctx.Err()
		}); err != nil {
			return err
		}
	}
	refs := make([]store.ObjectRef, 0, len(v.chains))
	for ref := range v.chains {
		refs = append(refs, ref)
	}
	found := map[store.ObjectRef]bool{}
	err := v.s.Objects(refs, func(o store.Object) error {
		found[o.ObjectRef] = true
		if end := v.chains[o.ObjectRef]; o.Version != end.version || (o.Doc != nil) != end.exists {
			v.problem("the record of %s says that version %d touched it last, but version %d did", v.name(o.ObjectRef), o.Version, end.version)
		}
		return nil
	})
	for _, ref := range refs {
		if !found[ref] && (v.chains[ref].exists || v.chains[ref].version > v.floor) {
			v.problem("there is no record of %s, which version %d has touched", v.name(ref), v.chains[ref].version)
		}
	}
	return err
}

func (v *verification) pieces() error {
	if v.highest > sweepLimit {
		return nil
	}
	if err := v.marks.drain(true); err != nil {
		v.problem("%v", err)
	}
	return nil
}

func (v *verification) files() error {
	for above := uint64(0); ; {
		files, err := v.s.Files(above, filesAtOnce)
		if err != nil || len(files) == 0 {
			return err
		}
		for i := range files {
			above = files[i].Ident
			if err := errors.Join(v.file(&files[i]), v.ctx.Err()); err != nil {
				return err
			}
		}
	}
}

func (v *verification) file(f *store.File) error {
	if f.Ident < FirstFile || f.Salt < 0 || f.Salt == 0 && f.LastSeen != 0 { // 0 and 0: it was forgotten (Forget)
		v.problem("client file %d has the salt %d", f.Ident, f.Salt)
	}
	if f.BaseVersion > v.version || f.Locked > v.version {
		v.problem("client file %d has integrated version %d, but the newest is %d", f.Ident, max(f.BaseVersion, f.Locked), v.version)
	}
	needed, err := need(v.s, f)
	if err != nil {
		return err
	}
	if needed < v.floor {
		v.problem("client file %d needs the history after version %d, but it is given up to %d", f.Ident, needed, v.floor)
	}
	own, err := v.s.OwnVersions(f.Ident, 0)
	if err != nil {
		return err
	}
	last := uint64(0)
	for _, o := range own {
		if o.ClientVersion <= last || o.ClientVersion > f.ClientVersion {
			v.problem("version %d is version %d of client file %d, which is out of order", o.Version, o.ClientVersion, f.Ident)
		}
		last = o.ClientVersion
	}
	views, err := v.s.Views(f.Ident)
	for _, w := range views {
		if w.First > w.Snapshot || w.Snapshot > v.version || w.First == 0 {
			v.problem("client file %d was sent the bootstrap of query %d at version %d, first at %d", f.Ident, w.QueryVersion, w.Snapshot, w.First)
		}
	}
	if err != nil {
		return err
	}
	resets, err := v.s.Resets(f.Ident, 0)
	for _, r := range resets {
		if r.Version > v.version {
			v.problem("client file %d is to be set back at version %d, but the newest is %d", f.Ident, r.Version, v.version)
		}
	}
	return err
}
