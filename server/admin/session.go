package admin

import "net/http"

// login opens a session (app-services 11.2, step 1). It is answered with exactly 200.
func (c *call) login() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	if p := c.params["provider"]; p != "local-userpass" {
		return refuse(http.StatusNotFound, "AuthProviderNotFound", "authentication provider not found: '%s'", clip(p))
	}
	email, err := body.text("username")
	if err != nil {
		return err
	}
	password, err := body.text("password")
	if err != nil {
		return err
	}
	c.object = email
	tokens, err := c.cfg.Accounts.Login(c.ctx(), email, password, c.remote())
	if err != nil {
		return err
	}
	c.admin = tokens.Admin
	return c.json(http.StatusOK, map[string]string{
		"access_token": tokens.Access, "refresh_token": tokens.Refresh, "user_id": tokens.Admin.ID, "device_id": c.id,
	})
}

// refresh gives another access token for the refresh token.
func (c *call) refresh() error {
	access, admin, err := c.cfg.Accounts.Refresh(c.ctx(), c.bearer())
	if err != nil {
		return err
	}
	c.admin = admin
	return c.json(http.StatusCreated, map[string]string{"access_token": access})
}

func (c *call) logout() error {
	if err := c.cfg.Accounts.Logout(c.ctx(), c.bearer()); err != nil {
		return err
	}
	return c.done()
}

// profile says which groups the account may administer: the one that there is.
func (c *call) profile() error {
	group, err := c.cfg.Users.Group(c.ctx())
	if err != nil {
		return err
	}
	type role struct {
		Name  string `json:"role_name"`
		Group string `json:"group_id"`
	}
	type identity struct {
		ID       string `json:"id"`
		Type     string `json:"provider_type"`
		Provider string `json:"provider_id"`
	}
	return c.json(http.StatusOK, struct {
		UserID     string            `json:"user_id"`
		DomainID   string            `json:"domain_id"`
		Identities []identity        `json:"identities"`
		Data       map[string]string `json:"data"`
		Type       string            `json:"type"`
		Roles      []role            `json:"roles"`
	}{
		c.admin.ID, group, []identity{{c.admin.ID, "local-userpass", group}}, map[string]string{"email": c.admin.Email}, "normal",
		[]role{{"GROUP_OWNER", group}},
	})
}
