package session

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// started opens a session of the file and gets it past the first MARK.
func (w *world) started(f *fakeFile) (*Session, *peer) {
	s := w.open(f, "a", Immediately)
	p := w.accept()
	p.greet(1)
	synctest.Wait()
	w.notes()
	return s, p
}

// subscribed gets a session to where set 1 is Complete, the file at server version 9 and client version 3 acknowledged.
func (w *world) subscribed(f *fakeFile) (*Session, *peer) {
	f.commit("+Dog") // 3
	f.subscribe(`{"Dog":"(age > 3)"}`)
	s, p := w.started(f)
	p.expect("upload 1 0 14 0 3 0 0↵3 0 1 0 4 +Dog", `query 1 1 19↵{"Dog":"(age > 3)"}`, "mark 1 2↵")
	p.send(download(1, "9 3 9 801 3 0 1 1 1", "9 3 b"), "mark 1 2↵")
	require.Equal(w.t, Complete, f.state(1))
	p.expect("upload 1 0 0 0 5 9 9↵")
	return s, p
}

func (w *world) waitSet(s *Session, version int64) {
	s.WaitForSet(version, func(st SetState, err error) { w.note("set %d: %d %v", version, st, err) })
}

func TestItem16VersionZero(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s, p := w.started(f)
		w.waitSet(s, 0)
		w.waitSet(s, 1)
		require.Equal(t, []string{"set 1: 0 " + ErrNoSuchSet.Error()}, w.notes())
		p.send(download(1, "1 0 1 7 0 0 0 1 1", "1 0 "))
		require.Equal(t, []string{"set 0: 3 <nil>"}, w.notes(), "without AwaitingMark")
	})
}

func TestItem20Futures(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s, p := w.subscribed(f)
		w.waitSet(s, 1)
		require.Equal(t, []string{"set 1: 3 <nil>"}, w.notes(), "already Complete")
		f.subscribe(`{"Cat":"(a)"}`) // 2: cancelled
		w.waitSet(s, 2)
		p.expect("query 1 2 13…", "mark 1 3↵")
		s.Pause()
		require.Equal(t, []string{"set 2: 0 " + ErrAborted.Error()}, w.log)
		w.notes()
		w.waitSet(s, 2)
		require.Empty(t, w.notes())
		s.Resume()
		p.expect("unbind 1↵", bindMsg(2, 0), `ident 2 7 4242 9 3 9 801 1 19↵{"Dog":"(age > 3)"}`, "mark 2 1↵")
		p.send("mark 2 1↵")
		p.expect(`query 2 2 13↵{"Cat":"(a)"}`, "mark 2 2↵")
		f.subscribe(`{"Cat":"(b)"}`) // 3
		w.waitSet(s, 3)
		p.expect("upload 2 0 0 0 6 9 9↵", `query 2 3 13↵{"Cat":"(b)"}`, "mark 2 3↵")
		p.send("query_error 226 18 2 3↵Invalid query: bad", "mark 2 2↵")
		require.Equal(t, []string{"set 3: 4 SubscriptionFailed: Invalid query: bad"}, w.notes())
		f.subscribe(`{"Cat":"(c)"}`) // 4
		w.waitSet(s, 4)
		p.expect(`query 2 4 13↵{"Cat":"(c)"}`, "mark 2 4↵")
		p.send("mark 2 3↵", download(2, "10 3 10 1 5 9 4 1 1", "10 3 x"), "mark 2 4↵")
		require.Equal(t, []string{"set 2: 5 <nil>", "set 4: 3 <nil>"}, w.notes(), "2 was skipped by the server")
	})
}

func TestItem21QueriesAndChangesKeepTheirOrder(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s := w.open(f, "a", Immediately)
		f.commit("one")   // 3
		f.subscribe("{}") // 4, set 1
		f.commit("two")   // 5
		f.subscribe("{}") // 6, set 2
		f.subscribe("{}") // 7, set 3
		f.commit("three") // 8
		p := w.accept()
		p.greet(1)
		p.expect(
			"upload 1 0 13 0 3 0 0↵3 0 1 0 3 one", "query 1 1 2↵{}", "mark 1 2↵",
			"upload 1 0 13 0 5 0 0↵5 0 1 0 3 two", "query 1 2 2↵{}", "mark 1 3↵", "query 1 3 2↵{}", "mark 1 4↵",
			"upload 1 0 15 0 8 0 0↵8 0 1 0 5 three",
		)
		f.commit("four")
		p.expect("upload 1 0 14 0 9 0 0↵9 0 1 0 4 four")
		require.Equal(t, Active, s.State())
	})
}

func TestItem22And23PendingSetsAreSentAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s, p := w.subscribed(f)
		for _, q := range []string{"a", "b", "c", "d"} { // 2 to 5
			f.subscribe(fmt.Sprintf(`{"Cat":"(%s)"}`, q))
		}
		for v := 2; v <= 5; v++ {
			p.expect(fmt.Sprintf("query 1 %d 13…", v), fmt.Sprintf("mark 1 %d↵", v+1))
			w.waitSet(s, int64(v))
		}
		p.send("query_error 226 2 1 3↵no")
		p.send(download(1, "10 3 10 1 5 9 4 0 0.5", "10 3 x"))
		require.Equal(t, Bootstrapping, f.state(4))
		require.Equal(t, []string{"set 3: 4 SubscriptionFailed: no"}, w.notes())
		p.end(errLost)
		require.Empty(t, w.notes(), "nothing is reported of a lost connection")
		p = w.accept()
		p.expect(bindMsg(1, 0), `ident 1 7 4242 9 3 9 801 1 19↵{"Dog":"(age > 3)"}`, "mark 1 6↵")
		p.expect("query 1 2…", "mark 1 7↵", "query 1 4…", "mark 1 8↵", "query 1 5…", "mark 1 9↵")
		// What had arrived of the bootstrap is forgotten.
		p.send(download(1, "10 3 10 1 5 9 4 1 1", "10 3 y"), "mark 1 7↵", "mark 1 8↵")
		require.Equal(t, []string{"+Dog b y"}, []string{"+Dog " + strings.Join(f.seen(), " ")})
		require.Equal(t, []string{"set 2: 5 <nil>", "set 4: 3 <nil>"}, w.notes())
		require.Equal(t, Pending, f.state(5))
	})
}

// Trace 12.2 and item 24: a rejected query while an older one stays in force.
func TestTraceRejectedQuery(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s, p := w.subscribed(f)
		f.subscribe(`{"Dog":"(breed == \"x\")"}`)
		w.waitSet(s, 2)
		p.expect(`query 1 2 26↵{"Dog":"(breed == \"x\")"}`, "mark 1 3↵")
		p.send(`query_error 226 58 1 2↵Invalid query: "Dog": key "breed" is not a queryable field`)
		require.Equal(t, []string{`set 2: 4 SubscriptionFailed: Invalid query: "Dog": key "breed" is not a queryable field`}, w.notes())
		p.send("mark 1 3↵")
		require.Equal(t, Failed, f.state(2))
		require.Equal(t, Complete, f.state(1))
		require.Equal(t, Connected, s.ConnectionState())
		p.end(errLost)
		p = w.accept()
		p.expect(bindMsg(1, 0), `ident 1 7 4242 9 3 9 801 1 19↵{"Dog":"(age > 3)"}`)
		f.subscribe("{}")
		w.waitSet(s, 3)
		p.expect("upload…", "query 1 3 2↵{}", "mark 1 4↵")
		p.send(download(1, "10 3 10 1 5 9 3 1 1", "10 3 "), "mark 1 4↵") // item 27: an emptied set, an empty changeset
		require.Equal(t, []string{"set 3: 3 <nil>"}, w.notes())
		require.Equal(t, Superseded, f.state(1))
		require.Equal(t, Superseded, f.state(2))
	})
}

// Item 26, the client's side: what kills the original ends the connection here.
func TestItem26QueryErrorOfACompleteSet(t *testing.T) {
	for _, version := range []int{0, 1, 77} {
		inWorld(t, func(w *world) {
			f := newFakeFile()
			s, p := w.subscribed(f)
			p.send(fmt.Sprintf("query_error 226 2 1 %d↵no", version))
			p.closed()
			require.Equal(t, []string{"error SyncProtocolInvariantFailed fatal=true"}, w.notes())
			require.Equal(t, Inactive, s.State())
		})
	}
}

func TestItem28To30Bootstrap(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		f.subscribe("{}")
		s, p := w.started(f)
		p.expect("query 1 1 2↵{}", "mark 1 2↵")
		p.send(download(1, "4 0 4 1 0 0 1 0 0.3", "4 0 a"), download(1, "4 0 4 1 0 0 1 0 0.6", "4 0 b"))
		require.Empty(t, f.seen())
		s.Release() // killed
		synctest.Wait()
		require.True(t, f.closed)
		f.closed = false

		s = w.open(f, "a", Immediately)
		p.expect("unbind 1↵", bindMsg(2, 0), "ident 2 7 4242 0 0 0 0 0 2↵{}", "mark 2 1↵")
		p.send("mark 2 1↵")
		p.expect("query 2 1 2↵{}", "mark 2 2↵")
		var calls int
		f.setBefore(func(call string) error { // killed between the last message and its application
			if call == "apply" {
				calls++
				s.Release()
				return errors.New("killed")
			}
			return nil
		})
		p.send(download(2, "4 0 4 1 0 0 1 1 1", "4 0 c"))
		require.Equal(t, 1, calls)
		require.Empty(t, f.seen())
		f.setBefore(nil)
		f.closed = false

		w.open(f, "a", Immediately)
		p.expect("unbind 2↵", bindMsg(3, 0), "ident 3 7 4242 4 0 4 1 1 2↵{}", "mark 3 1↵") // applied before any contact
		require.Equal(t, []string{"c"}, f.seen())
		require.Equal(t, AwaitingMark, f.state(1))
		p.send("mark 3 1↵")
		require.Equal(t, Complete, f.state(1))
	})
}

func TestItem32ServerInitiatedBootstrap(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s, p := w.subscribed(f)
		w.waitSet(s, 1)
		w.notes()
		p.send(download(1, "10 3 10 1 5 9 1 0 0.5", "10 3 x"), download(1, "10 3 10 1 5 9 1 1 1", "10 3 y"))
		require.Equal(t, Complete, f.state(1))
		require.Equal(t, []string{"b", "x", "y"}, f.seen())
		require.Empty(t, w.notes())
		p.expect("upload 1 0 0 0 6 10 10↵")
		p.silent() // no MARK
	})
}

// Items 33 and 35: what can't be integrated is answered with one JSON_ERROR, bad cursors end the connection.
func TestItem33And35Refusals(t *testing.T) {
	for _, c := range []struct{ name, msg, answer, text string }{
		{"bootstrap of an unknown version", download(1, "10 3 10 1 5 9 7 1 1", "10 3 x"), "json_error 201 ", "RuntimeError"},
		{"bootstrap of a lower version", download(1, "10 3 10 1 5 9 0 1 1", "10 3 x"), "json_error 201 ", "RuntimeError"},
		{"bad changeset", download(1, "10 3 10 1 5 9 1 2 1", "10 3 bad"), "json_error 212 ", "BadChangeset"},
		{"bad changeset in a bootstrap", download(1, "10 3 10 1 5 9 1 1 1", "10 3 bad"), "json_error 212 ", "BadChangeset"},
		{"download cursor goes back", download(1, "8 3 10 1 5 8 1 2 1"), "", ""},
		{"acknowledges the future", download(1, "10 3 10 1 99 9 1 2 1"), "", ""},
		{"own origin", "download 1 10 3 10 1 5 9 1 2 1 0 14 0↵10 3 1 7 1 1 x", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				f := newFakeFile()
				s, p := w.subscribed(f)
				p.send(c.msg)
				if c.answer == "" {
					p.closed()
					require.Equal(t, []string{"error SyncProtocolInvariantFailed fatal=true"}, w.notes())
					require.Equal(t, Inactive, s.State())
					return
				}
				p.expect(c.answer + "…")
				require.Equal(t, []string{"error " + c.text + " fatal=false"}, w.notes())
				require.Equal(t, Active, s.State())
				// From now on nothing is taken and nothing is sent.
				p.send(download(1, "10 3 10 1 5 9 1 2 1", "10 3 good"))
				f.commit("local")
				s.WaitForDownload(func(err error) { w.note("%v", err) })
				p.silent()
				require.Equal(t, []string{"b"}, f.seen())
				// Until the next bind.
				p.send(jsonError(1, 201, "Transient", true, "once more"))
				p.expect("unbind 1↵")
				time.Sleep(time.Second)
				p.expect(bindMsg(1, 0), "ident 1 7 4242 9 3…", "mark 1 3↵", "upload…")
				p.send(download(1, "10 3 10 1 5 9 1 2 1", "10 3 good"), "mark 1 3↵")
				require.Equal(t, []string{"b", "good"}, f.seen())
				require.Equal(t, []string{"<nil>"}, w.notes())
			})
		})
	}
}

// Item 34: the answer to a MARK completes sets whose QUERY was sent before it, not later ones.
func TestItem34MarkAndSets(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s, p := w.subscribed(f)
		s.WaitForDownload(func(err error) { w.note("download %v", err) })
		p.expect("mark 1 3↵")
		f.subscribe("{}") // 2
		p.expect("query 1 2 2↵{}", "mark 1 4↵")
		p.send(download(1, "10 3 10 1 5 9 2 1 1", "10 3 x"), "mark 1 3↵")
		require.Equal(t, AwaitingMark, f.state(2))
		require.Equal(t, []string{"download <nil>"}, w.notes())
		p.send("mark 1 4↵")
		require.Equal(t, Complete, f.state(2))
		// A server that answers too early gets another chance.
		f.subscribe("{}") // 3
		p.expect("upload…", "query 1 3 2↵{}", "mark 1 5↵")
		p.send("mark 1 5↵", download(1, "11 3 11 1 6 10 3 1 1", "11 3 x"))
		require.Equal(t, AwaitingMark, f.state(3))
		p.expect("mark 1 6↵")
		p.send("mark 1 6↵")
		require.Equal(t, Complete, f.state(3))
	})
}

// A set that is AwaitingMark when the connection breaks is named by IDENT and completed by the MARK that was not answered.
func TestSetAwaitingMarkSurvives(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		_, p := w.subscribed(f)
		f.subscribe("{}")
		p.expect("query 1 2 2↵{}", "mark 1 3↵")
		p.send(download(1, "10 3 10 1 5 9 2 1 1", "10 3 x"))
		p.end(errLost)
		p = w.accept()
		p.expect(bindMsg(1, 0), "ident 1 7 4242 10 3 10 1 2 2↵{}", "mark 1 3↵")
		p.send("mark 1 3↵")
		require.Equal(t, Complete, f.state(2))
	})
}

const rejected = `"compensatingWriteServerVersion":%d,"rejectedClientVersion":%d,"rejectedUpdates":[{"pk":%q,"reason":"outside","table":"Dog"}]`

// Trace 12.3 and items 43 to 45: out-of-view creation.
func TestTraceCompensatingWrite(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		var got []*Error
		s, p := w.subscribed(f)
		s.SetErrorHandler(func(_ *Session, e *Error) { got = append(got, e) })
		v := f.commit("bad dog")
		s.WaitForUpload(func(err error) { w.note("upload %v", err) })
		p.expect(fmt.Sprintf("upload 1 0 17 0 %d 9 9↵%d 9 1 0 7 bad dog", v, v))
		pk := base64.StdEncoding.EncodeToString([]byte{1, 1})
		p.send(jsonError(1, 231, "Warning", true, "reverted", fmt.Sprintf(rejected, 11, v, pk)))
		p.send(download(1, fmt.Sprintf("10 %d 11 1 %d 9 1 2 1", v, v), fmt.Sprintf("10 %d other", v)))
		synctest.Wait()
		require.Empty(t, got, "not before its version is here")
		require.Equal(t, []string{"upload <nil>"}, w.notes())
		p.send(download(1, fmt.Sprintf("11 %d 11 1 %d 9 1 2 1", v, v), fmt.Sprintf("11 %d EraseObject", v)))
		require.Equal(t, []string{"b", "other", "EraseObject"}, f.seen())
		require.Len(t, got, 1)
		require.Equal(t, "SyncCompensatingWrite", got[0].Name)
		require.Equal(t, 1033, got[0].Status())
		require.Equal(t, 231, got[0].Code)
		require.False(t, got[0].Fatal)
		require.Equal(t, []CompensatingWrite{{Class: "Dog", PrimaryKey: []byte{1, 1}, Reason: "outside"}}, got[0].CompensatingWrites)
		require.Equal(t, Active, s.State())
		require.Equal(t, Connected, s.ConnectionState())
	})
	inWorld(t, func(w *world) { // item 44: the connection breaks in between; the queue survives
		f := newFakeFile()
		_, p := w.subscribed(f)
		v := f.commit("bad dog")
		p.expect("upload…")
		p.send(jsonError(1, 231, "Warning", true, "reverted", fmt.Sprintf(rejected, 10, v, "AQE=")))
		p.end(errLost)
		p = w.accept()
		p.expect(bindMsg(1, 0), "ident…", "upload…")
		// Never with a bootstrap.
		p.send(download(1, "10 3 10 1 5 9 1 1 1", "10 3 x"))
		require.Empty(t, w.notes())
		p.send(download(1, fmt.Sprintf("11 %d 11 1 %d 9 1 2 1", v, v), fmt.Sprintf("11 %d EraseObject", v)))
		require.Equal(t, []string{"error SyncCompensatingWrite fatal=false"}, w.notes())
	})
}

// Trace 12.4, items 41 and 49: a permission change restarts the session, silently and under its number.
func TestTracePermissionChange(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s, p := w.subscribed(f)
		s.WaitForDownload(func(err error) { w.note("download %v", err) })
		p.expect("mark 1 3↵")
		w.elapsed()
		p.send(`json_error 200 132 1↵{"action":"Transient","isRecoveryModeDisabled":false,"logURL":"","message":"role changed","shouldClientReset":false,"tryAgain":true}`)
		p.expect("unbind 1↵")
		require.Equal(t, Active, s.State())
		f.commit("x") // 7
		p.expect(bindMsg(1, 0))
		require.Equal(t, time.Second, w.elapsed())
		p.expect(`ident 1 7 4242 9 3 9 801 1 19↵{"Dog":"(age > 3)"}`, "mark 1 3↵", "upload 1 0 11 0 6 9 9↵6 9 1 0 1 x")
		p.send(download(1, "11 3 11 779 6 9 1 1 1", "11 3 EraseObject"), "mark 1 3↵")
		require.Equal(t, []string{"download <nil>"}, w.notes())
		require.Equal(t, []string{"b", "EraseObject"}, f.seen())
	})
}

func TestItem47DeadlyCodes(t *testing.T) {
	for _, code := range []int{104, 202, 203, 205, 207, 214, 215, 218, 219, 220, 221, 224} {
		inWorld(t, func(w *world) {
			s, p := w.started(newFakeFile())
			session := 1
			if code < 200 {
				session = 0
			}
			p.send(jsonError(session, code, "Transient", true, "deadly"))
			p.closed()
			require.Equal(t, []string{"error SyncProtocolInvariantFailed fatal=true"}, w.notes(), code)
			require.Equal(t, Inactive, s.State())
		})
	}
}

func TestItem48UnknownActionsAndCodes(t *testing.T) {
	for _, c := range []struct {
		msg, note string
		state     State
		open      bool
	}{
		{jsonError(1, 201, "Dance", true, "m"), "error RuntimeError fatal=false", Inactive, true},
		{jsonError(1, 999, "Warning", true, "m"), "error UnknownError fatal=false", Active, true},
		{jsonError(1, 299, "ApplicationBug", false, "m"), "error UnknownError fatal=true", Inactive, true},
		{"error 999 1 1 1↵m", "error UnknownError fatal=false", Active, true},
		{jsonError(0, 201, "Transient", true, "m"), "error SyncProtocolInvariantFailed fatal=true", Inactive, false},
		{jsonError(0, 999, "Transient", true, "m"), "error SyncProtocolInvariantFailed fatal=true", Inactive, false},
		{jsonError(1, 101, "Transient", true, "m"), "error SyncProtocolInvariantFailed fatal=true", Inactive, false},
		{jsonError(9, 201, "Transient", true, "m"), "error SyncProtocolInvariantFailed fatal=true", Inactive, false},
		{jsonError(1, 232, "MigrateToFLX", false, "m", `"partitionQuery":"x"`), "error SyncProtocolInvariantFailed fatal=true", Inactive, false},
		{jsonError(1, 231, "Warning", true, "m"), "error SyncProtocolInvariantFailed fatal=true", Inactive, false},
		{"json_error 201 2 1↵{}", "error SyncProtocolInvariantFailed fatal=true", Inactive, false},
		{"nonsense 1 2↵", "error SyncProtocolInvariantFailed fatal=true", Inactive, false},
	} {
		inWorld(t, func(w *world) {
			s, p := w.started(newFakeFile())
			p.send(c.msg)
			require.Equal(t, []string{c.note}, w.notes(), c.msg)
			require.Equal(t, c.state, s.State(), c.msg)
			if c.open {
				p.isOpen()
			} else {
				p.closed()
			}
		})
	}
}

func TestUnknownCodeText(t *testing.T) {
	inWorld(t, func(w *world) {
		s, p := w.started(newFakeFile())
		var got *Error
		s.SetErrorHandler(func(_ *Session, e *Error) { got = e })
		p.send(strings.Replace(jsonError(1, 299, "Warning", true, "what"), `"logURL":""`, `"logURL":""`, 1))
		require.Equal(t, "Unknown sync protocol error code 299: what", got.Reason())
		require.Equal(t, 2000000, got.Status())
	})
}

func TestItem49Backoff(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		_, p := w.started(f)
		fail := func(code int, more ...string) time.Duration {
			w.elapsed()
			p.send(jsonError(1, code, "Transient", true, "later", more...))
			p.expect("unbind 1↵", bindMsg(1, 0))
			d := w.elapsed()
			p.expect("ident…")
			return d
		}
		asked := []string{`"backoffIntervalSec":2`, `"backoffMaxDelaySec":10`, `"backoffMultiplier":2`}
		require.Equal(t, 2*time.Second, fail(229, asked...))
		require.Equal(t, 4*time.Second, fail(229, asked...))
		p.send(download(1, "1 0 1 7 0 0 0 2 1")) // a good DOWNLOAD doesn't end the series
		p.expect("upload…")
		require.Equal(t, 8*time.Second, fail(229))
		p.expect("upload…")
		require.Equal(t, 10*time.Second, fail(229))
		p.expect("upload…")
		require.Equal(t, time.Second, fail(201))
		p.expect("upload…")
		require.Equal(t, 2*time.Second, fail(201, asked...), "what the first of a series says counts")
		p.expect("upload…")
		require.Equal(t, time.Second, fail(200))
		p.expect("upload…")
		require.Equal(t, time.Second, fail(200, asked...))
		p.expect("upload…")
		require.Equal(t, 4*time.Second, fail(201), "200 has no series")
		require.Empty(t, w.notes(), "the application hears nothing")
	})
}

// After an error nothing more comes for the session; above all no UNBOUND.
func TestNothingAfterAnError(t *testing.T) {
	for _, after := range []string{"unbound 1↵", download(1, "1 0 1 7 0 0 0 2 1"), "mark 1 1↵", jsonError(1, 200, "Transient", true, "again")} {
		inWorld(t, func(w *world) {
			_, p := w.started(newFakeFile())
			p.send(jsonError(1, 200, "Transient", true, "bye"), after)
			p.closed()
			require.Equal(t, []string{}, append([]string{}, w.notes()...), "the suspended session doesn't see it")
		})
	}
}

func TestIllegalMessages(t *testing.T) {
	for _, msg := range []string{
		"unbound 1↵", "mark 1 1↵", "mark 1 9↵", "ident 1 8 8↵", "pong 5↵", "test_command 1 1 2↵{}", download(5, "1 0 1 7 0 0 0 2 1"), "mark 3 1↵",
	} {
		inWorld(t, func(w *world) {
			s, p := w.started(newFakeFile())
			p.send(msg)
			p.closed()
			require.Equal(t, []string{"error SyncProtocolInvariantFailed fatal=true"}, w.notes(), msg)
			require.Equal(t, Inactive, s.State())
		})
	}
	for _, msg := range []string{"ident 1 0 1↵", "ident 1 5 0↵", download(1, "1 0 1 7 0 0 0 2 1"), "mark 1 1↵", "query_error 226 1 1 1↵x"} {
		inWorld(t, func(w *world) { // before the file has an ident
			w.open(newFakeFile(), "a", Immediately)
			p := w.accept()
			p.expect(bindMsg(1, 1))
			p.send(msg)
			p.closed()
		})
	}
	for _, msg := range []string{download(0, "1 0 1 7 0 0 0 2 1"), "mark 0 1↵", `log_message 0 16↵{"co_id":"abcd"}`, `log_message 1 15↵{"msg":"hello"}`} {
		inWorld(t, func(w *world) { // ignored
			_, p := w.started(newFakeFile())
			p.send(msg)
			p.isOpen()
		})
	}
}

// Messages that cross our UNBIND are ignored; after UNBOUND there is nothing more.
func TestUnbind(t *testing.T) {
	inWorld(t, func(w *world) {
		keep := w.open(newFakeFile(), "keep", Immediately)
		p := w.accept()
		p.greet(1)
		s := w.open(newFakeFile(), "a", Immediately)
		p.greet(2)
		s.Release()
		p.expect("unbind 2↵")
		p.send(download(2, "1 0 1 7 0 0 0 2 1"), "mark 2 77↵")
		p.isOpen()
		p.send("unbound 2↵")
		p.isOpen()
		p.send(jsonError(2, 200, "Transient", true, "late"))
		p.isOpen()
		require.Equal(t, Connected, keep.ConnectionState())
		p.send("mark 2 1↵")
		p.closed()
	})
	inWorld(t, func(w *world) { // an error crosses the UNBIND: no UNBOUND comes then
		w.open(newFakeFile(), "keep", Immediately)
		p := w.accept()
		p.greet(1)
		s := w.open(newFakeFile(), "a", Immediately)
		p.greet(2)
		s.Pause()
		p.expect("unbind 2↵")
		p.send(jsonError(2, 208, "ClientReset", false, "late"))
		p.isOpen()
		s.Resume()
		p.expect(bindMsg(3, 0))
		require.Empty(t, w.notes())
	})
}

// Trace 12.6 of wire-protocol: an upload that the server has, but whose acknowledgement was lost.
func TestTraceUnacknowledgedUpload(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		_, p := w.subscribed(f)
		v := f.commit("rex")
		p.expect(fmt.Sprintf("upload 1 0 13 0 %d 9 9↵%d 9 1 0 3 rex", v, v))
		p.end(errLost)
		p = w.accept()
		p.expect(bindMsg(1, 0), `ident 1 7 4242 9 3 9 801 1 19↵{"Dog":"(age > 3)"}`) // no MARK: a fast reconnect
		p.expect(fmt.Sprintf("upload 1 0 13 0 %d 9 9↵%d 9 1 0 3 rex", v, v))
		p.send(download(1, fmt.Sprintf("10 %d 10 1 %d 9 1 2 1", v, v)))
		p.expect(fmt.Sprintf("upload 1 0 0 0 %d 10 10↵", v+1))
		p.end(errLost)
		p = w.accept()
		p.expect(bindMsg(1, 0), fmt.Sprintf("ident 1 7 4242 10 %d 10 1 1 19…", v), fmt.Sprintf("upload 1 0 0 0 %d 10 10↵", v+1))
	})
}

// Item 33 of wire-protocol: after a longer gap uploads and queries wait for the answer to a MARK.
func TestDelayedUploads(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		_, p := w.subscribed(f)
		p.end(errLost)
		for range 7 { // 1, 2, ... 64 seconds
			w.refuse(&DialError{Kind: FailedUpgrade, Status: 503})
		}
		f.commit("x")
		f.subscribe("{}")
		p = w.accept()
		p.expect(bindMsg(1, 0), "ident…", "mark 1 3↵")
		p.silent()
		p.end(errLost)
		p = w.accept() // a fast reconnect, but the first answer is still missing
		p.expect(bindMsg(1, 0), "ident…", "mark 1 3↵")
		p.silent()
		p.send(download(1, "10 3 10 1 5 9 1 2 1", "10 3 other"), "mark 1 3↵")
		p.expect("upload 1 0 11 0 6 9 10↵6 9 1 0 1 x", "query 1 2 2↵{}", "mark 1 4↵")
	})
}

// Disk trouble: the application is told once, the message stays, and goes on when the disk does.
func TestFileErrors(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s, p := w.subscribed(f)
		full := errors.New("disk full")
		var failing atomic.Bool
		failing.Store(true)
		f.setBefore(func(call string) error {
			if failing.Load() && (call == "integrate" || call == "version" || call == "newest") {
				return full
			}
			return nil
		})
		p.send(download(1, "10 3 10 1 5 9 1 2 1", "10 3 x"))
		f.commit("y")
		s.WaitForUpload(func(err error) { w.note("upload %v", err) })
		time.Sleep(10 * time.Second)
		require.Equal(t, []string{"error RuntimeError fatal=false"}, w.notes(), "once")
		require.Equal(t, Active, s.State())
		require.Equal(t, Connected, s.ConnectionState())
		p.silent()
		failing.Store(false)
		time.Sleep(10 * time.Second)
		require.Equal(t, []string{"b", "x"}, f.seen())
		p.expect("upload…")
		p.send(download(1, "11 6 11 1 6 9 1 2 1"))
		require.Equal(t, []string{"upload <nil>"}, w.notes())
	})
	inWorld(t, func(w *world) { // already at the start
		f := newFakeFile()
		fails := 3
		f.setBefore(func(call string) error {
			if fails--; fails >= 0 {
				return errors.New("locked")
			}
			return nil
		})
		w.open(f, "a", Immediately)
		w.accept().greet(1)
		require.Equal(t, []string{"error RuntimeError fatal=false"}, w.notes())
		require.Equal(t, 7*time.Second, w.elapsed())
	})
}

// A slow disk stops neither pings nor others, and what is received and not handled is bounded.
func TestSlowDisk(t *testing.T) {
	inWorldWith(t, Options{QueueBytes: 4000}, func(w *world) {
		f := newFakeFile()
		s, p := w.subscribed(f)
		p.ownPong = true
		release := make(chan struct{})
		f.setBefore(func(call string) error {
			if call == "integrate" {
				<-release
			}
			return nil
		})
		big := strings.Repeat("x", 3000)
		go func() {
			for v := 10; v < 30; v++ {
				p.toClient <- []byte(strings.ReplaceAll(download(1, fmt.Sprintf("%d 3 30 1 5 9 1 2 1", v), fmt.Sprintf("%d 3 %s", v, big)), "↵", "\n"))
			}
		}()
		for range 3 { // pings go out; their answers are behind what isn't read
			time.Sleep(time.Minute)
		}
		p.expect("ping…")
		time.Sleep(time.Hour)
		p.isOpen() // nobody can be blamed for an answer that was not read
		require.Equal(t, Connected, s.ConnectionState())
		require.GreaterOrEqual(t, len(p.toClient), 15, "the rest is left in the network")
		close(release)
		synctest.Wait()
		require.Len(t, f.seen(), 21)
		time.Sleep(3 * time.Minute)
		p.closed() // but now the answer is missing
	})
}

func TestConnectionErrors(t *testing.T) {
	inWorld(t, func(w *world) { // try again, with the server's delays
		s, p := w.started(newFakeFile())
		w.elapsed()
		p.send(jsonError(0, 101, "Transient", true, "m", `"backoffIntervalSec":7`, `"backoffMaxDelaySec":10`, `"backoffMultiplier":2`))
		p.closed()
		w.refuse(errLost)
		require.Equal(t, 7*time.Second, w.elapsed())
		require.Equal(t, Active, s.State())
	})
	inWorld(t, func(w *world) { // never again, unless somebody asks
		s, p := w.started(newFakeFile())
		p.send("error 100 3 0 0↵bye")
		p.closed()
		require.Equal(t, []string{"error ConnectionClosed fatal=true"}, w.notes())
		require.Equal(t, Active, s.State())
		w.noDial(24 * time.Hour)
		s.Reconnect()
		p = w.accept()
		p.send("error 100 3 0 0↵bye")
		w.user.change(func() { w.user.token = "t1" })
		p = w.accept()
		p.send("error 100 3 0 0↵bye")
		w.open(newFakeFile(), "b", Immediately)
		w.accept()
	})
}

func TestCloseCodes(t *testing.T) {
	for _, c := range []struct {
		code      wire.CloseCode
		note      string
		refreshes []bool
		state     State
	}{
		{1000, "", nil, Active},
		{1001, "error SyncProtocolInvariantFailed fatal=false", nil, Active},
		{1006, "", []bool{false}, Active},
		{1008, "error SyncProtocolInvariantFailed fatal=false", nil, Active},
		{1009, "error LimitExceeded fatal=false", nil, Inactive},
		{1011, "error ConnectionClosed fatal=false", nil, Active},
		{1015, "error TlsHandshakeFailed fatal=false", nil, Active},
		{4001, "", []bool{false}, Active},
		{4002, "error AuthError fatal=true", nil, Inactive},
		{4003, "", []bool{true}, Active},
		{4004, "error SyncProtocolNegotiationFailed fatal=true", nil, Active},
		{4999, "error SyncProtocolInvariantFailed fatal=false", nil, Active},
	} {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			inWorld(t, func(w *world) {
				s, p := w.started(newFakeFile())
				w.elapsed()
				p.end(&CloseError{Code: c.code})
				var want []string
				if c.note != "" {
					want = []string{c.note}
				}
				require.Equal(t, want, w.notes())
				require.Equal(t, c.refreshes, w.user.refreshes)
				require.Equal(t, c.state, s.State())
				require.Equal(t, c.code != 4002, w.user.LoggedIn())
				if c.state != Active {
					w.noDial(time.Hour)
					return
				}
				d := w.next()
				if c.refreshes != nil {
					require.Equal(t, time.Duration(0), w.elapsed(), "at once, with the new token")
					require.Contains(t, d.url, "baas_at=t1")
				} else {
					require.Equal(t, time.Second, w.elapsed())
				}
			})
		})
	}
}

func TestHandshakeFailures(t *testing.T) {
	for _, c := range []struct {
		err       *DialError
		verified  bool
		note      string
		refreshes []bool
		state     State
	}{
		{&DialError{Kind: FailedConnect}, true, "error SyncConnectFailed fatal=false", nil, Active},
		{&DialError{Kind: FailedConnect}, false, "", []bool{true}, Active},
		{&DialError{Kind: FailedResolve}, true, "error SyncConnectFailed fatal=false", nil, Active},
		{&DialError{Kind: FailedTLS}, true, "error TlsHandshakeFailed fatal=false", nil, Active},
		{&DialError{Kind: FailedNegotiation}, true, "error SyncProtocolNegotiationFailed fatal=true", nil, Active},
		{&DialError{Kind: FailedUpgrade, Status: 301}, true, "", []bool{true}, Active},
		{&DialError{Kind: FailedUpgrade, Status: 302}, true, "error ConnectionClosed fatal=false", nil, Active},
		{&DialError{Kind: FailedUpgrade, Status: 401}, true, "", []bool{false}, Active},
		{&DialError{Kind: FailedUpgrade, Status: 403}, true, "error AuthError fatal=true", nil, Inactive},
		{&DialError{Kind: FailedUpgrade, Status: 503}, true, "error ConnectionClosed fatal=false", nil, Active},
		{&DialError{Kind: FailedUpgrade, Status: 404}, true, "error SyncConnectFailed fatal=true", nil, Active},
		{&DialError{Kind: FailedUpgrade, Status: 404}, false, "", []bool{true}, Active},
		{&DialError{Kind: FailedUpgrade, Status: 400, Body: []byte("x REALM_SYNC_PROTOCOL_MISMATCH:CLIENT_TOO_OLD")}, true, "error SyncProtocolNegotiationFailed fatal=true", nil, Active},
	} {
		inWorld(t, func(w *world) {
			w.user.verified = c.verified
			w.user.refresh = func(ctx context.Context, location bool) error { return errors.New("no network") }
			s := w.open(newFakeFile(), "a", Immediately)
			s.WaitForDownload(func(error) { w.note("wait failed") })
			w.refuse(c.err)
			w.elapsed()
			notes := w.notes()
			if c.note == "" {
				require.Empty(t, notes)
			} else {
				require.Equal(t, c.note, notes[len(notes)-1])
				require.Equal(t, strings.Contains(c.note, "fatal=true"), len(notes) == 2, "a fatal error fails waits")
			}
			require.Equal(t, c.refreshes, w.user.refreshes)
			require.Equal(t, c.state, s.State())
			if c.state == Active {
				w.next()
				require.Equal(t, time.Second, w.elapsed(), "it is tried again")
			}
		})
	}
}

func TestTimers(t *testing.T) {
	inWorld(t, func(w *world) { // connect timeout
		s := w.open(newFakeFile(), "a", Immediately)
		d := w.next()
		<-d.ctx.Done()
		require.Equal(t, 2*time.Minute, w.elapsed())
		require.Equal(t, []string{"error SyncConnectTimeout fatal=false"}, w.notes())
		require.Equal(t, Active, s.State())
		w.next()
		require.Equal(t, time.Second, w.elapsed())
	})
	inWorld(t, func(w *world) { // where the route was only guessed, the location is asked for
		w.user.verified = false
		w.open(newFakeFile(), "a", Immediately)
		<-w.next().ctx.Done()
		require.Empty(t, w.notes())
		require.Equal(t, []bool{true}, w.user.refreshes)
		w.next()
	})
	inWorld(t, func(w *world) { // linger, and a session that comes back in time
		s := w.open(newFakeFile(), "a", Immediately)
		p := w.accept()
		p.greet(1)
		s.Pause()
		p.expect("unbind 1↵")
		time.Sleep(29 * time.Second)
		s.Resume()
		p.expect(bindMsg(2, 0))
		s.Pause()
		w.elapsed()
		<-p.ctx.Done()
		require.Equal(t, 30*time.Second, w.elapsed())
		s.Resume()
		w.accept()
		require.Equal(t, time.Duration(0), w.elapsed(), "no delay after a voluntary end")
	})
	inWorldWith(t, Options{Random: func() float64 { return 0.5 }}, func(w *world) { // pings
		s := w.open(newFakeFile(), "a", Immediately)
		p := w.accept()
		p.ownPong = true
		p.greet(1)
		w.elapsed()
		p.expect("ping 30000 0↵")
		require.Equal(t, 30*time.Second, w.elapsed(), "first after a random part of the period")
		time.Sleep(2 * time.Second)
		p.send("pong 30000↵")
		p.expect("ping 87000 2000↵")
		require.Equal(t, 57*time.Second, w.elapsed(), "up to a tenth early, the wait for the answer taken off")
		require.Empty(t, w.notes())
		<-p.ctx.Done()
		require.Equal(t, 2*time.Minute, w.elapsed())
		synctest.Wait()
		require.Empty(t, w.notes(), "a lost connection is not the application's business")
		require.NotEqual(t, Connected, s.ConnectionState())
		w.next()
		require.Equal(t, 875*time.Millisecond, w.elapsed(), "up to a quarter less")
	})
	inWorldWith(t, Options{Random: func() float64 { return 0.5 }}, func(w *world) { // reconnect() on an open connection
		s := w.open(newFakeFile(), "a", Immediately)
		w.refuse(errLost)
		w.refuse(errLost)
		p := w.accept()
		p.ownPong = true
		p.greet(1)
		s.Reconnect()
		s.Reconnect()
		p.expect("ping 0 0↵")
		p.silent()
		p.end(&DialError{}) // lost before the answer: a fresh series
		w.elapsed()
		p = w.accept()
		p.ownPong = true
		require.Equal(t, 875*time.Millisecond, w.elapsed())
	})
}

func TestRefreshUserFails(t *testing.T) {
	inWorld(t, func(w *world) {
		w.user.refresh = func(ctx context.Context, _ bool) error { return errors.New("503") }
		s, p := w.started(newFakeFile())
		w.elapsed()
		p.end(&CloseError{Code: wire.CloseUnauthorized})
		require.Equal(t, Active, s.State())
		require.Contains(t, w.next().url, "t0")
		require.Equal(t, time.Second, w.elapsed(), "the backoff goes on")
		require.Empty(t, w.notes())
	})
	inWorld(t, func(w *world) {
		w.user.refresh = func(ctx context.Context, _ bool) error { return errFatal }
		s, p := w.started(newFakeFile())
		p.end(&CloseError{Code: wire.CloseUnauthorized})
		require.Equal(t, []string{"error AuthError fatal=true"}, w.notes())
		require.Equal(t, Inactive, s.State())
		require.Equal(t, []error{errFatal}, w.user.logouts)
		w.noDial(time.Hour)
	})
}

// A new token ends suspension and backoff at once.
func TestNewToken(t *testing.T) {
	inWorld(t, func(w *world) {
		_, p := w.started(newFakeFile())
		p.send(jsonError(1, 229, "Transient", true, "later", `"backoffIntervalSec":1000`, `"backoffMaxDelaySec":1000`, `"backoffMultiplier":1`))
		p.expect("unbind 1↵")
		w.elapsed()
		w.user.change(func() { w.user.token = "t1" })
		p.expect(bindMsg(1, 0))
		require.Equal(t, time.Duration(0), w.elapsed())
		p.isOpen() // an open connection is left alone
	})
}

func TestSchemaVersion(t *testing.T) {
	inWorld(t, func(w *world) {
		s, err := w.m.Open(Config{Path: "a", Open: func() (File, error) { return newFakeFile(), nil }, User: w.user, SchemaVersion: 3,
			OnError: func(_ *Session, e *Error) { w.note("error %s", e.Name) }})
		require.NoError(t, err)
		p := w.accept()
		p.expect(`bind 1 37 0 1 0↵{"schemaVersion":3,"sessionReason":0}`)
		p.send("ident 1 7 1↵")
		p.expect("ident…", "mark…")
		p.send(jsonError(1, 236, "MigrateSchema", true, "m", `"previousSchemaVersion":2`))
		p.silent() // goes on
		require.Equal(t, Connected, s.ConnectionState())
		require.Empty(t, w.notes())
		p.send(jsonError(1, 235, "ApplicationBug", false, "Client provided invalid schema version"))
		require.Equal(t, []string{"error SyncSchemaMigrationError"}, w.notes())
		require.Equal(t, Inactive, s.State())
	})
}

// The first bytes of wire-protocol's transcript 12.1, as bytes.
func TestTraceFirstBytes(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		w.open(f, "a", Immediately)
		p := w.accept()
		require.Equal(t, "bind 1 37 0 1 0\n{\"schemaVersion\":0,\"sessionReason\":0}", string(<-p.toServer))
		p.send("ident 1 2 1735749501↵")
		require.Equal(t, "ident 1 2 1735749501 0 0 0 0 0 2\n{}", string(<-p.toServer))
		require.Equal(t, "mark 1 1\n", string(<-p.toServer))
	})
}

// An application that doesn't return from its handler stops the server, not the memory.
func TestSlowApplication(t *testing.T) {
	inWorldWith(t, Options{QueueBytes: 10000}, func(w *world) {
		f := newFakeFile()
		s, p := w.subscribed(f)
		release := make(chan struct{})
		handled := 0
		s.SetErrorHandler(func(*Session, *Error) { <-release; handled++ })
		const n = 40
		go func() {
			for i := range n {
				v := 10 + i
				for _, m := range []string{jsonError(1, 231, "Warning", true, strings.Repeat("x", 1000), fmt.Sprintf(rejected, v, 3, "AQE=")), download(1, fmt.Sprintf("%d 3 99 1 5 9 1 2 1", v), fmt.Sprintf("%d 3 x", v))} {
					p.toClient <- []byte(strings.ReplaceAll(m, "↵", "\n"))
				}
			}
		}()
		time.Sleep(time.Hour)
		require.Less(t, len(f.seen()), n/2)
		close(release)
		synctest.Wait()
		require.Equal(t, n, handled)
		require.Len(t, f.seen(), n+1)
	})
}

// A server that refuses every token isn't asked without pause.
func TestRefusedTokens(t *testing.T) {
	inWorld(t, func(w *world) {
		w.open(newFakeFile(), "a", Immediately)
		for i, want := range []time.Duration{0, 0, 1, 2, 4} {
			w.refuse(&DialError{Kind: FailedUpgrade, Status: 401})
			require.Equal(t, want*time.Second, w.elapsed(), i)
		}
		require.Len(t, w.user.refreshes, 5)
		p := w.accept()
		require.Equal(t, 8*time.Second, w.elapsed())
		p.end(&CloseError{Code: wire.CloseUnauthorized}) // accepted, and thrown out without a word
		p = w.accept()
		require.Equal(t, 16*time.Second, w.elapsed())
		p.greet(1)
		p.end(&CloseError{Code: wire.CloseUnauthorized}) // this time it worked for a while
		w.accept()
		require.Equal(t, time.Duration(0), w.elapsed())
	})
	inWorld(t, func(w *world) { // the same with locations
		w.open(newFakeFile(), "a", Immediately)
		for i, want := range []time.Duration{0, 0, 1, 2, 4} {
			w.refuse(&DialError{Kind: FailedUpgrade, Status: 308})
			require.Equal(t, want*time.Second, w.elapsed(), i)
		}
	})
}

// A server that remembers the QUERY of an earlier bind may answer it before it comes again.
func TestServerRemembersAQuery(t *testing.T) {
	inWorld(t, func(w *world) {
		f := newFakeFile()
		s, p := w.subscribed(f)
		f.subscribe("{}")
		w.waitSet(s, 2)
		p.expect("query 1 2 2↵{}", "mark 1 3↵")
		s.Pause()
		w.notes()
		s.Resume()
		w.waitSet(s, 2)
		p.expect("unbind 1↵", bindMsg(2, 0), "ident…", "mark 2 1↵")
		p.send(download(2, "10 3 10 1 5 9 2 1 1", "10 3 x"), "mark 2 1↵")
		p.expect("mark 2 2↵")
		p.send("mark 2 2↵")
		require.Equal(t, []string{"set 2: 3 <nil>"}, w.notes())
		p.expect("upload…")
		p.silent() // no QUERY any more
	})
}
