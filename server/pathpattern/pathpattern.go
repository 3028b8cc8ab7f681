// Package pathpattern compares paths with patterns, for the HTTP APIs of clients, programs and administrators. It is not http.ServeMux: that redirects paths that are
// not clean, and a redirect makes clients move to another server (spec/app-services.md section 3.4).
package pathpattern

import "strings"

// Match says whether the segments of a path are those of a pattern, where one that begins with ':' takes any text but none, and returns what these took by their names.
func Match(pattern string, segments []string) (params map[string]string, ok bool) {
	if strings.Count(pattern, "/")+1 != len(segments) {
		return nil, false
	}
	params = map[string]string{}
	i := 0
	for want := range strings.SplitSeq(pattern, "/") {
		switch {
		case want != "" && want[0] == ':' && segments[i] != "":
			params[want[1:]] = segments[i]
		case want != segments[i]:
			return nil, false
		}
		i++
	}
	return params, true
}
