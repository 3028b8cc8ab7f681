package app

import "sync"

// shared holds the Apps that are one per (app id, base URL) in the process (cpp-surface 7.1, caching). It owns a share of each.
var shared = struct {
	sync.Mutex
	apps []sharedApp // few, and FindShared without a base URL wants the first
}{}

type sharedApp struct {
	appID, baseURL string // as configured: update_base_url doesn't move an App to another place in here
	app            *App
}

// Shared returns the process's App of that app id and base URL, and makes it if there is none. If there is one, the rest of cfg
// isn't looked at, but that Release is called. Give the App back with Close; it stays in the process until ClearShared.
func Shared(cfg Config) (*App, error) {
	a, made, err := shareOrMake(cfg)
	if !made && cfg.Release != nil {
		cfg.Release()
	}
	return a, err
}

// shareOrMake also tells whether New got the configuration.
func shareOrMake(cfg Config) (_ *App, made bool, err error) {
	base, err := cleanBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, false, err
	}
	shared.Lock()
	defer shared.Unlock()
	if a := findSharedLocked(cfg.AppID, base); a != nil {
		return a.Retain(), false, nil
	}
	a, err := New(cfg)
	if err != nil {
		return nil, true, err
	}
	shared.apps = append(shared.apps, sharedApp{cfg.AppID, base, a})
	return a.Retain(), true, nil
}

// FindShared returns the App that Shared made for the app id and base URL, for "" the first one with any base URL, or nil. Give it
// back with Close.
func FindShared(appID, baseURL string) *App {
	if baseURL != "" {
		var err error
		if baseURL, err = cleanBaseURL(baseURL); err != nil {
			return nil
		}
	}
	shared.Lock()
	defer shared.Unlock()
	if a := findSharedLocked(appID, baseURL); a != nil {
		return a.Retain()
	}
	return nil
}

// ClearShared forgets all shared Apps. Those still in use go on; Shared makes new ones.
func ClearShared() {
	shared.Lock()
	apps := shared.apps
	shared.apps = nil
	shared.Unlock()
	for _, s := range apps {
		s.app.Close()
	}
}

func findSharedLocked(appID, baseURL string) *App {
	for _, s := range shared.apps {
		if s.appID == appID && (baseURL == "" || s.baseURL == baseURL) {
			return s.app
		}
	}
	return nil
}
