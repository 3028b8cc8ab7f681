package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"realmsync/server/auth"
	"realmsync/server/budget"
	"realmsync/server/dbfile"
)

const (
	// maxPlainBody is the most that a body with a Content-Length may have: realm-cpp drops longer ones (1.3, H7).
	maxPlainBody = 8192
	// maxChunk is the most that goes into one chunk: realm-cpp reads chunks into a buffer that it does not check (1.3, H8).
	maxChunk = 4096
	// jsonType is exact: with a parameter, clients don't look for an error in a body (2.1).
	jsonType = "application/json"
	// looseType is for results that may have a member "error" without being one.
	looseType = "application/json;charset=utf-8"
)

// refusal is the answer to a request that failed. See auth.Error.
type refusal = auth.Error

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, contentType string, value any) {
	body, err := json.Marshal(value)
	if err != nil { // all that is ever given here can be written
		panic(err)
	}
	w.Header().Set("Content-Type", contentType)
	writeBody(w, r, status, body)
}

// writeBody answers with a body that its client can read: short ones with their length, others in small chunks.
func writeBody(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	if len(body) <= maxPlainBody || !r.ProtoAtLeast(1, 1) { // before 1.1 there are no chunks
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	} else {
		// Said rather than left to net/http, which would count the body of a handler that ends soon.
		w.Header().Set("Transfer-Encoding", "chunked")
	}
	w.WriteHeader(status)
	for len(body) > 0 {
		n := min(len(body), maxChunk)
		if _, err := w.Write(body[:n]); err != nil {
			return // the client is gone
		}
		body = body[n:]
	}
}

// errHeld is why an answer was broken off.
var errHeld = errors.New("the answers that wait for their readers were too many, and of these it was the oldest of whoever had most")

// writeResult answers with a result, which may be long, and counts it until its reader has it. user is whose it is.
func (s *Server) writeResult(c *call, user string, status int, body []byte) error {
	held, err := s.hold(c, user, cap(body))
	if err != nil {
		return err
	}
	defer held.Give()
	c.w.Header().Set("Content-Type", looseType)
	writeBody(c.w, c.r, status, body)
	return nil
}

// hold counts what is held until a reader has it. Give it back.
func (s *Server) hold(c *call, user string, bytes int) (*budget.Hold, error) {
	if bytes <= maxPlainBody { // the kernel takes it at once
		return nil, nil
	}
	held, err := s.held.Take(bytes, budget.Owner{App: c.appID(), Address: c.remote(), User: user}, c.w.end)
	if errors.Is(err, budget.ErrTooLarge) {
		return nil, &refusal{Status: http.StatusBadRequest, Code: "ReadSizeLimitExceeded", Text: "the result is too large: ask for less, with a limit or a projection", Cause: err}
	}
	return held, err
}

// writeError answers with an error in the form of app-services 2.1.
func (s *Server) writeError(c *call, err error) {
	e := s.refusalOf(c, err)
	c.reason = err
	e.Head(c.w.Header())
	writeJSON(c.w, c.r, e.Status, jsonType, s.errorAnswer(c, e))
}

// errorText is what writeError answers with, for a stream that has begun.
func (s *Server) errorText(c *call, err error) string {
	e := s.refusalOf(c, err)
	c.reason = err
	text, err := json.Marshal(s.errorAnswer(c, e))
	if err != nil { // all that is ever given here can be written
		panic(err)
	}
	return string(text)
}

// refusalOf returns what the client is told of an error.
func (s *Server) refusalOf(c *call, err error) *refusal {
	var e *refusal
	var unknown *auth.ErrUnknownApp
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &unknown):
		return &refusal{Status: http.StatusNotFound, Text: unknown.Error()}
	case errors.As(err, &tooLarge):
		return &refusal{Status: http.StatusRequestEntityTooLarge, Code: "BadRequest", Text: "the request's body is larger than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes"}
	case c.r.Context().Err() != nil:
		return &refusal{Status: http.StatusServiceUnavailable, Code: "InternalServerError", Text: "the request was cancelled"}
	}
	s.log.Error("request failed", "request", c.id, "route", c.route, "app", c.appID(), "error", err)
	if dbfile.Full(err) {
		return &refusal{Status: http.StatusServiceUnavailable, Code: "InternalServerError", Text: "the server's disk is full, and nothing was stored; try again when there is room"}
	}
	return &refusal{Status: http.StatusInternalServerError, Code: "InternalServerError", Text: "internal server error; the server's log has more under request " + c.id}
}

// errorAnswer is the form of an error.
type errorAnswer struct {
	Error string `json:"error"`
	Code  string `json:"error_code,omitempty"`
	Link  string `json:"link,omitempty"`
	Index *int   `json:"index,omitempty"` // of the data API
}

func (s *Server) errorAnswer(c *call, e *refusal) errorAnswer {
	body := errorAnswer{e.Text, e.Code, "", nil}
	if strings.HasPrefix(c.route, "data/") { // clients know no such member
		body.Index = e.Index
	}
	if base := s.baseURL(c.r); base != "" && c.app != nil {
		body.Link = base + "/groups/" + c.app.GroupID + "/apps/" + c.app.InternalID + "/logs?co_id=" + c.id
	}
	return body
}
