package data

import (
	"context"
	"fmt"
	"net/http"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/server/history"
	"realmsync/server/mql"
)

// Bounds on streams of changes.
const (
	maxWatches     = 1000    // at once, of all apps
	maxUserWatches = 20      // of one user
	watchVersions  = 256     // that are read at once
	watchBytes     = 4 << 20 // about, of the versions that are read at once
)

// errBehind ends a stream whose reader is so slow that the history of what it lacks is given up.
var errBehind = apierror.New(http.StatusGone, "MongoDBError", "the stream is too far behind: what was changed since is not kept any more. Read the collection, and watch it anew")

// Watch is a stream of the changes of a class (app-services 7.5): each version of the history once, in order, from the one after that which was the
// newest when it began. It keeps no changes: it reads them from the history, so a slow reader costs nothing but its place. It is for one goroutine.
type Watch struct {
	// Wake is sent to when there may be something to Read.
	Wake <-chan struct{}

	data    *Data
	wake    chan struct{}
	app     string
	user    string
	name    Collection
	class   string
	engine  *history.Engine
	release func()
	filter  *mql.Filter     // of events
	ids     map[string]bool // keys of the documents; nil: all
	at      uint64          // the version that was read last
}

// Watch begins a stream: database, collection, filter (of events) and ids are in arg. Close it.
func (d *Data) Watch(ctx context.Context, app string, caller *auth.Caller, service1 string, arg bson.D) (*Watch, error) {
	w, err := d.newWatch(ctx, app, caller, service1, arg)
	return w, explain(err)
}

func (d *Data) newWatch(ctx context.Context, app string, caller *auth.Caller, of string, arg bson.D) (*Watch, error) {
	if err := check(arg, 0); err != nil {
		return nil, err
	}
	for _, e := range arg {
		switch e.Key {
		case "database", "collection", "filter", "ids":
		default:
			return nil, invalid("the argument '%s' of the method 'watch' is not supported", clip(e.Key))
		}
	}
	a := &arguments{d: arg}
	w := &Watch{data: d, wake: make(chan struct{}, 1), app: app, user: caller.UserID, name: Collection{of, a.name("database"), a.name("collection")}, filter: a.filter("filter")}
	w.Wake = w.wake
	if ids := a.optional("ids"); ids != nil {
		w.ids = make(map[string]bool, len(ids))
		for _, id := range ids {
			w.ids[string(mql.Key(id))] = true
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	cfg, err := d.cfg.Apps.Current(ctx, app)
	if err != nil {
		return nil, err
	}
	s, at, err := d.place(ctx, app, cfg, w.name)
	if err != nil {
		return nil, err
	}
	w.name = at
	if s.FlexibleSync == nil || s.FlexibleSync.DatabaseName != w.name.Database {
		return nil, invalid("only the classes of the database that syncs can be watched, and '%s' is another one", clip(w.name.Database))
	}
	names, err := d.names(ctx, app)
	if err != nil {
		return nil, err
	}
	w.class = names.ClassOf(w.name.Name)
	if w.engine, w.release, err = d.cfg.Engine(ctx, app); err != nil {
		return nil, err
	}
	if !isClass(w.engine.Catalog().Class(w.class)) {
		w.release()
		return nil, invalid("only the classes of the database that syncs can be watched, and '%s' is none", clip(w.name.Name))
	}
	if err := d.addWatch(w); err != nil {
		w.release()
		return nil, err
	}
	w.at = w.engine.Version() // what is committed from now on wakes it
	return w, nil
}

func (d *Data) addWatch(w *Watch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for other := range d.watches {
		if other.app == w.app && other.user == w.user {
			n++
		}
	}
	if n >= maxUserWatches || len(d.watches) >= maxWatches {
		return apierror.New(http.StatusTooManyRequests, "", "there are too many streams of changes: one user can have %d at once, all together %d", maxUserWatches, maxWatches)
	}
	d.watches[w] = true
	return nil
}

// Close ends the stream.
func (w *Watch) Close() {
	w.data.mu.Lock()
	delete(w.data.watches, w)
	w.data.mu.Unlock()
	w.release()
}

// wakeWatches tells the streams of an app that there is something.
func (d *Data) wakeWatches(app string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for w := range d.watches {
		if w.app != app {
			continue
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Read returns the next changes, as the caller sees them now. more tells that there are others already. After an error nothing more can be read.
func (w *Watch) Read(ctx context.Context, caller *auth.Caller) (events []bson.D, more bool, err error) {
	events, more, err = w.read(ctx, caller)
	return events, more, explain(err)
}

func (w *Watch) read(ctx context.Context, caller *auth.Caller) (events []bson.D, more bool, err error) {
	newest := w.engine.Version()
	if newest == w.at {
		return nil, false, nil
	}
	var entries []*history.Entry // first of all: no snapshot is open while rules are asked
	size := 0
	err = w.engine.Entries(ctx, w.at, newest, func(e *history.Entry) (bool, error) {
		entries = append(entries, e)
		size += len(e.Bytes) + e.Size()
		return len(entries) < watchVersions && size < watchBytes, nil
	})
	switch {
	case err != nil:
		return nil, false, err
	case w.engine.Floor() > w.at || len(entries) == 0:
		return nil, false, errBehind
	case !isClass(w.engine.Catalog().Class(w.class)):
		return nil, false, apierror.New(http.StatusGone, "MongoDBError", "the class '%s' is gone", clip(w.class))
	}
	ctx = noting(ctx)
	access, err := w.data.access(ctx, w.app, caller, w.name)
	if err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	o := &operation{ctx: ctx, name: w.name, access: access, failed: failuresOf(ctx), meter: mql.NewMeter(ctx, w.data.cfg.Steps, maxResult)}
	for _, e := range entries {
		if events, err = w.events(o, e, events); err != nil {
			return nil, false, err
		}
		w.at = e.Version
	}
	return events, w.at < newest, nil
}

// events appends the changes of one version.
func (w *Watch) events(o *operation, e *history.Entry, out []bson.D) ([]bson.D, error) {
	var erased map[value.Key]bool // and made anew, if they are there: replaced
	for i := range e.Changeset.Instructions {
		if in := &e.Changeset.Instructions[i]; in.Op == changeset.EraseObject && in.Table == w.class {
			if erased == nil {
				erased = map[value.Key]bool{}
			}
			erased[in.Key] = true
		}
	}
	for i := range e.Images {
		image := &e.Images[i]
		if image.ClassName != w.class {
			continue
		}
		id := plainValue(image.Key.Value(), false)
		if w.ids != nil && !w.ids[string(mql.Key(id))] {
			continue
		}
		before, err := w.seen(o, e, image.Before)
		if err != nil {
			return nil, err
		}
		after, err := w.seen(o, e, image.After)
		if err != nil {
			return nil, err
		}
		event := w.event(fmt.Sprintf("%016x%08x", e.Version, i), id, before, after, erased[image.Key])
		if event == nil {
			continue
		}
		if ok, err := w.filter.Match(event, o.meter); err != nil {
			return nil, err
		} else if ok {
			out = append(out, event)
		}
	}
	return out, nil
}

// seen returns what the caller sees of an object; nil if that is nothing.
func (w *Watch) seen(o *operation, e *history.Entry, row *history.Row) (bson.D, error) {
	if row == nil {
		return nil, nil
	}
	d, err := document(e.Catalog, row.Class, row)
	if err != nil {
		return nil, err
	}
	if err := o.meter.Step(1 + len(d)); err != nil {
		return nil, err
	}
	part, ok, err := o.readable(d)
	if !ok || err != nil {
		return nil, err
	}
	return part, nil
}

// event describes a change; nil if the caller sees none. What comes into the caller's sight is inserted for it, what leaves it is deleted: as it is on
// a device.
func (w *Watch) event(token string, id any, before, after bson.D, replaced bool) bson.D {
	field := "_id"
	if class := w.engine.Catalog().Class(w.class); class != nil {
		field = class.PrimaryKey
	}
	kind := "update"
	var changed, removed = bson.D{}, bson.A{}
	switch {
	case before == nil && after == nil:
		return nil
	case before == nil:
		kind = "insert"
	case after == nil:
		kind = "delete"
	case replaced:
		kind = "replace"
	default:
		for _, e := range after {
			if was, had := mql.Get(before, e.Key); !had || !mql.Identical(was, e.Value) {
				changed = append(changed, e)
			}
		}
		for _, e := range before {
			if _, has := mql.Get(after, e.Key); !has {
				removed = append(removed, e.Key)
			}
		}
		if len(changed) == 0 && len(removed) == 0 {
			return nil
		}
	}
	out := bson.D{{Key: "_id", Value: bson.D{{Key: "_data", Value: token}}}, {Key: "operationType", Value: kind}}
	if after != nil {
		out = append(out, bson.E{Key: "fullDocument", Value: after})
	}
	out = append(out, bson.E{Key: "ns", Value: bson.D{{Key: "db", Value: w.name.Database}, {Key: "coll", Value: w.name.Name}}}, bson.E{Key: "documentKey", Value: bson.D{{Key: field, Value: id}}})
	if kind == "update" {
		out = append(out, bson.E{Key: "updateDescription", Value: bson.D{{Key: "updatedFields", Value: changed}, {Key: "removedFields", Value: removed}}})
	}
	return out
}
