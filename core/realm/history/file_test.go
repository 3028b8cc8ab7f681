package history

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/value"
	"realmsync/core/wire"
)

const patience = time.Minute // until a test gives up

// wait returns what arrives.
func wait[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		require.FailNow(t, "nothing happened")
		panic("unreachable")
	}
}

// An integration waits for an application's open write transaction, however long it takes, and merges with what it commits.
func TestIntegrateWaitsForWriter(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.write(create(1))
	require.NoError(t, d.conn.BeginWrite())
	done := make(chan error, 1)
	go func() {
		done <- d.file.Integrate(steady(progress(3, 0, 0, 0),
			entry(t, 3, 0, 500, create(1), set(1, "i", value.Int(20)), set(1, "n", value.Int(21)))))
	}()
	version := d.finish(instructionsOf(set(1, "i", value.Int(10))))
	require.NoError(t, wait(t, done))
	require.Equal(t, value.Int(10), d.get(1, "i"), "the later one")
	require.Equal(t, value.Int(21), d.get(1, "n"))
	require.Equal(t, version+1, d.version())
}

// Closing the File inside of an application's write transaction doesn't wait for the integration that waits for that transaction.
func TestCloseWhileWaiting(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.write(create(1))
	before := d.version()
	require.NoError(t, d.conn.BeginWrite())
	began := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		close(began)
		done <- d.file.Integrate(steady(progress(3, 0, 0, 0), entry(t, 3, 0, 500, create(2))))
	}()
	wait(t, began)
	require.NoError(t, d.file.Close())
	require.NoError(t, d.file.Close())
	require.NoError(t, d.conn.Rollback())
	require.ErrorIs(t, wait(t, done), ErrClosed)
	require.NoError(t, d.conn.BeginRead())
	version, err := d.conn.Version()
	require.NoError(t, err)
	require.Equal(t, before, version)
	require.NoError(t, d.conn.EndRead())
}

// Programs that write all the time, and a File that integrates all the time: nobody waits for ever, and nothing is lost.
func TestBusyWriters(t *testing.T) {
	d := newDevice(t, ownIdent)
	const writers, each = 3, 40
	d.write(create(0))
	failed := make(chan error, writers+1)
	for range writers {
		p := newProgram(t, d.path)
		go func() { failed <- p.addMany(each) }()
	}
	go func() {
		for v := uint64(1); v <= each; v++ {
			if err := d.file.Integrate(steady(progress(v, 0, 0, 0), entry(t, v, 0, 1, create(0), add(0, 1)))); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	for range writers + 1 {
		require.NoError(t, wait(t, failed))
	}
	require.Equal(t, value.Int((writers+1)*each), d.get(0, "i"))
	cursor, n := wire.UploadCursor{}, 0
	for {
		entries, next := d.nextUpload(cursor, d.version())
		if n, cursor = n+len(entries), next; len(entries) == 0 {
			break
		}
	}
	require.Equal(t, 2+writers*each, n)
}

// addMany commits increments, on a goroutine of its own.
func (p *program) addMany(n int) error {
	for range n {
		if err := p.conn.BeginWrite(); err != nil {
			return err
		}
		state := p.conn.State()
		v, err := state.Get("T", key(0), "i")
		if err == nil {
			err = state.Set("T", key(0), "i", value.Int(v.Int()+1))
		}
		if err != nil {
			return errors.Join(err, p.conn.Rollback())
		}
		version, err := AppendLocal(p.conn, encode(p.t, add(0, 1)), p.clock())
		if err != nil {
			return errors.Join(err, p.conn.Rollback())
		}
		if err := p.conn.Commit(); err != nil {
			return err
		}
		Announce(p.file, version, p.conn)
	}
	return nil
}

// With the disk full nothing changes, the error is the file's and not the server's, and the same message goes through once there is
// space.
func TestDiskFull(t *testing.T) {
	d := newDevice(t, ownIdent)
	d.write(create(1))
	big := entry(t, 3, 0, 1, create(2), set(2, "s", value.String(strings.Repeat("x", 4<<20))))
	limit := func(pages int) {
		t.Helper()
		require.NoError(t, d.file.conn.BeginRead())
		sql := "PRAGMA max_page_count=" + strconv.Itoa(pages)
		require.NoError(t, d.file.conn.Query(sql, nil, func(*store.Row) error { return nil }))
		require.NoError(t, d.file.conn.EndRead())
	}
	d.subscribe("T", "TRUEPREDICATE")
	before := d.everything()
	limit(1) // SQLite takes the size that the file has
	for name, f := range map[string]func() error{
		"integrating": func() error { return d.file.Integrate(steady(progress(3, 0, 0, 0), big)) },
		"storing":     func() error { return d.file.AddBootstrap(bootstrap(1, wire.LastInBatch, progress(3, 0, 0, 0), big)) },
	} {
		err := f()
		require.ErrorIs(t, err, store.ErrAccess, name)
		require.Contains(t, err.Error(), d.path)
		var bad *session.IntegrationError
		require.NotErrorAs(t, err, &bad)
		d.requireUnchanged(before, name)
	}

	// A stored bootstrap stays stored. The session tries the last message again, with all that belongs to it.
	limit(1 << 20)
	more := bootstrap(1, wire.MoreToCome, progress(3, 0, 0, 0), entry(t, 3, 0, 1, create(7)))
	last := bootstrap(1, wire.LastInBatch, progress(3, 0, 0, 0), entry(t, 3, 0, 1, create(8)), big)
	require.NoError(t, d.file.AddBootstrap(more))
	require.NoError(t, d.file.AddBootstrap(last))
	limit(1)
	stored := d.everything()
	for range 2 {
		require.NoError(t, d.file.AddBootstrap(last))
		_, err := d.file.ApplyBootstrap()
		require.ErrorIs(t, err, store.ErrAccess)
		d.requireUnchanged(stored)
	}
	limit(1 << 20)
	require.NoError(t, d.file.AddBootstrap(last))
	applied, err := d.file.ApplyBootstrap()
	require.NoError(t, err)
	require.True(t, applied)
	require.Len(t, d.get(2, "s").Str(), 4<<20)
	require.Len(t, d.state().Keys("T"), 4)
}

// A File that waits for another writer ends the wait when it is interrupted, or closed.
func TestInterrupt(t *testing.T) {
	for name, end := range map[string]func(*File){"interrupt": (*File).Interrupt, "close": func(f *File) { require.NoError(t, f.Close()) }} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, ownIdent)
			other, err := store.Open(d.file.Path(), store.Options{})
			require.NoError(t, err)
			defer other.Close()
			require.NoError(t, other.BeginWrite())
			failed := make(chan error)
			go func() { failed <- d.file.SetIdent(1, 1) }()
			end(d.file)
			err = <-failed
			require.True(t, errors.Is(err, store.ErrInterrupted) || errors.Is(err, ErrClosed), "%v", err)
			require.NoError(t, other.Commit())
			require.NoError(t, d.file.Close())
		})
	}
}

// After Close every method fails, and no listener is called.
func TestClosed(t *testing.T) {
	d := newDevice(t, ownIdent)
	notified := 0
	stop := d.file.Notify(func() { notified++ })
	require.NoError(t, d.file.Close())
	d.write(create(1))
	stop()
	d.file.Notify(func() { notified++ })()
	require.Zero(t, notified)
	_, err := d.file.Status()
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, d.file.SetIdent(1, 1), ErrClosed)
	require.ErrorIs(t, d.file.Integrate(steady(progress(3, 0, 0, 0))), ErrClosed)
	_, err = d.file.ApplyBootstrap()
	require.ErrorIs(t, err, ErrClosed)
	require.NoError(t, d.file.Close())
	require.Equal(t, d.program.file, d.file.Path())
}

// Refusals are logged with their code.
func TestLog(t *testing.T) {
	d := newDevice(t, ownIdent)
	var log strings.Builder
	d.opt.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d.crash()
	d.integrate(steady(progress(3, 0, 0, 0), entry(t, 3, 0, 1, create(2))))
	require.Contains(t, log.String(), "server_version=3")
	require.Error(t, d.file.Integrate(steady(progress(4, 0, 0, 0), entry(t, 4, 0, 1, set(9, "i", value.Int(1))))))
	require.Contains(t, log.String(), "bad_changeset (212)")
}
