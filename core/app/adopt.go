package app

import (
	"bytes"
	"slices"
)

// change changes the user file and takes over what it then says; observers are called when all is in force. See
// userStore.update for key, apply and the error.
func (a *App) change(key string, apply func(*image) error) error {
	a.storeMu.Lock()
	img, err := a.store.update(key, apply)
	a.adopt(img)
	a.storeMu.Unlock()
	a.events.drain()
	return err
}

// catchUp takes over what other Apps on the directory have changed. Reading never fails for it: what this App knows stays.
func (a *App) catchUp() {
	a.storeMu.Lock()
	if a.store.changed() {
		img, err := a.store.read()
		if err == nil {
			a.adopt(img)
		} else {
			a.log.Warn("the user file cannot be read; going on with what is known", "error", err)
		}
	}
	a.storeMu.Unlock()
	a.events.drain()
}

// adopt makes the App and its users what the file says, and queues the events of everything that differs. storeMu is held.
func (a *App) adopt(img image) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.currentLocked()
	changed := false
	order := make([]string, 0, len(img.Users))
	seen := make(map[string]bool, len(img.Users))
	for _, rec := range img.Users {
		if rec.State == Removed {
			continue
		}
		seen[rec.ID] = true
		order = append(order, rec.ID)
		u := a.users[rec.ID]
		if u == nil {
			u = &User{app: a, id: rec.ID}
			a.users[rec.ID] = u
			changed = true
		}
		if a.adoptUser(u, rec) {
			changed = true
		}
	}
	for id, u := range a.users {
		if !seen[id] {
			delete(a.users, id)
			a.adoptUser(u, record{ID: id, State: Removed, Identities: u.rec.Identities, Provider: u.rec.Provider,
				Profile: u.rec.Profile, RealmPaths: u.rec.RealmPaths})
			changed = true
		}
	}
	a.order, a.current = order, img.Current
	if changed || a.currentLocked() != before {
		for _, o := range a.observers.snapshot() {
			a.events.push(o.fn)
		}
	}
}

// adoptUser makes a user what its record says and reports whether its state changed.
func (a *App) adoptUser(u *User, rec record) (changed bool) {
	access := u.access
	switch {
	case rec.State != LoggedIn:
		access, rec.AccessToken, rec.RefreshToken = claims{}, "", ""
	case rec.AccessToken != u.rec.AccessToken || rec.RefreshToken != u.rec.RefreshToken:
		var err error
		if access, err = parseToken(rec.AccessToken); err == nil {
			_, err = parseToken(rec.RefreshToken)
		}
		if err != nil {
			// Stored tokens that don't parse make a logged-out user, not an error (app-services 6.4).
			a.log.Warn("a stored token cannot be used; the user has to log in again", "user", u.id, "error", err)
			access, rec.AccessToken, rec.RefreshToken, rec.State = claims{}, "", "", LoggedOut
		}
	}
	old, was := u.rec, u.state
	u.rec, u.state, u.access = rec, rec.State, access

	tokens := old.AccessToken != rec.AccessToken || old.RefreshToken != rec.RefreshToken
	profile := !bytes.Equal(old.Profile, rec.Profile) || !slices.Equal(old.Identities, rec.Identities)
	switch {
	case was != rec.State && rec.State == LoggedIn:
		u.announce(UserLoggedIn)
	case was != rec.State && rec.State == LoggedOut:
		u.announce(UserLoggedOut)
	case was != rec.State:
		u.announce(UserRemoved)
	case tokens:
		u.announce(UserTokenUpdated)
	}
	if profile {
		u.announce(UserProfileUpdated)
	}
	return was != rec.State
}

// announce queues the observers of a user; app.mu is held. Who ends an observation before its turn isn't called.
func (u *User) announce(event UserEvent) {
	change := UserChange{User: u, Event: event}
	for _, o := range u.observers.snapshot() {
		u.app.events.push(func() {
			u.app.mu.RLock()
			wanted := u.observers.has(o.id)
			u.app.mu.RUnlock()
			if wanted {
				o.fn(change)
			}
		})
	}
}
