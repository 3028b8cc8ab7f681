package app

import (
	"context"
	"net/http"
)

const (
	opLogIn   = "log in"
	opLink    = "link credentials"
	opProfile = "get the user's profile"
)

// LogIn logs a user in and makes it the current one (app-services 4).
//
// Both results may be set: when the login itself succeeded and then the profile could not be fetched, or the user could not be saved
// for the next run (*FileError), the user is logged in and current, and the error says what failed.
//
// Errors: service codes of the server, such as CodeInvalidPassword; CodeBadToken, CodeMissingJSONKey, CodeMalformedJSON for an
// answer that is none; ErrNetwork; *FileError.
func (a *App) LogIn(ctx context.Context, c Credentials) (*User, error) {
	if c.provider == "" {
		return nil, refusal(opLogIn, CodeBadRequest, "no credentials given; make them with one of the functions, such as Anonymous")
	}
	if c.reuse {
		if u := a.anonymousUser(); u != nil {
			return u, a.SwitchUser(u)
		}
	}
	resp, err := a.login(ctx, opLogIn, c, "", "")
	if err != nil {
		return nil, err
	}
	rec, err := parseLogin(resp.Body)
	if err != nil {
		return nil, err
	}
	saved := a.change("user:"+rec.ID, func(img *image) error {
		r := img.obtain(rec.ID)
		if r.State == Removed {
			// Nothing of who it was before applies; its realms are its own again.
			*r = record{ID: r.ID, RealmPaths: r.RealmPaths}
		}
		r.State = LoggedIn
		r.AccessToken, r.RefreshToken, r.DeviceID, r.Provider = rec.AccessToken, rec.RefreshToken, rec.DeviceID, c.provider
		img.Current = r.ID
		return nil
	})
	a.mu.RLock()
	u := a.users[rec.ID]
	a.mu.RUnlock()
	if u == nil {
		if saved == nil {
			saved = refusal(opLogIn, CodeClientUserNotFound, "user %s was removed while it logged in", rec.ID)
		}
		return nil, saved
	}
	a.log.Info("logged in", "user", u.id, "provider", c.provider)
	if err := u.RefreshProfile(ctx); err != nil {
		return u, err
	}
	return u, saved
}

// anonymousUser returns a logged-in user with no other identity than an anonymous one, or nil.
func (a *App) anonymousUser() *User {
	a.catchUp()
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, id := range a.order {
		if u := a.users[id]; u != nil && u.state == LoggedIn && u.rec.anonymous() {
			return u
		}
	}
	return nil
}

func (a *App) login(ctx context.Context, op string, c Credentials, query, token string) (*Response, error) {
	body, err := c.body(a.cfg.AppID, a.cfg.Device)
	if err != nil {
		return nil, err
	}
	path := appPath(a.cfg.AppID) + "/auth/providers/" + percentEncode(c.provider) + "/login" + query
	return a.send(ctx, call{op: op, method: http.MethodPost, path: path, token: token, body: body})
}

// maxUserID bounds a user id, in bytes.
const maxUserID = 1024

// parseLogin reads the answer of a login: four strings, two of them tokens (app-services 4.2).
func parseLogin(body []byte) (record, error) {
	var rec record
	doc, err := parseObject(opLogIn, body)
	if err != nil {
		return rec, err
	}
	for name, field := range map[string]*string{
		"access_token": &rec.AccessToken, "refresh_token": &rec.RefreshToken, "user_id": &rec.ID, "device_id": &rec.DeviceID,
	} {
		if *field, err = doc.requiredString(name); err != nil {
			return rec, err
		}
	}
	if rec.ID == "" || len(rec.ID) > maxUserID {
		return rec, refusal(opLogIn, CodeMalformedJSON, "the server's user id has %d bytes, 1 to %d are accepted", len(rec.ID), maxUserID)
	}
	for _, token := range []string{rec.AccessToken, rec.RefreshToken} {
		if _, err := parseToken(token); err != nil {
			return rec, &Error{Code: CodeBadToken, Message: "Could not log in user: received malformed JWT", Op: opLogIn, Err: err}
		}
	}
	return rec, nil
}

// LinkCredentials adds a way of logging in to a logged-in user: later logins with c are this user. It becomes the current user
// (app-services 4.6). When the profile cannot be fetched afterwards the link stands and the error says so.
//
// Errors: CodeClientUserNotFound, CodeClientUserNotLoggedIn, CodeClientUserAlreadyNamed for anonymous credentials, those of
// LogIn.
func (u *User) LinkCredentials(ctx context.Context, c Credentials) error {
	access, refresh, err := u.tokens(opLink)
	if err != nil {
		return err
	}
	if c.provider == providerAnonymous {
		return refusal(opLink, CodeClientUserAlreadyNamed, "anonymous credentials cannot be linked to a user")
	}
	if c.provider == "" {
		return refusal(opLink, CodeBadRequest, "no credentials given; make them with one of the functions, such as EmailPassword")
	}
	resp, err := u.app.login(ctx, opLink, c, "?link=true", access)
	if err != nil {
		return err
	}
	doc, err := parseObject(opLink, resp.Body)
	if err != nil {
		return err
	}
	token, err := doc.requiredString("access_token")
	if err != nil {
		return err
	}
	if _, err := parseToken(token); err != nil {
		return &Error{Code: CodeBadToken, Message: "Could not log in user: received malformed JWT", Op: opLink, Err: err}
	}
	saved := u.app.change("user:"+u.id, func(img *image) error {
		if err := img.loggedIn(opLink, u.id, refresh); err != nil {
			return err
		}
		r := img.find(u.id)
		r.AccessToken, r.Provider = token, c.provider
		img.Current = u.id
		return nil
	})
	if saved != nil && !isFileError(saved) {
		return saved
	}
	if err := u.RefreshProfile(ctx); err != nil {
		return err
	}
	return saved
}

// RefreshProfile asks the server for the user's identities and profile.
//
// Errors: CodeClientUserNotFound, CodeClientUserNotLoggedIn, *Error of the answer; *FileError when what came could not be
// saved, which is then in force until the program ends.
func (u *User) RefreshProfile(ctx context.Context) error {
	_, refresh, err := u.tokens(opProfile)
	if err != nil {
		return err
	}
	resp, err := u.app.sendAs(ctx, u, call{op: opProfile, method: http.MethodGet, path: authPath + "/profile"})
	if err != nil {
		return err
	}
	identities, data, err := parseProfile(opProfile, resp.Body)
	if err != nil {
		return err
	}
	return u.app.change("profile:"+u.id, func(img *image) error {
		if err := img.loggedIn(opProfile, u.id, refresh); err != nil {
			return err
		}
		r := img.find(u.id)
		r.Identities, r.Profile = identities, data
		return nil
	})
}
