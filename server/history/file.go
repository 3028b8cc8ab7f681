package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"realmsync/core/changeset"
	"realmsync/server/store"
)

// seenEvery is how exact LastSeen is, in ms: writing it at each connection would cost a disk flush for each.
const seenEvery = 3600 * 1000

// NewFile gives out a file ident, for a client with this version of the app's schema. It is durable when NewFile returns.
func (e *Engine) NewFile(ctx context.Context, user string, schemaVersion uint64) (store.File, error) {
	return do(ctx, e, false, func(g *group) (file store.File, err error) {
		salt, err := e.random()
		if err != nil {
			return file, err
		}
		g.nextFile = max(g.nextFile, e.nextFile)
		file = store.File{Ident: g.nextFile, Salt: salt, User: user, LastSeen: e.presence.now(), Created: e.now(), SchemaVersion: schemaVersion}
		g.nextFile++
		g.files[file.Ident] = &fileState{File: file}
		return file, nil
	})
}

// Claim is what a client says about itself in IDENT (spec/wire-protocol.md section 3.2).
type Claim struct {
	Ident         uint64
	Salt          int64
	User          string
	ServerVersion uint64 // download cursor
	ClientVersion uint64
	LatestVersion uint64
	LatestSalt    int64
	QueryVersion  uint64
}

// Client is what the server knows about a file that identified itself.
type Client struct {
	File    store.File
	Version uint64        // the newest version, which everything else here is as of
	Own     []store.Own   // versions that the file made, after its download cursor
	Resets  []store.Reset // that it has not seen
	Views   []store.View  // the bootstraps that it was sent, ascending by query version
}

// Identify checks a claim (spec/merge.md section 10.2) and returns what is known of the file. All uploads submitted before
// are done by then. Refusals are *Error.
func (e *Engine) Identify(ctx context.Context, claim Claim) (Client, error) {
	return do(ctx, e, true, func(g *group) (client Client, err error) {
		if err := g.check(&claim); err != nil {
			return client, err
		}
		file, err := g.file(claim.Ident)
		if err != nil {
			return client, err
		}
		if now := e.presence.now(); now > file.LastSeen+seenEvery {
			file.LastSeen = now
		}
		client = Client{File: file.File, Version: g.version}
		if client.Own, err = g.tx.OwnVersions(claim.Ident, claim.ServerVersion); err != nil {
			return client, err
		}
		if client.Resets, err = g.tx.Resets(claim.Ident, claim.ServerVersion); err != nil {
			return client, err
		}
		client.Views, err = g.tx.Views(claim.Ident)
		return client, err
	})
}

// check applies the rules for IDENT, in the order of the specification.
func (g *group) check(c *Claim) error {
	file, err := g.file(c.Ident)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refuse(BadClientFileIdent, "Bad client file identifier (IDENT): the server has no client file %d", c.Ident)
	case err != nil:
		return err
	case file.Salt == 0: // see Forget
		return refuse(BadClientFileIdent, "Bad client file identifier (IDENT): the server has forgotten client file %d", c.Ident)
	case file.Salt != c.Salt:
		return refuse(DivergingHistories, "the salt of client file %d is not the one that the server gave out", c.Ident)
	case c.ServerVersion < file.BaseVersion:
		return refuse(BadServerVersion, "client file %d says that it integrated server version %d, but it has integrated %d before",
			c.Ident, c.ServerVersion, file.BaseVersion)
	case file.LastSeen == 0:
		return refuse(ClientFileExpired, "client file %d was not seen for too long; its history is gone", c.Ident)
	case c.ServerVersion > 0 && c.ServerVersion < g.engine.floor.Load():
		return refuse(ClientFileExpired, "client file %d has integrated server version %d, but the history up to %d is gone", c.Ident, c.ServerVersion, g.engine.floor.Load())
	case c.ServerVersion > g.version:
		return refuse(BadServerVersion, "client file %d says that it integrated server version %d, but the newest is %d", c.Ident, c.ServerVersion, g.version)
	case c.ClientVersion > file.ClientVersion:
		return refuse(BadClientVersion, "client file %d says that its version %d was integrated, but only %d was", c.Ident, c.ClientVersion, file.ClientVersion)
	case c.LatestVersion < c.ServerVersion || c.LatestVersion > g.version:
		return refuse(BadServerVersion, "client file %d says that the newest server version was %d; it must be between %d and %d",
			c.Ident, c.LatestVersion, c.ServerVersion, g.version)
	case c.LatestVersion > 0 && c.LatestSalt != saltOf(g.engine.salts, c.LatestVersion):
		return refuse(DivergingHistories, "client file %d has another server version %d than this server: its history was replaced", c.Ident, c.LatestVersion)
	case file.User != c.User:
		return refuse(UserMismatch, "client file %d belongs to another user", c.Ident)
	}
	return nil
}

// SetView notes that a file is about to be sent the bootstrap of a query, and forgets the queries before from. It returns the
// version that the bootstrap must describe (SnapshotAt): one that was made for it, so that a client that has integrated this
// version has integrated the bootstrap. v.Snapshot is set to it, and v.First if that is 0.
func (e *Engine) SetView(ctx context.Context, v store.View, from uint64) (version uint64, err error) {
	return do(ctx, e, false, func(g *group) (uint64, error) {
		v.Snapshot = g.marker()
		v.First = cmp.Or(v.First, v.Snapshot)
		g.extra.Views = append(g.extra.Views, v)
		g.extra.KeepViews = append(g.extra.KeepViews, store.KeepViews{File: v.File, From: from})
		return v.Snapshot, nil
	})
}

// marker makes a version without content. Those who ask for one after the other share it.
func (g *group) marker() uint64 {
	if n := len(g.entries); n > 0 && g.entries[n-1].Origin == Server && len(g.entries[n-1].Bytes) == 0 {
		return g.version
	}
	g.version++
	e := &Entry{Version: g.version, Origin: Server, Timestamp: g.engine.now(), Changeset: &changeset.Changeset{}, Catalog: g.state.catalog}
	e.measure()
	g.entries = append(g.entries, e)
	return g.version
}

// Expire forgets the history of a file: from then on it is refused with 222 (spec/merge.md section 10.6).
func (e *Engine) Expire(ctx context.Context, ident uint64) error {
	_, err := do(ctx, e, true, func(g *group) (none struct{}, err error) {
		file, err := g.file(ident)
		if err != nil {
			return none, fmt.Errorf("history: client file %d: %w", ident, err)
		}
		g.expire(file)
		return none, nil
	})
	return err
}

// expire gives up everything that is only needed for a file. Its record stays, so that it is told what happened to it.
func (g *group) expire(file *fileState) {
	const everything = math.MaxInt64
	file.LastSeen, file.resets = 0, nil
	g.extra.DropReciprocal = append(g.extra.DropReciprocal, store.FileVersion{File: file.Ident, Version: everything})
	g.extra.DropResets = append(g.extra.DropResets, store.FileVersion{File: file.Ident, Version: everything})
	g.extra.KeepViews = append(g.extra.KeepViews, store.KeepViews{File: file.Ident, From: everything})
}
