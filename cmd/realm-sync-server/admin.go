package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"realmsync/server/admin"
	"realmsync/server/api"
	"realmsync/server/appconfig"
	"realmsync/server/applog"
	"realmsync/server/auth"
	"realmsync/server/data"
	"realmsync/server/sync"
)

// adminFlags are the flags of the admin API.
type adminFlags struct {
	AdminListen []string `name:"admin-listen" placeholder:"HOST:PORT" help:"Address for the admin API alone, may be repeated; with TLS if --tls-cert is set. Without it the admin API is at the addresses of --listen."`
}

// openAdmin makes the admin API's handler.
func openAdmin(accounts *admin.Accounts, users *auth.Service, configs *appconfig.Store, endpoint *sync.Server, deletions *admin.Deletions, logs *applog.Store, log *slog.Logger) (http.Handler, error) {
	return admin.New(admin.Config{Accounts: accounts, Users: users, Configs: configs, Sync: endpoint, Deletions: deletions, Logs: logs, Version: version, Logger: log})
}

// listenAdmin serves the admin API on listeners of its own, if there are addresses for it. stop ends what was begun.
func (c *serveCommand) listenAdmin(k *kong.Context, users *auth.Service, handler http.Handler, g *guard, log *slog.Logger) (stop func(context.Context) error, err error) {
	if len(c.AdminListen) == 0 {
		return func(context.Context) error { return nil }, nil
	}
	front, err := api.New(api.Config{Auth: users, Admin: handler, AdminOnly: true, TrustedProxies: c.prefixes(), HeaderTimeout: c.HeaderTimeout, ReadTimeout: c.RequestTimeout, Logger: log})
	if err != nil {
		return nil, err
	}
	listeners, err := listen("--admin-listen", c.AdminListen)
	if err != nil {
		return nil, err
	}
	server := front.HTTPServer()
	served := make(chan error, len(listeners))
	for _, l := range g.before(listeners...) {
		if _, err := fmt.Fprintf(k.Stdout, "admin API on %s://%s\n", c.scheme(), l.Addr()); err != nil {
			log.Warn("standard output cannot be written", "error", err)
		}
		go func(l net.Listener) { served <- server.Serve(l) }(l)
	}
	return func(ctx context.Context) error {
		if err := server.Shutdown(ctx); err != nil {
			_ = server.Close()
		}
		var errs []error
		for range listeners {
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				errs = append(errs, fmt.Errorf("serving the admin API: %w", err))
			}
		}
		return errors.Join(errs...)
	}, nil
}

// remove deletes what an app has stored beside its users and its configuration. App ids are names of files too (auth.ValidAppID).
func (c *serveCommand) remove(documents *data.Data, logs *applog.Store) func(app string) error {
	return func(app string) error {
		if !auth.ValidAppID(app) {
			return fmt.Errorf("%q is not an app id", app)
		}
		return errors.Join(documents.Forget(app), logs.Forget(app), os.RemoveAll(filepath.Join(c.Data, "apps", app)))
	}
}

type adminCommand struct {
	CreateUser adminCreateUser `cmd:"" name:"create-user" help:"Create an account for the admin API."`
}

type adminCreateUser struct {
	dataFlags

	PasswordFile string `type:"existingfile" placeholder:"FILE" help:"File whose first line is the password. Without it the password is read from standard input."`

	Email string `arg:"" help:"E-mail address that the account is known by."`
}

// Run creates the account. A running server sees it at once.
func (a *adminCreateUser) Run(k *kong.Context) error { return a.run(k, os.Stdin) }

func (a *adminCreateUser) run(k *kong.Context, stdin *os.File) (err error) {
	password, err := a.password(k, stdin)
	if err != nil {
		return err
	}
	if err := makeDataDir(a.Data); err != nil {
		return err
	}
	ctx := context.Background()
	accounts, err := admin.OpenAccounts(ctx, admin.AccountsConfig{Dir: a.Data, KeepSeed: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, accounts.Close()) }()
	if err := accounts.Create(ctx, a.Email, password); err != nil {
		return fmt.Errorf("creating the account %s: %w", a.Email, err)
	}
	_, err = fmt.Fprintln(k.Stdout, a.Email)
	return err
}

// password reads one line. A terminal is asked, and does not show what is typed.
func (a *adminCreateUser) password(k *kong.Context, stdin *os.File) (string, error) {
	in := stdin
	if a.PasswordFile != "" {
		f, err := os.Open(a.PasswordFile)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	} else if quiet, restore := hideTyping(stdin); quiet {
		defer restore()
		_, _ = fmt.Fprintf(k.Stderr, "Password for %s: ", a.Email)
		defer func() { _, _ = fmt.Fprintln(k.Stderr) }()
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("there is no password: give it in the first line of standard input or of --password-file")
	}
	return line, nil
}
