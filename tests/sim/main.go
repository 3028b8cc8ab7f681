// Sim is a deterministic simulation of clients and a server (spec/merge.md section 13): real sync clients (core/session,
// core/realm/history, core/store) and a real server (server/sync, server/history) in one process, with virtual time, on a network and disks that
// fail. One seed decides everything. See DESIGN.md.
//
//	go run ./tests/sim -seeds 10000 [-from 0] [-rules compatible] [-steps 60]
//
// A seed that fails is shrunk, and printed as a case for testdata, which go test replays.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"realmsync/core/merge"
)

func main() {
	seeds := flag.Uint64("seeds", 100, "how many seeds to run")
	from := flag.Uint64("from", 0, "the first seed")
	rules := flag.String("rules", "compatible", "the rules of merging: compatible or strict")
	length := flag.Int("steps", 60, "how many steps a run has, about")
	trace := flag.Bool("trace", false, "print the trace of each run")
	shrinks := flag.Bool("shrink", true, "shrink what fails")
	file := flag.String("case", "", "run this case instead of seeds")
	testing.Init()
	flag.Parse()
	runtime.GOMAXPROCS(1)
	if _, err := merge.ParseRules(*rules); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := flag.Set("test.timeout", "0"); err != nil {
		panic(err)
	}
	// A bubble (testing/synctest) needs a test to be in.
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "sim", F: func(t *testing.T) {
		if *file != "" {
			one(t, *file, *trace)
			return
		}
		many(t, *from, *seeds, *rules, *length, *trace, *shrinks)
	}}}, nil, nil)
}

func one(t *testing.T, name string, trace bool) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, c)
	if trace {
		fmt.Print(out.trace)
	}
	if out.err != nil {
		t.Fatal(out.err)
	}
}

func many(t *testing.T, from, seeds uint64, rules string, length int, trace, shrinks bool) {
	faults, start, failed := map[string]int{}, time.Now(), 0
	for seed := from; seed < from+seeds; seed++ {
		c := generate(seed, rules, length)
		out := run(t, c)
		if trace {
			fmt.Print(out.trace)
		}
		for k, n := range out.faults {
			faults[k] += n
		}
		if out.err != nil {
			failed++
			fmt.Printf("FAIL seed %d: %v\n", seed, out.err)
			if shrinks {
				report(t, c)
			} else {
				fmt.Printf("The case:\n%s\n", c.format())
			}
			if failed == 3 {
				break
			}
		}
	}
	fmt.Printf("%d seeds from %d, rules %s: %d failed, %v\n", seeds, from, rules, failed, time.Since(start).Round(time.Millisecond))
	for _, k := range slices.Sorted(maps.Keys(faults)) {
		fmt.Printf("%10d  %s\n", faults[k], k)
	}
	if failed > 0 {
		t.Fail()
	}
}

// report shrinks a case that fails and prints it.
func report(t *testing.T, c runCase) {
	less := shrink(c, func(c runCase) bool { return run(t, c).err != nil })
	fmt.Printf("After shrinking: %v\nFor testdata:\n%s\n", run(t, less).err, less.format())
}
