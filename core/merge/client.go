package merge

import "iter"

// Limits of one UPLOAD in bytes of changesets (section 9.4).
const (
	uploadEnough = 131072   // no changeset is added to so much
	uploadMost   = 16777216 // no changeset is added that would make so much; a single larger one goes alone
)

// Received is the header of a downloaded changeset.
type Received struct {
	ServerVersion uint64
	ClientVersion uint64 // last version of this client that the server had integrated before
	FileIdent     uint64 // origin
}

// CheckDownload is what a client checks before it integrates a DOWNLOAD (spec/merge.md section 9.2), with the rules of flexible sync:
// server versions may repeat. current is the stored progress, newest the newest local version, fileIdent the client's own. The
// error is a *CursorError with code BadProgress: a protocol violation.
func CheckDownload(current, received Progress, changesets []Received, newest, fileIdent uint64) error {
	a, b := current, received
	bad := func(format string, args ...any) error { return violation(BadProgress, format, args...) }
	switch {
	case b.Latest.Version < a.Latest.Version:
		return bad("the latest server version goes back from %d to %d", a.Latest.Version, b.Latest.Version)
	case b.Upload.ClientVersion < a.Upload.ClientVersion:
		return bad("the acknowledged client version goes back from %d to %d", a.Upload.ClientVersion, b.Upload.ClientVersion)
	case b.Upload.ClientVersion > newest:
		return bad("client version %d is acknowledged, but the newest is %d", b.Upload.ClientVersion, newest)
	case b.Download.ServerVersion < a.Download.ServerVersion:
		return bad("the downloaded server version goes back from %d to %d", a.Download.ServerVersion, b.Download.ServerVersion)
	case b.Download.ServerVersion > b.Latest.Version:
		return bad("the downloaded server version %d is above the latest one, %d", b.Download.ServerVersion, b.Latest.Version)
	case b.Download.ClientVersion < a.Download.ClientVersion:
		return bad("the integrated client version goes back from %d to %d", a.Download.ClientVersion, b.Download.ClientVersion)
	case b.Download.ClientVersion > b.Upload.ClientVersion:
		return bad("client version %d is said to be integrated, but only %d is acknowledged", b.Download.ClientVersion, b.Upload.ClientVersion)
	case b.Download.ServerVersion < b.Upload.ServerVersion:
		return bad("the downloaded server version %d is below %d, which this client has reported", b.Download.ServerVersion, b.Upload.ServerVersion)
	}
	at := a.Download
	for i, c := range changesets {
		switch {
		case c.ServerVersion < at.ServerVersion || c.ServerVersion > b.Download.ServerVersion:
			return bad("changeset %d has server version %d, which is not in %d..%d", i, c.ServerVersion, at.ServerVersion, b.Download.ServerVersion)
		case c.ClientVersion < at.ClientVersion || c.ClientVersion > b.Download.ClientVersion:
			return bad("changeset %d is based on client version %d, which is not in %d..%d", i, c.ClientVersion, at.ClientVersion, b.Download.ClientVersion)
		case c.FileIdent == 0 || c.FileIdent == fileIdent:
			return bad("changeset %d has the origin %d; this file is %d", i, c.FileIdent, fileIdent)
		}
		at = DownloadCursor{c.ServerVersion, c.ClientVersion}
	}
	return nil
}

// Rebase prepares downloaded entries for Batch (section 9.3): a base below baseVersion, the version before the first entry that is
// still stored, is raised to it; what lay between needs no merging. A base above current, the newest local version, is a
// *CursorError.
func Rebase(batch []*Entry, baseVersion, current uint64) error {
	for _, e := range batch {
		if e.LastIntegrated > current {
			return violation(BadClientVersion, "server version %d is based on client version %d, but the newest is %d", e.Version, e.LastIntegrated, current)
		}
		e.LastIntegrated = max(e.LastIntegrated, baseVersion)
	}
	return nil
}

// LocalEntry is an entry of a client's history as a scan for uploads sees it.
type LocalEntry struct {
	Version       uint64
	RemoteVersion uint64 // server version integrated when it was made
	Timestamp     uint64
	Upload        bool // it is a local change and not empty; others are only passed
	Size          int  // of the changeset, in bytes
}

// Scan gives the entries with versions after < v <= upTo, ascending. Entries that are not uploaded may be left out; one that is given
// makes its RemoteVersion count. The loop ends at the first error.
type Scan[E any] func(after, upTo uint64) iter.Seq2[E, error]

// UploadScan finds what to upload next (spec/merge.md section 9.4): entries behind the cursor up to end, which exists, as many as fit into
// one message, and the cursor for its header and the next scan. baseVersion is the version before the first entry that is stored.
//
// The cursor never goes back, and it always is that of the last entry that was passed, so that it agrees with the last changeset.
func UploadScan(cursor UploadCursor, baseVersion, end uint64, entries Scan[LocalEntry]) (upload []LocalEntry, next UploadCursor, err error) {
	next = UploadCursor{max(cursor.ClientVersion, baseVersion), cursor.ServerVersion}
	if next.ClientVersion >= end {
		return nil, next, nil
	}
	size := 0
	for e, err := range entries(next.ClientVersion, end) {
		switch {
		case err != nil:
			return nil, cursor, err
		case e.Upload && len(upload) > 0 && size+e.Size >= uploadMost:
			return upload, next, nil
		}
		next = UploadCursor{e.Version, e.RemoteVersion}
		if !e.Upload {
			continue
		}
		upload = append(upload, e)
		if size += e.Size; size >= uploadEnough {
			return upload, next, nil
		}
	}
	next.ClientVersion = end
	return upload, next, nil
}

// Raise returns the cursor of a session after a DOWNLOAD has acknowledged uploads (section 9.4).
func (c UploadCursor) Raise(acknowledged UploadCursor) UploadCursor {
	if acknowledged.ClientVersion > c.ClientVersion {
		return acknowledged
	}
	return c
}

// MustReport tells whether an UPLOAD is to be sent even without changesets, so that the server learns what was integrated and can
// trim (section 9.4). c is the cursor before the scan.
func (c UploadCursor) MustReport(p Progress) bool { return c.ServerVersion < p.Download.ServerVersion }

// TrimVersion returns the base version of a client's history after trimming (spec/merge.md section 9.5): entries up to it can't be
// part of a merge any more, nor be uploaded. newest is the newest version; next returns the first version after a given one whose
// entry is a local change that is not empty.
//
// Trim when progress is saved, before the entry of the integration is appended.
func TrimVersion(p Progress, baseVersion, newest uint64, next func(after uint64) (version uint64, ok bool, err error)) (uint64, error) {
	keep := min(max(p.Download.ClientVersion, baseVersion, 1), newest)
	version, ok, err := next(keep)
	switch {
	case err != nil:
		return baseVersion, err
	case ok && version <= newest:
		return version - 1, nil
	default:
		return newest, nil
	}
}
