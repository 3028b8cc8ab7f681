package appconfig

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"realmsync/server/excerpt"
)

// Limits of a configuration.
const (
	maxName    = 128      // characters of a name
	maxSecret  = 64 << 10 // bytes of a secret's value
	maxSource  = 1 << 20  // bytes of a function's source
	maxEntries = 10_000   // of each list
	maxOrigins = 1000     // they are read through for each request of a browser
	maxConfig  = 64 << 20 // bytes of all of it, as JSON
	maxNesting = 64       // of a schema
	minHS256   = 32       // bytes of a key (app-services 13.4)

	minRefreshExpiration = 1800              // seconds (app-services 11.5)
	maxRefreshExpiration = 10 * 365 * 86_400 // seconds
)

// States of a data source's sync (app-services 11.4).
const (
	SyncEnabled    = "enabled"
	SyncDisabled   = "disabled" // paused
	SyncTerminated = ""
)

// ValidationError says what is wrong with a configuration, and where.
type ValidationError struct {
	File   string // of an export directory, relative to it; empty when the configuration did not come from files
	Line   int    // in File, or in the source of a function, 1 is the first; 0: unknown
	Path   string // in Config, by the names of its JSON: services[0].rules[1].roles[0].apply_when
	Reason string
}

// Error implements error: file:line: path: reason, as far as they are known.
func (e *ValidationError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ":")
		if e.Line > 0 {
			fmt.Fprintf(&b, "%d:", e.Line)
		}
		b.WriteByte(' ')
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Reason)
	return b.String()
}

func invalid(path, format string, args ...any) *ValidationError {
	return &ValidationError{Path: path, Reason: fmt.Sprintf(format, args...)}
}

var (
	plainName    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)
	functionName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*(/[A-Za-z0-9_][A-Za-z0-9_-]*)*$`)
	environments = []string{"", "no-environment", "development", "testing", "qa", "production"}
)

// Validate reports the first thing that is wrong, as *ValidationError. It looks at form and at references; what expressions of rules
// mean is checked by StoreConfig.Check.
func (c *Config) Validate() error {
	v := &validator{config: c, ids: map[string]string{}}
	v.run()
	if v.err != nil {
		return v.err
	}
	return nil
}

// validator keeps the first error.
type validator struct {
	config *Config
	ids    map[string]string // by id: whose it is
	err    *ValidationError
}

func (v *validator) fail(path, format string, args ...any) {
	if v.err == nil {
		v.err = invalid(path, format, args...)
	}
}

func (v *validator) run() {
	c := v.config
	v.text("name", c.Name, maxName)
	if !slices.Contains(environments, c.Environment) {
		v.fail("environment", "it must be one of %s", strings.Join(environments[1:], ", "))
	}
	if m := c.DeploymentModel; m != "" && m != "GLOBAL" && m != "LOCAL" {
		v.fail("deployment_model", "it must be GLOBAL or LOCAL")
	}
	for _, tag := range sorted(c.EnvironmentValues) {
		values := c.EnvironmentValues[tag]
		if !slices.Contains(environments, tag) {
			v.fail("environment_values."+tag, "there is no such environment; it must be one of %s", strings.Join(environments[1:], ", "))
		}
		for _, name := range sorted(values) {
			v.json("environment_values."+tag+"."+name, values[name])
		}
	}
	v.secrets()
	v.functions()
	v.values()
	v.providers()
	v.services()
	v.schemas()
	v.customData()
	if s := c.Security.RefreshTokenExpiration; s != 0 && (s < minRefreshExpiration || s > maxRefreshExpiration) {
		v.fail("security.refresh_token_expiration", "it must be between %d and %d seconds", minRefreshExpiration, maxRefreshExpiration)
	}
	if n := len(c.Security.AllowedOrigins); n > maxOrigins {
		v.fail("security.allowed_request_origins", "there are %d, at most %d are taken", n, maxOrigins)
	}
	for i, o := range c.Security.AllowedOrigins {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" {
			v.fail(fmt.Sprintf("security.allowed_request_origins[%d]", i), "it must be an origin like https://example.com; an empty list allows all")
		}
	}
	if !isNull(c.Settings) && !isObject(c.Settings) {
		v.fail("settings", "it must be an object")
	}
	if len(c.Features) > maxEntries {
		v.fail("features", "there are more than %d", maxEntries)
	}
}

func (v *validator) secrets() {
	names := map[string]bool{}
	v.count("secrets", len(v.config.Secrets))
	for i, s := range v.config.Secrets {
		path := fmt.Sprintf("secrets[%d]", i)
		v.id(path, s.ID)
		v.name(path, s.Name, plainName, names)
		if len(s.Value) > maxSecret {
			v.fail(path+".value", "it has more than %d bytes", maxSecret)
		}
	}
}

func (v *validator) functions() {
	names := map[string]bool{}
	v.count("functions", len(v.config.Functions))
	for i, f := range v.config.Functions {
		path := fmt.Sprintf("functions[%d]", i)
		v.id(path, f.ID)
		v.name(path, f.Name, functionName, names)
		v.expression(path+".can_evaluate", f.CanEvaluate)
		if len(f.Source) > maxSource {
			v.fail(path+".source", "it has more than %d bytes", maxSource)
		}
		if !utf8.ValidString(f.Source) {
			v.fail(path+".source", "it is not UTF-8")
		}
	}
}

func (v *validator) values() {
	names := map[string]bool{}
	v.count("values", len(v.config.Values))
	for i, value := range v.config.Values {
		path := fmt.Sprintf("values[%d]", i)
		v.id(path, value.ID)
		v.name(path, value.Name, plainName, names)
		v.json(path+".value", value.Value)
		if value.FromSecret {
			var name string
			if json.Unmarshal(value.Value, &name) != nil || v.config.Secret(name) == nil {
				v.fail(path+".value", "it must be the name of a secret, and there is none called %s", clip(string(value.Value)))
			}
		}
	}
}

func (v *validator) services() {
	names, syncing := map[string]bool{}, ""
	v.count("services", len(v.config.Services))
	for i := range v.config.Services {
		s := &v.config.Services[i]
		path := fmt.Sprintf("services[%d]", i)
		v.id(path, s.ID)
		v.name(path, s.Name, plainName, names)
		if !plainName.MatchString(s.Type) || len(s.Type) > maxName {
			v.fail(path+".type", "%q can't be the type of a service", clip(s.Type))
		}
		if !isNull(s.Config) && !isObject(s.Config) {
			v.fail(path+".config", "it must be an object")
		}
		if !isNull(s.SecretConfig) && !isObject(s.SecretConfig) {
			v.fail(path+".secret_config", "it must be an object")
		}
		if !s.IsData() && (s.FlexibleSync != nil || s.PartitionSync != nil || s.DefaultRule != nil || len(s.Rules) > 0) {
			v.fail(path, "a service of type %s has no sync and no rules", s.Type)
		}
		if s.FlexibleSync != nil {
			if syncing != "" {
				v.fail(path+".flexible_sync", "service %s syncs already, and an app has one that does", syncing)
			}
			syncing = s.Name
			v.sync(path+".flexible_sync", s.FlexibleSync)
		}
		if s.PartitionSync != nil && !isObject(s.PartitionSync) {
			v.fail(path+".sync", "it must be an object")
		}
		v.rules(path, s)
	}
}

func (v *validator) sync(path string, f *FlexibleSync) {
	switch f.State {
	case SyncEnabled:
		v.text(path+".database_name", f.DatabaseName, maxName)
	case SyncDisabled, SyncTerminated:
		if len(f.DatabaseName) > maxName {
			v.fail(path+".database_name", "it has more than %d bytes", maxName)
		}
	default:
		v.fail(path+".state", "it must be \"enabled\", \"disabled\" or \"\"")
	}
	v.fields(path+".queryable_fields_names", f.QueryableFieldsNames)
	v.fields(path+".indexed_queryable_fields_names", f.IndexedQueryableFieldsNames)
	for _, collection := range sorted(f.CollectionQueryableFieldNames) {
		v.fields(path+".collection_queryable_fields_names."+collection, f.CollectionQueryableFieldNames[collection])
	}
	v.fields(path+".asymmetric_tables", f.AsymmetricTables)
	if f.ClientMaxOfflineDays < 0 || f.ClientMaxOfflineDays > 36_500 {
		v.fail(path+".client_max_offline_days", "it must be between 0 and 36500")
	}
	if !isNull(f.Permissions) && !isObject(f.Permissions) {
		v.fail(path+".permissions", "it must be an object")
	}
}

func (v *validator) fields(path string, names []string) {
	v.count(path, len(names))
	for i, n := range names {
		v.text(fmt.Sprintf("%s[%d]", path, i), n, maxName)
	}
}

func (v *validator) rules(path string, s *Service) {
	if r := s.DefaultRule; r != nil {
		v.rule(path+".default_rule", r)
	}
	seen := map[[2]string]bool{}
	v.count(path+".rules", len(s.Rules))
	for i := range s.Rules {
		r, at := &s.Rules[i], fmt.Sprintf("%s.rules[%d]", path, i)
		v.rule(at, &r.Rule)
		v.text(at+".database", r.Database, maxName)
		v.text(at+".collection", r.Collection, maxName)
		if key := [2]string{r.Database, r.Collection}; seen[key] {
			v.fail(at, "the collection %s.%s has a rule already", clip(r.Database), clip(r.Collection))
		} else {
			seen[key] = true
		}
	}
}

func (v *validator) rule(path string, r *Rule) {
	v.id(path, r.ID)
	v.count(path+".roles", len(r.Roles))
	for i := range r.Roles {
		role, at := &r.Roles[i], fmt.Sprintf("%s.roles[%d]", path, i)
		v.text(at+".name", role.Name, maxName)
		v.expression(at+".apply_when", role.ApplyWhen)
		if f := role.DocumentFilters; f != nil {
			v.expression(at+".document_filters.read", f.Read)
			v.expression(at+".document_filters.write", f.Write)
		}
		v.expression(at+".read", role.Read)
		v.expression(at+".write", role.Write)
		v.expression(at+".insert", role.Insert)
		v.expression(at+".delete", role.Delete)
		v.expression(at+".search", role.Search)
		for _, name := range sorted(role.Fields) {
			f := role.Fields[name]
			v.field(at+".fields."+name, &f, 0)
		}
		if role.AdditionalFields != nil {
			v.field(at+".additional_fields", role.AdditionalFields, 0)
		}
	}
	if !isNull(r.Filters) && !isArray(r.Filters) {
		v.fail(path+".filters", "it must be an array")
	}
}

func (v *validator) field(path string, f *FieldRule, depth int) {
	if depth > maxNesting {
		v.fail(path, "fields are nested more than %d deep", maxNesting)
		return
	}
	v.expression(path+".read", f.Read)
	v.expression(path+".write", f.Write)
	for _, name := range sorted(f.Fields) {
		inner := f.Fields[name]
		v.field(path+".fields."+name, &inner, depth+1)
	}
}

func (v *validator) customData() {
	d := v.config.CustomUserData
	if d == nil {
		return
	}
	if d.OnCreation != "" && v.config.Function(d.OnCreation) == nil {
		v.fail("custom_user_data.on_user_creation_function_name", "there is no function %q", clip(d.OnCreation))
	}
	if !d.Enabled {
		return
	}
	if s := v.config.ServiceByID(d.ServiceID); s == nil || !s.IsData() {
		v.fail("custom_user_data.mongo_service_id", "it must be the id of a data source, and there is none with id %q", clip(d.ServiceID))
	}
	v.text("custom_user_data.database_name", d.DatabaseName, maxName)
	v.text("custom_user_data.collection_name", d.CollectionName, maxName)
	v.text("custom_user_data.user_id_field", d.UserIDField, maxName)
}

// id checks the id of something and that nothing else has it.
func (v *validator) id(path, id string) {
	if !isID(id) {
		v.fail(path+"._id", "%q is not an id: 24 hexadecimal digits", clip(id))
	}
	if other, ok := v.ids[id]; ok {
		v.fail(path+"._id", "it is that of %s too", other)
	}
	v.ids[id] = path
}

func (v *validator) name(path, name string, form *regexp.Regexp, seen map[string]bool) {
	switch {
	case name == "":
		v.fail(path+".name", "there must be a name")
	case len(name) > maxName || !form.MatchString(name):
		v.fail(path+".name", "%q can't be a name: use 1 to %d letters, digits, '_' and '-', beginning with a letter, a digit or '_'", clip(name), maxName)
	case seen[name]:
		v.fail(path+".name", "there are two with the name %q", name)
	}
	seen[name] = true
}

// text checks a text that must be there.
func (v *validator) text(path, s string, most int) {
	if s == "" || len(s) > most || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		v.fail(path, "it must be a text of 1 to %d bytes", most)
	}
}

func (v *validator) json(path string, raw json.RawMessage) {
	if !json.Valid(raw) {
		v.fail(path, "it is not JSON")
	}
}

// expression checks that an expression is one by its form (app-services 12.4).
func (v *validator) expression(path string, raw json.RawMessage) {
	if isNull(raw) || string(raw) == "true" || string(raw) == "false" || (isObject(raw) && json.Valid(raw)) {
		return
	}
	v.fail(path, "it must be true, false or an object, not %s", clip(string(raw)))
}

func (v *validator) count(path string, n int) {
	if n > maxEntries {
		v.fail(path, "there are %d, at most %d are taken", n, maxEntries)
	}
}

// sorted makes the error that is found first the same each time.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func isObject(raw json.RawMessage) bool { return firstByte(raw) == '{' }
func isArray(raw json.RawMessage) bool  { return firstByte(raw) == '[' }

func firstByte(raw json.RawMessage) byte {
	for _, b := range raw {
		if b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			return b
		}
	}
	return 0
}

// clip bounds what is repeated of somebody's text, in bytes; it cuts between characters.
func clip(s string) string { return excerpt.Of(s, 64) }
