package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The commands of docs/server.md work, one after the other, as they stand there.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s", tool)
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "server.md"))
	require.NoError(t, err)
	script := "set -euxo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	require.GreaterOrEqual(t, len(blocks), 9)
	for _, b := range blocks {
		script += b[1] + "\n"
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	require.NoError(t, os.Mkdir(bin, 0o700))
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	shim := "#!/bin/sh\nexec env " + asServer + "=1 '" + self + "' \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "realm-sync-server"), []byte(shim), 0o700)) //nolint:gosec // it is run
	work := filepath.Join(dir, "work")
	require.NoError(t, os.Mkdir(work, 0o700))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir, cmd.Env = work, append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, 2, strings.Count(string(out), "\nclean\n"), "%s", out)
	require.Contains(t, string(out), "realm_sync_connections 0")
}

// The packaged configuration and unit name flags and commands that exist.
func TestPackaging(t *testing.T) {
	t.Parallel()
	_, log, err := ran(t, "config", "check", "--config", filepath.Join("..", "..", "packaging", "server.yaml"))
	require.NoError(t, err, log)
	unit, err := os.ReadFile(filepath.Join("..", "..", "packaging", "realm-sync-server.service"))
	require.NoError(t, err)
	for _, line := range []string{"serve --config /etc/realm-sync-server/server.yaml", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "StateDirectory=realm-sync-server"} {
		require.Contains(t, string(unit), line)
	}
	for _, script := range []string{"../../scripts/deb.sh"} {
		out, err := exec.Command("bash", "-n", script).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}
