package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

func tombstones(t *testing.T, c *Conn) int64 {
	t.Helper()
	n, err := c.controlInt("SELECT count(*) FROM store_tombstone")
	require.NoError(t, err)
	return n
}

// Links to objects of every kind of key: dangling at first, live with the object, dangling again without it.
func TestDanglingLinksComeAndGo(t *testing.T) {
	for _, key := range []value.Key{value.IntKey(-7), value.StringKey(""), value.StringKey("k\x00"), value.ObjectIDKey(value.ObjectID{3}), value.UUIDKey(value.UUID{9}), value.NullKey(), value.GlobalKey(2, 5), value.GlobalKey(0, 77)} {
		t.Run(key.String(), func(t *testing.T) {
			c := openTemp(t)
			target := schema.Class{Name: "T", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: key.Kind(), Nullable: key.Kind() == value.KindNull}}}
			switch key.Kind() {
			case value.KindGlobalKey:
				target.PrimaryKey, target.Properties[0] = "", schema.Property{Name: "n", Type: value.KindInt}
			case value.KindNull:
				target.Properties[0].Type = value.KindString
			}
			addClass(t, c, target)
			addClass(t, c, schema.Class{Name: "H", Properties: []schema.Property{
				{Name: "l", Type: value.KindLink, Nullable: true, LinkTarget: "T"}, {Name: "m", Type: value.KindMixed, Nullable: true}}})
			h, to := c.Class("H"), value.FromLink("T", key)
			require.NoError(t, c.BeginWrite())
			var row int64
			for range 3 {
				var err error
				row, err = c.InsertValues(h, []value.Value{to, to})
				require.NoError(t, err)
			}
			dangling := func(want bool) {
				t.Helper()
				got, err := c.Values(h, row)
				require.NoError(t, err)
				require.Equal(t, []value.Value{to, to}, got)
				b, err := c.LoadRows(h, []int64{row})
				require.NoError(t, err)
				defer b.Release()
				for i := range 2 {
					require.Equal(t, want, b.Row(0)[i].Flags == FlagDangling)
					require.Equal(t, want, b.Row(0)[i].Kind() == value.KindNull)
				}
				if want {
					require.Equal(t, int64(1), tombstones(t, c))
				} else {
					require.Zero(t, tombstones(t, c))
				}
			}
			dangling(true)
			for range 2 {
				require.NoError(t, c.State().Create("T", key))
				require.NoError(t, c.flush())
				require.Len(t, c.Revived(), 6)
				dangling(false)
				refs, err := c.Incoming(c.Class("T"), func() int64 { id, _, _ := c.Find(c.Class("T"), key); return id }())
				require.NoError(t, err)
				require.Len(t, refs, 6)
				require.NoError(t, c.State().Erase("T", key))
				dangling(true)
			}
			require.NoError(t, c.Commit())
			require.NoError(t, c.BeginRead())
			dangling(true)
			require.NoError(t, c.EndRead())
		})
	}
}

func TestLinksOfAnErasedObject(t *testing.T) {
	c := openTemp(t)
	cl := addClass(t, c, schema.Class{Name: "C", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt}, {Name: "l", Type: value.KindLink, Nullable: true, LinkTarget: "C"}}})
	write(t, c, func() {
		self := value.FromLink("C", value.IntKey(1))
		_, err := c.InsertValues(cl, []value.Value{value.Int(1), self})
		require.NoError(t, err)
		v, err := c.Value(cl, 1, 1)
		require.NoError(t, err)
		require.Equal(t, self, v)
		b, err := c.LoadRows(cl, []int64{1})
		require.NoError(t, err)
		require.Zero(t, b.Row(0)[1].Flags, "a link to itself is live from the beginning")
		b.Release()
		require.NoError(t, c.Delete(cl, 1))
	})
	// A flag on a link that comes from outside is refused: only the store makes dangling links.
	write(t, c, func() {
		_, err := c.InsertValues(cl, []value.Value{value.Int(2)})
		require.NoError(t, err)
		var a arena
		defer a.free()
		cell := &a.scratch(1)[0]
		*cell = LinkCell(cl.ID, 12345)
		cell.Flags = FlagDangling
		require.ErrorIs(t, c.SetCell(cl, 2, 1, cell), ErrType)
	})
}
