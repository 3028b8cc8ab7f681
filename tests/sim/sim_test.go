package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	goleak.VerifyTestMain(m)
}

// Some seeds each time, with either rules; REALM_SIM_SEEDS says how many, REALM_SIM_FROM with which to begin.
func TestSeeds(t *testing.T)       { seeds(t, "compatible") }
func TestSeedsStrict(t *testing.T) { seeds(t, "strict") }

func seeds(t *testing.T, rules string) {
	number := func(name string, without uint64) uint64 {
		if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
			return n
		}
		return without
	}
	count := number("REALM_SIM_SEEDS", 80)
	if testing.Short() {
		count = 10
	}
	from := number("REALM_SIM_FROM", 0)
	for seed := from; seed < from+count; seed++ {
		c := generate(seed, rules, 60)
		out := run(t, c)
		if out.err == nil {
			continue
		}
		less := shrink(c, func(c runCase) bool { return run(t, c).err != nil })
		require.FailNow(t, "a run failed", "seed %d: %v\nAfter shrinking: %v\nFor testdata:\n%s", seed, out.err, run(t, less).err, less.format())
	}
}

// Cases that failed once; each says why.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			c, err := parse(string(text))
			require.NoError(t, err)
			require.NoError(t, run(t, c).err)
		})
	}
}

// The same seed leads to the same run, step for step, with the same data in the end.
func TestSameSeedSameTrace(t *testing.T) {
	for seed := range uint64(5) {
		c := generate(seed, "compatible", 60)
		again, err := parse(c.format())
		require.NoError(t, err)
		require.Equal(t, c, again)
		first, second := run(t, c), run(t, again)
		require.NoError(t, first.err)
		require.Equal(t, first.trace, second.trace, "seed %d", seed)
		// How many connections the server reads with is the scheduler's business, and each costs a few operations when it ends.
		delete(first.faults, "storage operation")
		delete(second.faults, "storage operation")
		require.Equal(t, first.faults, second.faults, "seed %d", seed)
	}
}

// Every kind of fault does happen.
func TestFaultsHappen(t *testing.T) {
	faults := map[string]int{}
	for seed := range uint64(30) {
		out := run(t, generate(seed, "compatible", 60))
		require.NoError(t, out.err)
		for k, n := range out.faults {
			faults[k] += n
		}
	}
	for _, k := range []string{
		"message dropped", "message delayed", "reordered between connections", "changeset uploaded again", "changeset downloaded again",
		"disconnect", "half-open connection", "connection refused", "crash of the client", "crash of the server", "power lost",
		"unsynced write lost", "write refused, disk full", "subscription change", "storage operation torn", "large version, or bootstrap, in batches",
	} {
		require.Positive(t, faults[k], k)
	}
}
