package client

import "sync"

// handlerSlot holds an ErrorHandler and closes it when another takes its place.
type handlerSlot struct {
	mu     sync.Mutex
	h      ErrorHandler
	closed bool
}

func (s *handlerSlot) get() ErrorHandler {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.h
}

// take empties the slot without closing.
func (s *handlerSlot) take() ErrorHandler {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.h
	s.h = nil
	return h
}

func (s *handlerSlot) set(h ErrorHandler) {
	s.mu.Lock()
	old := s.h
	if s.closed {
		old = h
	} else {
		s.h = h
	}
	s.mu.Unlock()
	if old != nil {
		old.Close()
	}
}

// close closes the handler, and those that are set from now on.
func (s *handlerSlot) close() {
	s.mu.Lock()
	old := s.h
	s.h, s.closed = nil, true
	s.mu.Unlock()
	if old != nil {
		old.Close()
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
