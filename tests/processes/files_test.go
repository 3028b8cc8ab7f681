package processes

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

func init() {
	roles["open together"] = openTogether
	roles["have open"] = haveOpen
}

// openTogether opens one new file after the other, each when it is told, with the common class and one of its own, and writes to it.
func openTogether(c *control, arguments []string) error {
	number, err := strconv.ParseInt(arguments[1], 10, 64)
	if err != nil {
		return err
	}
	mine := schema.New(*items.Class("Item"), schema.Class{Name: fmt.Sprintf("Own%d", number), PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt}}})
	c.say("ready")
	for {
		name := c.hear()
		if name == "" {
			return nil
		}
		r, err := realm.Open(realm.Config{Path: filepath.Join(arguments[0], name), Schema: mine, SchemaMode: realm.AdditiveDiscovered})
		if err != nil {
			return err
		}
		if err := write(r, number, 0); err != nil {
			return err
		}
		r.Release()
		c.say("written")
	}
}

// Processes that open a file that none of them has made yet all succeed, and it has the classes and the objects of all.
func TestOpenTogether(t *testing.T) {
	runtime.LockOSThread()
	const many = 4
	dir := t.TempDir()
	var all [many]*process
	for i := range all {
		all[i] = start(t, "open together", dir, strconv.Itoa(i+1))
		all[i].hear("ready")
	}
	for round := range 10 {
		name := fmt.Sprintf("%d.realm", round)
		for _, p := range all {
			p.tell(name)
		}
		for _, p := range all {
			p.hear("written")
		}
		r, err := realm.Open(realm.Config{Path: filepath.Join(dir, name)})
		require.NoError(t, err)
		n, err := count(r)
		require.NoError(t, err)
		require.Equal(t, many, n)
		require.Len(t, r.Schema().Classes(), many+1)
		r.Release()
		_, err = os.Stat(filepath.Join(dir, name+"-note"))
		require.ErrorIs(t, err, os.ErrNotExist, "the last one cleans up")
	}
	for _, p := range all {
		p.tell("")
		p.finish()
	}
}

// haveOpen opens the file until it is told otherwise.
func haveOpen(c *control, arguments []string) error {
	r, err := realm.Open(realm.Config{Path: arguments[0], Schema: items})
	if err != nil {
		return err
	}
	c.say("open")
	c.hear()
	r.Release()
	c.say("closed")
	c.hear()
	return nil
}

// A file that another process has open isn't deleted, nor reset, and the application isn't asked whether to compact it.
func TestOpenElsewhere(t *testing.T) {
	runtime.LockOSThread()
	path := filepath.Join(t.TempDir(), "test.realm")
	other := start(t, "have open", path)
	other.hear("open")
	require.ErrorIs(t, realm.Delete(path), store.ErrOpen)
	asked := 0
	config := realm.Config{Path: path, Schema: items, ShouldCompact: func(uint64, uint64) bool { asked++; return true }}
	r, err := realm.Open(config)
	require.NoError(t, err)
	require.NoError(t, write(r, 1, 1))
	r.Release()
	require.Zero(t, asked)
	r, err = realm.Open(realm.Config{Path: path, Schema: items, SchemaVersion: 2, SchemaMode: realm.HardResetFile})
	require.NoError(t, err)
	n, err := count(r)
	require.NoError(t, err)
	require.Equal(t, 1, n, "it was not reset")
	r.Release()

	other.tell("close")
	other.hear("closed")
	config.SchemaVersion = 2
	r, err = realm.Open(config)
	require.NoError(t, err)
	r.Release()
	require.Equal(t, 1, asked)
	require.NoError(t, realm.Delete(path))
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Empty(t, left)

	again := start(t, "have open", path)
	again.hear("open")
	again.kill()
	require.NoError(t, realm.Delete(path), "a process that was killed has nothing open")
}
