package sync

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/core/wire"
	"realmsync/server/history"
	"realmsync/server/store/sqlite"
	"realmsync/server/view"
)

// everything is a view.
type everything struct{}

func (everything) Sees(*history.Row) (bool, error) { return true, nil }
func (everything) Subscribed(string) bool          { return true }

// Who is told that an upload is integrated is told of a version that has it, also before it is distributed: else nothing would tell, after a
// restore of a backup without it, that the client holds more than the server.
func TestLatestCoversUploads(t *testing.T) {
	st, err := sqlite.Open(t.Context(), t.TempDir()+"/sync.db")
	require.NoError(t, err)
	engine, err := history.Open(t.Context(), history.Config{App: "app", Store: st}) // nobody distributes
	require.NoError(t, err)
	defer func() { require.NoError(t, engine.Close()) }()
	file, err := engine.NewFile(t.Context(), "user", 0)
	require.NoError(t, err)
	s := &session{app: &app{engine: engine, fan: view.NewFan(engine.Version(), nil, nil)}, file: file, at: engine.Version()}
	done := make(chan history.Result, 1)
	require.NoError(t, engine.Submit(&history.Upload{
		File: file.Ident, Stream: &history.Stream{}, ClientVersion: 2, Epochs: []history.Epoch{{View: everything{}}},
		Changesets: []history.Uploaded{{ClientVersion: 2, Timestamp: 1, Changeset: &changeset.Changeset{Instructions: []changeset.Instruction{
			{Op: changeset.AddTable, Table: "T", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}},
		}}}},
		Done: func(r history.Result, err error) {
			if err != nil {
				t.Error(err)
			}
			done <- r
		},
	}))
	result := <-done
	require.Len(t, result.Own, 1)
	s.file = result.File
	p := s.cursors(wire.SteadyState).Progress
	require.EqualValues(t, 2, p.Upload.ClientVersion)
	require.GreaterOrEqual(t, p.Latest.Version, result.Own[0].Version)
	require.Equal(t, engine.Salt(p.Latest.Version), p.Latest.Salt)
}
