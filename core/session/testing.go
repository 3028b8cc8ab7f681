package session

import (
	"errors"

	"realmsync/core/wire"
)

// ErrNotRunning is returned for what needs a session that synchronizes, or tries to.
var ErrNotRunning = errors.New("the session is not active")

// Fail has the session do what an error of the server about it asks for (sync-semantics 6.2), on the callback goroutine: tests of error
// handlers need no server that fails. The connection is not touched but by that. An error without an action gets none from its code. Errors:
// ErrNotRunning unless the session is Active or Dying; one that is not any more when its turn comes does nothing.
func (s *Session) Fail(code wire.ErrorCode, text string, tryAgain bool, action wire.Action) error {
	if !s.runs() {
		return ErrNotRunning
	}
	e := fromServer(code, text, "", tryAgain, action)
	s.m.callbacks.do(func() {
		if s.runs() {
			s.failed(nil, e)
		}
	})
	return nil
}

func (s *Session) runs() bool {
	state := s.State()
	return state == Active || state == Dying
}

// FileIdent calls f once with the number by which the server knows the file, 0 until it has given one, on a goroutine of the session; f must
// not block. If the session ends before, f is not called.
func (s *Session) FileIdent(f func(ident uint64, err error)) {
	s.worker.do(func(file File) {
		status, err := file.Status()
		f(status.Ident, err)
	})
}
