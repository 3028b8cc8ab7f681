package main

/*
#include "abi.h"
*/
import "C"

import (
	"encoding/base64"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/handle"
	"realmsync/core/changeset"
	"realmsync/core/client"
	"realmsync/core/merge"
	"realmsync/core/session"
	"realmsync/core/value"
)

//export realm_config_set_sync_user
func realm_config_set_sync_user(h *C.realm_config_t, user *C.realm_user_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		u, err := userOf(num(unsafe.Pointer(user)))
		if err != nil {
			return err
		}
		u = u.Retain()
		var old *client.User
		err = c.change(func() *callback {
			old, c.user = c.user, u
			return nil
		})
		if err != nil {
			old = u
		}
		if old != nil {
			old.Release()
		}
		return err
	})
}

//export realm_config_set_stop_policy
func realm_config_set_stop_policy(h *C.realm_config_t, policy C.realm_stop_policy_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		if policy > C.REALM_STOP_AFTER_CHANGES_UPLOADED {
			return failure.Errorf(failure.InvalidArgument, "%d is no stop policy", uint32(policy))
		}
		return c.change(func() *callback {
			c.policy = session.StopPolicy(policy)
			return nil
		})
	})
}

//export realm_config_set_forced_sync_history
func realm_config_set_forced_sync_history(h *C.realm_config_t, enable C.bool, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		return c.change(func() *callback {
			c.forced = bool(enable)
			return nil
		})
	})
}

//export realm_config_set_merge_rules
func realm_config_set_merge_rules(h *C.realm_config_t, rules C.realm_merge_rules_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		if rules > C.REALM_MERGE_STRICT {
			return failure.Errorf(failure.InvalidArgument, "%d are no rules of merging", uint32(rules))
		}
		return c.change(func() *callback {
			c.rules = merge.Rules(rules)
			return nil
		})
	})
}

//export rsConfigSetSyncErrorHandler
func rsConfigSetSyncErrorHandler(h *C.realm_config_t, fn C.realm_sync_error_callback_t, userdata C.uintptr_t,
	free C.realm_free_userdata_t, e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return call(e, func() error {
		c, err := configOf(num(unsafe.Pointer(h)))
		if err == nil {
			err = c.change(func() (old *callback) {
				if c.onError != nil {
					old = c.onError.callback
				}
				c.onError = &errorCallback{cb, fn}
				if fn == nil {
					c.onError = nil
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

// errorCallback is a sync error handler. Each owner holds a reference of the callback.
type errorCallback struct {
	callback *callback
	fn       C.realm_sync_error_callback_t
}

var _ client.ErrorHandler = (*errorCallback)(nil)

// Close lets go of it.
func (h *errorCallback) Close() { h.callback.release() }

// SyncError calls the application, with a handle of the session that lives as long as the call.
func (h *errorCallback) SyncError(s *client.Session, se *session.Error) {
	h.callback.run(func() {
		var a arena
		defer a.free()
		writes := allocArray[C.realm_compensating_write_t](&a, len(se.CompensatingWrites))
		for i, w := range se.CompensatingWrites {
			writes[i] = C.realm_compensating_write_t{class_name: a.text(w.Class), primary_key: keyToC(keyOf(w.PrimaryKey), &a),
				reason: a.text(w.Reason)}
		}
		var handleOfCall handle.Handle
		entry := &sessionEntry{s}
		if err := handOut(sessions, entry, unsafe.Pointer(&handleOfCall)); err != nil {
			return
		}
		defer letGo(sessions, handleOfCall)
		_, e := newError(se)
		C.rs_call_sync_error(h.fn, h.callback.userdata, C.uintptr_t(handleOfCall), e, C.bool(se.ClientResetRequested),
			a.text(se.OriginalPath),
			a.text(se.RecoveryPath), unsafe.SliceData(writes), C.size_t(len(writes)))
	})
}

// keyOf returns a primary key of the protocol; what can't be read is null.
func keyOf(b []byte) value.Value {
	key, err := changeset.DecodeKey(base64.StdEncoding.EncodeToString(b))
	if err != nil {
		return value.Null()
	}
	return key.Value()
}
