package realm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"realmsync/core/rql"
	"realmsync/core/store"
)

// fill makes dogs 0 to n-1, whose age is the number modulo 10.
func fill(t testing.TB, r *Realm, n int64) {
	t.Helper()
	write(t, r, func() {
		for i := range n {
			add(t, r, "Dog", values{"_id": i64(i), "age": i64(i % 10)})
		}
	})
}

func TestResultsInBatches(t *testing.T) {
	clean(t)
	r := openDogs(t)
	fill(t, r, 600)
	rs := all(t, r, "Dog")
	require.Equal(t, 600, count(t, rs))
	out := make([]Object, 600)
	n, err := rs.Load(0, 600, unsafe.Pointer(&out[0]))
	require.NoError(t, err)
	require.Equal(t, 256, n, "at most 256 per call")
	for _, o := range out[:n] {
		require.True(t, fields(o).isCurrent(), "with its row")
		ReleaseObject(o)
	}
	for _, c := range []struct{ first, count, want int }{{0, 0, 0}, {599, 1, 1}, {599, 2, 1}, {600, 5, 0}, {1 << 40, 1, 0}, {590, 100, 10}} {
		page := load(t, rs, c.first, c.count)
		require.Len(t, page, c.want)
		for i, o := range page {
			require.Equal(t, i64(int64(c.first+i)), get(t, o, "_id"))
			ReleaseObject(o)
		}
	}
	_, err = rs.Load(-1, 1, unsafe.Pointer(&out[0]))
	require.ErrorIs(t, err, store.ErrRange)
	want := make([]int64, 600)
	for i := range want {
		want[i] = int64(i)
	}
	require.Equal(t, want, ints(t, rs, "_id"))
}

func TestQueries(t *testing.T) {
	clean(t)
	r := openDogs(t)
	fill(t, r, 30)
	require.Equal(t, []int64{3, 13, 23}, ints(t, query(t, r, "Dog", "age == 3"), "_id"))
	require.Equal(t, []int64{29, 28}, ints(t, query(t, r, "Dog", "age > $0 SORT(_id DESC) LIMIT(2)", i64(7)), "_id"))
	require.Equal(t, 30, count(t, query(t, r, "Dog", "TRUEPREDICATE")))
	require.Equal(t, 0, count(t, query(t, r, "Dog", "FALSEPREDICATE")))
	require.Equal(t, []int64{0, 1, 2}, ints(t, query(t, r, "Dog", "TRUEPREDICATE DISTINCT(age) LIMIT(3)"), "_id"))
	for text, want := range map[string]string{
		"nosuch == 1": "'Dog' has no property 'nosuch'",
		"age ==":      "Invalid predicate: 'age ==': syntax error, unexpected end of file",
		"age == $0":   "Request for argument at index 0 but no arguments are provided",
	} {
		_, err := tryQuery(t, r, "Dog", text)
		require.ErrorContains(t, err, want)
	}
	_, err := r.All(99)
	require.ErrorIs(t, err, store.ErrSchema)
	b := newBlock(t)
	defer b.free()
	text, err := r.DescribeQuery(classOf(t, r, "Dog").ID, "age <= $0 && name BEGINSWITH $1", b.cells([]any{i64(2), str("R")}), 2)
	require.NoError(t, err)
	require.Equal(t, `age < 3 and name BEGINSWITH "R"`, text)
	_, err = r.DescribeQuery(classOf(t, r, "Dog").ID, "nosuch == 1", nil, 0)
	require.Error(t, err)
}

func TestSort(t *testing.T) {
	clean(t)
	r := openDogs(t)
	write(t, r, func() {
		for i, nick := range []any{str("b"), str("a"), nil} {
			p := create(t, r, "Person", values{"_id": str(string(rune('p' + i))), "nick": nick})
			add(t, r, "Dog", values{"_id": i64(int64(i)), "age": i64(int64(i % 2)), "owner": p})
			set1(t, p, "dog", linkTo{classOf(t, r, "Dog").ID, int64(i)})
		}
		add(t, r, "Dog", values{"_id": i64(3), "age": i64(1)})
	})
	sorted := func(rs *Results, by ...Sort) *Results {
		out, err := rs.Sort(by)
		require.NoError(t, err)
		t.Cleanup(out.Release)
		return out
	}
	dogs := all(t, r, "Dog")
	require.Equal(t, []int64{3, 2, 1, 0}, ints(t, sorted(dogs, Sort{"_id", false}), "_id"))
	require.Equal(t, []int64{2, 0, 3, 1}, ints(t, sorted(dogs, Sort{"age", true}, Sort{"_id", false}), "_id"))
	require.Equal(t, []int64{2, 0, 3, 1}, ints(t, sorted(sorted(dogs, Sort{"_id", false}), Sort{"age", true}), "_id"), "the later order is the more significant")
	require.Equal(t, []int64{2, 1, 0, 3}, ints(t, sorted(dogs, Sort{"owner.nick", true}), "_id"), "null first, no owner last")
	require.Equal(t, []int64{2, 1, 0}, ints(t, sorted(query(t, r, "Dog", "owner != nil"), Sort{"owner.dog.owner.nick", true}), "_id"))
	limited := query(t, r, "Dog", "TRUEPREDICATE SORT(_id DESC) LIMIT(2)")
	require.Equal(t, []int64{2, 3}, ints(t, sorted(limited, Sort{"_id", true}), "_id"), "sorts what is left")
	require.Equal(t, []int64{0, 1, 2, 3}, ints(t, sorted(dogs), "_id"))
	for path, want := range map[string]string{
		"nosuch":       "Cannot sort on key path 'nosuch': property 'Dog.nosuch' does not exist.",
		"owner.nosuch": "Cannot sort on key path 'owner.nosuch': property 'Person.nosuch' does not exist.",
		"age.x":        "Cannot sort on key path 'age.x': property 'Dog.age' of type 'int' may only be the final property in the key path.",
		"owner":        "Cannot sort on key path 'owner': property 'Dog.owner' of type 'link<Person>' cannot be the final property in the key path.",
	} {
		_, err := dogs.Sort([]Sort{{path, true}})
		require.EqualError(t, err, want)
		require.ErrorIs(t, err, rql.ErrInvalidQuery)
	}
}

func TestResultsAreLive(t *testing.T) {
	clean(t)
	r := openDogs(t)
	fill(t, r, 10)
	every := all(t, r, "Dog")
	old := query(t, r, "Dog", "age >= 7")
	byAge, err := old.Sort([]Sort{{"age", false}})
	require.NoError(t, err)
	defer byAge.Release()
	require.Equal(t, []int64{7, 8, 9}, ints(t, old, "_id"))
	require.Equal(t, []int64{9, 8, 7}, ints(t, byAge, "_id"))
	write(t, r, func() {
		set1(t, find(t, r, "Dog", i64(0)), "age", i64(20))
		require.Equal(t, []int64{0, 7, 8, 9}, ints(t, old, "_id"), "own changes are seen at once")
		require.Equal(t, []int64{0, 9, 8, 7}, ints(t, byAge, "_id"))
		require.NoError(t, DeleteObject(find(t, r, "Dog", i64(8))))
		require.Equal(t, []int64{0, 7, 9}, ints(t, old, "_id"))
		add(t, r, "Dog", values{"_id": i64(5000), "age": i64(8)})
		require.Equal(t, []int64{0, 7, 9, 5000}, ints(t, old, "_id"))
		require.Equal(t, 10, count(t, every))
		i, ok, err := old.IndexOf(find(t, r, "Dog", i64(9)))
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, 2, i)
		_, ok, err = old.IndexOf(find(t, r, "Dog", i64(1)))
		require.NoError(t, err)
		require.False(t, ok)
	})
	require.Equal(t, []int64{0, 9, 5000, 7}, ints(t, byAge, "_id"))
}

// Results that follow changes and a query that is run anew must agree, whatever happens: by the instance itself, or by another one while it
// has an observer.
func TestFollowingResultsAgreesWithRunningThem(t *testing.T) {
	clean(t)
	r := openDogs(t)
	followRandomly(t, r, r, &threads{}, 60)
}

func TestFollowingOthersAgreesWithRunningAnew(t *testing.T) {
	clean(t)
	on := &threads{}
	config := Config{Path: memoryDir(t) + "/test.realm", Schema: dogs, ThreadID: on.id}
	on.switchTo(2)
	writer := open(t, config)
	on.switchTo(1)
	r := open(t, config)
	t.Cleanup(func() { on.switchTo(1) })
	observeResults(t, all(t, r, "Person"))
	followRandomly(t, r, writer, on, 120)
}

// followRandomly has a writer, on thread 2, change what results of r, on thread 1, follow.
func followRandomly(t *testing.T, r, writer *Realm, on *threads, rounds int) {
	rng := rand.New(rand.NewPCG(1, 2))
	kept := map[string]*Results{}
	for _, text := range []string{"TRUEPREDICATE", "age > 50", "owner._id == 'p1'", "age < 30 SORT(age ASC)", "TRUEPREDICATE SORT(age DESC, name ASC)", "friend.age > 50", "friend != nil LIMIT(3)"} {
		kept[text] = query(t, r, "Dog", text)
	}
	kept["all"] = all(t, r, "Dog")
	own := r == writer
	if !own {
		on.switchTo(2)
	}
	write(t, writer, func() {
		add(t, writer, "Person", values{"_id": str("p0")})
		add(t, writer, "Person", values{"_id": str("p1")})
	})
	dog, person := classOf(t, writer, "Dog").ID, classOf(t, writer, "Person").ID
	for range rounds {
		if !own {
			on.switchTo(2)
		}
		require.NoError(t, writer.BeginWrite())
		for range rng.IntN(20) {
			id := int64(rng.IntN(60))
			o := find(t, writer, "Dog", i64(id))
			switch k := rng.IntN(5); {
			case o == nil:
				add(t, writer, "Dog", values{"_id": i64(id), "age": i64(int64(rng.IntN(100))), "name": str(fmt.Sprint(rng.IntN(3))), "owner": linkTo{person, int64(1 + rng.IntN(2))}})
			case k == 0:
				require.NoError(t, DeleteObject(o))
			case k == 1:
				_ = trySet(t, o, "friend", linkTo{dog, int64(rng.IntN(60))}) // fails when there is no such dog
			default:
				set1(t, o, "age", i64(int64(rng.IntN(100))))
			}
			if own && rng.IntN(3) == 0 {
				compareResults(t, r, kept)
			}
		}
		if rng.IntN(4) == 0 {
			require.NoError(t, writer.Cancel())
		} else {
			require.NoError(t, writer.Commit())
		}
		if !own {
			on.switchTo(1)
			if rng.IntN(3) == 0 {
				continue // it comes late
			}
			refresh(t, r)
		}
		compareResults(t, r, kept)
	}
}

func compareResults(t *testing.T, r *Realm, kept map[string]*Results) {
	t.Helper()
	// Another connection's plans know nothing of this one's; in a write transaction the comparison is with a plain loop.
	for text, rs := range kept {
		got := ints(t, rs, "_id")
		require.Equal(t, len(got), count(t, rs), text)
		want := got
		switch text {
		case "TRUEPREDICATE", "all":
			want = rowsOf(t, r, "SELECT id FROM %s ORDER BY id")
		case "age > 50":
			want = rowsOf(t, r, "SELECT id FROM %s WHERE p3_age>50 ORDER BY id")
		case "age < 30 SORT(age ASC)":
			want = rowsOf(t, r, "SELECT id FROM %s WHERE p3_age<30 ORDER BY p3_age, id")
		case "TRUEPREDICATE SORT(age DESC, name ASC)":
			want = rowsOf(t, r, "SELECT id FROM %s ORDER BY p3_age DESC, p2_name, id")
		case "owner._id == 'p1'":
			want = rowsOf(t, r, "SELECT id FROM %s WHERE p4_owner=2 ORDER BY id")
		case "friend.age > 50":
			want = rowsOf(t, r, "SELECT id FROM %[1]s WHERE p5_friend IN (SELECT id FROM %[1]s WHERE p3_age>50) ORDER BY id")
		case "friend != nil LIMIT(3)":
			want = rowsOf(t, r, "SELECT id FROM %s WHERE p5_friend IS NOT NULL ORDER BY id LIMIT 3")
		}
		require.Equal(t, want, got, text)
	}
}

func TestSnapshot(t *testing.T) {
	clean(t)
	r := openDogs(t)
	fill(t, r, 10)
	rs := query(t, r, "Dog", "age < 5")
	snap, err := rs.Snapshot()
	require.NoError(t, err)
	defer snap.Release()
	write(t, r, func() {
		for i := range count(t, snap) {
			o := load(t, snap, i, 1)[0]
			set1(t, o, "age", i64(9)) // leaves the live results
			ReleaseObject(o)
		}
	})
	require.Equal(t, 0, count(t, rs))
	require.Equal(t, 5, count(t, snap))
	write(t, r, func() { require.NoError(t, DeleteObject(find(t, r, "Dog", i64(2)))) })
	page := load(t, snap, 1, 3)
	for i, o := range page {
		require.Equal(t, i != 1, Valid(o))
		require.Equal(t, i == 1, fields(o).values == nil)
		ReleaseObject(o)
	}
	i, ok, err := snap.IndexOf(find(t, r, "Dog", i64(3)))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 3, i)
	again, err := snap.Snapshot()
	require.NoError(t, err)
	defer again.Release()
	require.Equal(t, 5, count(t, again))
	_, err = snap.Sort([]Sort{{"age", true}})
	require.Error(t, err)
	write(t, r, func() { require.NoError(t, snap.DeleteAll()) })
	require.Equal(t, 5, count(t, all(t, r, "Dog")))
}

func TestDeleteAll(t *testing.T) {
	clean(t)
	r := openPets(t)
	write(t, r, func() {
		rex := create(t, r, "Dog", values{"_id": i64(1), "name": str("a")})
		add(t, r, "Dog", values{"_id": i64(2), "friend": rex, "name": str("b")})
		add(t, r, "Dog", values{"_id": i64(3), "friend": rex, "name": str("c")})
	})
	before := r.Version()
	write(t, r, func() { require.NoError(t, query(t, r, "Dog", "_id < 3").DeleteAll()) })
	require.Equal(t, []int64{3}, ints(t, all(t, r, "Dog"), "_id"))
	got := recorded(t, r, before)
	slices.Sort(got[:2])
	require.Equal(t, []string{"Update Dog[2].friend", "Update Dog[3].friend", "EraseObject Dog[1]", "EraseObject Dog[2]"}, got)
	write(t, r, func() { require.NoError(t, all(t, r, "Dog").DeleteAll()) })
	require.Equal(t, 0, count(t, all(t, r, "Dog")))
}

func TestResultsKeepTheirInstanceOpen(t *testing.T) {
	clean(t)
	r, err := Open(Config{Path: tempPath(t), Schema: dogs})
	require.NoError(t, err)
	fill(t, r, 3)
	rs, err := r.All(classOf(t, r, "Dog").ID)
	require.NoError(t, err)
	r.Release()
	require.False(t, r.IsClosed())
	require.Equal(t, 3, count(t, rs))
	rs.Release()
	rs.Release()
	require.True(t, r.IsClosed())
	_, err = rs.Count()
	require.Error(t, err)
}

func TestReleasedResults(t *testing.T) {
	clean(t)
	r := openDogs(t)
	rs, err := r.All(classOf(t, r, "Dog").ID)
	require.NoError(t, err)
	rs.Release()
	_, err = rs.Count()
	require.ErrorIs(t, err, ErrInvalidHandle)
	_, err = rs.Snapshot()
	require.ErrorIs(t, err, ErrInvalidHandle)
	_, err = ObserveResults(rs, func(CollectionChanges) {})
	require.ErrorIs(t, err, ErrInvalidHandle)
	_, err = rs.Sort(nil)
	require.ErrorIs(t, err, ErrInvalidHandle)
}
