package history

import (
	"realmsync/core/session"
	"realmsync/core/store"
)

// peers are the other processes that have the file open (session.Peers). After the File is closed nobody leads, and nothing is told.
type peers struct{ f *File }

var _ session.Peers = peers{}

// Peers implements session.File.
func (f *File) Peers() session.Peers { return peers{f} }

// with runs fn with the connection, which need not have a transaction.
func (p peers) with(fn func(conn *store.Conn)) {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	if !p.f.closed {
		fn(p.f.conn)
	}
}

// Lead implements session.Peers.
func (p peers) Lead() (leads bool) {
	p.with(func(c *store.Conn) { leads = c.Lead() })
	return leads
}

// Resign implements session.Peers.
func (p peers) Resign() { p.with((*store.Conn).Resign) }

// Ask implements session.Peers.
func (p peers) Ask() (number uint64, err error) {
	err = ErrClosed
	p.with(func(c *store.Conn) { number, err = c.Ask() })
	return number, err
}

// Asked implements session.Peers.
func (p peers) Asked() (asked, answered uint64) {
	p.with(func(c *store.Conn) { asked, answered = c.Asked() })
	return asked, answered
}

// Answer implements session.Peers.
func (p peers) Answer(number uint64) error {
	err := ErrClosed
	p.with(func(c *store.Conn) { err = c.Answer(number) })
	return err
}

// Notify implements session.Peers.
func (p peers) Notify(f func()) (cancel func()) {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	if p.f.closed {
		return func() {}
	}
	return p.f.keep(store.WatchOthers(p.f.path, f))
}
