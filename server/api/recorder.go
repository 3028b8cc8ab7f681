package api

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"
)

// recorder remembers what was answered, and keeps chunks small whoever writes.
type recorder struct {
	http.ResponseWriter
	status   int // 0: nothing was written yet
	bytes    int64
	hijacked bool
	time     time.Duration // for the answer

	mu    sync.Mutex
	ended bool // no more of it is to be sent
	begun bool // some of it was; only the handler writes it
}

// newRecorder begins an answer, which has no time limit until something is written.
func newRecorder(w http.ResponseWriter, limit time.Duration) *recorder {
	// What the answer before it on the same connection left. Writers that have no deadlines are those of tests.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	return &recorder{ResponseWriter: w, time: limit}
}

// begin starts the time that the client has to read the answer.
func (w *recorder) begin(status int) {
	w.status = status
	if status != http.StatusSwitchingProtocols {
		_ = w.SetWriteDeadline(time.Now().Add(w.time))
	}
}

// SetWriteDeadline is for http.ResponseController.
func (w *recorder) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended && w.begun {
		return nil
	}
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

// end breaks the answer off: writing it fails, also what waits for its reader now. What a client gets of it is not nothing, which it would take for
// success (app-services 1.3, H11). Others than the handler may call it, until the handler returns.
func (w *recorder) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.fail()
}

// fail makes writing fail, if it is to. mu is held.
func (w *recorder) fail() {
	if w.ended && w.begun {
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Unix(1, 0))
	}
}

// wasEnded tells whether end was called.
func (w *recorder) wasEnded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// WriteHeader implements http.ResponseWriter. Informational statuses are not the answer.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. What net/http is given at once can become one chunk.
func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	written := 0
	for {
		n, err := w.ResponseWriter.Write(p[:min(len(p), maxChunk)])
		written += n
		w.bytes += int64(n)
		if !w.begun {
			w.mu.Lock()
			w.begun = true
			w.fail()
			w.mu.Unlock()
		}
		if p = p[n:]; err != nil || len(p) == 0 {
			return written, err
		}
	}
}

// Hijack implements http.Hijacker: a WebSocket takes the connection.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.hijacked = true
		if w.status == 0 {
			w.status = http.StatusSwitchingProtocols
		}
	}
	return conn, rw, err
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// code is the status for logs.
func (w *recorder) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
