// Package logs keeps what is logged during a test.
package logs

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Buffer is a log that can be read while it is written. Any goroutine may use it; the zero Buffer is empty.
type Buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns all that was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// patience is how long Await waits.
const patience = time.Minute

// Await waits until a text was written, which must be within a minute. What another process says comes through a pipe, and what another goroutine logs beside its
// answer comes when it comes: neither has to be there when the answer is. That something was not written is known only when the writer has ended.
func (b *Buffer) Await(t testing.TB, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(b.String(), text) }, patience, 5*time.Millisecond, "%q is not in the log:\n%s", text, b)
}
