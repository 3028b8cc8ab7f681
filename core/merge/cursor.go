package merge

import (
	"errors"
	"fmt"
)

// UploadCursor is a place in the life of a client file: a version of its own, and the last server version that it had integrated
// then. It converts to and from wire.UploadCursor.
type UploadCursor struct {
	ClientVersion uint64
	ServerVersion uint64
}

// Consistent tells whether the cursor is possible by itself: at client version 0 nothing was integrated (section 10.2).
func (c UploadCursor) Consistent() bool { return c.ClientVersion != 0 || c.ServerVersion == 0 }

// ConsistentWith tells whether both can be places in the life of one file: neither part runs against the other (section 10.2).
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

// String formats the cursor for error texts.
func (c UploadCursor) String() string {
	return fmt.Sprintf("client version %d with server version %d", c.ClientVersion, c.ServerVersion)
}

// DownloadCursor is a place in the server's history as a client file sees it: a server version, and the last version of the client
// that the server had integrated then. It converts to and from wire.DownloadCursor.
type DownloadCursor struct {
	ServerVersion uint64
	ClientVersion uint64
}

// LatestVersion is the newest server version and the salt by which the server recognizes its own history. It converts to and from
// wire.LatestServerVersion.
type LatestVersion struct {
	Version uint64
	Salt    int64
}

// Progress is what a client file stores of how far synchronization is (section 9.1).
type Progress struct {
	Download DownloadCursor
	Latest   LatestVersion
	Upload   UploadCursor
}

// Advance returns the progress to store after p (section 9.2): no number may decrease, but Upload.ServerVersion may be unknown (0).
// The error is a *CursorError with code BadProgress.
func (p Progress) Advance(next Progress) (Progress, error) {
	if next.Upload.ServerVersion == 0 {
		next.Upload.ServerVersion = p.Upload.ServerVersion
	}
	for _, c := range [...]struct {
		name     string
		old, new uint64
	}{
		{"latest server version", p.Latest.Version, next.Latest.Version},
		{"downloaded server version", p.Download.ServerVersion, next.Download.ServerVersion},
		{"downloaded client version", p.Download.ClientVersion, next.Download.ClientVersion},
		{"uploaded client version", p.Upload.ClientVersion, next.Upload.ClientVersion},
		{"uploaded server version", p.Upload.ServerVersion, next.Upload.ServerVersion},
	} {
		if c.new < c.old {
			return p, violation(BadProgress, "the %s goes back from %d to %d", c.name, c.old, c.new)
		}
	}
	return next, nil
}

// Code is the error code on the wire of a *CursorError.
type Code int

// The codes of wrong cursors (sections 9.2, 10.2).
const (
	BadClientFileIdent Code = 208
	BadServerVersion   Code = 209
	BadClientVersion   Code = 210
	DivergingHistories Code = 211
	BadOriginFileIdent Code = 216
	ClientFileExpired  Code = 222
	BadProgress        Code = 233
)

// ErrCursor is what every *CursorError is to errors.Is.
var ErrCursor = errors.New("versions contradict each other")

// CursorError says that what the other side claims about versions contradicts what is known here.
type CursorError struct {
	Code Code
	Text string
}

// Error implements error.
func (e *CursorError) Error() string { return fmt.Sprintf("merge: %s (%d)", e.Text, e.Code) }

// Is makes errors.Is(err, ErrCursor) true.
func (e *CursorError) Is(target error) bool { return target == ErrCursor }

func violation(code Code, format string, args ...any) error {
	return &CursorError{Code: code, Text: fmt.Sprintf(format, args...)}
}
