package crypt

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func testKey(fill byte) *Key {
	var b [KeySize]byte
	for i := range b {
		b[i] = fill + byte(i)
	}
	return NewKey(&b)
}

// The vectors of C2SP's XAES-256-GCM specification.
func TestXAESVectors(t *testing.T) {
	for _, v := range []struct {
		fill     byte
		aad, out string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		s, err := newSealer(bytes.Repeat([]byte{v.fill}, 32))
		require.NoError(t, err)
		nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
		g, err := s.derive([prefixSize]byte(nonce))
		require.NoError(t, err)
		require.Equal(t, v.out, hex.EncodeToString(g.Seal(nil, nonce[12:], []byte("XAES-256-GCM"), []byte(v.aad))))
	}
}

func TestPlacesBindWhatIsSealed(t *testing.T) {
	_, s, err := NewPreamble(testKey(0))
	require.NoError(t, err)
	plain := []byte("some text of a page")
	at := Place{Kind: 1, Index: 2, Bound: 3, Page: 4}
	sealed := make([]byte, len(plain)+Overhead)
	require.NoError(t, s.Seal(sealed, plain, at))
	require.NotContains(t, string(sealed), "text")
	for _, other := range []Place{{2, 2, 3, 4}, {1, 3, 3, 4}, {1, 2, 4, 4}, {1, 2, 3, 5}} {
		b := bytes.Clone(sealed)
		require.ErrorIs(t, s.Open(b, other), ErrForged)
		require.True(t, allZero(b), "nothing is given out that doesn't authenticate")
	}
	for i := range sealed {
		b := bytes.Clone(sealed)
		b[i] ^= 1
		require.ErrorIs(t, s.Open(b, at), ErrForged, "byte %d", i)
	}
	require.NoError(t, s.Open(sealed, at))
	require.Equal(t, append(plain, make([]byte, Overhead)...), sealed)
}

// Every prefix is used so often and not more, nonces don't repeat, and what many sealers have sealed opens, whatever is remembered.
func TestNonces(t *testing.T) {
	p, s, err := NewPreamble(testKey(0))
	require.NoError(t, err)
	seen, prefixes := map[string]bool{}, map[string]int{}
	out := make([]byte, 1+Overhead)
	for range prefixUses + 3 {
		require.NoError(t, s.Seal(out, []byte("x"), Place{}))
		nonce := string(out[1+tagSize:])
		require.False(t, seen[nonce])
		seen[nonce] = true
		prefixes[nonce[:prefixSize]]++
	}
	require.Len(t, prefixes, 2)
	require.Equal(t, 3, prefixes[string(s.prefix[:])])

	var sealed [][]byte
	for i := range openingSize + 5 {
		other, err := Open(testKey(0), p)
		require.NoError(t, err)
		b := make([]byte, 1+Overhead)
		require.NoError(t, other.Seal(b, []byte{byte(i)}, Place{Index: uint64(i)}))
		sealed = append(sealed, b)
	}
	for range 2 {
		for i, b := range sealed {
			b := bytes.Clone(b)
			require.NoError(t, s.Open(b, Place{Index: uint64(i)}))
			require.Equal(t, byte(i), b[0])
			require.LessOrEqual(t, len(s.opening), openingSize)
		}
	}
}

func TestPreamble(t *testing.T) {
	p, s, err := NewPreamble(testKey(0))
	require.NoError(t, err)
	require.Len(t, p, PreambleSize)
	require.True(t, IsEncrypted(p))
	sealed := make([]byte, 3+Overhead)
	require.NoError(t, s.Seal(sealed, []byte("abc"), Place{}))

	again, err := Open(testKey(0), p)
	require.NoError(t, err)
	require.NoError(t, again.Open(sealed, Place{}))
	_, err = Open(testKey(1), p)
	require.ErrorIs(t, err, ErrWrongKey)

	for i := range p { // no byte is without meaning
		b := bytes.Clone(p)
		b[i] ^= 0x80
		_, err := Open(testKey(0), b)
		require.Error(t, err, "byte %d", i)
	}
	b := bytes.Clone(p)
	b[atVersion+3] = formatVersion + 1
	_, err = Open(testKey(0), b)
	var newer *NewerError
	require.ErrorAs(t, err, &newer)

	q, _, err := NewPreamble(testKey(0))
	require.NoError(t, err)
	require.NotEqual(t, p[atSalt:atRest], q[atSalt:atRest], "each file has keys of its own")
}

func TestKeysCannotBePrinted(t *testing.T) {
	k := testKey('A')
	inside := struct{ Key *Key }{k}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("open", "key", k, "config", inside)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("open", "key", k, "config", inside)
	encoded, err := json.Marshal(inside)
	require.NoError(t, err)
	all := log.String() + string(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		require.Equal(t, "[key]", fmt.Sprintf(verb, k), verb)
		all += fmt.Sprintf(verb, inside)
	}
	for _, secret := range []string{"ABCDEF", "414243", "65 66 67", "65,66", "QUJDREVG"} {
		require.False(t, strings.Contains(all, secret), secret)
	}
}

func TestKeysAreEqual(t *testing.T) {
	require.True(t, testKey(1).Equal(testKey(1)))
	require.False(t, testKey(1).Equal(testKey(2)))
	require.False(t, testKey(1).Equal(nil))
	require.False(t, (*Key)(nil).Equal(testKey(1)))
	require.True(t, (*Key)(nil).Equal(nil))
}

func BenchmarkSealAndOpenPage(b *testing.B) {
	_, s, err := NewPreamble(testKey(0))
	require.NoError(b, err)
	plain, sealed := make([]byte, PageSize-Overhead), make([]byte, PageSize)
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Seal(sealed, plain, Place{Index: 1})
		_ = s.Open(sealed, Place{Index: 1})
	}
}
