package history

import (
	"cmp"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/server/store"
)

// verdict is what becomes of the writes of one changeset to one object, judged before they are merged.
type verdict uint8

const (
	accept  verdict = iota
	discard         // the client could not know the object as it is: its writes are dropped and it is set back, silently
	refused         // the object is outside of the client's view: the same, and the user is told (231)
	follow          // accepted, though the client itself has moved the object out of its view: it is set back afterwards
)

// judgeBefore drops the writes that are not accepted, before they are merged (see DESIGN.md).
func (in *integration) judgeBefore() error {
	w := in.group.state
	void := map[*slot]verdict{} // what becomes of later writes to an object whose earlier ones were dropped
	for i := range in.changesets {
		u := &in.changesets[i]
		version := in.group.version + uint64(i) + 1
		var dropped map[*slot]bool
		var last *slot
		for k := range u.Changeset.Instructions {
			ins := &u.Changeset.Instructions[k]
			if ins.IsSchema() {
				continue
			}
			s := w.named(ins.Table, ins.Key)
			if s == nil || s == last {
				continue
			}
			last = s
			if dropped[s] {
				continue
			}
			v, known := void[s]
			if !known {
				var err error
				if v, err = in.judge(s, u.ServerVersion); err != nil {
					return err
				}
			}
			switch v {
			case accept:
				continue
			case follow:
				about := in.about(s)
				about.left = true
				if about.after == 0 {
					about.after = about.resetAfter(u.ServerVersion)
				}
				continue
			case refused:
				in.reset(s, u, version, in.refusal(s))
			case discard:
				in.reset(s, u, version, "")
			}
			if dropped == nil {
				dropped = map[*slot]bool{}
			}
			dropped[s], void[s] = true, v
		}
		if in.drop(u.Changeset, dropped) {
			u.modified = true
		}
	}
	return nil
}

// resetAfter returns the oldest reset that a client which has integrated the versions up to base does not know of, 0 if there is none.
func (about *subject) resetAfter(base uint64) uint64 {
	for i := range about.resets {
		if v := about.resets[i].Version; v > base {
			return v
		}
	}
	return 0
}

// reset notes that the file must be told what the object is, at a version of its own.
func (in *integration) reset(s *slot, u *Uploaded, version uint64, reason string) {
	about := in.about(s)
	r := store.Reset{
		File: in.file.Ident, Version: version, Object: s.ref, After: cmp.Or(about.resetAfter(u.ServerVersion), about.first), ClientVersion: u.ClientVersion, Reason: reason,
	}
	if about.first == 0 || version < about.first {
		about.first = version
	}
	in.group.extra.Resets = append(in.group.extra.Resets, r)
	in.file.resets = append(in.file.resets, r)
	in.upload.result.Resets = append(in.upload.result.Resets, r)
}

// judge decides on the writes to an object by a client that had integrated the server versions up to base.
func (in *integration) judge(s *slot, base uint64) (v verdict, err error) {
	if s.judgeAt == base+1 {
		return s.judged, nil
	}
	if class := in.group.state.catalog.ClassByID(s.ref.Class); class.Kind == schema.Asymmetric {
		return accept, nil
	}
	inside := false
	if s.row != nil {
		if inside, err = sees(in.view(), s.class, s.row); err != nil {
			return accept, err
		}
	}
	unknown, left, err := in.unknown(s, base)
	switch {
	case err != nil:
		return accept, err
	case s.row != nil && !inside && (!left || unknown):
		v = refused
	case unknown:
		v = discard
	case left:
		v = follow
	}
	s.judged, s.judgeAt = v, base+1
	return v, nil
}

// unknown tells whether, after base, something happened to the object that the client is told otherwise than by the
// instructions themselves; and, apart from that, whether the client itself moved it out of its view.
//
// Bootstraps after base are on their way. If the connection is lost they never happened, and the client goes on with the view that
// it has: until the next one (Epoch.First) it is sent every version as that view shows it. So whatever the last bootstrap is that
// reaches it, the object must be known: else an instruction may come to a client that hasn't the object.
func (in *integration) unknown(s *slot, base uint64) (unknown, left bool, err error) {
	epochs := in.upload.Epochs
	for len(epochs) > 1 && epochs[1].Snapshot <= base {
		epochs = epochs[1:]
	}
	unknown = in.known(s).forgotten && base < in.group.engine.floor.Load()
	for last := len(epochs); last > 0 && !unknown; last-- {
		if unknown, err = in.unfaithful(s, base, epochs[:last]); err != nil {
			return false, false, err
		}
	}
	about := in.known(s)
	for i := range about.resets {
		if r := &about.resets[i]; r.Version > base {
			// Set back at a version that touched the object: the writes stood, and moved it out of the view.
			own := slices.ContainsFunc(about.history, func(e *event) bool { return e.own && e.version == r.Version })
			// But if the client has been set back since it made them, it hasn't them any more.
			unknown = unknown || !own || r.After != 0 && r.After <= base
			left = left || own
		}
	}
	unknown = unknown || about.after != 0 && about.after <= base
	return unknown, left, nil
}

// unfaithful tells whether a client that is sent what happened to the object after base according to the views is told something
// else than the instructions. The first view is that in force at base.
func (in *integration) unfaithful(s *slot, base uint64, epochs []Epoch) (bool, error) {
	for _, e := range in.known(s).history {
		if e.version <= base {
			continue
		}
		for len(epochs) > 1 && epochs[1].Snapshot < e.version {
			if anew, err := in.leftover(s, epochs[1], e.image.Before); anew || err != nil {
				return anew, err
			}
			if differ, err := differ(epochs[0].View, epochs[1].View, e.image.Before); differ || err != nil {
				return differ, err
			}
			epochs = epochs[1:]
		}
		if e.own {
			continue
		}
		if c, err := change(epochs[0].View, e.image); err != nil || !c.Faithful() {
			return true, err
		}
	}
	for ; len(epochs) > 1; epochs = epochs[1:] {
		if anew, err := in.leftover(s, epochs[1], s.row); anew || err != nil {
			return anew, err
		}
		if differ, err := differ(epochs[0].View, epochs[1].View, s.row); differ || err != nil {
			return differ, err
		}
	}
	return false, nil
}

// leftover tells whether the client may have the object from an attempt at a bootstrap that was broken off as the bootstrap itself doesn't show it: it was
// touched since, or shown otherwise. row is what it was at the bootstrap.
func (in *integration) leftover(s *slot, e Epoch, row *Row) (bool, error) {
	if e.First != 0 && slices.ContainsFunc(in.known(s).history, func(x *event) bool { return x.version > e.First && x.version <= e.Snapshot }) {
		return true, nil
	}
	for _, broken := range e.Broken {
		if differ, err := differ(broken, e.View, row); differ || err != nil {
			return differ, err
		}
	}
	return false, nil
}

// differ tells whether an object comes or goes with the bootstrap from one view to the next.
func differ(from, to Viewer, row *Row) (bool, error) {
	if row == nil {
		return false, nil
	}
	before, err := sees(from, row.Class.Name, row)
	if err != nil {
		return false, err
	}
	after, err := sees(to, row.Class.Name, row)
	return before != after || after && !SameFields(from, to, row.Class.Name), err
}

// refusal says why an object that the client doesn't see is not written.
func (in *integration) refusal(s *slot) string {
	if p := in.upload.Permission; p != nil && s.row != nil {
		if ok, err := p.Writes(s.row); err == nil && !ok {
			return notAllowed(s.class, s.key)
		}
	}
	return outOfView(s.class, s.key)
}

// judgeAfter looks at what a changeset has made of the objects. It returns those that are set back to what they were: because the change is not
// permitted, or because they were made outside of the view.
func (in *integration) judgeAfter(u *Uploaded, c *changeset.Changeset, version uint64) (back map[*slot]bool, err error) {
	g := in.group
	var of map[*slot]*deeds
	if in.confined() {
		of = in.deeds(c)
	}
	takeBack := func(s *slot) {
		if back == nil {
			back = map[*slot]bool{}
		}
		back[s] = true
	}
	for _, s := range g.state.touched {
		class := g.state.catalog.ClassByID(s.ref.Class)
		if class == nil {
			continue
		}
		why, err := in.forbid(s, of)
		if err != nil {
			return nil, err
		}
		if class.Kind == schema.Asymmetric {
			if why != "" {
				in.deny(s, u, why)
				takeBack(s)
				continue
			}
			s.row, s.passing = nil, true // taken in, never kept (spec/sync-semantics.md section 8)
			continue
		}
		if why != "" {
			takeBack(s)
			about := in.about(s)
			about.rejected, about.reason, in.rejecting = true, why, true
			in.reset(s, u, version, why)
			continue
		}
		inside := false
		if s.row != nil {
			if inside, err = sees(in.view(), s.class, s.row); err != nil {
				return nil, err
			}
		}
		left := in.known(s).left
		switch {
		case s.row != nil && !inside && s.before == nil && !left:
			takeBack(s)
			about := in.about(s)
			about.rejected, about.reason, in.rejecting = true, outOfView(s.class, s.key), true
			in.reset(s, u, version, about.reason)
		case left, s.row != nil && !inside:
			in.about(s).left = true
			in.reset(s, u, version, "")
		}
	}
	g.state.revert(back)
	return back, nil
}

func sees(view Viewer, class string, row *Row) (bool, error) {
	if !view.Subscribed(class) {
		return false, nil
	}
	return view.Sees(row)
}
