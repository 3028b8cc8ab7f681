package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/session"
	"realmsync/tests/program"
	"realmsync/tests/request"
)

// smallDisk mounts a file system of so many bytes. Tests are skipped where they may not.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small file system can't be mounted here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

// fill takes all the room that there is on a file system.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	require.NoError(t, err)
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())
	return func() { require.NoError(t, os.Remove(path)) }
}

// When the disk is full, the server reads and refuses to write, with an error that says so, and acknowledges nothing that isn't there after kill -9; it is started
// on the full disk, too. When there is room again it goes on by itself, and devices upload what they had kept.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, "64m")
	srv := serverOf(t)
	srv.data = filepath.Join(disk, "data")
	srv.start()
	d, err := openDevice(deviceOptions{url: srv.url(), dir: t.TempDir(), schema: dogs, timings: hasty, failed: func(e *session.Error) {
		if e.Fatal {
			t.Errorf("a device can't do anything about it: %v", e)
		}
	}})
	require.NoError(t, err)
	defer d.close()
	require.NoError(t, d.subscribe("Dog", "TRUEPREDICATE"))
	large, made := strings.Repeat("x", 300_000), int64(0)
	write := func() {
		t.Helper()
		made++
		require.NoError(t, d.write(func() error { return d.createNamed("Dog", made, large) }))
	}
	// The journals have some room.
	writeUntilFull := func() {
		t.Helper()
		full := func() int { return strings.Count(srv.log.String(), "sync.db: database or disk is full") }
		for before, end := full(), time.Now().Add(patient); full() == before; time.Sleep(10 * time.Millisecond) {
			require.True(t, time.Now().Before(end), "it doesn't become full")
			if made < 40 {
				write()
			}
		}
	}
	call := func(method, path, body string) (int, string) {
		a := request.Request{Method: method, URL: srv.url() + path, Token: d.user.AccessToken(), Body: body}.Do(t)
		return a.Status, string(a.Body)
	}
	write()
	require.NoError(t, d.settle())

	free := fill(t, disk)
	writeUntilFull()
	data := "/api/data/v1/app/" + appID + "/collections/"
	for _, c := range [][2]string{
		{data + "Note/documents?database=plain", `{"_id":1}`}, // the first of its file, which others look into then
		{"/api/client/v2.0/app/" + appID + "/auth/providers/anon-user/login", `{}`},
		{data + "Dog/documents", `{"_id":100000,"name":"` + large[:60_000] + `"}`},
	} {
		status, answer := call(http.MethodPost, c[0], c[1])
		require.Equal(t, http.StatusServiceUnavailable, status, "%s: %s", c[0], answer)
		require.Contains(t, answer, "the server's disk is full")
	}
	status, answer := call(http.MethodGet, data+"Dog/documents?limit=1", "")
	require.Equal(t, http.StatusOK, status, answer)
	require.Contains(t, answer, large[:100])
	for _, probe := range []string{"/healthz", "/readyz"} {
		status, answer = call(http.MethodGet, probe, "")
		require.Equal(t, http.StatusOK, status, answer)
	}
	free()
	require.NoError(t, d.settle())
	status, answer = call(http.MethodPost, data+"Note/documents?database=plain", `{"_id":1}`)
	require.Equal(t, http.StatusCreated, status, answer)

	free = fill(t, disk)
	writeUntilFull()
	srv.kill()
	srv.start()
	free()
	require.NoError(t, d.settle())
	srv.kill()
	srv.start()
	other, err := openDevice(deviceOptions{url: srv.url(), dir: t.TempDir(), schema: dogs})
	require.NoError(t, err)
	defer other.close()
	require.NoError(t, other.subscribe("Dog", "TRUEPREDICATE"))
	rows, err := other.rows("Dog")
	require.NoError(t, err)
	require.Len(t, rows, int(made))
	status, answer = call(http.MethodGet, data+"Note/documents?database=plain", "")
	require.Equal(t, http.StatusOK, status, answer)
	require.Equal(t, 1, strings.Count(answer, `"_id"`), answer)
	srv.stop()
	binary, err := program.Binary()
	require.NoError(t, err)
	out, err := exec.Command(binary, "fsck", "--data", srv.data).CombinedOutput()
	require.NoError(t, err, "%s", out)
	srv.start() // it is stopped in the end
}
