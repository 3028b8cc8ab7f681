package api

import (
	"bufio"
	"net"
	"net/http"
)

// recorder remembers what was answered, and keeps chunks small whoever writes.
type recorder struct {
	http.ResponseWriter
	status   int // 0: nothing was written yet
	bytes    int64
	hijacked bool
}

// WriteHeader implements http.ResponseWriter. Informational statuses are not the answer.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. What net/http is given at once can become one chunk.
func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
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
