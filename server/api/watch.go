package api

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/server/auth"
	"realmsync/server/data"
	"realmsync/server/ejson"
)

// recheck is after how long, at most, the reader of a stream is looked at again: whether its connection is there, and its token still good. A
// line that means nothing is sent.
const recheck = 5 * time.Second

// errDraining ends the streams of a server that goes away.
var errDraining = &refusal{Status: http.StatusServiceUnavailable, Code: "InternalServerError", Text: "the server goes away: watch again"}

// watch answers GET .../functions/call, a stream of server-sent events (7.5). The call is in the query, and so is the token: what an SDK opens
// streams with may not be able to send headers.
func (s *Server) watch(c *call) error {
	if s.data == nil {
		return &refusal{Status: http.StatusNotFound, Text: "this server has no data to watch"}
	}
	query := c.r.URL.Query()
	if token := query.Get("baas_at"); token != "" {
		c.r.Header.Set("Authorization", "Bearer "+token)
	}
	caller, err := s.tokenCaller(c)
	if err != nil {
		return err
	}
	service, arg, err := watchRequest(query.Get("baas_request"))
	if err != nil {
		return err
	}
	stream, err := s.data.Watch(c.r.Context(), c.app.ID, caller, service, arg)
	if err != nil {
		return err
	}
	defer stream.Close()
	return s.stream(c, stream)
}

// tokenCaller returns the user of the access token, if it is still good.
func (s *Server) tokenCaller(c *call) (*auth.Caller, error) {
	bearer, err := s.accessCaller(c)
	if err != nil {
		return nil, err
	}
	caller, err := s.auth.Caller(c.r.Context(), bearer.App, bearer.UserID)
	if errors.Is(err, auth.ErrUserNotFound) { // deleted just now
		err = auth.ErrInvalidSession.Because(err)
	}
	return caller, err
}

// watchRequest reads what is to be watched: base64 of the JSON that POST has as its body.
func watchRequest(text string) (service string, arg bson.D, err error) {
	// A '+' that nobody has percent-encoded arrives as a space.
	body, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text, " ", "+"))
	if err != nil || len(body) == 0 {
		return "", nil, badRequest("'baas_request' must be the base64 of a function call")
	}
	d, err := ejson.ParseDocument(body)
	if err != nil {
		return "", nil, badRequest("'baas_request': %s", clip(err.Error(), 256))
	}
	var name string
	var args bson.A
	for _, e := range d {
		ok := true
		switch e.Key {
		case "name":
			name, ok = e.Value.(string)
		case "service":
			service, ok = e.Value.(string)
		case "arguments":
			args, ok = e.Value.(bson.A)
		}
		if !ok {
			return "", nil, badRequest("'baas_request': '%s' is of another type", e.Key)
		}
	}
	if name != "watch" || service == "" {
		return "", nil, badRequest("only 'watch' of a service is a stream, and not '%s'", short(name))
	}
	if len(args) == 1 {
		if arg, ok := args[0].(bson.D); ok {
			return service, arg, nil
		}
	}
	return "", nil, badRequest("'watch' takes one argument, a document")
}

// stream sends the changes until the reader goes away, the server drains, or there is an error: that is the last event then.
func (s *Server) stream(c *call, stream *data.Watch) error {
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.Header().Set("Cache-Control", "no-store")
	c.w.Header().Set("X-Accel-Buffering", "no") // of proxies
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Time{}) // the request is whole; its deadline would be taken for the reader's end
	c.w.WriteHeader(http.StatusOK)
	send := func(text []byte) bool {
		_ = control.SetWriteDeadline(time.Now().Add(s.writeTime)) // of this piece: who doesn't take it in that time is cut off
		_, err := c.w.Write(text)
		return err == nil && control.Flush() == nil
	}
	if !send([]byte(":\n")) {
		return nil
	}
	again := time.NewTicker(s.recheck)
	defer again.Stop()
	for {
		var err error
		select {
		case <-c.r.Context().Done():
			return nil
		case <-s.drained:
			err = errDraining
		case <-again.C:
			if !send([]byte(":\n")) {
				return nil
			}
		case <-stream.Wake:
		}
		for more := err == nil; more && err == nil; {
			var caller *auth.Caller
			if caller, err = s.tokenCaller(c); err != nil {
				break
			}
			var events []bson.D
			events, more, err = stream.Read(c.r.Context(), caller)
			if err == nil {
				var sent bool
				if sent, err = s.sendEvents(c, caller.UserID, events, send); err == nil && !sent {
					return nil
				}
			}
		}
		if err != nil {
			if c.r.Context().Err() == nil {
				send([]byte("event: error\ndata: " + eventData(s.errorText(c, err)) + "\n\n"))
			}
			return nil
		}
	}
}

// sendEvents sends changes, and tells whether they were taken. They are counted until then.
func (s *Server) sendEvents(c *call, user string, events []bson.D, send func([]byte) bool) (sent bool, err error) {
	texts, size := make([][]byte, len(events)), 0
	for i, e := range events {
		text, err := ejson.Marshal(e)
		if err != nil {
			return false, err
		}
		texts[i] = []byte("data: " + eventData(string(text)) + "\n\n")
		events[i], size = nil, size+len(texts[i])
	}
	held, err := s.hold(c, user, size)
	if err != nil {
		return false, err
	}
	defer held.Give()
	for _, text := range texts {
		if !send(text) {
			return false, nil
		}
	}
	return true, nil
}

// eventData writes what may be in the data of an event: nothing else is encoded (7.5).
var eventEncoding = strings.NewReplacer("%", "%25", "\n", "%0A", "\r", "%0D")

func eventData(text string) string { return eventEncoding.Replace(text) }
