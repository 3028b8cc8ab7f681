package store

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/value"
)

// testdata/before_collections.realm.gz was made by the version of this package that had no collections: classes T, H and the embedded E, H with
// properties of every kind, three objects of H with a live link and a dangling one in mixed. It opens, and takes everything that is new.
func TestFileOfTheVersionBeforeCollections(t *testing.T) {
	packed, err := os.Open("testdata/before_collections.realm.gz")
	require.NoError(t, err)
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	require.NoError(t, err)
	data, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "old.realm")
	require.NoError(t, os.WriteFile(path, data, 0o600))

	readOnly, err := Open(path, Options{ReadOnly: true})
	require.NoError(t, err)
	require.NoError(t, readOnly.BeginRead())
	n, err := property(t, readOnly, readOnly.Class("H"), 0, "list").Len()
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, readOnly.Close())

	c := openAt(t, path)
	h, target := c.Class("H"), c.Class("T")
	require.NoError(t, c.BeginRead())
	version, err := c.Version()
	require.NoError(t, err)
	require.Equal(t, uint64(7), version)
	got, err := c.Values(h, 1)
	require.NoError(t, err)
	require.Equal(t, []value.Value{value.Int(1), value.String("old"), value.FromLink("T", value.StringKey("a")), value.FromLink("T", value.StringKey("gone"))}, got[:4])
	require.NoError(t, c.EndRead())
	link := LinkCell(target.ID, 1)
	write(t, c, func() {
		l := property(t, c, h, 1, "list")
		require.NoError(t, l.InsertMany(0, &[]Cell{link, link, link}[0], 3))
		require.NoError(t, l.Erase(1))
		number := IntCell(4)
		_, err := property(t, c, h, 1, "set").Add(&number)
		require.NoError(t, err)
		_, err = property(t, c, h, 1, "dict").PutNew("k", value.KindList)
		require.NoError(t, err)
		_, err = c.SetNew(h, 1, h.Property("m"), value.KindDictionary)
		require.NoError(t, err)
		_, err = c.SetNew(h, 1, h.Property("e"), value.KindObject)
		require.NoError(t, err)
		_, err = property(t, c, h, 1, "el").InsertNew(0, value.KindObject)
		require.NoError(t, err)
		_, err = c.InsertValues(target, []value.Value{value.String("gone")})
		require.NoError(t, err)
		sound(t, c)
	})
	write(t, c, func() {
		refs, err := c.Incoming(target, 1)
		require.NoError(t, err)
		require.Len(t, refs, 5)
		refs, err = c.Incoming(target, 2)
		require.NoError(t, err)
		require.Len(t, refs, 2, "of the mixed values one has been replaced")
		require.NoError(t, c.Delete(h, 1))
		require.NoError(t, c.RemoveClass("H"))
		sound(t, c)
	})
	require.NoError(t, c.Compact())
}
