package functions

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
)

// What a call costs in a worker that has run before: by itself, and with ten operations on data. package worker measures starting one.
func BenchmarkCall(b *testing.B) {
	for _, c := range []struct {
		name, source string
	}{
		{"sum", "exports = (...n) => n.reduce((a, b) => a + b, 0)"},
		{"data", "exports = async (n) => { for (let i = 0; i < n; i++) await context.services.get('mongodb-atlas').db('d').collection('c').count() }"},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b, Config{}, function("f", c.source))
			w.answer = func(*auth.Caller, string, bson.D) (any, error) { return int64(1), nil }
			for b.Loop() {
				_, err := w.call("f", int64(10))
				require.NoError(b, err)
			}
		})
	}
}
