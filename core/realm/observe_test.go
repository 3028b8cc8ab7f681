package realm

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/store"
	"realmsync/core/value"
)

// seenObject is what an object's observer was told, with old values copied.
type seenObject struct {
	deleted    bool
	properties []int
	old        []value.Value
}

func observeObject(t *testing.T, o Object) *[]seenObject {
	t.Helper()
	seen := &[]seenObject{}
	token, err := ObserveObject(o, func(c ObjectChanges) {
		s := seenObject{deleted: c.Deleted, properties: c.Properties}
		for _, p := range c.Old {
			s.old = append(s.old, (*store.Cell)(p).Value())
		}
		*seen = append(*seen, s)
	})
	require.NoError(t, err)
	t.Cleanup(token.Release)
	return seen
}

func observeResults(t *testing.T, rs *Results) *[]CollectionChanges {
	t.Helper()
	seen := &[]CollectionChanges{}
	token, err := ObserveResults(rs, func(c CollectionChanges) { *seen = append(*seen, c) })
	require.NoError(t, err)
	t.Cleanup(token.Release)
	return seen
}

// take returns what was seen, and forgets it.
func take[T any](seen *[]T) []T {
	out := *seen
	*seen = nil
	return out
}

func refresh(t testing.TB, r *Realm) {
	t.Helper()
	_, err := r.Refresh()
	require.NoError(t, err)
}

func TestObjectObserver(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var rex, max Object
	write(t, r, func() {
		rex = create(t, r, "Dog", values{"_id": i64(1), "name": str("Rex"), "age": i64(1)})
		max = create(t, r, "Dog", values{"_id": i64(2), "friend": rex})
	})
	seen, other := observeObject(t, rex), observeObject(t, max)
	refresh(t, r)
	require.Empty(t, *seen, "no initial call")
	write(t, r, func() {
		set1(t, rex, "age", i64(2))
		set1(t, rex, "name", str("R"))
		set1(t, rex, "age", i64(3))
	})
	require.Empty(t, *seen, "not from the commit")
	refresh(t, r)
	require.Equal(t, []seenObject{{properties: []int{1, 2}, old: []value.Value{str("R"), i64(3)}}}, take(seen), "what this instance wrote itself it saw before it was told")
	refresh(t, r)
	require.Empty(t, *seen)
	write(t, r, func() { require.NoError(t, AddInt(rex, 2, 1)) })
	write(t, r, func() { set1(t, rex, "name", str("S")) })
	require.Equal(t, []seenObject{{properties: []int{2}, old: []value.Value{i64(4)}}}, take(seen), "inside the second begin")
	require.NoError(t, r.BeginWrite())
	require.Len(t, take(seen), 1)
	require.NoError(t, DeleteObject(rex))
	require.NoError(t, r.Commit())
	require.Empty(t, *other)
	refresh(t, r)
	require.Equal(t, []seenObject{{deleted: true}}, take(seen))
	require.Equal(t, []seenObject{{properties: []int{4}, old: []value.Value{value.Null()}}}, take(other), "the link to it became null")
	write(t, r, func() { add(t, r, "Dog", values{"_id": i64(1)}) })
	refresh(t, r)
	require.Empty(t, *seen, "nothing follows a deletion")
	require.NoError(t, r.BeginWrite())
	set1(t, max, "age", i64(9))
	_, err := ObserveObject(max, func(ObjectChanges) {})
	require.ErrorIs(t, err, ErrObserveAfterChange)
	require.NoError(t, r.Cancel())
	refresh(t, r)
	require.Empty(t, *other, "what was undone is not told")
}

func TestObserversOfOtherInstances(t *testing.T) {
	clean(t)
	path := tempPath(t)
	on := &threads{}
	a := open(t, Config{Path: path, Schema: dogs, ThreadID: on.id})
	var rex Object
	write(t, a, func() { rex = create(t, a, "Dog", values{"_id": i64(1), "name": str("Rex"), "age": i64(1)}) })
	on.switchTo(2)
	b := open(t, Config{Path: path, Schema: dogs, ThreadID: on.id})
	there := find(t, b, "Dog", i64(1))
	seen, rows := observeObject(t, there), observeResults(t, query(t, b, "Dog", "age > 0"))
	refresh(t, b)
	require.Equal(t, []CollectionChanges{{Initial: true}}, take(rows))
	on.switchTo(1)
	write(t, a, func() { set1(t, rex, "age", i64(2)) })
	write(t, a, func() { set1(t, rex, "name", str("Max")); add(t, a, "Dog", values{"_id": i64(0), "age": i64(5)}) })
	on.switchTo(2)
	require.Empty(t, *seen)
	refresh(t, b)
	require.Equal(t, []seenObject{{properties: []int{1, 2}, old: []value.Value{str("Rex"), i64(1)}}}, take(seen), "two commits, one call, values from before")
	require.Equal(t, []CollectionChanges{{Insertions: []int{0}, Modifications: []int{0}, ModificationsAfter: []int{1}}}, take(rows))
	on.switchTo(1)
	write(t, a, func() { set1(t, rex, "age", i64(-1)) })
	on.switchTo(2)
	require.NoError(t, b.BeginWrite())
	require.Len(t, take(seen), 1)
	require.Equal(t, []CollectionChanges{{Deletions: []int{1}}}, take(rows), "it left the query")
	require.NoError(t, b.Cancel())
	on.switchTo(1)
	write(t, a, func() { add(t, a, "Person", values{"_id": str("p")}) })
	write(t, a, func() { set1(t, rex, "name", str("out of view")) })
	on.switchTo(2)
	refresh(t, b)
	require.Empty(t, *rows)
}

func TestResultsObserver(t *testing.T) {
	clean(t)
	r := openDogs(t)
	fill(t, r, 10)
	rs := query(t, r, "Dog", "age > 5")
	byAge, err := rs.Sort([]Sort{{"age", false}})
	require.NoError(t, err)
	seen, sorted, every := observeResults(t, rs), observeResults(t, byAge), observeResults(t, all(t, r, "Dog"))
	byAge.Release()
	write(t, r, func() {
		require.Equal(t, []CollectionChanges{{Initial: true}}, take(seen), "before the body runs")
		set1(t, find(t, r, "Dog", i64(7)), "age", i64(100))
		require.NoError(t, DeleteObject(find(t, r, "Dog", i64(6))))
		set1(t, find(t, r, "Dog", i64(1)), "age", i64(50))
		set1(t, find(t, r, "Dog", i64(0)), "name", str("not in it"))
	})
	take(sorted)
	take(every)
	refresh(t, r)
	// 6 7 8 9 -> 1 7 8 9
	require.Equal(t, []CollectionChanges{{Deletions: []int{0}, Insertions: []int{0}, Modifications: []int{1}, ModificationsAfter: []int{1}}}, take(seen))
	// 9 8 7 6 -> 7 1 9 8
	require.Equal(t, []CollectionChanges{{Deletions: []int{2, 3}, Insertions: []int{0, 1}, Moves: []Move{{2, 0}}}}, take(sorted))
	require.Equal(t, []CollectionChanges{{Deletions: []int{6}, Modifications: []int{0, 1, 7}, ModificationsAfter: []int{0, 1, 6}}}, take(every))
	write(t, r, func() {})
	refresh(t, r)
	require.Empty(t, *seen, "an empty write is not told")
	write(t, r, func() { set1(t, find(t, r, "Dog", i64(2)), "age", i64(3)) })
	refresh(t, r)
	require.Empty(t, *seen)
	require.Empty(t, *sorted)
	require.Len(t, *every, 1)
}

func TestObserversFollowLinksOfTheQuery(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var ann Object
	write(t, r, func() {
		ann = create(t, r, "Person", values{"_id": str("ann"), "nick": str("a")})
		add(t, r, "Dog", values{"_id": i64(1), "owner": ann})
		add(t, r, "Dog", values{"_id": i64(2)})
	})
	seen := observeResults(t, query(t, r, "Dog", "owner.nick == 'a'"))
	refresh(t, r)
	take(seen)
	write(t, r, func() { set1(t, ann, "nick", str("b")) })
	refresh(t, r)
	require.Equal(t, []CollectionChanges{{Deletions: []int{0}}}, take(seen))
	write(t, r, func() { set1(t, ann, "nick", str("a")) })
	refresh(t, r)
	require.Equal(t, []CollectionChanges{{Insertions: []int{0}}}, take(seen))
	write(t, r, func() { require.NoError(t, DeleteObject(ann)) })
	refresh(t, r)
	require.Equal(t, []CollectionChanges{{Deletions: []int{0}}}, take(seen))
}

// Applying what an observer is told to what it saw before must give what is there.
func TestChangesRebuildTheResults(t *testing.T) {
	clean(t)
	r := openDogs(t)
	rng := rand.New(rand.NewPCG(3, 4))
	type follower struct {
		rs   *Results
		rows []int64 // ids
		ages map[int64]int64
		seen *[]CollectionChanges
	}
	var all []*follower
	for _, text := range []string{"TRUEPREDICATE", "age > 40", "TRUEPREDICATE SORT(age ASC)", "age < 70 SORT(age DESC)", "TRUEPREDICATE SORT(age DESC) LIMIT(7)"} {
		rs := query(t, r, "Dog", text)
		all = append(all, &follower{rs: rs, seen: observeResults(t, rs)})
	}
	refresh(t, r)
	for _, f := range all {
		take(f.seen)
	}
	for round := range 150 {
		write(t, r, func() {
			for range rng.IntN(8) {
				id := int64(rng.IntN(40))
				if o := find(t, r, "Dog", i64(id)); o == nil {
					add(t, r, "Dog", values{"_id": i64(id), "age": i64(int64(rng.IntN(100)))})
				} else if rng.IntN(4) == 0 {
					require.NoError(t, DeleteObject(o))
				} else {
					set1(t, o, "age", i64(int64(rng.IntN(100))))
				}
			}
		})
		if rng.IntN(3) > 0 {
			refresh(t, r)
		} else {
			write(t, r, func() {})
		}
		for k, f := range all {
			ids, ages := ints(t, f.rs, "_id"), map[int64]int64{}
			for i, age := range ints(t, f.rs, "age") {
				ages[ids[i]] = age
			}
			told := take(f.seen)
			require.LessOrEqual(t, len(told), 1)
			if len(told) == 1 {
				for i, before := range told[0].Modifications {
					require.Equal(t, f.rows[before], ids[told[0].ModificationsAfter[i]])
				}
				f.rows = rebuild(t, f.rows, ids, &told[0])
			}
			require.Equal(t, ids, f.rows, "round %d, results %d", round, k)
			// Whatever has another age is among the changes.
			touched := map[int64]bool{}
			if len(told) == 1 {
				for _, i := range append(slices.Clone(told[0].Insertions), told[0].ModificationsAfter...) {
					touched[ids[i]] = true
				}
			}
			for id, age := range ages {
				if f.ages[id] != age {
					require.True(t, touched[id] || f.ages == nil, "round %d, results %d: dog %d", round, k, id)
				}
			}
			f.ages = ages
		}
	}
}

func rebuild(t *testing.T, old, now []int64, c *CollectionChanges) []int64 {
	t.Helper()
	for _, list := range [][]int{c.Deletions, c.Insertions, c.Modifications} {
		require.True(t, slices.IsSorted(list))
	}
	for _, m := range c.Moves {
		require.Equal(t, old[m.From], now[m.To])
		require.Contains(t, c.Deletions, m.From)
		require.Contains(t, c.Insertions, m.To)
	}
	rows := slices.Clone(old)
	for _, i := range slices.Backward(c.Deletions) {
		rows = slices.Delete(rows, i, i+1)
	}
	for _, i := range c.Insertions {
		rows = slices.Insert(rows, i, now[i])
	}
	return rows
}

// loop is a scheduler: a queue that the test runs on its own thread.
type loop struct {
	thread int64
	woken  chan uint64
}

func newLoop() *loop { return &loop{thread: int64(osThreadID()), woken: make(chan uint64, 100)} }

func (l *loop) Wake(instance uint64) { l.woken <- instance }
func (l *loop) OnThread() bool       { return l.thread == int64(osThreadID()) }

// turn waits for a wake-up and processes it.
func (l *loop) turn(t *testing.T) {
	t.Helper()
	select {
	case id := <-l.woken:
		require.NoError(t, Process(id))
	case <-time.After(time.Minute):
		t.Fatal("nobody woke the event loop")
	}
}

func TestSchedulerDelivers(t *testing.T) {
	clean(t)
	path := tempPath(t)
	events := newLoop()
	r := open(t, Config{Path: path, Schema: dogs, Scheduler: events})
	seen := observeResults(t, all(t, r, "Dog"))
	require.Empty(t, *seen, "not from observing itself")
	events.turn(t)
	require.Equal(t, []CollectionChanges{{Initial: true}}, take(seen))
	onThread(func() {
		own, err := Open(Config{Path: path, Schema: dogs})
		require.NoError(t, err)
		defer own.Release()
		write(t, own, func() { add(t, own, "Dog", values{"_id": i64(1)}) })
	})
	require.Empty(t, *seen)
	events.turn(t)
	require.Equal(t, []CollectionChanges{{Insertions: []int{0}}}, take(seen))
	write(t, r, func() { add(t, r, "Dog", values{"_id": i64(2)}) })
	require.Empty(t, *seen, "not from the commit")
	events.turn(t)
	require.Equal(t, []CollectionChanges{{Insertions: []int{1}}}, take(seen))
	onThread(func() {
		own, err := Open(Config{Path: path, Schema: dogs, Scheduler: events})
		require.NoError(t, err, "opening on another thread than the scheduler's is no failure")
		defer own.Release()
		require.False(t, IsSame(own, r))
		require.NoError(t, own.BeginWrite())
		require.NoError(t, Process(own.ID()), "nothing happens in a write transaction")
		require.NoError(t, own.Cancel())
	})
	require.NoError(t, Process(99999))
}

func TestTokenEndsCalls(t *testing.T) {
	clean(t)
	r := openDogs(t)
	fill(t, r, 2)
	var tokens [2]*Token
	calls := 0
	for i := range tokens {
		token, err := ObserveResults(all(t, r, "Dog"), func(c CollectionChanges) {
			calls++
			tokens[1-i].Release() // the other one is not called any more
		})
		require.NoError(t, err)
		tokens[i] = token
	}
	refresh(t, r)
	require.Equal(t, 1, calls)
	write(t, r, func() { add(t, r, "Dog", values{"_id": i64(77)}) })
	tokens[0].Release()
	tokens[1].Release()
	tokens[1].Release()
	refresh(t, r)
	require.Equal(t, 1, calls)
}

func TestTokenKeepsTheInstanceOpen(t *testing.T) {
	clean(t)
	r, err := Open(Config{Path: tempPath(t), Schema: dogs})
	require.NoError(t, err)
	rs, err := r.All(classOf(t, r, "Dog").ID)
	require.NoError(t, err)
	token, err := ObserveResults(rs, func(CollectionChanges) {})
	require.NoError(t, err)
	rs.Release()
	r.Release()
	require.False(t, r.IsClosed())
	token.Release()
	require.True(t, r.IsClosed())
}

func TestCallbacksMayDoAnything(t *testing.T) {
	clean(t)
	r := openDogs(t)
	rs := all(t, r, "Dog")
	var counts []int
	token, err := ObserveResults(rs, func(c CollectionChanges) {
		counts = append(counts, count(t, rs))
		if len(counts) == 2 {
			refresh(t, r)
			write(t, r, func() { add(t, r, "Dog", values{"_id": i64(100)}) })
			more := observeResults(t, rs)
			require.Empty(t, *more)
		}
		if len(counts) == 4 {
			require.NoError(t, r.Close())
		}
	})
	require.NoError(t, err)
	refresh(t, r)
	write(t, r, func() { add(t, r, "Dog", values{"_id": i64(1)}) })
	refresh(t, r)
	refresh(t, r)
	write(t, r, func() { add(t, r, "Dog", values{"_id": i64(2)}) })
	refresh(t, r)
	require.Equal(t, []int{0, 1, 2, 3}, counts)
	require.True(t, r.IsClosed())
	token.Release()
}

func TestObserversWithoutKnowledgeOfChanges(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var rex Object
	write(t, r, func() {
		rex = create(t, r, "Dog", values{"_id": i64(1), "age": i64(1)})
		add(t, r, "Dog", values{"_id": i64(2)})
	})
	object, rows := observeObject(t, rex), observeResults(t, all(t, r, "Dog"))
	refresh(t, r)
	take(rows)
	outside(t, r, "UPDATE %s SET p3_age=5 WHERE id=1")
	refresh(t, r)
	require.Equal(t, []seenObject{{properties: []int{2}, old: []value.Value{i64(1)}}}, take(object), "the rows are compared")
	require.Equal(t, []CollectionChanges{{Modifications: []int{0, 1}, ModificationsAfter: []int{0, 1}}}, take(rows), "any of them may have changed")
	// Own changes beside one of another process.
	write(t, r, func() { set1(t, rex, "name", str("own")) })
	outside(t, r, "DELETE FROM %s WHERE id=2")
	refresh(t, r)
	require.Equal(t, []int{1}, take(object)[0].properties)
	require.Equal(t, []int{1}, take(rows)[0].Deletions)
}

// outside changes the file as another process would: nothing in this one learns what.
func outside(t *testing.T, r *Realm, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", r.Path())
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range []string{"BEGIN IMMEDIATE", fmt.Sprintf(statement, "c1_Dog"), "UPDATE store_meta SET value=value+1 WHERE id=1", "COMMIT"} {
		_, err := db.Exec(s)
		require.NoError(t, err)
	}
}
