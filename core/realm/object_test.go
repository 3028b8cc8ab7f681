package realm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/store"
)

func TestCreateReadUpdateDelete(t *testing.T) {
	clean(t)
	r := openDogs(t)
	var rex Object
	write(t, r, func() {
		rex = create(t, r, "Dog", values{"_id": i64(1), "name": str("Rex"), "age": i64(3)})
	})
	require.Equal(t, str("Rex"), get(t, rex, "name"))
	require.Equal(t, 1, count(t, all(t, r, "Dog")))
	write(t, r, func() {
		set1(t, rex, "name", str("Max"))
		require.True(t, fields(rex).isCurrent())
		require.Equal(t, str("Max"), get(t, rex, "name"))
	})
	require.Equal(t, []int64{1}, ints(t, query(t, r, "Dog", "name == $0 and age > 2", str("Max")), "_id"))
	write(t, r, func() { require.NoError(t, DeleteObject(rex)) })
	require.False(t, Valid(rex))
	require.Equal(t, 0, count(t, all(t, r, "Dog")))
}

// The first call on an instance, with its only handle, gives an object up while it holds the instance's lock.
func TestGetOfNothingIsTheFirstCall(t *testing.T) {
	clean(t)
	r := openDogs(t)
	_, err := r.Get(classOf(t, r, "Dog").ID, 4711)
	require.ErrorIs(t, err, store.ErrNoObject)
}
