package main

/*
#include "abi.h"
*/
import "C"

import (
	"syscall"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/core/client"
	"realmsync/core/realm"
	"realmsync/core/session"
)

//export realm_open
func realm_open(h *C.rs_const_config_t, out **C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		c, err := configOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		cfg, done, err := c.opening()
		if err != nil {
			return err
		}
		defer done()
		r, err := theClient.Open(cfg)
		if err != nil {
			return err
		}
		return handOutRealm(r, out)
	})
}

// opening returns what Client.Open needs. The configuration may be changed and released meanwhile; done lets go of what was
// taken.
func (c *config) opening() (cfg client.Config, done func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.disposed {
		return cfg, nil, failure.Errorf(failure.InvalidHandle, "the configuration has been released")
	}
	cfg = client.Config{Realm: c.realm, ForcedHistory: c.forced, StopPolicy: c.policy, Rules: c.rules}
	var taken []*callback
	if source := c.scheduler; source != nil {
		s := &scheduler{source, syscall.Gettid()}
		source.callback.retain()
		taken = append(taken, source.callback)
		cfg.Realm.Scheduler = s
		// Each instance that is made with this scheduler, also one that is frozen or thawed later, holds a reference of it.
		cfg.Realm.Attach = func(*realm.Realm) (func(), error) {
			if !source.callback.retain() {
				return nil, failure.Errorf(failure.Internal, "the scheduler has been freed")
			}
			return source.callback.release, nil
		}
	}
	if compact := c.compact; compact != nil {
		compact.callback.retain()
		taken = append(taken, compact.callback)
		cfg.Realm.ShouldCompact = func(total, used uint64) (yes bool) {
			compact.callback.run(func() {
				yes = bool(C.rs_call_should_compact(compact.fn, compact.callback.userdata, C.uint64_t(total), C.uint64_t(used)))
			})
			return yes
		}
	}
	if c.user != nil {
		cfg.User = c.user.Retain()
	}
	if onError := c.onError; onError != nil && cfg.User != nil {
		onError.callback.retain() // Client.Open takes it over
		cfg.Errors = onError
	}
	if reset := c.reset; reset != nil && cfg.User != nil {
		reset.callback.retain() // likewise
		cfg.Reset = reset
	}
	if n := c.network; n != nil && cfg.User != nil {
		cfg.Dialer = session.NewWebSocketDialer(session.WebSocketOptions{Options: n.Options})
		cfg.HoldDialer = n.hold
		n.verify.retain()
		taken = append(taken, n.verify)
	}
	return cfg, func() {
		for _, cb := range taken {
			cb.release()
		}
		if cfg.User != nil {
			cfg.User.Release()
		}
	}, nil
}

//export realm_delete_files
func realm_delete_files(path C.realm_string_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		p, err := pathText(path)
		if err != nil {
			return err
		}
		return theClient.DeleteFiles(p)
	})
}

//export realm_freeze
func realm_freeze(h *C.realm_t, out **C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return derive(num(unsafe.Pointer(h)), (*realm.Realm).Freeze, out, e)
}

//export realm_thaw
func realm_thaw(h *C.realm_t, out **C.realm_t, e *C.realm_error_t) C.realm_status_t {
	return derive(num(unsafe.Pointer(h)), (*realm.Realm).Thaw, out, e)
}
