package client

import "sync"

// closer is a handler: Close lets go of it, while a call that is under way may still run.
type closer interface {
	comparable
	Close()
}

// slot holds a handler, and closes it when another takes its place. The zero value of H is none.
type slot[H closer] struct {
	mu     sync.Mutex
	h      H
	closed bool
}

// handlerSlot and resetSlot hold what an opening brings.
type (
	handlerSlot = slot[ErrorHandler]
	resetSlot   = slot[*sharedReset]
)

func (s *slot[H]) get() H {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.h
}

// take empties the slot without closing.
func (s *slot[H]) take() (h H) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, s.h = s.h, h
	return h
}

func (s *slot[H]) set(h H) {
	s.mu.Lock()
	old := s.h
	if s.closed {
		old = h
	} else {
		s.h = h
	}
	s.mu.Unlock()
	closeHandler(old)
}

// close closes the handler, and those that are set from now on.
func (s *slot[H]) close() {
	var none H
	s.mu.Lock()
	old := s.h
	s.h, s.closed = none, true
	s.mu.Unlock()
	closeHandler(old)
}

func closeHandler[H closer](h H) {
	var none H
	if h != none {
		h.Close()
	}
}

// observerSet holds what to call when observers of a connection are not needed any more.
type observerSet struct {
	mu     sync.Mutex
	closes map[uint64]func()
	closed bool
}

func (s *observerSet) add(token uint64, close func()) {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		if s.closes == nil {
			s.closes = map[uint64]func(){}
		}
		s.closes[token] = close
	}
	s.mu.Unlock()
	if closed {
		close()
	}
}

func (s *observerSet) remove(token uint64) {
	s.mu.Lock()
	close := s.closes[token]
	delete(s.closes, token)
	s.mu.Unlock()
	if close != nil {
		close()
	}
}

// close closes all observers, and those that are added from now on.
func (s *observerSet) close() {
	s.mu.Lock()
	all := s.closes
	s.closes, s.closed = nil, true
	s.mu.Unlock()
	for _, close := range all {
		close()
	}
}
