package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"

	"realmsync/server/auth"
)

// dataFlags are the flags of commands that work on a data directory.
type dataFlags struct {
	Data string `default:"realm-sync-data" type:"path" placeholder:"DIR" help:"Data directory (default: ./realm-sync-data)."`
}

type appCommand struct {
	Create appCreate `cmd:"" help:"Create an app with anonymous and e-mail logins. A running server sees it at once."`
	List   appList   `cmd:"" help:"Print the ids of all apps."`
	Export appExport `cmd:"" help:"Write the configuration of an app as an App Services export, without the values of secrets."`
}

type appCreate struct {
	dataFlags

	Rules string `enum:"compatible,strict" default:"compatible" help:"Rules by which all clients of the app and the server merge, for good: compatible (default) for clients of the original, strict without its defects for clients that know them."`

	ID string `arg:"" name:"id" help:"The app id that programs are configured with: letters, digits, '.', '_', '-'."`
}

// Run creates the app. It needs no lock: SQLite orders the writers, and a server looks up what it does not know.
func (a *appCreate) Run(k *kong.Context) (err error) {
	if err := makeDataDir(a.Data); err != nil {
		return err
	}
	ctx := context.Background()
	users, err := auth.Open(ctx, auth.Config{Dir: a.Data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, users.Close()) }()
	_, created, err := users.CreateAppWith(ctx, a.ID, a.Rules == "strict")
	if err != nil {
		return err
	}
	if !created {
		return fmt.Errorf("app %s exists already in %s", a.ID, a.Data)
	}
	_, err = fmt.Fprintln(k.Stdout, a.ID)
	return err
}

type appList struct {
	dataFlags
}

// Run prints one id per line.
func (a *appList) Run(k *kong.Context) (err error) {
	if _, err := os.Stat(filepath.Join(a.Data, "auth.db")); err != nil {
		return fmt.Errorf("%s is not the data directory of a server: %w", a.Data, err)
	}
	ctx := context.Background()
	users, err := auth.Open(ctx, auth.Config{Dir: a.Data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, users.Close()) }()
	apps, err := users.Apps(ctx)
	for _, app := range apps {
		if _, err := fmt.Fprintln(k.Stdout, app.ID); err != nil {
			return err
		}
	}
	return err
}
