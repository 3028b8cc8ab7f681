package merge

import (
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"
)

func requireCode(t *testing.T, want Code, err error, what string) {
	t.Helper()
	if want == 0 {
		require.NoError(t, err, what)
		return
	}
	require.ErrorIs(t, err, ErrCursor, what)
	var e *CursorError
	require.ErrorAs(t, err, &e, what)
	require.Equal(t, want, e.Code, "%s: %v", what, err)
	require.NotEmpty(t, e.Text)
}

func TestAdvance(t *testing.T) {
	p := Progress{DownloadCursor{5, 3}, LatestVersion{6, 1}, UploadCursor{4, 2}}
	next, err := p.Advance(Progress{DownloadCursor{7, 4}, LatestVersion{8, 1}, UploadCursor{5, 0}})
	require.NoError(t, err)
	require.Equal(t, Progress{DownloadCursor{7, 4}, LatestVersion{8, 1}, UploadCursor{5, 2}}, next, "an unknown server version changes nothing")
	for _, bad := range []Progress{
		{DownloadCursor{4, 3}, LatestVersion{6, 1}, UploadCursor{4, 2}},
		{DownloadCursor{5, 2}, LatestVersion{6, 1}, UploadCursor{4, 2}},
		{DownloadCursor{5, 3}, LatestVersion{5, 1}, UploadCursor{4, 2}},
		{DownloadCursor{5, 3}, LatestVersion{6, 1}, UploadCursor{3, 2}},
		{DownloadCursor{5, 3}, LatestVersion{6, 1}, UploadCursor{4, 1}},
	} {
		same, err := p.Advance(bad)
		requireCode(t, BadProgress, err, "decreases")
		require.Equal(t, p, same)
	}
}

func TestCheckDownload(t *testing.T) {
	current := Progress{DownloadCursor{5, 3}, LatestVersion{6, 1}, UploadCursor{4, 5}}
	good := Progress{DownloadCursor{9, 4}, LatestVersion{9, 1}, UploadCursor{5, 5}}
	entries := []Received{{6, 3, 3}, {7, 4, 1}, {7, 4, 3}}
	check := func(p Progress, entries ...Received) error { return CheckDownload(current, p, entries, 6, 2) }
	require.NoError(t, check(good, entries...))
	require.NoError(t, check(current))
	for what, change := range map[string]func(p *Progress){
		"latest":                      func(p *Progress) { p.Latest.Version = 5; p.Download.ServerVersion = 5 },
		"upload goes back":            func(p *Progress) { p.Upload.ClientVersion = 3; p.Download.ClientVersion = 3 },
		"upload above newest":         func(p *Progress) { p.Upload.ClientVersion = 7 },
		"download goes back":          func(p *Progress) { p.Download.ServerVersion = 4 },
		"download above latest":       func(p *Progress) { p.Download.ServerVersion = 10 },
		"client version goes back":    func(p *Progress) { p.Download.ClientVersion = 2 },
		"client version above upload": func(p *Progress) { p.Download.ClientVersion = 6 },
		"download below upload":       func(p *Progress) { p.Upload.ServerVersion = 10 },
	} {
		p := good
		change(&p)
		requireCode(t, BadProgress, check(p), what)
	}
	for what, e := range map[string][]Received{
		"server version goes back": {{7, 3, 3}, {6, 3, 3}},
		"below the start":          {{4, 3, 3}},
		"above the header":         {{10, 3, 3}},
		"client version goes back": {{6, 4, 3}, {7, 3, 3}},
		"client version above":     {{6, 5, 3}},
		"no origin":                {{6, 3, 0}},
		"own origin":               {{6, 3, 2}},
	} {
		requireCode(t, BadProgress, check(good, e...), what)
	}
}

func TestRebase(t *testing.T) {
	batch := []*Entry{{LastIntegrated: 2}, {LastIntegrated: 5}, {LastIntegrated: 7}}
	require.NoError(t, Rebase(batch, 4, 7))
	require.Equal(t, []uint64{4, 5, 7}, []uint64{batch[0].LastIntegrated, batch[1].LastIntegrated, batch[2].LastIntegrated})
	requireCode(t, BadClientVersion, Rebase(batch, 4, 6), "above the newest")
}

func scanOf[E any](version func(E) uint64, entries ...E) Scan[E] {
	return func(after, upTo uint64) iter.Seq2[E, error] {
		return func(yield func(E, error) bool) {
			for _, e := range entries {
				if v := version(e); v > after && v <= upTo && !yield(e, nil) {
					return
				}
			}
		}
	}
}

func failing[E any](err error) Scan[E] {
	return func(uint64, uint64) iter.Seq2[E, error] {
		return func(yield func(E, error) bool) {
			var none E
			yield(none, err)
		}
	}
}

func TestUploadScan(t *testing.T) {
	version := func(e LocalEntry) uint64 { return e.Version }
	const kb = 1024
	entry := func(v, remote uint64, size int) LocalEntry {
		return LocalEntry{Version: v, RemoteVersion: remote, Upload: size > 0, Size: size}
	}
	entries := scanOf(version, entry(3, 1, kb), entry(4, 2, 0), entry(5, 3, kb), entry(6, 4, 0))
	found, next, err := UploadScan(UploadCursor{1, 0}, 2, 6, entries)
	require.NoError(t, err)
	require.Equal(t, []LocalEntry{entry(3, 1, kb), entry(5, 3, kb)}, found)
	require.Equal(t, UploadCursor{6, 4}, next, "entries that aren't uploaded move the cursor")

	found, next, err = UploadScan(UploadCursor{3, 1}, 2, 4, entries)
	require.NoError(t, err)
	require.Empty(t, found)
	require.Equal(t, UploadCursor{4, 2}, next)

	found, next, err = UploadScan(UploadCursor{5, 3}, 2, 4, entries)
	require.NoError(t, err)
	require.Empty(t, found)
	require.Equal(t, UploadCursor{5, 3}, next, "the cursor doesn't go back")

	// Enough after 128 KiB.
	found, next, err = UploadScan(UploadCursor{1, 0}, 1, 5, scanOf(version, entry(2, 1, 127*kb), entry(3, 1, kb), entry(4, 2, 1)))
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, UploadCursor{3, 1}, next)

	// One that would make 16 MiB goes alone, and the header doesn't run ahead of what was sent before it.
	big := scanOf(version, entry(2, 1, kb), entry(3, 2, 0), entry(4, 5, 16*kb*kb), entry(5, 6, kb))
	found, next, err = UploadScan(UploadCursor{1, 0}, 1, 5, big)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, UploadCursor{3, 2}, next)
	found, next, err = UploadScan(next, 1, 5, big)
	require.NoError(t, err)
	require.Equal(t, []LocalEntry{entry(4, 5, 16*kb*kb)}, found)
	require.Equal(t, UploadCursor{4, 5}, next)

	mine := errors.New("disk")
	_, next, err = UploadScan(UploadCursor{1, 0}, 1, 5, failing[LocalEntry](mine))
	require.ErrorIs(t, err, mine)
	require.Equal(t, UploadCursor{1, 0}, next)
	require.True(t, UploadCursor{4, 1}.MustReport(Progress{Download: DownloadCursor{2, 0}}))
	require.False(t, UploadCursor{4, 2}.MustReport(Progress{Download: DownloadCursor{2, 0}}))
	require.Equal(t, UploadCursor{4, 2}, UploadCursor{4, 2}.Raise(UploadCursor{3, 5}))
	require.Equal(t, UploadCursor{5, 3}, UploadCursor{4, 2}.Raise(UploadCursor{5, 3}))
}

func TestTrimVersion(t *testing.T) {
	local := func(versions ...uint64) func(uint64) (uint64, bool, error) {
		return func(after uint64) (uint64, bool, error) {
			for _, v := range versions {
				if v > after {
					return v, true, nil
				}
			}
			return 0, false, nil
		}
	}
	at := func(client uint64) Progress { return Progress{Download: DownloadCursor{0, client}} }
	for _, c := range []struct {
		client, base, newest uint64
		next                 []uint64
		want                 uint64
	}{
		{0, 1, 5, []uint64{2, 4}, 1},
		{2, 1, 5, []uint64{2, 4}, 3},
		{4, 1, 5, []uint64{2, 4}, 5},
		{3, 4, 6, []uint64{5}, 4},
		{0, 1, 1, nil, 1},
		{9, 1, 5, nil, 5},
	} {
		got, err := TrimVersion(at(c.client), c.base, c.newest, local(c.next...))
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%+v", c)
	}
	mine := errors.New("disk")
	got, err := TrimVersion(at(3), 2, 5, func(uint64) (uint64, bool, error) { return 0, false, mine })
	require.ErrorIs(t, err, mine)
	require.EqualValues(t, 2, got)
}

func TestCheckIdent(t *testing.T) {
	file := ClientFile{Salt: 11, Type: 2, ClientVersion: 6, BaseVersion: 3}
	good := Claim{Ident: 2, Salt: 11, Type: 2, Download: DownloadCursor{4, 5}, Latest: LatestVersion{7, 99}}
	salt := func(v uint64) (int64, error) {
		require.True(t, v <= 8, "only of versions that exist")
		return 99, nil
	}
	require.NoError(t, CheckIdent(&file, good, 8, salt))
	for _, c := range []struct {
		what   string
		change func(f *ClientFile, c *Claim)
		code   Code
	}{
		{"no ident", func(_ *ClientFile, c *Claim) { c.Ident = 0 }, BadClientFileIdent},
		{"salt", func(_ *ClientFile, c *Claim) { c.Salt = 12 }, DivergingHistories},
		{"no salt", func(f *ClientFile, c *Claim) { f.Salt, c.Salt = 0, 0 }, DivergingHistories},
		{"below the base", func(_ *ClientFile, c *Claim) { c.Download.ServerVersion = 2 }, BadServerVersion},
		{"expired", func(f *ClientFile, _ *Claim) { f.Expired = true }, ClientFileExpired},
		{"above the newest", func(_ *ClientFile, c *Claim) { c.Download.ServerVersion = 9 }, BadServerVersion},
		{"client version", func(_ *ClientFile, c *Claim) { c.Download.ClientVersion = 7 }, BadClientVersion},
		{"latest below", func(_ *ClientFile, c *Claim) { c.Latest.Version = 3 }, BadServerVersion},
		{"latest above", func(_ *ClientFile, c *Claim) { c.Latest.Version = 9 }, BadServerVersion},
		{"version salt", func(_ *ClientFile, c *Claim) { c.Latest.Salt = 98 }, DivergingHistories},
		{"type", func(_ *ClientFile, c *Claim) { c.Type = 3 }, BadClientFileIdent},
		{"unrecorded type", func(f *ClientFile, c *Claim) { f.Type, c.Type = 0, 3 }, 0},
	} {
		f, claim := file, good
		c.change(&f, &claim)
		requireCode(t, c.code, CheckIdent(&f, claim, 8, salt), c.what)
	}
	requireCode(t, BadClientFileIdent, CheckIdent(nil, good, 8, salt), "unknown")
	mine := errors.New("disk")
	require.ErrorIs(t, CheckIdent(&file, good, 8, func(uint64) (int64, error) { return 0, mine }), mine)
}

func TestCheckUpload(t *testing.T) {
	session := UploadSession{Threshold: UploadCursor{4, 3}, Downloaded: 8, Locked: 2, Previous: UploadCursor{5, 4}}
	for _, c := range []struct {
		what    string
		header  UploadCursor
		locked  uint64
		entries []UploadCursor
		old     int
		code    Code
	}{
		{"all new", UploadCursor{8, 6}, 2, []UploadCursor{{6, 4}, {8, 6}}, 0, 0},
		{"nothing", UploadCursor{5, 4}, 2, nil, 0, 0},
		{"header goes back", UploadCursor{4, 3}, 2, nil, 0, BadClientVersion},
		{"header above what was sent", UploadCursor{8, 9}, 2, nil, 0, BadServerVersion},
		{"header against the previous one", UploadCursor{6, 3}, 2, nil, 0, BadServerVersion},
		{"other server version at the same place", UploadCursor{5, 5}, 2, nil, 0, BadServerVersion},
		{"locked goes back", UploadCursor{8, 6}, 1, nil, 0, BadServerVersion},
		{"locked above what was sent", UploadCursor{8, 6}, 9, nil, 0, BadServerVersion},
		{"changeset not behind the previous header", UploadCursor{8, 6}, 2, []UploadCursor{{5, 4}}, 0, BadClientVersion},
		{"changesets out of order", UploadCursor{9, 6}, 2, []UploadCursor{{8, 5}, {7, 6}}, 0, BadClientVersion},
		{"base goes back", UploadCursor{9, 6}, 2, []UploadCursor{{7, 6}, {8, 5}}, 0, BadServerVersion},
		{"changeset above the header", UploadCursor{7, 6}, 2, []UploadCursor{{8, 6}}, 0, BadClientVersion},
		{"changeset against the header", UploadCursor{8, 5}, 2, []UploadCursor{{7, 6}}, 0, BadServerVersion},
	} {
		s := session
		old, err := s.CheckUpload(c.header, c.locked, c.entries)
		requireCode(t, c.code, err, c.what)
		if err != nil {
			require.Equal(t, session, s, "%s: unchanged", c.what)
			continue
		}
		require.Equal(t, c.old, old, c.what)
		require.Equal(t, c.header, s.Previous)
		require.Equal(t, c.locked, s.Locked)
	}
	// A new session uploads again what it doesn't know to be acknowledged.
	s := UploadSession{Threshold: UploadCursor{4, 3}, Downloaded: 8}
	old, err := s.CheckUpload(UploadCursor{6, 4}, 0, []UploadCursor{{2, 0}, {4, 3}, {6, 4}})
	require.NoError(t, err)
	require.Equal(t, 2, old)
	for what, c := range map[string]UploadCursor{"threshold": {3, 4}, "impossible": {0, 2}} {
		s := UploadSession{Threshold: UploadCursor{4, 3}, Downloaded: 8}
		_, err := s.CheckUpload(c, 0, nil)
		requireCode(t, BadServerVersion, err, what)
	}
	s = UploadSession{Threshold: UploadCursor{4, 3}, Downloaded: 8}
	_, err = s.CheckUpload(UploadCursor{6, 4}, 0, []UploadCursor{{3, 4}})
	requireCode(t, BadServerVersion, err, "changeset against the threshold")

	f := ClientFile{ClientVersion: 4, BaseVersion: 3, Locked: 2}
	require.False(t, f.Integrate(UploadCursor{4, 3}, 1))
	require.Equal(t, ClientFile{ClientVersion: 4, BaseVersion: 3, Locked: 2}, f)
	require.False(t, f.Integrate(UploadCursor{6, 3}, 2))
	require.True(t, f.Integrate(UploadCursor{7, 5}, 4))
	require.Equal(t, ClientFile{ClientVersion: 7, BaseVersion: 5, Locked: 4}, f)
	require.Equal(t, UploadCursor{7, 5}, f.Threshold())
}

func TestCheckOrigin(t *testing.T) {
	proxy := func(ident uint64) (uint64, bool) {
		switch ident {
		case 5:
			return 2, true
		case 6:
			return 0, true
		default:
			return 0, false
		}
	}
	for origin, want := range map[uint64]uint64{0: 2, 5: 5} {
		got, err := CheckOrigin(origin, 2, proxy)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, origin := range []uint64{1, 2, 6, 7} {
		_, err := CheckOrigin(origin, 2, proxy)
		requireCode(t, BadOriginFileIdent, err, "")
	}
}

func TestDownloadScan(t *testing.T) {
	version := func(e ServerEntry) uint64 { return e.Version }
	entries := scanOf(version, ServerEntry{Version: 2, Size: 10}, ServerEntry{Version: 3, Own: true, ClientVersion: 2, Size: 5}, ServerEntry{Version: 4},
		ServerEntry{Version: 5, Size: 10}, ServerEntry{Version: 6, Size: 10}, ServerEntry{Version: 7, Own: true, ClientVersion: 5, Size: 5}, ServerEntry{Version: 8})
	type result struct {
		send []Sent
		next DownloadCursor
	}
	var got []result
	for cursor := (DownloadCursor{1, 0}); cursor.ServerVersion < 9; {
		send, next, err := DownloadScan(cursor, 9, 100, entries)
		require.NoError(t, err)
		got = append(got, result{send, next})
		cursor = next
	}
	require.Equal(t, []result{
		{[]Sent{{2, 0}}, DownloadCursor{4, 2}}, // the next one has another base
		{[]Sent{{5, 2}, {6, 2}}, DownloadCursor{9, 5}},
	}, got)

	send, next, err := DownloadScan(DownloadCursor{4, 2}, 9, 5, entries)
	require.NoError(t, err)
	require.Equal(t, []Sent{{5, 2}}, send, "enough")
	require.Equal(t, DownloadCursor{5, 2}, next)
	send, next, err = DownloadScan(DownloadCursor{9, 5}, 9, 5, entries)
	require.NoError(t, err)
	require.Empty(t, send)
	require.Equal(t, DownloadCursor{9, 5}, next)
	mine := errors.New("disk")
	_, next, err = DownloadScan(DownloadCursor{1, 0}, 9, 5, failing[ServerEntry](mine))
	require.ErrorIs(t, err, mine)
	require.Equal(t, DownloadCursor{1, 0}, next)
}
