package api

import "net/http"

// register answers POST .../local-userpass/register (7.1). The member is email here and username at a login.
func (s *Server) register(c *call) error {
	t, err := c.bodyTexts("email", "password")
	if err != nil {
		return err
	}
	if err := s.auth.Register(c.r.Context(), c.app, t[0], t[1], c.remote()); err != nil {
		return err
	}
	writeJSON(c.w, c.r, http.StatusCreated, jsonType, struct{}{})
	return nil
}

// confirm answers POST .../local-userpass/confirm.
func (s *Server) confirm(c *call) error {
	t, err := s.guess(c, "token", "tokenId")
	if err != nil {
		return err
	}
	if err := s.auth.Confirm(c.r.Context(), c.app, t[0], t[1]); err != nil {
		return err
	}
	writeJSON(c.w, c.r, http.StatusOK, jsonType, struct{}{})
	return nil
}

// confirmSend answers POST .../local-userpass/confirm/send.
func (s *Server) confirmSend(c *call) error {
	t, err := s.guess(c, "email")
	if err != nil {
		return err
	}
	return c.accepted(s.auth.ResendConfirmation(c.r.Context(), c.app, t[0]))
}

// confirmCall answers POST .../local-userpass/confirm/call.
func (s *Server) confirmCall(c *call) error {
	t, err := s.guess(c, "email")
	if err != nil {
		return err
	}
	return c.done(s.auth.CallConfirmation(c.r.Context(), c.app, t[0]))
}

// reset answers POST .../local-userpass/reset.
func (s *Server) reset(c *call) error {
	t, err := s.guess(c, "token", "tokenId", "password")
	if err != nil {
		return err
	}
	return c.done(s.auth.Reset(c.r.Context(), c.app, t[0], t[1], t[2]))
}

// resetSend answers POST .../local-userpass/reset/send.
func (s *Server) resetSend(c *call) error {
	t, err := s.guess(c, "email")
	if err != nil {
		return err
	}
	return c.accepted(s.auth.SendReset(c.r.Context(), c.app, t[0]))
}

// resetCall answers POST .../local-userpass/reset/call.
func (s *Server) resetCall(c *call) error {
	if err := s.auth.Attempt(c.remote()); err != nil {
		return err
	}
	body, err := c.members()
	if err != nil {
		return err
	}
	t, err := body.texts("email", "password")
	if err != nil {
		return err
	}
	args, err := body.array("arguments")
	if err != nil {
		return err
	}
	return c.done(s.auth.CallReset(c.r.Context(), c.app, t[0], t[1], args, c.remote()))
}

// done answers 204, unless there was an error.
func (c *call) done(err error) error {
	if err == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// accepted answers 202, unless there was an error: something may be on its way.
func (c *call) accepted(err error) error {
	if err == nil {
		writeJSON(c.w, c.r, http.StatusAccepted, jsonType, struct{}{})
	}
	return err
}

// guess is bodyTexts for routes where somebody could try out tokens and addresses: it counts the attempt (13.5).
func (s *Server) guess(c *call, names ...string) ([]string, error) {
	if err := s.auth.Attempt(c.remote()); err != nil {
		return nil, err
	}
	return c.bodyTexts(names...)
}

// bodyTexts reads members of the body that must be strings.
func (c *call) bodyTexts(names ...string) ([]string, error) {
	body, err := c.members()
	if err != nil {
		return nil, err
	}
	return body.texts(names...)
}
