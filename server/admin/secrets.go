package admin

import (
	"net/http"

	"realmsync/server/appconfig"
)

// ofSecrets administers the secrets of an app. Their values are never read back (app-services 13.11).
var ofSecrets = &things[appconfig.Secret]{
	what:  "secret",
	of:    func(c *appconfig.Config) *[]appconfig.Secret { return &c.Secrets },
	named: func(s *appconfig.Secret) (id, name *string) { return &s.ID, &s.Name },
	read: func(body object, s *appconfig.Secret) (err error) {
		if s.Value == "" { // it is being made
			if s.Value, err = body.need("value"); err != nil {
				return err
			}
		}
		return members(body, "a string", map[string]any{"name": &s.Name, "value": &s.Value})
	},
	taken: func(name string) error {
		return refuse(http.StatusConflict, "", "secret with name '%s' already exists", clip(name))
	},
}
