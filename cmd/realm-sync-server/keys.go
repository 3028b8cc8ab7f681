package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/sync/errgroup"

	"realmsync/server/auth"
	"realmsync/server/backup"
)

// every calls f from time to time, and when there is a signal, until the context ends. No signals: nil.
func every(ctx context.Context, period time.Duration, signals <-chan os.Signal, f func()) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-signals:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		f()
	}
}

type keysCommand struct {
	Rotate keysRotate `cmd:"" help:"Make a new key that signs tokens. Old ones still verify. A running server takes it up on SIGHUP, or when it is started again."`
}

type keysRotate struct {
	dataFlags
}

// Run rotates the keys of a data directory, whether a server is using it or not.
func (r *keysRotate) Run(k *kong.Context) error {
	if err := backup.IsData(r.Data); err != nil {
		return err
	}
	if err := auth.RotateKeys(r.Data); err != nil {
		return err
	}
	_, err := fmt.Fprintln(k.Stdout, "new tokens are signed with a new key once the server has it (SIGHUP)")
	return err
}

// maintainEvery is how often it is looked whether something is due with the keys and the users.
const maintainEvery = time.Hour

// followUsers does what is due with the signing keys and with accounts that wait, at once and from time to time, and reads the keys again at each SIGHUP. Call stop, which waits for it.
func followUsers(ctx context.Context, users *auth.Service, log *slog.Logger) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	var group errgroup.Group
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	maintain := func() {
		if err := users.MaintainKeys(ctx); err != nil && ctx.Err() == nil {
			log.Error("the keys that sign tokens were not looked after; those in use stay", "error", err)
		}
		if err := users.DropUnconfirmed(ctx); err != nil && ctx.Err() == nil {
			log.Error("accounts that nobody has confirmed were not dropped; it is tried again within an hour", "error", err)
		}
	}
	maintain()
	group.Go(func() error {
		every(ctx, maintainEvery, hangup, maintain)
		return nil
	})
	return func() {
		signal.Stop(hangup)
		cancel()
		_ = group.Wait() // it never fails
	}
}
