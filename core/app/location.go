package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

const opLocation = "find the app's location"

// BaseURL returns the configured base URL, or the one last given to UpdateBaseURL, without a trailing slash. It contacts nobody,
// and redirects don't change it (app-services 3.2).
func (a *App) BaseURL() string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.baseURL
}

// SyncRoute returns the WebSocket URL of the app's sync endpoint, without a token (see AppendToken). Until the server was asked
// for its location the route is guessed from the base URL, and verified is false (wire-protocol 1.1).
func (a *App) SyncRoute() (route string, verified bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.routes.sync, a.routes.verified
}

// ConfirmSyncRoute marks a route as verified, after a WebSocket has been opened there; a route that has been replaced since isn't
// (wire-protocol 1.1).
func (a *App) ConfirmSyncRoute(route string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.routes.sync == route {
		a.routes.verified = true
	}
}

// AppendToken adds an access token to a sync route as its baas_at parameter, verbatim (wire-protocol 1.1). The result is a
// secret: keep it out of logs.
func AppendToken(route, token string) string {
	if strings.Contains(route, "?") {
		return route + "&baas_at=" + token
	}
	return route + "?baas_at=" + token
}

// RefreshLocation asks the server anew where the app is. On failure everything stays as it was.
func (a *App) RefreshLocation(ctx context.Context) error {
	ctx, done := a.bound(ctx)
	defer done()
	return a.locating.do(ctx, func(ctx context.Context) error { return a.fetchLocation(ctx, a.BaseURL(), "") })
}

// UpdateBaseURL moves the App to another server: it asks there for the location, and on success that server becomes the App's.
// "" is DefaultBaseURL. When the URL is the present one nothing happens. On failure the old URL and routes stay in force.
//
// Errors: ErrConfig for a URL that isn't one, *Error.
func (a *App) UpdateBaseURL(ctx context.Context, baseURL string) error {
	base, err := cleanBaseURL(baseURL)
	if err != nil {
		return err
	}
	if base == a.BaseURL() {
		return nil
	}
	ctx, done := a.bound(ctx)
	defer done()
	return a.fetchLocation(ctx, base, base)
}

// locate asks for the location unless it is known. Calls at the same time share one request.
func (a *App) locate(ctx context.Context) error {
	known := func() bool {
		a.mu.RLock()
		defer a.mu.RUnlock()
		return a.located
	}
	if known() {
		return nil
	}
	return a.locating.do(ctx, func(ctx context.Context) error {
		// Another call may have ended between the look above and this one.
		if known() {
			return nil
		}
		return a.fetchLocation(ctx, a.BaseURL(), "")
	})
}

// relocate asks for the location at the target of a redirect.
func (a *App) relocate(ctx context.Context, target string) error {
	return a.fetchLocation(ctx, target, "")
}

// fetchLocation asks at host, follows redirects, and puts the routes in force (app-services 3.1, 3.4). newBase, unless "",
// becomes the base URL at the same moment.
func (a *App) fetchLocation(ctx context.Context, host, newBase string) error {
	c := call{op: opLocation, method: http.MethodGet, path: appPath(a.cfg.AppID) + "/location"}
	was := a.BaseURL()
	for redirects := 0; ; redirects++ {
		resp, err := a.exchange(ctx, c, host+c.path)
		if err != nil {
			return err
		}
		if isRedirect(resp.Status) {
			if redirects == maxRedirects {
				return refusal(c.op, CodeClientTooManyRedirects, "number of redirections exceeded %d", maxRedirects)
			}
			if host, err = redirectTarget(c.op, resp); err != nil {
				return err
			}
			continue
		}
		if err := a.checkResponse(c.op, resp); err != nil {
			return err
		}
		r, err := parseLocation(resp.Body, host, a.cfg.AppID)
		if err != nil {
			return err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if newBase == "" && a.baseURL != was {
			// UpdateBaseURL was faster: this answer is of a server that isn't the App's any more.
			return nil
		}
		if newBase != "" {
			a.baseURL = newBase
		}
		a.routes, a.located = r, true
		a.log.Debug("location", "http", r.httpHost, "sync", r.sync)
		return nil
	}
}

// parseLocation reads the answer of a location request that was made at host.
func parseLocation(body []byte, host, appID string) (routes, error) {
	doc, err := parseObject(opLocation, body)
	if err != nil {
		return routes{}, err
	}
	hostname, err := doc.requiredString("hostname")
	if err != nil {
		return routes{}, err
	}
	ws, err := doc.requiredString("ws_hostname")
	if err != nil {
		return routes{}, err
	}
	route, err := doc.optionalString("sync_route")
	if err != nil {
		return routes{}, err
	}
	hostname = strings.TrimRight(hostname, "/")
	if hostname == "" {
		hostname = host
	}
	if err := checkHTTPHost(hostname); err != nil {
		return routes{}, refusal(opLocation, CodeMalformedJSON, "the server's hostname cannot be used: %v", err)
	}
	ws = strings.TrimRight(ws, "/")
	if ws == "" {
		ws = webSocketHost(hostname)
	}
	if route == "" {
		route = ws + syncPath(appID)
	}
	if err := checkSyncRoute(route); err != nil {
		return routes{}, refusal(opLocation, CodeMalformedJSON, "%v", err)
	}
	return routes{httpHost: hostname, sync: route, verified: true}, nil
}

// Only these two are followed (app-services 3.4).
func isRedirect(status int) bool {
	return status == http.StatusMovedPermanently || status == http.StatusPermanentRedirect
}

// redirectTarget returns the host prefix that a redirect names.
func redirectTarget(op string, resp *Response) (string, error) {
	target := strings.TrimRight(resp.header("Location"), "/")
	err := error(nil)
	if target == "" {
		err = fmt.Errorf("it is empty")
	} else {
		err = checkHTTPHost(target)
	}
	if err != nil {
		return "", &Error{Code: CodeClientRedirectError, Status: resp.Status, Op: op, Err: err,
			Message: "Redirect response missing location header"}
	}
	return target, nil
}
