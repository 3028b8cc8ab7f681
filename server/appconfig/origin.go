package appconfig

import (
	"net/url"
	"slices"
	"strings"
)

// AllowsOrigin says whether a browser may call the app for a page of an origin, which is as the header Origin has it. An empty list allows each, as App Services did.
// What stands behind the host of an entry is not looked at.
func (s Security) AllowsOrigin(origin string) bool {
	return len(s.AllowedOrigins) == 0 || slices.ContainsFunc(s.AllowedOrigins, func(entry string) bool { return originOf(entry) == origin })
}

// originOf writes the origin of a URL as browsers do (RFC 6454, 6.2): in lower case, without a port that is the scheme's own.
func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil { // Validate lets none in
		return text
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme { // url.Parse has made it lower case
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + host
}
