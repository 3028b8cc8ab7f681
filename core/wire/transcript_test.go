package wire

import (
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// transcriptBytes turns a line of testdata/transcripts.txt into bytes.
func transcriptBytes(t testing.TB, text string) []byte {
	var out []byte
	text = strings.NewReplacer("↵", "\n", "␠", " ").Replace(text)
	for {
		before, rest, found := strings.Cut(text, "«")
		out = append(out, before...)
		if !found {
			return out
		}
		digits, after, _ := strings.Cut(rest, "»")
		b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		require.NoError(t, err)
		out, text = append(out, b...), after
	}
}

// Section 12: what the original wrote is read, and written again byte by byte. (A server is free in how it writes the progress.)
func TestTranscripts(t *testing.T) {
	raw, err := os.ReadFile("testdata/transcripts.txt")
	require.NoError(t, err)
	n := 0
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
		msg := transcriptBytes(t, parts[2])
		if parts[1] != "-" {
			require.Equal(t, parts[1], strconv.Itoa(len(msg)), line)
		}
		direction := map[string]string{"C": "c2s", "S": "s2c"}[parts[0]]
		m, err := parseDirection(direction, msg)
		require.NoError(t, err, line)
		again, err := m.Append(nil)
		require.NoError(t, err, line)
		if d, ok := m.(*Download); ok {
			msg = []byte(strings.Replace(string(msg), " 1.0 0 ", " 1 0 ", 1))
			require.NoError(t, d.CheckProgress(Progress{}, 1<<62, 1<<62), line)
		}
		require.Equal(t, string(msg), string(again), line)
		n++
	}
	require.Greater(t, n, 40)
}

// Conformance 6: the client's messages of 12.1 from the values behind them.
func TestFirstConnectionFromValues(t *testing.T) {
	schema := transcriptBytes(t, "«3f0003446f67 3f01035f6964 000000010100 3f02046e616d65 3f0300 060002030000»")
	dogs := AppendQueryBody(nil, []Subscription{{Class: "Dog", Query: "TRUEPREDICATE", Name: "all"}})
	for _, c := range []struct {
		m    Message
		want string
	}{
		{&Bind{Session: 1, Data: BindData{}.Append(nil), NeedIdent: true}, `bind 1 37 0 1 0↵{"schemaVersion":0,"sessionReason":0}`},
		{&Ident{Session: 1, FileIdent: 2, Salt: 1735749501, Query: AppendQueryBody(nil, nil)}, "ident 1 2 1735749501 0 0 0 0 0 2↵{}"},
		{&Mark{Session: 1, Request: 1}, "mark 1 1↵"},
		{&Upload{Session: 1, Progress: UploadCursor{ClientVersion: 6}, LockedServerVersion: 1, Entries: []UploadEntry{{ClientVersion: 5, OriginTimestamp: 375315242954, Changeset: schema}}},
			"upload 1 0 56 0 6 0 1↵5 0 375315242954 0 34 «" + hex.EncodeToString(schema) + "»"},
		{&Query{Session: 1, Version: 1, Body: dogs}, `query 1 1 25↵{"Dog":"(TRUEPREDICATE)"}`},
		{&Upload{Session: 1, Progress: UploadCursor{ClientVersion: 11, ServerVersion: 1}, LockedServerVersion: 1}, "upload 1 0 0 0 11 1 1↵"},
		{&Bind{Session: 2, Data: BindData{SessionReason: ReasonClientReset}.Append(nil), NeedIdent: true}, `bind 2 37 0 1 0↵{"schemaVersion":0,"sessionReason":1}`},
		{&Bind{Session: 3, Data: BindData{SchemaVersion: 7, Migrated: true, MigratedPartition: "\"p\""}.Append(nil)}, `bind 3 65 0 0 0↵{"migratedPartition":"\"p\"","schemaVersion":7,"sessionReason":0}`},
		{&ClientJSONError{Session: 4, Code: CodeBadChangeset, Body: ClientErrorBody("BadChangeset", "Failed to apply")}, `json_error 212 43 4↵{"message":"BadChangeset: Failed to apply"}`},
		{&Ping{Timestamp: 2735036}, "ping 2735036 0↵"},
		{&Unbind{Session: 1}, "unbind 1↵"},
	} {
		got, err := c.m.Append(nil)
		require.NoError(t, err)
		require.Equal(t, string(transcriptBytes(t, c.want)), string(got))
		again, err := ParseClientMessage(got, Limits{})
		require.NoError(t, err)
		require.Equal(t, c.m.Name(), again.Name())
		require.Equal(t, c.m.SessionIdent(), again.SessionIdent())
	}
}
