package appconfig

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllowsOrigin(t *testing.T) {
	for _, origin := range []string{"https://example.com", "http://localhost:3000", "null", "x"} {
		require.True(t, Security{}.AllowsOrigin(origin), "an empty list is for all: %s", origin)
	}
	s := Security{AllowedOrigins: []string{"https://Example.com:443/app", "http://localhost:3000", "http://plain.example:80/", "HTTPS://[2001:DB8::80]", "capacitor://localhost"}}
	for origin, allowed := range map[string]bool{
		"https://example.com": true, "http://localhost:3000": true, "http://plain.example": true, "https://[2001:db8::80]": true, "capacitor://localhost": true,
		"http://example.com": false, "https://example.com:444": false, "https://sub.example.com": false, "https://example.com.evil.example": false,
		"http://localhost": false, "http://localhost:30001": false, "null": false, "": false, "*": false, "https://example.com https://evil.example": false,
	} {
		require.Equal(t, allowed, s.AllowsOrigin(origin), origin)
	}
}
