//go:build !linux

package worker

import (
	"os"
	"syscall"
)

func program() (string, error) { return os.Executable() }

// attributes: elsewhere than on Linux a worker ends when its pipe does.
func attributes() *syscall.SysProcAttr { return nil }

func keepDescriptors() {}

// confine: elsewhere than on Linux only what the runtime itself watches is bounded.
func confine(int64) error { return nil }

func processorTime(int) (int64, bool) { return 0, false }
