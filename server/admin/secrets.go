package admin

import (
	"net/http"
	"slices"

	"realmsync/server/appconfig"
)

// named is what lists show of most things.
type named struct {
	ID   string `json:"_id"`
	Name string `json:"name"`
}

// position returns the index in list of what has the id of the path's parameter, or the error that there is none.
func position[T any](list []T, id string, of func(*T) string, code, what string) (int, error) {
	for i := range list {
		if of(&list[i]) == id {
			return i, nil
		}
	}
	return 0, refuse(http.StatusNotFound, code, "%s not found: '%s'", what, clip(id))
}

func (c *call) secret(config *appconfig.Config) (int, error) {
	return position(config.Secrets, c.params["id"], func(s *appconfig.Secret) string { return s.ID }, "", "secret")
}

// listSecrets shows names: values are never read back (app-services 13.11).
func (c *call) listSecrets() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	out := make([]named, len(config.Secrets))
	for i, s := range config.Secrets {
		out[i] = named{s.ID, s.Name}
	}
	return c.json(http.StatusOK, out)
}

func (c *call) createSecret() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	secret := appconfig.Secret{ID: c.newID()}
	if secret.Name, err = body.need("name"); err != nil {
		return err
	}
	if secret.Value, err = body.need("value"); err != nil {
		return err
	}
	c.object = secret.Name
	_, err = c.update(func(config *appconfig.Config) error {
		if config.Secret(secret.Name) != nil {
			return refuse(http.StatusConflict, "", "secret with name '%s' already exists", clip(secret.Name))
		}
		config.Secrets = append(config.Secrets, secret)
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, named{secret.ID, secret.Name})
}

func (c *call) putSecret() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	_, err = c.update(func(config *appconfig.Config) error {
		i, err := c.secret(config)
		if err != nil {
			return err
		}
		s := &config.Secrets[i]
		c.object = s.Name
		if err := body.into("name", &s.Name, "a string"); err != nil {
			return err
		}
		return body.into("value", &s.Value, "a string")
	})
	if err != nil {
		return err
	}
	return c.done()
}

func (c *call) deleteSecret() error {
	_, err := c.update(func(config *appconfig.Config) error {
		i, err := c.secret(config)
		if err != nil {
			return err
		}
		c.object = config.Secrets[i].Name
		config.Secrets = slices.Delete(config.Secrets, i, i+1)
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}
