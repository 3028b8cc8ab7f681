package export

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/server/appconfig"
	"realmsync/server/jsonschema"
)

// example is an export as App Services wrote it, in parts.
var example = map[string]string{
	"realm_config.json": `{
    "app_id": "todo-abcde",
    "config_version": 20210101,
    "name": "todo",
    "location": "US-VA",
    "provider_region": "aws-us-east-1",
    "deployment_model": "GLOBAL",
    "environment": "development",
    "security": {"allowed_request_origins": ["https://example.com"]}
}`,
	"auth/providers.json": `{
    "anon-user": {"name": "anon-user", "type": "anon-user", "disabled": false},
    "api-key": {"name": "api-key", "type": "api-key", "disabled": true},
    "oauth2-google": {"name": "oauth2-google", "type": "oauth2-google", "disabled": false, "config": {"clientId": "client", "openId": true},
        "redirect_uris": ["https://app.example/back"], "domain_restrictions": ["example.com"]},
    "custom-token": {
        "name": "custom-token", "type": "custom-token", "disabled": false,
        "config": {"audience": [], "signingAlgorithm": "HS256", "useJWKURI": false},
        "secret_config": {"signingKeys": ["key"]},
        "metadata_fields": [{"required": true, "name": "user_data.name", "field_name": "name"}]
    }
}`,
	"auth/custom_user_data.json": `{"enabled": true, "mongo_service_name": "mongodb-atlas", "database_name": "todo", "collection_name": "UserData",
    "user_id_field": "user_id", "on_user_creation_function_name": "util/greet"}`,
	"secrets.json":                     `{"key": "My_very_confidential_secretttttt"}`,
	"functions/config.json":            `[{"name": "sum", "private": false}, {"name": "util/greet", "private": true, "run_as_system": true, "can_evaluate": {"%%user.id": {"$ne": ""}}}]`,
	"functions/sum.js":                 "exports = (...n) => n.reduce((a, b) => a + b);\n",
	"functions/util/greet.js":          "exports = () => '<hello>';\n",
	"values/limit.json":                `{"name": "limit", "value": {"max": 10}, "from_secret": false}`,
	"values/hidden.json":               `{"name": "hidden", "value": "key", "from_secret": true}`,
	"environments/development.json":    `{"values": {"url": "http://localhost"}}`,
	"environments/no-environment.json": `{"values": {"url": "none"}}`,
	"environments/qa.json":             `{"values": {}}`,
	"data_sources/mongodb-atlas/config.json": `{"name": "mongodb-atlas", "type": "mongodb-atlas", "config": {"clusterName": "Cluster0", "readPreference": "primary",
    "wireProtocolEnabled": false}, "version": 1}`,
	"data_sources/mongodb-atlas/default_rule.json": `{"roles": [
        {"name": "readers", "apply_when": {}, "document_filters": {"read": true, "write": false}, "read": true, "write": false, "insert": false, "delete": false, "search": true}
    ], "filters": []}`,
	"data_sources/mongodb-atlas/todo/Item/rules.json": `{"database": "todo", "collection": "Item", "roles": [
        {"name": "owner", "apply_when": {}, "document_filters": {"read": true, "write": {"owner_id": "%%user.id"}},
         "fields": {"secret": {"read": false, "write": false}}, "additional_fields": {"read": true, "write": true}, "insert": true, "delete": true}
    ]}`,
	"data_sources/mongodb-atlas/todo/Item/schema.json": `{"title": "Item", "properties": {
        "_id": {"bsonType": "objectId"}, "owner_id": {"bsonType": "string"}, "parent": {"bsonType": "objectId"}}, "required": ["_id", "owner_id"]}`,
	"data_sources/mongodb-atlas/todo/Item/relationships.json": `{"parent": {"ref": "#/relationship/mongodb-atlas/todo/Item", "foreign_key": "_id", "is_list": false}}`,
	"services/push/config.json":                               `{"name": "push", "type": "gcm", "config": {"senderId": "x"}, "secret_config": {"apiKey": "key"}, "version": 1}`,
	"sync/config.json": `{"type": "flexible", "state": "enabled", "development_mode_enabled": true, "service_name": "mongodb-atlas", "database_name": "todo",
    "client_max_offline_days": 30, "is_recovery_mode_disabled": false, "queryable_fields_names": ["owner_id"], "indexed_queryable_fields_names": ["shop"],
    "collection_queryable_fields_names": {"Item": ["parent"]}, "permissions": {"rules": {}, "defaultRoles": []}}`,
	"graphql/config.json":  `{"use_natural_pluralization": true}`,
	"triggers/x.json":      `not looked at`,
	"functions/README.txt": `not looked at`,
}

// write makes a directory of files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

// with is the example with other files; "" removes one.
func with(changes map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range example {
		out[name] = text
	}
	for name, text := range changes {
		if out[name] = text; text == "" {
			delete(out, name)
		}
	}
	return out
}

func apply(t *testing.T, dir string, current *appconfig.Config) *appconfig.Config {
	t.Helper()
	d, err := Load(dir)
	require.NoError(t, err)
	c, err := d.Apply(current)
	require.NoError(t, err)
	require.NoError(t, d.Explain(c.Validate()))
	return c
}

// ordered is a configuration with its lists in the order of files, which has no meaning.
func ordered(t *testing.T, c *appconfig.Config) *appconfig.Config {
	t.Helper()
	c, err := c.Clone()
	require.NoError(t, err)
	slices.SortFunc(c.Providers, func(a, b appconfig.Provider) int { return strings.Compare(a.Type, b.Type) })
	slices.SortFunc(c.Services, func(a, b appconfig.Service) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(c.Values, func(a, b appconfig.Value) int { return strings.Compare(a.Name, b.Name) })
	return c
}

// tree reads a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(name)] = string(text)
		return err
	}))
	return out
}

func TestLoad(t *testing.T) {
	t.Parallel()
	d, err := Load(write(t, example))
	require.NoError(t, err)
	require.Equal(t, "todo-abcde", d.ID)
	c := apply(t, write(t, example), appconfig.New("todo-abcde", "x"))
	require.Equal(t, "todo", c.Name)
	require.Equal(t, "development", c.Environment)
	require.Equal(t, []string{"https://example.com"}, c.Security.AllowedOrigins)
	require.True(t, c.Provider("api-key").Disabled)
	require.Equal(t, "user_data.name", c.Provider("custom-token").MetadataFields[0].Name)
	require.Equal(t, "My_very_confidential_secretttttt", c.Secret("key").Value)
	require.Equal(t, "exports = () => '<hello>';\n", c.Function("util/greet").Source)
	require.True(t, c.Function("util/greet").RunAsSystem)
	require.JSONEq(t, `{"max":10}`, string(c.Values[1].Value))
	require.JSONEq(t, `"http://localhost"`, string(c.EnvironmentValues["development"]["url"]))
	require.JSONEq(t, `"none"`, string(c.EnvironmentValues[""]["url"]))
	s := c.SyncService()
	require.Equal(t, "mongodb-atlas", s.Name)
	require.Equal(t, 30, s.FlexibleSync.ClientMaxOfflineDays)
	require.Equal(t, []string{"parent"}, s.FlexibleSync.CollectionQueryableFieldNames["Item"])
	require.Equal(t, []string{"shop"}, s.FlexibleSync.IndexedQueryableFieldsNames)
	require.True(t, c.Sync.DevelopmentMode)
	require.Equal(t, s.ID, c.CustomUserData.ServiceID)
	require.Equal(t, "util/greet", c.CustomUserData.OnCreation)
	require.Equal(t, "Item", s.Rules[0].Collection)
	require.Nil(t, s.Rules[0].Roles[0].Read)
	require.JSONEq(t, `false`, string(s.Rules[0].Roles[0].Fields["secret"].Read))
	require.Equal(t, appconfig.Metadata{DataSource: "mongodb-atlas", Database: "todo", Collection: "Item"}, c.Schemas[0].Metadata)
	require.Equal(t, "gcm", c.Service("push").Type)
}

// What is written and read again is the same: from files, and from a configuration.
// The manual of App Services has the list of origins outside of "security", exports have it inside.
func TestOriginsOutsideOfSecurity(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"realm_config.json": `{"app_id": "a", "security": {"refresh_token_expiration": 1800}, "allowed_request_origins": ["https://a.example"]}`})
	c := apply(t, dir, appconfig.New("a", "x"))
	require.Equal(t, appconfig.Security{RefreshTokenExpiration: 1800, AllowedOrigins: []string{"https://a.example"}}, c.Security)
	d, err := Load(dir)
	require.NoError(t, err)
	require.Empty(t, d.Notices())
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	first := apply(t, write(t, example), appconfig.New("todo-abcde", "x"))
	dir := filepath.Join(t.TempDir(), "out")
	require.NoError(t, Write(dir, "todo-abcde", first))
	for name, text := range tree(t, dir) {
		require.NotContains(t, text, "My_very_confidential", name)
	}
	require.Equal(t, ordered(t, first), ordered(t, apply(t, dir, first)))
	again := filepath.Join(t.TempDir(), "out")
	require.NoError(t, Write(again, "todo-abcde", apply(t, dir, first)))
	require.Equal(t, tree(t, dir), tree(t, again))
	// All that the example says is in what is written.
	written := tree(t, dir)
	for name, text := range example {
		if strings.HasPrefix(name, "functions/") && strings.HasSuffix(name, ".js") {
			require.Equal(t, text, written[name])
		}
		if strings.HasSuffix(name, "schema.json") || strings.HasSuffix(name, "relationships.json") {
			require.JSONEq(t, text, written[name])
		}
	}

	for _, c := range []*appconfig.Config{appconfig.Default("a"), appconfig.New("a", "b")} {
		clone, err := c.Clone()
		require.NoError(t, err)
		dir := t.TempDir()
		require.NoError(t, Write(dir, "a", clone))
		require.Equal(t, ordered(t, clone), ordered(t, apply(t, dir, clone)))
	}
}

func TestPartitionSyncRoundTrip(t *testing.T) {
	t.Parallel()
	c, err := appconfig.Default("a").Clone()
	require.NoError(t, err)
	c.Services[0].FlexibleSync = nil
	c.Services[0].PartitionSync = json.RawMessage(`{"database_name":"d","state":"enabled"}`)
	dir := t.TempDir()
	require.NoError(t, Write(dir, "a", c))
	require.Equal(t, ordered(t, c), ordered(t, apply(t, dir, c)))
	files := with(map[string]string{"sync/config.json": `{"type":"partition","service_name":"mongodb-atlas","state":"enabled","database_name":"d"}`})
	got := apply(t, write(t, files), appconfig.New("a", "b"))
	require.JSONEq(t, `{"state":"enabled","database_name":"d"}`, string(got.Service("mongodb-atlas").PartitionSync))
}

// What the app has and files don't stays, ids among it.
func TestApplyKeeps(t *testing.T) {
	t.Parallel()
	current := appconfig.New("todo-abcde", "x")
	current.Settings = json.RawMessage(`{"a":1}`)
	current.Sync.SchemaVersion = 3
	current.Secrets = []appconfig.Secret{{ID: appconfig.FixedID("old"), Name: "old", Value: "v"}}
	c := apply(t, write(t, example), current)
	require.Equal(t, current.Provider("api-key").ID, c.Provider("api-key").ID)
	require.Equal(t, "v", c.Secret("old").Value)
	require.Equal(t, 3, c.Sync.SchemaVersion)
	require.JSONEq(t, `{"a":1}`, string(c.Settings))
	require.Equal(t, c, apply(t, write(t, example), c), "twice is once")
}

// An error that knows its line in a source keeps it.
func TestErrorsOfSources(t *testing.T) {
	t.Parallel()
	d, err := Load(write(t, example))
	require.NoError(t, err)
	_, err = d.Apply(appconfig.New(d.ID, "x"))
	require.NoError(t, err)
	require.ErrorContains(t, d.Explain(&appconfig.ValidationError{Path: "functions[0].source", Line: 7, Reason: "no"}), ".js:7: ")
	require.ErrorContains(t, d.Explain(&appconfig.ValidationError{Path: "functions[0].source", Reason: "no"}), ".js:1: ")
}

func TestErrorsNameFileAndLine(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file, text string
		want       string // file:line:
		reason     string
	}{
		"no app":          {"realm_config.json", "", "realm_config.json:", "not the export of an app"},
		"no id":           {"realm_config.json", `{}`, "realm_config.json:1:", "no app_id"},
		"syntax":          {"auth/providers.json", "{\n\"a\": {},\n}", "auth/providers.json:3:", "not JSON"},
		"kind":            {"auth/providers.json", "{\n\"anon-user\": {\n\"disabled\": 7}}", "auth/providers.json:3:", "not of the right kind"},
		"provider":        {"auth/providers.json", "{\n\"anon-user\": {\"type\": \"anon-user\"},\n\"ldap\": {\n\"name\": \"x\",\n\"type\": \"ldap\"}}", "auth/providers.json:5:", `"ldap"`},
		"origin":          {"realm_config.json", "{\"app_id\": \"a\", \"security\": {\n\"allowed_request_origins\": [\n\"example.com\"]}}", "realm_config.json:3:", "an origin like"},
		"origin outside":  {"realm_config.json", "{\"app_id\": \"a\",\n\"allowed_request_origins\": [\"https://a.example\",\n\n\"example.com\"]}", "realm_config.json:4:", "an origin like"},
		"environment":     {"realm_config.json", "{\"app_id\": \"a\",\n\"environment\": \"x\"}", "realm_config.json:2:", "must be one of"},
		"no source":       {"functions/sum.js", "", "functions/config.json:1:", "functions/sum.js"},
		"outside":         {"functions/config.json", "[\n{\"name\": \"../../etc/passwd\"}]", "functions/config.json:2:", "can't be the name"},
		"absolute":        {"functions/config.json", `[{"name": "/etc/passwd"}]`, "functions/config.json:1:", "can't be the name"},
		"can evaluate":    {"functions/config.json", "[{\"name\": \"sum\"},\n{\"name\": \"util/greet\",\n\"can_evaluate\": 7}]", "functions/config.json:3:", "not 7"},
		"run as a user":   {"functions/config.json", "[{\"name\": \"sum\", \"run_as_user_id\": \"\", \"run_as_user_id_script_source\": \"\"},\n{\"name\": \"util/greet\", \"run_as_user_id\": \"5e43ddcc636ee106eaa12bda\"}]", "functions/config.json:2:", "run_as_user_id"},
		"run as a script": {"functions/config.json", "[{\"name\": \"sum\", \"run_as_user_id_script_source\": \"x\"}]", "functions/config.json:1:", "run_as_user_id"},
		"value":           {"values/hidden.json", "{\"from_secret\": true,\n\"value\": \"none\"}", "values/hidden.json:2:", "none"},
		"rule":            {"data_sources/mongodb-atlas/todo/Item/rules.json", "{\"roles\": [\n{\"name\": \"a\"},\n{\"name\": \"b\",\n\"read\": \"yes\"}]}", "data_sources/mongodb-atlas/todo/Item/rules.json:4:", "true, false or an object"},
		"rule's place":    {"data_sources/mongodb-atlas/todo/Item/rules.json", "{\n\"database\": \"other\"}", "data_sources/mongodb-atlas/todo/Item/rules.json:2:", "directory"},
		"default rule":    {"data_sources/mongodb-atlas/default_rule.json", "{\"roles\": [\n{\"apply_when\": {}}]}", "data_sources/mongodb-atlas/default_rule.json:2:", "text"},
		"schema":          {"data_sources/mongodb-atlas/todo/Item/schema.json", "{\"properties\": {\n\"a\": {\n\"bsonType\": \"lung\"}}}", "data_sources/mongodb-atlas/todo/Item/schema.json:3:", `"lung"`},
		"relationship":    {"data_sources/mongodb-atlas/todo/Item/relationships.json", "{\n\"parent\": {\"ref\": \"x\"}}", "data_sources/mongodb-atlas/todo/Item/relationships.json:2:", `"x"`},
		"sync's state":    {"sync/config.json", "{\"service_name\": \"mongodb-atlas\",\n\"state\": \"on\"}", "sync/config.json:2:", "enabled"},
		"sync's source":   {"sync/config.json", "{\n\"service_name\": \"x\"}", "sync/config.json:2:", `"x"`},
		"sync's type":     {"sync/config.json", "{\"service_name\": \"mongodb-atlas\",\n\"type\": \"x\"}", "sync/config.json:2:", "flexible"},
		"custom data":     {"auth/custom_user_data.json", "{\"enabled\": true,\n\"mongo_service_name\": \"x\"}", "auth/custom_user_data.json:2:", `"x"`},
		"missing secret":  {"secrets.json", "", "values/hidden.json:1:", `"key"`},
		"not UTF-8":       {"functions/sum.js", "a\nb\n\xff", "functions/sum.js:3:", "UTF-8"},
		"too large":       {"functions/sum.js", strings.Repeat(" ", maxFile+1), "functions/sum.js:", "more than"},
		"half written":    {"data_sources/mongodb-atlas/todo/Item/rules.json", "{\"roles\": [\n{\"name\":", "data_sources/mongodb-atlas/todo/Item/rules.json:2:", "not JSON"},
		"truncated":       {"data_sources/mongodb-atlas/todo/Item/rules.json", " ", "data_sources/mongodb-atlas/todo/Item/rules.json:1:", "not JSON"},
		"empty source":    {"functions/sum.js", "\n", "functions/sum.js:1:", "empty"},
		"twice":           {"sync/config.json", "{\"type\": \"flexible\",\n\"state\": \"enabled\",\n\"state\": \"disabled\"}", "sync/config.json:3:", `"state" is there twice`},
		"twice inside":    {"auth/providers.json", "{\"anon-user\": {\"type\": \"anon-user\", \"config\": {\"a\": [{\"b\": 1}, {\"b\": 1,\n\"b\": {}}]}}}", "auth/providers.json:2:", `"b" is there twice`},
		"source's length": {"functions/sum.js", strings.Repeat("1", 1<<20+1), "functions/sum.js:1:", "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := Load(write(t, with(map[string]string{test.file: test.text})))
			if err == nil {
				var c *appconfig.Config
				c, err = d.Apply(appconfig.New(d.ID, "x"))
				require.NoError(t, err)
				err = d.Explain(c.Validate())
			}
			var v *appconfig.ValidationError
			require.ErrorAs(t, err, &v)
			require.True(t, strings.HasPrefix(err.Error(), test.want), "%s", err)
			require.Contains(t, err.Error(), test.reason)
		})
	}
}

// What is not taken over is told, and nothing else is; it doesn't keep the rest from being taken.
func TestNotices(t *testing.T) {
	t.Parallel()
	told := func(files map[string]string) map[string]string {
		t.Helper()
		d, err := Load(write(t, files))
		require.NoError(t, err)
		out := map[string]string{}
		for _, n := range d.Notices() {
			require.NotContains(t, out, n.File)
			out[n.File] = n.Reason
		}
		return out
	}
	quiet := with(map[string]string{"services/push/config.json": "", "triggers/x.json": "", "functions/README.txt": "", "http_endpoints/config.json": "[]", "http_endpoints/data_api_config.json": `{"disabled": true}`,
		"functions/config.json": `[{"name": "sum", "disable_arg_logs": true}, {"name": "util/greet"}]`, "data_sources/.keep": " ", "values/.#limit.json": "{", ".git/config": "x"})
	require.Empty(t, told(quiet), "these say nothing")
	require.Equal(t, map[string]string{
		"triggers":                  "triggers are not run (a.json and 1 more)",
		"hosting":                   "static files are not hosted (files)",
		"http_endpoints":            "HTTPS endpoints are not served (config.json)",
		"graphql":                   "GraphQL is not served (custom_resolvers)",
		"log_forwarders":            "logs are not forwarded (a.json)",
		"functions/package.json":    packages,
		"functions/node_modules":    packages + " (x)",
		"functions/lost.js":         "functions/config.json doesn't list it",
		"services/push/config.json": `services of type "gcm" are kept, and not used`,
		"functions/README.txt":      "nothing of this server reads such a file",
		"data_sources/mongodb-atlas/todo/Item/rule.json":  "nothing of this server reads such a file",
		"data_sources/mongodb-atlas/todo/Item/rules.json": `the member "aply_when" is not known, and is dropped`,
		"realm_config.json": `the member "hosting_enabled" is not known, and is dropped`,
	}, told(with(map[string]string{
		"triggers/x.json": "", "triggers/a.json": "{\"name\":1}", "triggers/b.json": "x", "hosting/files/index.html": "<p>", "hosting/metadata.json": "[ ]",
		"http_endpoints/config.json": `[{"route": "/x"}]`, "graphql/custom_resolvers/a.json": "{}", "log_forwarders/a.json": `{"name": "a"}`,
		"functions/package.json": "{}", "functions/node_modules/x/index.js": "1", "functions/lost.js": "exports = 1", "functions/README.txt": "x",
		"data_sources/mongodb-atlas/todo/Item/rule.json":  "{}",
		"data_sources/mongodb-atlas/todo/Item/rules.json": `{"roles": [{"name": "a", "aply_when": false, "read": true}]}`,
		"realm_config.json": `{"app_id": "todo-abcde", "name": "todo", "hosting_enabled": true}`,
	})))

	many := with(nil)
	for i := range maxNotices + 5 {
		many[fmt.Sprintf("values/x/%d.txt", i)] = "x"
	}
	d, err := Load(write(t, many))
	require.NoError(t, err)
	require.Len(t, d.Notices(), maxNotices+1)
	require.Equal(t, "there are 8 more files like these", d.Notices()[maxNotices].Reason)
}

// Exports of the layout before 2021 are read, with their lines.
func TestOlderLayout(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"stitch.json": `{"app_id": "old-abcde", "config_version": 20180301, "name": "old", "location": "US-VA", "security": {}, "deployment_model": "GLOBAL",
			"custom_user_data_config": {"enabled": true, "mongo_service_name": "mongodb-atlas", "database_name": "d", "collection_name": "Users", "user_id_field": "id"},
			"sync": {"development_mode_enabled": true}}`,
		"auth_providers/anon-user.json": `{"id": "5f0000000000000000000001", "name": "anon-user", "type": "anon-user", "disabled": false}`,
		"functions/sum/config.json":     `{"id": "5f0000000000000000000002", "name": "sum", "private": true, "can_evaluate": {}}`,
		"functions/sum/source.js":       "exports = (a, b) => a + b;",
		"values/limit.json":             `{"id": "5f0000000000000000000003", "name": "limit", "value": 3, "from_secret": false}`,
		"secrets.json":                  `{"services": {"http": {}}}`,
		"services/mongodb-atlas/config.json": `{"id": "5f0000000000000000000004", "name": "mongodb-atlas", "type": "mongodb-atlas", "version": 1,
			"config": {"clusterName": "Cluster0", "readPreference": "primary", "sync": {"state": "enabled", "database_name": "d", "partition": {"key": "p"}}}}`,
		"services/mongodb-atlas/rules/d.Item.json": `{"id": "5f0000000000000000000005", "database": "d", "collection": "Item", "filters": [],
			"roles": [{"name": "all", "apply_when": {}, "read": true, "write": true, "insert": true, "delete": true, "search": true, "additional_fields": {}, "fields": {}}],
			"schema": {"title": "Item", "properties": {"_id": {"bsonType": "long"}}}, "relationships": {}}`,
		"services/http/config.json":  `{"id": "5f0000000000000000000006", "name": "http", "type": "http", "config": {}}`,
		"services/http/rules/a.json": `{"name": "a"}`,
	}
	dir := write(t, files)
	c := apply(t, dir, appconfig.New("old-abcde", "x"))
	require.Equal(t, "exports = (a, b) => a + b;", c.Function("sum").Source)
	require.True(t, c.Function("sum").Private)
	require.NotNil(t, c.Provider("anon-user"))
	require.Equal(t, "Users", c.CustomUserData.CollectionName)
	require.True(t, c.Sync.DevelopmentMode)
	s := c.Service("mongodb-atlas")
	require.Equal(t, "all", s.Rules[0].Roles[0].Name)
	require.Contains(t, string(s.PartitionSync), "partition")
	require.Equal(t, appconfig.Metadata{DataSource: "mongodb-atlas", Database: "d", Collection: "Item"}, c.Schemas[0].Metadata)
	d, err := Load(dir)
	require.NoError(t, err)
	var told []string
	for _, n := range d.Notices() {
		told = append(told, n.File)
	}
	require.Equal(t, []string{"secrets.json", "services/http/config.json", "services/mongodb-atlas/config.json", "services/http/rules/a.json"}, told)

	files["services/mongodb-atlas/rules/d.Item.json"] = "{\"database\": \"d\", \"collection\": \"Item\",\n\"roles\": [\n{\"name\": \"a\", \"read\": 7}]}"
	d, err = Load(write(t, files))
	require.NoError(t, err)
	c, err = d.Apply(appconfig.New("old-abcde", "x"))
	require.NoError(t, err)
	require.ErrorContains(t, d.Explain(c.Validate()), "services/mongodb-atlas/rules/d.Item.json:3:")
}

// The locks of an editor are links to nothing; they are not looked at.
func TestEditorsLocks(t *testing.T) {
	t.Parallel()
	dir := write(t, example)
	for _, at := range []string{"values/.#limit.json", "environments/.#qa.json", "data_sources/.#x", "data_sources/mongodb-atlas/todo/Item/.#schema.json", "functions/.#sum.js"} {
		require.NoError(t, os.Symlink("me@here.1234:5678", filepath.Join(dir, at)))
	}
	require.Len(t, apply(t, dir, appconfig.New("a", "b")).Values, 2)
}

// Windows wrote it: a mark at the beginning, and two characters at the end of each line.
func TestWindowsFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for name, text := range example {
		files[name] = "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n")
	}
	plain, windows := apply(t, write(t, example), appconfig.New("a", "b")), apply(t, write(t, files), appconfig.New("a", "b"))
	for i := range windows.Functions {
		windows.Functions[i].Source = strings.ReplaceAll(windows.Functions[i].Source, "\r\n", "\n")
	}
	require.JSONEq(t, asJSON(t, plain), asJSON(t, windows))
}

func asJSON(t *testing.T, c *appconfig.Config) string {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	return string(text)
}

// Links that lead out of the directory are refused, those that stay are followed.
func TestLinks(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.MkdirAll(filepath.Join(outside, "todo", "Item"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "sum.js"), []byte("exports = 1"), 0o600))
	for name, link := range map[string][2]string{
		"file":      {"functions/sum.js", filepath.Join(outside, "sum.js")},
		"relative":  {"functions/sum.js", "../../../../../../../../../../../../etc/hostname"},
		"directory": {"data_sources/other", outside},
		"values":    {"values", outside},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, example)
			path := filepath.Join(dir, link[0])
			require.NoError(t, os.RemoveAll(path))
			require.NoError(t, os.Symlink(link[1], path))
			_, err := Load(dir)
			require.ErrorContains(t, err, "escapes")
		})
	}
	dir := write(t, example)
	require.NoError(t, os.Rename(filepath.Join(dir, "functions/sum.js"), filepath.Join(dir, "functions/real.js")))
	require.NoError(t, os.Symlink("real.js", filepath.Join(dir, "functions/sum.js")))
	require.Contains(t, apply(t, dir, appconfig.New("a", "b")).Function("sum").Source, "reduce")
	require.NoError(t, os.Remove(filepath.Join(dir, "functions/sum.js")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "functions/sum.js"), 0o700))
	_, err := Load(dir)
	require.ErrorContains(t, err, "not a file")
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "x"), nil, 0o600))
	require.ErrorContains(t, Write(full, "a", appconfig.Default("a")), "not empty")
	for _, bad := range []string{"..", "a/b", `a\b`, ""} {
		c := appconfig.Default("a")
		c.Services[0].Rules = []appconfig.CollectionRule{{Database: "d", Collection: bad}}
		dir := t.TempDir()
		require.ErrorContains(t, Write(dir, "a", c), "name of a file")
		_, err := Load(dir)
		require.ErrorContains(t, err, "this is not the export of an app", "half of it is none")
	}
}

// Files don't undo what devices have brought in development mode; outside of it, what they take away makes the next schema version. What can't be a
// class is told with its file and line.
func TestSchemasOfFiles(t *testing.T) {
	const item = "data_sources/mongodb-atlas/todo/Item/schema.json"
	dir := write(t, example)
	c := apply(t, dir, appconfig.Default("todo-abcde"))
	require.Zero(t, c.Sync.SchemaVersion)
	grown, err := c.Clone()
	require.NoError(t, err)
	grown.Schemas[0].Schema = json.RawMessage(strings.Replace(string(c.Schemas[0].Schema), `"owner_id":`, `"extra":{"bsonType":"long"},"owner_id":`, 1))
	grown.Schemas = append(grown.Schemas, appconfig.Schema{ID: appconfig.FixedID("todo-abcde", "schema", "mongodb-atlas", "todo", "Cat"),
		Metadata: appconfig.Metadata{DataSource: "mongodb-atlas", Database: "todo", Collection: "Cat"}, Schema: json.RawMessage(`{"title":"Cat","properties":{"_id":{"bsonType":"long"}}}`)})
	require.NoError(t, grown.Validate())
	again := apply(t, dir, grown)
	require.Len(t, again.Schemas, 2)
	require.Contains(t, string(again.Schemas[0].Schema), `"extra":{"bsonType":"long"}`)
	require.Equal(t, grown.Schemas[1].ID, again.Schemas[1].ID)
	require.Zero(t, again.Sync.SchemaVersion)
	require.Equal(t, again, apply(t, dir, again), "nothing changes any more")

	sync := strings.Replace(example["sync/config.json"], `"development_mode_enabled": true`, `"development_mode_enabled": false`, 1)
	fixed := apply(t, write(t, with(map[string]string{"sync/config.json": sync})), again)
	require.Len(t, fixed.Schemas, 1)
	require.Equal(t, 1, fixed.Sync.SchemaVersion)
	require.Equal(t, 1, apply(t, write(t, with(map[string]string{"sync/config.json": sync})), fixed).Sync.SchemaVersion)

	d, err := Load(write(t, with(map[string]string{item: "{\n\"title\": \"Item\",\n\"properties\": {\n\"_id\": {\"bsonType\": \"objectId\"},\n\"parent\": {\"bsonType\": \"long\"}}}"})))
	require.NoError(t, err)
	c, err = d.Apply(appconfig.Default("todo-abcde"))
	require.NoError(t, err)
	_, err = jsonschema.Of(c)
	require.ErrorContains(t, d.Explain(err), item+":5: schemas[0].schema.properties.parent.bsonType: it links to objects of class \"Item\", whose primary key is of type objectId")
}
