package e2e

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/core/wire"
)

var dogs = schema.New(schema.Class{Name: "Dog", PrimaryKey: "_id", Properties: []schema.Property{
	{Name: "_id", Type: value.KindInt}, {Name: "name", Type: value.KindString},
}})

// TestTranscript does with our client and our server what the original's did in sections 12.1 to 12.4 of wire-protocol.md, and compares the messages
// one by one: a first connection with subscription and bootstrap, an upload, another client's changeset, a changed query.
//
// Free are the numbers of versions, idents and salts (the specification says so), timestamps, how a changeset spells its strings, and when a client reports its
// progress with an empty UPLOAD; those are checked by themselves. What the two sides send crosses on the way, so each side's messages are compared in their own order.
func TestTranscript(t *testing.T) {
	between, _ := startRelay(t)
	a, err := openDevice(deviceOptions{url: between.url(), dir: filepath.Join(t.TempDir(), "a"), schema: dogs})
	require.NoError(t, err)
	defer a.close()
	require.NoError(t, a.subscribe("Dog", "TRUEPREDICATE"))
	require.NoError(t, a.write(func() error { return a.createNamed("Dog", 1, "Rex") }))
	require.NoError(t, a.settle())

	b, err := openDevice(deviceOptions{url: between.url(), dir: filepath.Join(t.TempDir(), "b"), schema: dogs})
	require.NoError(t, err)
	defer b.close()
	require.NoError(t, b.subscribe("Dog", "TRUEPREDICATE"))
	require.NoError(t, b.write(func() error { return b.createNamed("Dog", 2, "Fido") }))
	require.NoError(t, b.settle())
	// A reports that it has integrated Fido.
	between.await("Fido at the other device", func(all []message) bool {
		fido, reported := false, false
		for _, m := range of(all, 0) {
			fido = fido || !m.fromClient && strings.Contains(string(m.raw), "Fido")
			reported = reported || fido && m.fromClient
		}
		return reported
	})
	require.NoError(t, a.subscribe("Dog", `name == "Rex"`))

	client, server := normalize(t, of(between.seen(), 0))
	raw, err := os.ReadFile("../../core/wire/testdata/transcripts.txt")
	require.NoError(t, err)
	wantClient, wantServer := normalize(t, original(t, string(raw)))
	require.Equal(t, wantClient, client, "what the client sent")
	require.Equal(t, wantServer, server, "what the server sent")
}

// original reads sections 12.1 to 12.4 of the transcripts.
func original(t *testing.T, text string) (out []message) {
	text, _, found := strings.Cut(text, "# 12.5")
	require.True(t, found)
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
		// The refused query is an alternative ending of 12.4.
		if parts[0] == "#" || strings.HasPrefix(parts[2], "query_error") {
			continue
		}
		out = append(out, message{fromClient: parts[0] == "C", raw: unprint(t, parts[2])})
	}
	return out
}

// unprint turns a printed message into its bytes: ↵ is LF, ␠ a space, «...» hexadecimal.
func unprint(t *testing.T, text string) (out []byte) {
	for i, part := range strings.FieldsFunc(strings.NewReplacer("↵", "\n", "␠", " ").Replace(text), func(r rune) bool { return r == '«' || r == '»' }) {
		if i%2 == 0 {
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		require.NoError(t, err)
		out = append(out, b...)
	}
	return out
}

// normalize writes the messages of both sides without what is free, and checks what is left out.
func normalize(t *testing.T, messages []message) (client, server []string) {
	var reported wire.UploadCursor
	for _, passed := range messages {
		switch m := passed.parse(t).(type) {
		case *wire.Bind:
			client = append(client, fmt.Sprintf("bind %d %s token %q ident %t", m.Session, m.Data, m.Token, m.NeedIdent))
		case *wire.Ident:
			client = append(client, fmt.Sprintf("ident %d %s %s query %d %s", m.Session, cursors(m.Download.ServerVersion, m.Download.ClientVersion, m.Latest.Version), given(m.FileIdent, m.Salt), m.QueryVersion, m.Query))
		case *wire.Query:
			client = append(client, fmt.Sprintf("query %d %d %s", m.Session, m.Version, m.Body))
		case *wire.Upload:
			require.GreaterOrEqual(t, m.Progress.ClientVersion, reported.ClientVersion)
			require.GreaterOrEqual(t, m.Progress.ServerVersion, reported.ServerVersion)
			require.GreaterOrEqual(t, m.LockedServerVersion, m.Progress.ServerVersion)
			reported = m.Progress
			if len(m.Entries) == 0 {
				continue
			}
			line := fmt.Sprintf("upload %d", m.Session)
			for _, e := range m.Entries {
				require.LessOrEqual(t, e.ClientVersion, m.Progress.ClientVersion)
				require.LessOrEqual(t, e.ServerVersion, m.Progress.ServerVersion)
				line += fmt.Sprintf("\n  base %s origin %d: %s", cursors(e.ServerVersion), e.OriginFileIdent, instructions(t, e.Changeset))
			}
			client = append(client, line)
		case *wire.ServerIdent:
			server = append(server, fmt.Sprintf("ident %d %s", m.Session, given(m.FileIdent, m.Salt)))
		case *wire.Download:
			line := fmt.Sprintf("download %d %s acknowledged %s query %d %v estimate %v", m.Session, cursors(m.Progress.Download.ServerVersion, m.Progress.Download.ClientVersion, m.Progress.Latest.Version),
				cursors(m.Progress.Upload.ClientVersion, m.Progress.Upload.ServerVersion), m.QueryVersion, m.BatchState, m.Estimate)
			for _, e := range m.Entries {
				line += fmt.Sprintf("\n  base %s origin %d: %s", cursors(e.ClientVersion), e.OriginFileIdent, instructions(t, e.Changeset))
			}
			server = append(server, line)
		case *wire.Mark:
			line := fmt.Sprintf("mark %d %d", m.Session, m.Request)
			if passed.fromClient {
				client = append(client, line)
			} else {
				server = append(server, line)
			}
		default:
			t.Errorf("a message that no transcript has: %T", m)
		}
	}
	return client, server
}

// cursors tells of each version only whether there is one.
func cursors(versions ...uint64) string {
	out := make([]string, len(versions))
	for i, v := range versions {
		out[i] = "0"
		if v > 0 {
			out[i] = "v"
		}
	}
	return strings.Join(out, ",")
}

// given tells whether the server has given a file ident and a salt.
func given(ident uint64, salt int64) string {
	return fmt.Sprintf("ident %t salt %t", ident > 0, salt != 0)
}

func instructions(t *testing.T, b []byte) string {
	c, err := changeset.Decode(b)
	require.NoError(t, err)
	var out []string
	for i := range c.Instructions {
		in := c.Instructions[i]
		added := ""
		if in.Schema != nil {
			added = fmt.Sprintf(" %+v", *in.Schema)
			in.Schema = nil
		}
		out = append(out, fmt.Sprintf("%+v%s", in, added))
	}
	return strings.Join(out, "; ")
}
