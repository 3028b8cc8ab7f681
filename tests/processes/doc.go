// Package processes tests realm files that several processes have open at once: writers wait for each other, observers hear of what the
// others commit, files are opened and deleted together, and a process may be killed at any moment. That one of them synchronizes for all
// is tested with the server, in tests/e2e.
//
// The other processes are this test program again. soak.sh runs what is here for long, and the same with C++ programs under sanitizers.
package processes
