package store

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Finding the links to an object never walks a table.
func TestLinksAreFoundByAnIndex(t *testing.T) {
	c := openTemp(t)
	_, target := linkWorld(t, c)
	require.NoError(t, c.BeginWrite())
	columns := c.linkColumns(target)
	require.Greater(t, len(columns), 8)
	for _, in := range columns {
		table, col := in.table(c)
		live, _ := linkForms(in, target, 1, 0)
		sql := fmt.Sprintf("EXPLAIN QUERY PLAN SELECT 1 FROM %s WHERE %s=?", table, col)
		if in.isMixed() {
			sql += " AND " + in.isLink(c, col)
		}
		require.NoError(t, c.query(sql, []any{live}, func(r *Row) error {
			require.Contains(t, r.Text(3), "SEARCH", table)
			return nil
		}))
		if e := in.elements(c); e != nil && in.isMixed() {
			sql := "EXPLAIN QUERY PLAN SELECT k FROM " + e.name + " WHERE v IN (?,?) AND " + mixedLeads("v") + " AND owner=?"
			require.NoError(t, c.query(sql, []any{blobArg("a"), blobArg("b"), 1}, func(r *Row) error {
				require.Contains(t, r.Text(3), "link", "where a collection is in its parent")
				return nil
			}))
		}
	}
}
