package api

import (
	"bufio"
	"net"
	"net/http"
	"time"
)

// recorder remembers what was answered, and keeps chunks small whoever writes.
type recorder struct {
	http.ResponseWriter
	status   int // 0: nothing was written yet
	bytes    int64
	hijacked bool
	time     time.Duration // for the answer
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
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.time))
	}
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
