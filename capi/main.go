package main

/*
#include "abi.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/core/realm"
)

// version is that of the header; scripts/golib.sh sets it.
var version = "0.0.0"

// versionText is static memory of C.
var versionText = C.CString(version)

// main is not called: the package is built as a C library.
func main() {}

//export realm_library_version
func realm_library_version() *C.rs_const_char_t {
	return (*C.rs_const_char_t)(unsafe.Pointer(versionText))
}

//export realm_live_handle_count
func realm_live_handle_count() C.int64_t {
	return C.int64_t(configs.Live() + realms.Live() + results.Live() + tokens.Live() + apps.Live() + users.Live() + sessions.Live() +
		sets.Live() + collections.Live() + transports.Live() + exchanges.Live() + providers.Live() + observers.Live() + websockets.Live() +
		realm.LiveObjects())
}
