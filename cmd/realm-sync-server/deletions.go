package main

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"realmsync/server/admin"
	"realmsync/server/auth"
)

// exists returns an error for an app that is not there. Whatever opens files of an app asks it after it has said that it has them open: when an app is
// deleted they are closed and removed, and nobody makes them again.
func exists(users *auth.Service) func(ctx context.Context, app string) error {
	return func(ctx context.Context, app string) error {
		_, err := users.ExistingApp(ctx, app)
		return err
	}
}

// finishEvery is how often deletions are tried again that could not be finished.
const finishEvery = time.Minute

// followDeletions finishes deletions of apps: at once those that a server has begun which was killed, and from time to time those that failed. Call stop,
// which waits for it.
func followDeletions(ctx context.Context, deletions *admin.Deletions, log *slog.Logger) (stop func()) {
	var group errgroup.Group
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	finish := func() {
		if err := deletions.FinishAll(ctx); err != nil && ctx.Err() == nil {
			log.Error(admin.NotFinished, "error", err)
		}
	}
	finish()
	group.Go(func() error {
		every(ctx, finishEvery, nil, finish)
		return nil
	})
	return func() {
		cancel()
		_ = group.Wait() // it never fails
	}
}
