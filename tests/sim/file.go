package main

import (
	"context"

	"realmsync/core/session"
	"realmsync/core/wire"
)

// gatedFile lets the driver decide when the session's work on the realm file begins, and watches the cursors.
type gatedFile struct {
	session.File
	c *client
}

func (f *gatedFile) begin(what string) error {
	return f.c.w.pass(context.Background(), &f.c.machine, "file."+what)
}

// after checks that no cursor has gone back.
func (f *gatedFile) after() {
	status, err := f.File.Status()
	if err != nil {
		return // the disk
	}
	c := f.c
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	old, now := c.cursors, status.Progress
	if now.Download.ServerVersion < old.Download.ServerVersion || now.Download.ClientVersion < old.Download.ClientVersion ||
		now.Upload.ClientVersion < old.Upload.ClientVersion || now.Upload.ServerVersion < old.Upload.ServerVersion ||
		now.Latest.Version < old.Latest.Version {
		c.w.failf("%s: the cursors go back: %+v after %+v", c.name, now, old)
	}
	if c.ident != 0 && status.Ident != c.ident {
		c.w.failf("%s: the file ident was %d and is %d", c.name, c.ident, status.Ident)
	}
	c.cursors, c.ident = now, status.Ident
}

// SetIdent implements session.File.
func (f *gatedFile) SetIdent(ident uint64, salt int64) error {
	if err := f.begin("ident"); err != nil {
		return err
	}
	defer f.after()
	return f.File.SetIdent(ident, salt)
}

// NextUpload implements session.File.
func (f *gatedFile) NextUpload(cursor wire.UploadCursor, end uint64) ([]wire.UploadEntry, wire.UploadCursor, error) {
	if err := f.begin("upload"); err != nil {
		return nil, cursor, err
	}
	return f.File.NextUpload(cursor, end)
}

// Integrate implements session.File.
func (f *gatedFile) Integrate(d *wire.Download) error {
	if err := f.begin("integrate"); err != nil {
		return err
	}
	defer f.after()
	return f.File.Integrate(d)
}

// AddBootstrap implements session.File.
func (f *gatedFile) AddBootstrap(d *wire.Download) error {
	if err := f.begin("bootstrap"); err != nil {
		return err
	}
	defer f.after()
	return f.File.AddBootstrap(d)
}

// ApplyBootstrap implements session.File.
func (f *gatedFile) ApplyBootstrap() (bool, error) {
	if err := f.begin("apply"); err != nil {
		return false, err
	}
	defer f.after()
	return f.File.ApplyBootstrap()
}

// Marked implements session.File.
func (f *gatedFile) Marked(version int64) error {
	if err := f.begin("marked"); err != nil {
		return err
	}
	return f.File.Marked(version)
}

// Peers implements session.File: a device of the simulation is one process. That others share a file is tested in tests/processes and
// tests/e2e.
func (f *gatedFile) Peers() session.Peers { return nil }
