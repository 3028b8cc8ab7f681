package store

import (
	"encoding/binary"
	"os"
	"sync"
	"syscall"
)

// inotify is the one instance of this process, with a goroutine that reads from it while something is watched. The system gives few
// instances to a user, so there isn't one for each file.
var inotify struct {
	sync.Mutex
	fd      int
	file    *os.File // of fd
	watches map[int32]func(closed bool)
}

// watchNote has f called after a process has written to the note file, or has closed it, as it does when it ends in whatever way.
func watchNote(n *noteFile, f func(closed bool)) (stop func(), err error) {
	w := &inotify
	w.Lock()
	defer w.Unlock()
	if w.file == nil {
		fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
		if err != nil {
			return nil, os.NewSyscallError("inotify_init1", err)
		}
		w.fd, w.file, w.watches = fd, os.NewFile(uintptr(fd), "inotify"), map[int32]func(bool){}
		go readInotify(w.file)
	}
	number, err := syscall.InotifyAddWatch(w.fd, n.path, syscall.IN_MODIFY|syscall.IN_CLOSE)
	if err != nil {
		endInotify()
		return nil, os.NewSyscallError("inotify_add_watch", err)
	}
	watch := int32(number)
	w.watches[watch] = f
	return func() {
		w.Lock()
		defer w.Unlock()
		delete(w.watches, watch)
		_, _ = syscall.InotifyRmWatch(w.fd, uint32(watch)) // the file may be gone, and the watch with it
		endInotify()
	}, nil
}

// endInotify gives the instance up when nothing is watched any more. It is locked.
func endInotify() {
	if len(inotify.watches) == 0 {
		inotify.file.Close()
		inotify.file = nil
	}
}

func readInotify(file *os.File) {
	b := make([]byte, 64*(syscall.SizeofInotifyEvent+syscall.NAME_MAX+1))
	for {
		n, err := file.Read(b)
		if err != nil {
			return
		}
		for left := b[:n]; len(left) >= syscall.SizeofInotifyEvent; {
			watch := int32(binary.NativeEndian.Uint32(left))
			mask := binary.NativeEndian.Uint32(left[4:])
			size := syscall.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(left[12:]))
			left = left[min(size, len(left)):]
			inotifyEvent(watch, mask)
		}
	}
}

func inotifyEvent(watch int32, mask uint32) {
	inotify.Lock()
	var all []func(bool)
	for number, f := range inotify.watches {
		if number == watch || mask&syscall.IN_Q_OVERFLOW != 0 {
			all = append(all, f)
		}
	}
	inotify.Unlock()
	for _, f := range all {
		f(mask&(syscall.IN_CLOSE|syscall.IN_Q_OVERFLOW) != 0)
	}
}
