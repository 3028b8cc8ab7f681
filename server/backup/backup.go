package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Backup copies a data directory to a new directory. The server may run. What it leaves is complete: it has another name until then.
func Backup(ctx context.Context, dir, out, server string, now time.Time) (*Manifest, error) {
	if err := IsData(dir); err != nil {
		return nil, err
	}
	if inside(dir, out) {
		return nil, fmt.Errorf("%s is inside of the data directory %s, where the next backup would copy it too; choose a place outside, best on another disk", out, dir)
	}
	m := &Manifest{Format: manifestFormat, Server: server, Created: now.UTC().Truncate(time.Second)}
	err := assemble(out, func(temporary string) error {
		users, err := openWritable(filepath.Join(dir, usersName))
		if err != nil {
			return err
		}
		apps, err := beings(ctx, users)
		if err = errors.Join(err, users.Close()); err != nil {
			return fmt.Errorf("reading %s: %w", filepath.Join(dir, usersName), err)
		}
		paths, err := list(dir)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if err := ctx.Err(); err != nil {
				return err
			}
			if apps[appOf(path)].going {
				continue
			}
			if err := copyFile(ctx, dir, temporary, path); errors.Is(err, fs.ErrNotExist) {
				continue // an app was deleted meanwhile
			} else if err != nil {
				return err
			}
			if path == usersName {
				if err := settle(ctx, filepath.Join(temporary, usersName), apps); err != nil {
					return err
				}
			}
			f, err := describe(temporary, path)
			if err != nil {
				return err
			}
			m.Files = append(m.Files, f)
		}
		text, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(temporary, manifestName), append(text, '\n'), 0o600)
	})
	return m, err
}

// Restore makes a data directory of a backup, after it has found the backup to be whole. dir must not exist, or be empty.
func Restore(ctx context.Context, from, dir string) (*Manifest, error) {
	m, err := ReadManifest(from)
	if err != nil {
		return nil, err
	}
	var damaged []error
	m.Check(from, func(p Problem) { damaged = append(damaged, p) })
	if len(damaged) > 0 {
		return nil, fmt.Errorf("the backup %s is damaged, nothing was restored; take another:\n%w", from, errors.Join(damaged...))
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty, and is left as it is; a backup is restored into a new directory: choose another name with --data, or stop the server and move this one away", dir)
	} else if err == nil {
		if err := os.Remove(dir); err != nil {
			return nil, err
		}
	}
	return m, assemble(dir, func(temporary string) error {
		for _, f := range m.Files {
			to := filepath.Join(temporary, filepath.FromSlash(f.Path))
			if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
				return err
			}
			if err := copyPlain(filepath.Join(from, filepath.FromSlash(f.Path)), to); err != nil {
				return err
			}
		}
		var problems []error
		err := Check(ctx, temporary, func(p Problem) { problems = append(problems, p) })
		return errors.Join(err, errors.Join(problems...))
	})
}

// inside says whether a path that need not exist is below a directory, wherever symbolic links lead.
func inside(dir, path string) bool {
	of, err := os.Stat(dir)
	for err == nil {
		if at, err := os.Stat(path); err == nil && os.SameFile(of, at) {
			return true
		}
		up := filepath.Dir(path)
		if up == path {
			break
		}
		path = up
	}
	return false
}

// IsBackup tells a backup from a data directory.
func IsBackup(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, manifestName))
	return err == nil
}

// IsData tells a data directory, or a backup, from others.
func IsData(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, usersName)); err != nil {
		return fmt.Errorf("%s is not the data directory of a server: %w", dir, err)
	}
	return nil
}

// assemble fills a directory that gets its name when it is whole and durable.
func assemble(dir string, fill func(temporary string) error) (err error) {
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("%s exists already, and is left as it is; choose another name", dir)
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(parent, ".realm-sync-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temporary))
		}
	}()
	if err := fill(temporary); err != nil {
		return err
	}
	if err := filepath.WalkDir(temporary, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, syncPath(path))
	}); err != nil {
		return err
	}
	if err := os.Rename(temporary, dir); err != nil {
		return err
	}
	return syncPath(parent)
}

func copyFile(ctx context.Context, dir, to, path string) error {
	from, into := filepath.Join(dir, filepath.FromSlash(path)), filepath.Join(to, filepath.FromSlash(path))
	if _, err := os.Stat(from); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(into), 0o700); err != nil {
		return err
	}
	if classify(path) != database {
		return copyPlain(from, into)
	}
	err := copyDatabase(ctx, from, into)
	if _, gone := os.Stat(from); err != nil && errors.Is(gone, fs.ErrNotExist) {
		return errors.Join(gone, removeIfThere(into), removeIfThere(into+"-journal"))
	}
	return err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
