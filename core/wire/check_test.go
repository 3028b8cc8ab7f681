package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Section 6.3: each rule broken alone, around the values of the worked example 6.6 (row 5).
func TestCheckProgress(t *testing.T) {
	current := Progress{Download: DownloadCursor{3, 17}, Latest: LatestServerVersion{3, 7777}, Upload: UploadCursor{17, 2}}
	good := func() *Download {
		return &Download{Session: 1, QueryVersion: 1, BatchState: SteadyState, Estimate: 1,
			Progress: Progress{Download: DownloadCursor{5, 17}, Latest: LatestServerVersion{6, 7777}, Upload: UploadCursor{18, 3}},
			Entries:  []DownloadEntry{{4, 17, 1, 3, 1, nil}, {4, 17, 1, 1, 1, nil}, {5, 17, 1, 3, 1, nil}}}
	}
	const local, self = 20, 2
	require.NoError(t, good().CheckProgress(current, local, self))
	for name, damage := range map[string]func(*Download){
		"latest_server_version":     func(m *Download) { m.Progress.Latest.Version = 2 },
		"upload_client_version":     func(m *Download) { m.Progress.Upload.ClientVersion = 16 },
		"upload_client_version 2":   func(m *Download) { m.Progress.Upload.ClientVersion = local + 1 },
		"download_server_version":   func(m *Download) { m.Progress.Download.ServerVersion = 2 },
		"download_server_version 2": func(m *Download) { m.Progress.Download.ServerVersion = 7 },
		"download_client_version":   func(m *Download) { m.Progress.Download.ClientVersion = 16 },
		"download_client_version 2": func(m *Download) { m.Progress.Download.ClientVersion = 19 },
		"download_server_version 3": func(m *Download) { m.Progress.Upload.ServerVersion = 6 },
		"server_version":            func(m *Download) { m.Entries[0].ServerVersion = 2 },
		"server_version 2":          func(m *Download) { m.Entries[1].ServerVersion = 5; m.Entries[2].ServerVersion = 4 },
		"server_version 3":          func(m *Download) { m.Entries[2].ServerVersion = 6 },
		"client_version":            func(m *Download) { m.Entries[0].ClientVersion = 16 },
		"client_version 2":          func(m *Download) { m.Entries[2].ClientVersion = 18 },
		"origin_file_ident":         func(m *Download) { m.Entries[1].OriginFileIdent = 0 },
		"origin_file_ident 2":       func(m *Download) { m.Entries[1].OriginFileIdent = self },
	} {
		m := good()
		damage(m)
		err := m.CheckProgress(current, local, self)
		require.ErrorIs(t, err, ErrProgress, name)
		var problem *ProtocolError
		require.ErrorAs(t, err, &problem)
		require.Regexp(t, "^"+problem.Field+"( [0-9])?$", name)
		require.Equal(t, CodeBadProgress, problem.Code())
	}
}

// Section 6.5.
func TestUploadCursorConsistency(t *testing.T) {
	require.True(t, UploadCursor{}.Consistent())
	require.True(t, UploadCursor{1, 5}.Consistent())
	require.False(t, UploadCursor{0, 1}.Consistent())
	for _, c := range []struct {
		a, b UploadCursor
		want bool
	}{
		{UploadCursor{1, 1}, UploadCursor{2, 1}, true}, {UploadCursor{1, 1}, UploadCursor{2, 2}, true}, {UploadCursor{1, 2}, UploadCursor{2, 1}, false},
		{UploadCursor{1, 1}, UploadCursor{1, 1}, true}, {UploadCursor{1, 1}, UploadCursor{1, 2}, false},
	} {
		require.Equal(t, c.want, c.a.ConsistentWith(c.b), "%v %v", c.a, c.b)
		require.Equal(t, c.want, c.b.ConsistentWith(c.a), "%v %v", c.b, c.a)
	}
}

func TestNames(t *testing.T) {
	require.Equal(t, ClientReset, ParseAction(ClientReset.String()))
	for _, text := range []string{"", "NoAction", "clientreset", "Nonsense"} {
		require.Equal(t, ApplicationBug, ParseAction(text), text)
	}
	require.Equal(t, "bad_syntax (103)", CodeBadSyntax.String())
	require.Equal(t, "unknown error (-7)", ErrorCode(-7).String())
	require.Equal(t, "steady state", SteadyState.String())
	require.NotEmpty(t, Action(200).String()+LogLevel(200).String()+BatchState(200).String())
	require.False(t, CodeCompensatingWrite.Suspends())
	require.False(t, CodeSchemaVersionChanged.Suspends())
	require.True(t, CodeBadChangeset.Suspends())
}
