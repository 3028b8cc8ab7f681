package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"realmsync/server/appconfig"
)

// configVersion is the version of the format, as App Services counted.
const configVersion = 20210101

// Write writes the export of an app into a directory, which is made, or is empty. Values of secrets are not in it. The files can be read by
// their owner only: sources may have secrets in them. What a process leaves that is killed meanwhile can't be loaded.
func Write(dir, id string, c *appconfig.Config) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if entries, err := os.ReadDir(dir); err != nil {
		return fmt.Errorf("export: %w", err)
	} else if len(entries) > 0 {
		return fmt.Errorf("export: %s is not empty", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	w := &writer{root: root}
	w.app(id, c)
	return errors.Join(w.err, root.Close())
}

// writer keeps the first error.
type writer struct {
	root *os.Root
	err  error
}

// json writes a value, indented.
func (w *writer) json(name string, value any) {
	if w.err != nil {
		return
	}
	var compact, text bytes.Buffer
	e := json.NewEncoder(&compact)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		w.err = fmt.Errorf("export: %s: %w", name, err)
		return
	}
	if err := json.Indent(&text, compact.Bytes(), "", "    "); err != nil {
		w.err = fmt.Errorf("export: %s: %w", name, err)
		return
	}
	w.text(name, text.Bytes())
}

func (w *writer) text(name string, text []byte) {
	if w.err != nil {
		return
	}
	if dir := path.Dir(name); dir != "." {
		if err := w.root.MkdirAll(dir, 0o700); err != nil {
			w.err = fmt.Errorf("export: %w", err)
			return
		}
	}
	f, err := w.root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("two things would be written to %s", name)
	}
	if err == nil {
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		w.err = fmt.Errorf("export: %w", err)
	}
}

// part checks that a name can be that of one file or directory.
func (w *writer) part(name string) string {
	if w.err == nil && (name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || len(name) > 200) {
		w.err = fmt.Errorf("export: %q can't be the name of a file", name)
	}
	return name
}

func (w *writer) app(id string, c *appconfig.Config) {
	type provider struct { // without the id
		Name           string                    `json:"name"`
		Type           string                    `json:"type"`
		Disabled       bool                      `json:"disabled"`
		Config         json.RawMessage           `json:"config,omitempty"`
		SecretConfig   json.RawMessage           `json:"secret_config,omitempty"`
		MetadataFields []appconfig.MetadataField `json:"metadata_fields,omitempty"`
		RedirectURIs   []string                  `json:"redirect_uris,omitempty"`
		Domains        []string                  `json:"domain_restrictions,omitempty"`
	}
	providers := map[string]provider{}
	for _, p := range c.Providers {
		providers[p.Type] = provider{p.Name, p.Type, p.Disabled, p.Config, p.SecretConfig, p.MetadataFields, p.RedirectURIs, p.DomainRestrictions}
	}
	w.json("auth/providers.json", providers)
	if d := c.CustomUserData; d != nil {
		f := customDataFile{Enabled: d.Enabled, DatabaseName: d.DatabaseName, CollectionName: d.CollectionName, UserIDField: d.UserIDField, OnCreation: d.OnCreation}
		if s := c.ServiceByID(d.ServiceID); s != nil {
			f.ServiceName = s.Name
		}
		w.json("auth/custom_user_data.json", f)
	}
	functions := make([]functionFile, len(c.Functions))
	for i, f := range c.Functions {
		functions[i] = functionFile{Name: f.Name, Private: f.Private, RunAsSystem: f.RunAsSystem, CanEvaluate: f.CanEvaluate}
		if !inside(f.Name) {
			w.part("") // it was valid when it was stored
		}
		w.text("functions/"+f.Name+".js", []byte(f.Source))
	}
	w.json("functions/config.json", functions)
	for _, v := range c.Values {
		w.json("values/"+w.part(v.Name)+".json", valueFile{Name: v.Name, Value: v.Value, Private: v.Private, FromSecret: v.FromSecret})
	}
	for _, tag := range sorted(c.EnvironmentValues) {
		values := environmentFile{c.EnvironmentValues[tag]}
		if tag == "" {
			tag = noEnvironment
		}
		w.json("environments/"+w.part(tag)+".json", values)
	}
	w.services(c)
	// Last: without it there is no export (Load), so one that is broken off is not taken for an app that has no more than this.
	w.json(appFiles[0], appFile{AppID: id, Name: c.Name, ConfigVersion: configVersion, Location: c.Location, DeploymentModel: c.DeploymentModel,
		Environment: c.Environment, Security: c.Security})
}

// ruleOut is a rule without its id.
type ruleOut struct {
	Database   string           `json:"database,omitempty"`
	Collection string           `json:"collection,omitempty"`
	Roles      []appconfig.Role `json:"roles"`
	Filters    json.RawMessage  `json:"filters,omitempty"`
}

func (w *writer) services(c *appconfig.Config) {
	sync := json.RawMessage(nil)
	for i := range c.Services {
		s := &c.Services[i]
		dir := "services/" + w.part(s.Name)
		if s.IsData() {
			dir = "data_sources/" + s.Name
		}
		f := serviceFile{Name: s.Name, Type: s.Type, SecretConfig: s.SecretConfig, Version: s.Version, Config: map[string]json.RawMessage{}}
		if len(s.Config) > 0 {
			if err := json.Unmarshal(s.Config, &f.Config); err != nil && w.err == nil {
				w.err = fmt.Errorf("export: service %s: %w", s.Name, err)
			}
		}
		if s.PartitionSync != nil {
			f.Config["sync"] = s.PartitionSync
		}
		w.json(dir+"/config.json", f)
		if s.DefaultRule != nil {
			w.json(dir+"/default_rule.json", ruleOut{Roles: s.DefaultRule.Roles, Filters: s.DefaultRule.Filters})
		}
		for _, r := range s.Rules {
			w.json(path.Join(dir, w.part(r.Database), w.part(r.Collection), "rules.json"), ruleOut{r.Database, r.Collection, r.Roles, r.Filters})
		}
		if s.FlexibleSync != nil {
			sync = w.sync(c, s)
		}
	}
	if sync == nil {
		w.json("sync/config.json", syncFile{Type: "flexible", DevelopmentMode: c.Sync.DevelopmentMode})
	} else {
		w.json("sync/config.json", sync)
	}
	for _, s := range c.Schemas {
		dir := path.Join("data_sources", w.part(s.Metadata.DataSource), w.part(s.Metadata.Database), w.part(s.Metadata.Collection))
		w.json(dir+"/schema.json", s.Schema)
		if s.Relationships != nil {
			w.json(dir+"/relationships.json", s.Relationships)
		}
	}
}

func (w *writer) sync(c *appconfig.Config, s *appconfig.Service) json.RawMessage {
	text, err := json.Marshal(struct {
		syncFile
		*appconfig.FlexibleSync
	}{syncFile{Type: "flexible", ServiceName: s.Name, DevelopmentMode: c.Sync.DevelopmentMode}, s.FlexibleSync})
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("export: the sync of %s: %w", s.Name, err)
	}
	return text
}
