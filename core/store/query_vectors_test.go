package store

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/rql"
	"realmsync/core/schema"
	"realmsync/core/value"
)

// Every query of the vectors that this version of rql evaluates gives what rql gives in memory, and what the original gave.
func TestQueryVectors(t *testing.T) {
	f := loadRQL(t)
	inSQL, inGo, recorded := 0, 0, 0
	eachLine(t, "rql/cases.jsonl", func(line []byte) {
		var c struct {
			ID            int
			Class, Query  string
			Args          []rqlValue
			Match         []string
			Error         string
			Deviation     string
			RequiredMatch []string `json:"required_match"`
		}
		require.NoError(t, json.Unmarshal(line, &c))
		q, err := rql.Parse(c.Query, f.args(t, c.Args)...)
		if err != nil {
			return
		}
		b, err := q.Bind(f.schema, c.Class, rql.WithObjects(f.exists))
		if err != nil {
			return
		}
		want := f.select_(t, b)
		p, err := f.conn.Compile(b)
		require.NoError(t, err, c.Query)
		if p.residual || p.selected {
			inGo++
		} else {
			inSQL++
		}
		require.Equal(t, want, f.keys(t, c.Class, p), "%d: %s", c.ID, c.Query)
		f.checkPlan(t, c.Query, p, len(want))
		if c.Deviation != "" {
			c.Match = c.RequiredMatch
		}
		if c.Match != nil && !f.mentionsMixed(b) {
			recorded++
			require.Equal(t, c.Match, want, "%d: %s (recorded)", c.ID, c.Query)
		}
	})
	t.Logf("%d queries in SQL, %d with Go's help; %d compared with the original's result", inSQL, inGo, recorded)
	require.Greater(t, inSQL, 1000)
	require.Greater(t, recorded, 1000)
}

func (f *rqlFixture) select_(t testing.TB, b *rql.Bound) []string {
	found, err := b.Select(append([]rql.Object(nil), f.objects[b.Class.Name]...))
	require.NoError(t, err)
	keys := []string{}
	for _, o := range found {
		keys = append(keys, o.(*modelObject).pk)
	}
	return keys
}

func (f *rqlFixture) keys(t testing.TB, class string, p *Plan) []string {
	ids, err := p.RowIDs()
	require.NoError(t, err)
	keys := []string{}
	for _, id := range ids {
		keys = append(keys, f.byRow[class][id].pk)
	}
	return keys
}

// checkPlan compares the other ways to read a result with the list.
func (f *rqlFixture) checkPlan(t testing.TB, query string, p *Plan, n int) {
	ids, err := p.RowIDs()
	require.NoError(t, err)
	f.conn.plans.forget()
	count, err := p.Count()
	require.NoError(t, err, query)
	require.Equal(t, n, count, query)
	for i, id := range ids {
		at, ok, err := p.At(i)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, id, at, query)
		pos, ok, err := p.IndexOf(id)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, i, pos, query)
	}
	_, ok, err := p.At(n)
	require.NoError(t, err)
	require.False(t, ok)
}

// mentionsMixed tells whether a mixed property takes part; the fixture has collections there, which aren't stored yet.
func (f *rqlFixture) mentionsMixed(b *rql.Bound) bool {
	for _, c := range f.schema.Classes() {
		for _, p := range c.Properties {
			if p.Type == value.KindMixed && p.Collection == schema.Single && strings.Contains(b.String(), p.Name) {
				return true
			}
		}
	}
	return false
}
