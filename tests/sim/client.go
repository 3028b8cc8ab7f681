package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/realm/history"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// client is a device: a realm file on a disk that fails, the program that writes to it, and the sync client.
type client struct {
	machine
	w     *world
	index int

	lives   uint64
	conn    *store.Conn
	file    string // canonical path
	manager *session.Manager
	session *session.Session

	connections int
	refuse      int    // dials that fail
	sent        uint64 // highest client version that was uploaded
	told        uint64 // highest server version that was downloaded
	skew        int64  // of the clock, ms
	choice      int    // of views, that was committed last

	version uint64              // newest version that was committed for sure
	written map[uint64]struct{} // local versions with content that are committed
	maybe   uint64              // version whose commit has failed while the machine stopped
	plain   map[uint64]bool     // those that have made no mark: of the schema
	choices map[int64]int       // by version of the subscription set
	cursors wire.Progress       // as reported last
	ident   uint64
}

func newClient(w *world, index int) (*client, error) {
	name := fmt.Sprintf("client%d", index)
	d, err := newDisk(filepath.Join(w.dir, name))
	if err != nil {
		return nil, err
	}
	c := &client{machine: machine{name: name, disk: d}, w: w, index: index, written: map[uint64]struct{}{}, choices: map[int64]int{}, plain: map[uint64]bool{}}
	return c, c.start()
}

func (c *client) path() string { return filepath.Join(c.disk.dir, "client.realm") }

// start opens the realm, as a program does, and begins to sync.
func (c *client) start() error {
	c.lives++
	c.w.hold(&c.machine)
	if err := c.openRealm(); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(c.w.seed<<8|uint64(c.index), c.lives))
	c.manager = session.NewManager(session.Options{Dialer: c, Random: random.Float64, Logger: slog.New(&c.w.log)})
	var err error
	c.session, err = c.manager.Open(session.Config{
		Path: c.file, User: &user{c.name}, MergeRules: c.w.rules, OnError: c.failed,
		Open: func() (session.File, error) {
			f, err := history.OpenFile(c.path(), history.FileOptions{Logger: slog.New(&c.w.log), BatchBytes: 200, Rules: c.w.rules})
			if err != nil {
				return nil, err
			}
			return &gatedFile{f, c}, nil
		},
	})
	return err
}

// openRealm opens the file, makes what is missing in it, and settles what became of a commit that was under way when the machine stopped.
func (c *client) openRealm() error {
	var err error
	if c.conn, err = store.Open(c.path(), store.Options{}); err != nil {
		return err
	}
	c.file = history.Canonical(c.path())
	if err := c.conn.BeginRead(); err != nil {
		return err
	}
	version, err := c.conn.Version()
	if err != nil {
		return err
	}
	prepared, err := history.IsPrepared(c.conn)
	if err := errors.Join(err, c.conn.EndRead()); err != nil {
		return err
	}
	if version < c.version {
		c.w.failf("%s: version %d is gone, there is only %d", c.name, c.version, version)
	}
	if c.maybe != 0 && version >= c.maybe {
		c.written[c.maybe] = struct{}{}
		c.w.note("commit survived its failure")
	}
	c.version, c.maybe = version, 0
	if prepared && version > 1 {
		return c.adoptSets()
	}
	if err := c.commit(func(state *store.State) ([]changeset.Instruction, error) {
		if err := history.Prepare(c.conn); err != nil {
			return nil, err
		}
		return baseSchema, c.w.apply(state, baseSchema)
	}); err != nil {
		return err
	}
	return c.subscribe(0)
}

// adoptSets learns whether the subscription set under way when the machine stopped was committed.
func (c *client) adoptSets() error {
	if err := c.conn.BeginRead(); err != nil {
		return err
	}
	set, err := history.LatestSet(c.conn)
	if err := errors.Join(err, c.conn.EndRead()); err != nil {
		return err
	}
	if set.Version == 0 {
		return c.subscribe(0)
	}
	c.choice = c.choices[set.Version]
	return nil
}

// commit runs write in a transaction and commits what it returns. After an error nothing has changed, unless the machine stops.
func (c *client) commit(write func(*store.State) ([]changeset.Instruction, error)) error {
	if err := c.conn.BeginWrite(); err != nil {
		return err
	}
	version, content, err := c.fill(write)
	if err != nil {
		return errors.Join(err, c.conn.Rollback())
	}
	if err := c.conn.Commit(); err != nil {
		if content && c.disk.dead() {
			c.maybe = version
		}
		return err
	}
	c.version = version
	if content {
		c.written[version] = struct{}{}
	}
	history.Announce(c.file, version, c.conn)
	return nil
}

func (c *client) fill(write func(*store.State) ([]changeset.Instruction, error)) (version uint64, content bool, err error) {
	instructions, err := write(c.conn.State())
	if err != nil {
		return 0, false, err
	}
	marked := slices.ContainsFunc(instructions, func(in changeset.Instruction) bool { return in.Table == "Mark" && !in.IsSchema() })
	var data []byte
	if len(instructions) > 0 {
		if data, err = changeset.Encode(&changeset.Changeset{Instructions: instructions}); err != nil {
			return 0, false, err
		}
	}
	now := c.w.now().UnixMilli() + c.skew
	version, err = history.AppendLocal(c.conn, data, unixMilli(now))
	c.plain[version] = !marked
	return version, len(data) > 0, err
}

// subscribe commits a set with that view.
func (c *client) subscribe(choice int) error {
	set := &history.Set{}
	for i, s := range views[choice].subscriptions {
		set.Put(history.Subscription{Class: s[0], Query: s[1]}, 1, value.ObjectID{byte(i)})
	}
	number := int64(0)
	err := c.commit(func(*store.State) ([]changeset.Instruction, error) {
		err := history.CommitSet(c.conn, set)
		number = set.Version
		if err == nil {
			c.choices[number] = choice // also if the commit is in doubt
		}
		return nil, err
	})
	if err == nil {
		c.choice = choice
	}
	return err
}

// stop ends program and sync client. If the disk is dead, that is a crash.
func (c *client) stop() error {
	c.w.release(&c.machine)
	c.manager.Close()
	return c.conn.Close()
}

// failed is told errors of the session. Writes that the server takes back are none here.
func (c *client) failed(_ *session.Session, e *session.Error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	switch {
	case len(e.CompensatingWrites) > 0:
		c.w.faults["compensating write"] += len(e.CompensatingWrites)
	case e.Fatal:
		c.w.failf("%s: session: %v", c.name, e)
	}
}

// user is who a client is.
type user struct{ id string }

func (u *user) ID() string                          { return u.id }
func (u *user) LoggedIn() bool                      { return true }
func (u *user) Removed() bool                       { return false }
func (u *user) Route() (string, bool)               { return "sim://server", true }
func (u *user) ConfirmRoute(string)                 {}
func (u *user) AccessToken() string                 { return u.id }
func (u *user) TokenExpired(wallClock) bool         { return false }
func (u *user) Refresh(context.Context, bool) error { return nil }
func (u *user) Fatal(error) bool                    { return false }
func (u *user) LogOut(error)                        {}
func (u *user) Observe(func()) func()               { return func() {} }
