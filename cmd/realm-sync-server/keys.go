package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/sync/errgroup"

	"realmsync/server/auth"
)

type keysCommand struct {
	Rotate keysRotate `cmd:"" help:"Make a new key that signs tokens. Old ones still verify. A running server takes it up on SIGHUP, or when it is started again."`
}

type keysRotate struct {
	dataFlags
}

// Run rotates the keys of a data directory. The file is replaced as a whole, so it needs no lock.
func (r *keysRotate) Run(k *kong.Context) error {
	if err := auth.RotateKeys(r.Data); err != nil {
		return err
	}
	_, err := fmt.Fprintln(k.Stdout, "new tokens are signed with a new key once the server has it (SIGHUP)")
	return err
}

// followKeys reads the signing keys again at each SIGHUP. Call stop, which waits for it.
func followKeys(users *auth.Service, log *slog.Logger) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	var group errgroup.Group
	group.Go(func() error {
		for range hangup {
			if err := users.ReloadKeys(); err != nil {
				log.Error("the keys that sign tokens were not read again; those in use stay", "error", err)
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
