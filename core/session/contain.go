package session

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"realmsync/core/wire"
)

// contained runs f. If f panics, which is a defect of this library or of what was plugged into it, the panic ends here: the goroutines of
// this package are nobody's calls, so that a panic on one of them would end the application's process. It is logged with its stack, and
// returned as a fatal error for the sessions that it concerns.
func contained(log *slog.Logger, what string, f func()) (e *Error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("a defect of the sync client; please report it", "while", what, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			e = ownError(statusRuntime, fmt.Sprintf("a defect of the sync client, while %s: %v; please report it", what, p), wire.ApplicationBug)
			e.Fatal = true
		}
	}()
	f()
	return nil
}
