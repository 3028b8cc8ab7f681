package history

import (
	"path/filepath"
	"sync"

	"realmsync/core/store"
)

// announcements are the listeners of commits, by canonical path. A commit is announced by whoever made it, in this process.
var announcements = struct {
	sync.Mutex
	next   int
	byPath map[string]map[int]func(Commit)
}{byPath: map[string]map[int]func(Commit){}}

// Commit is what listeners are told.
type Commit struct {
	Version uint64
	// Changes returns the rows that changed. It may be called only while the listener runs.
	Changes func() (*store.Changes, error)
}

// Canonical returns the path by which Announce and Listen know a file: absolute, without symbolic links. It asks the file system, so
// callers keep it. The file need not exist, but its directory must, for two spellings to be seen as one.
func Canonical(path string) string {
	if p, err := filepath.Abs(path); err == nil {
		path = p
	}
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// Announce tells the listeners of a file that conn has just committed a version. It runs them on the calling goroutine, before conn
// is used for anything else: they only take notes, set a flag or signal a channel. No locks may be held that a listener wants.
func Announce(file string, version uint64, conn *store.Conn) {
	a := &announcements
	a.Lock()
	all := make([]func(Commit), 0, 4)
	for _, f := range a.byPath[file] {
		all = append(all, f)
	}
	a.Unlock()
	if len(all) == 0 {
		return
	}
	commit := Commit{Version: version, Changes: sync.OnceValues(conn.TakeChanges)}
	for _, f := range all {
		f(commit)
	}
}

// Listen has f called after every commit to the file in this process, until cancel is called. A call that is under way when cancel
// returns may still end after it.
func Listen(file string, f func(Commit)) (cancel func()) {
	a := &announcements
	a.Lock()
	defer a.Unlock()
	a.next++
	id := a.next
	if a.byPath[file] == nil {
		a.byPath[file] = map[int]func(Commit){}
	}
	a.byPath[file][id] = f
	return func() {
		a.Lock()
		defer a.Unlock()
		delete(a.byPath[file], id)
		if len(a.byPath[file]) == 0 {
			delete(a.byPath, file)
		}
	}
}
