package view

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"realmsync/core/changeset"
	"realmsync/core/value"
	"realmsync/server/budget"
	"realmsync/server/history"
	"realmsync/server/store"
	"realmsync/server/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = time.Minute

// fixture is an app with an engine and a Fan, and one client file that writes.
type fixture struct {
	*history.Engine
	t    testing.TB
	fan  *Fan
	file store.File
	next uint64 // client version

	mu      sync.Mutex
	entries []*history.Entry
}

// everything sees all objects.
type everything struct{}

func (everything) Sees(*history.Row) (bool, error) { return true, nil }
func (everything) Subscribed(string) bool          { return true }

func open(t testing.TB) *fixture {
	t.Helper()
	return openWith(t, nil)
}

func openWith(t testing.TB, b *budget.Budget) *fixture {
	t.Helper()
	f := &fixture{t: t, next: 1}
	s, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "sync.db"))
	require.NoError(t, err)
	ready := make(chan struct{})
	f.Engine, err = history.Open(context.Background(), history.Config{App: "app", Store: s, Committed: func(entries []*history.Entry) {
		<-ready
		f.mu.Lock()
		f.entries = append(f.entries, entries...)
		f.mu.Unlock()
		f.fan.Committed(entries)
	}})
	require.NoError(t, err)
	f.fan = NewFan(f.Version(), b, nil)
	close(ready)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	f.file, err = f.NewFile(context.Background(), "user", 0)
	require.NoError(t, err)
	f.write(
		changeset.Instruction{Op: changeset.AddTable, Table: "T", Schema: &changeset.SchemaFields{KeyField: "_id", KeyType: value.KindInt}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "owner", Schema: &changeset.SchemaFields{Type: value.KindString, Nullable: true}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "n", Schema: &changeset.SchemaFields{Type: value.KindInt}},
		changeset.Instruction{Op: changeset.AddColumn, Table: "T", Field: "text", Schema: &changeset.SchemaFields{Type: value.KindString}},
	)
	return f
}

// write makes one version, waits until it is distributed, and returns it.
func (f *fixture) write(ins ...changeset.Instruction) *history.Entry {
	f.t.Helper()
	f.next++
	c := &changeset.Changeset{Instructions: ins}
	b, err := changeset.Encode(c)
	require.NoError(f.t, err)
	if c, err = history.DecodeUploaded(b); err != nil {
		require.NoError(f.t, err)
	}
	done := make(chan error, 1)
	base := f.Version()
	require.NoError(f.t, f.Submit(&history.Upload{
		File: f.file.Ident, Stream: &history.Stream{}, ClientVersion: f.next, ServerVersion: base, Locked: base, Bytes: len(b),
		Changesets: []history.Uploaded{{ClientVersion: f.next, ServerVersion: base, Timestamp: f.next, Changeset: c, Data: b}},
		Epochs:     []history.Epoch{{View: everything{}}},
		Done:       func(_ history.Result, err error) { done <- err },
	}))
	require.NoError(f.t, <-done)
	f.reach(f.Version())
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entries[len(f.entries)-1]
}

// reach waits until a version is distributed.
func (f *fixture) reach(version uint64) {
	f.t.Helper()
	reached := make(chan struct{}, 1)
	f.fan.Reach(version, NewWatcher(func() { reached <- struct{}{} }))
	select {
	case <-reached:
	case <-time.After(patience):
		require.FailNow(f.t, "the version is not distributed")
	}
}

// acquire compiles a set on the class T.
func (f *fixture) acquire(query string) *Set {
	f.t.Helper()
	body := "{}"
	if query != "" {
		body = fmt.Sprintf(`{"T":%q}`, query)
	}
	s, err := f.fan.Acquire(f.Catalog(), []byte(body), false)
	require.NoError(f.t, err, query)
	return s
}

func create(id int64, owner value.Value, n int64) []changeset.Instruction {
	key := value.IntKey(id)
	return []changeset.Instruction{
		{Op: changeset.CreateObject, Table: "T", Key: key}, set(id, "owner", owner), set(id, "n", value.Int(n)),
		set(id, "text", value.String(fmt.Sprint("text of ", id))),
	}
}

func set(id int64, field string, v value.Value) changeset.Instruction {
	return changeset.Instruction{Op: changeset.Update, Table: "T", Key: value.IntKey(id), Field: field, Value: v}
}

func erase(id int64) changeset.Instruction {
	return changeset.Instruction{Op: changeset.EraseObject, Table: "T", Key: value.IntKey(id)}
}

// decode returns the instructions of a changeset, in words.
func decode(t testing.TB, b []byte) (out []string) {
	t.Helper()
	c, err := changeset.Decode(b)
	require.NoError(t, err)
	for i := range c.Instructions {
		in := &c.Instructions[i]
		switch in.Op {
		case changeset.CreateObject:
			out = append(out, "create "+in.Key.String())
		case changeset.EraseObject:
			out = append(out, "erase "+in.Key.String())
		case changeset.Update:
			out = append(out, fmt.Sprint(in.Key, ".", in.Field, " = ", in.Value))
		case changeset.AddTable:
			out = append(out, "class "+in.Table)
		case changeset.AddColumn:
			out = append(out, "property "+in.Table+"."+in.Field)
		default:
			out = append(out, fmt.Sprint("op ", in.Op))
		}
	}
	return out
}
