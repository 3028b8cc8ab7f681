package main

/*
#include "abi.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/handle"
)

// The tables of the handles. The numbers of the kinds are only told apart, nothing else.
var (
	configs     = handle.NewTable[config](1)
	realms      = handle.NewTable[instance](2)
	results     = handle.NewTable[resultsEntry](3)
	tokens      = handle.NewTable[tokenEntry](4)
	apps        = handle.NewTable[appEntry](5)
	users       = handle.NewTable[userEntry](6)
	sessions    = handle.NewTable[sessionEntry](7)
	sets        = handle.NewTable[setEntry](8)
	collections = handle.NewTable[collectionEntry](9)
	transports  = handle.NewTable[transportEntry](10)
	exchanges   = handle.NewTable[exchangeEntry](11)
	providers   = handle.NewTable[providerEntry](12)
	observers   = handle.NewTable[observerEntry](13)
	websockets  = handle.NewTable[websocketEntry](14)
)

// num returns the number that a pointer of the interface is. It is inlined: the number never lies in a pointer's place on the
// stack, where Go would look at it.
func num(p unsafe.Pointer) handle.Handle { return handle.Handle(uintptr(p)) }

// lookUp returns what a handle stands for.
func lookUp[T any](t *handle.Table[T], h handle.Handle, what string) (*T, error) {
	if v := t.Get(h); v != nil {
		return v, nil
	}
	if h == 0 {
		return nil, failure.Errorf(failure.InvalidHandle, "the %s handle is NULL", what)
	}
	return nil, failure.Errorf(failure.InvalidHandle, "this is not a live %s handle: it was released, or is something else", what)
}

// handOut makes a handle of v and stores it at out, which is not NULL. When there are too many it gives v up.
func handOut[T any, P interface {
	*T
	dispose()
}](t *handle.Table[T], v P, out unsafe.Pointer) error {
	h := t.Add(v)
	if h == 0 {
		v.dispose()
		return failure.Errorf(failure.Logic, "there are too many handles that are not released")
	}
	*(*handle.Handle)(out) = h
	return nil
}

// letGo releases a handle.
func letGo[T any, P interface {
	*T
	dispose()
}](t *handle.Table[T], h handle.Handle) {
	answer(func() struct{} {
		if v := t.Remove(h); v != nil {
			P(v).dispose()
		}
		return struct{}{}
	})
}
