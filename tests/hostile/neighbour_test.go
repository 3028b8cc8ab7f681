package hostile

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// Programs and devices that ask for all that is costly have taken all there is of the processor for long work: the devices of another app, and of their own, go on, and so does what is short.
// Of what else is long as much waits as may; the rest is refused and told when to come again.
func TestLoudNeighbour(t *testing.T) {
	s := open(t, true)
	user := s.anonymous(other)
	writer, reader := s.subscribed(other), s.subscribed(other) // which make the class
	path := strings.Replace(dataAPI, shop, other, 1)
	const last, each = 5000, 1000
	for from := 0; from < last; from += each {
		var docs []string
		for i := range each {
			docs = append(docs, fmt.Sprintf(`{"_id":%d,"name":"%s"}`, -1-from-i, strings.Repeat("a", 100)))
		}
		require.Equal(t, 201, s.ask("POST", path+"Dog/documents", user.Access, "["+strings.Join(docs, ",")+"]").status)
	}
	var or []string
	for i := range 60 {
		or = append(or, fmt.Sprintf(`{"name":"%d"}`, i))
	}
	costly := `{"filter":{"$or":[` + strings.Join(or, ",") + `]}}`

	var leaves []func()
	for range longWork {
		leave, err := s.turns.Enter(t.Context(), "others")
		require.NoError(t, err)
		leaves = append(leaves, leave)
	}
	h := s.honest()
	const refused = 4
	var loud sync.WaitGroup
	done := make(chan answer, longWaiting+refused)
	for range longWaiting + refused {
		loud.Go(func() {
			done <- s.ask("POST", path+"Dog/query", user.Access, costly)
		})
	}
	for range refused {
		a := <-done
		a.refused(http.StatusTooManyRequests, "")
		require.Equal(t, "10", a.header.Get("Retry-After"))
	}
	device := s.connect(other)
	device.query++
	require.NoError(t, device.send(&wire.Query{Session: 1, Version: device.query, Body: dogQuery(t, "TRUEPREDICATE")}))
	for i := range int64(3) {
		require.NoError(t, writer.upload(dog(5_000_000+i)...))
		require.NoError(t, reader.mark())
		require.True(t, reader.keys[5_000_000+i])
		require.Equal(t, 200, s.ask("GET", path+"Dog/documents/-1", user.Access, "").status)
	}
	h.stop() // it has gone on

	for _, leave := range leaves {
		leave()
	}
	loud.Wait()
	for range longWaiting {
		require.Empty(t, (<-done).ids())
	}
	require.NoError(t, device.wait(func(m wire.ServerMessage) bool {
		d, ok := m.(*wire.Download)
		return ok && d.QueryVersion == device.query && d.BatchState == wire.LastInBatch
	}))
}
