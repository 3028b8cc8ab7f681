package admin

import (
	"encoding/json"
	"net/http"

	"realmsync/server/appconfig"
	"realmsync/server/auth"
)

func (c *call) getCustomData() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	d := config.CustomUserData
	if d == nil {
		d = &appconfig.CustomData{}
	}
	return c.json(http.StatusOK, d)
}

// patchCustomData merges (app-services 11.2, step 17).
func (c *call) patchCustomData() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	_, err = c.update(func(config *appconfig.Config) error {
		if config.CustomUserData == nil {
			config.CustomUserData = &appconfig.CustomData{}
		}
		if err := json.Unmarshal(mustJSON(body), config.CustomUserData); err != nil {
			return badRequest("this is not a configuration of custom user data: %s", clip(err.Error()))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}

func (c *call) getRefreshExpiration() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	seconds := config.Security.RefreshTokenExpiration
	if seconds == 0 {
		seconds = int64(auth.DefaultRefreshLife.Seconds())
	}
	return c.json(http.StatusOK, map[string]int64{"expiration_time_seconds": seconds})
}

func (c *call) putRefreshExpiration() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	var seconds int64
	if err := body.into("expiration_time_seconds", &seconds, "an integer"); err != nil {
		return err
	}
	if seconds == 0 { // the default is not asked for in this way
		return refuse(http.StatusBadRequest, "InvalidParameter", "'expiration_time_seconds' must be at least 1800")
	}
	_, err = c.update(func(config *appconfig.Config) error {
		config.Security.RefreshTokenExpiration = seconds
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}

func (c *call) getOrigins() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	origins := config.Security.AllowedOrigins
	if origins == nil {
		origins = []string{}
	}
	return c.json(http.StatusOK, origins)
}

// postOrigins sets the whole list.
func (c *call) postOrigins() error {
	text, err := c.text()
	if err != nil {
		return err
	}
	var origins []string
	if err := json.Unmarshal(text, &origins); err != nil || origins == nil {
		return badRequest("the request's body must be an array of origins like https://example.com")
	}
	_, err = c.update(func(config *appconfig.Config) error {
		config.Security.AllowedOrigins = origins
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}
