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

// integration is the work on the new changesets of one upload.
type integration struct {
	group      *group
	upload     *Upload
	file       *fileState
	changesets []Uploaded

	window      []*Entry              // what they must be merged with, ascending
	reciprocals map[uint64]reciprocal // what merging has made of the window, as far as it changed it
	rejecting   bool                  // some subject is rejected
	since       uint64                // how far the history of objects goes back: at least to the oldest base
}

// subject is what there is to know about an object that an upload touches, if there is anything.
type subject struct {
	history   []*event      // what happened to the object after integration.since, ascending
	resets    []store.Reset // after the oldest base, ascending
	forgotten bool          // more happened to it after integration.since than history tells
	rejected  bool          // a write of this upload was taken back: what follows on it is void
	reason    string        // of that
	left      bool          // moved out of the view by the file itself
	first     uint64        // first reset that this upload leads to, 0: none
	after     uint64        // oldest reset that writes of this upload follow (see store.Reset.After), 0: none
}

// about returns the subject of an object, made on first use.
func (in *integration) about(s *slot) *subject {
	if s.upload != in.group.state.uploads {
		s.upload, s.about, s.judgeAt = in.group.state.uploads, nil, 0
	}
	if s.about == nil {
		s.about = &subject{}
	}
	return s.about
}

// known returns the subject of an object, an empty one if there is nothing to know. It is not for changing.
func (in *integration) known(s *slot) *subject {
	if s.upload != in.group.state.uploads || s.about == nil {
		return &unremarkable
	}
	return s.about
}

var unremarkable subject

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
	objects := in.objects()
	if err := in.group.state.load(objects); err != nil {
		return err
	}
	if err := in.readResets(); err != nil {
		return err
	}
	if err := in.readHistory(objects); err != nil {
		return err
	}
	if err := in.judgeBefore(); err != nil {
		return err
	}
	return in.merge(in.append)
}

// objects lists the objects that the upload touches, as far as their classes exist already.
func (in *integration) objects() []*slot {
	w := in.group.state
	var out []*slot
	var last *changeset.Instruction
	for i := range in.changesets {
		instructions := in.changesets[i].Changeset.Instructions
		for k := range instructions {
			ins := &instructions[k]
			if ins.IsSchema() || last != nil && ins.Key == last.Key && ins.Table == last.Table {
				continue
			}
			last = ins
			if s := w.named(ins.Table, ins.Key); s != nil && s.upload != w.uploads {
				s.upload, s.about, s.judgeAt = w.uploads, nil, 0
				out = append(out, s)
			}
		}
	}
	return out
}

// readResets finds where the file was set back after the oldest base.
func (in *integration) readResets() error {
	for _, r := range in.file.resets {
		if r.Version <= in.base() {
			continue
		}
		key, err := DecodeKey(r.Object.Key)
		if err != nil {
			return err
		}
		if s := in.group.state.slots[place{r.Object.Class, key}]; s != nil {
			about := in.about(s)
			about.resets = append(about.resets, r)
		}
	}
	return nil
}

// readHistory collects the window. Only versions that share an object with the upload matter, and those that change the
// schema: no rule of merging relates two objects (spec/merge.md section 2.4). An upload that erases classes or properties
// meets everything.
func (in *integration) readHistory(objects []*slot) error {
	g := in.group
	if in.base() >= g.version {
		return nil
	}
	in.since = in.base()
	for _, e := range in.upload.Epochs {
		if e.First != 0 && e.Snapshot > in.base() {
			in.since = min(in.since, e.First)
		}
	}
	var wanted map[store.ObjectRef]bool
	want := func(ref store.ObjectRef) bool {
		if wanted == nil {
			wanted = make(map[store.ObjectRef]bool, len(objects))
			for _, s := range objects {
				wanted[s.ref] = true
			}
		}
		return wanted[ref]
	}
	versions := map[uint64]bool{}
	entries := map[uint64]*Entry{}
	for _, s := range objects {
		if s.version <= in.since {
			continue
		}
		about := in.about(s)
		floor := g.engine.floor.Load()
		for v := s.version; v > in.since; {
			if v <= floor {
				// Only a file that had integrated nothing can be based on less than the floor, and what happened up to there is not
				// what it was told (trim.go): it is told the object as a whole.
				about.forgotten = true
				break
			}
			e := entries[v]
			if e == nil {
				var err error
				if e, err = g.entry(v, want); err != nil {
					return fmt.Errorf("history: following the versions of an object of class %q: %w", s.class, err)
				}
				entries[v] = e
			}
			image := e.image(s.ref)
			if image == nil {
				return damagedChain(v)
			}
			about.history = append(about.history, &event{v, e.Origin == in.file.Ident, image})
			if v > in.base() {
				versions[v] = true
			}
			v = image.Previous
		}
		slices.Reverse(about.history)
	}
	for _, v := range in.schemaVersions() {
		versions[v] = true
	}
	for v := range versions {
		e := entries[v]
		if e == nil {
			var err error
			if e, err = g.entry(v, want); err != nil {
				return err
			}
		}
		if e.Origin != in.file.Ident && len(e.Bytes) > 0 {
			in.window = append(in.window, e)
		}
	}
	slices.SortFunc(in.window, func(a, b *Entry) int { return cmp.Compare(a.Version, b.Version) })
	return nil
}

// schemaVersions lists the versions after the oldest base that the upload must be merged with for other reasons than the
// objects.
func (in *integration) schemaVersions() (out []uint64) {
	g := in.group
	base := max(in.base(), g.state.catalog.retyped)
	for i := range in.changesets {
		if flagsOf(in.changesets[i].Changeset)&flagErase != 0 {
			// Of what is given up only changes of the schema meet it: writes to what it erases are gone with that.
			floor := max(base, g.engine.floor.Load())
			for _, v := range g.engine.flagged {
				if v > base && v <= floor {
					out = append(out, v)
				}
			}
			for v := floor + 1; v <= g.version; v++ {
				out = append(out, v)
			}
			return out
		}
	}
	first, _ := slices.BinarySearch(g.engine.flagged, base+1)
	out = append(out, g.engine.flagged[first:]...)
	for _, e := range g.entries {
		if e.flags != 0 && e.Version > base {
			out = append(out, e.Version)
		}
	}
	return out
}

// append applies one merged changeset and makes it a server version. It is dirty when it is not what was uploaded.
func (in *integration) append(u *Uploaded, merged *merge.Entry) error {
	g := in.group
	version := g.version + 1
	modified := in.dropRejected(u, merged.Changeset, version)
	g.state.begin(version)
	catalog := g.state.catalog
	// The instructions of the changeset touch the objects even where they change nothing: a later upload merges with them.
	if err := g.engine.cfg.Rules.ApplyForAll(g.state, merged); err != nil {
		if errors.Is(err, changeset.ErrBadChangeset) || errors.Is(err, changeset.ErrUnsupported) {
			return in.badApply(u, merged.Changeset, err)
		}
		return err
	}
	c := merged.Changeset
	modified = modified || merged.Dirty
	if err := in.checkSchema(catalog, u, c); err != nil {
		return err
	}
	if err := in.touchAll(c); err != nil {
		return err
	}
	back, err := in.judgeAfter(u, c, version)
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
	e.enlarge(g.engine.cfg.LargeVersion)
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

// dropRejected removes the instructions on objects of which a write of this upload was taken back. Each version with such
// instructions sets the object back once more: the client may have ended it and made it anew in between, and then the first
// reset has not reached what it wrote since.
func (in *integration) dropRejected(u *Uploaded, c *changeset.Changeset, version uint64) bool {
	if !in.rejecting {
		return false
	}
	told := map[*slot]bool{}
	for k := range c.Instructions {
		ins := &c.Instructions[k]
		if ins.IsSchema() {
			continue
		}
		if s := in.group.state.named(ins.Table, ins.Key); s != nil && in.known(s).rejected && !told[s] {
			told[s] = true
			in.reset(s, u, version, in.known(s).reason)
		}
	}
	return in.drop(c, told)
}

// drop removes the instructions on the objects from a changeset.
func (in *integration) drop(c *changeset.Changeset, objects map[*slot]bool) bool {
	if len(objects) == 0 {
		return false
	}
	kept := make([]changeset.Instruction, 0, len(c.Instructions))
	for k := range c.Instructions {
		ins := &c.Instructions[k]
		if !ins.IsSchema() {
			if s := in.group.state.named(ins.Table, ins.Key); s != nil && objects[s] {
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
