package api

import (
	"net/http"

	"realmsync/server/auth"
)

// keyOwner requires a refresh token, and says so in the words of the API key routes (2.4).
func (s *Server) keyOwner(c *call) (auth.Bearer, error) {
	if c.bearer() == "" { // clients of the original send "Bearer " for a user that is logged out
		return auth.Bearer{}, auth.ErrMissingAuth
	}
	return s.sessionCaller(c)
}

func (s *Server) createKey(c *call) error {
	caller, err := s.keyOwner(c)
	if err != nil {
		return err
	}
	t, err := c.bodyTexts("name")
	if err != nil {
		return err
	}
	k, err := s.auth.CreateKey(c.r.Context(), caller, t[0])
	if err != nil {
		return err
	}
	writeJSON(c.w, c.r, http.StatusCreated, jsonType, k)
	return nil
}

func (s *Server) listKeys(c *call) error {
	caller, err := s.keyOwner(c)
	if err != nil {
		return err
	}
	keys, err := s.auth.Keys(c.r.Context(), caller)
	if err != nil {
		return err
	}
	writeJSON(c.w, c.r, http.StatusOK, jsonType, keys)
	return nil
}

func (s *Server) getKey(c *call) error {
	caller, err := s.keyOwner(c)
	if err != nil {
		return err
	}
	k, err := s.auth.Key(c.r.Context(), caller, c.params["key"])
	if err != nil {
		return err
	}
	writeJSON(c.w, c.r, http.StatusOK, jsonType, k)
	return nil
}

func (s *Server) deleteKey(c *call) error {
	return s.changeKey(c, func(caller auth.Bearer, id string) error { return s.auth.DeleteKey(c.r.Context(), caller, id) })
}

func (s *Server) enableKey(c *call) error {
	return s.changeKey(c, func(caller auth.Bearer, id string) error {
		return s.auth.SetKeyDisabled(c.r.Context(), caller, id, false)
	})
}

func (s *Server) disableKey(c *call) error {
	return s.changeKey(c, func(caller auth.Bearer, id string) error {
		return s.auth.SetKeyDisabled(c.r.Context(), caller, id, true)
	})
}

func (s *Server) changeKey(c *call, change func(auth.Bearer, string) error) error {
	caller, err := s.keyOwner(c)
	if err != nil {
		return err
	}
	if err := change(caller, c.params["key"]); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
