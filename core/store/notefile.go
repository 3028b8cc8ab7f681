package store

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

// noteFile is the file "<realm>-note", through which the processes that have a realm open know of each other. It holds locks and a
// few numbers; nothing in it outlives the processes. The last one removes it.
//
// The locks are of the operating system, so a process that is killed gives them up:
//
//	lockPresence  shared, by every process that has the file open; exclusive, by who deletes it
//	lockQueue     by the process that writes next
//	lockWrite     by the process that writes; SQLite's own lock, taken after it, is the one that keeps the file whole
//	lockLead      by the process that synchronizes the file
//	lockAsk       while noteAsked is counted up
//	lockTrail     shared, by every process that follows the trail
//
// Writers queue here, and not only at SQLite's lock, because that one can only be polled, and whoever commits in a loop would nearly
// always win. A process that is alone doesn't queue.
type noteFile struct {
	path string
	file *os.File

	mu   sync.Mutex
	own  uint64 // commits that this process has counted
	uses int    // who still needs the file descriptor
}

// Where the numbers are in the file, and the locks, which are beyond its end.
const (
	noteCommits  = 0  // commits that others were told of, counted under lockWrite
	noteAsked    = 8  // download waits that leaders were asked for
	noteAnswered = 16 // up to here they have come true
	noteOther    = 24 // another number whenever a leader has resigned, or there was a commit that isn't counted
	noteSize     = 32

	lockPresence = 1 << 30
	lockQueue    = 1<<30 + 1
	lockWrite    = 1<<30 + 2
	lockLead     = 1<<30 + 3
	lockAsk      = 1<<30 + 4
	lockTrail    = 1<<30 + 5
)

// openNote opens the note file of a realm file and notes that this process has it open. It waits for a process that deletes it. nil: there
// can't be one, because the directory is read-only or the system has no such locks.
func openNote(realm string) *noteFile {
	if !haveLocks {
		return nil
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(realm); err == nil {
		mode = info.Mode().Perm()
	}
	n := &noteFile{path: realm + "-note", uses: 1}
	for {
		f, err := os.OpenFile(n.path, os.O_RDWR|os.O_CREATE, mode)
		if errors.Is(err, fs.ErrPermission) {
			f, err = os.Open(n.path)
		}
		if err != nil {
			return nil
		}
		ok, err := tryLock(f, lockPresence, false)
		if ok && isAt(f, n.path) {
			n.file = f
			return n
		}
		f.Close()
		if err != nil {
			return nil
		}
		time.Sleep(time.Millisecond) // it is being deleted, or has been
	}
}

// isAt tells whether the file at path is still f.
func isAt(f *os.File, path string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(have, there)
}

// close gives the presence up. The last process removes the file.
func (n *noteFile) close() {
	if ok, _ := tryLock(n.file, lockPresence, true); ok {
		_ = os.Remove(n.path) // where that fails it does no harm
	}
	for _, at := range []int64{lockLead, lockTrail, lockPresence} { // the descriptor may live on for a while
		_ = unlock(n.file, at)
	}
	n.done()
}

// use keeps the descriptor open until done.
func (n *noteFile) use() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.uses++
}

func (n *noteFile) done() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.uses--; n.uses == 0 {
		n.file.Close()
	}
}

// alone tells whether no other process has the realm open.
func (n *noteFile) alone() bool {
	locked, err := lockedByOther(n.file, lockPresence)
	return err == nil && !locked
}

// follow makes this process one that follows the trail, or ends that.
func (n *noteFile) follow(on bool) {
	if !on {
		_ = unlock(n.file, lockTrail) // else a trail is left for nobody
		return
	}
	_, _ = tryLock(n.file, lockTrail, false) // without it observers compare what they see
}

// followed tells whether another process follows the trail.
func (n *noteFile) followed() bool {
	locked, err := lockedByOther(n.file, lockTrail)
	return err == nil && locked
}

// committed tells the other processes of a commit that they can see by now; counted: the caller holds lockWrite. A process that isn't there
// yet opens its first snapshot after it has noted its presence, so it sees the commit without being told.
func (n *noteFile) committed(counted bool) {
	if n.alone() {
		return
	}
	if !counted { // another process may be counting: it came during the transaction
		_ = n.put(noteOther, rand.Uint64())
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.put(noteCommits, n.numbers().commits+1) == nil {
		n.own++
	}
}

// noteNumbers are what the file says.
type noteNumbers struct{ commits, asked, answered, other uint64 }

func (n *noteFile) numbers() noteNumbers {
	var b [noteSize]byte
	if _, err := n.file.ReadAt(b[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return noteNumbers{}
	}
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
	return noteNumbers{at(noteCommits), at(noteAsked), at(noteAnswered), at(noteOther)}
}

func (n *noteFile) put(at int64, v uint64) error {
	_, err := n.file.WriteAt(binary.LittleEndian.AppendUint64(nil, v), at)
	return err
}

// state is what changes when another process has done something: the numbers, without this process's commits.
func (n *noteFile) state() noteNumbers {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.numbers()
	s.commits -= n.own
	return s
}

// lead tries to become the process that synchronizes the file.
func (n *noteFile) lead() bool {
	ok, err := tryLock(n.file, lockLead, true)
	return ok || err != nil // without locks it can't be known better
}

func (n *noteFile) resign() {
	_ = unlock(n.file, lockLead)
	_ = n.put(noteOther, rand.Uint64()) // those who wait for it also look from time to time
}

// ask asks the leader for a download wait that begins now, and returns its number.
func (n *noteFile) ask() (uint64, error) {
	if err := waitLock(n.file, lockAsk); err != nil { // for another process to count
		return 0, err
	}
	defer unlock(n.file, lockAsk) //nolint:errcheck // then the descriptor is bad and the lock gone
	number := n.numbers().asked + 1
	return number, n.put(noteAsked, number)
}

// deleting runs f while no process has the realm open; otherwise it returns false.
func deleting(realm string, f func() error) (bool, error) {
	if !haveLocks {
		return true, f()
	}
	path := realm + "-note"
	if _, err := os.Stat(realm); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return true, f() // a note file is made after the realm file
		}
	}
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return true, f() // f says what is wrong
		}
		ok, err := tryLock(file, lockPresence, true)
		if ok && !isAt(file, path) {
			file.Close()
			continue
		}
		if !ok {
			file.Close()
			return err != nil, err
		}
		err = f()
		_ = os.Remove(path)
		file.Close()
		return true, err
	}
}
