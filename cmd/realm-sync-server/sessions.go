package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/sync/errgroup"

	"realmsync/server/auth"
)

type sessionCommand struct {
	List   sessionList   `cmd:"" help:"Print the open sessions of an app's users: id, user, login, end, device."`
	Revoke sessionRevoke `cmd:"" help:"End sessions: they get no access token any more, and a running server closes their users' connections within a second."`
}

// sessionFlags are those of both commands.
type sessionFlags struct {
	dataFlags

	User string `placeholder:"ID" help:"Those of this user."`

	App string `arg:"" help:"The app id."`
}

// open opens the users of a data directory, which a server may be using: SQLite orders the writers, and a server looks up each session.
func (f *sessionFlags) open(ctx context.Context) (*auth.Service, *auth.App, error) {
	if _, err := os.Stat(filepath.Join(f.Data, "auth.db")); err != nil {
		return nil, nil, fmt.Errorf("%s is not the data directory of a server: %w", f.Data, err)
	}
	users, err := auth.Open(ctx, auth.Config{Dir: f.Data})
	if err != nil {
		return nil, nil, err
	}
	app, err := users.ExistingApp(ctx, f.App)
	if err != nil {
		return nil, nil, errors.Join(err, users.Close())
	}
	return users, app, nil
}

type sessionList struct{ sessionFlags }

// sessionPage is how many sessions are read at once.
const sessionPage = 1000

// Run prints one session per line.
func (l *sessionList) Run(k *kong.Context) (err error) {
	ctx := context.Background()
	users, app, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, users.Close()) }()
	for after := ""; ; {
		page, err := users.Sessions(ctx, app, l.User, after, sessionPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, s := range page {
			if _, err := fmt.Fprintln(k.Stdout, s.ID, s.UserID, s.Created.UTC().Format(time.RFC3339), s.Expires.UTC().Format(time.RFC3339), s.Device.SDK, s.Device.Platform); err != nil {
				return err
			}
			after = s.ID
		}
	}
}

type sessionRevoke struct {
	sessionFlags

	Session string `placeholder:"ID" help:"This session."`
	All     bool   `help:"Those of all users of the app."`
}

// Run ends what is named; exactly one of --session, --user and --all is.
func (r *sessionRevoke) Run(k *kong.Context) (err error) {
	named := 0
	for _, given := range []bool{r.Session != "", r.User != "", r.All} {
		if given {
			named++
		}
	}
	if named != 1 {
		return errors.New("which sessions are to end? One of --session, --user and --all says it")
	}
	ctx := context.Background()
	users, app, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, users.Close()) }()
	switch {
	case r.Session != "":
		err = users.RevokeSession(ctx, app, "", r.Session)
	case r.User != "":
		if _, err = users.User(ctx, app, r.User); err == nil {
			err = users.RevokeSessions(ctx, app, r.User)
		}
	default:
		var n int64
		if n, err = users.RevokeApp(ctx, app); err == nil {
			_, err = fmt.Fprintln(k.Stdout, n, "sessions ended")
		}
	}
	return err
}

// tellEvery is how often it is looked whether another process has revoked something: one row of a small table, by its key.
const tellEvery = time.Second

// followRevocations closes the connections of whom another process revokes, such as session revoke. Call stop, which waits for it.
func followRevocations(ctx context.Context, users *auth.Service, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var group errgroup.Group
	group.Go(func() error {
		every(ctx, tellEvery, nil, func() {
			if err := users.TellRevoked(ctx); err != nil && ctx.Err() == nil {
				log.Error("what other processes have revoked cannot be read; it is tried again", "error", err)
			}
		})
		return nil
	})
	return func() {
		cancel()
		_ = group.Wait() // it never fails
	}
}
