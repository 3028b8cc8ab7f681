package store

import "sync"

// fileLock lets one Conn of this process write to a file at a time. SQLite would let the others poll; here they queue
// and the next one wakes at once. Other processes are kept out by SQLite's own lock, taken after this one.
type fileLock struct {
	mu       sync.Mutex
	refs     int // connections and watchers
	conns    int // connections
	watchers watchers
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
		l = &fileLock{}
		fileLocks.byFile[file] = l
	}
	l.refs++
	return l
}

// countConn counts a connection to the file, or one less.
func (l *fileLock) countConn(delta int) {
	fileLocks.Lock()
	defer fileLocks.Unlock()
	l.conns += delta
}

// isOpen tells whether a Conn of this process has the file open.
func isOpen(file string) bool {
	fileLocks.Lock()
	defer fileLocks.Unlock()
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
