package session

import (
	"maps"
	"slices"
	"time"

	"realmsync/core/wire"
)

// waiter is a completion wait (sync-semantics 1.9).
type waiter struct {
	id     uint64
	upload bool
	f      func(error)

	// Of a follower: the wait is over when the upload cursor, or the answers of the leader, have reached target.
	followed bool
	target   uint64
}

// setWaiter waits for a subscription set.
type setWaiter struct {
	version int64
	f       func(SetState, error)
}

func (s *Session) wait(upload bool, f func(error)) {
	s.m.mu.Lock()
	ended := s.ended
	if !ended {
		s.waitLocked(upload, f)
	}
	s.m.mu.Unlock()
	if ended {
		f(ErrEnded)
	}
}

func (s *Session) waitLocked(upload bool, f func(error)) {
	s.lastWaiter++
	w := &waiter{id: s.lastWaiter, upload: upload, f: f}
	s.waiters[w.id] = w
	switch {
	case s.current != nil:
		s.registerLocked(w)
	case s.role == following:
		s.lookLocked()
	}
}

// registerLocked tells the protocol session of a wait.
func (s *Session) registerLocked(w *waiter) {
	b, id, upload := s.current, w.id, w.upload
	b.conn.post(func(l *link, now time.Time) {
		if upload {
			l.waitForUpload(b, id, now)
		} else {
			l.waitForDownload(b, id, now)
		}
	})
}

// registerAllLocked does so with those that were waiting for a protocol session, in the order of their registration.
func (s *Session) registerAllLocked() {
	for _, id := range slices.Sorted(maps.Keys(s.waiters)) {
		s.registerLocked(s.waiters[id])
	}
}

// completeLocked takes waits that have come true. The last registered is called first, as the original does.
func (s *Session) completeLocked(ids []uint64, after *effects) {
	for _, id := range slices.Backward(ids) {
		if w := s.waiters[id]; w != nil {
			delete(s.waiters, id)
			after.add(func() { w.f(nil) })
		}
	}
}

// failLocked takes all waits: those for sets, then the others, in the order of their registration.
func (s *Session) failLocked(cause error, after *effects) {
	for _, w := range s.sets {
		after.add(func() { w.f(Uncommitted, cause) })
	}
	s.sets = nil
	for _, id := range slices.Sorted(maps.Keys(s.waiters)) {
		w := s.waiters[id]
		after.add(func() { w.f(cause) })
	}
	clear(s.waiters)
}

// askSetsLocked has the worker look whether waits for sets have come true.
func (s *Session) askSetsLocked() {
	if !s.setsAsked {
		s.setsAsked = true
		s.worker.do(s.resolveSets)
	}
}

// resolveSets looks at the sets that somebody waits for. It runs on the worker.
func (s *Session) resolveSets(f File) {
	s.m.mu.Lock()
	s.setsAsked = false
	var versions []int64
	for _, w := range s.sets {
		versions = append(versions, w.version)
	}
	s.m.mu.Unlock()
	slices.Sort(versions)
	for _, v := range slices.Compact(versions) {
		state, text, err := f.SetState(v)
		if err != nil {
			state = Uncommitted
		} else if state == Failed {
			err = ownError(statusSubscription, text, wire.NoAction)
		}
		if err != nil || state == Complete || state == Superseded {
			s.m.callbacks.do(func() { s.resolveSet(v, state, err) })
		}
	}
}

func (s *Session) resolveSet(version int64, state SetState, err error) {
	var after effects
	s.m.mu.Lock()
	kept := s.sets[:0:0]
	for _, w := range s.sets {
		if w.version == version {
			after.add(func() { w.f(state, err) })
		} else {
			kept = append(kept, w)
		}
	}
	s.sets = kept
	s.m.mu.Unlock()
	after.run()
}
