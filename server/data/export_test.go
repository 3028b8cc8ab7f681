package data

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/apierror"
	"realmsync/server/auth"
	"realmsync/server/mql"
)

// An export is of one moment, whatever is written while it goes on.
func TestExport(t *testing.T) {
	for _, database := range []string{synced1, "elsewhere"} {
		f := open(t, nil)
		f.classes(dog()...)
		const n = 1500 // more than one read, of plain collections
		docs := bson.A{}
		for i := range n {
			docs = append(docs, bson.D{{Key: "_id", Value: int64(2 * i)}, {Key: "name", Value: "old"}})
		}
		_, err := f.Call(t.Context(), "app", auth.SystemCaller(), service1, "insertMany", bson.D{{Key: "database", Value: database}, {Key: "collection", Value: "Dog"}, {Key: "documents", Value: docs}})
		require.NoError(t, err)
		begun, got := 0, 0
		err = f.Export(t.Context(), "app", auth.SystemCaller(), "", Collection{service1, database, "Dog"}, Selection{Filter: bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: int64(10)}}}}}, func() { begun++ }, func(d bson.D) error {
			id, _ := mql.Get(d, "_id")
			require.Equal(t, int64(2*(got+5)), id)
			name, _ := mql.Get(d, "name")
			require.Equal(t, "old", name)
			if got++; got == 1 {
				f.must(`{"insertedId":{"$numberLong":"2001"}}`, database, "Dog", "insertOne", `{"document":{"_id":{"$numberLong":"2001"},"name":"new"}}`)
				f.must(fmt.Sprintf(`{"matchedCount":%d,"modifiedCount":%d}`, n, n), database, "Dog", "updateMany", `{"query":{"name":"old"},"update":{"$set":{"name":"changed"}}}`)
				f.must(`{"deletedCount":1}`, database, "Dog", "deleteOne", `{"query":{"_id":2500}}`)
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 1, begun)
		require.Equal(t, n-5, got)
	}
}

// Queries of both languages, orders, and what is refused before anything is sent.
func TestExportSelection(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	f.must(`{"insertedIds":[{"$numberLong":"1"},{"$numberLong":"2"},{"$numberLong":"3"}]}`, synced1, "Dog", "insertMany", `{"documents":[{"_id":{"$numberLong":"1"},"age":{"$numberLong":"5"}},{"_id":{"$numberLong":"2"},"age":{"$numberLong":"7"}},{"_id":{"$numberLong":"3"},"age":{"$numberLong":"6"}}]}`)
	export := func(s Selection, stop int) (ids []any, begun bool, err error) {
		err = f.Export(t.Context(), "app", auth.SystemCaller(), "", Collection{service1, synced1, "Dog"}, s, func() { begun = true }, func(d bson.D) error {
			ids = append(ids, d[0].Value)
			if len(ids) == stop {
				return errors.New("the reader has gone")
			}
			return nil
		})
		return ids, begun, err
	}
	ids, _, err := export(Selection{RQL: "age > 5"}, 0)
	require.NoError(t, err)
	require.Equal(t, []any{int64(2), int64(3)}, ids)
	ids, _, err = export(Selection{RQL: "age > 4 SORT(age DESC) LIMIT(2)"}, 0)
	require.NoError(t, err)
	require.Equal(t, []any{int64(2), int64(3)}, ids)
	_, begun, err := export(Selection{}, 2)
	require.True(t, begun)
	require.ErrorContains(t, err, "the reader has gone")
	for _, s := range []Selection{{RQL: "wings > 5"}, {RQL: "age >"}, {Filter: bson.D{{Key: "a", Value: bson.D{{Key: "$foo", Value: 1}}}}}} {
		_, begun, err := export(s, 0)
		require.Error(t, err)
		require.False(t, begun)
	}
}

// A server has two exports at a time, and one client has one of them: a user from wherever, an address whoever is there.
func TestExportsAreShared(t *testing.T) {
	f := open(t, nil)
	f.classes(dog()...)
	f.must(`{"insertedIds":[{"$numberLong":"1"}]}`, synced1, "Dog", "insertMany", `{"documents":[{"_id":{"$numberLong":"1"},"age":{"$numberLong":"5"}}]}`)
	// while exports what user has, and calls then in the middle of it.
	while := func(user, from string, then func()) error {
		return f.Export(t.Context(), "app", &auth.Caller{UserID: user, Type: auth.TypeNormal}, from, Collection{service1, synced1, "Dog"}, Selection{}, func() {}, func(bson.D) error {
			then()
			return nil
		})
	}
	refused := func(user, from, text string) {
		t.Helper()
		err := while(user, from, func() { t.Error("it has begun") })
		require.ErrorContains(t, err, text)
		var e *apierror.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, http.StatusTooManyRequests, e.Status)
	}
	const taken, full = "is under way already", "2 exports are under way"
	require.NoError(t, while("a", "192.0.2.1", func() {
		refused("a", "192.0.2.1", taken)
		refused("a", "192.0.2.2", taken)
		refused("b", "192.0.2.1", taken)
		require.NoError(t, while("b", "192.0.2.2", func() { refused("c", "192.0.2.3", full) }))
		require.NoError(t, while("", "", func() { refused("", "", full) }), "the server itself, from nowhere, is nobody")
		require.NoError(t, while("", "", func() {}))
	}))
	require.NoError(t, while("a", "192.0.2.1", func() {}), "it has ended")
	require.Empty(t, f.exports.who)
}
