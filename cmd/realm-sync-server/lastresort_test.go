package main

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A server that doesn't end is ended; one that ends isn't.
func TestLastResort(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var out bytes.Buffer
	code := make(chan int, 1)
	disarm := lastResort(ctx, time.Millisecond, &out, func(c int) { code <- c })
	stop()
	require.Equal(t, 1, <-code)
	require.Contains(t, out.String(), "TestLastResort", "what still runs")
	disarm()

	lastResort(ctx, time.Hour, &out, func(c int) { code <- c })()
	require.Empty(t, code)
}
