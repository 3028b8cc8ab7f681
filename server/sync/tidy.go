package sync

import (
	"slices"

	"realmsync/server/store"
)

// tidy asks the sessions of an app to put in order what they hold. It is part of each round of maintenance.
func (a *app) tidy() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.files {
		s.untidy.Store(true)
		s.signal()
	}
}

// tidyUp tells the engine what the client has said that it has integrated, which is held back otherwise: until it is known, the history that only this client needed can't
// be given up, however long the client has nothing to upload. And it gives back the room that what the session has sent by now has left.
func (s *session) tidyUp() error {
	if !s.untidy.Swap(false) || s.phase != running {
		return nil
	}
	s.own = slices.Clip(slices.Clone(s.own)) // its beginning was cut off
	if len(s.todo) == 0 {
		s.todo = nil
	}
	resets := map[uint64][]store.Reset{} // a map doesn't shrink
	for version, list := range s.resets {
		if version > s.at { // the client knows of the others, or has had a bootstrap since
			resets[version] = list
		}
	}
	s.resets = resets
	if s.lazy == nil || s.flying > 0 {
		return nil // what is under way says more
	}
	return s.submit(s.lazy)
}
