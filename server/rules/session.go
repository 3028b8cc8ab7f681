package rules

import (
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Session is what a user may do in sync, frozen at the time when a session starts. It is safe for concurrent use.
type Session struct {
	set *Set
	env *Env

	mu      sync.Mutex
	classes map[string]*Access
	denials map[string]string
}

// Sync returns what a user may do in sync. call evaluates functions that the apply_when of roles name; nil: such roles don't apply.
func (s *Set) Sync(caller *Caller, call func(name string, args bson.A) (any, error)) *Session {
	env := s.env(caller)
	env.Call = call
	return &Session{set: s, env: env, classes: map[string]*Access{}, denials: map[string]string{}}
}

// Class returns what the user may do with a class. key is the name of its primary key.
func (s *Session) Class(class, key string) *Access {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.classes[class]
	if a == nil {
		var why string
		if a, why = s.class(class, key); why != "" {
			s.denials[class] = why
		}
		s.classes[class] = a
	}
	return a
}

// Denial says why Class gives no access to a class at all, "" if it gives some.
func (s *Session) Denial(class string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.denials[class]
}

func (s *Session) class(class, key string) (a *Access, denied string) {
	if s.env.Caller != nil && s.env.Caller.System {
		return full, ""
	}
	src := s.set.sync
	if src == nil {
		return none, "no data source syncs"
	}
	for _, r := range src.roles(src.collectionOf(class)) {
		if documentUse(r.applyWhen) == "" {
			if applies, err := r.applies(s.env); err != nil {
				return none, "whether the role " + r.name + " applies can't be told: " + err.Error()
			} else if !applies {
				continue
			}
		}
		if why := r.incompatible(key, func(field string) bool { return src.queryable(class, field) }); why != "" {
			return none, "the role " + r.name + " applies and can't be used for sync: " + why
		}
		return r.access(s.env), ""
	}
	return none, "no role applies"
}
