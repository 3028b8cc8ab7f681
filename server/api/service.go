package api

import (
	"net/http"
	"unicode/utf8"
)

// callFunction answers POST .../functions/call (7.3). Apps have no functions and no services, so it says which is missing.
func (s *Server) callFunction(c *call) error {
	if _, err := s.accessCaller(c); err != nil {
		return err
	}
	t, err := c.bodyTexts("name", "service")
	if err != nil {
		return err
	}
	if t[1] != "" {
		return serviceNotFound(t[1])
	}
	return &refusal{Status: http.StatusNotFound, Code: "FunctionNotFound", Text: "function not found: '" + short(t[0]) + "'"}
}

// push answers the registration for push notifications (7.6). Apps have no push services.
func (s *Server) push(c *call) error {
	if _, err := s.accessCaller(c); err != nil {
		return err
	}
	return serviceNotFound(c.params["service"])
}

func serviceNotFound(name string) error {
	return &refusal{Status: http.StatusNotFound, Code: "ServiceNotFound", Text: "service not found: '" + short(name) + "'"}
}

// short bounds what is repeated of a client's text.
func short(s string) string { return clip(s, 128) }

// clip bounds a text, in characters.
func clip(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "..."
}
