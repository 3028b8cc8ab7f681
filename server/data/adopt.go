package data

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/server/history"
	"realmsync/server/mql"
)

// What programs have written to a collection of the synced database before there was a class of that name is in documents.db. When a device brings
// the class, the documents that fit it become its objects and so reach devices, as those of a synced collection did. The others stay where they
// are, and the log says how many.

// adoptBatch is how many documents move at once.
const adoptBatch = 500

// adopt moves the documents of a plain collection into the class of its name. It can be repeated: an object that is there is not made again.
func (d *Data) adopt(ctx context.Context, app string, to *synced) error {
	id := [2]string{app, to.class}
	d.mu.Lock()
	done := d.adopted[id]
	d.mu.Unlock()
	if done {
		return nil
	}
	file, release, err := d.documents(ctx, app, false)
	if err != nil {
		return err
	}
	defer release()
	left := 0
	if file != nil {
		p := &plain{name: to.name, first: true, file: file.File, now: d.cfg.Now}
		if left, err = p.moveTo(ctx, to); err != nil {
			return err
		}
	}
	if left > 0 {
		d.cfg.Logger.Warn("documents don't fit the class that devices have made of their collection, and stay out of it", "app", app, "class", to.class, "documents", left)
	}
	d.mu.Lock()
	d.adopted[id] = true
	d.mu.Unlock()
	return nil
}

// moving is the name, in documents.db, of the version that the app had before the documents of a collection began to move.
func moving(collection int64) string { return "moving " + strconv.FormatInt(collection, 10) }

// moveTo makes objects of the documents that fit, and then removes them. What comes between the two, such as kill -9 or a full disk, is known the next time: a
// document of which an object was made has moved, even if devices have removed the object since.
func (p *plain) moveTo(ctx context.Context, to *synced) (left int, err error) {
	id, err := p.id(ctx, reading{p.file})
	if err != nil || id == 0 {
		return 0, err
	}
	since, current := int64(0), int64(to.engine.Version())
	if err := p.file.Update(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "INSERT INTO progress (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value RETURNING value", moving(id), current).Scan(&since)
	}); err != nil {
		return 0, err
	}
	made, err := to.madeSince(ctx, uint64(since))
	if err != nil {
		return 0, err
	}
	if left, err = p.moveNew(ctx, to, made); err != nil {
		return left, err
	}
	return left, p.file.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM progress WHERE name = ?", moving(id))
		return err
	})
}

// madeSince returns the objects of the class that the server itself has made since a version, as far as that is still known.
func (s *synced) madeSince(ctx context.Context, version uint64) (made map[value.Key]bool, err error) {
	made = map[value.Key]bool{}
	return made, s.engine.Entries(ctx, max(version, s.engine.Floor()), s.engine.Version(), func(e *history.Entry) (bool, error) {
		if e.Origin != history.Server {
			return true, nil
		}
		for i := range e.Changeset.Instructions {
			if in := &e.Changeset.Instructions[i]; in.Op == changeset.CreateObject && in.Table == s.class {
				made[in.Key] = true
			}
		}
		return true, nil
	})
}

// moveNew moves the documents of which no object was made yet, and removes the others.
func (p *plain) moveNew(ctx context.Context, to *synced, made map[value.Key]bool) (left int, err error) {
	class := to.current()
	if class == nil {
		return 0, nil
	}
	after := ""
	for {
		var batch []bson.D
		err := p.scan(ctx, nil, after, func(d bson.D, place string) (bool, error) {
			batch, after = append(batch, d), place
			return len(batch) < adoptBatch, nil
		})
		if err != nil || len(batch) == 0 {
			return left, err
		}
		var moved []bson.D
		batch = slices.DeleteFunc(batch, func(d bson.D) bool {
			id, _ := mql.Get(d, class.PrimaryKey)
			key, ok := keyOf(&class.Class, id)
			if ok && made[key] {
				moved = append(moved, d)
			}
			return ok && made[key]
		})
		for len(batch) > 0 {
			n, fitting, err := moveSome(ctx, to, batch)
			if err != nil {
				return left, err
			}
			moved = append(moved, fitting...)
			left += n - len(fitting)
			batch = batch[n:]
		}
		if err := p.drop(ctx, moved); err != nil {
			return left, err
		}
	}
}

// moveSome makes objects of as many documents as fit into one version. n is how many it has looked at.
func moveSome(ctx context.Context, to *synced, docs []bson.D) (n int, fitting []bson.D, err error) {
	one := func(d bson.D) error {
		return to.write(ctx, func(w writer) error {
			_, _, err := w.insert(d)
			return err
		})
	}
	count := 0 // the writer's, until write has succeeded
	err = to.write(ctx, func(w writer) error {
		for ; count < len(docs) && !w.full(); count++ {
			if _, _, err := w.insert(docs[count]); err != nil {
				return err
			}
		}
		return nil
	})
	var unfit *apierror.Error
	if err == nil {
		return count, docs[:count], nil
	}
	if !errors.As(explain(err), &unfit) {
		return 0, nil, err
	}
	for _, d := range docs { // one by one, then
		switch err := one(d); {
		case err == nil:
			fitting = append(fitting, d)
		case !errors.As(explain(err), &unfit):
			return 0, nil, err
		}
	}
	return len(docs), fitting, nil
}

// drop removes documents.
func (p *plain) drop(ctx context.Context, docs []bson.D) error {
	return p.file.Update(ctx, func(tx *sql.Tx) error {
		id, err := p.id(ctx, tx)
		if err != nil {
			return err
		}
		w := &plainWriter{plain: p, ctx: ctx, tx: tx, collection: id}
		for _, d := range docs {
			if err := w.remove(d); err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		var any int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM documents WHERE collection = ? LIMIT 1)", id).Scan(&any); err != nil || any > 0 || id == 0 {
			return err
		}
		for _, statement := range []string{"DELETE FROM entries WHERE idx IN (SELECT id FROM indexes WHERE collection = ?)", "DELETE FROM indexes WHERE collection = ?", "DELETE FROM collections WHERE id = ?"} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// newClasses looks for classes that a commit has made, and has their collections adopted.
func (d *Data) newClasses(app string, entries []*history.Entry) {
	for _, e := range entries {
		for i := range e.Changeset.Instructions {
			in := &e.Changeset.Instructions[i]
			if in.Op != changeset.AddTable || in.Schema.TableKind != schema.TopLevel {
				continue
			}
			if _, err := os.Stat(d.cfg.Path(app)); err != nil {
				return // there is nothing to adopt
			}
			class := in.Table
			d.mu.Lock()
			if !d.closed {
				d.working.Go(func() {
					if err := d.adoptClass(app, class); err != nil {
						d.cfg.Logger.Error("the documents of a collection could not be moved into its class", "app", app, "class", class, "error", err)
					}
				})
			}
			d.mu.Unlock()
		}
	}
}

func (d *Data) adoptClass(app, class string) error {
	names, err := d.names(d.ctx, app)
	if err != nil {
		return err
	}
	_, end, err := d.start(d.ctx, app, auth.SystemCaller(), Collection{Name: names.CollectionOf(class)}, false)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	end() // it was opened: that is when documents are adopted
	return nil
}
