package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
)

// The user file. Version history: 1, the first.
const (
	userFileFormat  = "realmsync users"
	userFileVersion = 1
	maxUserFile     = 64 << 20 // bytes; a longer file isn't ours
)

// userFile is the plain form of the file.
type userFile struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	image
}

// userStore keeps the users of one app id in one file, which it replaces as a whole: what is written is there completely
// after a crash, or not at all. A lock file beside it keeps the Apps on one directory apart, in whatever process they are. The App's
// storeMu guards it.
type userStore struct {
	dir, path string
	seal      *sealer // nil: plain
	log       *slog.Logger
	lock      *os.File // users.lock; held exclusively while the file is read and replaced
	present   *os.File // apps.lock; held shared as long as an App uses the directory
	last      image    // what the file held, or should hold
	stamp     stamp    // of the file when last was read or written

	// pending are changes that could not be written, oldest first. They are in force in this process and are made again
	// with the next change, so that a logout on a full disk stays one.
	pending []pendingChange
	closed  bool
}

type pendingChange struct {
	key   string
	apply func(*image) error
}

// stamp tells one version of the file from another.
type stamp struct {
	info fs.FileInfo // nil: no file
}

func (s stamp) same(t stamp) bool {
	if s.info == nil || t.info == nil {
		return s.info == nil && t.info == nil
	}
	return os.SameFile(s.info, t.info) && s.info.Size() == t.info.Size() && s.info.ModTime().Equal(t.info.ModTime())
}

// openUserStore makes the directory below root and opens the lock files. It doesn't read the users yet.
func openUserStore(root string, key []byte, log *slog.Logger) (*userStore, error) {
	dir := filepath.Join(root, "server-utility", "metadata")
	s := &userStore{dir: dir, path: filepath.Join(dir, "users.dat"), log: log}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &FileError{Op: "make the directory", Path: dir, Err: err, Hint: "give the app a directory that it may write to"}
	}
	var err error
	if len(key) > 0 {
		if s.seal, err = newSealer(key); err != nil {
			return nil, fmt.Errorf("app: %w: MetadataKey: %w", ErrConfig, err)
		}
	}
	if s.lock, err = openLockFile(filepath.Join(dir, "users.lock")); err != nil {
		return nil, err
	}
	if s.present, err = openLockFile(filepath.Join(dir, "apps.lock")); err != nil {
		s.lock.Close()
		return nil, err
	}
	return s, nil
}

func openLockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		// A lock can be taken on what may only be read, too.
		if readable, e := os.Open(path); e == nil {
			return readable, nil
		}
	}
	if err != nil {
		return nil, &FileError{Op: "open the lock file", Path: path, Err: err, Hint: "give the app a directory that it may write to"}
	}
	return f, nil
}

// enter announces an App on the directory and reports whether it is the only one. In that case prepare runs before others
// may come.
func (s *userStore) enter(prepare func()) error {
	first, err := tryLock(s.present)
	if err != nil {
		return &FileError{Op: "lock", Path: s.present.Name(), Err: err}
	}
	if first {
		prepare()
	}
	if err := lockShared(s.present); err != nil {
		return &FileError{Op: "lock", Path: s.present.Name(), Err: err}
	}
	return nil
}

// close lets go of the directory.
func (s *userStore) close() {
	if !s.closed {
		s.closed = true
		s.lock.Close()
		s.present.Close()
	}
}

// read returns what the file holds, with the changes that could not be written yet.
func (s *userStore) read() (image, error) {
	if err := s.enterLock(); err != nil {
		return image{}, err
	}
	defer s.leaveLock()
	img, at, err := s.load()
	if err != nil {
		return image{}, err
	}
	s.replay(&img)
	s.last, s.stamp = img, at
	return img.clone(), nil
}

// changed reports whether somebody has replaced the file since it was last read or written here.
func (s *userStore) changed() bool {
	return !s.closed && !s.stamp.same(s.stat())
}

// update changes the file: apply gets its newest contents, and may be run again with later ones. The result is what is
// in force, also when err is a *FileError: then the change couldn't be written and is made again with the next one, in place of
// an earlier one of that key. When apply fails nothing changes.
func (s *userStore) update(key string, apply func(*image) error) (image, error) {
	if s.closed {
		return s.last.clone(), networkError("change the user file", 0, ErrClosed)
	}
	img := s.last.clone()
	fileErr := s.enterLock()
	if fileErr == nil {
		defer s.leaveLock()
		var newest image
		var at stamp
		if newest, at, fileErr = s.load(); fileErr == nil {
			img, s.stamp = newest, at
			s.replay(&img)
		}
	}
	// What apply sees is in force whether or not the change that follows is.
	s.last = img.clone()
	next := img.clone()
	if err := apply(&next); err != nil {
		return img, err
	}
	if fileErr == nil {
		fileErr = s.write(next)
	}
	if fileErr != nil {
		s.pending = slices.DeleteFunc(s.pending, func(p pendingChange) bool { return p.key == key })
		s.pending = append(s.pending, pendingChange{key, apply})
		s.log.Error("the users could not be saved; the change is in force until the program ends", "error", fileErr)
	} else {
		s.pending = nil
	}
	s.last = next
	return next.clone(), fileErr
}

// replay makes the pending changes. One that no longer applies, for example because the user has logged out elsewhere, is
// dropped.
func (s *userStore) replay(img *image) {
	for _, p := range s.pending {
		next := img.clone()
		if p.apply(&next) == nil {
			*img = next
		}
	}
}

// load reads and checks the file.
func (s *userStore) load() (image, stamp, error) {
	fail := func(err error, hint string) (image, stamp, error) {
		return image{}, stamp{}, &FileError{Op: "read", Path: s.path, Err: err, Hint: hint}
	}
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return image{}, stamp{}, nil
	}
	if err != nil {
		return fail(err, "")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fail(err, "")
	}
	at := stamp{info}
	const moveHint = "it was left as it is; move it away to start without users"
	if !info.Mode().IsRegular() || info.Size() > maxUserFile {
		return fail(fmt.Errorf("%w: not a regular file of at most %d bytes", ErrCorruptFile, maxUserFile), moveHint)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			s.log.Warn("the user file is readable to others", "path", s.path, "error", err)
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxUserFile+1))
	if err != nil {
		return fail(err, "")
	}
	img, err := s.decode(data)
	if errors.Is(err, errOtherKey) {
		s.log.Warn("the user file was written with another key; starting without users", "path", s.path)
		return image{}, at, nil
	}
	if err != nil {
		return fail(err, moveHint)
	}
	return img, at, nil
}

// decode opens the seal, if the file and this App both have one.
func (s *userStore) decode(data []byte) (image, error) {
	switch sealed := bytes.HasPrefix(data, []byte(sealMagic)); {
	case s.seal == nil && !sealed:
		return decodeUserFile(data)
	case s.seal == nil:
		return image{}, errOtherKey
	case !sealed:
		if _, err := decodeUserFile(data); err != nil {
			return image{}, err
		}
		return image{}, errOtherKey
	}
	plain, err := s.seal.open(data)
	if err != nil {
		return image{}, err
	}
	return decodeUserFile(plain)
}

// decodeUserFile checks everything that the rest of the package relies on.
func decodeUserFile(data []byte) (image, error) {
	// The version first: what a newer one says isn't damage.
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return image{}, fmt.Errorf("%w: %w", ErrCorruptFile, err)
	}
	if head.Format != userFileFormat {
		return image{}, fmt.Errorf("%w: it does not say %q as its format", ErrCorruptFile, userFileFormat)
	}
	if head.Version != userFileVersion {
		return image{}, fmt.Errorf("%w: it has version %d, this library knows %d", ErrCorruptFile, head.Version, userFileVersion)
	}
	var file userFile
	if err := json.Unmarshal(data, &file); err != nil {
		return image{}, fmt.Errorf("%w: %w", ErrCorruptFile, err)
	}
	seen := make(map[string]bool, len(file.Users))
	for i, r := range file.Users {
		switch {
		case r.ID == "" || seen[r.ID]:
			return image{}, fmt.Errorf("%w: user %d has no id, or one that another has", ErrCorruptFile, i)
		case r.State != LoggedOut && r.State != LoggedIn && r.State != Removed:
			return image{}, fmt.Errorf("%w: user %d has state %d", ErrCorruptFile, i, r.State)
		}
		seen[r.ID] = true
	}
	return file.image, nil
}

// write replaces the file. The lock is held, so the temporary name is ours.
func (s *userStore) write(img image) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // profiles come back as they went in: a difference would be an event
	err := enc.Encode(userFile{userFileFormat, userFileVersion, img})
	data := b.Bytes()
	if err == nil && s.seal != nil {
		data, err = s.seal.close(data)
	}
	if err != nil {
		return &FileError{Op: "write", Path: s.path, Err: err}
	}
	if err := replaceFile(s.path, data); err != nil {
		return &FileError{Op: "write", Path: s.path, Err: err, Hint: "make room on the disk, or make the directory writable"}
	}
	s.stamp = s.stat()
	return nil
}

func (s *userStore) stat() stamp {
	info, err := os.Stat(s.path)
	if err != nil {
		return stamp{}
	}
	return stamp{info}
}

func (s *userStore) enterLock() error {
	if err := lockExclusive(s.lock); err != nil {
		return &FileError{Op: "lock", Path: s.lock.Name(), Err: err}
	}
	return nil
}

func (s *userStore) leaveLock() {
	if err := unlock(s.lock); err != nil {
		s.log.Error("unlocking", "path", s.lock.Name(), "error", err)
	}
}

// replaceFile puts data in place of a file, so that after a crash one or the other is there. The file is the owner's only.
func replaceFile(path string, data []byte) (err error) {
	temp := path + ".new"
	// One that a crash has left may have other permissions.
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temp)
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if err = os.Rename(temp, path); err != nil {
		return err
	}
	// The new name is durable only with its directory.
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// clone copies deep enough that a change of one isn't seen in the other: Profile is never changed in place.
func (img image) clone() image {
	img.Users = slices.Clone(img.Users)
	for i := range img.Users {
		img.Users[i].Identities = slices.Clone(img.Users[i].Identities)
		img.Users[i].RealmPaths = slices.Clone(img.Users[i].RealmPaths)
	}
	img.Actions = slices.Clone(img.Actions)
	return img
}
