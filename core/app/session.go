package app

import (
	"context"
	"errors"
	"net/http"
)

const (
	opRefresh = "refresh the access token"
	opLogOut  = "log out"
	opRemove  = "remove the user"
	opDelete  = "delete the user"
)

const sessionPath = authPath + "/session"

// RefreshAccessToken gets a new access token, and with it the present custom user data (app-services 5.3). Calls at the same time
// share one request. Observers get UserTokenUpdated. It never logs the user out: whether an error ends the user's session says
// EndsSession.
//
// Errors: CodeClientUserNotFound, CodeClientUserNotLoggedIn, *Error of the answer; CodeInvalidSession with status 401 when the
// server has ended the login. A token that could not be saved is in force until the program ends; that isn't an error.
func (u *User) RefreshAccessToken(ctx context.Context) error {
	access, _, err := u.tokens(opRefresh)
	if err != nil {
		return err
	}
	return u.refresh(ctx, access)
}

// RefreshCustomData gets the present custom user data: that is RefreshAccessToken.
func (u *User) RefreshCustomData(ctx context.Context) error { return u.RefreshAccessToken(ctx) }

// refresh replaces an access token, unless somebody has done so since the caller read it.
func (u *User) refresh(ctx context.Context, old string) error {
	ctx, done := u.app.bound(ctx)
	defer done()
	err := u.refreshing.do(ctx, func(ctx context.Context) error { return u.refreshNow(ctx, old) })
	var e *Error
	if err != nil && !errors.As(err, &e) {
		// The wait for somebody else's request ended with the context.
		return networkError(opRefresh, 0, err)
	}
	return err
}

func (u *User) refreshNow(ctx context.Context, old string) error {
	a := u.app
	// Another App on the directory may have been faster, with a refresh or with a new login.
	a.catchUp()
	access, refresh, err := u.tokens(opRefresh)
	if err != nil {
		return err
	}
	if access != old {
		return nil
	}
	resp, err := a.send(ctx, call{op: opRefresh, method: http.MethodPost, path: sessionPath, token: refresh})
	if err != nil {
		return err
	}
	doc, err := parseObject(opRefresh, resp.Body)
	if err != nil {
		return err
	}
	token, err := doc.requiredString("access_token")
	if err != nil {
		return err
	}
	if _, err := parseToken(token); err != nil {
		return &Error{Code: CodeBadToken, Message: "the server's new access token cannot be used: " + err.Error(), Op: opRefresh, Err: err}
	}
	err = a.change("token:"+u.id, func(img *image) error {
		if err := img.loggedIn(opRefresh, u.id, refresh); err != nil {
			return err
		}
		img.find(u.id).AccessToken = token
		return nil
	})
	if isFileError(err) {
		return nil // logged already
	}
	if now := u.AccessToken(); err != nil && now != "" && now != access {
		return nil // a new login while the request ran: its token is newer than the one that came
	}
	return err
}

// LogOut ends the user's login: first here, so that the tokens are gone and sessions stop whatever happens next, then at the
// server. An anonymous user is removed, as nobody could log in as it again. A user that isn't logged in stays as it is, without
// a request. An error is about the server's half only, or a *FileError; the user is logged out all the same.
func (u *User) LogOut(ctx context.Context) error { return u.end(ctx, opLogOut, false) }

// Remove logs the user out if it is logged in, and removes it from the App: its realms are deleted at the next launch, when
// nobody has them open. An error is about the server's half only, or a *FileError; the user is removed all the same.
func (u *User) Remove(ctx context.Context) error { return u.end(ctx, opRemove, true) }

func (u *User) end(ctx context.Context, op string, remove bool) error {
	_, refresh, err := u.tokens(op)
	saved := u.dropTokens(remove)
	if err != nil {
		return saved
	}
	u.app.log.Info("logged out", "user", u.id, "removed", u.State() == Removed)
	if _, err := u.app.send(ctx, call{op: op, method: http.MethodDelete, path: sessionPath, token: refresh}); err != nil {
		return err
	}
	return saved
}

// ForceLogOut logs the user out without telling the server, which has ended the login itself (app-services 8.3). An anonymous user is
// removed.
func (u *User) ForceLogOut() error { return u.dropTokens(false) }

func (u *User) dropTokens(remove bool) error {
	u.app.catchUp()
	u.app.mu.RLock()
	state := u.state
	u.app.mu.RUnlock()
	if state == Removed || state == LoggedOut && !remove {
		return nil
	}
	var ended string // the login that the first run ended
	return u.app.change("user:"+u.id, func(img *image) error {
		r := img.find(u.id)
		if r == nil || ended != "" && r.RefreshToken != "" && r.RefreshToken != ended {
			return nil // run again later: meanwhile somebody has logged in
		}
		if r.RefreshToken != "" {
			ended = r.RefreshToken
		}
		img.logOut(r, remove)
		return nil
	})
}

// Delete deletes the user at the server, for good. Then it is removed, and its realms are deleted now; those that are still open
// at the next launch. On failure nothing has changed.
func (u *User) Delete(ctx context.Context) error {
	if _, err := u.app.sendAs(ctx, u, call{op: opDelete, method: http.MethodDelete, path: authPath + "/delete"}); err != nil {
		return err
	}
	err := u.dropTokens(true)
	u.app.mu.RLock()
	rec := u.rec
	u.app.mu.RUnlock()
	if !u.app.deleteUserFiles(rec) {
		return err
	}
	if e := u.app.change("gone:"+u.id, func(img *image) error { img.dropRemoved(u.id); return nil }); err == nil {
		err = e
	}
	return err
}

func isFileError(err error) bool {
	var f *FileError
	return errors.As(err, &f)
}
