package client

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/app"
	"realmsync/core/merge"
	"realmsync/core/realm"
	"realmsync/core/realm/history"
	"realmsync/core/session"
	"realmsync/core/store"
)

func TestLocalRealmHasNoSession(t *testing.T) {
	r := newRig(t)
	h := &handler{}
	re := r.open(Config{Realm: realm.Config{Path: localPath(t), Schema: people}, Errors: h})
	defer re.Release()
	require.Equal(t, 1, h.closes(), "nobody needs it")
	_, err := r.client.SessionOf(re)
	require.ErrorIs(t, err, realm.ErrNotSynced)
	_, err = r.client.ActiveSubscriptions(re)
	require.ErrorIs(t, err, realm.ErrNotSynced)
	require.NoError(t, re.BeginWrite())
	require.NoError(t, create(re, 1))
	require.NoError(t, re.Commit())
}

func TestSessionLivesAsLongAsALiveInstance(t *testing.T) {
	r := newRig(t)
	first := r.open(r.config())
	s := r.session(first)
	again := r.open(r.config())
	require.True(t, realm.IsSame(first, again))
	r.thread = 2
	second := r.open(r.config())
	require.False(t, realm.IsSame(first, second))
	frozen, err := second.Freeze()
	require.NoError(t, err)
	r.thread = 1
	first.Release()
	_, err = s.State()
	require.NoError(t, err)
	again.Release()
	state, err := s.State()
	require.NoError(t, err, "the other thread has it open")
	require.Equal(t, session.Active, state)
	second.Release()
	_, err = s.State()
	require.ErrorIs(t, err, ErrSessionGone, "a frozen instance doesn't count")
	_, err = r.client.SessionOf(frozen)
	require.ErrorIs(t, err, ErrSessionGone)
	thawed, err := frozen.Thaw()
	require.NoError(t, err)
	other := r.session(thawed)
	state, err = other.State()
	require.NoError(t, err)
	require.Equal(t, session.Active, state)
	require.NoError(t, thawed.Close())
	_, err = other.State()
	require.ErrorIs(t, err, ErrSessionGone, "closing does at once, whatever handles there are")
	_, err = r.client.SessionOf(thawed)
	require.ErrorIs(t, err, realm.ErrClosed)
	thawed.Release()
	frozen.Release()
}

func TestEveryMethodOfAGoneSessionSaysSo(t *testing.T) {
	r := newRig(t)
	re := r.open(r.config())
	s := r.session(re)
	re.Release()
	no := func(error) { t.Error("called") }
	_, state := s.State()
	_, connection := s.ConnectionState()
	_, observe := s.ObserveConnection(ConnectionObserver{})
	h := &handler{}
	for i, err := range []error{state, connection, observe, s.Pause(), s.Resume(), s.Reconnect(), s.WaitForUpload(no),
		s.WaitForDownload(no),
		s.WaitForUploadFor(1), s.WaitForDownloadFor(1), s.UnobserveConnection(1), s.SetErrorHandler(h)} {
		require.ErrorIs(t, err, ErrSessionGone, i)
	}
	require.Equal(t, 1, h.closes())
}

func TestCallersAttachmentComesFirstAndGoesLast(t *testing.T) {
	r := newRig(t)
	var log []string
	cfg := r.config()
	fail := errors.New("no")
	cfg.Realm.Attach = func(re *realm.Realm) (func(), error) {
		_, err := r.client.SessionOf(re)
		log = append(log, "attach "+errorText(err))
		return func() { log = append(log, "detach") }, fail
	}
	_, err := r.client.Open(cfg)
	require.ErrorIs(t, err, fail)
	require.Equal(t, []string{"attach " + ErrSessionGone.Error()}, log)
	fail, log = nil, nil
	re := r.open(cfg)
	s := r.session(re)
	re.Release()
	_, err = s.State()
	require.ErrorIs(t, err, ErrSessionGone)
	require.Equal(t, []string{"attach " + ErrSessionGone.Error(), "detach"}, log)
}

func errorText(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

func TestRefusedConfigurations(t *testing.T) {
	r := newRig(t)
	h := &handler{}
	cfg := r.config()
	cfg.Errors = h
	cfg.Realm.SchemaMode = realm.Immutable
	_, err := r.client.Open(cfg)
	require.ErrorIs(t, err, ErrIllegalCombination)
	require.Equal(t, 1, h.closes())

	// Another user, another thread.
	re := r.open(r.config())
	second, err := r.app.LogIn(t.Context(), app.EmailPassword("c", "d"))
	require.NoError(t, err)
	other := NewUser(second)
	r.thread = 2
	cfg = r.config()
	cfg.Realm.Path = r.path()
	cfg.User, cfg.Errors = other, h
	_, err = r.client.Open(cfg)
	require.ErrorIs(t, err, realm.ErrMismatchedConfig)
	require.ErrorContains(t, err, "already opened with different sync user.")
	require.Equal(t, 2, h.closes())
	_, err = r.client.Open(Config{Realm: cfg.Realm})
	require.ErrorIs(t, err, realm.ErrMismatchedConfig)
	require.ErrorContains(t, err, "already opened with different sync configurations.")
	r.thread = 1
	re.Release()

	// A user that was removed.
	require.NoError(t, other.Remove(t.Context()))
	_, err = r.client.Open(cfg)
	require.True(t, app.IsCode(err, app.CodeClientUserNotFound), "%v", err)
	other.Release()
}

func TestLoggedOutUserOpensAndSyncsLater(t *testing.T) {
	r := newRig(t)
	path := r.path()
	require.NoError(t, r.user.LogOut(t.Context()))
	cfg := r.config()
	require.Equal(t, path, cfg.Realm.Path)
	re := r.open(cfg)
	s := r.session(re)
	state, err := s.State()
	require.NoError(t, err)
	require.Equal(t, session.Inactive, state)
	r.server.logins = 0 // the same user again
	_, err = r.app.LogIn(t.Context(), app.EmailPassword("a", "b"))
	require.NoError(t, err)
	state, err = s.State()
	require.NoError(t, err)
	require.Equal(t, session.Active, state)
	re.Release()
}

func TestAnErrorHandlerServesItsSession(t *testing.T) {
	r := newRig(t)
	first, second, third := &handler{}, &handler{}, &handler{}
	cfg := r.config()
	cfg.Errors = first
	re := r.open(cfg)
	s := r.session(re)
	l := r.client.links[re.File()]
	boom := &session.Error{Name: "Boom"}
	l.failed(l.session, boom)
	require.Equal(t, 1, first.heard())
	// Another thread opens with another handler: the session keeps the one it has.
	r.thread = 2
	cfg.Errors = second
	other := r.open(cfg)
	require.Equal(t, []int{0, 1}, []int{first.closes(), second.closes()})
	require.NoError(t, s.SetErrorHandler(third))
	require.Equal(t, 1, first.closes())
	l.failed(l.session, boom)
	require.Equal(t, 1, third.heard())
	require.NoError(t, s.SetErrorHandler(nil))
	require.Equal(t, 1, third.closes())
	l.failed(l.session, boom)
	require.Equal(t, []int{1, 0, 1}, []int{first.heard(), second.heard(), third.heard()})
	other.Release()
	r.thread = 1
	re.Release()
	r.client.Close()
	late := &handler{}
	l.handler.set(late)
	require.Equal(t, 1, late.closes(), "the session has ended")
}

func TestObserversAreClosedOnce(t *testing.T) {
	r := newRig(t)
	re := r.open(r.config())
	s := r.session(re)
	closes := [2]int{}
	observe := func(i int) uint64 {
		token, err := s.ObserveConnection(ConnectionObserver{Changed: func(_, _ session.ConnectionState) {},
			Close: func() { closes[i]++ }})
		require.NoError(t, err)
		return token
	}
	a := observe(0)
	observe(1)
	require.NoError(t, s.UnobserveConnection(a))
	require.NoError(t, s.UnobserveConnection(a))
	require.NoError(t, s.UnobserveConnection(4711))
	require.Equal(t, [2]int{1, 0}, closes)
	re.Release()
	r.client.Close()
	require.Equal(t, [2]int{1, 1}, closes)
}

func TestWaits(t *testing.T) {
	r := newRig(t)
	re := r.open(r.config())
	s := r.session(re)
	require.ErrorIs(t, s.WaitForDownloadFor(0), ErrTimeout)
	ended := make(chan error, 1)
	require.NoError(t, s.WaitForDownload(func(err error) { ended <- err }))
	require.NoError(t, s.Pause())
	require.ErrorIs(t, <-ended, session.ErrAborted)
	re.Release()
}

func TestAfterCloseRealmsOpenWithoutASession(t *testing.T) {
	r := newRig(t)
	r.client.Close()
	_, err := r.client.Open(r.config())
	require.ErrorIs(t, err, ErrClosed)
	re := r.open(Config{Realm: realm.Config{Path: localPath(t), Schema: people}})
	re.Release()
}

func TestRemovedUsersRealmsAreDeletedAtTheNextStart(t *testing.T) {
	r := newRig(t)
	re := r.open(r.config())
	path := re.Path()
	require.NoError(t, r.user.Remove(t.Context()))
	require.FileExists(t, path, "it is open")
	re.Release()
	require.FileExists(t, path)
	r.user.Release()
	r.app.Close()
	r.client.Close() // the session has its share
	r.client = New(Options{})
	r.app = r.openApp()
	require.NoFileExists(t, path)
	u, err := r.app.LogIn(t.Context(), app.EmailPassword("a", "b"))
	require.NoError(t, err)
	r.user = NewUser(u)
}

func TestResetIsDoneAtTheNextStart(t *testing.T) {
	r := newRig(t)
	re := r.open(r.config())
	path := re.Path()
	recovery, err := r.client.links[re.File()].scheduleReset(path, true)
	require.NoError(t, err)
	require.NotEmpty(t, recovery)
	require.NoFileExists(t, recovery)
	re.Release()
	r.user.Release()
	r.app.Close()
	r.client.Close()
	r.client = New(Options{Session: session.Options{Dialer: unplugged{}}})
	r.app = r.openApp()
	require.NoFileExists(t, path)
	require.FileExists(t, recovery)
	r.user = NewUser(r.app.CurrentUser())

	re = r.open(r.config())
	recovery, err = r.client.links[re.File()].scheduleReset(path, false)
	require.NoError(t, err)
	require.Empty(t, recovery)
	re.Release()
	r.user.Release()
	r.app.Close()
	r.client.Close()
	_, err = os.Stat(path)
	require.NoError(t, err)
	r.client = New(Options{})
	r.app = r.openApp()
	require.NoFileExists(t, path)
	r.user = NewUser(r.app.CurrentUser())
}

// Opening another user's realm fails, and must not make it one's own: it would be deleted with the wrong user.
func TestAFileThatCouldNotBeOpenedIsNotDeletedWithTheUser(t *testing.T) {
	r := newRig(t)
	re := r.open(r.config())
	path := re.Path()
	second, err := r.app.LogIn(t.Context(), app.EmailPassword("c", "d"))
	require.NoError(t, err)
	other := NewUser(second)
	r.thread = 2
	cfg := r.config()
	cfg.User = other
	_, err = r.client.Open(cfg)
	require.ErrorIs(t, err, realm.ErrMismatchedConfig)
	r.thread = 1
	re.Release()
	require.NoError(t, other.Remove(t.Context()))
	other.Release()
	r.user.Release()
	r.app.Close()
	r.client.Close()
	r.client = New(Options{})
	r.app = r.openApp()
	require.FileExists(t, path)
	r.user = NewUser(r.app.Users()[0])
}

func TestDeletingWaitsForTheEndOfTheSession(t *testing.T) {
	r := newRig(t)
	for range 20 {
		re := r.open(r.config())
		path := re.Path()
		require.ErrorIs(t, r.client.DeleteFiles(path), store.ErrOpen)
		if re.Version()%2 == 0 {
			require.NoError(t, r.session(re).Pause())
		}
		re.Release()
		require.NoError(t, r.client.DeleteFiles(path))
		require.NoFileExists(t, path)
	}
	require.NoError(t, r.client.DeleteFiles(localPath(t)))

	// One that is uploading is not waited for.
	cfg := r.config()
	cfg.StopPolicy = session.AfterChangesUploaded
	re := r.open(cfg)
	set, err := r.client.LatestSubscriptions(re)
	require.NoError(t, err)
	m, err := set.MakeMutable()
	require.NoError(t, err)
	require.NoError(t, m.Add(true, "all", "Person", "", nil, 0))
	require.NoError(t, m.Commit())
	require.NoError(t, re.BeginWrite())
	require.NoError(t, create(re, 1))
	require.NoError(t, re.Commit())
	re.Release()
	require.ErrorIs(t, r.client.DeleteFiles(cfg.Realm.Path), store.ErrOpen)
}

// A user that is held keeps the app, as does a session.
func TestSharesOfTheApp(t *testing.T) {
	r := newRig(t)
	re := r.open(r.config())
	second := r.user.Retain()
	r.user.Release()
	r.app.Close()
	require.NoError(t, second.RefreshCustomData(t.Context()))
	second.Release()
	l := r.client.links[re.File()]
	require.NoError(t, l.user.RefreshCustomData(t.Context()), "the session needs it")
	frozen, err := re.Freeze()
	require.NoError(t, err)
	re.Release()
	thawed, err := frozen.Thaw()
	require.NoError(t, err)
	require.NoError(t, l.user.RefreshCustomData(t.Context()), "a frozen realm may make a session again")
	thawed.Release()
	frozen.Release()
	r.client.Close()
	require.ErrorIs(t, l.user.RefreshCustomData(t.Context()), app.ErrClosed)
	r.client = New(Options{})
	r.app = r.openApp()
	r.user = NewUser(r.app.CurrentUser())
}

func TestMergeRulesHoldForTheFile(t *testing.T) {
	r := newRig(t)
	strict := r.config()
	strict.Rules = merge.Strict
	first := r.open(strict)
	r.thread = 2
	_, err := r.client.Open(r.config())
	require.ErrorIs(t, err, ErrIllegalCombination)
	require.ErrorContains(t, err, `is open with the rules of merging "strict", not "compatible"`)
	second := r.open(strict)
	second.Release()
	r.thread = 1
	first.Release()
	// It has never met a server: it may still change.
	first = r.open(r.config())
	first.Release()
	path := strict.Realm.Path
	f, err := history.OpenFile(path, history.FileOptions{Rules: merge.Strict})
	require.NoError(t, err)
	require.NoError(t, f.SetIdent(5, 6))
	require.NoError(t, f.Close())
	_, err = r.client.Open(r.config())
	require.ErrorIs(t, err, history.ErrRules)
	require.ErrorContains(t, err, `merges by the rules "strict" and can't be opened with the rules "compatible"`)
	first = r.open(strict)
	first.Release()
}

// The session and the subscriptions open connections of their own.
func TestEncryptedRealmWithASession(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	var key [store.KeySize]byte
	key[3] = 1
	cfg.Realm.Key = store.NewKey(&key)
	re := r.open(cfg)
	r.session(re)
	require.NoError(t, re.BeginWrite())
	require.ErrorIs(t, create(re, 1), realm.ErrNoSubscription)
	require.NoError(t, re.Cancel())
	latest, err := re.LatestSet()
	require.NoError(t, err)
	set, err := re.NewSet(latest)
	require.NoError(t, err)
	require.NoError(t, set.Cancel())
	re.Release()
	_, err = r.client.Open(r.config())
	require.ErrorIs(t, err, store.ErrKey)
	re = r.open(cfg)
	re.Release()
}
