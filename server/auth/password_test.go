package auth

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/server/fairqueue"

	"realmsync/tests/clock"
)

func TestDefaultCost(t *testing.T) {
	h := newHasher(DefaultPasswordCost, 1)
	require.True(t, strings.HasPrefix(h.dummy, "$argon2id$v=19$m=65536,t=3,p=1$"), h.dummy)
	stored, err := h.hash(t.Context(), asker{}, "password")
	require.NoError(t, err)
	ok, stale, err := h.verify(t.Context(), asker{}, stored, "password")
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, stale)
	ok, _, err = h.verify(t.Context(), asker{}, stored, "passwore")
	require.NoError(t, err)
	require.False(t, ok)
	ok, _, err = h.verify(t.Context(), asker{}, h.dummy, "password")
	require.NoError(t, err)
	require.False(t, ok)
}

func TestHashesAreSalted(t *testing.T) {
	h := newHasher(cheap, 1)
	a, err := h.hash(t.Context(), asker{}, "password")
	require.NoError(t, err)
	b, err := h.hash(t.Context(), asker{}, "password")
	require.NoError(t, err)
	require.NotEqual(t, a, b)
}

func TestHashIsRenewed(t *testing.T) {
	f := open(t, nil)
	f.register("a@b.c")
	f.cfg.PasswordCost = PasswordCost{MemoryKiB: 128, Passes: 2, Lanes: 1}
	f.restart()
	stored := func() (hash string) {
		require.NoError(t, f.db.read.QueryRow("SELECT hash FROM accounts").Scan(&hash))
		return hash
	}
	require.Contains(t, stored(), "m=64,t=1")
	_, err := f.userpass("a@b.c", "not the one")
	require.ErrorIs(t, err, ErrInvalidPassword)
	require.Contains(t, stored(), "m=64,t=1")
	_, err = f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.Contains(t, stored(), "m=128,t=2")
	_, err = f.userpass("a@b.c", "password")
	require.NoError(t, err)
}

// A flood of strangers fills the queue of its app: they are refused at once, and neither those of whom the right password has come before nor another app's
// users are. Whoever stops waiting is gone.
func TestLoginsWaitInTurn(t *testing.T) {
	f := open(t, func(c *Config) { c.Dev, c.CustomJWTSecret = false, nil })
	other, _, err := f.CreateApp(t.Context(), "other-abcde")
	require.NoError(t, err)
	require.NoError(t, f.Register(t.Context(), other, "a@b.c", "password", ""))
	f.register("a@b.c")
	login := func(app *App, remote string) error {
		_, err := f.Login(t.Context(), app, Credentials{Provider: ProviderUserpass, Username: "a@b.c", Password: "password", Remote: remote})
		return err
	}
	require.NoError(t, login(f.app, "home"))

	const waiting = 3
	f.hasher.queue = fairqueue.New(1, waiting, 100)
	leave, err := f.hasher.enter(t.Context(), asker{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	for i := range waiting {
		flood.Go(func() {
			_, err := f.Login(ctx, f.app, Credentials{Provider: ProviderUserpass, Username: strconv.Itoa(i), Password: "password", Remote: strconv.Itoa(i)})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("what the flood was told: %v", err)
			}
		})
	}
	gone, end := context.WithCancel(t.Context())
	end()
	require.Eventually(t, func() bool {
		_, err := f.hasher.enter(gone, asker{app: f.app.ID})
		return errors.Is(err, ErrBusy)
	}, time.Minute, time.Millisecond, "the queue of the app is full")
	require.ErrorIs(t, login(f.app, "new"), ErrBusy)
	require.ErrorIs(t, f.Register(t.Context(), f.app, "x@b.c", "password", "new"), ErrBusy)

	for _, by := range []asker{{f.app.ID, true}, {other.ID, false}} {
		_, err := f.hasher.enter(gone, by)
		require.ErrorIs(t, err, context.Canceled, "it may wait: %v", by)
	}

	var others sync.WaitGroup
	errs := make([]error, 2)
	others.Go(func() { errs[0] = login(f.app, "home") })
	others.Go(func() { errs[1] = login(other, "new") })
	cancel()
	flood.Wait()
	leave()
	others.Wait()
	require.NoError(t, errors.Join(errs...))
	require.NoError(t, login(f.app, "new"), "there is room again")
}

// One core stays free, and hashing takes a bounded part of the memory.
func TestSlotsOfHashing(t *testing.T) {
	procs := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(procs)
	for procs, want := range map[int]int{1: 1, 2: 1, 4: 3, 64: 8} {
		runtime.GOMAXPROCS(procs)
		require.Equal(t, want, slotsFor(DefaultPasswordCost), procs)
	}
	require.Equal(t, 1, slotsFor(PasswordCost{MemoryKiB: maxCostKiB, Passes: 1, Lanes: 1}))
}

func FuzzStoredHash(f *testing.F) {
	h := newHasher(cheap, 1)
	f.Add(h.dummy)
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAA")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		c, salt, sum, err := decodeHash(s)
		if err != nil {
			return
		}
		if c.MemoryKiB > maxCostKiB || c.Passes > maxCostPasses || len(salt) != saltSize || len(sum) != hashSize {
			t.Fatalf("%q was taken", s)
		}
		again, _, _, err := decodeHash(encodeHash(c, salt, sum))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

func TestAttemptsAreCounted(t *testing.T) {
	f := open(t, func(c *Config) { c.Dev, c.CustomJWTSecret = false, nil })
	f.register("a@b.c")
	f.register("b@b.c")
	for range 10 {
		_, err := f.userpass("a@b.c", "not the one")
		require.ErrorIs(t, err, ErrInvalidPassword)
	}
	_, err := f.userpass("a@b.c", "password")
	require.ErrorIs(t, err, ErrTooMany, "also for the right one")
	_, err = f.userpass("b@b.c", "password")
	require.NoError(t, err, "other accounts are not touched")
	f.clock.Move(7 * time.Second)
	_, err = f.userpass("a@b.c", "password")
	require.NoError(t, err)
	for range 10 {
		_, err := f.userpass("a@b.c", "not the one")
		require.ErrorIs(t, err, ErrInvalidPassword, "the right password has filled the bucket")
	}
}

// A stranger who tries passwords doesn't lock the owner of an account out, from whichever address he or she comes; from many addresses there is less.
func TestStrangersLockNobodyOut(t *testing.T) {
	f := open(t, func(c *Config) { c.Dev, c.CustomJWTSecret = false, nil })
	f.register("a@b.c")
	login := func(password, remote string) error {
		_, err := f.Login(t.Context(), f.app, Credentials{Provider: ProviderUserpass, Username: "a@b.c", Password: password, Remote: remote})
		return err
	}
	require.NoError(t, login("password", "home"))
	refused := 0
	for i := range 100 {
		if errors.Is(login("wrong-password", "stranger"), ErrTooMany) {
			refused++
		}
		f.clock.Move(time.Second)
		if i%20 == 19 {
			require.NoError(t, login("password", "home"))
			require.NoError(t, login("password", "new"+strconv.Itoa(i)))
		}
	}
	require.Equal(t, 100-10-99/6, refused, "ten at once and ten a minute")

	// Many addresses, and still the owner gets in from where he or she was before.
	for i := range 200 {
		_ = login("wrong-password", "stranger"+strconv.Itoa(i))
	}
	require.ErrorIs(t, login("wrong-password", "another"), ErrTooMany)
	require.ErrorIs(t, login("password", "another"), ErrTooMany)
	require.NoError(t, login("password", "home"))
	for range 10 {
		require.ErrorIs(t, login("wrong-password", "home"), ErrInvalidPassword)
	}
	require.ErrorIs(t, login("wrong-password", "home"), ErrTooMany, "there it is not unlimited either")
	f.clock.Move(2 * time.Second)
	require.NoError(t, login("password", "another"))
}

func TestAddressesAreCounted(t *testing.T) {
	f := open(t, func(c *Config) { c.Dev, c.CustomJWTSecret = false, nil })
	login := func(remote string) error {
		_, err := f.Login(t.Context(), f.app, Credentials{Provider: ProviderAnonymous, Remote: remote})
		return err
	}
	for range 100 {
		require.NoError(t, login("1.2.3.4"))
	}
	require.ErrorIs(t, login("1.2.3.4"), ErrTooMany)
	require.ErrorIs(t, f.Register(t.Context(), f.app, "a@b.c", "password", "1.2.3.4"), ErrTooMany)
	require.NoError(t, login("1.2.3.5"))
}

func TestLimiterIsBounded(t *testing.T) {
	c := clock.At(time.Unix(1, 0))
	l := newLimiter(1, 1, c.Now)
	for i := range 3 * maxBuckets {
		l.allow(NewObjectID(time.Unix(int64(i), 0)))
		require.LessOrEqual(t, len(l.buckets), maxBuckets)
	}
	// Names are strangers', and may be long.
	l = newLimiter(1, 1, c.Now)
	name := strings.Repeat("x", 1<<20)
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	for i := range 100 {
		long := name + strconv.Itoa(i)
		require.True(t, l.allow(long))
		require.False(t, l.allow(long))
		l.welcome(long)
		require.True(t, l.allow(long))
	}
	require.Less(t, held(), before+(20<<20), "100 names of 1 MiB are not kept")
}
