package realm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/store"
	"realmsync/core/value"
)

// Each of many observers of objects is told of its object alone, with what the instance saw of it before, in the order of the registrations;
// whoever writes, and however late it comes.
func TestManyObserversOfObjects(t *testing.T) {
	clean(t)
	on := &threads{}
	config := Config{Path: memoryDir(t) + "/test.realm", Schema: dogs, ThreadID: on.id}
	on.switchTo(2)
	other := open(t, config)
	on.switchTo(1)
	own := open(t, config)
	t.Cleanup(func() { on.switchTo(1) })
	const many = 40
	fill(t, own, many)
	class := classOf(t, own, "Dog").ID
	rng := rand.New(rand.NewPCG(7, 8))
	type watched struct {
		token *Token
		name  string
		dog   int64
	}
	var all []watched // in order of their registrations
	var told []string
	number := 0
	observe := func(dog int64) {
		o, err := own.Get(class, dog)
		require.NoError(t, err)
		defer ReleaseObject(o)
		number++
		name := fmt.Sprintf("%d of dog %d", number, dog)
		token, err := ObserveObject(o, func(c ObjectChanges) {
			require.Equal(t, []int{2}, c.Properties, name)
			told = append(told, fmt.Sprintf("%s: %v", name, (*store.Cell)(c.Old[0]).Value()))
		})
		require.NoError(t, err)
		all = append(all, watched{token, name, dog})
	}
	age := func(r *Realm, dog, age int64) {
		write(t, r, func() {
			o, err := r.Get(class, dog)
			require.NoError(t, err)
			defer ReleaseObject(o)
			set1(t, o, "age", i64(age))
		})
	}
	saw := map[int64]int64{} // ages that the observers know of
	for dog := range int64(many) {
		saw[dog] = dog % 10 // as fill has it
		observe(dog)
	}
	require.Len(t, own.observers.young, many)
	refresh(t, own)
	require.Empty(t, own.observers.young)
	for round := range 80 {
		now := map[int64]int64{} // dogs that others have changed
		on.switchTo(2)
		for range rng.IntN(4) {
			dog := rng.Int64N(many)
			now[dog] = rng.Int64N(1000) + 100
			age(other, dog, now[dog])
		}
		on.switchTo(1)
		if rng.IntN(2) == 0 {
			refresh(t, own)
		} else {
			require.NoError(t, own.BeginWrite())
			require.NoError(t, own.Cancel())
		}
		expect := func(changed map[int64]int64, old func(dog int64) int64) {
			t.Helper()
			var expected []string
			for _, w := range all {
				if _, ok := changed[w.dog]; ok {
					expected = append(expected, fmt.Sprintf("%s: %v", w.name, value.Int(old(w.dog))))
				}
			}
			require.Equal(t, expected, take(&told), "round %d", round)
			for dog, age := range changed {
				saw[dog] = age
			}
		}
		expect(now, func(dog int64) int64 { return saw[dog] })
		if rng.IntN(2) == 0 { // what it writes itself it has seen before it is told
			dog, years := rng.Int64N(many), rng.Int64N(1000)+100
			age(own, dog, years)
			refresh(t, own)
			expect(map[int64]int64{dog: years}, func(int64) int64 { return years })
		}
		for range rng.IntN(3) { // and others come and go
			i := rng.IntN(len(all))
			all[i].token.Release()
			all = append(all[:i:i], all[i+1:]...)
			observe(rng.Int64N(many))
			observe(rng.Int64N(many))
		}
		for range 5 {
			observe(rng.Int64N(many))
			last := len(all) - 1
			all[last].token.Release()
			all = all[:last]
		}
		require.LessOrEqual(t, len(own.observers.young), 6, "those that have gone are forgotten")
		refresh(t, own)
		require.Empty(t, told)
	}
	for _, w := range all {
		w.token.Release()
	}
	require.Zero(t, own.observers.len())
}

// The old values are there also when the class has got other properties since.
func TestObserversOfObjectsInAChangedClass(t *testing.T) {
	clean(t)
	path := tempPath(t)
	r := open(t, Config{Path: path, Schema: dogs})
	write(t, r, func() { add(t, r, "Dog", values{"_id": i64(1), "age": i64(1)}) })
	dog := find(t, r, "Dog", i64(1))
	seen := observeObject(t, dog)
	refresh(t, r)
	write(t, r, func() { require.NoError(t, r.AddProperty("Dog", prop("weight", value.KindInt))) })
	refresh(t, r)
	take(seen)
	other, err := store.Open(path, store.Options{})
	require.NoError(t, err)
	require.NoError(t, other.BeginWrite())
	require.NoError(t, other.SetValue(other.Class("Dog"), 1, 2, i64(2)))
	version, err := other.Version()
	require.NoError(t, err)
	require.NoError(t, other.SetVersion(version+1))
	require.NoError(t, other.Commit())
	require.NoError(t, other.Close())
	refresh(t, r)
	require.Equal(t, []seenObject{{properties: []int{2}, old: []value.Value{i64(1)}}}, take(seen))
}
