package realm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// The short cut for look-ups must find what the query finds.
func TestLookUpsByQuery(t *testing.T) {
	clean(t)
	s := schema.New(class("C", "_id", optional("_id", value.KindString), prop("n", value.KindInt)), class("D", "_id", prop("_id", value.KindInt)))
	r := open(t, Config{Path: tempPath(t), Schema: s})
	write(t, r, func() {
		for i, key := range []value.Value{str("a"), str("b"), value.Null(), str("$0")} {
			add(t, r, "C", values{"_id": key, "n": i64(int64(i))})
		}
		add(t, r, "D", values{"_id": i64(5)})
	})
	for range 3 { // the first learns
		for _, text := range []string{"_id == $0", "$0 == _id", "_id in {$0}"} {
			require.Equal(t, []int64{0}, ints(t, query(t, r, "C", text, str("a")), "n"), text)
			require.Equal(t, []int64{1}, ints(t, query(t, r, "C", text, str("b")), "n"), text)
			require.Empty(t, ints(t, query(t, r, "C", text, str("c")), "n"), text)
		}
		require.Equal(t, []int64{2}, ints(t, query(t, r, "C", "_id == $0", value.Null()), "n"))
		require.Equal(t, []int64{3}, ints(t, query(t, r, "C", "_id == '$0'", str("$0")), "n"), "a text, no argument")
		require.Equal(t, []int64{3}, ints(t, query(t, r, "C", "_id == '$0'", str("a")), "n"))
		require.Equal(t, []int64{1}, ints(t, query(t, r, "C", "_id == $1", str("a"), str("b")), "n"))
		require.Equal(t, []int64{0}, ints(t, query(t, r, "C", "_id == $0", str("a"), str("b")), "n"), "an argument too many")
		require.Equal(t, []int64{0}, ints(t, query(t, r, "C", "_id ==[c] $0", str("A")), "n"))
		require.Equal(t, 1, count(t, query(t, r, "D", "_id == $0", i64(5))), "another class with the same text")
		require.Equal(t, 1, count(t, query(t, r, "D", "_id == $0", value.Double(5))))
		require.Equal(t, 0, count(t, query(t, r, "D", "_id == $0", value.Double(5.5))))
		_, err := tryQuery(t, r, "C", "_id == $0", i64(5))
		require.Error(t, err, "the types don't fit")
		_, err = tryQuery(t, r, "C", "_id == $0")
		require.Error(t, err, "the argument is missing")
	}
	kept := query(t, r, "C", "_id == $0", str("b"))
	onThread(func() {
		w := open(t, Config{Path: r.Path(), Schema: with(s, "C", prop("more", value.KindInt)), SchemaMode: AdditiveDiscovered})
		write(t, w, func() { add(t, w, "C", values{"_id": str("z"), "n": i64(9), "more": i64(7)}) })
	})
	refresh(t, r)
	require.Equal(t, []int64{7}, ints(t, query(t, r, "C", "_id == $0", str("z")), "more"), "after a change of the schema")
	require.Equal(t, []int64{1}, ints(t, kept, "n"))
	for i := range 3 * maxPrepared {
		require.Equal(t, 1, count(t, query(t, r, "C", fmt.Sprintf("_id == $0 AND n != %d", 1000+i), str("a"))))
	}
	require.LessOrEqual(t, len(r.queries.byText), maxPrepared)
}
