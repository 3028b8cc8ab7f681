package admin

import (
	"context"
	"net/http"

	"realmsync/server/auth"
)

// Credentials are the server API keys and the e-mail accounts of an app, as who looks after it may change them. *auth.Service is them.
type Credentials interface {
	CreateServerKey(ctx context.Context, app *auth.App, name string) (auth.APIKey, error)
	ServerKeys(ctx context.Context, app *auth.App) ([]auth.APIKey, error)
	DeleteServerKey(ctx context.Context, app *auth.App, id string) error
	SetServerKeyDisabled(ctx context.Context, app *auth.App, id string, disabled bool) error

	CreateEmailUser(ctx context.Context, app *auth.App, email, password string) (auth.UserInfo, error)
	PendingUsers(ctx context.Context, app *auth.App, after string, limit int) ([]auth.PendingUser, error)
	ConfirmPending(ctx context.Context, app *auth.App, email string) error
	DeletePending(ctx context.Context, app *auth.App, email string) error
}

// createKey makes a server API key (app-services 4.3). The key itself is shown this once.
func (c *call) createKey() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	name, err := body.need("name")
	if err != nil {
		return err
	}
	k, err := c.cfg.Users.CreateServerKey(c.ctx(), c.app, name)
	if err != nil {
		return err
	}
	c.object = k.ID
	return c.json(http.StatusCreated, k)
}

func (c *call) listKeys() error {
	keys, err := c.cfg.Users.ServerKeys(c.ctx(), c.app)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, keys)
}

func (c *call) getKey() error {
	keys, err := c.cfg.Users.ServerKeys(c.ctx(), c.app)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.ID == c.params["id"] {
			return c.json(http.StatusOK, k)
		}
	}
	return auth.ErrKeyNotFound
}

func (c *call) deleteKey() error {
	return c.onKey(func(id string) error { return c.cfg.Users.DeleteServerKey(c.ctx(), c.app, id) })
}

func (c *call) enableKey() error {
	return c.onKey(func(id string) error { return c.cfg.Users.SetServerKeyDisabled(c.ctx(), c.app, id, false) })
}

func (c *call) disableKey() error {
	return c.onKey(func(id string) error { return c.cfg.Users.SetServerKeyDisabled(c.ctx(), c.app, id, true) })
}

func (c *call) onKey(do func(id string) error) error {
	c.object = c.params["id"]
	if err := do(c.params["id"]); err != nil {
		return err
	}
	return c.done()
}

// createUser makes a confirmed e-mail user.
func (c *call) createUser() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	email, err := body.need("email")
	if err != nil {
		return err
	}
	password, err := body.need("password")
	if err != nil {
		return err
	}
	u, err := c.cfg.Users.CreateEmailUser(c.ctx(), c.app, email, password)
	if err != nil {
		return err
	}
	c.object = u.UserID
	return c.json(http.StatusCreated, viewUser(&u))
}

// listPending lists a page of the e-mail accounts that nobody has logged in with, ordered by address: ?after=EMAIL.
func (c *call) listPending() error {
	pending, err := c.cfg.Users.PendingUsers(c.ctx(), c.app, c.r.URL.Query().Get("after"), userPage)
	if err != nil {
		return err
	}
	type view struct {
		ID        string              `json:"_id"`
		LoginIDs  []map[string]string `json:"login_ids"`
		Confirmed bool                `json:"confirmed"`
		Created   int64               `json:"creation_date"`
	}
	out := make([]view, len(pending))
	for i, p := range pending {
		out[i] = view{p.ID, []map[string]string{{"id_type": "email", "id": p.Email}}, p.Confirmed, p.Created.Unix()}
	}
	return c.json(http.StatusOK, out)
}

func (c *call) confirmPending() error {
	c.object = c.params["email"]
	if err := c.cfg.Users.ConfirmPending(c.ctx(), c.app, c.params["email"]); err != nil {
		return err
	}
	return c.json(http.StatusOK, struct{}{})
}

func (c *call) deletePending() error {
	c.object = c.params["email"]
	if err := c.cfg.Users.DeletePending(c.ctx(), c.app, c.params["email"]); err != nil {
		return err
	}
	return c.done()
}
