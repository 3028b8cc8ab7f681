package history

import (
	"errors"
	"fmt"

	"realmsync/core/changeset"
	"realmsync/core/merge"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/wire"
)

// told logs a refusal on its way to the caller.
func (f *File) told(err error) error {
	var bad *session.IntegrationError
	if errors.As(err, &bad) {
		f.logger.Warn("download refused", "code", bad.Code, "violation", bad.Violation, "error", bad.Text)
	}
	return err
}

// violation says that the cursors of a DOWNLOAD break the protocol.
func violation(text string) error {
	return &session.IntegrationError{Code: wire.CodeBadProgress, Violation: true, Text: text}
}

// refuse says why a DOWNLOAD can't be integrated.
func refuse(code wire.ErrorCode, format string, args ...any) error {
	return &session.IntegrationError{Code: code, Text: fmt.Sprintf(format, args...)}
}

// refused turns the errors that blame the DOWNLOAD into a *session.IntegrationError (sync-semantics.md 3.5); the others, which are
// the file's, stay what they are.
func refused(err error) error {
	var already *session.IntegrationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &already):
		return already
	case errors.Is(err, merge.ErrCursor):
		return refuse(wire.CodeBadProgress, "%v", err)
	case errors.Is(err, merge.ErrTransform), errors.Is(err, changeset.ErrBadChangeset):
		return refuse(wire.CodeBadChangeset, "%v", err)
	case errors.Is(err, changeset.ErrUnsupported):
		return refuse(wire.CodeOtherSessionError, "%v", err)
	default:
		return err
	}
}

// misfits are the errors of the store that say that a change doesn't fit the data.
var misfits = []error{store.ErrSchema, store.ErrNoObject, store.ErrKeyExists, store.ErrType, store.ErrNotNullable, store.ErrRange}

// refusedApply is refused for an error of applying.
func refusedApply(serverVersion uint64, err error) error {
	for _, kind := range misfits {
		if errors.Is(err, kind) {
			return refuse(wire.CodeBadChangeset, "server version %d: %v", serverVersion, err)
		}
	}
	return fmt.Errorf("server version %d: %w", serverVersion, err)
}
