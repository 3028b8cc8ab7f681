package main

/*
#include "abi.h"
*/
import "C"

import (
	"cmp"
	"math"
	"slices"
	"unsafe"

	"realmsync/core/realm"
	"realmsync/core/store"
	"realmsync/core/value"
)

//export realm_collection_count
func realm_collection_count(h *C.realm_collection_t, out *C.size_t, e *C.realm_error_t) C.realm_status_t {
	return onCollection(num(unsafe.Pointer(h)), e, func(c *realm.Collection) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		n, err := c.Len()
		if err == nil {
			*out = C.size_t(n)
		}
		return err
	})
}

//export realm_collection_load
func realm_collection_load(h *C.realm_collection_t, first, count C.size_t, values *C.realm_value_t, keys *C.realm_string_t,
	n *C.size_t, e *C.realm_error_t) C.realm_status_t {
	return call(e, func() error {
		if err := need(unsafe.Pointer(n), "n"); err != nil {
			return err
		}
		entry, err := lookUp(collections, num(unsafe.Pointer(h)), "collection")
		if err != nil {
			return err
		}
		if count > 0 && values == nil {
			return need(nil, "values")
		}
		batch, err := entry.collection.Load(position(first), int(min(uint64(count), store.MaxBatch)))
		if err != nil {
			return err
		}
		got := batch.Len()
		to := unsafe.Slice((*store.Cell)(unsafe.Pointer(values)), got)
		hasKeys := keys != nil && batch.Columns() > 1
		for i := range to {
			row := batch.Row(i)
			to[i] = row[0]
			if hasKeys {
				unsafe.Slice(keys, got)[i] = stringOf(&row[1])
			}
		}
		*n = C.size_t(got)
		entry.keep(&batch)
		return nil
	})
}

// stringOf returns the text of a cell, in the cell's memory.
func stringOf(c *store.Cell) C.realm_string_t {
	b := c.Bytes()
	return C.realm_string_t{data: (*C.char)(unsafe.Pointer(unsafe.SliceData(b))), size: C.size_t(len(b))}
}

//export realm_collection_load_objects
func realm_collection_load_objects(h *C.realm_collection_t, first, count C.size_t, out **C.realm_object_t, n *C.size_t,
	e *C.realm_error_t) C.realm_status_t {
	return onCollection(num(unsafe.Pointer(h)), e, func(c *realm.Collection) error {
		if err := need(unsafe.Pointer(n), "n"); err != nil {
			return err
		}
		if count > 0 && out == nil {
			return need(nil, "out")
		}
		loaded, err := c.LoadObjects(position(first), int(min(uint64(count), store.MaxBatch)), unsafe.Pointer(out))
		if err == nil {
			*n = C.size_t(loaded)
		}
		return err
	})
}

//export realm_collection_find
func realm_collection_find(h *C.realm_collection_t, v *C.rs_const_value_t, out *C.size_t, e *C.realm_error_t) C.realm_status_t {
	return onCollection(num(unsafe.Pointer(h)), e, func(c *realm.Collection) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		wanted, err := cell(v, "value")
		if err != nil {
			return err
		}
		i, found, err := c.IndexOf(unsafe.Pointer(wanted))
		if err == nil {
			storePosition(i, found, out)
		}
		return err
	})
}

//export realm_collection_query
func realm_collection_query(h *C.rs_const_collection_t, query C.realm_string_t, args *C.rs_const_value_t, n C.size_t,
	out **C.realm_results_t, e *C.realm_error_t) C.realm_status_t {
	return onCollection(num(unsafe.Pointer(h)), e, func(c *realm.Collection) error {
		if err := need(unsafe.Pointer(out), "out"); err != nil {
			return err
		}
		q, list, err := queryOf(query, args, n)
		if err != nil {
			return err
		}
		rs, err := c.Results(q, list, int(n))
		if err != nil {
			return err
		}
		return handOutResults(rs, out)
	})
}

//export realm_collection_sort
func realm_collection_sort(h *C.realm_collection_t, ascending C.bool, positions *C.size_t, capacity C.size_t, n *C.size_t,
	e *C.realm_error_t) C.realm_status_t {
	return onCollection(num(unsafe.Pointer(h)), e, func(c *realm.Collection) error {
		if err := need(unsafe.Pointer(n), "n"); err != nil {
			return err
		}
		if capacity > 0 && positions == nil {
			return need(nil, "positions")
		}
		order, err := sortedPositions(c, bool(ascending))
		if err != nil {
			return err
		}
		*n = C.size_t(len(order))
		to := unsafe.Slice((*int)(unsafe.Pointer(positions)), int(min(uint64(capacity), uint64(len(order)))))
		copy(to, order)
		return nil
	})
}

// sortedPositions returns the order of a collection's elements by value.
func sortedPositions(c *realm.Collection, ascending bool) ([]int, error) {
	var keys []sortKey
	for {
		batch, err := c.Load(len(keys), store.MaxBatch)
		if err != nil {
			return nil, err
		}
		for i := range batch.Len() {
			keys = append(keys, sortKeyOf(&batch.Row(i)[0]))
		}
		got := batch.Len()
		batch.Release()
		if got < store.MaxBatch {
			break
		}
	}
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		if ascending {
			return keys[i].compare(keys[j])
		}
		return keys[j].compare(keys[i])
	})
	return order, nil
}

// sortKey is an element as it is ordered. Links have no value here: they come last, by class and object key.
type sortKey struct {
	value value.Value
	class uint32
	row   int64
}

func sortKeyOf(c *store.Cell) sortKey {
	switch c.Kind() {
	case value.KindLink:
		class, row := c.Link()
		return sortKey{class: class, row: row}
	case value.KindList, value.KindDictionary:
		return sortKey{value: value.Marker(c.Kind()), class: math.MaxUint32}
	default:
		return sortKey{value: c.Value()}
	}
}

func (k sortKey) compare(o sortKey) int {
	if k.class == 0 && o.class == 0 {
		return value.Compare(k.value, o.value)
	}
	return cmp.Or(cmp.Compare(k.class, o.class), cmp.Compare(k.row, o.row), value.Compare(k.value, o.value))
}
