package e2e

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm"
	"realmsync/core/schema"
	"realmsync/core/session"
	"realmsync/core/store"
	"realmsync/core/value"
)

var notes = schema.New(schema.Class{Name: "Note", PrimaryKey: "_id", Properties: []schema.Property{
	{Name: "_id", Type: value.KindInt}, {Name: "m", Type: value.KindMixed, Nullable: true},
}})

// words returns the list at the key of the dictionary that note 1 holds, and the dictionary; nil where there is none. They are released with the
// test.
func words(t *testing.T, d *device) (list, dictionary *realm.Collection) {
	t.Helper()
	o, err := d.find("Note", 1)
	require.NoError(t, err)
	require.NotNil(t, o)
	defer realm.ReleaseObject(o)
	dictionary, err = realm.OpenCollection(o, 1)
	require.NoError(t, err)
	require.NotNil(t, dictionary)
	t.Cleanup(dictionary.Release)
	list, err = dictionary.ChildKey("words")
	require.NoError(t, err)
	if list != nil {
		t.Cleanup(list.Release)
	}
	return list, dictionary
}

// One device takes an entry of a dictionary away, another one clears the list in it, later. Whoever comes first to the server: nobody is sent away,
// both end with the empty list, and what they write next arrives. The original's server refuses the one, its client the other.
func TestClearMeetsRemoval(t *testing.T) {
	srv := startServer(t)
	for _, removalFirst := range []bool{true, false} {
		name := "clear first"
		if removalFirst {
			name = "removal first"
		}
		t.Run(name, func(t *testing.T) {
			var devices [2]*device
			for i := range devices {
				d, err := openDevice(deviceOptions{url: srv.url(), dir: t.TempDir(), schema: notes, timings: hasty, failed: func(e *session.Error) { t.Errorf("a sync error: %v", e) }})
				require.NoError(t, err)
				t.Cleanup(d.close)
				require.NoError(t, d.subscribe("Note", "TRUEPREDICATE"))
				devices[i] = d
			}
			remover, clearer := devices[0], devices[1]
			require.NoError(t, remover.write(func() error { return makeNote(remover) }))
			require.NoError(t, remover.settle())
			require.NoError(t, clearer.settle())

			for _, d := range devices {
				require.NoError(t, d.session.Pause())
			}
			_, dictionary := words(t, remover)
			require.NoError(t, remover.write(func() error {
				_, err := dictionary.RemoveKey("words")
				return err
			}))
			for removed := time.Now().UnixMilli(); time.Now().UnixMilli() == removed; { // the clear is newer
			}
			list, _ := words(t, clearer)
			require.NoError(t, clearer.write(list.Clear))

			order := []*device{clearer, remover, clearer}
			if removalFirst {
				order = []*device{remover, clearer, remover}
			}
			for _, d := range order {
				require.NoError(t, d.session.Resume())
				require.NoError(t, d.settle())
			}
			for _, d := range devices {
				list, dictionary := words(t, d)
				require.NotNil(t, list)
				for _, c := range []struct {
					*realm.Collection
					length int
				}{{list, 0}, {dictionary, 1}} {
					n, err := c.Len()
					require.NoError(t, err)
					require.Equal(t, c.length, n)
				}
			}
			for i, d := range devices { // nobody was stopped
				require.NoError(t, d.write(func() error { return d.create("Note", int64(10+i)) }))
				require.NoError(t, d.settle())
				require.NoError(t, devices[1-i].settle())
				o, err := devices[1-i].find("Note", int64(10+i))
				require.NoError(t, err)
				require.NotNil(t, o)
				realm.ReleaseObject(o)
			}
			require.NoError(t, remover.write(func() error { return deleteNotes(remover) }))
			require.NoError(t, remover.settle())
		})
	}
}

// makeNote makes note 1, which holds a dictionary with a list of one element.
func makeNote(d *device) error {
	if err := d.create("Note", 1); err != nil {
		return err
	}
	o, err := d.find("Note", 1)
	if err != nil {
		return err
	}
	defer realm.ReleaseObject(o)
	dictionary, err := realm.SetNew(o, 1, value.KindDictionary)
	if err != nil {
		return err
	}
	defer dictionary.Collection.Release()
	list, err := dictionary.Collection.PutNew("words", value.KindList)
	if err != nil {
		return err
	}
	defer list.Collection.Release()
	cell := store.IntCell(1)
	return list.Collection.Insert(0, unsafe.Pointer(&cell))
}

// deleteNotes deletes what the test has made.
func deleteNotes(d *device) error {
	for _, key := range []int64{1, 10, 11} {
		o, err := d.find("Note", key)
		if err != nil {
			return err
		}
		if err = realm.DeleteObject(o); err != nil {
			return err
		}
		realm.ReleaseObject(o)
	}
	return nil
}
