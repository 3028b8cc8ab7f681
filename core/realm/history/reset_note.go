package history

import (
	"fmt"
	"time"

	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/wire"
)

// resetNote is what a file remembers of its last automatic reset, until file and server have told each other everything since: so that a file that is
// reset again and again, because of what it uploads after each reset, comes to an end (sync-semantics 7.5).
//
// The original notes a reset before it begins, and takes a note without an end for a failure. Here the process may end at any time, by a crash or by
// kill -9, and nothing that it has not uploaded may be lost for that: an attempt that was begun and has neither succeeded nor failed counts as
// failed only when it was the third, as it would if recovering itself ended the process.
type resetNote struct {
	time     time.Time
	mode     session.ResetMode // ResetDiscard or ResetRecover
	action   wire.Action
	code     int
	text     string
	state    resetState
	attempts int
}

type resetState int64

// The numbers are stored.
const (
	resetBegun  resetState = 0
	resetDone   resetState = 1
	resetFailed resetState = 2
)

// resetAttempts is how often a reset is begun before its crashes count as a failure.
const resetAttempts = 3

const resetTable = "client_reset_metadata"

// readResetNote returns the note, nil if there is none. Needs a snapshot.
func readResetNote(conn *store.Conn) (note *resetNote, err error) {
	found := false
	if err := conn.Query(`SELECT 1 FROM sqlite_schema WHERE type='table' AND name='`+resetTable+`'`, nil, func(*store.Row) error {
		found = true
		return nil
	}); err != nil || !found {
		return nil, err
	}
	const sql = `SELECT reset_time, reset_mode, reset_action, reset_error_code, reset_error_msg, state, attempts FROM ` + resetTable + ` WHERE id=1`
	err = conn.Query(sql, nil, func(row *store.Row) error {
		note = &resetNote{
			time: time.UnixMilli(row.Int(0)).UTC(), mode: session.ResetDiscard, action: wire.ClientReset, code: int(row.Int(3)), text: row.Text(4),
			state: resetState(row.Int(5)), attempts: int(row.Int(6)),
		}
		if row.Int(1) == 1 {
			note.mode = session.ResetRecover
		}
		if row.Int(2) == 2 {
			note.action = wire.ClientResetNoRecovery
		}
		return nil
	})
	return note, err
}

// writeResetNote replaces the note, in a write transaction.
func writeResetNote(conn *store.Conn, n *resetNote) error {
	// Its own columns beside those of the original: state and attempts.
	if err := conn.Exec(`CREATE TABLE IF NOT EXISTS ` + resetTable + ` (
		id INTEGER PRIMARY KEY CHECK (id = 1),
		reset_time INTEGER NOT NULL,
		reset_mode INTEGER NOT NULL,
		reset_action INTEGER NOT NULL,
		reset_error_code INTEGER NOT NULL,
		reset_error_msg TEXT NOT NULL,
		state INTEGER NOT NULL,
		attempts INTEGER NOT NULL)`); err != nil {
		return err
	}
	mode, action := 0, 1
	if n.mode == session.ResetRecover {
		mode = 1
	}
	if n.action == wire.ClientResetNoRecovery {
		action = 2
	}
	return conn.Exec(`INSERT OR REPLACE INTO `+resetTable+` (id, reset_time, reset_mode, reset_action, reset_error_code, reset_error_msg, state, attempts)
		VALUES (1, ?, ?, ?, ?, ?, ?, ?)`, n.time.UnixMilli(), mode, action, n.code, n.text, int64(n.state), n.attempts)
}

// resetNoteFor makes the note of a reset that begins after the one of old (nil: none), with the mode that it is done in: ResetDiscard or ResetRecover.
// The error is a *session.ResetError when it must not be done, by the table of sync-semantics 7.5.
func resetNoteFor(o session.ResetOrder, old *resetNote, now time.Time) (*resetNote, error) {
	n := &resetNote{time: now, mode: session.ResetRecover, action: o.Action, code: o.Code, text: o.Text, attempts: 1}
	if o.Mode == session.ResetDiscard {
		n.mode = session.ResetDiscard
	}
	if o.Action == wire.ClientResetNoRecovery {
		if o.Mode == session.ResetRecover {
			return nil, &session.ResetError{Text: session.NoRecoveryText}
		}
		n.mode = session.ResetDiscard
	}
	if old == nil || old.action != o.Action {
		return n, nil
	}
	if old.state == resetBegun {
		if n.attempts = old.attempts + 1; o.Again {
			n.attempts = old.attempts
		}
		if n.attempts <= resetAttempts {
			return n, nil
		}
		n.attempts = 1
	}
	switch {
	case old.mode == session.ResetDiscard, o.Mode == session.ResetRecover:
		return nil, &session.ResetError{Text: fmt.Sprintf("A previous '%v' mode reset from %s did not succeed, giving up on '%v' mode to prevent a cycle",
			old.mode, old.time.Format(time.DateTime), o.Mode)}
	default:
		n.mode = session.ResetDiscard
		return n, nil
	}
}

// ResetConfirmed implements session.File.
func (f *File) ResetConfirmed() error {
	return f.write(func() (uint64, error) {
		note, err := readResetNote(f.conn)
		if err != nil {
			return 0, err
		}
		if note == nil || note.state != resetDone {
			return 0, errUnchanged
		}
		return 0, f.conn.Exec(`DELETE FROM ` + resetTable)
	})
}
