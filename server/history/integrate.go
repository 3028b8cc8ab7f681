package history

import (
	"errors"
	"fmt"
	"slices"

	"realmsync/core/changeset"
	"realmsync/server/store"
)

// integration is the work on the new changesets of one upload.
type integration struct {
	group      *group
	upload     *Upload
	file       *fileState
	changesets []Uploaded

	window      []*Entry                     // what they must be merged with, ascending
	history     map[store.ObjectRef][]*event // what happened to the objects after the oldest base, and before it as far as needed, ascending
	reciprocals map[uint64]reciprocal        // what merging has made of the window, as far as it changed it

	resets   map[store.ObjectRef][]uint64 // versions after the oldest base at which the file was or will be set back, ascending
	rejected map[store.ObjectRef]bool     // created outside of the view by this upload: what follows on them is void
	left     map[store.ObjectRef]bool     // moved out of the view by the file itself
}

// event is one version that touched an object.
type event struct {
	version uint64
	own     bool
	image   *Image
}

// view returns the view in force.
func (in *integration) view() Viewer { return in.upload.Epochs[len(in.upload.Epochs)-1].View }

// base returns the oldest base. Bases don't decrease.
func (in *integration) base() uint64 { return in.changesets[0].ServerVersion }

func (in *integration) run() error {
	in.history = map[store.ObjectRef][]*event{}
	in.rejected = map[store.ObjectRef]bool{}
	in.left = map[store.ObjectRef]bool{}
	refs := in.refs()
	if err := in.group.state.load(refs); err != nil {
		return err
	}
	if err := in.readResets(); err != nil {
		return err
	}
	if err := in.readHistory(refs); err != nil {
		return err
	}
	if err := in.judgeBefore(); err != nil {
		return err
	}
	return in.merge(in.append)
}

// refs lists the objects that the upload touches, as far as their classes exist already.
func (in *integration) refs() []store.ObjectRef {
	var out []store.ObjectRef
	seen := map[store.ObjectRef]bool{}
	var last *changeset.Instruction
	for i := range in.changesets {
		instructions := in.changesets[i].Changeset.Instructions
		for k := range instructions {
			ins := &instructions[k]
			if ins.IsSchema() || last != nil && ins.Key == last.Key && ins.Table == last.Table {
				continue
			}
			last = ins
			if ref, ok := in.group.state.ref(ins.Table, ins.Key); ok && !seen[ref] {
				seen[ref] = true
				out = append(out, ref)
			}
		}
	}
	return out
}

// readResets finds where the file was set back after the oldest base.
func (in *integration) readResets() error {
	stored, err := in.group.tx.Resets(in.file.Ident, in.base())
	if err != nil {
		return err
	}
	for _, r := range append(stored, in.group.extra.Resets...) {
		if r.File == in.file.Ident && r.Version > in.base() {
			if in.resets == nil {
				in.resets = map[store.ObjectRef][]uint64{}
			}
			in.resets[r.Object] = append(in.resets[r.Object], r.Version)
		}
	}
	return nil
}

// readHistory collects the window. Only versions that share an object with the upload matter, and those that change the
// schema: no rule of merging relates two objects (spec/merge.md section 2.4). An upload that erases classes or properties
// meets everything.
func (in *integration) readHistory(refs []store.ObjectRef) error {
	g := in.group
	if in.base() >= g.version {
		return nil
	}
	since := in.base()
	for _, e := range in.upload.Epochs {
		if e.First != 0 && e.Snapshot > in.base() {
			since = min(since, e.First)
		}
	}
	versions := map[uint64]bool{}
	wanted := make(map[store.ObjectRef]bool, len(refs))
	for _, ref := range refs {
		wanted[ref] = true
	}
	want := func(ref store.ObjectRef) bool { return wanted[ref] }
	entries := map[uint64]*Entry{}
	for _, ref := range refs {
		for v := g.state.slots[ref].version; v > since; {
			e := entries[v]
			if e == nil {
				var err error
				if e, err = g.entry(v, want); err != nil {
					return fmt.Errorf("history: following the versions of an object of class %d: %w", ref.Class, err)
				}
				entries[v] = e
			}
			image := e.image(ref)
			if image == nil {
				return damagedChain(v)
			}
			in.history[ref] = append(in.history[ref], &event{v, e.Origin == in.file.Ident, image})
			if v > in.base() {
				versions[v] = true
			}
			v = image.Previous
		}
		slices.Reverse(in.history[ref])
	}
	schema, err := in.schemaVersions()
	if err != nil {
		return err
	}
	for _, v := range schema {
		versions[v] = true
	}
	for v := range versions {
		e := entries[v]
		if e == nil {
			if e, err = g.entry(v, want); err != nil {
				return err
			}
		}
		if e.Origin != in.file.Ident && len(e.Bytes) > 0 {
			in.window = append(in.window, e)
		}
	}
	slices.SortFunc(in.window, func(a, b *Entry) int {
		if a.Version < b.Version {
			return -1
		}
		return 1
	})
	return nil
}

// schemaVersions lists the versions after the oldest base that the upload must be merged with for other reasons than the
// objects.
func (in *integration) schemaVersions() ([]uint64, error) {
	g := in.group
	all := false
	for i := range in.changesets {
		all = all || flagsOf(in.changesets[i].Changeset)&flagErase != 0
	}
	durable := g.engine.version.Load()
	var out []uint64
	var err error
	switch {
	case all:
		for v := in.base() + 1; v <= g.version; v++ {
			out = append(out, v)
		}
		return out, nil
	case in.base() < durable:
		if g.engine.recent.get(in.base()+1) == nil {
			if out, err = g.tx.FlaggedVersions(in.base(), durable, flagSchema|flagErase); err != nil {
				return nil, err
			}
			break
		}
		for v := in.base() + 1; v <= durable; v++ {
			if g.engine.recent.get(v).flags != 0 {
				out = append(out, v)
			}
		}
	}
	for _, e := range g.entries {
		if e.flags != 0 && e.Version > in.base() {
			out = append(out, e.Version)
		}
	}
	return out, nil
}

// append applies one merged changeset and makes it a server version. modified tells that it is not what was uploaded.
func (in *integration) append(u *Uploaded, c *changeset.Changeset, modified bool) error {
	g := in.group
	version := g.version + 1
	if in.dropRejected(u, c, version) {
		modified = true
	}
	g.state.begin(version)
	catalog := g.state.catalog
	// The instructions of the changeset touch the objects even where they change nothing: a later upload merges with them.
	if err := changeset.Apply(g.state, c); err != nil {
		if errors.Is(err, changeset.ErrBadChangeset) || errors.Is(err, changeset.ErrUnsupported) {
			return blame(BadChangeset, err, "the changeset of client version %d can't be applied", u.ClientVersion)
		}
		return err
	}
	if g.state.catalog != catalog && g.engine.cfg.FixedSchema {
		return refuse(InvalidSchemaChange, "the changeset of client version %d changes the schema, which is fixed on this server; "+
			"turn development mode on, or change the schema on the server", u.ClientVersion)
	}
	if err := in.touchAll(c); err != nil {
		return err
	}
	back, err := in.judgeAfter(u, version)
	if err != nil {
		return err
	}
	if in.drop(c, back) {
		modified = true
	}
	e := &Entry{
		Version: version, Origin: in.file.Ident, ClientVersion: u.ClientVersion, Timestamp: u.Timestamp,
		Changeset: c, Images: g.state.finish(), Catalog: g.state.catalog, flags: flagsOf(c),
	}
	switch {
	case len(c.Instructions) == 0:
	case !modified && len(u.Data) > 0:
		e.Bytes = u.Data
	default:
		if e.Bytes, err = changeset.Encode(c); err != nil {
			return blame(BadChangeset, err, "the changeset of client version %d can't be written", u.ClientVersion)
		}
	}
	e.measure()
	g.version = version
	g.entries = append(g.entries, e)
	in.upload.result.Own = append(in.upload.result.Own, store.Own{Version: version, ClientVersion: u.ClientVersion})
	return nil
}

// touchAll counts every object that the changeset names as touched.
func (in *integration) touchAll(c *changeset.Changeset) error {
	for k := range c.Instructions {
		ins := &c.Instructions[k]
		if ins.IsSchema() || in.group.state.catalog.Class(ins.Table) == nil {
			continue
		}
		s, err := in.group.state.slot(ins.Table, ins.Key)
		if err != nil {
			return err
		}
		in.group.state.touch(s)
	}
	return nil
}

// dropRejected removes the instructions on objects that this upload has created outside of the view. Each version with such
// instructions sets the object back once more: the client may have ended it and made it anew in between, and then the first
// reset has not reached what it wrote since.
func (in *integration) dropRejected(u *Uploaded, c *changeset.Changeset, version uint64) bool {
	if len(in.rejected) == 0 {
		return false
	}
	told := map[store.ObjectRef]bool{}
	for k := range c.Instructions {
		ins := &c.Instructions[k]
		if ins.IsSchema() {
			continue
		}
		if ref, ok := in.group.state.ref(ins.Table, ins.Key); ok && in.rejected[ref] && !told[ref] {
			told[ref] = true
			in.reset(ref, u, version, reason(ins.Table, ins.Key))
		}
	}
	return in.drop(c, told)
}

// drop removes the instructions on the objects from a changeset.
func (in *integration) drop(c *changeset.Changeset, objects map[store.ObjectRef]bool) bool {
	if len(objects) == 0 {
		return false
	}
	kept := make([]changeset.Instruction, 0, len(c.Instructions))
	for k := range c.Instructions {
		ins := &c.Instructions[k]
		if !ins.IsSchema() {
			if ref, ok := in.group.state.ref(ins.Table, ins.Key); ok && objects[ref] {
				continue
			}
		}
		kept = append(kept, *ins)
	}
	dropped := len(kept) < len(c.Instructions)
	c.Instructions = kept
	return dropped
}

// image returns what the version did to an object.
func (e *Entry) image(ref store.ObjectRef) *Image {
	if len(e.Images) <= 8 {
		for i := range e.Images {
			if e.Images[i].Ref == ref {
				return &e.Images[i]
			}
		}
		return nil
	}
	e.lookup.Do(func() {
		e.byRef = make(map[store.ObjectRef]int, len(e.Images))
		for i := range e.Images {
			e.byRef[e.Images[i].Ref] = i
		}
	})
	if i, ok := e.byRef[ref]; ok {
		return &e.Images[i]
	}
	return nil
}
