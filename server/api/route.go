package api

import (
	"net/http"
	"strings"

	"realmsync/server/auth"
	"realmsync/server/pathpattern"
)

// call is one request on its way.
type call struct {
	w      *recorder
	r      *http.Request
	id     string // names the request in logs, in the link of an error and in X-Appservices-Request-Id
	route  string // the route's pattern, for logs and metrics; "other" when there is none
	params map[string]string
	app    *auth.App // of the path, or of the token; nil until it is known
	reason error     // why it was refused
}

// appID is for logs: empty while the app isn't known.
func (c *call) appID() string {
	if c.app == nil {
		return ""
	}
	return c.app.ID
}

// route is a path of the client API: segments behind prefix, where one that begins with ':' takes any text.
type route struct {
	method  string
	pattern string
	handle  func(*Server, *call) error
}

const prefix = "/api/client/v2.0/"

const userpass = "app/:app/auth/providers/local-userpass/"

// routes lists the client API. The first that fits is taken. An app in the path exists, or in development mode is made,
// before the handler runs; except for realm-sync, which creates nothing.
var routes = []route{
	{http.MethodGet, "app/:app/location", (*Server).location},
	{http.MethodGet, syncPattern, (*Server).upgrade},
	{http.MethodPost, "app/:app/auth/providers/:provider/login", (*Server).login},
	{http.MethodPost, userpass + "register", (*Server).register},
	{http.MethodPost, userpass + "confirm", (*Server).confirm},
	{http.MethodPost, userpass + "confirm/send", (*Server).confirmSend},
	{http.MethodPost, userpass + "confirm/call", (*Server).confirmCall},
	{http.MethodPost, userpass + "reset", (*Server).reset},
	{http.MethodPost, userpass + "reset/send", (*Server).resetSend},
	{http.MethodPost, userpass + "reset/call", (*Server).resetCall},
	{http.MethodPost, functionPattern, (*Server).callFunction},
	{http.MethodGet, functionPattern, (*Server).watch},
	{http.MethodPut, "app/:app/push/providers/:service/registration", (*Server).push},
	{http.MethodDelete, "app/:app/push/providers/:service/registration", (*Server).push},
	{http.MethodGet, "auth/profile", (*Server).profile},
	{http.MethodPost, "auth/session", (*Server).refresh},
	{http.MethodDelete, "auth/session", (*Server).logout},
	{http.MethodDelete, "auth/delete", (*Server).deleteUser},
	{http.MethodPost, "auth/api_keys", (*Server).createKey},
	{http.MethodGet, "auth/api_keys", (*Server).listKeys},
	{http.MethodGet, "auth/api_keys/:key", (*Server).getKey},
	{http.MethodDelete, "auth/api_keys/:key", (*Server).deleteKey},
	{http.MethodPut, "auth/api_keys/:key/enable", (*Server).enableKey},
	{http.MethodPut, "auth/api_keys/:key/disable", (*Server).disableKey},
}

const (
	syncPattern     = "app/:app/realm-sync"
	functionPattern = "app/:app/functions/call"
)

// find returns the route of a request and the texts of its variable segments. If only the method doesn't fit, allow lists
// those that would.
func find(method, path string) (found *route, params map[string]string, allow []string) {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok {
		return nil, nil, nil
	}
	segments := strings.SplitN(rest, "/", maxSegments+1)
	for i := range routes {
		p, ok := pathpattern.Match(routes[i].pattern, segments)
		switch {
		case !ok:
		case routes[i].method == method:
			return &routes[i], p, nil
		default:
			allow = append(allow, routes[i].method)
		}
	}
	return nil, nil, allow
}

// maxSegments is more than any pattern has.
const maxSegments = 8
