package sync

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A first connection, an upload, a bootstrap, and the way of a write to another device.
func TestFirstUploadAndBootstrap(t *testing.T) {
	f := open(t, nil)
	a := f.device("anna").subscribed(allDogs)
	a.write(create(1, "Rex", 4)...)
	a.upload()
	b := f.device("berta").subscribed(allDogs)
	require.Equal(t, []string{"1 Rex 4"}, b.dogs())
	b.write(create(2, "Fido", 2)...)
	b.upload()
	a.sync()
	require.Equal(t, []string{"1 Rex 4", "2 Fido 2"}, a.dogs())
	require.Equal(t, a.dogs(), b.sync().dogs())
}
