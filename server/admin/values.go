package admin

import (
	"net/http"

	"realmsync/server/appconfig"
)

// ofValues administers the values of an app. The list shows the names only, as the hosted service's did.
var ofValues = &things[appconfig.Value]{
	what: "value", missing: "ValueNotFound",
	of:    func(c *appconfig.Config) *[]appconfig.Value { return &c.Values },
	named: func(v *appconfig.Value) (id, name *string) { return &v.ID, &v.Name },
	read: func(body object, v *appconfig.Value) error {
		return members(body, "what it is for a value", map[string]any{"name": &v.Name, "private": &v.Private, "from_secret": &v.FromSecret, "value": &v.Value})
	},
	shown: func(v *appconfig.Value, n named) any {
		return struct {
			named

			Private    bool `json:"private"`
			FromSecret bool `json:"from_secret"`
		}{n, v.Private, v.FromSecret}
	},
	taken: func(name string) error {
		return refuse(http.StatusConflict, "ValueDuplicateName", "value name already in use: '%s'", clip(name))
	},
}
