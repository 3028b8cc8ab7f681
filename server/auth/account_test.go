package auth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/appconfig"
	"realmsync/server/mail"
)

// letters is a mailer that keeps what it was given.
type letters struct {
	sent []mail.Letter
	err  error
}

func (l *letters) Send(_ context.Context, letter mail.Letter) error {
	if l.err == nil {
		l.sent = append(l.sent, letter)
	}
	return l.err
}

var linkPattern = regexp.MustCompile(`https?://\S+`)

// token returns what the newest letter's link has.
func (l *letters) token(t *testing.T, page string) (token, id string) {
	t.Helper()
	require.NotEmpty(t, l.sent)
	u, err := url.Parse(linkPattern.FindString(l.sent[len(l.sent)-1].Text))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(u.String(), page+"?"), u.String())
	require.Regexp(t, "^[0-9a-f]{128}$", u.Query().Get("token"))
	require.True(t, isObjectID(u.Query().Get("tokenId")))
	return u.Query().Get("token"), u.Query().Get("tokenId")
}

// functions are the functions of a test, by name.
type functions map[string]func(caller *Caller, args bson.A) (any, error)

func (f functions) Call(_ context.Context, app string, caller *Caller, name string, args bson.A) (any, error) {
	if f[name] == nil || app != "app-abcde" {
		return nil, FunctionNotFound(name)
	}
	return f[name](caller, args)
}

// configure changes the app's configuration; names are functions that it gets.
func (f *fixture) configure(change func(*appconfig.Config), names ...string) {
	f.t.Helper()
	_, err := f.cfg.Configs.Update(f.t.Context(), f.app.ID, func(c *appconfig.Config) error {
		for _, name := range names {
			c.Functions = append(c.Functions, appconfig.Function{ID: appconfig.FixedID(name), Name: name, Source: "exports = () => 1"})
		}
		change(c)
		return nil
	})
	require.NoError(f.t, err)
}

func (f *fixture) userpassConfig(config string, names ...string) {
	f.t.Helper()
	f.configure(func(c *appconfig.Config) { c.Provider(ProviderUserpass).Config = json.RawMessage(config) }, names...)
}

// openWith is open with configurations that a test can change.
func openWith(t *testing.T, change func(*Config)) *fixture {
	t.Helper()
	return open(t, func(c *Config) {
		c.Configs = &memoryConfigs{apps: map[string]*appconfig.Config{}}
		if change != nil {
			change(c)
		}
	})
}

const mailConfig = `{"emailConfirmationUrl":"https://app.example/confirm","resetPasswordUrl":"https://app.example/reset?x=1","confirmEmailSubject":"Hi","resetPasswordSubject":"Bye"}`

func TestConfirmationByMail(t *testing.T) {
	box := &letters{}
	f := openWith(t, func(c *Config) { c.Mailer = box })
	ctx, app := t.Context(), f.app
	f.userpassConfig(mailConfig)
	f.register("a@b.c")
	_, err := f.userpass("a@b.c", "password")
	require.ErrorIs(t, err, ErrUnconfirmed)
	_, err = f.userpass("a@b.c", "wrong one")
	require.ErrorIs(t, err, ErrInvalidPassword, "only who knows the password learns of it")
	require.Equal(t, "a@b.c", box.sent[0].To)
	require.Equal(t, "Hi", box.sent[0].Subject)
	token, id := box.token(t, "https://app.example/confirm")

	for _, bad := range [][2]string{{"nonsense", id}, {token, "nonsense"}, {token[:126], id}, {token + "00", id}, {"", ""}} {
		require.ErrorIs(t, f.Confirm(ctx, app, bad[0], bad[1]), ErrTokenData)
	}
	require.ErrorIs(t, f.Confirm(ctx, app, strings.Repeat("ab", 64), id), ErrTokenExpired)
	require.ErrorIs(t, f.Confirm(ctx, app, token, "636aba021728b6c1c03db83f"), ErrTokenExpired)
	require.ErrorIs(t, f.Reset(ctx, app, token, id, "password"), ErrTokenExpired, "it is for another purpose")
	other, err := f.App(ctx, "other")
	require.NoError(t, err)
	require.ErrorIs(t, f.Confirm(ctx, other, token, id), ErrTokenExpired, "it is of another app")

	require.NoError(t, f.Confirm(ctx, app, token, id))
	require.ErrorIs(t, f.Confirm(ctx, app, token, id), ErrTokenExpired, "it is good once")
	_, err = f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.ErrorIs(t, f.ResendConfirmation(ctx, app, "a@b.c"), ErrAlreadyConfirmed)
	require.ErrorIs(t, f.CallConfirmation(ctx, app, "a@b.c"), ErrAlreadyConfirmed)
	require.NoError(t, f.ResendConfirmation(ctx, app, "x@b.c"), "as for an account that waits")
	require.Len(t, box.sent, 1)
}

func TestResend(t *testing.T) {
	box := &letters{}
	f := openWith(t, func(c *Config) { c.Mailer = box })
	f.userpassConfig(mailConfig)
	f.register("a@b.c")
	f.clock.Move(mailTokenLife)
	token, id := box.token(t, "https://app.example/confirm")
	require.ErrorIs(t, f.Confirm(t.Context(), f.app, token, id), ErrTokenExpired, "it lives for 30 minutes")
	require.NoError(t, f.ResendConfirmation(t.Context(), f.app, "a@b.c"))
	require.Len(t, box.sent, 2)
	token, id = box.token(t, "https://app.example/confirm")
	f.clock.Move(mailTokenLife - time.Second)
	require.NoError(t, f.Confirm(t.Context(), f.app, token, id))
	// However often somebody asks, few tokens are good.
	f.register("b@b.c")
	for range 2 * maxMailTokens {
		require.NoError(t, f.ResendConfirmation(t.Context(), f.app, "b@b.c"))
	}
	var n int
	require.NoError(t, f.db.read.QueryRow("SELECT count(*) FROM mail_tokens").Scan(&n))
	require.Equal(t, maxMailTokens, n)
	require.Error(t, f.CallConfirmation(t.Context(), f.app, "b@b.c"), "there is no function")
}

// Accounts that nobody confirms are dropped 30 days after the registration or the last letter, and no others.
func TestUnconfirmedAccountsAreDropped(t *testing.T) {
	const day = 24 * time.Hour
	f := openWith(t, func(c *Config) { c.Mailer = &letters{} })
	f.register("confirmed@b.c") // at once
	f.register("user@b.c")
	_, err := f.userpass("user@b.c", "password")
	require.NoError(t, err)
	f.userpassConfig(mailConfig)
	for _, email := range []string{"waits@b.c", "asks@b.c", "late@b.c"} {
		f.register(email)
	}
	// What no version writes: a user's account that is not confirmed.
	_, err = f.db.write.Exec("UPDATE accounts SET confirmed = 0 WHERE email = 'user@b.c'")
	require.NoError(t, err)
	there := func(want ...string) {
		t.Helper()
		require.NoError(t, f.DropUnconfirmed(t.Context()))
		got := []string{}
		rows, err := f.db.read.Query("SELECT email FROM accounts ORDER BY email")
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var email string
			require.NoError(t, rows.Scan(&email))
			got = append(got, email)
		}
		require.NoError(t, rows.Err())
		require.Equal(t, want, got)
	}
	f.clock.Move(29 * day)
	require.NoError(t, f.ResendConfirmation(t.Context(), f.app, "asks@b.c"))
	require.NoError(t, f.ConfirmPending(t.Context(), f.app, "late@b.c"))
	f.clock.Move(day - time.Second)
	there("asks@b.c", "confirmed@b.c", "late@b.c", "user@b.c", "waits@b.c")
	f.clock.Move(time.Second)
	there("asks@b.c", "confirmed@b.c", "late@b.c", "user@b.c")
	f.register("waits@b.c") // the address is free
	f.clock.Move(29 * day)
	there("confirmed@b.c", "late@b.c", "user@b.c", "waits@b.c")
	f.clock.Move(365 * day)
	there("confirmed@b.c", "late@b.c", "user@b.c")

	// However many there are.
	f.register("last@b.c")
	_, err = f.db.write.Exec(`WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO accounts SELECT app_id, i || '@b.c', 'id' || i, hash, confirmed, created, dropped FROM n, (SELECT * FROM accounts WHERE email = 'last@b.c')`, 2*dropAtOnce)
	require.NoError(t, err)
	f.clock.Move(30 * day)
	there("confirmed@b.c", "late@b.c", "user@b.c")
}

// Accounts of versions that dropped none have their 30 days from when this one is there.
func TestUnconfirmedAccountsOfEarlierVersions(t *testing.T) {
	f := openWith(t, func(c *Config) { c.Mailer = &letters{} })
	f.userpassConfig(mailConfig)
	f.register("a@b.c")
	_, err := f.db.write.Exec("DROP TABLE deletions; ALTER TABLE sessions DROP COLUMN api_key; DROP INDEX accounts_dropped; ALTER TABLE accounts DROP COLUMN dropped; PRAGMA user_version = 6")
	require.NoError(t, err)
	before := time.Now()
	f.restart()
	var dropped int64
	require.NoError(t, f.db.read.QueryRow("SELECT dropped FROM accounts").Scan(&dropped))
	require.GreaterOrEqual(t, dropped, before.Add(unconfirmedLife).Unix())
}

// Without a mail server links are in the log in development mode; otherwise whatever needs a mail is refused and leaves nothing.
func TestWithoutMailServer(t *testing.T) {
	var log strings.Builder
	f := openWith(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	f.userpassConfig(mailConfig)
	f.register("a@b.c")
	link := linkPattern.FindString(log.String())
	u, err := url.Parse(strings.TrimRight(link, `"`))
	require.NoError(t, err)
	require.NoError(t, f.Confirm(t.Context(), f.app, u.Query().Get("token"), u.Query().Get("tokenId")))

	g := openWith(t, func(c *Config) { c.Dev, c.CustomJWTSecret = false, nil })
	g.userpassConfig(mailConfig)
	require.ErrorIs(t, g.Register(t.Context(), g.app, "a@b.c", "password", ""), errNoMail)
	require.ErrorIs(t, g.SendReset(t.Context(), g.app, "a@b.c"), errNoMail)
	pending, err := g.PendingUsers(t.Context(), g.app, "", 10)
	require.NoError(t, err)
	require.Empty(t, pending)
}

func TestMailThatCannotBeSent(t *testing.T) {
	box := &letters{err: mail.ErrFull}
	f := openWith(t, func(c *Config) { c.Mailer = box })
	f.userpassConfig(mailConfig)
	var refusal *Error
	require.ErrorAs(t, f.Register(t.Context(), f.app, "a@b.c", "password", ""), &refusal)
	require.Equal(t, 503, refusal.Status)
	box.err = nil
	f.register("a@b.c") // the address is still free
	require.ErrorIs(t, f.Register(t.Context(), f.app, "no address", "password", ""), errBadRequest(""))
	f.userpassConfig(`{"emailConfirmationUrl":"javascript:x"}`)
	require.ErrorIs(t, f.Register(t.Context(), f.app, "b@b.c", "password", ""), errBadRequest(""))
}

func TestConfirmationFunction(t *testing.T) {
	var seen bson.D
	answer := map[string]any{}
	f := openWith(t, func(c *Config) {
		c.Functions = functions{"confirmFunc": func(caller *Caller, args bson.A) (any, error) {
			require.True(t, caller.System)
			require.Len(t, args, 1)
			seen = args[0].(bson.D)
			switch a := answer[seen[2].Value.(string)].(type) {
			case error:
				return nil, a
			default:
				return a, nil
			}
		}}
	})
	f.userpassConfig(`{"runConfirmationFunction":true,"confirmationFunctionName":"confirmFunc"}`, "confirmFunc")
	ctx := t.Context()
	status := func(s string) bson.D { return bson.D{{Key: "status", Value: s}} }
	answer["yes@b.c"], answer["wait@b.c"], answer["no@b.c"], answer["odd@b.c"], answer["throws@b.c"] = status("success"), status("pending"), status("fail"), true, &FunctionError{Message: "oh"}

	f.register("yes@b.c")
	require.Equal(t, []string{"token", "tokenId", "username"}, []string{seen[0].Key, seen[1].Key, seen[2].Key})
	_, err := f.userpass("yes@b.c", "password")
	require.NoError(t, err)

	f.register("wait@b.c")
	_, err = f.userpass("wait@b.c", "password")
	require.ErrorIs(t, err, ErrUnconfirmed)
	require.NoError(t, f.Confirm(ctx, f.app, seen[0].Value.(string), seen[1].Value.(string)))
	_, err = f.userpass("wait@b.c", "password")
	require.NoError(t, err)

	for _, email := range []string{"no@b.c", "odd@b.c", "throws@b.c"} {
		err := f.Register(ctx, f.app, email, "password", "")
		var refusal *Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, Error{Status: 400, Code: "BadRequest", Text: `failed to confirm user "` + email + `"`}, Error{Status: refusal.Status, Code: refusal.Code, Text: refusal.Text})
		require.ErrorIs(t, f.CallConfirmation(ctx, f.app, email), ErrUserNotFound, "the account is gone")
	}
	answer["later@b.c"] = status("pending")
	f.register("later@b.c")
	require.Error(t, f.ResendConfirmation(ctx, f.app, "later@b.c"), "it is not done by mail")
	require.NoError(t, f.CallConfirmation(ctx, f.app, "later@b.c"))
	answer["later@b.c"] = status("fail")
	require.Error(t, f.CallConfirmation(ctx, f.app, "later@b.c"))
	answer["later@b.c"] = status("success")
	require.NoError(t, f.CallConfirmation(ctx, f.app, "later@b.c"))
	require.ErrorIs(t, f.CallConfirmation(ctx, f.app, "later@b.c"), ErrAlreadyConfirmed)

	answer["broken@b.c"] = errors.New("the disk is full")
	err = f.Register(ctx, f.app, "broken@b.c", "password", "")
	var refusal *Error
	require.False(t, errors.As(err, &refusal), "the server's own errors are not the client's")
}

func TestResetByMail(t *testing.T) {
	box := &letters{}
	f := openWith(t, func(c *Config) { c.Mailer = box })
	ctx, app := t.Context(), f.app
	f.register("a@b.c")
	f.userpassConfig(mailConfig)
	l, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.NoError(t, f.SendReset(ctx, app, "who@b.c"), "the answer does not tell who is registered")
	var n int
	require.NoError(t, f.db.read.QueryRow("SELECT n FROM noise").Scan(&n))
	require.Equal(t, 1, n, "nor does its time")
	require.Empty(t, box.sent)
	require.NoError(t, f.SendReset(ctx, app, "a@b.c"))
	require.Equal(t, "Bye", box.sent[0].Subject)
	token, id := box.token(t, "https://app.example/reset")
	require.Contains(t, box.sent[0].Text, "x=1")
	require.ErrorIs(t, f.Confirm(ctx, app, token, id), ErrTokenExpired, "it is for another purpose")
	require.ErrorIs(t, f.Reset(ctx, app, token, id, "short"), errBadRequest(""))
	require.NoError(t, f.Reset(ctx, app, token, id, "new password"))
	require.ErrorIs(t, f.Reset(ctx, app, token, id, "password"), ErrTokenExpired)
	_, err = f.userpass("a@b.c", "password")
	require.ErrorIs(t, err, ErrInvalidPassword)
	_, err = f.Refresh(ctx, l.RefreshToken)
	require.ErrorIs(t, err, ErrInvalidSession, "a reset ends all sessions")
	require.Equal(t, []Revocation{{app.ID, l.UserID, SessionsRevoked}}, f.revoked)
	again, err := f.userpass("a@b.c", "new password")
	require.NoError(t, err)
	require.Equal(t, l.UserID, again.UserID)
	require.Error(t, f.CallReset(ctx, app, "a@b.c", "password", nil, ""), "there is no function")
}

func TestResetFunction(t *testing.T) {
	var seen bson.A
	status := "success"
	f := openWith(t, func(c *Config) {
		c.Functions = functions{"resetFunc": func(_ *Caller, args bson.A) (any, error) {
			seen = args
			if status == "throw" {
				return nil, &FunctionError{Message: "oh"}
			}
			return bson.D{{Key: "status", Value: status}}, nil
		}}
	})
	ctx, app := t.Context(), f.app
	f.userpassConfig(`{"autoConfirm":true,"runResetFunction":true,"resetFunctionName":"resetFunc"}`, "resetFunc")
	f.register("a@b.c")
	l, err := f.userpass("a@b.c", "password")
	require.NoError(t, err)
	require.ErrorIs(t, f.CallReset(ctx, app, "who@b.c", "x", nil, ""), ErrUserNotFound)
	require.ErrorIs(t, f.CallReset(ctx, app, "a@b.c", "x", nil, ""), errBadRequest(""))
	require.Error(t, f.SendReset(ctx, app, "a@b.c"), "it is not done by mail")

	require.NoError(t, f.CallReset(ctx, app, "a@b.c", "new password", bson.A{"foo", int64(1)}, ""))
	require.Equal(t, bson.A{"foo", int64(1)}, seen[1:])
	details := seen[0].(bson.D)
	require.Equal(t, bson.D{{Key: "username", Value: "a@b.c"}, {Key: "password", Value: "new password"}, {Key: "currentPasswordValid", Value: false}}, details[2:])
	require.Equal(t, []Revocation{{app.ID, l.UserID, SessionsRevoked}}, f.revoked)
	_, err = f.userpass("a@b.c", "new password")
	require.NoError(t, err)
	require.ErrorIs(t, f.Reset(ctx, app, details[0].Value.(string), details[1].Value.(string), "password"), ErrTokenExpired, "it was done")

	status = "pending"
	require.NoError(t, f.CallReset(ctx, app, "a@b.c", "new password", nil, ""))
	details = seen[0].(bson.D)
	require.Equal(t, true, details[4].Value, "currentPasswordValid")
	require.NoError(t, f.Reset(ctx, app, details[0].Value.(string), details[1].Value.(string), "third password"))
	_, err = f.userpass("a@b.c", "third password")
	require.NoError(t, err)
	for _, status = range []string{"fail", "", "throw"} {
		err := f.CallReset(ctx, app, "a@b.c", "new password", nil, "")
		require.EqualError(t, err, map[bool]string{false: `failed to reset password for user "a@b.c"`, true: `failed to reset password for user "a@b.c": oh`}[status == "throw"])
	}
	_, err = f.userpass("a@b.c", "third password")
	require.NoError(t, err)
}

// That there is no room for a letter tells nobody that there was one to send, but who registers: there is no account then.
func TestTooManyLetters(t *testing.T) {
	box := &letters{}
	f := openWith(t, func(c *Config) { c.Mailer = box })
	f.userpassConfig(mailConfig)
	f.register("a@b.c")
	box.err = mail.ErrFull
	for _, email := range []string{"a@b.c", "who@b.c"} {
		require.NoError(t, f.SendReset(t.Context(), f.app, email))
		require.NoError(t, f.ResendConfirmation(t.Context(), f.app, email))
	}
	require.ErrorIs(t, f.Register(t.Context(), f.app, "b@b.c", "password", ""), errMailFull)
	box.err = nil
	require.NoError(t, f.Register(t.Context(), f.app, "b@b.c", "password", ""))
}

// Mails and functions of one account are rationed in production, whoever asks.
func TestLettersAreRationed(t *testing.T) {
	box := &letters{}
	f := openWith(t, func(c *Config) { c.Mailer, c.Dev, c.CustomJWTSecret = box, false, nil })
	f.userpassConfig(mailConfig)
	f.register("a@b.c")
	for range 5 {
		require.NoError(t, f.SendReset(t.Context(), f.app, "a@b.c"))
	}
	require.ErrorIs(t, f.SendReset(t.Context(), f.app, "a@b.c"), ErrTooMany)
	require.ErrorIs(t, f.ResendConfirmation(t.Context(), f.app, "a@b.c"), ErrTooMany)
	for range 5 {
		require.NoError(t, f.SendReset(t.Context(), f.app, "who@b.c"))
	}
	require.ErrorIs(t, f.SendReset(t.Context(), f.app, "who@b.c"), ErrTooMany, "the same for who is not registered")
	require.ErrorIs(t, f.ResendConfirmation(t.Context(), f.app, "who@b.c"), ErrTooMany)
	f.clock.Move(5 * time.Minute)
	require.NoError(t, f.SendReset(t.Context(), f.app, "a@b.c"))
}

func TestPendingUsers(t *testing.T) {
	box := &letters{}
	f := openWith(t, func(c *Config) { c.Mailer = box })
	ctx := t.Context()
	f.userpassConfig(mailConfig)
	f.register("a@b.c")
	f.register("b@b.c")
	f.register("c@b.c")
	require.NoError(t, f.ConfirmPending(ctx, f.app, "b@b.c"))
	_, err := f.userpass("b@b.c", "password")
	require.NoError(t, err)
	list, err := f.PendingUsers(ctx, f.app, "", 10)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "a@b.c", list[0].Email)
	require.False(t, list[0].Confirmed)
	list, err = f.PendingUsers(ctx, f.app, "a@b.c", 10)
	require.NoError(t, err)
	require.Equal(t, "c@b.c", list[0].Email)
	require.NoError(t, f.DeletePending(ctx, f.app, "a@b.c"))
	require.ErrorIs(t, f.DeletePending(ctx, f.app, "a@b.c"), ErrUserNotFound)
	require.ErrorIs(t, f.DeletePending(ctx, f.app, "b@b.c"), ErrUserNotFound, "it has a user")
	require.ErrorIs(t, f.ConfirmPending(ctx, f.app, "a@b.c"), ErrUserNotFound)

	u, err := f.CreateEmailUser(ctx, f.app, "made@b.c", "password")
	require.NoError(t, err)
	l, err := f.userpass("made@b.c", "password")
	require.NoError(t, err)
	require.Equal(t, u.UserID, l.UserID)
	_, err = f.CreateEmailUser(ctx, f.app, "made@b.c", "password")
	require.ErrorIs(t, err, ErrNameInUse)
}
