package history

import (
	"context"
	"errors"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/value"
	"realmsync/server/store"
)

// Writing is the newest state, as a program on the server sees it that is about to write (Engine.Write). It is the writer's: nothing else
// changes the state meanwhile. It must not be kept.
type Writing struct {
	// Corrupts, if the program sets it, tells of each object that the changeset has changed whether it holds what queries read as a point, and
	// that is none (Permission.Corrupts). The changeset is refused then.
	Corrupts func(*Row) (bool, error)

	group *group
}

// Catalog returns the schema.
func (w *Writing) Catalog() *Catalog { return w.group.state.catalog }

// Row returns an object, nil if there is none, or no such class.
func (w *Writing) Row(class string, key value.Key) (*Row, error) {
	if w.group.state.catalog.Class(class) == nil {
		return nil, nil
	}
	s, err := w.group.state.slot(class, key)
	if err != nil {
		return nil, err
	}
	return s.row, nil
}

// Since calls f for the objects that the versions after one, which is durable, name in their instructions; some several times, and some that are gone. ok is
// false if the history of those versions has been given up meanwhile (Trim).
func (w *Writing) Since(version uint64, f func(class string, key value.Key)) (ok bool, err error) {
	g := w.group
	none := func(store.ObjectRef) bool { return false }
	for version++; version <= g.version; version++ {
		if version <= g.engine.floor.Load() && g.engine.remembered(version) == nil {
			return false, nil
		}
		e, err := g.entry(version, none)
		if err != nil {
			return false, err
		}
		for i := range e.Changeset.Instructions {
			if ins := &e.Changeset.Instructions[i]; !ins.IsSchema() {
				f(ins.Table, ins.Key)
			}
		}
	}
	return true, nil
}

// Write makes a version of the server itself: a changeset that f composes from the newest state. It reaches devices like those of other devices,
// and is merged with by the uploads that don't know of it yet. When Write returns, it is durable.
//
// f is called once by the writer's goroutine, which does nothing else meanwhile: it must be quick and must not call the engine. If it fails, or
// gives nothing, nothing happens; version is 0 then. After an end of the context it may still be called. A changeset that doesn't fit the state
// is refused whole, with an *Error.
func (e *Engine) Write(ctx context.Context, f func(*Writing) (*changeset.Changeset, error)) (version uint64, err error) {
	return do(ctx, e, false, func(g *group) (uint64, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		w := &Writing{group: g}
		c, err := f(w)
		if err != nil || c == nil || c.Empty() {
			return 0, err
		}
		return g.program(c, w.Corrupts, !g.engine.cfg.FixedSchema)
	})
}

// program integrates a changeset of the server's own, or changes nothing. reshape says that it may change the schema.
func (g *group) program(c *changeset.Changeset, corrupts func(*Row) (bool, error), reshape bool) (version uint64, err error) {
	g.state.mark()
	done := false
	defer func() {
		if !done {
			g.state.undo()
		}
	}()
	version = g.version + 1
	g.state.begin(version)
	catalog := g.state.catalog
	if err := changeset.CheckText(c); err != nil {
		return 0, blame(BadChangeset, err, "the changeset of a program can't be applied")
	}
	merged := &merge.Entry{Changeset: c, Version: version, Timestamp: g.engine.now(), FileIdent: Server}
	if err := g.engine.cfg.Rules.ApplyForAll(g.state, merged); err != nil {
		if errors.Is(err, changeset.ErrBadChangeset) || errors.Is(err, changeset.ErrUnsupported) {
			return 0, blame(BadChangeset, err, "the changeset of a program can't be applied")
		}
		return 0, err
	}
	if g.state.catalog != catalog && !reshape {
		return 0, refuse(InvalidSchemaChange, "the schema is fixed on this server; it has to be started without --fixed-schema to change it")
	}
	for i := range c.Instructions {
		ins := &c.Instructions[i]
		if ins.IsSchema() || g.state.catalog.Class(ins.Table) == nil {
			continue
		}
		s, err := g.state.slot(ins.Table, ins.Key)
		if err != nil {
			return 0, err
		}
		g.state.touch(s)
	}
	for _, s := range g.state.touched {
		if s.row == nil || s.row == s.before {
			continue
		}
		if limit := g.engine.cfg.MaxDocument; limit > 0 {
			n, err := s.row.Bytes()
			if err != nil {
				return 0, err
			}
			if n > limit {
				return 0, refuse(BadChangeset, "object %s of class %q would have about %d bytes, more than the %d that are accepted", s.key, s.class, n, limit)
			}
		}
		if corrupts == nil {
			continue
		}
		if bad, err := corrupts(s.row); err != nil {
			return 0, err
		} else if bad {
			return 0, refuse(BadChangeset, "%s", corruptPoint(s.class, s.key))
		}
	}
	e := &Entry{Version: version, Origin: Server, Timestamp: merged.Timestamp, Changeset: c, Images: g.state.finish(), Catalog: g.state.catalog, flags: flagsOf(c)}
	if e.Bytes, err = changeset.Encode(c); err != nil {
		return 0, blame(BadChangeset, err, "the changeset of a program can't be written")
	}
	e.enlarge(g.engine.cfg.LargeVersion)
	e.measure()
	g.version = version
	g.entries = append(g.entries, e)
	done = true
	return version, nil
}

// Embedded returns the embedded object in the property with that index in class, which is the row's class at this or another time; nil if there
// is none. Its key is null.
func (r *Row) Embedded(class *Class, property int) *Row {
	if c := r.container(class, property); c != nil && c.kind == value.KindObject {
		return c.object
	}
	return nil
}

// Embedded returns the embedded object at an index, nil if there is something else.
func (in Inside) Embedded(i int) (*Row, error) {
	e, err := in.c.at(i)
	if err != nil || e.inner == nil || e.inner.kind != value.KindObject {
		return nil, err
	}
	return e.inner.object, nil
}

// RowsAfter calls f for the objects of the class behind an encoded key (EncodeKey), ordered by key, until it returns false. The snapshot is one of
// the newest version.
func (s *Snapshot) RowsAfter(class *Class, after string, f func(*Row) (bool, error)) error {
	if s.older != nil {
		return errors.New("history: a snapshot of an older version is read from its beginning")
	}
	return s.ScanAfter(class.ID, after, func(key, doc []byte) (bool, error) {
		row, err := decodeStored(s.stored, class, string(key), doc)
		if err != nil {
			return false, err
		}
		return f(row)
	})
}
