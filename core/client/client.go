package client

import (
	"log/slog"
	"sync"

	"realmsync/core/app"
	"realmsync/core/session"
)

// Client has the sync sessions of a process. All methods may be called concurrently.
type Client struct {
	opt Options

	mu      sync.Mutex
	manager *session.Manager // made when the first synced realm is opened
	closed  bool
	links   map[string]*link // by canonical path of the file
}

// Options say how a Client works. The zero value is good.
type Options struct {
	Logger  *slog.Logger    // nil discards
	Session session.Options // its Logger is replaced
}

// New returns a Client. It starts nothing before a synced realm is opened.
func New(opt Options) *Client {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	opt.Session.Logger = opt.Logger
	return &Client{opt: opt, links: map[string]*link{}}
}

// Close ends all sessions and waits for everything that the Client has started. Realms stay open, without a session.
func (c *Client) Close() {
	c.mu.Lock()
	manager := c.manager
	c.closed = true
	c.mu.Unlock()
	if manager != nil {
		manager.Close()
	}
}

// sessionManager returns the manager, and makes it if need be.
func (c *Client) sessionManager() (*session.Manager, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if c.manager == nil {
		c.manager = session.NewManager(c.opt.Session)
	}
	return c.manager, nil
}

// OpenApp returns an App, which the caller closes. With share it is the one of that app id and base URL in the process. If its
// Config.Companion is a session.Dialer, the sessions of the App's users connect with that.
//
// The first App on a directory does what was left to do when nobody has the files open: the deletion of removed users' realms,
// and the backup of realms that the server wanted reset. Errors: app.New's.
func (c *Client) OpenApp(cfg app.Config, share bool) (*app.App, error) {
	cfg.Logger = c.opt.Logger
	cfg.DeleteRealm = c.DeleteFiles
	if share {
		return app.Shared(cfg)
	}
	return app.New(cfg)
}
