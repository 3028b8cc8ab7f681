package realm

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/vectortest"
	"realmsync/core/realm/history"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/store/storetest"
	"realmsync/core/value"
	"realmsync/tests/vectors"
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
	Result json.RawMessage
}

// vectorBase is the state that the lines start from.
type vectorBase struct {
	state *vectortest.State
	image []byte // of a realm file in the state
}

// makeBase makes a realm file in the base state of the vectors, with a subscription to each of its classes and to more.
func makeBase(t *testing.T, more []string) vectorBase {
	t.Helper()
	raw, err := vectors.Load("merge/base.json")
	require.NoError(t, err)
	var base struct {
		State      json.RawMessage
		Changesets []struct{ Instructions json.RawMessage }
	}
	require.NoError(t, json.Unmarshal(raw, &base))
	state, err := vectortest.ParseState(base.State)
	require.NoError(t, err)
	var shape, data []changeset.Instruction
	for _, c := range base.Changesets {
		in, err := vectortest.ParseInstructions(c.Instructions)
		require.NoError(t, err)
		for i := range in {
			if in[i].IsSchema() {
				shape = append(shape, in[i])
			} else {
				data = append(data, in[i])
			}
		}
	}
	classes := declaredBy(shape)
	path := filepath.Join(t.TempDir(), "base.realm")
	func() {
		r, err := Open(Config{Path: path, Schema: classes, Synced: true, UserID: "u"})
		require.NoError(t, err)
		defer r.Release()
		for _, c := range classes.Classes() {
			if c.Kind == schema.TopLevel {
				more = append(more, c.Name)
			}
		}
		slices.Sort(more)
		subscribeByName(t, path, slices.Compact(more))
		integrate(t, r, data...)
	}()
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	return vectorBase{state, image}
}

// subscribeByName makes subscriptions to classes that needn't exist yet.
func subscribeByName(t *testing.T, path string, classes []string) {
	t.Helper()
	conn, err := store.Open(path, store.Options{})
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.BeginWrite())
	set := &history.Set{}
	for i, class := range classes {
		set.Put(history.Subscription{Class: class, Query: "TRUEPREDICATE"}, 1, value.ObjectID{byte(i)})
	}
	require.NoError(t, history.CommitSet(conn, set))
	_, err = history.AppendLocal(conn, nil, time.Unix(1700000000, 0))
	require.NoError(t, err)
	require.NoError(t, conn.Commit())
}

// declaredBy returns the schema that instructions build up, properties in their order.
func declaredBy(in []changeset.Instruction) *schema.Schema {
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
	return schema.New(classes...)
}

// What a write transaction of a synced realm records is what the original records, to the byte, and the realm ends in the same state. Only
// where deletions and creations bring instructions about, their order may be another.
func TestLocalWritesOfTheVectors(t *testing.T) {
	clean(t)
	var lines []*localWrite
	var added []string
	for _, file := range []string{"core", "random"} {
		require.NoError(t, vectors.Lines("localwrites/"+file+".jsonl", func(line []byte) error {
			w := &localWrite{}
			lines = append(lines, w)
			return json.Unmarshal(line, w)
		}))
	}
	for _, w := range lines {
		for _, tx := range w.Transactions {
			for _, op := range tx.Ops {
				if op.Op == "add_class" && op.Kind == "top-level" {
					added = append(added, op.Class)
				}
			}
		}
	}
	base := makeBase(t, added)
	require.NotEmpty(t, lines)
	for _, w := range lines {
		t.Run(w.Name, func(t *testing.T) { w.check(t, base) })
	}
}

func (w *localWrite) check(t *testing.T, base vectorBase) {
	clean(t)
	path := filepath.Join(memoryDir(t), "test.realm")
	require.NoError(t, os.WriteFile(path, base.image, 0o600))
	r := open(t, Config{Path: path, Synced: true, UserID: "u"})
	if w.RemoteFirst != nil {
		in, err := vectortest.ParseInstructions(w.RemoteFirst.Instructions)
		require.NoError(t, err)
		integrate(t, r, in...)
	}
	wanted, err := base.state.Change(w.Result)
	require.NoError(t, err)
	want, err := memstate.FromForm(wanted)
	require.NoError(t, err)
	for i, tx := range w.Transactions {
		before := r.Version()
		var free []vectortest.Range
		write(t, r, func() {
			for i := range tx.Ops {
				first := r.recorder.rec.Len()
				tx.Ops[i].run(t, r)
				switch end := r.recorder.rec.Len(); tx.Ops[i].Op {
				case "delete": // the last one is the EraseObject
					free = append(free, vectortest.Range{First: first, End: end - 1})
				case "create": // the first one is the CreateObject, and what revives links comes before defaults
					free = append(free, vectortest.Range{First: first + 1, End: max(first+1, end-len(tx.Ops[i].Defaults))})
				}
			}
			if i == len(w.Transactions)-1 {
				requireSameContent(t, want, contentOf(t, r))
			}
		})
		if have := recordedHex(t, r, before); have != tx.Hex {
			want, err := vectortest.ParseInstructions(tx.Instructions)
			require.NoError(t, err)
			require.NoError(t, vectortest.CompareRecordings(want, decodeHex(t, have), free))
			require.NotEqual(t, want, decodeHex(t, have), "the instructions are the same, but not the bytes: %s, %s", tx.Hex, have)
		}
	}
	// The results are those before the commit: it takes asymmetric objects away.
	want.Begin()
	want.Commit()
	requireSameContent(t, want, contentOf(t, r))
}

// memoryDir returns a folder for files whose durability is not what is tested: in memory, where the system has such a place.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "realm-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func requireSameContent(t *testing.T, want, have *memstate.State) {
	t.Helper()
	a, b := string(want.JSON()), string(have.JSON())
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	require.True(t, a == b, "the content is\n\t...%s\nnot\n\t...%s", b[max(0, at-100):min(len(b), at+100)], a[max(0, at-100):min(len(a), at+100)])
}

// contentOf reads what the file of an instance holds.
func contentOf(t testing.TB, r *Realm) *memstate.State {
	t.Helper()
	require.NoError(t, r.enter())
	defer r.leave()
	state, err := storetest.DumpHere(r.conn, nil)
	require.NoError(t, err)
	return state
}

func recordedHex(t *testing.T, r *Realm, above uint64) string {
	t.Helper()
	require.NoError(t, r.enter())
	defer r.leave()
	out := ""
	require.NoError(t, r.conn.Query("SELECT changeset FROM sync_history WHERE version>? ORDER BY version", []any{above}, func(row *store.Row) error {
		out += hex.EncodeToString(row.Blob(0))
		return nil
	}))
	return out
}

func decodeHex(t *testing.T, text string) []changeset.Instruction {
	t.Helper()
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	c, err := changeset.Decode(raw)
	require.NoError(t, err)
	return c.Instructions
}

// The first changeset of a new file is the schema, as realm-cpp records it.
func TestSchemaOfTheVectors(t *testing.T) {
	clean(t)
	found := false
	require.NoError(t, vectors.Lines("localwrites/realm-cpp.jsonl", func(line []byte) error {
		var w localWrite
		require.NoError(t, json.Unmarshal(line, &w))
		if w.Name != "open a new file with the schema" {
			return nil
		}
		found = true
		model := declaredBy(decodeHex(t, w.Transactions[0].Hex))
		r := open(t, Config{Path: tempPath(t), Schema: model, Synced: true})
		require.Equal(t, w.Transactions[0].Hex, recordedHex(t, r, 0))
		return nil
	}))
	require.True(t, found)
}
