package merge

// ServerFile is the file ident of the server itself: the origin of what it makes, and what stands for its own entries in a merge.
// Clients get idents from FirstClientFile on.
const (
	ServerFile      = 1
	FirstClientFile = 2
)

// ClientFile is what a server stores about a client file (spec/merge.md section 10.1).
type ClientFile struct {
	Salt          int64  // never 0
	Type          int    // type of the client; 0 if it wasn't recorded, which is equal to any
	ClientVersion uint64 // last integrated version of the client
	BaseVersion   uint64 // server version that the client had integrated at that version: base of its reciprocal history
	Locked        uint64 // locked server version
	Expired       bool   // its reciprocal history is gone, for ever
}

// Threshold is the cursor below which uploads were integrated before.
func (f *ClientFile) Threshold() UploadCursor { return UploadCursor{f.ClientVersion, f.BaseVersion} }

// Claim is what a client says about its file in IDENT.
type Claim struct {
	Ident    uint64
	Salt     int64
	Type     int
	Download DownloadCursor
	Latest   LatestVersion
}

// CheckIdent checks a claim against the stored file, nil if the ident is unknown (spec/merge.md section 10.2). newest is the newest
// server version; saltOf returns the salt of a version that exists, 0 for version 0. The error is a *CursorError with the code to
// answer, or that of saltOf.
func CheckIdent(f *ClientFile, c Claim, newest uint64, saltOf func(version uint64) (int64, error)) error {
	switch {
	case c.Ident < 1 || f == nil:
		return violation(BadClientFileIdent, "the client file %d is unknown", c.Ident)
	case f.Salt == 0 || f.Salt != c.Salt:
		return violation(DivergingHistories, "the salt of client file %d is another one", c.Ident)
	case c.Download.ServerVersion < f.BaseVersion:
		return violation(BadServerVersion, "client file %d has integrated server version %d, but it has reported %d before", c.Ident, c.Download.ServerVersion, f.BaseVersion)
	case f.Expired:
		return violation(ClientFileExpired, "client file %d was not seen for too long; its history is gone", c.Ident)
	case c.Download.ServerVersion > newest:
		return violation(BadServerVersion, "client file %d has integrated server version %d, but the newest is %d", c.Ident, c.Download.ServerVersion, newest)
	case c.Download.ClientVersion > f.ClientVersion:
		return violation(BadClientVersion, "client file %d says that its version %d was integrated, but only %d was", c.Ident, c.Download.ClientVersion, f.ClientVersion)
	case c.Latest.Version < c.Download.ServerVersion || c.Latest.Version > newest:
		return violation(BadServerVersion, "client file %d knows %d as the latest server version, which is not in %d..%d", c.Ident, c.Latest.Version, c.Download.ServerVersion, newest)
	}
	salt, err := saltOf(c.Latest.Version)
	switch {
	case err != nil:
		return err
	case salt != c.Latest.Salt:
		return violation(DivergingHistories, "client file %d knows another server version %d: the server's data was restored from a copy", c.Ident, c.Latest.Version)
	case f.Type != 0 && f.Type != c.Type:
		return violation(BadClientFileIdent, "client file %d belongs to another type of client", c.Ident)
	}
	return nil
}

// UploadSession is what a session remembers to judge the uploads that arrive. The zero value with Threshold, Downloaded and Locked
// set is one in which nothing was uploaded yet.
type UploadSession struct {
	Threshold  UploadCursor // of the file, when the session began
	Downloaded uint64       // server version of the session's download cursor: update it with each DOWNLOAD
	Locked     uint64       // last locked server version
	Previous   UploadCursor // header of the last UPLOAD
}

// CheckUpload checks the cursors of an UPLOAD: its header, its locked server version and those of its changesets (spec/merge.md
// section 10.2). It returns the number of changesets at the beginning that were integrated before and are to be dropped, because
// the client sends again what it doesn't know to be acknowledged. The error is a *CursorError with the code to answer; the session
// is unchanged then.
func (s *UploadSession) CheckUpload(header UploadCursor, locked uint64, changesets []UploadCursor) (old int, err error) {
	switch {
	case header.ClientVersion < s.Previous.ClientVersion:
		return 0, violation(BadClientVersion, "UPLOAD goes back from client version %d to %d", s.Previous.ClientVersion, header.ClientVersion)
	case header.ServerVersion > s.Downloaded:
		return 0, violation(BadServerVersion, "UPLOAD reports server version %d, but only %d was sent", header.ServerVersion, s.Downloaded)
	case !header.Consistent():
		return 0, violation(BadServerVersion, "UPLOAD reports %v", header)
	case !header.ConsistentWith(s.Threshold):
		return 0, violation(BadServerVersion, "UPLOAD reports %v, but %v was integrated before", header, s.Threshold)
	case !header.ConsistentWith(s.Previous):
		return 0, violation(BadServerVersion, "UPLOAD reports %v after %v", header, s.Previous)
	case locked < s.Locked || locked > s.Downloaded:
		return 0, violation(BadServerVersion, "UPLOAD reports the locked server version %d, which is not in %d..%d", locked, s.Locked, s.Downloaded)
	}
	previous := s.Previous
	for i, c := range changesets {
		switch {
		case c.ClientVersion <= previous.ClientVersion:
			return 0, violation(BadClientVersion, "changeset %d of UPLOAD has client version %d, after %d", i, c.ClientVersion, previous.ClientVersion)
		case !c.Consistent() || !c.ConsistentWith(previous):
			return 0, violation(BadServerVersion, "changeset %d of UPLOAD has %v, after %v", i, c, previous)
		case !c.ConsistentWith(s.Threshold):
			return 0, violation(BadServerVersion, "changeset %d of UPLOAD has %v, but %v was integrated before", i, c, s.Threshold)
		}
		if c.ClientVersion <= s.Threshold.ClientVersion {
			old = i + 1
		}
		previous = c
	}
	if len(changesets) > 0 {
		switch {
		case previous.ClientVersion > header.ClientVersion:
			return 0, violation(BadClientVersion, "UPLOAD reports client version %d, but has a changeset of %d", header.ClientVersion, previous.ClientVersion)
		case !previous.ConsistentWith(header):
			return 0, violation(BadServerVersion, "UPLOAD reports %v, but its last changeset has %v", header, previous)
		}
	}
	s.Previous, s.Locked = header, locked
	return old, nil
}

// CheckOrigin returns the effective origin of a changeset that sender uploads (section 10.2): 0 stands for the sender. Others must be
// clients behind the sender: proxyOf returns through whom a file syncs, 0 if it syncs by itself, false if it is unknown.
func CheckOrigin(origin, sender uint64, proxyOf func(ident uint64) (uint64, bool)) (uint64, error) {
	if origin == 0 {
		return sender, nil
	}
	if origin > ServerFile {
		if proxy, known := proxyOf(origin); known && proxy == sender {
			return origin, nil
		}
	}
	return 0, violation(BadOriginFileIdent, "client file %d can't upload changes of file %d", sender, origin)
}

// Integrate records that an UPLOAD was integrated (section 10.3). trim tells that the reciprocal history up to the new BaseVersion
// isn't needed any more.
func (f *ClientFile) Integrate(header UploadCursor, locked uint64) (trim bool) {
	if header.ClientVersion > f.ClientVersion {
		f.ClientVersion = header.ClientVersion
		if header.ServerVersion > f.BaseVersion {
			f.BaseVersion = header.ServerVersion
			trim = true
		}
	}
	f.Locked = max(f.Locked, locked)
	return trim
}

// ServerEntry is an entry of a server's history as one client file sees it.
type ServerEntry struct {
	Version       uint64
	Own           bool   // the client file has made it, itself or for another
	ClientVersion uint64 // if Own: the version at the client
	Size          int    // of the changeset, in bytes; 0 if it is empty
}

// Sent is an entry to send in a DOWNLOAD.
type Sent struct {
	ServerVersion uint64
	ClientVersion uint64 // last version of the client integrated before: the base of the merge there
}

// DownloadScan finds what to send to a client next (spec/merge.md section 10.5): entries behind the cursor up to version end, until
// their changesets have more than limit bytes together, and the cursor for the header and the next scan. Own and empty entries only
// move the cursor; the scan may leave empty ones out.
//
// All entries of one result have the same base, because the original integrates others wrongly (section 14, X6): where the next has
// another one, the result ends.
func DownloadScan(cursor DownloadCursor, end uint64, limit int, entries Scan[ServerEntry]) (send []Sent, next DownloadCursor, err error) {
	next = cursor
	if cursor.ServerVersion >= end {
		return nil, next, nil
	}
	size := 0
	for e, err := range entries(cursor.ServerVersion, end) {
		switch {
		case err != nil:
			return nil, cursor, err
		case e.Own:
			next.ClientVersion = e.ClientVersion
		case e.Size == 0:
		case len(send) > 0 && send[0].ClientVersion != next.ClientVersion, size > limit:
			next.ServerVersion = e.Version - 1 // what lies between needs no sending
			return send, next, nil
		default:
			send = append(send, Sent{e.Version, next.ClientVersion})
			size += e.Size
		}
		next.ServerVersion = e.Version
	}
	next.ServerVersion = end
	return send, next, nil
}
