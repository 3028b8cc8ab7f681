package store

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
)

func appendInt(t testing.TB, l *Collection, v int64) error {
	t.Helper()
	n, err := l.Len()
	require.NoError(t, err)
	cell := IntCell(v)
	return l.Insert(n, &cell)
}

// Elements that wait to be written are there for everybody who looks, in whatever way, and for the commit.
func TestAppendsThatWait(t *testing.T) {
	for _, n := range []int{1, 2, maxAppends - 1, maxAppends, maxAppends + 1, 5*maxAppends + 3} {
		c, l := openBag(t, "ints")
		var want []int64
		more := func() {
			for range n {
				v := int64(len(want))
				require.NoError(t, appendInt(t, l, v))
				want = append(want, v)
			}
		}
		stored := func() (count int64) {
			e, _, err := l.table()
			require.NoError(t, err)
			require.NoError(t, c.Query("SELECT count(*) FROM "+e.name, nil, func(r *Row) error { count = r.Int(0); return nil }))
			return count
		}
		more()
		require.Equal(t, want, ints(t, l))
		more()
		require.Equal(t, int64(len(want)), stored())
		more()
		again, err := c.Collection(l.class, l.row, l.class.Property("ints"))
		require.NoError(t, err)
		require.Equal(t, want, ints(t, again), "another name for it")
		more()
		cell := IntCell(-1)
		require.NoError(t, l.Set(len(want)-1, &cell))
		want[len(want)-1] = -1
		more()
		require.NoError(t, l.Erase(len(want)-1))
		want = want[:len(want)-1]
		more()
		require.NoError(t, l.Insert(1, &cell))
		want = append(want[:1], append([]int64{-1}, want[1:]...)...)
		more() // a ragged list
		require.NoError(t, c.Commit())
		require.NoError(t, c.BeginRead())
		require.Equal(t, want, ints(t, l))
		other := openAt(t, c.Path())
		require.NoError(t, other.BeginRead())
		theirs, err := other.Collection(other.Class("Bag"), l.row, l.class.Property("ints"))
		require.NoError(t, err)
		require.Equal(t, want, ints(t, theirs))
	}
}

// What waits goes with the transaction, with the list, and with its object.
func TestAppendsThatGo(t *testing.T) {
	c, l := openBag(t, "ints")
	require.NoError(t, c.Commit())
	left := func() (n int64) {
		e, _, err := l.table()
		require.NoError(t, err)
		require.NoError(t, c.Query("SELECT count(*) FROM "+e.name, nil, func(r *Row) error { n = r.Int(0); return nil }))
		return n
	}
	for name, end := range map[string]func(){
		"rollback":        func() { require.NoError(t, c.Rollback()) },
		"clear":           func() { require.NoError(t, l.Clear()); require.NoError(t, c.Commit()) },
		"delete":          func() { require.NoError(t, c.Delete(l.class, l.row)); require.NoError(t, c.Commit()) },
		"removed by fail": func() { c.tx, c.broken = txBroken, c.errorf(ErrAccess, "a test"); require.Error(t, c.Commit()) },
	} {
		require.NoError(t, c.BeginWrite())
		ok, err := l.Exists()
		require.NoError(t, err)
		if !ok {
			row, err := c.InsertValues(l.class, []value.Value{value.Int(int64(2))})
			require.NoError(t, err)
			l, err = c.Collection(l.class, row, l.class.Property("ints"))
			require.NoError(t, err)
		}
		for i := range int64(10) {
			require.NoError(t, appendInt(t, l, i), name)
		}
		end()
		require.NoError(t, c.BeginRead())
		require.Zero(t, left(), name)
		require.NoError(t, c.EndRead())
	}
}

// An element of the wrong type is refused at once, and the others are kept.
func TestAppendsRefused(t *testing.T) {
	c, l := openBag(t, "ints")
	for i := range int64(10) {
		require.NoError(t, appendInt(t, l, i))
	}
	for _, kind := range []value.Kind{value.KindNull, value.KindBool, value.KindDouble} {
		require.Error(t, l.Insert(10, &Cell{Type: uint8(kind)}), kind)
	}
	require.NoError(t, appendInt(t, l, 10))
	require.NoError(t, c.Commit())
	require.NoError(t, c.BeginRead())
	require.Len(t, ints(t, l), 11)
}

// When what waits can't be written, the transaction can't be committed: the application was told that it is in the list.
func TestAppendsThatFail(t *testing.T) {
	c, l := openBag(t, "ints")
	require.NoError(t, appendInt(t, l, -1))
	require.NoError(t, c.Commit())
	require.NoError(t, c.BeginWrite())
	require.NoError(t, c.Exec("PRAGMA max_page_count=1")) // SQLite makes it the present size
	r := rand.New(rand.NewPCG(1, 2))
	var failure error
	for range 200_000 {
		if failure = appendInt(t, l, r.Int64()); failure != nil {
			break
		}
	}
	require.ErrorContains(t, failure, "the disk is full")
	require.Error(t, c.Commit())
	require.NoError(t, c.BeginRead())
	require.Equal(t, []int64{-1}, ints(t, l))
}

// Two lists that are appended to in turn.
func TestAppendsInTurn(t *testing.T) {
	c, a := openBag(t, "ints")
	row, err := c.InsertValues(a.class, []value.Value{value.Int(2)})
	require.NoError(t, err)
	b, err := c.Collection(a.class, row, a.class.Property("ints"))
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(5, 6))
	want := map[*Collection][]int64{}
	for i := range int64(2000) {
		l := a
		if r.IntN(4) == 0 {
			l = b
		}
		require.NoError(t, appendInt(t, l, i))
		want[l] = append(want[l], i)
	}
	require.NoError(t, c.Commit())
	require.NoError(t, c.BeginRead())
	require.Equal(t, want[a], ints(t, a))
	require.Equal(t, want[b], ints(t, b))
}
