package realm

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Threads write while another one is told: whenever it is, what it was told makes what it sees of what it saw before.
func TestObserversWhileOthersWrite(t *testing.T) {
	clean(t)
	path := tempPath(t)
	r := open(t, Config{Path: path, Schema: owners})
	write(t, r, func() {
		for i := range int64(4) {
			add(t, r, "Pet", values{"_id": i64(i)})
			add(t, r, "Owner", values{"_id": i64(i)})
		}
	})
	type follower struct {
		rs   *Results
		rows []int64
		seen *[]CollectionChanges
	}
	var all []*follower
	for _, text := range []string{"ANY pets.age > 50", "pet.friend.age > 30 SORT(pet.age DESC)", "pets.@count > 1", "ANY pet.@links.Owner.pets.name != 'x'"} {
		rs := query(t, r, "Owner", text)
		rows, err := rs.rowIDs()
		require.NoError(t, err)
		all = append(all, &follower{rs, rows, observeResults(t, rs)})
	}
	refresh(t, r)
	for _, f := range all {
		take(f.seen)
	}
	var group sync.WaitGroup
	for n := range uint64(3) {
		group.Go(func() {
			onThread(func() {
				rng := rand.New(rand.NewPCG(n, 7))
				own, err := Open(Config{Path: path, Schema: owners})
				require.NoError(t, err)
				defer own.Release()
				for range 30 {
					write(t, own, func() { randomPets(t, own, rng) })
				}
			})
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	for last := false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		refresh(t, r)
		for k, f := range all {
			rows, err := f.rs.rowIDs()
			require.NoError(t, err)
			rows = append([]int64{}, rows...)
			told := take(f.seen)
			require.LessOrEqual(t, len(told), 1)
			if len(told) == 1 {
				require.False(t, told[0].empty())
				f.rows = rebuild(t, f.rows, rows, &told[0])
			}
			require.Equal(t, len(rows), len(f.rows))
			for i := range rows {
				require.Equal(t, rows[i], f.rows[i], "results %d", k)
			}
		}
	}
}

func randomPets(t *testing.T, r *Realm, rng *rand.Rand) {
	owner, pet := i64(rng.Int64N(4)), i64(rng.Int64N(4))
	o, _, err := tryCreate(t, r, "Owner", values{"_id": owner}, true)
	require.NoError(t, err)
	defer ReleaseObject(o)
	p, _, err := tryCreate(t, r, "Pet", values{"_id": pet, "age": i64(rng.Int64N(100))}, true)
	require.NoError(t, err)
	defer ReleaseObject(p)
	pets, err := OpenCollection(o, propertyNamed(t, o, "pets"))
	require.NoError(t, err)
	defer pets.Release()
	switch rng.IntN(6) {
	case 0:
		require.NoError(t, DeleteObject(p))
	case 1:
		require.NoError(t, DeleteObject(o))
	case 2:
		require.NoError(t, pets.Clear())
	case 3:
		set1(t, o, "pet", p)
	case 4:
		set1(t, p, "friend", p)
	default:
		push(t, pets, p)
	}
}
