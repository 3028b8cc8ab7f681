package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"realmsync/server/appconfig"
)

// serviceView is a service on the wire (app-services 11.4). Its configuration is elsewhere, and its secrets nowhere.
type serviceView struct {
	ID           string `json:"_id"`
	Name         string `json:"name"`
	Type         string `json:"type"`
	Version      int64  `json:"version"`
	LastModified int64  `json:"last_modified"`
}

func viewService(s *appconfig.Service) serviceView {
	return serviceView{s.ID, s.Name, s.Type, s.Version, s.LastModified}
}

func (c *call) service(config *appconfig.Config) (*appconfig.Service, error) {
	i, err := position(config.Services, c.params["id"], func(s *appconfig.Service) string { return s.ID }, "ServiceNotFound", "service")
	if err != nil {
		return nil, err
	}
	return &config.Services[i], nil
}

// read gives f the service of the path.
func (c *call) read(f func(*appconfig.Service) error) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	s, err := c.service(config)
	if err != nil {
		return err
	}
	return f(s)
}

// change lets f change the service of the path.
func (c *call) change(f func(*appconfig.Service) error) error {
	_, err := c.update(func(config *appconfig.Config) error {
		s, err := c.service(config)
		if err != nil {
			return err
		}
		return f(s)
	})
	return err
}

func (c *call) listServices() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	out := make([]serviceView, len(config.Services))
	for i := range config.Services {
		out[i] = viewService(&config.Services[i])
	}
	return c.json(http.StatusOK, out)
}

func (c *call) getService() error {
	return c.read(func(s *appconfig.Service) error { return c.json(http.StatusOK, viewService(s)) })
}

// createService adds a data source or another service (app-services 11.2, step 16).
func (c *call) createService() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	s := appconfig.Service{ID: c.newID(), Version: 1, LastModified: c.cfg.Now().Unix()}
	if s.Name, err = body.need("name"); err != nil {
		return err
	}
	if s.Type, err = body.need("type"); err != nil {
		return err
	}
	if err := body.into("version", &s.Version, "an integer"); err != nil {
		return err
	}
	if err := body.into("secret_config", &s.SecretConfig, "an object"); err != nil {
		return err
	}
	if err := patchConfig(&s, body.raw("config")); err != nil {
		return err
	}
	c.object = s.Name
	_, err = c.update(func(config *appconfig.Config) error {
		if config.Service(s.Name) != nil {
			return refuse(http.StatusConflict, "ServiceAlreadyExists", "service name already in use: '%s'", clip(s.Name))
		}
		config.Services = append(config.Services, s)
		return nil
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, viewService(&s))
}

func (c *call) deleteService() error {
	_, err := c.update(func(config *appconfig.Config) error {
		s, err := c.service(config)
		if err != nil {
			return err
		}
		c.object = s.Name
		config.Services = slices.DeleteFunc(config.Services, func(other appconfig.Service) bool { return other.ID == s.ID })
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}

// getServiceConfig shows how a service is configured: state and database_name of its sync are always there. The address of a database is
// not shown, since it may have a password in it.
func (c *call) getServiceConfig() error {
	return c.read(func(s *appconfig.Service) error {
		out, err := parseObject(s.Config, "the service's configuration")
		if err != nil {
			return err
		}
		delete(out, "uri")
		if s.FlexibleSync != nil {
			out["flexible_sync"] = mustJSON(s.FlexibleSync)
		}
		if s.PartitionSync != nil {
			partition, err := merge(json.RawMessage(`{"state":"","database_name":""}`), s.PartitionSync, false)
			if err != nil {
				return err
			}
			out["sync"] = partition
		}
		return c.json(http.StatusOK, out)
	})
}

// patchServiceConfig merges (app-services 11.2: disable_sync and enable_sync leave out what stays).
func (c *call) patchServiceConfig() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	terminated := false
	err = c.change(func(s *appconfig.Service) error {
		c.object = s.Name
		was, sync := runs(s), object{}
		if err := body.into("flexible_sync", &sync, "an object"); err != nil {
			return err
		}
		_, asked := sync["state"]
		if err := patchConfig(s, mustJSON(body)); err != nil {
			return err
		}
		terminated = s.FlexibleSync != nil && !runs(s) && (was || asked)
		s.Version++
		s.LastModified = c.cfg.Now().Unix()
		return nil
	})
	if err != nil {
		return err
	}
	if terminated {
		if err := c.cfg.Sync.Terminate(context.WithoutCancel(c.ctx()), c.app); err != nil {
			return err
		}
	}
	return c.done()
}

// runs says whether a service syncs, or would if it was not paused.
func runs(s *appconfig.Service) bool {
	return s.FlexibleSync != nil && s.FlexibleSync.State != appconfig.SyncTerminated
}

// patchConfig merges what is given into the configuration of a service: its sync by its members, what else there is as a whole.
func patchConfig(s *appconfig.Service, patch json.RawMessage) error {
	changes, err := parseObject(patch, "the configuration of a service")
	if err != nil {
		return err
	}
	if raw, ok := changes["flexible_sync"]; ok {
		if s.FlexibleSync, err = mergeSync(s.FlexibleSync, raw); err != nil {
			return err
		}
		delete(changes, "flexible_sync")
	}
	if raw, ok := changes["sync"]; ok {
		if s.PartitionSync, err = merge(s.PartitionSync, raw, false); err != nil {
			return err
		}
		delete(changes, "sync")
	}
	if len(changes) == 0 {
		return nil
	}
	s.Config, err = merge(s.Config, mustJSON(changes), false)
	return err
}

// mergeSync returns the sync of a service with the members of a patch. Members that are null stay.
func mergeSync(old *appconfig.FlexibleSync, patch json.RawMessage) (*appconfig.FlexibleSync, error) {
	changes, err := parseObject(patch, "'flexible_sync'")
	if err != nil {
		return nil, err
	}
	f := &appconfig.FlexibleSync{}
	if old != nil {
		*f = *old
	}
	if _, ok := changes["collection_queryable_fields_names"]; ok {
		f.CollectionQueryableFieldNames = nil // a map is replaced, not filled up
	}
	if err := json.Unmarshal(mustJSON(changes), f); err != nil {
		return nil, badRequest("'flexible_sync' is not the configuration of a sync: %s", clip(err.Error()))
	}
	return f, nil
}
