package hostile

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/core/wire"
)

// bomb deflates so many zeros, a multiple of a MiB: behind the first one each MiB deflates to the same bytes, so that making it costs nothing.
func bomb(t *testing.T, size int) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	require.NoError(t, err)
	next := func(finish func() error) string {
		b.Reset()
		require.NoError(t, finish())
		return b.String()
	}
	zeros := func() error {
		_, err := w.Write(make([]byte, 1<<20))
		return errors.Join(err, w.Flush())
	}
	first, more := next(zeros), next(zeros)
	end := next(w.Close)
	// The sum of n zeros is 1, and n times 1 (RFC 1950 section 8.2).
	sum := binary.BigEndian.AppendUint32(nil, uint32(size%65521)<<16|1)
	out := "\x78\x9c" + first + strings.Repeat(more, size>>20-1) + end + string(sum)
	r, err := zlib.NewReader(strings.NewReader(out))
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, r, 4<<20)
	require.NoError(t, err)
	return out
}

// Messages that nobody honest sends end the connection that they came on, with the documented code, and nothing else.
func TestMessages(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	big := bomb(t, 512<<20)
	frugal(t, 64, func() {
		for _, c := range []struct {
			name string
			code int
			text func(p *peer) string
		}{
			{"bomb that says what it is", 1009, func(*peer) string { return fmt.Sprintf("upload 1 1 %d %d 5 0 0\n%s", 512<<20, len(big), big) }},
			{"bomb that lies", 110, func(*peer) string { return fmt.Sprintf("upload 1 1 2000 %d 5 0 0\n%s", len(big), big) }},
			{"declared size", 1009, func(*peer) string { return "upload 1 0 9223372036854775807 0 5 0 0\n" }},
			{"declared size beyond numbers", 103, func(*peer) string { return "upload 1 0 99999999999999999999999999 0 5 0 0\n" }},
			{"declared query", 1009, func(*peer) string { return "query 1 9 4000000000\n" }},
			{"giant query", 226, func(*peer) string { return fmt.Sprintf("query 1 9 %d\n%s", 2<<20, strings.Repeat("x", 2<<20)) }},
			{"declared changeset", 112, func(*peer) string { return "upload 1 0 28 0 5 0 0\n5 0 1 0 9223372036854775806 " }},
			{"session that isn't bound", 106, func(*peer) string { return "mark 77 1\n" }},
			{"upload of a session that isn't bound", 106, func(*peer) string { return "upload 77 0 0 0 1 0 0\n" }},
			{"BIND twice", 107, func(*peer) string { return bindText(1, 1) }},
			{"IDENT twice", 109, func(p *peer) string { return fmt.Sprintf("ident 1 %d %d 0 0 0 0 0 2\n{}", p.ident, p.salt) }},
			{"no message", 103, func(*peer) string { return "\x00\xff\x00" }},
			{"a head without end", 103, func(*peer) string { return "mark " + strings.Repeat("1", 1<<20) }},
		} {
			p := s.connect(shop)
			require.NoError(t, p.raw(c.text(p)), c.name)
			p.fails(t, c.name, c.code)
			_ = p.ws.CloseNow()
		}
	})
	h.stop()
}

// What a session may not say of its file, or send as a changeset, ends the session.
func TestSessions(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	stranger := s.connect(shop)   // a file of another user
	foreigner := s.connect(other) // a file of another app
	encode := func(ins ...changeset.Instruction) []byte {
		b, err := changeset.Encode(&changeset.Changeset{Instructions: ins})
		require.NoError(t, err)
		return b
	}
	ident := func(ident uint64, salt int64, download, latest uint64) string {
		return fmt.Sprintf("ident 2 %d %d %d 0 %d 0 0 2\n{}", ident, salt, download, latest)
	}
	for _, c := range []struct {
		name string
		code int
		send func(p *peer) string
	}{
		{"file of another user", 223, func(*peer) string { return ident(stranger.ident, stranger.salt, 0, 0) }},
		{"file of another user, guessed salt", 211, func(*peer) string { return ident(stranger.ident, stranger.salt+1, 0, 0) }},
		{"file with the salt of another app's", 211, func(p *peer) string { return ident(h.writer.ident, foreigner.salt, 0, 0) }},
		{"file that there isn't", 208, func(*peer) string { return ident(1<<62, 1, 0, 0) }},
	} {
		p := s.connect(shop)
		require.NoError(t, p.raw(bindText(2, 0)))
		require.NoError(t, p.raw(c.send(p)), c.name)
		p.fails(t, c.name, c.code)
		require.NoError(t, p.mark(), c.name) // the other session of the connection goes on
		_ = p.ws.CloseNow()
	}
	for _, c := range []struct {
		name string
		code int
		body func(p *peer) *wire.Upload
	}{
		{"no changeset", 212, func(p *peer) *wire.Upload { return p.entry([]byte{0x3f, 0xff, 0xff, 0xff, 0xff, 0xff}) }},
		{"interned text of a giant size", 212, func(p *peer) *wire.Upload { return p.entry([]byte{0x3f, 0, 0xff, 0xff, 0xff, 0xff, 0x7f, 'x'}) }},
		{"class that isn't there", 212, func(p *peer) *wire.Upload {
			return p.entry(encode(changeset.Instruction{Op: changeset.CreateObject, Table: "Nothing", Key: value.IntKey(1)}))
		}},
		{"property that isn't there", 212, func(p *peer) *wire.Upload {
			return p.entry(encode(changeset.Instruction{Op: changeset.CreateObject, Table: "Dog", Key: value.IntKey(-1)},
				changeset.Instruction{Op: changeset.Update, Table: "Dog", Key: value.IntKey(-1), Field: "x'; DROP TABLE files; --", Value: value.Int(1)}))
		}},
		{"value of another type", 212, func(p *peer) *wire.Upload {
			return p.entry(encode(changeset.Instruction{Op: changeset.CreateObject, Table: "Dog", Key: value.IntKey(-1)},
				changeset.Instruction{Op: changeset.Update, Table: "Dog", Key: value.IntKey(-1), Field: "name", Value: value.Int(1)}))
		}},
		{"client version that goes back", 210, func(p *peer) *wire.Upload {
			m := p.entry(encode(dog(-1)...))
			m.Progress.ClientVersion, m.Entries[0].ClientVersion = 1, 1
			return m
		}},
		{"server version beyond", 209, func(p *peer) *wire.Upload {
			m := p.entry(encode(dog(-1)...))
			m.Progress.ServerVersion, m.Entries[0].ServerVersion = 1<<60, 1<<60
			return m
		}},
		{"locked version beyond", 209, func(p *peer) *wire.Upload {
			m := p.entry(encode(dog(-1)...))
			m.LockedServerVersion = 1 << 60
			return m
		}},
		{"origin of another", 216, func(p *peer) *wire.Upload {
			m := p.entry(encode(dog(-1)...))
			m.Entries[0].OriginFileIdent = h.writer.ident
			return m
		}},
	} {
		p := s.subscribed(shop)
		require.NoError(t, p.send(c.body(p)), c.name)
		p.fails(t, c.name, c.code)
		_ = p.ws.CloseNow()
	}
	h.stop()
	require.NotContains(t, h.reader.keys, int64(-1), "nothing of a refused upload is kept")
}
