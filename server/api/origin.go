package api

import (
	"errors"
	"net/http"
	"strings"

	"realmsync/server/auth"
)

// errOrigin: the app has a list of origins, and the page that calls isn't of one.
var errOrigin = &refusal{Status: http.StatusForbidden, Code: "DomainNotAllowed", Text: "pages of this origin may not use the app: it is not in the app's allowed_request_origins"}

// What pages are told that they may send. No limit is meant: tokens travel in headers and never in cookies, so that a page has no more rights than its user has given
// to it. '*' stands for headers that functions of the app look at; browsers don't count Authorization among them.
const (
	pageMethods = "GET, POST, PUT, PATCH, DELETE"
	pageHeaders = "Authorization, Content-Type, apiKey, *"
	pageAge     = "7200" // seconds; no browser that counts keeps it longer than Chrome, and the request that follows is looked at anyhow
)

// crossOrigin looks at requests that a browser sends for a page, on the client API (upgrades and streams too) and the data API: they name the page's origin, which those of SDKs don't.
// If the app allows it (security.allowed_request_origins) the page may read what is answered, whatever it is; else nothing is done for it. App Services blocked every request of an origin
// that isn't in the list, not only those that change something, and allowed all while the list was empty. done is true for a preflight: it has been answered.
func (s *Server) crossOrigin(c *call) (done bool, err error) {
	origin, path := c.r.Header.Get("Origin"), c.r.URL.Path
	if origin == "" || !strings.HasPrefix(path, prefix) && !strings.HasPrefix(path, dataPrefix) {
		return false, nil
	}
	header := c.w.Header()
	header.Add("Vary", "Origin")
	preflight := c.r.Method == http.MethodOptions && c.r.Header.Get("Access-Control-Request-Method") != ""
	if preflight {
		c.route = "preflight"
	}
	app, err := s.appAsked(c)
	if err != nil {
		return false, err
	}
	if app != nil {
		config, err := s.auth.AppConfig(c.r.Context(), app)
		if err != nil {
			return false, err
		}
		if !config.Security.AllowsOrigin(origin) {
			c.app = app
			return false, errOrigin
		}
	}
	header.Set("Access-Control-Allow-Origin", origin)
	if !preflight {
		return false, nil
	}
	header.Set("Access-Control-Allow-Methods", pageMethods)
	header.Set("Access-Control-Allow-Headers", pageHeaders)
	header.Set("Access-Control-Max-Age", pageAge)
	c.w.WriteHeader(http.StatusNoContent)
	return true, nil
}

// appAsked returns the app that a request is for: that of the path, which isn't created here, or that of the token. nil: there is none, or it can't be known. That is so of the preflights
// of routes that know their app by the token, which a preflight doesn't bring; of a token that is not good; and of an app that isn't there. Nothing of any app is answered then.
func (s *Server) appAsked(c *call) (app *auth.App, err error) {
	rest, inPath := strings.CutPrefix(c.r.URL.Path, prefix+"app/")
	if !inPath {
		rest, inPath = strings.CutPrefix(c.r.URL.Path, dataPrefix+"app/")
	}
	if inPath {
		id, _, _ := strings.Cut(rest, "/")
		app, err = s.auth.ExistingApp(c.r.Context(), id)
	} else if token := c.bearer(); token != "" {
		app, err = s.auth.TokenApp(c.r.Context(), token)
	}
	var unknown *auth.ErrUnknownApp
	if errors.As(err, &unknown) || errors.Is(err, auth.ErrInvalidSession) {
		return nil, nil
	}
	return app, err
}
