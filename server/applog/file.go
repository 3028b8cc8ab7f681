package applog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mattn/go-sqlite3"

	"realmsync/server/dbfile"
)

// fileKind is logs.db ("RSlg"). Of each app, n counts the lines without gaps; at is in nanoseconds since 1970.
var fileKind = dbfile.Kind{
	ApplicationID: 0x52536c67,
	Lossy:         true,
	Migrations: []string{
		// 1
		`CREATE TABLE apps (
			app TEXT PRIMARY KEY,
			last INTEGER NOT NULL -- the newest line's n
		) STRICT, WITHOUT ROWID;
		CREATE TABLE lines (
			app TEXT NOT NULL,
			n INTEGER NOT NULL,
			at INTEGER NOT NULL,
			level INTEGER NOT NULL,
			message TEXT NOT NULL,
			error TEXT NOT NULL,
			request TEXT NOT NULL,
			user TEXT NOT NULL,
			fields TEXT NOT NULL, -- a JSON object
			PRIMARY KEY (app, n)
		) STRICT, WITHOUT ROWID;`,
	},
}

func path(dir string) string { return filepath.Join(dir, "logs.db") }

// asideSuffix is added to the name of a file that can't be used. There is one: it takes the place of an earlier one.
const asideSuffix = ".damaged"

var errEnded = errors.New("applog: it is closed")

// use does something with the file, which it opens, and makes, when needed. One that is damaged, or not ours, is set aside: the next is empty.
func (s *Store) use(ctx context.Context, do func(*dbfile.File) error) error {
	file, err := s.try(ctx, do)
	if !unusable(err) {
		return err
	}
	if err := s.setAside(ctx, file, err); err != nil {
		return err
	}
	_, err = s.try(ctx, do)
	return err
}

// try returns the file that was used; nil: it could not be opened.
func (s *Store) try(ctx context.Context, do func(*dbfile.File) error) (*dbfile.File, error) {
	s.opening.RLock()
	for s.file == nil {
		s.opening.RUnlock()
		if err := s.open(ctx); err != nil {
			return nil, err
		}
		s.opening.RLock()
	}
	defer s.opening.RUnlock()
	return s.file, do(s.file)
}

func (s *Store) open(ctx context.Context) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	return s.opened(ctx)
}

// opened opens the file. The caller holds opening.
func (s *Store) opened(ctx context.Context) (err error) {
	switch {
	case s.ended:
		return errEnded
	case s.file == nil:
		s.file, err = dbfile.Open(ctx, s.path, fileKind)
	}
	return err
}

// release closes the file. The caller holds opening.
func (s *Store) release() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// unusable says whether an error means that the file is of no use, today or tomorrow.
func unusable(err error) bool {
	var e sqlite3.Error
	return errors.Is(err, dbfile.ErrForeign) || errors.Is(err, dbfile.ErrNewer) || (errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB))
}

// setAside gives the file another name, unless another caller has done so already. was is the file that was found to be unusable; nil: it could not be
// opened.
func (s *Store) setAside(ctx context.Context, was *dbfile.File, why error) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.file != was {
		return nil
	}
	if was == nil {
		if again := s.opened(ctx); !unusable(again) {
			return again
		}
	}
	_ = s.release() // it may have nothing to say that is worth hearing
	aside := s.path + asideSuffix
	for _, suffix := range []string{"-wal", "-shm"} { // they belong to it, and not to the next
		if err := rename(s.path+suffix, aside+suffix); err != nil {
			return err
		}
	}
	if err := rename(s.path, aside); err != nil {
		return err
	}
	s.cfg.Logger.Error("the file of the apps' log lines can't be used: it is set aside, and another is begun; nothing but log lines is lost", "file", s.path, "aside", aside, "error", why)
	return nil
}

// rename renames a file; where there is none, there is none of the new name afterwards.
func rename(from, to string) error {
	err := os.Rename(from, to)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.Remove(to)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("applog: setting %s aside: %w", from, err)
	}
	return nil
}

// remove deletes the file, because no lines are to be kept.
func (s *Store) remove() {
	for _, name := range []string{s.path, s.path + "-wal", s.path + "-shm", s.path + asideSuffix, s.path + asideSuffix + "-wal", s.path + asideSuffix + "-shm"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.cfg.Logger.Error("log lines of apps are not to be kept, but those that there are could not be deleted", "file", name, "error", err)
		}
	}
}
