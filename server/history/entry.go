package history

import (
	"fmt"
	"sync"

	"realmsync/core/changeset"
	"realmsync/server/budget"
	"realmsync/server/store"
)

// Server is the origin of what the server itself made; clients get file idents from FirstFile on.
const (
	Server    = 1
	FirstFile = 2
)

// Flags of a stored entry.
const (
	flagSchema uint32 = 1 << iota // it has AddTable or AddColumn
	flagErase                     // it has EraseTable or EraseColumn
)

// Entry is one committed server version. It is immutable.
type Entry struct {
	Version       uint64
	Origin        uint64 // the file that made it; Server for the server's own
	ClientVersion uint64
	Timestamp     uint64 // ms since 2015-01-01T00:00:00Z, of the origin's clock
	Changeset     *changeset.Changeset
	Bytes         []byte // the changeset, encoded; empty when nothing is left of it
	Images        []Image
	Catalog       *Catalog // after this version

	flags uint32
	size  int    // estimated memory, bytes
	stamp uint64 // of the budget, as of when it came into memory

	lookup sync.Once
	byRef  map[store.ObjectRef]int // built on first use, when there are many
}

func (e *Entry) record(enc *encoder) store.Entry {
	out := store.Entry{
		Version: e.Version, Origin: e.Origin, ClientVersion: e.ClientVersion, Timestamp: e.Timestamp, Flags: e.flags, Changeset: e.Bytes,
	}
	if len(e.Images) > 0 {
		out.Images = enc.images(nil, e.Images)
	}
	return out
}

// entryOf rebuilds an entry from its record. The catalog is that of now, not that of the version; there are no images of objects
// whose class is gone. want chooses the images, nil all of them. See enlarge.
func entryOf(catalog *Catalog, r *store.Entry, want func(store.ObjectRef) bool) (*Entry, error) {
	e := &Entry{
		Version: r.Version, Origin: r.Origin, ClientVersion: r.ClientVersion, Timestamp: r.Timestamp, Bytes: r.Changeset,
		Catalog: catalog, flags: r.Flags,
	}
	var err error
	if e.Changeset, err = changeset.Decode(r.Changeset); err != nil {
		return nil, fmt.Errorf("history: the stored changeset of server version %d is damaged: %w", r.Version, err)
	}
	if len(r.Images) > 0 {
		if e.Images, err = decodeImages(catalog, r.Images, want); err != nil {
			return nil, fmt.Errorf("server version %d: %w", r.Version, err)
		}
	}
	return e, nil
}

// enlarge marks the images of a large version. What decides is stored with the version, so that it is the same whenever it is asked: the engine judges
// uploads by it.
func (e *Entry) enlarge(limit int) {
	if len(e.Bytes) <= limit {
		return
	}
	for i := range e.Images {
		e.Images[i].large = true
	}
}

// Erases tells whether the version erases classes or properties.
func (e *Entry) Erases() bool { return e.flags&flagErase != 0 }

// flagsOf looks for schema instructions.
func flagsOf(c *changeset.Changeset) (flags uint32) {
	for i := range c.Instructions {
		switch c.Instructions[i].Op {
		case changeset.AddTable, changeset.AddColumn:
			flags |= flagSchema
		case changeset.EraseTable, changeset.EraseColumn:
			flags |= flagErase
		}
	}
	return flags
}

// measure estimates the memory that the entry holds. What an object was before is the same as what the version before it left, so it is counted twice as
// long as both are in memory: when only the newer one is, it is held by that alone.
func (e *Entry) measure() {
	e.size = 256 + len(e.Bytes) + 160*len(e.Changeset.Instructions)
	for i := range e.Images {
		e.size += 128
		for _, r := range [2]*Row{e.Images[i].Before, e.Images[i].After} {
			if r != nil {
				e.size += r.size()
			}
		}
	}
}

// Size is about the memory that the entry holds, in bytes.
func (e *Entry) Size() int { return e.size }

// recent holds the newest entries in memory, bounded by their size: what an upload must be merged with is nearly always
// among them, and so is what a session that lags a little must be sent.
type recent struct {
	entries []*Entry // ascending, dense
	size    int
	limit   int            // of this app
	budget  *budget.Budget // of all apps
}

func (r *recent) add(entries []*Entry) {
	size := 0
	for _, e := range entries {
		size += e.size
	}
	stamp := r.budget.Put(size)
	for _, e := range entries {
		e.stamp = stamp
	}
	r.size += size
	r.entries = append(r.entries, entries...)
	r.trim()
}

// trim gives up what is more than there is room for.
func (r *recent) trim() {
	floor := r.budget.Floor()
	r.drop(func(e *Entry) bool { return r.size > r.limit || e.stamp < floor })
}

// forget gives up the versions up to the floor: nobody needs them, so they are not worth their memory.
func (r *recent) forget(floor uint64) { r.drop(func(e *Entry) bool { return e.Version <= floor }) }

// drop gives up the oldest entries as long as a condition holds for them, but not the newest of all.
func (r *recent) drop(more func(*Entry) bool) {
	n := 0
	for n < len(r.entries)-1 && more(r.entries[n]) {
		r.size -= r.entries[n].size
		r.entries[n] = nil
		n++
	}
	r.entries = r.entries[n:]
	if 4*len(r.entries) < cap(r.entries) {
		r.entries = append(make([]*Entry, 0, 2*len(r.entries)), r.entries...)
	}
}

// get returns an entry, nil when it is not here.
func (r *recent) get(version uint64) *Entry {
	if len(r.entries) == 0 || version < r.entries[0].Version {
		return nil
	}
	if i := version - r.entries[0].Version; i < uint64(len(r.entries)) {
		return r.entries[i]
	}
	return nil
}

// IsSchema tells whether the version has instructions on the schema.
func (e *Entry) IsSchema() bool { return e.flags != 0 }
