package app

import (
	"encoding/json"
	"strconv"
)

// State is whether a user can be synced. The numbers are the original's, persisted and public (app-services 6.1).
type State int

// The states of a user.
const (
	LoggedOut State = 0 // no tokens; logging in again makes it LoggedIn
	LoggedIn  State = 1 // has an access and a refresh token
	Removed   State = 2 // final for the object; its realms are deleted at the next launch, or already are
)

// String returns the state in words.
func (s State) String() string {
	switch s {
	case LoggedOut:
		return "logged out"
	case LoggedIn:
		return "logged in"
	case Removed:
		return "removed"
	}
	return "State(" + strconv.Itoa(int(s)) + ")"
}

// Identity is one way in which a user logs in.
type Identity struct {
	ID           string `json:"id"`
	ProviderType string `json:"provider_type"` // "anon-user", "local-userpass", ...
}

// image is what the user file says.
type image struct {
	Current string       `json:"current,omitempty"` // id of the current user
	Users   []record     `json:"users"`             // in the order of first login
	Actions []FileAction `json:"file_actions,omitempty"`
}

// record is one user in the file.
type record struct {
	ID           string          `json:"id"`
	State        State           `json:"state"`
	AccessToken  string          `json:"access_token,omitempty"`
	RefreshToken string          `json:"refresh_token,omitempty"`
	DeviceID     string          `json:"device_id,omitempty"`
	Provider     string          `json:"provider,omitempty"` // of the last login
	Identities   []Identity      `json:"identities,omitempty"`
	Profile      json.RawMessage `json:"profile,omitempty"` // data member of the profile
	RealmPaths   []string        `json:"realm_paths,omitempty"`
}

// find returns the user's record, or nil.
func (img *image) find(id string) *record {
	for i := range img.Users {
		if img.Users[i].ID == id {
			return &img.Users[i]
		}
	}
	return nil
}

// obtain returns the user's record, a new one if need be.
func (img *image) obtain(id string) *record {
	if r := img.find(id); r != nil {
		return r
	}
	img.Users = append(img.Users, record{ID: id})
	return &img.Users[len(img.Users)-1]
}

// loggedIn refuses unless the user is logged in, with that refresh token if one is given: an answer to a request of an
// earlier login must not change the present one.
func (img *image) loggedIn(op, id, refreshToken string) error {
	r := img.find(id)
	if r == nil || r.State == Removed {
		return refusal(op, CodeClientUserNotFound, "user %s has been removed", id)
	}
	if r.State != LoggedIn || refreshToken != "" && r.RefreshToken != refreshToken {
		return refusal(op, CodeClientUserNotLoggedIn, "user %s is not logged in any more", id)
	}
	return nil
}

// anonymous reports whether the user has no other identity than an anonymous one. Before the first profile has come, the
// provider of the login tells.
func (r *record) anonymous() bool {
	const anon = "anon-user"
	if len(r.Identities) == 0 {
		return r.Provider == anon
	}
	return len(r.Identities) == 1 && r.Identities[0].ProviderType == anon
}

// logOut takes the tokens away. Anonymous users can't come back, so they are removed (app-services 6.1).
func (img *image) logOut(r *record, remove bool) {
	if r.State == Removed {
		return
	}
	r.State = LoggedOut
	if remove || r.anonymous() {
		r.State = Removed
	}
	r.AccessToken, r.RefreshToken = "", ""
	if img.Current == r.ID {
		img.Current = ""
		for i := range img.Users {
			if img.Users[i].State == LoggedIn {
				img.Current = img.Users[i].ID
				break
			}
		}
	}
}
