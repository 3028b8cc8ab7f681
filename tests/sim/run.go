package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// outcome is what became of a run.
type outcome struct {
	err    error
	faults map[string]int
	trace  string
}

// run runs a case in a directory that is made and removed. Nothing decides but the case.
func run(t *testing.T, c runCase) (out outcome) {
	dir, err := os.MkdirTemp(scratch(), "sim-")
	if err != nil {
		return outcome{err: err}
	}
	defer os.RemoveAll(dir)
	before := descriptors()
	synctest.Test(t, func(*testing.T) { out = inBubble(dir, c) })
	for fd, file := range descriptors() {
		if out.err == nil && before[fd] != file && !strings.HasPrefix(file, "anon_inode:[event") { // Go opens those when it likes
			out.err = fmt.Errorf("descriptor %s of %s is still open", fd, file)
		}
	}
	return out
}

// descriptors returns what this process has open, by number. It finds nothing where there is no /proc.
func descriptors() map[string]string {
	const folder = "/proc/self/fd"
	out := map[string]string{}
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		if file, err := os.Readlink(filepath.Join(folder, e.Name())); err == nil { // the folder's own is closed
			out[e.Name()] = file
		}
	}
	return out
}

// scratch is where runs have their files: in memory, if that can be.
func scratch() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

func inBubble(dir string, c runCase) (out outcome) {
	w, err := newWorld(dir, c)
	if w == nil {
		return outcome{err: err}
	}
	defer w.close()
	if err != nil {
		return outcome{err: err}
	}
	for i, s := range c.steps {
		w.take(s)
		if err = w.failed(); err != nil {
			err = fmt.Errorf("at step %d: %w", i+1, err)
			break
		}
	}
	if err == nil {
		w.settle()
		err = w.failed()
	}
	if err == nil {
		err = w.check()
	}
	for _, m := range w.machines() {
		w.faults["write refused, disk full"] += m.disk.refused()
		w.faults["storage operation"] += m.disk.operations()
	}
	w.faults["action"] = w.acted
	return outcome{err, w.faults, w.trace.String()}
}

// shrink leaves steps out as long as the run fails.
func shrink(c runCase, fails func(runCase) bool) runCase {
	for size := len(c.steps) / 2; size > 0; {
		shorter := false
		for at := 0; at+size <= len(c.steps); {
			less := c
			less.steps = slices.Delete(slices.Clone(c.steps), at, at+size)
			if fails(less) {
				c, shorter = less, true
			} else {
				at += size
			}
		}
		if !shorter {
			size /= 2
		}
	}
	return c
}
