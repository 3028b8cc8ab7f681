package appconfig

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"realmsync/server/dbfile"
)

// fileKind is config.db ("RScf").
var fileKind = dbfile.Kind{
	ApplicationID: 0x52536366,
	Migrations: []string{
		// 1. body is the JSON of a Config, sealed. Times are seconds since 1970.
		`CREATE TABLE configs (
			app TEXT PRIMARY KEY,
			body BLOB NOT NULL,
			updated INTEGER NOT NULL
		) STRICT, WITHOUT ROWID;`,
	},
}

// StoreConfig says how a Store works. Dir is required.
type StoreConfig struct {
	// Dir is the data directory; it exists. config.db and config-key are made in it.
	Dir string
	// Check, if set, looks at a configuration that is valid by itself, before it is stored. Its errors should be
	// *ValidationError.
	Check  func(*Config) error
	Now    func() time.Time
	Logger *slog.Logger
}

// Store keeps the configurations of the apps of one data directory. Its methods may be called concurrently.
type Store struct {
	cfg  StoreConfig
	file *dbfile.File
	keys *sealer

	guard func(ctx context.Context, app string, before, after *Config) error

	// change is held while a configuration is changed and the watchers are told: they see changes in their order.
	change sync.Mutex // and guards guard

	mu       sync.RWMutex // guards the rest; taken after change
	current  map[string]*Config
	watchers []*watcher
}

type watcher struct {
	told func(app string, before, after *Config)
}

// Open opens, or makes, the configurations of a data directory. Close it.
func Open(ctx context.Context, cfg StoreConfig) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	file, err := dbfile.Open(ctx, filepath.Join(cfg.Dir, "config.db"), fileKind)
	if err != nil {
		return nil, fmt.Errorf("appconfig: %w", err)
	}
	var n int
	if err := file.QueryRow(ctx, "SELECT count(*) FROM configs").Scan(&n); err != nil {
		return nil, errors.Join(fmt.Errorf("appconfig: %w", err), file.Close())
	}
	keys, err := openSealer(filepath.Join(cfg.Dir, "config-key"), n == 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("appconfig: %w", err), file.Close())
	}
	return &Store{cfg: cfg, file: file, keys: keys, current: map[string]*Config{}}, nil
}

// Close releases the file. Calls after it fail.
func (s *Store) Close() error { return s.file.Close() }

// Current returns the configuration of an app by its client app id, which is Default's if none is stored. It is shared: don't change it.
// Whether there is such an app is not asked.
func (s *Store) Current(ctx context.Context, app string) (*Config, error) {
	if c := s.cached(app); c != nil {
		return c, nil
	}
	c, err := s.load(ctx, app)
	if err != nil {
		return nil, err
	}
	if c == nil {
		c = Default(app)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.current[app]; have != nil {
		return have, nil // it was changed, or loaded by another, meanwhile
	}
	s.current[app] = c
	return c, nil
}

// Stored says whether an app has a configuration of its own.
func (s *Store) Stored(ctx context.Context, app string) (bool, error) {
	var n int
	err := s.file.QueryRow(ctx, "SELECT count(*) FROM configs WHERE app = ?", app).Scan(&n)
	return n > 0, err
}

// Update changes the configuration of an app: f changes a copy, which is then checked, stored and made the current one, and the watchers
// are told, all before Update returns. An error of f, or of a check (*ValidationError), changes nothing.
func (s *Store) Update(ctx context.Context, app string, f func(*Config) error) (*Config, error) {
	s.change.Lock()
	defer s.change.Unlock()
	before, err := s.Current(ctx, app)
	if err != nil {
		return nil, err
	}
	after, err := before.Clone()
	if err != nil {
		return nil, err
	}
	if err := f(after); err != nil {
		return nil, err
	}
	// What is stored is what is read back after a restart: the same from now on.
	if after, err = after.Clone(); err != nil {
		return nil, err
	}
	if err := s.checkChange(ctx, app, before, after); err != nil {
		return nil, err
	}
	if err := s.save(ctx, app, after); err != nil {
		return nil, err
	}
	s.announce(app, before, after)
	return after, nil
}

// Guard sets what looks at a change of an app's configuration that is valid by itself, before it is stored: whether the app can get there from
// where it is. Its errors should be *ValidationError. f must not change configurations. Call it before the first change that it is for.
func (s *Store) Guard(f func(ctx context.Context, app string, before, after *Config) error) {
	s.change.Lock()
	defer s.change.Unlock()
	s.guard = f
}

// CheckChange reports what is wrong with a configuration as the next one of an app, as Update would.
func (s *Store) CheckChange(ctx context.Context, app string, after *Config) error {
	s.change.Lock()
	defer s.change.Unlock()
	before, err := s.Current(ctx, app)
	if err != nil {
		return err
	}
	return s.checkChange(ctx, app, before, after)
}

func (s *Store) checkChange(ctx context.Context, app string, before, after *Config) error {
	if err := s.Check(after); err != nil || s.guard == nil {
		return err
	}
	return s.guard(ctx, app, before, after)
}

// Check reports what is wrong with a configuration by itself.
func (s *Store) Check(c *Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if s.cfg.Check != nil {
		return s.cfg.Check(c)
	}
	return nil
}

// Delete forgets the configuration of an app that is being deleted. The watchers are told with a nil after.
func (s *Store) Delete(ctx context.Context, app string) error {
	s.change.Lock()
	defer s.change.Unlock()
	before, err := s.Current(ctx, app)
	if err != nil {
		return err
	}
	err = s.file.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM configs WHERE app = ?", app)
		return err
	})
	if err != nil {
		return fmt.Errorf("appconfig: deleting the configuration of app %s: %w", app, err)
	}
	s.announce(app, before, nil)
	return nil
}

// Watch calls f after each change, one at a time and in order. after is nil when the app is deleted. f must not change configurations;
// it may read them. The caller's change waits for f.
func (s *Store) Watch(f func(app string, before, after *Config)) (cancel func()) {
	w := &watcher{told: f}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers = append(s.watchers[:len(s.watchers):len(s.watchers)], w)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		var rest []*watcher
		for _, other := range s.watchers {
			if other != w {
				rest = append(rest, other)
			}
		}
		s.watchers = rest
	}
}

// announce makes after the current configuration and tells the watchers. The caller holds change.
func (s *Store) announce(app string, before, after *Config) {
	s.mu.Lock()
	if after == nil {
		delete(s.current, app)
	} else {
		s.current[app] = after
	}
	watchers := s.watchers
	s.mu.Unlock()
	for _, w := range watchers {
		w.told(app, before, after)
	}
}

func (s *Store) cached(app string) *Config {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.current[app]
}

// load reads a stored configuration; nil if there is none.
func (s *Store) load(ctx context.Context, app string) (*Config, error) {
	var sealed []byte
	err := s.file.QueryRow(ctx, "SELECT body FROM configs WHERE app = ?", app).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	var c *Config
	if err == nil {
		var text []byte
		if text, err = s.keys.open(sealed, app); err == nil {
			c, err = decode(text)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("appconfig: reading the configuration of app %s: %w", app, err)
	}
	return c, nil
}

func (s *Store) save(ctx context.Context, app string, c *Config) error {
	text, err := encode(c)
	if err != nil {
		return err
	}
	if len(text) > maxConfig {
		return invalid("", "the configuration has %d bytes, at most %d are taken", len(text), maxConfig)
	}
	sealed := s.keys.seal(text, app)
	err = s.file.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO configs (app, body, updated) VALUES (?1,?2,?3) ON CONFLICT DO UPDATE SET body = ?2, updated = ?3",
			app, sealed, s.cfg.Now().Unix())
		return err
	})
	if err != nil {
		return fmt.Errorf("appconfig: storing the configuration of app %s: %w", app, err)
	}
	return nil
}

// Clone returns a copy that shares nothing, with nulls and absent lists in their one form.
func (c *Config) Clone() (*Config, error) {
	text, err := encode(c)
	if err != nil {
		return nil, err
	}
	return decode(text)
}

func encode(c *Config) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		return nil, invalid("", "it holds something that is not JSON: %v", err)
	}
	return b.Bytes(), nil
}

func decode(text []byte) (*Config, error) {
	c := &Config{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("what is stored is damaged: %w", err)
	}
	c.normalise()
	return c, nil
}
