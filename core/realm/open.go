package realm

import (
	"log/slog"
	"time"

	"realmsync/core/realm/history"
	"realmsync/core/store"
)

// Open opens the realm, or adds a handle to the instance that the calling thread has open already. The caller releases it.
//
// In a new file the schema is created. Errors: those of store.Open, ErrSchemaMismatch, ErrMismatchedConfig, schema.Validate's.
func Open(config Config) (*Realm, error) {
	file := history.Canonical(config.Path)
	if config.Scheduler != nil && !config.Scheduler.OnThread() {
		config.Scheduler = nil // of another thread: it can't serve this one, but that is no reason to fail (cpp-surface.md section 2)
	}
	if r := openIn(file, func(r *Realm) bool { return !r.frozen && r.onThread() }); r != nil {
		if err := r.checkSameConfig(&config); err != nil {
			r.Release()
			return nil, err
		}
		return r, nil
	}
	if err := checkShared(file, &config); err != nil {
		return nil, err
	}
	if err := compactIfAsked(&config, file); err != nil {
		return nil, err
	}
	conn, err := openFile(&config)
	if err != nil {
		return nil, err
	}
	r := newRealm(config, file)
	r.thread = r.threadID()
	r.conn = conn
	conn.Learn(r.learn)
	r.handles = 1
	r.register()
	r.recorder.on = config.Synced
	err = r.prepare()
	if err == nil {
		r.hub, err = joinHub(r)
	}
	if err != nil {
		r.Release()
		return nil, err
	}
	r.logger.Debug("opened", "path", r.path)
	return r.attached()
}

func newRealm(config Config, file string) *Realm {
	r := &Realm{path: config.Path, file: file, config: config, clock: config.Clock, threadID: config.ThreadID, scheduler: config.Scheduler}
	if r.logger = config.Logger; r.logger == nil {
		r.logger = slog.New(slog.DiscardHandler)
	}
	if r.clock == nil {
		r.clock = time.Now
	}
	if r.threadID == nil {
		r.threadID = osThreadID
	}
	return r
}

// options are those of an instance's connections.
func (c *Config) options() store.Options { return store.Options{ReadOnly: c.readsOnly(), Key: c.Key} }

// openFile opens the connection; with a reset mode a file that doesn't fit is deleted first.
func openFile(config *Config) (*store.Conn, error) {
	options := config.options()
	conn, err := store.Open(config.Path, options)
	if err != nil || config.Schema == nil || config.SchemaMode != SoftResetFile && config.SchemaMode != HardResetFile {
		return conn, err
	}
	fits, err := fitsSchema(conn, config)
	if err != nil || fits || isOpen(history.Canonical(config.Path)) || conn.IsOpenElsewhere() {
		if err != nil {
			_ = conn.Close() // the first error counts
			return nil, err
		}
		return conn, nil
	}
	if err := conn.Close(); err != nil {
		return nil, err
	}
	if err := store.Delete(config.Path); err != nil {
		return nil, err
	}
	return store.Open(config.Path, options)
}

// compactIfAsked asks the application whether to compact when it is the first to open the file, of all processes.
func compactIfAsked(config *Config, file string) error {
	if config.ShouldCompact == nil || isOpen(file) {
		return nil
	}
	conn, err := store.Open(config.Path, store.Options{Key: config.Key})
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing was written since the errors below
	if conn.IsOpenElsewhere() {
		return nil
	}
	if err := conn.BeginRead(); err != nil {
		return err
	}
	total, used, err := conn.Size()
	if err == nil {
		err = conn.EndRead()
	}
	if err != nil || !config.ShouldCompact(total, used) {
		return err
	}
	return conn.Compact()
}

// prepare brings the file's schema up. The snapshot is opened by the first use.
func (r *Realm) prepare() error {
	if err := r.conn.BeginRead(); err != nil {
		return err
	}
	if err := r.applySchema(); err != nil {
		return err
	}
	if err := r.arrived(); err != nil {
		return err
	}
	if err := r.conn.EndRead(); err != nil {
		return err
	}
	r.drifted = true // the snapshot is that of the first use, as the original's
	return nil
}

// checkSameConfig refuses a second open on the same thread that asks for something else (cpp-surface.md section 4).
func (r *Realm) checkSameConfig(c *Config) error {
	have := &r.config
	if err := have.shared().check(c); err != nil {
		return err
	}
	switch {
	case c.SchemaVersion != have.SchemaVersion:
		return errorf(ErrMismatchedConfig, "Realm at path '%s' already opened with different schema version.", r.path)
	case c.SchemaMode != have.SchemaMode:
		return errorf(ErrMismatchedConfig, "Realm at path '%s' already opened with a different schema mode.", r.path)
	case c.Schema != nil && have.Schema != nil && !sameSchema(c.Schema, have.Schema):
		return errorf(ErrMismatchedConfig, "Realm at path '%s' already opened on current thread with different schema.", r.path)
	default:
		return nil
	}
}

// Delete deletes the files of a realm that isn't open in this process. Missing files are no error. Errors: store.ErrOpen.
func Delete(path string) error {
	file := history.Canonical(path)
	hubs.Lock() // keeps openers of instances out
	defer hubs.Unlock()
	if hubs.byFile[file] != nil {
		return errorf(store.ErrOpen, "Cannot delete files of an open Realm: '%s' is still in use.", path)
	}
	return store.Delete(path)
}
