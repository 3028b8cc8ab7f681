package store

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"
	"unsafe"

	"github.com/mattn/go-sqlite3"
)

const (
	// applicationID marks a realm file in SQLite's header: "RLMS".
	applicationID = 0x524c4d53
	// FormatVersion is the version of the file format, SQLite's user version.
	//
	//	1: the first; since the version with collections also their tables, which are made when they are missing
	FormatVersion = 1
	// chunkSize is the step in which files grow. Compact takes the rest of the last step away.
	chunkSize = 128 << 10
)

// Open opens the realm file at path, and makes it when it is missing. Errors are ErrAccess (the text begins with "Failed to
// open file at path") and ErrFormat; a file that is refused is untouched. The caller closes the Conn.
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
		return openReadOnly(path, nil)
	}
	c, err := openWith(path, head, "rwc")
	if err == nil {
		return c, nil
	}
	if head != nil && errors.Is(err, ErrAccess) {
		return openReadOnly(path, err)
	}
	return nil, err
}

// openReadOnly opens a file that exists. A WAL database needs its -shm file even for reading; where that can't be made, the
// file is declared immutable, which is right as long as no -wal file holds newer content.
func openReadOnly(path string, cause error) (*Conn, error) {
	c, err := openWith(path, nil, "ro")
	if err == nil || errors.Is(err, errMoved) {
		return c, err
	}
	if cause == nil {
		cause = err
	}
	if wal, e := os.Stat(path + "-wal"); e == nil && wal.Size() > 0 {
		return nil, cause
	}
	if c, err = openWith(path, nil, "ro&immutable=1"); err != nil {
		return nil, cause
	}
	return c, nil
}

// header is what inspect learns from the first bytes of a file.
type header struct{ wal bool }

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
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !o.ReadOnly {
		return nil, nil
	}
	if err != nil {
		return nil, openError(path, "%v", errors.Unwrap(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, openError(path, "it is a directory")
	}
	var b [100]byte
	n, err := io.ReadFull(f, b[:])
	if n == 0 && err == io.EOF && !o.ReadOnly {
		return nil, nil
	}
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, openError(path, "%v", err)
	}
	if b == [len(b)]byte{} && !o.ReadOnly {
		return nil, nil // another process is making it, and SQLite has given the file its size first
	}
	if n < len(b) || string(b[:16]) != "SQLite format 3\x00" {
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
func openWith(path string, head *header, mode string) (_ *Conn, err error) {
	c := &Conn{path: path, epoch: 1, stamp: 1, waiting: newWaiting()}
	c.state.conn = c
	c.moved.data, c.moved.schema = -1, -1
	if err := c.connect(mode); err != nil {
		C.free(unsafe.Pointer(c.waiting.flag))
		return nil, err
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	c.readOnly = mode != "rwc" || C.sqlite3_db_readonly(c.db, nil) == 1
	c.file = canonical(path)
	c.lock = retainFileLock(c.file)
	c.lock.addConn(c.file)
	if C.rlm_has_moved(c.db) != 0 {
		return nil, errMoved
	}
	// mmap: pages are read in place instead of being copied, which matters after another connection's commit has
	// emptied the page cache. cache_size is an upper limit, in KiB.
	for _, pragma := range []string{"PRAGMA synchronous=FULL", "PRAGMA cache_size=-32768", "PRAGMA temp_store=MEMORY",
		"PRAGMA mmap_size=1073741824", "PRAGMA journal_size_limit=67108864"} {
		if err := c.control(pragma); err != nil {
			return nil, err
		}
	}
	if !c.readOnly {
		C.rlm_chunk_size(c.db, chunkSize) // a wish: where it can't be had, files grow page by page
	}
	if !c.readOnly && (head == nil || !head.wal) {
		if err := c.create(); err != nil {
			return nil, err
		}
	}
	if err := c.BeginRead(); err != nil {
		return nil, err
	}
	return c, c.EndRead()
}

// connect lets mattn/go-sqlite3 open the connection and takes the raw handle from the shim's callback, which runs on the
// opening thread.
func (c *Conn) connect(mode string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	abs, err := filepath.Abs(c.path)
	if err != nil {
		return openError(c.path, "%v", err)
	}
	uri := "file:" + (&url.URL{Path: abs}).EscapedPath() + "?_mutex=no&mode=" + mode
	C.rlm_capture_start()
	c.owner, err = (&sqlite3.SQLiteDriver{}).Open(uri)
	if err != nil {
		c.owner = nil
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
// inspect looks for are in the file before it becomes a WAL database, so that they are never only in the -wal file.
func (c *Conn) create() error {
	if err := c.takeTurn(); err != nil {
		return err
	}
	defer c.lock.release(false)
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
	fmt.Sprintf("PRAGMA application_id=%d", applicationID),
	fmt.Sprintf("PRAGMA user_version=%d", FormatVersion),
}, layoutNested...)
