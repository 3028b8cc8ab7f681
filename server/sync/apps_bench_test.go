package sync

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/server/budget"
	"realmsync/server/history"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
)

// BenchmarkApps is what 50 apps hold that are all in use: in each, 2,000 objects of 16 KiB are written, ten at a time, in an order in which the apps take turns, and looked
// at. It reports what Go's heap and SQLite hold at the end, of which sessions and connections have nothing. Run it with -benchtime 1x; it writes 1.6 GB. BENCH_BUDGET_MIB is a budget for Go's caches, and half of it one for SQLite.
func BenchmarkApps(b *testing.B) {
	const apps, rounds, atOnce = 50, 200, 10
	var caches *budget.Budget
	if mib := os.Getenv("BENCH_BUDGET_MIB"); mib != "" { // as --memory would say: half as much for SQLite
		n, err := strconv.ParseInt(mib, 10, 64)
		require.NoError(b, err)
		caches = budget.New(n << 20)
		defer caches.Close()
		defer sqlite.LimitMemory(n << 19)()
	}
	f := open(b, func(c *Config) { c.Budget = caches })
	text := strings.Repeat("x", 16<<10)
	for b.Loop() {
		var list []*app
		for i := range apps {
			a, done := f.look(fmt.Sprintf("app%d", i))
			defer done()
			list = append(list, a)
			_, err := a.engine.Write(b.Context(), func(*history.Writing) (*changeset.Changeset, error) {
				return &changeset.Changeset{Instructions: dogSchema()}, nil
			})
			require.NoError(b, err)
			set, err := a.fan.Acquire(a.engine.Catalog(), []byte(allDogs), true)
			require.NoError(b, err)
			defer set.Release()
		}
		for round := range rounds {
			for _, a := range list {
				_, err := a.engine.Write(b.Context(), func(*history.Writing) (*changeset.Changeset, error) {
					var ins []changeset.Instruction
					for i := range atOnce {
						ins = append(ins, create(int64(round*atOnce+i), text, 1)...)
					}
					return &changeset.Changeset{Instructions: ins}, nil
				})
				require.NoError(b, err)
				s, err := a.engine.Snapshot(b.Context())
				require.NoError(b, err)
				for range atOnce {
					_, err := s.Row(store.ObjectRef{Class: s.Catalog.Class("Dog").ID, Key: history.EncodeKey(value.IntKey(int64(rand.IntN((round + 1) * atOnce))))})
					require.NoError(b, err)
				}
				require.NoError(b, s.Close())
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB-heap")
		b.ReportMetric(float64(sqlite.MemoryUsed())/(1<<20), "MiB-sqlite")
	}
}
