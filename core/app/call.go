package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Bounds of what an answer may be long, in bytes, before it is given up.
const (
	maxBody         = 1 << 20  // everything but functions
	maxFunctionBody = 32 << 20 // results of functions
)

// maxRedirects bounds the redirects of one location request, and the moves of one other request (app-services 3.4).
const maxRedirects = 20

// call is one HTTP call below the App's host.
type call struct {
	op      string // for errors: what is attempted
	method  string
	path    string // begins with a slash
	token   string // for Authorization; "" for none
	body    []byte
	maxBody int64 // 0: maxBody
}

// send makes a call: it finds out the location first if nobody has, follows the server when it has moved, and turns everything but
// success into an *Error.
func (a *App) send(ctx context.Context, c call) (*Response, error) {
	ctx, done := a.bound(ctx)
	defer done()
	if err := a.locate(ctx); err != nil {
		return nil, withOp(c.op, err)
	}
	for moves := 0; ; moves++ {
		a.mu.RLock()
		host := a.routes.httpHost
		a.mu.RUnlock()
		resp, err := a.exchange(ctx, c, host+c.path)
		if err != nil {
			return nil, err
		}
		if !isRedirect(resp.Status) {
			return resp, a.checkResponse(c.op, resp)
		}
		if moves == maxRedirects {
			return nil, refusal(c.op, CodeClientTooManyRedirects, "number of redirections exceeded %d", maxRedirects)
		}
		target, err := redirectTarget(c.op, resp)
		if err != nil {
			return nil, err
		}
		if err := a.relocate(ctx, target); err != nil {
			return nil, withOp(c.op, err)
		}
	}
}

// bound returns a context that ends with ctx or with the App, whichever is first.
func (a *App) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(a.ctx, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

// exchange sends one request and returns its answer, whatever the status. Its errors are network errors.
func (a *App) exchange(ctx context.Context, c call, url string) (*Response, error) {
	if a.ctx.Err() != nil {
		return nil, networkError(c.op, 0, ErrClosed)
	}
	req := &Request{Method: c.method, URL: url, Body: c.body, Timeout: a.cfg.DefaultTimeout, MaxBody: c.maxBody, Header: map[string]string{}}
	if req.MaxBody == 0 {
		req.MaxBody = maxBody
	}
	for name, value := range a.cfg.Headers {
		req.Header[name] = value
	}
	// The location request carries no headers of the protocol (app-services 1.2).
	if c.op != opLocation {
		req.Header["Content-Type"] = "application/json;charset=utf-8"
		req.Header["Accept"] = "application/json"
	}
	if c.token != "" {
		req.Header["Authorization"] = "Bearer " + c.token
	}
	timed, cancel := context.WithTimeout(ctx, req.Timeout)
	defer cancel()
	resp, err := a.cfg.Transport.Send(timed, req)
	switch {
	case err != nil:
		// A context that was cancelled for a reason says so better than the transport.
		if cause := context.Cause(timed); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w (%w)", cause, err)
		}
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = fmt.Errorf("no answer within %v: %w", req.Timeout, err)
		}
		err = networkError(c.op, 0, err)
	case resp == nil:
		err = networkError(c.op, 0, errors.New("the transport returned neither an answer nor an error"))
	case int64(len(resp.Body)) > req.MaxBody:
		err = networkError(c.op, 0, tooLarge(req, int64(len(resp.Body))))
	case resp.Status == 0 && resp.CustomStatus == 0 && resp.ClientError == 0:
		// The original takes status 0 with an empty body for success (app-services 1.3, H11).
		err = networkError(c.op, 0, errors.New("the connection was closed without an answer"))
	}
	if err != nil {
		a.log.Warn("request failed", "op", c.op, "method", c.method, "path", c.path, "error", err)
		return nil, err
	}
	a.log.Debug("request", "op", c.op, "method", c.method, "path", c.path, "status", resp.Status)
	return resp, nil
}

// sendAs makes a call with the user's access token. A 401 answer leads to one refresh and one repetition (app-services 6.3).
func (a *App) sendAs(ctx context.Context, u *User, c call) (*Response, error) {
	access, _, err := u.tokens(c.op)
	if err != nil {
		return nil, err
	}
	c.token = access
	resp, first := a.send(ctx, c)
	if !isUnauthorized(first) {
		return resp, first
	}
	if err := u.refresh(ctx, access); err != nil {
		a.log.Warn("the access token was refused and a new one could not be had", "op", c.op, "user", u.id, "error", err)
		return nil, first
	}
	if c.token, _, err = u.tokens(c.op); err != nil {
		return nil, err
	}
	return a.send(ctx, c)
}

// sendWithRefreshToken makes a call with the user's refresh token. A 401 answer logs the user out (app-services 6.3).
func (a *App) sendWithRefreshToken(ctx context.Context, u *User, c call) (*Response, error) {
	_, refresh, err := u.tokens(c.op)
	if err != nil {
		return nil, err
	}
	c.token = refresh
	resp, err := a.send(ctx, c)
	if isUnauthorized(err) {
		if err := u.LogOut(ctx); err != nil {
			a.log.Warn("logging out after a refused refresh token", "user", u.id, "error", err)
		}
	}
	return resp, err
}

func isUnauthorized(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusUnauthorized
}

// withOp names the operation that failed because of another.
func withOp(op string, err error) error {
	var e *Error
	if errors.As(err, &e) && e.Op != op {
		named := *e
		named.Op = op + ": " + e.Op
		return &named
	}
	if !errors.As(err, &e) {
		return networkError(op, 0, err)
	}
	return err
}
