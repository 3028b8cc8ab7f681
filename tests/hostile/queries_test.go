package hostile

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
	"realmsync/core/wire"
)

func dogQuery(t *testing.T, query string) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]string{"Dog": query})
	require.NoError(t, err)
	return b
}

// Queries that explode are refused, or evaluated in bounded time; the session goes on either way.
func TestQueries(t *testing.T) {
	s := open(t, true)
	h := s.honest()
	p := s.subscribed(shop)
	require.NoError(t, p.upload(dog(1000000)...))
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprintf("(name == %q AND age == %d)", fmt.Sprint("dog ", i), i))
	}
	frugal(t, 64, func() {
		for name, c := range map[string]struct {
			body    []byte
			refused bool
		}{
			"brackets":                 {dogQuery(t, deep("(", "age == 1", ")", 100_000)), true},
			"NOT":                      {dogQuery(t, deep("NOT ", "age == 1", "", 100_000)), true},
			"sums":                     {dogQuery(t, "age == "+deep("(1 + ", "1", ")", 50_000)), true},
			"subqueries":               {dogQuery(t, deep("SUBQUERY(x, $x, ", "age == 1", ").@count > 0", 5_000)), true},
			"a path that never ends":   {dogQuery(t, strings.Repeat("a.", 100_000)+"b == 1"), true},
			"JSON that is deep":        {[]byte(deep(`{"Dog":`, "1", "}", 100_000)), true},
			"JSON arrays":              {[]byte(deep(`[`, "1", "]", 300_000)), true},
			"a class with SQL":         {[]byte(`{"Dog\"; DROP TABLE files; --":"(TRUEPREDICATE)"}`), true},
			"a property with SQL":      {dogQuery(t, `x'; DROP TABLE files; -- == 1`), true},
			"an argument":              {dogQuery(t, "age == $0"), true},
			"sorted":                   {dogQuery(t, "TRUEPREDICATE SORT(age ASC)"), true},
			"a number beyond numbers":  {dogQuery(t, "age == "+strings.Repeat("9", 10_000)), false},
			"a text without end":       {dogQuery(t, `name == "`+strings.Repeat("a", 100_000)), true},
			"LIKE":                     {dogQuery(t, `name LIKE "`+strings.Repeat("*a", 2_000)+`*b"`), false},
			"a text with SQL":          {dogQuery(t, `name == "'; DROP TABLE files; --"`), false},
			"a thousand subscriptions": {dogQuery(t, strings.Join(many, " OR ")), false},
		} {
			p.query++
			require.NoError(t, p.send(&wire.Query{Session: 1, Version: p.query, Body: c.body}), name)
			if c.refused {
				p.fails(t, name, int(wire.CodeBadQuery))
			} else {
				require.NoError(t, p.wait(func(m wire.ServerMessage) bool {
					d, ok := m.(*wire.Download)
					return ok && d.QueryVersion == p.query && d.BatchState == wire.LastInBatch
				}), name)
			}
			require.NoError(t, p.mark(), name)
		}
	})
	h.stop()
}

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
