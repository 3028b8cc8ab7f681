package client

import (
	"errors"
	"time"

	"realmsync/core/realm"
	"realmsync/core/realm/history"
	"realmsync/core/session"
	"realmsync/core/store"
)

// deleteWait bounds how long DeleteFiles waits for a session that is ending: it has a transaction to finish, no network to wait for.
const deleteWait = 10 * time.Second

// DeleteFiles deletes the files of a realm that isn't open in this process. A session that ends because its last realm was closed is waited
// for; one that is still uploading keeps its file. Missing files are no error. Errors: store.ErrOpen.
func (c *Client) DeleteFiles(path string) error {
	// A look at the links comes first: a session that ends in between leaves none behind.
	ending := c.ending(history.Canonical(path))
	err := realm.Delete(path)
	if ending == nil || !errors.Is(err, store.ErrOpen) {
		return err
	}
	timer := time.NewTimer(deleteWait)
	defer timer.Stop()
	select {
	case <-ending:
		return realm.Delete(path)
	case <-timer.C:
		return err
	}
}

// ending returns what is closed when the session of the file has ended, nil if there is none or if it isn't about to end.
func (c *Client) ending(file string) <-chan struct{} {
	c.mu.Lock()
	l := c.links[file]
	c.mu.Unlock()
	if l == nil || l.session == nil || l.session.Alive() {
		return nil
	}
	switch l.session.State() {
	case session.Inactive, session.Paused:
		return l.ended
	default:
		return nil
	}
}
