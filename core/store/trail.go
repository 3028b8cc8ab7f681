package store

import "sync"

// The trail is what recent versions changed, kept in the file for the observers of other processes: those can't see what happens here, and
// would have to take everything as changed. It has a row per version, written by the commit that makes the version, so it is as durable, as
// encrypted and as much part of a snapshot as what it tells of. Versions follow each other without gap up to the newest one of the trail:
// where one is missing, those before it say nothing, and are removed.
//
// Only while another process follows the trail (FollowTrail), commits leave one; the first that finds nobody removes it. A process that is alone
// knows that there is nobody when a transaction begins, and pays nothing.
//
//	version  that the commit made
//	upto     bytes of changes in this row and all before it
//	changes  trail_codec.go
const trailTable = "store_trail"

// layoutTrail makes the table. Files of before there was a trail get it when it is needed first.
const layoutTrail = `CREATE TABLE IF NOT EXISTS store_trail(version INTEGER PRIMARY KEY, upto INTEGER NOT NULL, changes BLOB NOT NULL)`

// Bounds of the trail, for those who don't come to read it. Who is further behind compares what it sees.
const (
	MaxTrail      = 4096    // versions
	maxTrailBytes = 4 << 20 // of changes, in all
)

// FollowTrail has the other processes leave a trail with their commits from now on, until cancel; a transaction that is on its way just now
// may leave none. While no Conn of this process has the file open, none is left.
func FollowTrail(path string) (cancel func()) {
	file := canonical(path)
	l := retainFileLock(file)
	l.others.follow(1)
	return sync.OnceFunc(func() {
		l.others.follow(-1)
		releaseFileLock(file)
	})
}

// leaveTrail makes the open write transaction leave a trail, if another process follows it. changes are those of the transaction, which is
// settled but for this.
func (c *Conn) leaveTrail(changes func() *Changes) error {
	if !c.lock.queued || !c.lock.note.followed() { // this process was alone when the transaction began
		return c.dropTrail()
	}
	if err := c.buildTrail(); err != nil {
		return err
	}
	version := int64(c.version.value)
	const before = "SELECT upto FROM store_trail WHERE version=?1 AND NOT EXISTS(SELECT 1 FROM store_trail WHERE version>?1)"
	upto, follows, err := c.queryInt(before, version-1)
	if err == nil && !follows {
		err = c.eraseTrail()
	}
	if err != nil {
		return err
	}
	b, ok := encodeTrail(changes())
	if !ok { // a gap
		return c.eraseTrail()
	}
	c.lock.trail.Store(true)
	upto += int64(len(b))
	if _, err := c.exec("INSERT INTO store_trail VALUES(?,?,?)", version, upto, b); err != nil {
		return err
	}
	return c.shortenTrail(version, upto)
}

// shortenTrail removes what is beyond the bounds. It waits until that is an eighth, so that it is seldom done.
func (c *Conn) shortenTrail(version, upto int64) error {
	const slack = 8
	long := version - MaxTrail
	beyond, _, err := c.queryInt("SELECT 1 FROM (SELECT version, upto FROM store_trail ORDER BY version LIMIT 1) WHERE version<=? OR upto<=?",
		long-MaxTrail/slack, upto-maxTrailBytes-maxTrailBytes/slack)
	if err != nil || beyond == 0 {
		return err
	}
	// upto grows with the version, so these are the first ones.
	_, err = c.exec("DELETE FROM store_trail WHERE version<=? OR upto<=?", long, upto-maxTrailBytes)
	return err
}

// dropTrail removes the trail, which nobody follows any more, if this process knows of one. One that it doesn't know of is bounded.
func (c *Conn) dropTrail() error {
	if !c.lock.trail.Load() {
		return nil
	}
	if err := c.eraseTrail(); err != nil {
		return err
	}
	c.lock.trail.Store(false) // should the commit fail, the rest waits for the next trail
	return nil
}

func (c *Conn) eraseTrail() error {
	if !c.catalog.tables[trailTable] {
		return nil
	}
	return c.control("DELETE FROM store_trail")
}

func (c *Conn) buildTrail() error {
	if c.catalog.tables[trailTable] {
		return nil
	}
	c.catalog.changed = true
	if err := c.control(layoutTrail); err != nil {
		return err
	}
	c.catalog.tables[trailTable] = true
	return nil
}

// Trail returns what the versions behind one and up to another changed, of those that the trail has; none of a version says nothing about
// it. It needs a snapshot, and upTo is at most its version. Errors: ErrFormat for a trail that is damaged.
func (c *Conn) Trail(after, upTo uint64) (map[uint64]*Changes, error) {
	if err := c.needRead("reading the trail"); err != nil {
		return nil, err
	}
	if !c.catalog.tables[trailTable] {
		return nil, nil
	}
	out := map[uint64]*Changes{}
	rows := 0
	err := c.query("SELECT version, changes FROM store_trail WHERE version>? AND version<=?", []any{after, upTo}, func(r *Row) error {
		changes, err := decodeTrail(r.bytes(1), maxTrailRows-rows)
		if err == errTrailLong {
			return err
		}
		if err != nil {
			return c.errorf(ErrFormat, "the trail of version %d: %v", r.Int(0), err)
		}
		rows += changes.Rows()
		out[r.Uint64(0)] = changes
		return nil
	})
	if err != nil && err != errTrailLong { // the rest is missing then
		return nil, err
	}
	if len(out) > 0 {
		c.lock.trail.Store(true)
	}
	return out, nil
}
