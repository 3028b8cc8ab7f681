package main

/*
#include "abi.h"
*/
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"realmsync/capi/failure"
	"realmsync/capi/handle"
	"realmsync/core/realm"
)

// resultsEntry is what a realm_results_t stands for.
type resultsEntry struct{ results *realm.Results }

func (r *resultsEntry) dispose() { r.results.Release() }

func resultsOf(h handle.Handle) (*realm.Results, error) {
	entry, err := lookUp(results, h, "results")
	if err != nil {
		return nil, err
	}
	return entry.results, nil
}

func handOutResults(rs *realm.Results, out **C.realm_results_t) error {
	return handOut(results, &resultsEntry{rs}, unsafe.Pointer(out))
}

//export realm_results_release
func realm_results_release(h *C.realm_results_t) { letGo(results, num(unsafe.Pointer(h))) }

// resultsFrom hands out the results that f makes of a realm.
func resultsFrom(h handle.Handle, out **C.realm_results_t, e *C.realm_error_t,
	f func(*realm.Realm) (*realm.Results, error)) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		r, err := realmOf(h)
		if err != nil {
			return err
		}
		rs, err := f(r)
		if err != nil {
			return err
		}
		return handOutResults(rs, out)
	})
}

// resultsDerived hands out the results that f makes of others.
func resultsDerived(h handle.Handle, out **C.realm_results_t, e *C.realm_error_t,
	f func(*realm.Results) (*realm.Results, error)) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		rs, err := resultsOf(h)
		if err != nil {
			return err
		}
		other, err := f(rs)
		if err != nil {
			return err
		}
		return handOutResults(other, out)
	})
}

//export realm_results_all
func realm_results_all(h *C.realm_t, class C.realm_class_key_t, out **C.realm_results_t, e *C.realm_error_t) C.realm_status_t {
	return resultsFrom(num(unsafe.Pointer(h)), out, e, func(r *realm.Realm) (*realm.Results,
		error) {
		return r.All(uint32(class))
	})
}

//export realm_results_query
func realm_results_query(h *C.realm_t, class C.realm_class_key_t, query C.realm_string_t, args *C.rs_const_value_t, n C.size_t,
	out **C.realm_results_t, e *C.realm_error_t) C.realm_status_t {
	return resultsFrom(num(unsafe.Pointer(h)), out, e, func(r *realm.Realm) (*realm.Results, error) {
		q, list, err := queryOf(query, args, n)
		if err != nil {
			return nil, err
		}
		return r.Query(uint32(class), q, list, int(n))
	})
}

// queryOf returns a query and its arguments, checked.
func queryOf(query C.realm_string_t, args *C.rs_const_value_t, n C.size_t) (string, unsafe.Pointer, error) {
	q, err := text(query, "query")
	if err != nil {
		return "", nil, err
	}
	list, err := cells(args, n, false, "arguments")
	return q, unsafe.Pointer(unsafe.SliceData(list)), err
}

//export realm_query_describe
func realm_query_describe(h *C.realm_t, class C.realm_class_key_t, query C.realm_string_t, args *C.rs_const_value_t, n C.size_t,
	buffer *C.char, capacity C.size_t, needed *C.size_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		r, err := realmOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		q, list, err := queryOf(query, args, n)
		if err != nil {
			return err
		}
		canonical, err := r.DescribeQuery(uint32(class), q, list, int(n))
		if err != nil {
			return err
		}
		return writeText(canonical, buffer, capacity, needed)
	})
}

// maxSorts bounds the keys of an order.
const maxSorts = 1024

//export realm_results_sort
func realm_results_sort(h *C.rs_const_results_t, sorts *C.rs_const_sort_t, n C.size_t, out **C.realm_results_t,
	e *C.realm_error_t) C.realm_status_t {
	return resultsDerived(num(unsafe.Pointer(h)), out, e, func(rs *realm.Results) (*realm.Results, error) {
		list, err := array((*C.realm_sort_t)(unsafe.Pointer(sorts)), n, maxSorts, "sorts")
		if err != nil {
			return nil, err
		}
		by := make([]realm.Sort, len(list))
		for i := range list {
			if by[i].KeyPath, err = text(list[i].key_path, fmt.Sprintf("sorts[%d].key_path", i)); err != nil {
				return nil, err
			}
			ascending := *(*uint8)(unsafe.Pointer(&list[i].ascending))
			if ascending > 1 {
				return nil, failure.Errorf(failure.InvalidArgument, "sorts[%d]: a bool is 0 or 1, not %d", i, ascending)
			}
			by[i].Ascending = ascending == 1
		}
		return rs.Sort(by)
	})
}

//export realm_results_count
func realm_results_count(h *C.realm_results_t, out *C.size_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		rs, err := resultsOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		n, err := rs.Count()
		if err == nil {
			*out = C.size_t(n)
		}
		return err
	})
}

//export realm_results_load
func realm_results_load(h *C.realm_results_t, first, count C.size_t, out **C.realm_object_t, n *C.size_t,
	e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(n), "n"); err != nil {
			return err
		}
		rs, err := resultsOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		if count > 0 && out == nil {
			return need(nil, "out")
		}
		// Beyond the end there is nothing, however far.
		loaded, err := rs.Load(int(min(uint64(first), math.MaxInt)), int(min(uint64(count), math.MaxInt32)), unsafe.Pointer(out))
		if err == nil {
			*n = C.size_t(loaded)
		}
		return err
	})
}

//export realm_results_load_rows
func realm_results_load_rows(h *C.realm_results_t, first, count C.size_t, out **C.realm_rows_t, n *C.size_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		if err := need(unsafe.Pointer(n), "n"); err != nil {
			return err
		}
		rs, err := resultsOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		// Beyond the end there is nothing, however far.
		rows, loaded, err := rs.LoadRows(int(min(uint64(first), math.MaxInt)), int(min(uint64(count), math.MaxInt32)))
		if err == nil {
			*out, *n = (*C.realm_rows_t)(rows), C.size_t(loaded)
		}
		return err
	})
}

//export realm_results_snapshot
func realm_results_snapshot(h *C.realm_results_t, out **C.realm_results_t, e *C.realm_error_t) C.realm_status_t {
	return resultsDerived(num(unsafe.Pointer(h)), out, e, (*realm.Results).Snapshot)
}

//export rsResultsIndexOf
func rsResultsIndexOf(h *C.realm_results_t, o *C.realm_object_t, out *C.size_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		rs, err := resultsOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		if o == nil {
			return errNoObject
		}
		i, found, err := rs.IndexOf(unsafe.Pointer(o))
		if err != nil {
			return err
		}
		*out = C.SIZE_MAX
		if found {
			*out = C.size_t(i)
		}
		return nil
	})
}

//export realm_results_delete_all
func realm_results_delete_all(h *C.realm_results_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		rs, err := resultsOf(num(unsafe.Pointer(h)))
		if err != nil {
			return err
		}
		return rs.DeleteAll()
	})
}

//export realm_results_resolve
func realm_results_resolve(h *C.rs_const_results_t, target *C.realm_t, out **C.realm_results_t,
	e *C.realm_error_t) C.realm_status_t {
	return resultsDerived(num(unsafe.Pointer(h)), out, e, func(rs *realm.Results) (*realm.Results, error) {
		r, err := realmOf(num(unsafe.Pointer(target)))
		if err != nil {
			return nil, err
		}
		return rs.Resolve(r)
	})
}
