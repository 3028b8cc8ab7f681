package history

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
	"realmsync/core/reset"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/value"
	"realmsync/core/wire"
)

const (
	freshIdent = 31
	freshSalt  = 99
)

// fetch fills the fresh copy of a file with what the server has, and closes it.
func fetch(t testing.TB, f *File, server ...changeset.Instruction) {
	t.Helper()
	fresh, err := f.FreshCopy()
	require.NoError(t, err)
	require.NoError(t, fresh.SetIdent(freshIdent, freshSalt))
	p := progress(50, 0, 0, 0)
	for query, in := range [][]changeset.Instruction{nil, server} {
		require.NoError(t, fresh.AddBootstrap(bootstrap(int64(query), wire.LastInBatch, p, entry(t, 50, 0, 1, in...))))
		applied, err := fresh.ApplyBootstrap()
		require.NoError(t, err)
		require.True(t, applied)
	}
	require.NoError(t, fresh.Marked(1))
	status, err := fresh.Status()
	require.NoError(t, err)
	require.EqualValues(t, 1, status.ActiveSet)
	require.NoError(t, fresh.Close())
}

func order(mode session.ResetMode) session.ResetOrder {
	return session.ResetOrder{Mode: mode, Action: wire.ClientReset, Code: 208, Text: "Bad client file identifier (IDENT)"}
}

// lost makes a device that the server has forgotten: objects 1 and 2 came from it, set 1 is complete; not uploaded are object 3 (version a), a set, and
// then object 4 and a change of object 1 (version b).
func lost(t testing.TB) (d *device, a, b uint64, pending int64) {
	t.Helper()
	d = newDevice(t, ownIdent)
	first := d.subscribe("T", "TRUEPREDICATE")
	version, err := d.file.Version()
	require.NoError(t, err)
	p := progress(40, version, version, 0)
	require.NoError(t, d.file.AddBootstrap(bootstrap(first, wire.LastInBatch, p, entry(t, 40, version, 1, create(1), set(1, "i", value.Int(1)), create(2)))))
	_, err = d.file.ApplyBootstrap()
	require.NoError(t, err)
	require.NoError(t, d.file.Marked(first))
	a = d.write(create(3), set(3, "k", value.FromLink("T", key(2))))
	pending = d.subscribe("T", "i > 3")
	b = d.write(create(4), set(1, "i", value.Int(7)), erase(2))
	return d, a, b, pending
}

// serverHas is what the server has meanwhile: object 2 is gone, 1 was changed in another field, 9 is new.
func serverHas() []changeset.Instruction {
	return append(append([]changeset.Instruction{}, schemaT...), create(1), set(1, "i", value.Int(2)), set(1, "s", value.String("server")), create(9))
}

func TestResetRecovers(t *testing.T) {
	d, a, b, pending := lost(t)
	fetch(t, d.file, serverHas()...)
	var changed []string
	stop := Listen(d.file.Path(), func(c Commit) {
		changes, err := c.Changes()
		require.NoError(t, err)
		for _, cl := range changes.Classes {
			changed = append(changed, fmt.Sprintf("%v", cl))
		}
	})
	defer stop()
	recovered, err := d.file.Reset(order(session.ResetRecover))
	require.NoError(t, err)
	require.True(t, recovered)

	want := memstate.New(nil)
	require.NoError(t, want.Apply(&changeset.Changeset{Instructions: append(serverHas(),
		create(3), set(3, "k", value.Null()), create(4), set(1, "i", value.Int(7)))}))
	requireState(t, want, d, "after the reset")

	status, err := d.file.Status()
	require.NoError(t, err)
	require.EqualValues(t, freshIdent, status.Ident)
	require.EqualValues(t, freshSalt, status.Salt)
	require.EqualValues(t, 1, status.ActiveSet, "the local number")
	require.True(t, status.Reset)
	require.Equal(t, wire.Progress{Download: wire.DownloadCursor{ServerVersion: 50}, Latest: wire.LatestServerVersion{Version: 50, Salt: 5}}, status.Progress)
	q, ok, err := d.file.NextQuery(status.ActiveSet)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, pending, q.Version)
	require.Equal(t, a, q.Snapshot, "item 53: it is sent again behind what was written before it")

	entries, next, err := d.file.NextUpload(wire.UploadCursor{}, q.Snapshot)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, a, entries[0].ClientVersion, "the version is kept")
	require.EqualValues(t, 50, entries[0].ServerVersion)
	newestVersion, err := d.file.Version()
	require.NoError(t, err)
	entries, _, err = d.file.NextUpload(next, newestVersion)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, b, entries[0].ClientVersion)
	c, err := changeset.Decode(entries[0].Changeset)
	require.NoError(t, err)
	require.Equal(t, []changeset.Instruction{create(4), set(1, "i", value.Int(7))}, c.Instructions, "erasing what is gone is left out")
	require.NotEmpty(t, changed, "observers hear of it")
	require.NoFileExists(t, d.file.freshPath())

	// Synchronization goes on: what others did, based on nothing of ours, is merged with what was recovered.
	require.NoError(t, d.file.Integrate(steady(progress(51, 0, 0, 0), entry(t, 51, 0, 1<<40, set(4, "i", value.Int(5)), set(9, "i", value.Int(6))))))
	require.NoError(t, d.file.ResetConfirmed())
	status, err = d.file.Status()
	require.NoError(t, err)
	require.False(t, status.Reset)
}

func TestResetDiscards(t *testing.T) {
	d, _, _, pending := lost(t)
	fetch(t, d.file, serverHas()...)
	recovered, err := d.file.Reset(order(session.ResetDiscard))
	require.NoError(t, err)
	require.False(t, recovered)
	want := memstate.New(nil)
	require.NoError(t, want.Apply(&changeset.Changeset{Instructions: serverHas()}))
	requireState(t, want, d, "after the reset")
	state, _, err := d.file.SetState(pending)
	require.NoError(t, err)
	require.Equal(t, Superseded, state)
	status, err := d.file.Status()
	require.NoError(t, err)
	require.Greater(t, status.ActiveSet, pending, "numbers are never used twice")
	require.Equal(t, `{"T":"(TRUEPREDICATE)"}`, string(status.Active))
	version, err := d.file.NewestChangeset()
	require.NoError(t, err)
	require.Zero(t, version, "nothing to upload")
	require.Greater(t, d.subscribe("T", "i > 4"), status.ActiveSet)
	d.write(create(10))
	version, err = d.file.NewestChangeset()
	require.NoError(t, err)
	require.NotZero(t, version)
}

// The table of sync-semantics 7.5, item 56.
func TestResetCycles(t *testing.T) {
	const fails = session.ResetMode(99)
	none := session.ResetManual
	for _, c := range []struct{ before, mode, want session.ResetMode }{
		{none, session.ResetDiscard, session.ResetDiscard},
		{none, session.ResetRecover, session.ResetRecover},
		{none, session.ResetRecoverOrDiscard, session.ResetRecover},
		{session.ResetDiscard, session.ResetDiscard, fails},
		{session.ResetDiscard, session.ResetRecover, fails},
		{session.ResetDiscard, session.ResetRecoverOrDiscard, fails},
		{session.ResetRecover, session.ResetRecover, fails},
		{session.ResetRecover, session.ResetRecoverOrDiscard, session.ResetDiscard},
		{session.ResetRecover, session.ResetDiscard, session.ResetDiscard},
	} {
		for _, state := range []resetState{resetDone, resetFailed, resetBegun} {
			var old *resetNote
			if c.before != none {
				old = &resetNote{mode: c.before, action: wire.ClientReset, state: state, attempts: resetAttempts}
			}
			check := func(want session.ResetMode, o session.ResetOrder) {
				t.Helper()
				n, err := resetNoteFor(o, old, time.Now())
				if want == fails {
					var bad *session.ResetError
					require.ErrorAs(t, err, &bad)
					return
				}
				require.NoError(t, err)
				require.Equal(t, want, n.mode, "%+v", c)
			}
			check(c.want, order(c.mode))
			if old == nil {
				continue
			}
			if state == resetBegun { // crashes are no failures, unless there were many
				old.attempts = resetAttempts - 1
				want := session.ResetRecover
				if c.mode == session.ResetDiscard {
					want = session.ResetDiscard
				}
				check(want, order(c.mode))
			}
			other := order(c.mode) // item 57
			other.Action = wire.ClientResetNoRecovery
			want := session.ResetDiscard
			if c.mode == session.ResetRecover {
				want = fails
			}
			check(want, other)
		}
	}
}

// Two resets in a row, until the file and the server have told each other everything.
func TestResetTwice(t *testing.T) {
	d, _, _, _ := lost(t)
	fetch(t, d.file, serverHas()...)
	_, err := d.file.Reset(order(session.ResetRecover))
	require.NoError(t, err)
	before := d.everything()
	fetch(t, d.file, serverHas()...)
	_, err = d.file.Reset(order(session.ResetRecover))
	require.ErrorContains(t, err, "giving up on 'Recover' mode to prevent a cycle")
	d.requireUnchanged(before)
	require.NoFileExists(t, d.file.freshPath())
	fetch(t, d.file, serverHas()...)
	recovered, err := d.file.Reset(order(session.ResetRecoverOrDiscard))
	require.NoError(t, err)
	require.False(t, recovered)
	require.NoError(t, d.file.ResetConfirmed())
	fetch(t, d.file, serverHas()...)
	recovered, err = d.file.Reset(order(session.ResetRecover))
	require.NoError(t, err)
	require.True(t, recovered)
}

// Items 55 and 58: a failure leaves the file as it was.
func TestResetFails(t *testing.T) {
	d, _, _, _ := lost(t)
	before := d.everything()
	fetch(t, d.file, table("U"))
	_, err := d.file.Reset(order(session.ResetRecover))
	var bad *session.ResetError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "Client reset cannot recover when classes have been removed: {T}", bad.Text)
	d.requireUnchanged(before)
	require.NoFileExists(t, d.file.freshPath())
	// The failure counts: the next one that may degrades.
	fetch(t, d.file, serverHas()...)
	recovered, err := d.file.Reset(order(session.ResetRecoverOrDiscard))
	require.NoError(t, err)
	require.False(t, recovered)
}

// A class that was added here and not uploaded comes back; when changes are discarded, the program could not go on without it.
func TestResetWithANewClass(t *testing.T) {
	for _, mode := range []session.ResetMode{session.ResetRecover, session.ResetDiscard} {
		d, _, _, _ := lost(t)
		d.write(table("New"), column("T", "more", changeset.SchemaFields{Type: value.KindInt, Nullable: true}))
		fetch(t, d.file, serverHas()...)
		_, err := d.file.Reset(order(mode))
		if mode == session.ResetDiscard {
			require.ErrorContains(t, err, "classes have been removed: {New}")
			continue
		}
		require.NoError(t, err)
		require.NotNil(t, d.state().Schema().Class("New"))
		require.NotNil(t, d.state().Schema().Class("T").Property("more"))
	}
}

// The store does what the model does, whatever there is to be recovered.
func TestResetRandom(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 5))
		d, local := newWorld(t)
		server := statetest.World()
		base := operations(t, r, server, 15)
		require.NoError(t, local.Apply(base))
		d.write(base.Instructions...)
		require.NoError(t, d.file.Integrate(steady(progress(9, d.version(), d.version(), 0))))
		fresh := server.Clone()
		others := operations(t, r, fresh, 8)
		recovery := reset.NewRecovery(fresh, local)
		var changes []*changeset.Changeset
		for range 6 {
			c := operations(t, r, local, 4)
			changes = append(changes, c)
			d.write(c.Instructions...)
		}
		for _, c := range changes {
			_, err := recovery.Apply(c)
			require.NoError(t, err)
		}
		_, err := recovery.Finish()
		require.NoError(t, err)

		first, _ := newWorldInstructions()
		fetch(t, d.file, append(append(first, base.Instructions...), others.Instructions...)...)
		_, err = d.file.Reset(order(session.ResetRecover))
		require.NoError(t, err, "seed %d", seed)
		requireState(t, fresh, d, fmt.Sprintf("seed %d", seed))
		// What is uploaded makes the same on the server.
		require.NoError(t, server.Apply(others))
		entries, _, err := d.file.NextUpload(wire.UploadCursor{}, d.version())
		require.NoError(t, err)
		for _, e := range entries {
			c, err := changeset.Decode(e.Changeset)
			require.NoError(t, err)
			require.NoError(t, server.Apply(c))
		}
		require.Equal(t, string(fresh.JSON()), string(server.JSON()), "seed %d", seed)
	}
}

// operations makes random changes of a state, as one changeset.
func operations(t *testing.T, r *rand.Rand, st *memstate.State, n int) *changeset.Changeset {
	t.Helper()
	w := &statetest.Writer{Rand: r, State: st, Keys: 4, Name: "own", Bare: true, Items: true, Moves: true, Again: true}
	all := &changeset.Changeset{}
	for range n {
		c := &changeset.Changeset{Instructions: w.Operation()}
		require.NoError(t, st.Apply(c))
		all.Instructions = append(all.Instructions, c.Instructions...)
	}
	return all
}

// newWorldInstructions makes what statetest.World holds.
func newWorldInstructions() ([]changeset.Instruction, *memstate.State) {
	world := statetest.World()
	empty := memstate.New(nil)
	var out []changeset.Instruction
	for _, class := range world.Schema().Classes() {
		f := &changeset.SchemaFields{TableKind: class.Kind}
		if key := class.Key(); key != nil {
			f.KeyField, f.KeyType, f.KeyNull = key.Name, key.Type, key.Nullable
		}
		out = append(out, changeset.Instruction{Op: changeset.AddTable, Table: class.Name, Schema: f})
	}
	for _, class := range world.Schema().Classes() {
		for _, p := range class.Properties {
			if p.Name == class.PrimaryKey {
				continue
			}
			f := &changeset.SchemaFields{Type: p.Type, Nullable: p.Nullable, LinkTarget: p.LinkTarget}
			if p.Collection != 0 && p.Collection.String() == "dictionary" {
				f.KeyType = value.KindString
			}
			out = append(out, changeset.Instruction{Op: changeset.AddColumn, Table: class.Name, Field: p.Name, Collection: p.Collection, Schema: f})
		}
	}
	for k := range int64(2) {
		out = append(out, changeset.Instruction{Op: changeset.CreateObject, Table: "T", Key: value.IntKey(k)})
	}
	return out, empty
}

// newWorld is a device with statetest.World.
func newWorld(t *testing.T) (*device, *memstate.State) {
	t.Helper()
	d := &device{program: newProgram(t, filepath.Join(t.TempDir(), "world.realm"))}
	d.path = d.program.file
	in, local := newWorldInstructions()
	require.NoError(t, local.Apply(&changeset.Changeset{Instructions: in}))
	d.prepare(in...)
	d.open()
	t.Cleanup(func() { require.NoError(t, d.file.Close()) })
	require.NoError(t, d.file.SetIdent(ownIdent, ownSalt))
	return d, local
}

// killer is a log handler that kills the process when it is told of something.
type killer struct{ at string }

func (k killer) Enabled(context.Context, slog.Level) bool { return true }
func (k killer) Handle(_ context.Context, r slog.Record) error {
	if r.Message == k.at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return nil
}
func (k killer) WithAttrs([]slog.Attr) slog.Handler { return k }
func (k killer) WithGroup(string) slog.Handler      { return k }

// TestKilledReset resets a file in a process that is killed on the way. It is run by TestResetSurvivesKill.
func TestKilledReset(t *testing.T) {
	path, at := os.Getenv("REALM_TEST_RESET"), os.Getenv("REALM_TEST_KILL")
	if path == "" {
		return // there is nothing to be killed
	}
	f, err := OpenFile(path, FileOptions{Logger: slog.New(killer{at})})
	require.NoError(t, err)
	_, err = f.Reset(order(session.ResetRecoverOrDiscard))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	t.Fatal("it was not killed")
}

// kill -9 at any step leaves the old state or the new one; and what was not uploaded is recovered by the next attempt, in spite of the note.
func TestResetSurvivesKill(t *testing.T) {
	want := memstate.New(nil)
	require.NoError(t, want.Apply(&changeset.Changeset{Instructions: append(serverHas(),
		create(3), set(3, "k", value.Null()), create(4), set(1, "i", value.Int(7)))}))
	for _, at := range []string{"client reset begun", "client reset", "client reset committed"} {
		d, _, _, _ := lost(t)
		before := d.everything()
		fetch(t, d.file, serverHas()...)
		require.NoError(t, d.file.Close())
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledReset$")
		cmd.Env = append(os.Environ(), "REALM_TEST_RESET="+d.path, "REALM_TEST_KILL="+at)
		out, err := cmd.CombinedOutput()
		require.ErrorContains(t, err, "killed", "%s: %s", at, out)
		d.open()
		status, err := d.file.Status()
		require.NoError(t, err)
		if at == "client reset committed" {
			require.True(t, status.Reset)
		} else {
			require.False(t, status.Reset)
			d.requireUnchanged(before, at)
			fetch(t, d.file, serverHas()...)
			recovered, err := d.file.Reset(order(session.ResetRecoverOrDiscard))
			require.NoError(t, err)
			require.True(t, recovered, "an attempt that was killed is no failed one")
		}
		requireState(t, want, d, at)
		require.NoError(t, d.file.DropFresh())
		require.NoFileExists(t, d.file.freshPath())
	}
}

// An encrypted file has an encrypted copy.
func TestResetOfAnEncryptedFile(t *testing.T) {
	k := store.NewKey(&[store.KeySize]byte{1, 2, 3})
	f, err := OpenFile(filepath.Join(t.TempDir(), "secret.realm"), FileOptions{Key: k})
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	require.NoError(t, f.SetIdent(ownIdent, ownSalt))
	fetch(t, f, serverHas()...)
	_, err = store.Open(f.freshPath(), store.Options{})
	require.ErrorIs(t, err, store.ErrKey)
	_, err = f.Reset(order(session.ResetRecover))
	require.NoError(t, err)
	status, err := f.Status()
	require.NoError(t, err)
	require.EqualValues(t, freshIdent, status.Ident)
}

// Another process has reset the file: what this one remembers of the history counts no more.
func TestResetByAnother(t *testing.T) {
	d, _, _, _ := lost(t)
	d.write(erase(1))
	status, err := d.file.Status()
	require.NoError(t, err)
	p := status.Progress
	p.Download.ServerVersion, p.Latest.Version = 41, 41
	require.NoError(t, d.file.Integrate(steady(p, entry(t, 41, p.Download.ClientVersion, 1, create(8)))), "it knows the history now")
	other, err := OpenFile(d.path, FileOptions{})
	require.NoError(t, err)
	fetch(t, other, append(append([]changeset.Instruction{}, schemaT...), create(2))...)
	_, err = other.Reset(order(session.ResetRecover))
	require.NoError(t, err)
	require.NoError(t, other.Close())
	// Erasing 1 was left out, as it was gone: its version is no more.
	require.NoError(t, d.file.Integrate(steady(progress(51, 0, 0, 0), entry(t, 51, 0, 1<<40, create(1), set(1, "i", value.Int(5))))))
	require.Contains(t, d.json(), `"i":{"int":"5"}`)
}
