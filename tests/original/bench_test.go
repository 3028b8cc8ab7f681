package original

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// BenchmarkOriginal measures the original's client against this server: many objects up, the same down to a fresh device, and how long a write takes
// to be seen by another device.
//
//	scripts/original.sh -run xxx -bench Original -benchtime 1x
func BenchmarkOriginal(b *testing.B) {
	const count = 20_000
	items := schema.New(schema.Class{Name: "Item", PrimaryKey: "_id", Properties: []schema.Property{
		{Name: "_id", Type: value.KindInt}, {Name: "number", Type: value.KindInt}, {Name: "name", Type: value.KindString}, {Name: "price", Type: value.KindDouble},
	}})
	srv := startServer(b)
	var up, down time.Duration
	var seen []time.Duration
	for i := range b.N {
		id, dir := fmt.Sprint("bench-", i), b.TempDir()
		open := func(name string) *peer {
			p := startPeer(b, srv.url(), id, filepath.Join(dir, name))
			p.do(object{"do": "login"})
			p.do(object{"do": "open", "realm": "r", "schema": form(items)})
			return p
		}
		all := object{"do": "subscribe", "realm": "r", "subscriptions": []object{{"class": "Item", "query": "TRUEPREDICATE"}}}
		one := open("one")
		one.do(all)
		one.do(object{"do": "pause", "realm": "r"})
		one.do(object{"do": "write", "realm": "r", "instructions": []object{}, "fill": []object{{"class": "Item", "from": 0, "to": count, "values": object{
			"number": object{"int": "12345"}, "name": object{"string": "an item with a name"}, "price": object{"double": "3ff8000000000000"},
		}}}})
		begin := time.Now()
		one.do(object{"do": "resume", "realm": "r"})
		one.do(object{"do": "upload", "realm": "r"})
		up += time.Since(begin)
		two := open("two")
		begin = time.Now()
		two.do(all)
		down += time.Since(begin)
		require.Equal(b, count, two.count("Item"))
		for n := range 200 {
			begin := time.Now()
			one.do(object{"do": "write", "realm": "r", "instructions": []object{}, "fill": []object{{"class": "Item", "from": count + n, "to": count + n + 1, "values": object{}}}})
			for two.count("Item") != count+n+1 {
				require.Less(b, time.Since(begin), patient)
			}
			seen = append(seen, time.Since(begin))
		}
	}
	slices.Sort(seen)
	b.ReportMetric(float64(count*b.N)/up.Seconds(), "up/s")
	b.ReportMetric(float64(count*b.N)/down.Seconds(), "down/s")
	b.ReportMetric(float64(seen[len(seen)/2].Microseconds())/1000, "ms/seen")
	b.ReportMetric(0, "ns/op")
}
