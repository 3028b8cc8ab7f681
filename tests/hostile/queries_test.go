package hostile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
	"realmsync/core/wire"
)

// LIKE with many stars against a text that nearly matches, on every object that changes: the time is that of the text, not of its power.
func TestLike(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	p := s.subscribed(shop)
	require.NoError(t, p.subscribe(`{"Dog":"(name LIKE \"`+strings.Repeat("*a", 60)+`*b\") OR (age < 0)"}`))
	q := s.subscribed(shop)
	d := dog(2000000)
	d[1].Value = value.String(strings.Repeat("a", 20_000))
	require.NoError(t, q.upload(d...))
	require.NoError(t, p.mark())
	require.NotContains(t, p.keys, int64(2000000))
	h.stop()
}

// A thousand sessions on one connection: those above the limit are told so, and the others go on.
func TestSessionsOfAConnection(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	p, err := s.dial(shop, s.anonymous(shop).Access)
	require.NoError(t, err)
	defer func() { _ = p.ws.CloseNow() }()
	frugal(t, 128, func() {
		sent := make(chan error, 1)
		go func() {
			for i := range 1000 {
				if err := p.raw(bindText(uint64(i+1), 1)); err != nil {
					break // the connection ended: what is tested
				}
			}
			sent <- nil
		}()
		given, refused, ended := 0, 0, false
		for !ended && given+refused < 1000 {
			m, err := p.read()
			if err != nil {
				ended = true
				break
			}
			switch m := m.(type) {
			case *wire.ServerIdent:
				given++
			case *wire.JSONError:
				if m.Session == 0 {
					require.Equal(t, wire.CodeOtherError, m.Code)
					ended = true
					break
				}
				require.Equal(t, wire.CodeOtherSessionError, m.Code)
				refused++
			}
		}
		require.NoError(t, p.ws.CloseNow())
		require.NoError(t, <-sent)
		require.LessOrEqual(t, given, 256)
		require.True(t, ended, "the connection is given up")
	})
	h.stop()
}
