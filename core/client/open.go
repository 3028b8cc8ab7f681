package client

import (
	"fmt"

	"realmsync/core/app"
	"realmsync/core/merge"
	"realmsync/core/realm"
	"realmsync/core/session"
)

// Config says which realm to open, and how.
type Config struct {
	// Realm is the configuration of the file; what the fields below stand for is filled in by Open.
	Realm realm.Config
	// User makes it a flexible-sync realm of that user; nil: it isn't synced.
	User *User
	// ForcedHistory, without a User, has changes recorded all the same, for upload when the file is next opened with one. There is no session.
	ForcedHistory bool
	StopPolicy    session.StopPolicy
	// Rules are those by which the app's changesets are merged, the same as its server's; the zero value is those of the original.
	Rules merge.Rules
	// Dialer opens the session's connection, unless the user's App has a Dialer; nil: that of the Client.
	Dialer session.Dialer
	// HoldDialer is called by everything that may make connections with Dialer, while somebody else still holds it, and the function that it
	// returns when that is over. nil: there is nothing to hold.
	HoldDialer func() (release func())
	// Errors is told what goes wrong with the session; nil: nobody. Open takes it over, also when it fails. It serves the
	// session until it ends, or until Session.SetErrorHandler; a session that is open already keeps the one it has.
	Errors ErrorHandler
	// Reset says what becomes of the file when the server wants it reset; nil: Errors is told, and the file is backed up and deleted when the App is
	// next opened. It is taken over, and serves the session, as Errors; a reset that has begun keeps the handler that it began with.
	Reset ResetHandler
}

// ErrorHandler is told of the errors of sessions.
type ErrorHandler interface {
	// SyncError is called on a goroutine of the sync client.
	SyncError(s *Session, e *session.Error)
	// Close lets go of the handler. A call that is under way may still run.
	Close()
}

// Open opens a realm, or adds a handle to the instance that the calling thread has open already. The caller releases it.
//
// Errors: realm.Open's; for synced realms also ErrIllegalCombination, *app.Error with CodeClientUserNotFound for a removed
// user, *app.FileError, and history.ErrRules.
func (c *Client) Open(cfg Config) (*realm.Realm, error) {
	if cfg.User == nil {
		if cfg.Errors != nil {
			cfg.Errors.Close()
		}
		if cfg.Reset != nil {
			cfg.Reset.Close()
		}
		if cfg.ForcedHistory && cfg.Realm.SchemaMode == realm.Immutable {
			return nil, fmt.Errorf("%w: changes can't be recorded in immutable schema mode", ErrIllegalCombination)
		}
		cfg.Realm.Synced, cfg.Realm.ForcedHistory = cfg.ForcedHistory, cfg.ForcedHistory
		return realm.Open(cfg.Realm)
	}
	handler, resets := &handlerSlot{h: cfg.Errors}, &resetSlot{h: share(cfg.Reset)}
	// The session has taken the handlers out, if it wants them.
	defer handler.close()
	defer resets.close()
	if cfg.Realm.SchemaMode == realm.Immutable {
		return nil, fmt.Errorf("%w: a synced realm can't be opened in immutable schema mode", ErrIllegalCombination)
	}
	if cfg.User.State() == app.Removed {
		return nil, &app.Error{Code: app.CodeClientUserNotFound, Op: "open a realm", Message: fmt.Sprintf("user %s has been removed", cfg.User.ID())}
	}
	rc := cfg.Realm
	rc.Synced, rc.UserID = true, key(cfg.User.User)
	made := syncConfig{cfg.User.User, cfg.StopPolicy, cfg.Realm.SchemaVersion, cfg.Rules, cfg.Dialer, cfg.HoldDialer, cfg}
	if d, ok := cfg.User.App().Companion().(session.Dialer); ok {
		made.dialer, made.holdDialer = d, nil // an App holds its own
	}
	if made.holdDialer == nil {
		made.holdDialer = func() (release func()) { return func() {} }
	}
	attach := cfg.Realm.Attach
	// Also run for instances that come of this one by thawing; then the handler is gone, and the session that there is has it.
	rc.Attach = func(r *realm.Realm) (func(), error) {
		var before func()
		if attach != nil {
			var err error
			if before, err = attach(r); err != nil {
				return nil, err
			}
		}
		detach, err := c.attach(r, made, handler, resets)
		if err != nil {
			if before != nil {
				before()
			}
			return nil, err
		}
		return func() {
			detach()
			if before != nil {
				before()
			}
		}, nil
	}
	return realm.Open(rc)
}
