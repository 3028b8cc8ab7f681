package client

import (
	"fmt"
	"path/filepath"
	"sync"

	"realmsync/core/app"
	"realmsync/core/merge"
	"realmsync/core/realm"
	"realmsync/core/realm/history"
	"realmsync/core/session"
	"realmsync/core/store"
)

// syncConfig is what a session is made with.
type syncConfig struct {
	user          *app.User
	policy        session.StopPolicy
	schemaVersion uint64
	rules         merge.Rules
	dialer        session.Dialer // nil: the manager's
	holdDialer    func() (release func())
	config        Config // that all of this came from
}

// link is the session of a file with what it needs of the app. It lives as long as the session, which ends by closing its file.
type link struct {
	client    *Client
	file      string
	user      *app.User
	rules     merge.Rules
	key       *store.Key // that encrypts the file; nil: none
	share     *app.App   // of the user
	handler   handlerSlot
	resets    resetSlot
	config    Config // of the opening that made the link, for instances that are opened for its reset handler
	observers observerSet
	initial   *handlerSlot  // of the opening that made the link; nil afterwards
	resetsNow *resetSlot    // likewise
	ended     chan struct{} // closed when the session has closed its file

	holdDialer    func() (release func())
	releaseDialer func()

	// Guarded by Client.mu.
	session   *session.Session
	instances int // live ones that are open
}

// attach gives a new instance its reference of the session. detach takes it back.
func (c *Client) attach(r *realm.Realm, cfg syncConfig, handler *handlerSlot, resets *resetSlot) (detach func(), err error) {
	user := cfg.user
	// Every instance, also a frozen one, may make others of its file, and those need the user and its way to the server.
	share, releaseDialer := user.App().Retain(), cfg.holdDialer()
	letGo := func() {
		releaseDialer()
		share.Close()
	}
	defer func() {
		if err != nil {
			letGo()
		}
	}()
	if r.Frozen() {
		return letGo, nil
	}
	// The file is the user's now, and is deleted with it. Not earlier: it might have been another user's.
	if err := user.AddRealmPath(r.Path()); err != nil {
		return nil, err
	}
	manager, err := c.sessionManager()
	if err != nil {
		return nil, err
	}
	l := &link{client: c, file: r.File(), user: user, rules: cfg.rules, key: r.EncryptionKey(), initial: handler, resetsNow: resets, config: cfg.config.again(), holdDialer: cfg.holdDialer, ended: make(chan struct{})}
	s, err := manager.Open(session.Config{
		Path:          l.file,
		Open:          l.open,
		User:          sessionUser{user},
		StopPolicy:    cfg.policy,
		SchemaVersion: cfg.schemaVersion,
		MergeRules:    cfg.rules,
		Dialer:        cfg.dialer,
		OnError:       l.failed,
		Reset:         l.reset,
		ScheduleReset: l.scheduleReset,
	})
	if err != nil {
		return nil, err
	}
	l = c.enter(l, s)
	if l == nil {
		// Its file was closed before anybody had it: the manager is closing.
		s.Release()
		return nil, ErrClosed
	}
	if l.rules != cfg.rules {
		s.Release()
		return nil, fmt.Errorf("%w: '%s' is open with the rules of merging %q, not %q", ErrIllegalCombination, r.Path(), l.rules, cfg.rules)
	}
	c.mu.Lock()
	l.instances++
	first := l.instances == 1
	c.mu.Unlock()
	if first { // of a new session, whose handler is there already, or of one that nobody had a realm of any more
		if h := handler.take(); h != nil {
			l.handler.set(h)
		}
		if h := resets.take(); h != nil {
			l.resets.set(h)
		}
	}
	return func() {
		c.mu.Lock()
		l.instances--
		c.mu.Unlock()
		s.Release()
		letGo()
	}, nil
}

// enter returns the link of the session: the new one, if the session opened its file, else the one that there was.
func (c *Client) enter(l *link, s *session.Session) *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	have := c.links[l.file]
	if have != nil && have.session == nil {
		have.session = s
	}
	return have
}

// open is Config.Open of the session.
func (l *link) open() (session.File, error) {
	f, err := history.OpenFile(l.file, history.FileOptions{Logger: l.client.opt.Logger, Rules: l.rules, Key: l.key})
	if err != nil {
		return nil, err
	}
	l.share, l.releaseDialer = l.user.App().Retain(), l.holdDialer()
	l.handler.set(l.initial.take()) // before there are errors
	l.resets.set(l.resetsNow.take())
	l.initial, l.resetsNow = nil, nil
	l.client.mu.Lock()
	l.client.links[l.file] = l
	l.client.mu.Unlock()
	return &linkFile{File: f, link: l}, nil
}

// linkFile is the file of a session; closing it ends the link.
type linkFile struct {
	*history.File
	link *link
	once sync.Once
}

// Close implements session.File.
func (f *linkFile) Close() error {
	err := f.File.Close()
	f.once.Do(f.link.end)
	return err
}

func (l *link) end() {
	c := l.client
	c.mu.Lock()
	if c.links[l.file] == l {
		delete(c.links, l.file)
	}
	c.mu.Unlock()
	l.handler.close()
	l.resets.close()
	l.observers.close()
	l.releaseDialer()
	l.share.Close()
	close(l.ended)
}

// failed is Config.OnError of the session.
func (l *link) failed(s *session.Session, e *session.Error) {
	if h := l.handler.get(); h != nil {
		h.SyncError(&Session{s, l}, e)
	}
}

// scheduleReset is Config.ScheduleReset: the app does it when it is next opened, before anybody has the file.
func (l *link) scheduleReset(path string, backup bool) (recovery string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", err
	}
	action := app.FileAction{Kind: app.DeleteRealm, Path: path}
	if backup {
		if recovery, err = l.share.NewRecoveryPath(); err != nil {
			return "", err
		}
		action.Kind, action.BackupPath = app.BackUpThenDeleteRealm, recovery
	}
	return recovery, l.share.AddFileAction(action)
}
