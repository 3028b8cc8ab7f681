package wire

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func appended(t testing.TB, m Message) []byte {
	t.Helper()
	b, err := m.Append(nil)
	require.NoError(t, err)
	return b
}

// Conformance 10: bodies above 1024 bytes are compressed when that helps, others never are.
func TestCompressionRule(t *testing.T) {
	random := make([]byte, 4000)
	source := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(source.Uint32())
	}
	const head = len("17 2 5 0 1000 ")
	for _, c := range []struct {
		changeset  []byte
		compressed bool
	}{
		{bytes.Repeat([]byte{'x'}, CompressAbove-head), false},
		{bytes.Repeat([]byte{'x'}, CompressAbove-head+1), true},
		{bytes.Repeat([]byte{'x'}, 3<<20), true},
		{random, false},
		{nil, false},
	} {
		up := &Upload{Session: 3, Progress: UploadCursor{17, 2}, LockedServerVersion: 2, Entries: []UploadEntry{{17, 2, 5, 0, c.changeset}}}
		down := &Download{Session: 3, BatchState: SteadyState, Estimate: 1, Entries: []DownloadEntry{{9, 17, 5, 3, uint64(len(c.changeset)), c.changeset}}}
		for _, m := range []Message{up, down} {
			msg := appended(t, m)
			var info BodyInfo
			var got []byte
			if m == up {
				back, err := ParseClientMessage(msg, Limits{})
				require.NoError(t, err)
				info, got = back.(*Upload).Body, back.(*Upload).Entries[0].Changeset
				require.Equal(t, up.Entries[0].WireSize(), info.Size)
			} else {
				back, err := ParseServerMessage(msg, Limits{})
				require.NoError(t, err)
				info, got = back.(*Download).Body, back.(*Download).Entries[0].Changeset
				require.Equal(t, down.Entries[0].WireSize(), info.Size)
			}
			require.True(t, bytes.Equal(c.changeset, got))
			if m == up || len(c.changeset) > CompressAbove || len(c.changeset) == 0 {
				require.Equal(t, c.compressed, info.Compressed, "%d bytes", len(c.changeset))
			}
			_, body, _ := bytes.Cut(msg, []byte("\n"))
			require.Equal(t, len(body), info.WireSize)
			if info.Compressed {
				require.Less(t, info.WireSize, info.Size)
				require.Equal(t, []byte{0x78, 0x01}, body[:2], "the header of the original's level 1")
			}
		}
	}
}

func TestParsedSlicesDoNotCopyAndCannotGrowIntoTheirNeighbours(t *testing.T) {
	msg := appended(t, &Upload{Session: 1, Entries: []UploadEntry{{2, 0, 0, 0, []byte("abc")}, {3, 0, 0, 0, []byte("def")}}})
	m, err := ParseClientMessage(msg, Limits{})
	require.NoError(t, err)
	entries := m.(*Upload).Entries
	_ = append(entries[0].Changeset, "XXXXXXXX"...)
	require.Equal(t, "def", string(entries[1].Changeset))
	require.Equal(t, uint64(3), entries[1].ClientVersion)
	msg[len(msg)-1] = 'g'
	require.Equal(t, "deg", string(entries[1].Changeset))
}

func deflated(body []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(body)
	_ = w.Close()
	return out.Bytes()
}

func TestSizesAreCheckedBeforeAllocation(t *testing.T) {
	zeros := deflated(make([]byte, 8<<20)) // about 8 KB
	packed := func(format string, body []byte, args ...any) []byte {
		return append(fmt.Appendf(nil, format, args...), body...)
	}
	entry := "1 0 0 0 0 "
	cases := []struct {
		name   string
		server bool
		msg    []byte
		limits Limits
		kind   error
	}{
		{"message", false, []byte("mark 1 1\n"), Limits{Message: 8}, ErrLimit},
		{"usize above the limit", false, packed("upload 1 1 %d %d 1 0 0\n", zeros, 8<<20, len(zeros)), Limits{Body: 8<<20 - 1}, ErrLimit},
		{"usize above any limit", true, packed("download 1 4 5 4 9 6 0 1 2 1 1 18446744073709551615 %d\n", zeros, len(zeros)), Limits{}, ErrLimit},
		{"usize above what deflate can do", false, packed("upload 1 1 60000000 %d 1 0 0\n", zeros[:1000], 1000), Limits{}, ErrDecompression},
		{"usize above what the stream has", false, packed("upload 1 1 60000 %d 1 0 0\n", deflated([]byte(strings.Repeat(entry, 100))), len(deflated([]byte(strings.Repeat(entry, 100))))), Limits{}, ErrDecompression},
		{"a bomb behind a modest usize", false, packed("upload 1 1 2000 %d 1 0 0\n", zeros, len(zeros)), Limits{}, ErrDecompression},
		{"csize beyond the message", true, []byte("download 1 4 5 4 9 6 0 1 2 1 1 12 1000\nx"), Limits{}, ErrSyntax},
		{"preset dictionary", false, []byte("upload 1 1 10 8 1 0 0\n\x78\xbb\x00\x00\x00\x01\x03\x00"), Limits{}, ErrDecompression},
		{"entries", false, []byte("upload 1 0 30 0 1 0 0\n" + strings.Repeat(entry, 3)), Limits{Entries: 2}, ErrLimit},
		{"entries of a download", true, []byte("download 1 4 5 4 9 6 0 1 2 1 0 24 0\n" + strings.Repeat("1 0 0 1 0 0 ", 2)), Limits{Entries: 1}, ErrLimit},
		{"entry size", false, []byte("upload 1 0 28 0 1 0 0\n1 0 0 0 9223372036854775807 "), Limits{}, ErrEntrySize},
		{"bind data", false, []byte("bind 1 1025 0 1 0\n" + strings.Repeat("d", 1025)), Limits{}, ErrLimit},
		{"token", false, []byte("bind 1 1 2049 1 0\nd" + strings.Repeat("t", 2049)), Limits{}, ErrLimit},
		{"announced data", false, []byte("bind 1 18446744073709551615 18446744073709551615 1 0\nd"), Limits{}, ErrLimit},
		{"query", false, []byte("query 1 1 3\n{ }"), Limits{Query: 2}, ErrLimit},
		{"ident", false, []byte("ident 1 2 3 0 0 0 0 0 3\n{ }"), Limits{Query: 2}, ErrLimit},
		{"client error", false, []byte("json_error 1 3 1\n{ }"), Limits{JSON: 2}, ErrLimit},
		{"test command", true, []byte("test_command 1 1 3\n{ }"), Limits{Text: 2}, ErrLimit},
		{"server error", true, []byte("error 1 3 1 0\nabc"), Limits{Text: 2}, ErrLimit},
		{"query error", true, []byte("query_error 1 3 1 1\nabc"), Limits{Text: 2}, ErrLimit},
		{"json error", true, []byte("json_error 200 3 1\n{ }"), Limits{JSON: 2}, ErrLimit},
		{"log message", true, []byte("log_message 1 3\n{ }"), Limits{JSON: 2}, ErrLimit},
		{"log message above everything", true, []byte("log_message 1 18446744073709551615\n{}"), Limits{}, ErrLimit},
		{"long field", false, []byte("mark 1 " + strings.Repeat("0", 1<<20) + "1\n"), Limits{}, ErrSyntax},
		{"long name", false, []byte(strings.Repeat("m", 1<<20) + " 1\n"), Limits{}, ErrSyntax},
	}
	parse := func(server bool, msg []byte, limits Limits) error {
		var err error
		if server {
			_, err = ParseServerMessage(msg, limits)
		} else {
			_, err = ParseClientMessage(msg, limits)
		}
		return err
	}
	for _, c := range cases {
		require.Error(t, parse(c.server, c.msg, c.limits), c.name)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := parse(c.server, c.msg, c.limits)
		runtime.ReadMemStats(&after)
		require.ErrorIs(t, err, c.kind, c.name)
		require.Less(t, len(err.Error()), 300, c.name)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), c.name)
	}
	require.ErrorIs(t, parse(false, []byte("mark 1 1\nx"), Limits{}), ErrSyntax)
}

func TestErrorsOfParsersMapToCodes(t *testing.T) {
	for msg, want := range map[string]ErrorCode{
		"hello 1\n":                                 CodeUnknownMessage,
		"mark 1 x\n":                                CodeBadSyntax,
		"upload 1 1 12 5 1 0 0\nhello":              CodeBadDecompression,
		"upload 1 0 3 0 1 0 0\n1 x":                 CodeBadChangesetHeader,
		"upload 1 0 10 0 1 0 0\n1 0 0 0 9 ":         CodeBadChangesetSize,
		"bind 1 4000 0 1 0\n":                       CodeLimitsExceeded,
		"ident 1 2 33 3 17 4 55\n":                  CodeBadSyntax, // partition-based
		"upload 1 0 0 0 1 2 18446744073709551616\n": CodeBadSyntax,
	} {
		_, err := ParseClientMessage([]byte(msg), Limits{})
		var problem *ProtocolError
		require.ErrorAs(t, err, &problem, msg)
		require.Equal(t, want, problem.Code(), "%s: %v", msg, err)
	}
}

func TestEstimateIsCutToFourDecimals(t *testing.T) {
	for v, want := range map[float64]string{0: "0", math.Copysign(0, -1): "0", 1: "1", 0.5: "0.5", 0.25: "0.25", 1.0 / 3: "0.3333", 0.99999: "0.9999", 0.9999: "0.9999",
		0.00001: "0.0000", 1e-300: "0.0000", math.Nextafter(1, 0): "0.9999"} {
		m := &Download{Session: 1, BatchState: MoreToCome, Estimate: v}
		require.Equal(t, "download 1 0 0 0 0 0 0 0 0 "+want+" 0 0 0\n", string(appended(t, m)))
	}
}

func TestConcurrentUse(t *testing.T) {
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 50 {
				changeset := bytes.Repeat([]byte{byte(g), byte(i)}, 500+i*20)
				msg, err := (&Upload{Session: 1, Entries: []UploadEntry{{1, 0, 0, 0, changeset}}}).Append(nil)
				if err != nil {
					t.Error(err)
					return
				}
				m, err := ParseClientMessage(msg, Limits{})
				if err != nil || !bytes.Equal(m.(*Upload).Entries[0].Changeset, changeset) {
					t.Errorf("round %d of %d came back changed: %v", i, g, err)
					return
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkUpload(b *testing.B) {
	m := &Upload{Session: 1, Progress: UploadCursor{17, 2}, LockedServerVersion: 2, Entries: []UploadEntry{{17, 2, 375315242962, 0, make([]byte, 29)}}}
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf, _ = m.Append(buf[:0])
		}
	})
	b.Run("parse", func(b *testing.B) {
		msg, _ := m.Append(nil)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = ParseClientMessage(msg, Limits{})
		}
	})
}

func BenchmarkDownload1000(b *testing.B) {
	m := &Download{Session: 1, BatchState: SteadyState, Estimate: 1}
	for i := range 1000 {
		m.Entries = append(m.Entries, DownloadEntry{uint64(i + 1), 17, 375315242962 + uint64(i)*7, 3, 60, fmt.Appendf(nil, "?\x00\x03Dog\x02\x00\x01%d?\x01\x04name\x04\x00\x01\x01\x01\x00\x02\x00\x03\x08name%d\x00", i, i*7919)})
	}
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf, _ = m.Append(buf[:0])
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("parse", func(b *testing.B) {
		msg, _ := m.Append(nil)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = ParseServerMessage(msg, Limits{})
		}
	})
}
