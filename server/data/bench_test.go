package data

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

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
