package main

/*
#include "abi.h"
*/
import "C"

import (
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/handle"
	"realmsync/core/realm"
	"realmsync/core/store"
)

// tokenEntry is what a realm_token_t stands for.
type tokenEntry struct {
	token    *realm.Token
	callback *callback
}

func (t *tokenEntry) dispose() {
	t.token.Release()
	t.callback.release()
}

//export realm_token_release
func realm_token_release(h *C.realm_token_t) { letGo(tokens, num(unsafe.Pointer(h))) }

// register makes a token of what observe registers. It owns the callback, also when it fails.
func register(cb *callback, hasFunction bool, out **C.realm_token_t, e *C.realm_error_t,
	observe func() (*realm.Token, error)) C.realm_status_t {
	registered := false
	defer func() {
		if !registered {
			cb.release()
		}
	}()
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		if !hasFunction {
			return need(nil, "callback")
		}
		token, err := observe()
		if err != nil {
			return err
		}
		entry := &tokenEntry{token, cb}
		h := tokens.Add(entry)
		if h == 0 {
			token.Release()
			return failure.Errorf(failure.Logic, "there are too many handles that are not released")
		}
		*(*handle.Handle)(unsafe.Pointer(out)) = h
		registered = true
		return nil
	})
}

//export rsObjectObserve
func rsObjectObserve(o *C.realm_object_t, fn C.realm_object_callback_t, userdata C.uintptr_t, free C.realm_free_userdata_t,
	out **C.realm_token_t, e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return register(cb, fn != nil, out, e, func() (*realm.Token, error) {
		if o == nil {
			return nil, errNoObject
		}
		return realm.ObserveObject(unsafe.Pointer(o), func(ch realm.ObjectChanges) {
			properties := make([]C.uint32_t, len(ch.Properties))
			for i, p := range ch.Properties {
				properties[i] = C.uint32_t(p)
			}
			old := make([]store.Cell, len(ch.Old))
			for i, p := range ch.Old {
				old[i] = *(*store.Cell)(p)
			}
			cb.run(func() {
				C.rs_call_object(fn, userdata, C.bool(ch.Deleted), unsafe.SliceData(properties), C.size_t(len(properties)),
					(*C.realm_value_t)(unsafe.Pointer(unsafe.SliceData(old))))
			})
		})
	})
}

//export rsResultsObserve
func rsResultsObserve(h *C.realm_results_t, fn C.realm_collection_callback_t, userdata C.uintptr_t, free C.realm_free_userdata_t,
	out **C.realm_token_t, e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return register(cb, fn != nil, out, e, func() (*realm.Token, error) {
		rs, err := resultsOf(num(unsafe.Pointer(h)))
		if err != nil {
			return nil, err
		}
		return realm.ObserveResults(rs, func(ch realm.CollectionChanges) { tellChanges(cb, fn, ch) })
	})
}

//export rsCollectionObserve
func rsCollectionObserve(h *C.realm_collection_t, fn C.realm_collection_callback_t, userdata C.uintptr_t,
	free C.realm_free_userdata_t, out **C.realm_token_t, e *C.realm_error_t) C.realm_status_t {
	cb := newCallback(userdata, free)
	return register(cb, fn != nil, out, e, func() (*realm.Token, error) {
		entry, err := lookUp(collections, num(unsafe.Pointer(h)), "collection")
		if err != nil {
			return nil, err
		}
		return realm.ObserveCollection(entry.collection, func(ch realm.CollectionChanges) { tellChanges(cb, fn, ch) })
	})
}

// tellChanges calls the observer of results or of a collection.
func tellChanges(cb *callback, fn C.realm_collection_callback_t, ch realm.CollectionChanges) {
	var memory arena
	defer memory.free()
	keys := keyChangesToC(ch.Keys, &memory)
	cb.run(func() {
		C.rs_call_collection(fn, cb.userdata, C.bool(ch.Initial), sizes(ch.Deletions), C.size_t(len(ch.Deletions)),
			sizes(ch.Insertions), C.size_t(len(ch.Insertions)), sizes(ch.Modifications), sizes(ch.ModificationsAfter),
			C.size_t(len(ch.Modifications)), (*C.realm_move_t)(unsafe.Pointer(unsafe.SliceData(ch.Moves))), C.size_t(len(ch.Moves)),
			C.bool(ch.RootDeleted), keys)
	})
}

// keyChangesToC returns the keys of a dictionary that changed, in the arena's memory; nil for nil.
func keyChangesToC(ch *realm.KeyChanges, a *arena) *C.realm_key_changes_t {
	if ch == nil {
		return nil
	}
	out := &allocArray[C.realm_key_changes_t](a, 1)[0]
	out.deletions, out.n_deletions = textsToC(ch.Deletions, a)
	out.insertions, out.n_insertions = textsToC(ch.Insertions, a)
	out.modifications, out.n_modifications = textsToC(ch.Modifications, a)
	return out
}

func textsToC(texts []string, a *arena) (*C.realm_string_t, C.size_t) {
	list := allocArray[C.realm_string_t](a, len(texts))
	for i, t := range texts {
		list[i] = a.text(t)
	}
	return unsafe.SliceData(list), C.size_t(len(list))
}

// sizes returns positions as C has them: they aren't negative, and abi.h says that the types are as wide.
func sizes(positions []int) *C.size_t {
	return (*C.size_t)(unsafe.Pointer(unsafe.SliceData(positions)))
}
