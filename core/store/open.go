package store

/*
#include <stdlib.h>
#include "shim.h"
#include "vfs.h"
*/
import "C"

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"
	"unsafe"

	"github.com/mattn/go-sqlite3"

	"realmsync/core/store/crypt"
)

const (
	// sqliteMagic is how a SQLite file begins.
	sqliteMagic = "SQLite format 3\x00"
	// applicationID marks a realm file in SQLite's header: "RLMS".
	applicationID = 0x524c4d53
	// FormatVersion is the version of the file format, SQLite's user version.
	//
	//	1: the first; since the version with collections also their tables, and since the one with a trail its table, which are made when they are missing
	FormatVersion = 1
	// chunkSize is the step in which files grow. Compact takes the rest of the last step away.
	chunkSize = 128 << 10
)

// Open opens the realm file at path, and makes it when it is missing. Errors are ErrAccess (the text begins with "Failed to
// open file at path"), ErrFormat and ErrKey; a file that is refused is untouched. The caller closes the Conn.
//
// When file or directory can't be written, the Conn is read-only (IsReadOnly).
func Open(path string, o Options) (*Conn, error) {
	for {
		c, err := open(path, o)
		if !errors.Is(err, errMoved) {
			return c, err
		}
	}
}

// errMoved: another process has deleted the file while it was being opened.
var errMoved = errors.New("the file was deleted")

func open(path string, o Options) (*Conn, error) {
	head, err := inspect(path, o)
	if err != nil {
		return nil, err
	}
	if o.ReadOnly {
		return openReadOnly(path, o.Key, nil)
	}
	c, err := openWith(path, o.Key, head, "rwc")
	if err == nil {
		return c, nil
	}
	if head != nil && errors.Is(err, ErrAccess) {
		return openReadOnly(path, o.Key, err)
	}
	return nil, err
}

// openReadOnly opens a file that exists. A WAL database needs its -shm file even for reading; where that can't be made, the
// file is declared immutable, which is right as long as no -wal file holds newer content.
func openReadOnly(path string, key *Key, cause error) (*Conn, error) {
	c, err := openWith(path, key, nil, "ro")
	if err == nil || errors.Is(err, errMoved) {
		return c, err
	}
	if cause == nil {
		cause = err
	}
	if wal, e := os.Stat(path + "-wal"); e == nil && wal.Size() > 0 {
		return nil, cause
	}
	if c, err = openWith(path, key, nil, "ro&immutable=1"); err != nil {
		return nil, cause
	}
	return c, nil
}

// header is what inspect learns from the first bytes of a file.
type header struct {
	encrypted bool // then the rest is known once it is open
	wal       bool
}

func openError(path, format string, args ...any) error {
	text := fmt.Sprintf("Failed to open file at path '%s': ", path) + fmt.Sprintf(format, args...)
	return &Error{Kind: ErrAccess, Path: path, Text: text}
}

// inspect reads the header without SQLite, which might change the file. The header is nil when the file is still to be
// made: it is missing or empty.
func inspect(path string, o Options) (*header, error) {
	if path == "" {
		return nil, openError(path, "the path is empty")
	}
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return nil, openError(path, "parent directory does not exist")
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && !o.ReadOnly {
		return nil, nil
	}
	if err != nil {
		return nil, openError(path, "%v", errors.Unwrap(err))
	}
	if info.IsDir() {
		return nil, openError(path, "it is a directory")
	}
	b, err := readHead(path, crypt.PreambleSize)
	if err != nil {
		return nil, openError(path, "%v", err)
	}
	if !o.ReadOnly && len(bytes.Trim(b, "\x00")) == 0 {
		return nil, nil // empty, or another process is making it, and SQLite has given it its size first
	}
	if encrypted, err := checkKey(path, b, o.Key); err != nil || encrypted {
		return &header{encrypted: true}, err
	}
	if len(b) < 100 || string(b[:16]) != sqliteMagic {
		return nil, formatError(path, "it is not a realm file of this library")
	}
	if binary.BigEndian.Uint32(b[68:]) != applicationID {
		return nil, formatError(path, "it is a SQLite file of another program")
	}
	if v := binary.BigEndian.Uint32(b[60:]); v > FormatVersion {
		return nil, newerError(path, int64(v))
	}
	return &header{wal: b[18] == 2}, nil
}

func formatError(path, why string) error {
	return &Error{Kind: ErrFormat, Path: path, Text: fmt.Sprintf("Failed to open file at path '%s': %s; it was not changed", path, why)}
}

func newerError(path string, v int64) error {
	return formatError(path, fmt.Sprintf("it has file format %d, and this library reads up to %d: update the library", v, FormatVersion))
}

// openWith opens the connection in one of SQLite's URI modes.
func openWith(path string, key *Key, head *header, mode string) (_ *Conn, err error) {
	c := &Conn{path: path, epoch: 1, stamp: 1, waiting: newWaiting()}
	c.state.conn = c
	c.moved.data, c.moved.schema = -1, -1
	c.file = canonical(path)
	resumed := mode == "rwc" && head != nil && c.resume(key)
	if !resumed {
		if err := c.connect(mode, key); err != nil {
			C.free(unsafe.Pointer(c.waiting.flag))
			c.crypt.close()
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	c.readOnly = mode != "rwc" || C.sqlite3_db_readonly(c.db, nil) == 1
	c.lock = retainFileLock(c.file)
	c.lock.addConn(c.file)
	if C.rlm_has_moved(c.db) != 0 {
		return nil, errMoved
	}
	if !resumed {
		if rc := C.rlm_tune(c.db); rc != 0 {
			return nil, c.fail(rc, "setting the connection up")
		}
	}
	if !c.readOnly && !resumed {
		C.rlm_chunk_size(c.db, chunkSize) // a wish: where it can't be had, files grow page by page
	}
	made := head != nil && head.wal
	if c.crypt != nil {
		if made, err = c.checkMarks(); err != nil {
			return nil, err
		}
	}
	if !c.readOnly && !made {
		if err := c.create(); err != nil {
			return nil, err
		}
	}
	if err := c.BeginRead(); err != nil {
		return nil, err
	}
	return c, c.EndRead()
}

// checkMarks is for encrypted files what inspect is for others. made is false for a file that is still to be made.
func (c *Conn) checkMarks() (made bool, err error) {
	if rc := C.rlm_reserve(c.db); rc != 0 {
		return false, c.fail(rc, "setting the connection up")
	}
	id, err := c.controlInt("PRAGMA application_id")
	if err != nil {
		return false, err
	}
	v, err := c.controlInt("PRAGMA user_version")
	switch {
	case err != nil:
		return false, err
	case id == 0 && !c.readOnly:
		return false, nil
	case id != applicationID:
		return false, formatError(c.path, "it is not a realm file of this library")
	case v > FormatVersion:
		return false, newerError(c.path, v)
	}
	return true, nil
}

// connect lets mattn/go-sqlite3 open the connection and takes the raw handle from the shim's callback, which runs on the
// opening thread.
func (c *Conn) connect(mode string, key *Key) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if key != nil {
		if c.crypt, err = newEncryption(key); err != nil {
			return openError(c.path, "%v", err)
		}
	}
	abs, err := filepath.Abs(c.path)
	if err != nil {
		return openError(c.path, "%v", err)
	}
	uri := "file:" + (&url.URL{Path: abs}).EscapedPath() + "?_mutex=no&mode=" + mode + c.crypt.uri()
	C.rlm_capture_start()
	c.owner, err = (&sqlite3.SQLiteDriver{}).Open(uri)
	if err != nil {
		c.owner = nil
		if c.crypt.failed() {
			return formatError(c.path, c.crypt.explain())
		}
		if e := (sqlite3.Error{}); errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB) {
			return formatError(c.path, err.Error())
		}
		return openError(c.path, "%v", err)
	}
	if c.db = C.rlm_captured(); c.db == nil {
		c.owner.Close()
		return openError(c.path, "SQLite was built without automatic extensions")
	}
	if rc := C.rlm_setup(c.db, c.waiting.flag); rc != 0 {
		err := c.fail(rc, "setting the connection up")
		c.owner.Close()
		return err
	}
	return nil
}

// create makes the tables of a new file, or finishes what another opener, or one that was killed, began. The marks that
// inspect looks for are in the file before it becomes a WAL database, so that they are never only in the -wal file. An encrypted file,
// whose marks are read later, becomes one first: so it never has a rollback journal with pages in it.
func (c *Conn) create() error {
	if err := c.takeTurn(); err != nil {
		return err
	}
	defer c.lock.release(false)
	if c.crypt != nil {
		if err := c.useWAL(); err != nil {
			return err
		}
	}
	if err := c.control("BEGIN EXCLUSIVE"); err != nil {
		return err
	}
	id, err := c.controlInt("PRAGMA application_id")
	if err == nil && id == 0 {
		for _, sql := range layout {
			if err = c.control(sql); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = c.control("COMMIT")
	}
	if err != nil {
		c.rollbackQuietly()
		return err
	}
	return c.useWAL()
}

// useWAL makes the file a WAL database, if it isn't.
func (c *Conn) useWAL() error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := c.control("PRAGMA journal_mode=WAL")
		if e, ok := err.(*Error); !ok || e.Code&0xff != sqliteBusy || time.Now().After(deadline) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// layout makes a new file.
var layout = append([]string{
	`CREATE TABLE store_meta(id INTEGER PRIMARY KEY, value INTEGER NOT NULL)`,
	`INSERT INTO store_meta VALUES(1, 0), (3, 0)`,
	`CREATE TABLE store_class(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL, key TEXT NOT NULL,
		next_row INTEGER NOT NULL, removed INTEGER NOT NULL)`,
	`CREATE TABLE store_property(class INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, type INTEGER NOT NULL,
		nullable INTEGER NOT NULL, collection INTEGER NOT NULL, target TEXT NOT NULL, indexed INTEGER NOT NULL,
		full_text INTEGER NOT NULL, PRIMARY KEY(class, id)) WITHOUT ROWID`,
	`CREATE TABLE store_tombstone(id INTEGER PRIMARY KEY, class INTEGER NOT NULL, key BLOB NOT NULL, UNIQUE(class, key))`,
	layoutTrail,
	fmt.Sprintf("PRAGMA application_id=%d", applicationID),
	fmt.Sprintf("PRAGMA user_version=%d", FormatVersion),
}, layoutNested...)
