package api

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// dataExport answers all documents of a collection, as they are at one moment, in lines of extended JSON. An answer that has begun can only be broken
// off, which its reader sees: the last chunk is missing. One is if its reader is slow: it can't be told why, it has not read so far; the log is.
func (s *Server) dataExport(d *dataCall) error {
	at, err := d.selection()
	if err != nil {
		return err
	}
	control := http.NewResponseController(d.w)
	begun := false
	paced := newPacedWriter(d.w, control.SetWriteDeadline, s.writeTime)
	out := bufio.NewWriterSize(paced, maxChunk)
	err = s.data.Export(d.r.Context(), d.app.ID, d.caller, d.remote(), d.at, at, func() {
		begun = true
		_ = control.SetReadDeadline(time.Time{}) // the request is whole; its deadline would be taken for the reader's end
		d.w.Header().Set("Content-Type", "application/x-ndjson")
		d.w.WriteHeader(http.StatusOK)
	}, func(doc bson.D) error {
		text, err := ejson.Marshal(doc)
		if err != nil {
			return err
		}
		_, err = out.Write(append(text, '\n'))
		return err
	})
	if !begun {
		return err
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		s.log.Warn("an export was broken off", "request", d.id, "app", d.appID(), "error", err)
		panic(http.ErrAbortHandler)
	}
	paced.last()
	return nil
}

// minExportRate is what the reader of an export must take, in bytes a second. Who takes less holds what others wait for.
const minExportRate = 64 << 10

// pacedWriter writes to a reader that may be behind minExportRate by some time, and no more. Only the time that it waits for the reader counts.
type pacedWriter struct {
	to       io.Writer
	deadline func(time.Time) error
	most     time.Duration // how far a reader may be behind that was in time
	left     time.Duration // how far it may be now
}

func newPacedWriter(to io.Writer, deadline func(time.Time) error, most time.Duration) *pacedWriter {
	return &pacedWriter{to, deadline, most, most}
}

func (w *pacedWriter) Write(p []byte) (written int, err error) {
	for len(p) > 0 && err == nil {
		var n int
		n, err = w.piece(p[:min(len(p), maxChunk)])
		written, p = written+n, p[n:]
	}
	return written, err
}

func (w *pacedWriter) piece(p []byte) (int, error) {
	w.left += time.Duration(len(p)) * time.Second / minExportRate
	begun := time.Now()
	_ = w.deadline(begun.Add(w.left))
	n, err := w.to.Write(p)
	w.left = min(w.left-time.Since(begun), w.most)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("its reader takes less than %d bytes a second: %w", minExportRate, err)
	}
	return n, err
}

// last gives the reader time for what net/http has still to write. Since the piece before, more may have passed than it had: what was looked for wasn't there.
func (w *pacedWriter) last() { _ = w.deadline(time.Now().Add(w.most)) }
