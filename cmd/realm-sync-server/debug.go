package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"realmsync/server/store/sqlite"
)

// memoryState is what the process holds, in bytes, after everything that can be given back was.
type memoryState struct {
	Heap       uint64 `json:"heap"`       // live objects of Go
	Stacks     uint64 `json:"stacks"`     // of goroutines
	SQLite     uint64 `json:"sqlite"`     // what SQLite has allocated, outside of Go
	Resident   uint64 `json:"resident"`   // what the process has in memory, SQLite's included, but without the program itself; 0 where it isn't known
	Goroutines int    `json:"goroutines"` // a number, not bytes
	Files      int    `json:"files"`      // that are open, a number; 0 where it isn't known
}

// measureMemory collects garbage, gives the operating system back what is free, and measures.
func measureMemory() (out memoryState) {
	runtime.GC() // finalizers may set more free
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out.Heap, out.Stacks, out.Goroutines = m.HeapAlloc, m.StackInuse, runtime.NumGoroutine()
	out.SQLite = sqlite.MemoryUsed()
	if text, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
				n, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				out.Resident = n << 10
			}
		}
	}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		out.Files = len(files)
	}
	return out
}

// debugHandler serves Go's profiles, and /debug/memory.
func debugHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/memory", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(measureMemory()) // whoever asked has gone
	})
	return mux
}

// startDebug serves them, on a loopback address only: profiles hold what users have stored. Call stop.
func (f *opsFlags) startDebug(k *kong.Context, log *slog.Logger) (stop func(), err error) {
	if f.DebugListen == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", f.DebugListen)
	if err != nil {
		return nil, fmt.Errorf("--debug-listen %s: %w", f.DebugListen, err)
	}
	if !loopback(l) {
		_ = l.Close()
		return nil, fmt.Errorf("--debug-listen %s: only a loopback address may be used, because profiles hold data of users", f.DebugListen)
	}
	if _, err := fmt.Fprintf(k.Stdout, "debugging on http://%s\n", l.Addr()); err != nil {
		log.Warn("standard output cannot be written", "error", err)
	}
	server := &http.Server{Handler: debugHandler(), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("profiles are not served any more", "error", err)
		}
	}()
	return func() {
		_ = server.Close()
		<-ended
	}, nil
}
