package main

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Clients behind a proxy that is trusted are told apart, in the log as in what is counted.
func TestTrustedProxy(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "server.yaml")
	for text, wrong := range map[string]string{
		"trusted-proxy: [127.0.0.1, 10.0.0.0/8, 'fd00::/8']\n": "", "trusted-proxy: [example.com]\n": "neither an address nor a network", "trusted-proxy: 10.0.0.0/33\n": "neither",
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, log, err := ran(t, "config", "check", "--config", file)
		if wrong == "" {
			require.NoError(t, err, log)
		} else {
			require.Error(t, err)
			require.Contains(t, log, wrong)
		}
	}
	p := serve(t, t.TempDir(), "--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.0.0.0/8")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+"/api/client/v2.0/app/todo/location", nil)
	require.NoError(t, err)
	r.Header.Set("X-Forwarded-For", "192.0.2.9, 192.0.2.7, 10.1.1.1")
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	p.stop()
	require.Contains(t, p.stderr.String(), "remote=192.0.2.7:0")
}
