package sqlite

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
static void give_back(void) { malloc_trim(0); }
#else
static void give_back(void) {}
#endif
*/
import "C"

import (
	"context"
	"errors"
	"fmt"

	"realmsync/server/store"
)

var _ store.Shrinker = (*Store)(nil)

// Shrink implements store.Shrinker: it empties the writer's cache of pages and gives its statements up, and closes the connections of readers that nobody uses.
func (s *Store) Shrink(ctx context.Context) error {
	select {
	case _, open := <-s.turn:
		if !open {
			return fmt.Errorf("sqlite: %s is closed", s.path)
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.turn <- struct{}{} }() // Close waits for it
	err := s.empty()
	giveBack()
	if err != nil {
		return fmt.Errorf("sqlite: %s: giving memory back: %w", s.path, err)
	}
	return nil
}

// empty is Shrink for whoever has the turn.
func (s *Store) empty() error {
	err := s.write.exec("PRAGMA shrink_memory")
	s.write.forget()
	s.mu.Lock()
	free := s.free
	s.free = nil
	s.mu.Unlock()
	for _, c := range free {
		err = errors.Join(err, c.close())
	}
	return err
}

// giveBack returns what SQLite has freed to the operating system: pages of caches are small pieces between others, which the C library keeps.
func giveBack() { C.give_back() }
