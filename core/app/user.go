package app

import (
	"encoding/json"
	"slices"
	"time"
)

// User is somebody who has logged in to an App. There is one User per user id in an App, so users are the same when the
// pointers are equal; after a removal a login with the same id makes a new one. All methods may be called concurrently.
//
// Another App on the directory may log the user out, or refresh its tokens; this one notices when it next uses the user file.
type User struct {
	app *App
	id  string

	// Guarded by app.mu.
	state     State
	rec       record // as in the file; tokens only while LoggedIn
	access    claims // of rec.AccessToken
	observers observers[func(UserChange)]

	refreshing flight
}

// App returns the App the user belongs to.
func (u *User) App() *App { return u.app }

// ID returns the user id, which the server chose; opaque.
func (u *User) ID() string { return u.id }

// String returns the id: it is all of a user that may be logged.
func (u *User) String() string { return "user " + u.id }

// State returns whether the user is logged in.
func (u *User) State() State {
	u.app.mu.RLock()
	defer u.app.mu.RUnlock()
	return u.state
}

// IsLoggedIn reports whether the user has tokens.
func (u *User) IsLoggedIn() bool { return u.State() == LoggedIn }

// AccessToken returns the present access token, "" when not logged in. It is a secret.
func (u *User) AccessToken() string {
	u.app.mu.RLock()
	defer u.app.mu.RUnlock()
	return u.rec.AccessToken
}

// RefreshToken returns the refresh token, "" when not logged in. It is a secret.
func (u *User) RefreshToken() string {
	u.app.mu.RLock()
	defer u.app.mu.RUnlock()
	return u.rec.RefreshToken
}

// AccessTokenExpired reports whether the access token ran out more than 5 seconds before now, so that a session must get another
// one before it connects (app-services 5.4). False when not logged in.
func (u *User) AccessTokenExpired(now time.Time) bool {
	u.app.mu.RLock()
	defer u.app.mu.RUnlock()
	return u.state == LoggedIn && u.access.stale(now)
}

// AccessTokenExpiry returns when the access token runs out; the zero time when not logged in.
func (u *User) AccessTokenExpiry() time.Time {
	u.app.mu.RLock()
	defer u.app.mu.RUnlock()
	if u.state != LoggedIn {
		return time.Time{}
	}
	return time.Unix(u.access.expires, 0)
}

// DeviceID returns the id that the server gave this installation at the last login, "" when it gave none.
func (u *User) DeviceID() string {
	u.app.mu.RLock()
	defer u.app.mu.RUnlock()
	if isZeroObjectID(u.rec.DeviceID) {
		return ""
	}
	return u.rec.DeviceID
}

// HasDeviceID reports whether DeviceID is one.
func (u *User) HasDeviceID() bool { return u.DeviceID() != "" }

// Identities returns the ways in which the user logs in, in the order in which they were linked, as of the last profile.
func (u *User) Identities() []Identity {
	u.app.mu.RLock()
	defer u.app.mu.RUnlock()
	return slices.Clone(u.rec.Identities)
}

// IsAnonymous reports whether the user has no identity but an anonymous one.
func (u *User) IsAnonymous() bool {
	u.app.mu.RLock()
	defer u.app.mu.RUnlock()
	return u.rec.anonymous()
}

// Profile returns what the server knows of the user, as of the last profile.
func (u *User) Profile() Profile {
	u.app.mu.RLock()
	defer u.app.mu.RUnlock()
	return Profile{data: u.rec.Profile}
}

// CustomData returns the custom user data of the access token, a JSON object in extended JSON as the server wrote it, without white
// space; nil when there is none or the user isn't logged in. The caller owns the slice.
func (u *User) CustomData() json.RawMessage {
	u.app.mu.RLock()
	defer u.app.mu.RUnlock()
	return slices.Clone(u.access.userData)
}

// Observe calls fn after each change of the user, in the order of the changes, one call at a time, on a goroutine that changed
// something in the App: mostly the one whose call brought the change about. fn may call everything; changes that it causes are
// reported when it has returned. The returned function ends the observation; a call that is under way may still finish.
func (u *User) Observe(fn func(UserChange)) (stop func()) {
	a := u.app
	a.mu.Lock()
	defer a.mu.Unlock()
	id := u.observers.add(fn)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		u.observers.remove(id)
	}
}

// tokens returns both, or says why there are none.
func (u *User) tokens(op string) (access, refresh string, err error) {
	u.app.mu.RLock()
	defer u.app.mu.RUnlock()
	switch u.state {
	case LoggedIn:
		return u.rec.AccessToken, u.rec.RefreshToken, nil
	case Removed:
		return "", "", refusal(op, CodeClientUserNotFound, "user %s has been removed", u.id)
	}
	return "", "", refusal(op, CodeClientUserNotLoggedIn, "user %s is not logged in", u.id)
}

func isZeroObjectID(s string) bool { return s == "000000000000000000000000" }
