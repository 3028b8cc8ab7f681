package wire

import "fmt"

// CheckProgress is what a client checks before it integrates a DOWNLOAD (section 6.3, rules 1 to 7); the parser has done rule 8.
// current is the progress that the client has stored, latestLocal its newest local version, fileIdent its own ident. During a
// bootstrap current is the state before the bootstrap. The error is a *ProtocolError of kind ErrProgress: a violation.
func (m *Download) CheckProgress(current Progress, latestLocal, fileIdent uint64) error {
	p := m.Progress
	bad := func(field, format string, args ...any) error {
		return &ProtocolError{Kind: ErrProgress, Message: m.Name(), Field: field, Offset: -1, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case p.Latest.Version < current.Latest.Version:
		return bad("latest_server_version", "%d is below %d, which was received before", p.Latest.Version, current.Latest.Version)
	case p.Upload.ClientVersion < current.Upload.ClientVersion:
		return bad("upload_client_version", "%d is below %d, which was acknowledged before", p.Upload.ClientVersion, current.Upload.ClientVersion)
	case p.Upload.ClientVersion > latestLocal:
		return bad("upload_client_version", "%d is above the newest local version %d", p.Upload.ClientVersion, latestLocal)
	case p.Download.ServerVersion < current.Download.ServerVersion:
		return bad("download_server_version", "%d is below %d, which was integrated before", p.Download.ServerVersion, current.Download.ServerVersion)
	case p.Download.ServerVersion > p.Latest.Version:
		return bad("download_server_version", "%d is above the latest server version %d", p.Download.ServerVersion, p.Latest.Version)
	case p.Download.ClientVersion < current.Download.ClientVersion:
		return bad("download_client_version", "%d is below %d, which was received before", p.Download.ClientVersion, current.Download.ClientVersion)
	case p.Download.ClientVersion > p.Upload.ClientVersion:
		return bad("download_client_version", "%d is above the acknowledged version %d", p.Download.ClientVersion, p.Upload.ClientVersion)
	case p.Download.ServerVersion < p.Upload.ServerVersion:
		return bad("download_server_version", "%d is below the server version %d that this client reported", p.Download.ServerVersion, p.Upload.ServerVersion)
	}
	at := current.Download
	for i := range m.Entries {
		switch e := &m.Entries[i]; {
		case e.ServerVersion < at.ServerVersion:
			return bad("server_version", "%d in entry %d is below %d before it", e.ServerVersion, i, at.ServerVersion)
		case e.ServerVersion > p.Download.ServerVersion:
			return bad("server_version", "%d in entry %d is above %d in the head", e.ServerVersion, i, p.Download.ServerVersion)
		case e.ClientVersion < at.ClientVersion:
			return bad("client_version", "%d in entry %d is below %d before it", e.ClientVersion, i, at.ClientVersion)
		case e.ClientVersion > p.Download.ClientVersion:
			return bad("client_version", "%d in entry %d is above %d in the head", e.ClientVersion, i, p.Download.ClientVersion)
		case e.OriginFileIdent == 0:
			return bad("origin_file_ident", "it is 0 in entry %d", i)
		case e.OriginFileIdent == fileIdent:
			return bad("origin_file_ident", "%d in entry %d is this file itself", e.OriginFileIdent, i)
		default:
			at = DownloadCursor{ServerVersion: e.ServerVersion, ClientVersion: e.ClientVersion}
		}
	}
	return nil
}
