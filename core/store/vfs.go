package store

/*
#include <stdlib.h>
#include "shim.h"
#include "vfs.h"
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/cgo"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"realmsync/core/store/crypt"
)

// KeySize is the size of an encryption key in bytes.
const KeySize = crypt.KeySize

// Key is an encryption key; it can't be printed.
type Key = crypt.Key

// NewKey copies a key.
func NewKey(bytes *[KeySize]byte) *Key { return crypt.NewKey(bytes) }

// encryption is what the VFS knows of one connection's file.
type encryption struct {
	key    *crypt.Key
	sealer *crypt.Sealer // once the preamble has been read or written
	fault  atomic.Pointer[string]
	handle cgo.Handle
}

var registerVFS = sync.OnceValue(func() error {
	if rc := C.rlm_vfs_register(); rc != 0 {
		return fmt.Errorf("the VFS of encrypted files can't be registered (%d)", int(rc))
	}
	return nil
})

// newEncryption prepares for a connection with a key. close it when the connection has been closed.
func newEncryption(key *crypt.Key) (*encryption, error) {
	if err := registerVFS(); err != nil {
		return nil, err
	}
	e := &encryption{key: key}
	e.handle = cgo.NewHandle(e)
	return e, nil
}

// close forgets the connection. On nil it does nothing.
func (e *encryption) close() {
	if e != nil {
		e.handle.Delete()
	}
}

// uri is what a file's URI says for SQLite to find the VFS and the VFS to find e. The key is not in it. For nil it is empty.
func (e *encryption) uri() string {
	if e == nil {
		return ""
	}
	return fmt.Sprintf("&vfs=realm&rlm_crypt=%d", uintptr(e.handle))
}

// failed tells whether the VFS has met data that doesn't authenticate.
func (e *encryption) failed() bool { return e != nil && e.fault.Load() != nil }

// explain says what the VFS found when it last returned that data doesn't authenticate.
func (e *encryption) explain() string {
	if fault := e.fault.Load(); fault != nil {
		return *fault
	}
	return "the encrypted file is damaged, or was changed by something else than this library"
}

func of(handle C.uintptr_t) *encryption { return cgo.Handle(handle).Value().(*encryption) }

func bytesAt(p unsafe.Pointer, n C.int) []byte { return unsafe.Slice((*byte)(p), int(n)) }

//export rlmCryptLoad
func rlmCryptLoad(handle C.uintptr_t, preamble unsafe.Pointer) C.int {
	e := of(handle)
	sealer, err := crypt.Open(e.key, bytesAt(preamble, C.RLM_PREAMBLE))
	if err != nil {
		text := err.Error()
		e.fault.Store(&text)
		return C.SQLITE_IOERR_DATA
	}
	e.sealer = sealer
	return C.SQLITE_OK
}

//export rlmCryptMake
func rlmCryptMake(handle C.uintptr_t, preamble unsafe.Pointer) C.int {
	e := of(handle)
	p, sealer, err := crypt.NewPreamble(e.key)
	if err != nil {
		return C.SQLITE_ERROR
	}
	copy(bytesAt(preamble, C.RLM_PREAMBLE), p)
	e.sealer = sealer
	return C.SQLITE_OK
}

//export rlmCryptSeal
func rlmCryptSeal(handle C.uintptr_t, kind C.int, index C.uint64_t, plain unsafe.Pointer, n C.int, out unsafe.Pointer) C.int {
	return of(handle).seal(bytesAt(out, n+C.RLM_SEAL), bytesAt(plain, n), crypt.Place{Kind: uint8(kind), Index: uint64(index)})
}

//export rlmCryptOpen
func rlmCryptOpen(handle C.uintptr_t, kind C.int, index C.uint64_t, sealed unsafe.Pointer, n C.int) C.int {
	return of(handle).open(bytesAt(sealed, n), crypt.Place{Kind: uint8(kind), Index: uint64(index)})
}

const (
	frameHead       = C.sizeof_rlm_frame_head
	sealedFrameHead = frameHead + C.RLM_SEAL
	sealedFrame     = sealedFrameHead + C.RLM_PAGE + C.RLM_SEAL
)

// framePlace is where a frame's page belongs: its head names the page and the run.
func framePlace(index C.uint64_t, head []byte) crypt.Place {
	return crypt.Place{Kind: C.RLM_SEAL_FRAME, Index: uint64(index), Page: binary.BigEndian.Uint32(head),
		Bound: binary.BigEndian.Uint64(head[frameHead-8:])}
}

//export rlmCryptSealFrame
func rlmCryptSealFrame(handle C.uintptr_t, index C.uint64_t, head unsafe.Pointer, withHead C.int, page, out unsafe.Pointer) C.int {
	e, h, sealed := of(handle), bytesAt(head, frameHead), bytesAt(out, sealedFrame)
	if withHead != 0 {
		if rc := e.seal(sealed[:sealedFrameHead], h, crypt.Place{Kind: C.RLM_SEAL_FRAME_HEAD, Index: uint64(index)}); rc != C.SQLITE_OK {
			return rc
		}
	}
	return e.seal(sealed[sealedFrameHead:], bytesAt(page, C.RLM_PAGE), framePlace(index, h))
}

//export rlmCryptOpenFrame
func rlmCryptOpenFrame(handle C.uintptr_t, index C.uint64_t, sealed unsafe.Pointer) C.int {
	e, b := of(handle), bytesAt(sealed, sealedFrame)
	if rc := e.open(b[:sealedFrameHead], crypt.Place{Kind: C.RLM_SEAL_FRAME_HEAD, Index: uint64(index)}); rc != C.SQLITE_OK {
		return rc
	}
	return e.open(b[sealedFrameHead:], framePlace(index, b[:frameHead]))
}

func (e *encryption) seal(out, plain []byte, at crypt.Place) C.int {
	if e.sealer == nil || e.sealer.Seal(out, plain, at) != nil {
		return C.SQLITE_ERROR
	}
	return C.SQLITE_OK
}

func (e *encryption) open(sealed []byte, at crypt.Place) C.int {
	if e.sealer == nil || e.sealer.Open(sealed, at) != nil {
		return C.SQLITE_IOERR_DATA
	}
	return C.SQLITE_OK
}

//export rlmCryptFault
func rlmCryptFault(handle C.uintptr_t, kind C.int, index C.uint64_t) {
	where := fmt.Sprintf("page %d of the encrypted file", uint64(index))
	switch kind {
	case C.RLM_SEAL_WAL_HEAD:
		where = "the head of the encrypted file's write-ahead log (-wal)"
	case C.RLM_SEAL_FRAME:
		where = fmt.Sprintf("frame %d of the encrypted file's write-ahead log (-wal)", uint64(index)+1)
	}
	text := where + " is damaged, or was changed by something else than this library"
	of(handle).fault.Store(&text)
}

// keyError says that a file and a key don't belong together.
func keyError(path, why string) error {
	return &Error{Kind: ErrKey, Path: path, Text: fmt.Sprintf("Failed to open file at path '%s': %s; it was not changed", path, why)}
}

// checkKey compares a file that has a head with the key that it is to be opened with. encrypted says that it is an encrypted file.
func checkKey(path string, head []byte, key *Key) (encrypted bool, err error) {
	encrypted = crypt.IsEncrypted(head)
	switch {
	case encrypted && key == nil:
		return true, keyError(path, "it is encrypted, and no encryption key was given")
	case !encrypted && key != nil && string(head[:min(16, len(head))]) == sqliteMagic:
		return false, keyError(path, "it is not encrypted, and an encryption key was given")
	case !encrypted:
		return false, nil
	}
	_, err = crypt.Open(key, head)
	var newer *crypt.NewerError
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, crypt.ErrWrongKey):
		return true, keyError(path, err.Error())
	case errors.As(err, &newer):
		return true, formatError(path, err.Error())
	default:
		return true, formatError(path, err.Error())
	}
}

// readHead reads the first bytes of a file, fewer if it has no more.
func readHead(path string, n int) ([]byte, error) {
	b := make([]byte, n)
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var got C.int
	if rc := C.rlm_read_head(name, unsafe.Pointer(&b[0]), C.int(n), &got); rc != 0 {
		if err := syscall.Access(path, 4); err != nil { // 4: for reading
			return nil, err
		}
		return nil, fmt.Errorf("it can't be read (SQLite's code %d)", int(rc))
	}
	return b[:got], nil
}
