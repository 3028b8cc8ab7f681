package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// What realm-cpp's HTTP stack reads: longer bodies with a Content-Length are dropped, and chunks go into a buffer that it does not check
// (app-services 1.3, H7 and H8).
const (
	maxPlainBody = 8192
	maxChunk     = 4096
)

// json answers with a value.
func (c *call) json(status int, value any) error {
	c.write(status, mustJSON(value))
	return nil
}

// done answers 204: there is nothing to say.
func (c *call) done() error {
	c.status = http.StatusNoContent
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *call) write(status int, body []byte) {
	c.status = status
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if len(body) <= maxPlainBody || !c.r.ProtoAtLeast(1, 1) {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	} else {
		h.Set("Transfer-Encoding", "chunked")
	}
	c.w.WriteHeader(status)
	for len(body) > 0 {
		n := min(len(body), maxChunk)
		if _, err := c.w.Write(body[:n]); err != nil {
			return // the client is gone
		}
		body = body[n:]
	}
}

// mustJSON writes a value as it is, without making it safe for HTML. All that is ever given here can be written.
func mustJSON(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
