package admin

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"realmsync/server/appconfig"
)

// Deletions finishes the deletions of apps. Users.DeleteApp begins one: the app and its users are gone then, and it is written down that the rest is to
// go too, its data first and its configuration last. What is between the two is done again until it succeeds, by another process if this one is killed.
// It is safe for concurrent use.
type Deletions struct {
	users   Users
	configs *appconfig.Store
	sync    Sync

	mu   sync.Mutex
	busy map[string]bool // by app: it is being finished

	making sync.Mutex // held while the id of an app becomes free, and by Hold
}

// NewDeletions makes a Deletions.
func NewDeletions(users Users, configs *appconfig.Store, sync Sync) *Deletions {
	return &Deletions{users: users, configs: configs, sync: sync, busy: map[string]bool{}}
}

// Hold keeps ids of deleted apps from becoming free until release. Who configures an app that is there and then makes it, if it isn't, holds it: the
// configuration could go in between, and an app without one is open to everybody.
func (d *Deletions) Hold() (release func()) {
	d.making.Lock()
	return d.making.Unlock
}

// FinishAll finishes all deletions that are not finished. The error says which could not be.
func (d *Deletions) FinishAll(ctx context.Context) error {
	ids, err := d.users.Deletions(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		errs = append(errs, d.finish(ctx, id))
	}
	return errors.Join(errs...)
}

// finish removes what is left of an app that was deleted. It does nothing if another caller is at it.
func (d *Deletions) finish(ctx context.Context, id string) error {
	d.mu.Lock()
	if d.busy[id] {
		d.mu.Unlock()
		return nil
	}
	d.busy[id] = true
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.busy, id)
		d.mu.Unlock()
	}()
	if d.users.CanCreate(ctx, id) == nil {
		return nil // it is finished, and the id may be another app's
	}
	if err := d.sync.Remove(ctx, id); err != nil {
		return fmt.Errorf("admin: removing what is left of the deleted app %s: %w", id, err)
	}
	defer d.Hold()()
	if err := d.configs.Delete(ctx, id); err != nil {
		return err
	}
	return d.users.FinishDeletion(ctx, id)
}
