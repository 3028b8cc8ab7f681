package main

/*
#include "abi.h"
*/
import "C"

import (
	"context"
	"math"
	"sync"
	"time"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/handle"
	"realmsync/core/app"
	"realmsync/core/client"
	"realmsync/core/session"
)

// appEntry is what a realm_app_t stands for: a share of an App, and the id in C memory.
type appEntry struct {
	app *app.App
	handleText
}

// handleText is one text that a handle hands out, made at the first use. It lives as long as the handle.
type handleText struct {
	mu       sync.Mutex
	arena    arena
	text     C.realm_string_t
	disposed bool
}

func (h *handleText) get(s string) C.realm_string_t {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.text.data == nil && !h.disposed {
		h.text = h.arena.text(s)
	}
	return h.text
}

func (h *handleText) free() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.disposed = true
	h.arena.free()
}

func (a *appEntry) dispose() {
	a.app.Close()
	a.free()
}

func appOf(h handle.Handle) (*app.App, error) {
	entry, err := lookUp(apps, h, "app")
	if err != nil {
		return nil, err
	}
	return entry.app, nil
}

// onApp calls f with the app of a handle. Requests end by themselves, after the app's timeout.
func onApp(h handle.Handle, e *C.realm_error_t, f func(ctx context.Context, a *app.App) error) C.realm_status_t {
	return call(e, func() error {
		a, err := appOf(h)
		if err != nil {
			return err
		}
		return f(context.Background(), a)
	})
}

//export realm_app_create
func realm_app_create(config *C.rs_const_app_config_t, out **C.realm_app_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(config), "config"); err != nil {
			return err
		}
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		in, err := readAppConfig(unsafe.Pointer(config))
		if err != nil {
			return err
		}
		cfg, err := appConfigOf(in)
		if err != nil {
			return err
		}
		share := *(*uint8)(unsafe.Pointer(&in.share))
		if share > 1 {
			return failure.Errorf(failure.InvalidArgument, "share: a bool is 0 or 1, not %d", share)
		}
		if err := networkingOf(in, &cfg); err != nil {
			return err
		}
		a, err := theClient.OpenApp(cfg, share == 1)
		if err != nil {
			return err
		}
		return handOut(apps, &appEntry{app: a}, unsafe.Pointer(out))
	})
}

// readAppConfig reads a configuration as large as the program says that it is: one that was built with an earlier header lacks the last fields,
// which count as zero. One that was built with a later header has more; this version doesn't know what they ask for.
func readAppConfig(config unsafe.Pointer) (*C.realm_app_config_t, error) {
	in := new(C.realm_app_config_t)
	size := uint64((*C.realm_app_config_t)(config).struct_size)
	first, last := uint64(unsafe.Offsetof(in.metadata_key)), uint64(C.sizeof_realm_app_config_t)
	if size < first || size > last {
		return nil, failure.Errorf(failure.InvalidArgument, "struct_size is %d, not %d, the size of realm_app_config_t", size, last)
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(in)), size), unsafe.Slice((*byte)(config), size))
	return in, nil
}

func appConfigOf(in *C.realm_app_config_t) (cfg app.Config, err error) {
	if cfg.AppID, err = text(in.app_id, "app_id"); err != nil {
		return cfg, err
	}
	if cfg.BaseURL, err = text(in.base_url, "base_url"); err != nil {
		return cfg, err
	}
	if in.base_path.size > 0 {
		if cfg.Dir, err = pathText(in.base_path); err != nil {
			return cfg, err
		}
	}
	cfg.DefaultTimeout = milliseconds(in.request_timeout_ms)
	key, err := bytes(in.metadata_key, "metadata_key")
	cfg.MetadataKey = key // app.New copies it
	return cfg, err
}

// networkingOf fills in how the app reaches its server. The app holds references of what it uses, until cfg.Release is called.
func networkingOf(in *C.realm_app_config_t, cfg *app.Config) error {
	var held []func()
	cfg.Release = func() {
		for _, f := range held {
			f()
		}
	}
	if h := num(unsafe.Pointer(in.http_transport)); h != 0 {
		t, err := lookUp(transports, h, "HTTP transport")
		if err != nil {
			return err
		}
		if !t.callback.retain() {
			return failure.Errorf(failure.InvalidHandle, "the HTTP transport has been released")
		}
		held = append(held, t.callback.release)
		cfg.Transport = t
	}
	if h := num(unsafe.Pointer(in.websocket_provider)); h != 0 {
		p, err := lookUp(providers, h, "WebSocket provider")
		if err == nil && !p.callback.retain() {
			err = failure.Errorf(failure.InvalidHandle, "the WebSocket provider has been released")
		}
		if err != nil {
			cfg.Release()
			return err
		}
		dialer := session.NewHostDialer(p)
		held = append(held, dialer.Close, p.callback.release)
		cfg.Companion = dialer
	}
	return nil
}

// milliseconds returns a duration; too long a one is the longest there is.
func milliseconds(n C.uint64_t) time.Duration {
	return time.Duration(min(uint64(n), uint64(math.MaxInt64/time.Millisecond))) * time.Millisecond
}

//export realm_app_find_shared
func realm_app_find_shared(id, baseURL C.realm_string_t, out **C.realm_app_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		name, err := text(id, "app_id")
		if err != nil {
			return err
		}
		base, err := text(baseURL, "base_url")
		if err != nil {
			return err
		}
		a := app.FindShared(name, base)
		if a == nil {
			*out = nil
			return nil
		}
		return handOut(apps, &appEntry{app: a}, unsafe.Pointer(out))
	})
}

//export realm_app_clear_shared
func realm_app_clear_shared() {
	answer(func() struct{} {
		app.ClearShared()
		return struct{}{}
	})
}

//export realm_app_release
func realm_app_release(h *C.realm_app_t) { letGo(apps, num(unsafe.Pointer(h))) }

//export realm_app_get_id
func realm_app_get_id(h *C.rs_const_app_t) C.realm_string_t {
	return answer(func() C.realm_string_t {
		entry := apps.Get(num(unsafe.Pointer(h)))
		if entry == nil {
			return C.realm_string_t{}
		}
		return entry.get(entry.app.ID())
	})
}

//export realm_app_get_base_url
func realm_app_get_base_url(h *C.rs_const_app_t, buffer *C.char, capacity C.size_t, needed *C.size_t,
	e *C.realm_error_t) C.realm_status_t {
	return onApp(num(unsafe.Pointer(h)), e, func(_ context.Context, a *app.App) error {
		return writeText(a.BaseURL(), buffer, capacity, needed)
	})
}

//export realm_app_update_base_url
func realm_app_update_base_url(h *C.realm_app_t, baseURL C.realm_string_t, e *C.realm_error_t) C.realm_status_t {
	return onApp(num(unsafe.Pointer(h)), e, func(ctx context.Context, a *app.App) error {
		base, err := text(baseURL, "base_url")
		if err != nil {
			return err
		}
		return a.UpdateBaseURL(ctx, base)
	})
}

//export realm_app_register_email
func realm_app_register_email(h *C.realm_app_t, email, password C.realm_string_t, e *C.realm_error_t) C.realm_status_t {
	return onApp(num(unsafe.Pointer(h)), e, func(ctx context.Context, a *app.App) error {
		address, err := text(email, "email")
		if err != nil {
			return err
		}
		secret, err := text(password, "password")
		if err != nil {
			return err
		}
		return a.RegisterEmail(ctx, address, secret)
	})
}

//export realm_app_log_in
func realm_app_log_in(h *C.realm_app_t, credentials *C.rs_const_credentials_t, out **C.realm_user_t,
	e *C.realm_error_t) C.realm_status_t {
	return onApp(num(unsafe.Pointer(h)), e, func(ctx context.Context, a *app.App) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		if err := need(unsafe.Pointer(credentials), "credentials"); err != nil {
			return err
		}
		c, err := credentialsOf((*C.realm_credentials_t)(unsafe.Pointer(credentials)))
		if err != nil {
			return err
		}
		// A user with an error is logged in, but something that follows the login failed: the caller learns that it failed.
		u, err := a.LogIn(ctx, c)
		if err != nil {
			return err
		}
		return handOutUser(client.NewUser(u), out)
	})
}

func credentialsOf(in *C.realm_credentials_t) (app.Credentials, error) {
	first, err := text(in.first, "first")
	if err != nil {
		return app.Credentials{}, err
	}
	second, err := text(in.second, "second")
	if err != nil {
		return app.Credentials{}, err
	}
	switch in.kind {
	case C.REALM_CREDENTIALS_ANONYMOUS:
		return app.Anonymous(), nil
	case C.REALM_CREDENTIALS_EMAIL_PASSWORD:
		return app.EmailPassword(first, second), nil
	case C.REALM_CREDENTIALS_CUSTOM_JWT:
		return app.CustomJWT(first), nil
	case C.REALM_CREDENTIALS_API_KEY:
		return app.APIKey(first), nil
	case C.REALM_CREDENTIALS_FUNCTION:
		return app.Function([]byte(first)), nil
	case C.REALM_CREDENTIALS_APPLE:
		return app.Apple(first), nil
	case C.REALM_CREDENTIALS_FACEBOOK:
		return app.Facebook(first), nil
	case C.REALM_CREDENTIALS_GOOGLE_CODE:
		return app.GoogleAuthCode(first), nil
	case C.REALM_CREDENTIALS_GOOGLE_TOKEN:
		return app.GoogleIDToken(first), nil
	default:
		return app.Credentials{}, failure.Errorf(failure.InvalidArgument, "%d is no kind of credentials", int(in.kind))
	}
}

//export realm_app_get_current_user
func realm_app_get_current_user(h *C.realm_app_t, out **C.realm_user_t, e *C.realm_error_t) C.realm_status_t {
	return onApp(num(unsafe.Pointer(h)), e, func(_ context.Context, a *app.App) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		u := a.CurrentUser()
		if u == nil {
			*out = nil
			return nil
		}
		return handOutUser(client.NewUser(u), out)
	})
}

//export realm_app_get_users
func realm_app_get_users(h *C.realm_app_t, out **C.realm_user_t, capacity C.size_t, n *C.size_t,
	e *C.realm_error_t) C.realm_status_t {
	return onApp(num(unsafe.Pointer(h)), e, func(_ context.Context, a *app.App) error {
		if out == nil && capacity > 0 {
			return need(nil, "out")
		}
		list := a.Users()
		for i := range min(uint64(capacity), uint64(len(list))) {
			to := (**C.realm_user_t)(unsafe.Add(unsafe.Pointer(out), uintptr(i)*unsafe.Sizeof(uintptr(0))))
			if err := handOutUser(client.NewUser(list[i]), to); err != nil {
				return err
			}
		}
		if n != nil {
			*n = C.size_t(len(list))
		}
		return nil
	})
}
