package store

import (
	"sync"
	"sync/atomic"
)

// fileLock is what the connections of this process to one file have in common: the queue of those who want to write, and how the
// other processes are known. It lets one Conn of this process write at a time, first come first served, and among the processes each in
// its turn (noteFile).
type fileLock struct {
	turn chan struct{} // has an item while somebody writes

	// Guarded by fileLocks.
	refs     int // connections and watchers
	conns    int // connections
	note     *noteFile
	leader   *Conn // the connection that leads, in this process
	watchers watchers
	others   others

	// Of who has the turn:
	wait   *turnWait // of this process among all
	queued bool      // the turn among all was taken

	trail atomic.Bool // there may be a trail in the file (trail.go)
}

var fileLocks = struct {
	sync.Mutex
	byFile map[string]*fileLock
}{byFile: map[string]*fileLock{}}

func retainFileLock(file string) *fileLock {
	fileLocks.Lock()
	defer fileLocks.Unlock()
	l := fileLocks.byFile[file]
	if l == nil {
		l = &fileLock{turn: make(chan struct{}, 1)}
		fileLocks.byFile[file] = l
	}
	l.refs++
	return l
}

// addConn counts a connection to the file. With the first one the process is present among those that have the file open.
func (l *fileLock) addConn(file string) {
	fileLocks.Lock()
	defer fileLocks.Unlock()
	if l.conns++; l.conns == 1 {
		l.note = openNote(file)
		l.others.attach(l.note)
	}
}

// dropConn takes a connection that has been closed out.
func (l *fileLock) dropConn(c *Conn) {
	fileLocks.Lock()
	defer fileLocks.Unlock()
	if l.leader == c {
		l.resign()
	}
	if l.conns--; l.conns == 0 {
		l.others.detach()
		if l.note != nil {
			l.note.close()
			l.note = nil
		}
		l.wait = nil // what a writer has left there is of the old note file
	}
}

// isLast tells whether there is one connection to the file, of all processes.
func (l *fileLock) isLast() bool {
	fileLocks.Lock()
	defer fileLocks.Unlock()
	return l.conns == 1 && (l.note == nil || l.note.alone())
}

// isOpen tells whether a Conn of this process has the file open. fileLocks is locked.
func isOpen(file string) bool {
	l := fileLocks.byFile[file]
	return l != nil && l.conns > 0
}

func releaseFileLock(file string) {
	fileLocks.Lock()
	defer fileLocks.Unlock()
	l := fileLocks.byFile[file]
	if l.refs--; l.refs == 0 {
		delete(fileLocks.byFile, file)
	}
}

// take waits for the turn to write. It returns false when stop was closed before it came.
func (l *fileLock) take(stop <-chan struct{}) bool {
	select {
	case l.turn <- struct{}{}:
	default:
		select {
		case l.turn <- struct{}{}:
		case <-stop:
			return false
		}
	}
	if l.takeAmongAll(stop) {
		return true
	}
	<-l.turn
	return false
}

// release gives the turn to the next. committed: there is something that others may want to see.
func (l *fileLock) release(committed bool) {
	if n := l.note; n != nil { // it stays as long as there is a connection
		if committed {
			n.committed(l.queued)
		}
		if l.queued {
			_ = unlock(n.file, lockWrite)
			l.queued = false
		}
	}
	<-l.turn
}
