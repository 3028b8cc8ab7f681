package session

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The worked traces of sync-semantics section 12, message by message.

// Trace 12.1: a new file, one subscription.
func TestTraceNewFile(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		f.commit("+Dog") // version 3
		require.EqualValues(t, 1, f.subscribe(`{"Dog":"(age > 3)"}`))
		f.commit("later") // version 5: after the set, so after its QUERY
		s := w.open(f, "a", Immediately)
		s.WaitForSet(1, func(st SetState, err error) { w.note("set %d %v", st, err) })
		require.Equal(t, Active, s.State())

		p := w.accept()
		require.Equal(t, testRoute+"?baas_at=t0", p.url)
		p.expect("bind 1 37 0 1 0↵" + bindData)
		p.send("ident 1 7 4242↵")
		p.expect("ident 1 7 4242 0 0 0 0 0 2↵{}", "mark 1 1↵")
		p.silent() // uploads and QUERY are delayed
		p.send(download(1, "5 0 5 777 0 0 0 1 1", "5 0 sch0"))
		require.Equal(t, Complete, f.state(0))
		p.silent()
		p.send("mark 1 1↵")
		p.expect("upload 1 0 14 0 3 0 5↵3 0 1 0 4 +Dog", "query 1 1 19↵"+`{"Dog":"(age > 3)"}`, "mark 1 2↵")
		p.expect("upload 1 0 15 0 6 5 5↵5 0 1 0 5 later")
		p.send(download(1, "9 3 9 801 3 5 1 0 0.6", "9 3 a"))
		require.Equal(t, Bootstrapping, f.state(1))
		require.Equal(t, []string{"sch0"}, f.seen(), "nothing is visible yet")
		p.send(download(1, "9 3 9 801 3 5 1 1 1", "9 3 b"))
		require.Equal(t, AwaitingMark, f.state(1))
		require.Equal(t, []string{"sch0", "a", "b"}, f.seen())
		require.Empty(t, w.notes())
		p.send("mark 1 2↵")
		require.Equal(t, Complete, f.state(1))
		require.Equal(t, []string{"set 3 <nil>"}, w.notes())
	})
}
