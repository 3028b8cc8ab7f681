package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"realmsync/server/auth"
	"realmsync/server/ejson"
)

// maxDepth bounds the nesting of a body (app-services 13.9).
const maxDepth = 64

func badRequest(format string, args ...any) error {
	return &refusal{Status: http.StatusBadRequest, Code: "BadRequest", Text: fmt.Sprintf(format, args...)}
}

// members reads a body that must be a JSON object.
func (c *call) members() (object, error) {
	out, _, err := c.membersText()
	return out, err
}

// membersText is members, with the text that it was read from.
func (c *call) membersText() (object, []byte, error) {
	body, err := io.ReadAll(c.r.Body) // bounded by ServeHTTP
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, nil, err
	case err != nil:
		return nil, nil, badRequest("the request's body could not be read")
	case !utf8.Valid(body):
		// encoding/json would make one character of all that is wrong, and so one password of two.
		return nil, nil, badRequest("the request's body is not UTF-8")
	case ejson.Depth(body) > maxDepth:
		return nil, nil, badRequest("the request's body is nested more than %d deep", maxDepth)
	}
	var out object
	if err := json.Unmarshal(body, &out); err != nil || out == nil {
		return nil, nil, badRequest("the request's body must be a JSON object")
	}
	return out, body, nil
}

// object is a JSON object whose members have not been looked at.
type object map[string]json.RawMessage

// text returns a member that must be a string; "" if it is absent.
func (o object) text(name string) (string, error) {
	raw, ok := o[name]
	if !ok {
		return "", nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", badRequest("'%s' must be a string", name)
	}
	// Half of a surrogate pair is no character either, and encoding/json makes the same one of each.
	if strings.Count(*s, "\ufffd") > strings.Count(strings.ToLower(string(raw)), `\ufffd`)+strings.Count(string(raw), "\ufffd") {
		return "", badRequest("'%s' has half a surrogate pair", name)
	}
	return *s, nil
}

// texts returns several members that must be strings.
func (o object) texts(names ...string) ([]string, error) {
	out := make([]string, len(names))
	for i, name := range names {
		var err error
		if out[i], err = o.text(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// inner returns a member that is an object; an empty one otherwise. For what a client may leave out.
func (o object) inner(name string) object {
	var out object
	if json.Unmarshal(o[name], &out) != nil {
		return nil
	}
	return out
}

// bearer returns the token of the Authorization header; "" if there is none.
func (c *call) bearer() string {
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// accessCaller requires an access token, which must be of the path's app if there is one.
func (s *Server) accessCaller(c *call) (auth.Bearer, error) {
	caller, err := s.auth.Access(c.r.Context(), c.bearer())
	if err != nil {
		return caller, err
	}
	if c.app != nil && c.app != caller.App {
		return caller, auth.ErrForbidden
	}
	c.app = caller.App
	return caller, nil
}

// sessionCaller requires a refresh token.
func (s *Server) sessionCaller(c *call) (auth.Bearer, error) {
	caller, err := s.auth.Session(c.r.Context(), c.bearer())
	if err == nil {
		c.app = caller.App
	}
	return caller, err
}
