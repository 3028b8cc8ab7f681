package main

/*
#include "abi.h"
*/
import "C"

import (
	"sync"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/handle"
	"realmsync/core/client"
	"realmsync/core/merge"
	"realmsync/core/realm"
	"realmsync/core/session"
	"realmsync/core/store"
)

// config is what a realm_config_t stands for. It holds a reference of each callback.
type config struct {
	mu        sync.Mutex
	disposed  bool
	realm     realm.Config // without what the other fields say
	scheduler *schedulerSource
	compact   *compactCallback
	user      *client.User
	policy    session.StopPolicy
	rules     merge.Rules
	onError   *errorCallback
	reset     *resetCallback
	forced    bool     // history without a user
	network   *network // of the session's connection; nil: the usual
}

type compactCallback struct {
	callback *callback
	fn       C.realm_should_compact_t
}

func (c *config) dispose() {
	c.mu.Lock()
	c.disposed = true
	scheduler, compact, onError, reset, user, network := c.scheduler, c.compact, c.onError, c.reset, c.user, c.network
	c.mu.Unlock()
	if scheduler != nil {
		scheduler.callback.release()
	}
	if compact != nil {
		compact.callback.release()
	}
	if onError != nil {
		onError.callback.release()
	}
	if reset != nil {
		reset.callback.release()
	}
	if user != nil {
		user.Release()
	}
	if network != nil {
		network.release()
	}
}

func configOf(h handle.Handle) (*config, error) { return lookUp(configs, h, "configuration") }

// change runs f on a configuration, locked. What f returns is let go of afterwards.
func (c *config) change(f func() (old *callback)) error {
	c.mu.Lock()
	if c.disposed {
		c.mu.Unlock()
		return failure.Errorf(failure.InvalidHandle, "the configuration has been released")
	}
	old := f()
	c.mu.Unlock()
	old.release()
	return nil
}

//export realm_config_create
func realm_config_create(path C.realm_string_t, out **C.realm_config_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		p, err := pathText(path)
		if err != nil {
			return err
		}
		c := &config{realm: realm.Config{Path: p, Logger: logger}, policy: session.AfterChangesUploaded}
		return handOut(configs, c, unsafe.Pointer(out))
	})
}

// pathText copies a path: the system takes no NULs and no empty ones.
func pathText(s C.realm_string_t) (string, error) {
	p, err := text(s, "path")
	if err != nil {
		return "", err
	}
	if p == "" {
		return "", failure.Errorf(failure.InvalidArgument, "the path is empty")
	}
	for i := range len(p) {
		if p[i] == 0 {
			return "", failure.Errorf(failure.InvalidArgument, "the path has a NUL at byte %d", i)
		}
	}
	return p, nil
}

//export realm_config_release
func realm_config_release(h *C.realm_config_t) { letGo(configs, num(unsafe.Pointer(h))) }

//export realm_config_set_schema
func realm_config_set_schema(h *C.realm_config_t, classes *C.rs_const_class_info_t, n C.size_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		s, err := schemaOf((*C.realm_class_info_t)(unsafe.Pointer(classes)), n)
		if err != nil {
			return err
		}
		return c.change(func() *callback {
			c.realm.Schema = s
			return nil
		})
	})
}

//export realm_config_set_schema_version
func realm_config_set_schema_version(h *C.realm_config_t, version C.uint64_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		return c.change(func() *callback {
			c.realm.SchemaVersion = uint64(version)
			return nil
		})
	})
}

//export realm_config_set_schema_mode
func realm_config_set_schema_mode(h *C.realm_config_t, mode C.realm_schema_mode_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		if mode > C.REALM_SCHEMA_MANUAL {
			return failure.Errorf(failure.InvalidArgument, "%d is no schema mode", uint32(mode))
		}
		return c.change(func() *callback {
			c.realm.SchemaMode = realm.SchemaMode(mode)
			return nil
		})
	})
}

//export realm_config_set_encryption_key
func realm_config_set_encryption_key(h *C.realm_config_t, key *C.rs_const_uint8_t, size C.size_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		var k *store.Key
		if key != nil || size != 0 {
			if key == nil || size != store.KeySize {
				return failure.Errorf(failure.InvalidArgument, "an encryption key has %d bytes", store.KeySize)
			}
			k = store.NewKey((*[store.KeySize]byte)(unsafe.Pointer(key)))
		}
		return c.change(func() *callback {
			c.realm.Key = k
			return nil
		})
	})
}

//export rsConfigSetScheduler
func rsConfigSetScheduler(h *C.realm_config_t, wake C.realm_scheduler_wake_t, onThread C.realm_scheduler_is_on_thread_t,
	userdata C.uintptr_t, free C.realm_free_userdata_t, e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		if err == nil && wake == nil && onThread != nil {
			err = failure.Errorf(failure.InvalidArgument, "the scheduler has no wake function")
		}
		if err == nil {
			err = c.change(func() (old *callback) {
				if c.scheduler != nil {
					old = c.scheduler.callback
				}
				c.scheduler = &schedulerSource{cb, wake, onThread}
				if wake == nil { // no scheduler
					c.scheduler = nil
				}
				return old
			})
		}
		if err != nil || wake == nil {
			cb.release()
		}
		return err
	})
}

//export rsConfigSetShouldCompact
func rsConfigSetShouldCompact(h *C.realm_config_t, fn C.realm_should_compact_t, userdata C.uintptr_t,
	free C.realm_free_userdata_t, e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		if err == nil {
			err = c.change(func() (old *callback) {
				if c.compact != nil {
					old = c.compact.callback
				}
				c.compact = &compactCallback{cb, fn}
				if fn == nil {
					c.compact = nil
				}
				return old
			})
		}
		if err != nil || fn == nil {
			cb.release()
		}
		return err
	})
}
