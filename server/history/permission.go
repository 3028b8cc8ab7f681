package history

import (
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/server/store"
)

// Permission tells what the user of a client file may change (spec/app-services.md section 12.3). Filters hold before and after a change. What
// is not permitted is not done: the object stays as it is, and the client is set back to it with a reason for the user. It must allow nothing that
// the view in force doesn't show, except for the query: what may be written may be read.
//
// Its methods are called by the writer and must not block.
type Permission interface {
	// Confines tells whether anything is not permitted with objects of the class.
	Confines(class *Class) bool
	// Inserts tells whether the object may be made as it is.
	Inserts(row *Row) (bool, error)
	// Writes tells whether an object in this state may be changed, to another state for which this holds too.
	Writes(row *Row) (bool, error)
	// WritesField tells whether a property of objects that may be changed may be.
	WritesField(class *Class, property string) bool
	// Deletes tells whether the object may be ended.
	Deletes(row *Row) (bool, error)
	// Corrupts tells whether the object has something that queries read as a point, and that is none.
	Corrupts(row *Row) (bool, error)
}

// Denied is a write to an asymmetric object that was not permitted: nothing was kept of it, and there is nothing to set back (spec/sync-semantics.md
// section 8).
type Denied struct {
	ClientVersion uint64
	Object        store.ObjectRef
	Class         string
	Reason        string
}

// deeds is what a changeset does to one object.
type deeds struct {
	erases bool
	writes bool
	fields []string // whose values it changes, each at least once
}

// confined tells whether the changeset at work touched an object with which not everything is permitted.
func (in *integration) confined() bool {
	p := in.upload.Permission
	if p == nil {
		return false
	}
	var last *Class
	for _, s := range in.group.state.touched {
		class := in.group.state.catalog.ClassByID(s.ref.Class)
		if class == nil || class == last {
			continue
		}
		if p.Confines(class) {
			return true
		}
		last = class
	}
	return false
}

// deeds lists what a changeset does to the objects that it names.
func (in *integration) deeds(c *changeset.Changeset) map[*slot]*deeds {
	out := map[*slot]*deeds{}
	for k := range c.Instructions {
		ins := &c.Instructions[k]
		if ins.IsSchema() {
			continue
		}
		s := in.group.state.named(ins.Table, ins.Key)
		if s == nil {
			continue
		}
		d := out[s]
		if d == nil {
			d = &deeds{}
			out[s] = d
		}
		switch ins.Op {
		case changeset.CreateObject:
		case changeset.EraseObject:
			d.erases = true
		default:
			d.writes = true
			if n := len(d.fields); n == 0 || d.fields[n-1] != ins.Field {
				d.fields = append(d.fields, ins.Field)
			}
		}
	}
	return out
}

// permitted tells whether what the changeset at work has made of an object is permitted.
func (in *integration) permitted(s *slot, d *deeds) (bool, error) {
	p := in.upload.Permission
	if d == nil || !p.Confines(in.group.state.catalog.ClassByID(s.ref.Class)) {
		return true, nil // not named: it went with its class
	}
	if s.before == nil {
		if s.row == nil {
			return true, nil // nothing came of it
		}
		return p.Inserts(s.row)
	}
	if d.erases {
		if ok, err := p.Deletes(s.before); !ok || err != nil {
			return false, err
		}
		if s.row == nil {
			return true, nil
		}
		return p.Inserts(s.row) // it was made anew
	}
	if !d.writes {
		return true, nil
	}
	for _, row := range [2]*Row{s.before, s.row} {
		if ok, err := p.Writes(row); !ok || err != nil {
			return false, err
		}
	}
	for _, name := range d.fields {
		if !p.WritesField(s.row.Class, name) {
			return false, nil
		}
	}
	return true, nil
}

// forbid says why the state that the changeset at work has given an object is taken back, "" if it isn't.
func (in *integration) forbid(s *slot, of map[*slot]*deeds) (reason string, err error) {
	if of != nil {
		if ok, err := in.permitted(s, of[s]); err != nil {
			return "", err
		} else if !ok {
			return notAllowed(s.class, s.key), nil
		}
		if s.row != nil && s.row != s.before {
			if corrupt, err := in.upload.Permission.Corrupts(s.row); err != nil {
				return "", err
			} else if corrupt {
				return corruptPoint(s.class, s.key), nil
			}
		}
	}
	if limit := in.group.engine.cfg.MaxDocument; s.row != nil && limit > 0 && s.row != s.before {
		n, err := s.row.Bytes()
		if err != nil {
			return "", err
		}
		if n > limit {
			return fmt.Sprintf("%s; the object has about %d bytes, more than the %d that are accepted", notAllowed(s.class, s.key), n, limit), nil
		}
	}
	return "", nil
}

// deny notes that an asymmetric object is not taken in.
func (in *integration) deny(s *slot, u *Uploaded, reason string) {
	in.upload.result.Denied = append(in.upload.result.Denied, Denied{ClientVersion: u.ClientVersion, Object: s.ref, Class: s.class, Reason: reason})
}

// notAllowed is the text for a write that is not permitted (spec/app-services.md section 12.5).
func notAllowed(class string, key value.Key) string { return writeTo(class, key) + " not allowed" }

// writeTo begins the texts for writes.
func writeTo(class string, key value.Key) string {
	text := key.String()
	switch key.Kind() {
	case value.KindObjectID:
		text = fmt.Sprintf("ObjectID(%q)", key.ObjectID())
	case value.KindUUID:
		text = fmt.Sprintf("UUID(%s)", key.UUID())
	}
	return fmt.Sprintf("write to %s in table %q", text, class)
}

// corruptPoint is the text for a write that makes a point of something that is none.
func corruptPoint(class string, key value.Key) string {
	return writeTo(class, key) + " will corrupt geojson data"
}

// outOfView is the text for an object that the client may not write because it doesn't see it (spec/sync-semantics.md section 5.2).
func outOfView(class string, key value.Key) string {
	return notAllowed(class, key) + "; object is outside of the current query view"
}
