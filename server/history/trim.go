package history

import (
	"context"
	"math"
	"time"

	"realmsync/server/store"
)

// Retention says what of an app's past is kept.
type Retention struct {
	// Offline is how long a client file may be away before it is given up (222, a client reset); 0: for ever. Time in which the app is closed hardly counts
	// (see presence).
	Offline time.Duration
	// Connected are the files with a session now: they are not away, whatever they have sent lately.
	Connected []uint64
	// Sweep looks for pieces of collections that nothing names any more. That reads all data, so it is for once in a while.
	Sweep bool
	// Batch is how many records of a kind one transaction removes; default 256. Uploads come in between.
	Batch int
}

// Trimmed says what Trim has done.
type Trimmed struct {
	Expired int    // client files
	Floor   uint64 // Engine.Floor after it
	Pieces  int    // that were removed
	Quiet   bool   // nothing has happened since the Trim before: what was kept in memory of the past has been given up
}

// Trim gives up what no client can need any more: files that were away too long, then the history that was needed only for them, tombstones
// in it, and, if asked, pieces of collections. It works in small transactions among those of uploads, and may be interrupted anywhere,
// by the end of the context or of the process: the next one goes on.
//
// Versions that change the schema are kept: every client that has never connected merges with them.
//
// What a file needs (see DESIGN.md section 8):
//
//   - If it has reported to have integrated version B > 0, whatever it uploads is based on B or more, and it is told what followed on B.
//   - A bootstrap that it may not have got is repeated with what was touched after View.First.
//   - If it has reported nothing (B = 0) but has uploaded, it may be set back at its own versions, and is told the cursors of these.
//   - If it has reported nothing, it may upload what it wrote before its first bootstrap, based on 0. Objects that existed when that was made
//     are told to it as a whole, so such writes to them are dropped whatever happened to them (judge): nothing before is needed.
//
// All of that only grows: a bootstrap that begins later has a First that is a version to come or is among the stored ones. So the floor can
// be found on a snapshot and set later.
func (e *Engine) Trim(ctx context.Context, r Retention) (out Trimmed, err error) {
	if r.Batch <= 0 {
		r.Batch = 256
	}
	before := e.Floor()
	out.Floor = before
	if err := e.touch(ctx, r); err != nil {
		return out, err
	}
	if out.Expired, err = e.expireAll(ctx, r); err != nil {
		return out, err
	}
	if err := e.raise(ctx); err != nil {
		return out, err
	}
	out.Floor = e.Floor()
	if err := e.reclaim(ctx, r.Batch); err != nil {
		return out, err
	}
	if r.Sweep {
		if out.Pieces, err = e.sweep(ctx, r.Batch); err != nil {
			return out, err
		}
	}
	version := e.Version()
	out.Quiet = e.trimmed.Swap(version) == version && out.Floor == before && out.Expired == 0
	if out.Quiet {
		err = e.rest(ctx)
	}
	return out, err
}

// rest gives up what is in memory only to be at hand: all of it is in the store, and is read again by the first that asks. So an app in which nothing
// happens costs what its sessions cost, however much happened before.
func (e *Engine) rest(ctx context.Context) error {
	if _, err := do(ctx, e, false, func(*group) (none struct{}, err error) {
		e.clients.forget()
		e.state.Lock()
		defer e.state.Unlock()
		e.recent.forget(e.Version())
		return none, nil
	}); err != nil {
		return err
	}
	e.pieces.forget()
	if s, ok := e.cfg.Store.(store.Shrinker); ok {
		return s.Shrink(ctx)
	}
	return nil
}

// filesAtOnce is how many files are read or changed at once.
const filesAtOnce = 64

// touch notes that connected files are not away.
func (e *Engine) touch(ctx context.Context, r Retention) error {
	for rest := r.Connected; len(rest) > 0; {
		n := min(len(rest), filesAtOnce)
		some := rest[:n]
		rest = rest[n:]
		if _, err := do(ctx, e, true, func(g *group) (none struct{}, err error) {
			now := e.presence.now()
			for _, ident := range some {
				file, err := g.file(ident)
				if err != nil {
					continue // it claims an ident that doesn't exist, and is about to be refused
				}
				if file.LastSeen != 0 && now > file.LastSeen+seenEvery {
					file.LastSeen = now
				}
			}
			return none, nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// eachFile calls f for the files, some at once, on snapshots that are soon closed.
func (e *Engine) eachFile(ctx context.Context, f func(s store.Snapshot, files []store.File) error) error {
	for above := uint64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := e.cfg.Store.Snapshot(ctx)
		if err != nil {
			return err
		}
		files, err := s.Files(above, filesAtOnce)
		if err == nil && len(files) > 0 {
			above = files[len(files)-1].Ident
			err = f(s, files)
		}
		if closing := s.Close(); err == nil {
			err = closing
		}
		if err != nil || len(files) == 0 {
			return err
		}
	}
}

// expireAll gives up the files that were away too long.
func (e *Engine) expireAll(ctx context.Context, r Retention) (count int, err error) {
	if r.Offline <= 0 {
		return 0, nil
	}
	away := func(f *store.File) bool {
		return f.LastSeen != 0 && f.LastSeen+seenEvery+uint64(r.Offline.Milliseconds()) < e.presence.now()
	}
	var idents []uint64
	err = e.eachFile(ctx, func(_ store.Snapshot, files []store.File) error {
		for i := range files {
			if away(&files[i]) {
				idents = append(idents, files[i].Ident)
			}
		}
		return nil
	})
	for err == nil && len(idents) > 0 {
		some := idents[:min(len(idents), filesAtOnce)]
		idents = idents[len(some):]
		var n int
		n, err = do(ctx, e, true, func(g *group) (n int, err error) {
			for _, ident := range some {
				file, err := g.file(ident)
				if err != nil {
					return 0, err
				}
				if away(&file.File) { // unless it came in between
					g.expire(file)
					n++
				}
			}
			return n, nil
		})
		count += n
	}
	return count, err
}

// raise sets the floor as high as the files allow.
func (e *Engine) raise(ctx context.Context) error {
	if e.Version() == 0 {
		return nil
	}
	floor := e.Version() - 1 // the newest version stays: it says how far the history goes
	err := e.eachFile(ctx, func(s store.Snapshot, files []store.File) error {
		for i := range files {
			needed, err := need(s, &files[i])
			if err != nil {
				return err
			}
			floor = min(floor, needed)
		}
		return nil
	})
	if err != nil || floor <= e.Floor() {
		return err
	}
	_, err = do(ctx, e, false, func(g *group) (none struct{}, err error) {
		g.extra.Floor = max(g.extra.Floor, floor)
		return none, nil
	})
	return err
}

// need returns the version above which a file needs the history.
func need(s store.Reader, f *store.File) (uint64, error) {
	if f.LastSeen == 0 {
		return math.MaxUint64, nil
	}
	needed := uint64(math.MaxUint64)
	if f.BaseVersion > 0 {
		needed = f.BaseVersion
	} else if f.ClientVersion > 0 {
		own, err := s.OwnVersions(f.Ident, 0)
		if err != nil {
			return 0, err
		}
		if len(own) > 0 {
			needed = own[0].Version - 1
		}
	}
	views, err := s.Views(f.Ident)
	if err != nil {
		return 0, err
	}
	for _, v := range views {
		if v.Snapshot > f.BaseVersion {
			needed = min(needed, v.First, v.Snapshot)
		}
	}
	return needed, nil
}

// reclaim removes what is at or below the floor.
func (e *Engine) reclaim(ctx context.Context, batch int) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := e.cfg.Store.Snapshot(ctx)
		if err != nil {
			return err
		}
		more, err := s.Reclaimable()
		if closing := s.Close(); err == nil {
			err = closing
		}
		if err != nil || !more {
			return err
		}
		if _, err := do(ctx, e, false, func(g *group) (none struct{}, err error) {
			g.extra.Reclaim = batch
			return none, nil
		}); err != nil {
			return err
		}
	}
}
