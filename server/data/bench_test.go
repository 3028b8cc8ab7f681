package data

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/schema"
	"realmsync/core/value"
	"realmsync/server/auth"
	"realmsync/server/rules"
)

// BenchmarkScan is a filter on 20,000 documents that no index helps, of both kinds of collections; and for a user whom the default rule lets see all.
func BenchmarkScan(b *testing.B) {
	for _, name := range []string{"class", "plain", "ruled"} {
		b.Run(name, func(b *testing.B) {
			caller, database := auth.SystemCaller(), map[string]string{"class": synced1, "plain": "elsewhere", "ruled": synced1}[name]
			if name == "ruled" {
				caller = &auth.Caller{UserID: "u", Type: auth.TypeNormal}
			}
			f := open(b, func(c *Config) { c.Permissions = NewRuled(rules.NewSets(c.Apps)) })
			f.classes(dog()...)
			for from := 0; from < 20000; from += 1000 {
				docs := bson.A{}
				for i := range 1000 {
					docs = append(docs, bson.D{{Key: "_id", Value: int64(from + i)}, {Key: "name", Value: fmt.Sprint("dog ", i)}, {Key: "age", Value: int64(i)}, {Key: "toys", Value: bson.A{"a", "b"}}})
				}
				_, err := f.Call(b.Context(), "app", auth.SystemCaller(), service1, "insertMany", bson.D{{Key: "database", Value: database}, {Key: "collection", Value: "Dog"}, {Key: "documents", Value: docs}})
				require.NoError(b, err)
			}
			for b.Loop() {
				n, err := f.as(caller, database, "Dog", "count", `{"query":{"age":{"$lt":10}}}`)
				require.NoError(b, err)
				require.Equal(b, int64(200), n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20000, "ns/document")
		})
	}
}

// BenchmarkDelete is a program that removes one object, which one other object links to, of so many that might. Each of those has a link to something
// else and five more properties.
func BenchmarkDelete(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n, " that may link"), func(b *testing.B) {
			f := open(b, nil)
			property := func(name string, kind value.Kind, target string) schema.Property {
				return schema.Property{Name: name, Type: kind, Nullable: true, LinkTarget: target}
			}
			f.classes(schema.Class{Name: "Person", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt}}},
				schema.Class{Name: "Task", PrimaryKey: "_id", Properties: []schema.Property{{Name: "_id", Type: value.KindInt},
					property("owner", value.KindLink, "Person"), property("name", value.KindString, ""), property("zone", value.KindString, ""),
					property("a", value.KindInt, ""), property("b", value.KindDouble, ""), property("c", value.KindTimestamp, "")}})
			for _, class := range []string{"Person", "Task"} {
				for from := 0; from < n; from += 1000 {
					docs := bson.A{}
					for i := from; i < from+1000; i++ {
						d := bson.D{{Key: "_id", Value: int64(i)}}
						if class == "Task" {
							d = append(d, bson.E{Key: "owner", Value: int64(i)}, bson.E{Key: "name", Value: fmt.Sprint("task ", i)}, bson.E{Key: "zone", Value: "zone a"},
								bson.E{Key: "a", Value: int64(i)}, bson.E{Key: "b", Value: 0.5})
						}
						docs = append(docs, d)
					}
					_, err := f.Call(b.Context(), "app", auth.SystemCaller(), service1, "insertMany", bson.D{{Key: "database", Value: synced1}, {Key: "collection", Value: class}, {Key: "documents", Value: docs}})
					require.NoError(b, err)
				}
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				f.must(`{"deletedCount":1}`, synced1, "Person", "deleteOne", fmt.Sprintf(`{"query":{"_id":%d}}`, i*7))
				i++
			}
		})
	}
}
