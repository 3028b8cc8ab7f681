package worker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"realmsync/server/functions/script"
)

const (
	checkTime   = 30 * time.Second // for one source
	checkMemory = 256 << 20        // bytes
)

// Check compiles sources in a worker of its own, one after the other, and returns the position of the first that cannot be compiled with
// its *script.SyntaxError; another error, with -1, is that of a worker that cannot be started. Compiling is recursive, and what it takes
// is not to be had by reading the source: so it is done where nothing else can break. What breaks is not logged: it is told.
func Check(ctx context.Context, sources []Function) (int, error) {
	var w *process
	defer func() {
		if w != nil {
			w.kill(errRetired)
			<-w.end
		}
	}()
	for i, f := range sources {
		if len(f.Source) > script.MaxSource {
			_, err := script.Compile(f.Name, f.Source) // says so
			return i, err
		}
		if w == nil {
			var err error
			if w, err = start("", Config{Memory: checkMemory, Logger: slog.New(slog.DiscardHandler)}, func(*process) {}); err != nil {
				return -1, err
			}
		}
		limit, cancel := context.WithTimeout(ctx, checkTime)
		err := w.compile(limit, f.Name, f.Source)
		cancel()
		var syntax *script.SyntaxError
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return -1, context.Cause(ctx)
		case errors.As(err, &syntax):
			return i, syntax
		default:
			return i, &script.SyntaxError{Text: "it takes too much to compile: " + err.Error()}
		}
	}
	return -1, nil
}
