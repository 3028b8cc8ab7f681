package main

/*
#include "abi.h"
*/
import "C"

import (
	"sync/atomic"
)

// callback is a userdata with the function that frees it. It is counted: who may call, or is calling, holds a reference. The
// last one frees the userdata, once.
type callback struct {
	refs     atomic.Int32
	userdata C.uintptr_t
	free     C.realm_free_userdata_t
}

// newCallback returns a callback with one reference, the registration's.
func newCallback(userdata C.uintptr_t, free C.realm_free_userdata_t) *callback {
	c := &callback{userdata: userdata, free: free}
	c.refs.Store(1)
	return c
}

// retain adds a reference; false when the userdata has been freed.
func (c *callback) retain() bool {
	for {
		n := c.refs.Load()
		if n == 0 {
			return false
		}
		if c.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives a reference up. nil does nothing.
func (c *callback) release() {
	if c != nil && c.refs.Add(-1) == 0 && c.free != nil {
		C.rs_free_userdata(c.free, c.userdata)
	}
}

// run runs f, which calls C, unless the userdata has been freed. It tells whether it did.
func (c *callback) run(f func()) bool {
	if !c.retain() {
		return false
	}
	defer c.release()
	f()
	return true
}
