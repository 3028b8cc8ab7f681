package app

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// The names below the root that aren't users (app-services 6.4).
const (
	utilityDir  = "server-utility"
	recoveryDir = "recovered-realms"
)

// rootDir is where everything of the app id lies: <Dir>/mongodb-realm/<app id>.
func (a *App) rootDir() string {
	return filepath.Join(a.cfg.Dir, "mongodb-realm", percentEncode(a.cfg.AppID))
}

// userDirName is the user's directory below the root. Ids are the server's choice, so one may be the name of something else.
func userDirName(id string) string {
	name := percentEncode(id)
	if name == utilityDir || name == recoveryDir || name == "" {
		name = "%" + name
	}
	return name
}

// RealmPath returns the path of the user's flexible-sync realm: <Dir>/mongodb-realm/<app id>/<user id>/flx_sync_default.realm,
// or, where the user id is too long for a file name, <sha256>.realm beside the users (app-services 6.4). It makes the directory, and
// notes the path so that the file is deleted with the user.
//
// Errors: CodeClientUserNotFound for a removed user, *FileError.
func (u *User) RealmPath() (string, error) {
	root := u.app.rootDir()
	dir := filepath.Join(root, userDirName(u.id))
	path := filepath.Join(dir, "flx_sync_default.realm")
	if err := os.MkdirAll(dir, 0o700); errors.Is(err, syscall.ENAMETOOLONG) {
		sum := sha256.Sum256([]byte(strings.TrimSuffix(path, ".realm")))
		path = filepath.Join(root, hex.EncodeToString(sum[:])+".realm")
	} else if err != nil {
		return "", &FileError{Op: "make the directory", Path: dir, Err: err, Hint: "give the app a directory that it may write to"}
	}
	return path, u.AddRealmPath(path)
}

// AddRealmPath notes that a realm file belongs to the user, wherever it lies: it is deleted when the user is removed. Relative paths
// are taken from the current directory.
//
// Errors: CodeClientUserNotFound for a removed user, *FileError.
func (u *User) AddRealmPath(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return &FileError{Op: "find", Path: path, Err: err}
	}
	const op = "open a realm"
	u.app.mu.RLock()
	known, state := slices.Contains(u.rec.RealmPaths, path), u.state
	u.app.mu.RUnlock()
	if state == Removed {
		return refusal(op, CodeClientUserNotFound, "user %s has been removed", u.id)
	}
	if known {
		return nil
	}
	return u.app.change("path:"+path, func(img *image) error {
		r := img.find(u.id)
		if r == nil || r.State == Removed {
			return refusal(op, CodeClientUserNotFound, "user %s has been removed", u.id)
		}
		if !slices.Contains(r.RealmPaths, path) {
			r.RealmPaths = append(r.RealmPaths, path)
		}
		return nil
	})
}

// NewRecoveryPath returns a path that nobody uses below the app's recovered-realms directory, which it makes: for the copy of a
// realm before a client reset.
func (a *App) NewRecoveryPath() (string, error) {
	dir := filepath.Join(a.rootDir(), recoveryDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", &FileError{Op: "make the directory", Path: dir, Err: err, Hint: "give the app a directory that it may write to"}
	}
	name := "recovered_realm-" + a.cfg.Clock().UTC().Format("20060102-150405") + "-" + rand.Text()[:12]
	return filepath.Join(dir, name), nil
}
