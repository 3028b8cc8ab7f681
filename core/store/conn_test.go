package store

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// openTemp opens a new realm file that is closed with the test.
func openTemp(t testing.TB) *Conn {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "test.realm"))
}

func openAt(t testing.TB, path string) *Conn {
	t.Helper()
	c, err := Open(path, Options{})
	require.NoError(t, err)
	t.Cleanup(func() {
		countsRight(t, c)
		require.NoError(t, c.Close())
	})
	return c
}

// countsRight checks how many objects the file says that there are, if the connection is still open.
func countsRight(t testing.TB, c *Conn) {
	t.Helper()
	if c.owner == nil || c.tx != txRead && c.tx != txWrite && c.BeginRead() != nil {
		return
	}
	for _, cl := range c.Classes() {
		n, known, err := c.count(cl)
		if err != nil || !known || !cl.built {
			continue
		}
		there, err := c.controlInt("SELECT count(*) FROM " + cl.name)
		require.NoError(t, err)
		require.Equal(t, there, n, "objects of class %s", cl.Def.Name)
	}
}

var itemClass = schema.Class{Name: "Item", PrimaryKey: "_id", Properties: []schema.Property{
	{Name: "_id", Type: value.KindInt},
	{Name: "name", Type: value.KindString},
	{Name: "age", Type: value.KindInt},
	{Name: "score", Type: value.KindDouble},
	{Name: "active", Type: value.KindBool},
}}

// write runs fn in a write transaction.
func write(t testing.TB, c *Conn, fn func()) {
	t.Helper()
	require.NoError(t, c.BeginWrite())
	fn()
	require.NoError(t, c.Commit())
}

func addClass(t testing.TB, c *Conn, def schema.Class) *Class {
	t.Helper()
	write(t, c, func() { require.NoError(t, c.AddClass(def)) })
	return c.Class(def.Name)
}

func TestObjectSurvivesReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.realm")
	c := openAt(t, path)
	cl := addClass(t, c, itemClass)
	row := []value.Value{value.Int(7), value.String("seven"), value.Int(42), value.Double(-0.5), value.Bool(true)}
	write(t, c, func() {
		id, err := c.InsertValues(cl, row)
		require.NoError(t, err)
		require.Equal(t, int64(7), id)
		require.NoError(t, c.SetVersion(3))
	})
	require.NoError(t, c.Close())

	c = openAt(t, path)
	require.NoError(t, c.BeginRead())
	defer c.EndRead()
	got, err := c.Values(c.Class("Item"), 7)
	require.NoError(t, err)
	require.Equal(t, row, got)
	v, err := c.Version()
	require.NoError(t, err)
	require.Equal(t, uint64(3), v)
}
