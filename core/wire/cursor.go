package wire

// DownloadCursor is a position in the server's history as one client file sees it (section 6.2).
type DownloadCursor struct {
	ServerVersion uint64 // everything up to here was received
	ClientVersion uint64 // last version of this client's own that the server had integrated at that point
}

// UploadCursor is a position in the client's history as the server sees it (section 6.2).
type UploadCursor struct {
	ClientVersion uint64 // everything up to here was sent (in UPLOAD), or is durably integrated (in DOWNLOAD)
	ServerVersion uint64 // last server version that the client had integrated at that point
}

// LatestServerVersion is the newest server version at the time a message was made. The salt lets the server notice that its
// history was replaced; a client only stores and echoes it (section 6.1).
type LatestServerVersion struct {
	Version uint64
	Salt    int64
}

// Progress is what a DOWNLOAD says about cursors, and what a client persists.
type Progress struct {
	Download DownloadCursor
	Latest   LatestServerVersion
	Upload   UploadCursor
}

// Consistent tells whether a cursor is possible by itself: at client version 0 no server version was seen (section 6.5).
func (c UploadCursor) Consistent() bool { return c.ClientVersion != 0 || c.ServerVersion == 0 }

// ConsistentWith tells whether both cursors can belong to one history: neither part may run against the other (section 6.5).
func (c UploadCursor) ConsistentWith(d UploadCursor) bool {
	switch {
	case c.ClientVersion < d.ClientVersion:
		return c.ServerVersion <= d.ServerVersion
	case c.ClientVersion > d.ClientVersion:
		return c.ServerVersion >= d.ServerVersion
	default:
		return c.ServerVersion == d.ServerVersion
	}
}
