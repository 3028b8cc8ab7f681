package realm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/store"
)

func keyOf(fill byte) *store.Key {
	var b [store.KeySize]byte
	for i := range b {
		b[i] = fill
	}
	return store.NewKey(&b)
}

func TestEncryptedRealm(t *testing.T) {
	clean(t)
	path := tempPath(t)
	asked := 0
	config := Config{Path: path, Schema: dogs, Key: keyOf(1), ShouldCompact: func(uint64, uint64) bool {
		asked++
		return true
	}}
	r, err := Open(config)
	require.NoError(t, err)
	again := config
	again.Key = keyOf(1)
	same := open(t, again)
	require.True(t, IsSame(r, same), "an equal key")
	fill(t, r, 50)
	f, err := r.Freeze()
	require.NoError(t, err)
	frozen := all(t, f, "Dog")
	write(t, r, func() { // on a connection of its own from here on
		for i := range int64(10) {
			add(t, r, "Dog", values{"_id": i64(1000 + i)})
		}
	})
	require.Equal(t, 50, count(t, frozen))
	onThread(func() {
		thawed, err := f.Thaw()
		require.NoError(t, err)
		require.Equal(t, 60, count(t, all(t, thawed, "Dog")))
		require.NoError(t, thawed.Close())
		thawed.Release()
	})
	for _, key := range []*store.Key{nil, keyOf(2)} {
		other := config
		other.Key = key
		for _, open := range []func(func()){func(fn func()) { fn() }, onThread} {
			open(func() {
				_, err := Open(other)
				require.ErrorIs(t, err, ErrMismatchedConfig)
				require.EqualError(t, err, "Realm at path '"+path+"' already opened with a different encryption key.")
			})
		}
	}
	require.NoError(t, f.Close())
	require.NoError(t, r.Close())
	f.Release()
	r.Release()
	require.Equal(t, 1, asked)
	for _, key := range []*store.Key{nil, keyOf(2)} {
		for _, mode := range []SchemaMode{Automatic, SoftResetFile, HardResetFile, ReadOnlyMode} {
			other := config
			other.Key, other.SchemaMode = key, mode
			_, err := Open(other)
			require.ErrorIs(t, err, store.ErrKey, "and the file isn't reset")
		}
	}
	require.Equal(t, 1, asked)
	r = open(t, config)
	require.Equal(t, 2, asked)
	require.Equal(t, 60, count(t, all(t, r, "Dog")))
}
