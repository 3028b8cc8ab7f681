package session

import (
	"maps"
	"slices"
	"time"
)

// Peers are the sessions of a file in other processes. One of all leads: it alone has a protocol session, and uploads what any process
// commits; the others follow, which means that they look at the file. When the leader stops, or its process ends, another one leads.
//
// The session's worker calls the methods, but for Notify.
type Peers interface {
	// Lead tries to become the leader, without waiting.
	Lead() bool
	// Resign ends that. It may be called without leading.
	Resign()
	// Ask asks the leader, the present or the next, for a download wait that begins now; it returns its number.
	Ask() (number uint64, err error)
	// Asked returns the highest number that Ask has given out in any process, and the highest that was answered.
	Asked() (asked, answered uint64)
	// Answer says, as the leader, that the wait of that number, and those below it, have come true.
	Answer(number uint64) error
	// Notify has f called after another process has committed to the file or ended, or what Asked returns has changed; f must not block.
	Notify(f func()) (cancel func())
}

// leadRetry is how often a follower tries to lead, beside whenever Peers tells that something has happened: the end of a process can be told a
// moment before its lock is free.
const leadRetry = 250 * time.Millisecond

// role is what a session is to the sessions of other processes.
type role uint8

const (
	idle      role = iota // doesn't synchronize
	following             // would if nobody else did
	leading
)

// followLocked makes the session lead as soon as no other process does.
func (s *Session) followLocked() {
	s.role = following
	s.lookLocked()
}

// resignLocked leaves the file to the other processes, when the worker is done with what it does for the protocol session.
func (s *Session) resignLocked() {
	was := s.role
	s.role = idle
	if s.lead != nil {
		s.lead.Stop()
	}
	if was == leading {
		s.worker.do(func(File) { s.peers.Resign() })
	}
}

// peersMoved is called when other processes have done something, and now and then by a follower itself.
func (s *Session) peersMoved() {
	s.committed()
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if !s.ended && s.role != idle {
		s.lookLocked()
	}
}

// lookLocked has the worker look what is to be done.
func (s *Session) lookLocked() {
	if s.peers != nil && !s.looking {
		s.looking = true
		s.worker.do(s.look)
	}
}

// look leads if nobody else does, and does its part of what leader and followers have to do with each other. It runs on the worker.
func (s *Session) look(f File) {
	s.m.mu.Lock()
	s.looking = false
	was := s.role
	s.m.mu.Unlock()
	switch {
	case was == idle:
	case was == leading:
		s.serve()
	case s.peers.Lead():
		s.led()
		s.serve()
	default:
		if err := s.follow(f); err != nil {
			s.log.Warn("the realm file cannot be read, trying again", "path", s.path, "error", err)
		}
		s.m.mu.Lock()
		if s.role == following {
			if s.lead == nil {
				s.lead = time.AfterFunc(leadRetry, s.peersMoved)
			} else {
				s.lead.Reset(leadRetry)
			}
		}
		s.m.mu.Unlock()
	}
}

// led: this process leads now.
func (s *Session) led() {
	_, answered := s.peers.Asked()
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.role != following {
		s.peers.Resign() // it was stopped meanwhile
		return
	}
	s.log.Debug("this process synchronizes the file now")
	s.role, s.serving = leading, answered
	if s.current == nil && s.resetting == nil {
		s.bindLocked()
	}
}

// serve waits for what followers have asked for.
func (s *Session) serve() {
	asked, _ := s.peers.Asked()
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.role != leading || asked == s.serving {
		return
	}
	s.serving = asked
	s.waitLocked(false, func(err error) {
		if err == nil { // otherwise who leads next does it
			s.worker.do(func(File) { s.answer(asked) })
		}
	})
}

func (s *Session) answer(number uint64) {
	s.m.mu.Lock()
	leads := s.role == leading
	s.m.mu.Unlock()
	if !leads {
		return
	}
	if err := s.peers.Answer(number); err != nil {
		s.log.Warn("other processes could not be told that a download wait is over", "error", err)
	}
}

// follow ends the waits that the leader has made true: those for uploads and sets can be seen in the file, the others were asked for.
func (s *Session) follow(f File) error {
	s.m.mu.Lock()
	nothing := len(s.waiters) == 0
	sets := len(s.sets) > 0
	var fresh []*waiter
	askDownload := false
	for _, w := range s.waiters {
		if !w.followed {
			fresh = append(fresh, w)
			askDownload = askDownload || !w.upload
		}
	}
	s.m.mu.Unlock()
	if sets {
		s.resolveSets(f)
	}
	if nothing {
		return nil
	}
	if len(fresh) > 0 {
		newest, err := f.NewestChangeset()
		if err != nil {
			return err
		}
		number := uint64(0)
		if askDownload {
			if number, err = s.peers.Ask(); err != nil {
				return err
			}
		}
		s.m.mu.Lock()
		for _, w := range fresh {
			w.followed, w.target = true, number
			if w.upload {
				w.target = newest
			}
		}
		s.m.mu.Unlock()
	}
	status, err := f.Status()
	if err != nil {
		return err
	}
	_, answered := s.peers.Asked()
	s.m.mu.Lock()
	var done []uint64
	for _, id := range slices.Sorted(maps.Keys(s.waiters)) {
		w := s.waiters[id]
		reached := answered
		if w.upload {
			reached = status.Progress.Upload.ClientVersion
		}
		if w.followed && w.target <= reached {
			done = append(done, id)
		}
	}
	s.m.mu.Unlock()
	if len(done) > 0 {
		s.m.callbacks.do(func() { s.followed(done) })
	}
	return nil
}

// followed: these waits have come true.
func (s *Session) followed(ids []uint64) {
	var after effects
	s.m.mu.Lock()
	s.completeLocked(ids, &after)
	s.m.mu.Unlock()
	after.run()
}
