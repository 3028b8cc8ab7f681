package store

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
)

// Kinds of failure, for errors.Is. Every error of this package wraps one of them; its text says what happened, and where.
var (
	// ErrAccess: the file can't be opened, read or written. The disk is full, the directory missing, the file locked.
	ErrAccess = errors.New("file access failed")
	// ErrFormat: not a realm file, one of a newer format version, or a damaged one.
	ErrFormat = errors.New("not a usable realm file")
	// ErrKey: the file is encrypted and the key is missing or another, or there is a key and the file isn't encrypted.
	ErrKey = errors.New("wrong encryption key")
	// ErrReadOnly: a change of a realm that could be opened for reading only.
	ErrReadOnly = errors.New("the realm is read-only")
	// ErrTransaction: the call needs a transaction that isn't open, or one that must not be open is.
	ErrTransaction = errors.New("wrong transaction state")
	// ErrSchema: a class or property that doesn't exist, or exists already.
	ErrSchema = errors.New("no such class or property")
	// ErrNoObject: no such row.
	ErrNoObject = errors.New("no such object")
	// ErrKeyExists: an object with this primary key exists.
	ErrKeyExists = errors.New("primary key exists")
	// ErrType: a value of another type than its property.
	ErrType = errors.New("type mismatch")
	// ErrNotNullable: null for a required property.
	ErrNotNullable = errors.New("null for a required property")
	// ErrOpen: deleting a file that is in use.
	ErrOpen = errors.New("the realm is open")
	// ErrInterrupted: a wait for other writers was ended by Conn.Interrupt.
	ErrInterrupted = errors.New("interrupted")
	// ErrRange: a position beyond the end.
	ErrRange = errors.New("out of range")
)

// Error is a failure with its circumstances.
type Error struct {
	Kind error  // one of the Err... variables
	Path string // of the realm file
	Code int    // SQLite's extended result code, 0 when SQLite has no part in it
	Text string
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

func (c *Conn) errorf(kind error, format string, args ...any) error {
	return &Error{Kind: kind, Path: c.path, Text: fmt.Sprintf(format, args...) + fmt.Sprintf(" (realm file '%s')", c.path)}
}

// SQLite's primary result codes that matter here.
const (
	sqliteBusy     = 5
	sqliteReadOnly = 8
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteConstr   = 19
	sqliteNotADB   = 26
	sqliteRow      = 100
	sqliteDone     = 101

	sqliteIOErrData = 10 | 32<<8 // what the VFS of encrypted files returns for data that doesn't authenticate
)

// fail turns a result of the shim into an error; what says what was being done.
func (c *Conn) fail(rc C.int, what string) error {
	text := ""
	if c.db != nil {
		text = C.GoString(C.rlm_errmsg(c.db))
	}
	kind := ErrAccess
	switch int(rc) & 0xff {
	case sqliteReadOnly:
		kind = ErrReadOnly
	case sqliteCorrupt, sqliteNotADB:
		kind = ErrFormat
	case sqliteFull:
		text = "the disk is full; free some space and try again"
	case sqliteBusy:
		text = "the file is locked by another connection; close it or try again"
	}
	if rc == sqliteIOErrData && c.crypt != nil {
		kind, text = ErrFormat, c.crypt.explain()
	}
	if rc == C.RLM_E_FORMAT {
		kind, text = ErrFormat, "a stored value is damaged, or of a newer version"
	}
	err := &Error{Kind: kind, Path: c.path, Code: int(rc), Text: fmt.Sprintf("%s failed for '%s': %s", what, c.path, text)}
	if c.tx == txWrite && c.db != nil && C.sqlite3_get_autocommit(c.db) != 0 {
		// Every further statement would be a transaction of its own.
		c.tx, c.broken = txBroken, err
	}
	return err
}

// failRow is fail for calls on a row of a class.
func (c *Conn) failRow(rc C.int, cl *Class, what string) error {
	property := "?"
	if i := int(cl.table.err_col); i >= 0 && i < len(cl.Def.Properties) {
		property = cl.Def.Properties[i].Name
	}
	switch {
	case rc == C.RLM_E_TYPE:
		return c.errorf(ErrType, "%s: a value of the wrong type for property '%s.%s'", what, cl.Def.Name, property)
	case rc == C.RLM_E_VALUE:
		return c.errorf(ErrType, "%s: a malformed value for property '%s.%s'", what, cl.Def.Name, property)
	case rc == C.RLM_E_NOT_NULL:
		return c.errorf(ErrNotNullable, "%s: property '%s.%s' is required, it can't be null", what, cl.Def.Name, property)
	case rc == C.RLM_E_KEY:
		return c.errorf(ErrType, "%s: the primary key '%s.%s' is missing", what, cl.Def.Name, property)
	case rc == C.RLM_E_FORMAT:
		return c.errorf(ErrFormat, "%s: the stored value of '%s.%s' is damaged, or of a newer version", what, cl.Def.Name, property)
	case int(rc)&0xff == sqliteConstr:
		return c.errorf(ErrKeyExists, "%s: an object of class '%s' with this primary key exists", what, cl.Def.Name)
	default:
		return c.fail(rc, what)
	}
}
