package admin

import (
	"net/http"
	"strconv"

	"realmsync/server/auth"
)

// userPage is how many users one answer lists.
const userPage = 50

// userView is a user on the wire.
type userView struct {
	ID         string                `json:"_id"`
	Type       string                `json:"type"`
	Identities []auth.LinkedIdentity `json:"identities"`
	Data       map[string]any        `json:"data"`
	Created    int64                 `json:"creation_date"`
	Disabled   bool                  `json:"disabled"`
}

func viewUser(u *auth.UserInfo) userView {
	data := map[string]any{}
	for name, value := range u.Data {
		data[name] = value
	}
	return userView{u.UserID, u.Type, u.Identities, data, u.Created.Unix(), u.Disabled}
}

// listUsers lists a page of users, ordered by id: ?after=ID&limit=N.
func (c *call) listUsers() error {
	q := c.r.URL.Query()
	limit := userPage
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return badRequest("'limit' must be a positive integer")
		}
		limit = min(n, userPage)
	}
	users, err := c.cfg.Users.Users(c.ctx(), c.app, q.Get("after"), limit)
	if err != nil {
		return err
	}
	out := make([]userView, len(users))
	for i := range users {
		out[i] = viewUser(&users[i])
	}
	return c.json(http.StatusOK, out)
}

func (c *call) getUser() error {
	u, err := c.cfg.Users.User(c.ctx(), c.app, c.params["user"])
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, viewUser(&u))
}

// onUser does something with the user of the path, who must exist.
func (c *call) onUser(do func(id string) error) error {
	id := c.params["user"]
	c.object = id
	if _, err := c.cfg.Users.User(c.ctx(), c.app, id); err != nil {
		return err
	}
	if err := do(id); err != nil {
		return err
	}
	return c.done()
}

func (c *call) deleteUser() error {
	return c.onUser(func(id string) error { return c.cfg.Users.DeleteUser(c.ctx(), c.app, id) })
}

// logoutUser ends all sessions of a user.
func (c *call) logoutUser() error {
	return c.onUser(func(id string) error { return c.cfg.Users.RevokeSessions(c.ctx(), c.app, id) })
}

func (c *call) disableUser() error {
	return c.onUser(func(id string) error { return c.cfg.Users.SetUserDisabled(c.ctx(), c.app, id, true) })
}

func (c *call) enableUser() error {
	return c.onUser(func(id string) error { return c.cfg.Users.SetUserDisabled(c.ctx(), c.app, id, false) })
}

// verifyToken says what a user's access token says (app-services 11.4).
func (c *call) verifyToken() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	token, err := body.need("token")
	if err != nil {
		return err
	}
	info, expired, err := c.cfg.Users.Inspect(c.ctx(), c.app, token)
	if err != nil {
		return err
	}
	if expired {
		return c.json(http.StatusOK, "token expired")
	}
	c.object = info.UserID
	return c.json(http.StatusOK, struct {
		Subject  string `json:"sub"`
		Issuer   string `json:"iss"`
		Issued   int64  `json:"iat"`
		Expires  int64  `json:"exp"`
		DomainID string `json:"domain_id"`
		DeviceID string `json:"device_id"`
		Type     string `json:"typ"`
	}{info.UserID, info.SessionID, info.Issued.Unix(), info.Expires.Unix(), c.app.DomainID, info.DeviceID, "access"})
}
