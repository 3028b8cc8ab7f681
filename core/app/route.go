package app

import (
	"fmt"
	"net/url"
	"strings"
)

const (
	clientPath = "/api/client/v2.0"
	authPath   = clientPath + "/auth"
)

// cleanBaseURL cuts trailing slashes off, puts the default in for "", and refuses what isn't a URL with scheme and authority
// (app-services 3.2; the original throws BadServerUrl).
func cleanBaseURL(s string) (string, error) {
	s = strings.TrimRight(s, "/")
	if s == "" {
		return DefaultBaseURL, nil
	}
	if err := checkHTTPHost(s); err != nil {
		return "", fmt.Errorf("app: %w: bad server URL: %w; give one like http://localhost:9090", ErrConfig, err)
	}
	// The rest of the package compares the scheme as it is.
	scheme, rest, _ := strings.Cut(s, ":")
	return strings.ToLower(scheme) + ":" + rest, nil
}

// checkHTTPHost checks a URL that paths of this package are appended to.
func checkHTTPHost(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		// The error of url.Parse quotes its input; a user:password in it mustn't get into a log.
		return fmt.Errorf("it does not parse as a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q has no http or https scheme", u.Redacted())
	case u.Hostname() == "":
		return fmt.Errorf("%q names no host", u.Redacted())
	case u.User != nil:
		return fmt.Errorf("%q has a user", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery || strings.Contains(s, "#"):
		return fmt.Errorf("%q has a query or a fragment", u.Redacted())
	}
	return nil
}

// checkSyncRoute checks a complete WebSocket route (wire-protocol 1.1).
func checkSyncRoute(s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return fmt.Errorf("the sync route does not parse as a URL")
	}
	switch u.Scheme {
	case "ws", "wss", "realm", "realms":
	default:
		return fmt.Errorf("the sync route %q has none of the schemes ws, wss, realm, realms", u.Redacted())
	}
	if u.Hostname() == "" {
		return fmt.Errorf("the sync route %q names no host", u.Redacted())
	}
	if u.User != nil || strings.ContainsAny(s, "?#") {
		return fmt.Errorf("the sync route %q has a user, a query or a fragment", u.Redacted())
	}
	return nil
}

// webSocketHost guesses where WebSockets are served from where HTTP is (app-services 3.3).
func webSocketHost(host string) string {
	if len(host) < 7 || !strings.HasPrefix(host, "http") {
		return host
	}
	ws := "ws" + host[len("http"):]
	scheme, rest, found := strings.Cut(ws, "://")
	if !found {
		return ws
	}
	const realmHost, cloudHost = "realm.mongodb.com", "services.cloud.mongodb.com"
	if strings.Contains(rest, realmHost) {
		return scheme + "://ws." + rest
	}
	if i := strings.Index(rest, cloudHost); i >= 0 {
		return scheme + "://" + rest[:i] + "ws." + rest[i:]
	}
	return ws
}

// routes are the places of an App's server. The zero value is none.
type routes struct {
	httpHost string // every HTTP call goes to httpHost + its path
	sync     string // complete WebSocket route
	verified bool   // the server said so; otherwise guessed from the base URL
}

func guessedRoutes(baseURL, appID string) routes {
	return routes{httpHost: baseURL, sync: webSocketHost(baseURL) + syncPath(appID)}
}

func appPath(appID string) string  { return clientPath + "/app/" + percentEncode(appID) }
func syncPath(appID string) string { return appPath(appID) + "/realm-sync" }

// percentEncode keeps the unreserved characters of RFC 3986. App ids, key ids and user ids become one path element with it, of
// URLs and of files.
func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
