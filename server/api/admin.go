package api

import (
	"net/http"
	"strings"
)

// administer hands requests of administrators over; package admin owns their routes, limits and errors. done is false for those of others.
func (s *Server) administer(c *call) (done bool, err error) {
	path := c.r.URL.Path
	ours := strings.HasPrefix(path, "/api/admin/") || strings.HasPrefix(path, "/api/private/")
	switch {
	case ours && s.admin != nil:
		c.route = "admin"
		// As in dispatch: net/http must know when a body was too large.
		c.r.Body = http.MaxBytesReader(c.w.ResponseWriter, c.r.Body, MaxFunctionBody)
		s.admin.ServeHTTP(c.w, c.r)
		return true, nil
	case s.adminOnly && path != "/healthz" && path != "/readyz":
		return true, &refusal{Status: http.StatusNotFound, Text: "there is nothing at this path"}
	}
	return false, nil
}
