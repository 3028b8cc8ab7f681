package admin

import (
	"net/http"

	"realmsync/server/auth"
)

// sessionView is an open session of a user on the wire.
type sessionView struct {
	ID       string      `json:"_id"`
	UserID   string      `json:"user_id"`
	DeviceID string      `json:"device_id"`
	Device   auth.Device `json:"device"`
	Created  int64       `json:"creation_date"` // seconds since 1970, as all dates here
	Expires  int64       `json:"expires"`
}

// listSessions lists a page of the open sessions of an app, or of one user, ordered by id: ?after=ID.
func (c *call) listSessions() error {
	user := c.params["user"]
	if user != "" {
		if _, err := c.cfg.Users.User(c.ctx(), c.app, user); err != nil {
			return err
		}
	}
	sessions, err := c.cfg.Users.Sessions(c.ctx(), c.app, user, c.r.URL.Query().Get("after"), userPage)
	if err != nil {
		return err
	}
	out := make([]sessionView, len(sessions))
	for i, s := range sessions {
		out[i] = sessionView{s.ID, s.UserID, s.DeviceID, s.Device, s.Created.Unix(), s.Expires.Unix()}
	}
	return c.json(http.StatusOK, out)
}

// revokeSession ends one session of a user.
func (c *call) revokeSession() error {
	c.object = c.params["id"]
	if err := c.cfg.Users.RevokeSession(c.ctx(), c.app, c.params["user"], c.params["id"]); err != nil {
		return err
	}
	return c.done()
}

// revokeApp ends all sessions of all users of an app.
func (c *call) revokeApp() error {
	n, err := c.cfg.Users.RevokeApp(c.ctx(), c.app)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, map[string]int64{"revoked": n})
}
