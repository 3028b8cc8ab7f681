package main

/*
#include "abi.h"
*/
import "C"

import (
	"context"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/handle"
	"realmsync/core/client"
)

// userEntry is what a realm_user_t stands for, with the id in C memory.
type userEntry struct {
	user *client.User
	handleText
}

func (u *userEntry) dispose() {
	u.user.Release()
	u.free()
}

func userOf(h handle.Handle) (*client.User, error) {
	entry, err := lookUp(users, h, "user")
	if err != nil {
		return nil, err
	}
	return entry.user, nil
}

func handOutUser(u *client.User, out **C.realm_user_t) error {
	return handOut(users, &userEntry{user: u}, unsafe.Pointer(out))
}

// onUser calls f with the user of a handle. Requests end by themselves, after the app's timeout.
func onUser(h handle.Handle, e *C.realm_error_t, f func(ctx context.Context, u *client.User) error) C.realm_status_t {
	return call(e, func() error {
		u, err := userOf(h)
		if err != nil {
			return err
		}
		return f(context.Background(), u)
	})
}

//export realm_user_release
func realm_user_release(h *C.realm_user_t) { letGo(users, num(unsafe.Pointer(h))) }

//export realm_user_retain
func realm_user_retain(h *C.realm_user_t, out **C.realm_user_t, e *C.realm_error_t) C.realm_status_t {
	return onUser(num(unsafe.Pointer(h)), e, func(_ context.Context, u *client.User) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		return handOutUser(u.Retain(), out)
	})
}

//export realm_user_get_id
func realm_user_get_id(h *C.rs_const_user_t) C.realm_string_t {
	return answer(func() C.realm_string_t {
		entry := users.Get(num(unsafe.Pointer(h)))
		if entry == nil {
			return C.realm_string_t{}
		}
		return entry.get(entry.user.ID())
	})
}

//export realm_user_get_state
func realm_user_get_state(h *C.rs_const_user_t) C.realm_user_state_t {
	return answer(func() C.realm_user_state_t {
		entry := users.Get(num(unsafe.Pointer(h)))
		if entry == nil {
			return C.REALM_USER_REMOVED
		}
		return C.realm_user_state_t(entry.user.State())
	})
}

//export realm_user_is_same
func realm_user_is_same(a, b *C.rs_const_user_t) C.bool {
	return answer(func() C.bool {
		x, y := users.Get(num(unsafe.Pointer(a))), users.Get(num(unsafe.Pointer(b)))
		return C.bool(x != nil && y != nil && x.user.User == y.user.User)
	})
}

//export realm_user_get_text
func realm_user_get_text(h *C.rs_const_user_t, what C.int, buffer *C.char, capacity C.size_t, needed *C.size_t,
	e *C.realm_error_t) C.realm_status_t {
	return onUser(num(unsafe.Pointer(h)), e, func(_ context.Context, u *client.User) error {
		var s string
		switch what {
		case C.REALM_USER_ACCESS_TOKEN:
			s = u.AccessToken()
		case C.REALM_USER_REFRESH_TOKEN:
			s = u.RefreshToken()
		case C.REALM_USER_PROFILE_JSON:
			s = string(u.Profile().JSON())
		case C.REALM_USER_CUSTOM_DATA_JSON:
			s = string(u.CustomData())
		case C.REALM_USER_DEVICE_ID:
			s = u.DeviceID()
		default:
			return failure.Errorf(failure.InvalidArgument, "%d is no text of a user", int(what))
		}
		return writeText(s, buffer, capacity, needed)
	})
}

//export realm_user_log_out
func realm_user_log_out(h *C.realm_user_t, e *C.realm_error_t) C.realm_status_t {
	return onUser(num(unsafe.Pointer(h)), e, func(ctx context.Context, u *client.User) error { return u.LogOut(ctx) })
}

//export realm_user_remove
func realm_user_remove(h *C.realm_user_t, e *C.realm_error_t) C.realm_status_t {
	return onUser(num(unsafe.Pointer(h)), e, func(ctx context.Context, u *client.User) error { return u.Remove(ctx) })
}

//export realm_user_refresh_custom_data
func realm_user_refresh_custom_data(h *C.realm_user_t, e *C.realm_error_t) C.realm_status_t {
	return onUser(num(unsafe.Pointer(h)), e, func(ctx context.Context, u *client.User) error { return u.RefreshCustomData(ctx) })
}

//export rsUserCallFunction
func rsUserCallFunction(h *C.realm_user_t, name, arguments C.realm_string_t, fn C.realm_text_callback_t, userdata C.uintptr_t,
	e *C.realm_error_t) C.realm_status_t {
	return onUser(num(unsafe.Pointer(h)), e, func(ctx context.Context, u *client.User) error {
		if fn == nil {
			return need(nil, "callback")
		}
		function, err := text(name, "name")
		if err != nil {
			return err
		}
		args, err := text(arguments, "arguments_json")
		if err != nil {
			return err
		}
		result, err := u.CallFunction(ctx, function, []byte(args))
		if err != nil {
			return err
		}
		C.rs_call_text(fn, userdata, (*C.char)(unsafe.Pointer(unsafe.SliceData(result))), C.size_t(len(result)))
		return nil
	})
}

//export realm_user_get_realm_path
func realm_user_get_realm_path(h *C.rs_const_user_t, buffer *C.char, capacity C.size_t, needed *C.size_t,
	e *C.realm_error_t) C.realm_status_t {
	return onUser(num(unsafe.Pointer(h)), e, func(_ context.Context, u *client.User) error {
		path, err := u.RealmPath()
		if err != nil {
			return err
		}
		return writeText(path, buffer, capacity, needed)
	})
}
