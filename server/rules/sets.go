package rules

import (
	"context"
	"fmt"
	"sync"

	"realmsync/server/appconfig"
)

// Sets are the rules of all apps as they are now: those of a configuration are compiled once, for everybody. It is safe for concurrent use.
type Sets struct {
	configs interface {
		Current(ctx context.Context, app string) (*appconfig.Config, error)
	}

	mu   sync.Mutex
	sets map[string]known // by app
}

// known is a configuration with its rules.
type known struct {
	config *appconfig.Config
	set    *Set
}

// maxSets is how many apps' rules are kept.
const maxSets = 1000

// NewSets returns the rules of the apps of a store.
func NewSets(configs interface {
	Current(ctx context.Context, app string) (*appconfig.Config, error)
}) *Sets {
	return &Sets{configs: configs, sets: map[string]known{}}
}

// Get returns the rules of an app, with the configuration that they are from.
func (s *Sets) Get(ctx context.Context, app string) (*Set, *appconfig.Config, error) {
	config, err := s.configs.Current(ctx, app)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.sets[app]; have.config == config { // a configuration is never changed in place
		return have.set, config, nil
	}
	set, err := Compile(config)
	if err != nil {
		return nil, nil, fmt.Errorf("rules: the rules of app %s: %w", app, err)
	}
	if len(s.sets) >= maxSets {
		clear(s.sets)
	}
	s.sets[app] = known{config, set}
	return set, config, nil
}

// forget drops the rules of an app that was deleted.
func (s *Sets) forget(app string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sets, app)
}

// Memo returns what make has made of the set's configuration for a key, which is made once and kept with the set. Keys are comparable, of a type
// of their user's. An error is not kept.
func (s *Set) Memo(key any, make func() (any, error)) (any, error) {
	s.memo.Lock()
	defer s.memo.Unlock()
	if v, ok := s.memos[key]; ok {
		return v, nil
	}
	v, err := make()
	if err != nil {
		return nil, err
	}
	if s.memos == nil || len(s.memos) >= maxMemos {
		s.memos = map[any]any{}
	}
	s.memos[key] = v
	return v, nil
}

// maxMemos bounds what is kept: callers choose the names of collections.
const maxMemos = 1000
