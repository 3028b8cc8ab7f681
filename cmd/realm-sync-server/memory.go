package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryFlags bound what the process takes.
type memoryFlags struct {
	Memory int64 `placeholder:"MIB" help:"Memory that the server means to stay below, in MiB: near it, it works harder at giving memory back, at the cost of time; it is no hard limit. Default: $$GOMEMLIMIT if that is set, else 80 % of what the control group (container, systemd's MemoryMax or MemoryHigh) or else the machine has."`
}

func (f memoryFlags) check() error {
	if f.Memory != 0 && (f.Memory < 64 || f.Memory > 1<<40) {
		return errors.New("--memory must be at least 64 (MiB), or 0 for what the machine has")
	}
	return nil
}

// shares are what parts of the server may hold in memory, for all apps and clients together, in bytes.
type shares struct {
	caches  int64 // what is kept of apps to be at hand, without SQLite
	sqlite  int64 // pages of files; Go's runtime doesn't count them
	inbound int64 // what sync clients have sent
	spool   int64 // bootstraps that wait for sync clients; beyond, they are on disk
	answers int64 // results that wait for programs and apps to read them
}

// unlimited is what shares are made of where nothing limits memory.
const unlimited = 4 << 30

// minInbound is what one client may send at once: less would end its connection however often it came again.
const minInbound = 64 << 20

// minAnswers is how long one result may be: most that operations may hold (server/data) are shorter.
const minAnswers = 64 << 20

// share divides the soft limit. What is left is for sessions, for work that is under way, and for garbage.
func share(limit int64) shares {
	if limit == math.MaxInt64 {
		limit = unlimited
	}
	return shares{
		caches: limit / 4, sqlite: limit / 8, inbound: min(max(limit/4, minInbound), 1<<30), spool: min(limit/16, 256<<20),
		answers: min(max(limit/16, minAnswers), 512<<20),
	}
}

// limitMemory sets the soft limit of Go's runtime, says in the log which and why, and divides it.
func (f memoryFlags) limitMemory(log *slog.Logger) shares {
	limit, from := f.limit(os.DirFS("/"), os.Getenv("GOMEMLIMIT"))
	if limit > 0 {
		debug.SetMemoryLimit(limit)
	}
	limit = debug.SetMemoryLimit(-1)
	out := share(limit)
	if limit < math.MaxInt64 {
		log.Info("memory is limited", "mib", limit>>20, "from", from, "caches", out.caches>>20, "sqlite", out.sqlite>>20)
	}
	return out
}

// limit returns the soft limit in bytes, and where it is from. 0: what Go has already is left.
func (f memoryFlags) limit(root fs.FS, environment string) (limit int64, from string) {
	if f.Memory > 0 {
		return f.Memory << 20, "--memory"
	}
	if environment != "" {
		return 0, "GOMEMLIMIT"
	}
	limit, from = machineMemory(root), "the machine"
	if group := groupMemory(root); group > 0 && (limit == 0 || group < limit) {
		limit, from = group, "the control group"
	}
	return limit / 5 * 4, from // the rest is for what Go doesn't count: SQLite's pages, and the processes of functions
}

// machineMemory is what the machine has, in bytes; 0: unknown.
func machineMemory(root fs.FS) int64 {
	text, _ := fs.ReadFile(root, "proc/meminfo") // there is none on other systems
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) >= 2 && words[0] == "MemTotal:" {
			n, err := strconv.ParseInt(words[1], 10, 64)
			if err == nil && n > 0 && n < math.MaxInt64>>10 {
				return n << 10
			}
		}
	}
	return 0
}

// groupMemory is the least limit of the control groups that the process is in, in bytes; 0: none. Version 2 and version 1 of them have it in different
// files; in a container a group's own path may not be there, but its limit is in the root.
func groupMemory(root fs.FS) (least int64) {
	text, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(part) < 3 {
			continue
		}
		dir, files := "", []string(nil)
		switch {
		case part[1] == "":
			dir, files = "sys/fs/cgroup", []string{"memory.max", "memory.high"}
		case strings.Contains(","+part[1]+",", ",memory,"):
			dir, files = "sys/fs/cgroup/memory", []string{"memory.limit_in_bytes"}
		}
		for at := path.Clean("/" + part[2]); dir != ""; at = path.Dir(at) {
			for _, file := range files {
				text, _ := fs.ReadFile(root, path.Join(dir, at, file))
				// "max", or a huge number, is none.
				if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && n < 1<<60 && (least == 0 || n < least) {
					least = n
				}
			}
			if at == "/" {
				break
			}
		}
	}
	return least
}
