package realm

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Instances come and go on many threads while others write, freeze, observe and hand objects on: nothing may deadlock, leak or be told twice.
func TestInstancesComeAndGo(t *testing.T) {
	clean(t)
	path := tempPath(t)
	keep := open(t, Config{Path: path, Schema: dogs})
	fill(t, keep, 20)
	frozenOnes := make(chan *Realm, 100)
	var group sync.WaitGroup
	for n := range uint64(4) {
		group.Go(func() {
			onThread(func() {
				rng := rand.New(rand.NewPCG(n, 1))
				for range 15 {
					r, err := Open(Config{Path: path, Schema: dogs})
					require.NoError(t, err)
					rs, err := r.All(classOf(t, r, "Dog").ID)
					require.NoError(t, err)
					inserted, deleted := 0, 0
					began := 0
					token, err := ObserveResults(rs, func(c CollectionChanges) {
						if c.Initial {
							began = count(t, rs)
						}
						inserted, deleted = inserted+len(c.Insertions), deleted+len(c.Deletions)
					})
					require.NoError(t, err)
					for range 3 {
						write(t, r, func() {
							id := i64(int64(rng.IntN(50)))
							o, _, err := tryCreate(t, r, "Dog", values{"_id": id, "age": i64(1)}, true)
							require.NoError(t, err)
							if rng.IntN(2) == 0 {
								require.NoError(t, DeleteObject(o))
							}
							ReleaseObject(o)
						})
						if rng.IntN(2) == 0 {
							f, err := r.Freeze()
							require.NoError(t, err)
							frozenOnes <- f
						}
						refresh(t, r)
						require.Equal(t, count(t, rs), began+inserted-deleted)
					}
					page := load(t, rs, 0, 3)
					switch rng.IntN(3) {
					case 0:
						require.NoError(t, r.Close())
					case 1:
						token.Release()
					}
					rs.Release()
					r.Release()
					token.Release()
					for _, o := range page { // the last references, perhaps
						ReleaseObject(o)
					}
				}
			})
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for f := range frozenOnes {
			rs, err := f.All(classOf(t, f, "Dog").ID)
			require.NoError(t, err)
			require.Len(t, ints(t, rs, "_id"), count(t, rs))
			rs.Release()
			f.Release()
		}
	}()
	group.Wait()
	close(frozenOnes)
	<-done
	refresh(t, keep)
}
