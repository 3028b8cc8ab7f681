package admin

import (
	"net/http"
	"slices"

	"realmsync/server/appconfig"
)

func (c *call) provider(config *appconfig.Config) (int, error) {
	return position(config.Providers, c.params["id"], func(p *appconfig.Provider) string { return p.ID }, "AuthProviderNotFound", "authentication provider")
}

func (c *call) listProviders() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, config.Providers)
}

func (c *call) getProvider() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	i, err := c.provider(config)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, config.Providers[i])
}

// createProvider turns a kind of login on (app-services 11.2, steps 6 to 8).
func (c *call) createProvider() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	p := appconfig.Provider{ID: c.newID()}
	if p.Type, err = body.need("type"); err != nil {
		return err
	}
	p.Name = p.Type
	if err := readProvider(body, &p); err != nil {
		return err
	}
	c.object = p.Type
	config, err := c.update(func(config *appconfig.Config) error {
		if config.Provider(p.Type) != nil {
			return refuse(http.StatusConflict, "AuthProviderAlreadyExists", "authentication provider already exists: '%s'", clip(p.Type))
		}
		config.Providers = append(config.Providers, p)
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, config.Provider(p.Type))
}

// readProvider takes what is given.
func readProvider(body object, p *appconfig.Provider) error {
	for member, target := range map[string]any{
		"name": &p.Name, "disabled": &p.Disabled, "config": &p.Config, "secret_config": &p.SecretConfig,
		"metadata_fields": &p.MetadataFields, "redirect_uris": &p.RedirectURIs, "domain_restrictions": &p.DomainRestrictions,
	} {
		if err := body.into(member, target, "what it is for a provider"); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) changeProvider(f func(*appconfig.Provider) error) error {
	_, err := c.update(func(config *appconfig.Config) error {
		i, err := c.provider(config)
		if err != nil {
			return err
		}
		c.object = config.Providers[i].Type
		return f(&config.Providers[i])
	})
	if err != nil {
		return err
	}
	return c.done()
}

func (c *call) patchProvider() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	return c.changeProvider(func(p *appconfig.Provider) error {
		if kind, err := body.text("type"); err != nil {
			return err
		} else if kind != "" && kind != p.Type {
			return badRequest("the type of an authentication provider can't be changed")
		}
		return readProvider(body, p)
	})
}

func (c *call) enableProvider() error {
	return c.changeProvider(func(p *appconfig.Provider) error { p.Disabled = false; return nil })
}

func (c *call) disableProvider() error {
	return c.changeProvider(func(p *appconfig.Provider) error { p.Disabled = true; return nil })
}

func (c *call) deleteProvider() error {
	_, err := c.update(func(config *appconfig.Config) error {
		i, err := c.provider(config)
		if err != nil {
			return err
		}
		c.object = config.Providers[i].Type
		config.Providers = slices.Delete(config.Providers, i, i+1)
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}
