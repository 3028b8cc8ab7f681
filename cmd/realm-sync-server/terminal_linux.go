package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// hideTyping turns the echo of a terminal off. ok is false when the file is not a terminal. Call restore.
func hideTyping(f *os.File) (ok bool, restore func()) {
	fd := int(f.Fd())
	was, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return false, nil
	}
	quiet := *was
	quiet.Lflag &^= unix.ECHO
	if unix.IoctlSetTermios(fd, unix.TCSETS, &quiet) != nil {
		return false, nil
	}
	return true, func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, was) }
}
