package sync

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A client may unbind a session that is failing at this moment, and bind its file again on the same connection. Whichever of the two gives the file up, it is free
// when UNBIND has been handled.
func TestFileIsFreeAfterUnbind(t *testing.T) {
	a := &app{files: map[uint64]*session{}}
	c := &conn{}
	old := &session{app: a, conn: c, claimed: 7}
	a.files[7] = old
	giveUp := func() chan struct{} {
		done := make(chan struct{})
		go func() { old.unclaim(); close(done) }()
		return done
	}
	a.mu.Lock() // holds the session's goroutine up in the middle of it
	failing := giveUp()
	for old.mu.TryLock() {
		claimed := old.claimed
		old.mu.Unlock()
		if claimed == 0 {
			break
		}
		runtime.Gosched()
	}
	unbind := giveUp()
	select {
	case <-unbind:
		require.Fail(t, "UNBIND was handled before the file was free")
	case <-time.After(50 * time.Millisecond):
	}
	a.mu.Unlock()
	<-unbind
	ok, err := a.claim(7, &session{app: a, conn: c})
	require.NoError(t, err)
	require.True(t, ok)
	<-failing
}
