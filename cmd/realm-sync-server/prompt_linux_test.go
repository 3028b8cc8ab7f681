package main

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What is read is acknowledged at once, also on a connection that answers, for which the kernel would wait for the answer.
func TestPromptConnection(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer inner.Close()
	device, err := net.Dial("tcp", inner.Addr().String())
	require.NoError(t, err)
	defer device.Close()
	accepted, err := promptListener{inner}.Accept()
	require.NoError(t, err)
	defer accepted.Close()
	c, ok := accepted.(*promptConn)
	require.True(t, ok)

	at := func() (on int) {
		err := c.raw.Control(func(fd uintptr) { on, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK) })
		require.NoError(t, err)
		return on
	}
	say := func(from, to net.Conn) {
		_, err := from.Write([]byte("x"))
		require.NoError(t, err)
		n, err := to.Read(make([]byte, 2))
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	require.Eventually(t, func() bool {
		say(device, c)
		say(c, device)
		return at() == 0
	}, time.Minute, time.Millisecond, "the kernel waits for answers")
	say(device, c)
	require.Equal(t, 1, at())
}
