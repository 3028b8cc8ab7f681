package store

// Class is the stored definition of a class. Ids are never reused: a class that is removed and added again gets a new
// one, so that documents of its former life can't come back.
type Class struct {
	ID         uint32
	Name       string
	Definition []byte // encoded by server/history, never empty
}

// Entry is one server version.
type Entry struct {
	Version       uint64 // >= 1, dense
	Origin        uint64 // file ident of the client that made it; 1 is the server itself
	ClientVersion uint64 // the version at that client, 0 for entries of the server
	Timestamp     uint64 // ms since 2015-01-01T00:00:00Z
	Flags         uint32 // of server/history
	Changeset     []byte // as merged, canonical encoding; may be empty
	Images        []byte // the touched objects before and after; read only when asked for
}

// Own is one version that a certain file made: the part of an Entry that cursors need.
type Own struct {
	Version       uint64
	ClientVersion uint64
}

// ObjectRef names an object: the id of its class and its encoded primary key.
type ObjectRef struct {
	Class uint32
	Key   string
}

// Object is the newest state of an object. A nil Doc is a tombstone: the object is gone, but the version that touched it
// last is still needed to find what concurrent uploads must be merged with.
type Object struct {
	ObjectRef
	Doc     []byte
	Version uint64 // the version that touched it last
}

// Piece is a part of a large collection, which documents and images name by its ID. Pieces are never changed: those that the
// newest documents don't name any more are still named by the images of older versions, until these are given up.
type Piece struct {
	ID   uint64 // >= 1, chosen by server/history, never used twice
	Body []byte // not empty
}

// File is what is known of one client file.
type File struct {
	Ident         uint64 // >= 2
	Salt          int64  // 1 .. 2^63-1; 0: forgotten, see history.Engine.Forget
	User          string
	ClientVersion uint64 // upload cursor: the last client version that was integrated
	BaseVersion   uint64 // upload cursor: the server version that the client had integrated then
	Locked        uint64 // locked_server_version: never decreases
	LastSeen      uint64 // ms since 2015-01-01T00:00:00Z of the last IDENT or upload, by the clock of history.presence; 0: expired, never revived
	Created       uint64 // ms since 2015-01-01T00:00:00Z
	SchemaVersion uint64 // version of the app's schema that it was made for (BIND), 0 where there are no versions
}

// View says that a file was sent, wholly or in part, the bootstrap of a query at a server version.
type View struct {
	File         uint64
	QueryVersion uint64
	Body         string // the query body, as the client wrote it
	Snapshot     uint64 // the server version that the last bootstrap of this query described
	First        uint64 // the server version of its first attempt: a client may keep leftovers of it
}

// Reset says that at Version an object of one file must be set back to what the server has, because the file wrote what
// it may not, or what it could not know.
type Reset struct {
	File          uint64
	Version       uint64
	Object        ObjectRef
	After         uint64 // oldest reset of the object that the file did not know of when it wrote that; 0: it knew of all
	ClientVersion uint64 // the upload that led to it
	Reason        string // text for the user (error 231); "" if there is nothing to tell
}

// Reciprocal is a history entry as transformed by the uploads of one file (spec/merge.md section 10.1). An empty
// Changeset is a transformation to nothing, and not the same as none.
type Reciprocal struct {
	File      uint64
	Version   uint64
	Changeset []byte
}

// Salt holds for all versions from From on, until the next one. One is drawn each time that a store is opened for
// writing, so that a client that holds versions of another life of the store can be told.
type Salt struct {
	From  uint64
	Value int64 // 1 .. 2^63-1
}

// Changes is what one group commit changes. Order within a slice matters only where it says so.
type Changes struct {
	Salt           *Salt
	Classes        []Class  // added or redefined
	DropClasses    []uint32 // with all their objects; applied before Objects
	Entries        []Entry  // ascending, continuing the history
	Objects        []Object // newest states
	Pieces         []Piece  // added
	Files          []File   // added or replaced
	Views          []View   // added or replaced by (File, QueryVersion)
	KeepViews      []KeepViews
	Resets         []Reset
	DropResets     []FileVersion // resets of the file at or below the version
	Reciprocals    []Reciprocal
	DropReciprocal []FileVersion // reciprocals of the file at or below the version; applied before Reciprocals
	Floor          uint64        // what the history is given up to (Reader.Floor), if it is more than before
	Reclaim        int           // how many records that the floor has made useless may be removed, of each kind; applied last
	DropPieces     []uint64
}

// KeepViews drops the views of a file with a query version below From.
type KeepViews struct{ File, From uint64 }

// FileVersion is a place in the history as one file sees it.
type FileVersion struct{ File, Version uint64 }

// Empty tells whether there is nothing to write.
func (c *Changes) Empty() bool {
	return c.Salt == nil && len(c.Classes) == 0 && len(c.DropClasses) == 0 && len(c.Entries) == 0 && len(c.Objects) == 0 &&
		len(c.Pieces) == 0 && len(c.Files) == 0 && len(c.Views) == 0 && len(c.KeepViews) == 0 && len(c.Resets) == 0 && len(c.DropResets) == 0 &&
		len(c.Reciprocals) == 0 && len(c.DropReciprocal) == 0 && c.Floor == 0 && c.Reclaim == 0 && len(c.DropPieces) == 0
}
