package pathpattern

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		params        map[string]string // nil: it does not match
	}{
		{"auth/profile", "auth/profile", map[string]string{}},
		{"app/:app/keys/:key", "app/a/keys/b", map[string]string{"app": "a", "key": "b"}},
		{"/api/:x", "/api/:x", map[string]string{"x": ":x"}},
		{"app/:app", "app/", nil},
		{"app/:app", "app", nil},
		{"app/:app", "app/a/", nil},
		{"app/:app", "App/a", nil},
		{"/api/:x", "api/x", nil},
		{"/api/:x", "x/api/x", nil},
	} {
		params, ok := Match(c.pattern, strings.Split(c.path, "/"))
		require.Equal(t, c.params != nil, ok, "%s %s", c.pattern, c.path)
		require.Equal(t, c.params, params, "%s %s", c.pattern, c.path)
	}
}
