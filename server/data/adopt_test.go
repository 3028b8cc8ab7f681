package data

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/server/history"
)

// Documents that have become objects don't come back when they could not be removed at once, be it that the process was killed or the disk was full, and
// devices have removed the objects since. Those that have not become objects do so later.
func TestAdoptionIsCutOff(t *testing.T) {
	f := open(t, nil)
	put := func(id string) {
		f.must(`{"insertedId":`+id+`}`, synced1, "Dog", "insertOne", `{"document":{"_id":`+id+`,"name":"x"}}`)
	}
	one, two, three := `{"$numberLong":"1"}`, `{"$numberLong":"2"}`, `{"$numberLong":"3"}`
	put(one)
	put(two)
	f.classes(dog()...)
	file, release, err := f.documents(t.Context(), "app", false)
	require.NoError(t, err)
	defer release()
	_, err = file.Writer().Exec("CREATE TRIGGER stuck BEFORE DELETE ON documents BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
	require.NoError(t, err)
	_, err = f.do(synced1, "Dog", "count", `{}`)
	require.ErrorContains(t, err, "the disk is full")

	key, _ := value.KeyOf(value.Int(1))
	_, err = f.engine.Write(t.Context(), func(*history.Writing) (*changeset.Changeset, error) { // as what a device does arrives
		return &changeset.Changeset{Instructions: []changeset.Instruction{{Op: changeset.EraseObject, Table: "Dog", Key: key}}}, nil
	})
	require.NoError(t, err)
	_, err = file.Writer().Exec(`DROP TRIGGER stuck`)
	require.NoError(t, err)
	f.must(`[{"_id":`+two+`}]`, synced1, "Dog", "find", `{"project":{"_id":1}}`)
	var left int
	require.NoError(t, file.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM documents) + (SELECT count(*) FROM progress)").Scan(&left))
	require.Zero(t, left)
	put(three)
}
