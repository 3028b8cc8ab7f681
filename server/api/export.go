package api

import (
	"bufio"
	"net/http"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/ejson"
)

// dataExport answers all documents of a collection, as they are at one moment, in lines of extended JSON. An answer that has begun can only be broken
// off, which its reader sees: the last chunk is missing.
func (s *Server) dataExport(d *dataCall) error {
	at, err := d.selection()
	if err != nil {
		return err
	}
	control := http.NewResponseController(d.w)
	begun := false
	out := bufio.NewWriterSize(writerWithin{d, control, s.writeTime}, maxChunk)
	err = s.data.Export(d.r.Context(), d.app.ID, d.caller, d.at, at, func() {
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
	return nil
}

// writerWithin gives the reader of an answer time for each piece of it.
type writerWithin struct {
	d       *dataCall
	control *http.ResponseController
	time    time.Duration
}

func (w writerWithin) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.time))
	return w.d.w.Write(p)
}
