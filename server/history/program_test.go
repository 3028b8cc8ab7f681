package history

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
)

// since lists the objects that versions after one name, as a program is told.
func (f *fixture) since(version uint64) (keys []int64, ok bool) {
	f.t.Helper()
	_, err := f.Write(f.t.Context(), func(w *Writing) (_ *changeset.Changeset, err error) {
		ok, err = w.Since(version, func(class string, key value.Key) {
			require.Equal(f.t, "T", class)
			keys = append(keys, key.Int())
		})
		return nil, err
	})
	require.NoError(f.t, err)
	return keys, ok
}

// A program is told what others have written to since it looked, as far back as the history goes.
func TestWritingSince(t *testing.T) {
	f, d := withT(t, nil)
	start := f.Version()
	d.write(create(1), set(1, "n", value.Int(1)))
	_, err := f.Write(t.Context(), func(*Writing) (*changeset.Changeset, error) {
		return &changeset.Changeset{Instructions: []changeset.Instruction{create(2)}}, nil
	})
	require.NoError(t, err)
	for range 2 {
		keys, ok := f.since(start)
		require.True(t, ok)
		require.Equal(t, []int64{1, 1, 2}, keys)
		keys, ok = f.since(f.Version())
		require.True(t, ok)
		require.Empty(t, keys)
		f.restart() // the second time from the store
	}
	f.clock.Move(48 * time.Hour)
	require.Greater(t, f.trim(Retention{Offline: 24 * time.Hour}).Floor, start)
	f.restart()
	_, ok := f.since(start)
	require.False(t, ok, "that is given up")
}

// What a program makes is refused whole if it makes a point of something that is none.
func TestCorruptingProgram(t *testing.T) {
	f, _ := withT(t, nil)
	version := f.Version()
	write := func(corrupts func(*Row) (bool, error)) error {
		_, err := f.Write(t.Context(), func(w *Writing) (*changeset.Changeset, error) {
			w.Corrupts = corrupts
			return &changeset.Changeset{Instructions: []changeset.Instruction{create(1), create(2), set(2, "n", value.Int(5))}}, nil
		})
		return err
	}
	err := write(func(r *Row) (bool, error) { return field(r, "n").Int() == 5, nil })
	requireCode(t, BadChangeset, err)
	require.ErrorContains(t, err, `write to 2 in table "T" will corrupt geojson data`)
	broken := errors.New("the store can't be read")
	require.ErrorIs(t, write(func(*Row) (bool, error) { return false, broken }), broken)
	require.Equal(t, version, f.Version())
	require.Nil(t, f.row(1))
	require.NoError(t, write(func(*Row) (bool, error) { return false, nil }))
	require.EqualValues(t, 5, f.n(2))
}
