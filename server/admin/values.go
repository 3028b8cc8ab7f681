package admin

import (
	"net/http"
	"slices"

	"realmsync/server/appconfig"
)

func (c *call) value(config *appconfig.Config) (int, error) {
	return position(config.Values, c.params["id"], func(v *appconfig.Value) string { return v.ID }, "ValueNotFound", "value")
}

// listValues shows the names only, as the hosted service does.
func (c *call) listValues() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	type view struct {
		named

		Private    bool `json:"private"`
		FromSecret bool `json:"from_secret"`
	}
	out := make([]view, len(config.Values))
	for i, v := range config.Values {
		out[i] = view{named{v.ID, v.Name}, v.Private, v.FromSecret}
	}
	return c.json(http.StatusOK, out)
}

func (c *call) getValue() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	i, err := c.value(config)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, config.Values[i])
}

func (c *call) createValue() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	v := appconfig.Value{ID: c.newID()}
	if v.Name, err = body.need("name"); err != nil {
		return err
	}
	if err := readValue(body, &v); err != nil {
		return err
	}
	c.object = v.Name
	_, err = c.update(func(config *appconfig.Config) error {
		if slices.ContainsFunc(config.Values, func(other appconfig.Value) bool { return other.Name == v.Name }) {
			return refuse(http.StatusConflict, "ValueDuplicateName", "value name already in use: '%s'", clip(v.Name))
		}
		config.Values = append(config.Values, v)
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, named{v.ID, v.Name})
}

func readValue(body object, v *appconfig.Value) error {
	for member, target := range map[string]any{"name": &v.Name, "private": &v.Private, "from_secret": &v.FromSecret, "value": &v.Value} {
		if err := body.into(member, target, "what it is for a value"); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) putValue() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	_, err = c.update(func(config *appconfig.Config) error {
		i, err := c.value(config)
		if err != nil {
			return err
		}
		c.object = config.Values[i].Name
		return readValue(body, &config.Values[i])
	})
	if err != nil {
		return err
	}
	return c.done()
}

func (c *call) deleteValue() error {
	_, err := c.update(func(config *appconfig.Config) error {
		i, err := c.value(config)
		if err != nil {
			return err
		}
		c.object = config.Values[i].Name
		config.Values = slices.Delete(config.Values, i, i+1)
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}
