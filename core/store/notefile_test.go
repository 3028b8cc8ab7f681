//go:build linux

package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// openNotes opens a note file as often as if that many processes did: the locks belong to the open file.
func openNotes(t *testing.T, many int) (realm string, all []*noteFile) {
	realm = filepath.Join(t.TempDir(), "test.realm")
	require.NoError(t, os.WriteFile(realm, nil, 0o640))
	for range many {
		n := openNote(realm)
		require.NotNil(t, n)
		all = append(all, n)
	}
	return realm, all
}

func TestNoteFileTellsOthers(t *testing.T) {
	realm, n := openNotes(t, 2)
	info, err := os.Stat(realm + "-note")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode(), "whoever may use the realm may use it")
	mine, theirs := n[0].state(), n[1].state()
	n[0].committed(true)
	require.Equal(t, mine, n[0].state(), "one's own commits are no news")
	require.NotEqual(t, theirs, n[1].state())
	for range 2 {
		theirs = n[1].state()
		n[0].committed(true)
		n[1].committed(true)
		require.NotEqual(t, theirs, n[1].state())
	}
	theirs = n[1].state()
	n[0].committed(false)
	require.NotEqual(t, theirs, n[1].state(), "it began while nobody else was there")
	number, err := n[1].ask()
	require.NoError(t, err)
	require.EqualValues(t, 1, number)
	require.EqualValues(t, 1, n[0].state().asked)

	n[1].close()
	require.True(t, n[0].alone())
	before := n[0].numbers()
	n[0].committed(true)
	require.Equal(t, before, n[0].numbers(), "there is nobody to be told")
	n[0].close()
	_, err = os.Stat(realm + "-note")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOneNoteFileLeads(t *testing.T) {
	_, n := openNotes(t, 3)
	require.True(t, n[0].lead())
	require.False(t, n[1].lead())
	before := n[1].state()
	n[0].resign()
	require.NotEqual(t, before, n[1].state())
	require.True(t, n[1].lead())
	require.False(t, n[2].lead())
	n[1].close()
	require.True(t, n[2].lead())
	n[0].close()
	n[2].close()
}

func TestDeletingWaitsForNobody(t *testing.T) {
	realm, n := openNotes(t, 1)
	ran := 0
	deleted, err := deleting(realm, func() error { ran++; return nil })
	require.NoError(t, err)
	require.False(t, deleted)
	n[0].close()
	deleted, err = deleting(realm, func() error { ran++; return os.Remove(realm) })
	require.NoError(t, err)
	require.True(t, deleted)
	require.Equal(t, 1, ran)
	left, err := os.ReadDir(filepath.Dir(realm))
	require.NoError(t, err)
	require.Empty(t, left)
}

// A wait for the turn that was given up doesn't keep the turn when it comes, and can be taken up again before.
func TestTurnIsGivenBack(t *testing.T) {
	_, n := openNotes(t, 2)
	a, b := &fileLock{turn: make(chan struct{}, 1), note: n[0]}, &fileLock{turn: make(chan struct{}, 1), note: n[1]}
	stopped := make(chan struct{})
	close(stopped)
	require.True(t, a.take(nil))
	require.False(t, b.take(stopped))
	require.False(t, b.take(stopped), "a second time, while the first wait goes on")
	taken := make(chan bool)
	go func() { taken <- b.take(nil) }()
	a.release(true)
	require.True(t, <-taken, "the wait that was taken up again")
	require.False(t, a.take(stopped))
	b.release(true)
	require.Eventually(t, func() bool { // what a has left there gives back what it gets
		a.wait.mu.Lock()
		defer a.wait.mu.Unlock()
		return a.wait.over
	}, time.Minute, time.Millisecond)
	require.True(t, b.take(nil))
	b.release(false)
	require.True(t, a.take(nil))
	a.release(false)
	n[0].close()
	n[1].close()
}

// Where the system can't tell, who listens is called from time to time.
func TestOthersPoll(t *testing.T) {
	o := &others{}
	called := make(chan struct{}, 1)
	o.all = map[int]func(){1: func() {
		select {
		case called <- struct{}{}:
		default:
		}
	}}
	o.attach(nil)
	<-called
	<-called
	o.detach()
	require.Nil(t, o.stop)
}
