package realm

import (
	"database/sql"
	"fmt"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"realmsync/core/realm/history"
	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// The benchmarks are those of ../shared/bench/local_bench.cpp, one layer below the C ABI. Where the disk decides, a raw SQLite
// transaction is measured in the same run: compare the ratio.

var items = schema.New(class("Item", "_id", prop("_id", value.KindInt), prop("name", value.KindString), prop("age", value.KindInt),
	prop("score", value.KindDouble), prop("active", value.KindBool)))

// itemRow fills one row of cells in C layout again and again.
type itemRow struct {
	block *block
	cells unsafe.Pointer
	name  []byte
}

func newItemRow(b testing.TB) *itemRow {
	row := &itemRow{block: newBlock(b)}
	b.Cleanup(row.block.free)
	row.cells = row.block.cells([]any{i64(0), str("item number 0000000000"), i64(0), value.Double(0), value.Bool(false)})
	row.name = unsafe.Slice(*(**byte)(unsafe.Add(row.cells, 24+8)), 22)
	return row
}

func (w *itemRow) set(i int64) {
	*(*int64)(unsafe.Add(w.cells, 8)) = i
	name := fmt.Appendf(w.name[:12], "%d", i)
	*(*uint32)(unsafe.Add(w.cells, 24+4)) = uint32(len(name))
	*(*int64)(unsafe.Add(w.cells, 48+8)) = i % 100
	*(*float64)(unsafe.Add(w.cells, 72+8)) = float64(i) * 0.5
	*(*int64)(unsafe.Add(w.cells, 96+8)) = 1 - i%2
}

func openItems(b *testing.B, n int64, synced bool) (*Realm, uint32) {
	b.Helper()
	runtime.LockOSThread()
	b.Cleanup(runtime.UnlockOSThread)
	r, err := Open(Config{Path: b.TempDir() + "/bench.realm", Schema: items, Synced: synced})
	require.NoError(b, err)
	b.Cleanup(r.Release)
	cl, err := r.Class("Item")
	require.NoError(b, err)
	if n > 0 {
		row := newItemRow(b)
		write(b, r, func() {
			for i := range n {
				row.set(i)
				insertItem(b, r, cl.ID, row)
			}
		})
	}
	return r, cl.ID
}

func insertItem(b testing.TB, r *Realm, class uint32, row *itemRow) {
	o, _, err := r.Create(class, row.cells, 5, false)
	if err != nil {
		b.Fatal(err)
	}
	ReleaseObject(o)
}

func BenchmarkInsertBulk(b *testing.B) {
	r, class := openItems(b, 0, false)
	row := newItemRow(b)
	b.ResetTimer()
	require.NoError(b, r.BeginWrite())
	for i := range int64(b.N) {
		row.set(i)
		insertItem(b, r, class, row)
	}
	require.NoError(b, r.Commit())
}

func BenchmarkInsertBulkSynced(b *testing.B) {
	r, class := openItems(b, 0, true)
	set, err := r.LatestSet()
	require.NoError(b, err)
	m, err := r.NewSet(set)
	require.NoError(b, err)
	require.NoError(b, m.Add(history.Subscription{Class: "Item", Query: "TRUEPREDICATE"}, value.ObjectID{}))
	_, err = m.Commit()
	require.NoError(b, err)
	row := newItemRow(b)
	b.ResetTimer()
	require.NoError(b, r.BeginWrite())
	for i := range int64(b.N) {
		row.set(i)
		insertItem(b, r, class, row)
	}
	require.NoError(b, r.Commit())
}

func BenchmarkInsertTransaction(b *testing.B) {
	r, class := openItems(b, 0, false)
	row := newItemRow(b)
	b.ResetTimer()
	for i := range int64(b.N) {
		require.NoError(b, r.BeginWrite())
		row.set(i)
		insertItem(b, r, class, row)
		require.NoError(b, r.Commit())
	}
	b.StopTimer()
	ours := b.Elapsed()
	b.ReportMetric(float64(ours)/float64(rawTransactions(b, b.N, "INSERT INTO item VALUES(?1,?2,?3,?4,?5)")), "x-raw-sqlite")
}

// rawTransactions does the same with SQLite alone: a transaction of one statement each.
func rawTransactions(b *testing.B, n int, statement string) time.Duration {
	db, err := sql.Open("sqlite3", b.TempDir()+"/raw.db?_journal_mode=WAL&_sync=FULL")
	require.NoError(b, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec("CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, age INTEGER, score REAL, active INTEGER)")
	require.NoError(b, err)
	_, err = db.Exec("INSERT INTO item VALUES(-5, 'item number 5', 5, 2.5, 0)")
	require.NoError(b, err)
	prepared, err := db.Prepare(statement)
	require.NoError(b, err)
	start := time.Now()
	for i := range n {
		tx, err := db.Begin()
		require.NoError(b, err)
		_, err = tx.Stmt(prepared).Exec(i, fmt.Sprint("item number ", i), i%100, float64(i)*0.5, i%2 == 0)
		require.NoError(b, err)
		require.NoError(b, tx.Commit())
	}
	return time.Since(start)
}

const benchRows = 100000

func scan(b *testing.B, r *Realm, class uint32, read func(row []store.Cell)) {
	rs, err := r.All(class)
	require.NoError(b, err)
	defer rs.Release()
	var page [256]Object
	for first := 0; ; {
		n, err := rs.Load(first, 256, unsafe.Pointer(&page[0]))
		if err != nil {
			b.Fatal(err)
		}
		for _, o := range page[:n] {
			read(unsafe.Slice((*store.Cell)(fields(o).values), 5))
			ReleaseObject(o)
		}
		if first += n; n == 0 {
			return
		}
	}
}

func BenchmarkScan3Props(b *testing.B) {
	r, class := openItems(b, benchRows, false)
	total := 0.0
	b.ResetTimer()
	for b.Loop() {
		scan(b, r, class, func(row []store.Cell) {
			total += float64(row[2].Int()) + float64(row[4].Int()) + *(*float64)(unsafe.Add(unsafe.Pointer(&row[3]), 8))
		})
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/benchRows, "ns/object")
}

func BenchmarkReadCell(b *testing.B) {
	r, class := openItems(b, 10, false)
	o, err := r.Get(class, 5)
	require.NoError(b, err)
	defer ReleaseObject(o)
	total := int64(0)
	for b.Loop() {
		if f := fields(o); f.isCurrent() {
			total += (*store.Cell)(unsafe.Add(f.values, 2*24)).Int()
		}
	}
	require.Positive(b, total)
}

func BenchmarkFindByPK(b *testing.B) {
	r, class := openItems(b, benchRows, false)
	key := newItemRow(b)
	i := int64(0)
	for b.Loop() {
		i += 7919
		key.set(i % benchRows)
		o, err := r.Find(class, key.cells)
		if err != nil || o == nil {
			b.Fatal(err)
		}
		ReleaseObject(o)
	}
}

// What local_bench.cpp does: a new query each time.
func BenchmarkFindByPKQuery(b *testing.B) {
	r, class := openItems(b, benchRows, false)
	key := newItemRow(b)
	i := int64(0)
	for b.Loop() {
		i += 7919
		key.set(i % benchRows)
		rs, err := r.Query(class, "_id == $0", key.cells, 1)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := rs.Count(); n != 1 || err != nil {
			b.Fatal(n, err)
		}
		rs.Release()
	}
}

func benchQuery(b *testing.B, text string, same bool) {
	r, class := openItems(b, benchRows, false)
	block := newBlock(b)
	defer block.free()
	args := block.cells([]any{i64(0), i64(40), str("777")})
	i := int64(0)
	for b.Loop() {
		if !same {
			i++
			*(*int64)(unsafe.Add(args, 8)) = -i // another query text every time, but nothing less to look at
		}
		rs, err := r.Query(class, text, args, 3)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := rs.Count(); err != nil {
			b.Fatal(err)
		}
		rs.Release()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/benchRows, "ns/object")
}

func BenchmarkQueryIntRange(b *testing.B)      { benchQuery(b, "age > $0 and age < $1", false) }
func BenchmarkQueryIntRangeAgain(b *testing.B) { benchQuery(b, "age > $0 and age < $1", true) }
func BenchmarkQueryStringContains(b *testing.B) {
	benchQuery(b, "age > $0 and name CONTAINS $2", false)
}

func BenchmarkSortFirst100(b *testing.B) {
	r, class := openItems(b, benchRows, false)
	var page [100]Object
	for b.Loop() {
		rs, err := r.All(class)
		require.NoError(b, err)
		sorted, err := rs.Sort([]Sort{{"score", false}})
		require.NoError(b, err)
		n, err := sorted.Load(0, 100, unsafe.Pointer(&page[0]))
		require.NoError(b, err)
		for _, o := range page[:n] {
			ReleaseObject(o)
		}
		sorted.Release()
		rs.Release()
	}
}

func BenchmarkUpdateTransaction(b *testing.B) {
	r, class := openItems(b, 100, false)
	o, err := r.Get(class, 5)
	require.NoError(b, err)
	defer ReleaseObject(o)
	row := newItemRow(b)
	b.ResetTimer()
	for i := range int64(b.N) {
		require.NoError(b, r.BeginWrite())
		row.set(i)
		require.NoError(b, SetProperty(o, 2, unsafe.Add(row.cells, 48)))
		require.NoError(b, r.Commit())
	}
	b.StopTimer()
	ours := b.Elapsed()
	b.ReportMetric(float64(ours)/float64(rawTransactions(b, b.N, "UPDATE item SET age=?3+0*(?1+?4+?5+length(?2)) WHERE id=-5")), "x-raw-sqlite")
}

func BenchmarkUpdateInOneTransaction(b *testing.B) {
	r, class := openItems(b, 100, false)
	o, err := r.Get(class, 5)
	require.NoError(b, err)
	defer ReleaseObject(o)
	row := newItemRow(b)
	require.NoError(b, r.BeginWrite())
	for b.Loop() {
		if err := SetProperty(o, 2, unsafe.Add(row.cells, 48)); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, r.Commit())
}

func BenchmarkOpenClose(b *testing.B) {
	r, class := openItems(b, 1000, false)
	config := r.config
	require.NoError(b, r.Close())
	for b.Loop() {
		r, err := Open(config)
		require.NoError(b, err)
		rs, err := r.All(class)
		require.NoError(b, err)
		_, err = rs.Count()
		require.NoError(b, err)
		rs.Release()
		r.Release()
	}
}
