package realm

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/vectortest"
	"realmsync/core/realm/history"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// localWrite is a line of vectors/localwrites.
type localWrite struct {
	Name         string
	RemoteFirst  *struct{ Instructions json.RawMessage } `json:"remote_first"`
	Transactions []struct {
		Ops          []localOp
		Hex          string
		Instructions json.RawMessage
	}
}

type localOp struct {
	Op, Class string
	PK        json.RawMessage
	Path      []json.RawMessage
	Value     json.RawMessage
	Default   bool
	Defaults  json.RawMessage
	To        int
}

// makeBase makes a synced realm file in the base state of the vectors.
func makeBase(t *testing.T, path string) {
	t.Helper()
	raw, err := vectortest.Load("merge/base.json")
	require.NoError(t, err)
	var base struct {
		State      json.RawMessage
		Changesets []struct{ Instructions json.RawMessage }
	}
	require.NoError(t, json.Unmarshal(raw, &base))
	state, err := vectortest.ParseState(base.State)
	require.NoError(t, err)
	s, err := state.Classes()
	require.NoError(t, err)
	r, err := Open(Config{Path: path, Schema: s, Synced: true, UserID: "u"})
	require.NoError(t, err)
	defer r.Release()
	set, err := r.LatestSet()
	require.NoError(t, err)
	m, err := r.NewSet(set)
	require.NoError(t, err)
	for i, c := range r.Schema().Classes() {
		if c.Kind == schema.TopLevel {
			require.NoError(t, m.Add(history.Subscription{Class: c.Name, Query: "TRUEPREDICATE"}, value.ObjectID{byte(i)}))
		}
	}
	_, err = m.Commit()
	require.NoError(t, err)
	var all []changeset.Instruction
	for _, c := range base.Changesets {
		in, err := vectortest.ParseInstructions(c.Instructions)
		require.NoError(t, err)
		for i := range in {
			if !in[i].IsSchema() {
				all = append(all, in[i])
			}
		}
	}
	integrate(t, r, all...)
}

// What a write transaction of a synced realm records is what the original records, to the byte.
func TestLocalWritesOfTheVectors(t *testing.T) {
	clean(t)
	base := filepath.Join(t.TempDir(), "base.realm")
	makeBase(t, base)
	image, err := os.ReadFile(base)
	require.NoError(t, err)
	ran := 0
	for _, file := range []string{"core", "random"} {
		require.NoError(t, vectortest.Lines("localwrites/"+file+".jsonl", func(line []byte) error {
			var w localWrite
			require.NoError(t, json.Unmarshal(line, &w))
			if !w.expressible() {
				return nil
			}
			ran++
			t.Run(w.Name, func(t *testing.T) {
				clean(t)
				path := tempPath(t)
				require.NoError(t, os.WriteFile(path, image, 0o600))
				r := open(t, Config{Path: path, Synced: true, UserID: "u"})
				if w.RemoteFirst != nil {
					in, err := vectortest.ParseInstructions(w.RemoteFirst.Instructions)
					require.NoError(t, err)
					integrate(t, r, in...)
				}
				for _, tx := range w.Transactions {
					before := r.Version()
					write(t, r, func() {
						for _, op := range tx.Ops {
							op.run(t, r)
						}
					})
					if hex := recordedHex(t, r, before); !w.implicit() {
						require.Equal(t, tx.Hex, hex)
					} else {
						requireSameInstructions(t, tx.Hex, hex)
					}
				}
			})
			return nil
		}))
	}
	require.Greater(t, ran, 200, "vectors are missing")
}

func recordedHex(t *testing.T, r *Realm, above uint64) string {
	t.Helper()
	conn, err := store.Open(r.Path(), store.Options{})
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.BeginRead())
	out := ""
	require.NoError(t, conn.Query("SELECT changeset FROM sync_history WHERE version>? ORDER BY version", []any{above}, func(row *store.Row) error {
		out += hex.EncodeToString(row.Blob(0))
		return nil
	}))
	return out
}

// cppSchema returns the instructions that realm-cpp records of the vectors' model, and the model.
func cppSchema(t *testing.T, w *localWrite) ([]changeset.Instruction, *schema.Schema) {
	t.Helper()
	in, err := vectortest.ParseInstructions(w.Transactions[0].Instructions)
	require.NoError(t, err)
	var classes []schema.Class
	for i := range in {
		switch f := in[i].Schema; in[i].Op {
		case changeset.AddTable:
			c := schema.Class{Name: in[i].Table, Kind: f.TableKind, PrimaryKey: f.KeyField}
			if c.PrimaryKey != "" {
				c.Properties = []schema.Property{{Name: f.KeyField, Type: f.KeyType, Nullable: f.KeyNull}}
			}
			classes = append(classes, c)
		case changeset.AddColumn:
			at := slices.IndexFunc(classes, func(c schema.Class) bool { return c.Name == in[i].Table })
			classes[at].Properties = append(classes[at].Properties,
				schema.Property{Name: in[i].Field, Type: f.Type, Nullable: f.Nullable, Collection: in[i].Collection, LinkTarget: f.LinkTarget})
		}
	}
	return in, schema.New(classes...)
}

// The first changeset of a new file is the schema, as realm-cpp records it.
func TestSchemaOfTheVectors(t *testing.T) {
	clean(t)
	found := false
	require.NoError(t, vectortest.Lines("localwrites/realm-cpp.jsonl", func(line []byte) error {
		var w localWrite
		require.NoError(t, json.Unmarshal(line, &w))
		if w.Name != "open a new file with the schema" {
			return nil
		}
		found = true
		in, model := cppSchema(t, &w)
		r := open(t, Config{Path: tempPath(t), Schema: model, Synced: true})
		// Not the bytes: the original also defines an empty string that nothing uses (changeset.md 6.2).
		require.Equal(t, in, changesets(t, r, 0)[0].Instructions)
		return nil
	}))
	require.True(t, found)
}
