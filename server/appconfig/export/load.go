package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"realmsync/server/appconfig"
	"realmsync/server/jsonschema"
)

// Directory is an export that was read.
type Directory struct {
	ID string // client app id

	config *appconfig.Config // without ids; services of schemas and of custom data by name
	places []place
	files  *files
	// namedSource is the name of the data source with the custom user data.
	namedSource string
	// secrets are those of secrets.json.
	secrets map[string]string
	// custom is the custom user data where the file of the app has it, as in exports before 2021.
	custom place
}

// place says where a part of the configuration is written.
type place struct {
	path string   // in Config: services[0].rules[1]
	file string   // relative to the directory
	base []string // where in the file the part begins
}

// appFile is realm_config.json.
type appFile struct {
	AppID           string             `json:"app_id"`
	Name            string             `json:"name"`
	ConfigVersion   int                `json:"config_version,omitempty"`
	Location        string             `json:"location,omitempty"`
	DeploymentModel string             `json:"deployment_model,omitempty"`
	ProviderRegion  json.RawMessage    `json:"provider_region,omitempty"` // of Atlas: there is none here
	Environment     string             `json:"environment,omitempty"`
	Security        appconfig.Security `json:"security"`
	Origins         []string           `json:"allowed_request_origins,omitempty"` // of Security; the manual of App Services has it here

	// Exports before 2021 have these here.
	CustomData json.RawMessage `json:"custom_user_data_config,omitempty"`
	Sync       *syncFile       `json:"sync,omitempty"`
}

// The names of that file, the newest first.
var appFiles = []string{"realm_config.json", "config.json", "stitch.json"}

// Load reads a directory. What is wrong with a file is *appconfig.ValidationError with the file, relative to the directory, and the line.
func Load(dir string) (*Directory, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	defer root.Close()
	d := &Directory{files: &files{root: root, texts: map[string][]byte{}}, config: &appconfig.Config{}}
	for _, step := range []func() error{d.loadApp, d.loadSecrets, d.loadProviders, d.loadFunctions, d.loadValues, d.loadEnvironments, d.loadServices, d.loadSync, d.loadCustomData} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return d, d.files.unread(".", 0)
}

func (d *Directory) note(path, file string, base ...string) {
	d.places = append(d.places, place{path, file, base})
}

func (d *Directory) loadApp() error {
	for _, name := range appFiles {
		var f appFile
		ok, err := d.files.json(name, &f)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if f.AppID == "" {
			return problem(name, 1, "there is no app_id")
		}
		if f.Name == "" {
			f.Name = f.AppID
		}
		d.ID = f.AppID
		if f.Environment == noEnvironment {
			f.Environment = ""
		}
		c := d.config
		c.Name, c.Location, c.DeploymentModel, c.Environment, c.Security = f.Name, f.Location, f.DeploymentModel, f.Environment, f.Security
		d.note("", name)
		if f.Origins != nil {
			c.Security.AllowedOrigins = f.Origins
			d.note("security.allowed_request_origins", name, "allowed_request_origins")
		}
		if f.Sync != nil {
			c.Sync.DevelopmentMode = f.Sync.DevelopmentMode
		}
		if f.CustomData != nil {
			d.custom = place{file: name, base: []string{"custom_user_data_config"}}
		}
		return nil
	}
	return problem(appFiles[0], 0, "it is missing: this is not the export of an app")
}

func (d *Directory) loadSecrets() error {
	const file = "secrets.json"
	var all map[string]json.RawMessage
	_, err := d.files.json(file, &all)
	d.secrets = map[string]string{}
	for _, name := range sorted(all) {
		var value string
		if json.Unmarshal(all[name], &value) == nil && string(all[name]) != "null" {
			d.secrets[name] = value
		} else {
			d.files.notice(file, "%q is not a text, and no secret: write {\"name\": \"value\"}, with the names that providers and values refer to", name)
		}
	}
	return err
}

func (d *Directory) loadProviders() error {
	const file = "auth/providers.json"
	var all map[string]appconfig.Provider
	if _, err := d.files.json(file, &all); err != nil {
		return err
	}
	for _, name := range sorted(all) {
		d.addProvider(all[name], name, file, name)
	}
	return d.eachJSON("auth_providers", func(file, name string) error {
		var p olderProvider
		_, err := d.files.json(file, &p)
		d.addProvider(p.Provider, name, file)
		return err
	})
}

func (d *Directory) addProvider(p appconfig.Provider, name, file string, base ...string) {
	if p.Type == "" {
		p.Type = name
	}
	if p.Name == "" {
		p.Name = p.Type
	}
	p.ID = ""
	d.note(fmt.Sprintf("auth_providers[%d]", len(d.config.Providers)), file, base...)
	d.config.Providers = append(d.config.Providers, p)
}

// functionFile is an entry of functions/config.json.
type functionFile struct {
	Name        string          `json:"name"`
	Private     bool            `json:"private"`
	RunAsSystem bool            `json:"run_as_system,omitempty"`
	CanEvaluate json.RawMessage `json:"can_evaluate,omitempty"`
	// RunAs and RunAsScript name another user than the one who calls, which this server doesn't do: exports have them empty.
	RunAs       string          `json:"run_as_user_id,omitempty"`
	RunAsScript string          `json:"run_as_user_id_script_source,omitempty"`
	ArgLogs     json.RawMessage `json:"disable_arg_logs,omitempty"` // arguments are never logged here
}

func (d *Directory) loadFunctions() error {
	const file = "functions/config.json"
	var all []functionFile
	if _, err := d.files.json(file, &all); err != nil {
		return err
	}
	for i, f := range all {
		if err := d.addFunction(f, "functions/"+f.Name+".js", file, fmt.Sprintf("[%d]", i)); err != nil {
			return err
		}
	}
	return d.loadOlderFunctions()
}

// addFunction adds a function whose source is in another file than what is said about it.
func (d *Directory) addFunction(f functionFile, source, file string, base ...string) error {
	line := lineOf(d.files.texts[file], base)
	if !inside(f.Name) || strings.Count(f.Name, "/") > maxDepth {
		return problem(file, line, "%q can't be the name of a function", f.Name)
	}
	if f.RunAs != "" || f.RunAsScript != "" {
		return problem(file, line, "function %q has run_as_user_id: functions run as the user who calls, or with run_as_system as the server", f.Name)
	}
	text, err := d.files.read(source)
	if err != nil {
		return err
	}
	if text == nil {
		return problem(file, line, "the source of function %q is missing: there is no %s", f.Name, source)
	}
	if len(bytes.TrimSpace(text)) == 0 { // an editor may be about to write it
		return problem(source, 1, "the source of function %q is empty", f.Name)
	}
	d.note(fmt.Sprintf("functions[%d]", len(d.config.Functions)), file, base...)
	d.note(fmt.Sprintf("functions[%d].source", len(d.config.Functions)), source)
	d.config.Functions = append(d.config.Functions, appconfig.Function{
		Name: f.Name, Private: f.Private, RunAsSystem: f.RunAsSystem, CanEvaluate: f.CanEvaluate, Source: string(text),
	})
	return nil
}

// inside says whether a name with slashes stays below the directory that it is in.
func inside(name string) bool {
	return name != "" && path.Clean("/"+name) == "/"+name && !strings.ContainsAny(name, "\\\x00")
}

// valueFile is values/NAME.json.
type valueFile struct {
	Name       string          `json:"name"`
	Value      json.RawMessage `json:"value"`
	Private    bool            `json:"private,omitempty"`
	FromSecret bool            `json:"from_secret"`

	ID json.RawMessage `json:"id,omitempty"` // of App Services, in exports before 2021
}

func (d *Directory) loadValues() error {
	return d.eachJSON("values", func(file, name string) error {
		v := valueFile{Name: name}
		if _, err := d.files.json(file, &v); err != nil {
			return err
		}
		d.note(fmt.Sprintf("values[%d]", len(d.config.Values)), file)
		d.config.Values = append(d.config.Values, appconfig.Value{Name: v.Name, Value: v.Value, Private: v.Private, FromSecret: v.FromSecret})
		return nil
	})
}

// noEnvironment is what files call the environment that has no name.
const noEnvironment = "no-environment"

// environmentFile is environments/TAG.json.
type environmentFile struct {
	Values map[string]json.RawMessage `json:"values"`
}

func (d *Directory) loadEnvironments() error {
	return d.eachJSON("environments", func(file, tag string) error {
		var e environmentFile
		if _, err := d.files.json(file, &e); err != nil {
			return err
		}
		if tag == noEnvironment {
			tag = ""
		}
		d.note("environment_values."+tag, file, "values")
		if len(e.Values) == 0 {
			return nil
		}
		if d.config.EnvironmentValues == nil {
			d.config.EnvironmentValues = map[string]map[string]json.RawMessage{}
		}
		d.config.EnvironmentValues[tag] = e.Values
		return nil
	})
}

// eachJSON calls f for the files NAME.json of a directory.
func (d *Directory) eachJSON(dir string, f func(file, name string) error) error {
	entries, err := d.files.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || e.IsDir() || hidden(name) {
			continue
		}
		if err := f(path.Join(dir, e.Name()), name); err != nil {
			return err
		}
	}
	return nil
}

// serviceFile is data_sources/NAME/config.json.
type serviceFile struct {
	Name         string                     `json:"name"`
	Type         string                     `json:"type"`
	Config       map[string]json.RawMessage `json:"config,omitempty"`
	SecretConfig json.RawMessage            `json:"secret_config,omitempty"`
	Version      int64                      `json:"version,omitempty"`

	ID json.RawMessage `json:"id,omitempty"` // of App Services, in exports before 2021
}

func (d *Directory) loadServices() error {
	for _, parent := range []string{"data_sources", "services"} {
		names, err := d.files.directories(parent)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := d.loadService(path.Join(parent, name), name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Directory) loadService(dir, name string) error {
	file := path.Join(dir, "config.json")
	f := serviceFile{Name: name, Version: 1}
	ok, err := d.files.json(file, &f)
	if err != nil {
		return err
	}
	// A schema may name a data source that is not there (app-services 11.2, step 15).
	var s *appconfig.Service
	at := fmt.Sprintf("services[%d]", len(d.config.Services))
	if ok {
		s = &appconfig.Service{Name: f.Name, Type: f.Type, Version: f.Version, SecretConfig: f.SecretConfig}
		d.note(at, file)
		if !s.IsData() {
			d.files.notice(file, "services of type %q are kept, and not used", f.Type)
		}
		if raw, ok := f.Config["flexible_sync"]; ok {
			s.FlexibleSync = &appconfig.FlexibleSync{}
			if err := json.Unmarshal(raw, s.FlexibleSync); err != nil {
				return problem(file, lineOf(d.files.texts[file], []string{"config", "flexible_sync"}), "it is not the configuration of a sync: %v", err)
			}
			d.note(at+".flexible_sync", file, "config", "flexible_sync")
		}
		if raw, ok := f.Config["sync"]; ok {
			s.PartitionSync = raw
			d.note(at+".sync", file, "config", "sync")
			d.files.notice(file, partition)
		}
		delete(f.Config, "flexible_sync")
		delete(f.Config, "sync")
		if len(f.Config) > 0 {
			s.Config, _ = json.Marshal(f.Config) // it was JSON
		}
		rule, ok, err := d.loadRule(path.Join(dir, "default_rule.json"))
		if err != nil {
			return err
		}
		if ok {
			s.DefaultRule = &rule.Rule
			d.note(at+".default_rule", path.Join(dir, "default_rule.json"))
		}
		if s.IsData() {
			if err := d.loadOlderRules(s, at, path.Join(dir, "rules")); err != nil {
				return err
			}
		}
	}
	databases, err := d.files.directories(dir)
	if err != nil {
		return err
	}
	for _, database := range databases {
		collections, err := d.files.directories(path.Join(dir, database))
		if err != nil {
			return err
		}
		for _, collection := range collections {
			if err := d.loadCollection(s, at, dir, name, database, collection); err != nil {
				return err
			}
		}
	}
	if s != nil {
		d.config.Services = append(d.config.Services, *s)
	}
	return nil
}

// ruleFile is rules.json and default_rule.json.
type ruleFile struct {
	Database   string `json:"database,omitempty"`
	Collection string `json:"collection,omitempty"`

	appconfig.Rule
}

func (d *Directory) loadRule(file string) (rule ruleFile, ok bool, err error) {
	ok, err = d.files.json(file, &rule)
	rule.ID = ""
	return rule, ok, err
}

func (d *Directory) loadCollection(s *appconfig.Service, at, dir, source, database, collection string) error {
	dir = path.Join(dir, database, collection)
	file := path.Join(dir, "rules.json")
	rule, ok, err := d.loadRule(file)
	if err != nil {
		return err
	}
	if ok {
		if s == nil {
			return problem(file, 0, "there is no data source: its config.json is missing")
		}
		for _, named := range [][3]string{{"database", rule.Database, database}, {"collection", rule.Collection, collection}} {
			if named[1] != "" && named[1] != named[2] {
				return problem(file, lineOf(d.files.texts[file], named[:1]), "its %s is %q, and it is in the directory of %q", named[0], named[1], named[2])
			}
		}
		d.note(fmt.Sprintf("%s.rules[%d]", at, len(s.Rules)), file)
		s.Rules = append(s.Rules, appconfig.CollectionRule{Rule: rule.Rule, Database: database, Collection: collection})
	}
	var schema, relationships json.RawMessage
	file = path.Join(dir, "schema.json")
	if ok, err := d.files.json(file, &schema); err != nil || !ok || string(bytes.TrimSpace(schema)) == "{}" {
		return err
	}
	i := len(d.config.Schemas)
	d.note(fmt.Sprintf("schemas[%d].schema", i), file)
	file = path.Join(dir, "relationships.json")
	if _, err := d.files.json(file, &relationships); err != nil {
		return err
	}
	d.note(fmt.Sprintf("schemas[%d].relationships", i), file)
	if string(bytes.TrimSpace(relationships)) == "{}" {
		relationships = nil
	}
	d.config.Schemas = append(d.config.Schemas, appconfig.Schema{
		Metadata: appconfig.Metadata{DataSource: source, Database: database, Collection: collection}, Schema: schema, Relationships: relationships,
	})
	return nil
}

// syncFile is what sync/config.json has beside the members of FlexibleSync.
type syncFile struct {
	Type            string `json:"type"`
	ServiceName     string `json:"service_name"`
	DevelopmentMode bool   `json:"development_mode_enabled"`

	LastDisabled json.RawMessage `json:"last_disabled,omitempty"` // a time of App Services
}

func (d *Directory) loadSync() error {
	const file = "sync/config.json"
	var f struct {
		syncFile
		appconfig.FlexibleSync
	}
	ok, err := d.files.json(file, &f)
	if err != nil || !ok {
		return err
	}
	d.note("sync", file)
	d.config.Sync.DevelopmentMode = f.DevelopmentMode
	if f.ServiceName == "" {
		return nil // sync was never set up
	}
	for i := range d.config.Services {
		s := &d.config.Services[i]
		if s.Name != f.ServiceName {
			continue
		}
		switch f.Type {
		case "", "flexible":
			sync := f.FlexibleSync
			s.FlexibleSync = &sync
			d.note(fmt.Sprintf("services[%d].flexible_sync", i), file)
		case "partition":
			all := map[string]json.RawMessage{}
			if _, err := d.files.json(file, &all); err != nil {
				return err
			}
			for _, other := range []string{"type", "service_name", "development_mode_enabled"} {
				delete(all, other)
			}
			s.PartitionSync, _ = json.Marshal(all) // it was JSON
			d.note(fmt.Sprintf("services[%d].sync", i), file)
			d.files.notice(file, partition)
		default:
			return problem(file, lineOf(d.files.texts[file], []string{"type"}), "the type must be \"flexible\" or \"partition\"")
		}
		return nil
	}
	return problem(file, lineOf(d.files.texts[file], []string{"service_name"}), "there is no data source %q", f.ServiceName)
}

// customDataFile is auth/custom_user_data.json: it names its data source.
type customDataFile struct {
	Enabled        bool   `json:"enabled"`
	ServiceName    string `json:"mongo_service_name,omitempty"`
	DatabaseName   string `json:"database_name,omitempty"`
	CollectionName string `json:"collection_name,omitempty"`
	UserIDField    string `json:"user_id_field,omitempty"`
	OnCreation     string `json:"on_user_creation_function_name,omitempty"`
}

func (d *Directory) loadCustomData() error {
	file, base := "auth/custom_user_data.json", []string(nil)
	var f customDataFile
	ok, err := d.files.json(file, &f)
	if err == nil && !ok && d.custom.file != "" {
		var app struct {
			CustomData customDataFile `json:"custom_user_data_config"`
		}
		file, base = d.custom.file, d.custom.base
		ok, err = true, json.Unmarshal(d.files.texts[file], &app)
		if f = app.CustomData; err != nil {
			return problem(file, lineOf(d.files.texts[file], base), "it is not a configuration of custom user data: %v", err)
		}
	}
	if err != nil || !ok || f == (customDataFile{}) {
		return err
	}
	if f.ServiceName != "" && d.config.Service(f.ServiceName) == nil {
		return problem(file, lineOf(d.files.texts[file], append(base, "mongo_service_name")), "there is no data source %q", f.ServiceName)
	}
	d.namedSource = f.ServiceName
	d.note("custom_user_data", file, base...)
	d.config.CustomUserData = &appconfig.CustomData{
		Enabled: f.Enabled, DatabaseName: f.DatabaseName, CollectionName: f.CollectionName, UserIDField: f.UserIDField, OnCreation: f.OnCreation,
	}
	return nil
}

// Apply returns the configuration that the app has with this directory instead of current. What an export does not have stays: ids,
// secrets, private settings, the count of schema versions.
func (d *Directory) Apply(current *appconfig.Config) (*appconfig.Config, error) {
	c, err := d.config.Clone()
	if err != nil {
		return nil, err
	}
	c.Settings, c.Features = current.Settings, current.Features
	c.Sync.SchemaVersion, c.Sync.Draft = current.Sync.SchemaVersion, current.Sync.Draft
	c.Secrets = slices.Clone(current.Secrets)
	for _, name := range sorted(d.secrets) {
		if s := c.Secret(name); s != nil {
			s.Value = d.secrets[name]
			continue
		}
		c.Secrets = append(c.Secrets, appconfig.Secret{ID: appconfig.FixedID(d.ID, "secret", name), Name: name, Value: d.secrets[name]})
	}
	d.identify(c, current)
	d.classes(c, current)
	return c.Clone()
}

// classes carries over what devices have brought, if the app is in development mode. In an app that isn't, files that lack what there was make the next
// schema version, as the admin API does.
func (d *Directory) classes(c, current *appconfig.Config) {
	before, err := jsonschema.Of(current)
	if err != nil {
		return // it was stored by an earlier version
	}
	if c.Sync.DevelopmentMode {
		_, _ = jsonschema.Add(d.ID, c, before.Schema) // it fails if c is wrong, which is told by its validation
		return
	}
	if after, err := jsonschema.Of(c); err == nil && before.Loses(after) {
		c.Sync.SchemaVersion++
	}
}

// identify gives everything the id that it has in current, or one that follows from its name.
func (d *Directory) identify(c, current *appconfig.Config) {
	known := map[string]string{}
	key := func(names ...string) string { return strings.Join(names, "\x00") }
	each := func(c *appconfig.Config, f func(id *string, names ...string)) {
		for i := range c.Providers {
			f(&c.Providers[i].ID, "auth_provider", c.Providers[i].Type)
		}
		for i := range c.Functions {
			f(&c.Functions[i].ID, "function", c.Functions[i].Name)
		}
		for i := range c.Values {
			f(&c.Values[i].ID, "value", c.Values[i].Name)
		}
		for i := range c.Services {
			s := &c.Services[i]
			f(&s.ID, "service", s.Name)
			if s.DefaultRule != nil {
				f(&s.DefaultRule.ID, "default_rule", s.Name)
			}
			for j := range s.Rules {
				f(&s.Rules[j].ID, "rule", s.Name, s.Rules[j].Database, s.Rules[j].Collection)
			}
		}
		for i := range c.Schemas {
			m := c.Schemas[i].Metadata
			f(&c.Schemas[i].ID, "schema", m.DataSource, m.Database, m.Collection)
		}
	}
	each(current, func(id *string, names ...string) { known[key(names...)] = *id })
	each(c, func(id *string, names ...string) {
		if *id = known[key(names...)]; *id == "" {
			*id = appconfig.FixedID(append([]string{d.ID}, names...)...)
		}
	})
	for i := range c.Services {
		s := &c.Services[i]
		if old := current.Service(s.Name); old != nil {
			s.LastModified = old.LastModified
		}
		if s.Name == d.namedSource && c.CustomUserData != nil {
			c.CustomUserData.ServiceID = s.ID
		}
	}
}

// Explain adds to an error about the configuration, which Apply returned, where in the directory it comes from.
func (d *Directory) Explain(err error) error {
	var v *appconfig.ValidationError
	if !errors.As(err, &v) || v.File != "" {
		return err
	}
	best := -1
	for i, p := range d.places {
		if (p.path == "" || v.Path == p.path || strings.HasPrefix(v.Path, p.path+".") || strings.HasPrefix(v.Path, p.path+"[")) &&
			(best < 0 || len(p.path) >= len(d.places[best].path)) {
			best = i
		}
	}
	if best < 0 {
		return err
	}
	p := d.places[best]
	out := *v
	out.File = p.file
	steps := append(slices.Clone(p.base), splitPath(strings.TrimPrefix(v.Path, p.path))...)
	out.Line = max(v.Line, 1)
	if strings.HasSuffix(p.file, ".json") {
		out.Line = lineOf(d.files.texts[p.file], steps)
	}
	return &out
}

func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
