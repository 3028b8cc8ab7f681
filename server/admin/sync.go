package admin

import (
	"errors"
	"net/http"
	"slices"

	"realmsync/server/appconfig"
	"realmsync/server/store"
)

func (c *call) getSyncConfig() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, map[string]bool{"development_mode_enabled": config.Sync.DevelopmentMode})
}

// putSyncConfig turns development mode on or off (app-services 11.2, step 22).
func (c *call) putSyncConfig() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	_, err = c.update(func(config *appconfig.Config) error {
		return body.into("development_mode_enabled", &config.Sync.DevelopmentMode, "a boolean")
	})
	if err != nil {
		return err
	}
	return c.done()
}

// getSyncState is the state of the sync of one type: "" when there is none, or it was terminated.
func (c *call) getSyncState() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	state := ""
	switch c.r.URL.Query().Get("sync_type") {
	case "partition":
		for _, s := range config.Services {
			p, err := parseObject(s.PartitionSync, "the partition-based sync")
			if err != nil {
				return err
			}
			if own, err := p.text("state"); err == nil && own != "" {
				state = own
			}
		}
	default:
		if s := config.SyncService(); s != nil {
			state = s.FlexibleSync.State
		}
	}
	return c.json(http.StatusOK, map[string]string{"state": state})
}

// getSyncProgress lists the collections that sync, by namespace. There is no initial copy that could be incomplete: what syncs is stored
// where it is synced from. So each is complete as soon as sync is enabled (app-services 11.3, step 19).
func (c *call) getSyncProgress() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	type progress struct {
		Complete bool `json:"complete"`
	}
	out := map[string]progress{}
	if s := config.SyncService(); s != nil && s.FlexibleSync.State == appconfig.SyncEnabled {
		out[s.FlexibleSync.DatabaseName] = progress{true}
		for _, schema := range config.Schemas {
			if schema.Metadata.DataSource == s.Name && schema.Metadata.Database == s.FlexibleSync.DatabaseName {
				out[schema.Metadata.Database+"."+schema.Metadata.Collection] = progress{true}
			}
		}
	}
	return c.json(http.StatusOK, map[string]any{"progress": out})
}

// forceReset makes one client file reset (app-services 11.4).
func (c *call) forceReset() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	var file uint64
	if err := body.into("file_ident", &file, "a client file ident"); err != nil {
		return err
	}
	if file == 0 {
		return refuse(http.StatusBadRequest, "MissingParameter", "'file_ident' is required")
	}
	c.object = string(body.raw("file_ident"))
	if err := c.cfg.Sync.ForceReset(c.ctx(), c.app, file); errors.Is(err, store.ErrNotFound) {
		return refuse(http.StatusNotFound, "BadRequest", "there is no client file %d", file)
	} else if err != nil {
		return err
	}
	return c.done()
}

// getSchemaVersions lists the versions that there were, from 0.
func (c *call) getSchemaVersions() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	type version struct {
		Major int `json:"version_major"`
	}
	out := []version{}
	for v := range config.Sync.SchemaVersion + 1 {
		out = append(out, version{v})
	}
	return c.json(http.StatusOK, map[string]any{"versions": out})
}

// getMigration says that nothing was ever migrated: partition-based sync is not served, so there is nothing to migrate from.
func (c *call) getMigration() error {
	return c.json(http.StatusOK, struct {
		StatusMessage string `json:"statusMessage"`
		IsMigrated    bool   `json:"isMigrated"`
		IsCancelable  bool   `json:"isCancelable"`
		IsRevertible  bool   `json:"isRevertible"`
	}{})
}

func (c *call) putMigration() error {
	if _, err := c.body(); err != nil {
		return err
	}
	return badRequest("partition-based sync is not served here, so there is no migration from or to it")
}

type draftView struct {
	ID string `json:"_id"`
}

// createDraft begins a group of changes of schemas that counts as one (app-services 11.4). One is open at a time; asked for another, the
// open one is returned.
func (c *call) createDraft() error {
	if _, err := c.body(); err != nil {
		return err
	}
	config, err := c.update(func(config *appconfig.Config) error {
		if config.Sync.Draft == nil {
			config.Sync.Draft = &appconfig.Draft{ID: c.newID()}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.object = config.Sync.Draft.ID
	return c.json(http.StatusCreated, draftView{config.Sync.Draft.ID})
}

func (c *call) listDrafts() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	out := []draftView{}
	if d := config.Sync.Draft; d != nil {
		out = append(out, draftView{d.ID})
	}
	return c.json(http.StatusOK, out)
}

// deployDraft counts what the draft collected. What was changed meanwhile is in force already.
func (c *call) deployDraft() error {
	if _, err := c.body(); err != nil {
		return err
	}
	if err := c.closeDraft(); err != nil {
		return err
	}
	return c.json(http.StatusCreated, map[string]string{"_id": c.newID(), "draft_id": c.object, "status": "successful"})
}

// deleteDraft closes the draft. Its changes are in force, and so they are counted.
func (c *call) deleteDraft() error {
	if err := c.closeDraft(); err != nil {
		return err
	}
	return c.done()
}

func (c *call) closeDraft() error {
	_, err := c.update(func(config *appconfig.Config) error {
		d := config.Sync.Draft
		if d == nil || d.ID != c.params["id"] {
			return refuse(http.StatusNotFound, "", "draft not found: '%s'", clip(c.params["id"]))
		}
		c.object = d.ID
		if d.Breaking {
			config.Sync.SchemaVersion++
		}
		config.Sync.Draft = nil
		return nil
	})
	return err
}

// version is a readiness probe.
func (c *call) version() error {
	return c.json(http.StatusOK, map[string]string{"version": c.cfg.Version})
}

func (c *call) getFeatures() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	features := config.Features
	if features == nil {
		features = []string{}
	}
	return c.json(http.StatusOK, map[string][]string{"enabled": features})
}

func (c *call) postFeatures() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	action, err := body.need("action")
	if err != nil {
		return err
	}
	var flags []string
	if err := body.into("feature_flags", &flags, "a list of strings"); err != nil {
		return err
	}
	if action != "enable" && action != "disable" {
		return badRequest("'action' must be \"enable\" or \"disable\"")
	}
	_, err = c.update(func(config *appconfig.Config) error {
		config.Features = slices.DeleteFunc(config.Features, func(f string) bool { return slices.Contains(flags, f) })
		if action == "enable" {
			config.Features = append(config.Features, flags...)
			slices.Sort(config.Features)
			config.Features = slices.Compact(config.Features)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}

func (c *call) getSettings() error {
	config, err := c.config()
	if err != nil {
		return err
	}
	settings, err := parseObject(config.Settings, "the settings")
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, settings)
}

// patchSettings merges objects in objects too.
func (c *call) patchSettings() error {
	body, err := c.body()
	if err != nil {
		return err
	}
	_, err = c.update(func(config *appconfig.Config) error {
		merged, err := merge(config.Settings, mustJSON(body), true)
		if err != nil {
			return err
		}
		config.Settings = merged
		return nil
	})
	if err != nil {
		return err
	}
	return c.done()
}
