// Package main is librealm_sync: the exports of include/realm_sync.h, which is also its documentation. It converts, checks what
// it is given, and calls the core; it decides nothing.
//
// # Handles
//
// Every opaque pointer is a number of a table (package handle), but realm_object_t, which is C memory of core/realm. What a
// handle stands for is one of the types of kinds.go.
//
// # Calls
//
// An export runs inside call, which turns errors into realm_error_t (package failure) and panics into REALM_ERR_INTERNAL. A
// call from C stays on its thread until it returns, so that core/realm sees the caller's thread.
//
// Where C may hand in a number as void*, the export is a C function (userdata.c) that passes it on as a number: Go must not see
// such a pointer. The same holds for realm_object_t* (object.c), whose exports also spare the way into Go where they can.
//
// # Callbacks
//
// A callback is a function and a userdata (callback.go) that is counted: calls that run and registrations each hold a reference,
// and the last one frees the userdata. No lock of this package is held while a callback or a free function runs.
package main
