package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// FileActionKind is what is to be done with a realm file.
type FileActionKind int

// The kinds of file actions (app-services 6.4). The numbers are persisted.
const (
	DeleteRealm           FileActionKind = 0 // delete it
	BackUpThenDeleteRealm FileActionKind = 1 // move it to BackupPath, so that the next open starts with an empty file
)

// FileAction is something to do with a realm file when nobody has it open.
type FileAction struct {
	Kind       FileActionKind `json:"kind"`
	Path       string         `json:"path"`                  // absolute
	BackupPath string         `json:"backup_path,omitempty"` // absolute; BackUpThenDeleteRealm only
}

// AddFileAction has an action done at the next launch, by the first App on the directory, or by RunFileAction. An earlier one of
// the same path is replaced.
//
// Errors: ErrConfig for paths that aren't absolute, *FileError.
func (a *App) AddFileAction(action FileAction) error {
	if !filepath.IsAbs(action.Path) || action.Kind == BackUpThenDeleteRealm && !filepath.IsAbs(action.BackupPath) {
		return fmt.Errorf("app: %w: a file action needs absolute paths, not %q and %q", ErrConfig, action.Path, action.BackupPath)
	}
	return a.change("action:"+action.Path, func(img *image) error {
		img.dropAction(action.Path)
		img.Actions = append(img.Actions, action)
		return nil
	})
}

// RunFileAction does the action that waits for the realm file now; the caller knows that nobody has the file open. It reports
// whether there was one.
func (a *App) RunFileAction(path string) (bool, error) {
	a.catchUp()
	a.storeMu.Lock()
	i := slices.IndexFunc(a.store.last.Actions, func(f FileAction) bool { return f.Path == path })
	var action FileAction
	if i >= 0 {
		action = a.store.last.Actions[i]
	}
	a.storeMu.Unlock()
	if i < 0 {
		return false, nil
	}
	if err := a.runAction(action); err != nil {
		return true, err
	}
	return true, a.change("action:"+path, func(img *image) error {
		img.dropAction(path)
		return nil
	})
}

func (img *image) dropAction(path string) {
	img.Actions = slices.DeleteFunc(img.Actions, func(f FileAction) bool { return f.Path == path })
}

func (a *App) runAction(f FileAction) error {
	if f.Kind == BackUpThenDeleteRealm {
		if err := moveRealmFiles(f.Path, f.BackupPath); err != nil {
			return &FileError{Op: "back up", Path: f.Path, Err: err}
		}
	}
	if err := a.cfg.DeleteRealm(f.Path); err != nil {
		return &FileError{Op: "delete", Path: f.Path, Err: err}
	}
	return nil
}

// launch reads the users, and does what waits for nobody having the realms open if no other App is on the directory.
func (a *App) launch() error {
	a.storeMu.Lock()
	defer a.storeMu.Unlock()
	img, err := a.store.read()
	if err != nil {
		return err
	}
	if err := a.store.enter(func() { img = a.cleanUp(img) }); err != nil {
		return err
	}
	a.adopt(img)
	return nil
}

// cleanUp does the file actions and deletes the realms of removed users. What fails stays for the next launch. storeMu is held.
func (a *App) cleanUp(img image) image {
	var actions, users []string
	for _, f := range img.Actions {
		if err := a.runAction(f); err != nil {
			a.log.Warn("a file action failed and will be tried again at the next launch", "error", err)
			continue
		}
		actions = append(actions, f.Path)
	}
	for _, r := range img.Users {
		if r.State == Removed && a.deleteUserFiles(r) {
			users = append(users, r.ID)
		}
	}
	if len(actions)+len(users) == 0 {
		return img
	}
	img, err := a.store.update("launch", func(img *image) error {
		for _, path := range actions {
			img.dropAction(path)
		}
		for _, id := range users {
			img.dropRemoved(id)
		}
		return nil
	})
	if err != nil {
		a.log.Warn("what was done at launch could not be noted", "error", err)
	}
	return img
}

// dropRemoved forgets a user, unless it has logged in again.
func (img *image) dropRemoved(id string) {
	img.Users = slices.DeleteFunc(img.Users, func(r record) bool { return r.ID == id && r.State == Removed })
}

// deleteUserFiles deletes a user's realms and directory and reports whether all are gone.
func (a *App) deleteUserFiles(r record) bool {
	ok := true
	for _, path := range r.RealmPaths {
		if err := a.cfg.DeleteRealm(path); err != nil {
			a.log.Warn("a removed user's realm could not be deleted", "user", r.ID, "path", path, "error", err)
			ok = false
		}
	}
	if !ok {
		return false
	}
	dir := filepath.Join(a.rootDir(), userDirName(r.ID))
	// A name too long for the system was never a directory.
	if err := os.RemoveAll(dir); err != nil {
		if _, e := os.Lstat(dir); e == nil {
			a.log.Warn("a removed user's directory could not be deleted", "user", r.ID, "path", dir, "error", err)
			return false
		}
	}
	return true
}

// realmCompanions are the files of an SQLite database; the first is the one that counts.
var realmCompanions = []string{"", "-wal", "-shm", "-journal"}

// deleteRealmFiles is the default of Config.DeleteRealm.
func deleteRealmFiles(path string) error {
	for _, suffix := range realmCompanions {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// moveRealmFiles moves a database with its companions; a file that is gone is no error. A backup that exists is never
// overwritten: the name gets a number.
func moveRealmFiles(from, to string) error {
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	free := to
	for n := 2; ; n++ {
		if _, err := os.Lstat(free); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
		free = fmt.Sprintf("%s-%d", to, n)
	}
	// The companions first: were the process to die in between, the next launch would find the main file and go on.
	for i := len(realmCompanions) - 1; i >= 0; i-- {
		err := os.Rename(from+realmCompanions[i], free+realmCompanions[i])
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
