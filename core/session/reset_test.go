package session

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeReset is an application's wish for client resets.
type fakeReset struct {
	w             *world
	mode          ResetMode
	before, after error
	began         func() // called by Before
}

func (r *fakeReset) Mode() ResetMode { return r.mode }

func (r *fakeReset) Before() error {
	r.w.note("before")
	if r.began != nil {
		r.began()
	}
	return r.before
}

func (r *fakeReset) After(recovered bool) error {
	r.w.note("after recovered=%v", recovered)
	return r.after
}

func (r *fakeReset) Close() { r.w.note("closed") }

// openReset opens a session that resets its file as r says.
func (w *world) openReset(f *fakeFile, r *fakeReset, policy StopPolicy) *Session {
	r.w = w
	s, err := w.m.Open(Config{
		Path: "a", Open: func() (File, error) { return f, nil }, User: w.user, StopPolicy: policy, Reset: func() Reset { return r },
		OnError: func(_ *Session, e *Error) {
			w.note("error %s fatal=%v reset=%v: %s", e.Name, e.Fatal, e.ClientResetRequested, e.Message)
		},
		ScheduleReset: func(path string, backup bool) (string, error) {
			w.note("backup of %s %v", path, backup)
			return "/recovered", nil
		},
	})
	require.NoError(w.t, err)
	return s
}

const (
	resetError      = `json_error 208 191 1↵{"action":"ClientReset","isRecoveryModeDisabled":false,"logURL":"","message":"Bad client file identifier (IDENT)","shouldClientReset":true,"tryAgain":false}`
	noRecoveryError = `json_error 208 165 1↵{"action":"ClientResetNoRecovery","isRecoveryModeDisabled":true,"logURL":"","message":"gone","shouldClientReset":true,"tryAgain":false}`
	resetBind       = `{"schemaVersion":0,"sessionReason":1}`
)

// sized sets the length of a JSON body right.
func sized(msg string) string {
	head, body, _ := strings.Cut(msg, "↵")
	fields := strings.Fields(head)
	fields[2] = strconv.Itoa(len(body))
	return strings.Join(fields, " ") + "↵" + body
}

// lose gets a session whose file has ident 7 and a complete set 4 to the point where the server wants it reset.
func lose(w *world, f *fakeFile, msg string) *peer {
	p := w.accept()
	p.expect(bindMsg(1, 0), `ident 1 7 4242 40 0 40 811 4 5↵{"A"}`)
	p.send(sized(msg))
	p.skipTo("unbind 1↵")
	return p
}

func lostFile() *fakeFile {
	f := newFakeFile()
	f.latest = 4
	f.sets = map[int64]*fakeSet{4: {state: Complete, snapshot: 1, body: `{"A"}`}}
	f.status.Ident, f.status.Salt = 7, 4242
	f.status.Progress.Download.ServerVersion, f.status.Progress.Latest.Version, f.status.Progress.Latest.Salt = 40, 40, 811
	return f
}

// fetch plays the download of the fresh copy, as session number n.
func fetch(p *peer, n string) {
	p.expect("bind " + n + " 37 0 1 0↵" + resetBind)
	p.send("ident " + n + " 31 99↵")
	p.expect("ident "+n+" 31 99 0 0 0 0 0 2↵{}", "mark "+n+" 1↵")
	p.send("download "+n+" 50 0 50 812 0 0 0 1 1 0 0 0↵", "mark "+n+" 1↵")
	p.expect("query "+n+` 1 5↵{"A"}`, "mark "+n+" 2↵")
	number, _ := strconv.Atoi(n)
	p.send(download(number, "50 0 50 812 0 0 1 1 1", "50 0 x"), "mark "+n+" 2↵")
	p.expect("unbind " + n + "↵")
	p.send("unbound " + n + "↵")
}

// Items 9, 53 and 59, the trace of sync-semantics 12.5 and wire-protocol 12.7: the copy is downloaded by a session of its own that uploads nothing, then
// the file goes on with its ident, what was recovered is uploaded at once, and a pending set is announced after what was written before it.
func TestClientResetRecovers(t *testing.T) {
	inWorld(t, func(w *world) {
		f := lostFile()
		f.commit("one")
		f.subscribe(`{"B"}`)
		f.commit("two")
		s := w.openReset(f, &fakeReset{mode: ResetRecover}, Immediately)
		w.waits(s, "early")
		s.WaitForSet(5, func(state SetState, err error) { w.note("set 5 %v %v", state, err) })
		p := lose(w, f, resetError)
		require.Equal(t, Active, s.State())
		require.Equal(t, Disconnected, s.ConnectionState())
		fetch(p, "2")
		require.Equal(t, []string{"before", "after recovered=true", "closed"}, w.notes())
		require.Len(t, f.resets, 1)
		require.Equal(t, ResetRecover, f.resets[0].Mode)
		require.Equal(t, 208, f.resets[0].Code)

		p.expect("bind 3 37 0 0 0↵"+resetBind, `ident 3 31 99 50 0 50 812 4 5↵{"A"}`)
		p.expect("mark 3 1↵", "upload 3 0 14 0 3 50 50↵3 50 1 0 3 one", `query 3 5 5↵{"B"}`, "mark 3 2↵", "upload 3 0 14 0 6 50 50↵5 50 1 0 3 two")
		require.Empty(t, w.notes(), "waits are carried over")
		p.send("download 3 52 5 52 813 5 50 4 2 1 0 0 0↵", "mark 3 1↵")
		require.Equal(t, []string{"early upload <nil>", "early download <nil>"}, w.notes())
		require.Equal(t, 1, f.confirmed, "everything was told both ways since")
		p.send(download(3, "52 5 52 813 5 50 5 1 1", "52 5 y"), "mark 3 2↵")
		require.Equal(t, []string{"set 5 3 <nil>"}, w.notes())
		require.Positive(t, f.dropped)
		require.True(t, f.fresh.closed)
	})
}

// Item 52.
func TestClientResetDiscards(t *testing.T) {
	inWorld(t, func(w *world) {
		f := lostFile()
		f.commit("one")
		set := f.subscribe(`{"B"}`)
		s := w.openReset(f, &fakeReset{mode: ResetDiscard}, Immediately)
		s.WaitForSet(set, func(state SetState, err error) { w.note("set %v %v", state, err) })
		p := lose(w, f, noRecoveryError)
		fetch(p, "2")
		require.Equal(t, []string{"before", "set 5 <nil>", "after recovered=false", "closed"}, w.notes())
		p.expect("bind 3 37 0 0 0↵" + resetBind)
		require.Equal(t, Active, s.State())
	})
}

// Item 57: what the server forbids fails at once, and the application is not asked.
func TestClientResetWithoutRecovery(t *testing.T) {
	inWorld(t, func(w *world) {
		f := lostFile()
		s := w.openReset(f, &fakeReset{mode: ResetRecover}, Immediately)
		s.WaitForUpload(func(err error) {})
		s.WaitForDownload(func(err error) { w.note("download failed %v", err != nil) })
		lose(w, f, noRecoveryError)
		require.Equal(t, []string{
			"closed", "backup of a true", "download failed true",
			"error AutoClientResetFailed fatal=true reset=true: A fatal error occurred during 'ClientResetNoRecovery' client reset for SyncClientResetRequired: gone: '" + NoRecoveryText + "'",
		}, w.notes())
		require.Equal(t, Inactive, s.State())
		require.Empty(t, f.resets)
	})
	inWorld(t, func(w *world) {
		f := lostFile()
		w.openReset(f, &fakeReset{mode: ResetRecoverOrDiscard}, Immediately)
		fetch(lose(w, f, noRecoveryError), "2")
		require.Equal(t, ResetRecoverOrDiscard, f.resets[0].Mode, "the file decides")
	})
}

// Items 55 and 58: every failure ends as a manual reset, with the reason, and with the waits.
func TestClientResetFails(t *testing.T) {
	for name, c := range map[string]struct {
		reset *fakeReset
		file  error
		want  string
		notes []string
	}{
		"file":   {&fakeReset{mode: ResetRecover}, &ResetError{"no way"}, "client reset diff for SyncClientResetRequired: Bad client file identifier (IDENT): 'no way'", []string{"before"}},
		"before": {&fakeReset{mode: ResetDiscard, before: errors.New("stop it")}, nil, "'stop it'", []string{"before"}},
		"after":  {&fakeReset{mode: ResetDiscard, after: errors.New("oh")}, nil, "'oh'", []string{"before", "after recovered=false"}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				f := lostFile()
				f.resetErr = c.file
				s := w.openReset(f, c.reset, Immediately)
				s.WaitForDownload(func(err error) { w.note("download failed %v", err != nil) })
				fetch(lose(w, f, resetError), "2")
				notes := w.notes()
				require.Len(t, notes, len(c.notes)+4, "%q", notes)
				require.Equal(t, append(c.notes, "backup of a true", "download failed true"), notes[:len(c.notes)+2])
				require.Contains(t, notes[len(c.notes)+2], "error AutoClientResetFailed fatal=true reset=true: A fatal error occurred during 'ClientReset' client reset")
				require.Contains(t, notes[len(c.notes)+2], c.want)
				require.Equal(t, "closed", notes[len(notes)-1])
				require.Equal(t, Inactive, s.State())
				require.Positive(t, f.dropped)
			})
		})
	}
	inWorld(t, func(w *world) { // the copy can't be downloaded: its subscriptions are refused
		f := lostFile()
		s := w.openReset(f, &fakeReset{mode: ResetRecover}, Immediately)
		p := lose(w, f, resetError)
		p.expect("bind 2 37 0 1 0↵" + resetBind)
		p.send("ident 2 31 99↵")
		p.skipTo("mark 2 1↵")
		p.send("download 2 50 0 50 812 0 0 0 1 1 0 0 0↵", "mark 2 1↵")
		p.skipTo(`query 2 1 5↵{"A"}`)
		p.send("query_error 226 4 2 1↵nope")
		notes := w.notes()
		require.Len(t, notes, 3)
		require.Contains(t, notes[1], "client reset for SyncClientResetRequired: Bad client file identifier (IDENT): 'SubscriptionFailed: nope'")
		require.Equal(t, Inactive, s.State())
	})
	inWorld(t, func(w *world) { // or the server wants that one reset, too
		f := lostFile()
		w.openReset(f, &fakeReset{mode: ResetRecover}, Immediately)
		p := lose(w, f, resetError)
		p.expect("bind 2 37 0 1 0↵" + resetBind)
		p.send(strings.Replace(sized(resetError), "1↵", "2↵", 1))
		require.Contains(t, strings.Join(w.notes(), "\n"), "error AutoClientResetFailed")
	})
}

// A full disk is no failure of the reset: it is tried again, and told.
func TestClientResetOnAFullDisk(t *testing.T) {
	for _, call := range []string{"fresh", "reset"} {
		inWorld(t, func(w *world) {
			f := lostFile()
			s := w.openReset(f, &fakeReset{mode: ResetRecover}, Immediately)
			left := 3
			f.setBefore(func(c string) error {
				if c == call && left > 0 {
					left--
					return errors.New("disk full")
				}
				return nil
			})
			fetch(lose(w, f, resetError), "2")
			time.Sleep(time.Hour)
			require.Equal(t, []string{"before", "after recovered=true", "closed"}, without(w.notes(), "error RuntimeError fatal=false reset=false: the realm file cannot"))
			require.Equal(t, call == "reset", f.resets[0].Again, "the same attempt")
			require.Equal(t, Active, s.State())
		})
	}
}

// without takes the lines out that begin so; there must be one.
func without(lines []string, prefix string) (out []string) {
	for _, l := range lines {
		if !strings.HasPrefix(l, prefix) {
			out = append(out, l)
		}
	}
	if len(out)+1 != len(lines) {
		return lines
	}
	return out
}

// A session that stops gives the reset up, whatever it is doing; it begins anew when the server asks again.
func TestClientResetIsCancelled(t *testing.T) {
	inWorld(t, func(w *world) {
		f := lostFile()
		s := w.openReset(f, &fakeReset{mode: ResetRecover}, Immediately)
		p := lose(w, f, resetError)
		p.expect("bind 2 37 0 1 0↵" + resetBind)
		s.Pause()
		require.Equal(t, []string{"closed"}, w.notes())
		p.expect("unbind 2↵")
		require.True(t, f.fresh.closed)
		s.Resume()
		p.send("unbound 2↵")
		p.expect(bindMsg(3, 0), `ident 3 7 4242 40 0 40 811 4 5↵{"A"}`)
		p.send(strings.Replace(sized(resetError), " 1↵", " 3↵", 1))
		p.skipTo("unbind 3↵")
		fetch(p, "4")
		require.Equal(t, []string{"before", "after recovered=true", "closed"}, w.notes())
		p.expect("bind 5 37 0 0 0↵" + resetBind)
	})
	inWorld(t, func(w *world) { // while the application is asked
		f := lostFile()
		r := &fakeReset{mode: ResetRecover}
		s := w.openReset(f, r, Immediately)
		r.began = s.Pause
		fetch(lose(w, f, resetError), "2")
		require.Equal(t, []string{"before", "closed"}, w.notes())
		require.Empty(t, f.resets)
	})
	inWorld(t, func(w *world) { // while the file is reset: then it is reset, and the application hears of it
		f := lostFile()
		s := w.openReset(f, &fakeReset{mode: ResetRecover}, Immediately)
		f.setBefore(func(c string) error {
			if c == "reset" {
				s.Pause()
			}
			return nil
		})
		fetch(lose(w, f, resetError), "2")
		require.Equal(t, []string{"before", "after recovered=true", "closed"}, w.notes())
		require.Equal(t, Paused, s.State())
	})
	inWorld(t, func(w *world) { // the user logs out, and in
		f := lostFile()
		s := w.openReset(f, &fakeReset{mode: ResetRecover}, Immediately)
		p := lose(w, f, resetError)
		p.expect("bind 2 37 0 1 0↵" + resetBind)
		w.user.change(func() { w.user.loggedIn, w.user.token = false, "" })
		require.Equal(t, Inactive, s.State())
		require.Equal(t, []string{"closed"}, w.notes())
	})
}

// The last handle is released while the file is being reset: what was not uploaded is uploaded after it.
func TestClientResetWhileDying(t *testing.T) {
	inWorld(t, func(w *world) {
		f := lostFile()
		f.commit("one")
		s := w.openReset(f, &fakeReset{mode: ResetRecover}, AfterChangesUploaded)
		p := lose(w, f, resetError)
		s.Release()
		require.Equal(t, Dying, s.State())
		fetch(p, "2")
		p.skipTo("upload 3 0 14 0 4 50 50↵3 50 1 0 3 one")
		p.send("download 3 52 4 52 813 4 50 4 2 1 0 0 0↵")
		synctest.Wait()
		require.Equal(t, Inactive, s.State())
	})
}

// A second handle may be opened meanwhile.
func TestOpenDuringAClientReset(t *testing.T) {
	inWorld(t, func(w *world) {
		f := lostFile()
		r := &fakeReset{mode: ResetRecover}
		s := w.openReset(f, r, Immediately)
		r.began = func() {
			again := w.openReset(f, r, Immediately)
			require.Same(t, s, again)
			again.Release()
		}
		w.user.change(func() { w.user.token = "t1" })
		p := lose(w, f, resetError)
		fetch(p, "2")
		p.expect("bind 3 37 0 0 0↵" + resetBind)
		require.Equal(t, []string{"before", "after recovered=true", "closed"}, w.notes())
	})
}

// The session of the copy may come to its end before Open has returned: who waits for it is told all the same.
func TestCopyThatFailsAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		s, err := w.m.Open(Config{
			Path: "a", Open: func() (File, error) { return newFakeFile(), nil }, User: w.user,
			downloaded: func(state SetState, err error) { w.note("state %d: %v", state, err) },
		})
		require.NoError(t, err)
		p := w.accept()
		p.expect("bind 1 37 0 1 0↵" + resetBind)
		p.send(jsonError(1, 206, "ApplicationBug", false, "no"))
		require.Len(t, w.notes(), 1)
		require.Equal(t, Inactive, s.State())
	})
}
