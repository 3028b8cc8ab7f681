package app

import (
	"context"
	"log/slog"
	"sync"
)

// App is the client of one app id at one server. All methods may be called concurrently.
//
// Who got an App from New, Shared, FindShared or Retain owns a share of it and gives it back with Close; the last Close ends it.
// Users stay valid as objects after that, but their calls to the server fail with ErrClosed.
type App struct {
	cfg   Config
	log   *slog.Logger
	store *userStore

	// ctx ends with the App, and every running request with it.
	ctx    context.Context
	cancel context.CancelFunc

	// storeMu is held while the user file is changed and while what it says is taken over. It comes before mu.
	storeMu sync.Mutex

	// mu guards everything below, and all fields of the App's users.
	mu        sync.RWMutex
	baseURL   string
	routes    routes
	located   bool // routes.httpHost is the server's own word, or no location request is needed
	users     map[string]*User
	order     []string // ids of users as in the file
	current   string   // id of the recorded current user, "" for none
	owners    int
	observers observers[func()]

	locating flight
	events   eventQueue
	owned    *HTTPTransport // the transport that New made, or nil
}

// New makes an App. It reads the user file, does what earlier runs left to do when this is the first App on the directory
// (deleting the realms of removed users, see AddFileAction), and contacts nobody.
//
// Errors: ErrConfig; *FileError when the directory cannot be made or the user file cannot be used, which is then left as it is.
func New(cfg Config) (_ *App, err error) {
	release := cfg.Release
	defer func() {
		if err != nil && release != nil {
			release()
		}
	}()
	if cfg, err = cfg.resolved(); err != nil {
		return nil, err
	}
	a := &App{
		cfg:     cfg,
		log:     cfg.Logger.With("app", cfg.AppID),
		baseURL: cfg.BaseURL,
		routes:  guessedRoutes(cfg.BaseURL, cfg.AppID),
		users:   map[string]*User{},
		owners:  1,
	}
	if a.cfg.Transport == nil {
		if a.owned, err = NewHTTPTransport(HTTPOptions{}); err != nil {
			return nil, err
		}
		a.cfg.Transport = a.owned
	}
	if a.store, err = openUserStore(a.rootDir(), cfg.MetadataKey, a.log); err != nil {
		return nil, err
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	if err := a.launch(); err != nil {
		a.store.close()
		a.cancel()
		return nil, err
	}
	return a, nil
}

// ID returns the app id.
func (a *App) ID() string { return a.cfg.AppID }

// Retain adds an owner and returns the App; each owner calls Close once.
func (a *App) Retain() *App {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owners++
	return a
}

// Close gives a share of the App back. The last one cancels running requests and lets go of the directory. Users stay logged
// in: the next App on the directory finds them.
func (a *App) Close() {
	a.mu.Lock()
	a.owners--
	last := a.owners == 0
	a.mu.Unlock()
	if !last {
		return
	}
	a.cancel()
	a.storeMu.Lock()
	a.store.close()
	a.storeMu.Unlock()
	if a.owned != nil {
		a.owned.Close()
	}
	if a.cfg.Release != nil {
		a.cfg.Release()
	}
}

// Companion returns Config.Companion.
func (a *App) Companion() any { return a.cfg.Companion }

// Observe calls fn after the set of users or the current user has changed, on the goroutine that brought the change
// about, one call at a time. It returns a function that ends the observation; a call that is under way may still finish.
func (a *App) Observe(fn func()) (stop func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := a.observers.add(fn)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.observers.remove(id)
	}
}

// CurrentUser returns the user that logged in last, or was switched to, if it is still logged in; otherwise the first one that
// is; otherwise nil (app-services 6.2). It notices logins and logouts of other Apps on the directory.
func (a *App) CurrentUser() *User {
	a.catchUp()
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.currentLocked()
}

func (a *App) currentLocked() *User {
	if u := a.users[a.current]; u != nil && u.state == LoggedIn {
		return u
	}
	for _, id := range a.order {
		if u := a.users[id]; u != nil && u.state == LoggedIn {
			return u
		}
	}
	return nil
}

// Users returns all users that haven't been removed, logged in or not, in the order in which they first logged in.
func (a *App) Users() []*User {
	a.catchUp()
	a.mu.RLock()
	defer a.mu.RUnlock()
	list := make([]*User, 0, len(a.users))
	for _, id := range a.order {
		if u := a.users[id]; u != nil {
			list = append(list, u)
		}
	}
	return list
}

// SwitchUser makes a logged-in user of this App the current one. It contacts nobody.
//
// Errors: CodeClientUserNotFound, CodeClientUserNotLoggedIn, *FileError.
func (a *App) SwitchUser(u *User) error {
	const op = "switch user"
	if u == nil || u.app != a {
		return refusal(op, CodeClientUserNotFound, "the user does not belong to this app")
	}
	if _, _, err := u.tokens(op); err != nil {
		return err
	}
	return a.change("current", func(img *image) error {
		if err := img.loggedIn(op, u.id, ""); err != nil {
			return err
		}
		img.Current = u.id
		return nil
	})
}
