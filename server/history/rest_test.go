package history

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
	"realmsync/server/budget"
	"realmsync/server/store"
)

// An app in which nothing happened between two rounds of trimming keeps nothing of its past in memory, and loses nothing by it.
func TestQuietEngineHoldsNoPast(t *testing.T) {
	disk := &faulty{}
	f, d := withT(t, func(c *Config) { c.Store, c.inline = disk, 8 })
	late := f.device()
	late.sync().write(create(50), set(50, "n", value.Int(1)))
	d.write(listOfT(), create(1))
	for i := range 40 {
		d.sync().write(insert(1, i, int64(i))) // long enough for pieces of its own
	}
	require.Greater(t, len(f.recent.entries), 40)
	require.NotZero(t, f.pieces.size)
	require.NotEmpty(t, f.clients.byIdent)
	require.False(t, f.trim(Retention{}).Quiet, "the first round")
	d.sync().write(add(50, "n", 1))
	require.False(t, f.trim(Retention{}).Quiet, "something was written")
	require.Zero(t, disk.shrunk)
	f.trim(Retention{}) // the floor may still rise
	require.True(t, f.trim(Retention{}).Quiet)
	require.NotZero(t, disk.shrunk)
	require.Len(t, f.recent.entries, 1, "the newest version")
	require.Zero(t, f.pieces.size)
	require.Empty(t, f.clients.byIdent)
	// All of it is still known.
	from, seen := f.Floor(), 0
	require.NoError(t, f.Entries(t.Context(), from, f.Version(), func(e *Entry) (bool, error) {
		seen++
		require.Equal(t, from+uint64(seen), e.Version)
		return true, nil
	}))
	require.EqualValues(t, f.Version()-from, seen)
	late.write(add(50, "n", 5))
	d.sync().write(insert(1, 40, 40))
	require.EqualValues(t, 7, f.n(50))
	require.Empty(t, f.problems())
}

// What trimming gives up leaves memory, too, at once.
func TestTrimmedVersionsLeaveMemory(t *testing.T) {
	f, d := withT(t, nil)
	for i := range int64(30) {
		d.sync().write(create(i))
	}
	before := f.recent.size
	d.sync().write(create(100))
	floor := f.trim(Retention{}).Floor
	require.Greater(t, floor, uint64(25))
	require.Greater(t, f.recent.entries[0].Version, floor)
	require.Less(t, f.recent.size, before/4)
	require.LessOrEqual(t, cap(f.recent.entries), 8)
	require.Equal(t, f.Version(), f.recent.get(f.Version()).Version)
}

// What an app has in memory makes room for what others put into theirs, and it loses nothing by it.
func TestEnginesShareABudget(t *testing.T) {
	b := budget.New(1 << 30)
	defer b.Close()
	f, d := withT(t, func(c *Config) { c.Budget, c.inline = b, 8 })
	late := f.device()
	late.sync().write(create(50), set(50, "n", value.Int(1)))
	d.write(listOfT(), create(1))
	for i := range 40 {
		d.sync().write(insert(1, i, int64(i)))
	}
	d.sync()
	f.pieces.remember(1, measure{})
	held := func() int {
		return len(f.recent.entries) + len(f.pieces.young) + len(f.pieces.old) + len(f.pieces.measures)
	}
	require.Greater(t, len(f.recent.entries), 40)
	require.Greater(t, held(), 42)
	f.Sweep()
	require.Greater(t, held(), 42, "there is room")
	b.Put(1<<29 + 1)
	f.Sweep()
	require.Empty(t, f.pieces.young)
	require.NotEmpty(t, f.pieces.old, "used in the half before")
	b.Put(1<<29 + 1)
	f.Sweep()
	require.Equal(t, 1, held(), "the newest version")

	// All of it is still known.
	late.write(add(50, "n", 5))
	d.sync().write(insert(1, 40, 40))
	late.sync()
	d.sync()
	require.EqualValues(t, 6, f.n(50))
	require.Empty(t, f.problems())
	require.NotEmpty(t, f.pieces.young)
	// What comes pushes out what there was, without a sweep.
	b.Put(1 << 30)
	d.write(insert(1, 41, 41))
	d.sync()
	require.LessOrEqual(t, len(f.recent.entries), 2)
	require.Empty(t, f.pieces.measures)
}

// What is remembered of files is bounded by how much it is, and not by how many they are only.
func TestClientsAreBounded(t *testing.T) {
	var c clients
	for i := range uint64(400) {
		resets := make([]store.Reset, maxClientResets)
		for k := range resets {
			resets[k].Version = uint64(k + 1)
		}
		c.remember(map[uint64]*fileState{i: {File: store.File{Ident: i}, resets: resets}})
		require.LessOrEqual(t, c.resets, maxResets+maxClientResets)
		sum := 0
		for _, known := range c.byIdent {
			sum += len(known.resets)
		}
		require.Equal(t, sum, c.resets)
	}
	// What a file knows of is not kept, nor the room that it took.
	resets := make([]store.Reset, 1000)
	for k := range resets {
		resets[k].Version = uint64(k + 1)
	}
	c.remember(map[uint64]*fileState{7: {File: store.File{Ident: 7, BaseVersion: 998}, resets: resets}})
	require.Len(t, c.byIdent[7].resets, 2)
	require.LessOrEqual(t, cap(c.byIdent[7].resets), 8)
}

// An entry's size is about what it holds: with the objects as they were before.
func TestSizeOfEntries(t *testing.T) {
	f, d := withT(t, nil)
	text := func(n int) value.Value { return value.String(fmt.Sprintf("%*d", n, 1)) }
	d.write(addColumn("T", "s", value.KindString, false), create(1), set(1, "s", text(100_000)))
	d.write(set(1, "s", text(10)))
	require.Greater(t, f.recent.get(f.Version()).Size(), 100_000, "it holds what was there before")
	d.write(set(1, "s", text(11)))
	require.Less(t, f.recent.get(f.Version()).Size(), 5_000)
}
