package data

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// BenchmarkScan is a filter on 20,000 documents that no index helps, of both kinds of collections.
func BenchmarkScan(b *testing.B) {
	for _, database := range []string{synced1, "elsewhere"} {
		b.Run(database, func(b *testing.B) {
			f := open(b, nil)
			f.classes(dog()...)
			for from := 0; from < 20000; from += 1000 {
				docs := bson.A{}
				for i := range 1000 {
					docs = append(docs, bson.D{{Key: "_id", Value: int64(from + i)}, {Key: "name", Value: fmt.Sprint("dog ", i)}, {Key: "age", Value: int64(i)}, {Key: "toys", Value: bson.A{"a", "b"}}})
				}
				_, err := f.Call(b.Context(), "app", nil, service1, "insertMany", bson.D{{Key: "database", Value: database}, {Key: "collection", Value: "Dog"}, {Key: "documents", Value: docs}})
				require.NoError(b, err)
			}
			for b.Loop() {
				f.must(`{"$numberLong":"200"}`, database, "Dog", "count", `{"query":{"age":{"$lt":10}}}`)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20000, "ns/document")
		})
	}
}
