package original

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/app"
	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/client"
	"realmsync/core/realm"
	"realmsync/core/realm/history"
	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/store/storetest"
	"realmsync/core/value"
)

// ours is a device with this project's client. What it writes and reads goes through a connection of its own to the file.
type ours struct {
	t       *testing.T
	client  *client.Client
	realm   *realm.Realm
	session *client.Session
	conn    *store.Conn
	file    string

	mu     sync.Mutex
	errors []string
}

// startOurs opens a device whose files are in dir. It ends with the test.
func startOurs(t *testing.T, url, appID, dir string, s *schema.Schema) *ours {
	t.Helper()
	runtime.LockOSThread() // the realm belongs to the thread
	require.NoError(t, os.MkdirAll(dir, 0o700))
	d := &ours{t: t, client: client.New(client.Options{Session: session.Options{Timings: session.Timings{BackoffInitial: 50 * time.Millisecond, BackoffMax: time.Second}}})}
	login, err := d.client.OpenApp(app.Config{AppID: appID, BaseURL: url, Dir: dir}, false)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	user, err := login.LogIn(ctx, app.Anonymous())
	require.NoError(t, err)
	owner := client.NewUser(user)
	path := filepath.Join(dir, "ours.realm")
	r, err := d.client.Open(client.Config{
		Realm: realm.Config{Path: path, Schema: s, SchemaMode: realm.AdditiveDiscovered}, User: owner, StopPolicy: session.Immediately, Errors: d,
	})
	require.NoError(t, err)
	d.realm = r
	d.session, err = d.client.SessionOf(r)
	require.NoError(t, err)
	d.conn, err = store.Open(path, store.Options{})
	require.NoError(t, err)
	d.file = history.Canonical(path)
	t.Cleanup(func() {
		_ = d.conn.Close()
		r.Release()
		owner.Release()
		login.Close()
		d.client.Close()
		runtime.UnlockOSThread()
	})
	return d
}

// SyncError implements client.ErrorHandler.
func (d *ours) SyncError(_ *client.Session, e *session.Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(e.CompensatingWrites) == 0 && !strings.Contains(e.Error(), "SyncConnectFailed") {
		d.errors = append(d.errors, e.Error())
	}
}

// Close implements client.ErrorHandler.
func (d *ours) Close() {}

func (d *ours) pause()    { require.NoError(d.t, d.session.Pause()) }
func (d *ours) resume()   { require.NoError(d.t, d.session.Resume()) }
func (d *ours) upload()   { require.NoError(d.t, d.session.WaitForUploadFor(patient)) }
func (d *ours) download() { require.NoError(d.t, d.session.WaitForDownloadFor(patient)) }

func (d *ours) settle() {
	d.t.Helper()
	_, err := d.realm.Refresh()
	require.NoError(d.t, err)
	set, err := d.client.LatestSubscriptions(d.realm)
	require.NoError(d.t, err)
	defer set.Release()
	state, err := set.WaitFor(patient)
	require.NoError(d.t, err)
	require.Equal(d.t, session.Complete, state)
}

func (d *ours) failures() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.errors
}

// subscribe makes the query on class T the only subscription.
func (d *ours) subscribe(query string) {
	d.t.Helper()
	set := &history.Set{}
	set.Put(history.Subscription{Class: "T", Query: query}, 1, value.ObjectID{1})
	require.NoError(d.t, d.commit(func(*store.State) ([]changeset.Instruction, error) { return nil, history.CommitSet(d.conn, set) }))
}

func (d *ours) state(s *schema.Schema) *memstate.State {
	d.t.Helper()
	out, err := storetest.Dump(d.conn, s)
	require.NoError(d.t, err)
	return out
}

func (d *ours) write(s *schema.Schema, random *rand.Rand, name string) {
	d.t.Helper()
	require.NoError(d.t, d.commit(func(state *store.State) (all []changeset.Instruction, _ error) {
		held, err := storetest.DumpHere(d.conn, s)
		if err != nil {
			return nil, err
		}
		for _, op := range operations(d.t, held, random, name) {
			all = append(all, op...)
		}
		return all, changeset.Apply(state, &changeset.Changeset{Instructions: all})
	}))
}

// commit is a transaction that records what write returns.
func (d *ours) commit(write func(*store.State) ([]changeset.Instruction, error)) error {
	if err := d.conn.BeginWrite(); err != nil {
		return err
	}
	version, err := func() (uint64, error) {
		instructions, err := write(d.conn.State())
		if err != nil {
			return 0, err
		}
		data, err := changeset.Encode(&changeset.Changeset{Instructions: instructions})
		if err != nil {
			return 0, err
		}
		return history.AppendLocal(d.conn, data, time.Now())
	}()
	if err == nil {
		err = d.conn.Commit()
	} else {
		err = errors.Join(err, d.conn.Rollback())
	}
	if err == nil {
		history.Announce(d.file, version, d.conn)
	}
	return err
}
