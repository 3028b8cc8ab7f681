package data

import (
	"context"
	"database/sql"
	"errors"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/server/dbfile"
	"realmsync/server/history"
)

// Asymmetric objects are written by devices and read by none. Nothing of them is kept in the app's state, so they are put into plain collections of
// the synced database, those of their classes, where programs read them (spec/app-services.md 11.2: asymmetricSyncData). documents.db knows up
// to which version that was done: what a crash has prevented is made up for when the app is opened, and what a full disk has, before history is given up.

// ingested is the name of that version in documents.db.
const ingested = "ingested"

// lazily is after how many versions without asymmetric objects it is written down.
const lazily = 10_000

// Opened puts the asymmetric objects into their collections that are not there yet. It is sync.Config.Opened. A full disk keeps no app closed.
func (d *Data) Opened(ctx context.Context, app string, engine *history.Engine) error {
	d.mu.Lock()
	delete(d.behind, app)
	d.mu.Unlock()
	err := d.ingestAll(ctx, app, engine)
	if dbfile.Full(err) {
		d.late(app, engine.Version(), err)
		return nil
	}
	return err
}

// CatchUp stores the asymmetric objects that could not be stored when they came. It is sync.Config.Trimming: the history that has them must not be given up
// before.
func (d *Data) CatchUp(ctx context.Context, app string, engine *history.Engine) error {
	d.mu.Lock()
	failed := d.behind[app]
	d.mu.Unlock()
	if failed == 0 {
		return nil
	}
	if err := d.ingestAll(ctx, app, engine); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.behind[app] != failed {
		return errors.New("data: asymmetric objects could not be stored while those before them were")
	}
	delete(d.behind, app)
	return nil
}

// late notes that asymmetric objects could not be stored.
func (d *Data) late(app string, version uint64, err error) {
	d.cfg.Logger.Error("asymmetric objects could not be stored; it is tried again, and no history is given up before", "app", app, "version", version, "error", err)
	d.mu.Lock()
	d.behind[app]++
	d.mu.Unlock()
}

// ingestAll puts the asymmetric objects into their collections that are not there as far as documents.db knows.
func (d *Data) ingestAll(ctx context.Context, app string, engine *history.Engine) error {
	asymmetric := false
	for _, class := range engine.Catalog().Schema.Classes() {
		asymmetric = asymmetric || class.Kind == schema.Asymmetric
	}
	if !asymmetric {
		return nil
	}
	from, err := d.ingestedTo(ctx, app)
	if err != nil {
		return err
	}
	from = max(from, engine.Floor()) // what was given up of the history is not there to be read
	to := engine.Version()
	var batch []*history.Entry
	flush := func(upTo uint64) error {
		defer func() { batch = batch[:0] }()
		return d.ingest(ctx, app, engine, batch, upTo)
	}
	err = engine.Entries(ctx, from, to, func(e *history.Entry) (bool, error) {
		if batch = append(batch, e); len(batch) < plainBatch {
			return true, nil
		}
		return true, flush(e.Version)
	})
	if err != nil {
		return err
	}
	return flush(to)
}

func (d *Data) ingestedTo(ctx context.Context, app string) (uint64, error) {
	file, release, err := d.documents(ctx, app, false)
	if file == nil || err != nil {
		return 0, err
	}
	defer release()
	var version int64
	err = file.QueryRow(ctx, "SELECT value FROM progress WHERE name = ?", ingested).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return uint64(version), err
}

// Committed puts the asymmetric objects of a commit into their collections. It is sync.Config.Committed. What fails is done by CatchUp, or when the app is
// opened the next time.
func (d *Data) Committed(app string, engine *history.Engine, entries []*history.Entry) {
	d.wakeWatches(app)
	d.newClasses(app, entries)
	last := entries[len(entries)-1].Version
	d.mu.Lock()
	behind, noted := d.behind[app] > 0, d.noted[app]
	d.mu.Unlock()
	some := false
	for _, e := range entries {
		some = some || hasAsymmetric(e)
	}
	if !some && (behind || noted == 0 || last < noted+lazily) {
		return
	}
	upTo := last
	if behind {
		upTo = 0
	}
	if err := d.ingest(context.Background(), app, engine, entries, upTo); err != nil {
		d.late(app, last, err)
	}
}

// hasAsymmetric tells whether a version has made asymmetric objects.
func hasAsymmetric(e *history.Entry) bool {
	for i := range e.Changeset.Instructions {
		in := &e.Changeset.Instructions[i]
		if in.Op != changeset.CreateObject {
			continue
		}
		if class := e.Catalog.Class(in.Table); class != nil && class.Kind == schema.Asymmetric {
			return true
		}
	}
	return false
}

// ingest stores the asymmetric objects of some versions, and that it has been done up to one; 0: that isn't known. An object that is there stays.
func (d *Data) ingest(ctx context.Context, app string, engine *history.Engine, entries []*history.Entry, upTo uint64) error {
	cfg, err := d.cfg.Apps.Current(ctx, app)
	if err != nil {
		return err
	}
	s := cfg.SyncService()
	if s == nil {
		return nil
	}
	names, err := d.names(ctx, app)
	if err != nil {
		return err
	}
	file, release, err := d.documents(ctx, app, true)
	if err != nil {
		return err
	}
	defer release()
	err = file.Update(ctx, func(tx *sql.Tx) error {
		writers := map[string]*plainWriter{}
		for _, e := range entries {
			rows, err := engine.Asymmetric(e)
			if err != nil {
				return err
			}
			for _, row := range rows {
				class := row.Class
				w := writers[class.Name]
				if w == nil {
					p := &plain{name: Collection{s.Name, s.FlexibleSync.DatabaseName, names.CollectionOf(class.Name)}, first: true, file: file.File, now: d.cfg.Now}
					id, err := p.id(ctx, tx)
					if err != nil {
						return err
					}
					w = &plainWriter{plain: p, ctx: ctx, tx: tx, collection: id}
					if w.fields, err = p.indexes(ctx, tx, id); err != nil {
						return err
					}
					writers[class.Name] = w
				}
				doc, err := document(e.Catalog, class, row)
				if err != nil {
					return err
				}
				if _, _, err := w.insert(doc); err != nil {
					return err
				}
			}
		}
		if upTo == 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO progress (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)", ingested, int64(upTo))
		return err
	})
	if err == nil && upTo > 0 {
		d.mu.Lock()
		d.noted[app] = upTo
		d.mu.Unlock()
	}
	return err
}
