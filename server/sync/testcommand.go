package sync

import (
	"realmsync/core/wire"
)

// testCommand answers the commands that test suites of the original send (spec/wire-protocol.md section 3.9). They work in
// development mode only.
func (s *session) testCommand(m *wire.TestCommand) error {
	command, args, err := wire.ParseTestCommand(m.Body)
	answer := `{}`
	switch {
	case err != nil:
		s.conn.fail(wire.CodeBadSyntax, err.Error())
		return errFailed
	case !s.conn.server.cfg.Dev:
		answer = `{"error":"test commands are accepted in development mode only"}`
	case command == "ECHO_ERROR":
		return s.echo(args)
	case command == "PAUSE_ROUTER_SESSION", command == "PAUSE_DOWNLOAD_BUILDER":
		s.paused = true
	case command == "RESUME_ROUTER_SESSION", command == "RESUME_DOWNLOAD_BUILDER":
		s.paused = false
	default:
		answer = `{"error":"there is no such test command"}`
	}
	return s.conn.write(&wire.TestCommand{Session: s.sid, Request: m.Request, Body: []byte(answer)})
}

// echo sends the error that it is given, if a client survives it.
func (s *session) echo(args []byte) error {
	code, body, err := wire.ParseEchoError(args)
	var data []byte
	if err == nil {
		data, err = wire.AppendRawJSONError(nil, s.sid, code, body)
	}
	if err != nil {
		s.conn.fail(wire.CodeBadSyntax, err.Error())
		return errFailed
	}
	if code.Suspends() {
		s.end()
	}
	s.conn.writing.Lock()
	defer s.conn.writing.Unlock()
	return s.conn.writeLocked("json_error", data)
}
