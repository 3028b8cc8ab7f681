package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/sync/errgroup"

	"realmsync/server/admin"
	"realmsync/server/appconfig"
	"realmsync/server/appconfig/export"
	"realmsync/server/auth"
	"realmsync/server/rules"
)

// appFileFlags are the apps that are configured by files.
type appFileFlags struct {
	Apps []string `name:"app" type:"path" placeholder:"DIR" help:"Directory that App Services exported an app as, may be repeated. The app is made if it doesn't exist, and configured as the files say; SIGHUP reads them again."`
}

// applyFiles configures the apps as their files say. All are read and checked before any is changed: if there is something wrong with one,
// nothing is changed, and the error says in which file and line.
func (f appFileFlags) applyFiles(ctx context.Context, configs *appconfig.Store, apps makes, log *slog.Logger) error {
	defer apps.hold()()
	type change struct {
		*export.Directory
		dir  string
		same bool // as it is
	}
	var changes []change
	dirs := map[string]string{}
	for _, dir := range f.Apps {
		d, err := export.Load(dir)
		if err != nil {
			return fmt.Errorf("--app %s: %w", dir, err)
		}
		if !auth.ValidAppID(d.ID) {
			return fmt.Errorf("--app %s: %q can't be an app id", dir, d.ID)
		}
		if other, ok := dirs[d.ID]; ok {
			return fmt.Errorf("--app %s: the app %s is in %s too", dir, d.ID, other)
		}
		dirs[d.ID] = dir
		for _, n := range d.Notices() {
			log.Warn("not everything in the files of an app is taken over", "app", d.ID, "files", dir, "file", n.File, "reason", n.Reason)
		}
		if err := apps.may(ctx, d.ID); err != nil {
			return fmt.Errorf("--app %s: %w", dir, err)
		}
		before, err := configs.Current(ctx, d.ID)
		if err != nil {
			return err
		}
		after, err := d.Apply(before)
		if err == nil {
			err = configs.CheckChange(ctx, d.ID, after)
		}
		if err != nil {
			return fmt.Errorf("--app %s: %w", dir, d.Explain(err))
		}
		changes = append(changes, change{d, dir, reflect.DeepEqual(before, after)})
	}
	for _, c := range changes {
		// The configuration first: an app must not be open to all until it is configured.
		if !c.same {
			// On what there is now: an administrator may have changed it since it was looked at, and what files don't have stays.
			if _, err := configs.Update(ctx, c.ID, func(config *appconfig.Config) error {
				after, err := c.Apply(config)
				if err == nil {
					*config = *after
				}
				return err
			}); err != nil {
				return fmt.Errorf("--app %s: %w", c.dir, c.Explain(err))
			}
			log.Info("app configured", "app", c.ID, "files", c.dir)
		}
		if err := apps.create(ctx, c.ID); err != nil {
			return fmt.Errorf("--app %s: %w", c.dir, err)
		}
	}
	return nil
}

// followFiles reads the files again at each SIGHUP. Call stop, which waits for it.
func (f appFileFlags) followFiles(ctx context.Context, configs *appconfig.Store, apps makes, log *slog.Logger) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	var group errgroup.Group
	group.Go(func() error {
		for range hangup {
			err := f.applyFiles(ctx, configs, apps, log)
			var v *appconfig.ValidationError
			switch {
			case errors.As(err, &v):
				log.Error("the files of apps were read again, and nothing is changed: one is wrong", "file", v.File, "line", v.Line, "path", v.Path, "reason", v.Reason, "error", err)
			case err != nil:
				log.Error("the files of apps could not be read again", "error", err)
			default:
				log.Info("the files of apps were read again", "apps", len(f.Apps))
			}
		}
		return nil
	})
	return func() {
		signal.Stop(hangup)
		close(hangup)
		_ = group.Wait() // it never fails
	}
}

// makes is how apps are made that files configure.
type makes struct {
	hold   func() (release func()) // see admin.Deletions
	may    func(ctx context.Context, id string) error
	create func(ctx context.Context, id string) error // if there is none
}

func (c *serveCommand) makes(users *auth.Service, deletions *admin.Deletions) makes {
	return makes{deletions.Hold, users.CanCreate, func(ctx context.Context, id string) error {
		_, _, err := users.CreateAppWith(ctx, id, c.Rules == "strict")
		return err
	}}
}

type appExport struct {
	dataFlags

	ID  string `arg:"" name:"id" help:"The app id."`
	Dir string `arg:"" name:"dir" type:"path" help:"Directory to write to; it doesn't exist, or is empty."`
}

// Run writes the files of an app. It changes nothing, and needs no lock.
func (a *appExport) Run(*kong.Context) (err error) {
	ctx := context.Background()
	if _, err := os.Stat(a.Data); err != nil {
		return fmt.Errorf("%s is not the data directory of a server: %w", a.Data, err)
	}
	configs, err := appconfig.Open(ctx, appconfig.StoreConfig{Dir: a.Data, Check: rules.Check})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, configs.Close()) }()
	users, err := auth.Open(ctx, auth.Config{Dir: a.Data, Configs: configs})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, users.Close()) }()
	if _, err := users.ExistingApp(ctx, a.ID); err != nil {
		return err
	}
	c, err := configs.Current(ctx, a.ID)
	if err != nil {
		return err
	}
	return export.Write(a.Dir, a.ID, c)
}
