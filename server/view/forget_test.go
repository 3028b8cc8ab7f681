package view

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
	"realmsync/server/budget"
	"realmsync/server/history"
)

// What every client has is not kept; who asks for it all the same is sent to the history, and misses nothing.
func TestForget(t *testing.T) {
	f := open(t)
	s := f.acquire("n > 3")
	defer s.Release()
	var entries []*history.Entry
	for i := range int64(40) {
		entries = append(entries, f.write(create(i, value.Null(), 5)...))
	}
	full := f.fan.bytes
	floor := entries[35].Version
	f.fan.Forget(floor)
	require.Nil(t, f.fan.Item(floor))
	require.NotNil(t, f.fan.Item(floor+1))
	require.Len(t, f.fan.recent, 4)
	require.LessOrEqual(t, cap(f.fan.recent), 16)
	require.Less(t, f.fan.bytes, full/8)
	require.Len(t, s.touched, 4)
	_, known := s.Next(floor - 1)
	require.False(t, known)
	require.Equal(t, floor, s.Known())
	version, known := s.Next(floor)
	require.True(t, known)
	require.Equal(t, floor+1, version)

	f.fan.Forget(f.fan.Version() + 100)
	require.Len(t, f.fan.recent, 1, "the newest stays: versions are counted from it")
	require.Empty(t, s.touched)
	version, known = s.Next(f.fan.Version())
	require.True(t, known)
	require.Zero(t, version)
	next := f.write(create(100, value.Null(), 5)...)
	version, known = s.Next(f.fan.Version() - 1)
	require.True(t, known)
	require.Equal(t, next.Version, version)
	sum := 0
	for _, item := range f.fan.recent {
		sum += item.size()
	}
	require.Equal(t, sum, f.fan.bytes)
}

// What is kept is bounded by the memory that it takes: with the objects, and not by the bytes of changesets only.
func TestKeptVersionsAreBounded(t *testing.T) {
	f := open(t)
	s := f.acquire("TRUEPREDICATE")
	defer s.Release()
	f.write(create(1, value.String(strings.Repeat("x", 1<<20)), 5)...)
	for i := range int64(2 * keepBytes >> 20) {
		f.write(set(1, "n", value.Int(i))) // a few bytes, of an object of 1 MiB
		require.LessOrEqual(t, f.fan.bytes, keepBytes+(4<<20))
	}
	require.Less(t, len(f.fan.recent), keepBytes>>20)
}

// What an app keeps for its sessions makes room for what others put into their caches; who asks for it is sent to the history, and misses nothing.
func TestKeptVersionsShareABudget(t *testing.T) {
	b := budget.New(1 << 30)
	defer b.Close()
	f := openWith(t, b)
	s := f.acquire("n > 3")
	defer s.Release()
	first := f.write(create(1, value.Null(), 5)...)
	for i := range int64(10) {
		f.write(create(2+i, value.Null(), 5)...)
	}
	require.NotNil(t, f.fan.Item(first.Version))
	b.Put(1 << 30)
	f.fan.Sweep()
	require.Nil(t, f.fan.Item(first.Version))
	require.Len(t, f.fan.recent, 1)
	version, known := s.Next(first.Version - 1)
	require.True(t, known)
	require.Equal(t, first.Version, version)
	next := f.write(create(100, value.Null(), 5)...)
	require.NotNil(t, f.fan.Item(next.Version))
	b.Put(1 << 30)
	last := f.write(create(101, value.Null(), 5)...)
	require.Nil(t, f.fan.Item(next.Version), "it isn't swept only: what comes pushes it out")
	require.NotNil(t, f.fan.Item(last.Version))
}
