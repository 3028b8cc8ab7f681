package sqlite

/*
long long sqlite3_memory_used(void);
long long sqlite3_soft_heap_limit64(long long);
*/
import "C"

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// pages is what the open stores of the process have to do with one another: SQLite counts the memory of all of them together.
var pages struct {
	clock atomic.Uint64 // of uses
	limit atomic.Int64  // 0: none
	next  atomic.Int64  // when SQLite holds so many bytes somebody is to give some back; 0: never
	due   chan struct{} // has room for one

	mu     sync.Mutex
	stores map[*Store]struct{}
}

func init() {
	pages.stores, pages.due = map[*Store]struct{}{}, make(chan struct{}, 1)
}

// LimitMemory bounds what SQLite holds in this process for pages of files, in bytes, about, whoever opened them: near it, the stores that nobody has used for longest give
// theirs back, and at it, pages take the place of others of their own file. What is in use all the same may be more. Call stop in the end; there is one limit at a time.
func LimitMemory(bytes int64) (stop func()) {
	C.sqlite3_soft_heap_limit64(C.longlong(bytes))
	pages.limit.Store(bytes)
	pages.next.Store(bytes / 10 * 9)
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-pages.due:
				relieve(bytes)
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
		pages.limit.Store(0)
		pages.next.Store(0)
		C.sqlite3_soft_heap_limit64(0)
	}
}

// use notes that a store is used, and looks whether SQLite holds too much.
func (s *Store) use() {
	s.used.Store(pages.clock.Add(1))
	if next := pages.next.Load(); next > 0 && int64(C.sqlite3_memory_used()) >= next {
		select {
		case pages.due <- struct{}{}:
		default:
		}
	}
}

// relieve lets stores give back what they can, those that nobody has used for longest first, until a quarter of the limit is free, but never more than half of the stores:
// the others are in use, and what they gave back they would soon have again.
func relieve(limit int64) {
	pages.mu.Lock()
	list := make([]*Store, 0, len(pages.stores))
	for s := range pages.stores {
		list = append(list, s)
	}
	pages.mu.Unlock()
	slices.SortFunc(list, func(a, b *Store) int { return cmp.Compare(a.used.Load(), b.used.Load()) })
	for _, s := range list[:(len(list)+1)/2] {
		if int64(C.sqlite3_memory_used()) <= limit/4*3 {
			break
		}
		s.relieve()
	}
	giveBack()
	// What is left is needed, or SQLite's own: not again before there is noticeably more, or a store is closed.
	pages.next.Store(max(limit/10*9, int64(C.sqlite3_memory_used())+limit/8))
}

// relieve gives back what can be given back without waiting.
func (s *Store) relieve() {
	select {
	case _, open := <-s.turn:
		if !open {
			return
		}
	default:
		return // somebody writes
	}
	defer func() { s.turn <- struct{}{} }()
	_ = s.empty() // what could not be given back is still there
}
