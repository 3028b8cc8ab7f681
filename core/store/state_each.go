package store

import (
	"math"

	"realmsync/core/value"
)

// Each calls f with the key of every object of a class, in the order of row ids. f may change and erase objects, also that one; of those that it
// creates it may be called with some.
func (s *State) Each(class string, f func(value.Key) error) error {
	for from, more := int64(math.MinInt64), true; more; {
		keys, last, err := s.keysFrom(class, from)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := f(key); err != nil {
				return err
			}
		}
		more = len(keys) == MaxBatch && last < math.MaxInt64
		from = last + 1
	}
	return nil
}

// keysFrom reads the keys of the next objects, at most MaxBatch, and returns the row id of the last one.
func (s *State) keysFrom(class string, from int64) (keys []value.Key, last int64, err error) {
	c := s.conn
	cl := c.catalog.byName[class]
	if cl == nil {
		return nil, 0, c.errorf(ErrSchema, "class '%s' doesn't exist", class)
	}
	if err := c.flush(); err != nil {
		return nil, 0, err
	}
	b, err := c.LoadFrom(cl, from, MaxBatch)
	if err != nil {
		return nil, 0, err
	}
	defer b.Release()
	if cl, err = c.current(cl); err != nil {
		return nil, 0, err
	}
	for i := range b.Len() {
		last = b.RowID(i)
		key, ok := value.Key{}, false
		if cl.KeyIndex >= 0 {
			v, err := s.plain(&b.Row(i)[cl.KeyIndex])
			if err != nil {
				return nil, 0, err
			}
			key, ok = value.KeyOf(v)
		}
		if !ok {
			if key, err = c.keyOf(cl, last); err != nil {
				return nil, 0, err
			}
		}
		keys = append(keys, key)
	}
	return keys, last, nil
}
