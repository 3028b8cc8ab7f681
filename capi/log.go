package main

/*
#include "abi.h"
*/
import "C"

import (
	"log/slog"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/logline"
)

// sink hands the lines of the core to the application's logger.
var (
	sink   = logline.NewSink()
	logger = slog.New(sink)
)

// logTarget is an application's logger.
type logTarget struct {
	callback *callback
	fn       C.realm_log_callback_t
}

// Log calls the application.
func (t *logTarget) Log(level logline.Level, line string) {
	t.callback.run(func() {
		C.rs_call_log(t.fn, t.callback.userdata, C.realm_log_level_t(level), (*C.char)(unsafe.Pointer(unsafe.StringData(line))),
			C.size_t(len(line)))
	})
}

// Close lets go of it.
func (t *logTarget) Close() { t.callback.release() }

//export rsSetLogger
func rsSetLogger(fn C.realm_log_callback_t, userdata C.uintptr_t, free C.realm_free_userdata_t, level C.realm_log_level_t,
	e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return call(e, func() error {
		if err := checkLevel(level); err != nil {
			cb.release()
			return err
		}
		sink.SetLevel(logline.Level(level))
		if fn == nil {
			sink.SetTarget(nil)
			cb.release()
		} else {
			sink.SetTarget(&logTarget{cb, fn})
		}
		return nil
	})
}

//export realm_set_log_level
func realm_set_log_level(level C.realm_log_level_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := checkLevel(level); err != nil {
			return err
		}
		sink.SetLevel(logline.Level(level))
		return nil
	})
}

func checkLevel(level C.realm_log_level_t) error {
	if level > C.REALM_LOG_OFF {
		return failure.Errorf(failure.InvalidArgument, "%d is no log level", uint32(level))
	}
	return nil
}
