package data

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/appconfig"
	"realmsync/server/auth"
	"realmsync/server/dbfile"
	"realmsync/server/fairqueue"
	"realmsync/server/history"
	"realmsync/server/mql"
	"realmsync/server/rules"
)

// Config says what a Data works on. Apps, Engine and Path are required; the zero value of each other field means the default.
type Config struct {
	// Apps tells the configuration of an app. *appconfig.Store is one.
	Apps interface {
		Current(ctx context.Context, app string) (*appconfig.Config, error)
	}
	// Engine opens the data that an app syncs; release is called once it is no longer used.
	Engine func(ctx context.Context, app string) (engine *history.Engine, release func(), err error)
	// Path is where an app's documents.db is, or will be.
	Path func(app string) string
	// Exists returns an error for an app that was deleted: its file is not opened, nor made again. nil: there are all apps.
	Exists      func(ctx context.Context, app string) error
	Permissions Permissions // default AllowAll
	// Rules tell which class a collection is; nil: that of its name.
	Rules  *rules.Sets
	Turns  *fairqueue.Queue // operations that turn out to be long wait for their turn here, apps one after the other; nil: they don't
	Steps  int              // what one operation may cost, in comparisons of values; default 50 million, some seconds
	Now    func() time.Time // default time.Now
	Logger *slog.Logger     // default: none
}

// maxFiles is how many files of apps stay open.
const maxFiles = 64

// Data is the collections of all apps. Its methods may be called concurrently.
type Data struct {
	cfg Config

	mu      sync.Mutex
	files   map[string]*openFile
	noted   map[string]uint64  // by app: the version that its file says is ingested, if that is known
	behind  map[string]int     // by app: how often asymmetric objects could not be stored, since all were
	adopted map[[2]string]bool // by app and class: nothing of it is in a plain collection any more
	closed  bool
	watches map[*Watch]bool

	exports exports

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	working sync.WaitGroup // adoptions
}

// openFile is a documents.db.
type openFile struct {
	*dbfile.File

	users int
	used  time.Time // when it was used last
}

// Open makes a Data. Close it.
func Open(cfg Config) (*Data, error) {
	if cfg.Apps == nil || cfg.Engine == nil || cfg.Path == nil {
		return nil, errors.New("data: Apps, Engine and Path are required")
	}
	if cfg.Permissions == nil {
		cfg.Permissions = AllowAll{}
	}
	if cfg.Steps == 0 {
		cfg.Steps = 50_000_000
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Data{cfg: cfg, watches: map[*Watch]bool{}, adopted: map[[2]string]bool{}, files: map[string]*openFile{}, noted: map[string]uint64{}, behind: map[string]int{}}
	d.ctx, d.stop = context.WithCancel(context.Background())
	return d, nil
}

var errClosed = errors.New("data: it is closed")

// Close releases the files. No operation may be under way.
func (d *Data) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.stop()
	d.working.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for app, f := range d.files {
		errs = append(errs, f.Close())
		delete(d.files, app)
	}
	return errors.Join(errs...)
}

// Forget closes what is open of an app, because it is deleted.
func (d *Data) Forget(app string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.adopted, func(id [2]string, _ bool) bool { return id[0] == app })
	delete(d.noted, app)
	delete(d.behind, app)
	f := d.files[app]
	if f == nil {
		return nil
	}
	delete(d.files, app)
	return f.Close()
}

// documents returns the file of an app; nil if there is none and it is not to be made. Call release.
func (d *Data) documents(ctx context.Context, app string, create bool) (file *openFile, release func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, nil, errClosed
	}
	file = d.files[app]
	if file == nil {
		if d.cfg.Exists != nil {
			if err := d.cfg.Exists(ctx, app); err != nil {
				return nil, nil, err
			}
		}
		path := d.cfg.Path(app)
		_, err := os.Stat(path)
		missing := errors.Is(err, os.ErrNotExist)
		if missing && !create {
			return nil, func() {}, nil
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, nil, fmt.Errorf("data: %w", err)
		}
		opened, err := dbfile.Open(context.WithoutCancel(ctx), path, documentsKind)
		if err != nil {
			if missing { // or what only reads would try to make it, where the disk is full
				for _, suffix := range []string{"", "-wal", "-shm"} {
					_ = os.Remove(path + suffix)
				}
			}
			return nil, nil, fmt.Errorf("data: %w", err)
		}
		file = &openFile{File: opened}
		d.files[app] = file
		d.closeIdle()
	}
	file.users++
	file.used = d.cfg.Now()
	return file, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		file.users--
	}, nil
}

// closeIdle closes the files that nobody uses, the oldest first, as long as there are too many.
func (d *Data) closeIdle() {
	if len(d.files) <= maxFiles {
		return
	}
	apps := make([]string, 0, len(d.files))
	for app := range d.files {
		apps = append(apps, app)
	}
	slices.SortFunc(apps, func(a, b string) int { return d.files[a].used.Compare(d.files[b].used) })
	for _, app := range apps {
		if f := d.files[app]; len(d.files) > maxFiles && f.users == 0 && !f.used.IsZero() {
			if err := f.Close(); err != nil {
				d.cfg.Logger.Error("documents could not be closed", "app", app, "error", err)
			}
			delete(d.files, app)
		}
	}
}

// target is a collection that is open.
type target struct {
	collection
	release func()
}

// service returns a data source of an app by name; the one that syncs, or the first, for the empty name.
func service(cfg *appconfig.Config, name string) (*appconfig.Service, error) {
	if name != "" {
		if s := cfg.Service(name); s != nil && s.IsData() {
			return s, nil
		}
		return nil, apierror.New(http.StatusNotFound, "ServiceNotFound", "service not found: '%s'", clip(name))
	}
	if s := cfg.SyncService(); s != nil {
		return s, nil
	}
	for i := range cfg.Services {
		if cfg.Services[i].IsData() {
			return &cfg.Services[i], nil
		}
	}
	return nil, apierror.New(http.StatusNotFound, "ServiceNotFound", "the app has no data source")
}

// open opens a collection. classes says that one of the synced database which is not there yet is to become a class, in development mode.
func (d *Data) open(ctx context.Context, app string, cfg *appconfig.Config, s *appconfig.Service, name Collection, classes bool) (*target, error) {
	first, err := service(cfg, "")
	if err != nil {
		return nil, err
	}
	p := &plain{name: name, first: s.Name == first.Name, now: d.cfg.Now}
	release := func() {}
	synchronizes := s.FlexibleSync != nil && s.FlexibleSync.DatabaseName == name.Database
	var engine *history.Engine
	of := "" // the class of the collection
	if synchronizes {
		var err error
		if engine, release, err = d.cfg.Engine(ctx, app); err != nil {
			return nil, err
		}
		names, err := d.names(ctx, app)
		if err != nil {
			release()
			return nil, err
		}
		of = names.ClassOf(name.Name)
		class := engine.Catalog().Class(of)
		if isClass(class) {
			t, err := d.syncedTarget(ctx, app, engine, release, cfg, name, of)
			if err != nil {
				return nil, err
			}
			if err := d.adopt(ctx, app, t.collection.(*synced)); err != nil {
				release()
				return nil, err
			}
			return t, nil
		}
		classes = classes && class == nil && cfg.Sync.DevelopmentMode && !custom(cfg, s, name)
	}
	file, done, err := d.documents(ctx, app, false)
	if err != nil {
		release()
		return nil, err
	}
	if file != nil {
		p.file = file.File
	}
	if synchronizes && classes {
		id := int64(0)
		if p.file != nil {
			if id, err = p.id(ctx, reading{p.file}); err != nil {
				release()
				done()
				return nil, err
			}
		}
		if id == 0 {
			done()
			return d.syncedTarget(ctx, app, engine, release, cfg, name, of)
		}
	}
	t := &target{collection: p, release: func() {
		release()
		done()
	}}
	p.make = func(ctx context.Context) (*dbfile.File, error) {
		if p.file != nil {
			return p.file, nil
		}
		file, more, err := d.documents(ctx, app, true)
		if err != nil {
			return nil, err
		}
		before := done
		done = func() {
			before()
			more()
		}
		return file.File, nil
	}
	return t, nil
}

// syncedTarget opens a class. If it fails, release has been called.
func (d *Data) syncedTarget(ctx context.Context, app string, engine *history.Engine, release func(), cfg *appconfig.Config, name Collection, class string) (*target, error) {
	queryable, err := d.cfg.Permissions.Queryable(ctx, app)
	if err != nil {
		release()
		return nil, err
	}
	return &target{&synced{engine: engine, name: name, class: class, grow: cfg.Sync.DevelopmentMode, now: d.cfg.Now, queryable: queryable}, release}, nil
}

// names tells which collection is which class.
func (d *Data) names(ctx context.Context, app string) (naming, error) {
	if d.cfg.Rules == nil {
		return sameNames{}, nil
	}
	set, _, err := d.cfg.Rules.Get(ctx, app)
	return set, err
}

// naming tells which collection of the database that syncs is which class.
type naming interface {
	ClassOf(collection string) string
	CollectionOf(class string) string
}

// sameNames is the naming where nothing says otherwise.
type sameNames struct{}

func (sameNames) ClassOf(collection string) string { return collection }
func (sameNames) CollectionOf(class string) string { return class }

// place returns the data source of a collection, and the collection by the names that rules know it by: those of a class are of its collection, by
// whichever of the two names somebody asks for it.
func (d *Data) place(ctx context.Context, app string, cfg *appconfig.Config, at Collection) (*appconfig.Service, Collection, error) {
	s, err := service(cfg, at.Service)
	if err != nil {
		return nil, at, err
	}
	at.Service = s.Name
	if s.FlexibleSync == nil {
		return s, at, nil
	}
	at.Database = cmp.Or(at.Database, s.FlexibleSync.DatabaseName)
	if at.Database == s.FlexibleSync.DatabaseName {
		names, err := d.names(ctx, app)
		if err != nil {
			return nil, at, err
		}
		at.Name = names.CollectionOf(names.ClassOf(at.Name))
	}
	return s, at, nil
}

// access returns a caller's access to a collection, by the names of place; nil: everything is allowed.
func (d *Data) access(ctx context.Context, app string, caller *auth.Caller, at Collection) (Access, error) {
	if caller != nil && caller.System {
		return nil, nil
	}
	return d.cfg.Permissions.Access(ctx, app, caller, at)
}

// custom tells whether the collection is that of the custom user data, which is never a class that development mode makes.
func custom(cfg *appconfig.Config, s *appconfig.Service, name Collection) bool {
	c := cfg.CustomUserData
	return c != nil && c.ServiceID == s.ID && c.DatabaseName == name.Database && c.CollectionName == name.Name
}

// start opens a collection for an operation of a caller. Call end.
func (d *Data) start(ctx context.Context, app string, caller *auth.Caller, name Collection, classes bool) (o *operation, end func(), err error) {
	turn := d.cfg.Turns.Turn(app, true)
	o, stop, err := d.startWithin(noting(turn.With(ctx)), maxTime, d.cfg.Steps, turn, app, caller, name, classes)
	if err != nil {
		return nil, nil, err
	}
	return o, func() {
		turn.End()
		stop()
	}, nil
}

// startWithin is start for an operation that may take another time, and so many steps, and that has a turn already, or none. The context
// is of noting.
func (d *Data) startWithin(ctx context.Context, limit time.Duration, steps int, turn *fairqueue.Turn, app string, caller *auth.Caller, name Collection, classes bool) (o *operation, end func(), err error) {
	cfg, err := d.cfg.Apps.Current(ctx, app)
	if err != nil {
		return nil, nil, err
	}
	s, name, err := d.place(ctx, app, cfg, name)
	if err != nil {
		return nil, nil, err
	}
	access, err := d.access(ctx, app, caller, name)
	if err != nil {
		return nil, nil, err
	}
	t, err := d.open(ctx, app, cfg, s, name, classes)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	o = &operation{ctx: ctx, name: name, on: t, access: access, failed: failuresOf(ctx), meter: mql.NewMeter(ctx, steps, maxResult).At(d.cfg.Now()), turn: turn, now: d.cfg.Now}
	o.meter.Pause = turn.Pause
	o.linked = func(class string) (Access, error) {
		names, err := d.names(ctx, app)
		if err != nil {
			return nil, err
		}
		return d.access(ctx, app, caller, Collection{name.Service, name.Database, names.CollectionOf(class)})
	}
	o.foreign = func(collection string, filter *mql.Filter, f func(bson.D) (bool, error)) error {
		other, end, err := d.startWithin(ctx, maxTime, steps, turn, app, caller, Collection{name.Service, name.Database, collection}, false)
		if err != nil {
			return err
		}
		defer end()
		other.meter = o.meter
		return other.each(filter, "", func(doc bson.D, _ string) (bool, error) { return f(doc) })
	}
	return o, func() {
		cancel()
		t.release()
	}, nil
}
