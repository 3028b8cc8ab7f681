//go:build !linux

package store

import (
	"errors"
	"os"
)

// Elsewhere there are no note files: writers wait at SQLite's lock, and who observes looks from time to time. That only one process
// synchronizes a file, and that none deletes what another has open, is up to the application.
const haveLocks = false

func tryLock(*os.File, int64, bool) (bool, error)     { return false, errors.ErrUnsupported }
func waitLock(*os.File, int64) error                  { return errors.ErrUnsupported }
func unlock(*os.File, int64) error                    { return errors.ErrUnsupported }
func lockedByOther(*os.File, int64) (bool, error)     { return false, errors.ErrUnsupported }
func watchNote(*noteFile, func(bool)) (func(), error) { return nil, errors.ErrUnsupported }
