package sync

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"realmsync/core/wire"
)

// A file that was away longer than its app allows is refused with the error that lets the client reset itself; one that is connected is not.
func TestExpiredFile(t *testing.T) {
	var shift atomic.Int64
	f := open(t, func(c *Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
	})
	away := f.device("ann").subscribed(`{"Dog":"(TRUEPREDICATE)"}`)
	away.write(create(1, "Rex", 3)...)
	away.upload()
	away.acknowledged()
	away.sync()
	away.drop()
	here := f.device("ben").subscribed(`{"Dog":"(TRUEPREDICATE)"}`)
	here.sync()

	shift.Store(int64(DefaultMaxOffline + 2*time.Hour))
	a, done := f.look("app")
	f.trim(t.Context(), a, true)
	require.NotZero(t, a.engine.Floor())
	done()

	here.write(create(2, "Lassie", 4)...)
	here.upload()
	here.acknowledged()
	away.connect()
	m := expect[*wire.JSONError](away.link)
	require.Equal(t, wire.CodeClientFileExpired, m.Code)
	require.Equal(t, wire.ClientReset, m.Action)
}
